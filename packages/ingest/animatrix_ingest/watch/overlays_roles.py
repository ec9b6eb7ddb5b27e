"""What a line of lettering is for: subtitle, logo, staff roll, title card, drawn sound, or a sign in the scene. Pure.

Rules on place, size, stay and company, over the rows of OverlayWatch; motion first. Where the camera moves, lettering
that stands in the frame was laid over the film and lettering that goes with the background is a sign; that is the
surest evidence there is. Without a move of the camera, place and company must do, and the score says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from anicaption.tracks import Tracks

from animatrix_ingest.watch.overlays import LOGO

ROLES = ("subtitle", "logo", "credits", "title", "onomatopoeia", "sign", "unknown")
SCORES: dict[str, str] = {
    "text_coverage": "share of the frame under lettering, mean over the shot's frames, 0..1",
    "subtitle_coverage": "likewise, subtitles only",
    "logo_coverage": "likewise, station logos only",
    "credits_coverage": "likewise, staff rolls only",
    "title_coverage": "likewise, title cards and eyecatches only",
}
LOOK_FRAMES = 12  # from one look to the next: how far a span may reach beyond its looks

_LEAST_SCORE = 0.4  # of a finding that counts in a coverage
_STILL = 0.012  # of the frame height, how far lettering that stands may be found from where it was
_CAMERA = 0.03  # of the frame height, the least camera move that tells a sign from what lies over it
_WITH = 0.35  # share of the camera's way by which a sign may miss it
_STACK = 4  # lines at one time that make a roll
_LOW, _TOP = 0.74, 0.2  # a subtitle's middle is under or over this
_CENTRED = 0.06  # of the width
_SMALL, _LARGE, _HUGE = 0.085, 0.062, 0.115  # heights of lines, / frame height: subtitle at most, title, drawn sound
_PAINTED = 50  # spread of R, G, B in coloured letters
_CORNER = (0.3, 0.24)  # how far a corner reaches, / width and height
_ONCE = 0.6  # times the score of what one look alone has shown

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Finding:
    """Lettering in the frames [start_frame, end_frame); the box is in shares of the frame, where it stood longest."""

    x0: float
    y0: float
    x1: float
    y1: float
    start_frame: int
    end_frame: int
    role: str
    score: float

    def to_json(self) -> dict[str, Any]:
        box = [round(x, 4) for x in (self.x0, self.y0, self.x1, self.y1)]
        span = {"start_frame": self.start_frame, "end_frame": self.end_frame}
        return {"box": box, **span, "role": self.role, "score": round(self.score, 3)}


@dataclass(frozen=True)
class _Line:
    """A row of the table."""

    start: int
    end: int
    looks: int
    scenes: int
    score: float
    chroma: float
    first: tuple[float, float, float, float]
    last: tuple[float, float, float, float]

    @property
    def x(self) -> float:
        return (self.first[0] + self.first[2]) / 2

    @property
    def y(self) -> float:
        return (self.first[1] + self.first[3]) / 2

    @property
    def wide(self) -> float:
        return self.first[2] - self.first[0]

    @property
    def high(self) -> float:
        return self.first[3] - self.first[1]

    def moved(self, aspect: float) -> tuple[float, float]:
        """How far the middle of the box went, / frame height."""
        dx = (self.last[0] + self.last[2] - self.first[0] - self.first[2]) / 2
        return dx * aspect, (self.last[1] + self.last[3] - self.first[1] - self.first[3]) / 2


def findings(columns: Columns, tracks: Tracks) -> list[Finding]:
    """All lettering of a source with its roles, in order of time. `tracks` are those of the same frames."""
    lines, logos = _rows(columns)
    aspect = tracks.width_px / tracks.height_px
    found = []
    for line in lines:
        if line.looks == 1 and line.score < 0.85:
            continue
        role, sure = _role(line, lines, logos, tracks, aspect)
        score = line.score * sure * (_ONCE if line.looks == 1 and role != "credits" else 1.0)
        start = max(0, line.start - LOOK_FRAMES // 2)
        end = min(tracks.n_frames, line.end + LOOK_FRAMES // 2)
        found.append(Finding(*line.first, start, end, role, score))
    found += [Finding(*logo.first, logo.start, logo.end, "logo", logo.score) for logo in logos]
    return sorted(found, key=lambda f: (f.start_frame, f.y0, f.x0))


def overlay_scores(found: Sequence[Finding], start_frame: int, end_frame: int) -> dict[str, float | None]:
    """How much of the shot [start_frame, end_frame) lies under lettering."""
    if end_frame <= start_frame:
        return dict.fromkeys(SCORES)
    covered = dict.fromkeys(SCORES, 0.0)
    counted: list[Finding] = []
    inside = [f for f in found if f.score >= _LEAST_SCORE and f.start_frame < end_frame and f.end_frame > start_frame]
    for f in sorted(inside, key=lambda f: f.start_frame - f.end_frame):
        first, last = max(start_frame, f.start_frame), min(end_frame, f.end_frame)
        twice = max((min(last, g.end_frame) - max(first, g.start_frame) for g in counted if _on(f, g)), default=0)
        area = (f.x1 - f.x0) * (f.y1 - f.y0) * (last - first - max(0, twice)) / (end_frame - start_frame)
        counted.append(f)
        for name in ("text_coverage", f"{f.role}_coverage"):
            if name in covered:
                covered[name] += area
    return {name: min(1.0, value) for name, value in covered.items()}


def overlay_boxes(found: Sequence[Finding], start_frame: int, end_frame: int) -> list[dict[str, Any]]:
    """The findings in a shot as JSON; frames are of the source."""
    return [f.to_json() for f in found if f.start_frame < end_frame and f.end_frame > start_frame]


def _on(f: Finding, other: Finding) -> bool:
    """Whether two findings are mostly of one place: the same lettering, found twice."""
    wide, high = min(f.x1, other.x1) - max(f.x0, other.x0), min(f.y1, other.y1) - max(f.y0, other.y0)
    return wide > 0 and high > 0 and wide * high > 0.5 * (f.x1 - f.x0) * (f.y1 - f.y0)


def _rows(columns: Columns) -> tuple[list[_Line], list[_Line]]:
    lines: list[_Line] = []
    logos: list[_Line] = []
    names = ("x0", "y0", "x1", "y1")
    for i in range(len(columns["start"])):
        row = {name: float(column[i]) for name, column in columns.items()}
        first, last = (tuple(row[prefix + name] for name in names) for prefix in ("", "last_"))
        line = _Line(
            int(row["start"]), int(row["end"]), int(row["looks"]), int(row["scenes"]), row["score"], row["chroma"],
            (first[0], first[1], first[2], first[3]), (last[0], last[1], last[2], last[3]),
        )  # fmt: skip
        (logos if row["kind"] == LOGO else lines).append(line)
    return lines, logos


def _role(
    line: _Line, lines: Sequence[_Line], logos: Sequence[_Line], tracks: Tracks, aspect: float
) -> tuple[str, float]:
    """The role and how sure the rules are of it, 0..1."""
    if any(_at_logo(line, logo) for logo in logos):
        return "logo", 1.0
    if len(_stack(line, lines)) >= _STACK:
        return "credits", 0.9
    dx, dy = line.moved(aspect)
    way_x, way_y = _camera_way(tracks, line, aspect)
    moved, way = math.hypot(dx, dy), math.hypot(way_x, way_y)
    still = moved < _STILL
    if way >= _CAMERA and not still and math.hypot(dx - way_x, dy - way_y) < _WITH * way:
        return "sign", 0.9
    if not still:
        return ("credits", 0.5) if abs(dy) > 3 * abs(dx) and line.high < _SMALL else _drawn(line)
    over = 1.0 if way >= _CAMERA else 0.8  # it stands while the picture moves
    if line.high < _SMALL and abs(line.x - 0.5) < _CENTRED and (line.y > _LOW or line.y < _TOP):
        return "subtitle", over
    corner = abs(line.x - 0.5) > 0.5 - _CORNER[0] and abs(line.y - 0.5) > 0.5 - _CORNER[1]
    if corner and line.wide < _CORNER[0] and line.high < _SMALL and line.scenes >= 3:
        return "logo", 0.8
    if line.high >= _HUGE and line.chroma > _PAINTED:
        return _drawn(line)
    if line.high >= _LARGE and way < _CAMERA and line.looks == 1:
        return _drawn(line)
    if line.high >= _LARGE or _under_title(line, lines):
        return "title", 0.9 * over
    if corner and line.wide < _CORNER[0] and line.high < _SMALL:
        return "logo", 0.5 * over
    return ("sign", 0.5) if way < _CAMERA else ("unknown", 0.5)


def _drawn(line: _Line) -> tuple[str, float]:
    if line.high < _LARGE:
        return "unknown", 0.5
    return "onomatopoeia", 0.8 if line.chroma > _PAINTED and line.score > 0.9 else 0.45


def _at_logo(line: _Line, logo: _Line) -> bool:
    wide = min(line.first[2], logo.first[2]) - max(line.first[0], logo.first[0])
    high = min(line.first[3], logo.first[3]) - max(line.first[1], logo.first[1])
    return wide > 0 and high > 0 and wide * high > 0.5 * min(line.wide * line.high, logo.wide * logo.high)


def _stack(line: _Line, lines: Sequence[_Line]) -> list[_Line]:
    """Small lines at one time over or under one another: centred on one axis, or beginning at one edge."""
    if line.high >= _SMALL:
        return []
    return [
        other
        for other in lines
        if other.start < line.end and other.end > line.start and other.high < _SMALL
        and 0.6 < other.high / line.high < 1.7
        and (abs(other.x - line.x) < _CENTRED or abs(other.first[0] - line.first[0]) < 0.02)
    ]  # fmt: skip


def _under_title(line: _Line, lines: Sequence[_Line]) -> bool:
    """Whether a line stands right under or over a large one of the same time."""
    return any(
        other.high >= _LARGE and other.start < line.end and other.end > line.start
        and abs(other.y - line.y) < 2.5 * other.high and abs(other.x - line.x) < max(other.wide, line.wide)
        for other in lines
    )  # fmt: skip


def _camera_way(tracks: Tracks, line: _Line, aspect: float) -> tuple[float, float]:
    """Where the camera's motion takes a spot of the background between the line's first and last look, / height."""
    steps = slice(line.start + 1, line.end)
    way = [np.nan_to_num(tracks[name][steps]).sum() for name in ("camera_x", "camera_y", "camera_zoom")]
    grown = math.exp(float(way[2])) - 1
    return float(-way[0] + grown * (line.x - 0.5)) * aspect, float(-way[1] + grown * (line.y - 0.5))
