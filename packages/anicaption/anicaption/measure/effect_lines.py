"""vfx.lines: streaks that run one way (speed) or to one spot (focus, burst), read from straight edges that are new.

Straight edges are those whose neighbours have the same direction (structure tensor). In a picture with speed lines most
of them share one direction; with focus lines most of them, away from the middle, point at one spot. Buildings and
horizons have straight edges too, but those stay what they are: effect lines are drawn anew every few frames, so only
edges that were not there a few frames before have a say.
"""

from __future__ import annotations

import math
from array import array
from collections import deque

import cv2
import numpy as np

from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Event, Tracks

NAME, VERSION = "effect_lines", "2"
FIELD = "vfx.lines"
COLUMNS = ("lines_parallel", "lines_radial", "lines_edges")
PERIOD_FRAMES = 3  # from one look to the next
_BACK_LOOKS = 2  # looks before that an edge must be new against
_ROWS_PX = 90
_EDGE = 22.0  # gradient of an edge, grey levels per pixel, times four
_STRAIGHT = 0.82  # coherence of the structure tensor over which an edge is straight
_NEW = 20  # grey levels by which a spot must have changed
_MOST_EDGES = 900
_NEAR_DEG = 5.0
_LEAST_EDGES = 0.008  # share of the picture under which there is nothing to tell
_FAR = 0.28  # picture heights from a point within which edges do not vote for it
_IN_SECTOR, _SECTORS, _MOST_HALF = 0.01, 4, 0.9  # share in a sector that counts; so many; most in half the circle
PARALLEL, RADIAL, BURST = 0.62, 0.17, 0.42  # shares of the new straight edges: speed lines, focus lines, a burst
PARALLEL_EDGES, RADIAL_EDGES = 0.09, 0.06  # shares of the picture that such edges are
_SPEED_SURE = (
    0.55,
    0.034,
)  # (share one way - first) x edges of a run, at least the second: a pan over a horizon has less
_FOCUS_SURE = 0.45, 0.019  # (first - share one way) x edges, likewise
_GAP_LOOKS = 3  # looks without lines that a span may bridge
_LEAST_LOOKS = 3


class LinesWatch:
    """The streaming half: per look, how much of the new straight edges runs one way, and how much to one point."""

    def __init__(self) -> None:
        self._rows: list[array] = [array("f") for _ in COLUMNS]
        self._seen = 0
        self._before: deque[np.ndarray] = deque(maxlen=_BACK_LOOKS)
        self._targets: np.ndarray | None = None

    def see(self, rgb: np.ndarray) -> None:
        """RGB uint8 (H, W, 3)."""
        numbers = (math.nan,) * len(COLUMNS)
        if self._seen % PERIOD_FRAMES == 0:
            height, width = rgb.shape[:2]
            size = (round(width * _ROWS_PX / height), _ROWS_PX)
            grey = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
            numbers = self._look(grey)
            self._before.append(grey)
        self._seen += 1
        for row, number in zip(self._rows, numbers, strict=True):
            row.append(number)

    def _look(self, grey: np.ndarray) -> tuple[float, float, float]:
        if not self._before:
            return math.nan, math.nan, math.nan
        new = np.minimum.reduce([cv2.absdiff(grey, before) for before in self._before]) > _NEW
        if new.mean() < _LEAST_EDGES:
            return 0.0, 0.0, 0.0
        new = cv2.dilate(new.astype(np.uint8), np.ones((3, 3), np.uint8))
        dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
        xx, xy, yy = (cv2.blur(product, (5, 5)) for product in (dx * dx, dx * dy, dy * dy))
        size = xx + yy
        straight = np.sqrt(np.square(xx - yy) + 4 * xy * xy) > _STRAIGHT * size
        edges = (dx * dx + dy * dy > 16 * _EDGE**2) & straight & (new > 0)
        share = float(edges.mean())
        if share < _LEAST_EDGES:
            return 0.0, 0.0, share
        rows, columns = np.nonzero(edges)
        step = max(1, len(rows) // _MOST_EDGES)
        rows, columns = rows[::step], columns[::step]
        angle = 0.5 * np.arctan2(2 * xy[rows, columns], (xx - yy)[rows, columns]) + np.pi / 2  # along the edge
        return _parallel(angle), self._radial(angle, columns, rows, grey.shape), share

    def _radial(self, angle: np.ndarray, columns: np.ndarray, rows: np.ndarray, shape: tuple[int, ...]) -> float:
        """Share of the edges that point at one spot, the best of a grid of spots, and from all around it."""
        height, width = shape
        if self._targets is None:
            x, y = np.meshgrid(np.linspace(0.2, 0.8, 9) * width, np.linspace(0.15, 0.85, 7) * height)
            self._targets = np.stack([x.ravel(), y.ravel()], 1)
        away_x = (columns[None] - self._targets[:, :1]).astype(np.float32)
        away_y = (rows[None] - self._targets[:, 1:]).astype(np.float32)
        square = away_x * away_x + away_y * away_y
        far = square > (_FAR * height) ** 2
        off = away_x * np.sin(angle)[None] - away_y * np.cos(angle)[None]
        points = (off * off < math.sin(math.radians(_NEAR_DEG)) ** 2 * square) & far
        shares = points.sum(1) / np.maximum(far.sum(1), 40)
        best = int(shares.argmax())
        around = np.arctan2(away_y[best], away_x[best])[points[best]]
        sectors = np.bincount(((around / np.pi + 1) * 4).astype(int) % 8, minlength=8)
        return float(shares[best]) if _surround(sectors / max(1, len(around))) else 0.0

    def columns(self) -> dict[str, np.ndarray]:
        return {name: np.array(row, np.float32) for name, row in zip(COLUMNS, self._rows, strict=True)}

    def events(self) -> tuple[Event, ...]:
        return ()


def _surround(sectors: np.ndarray) -> bool:
    """Whether edges lie all around a spot, or at least on both sides of it: lines at the left and right of a wide
    picture point at its middle too. `sectors` are their shares in eighths of the circle."""
    half = max(float(np.roll(sectors, k)[:4].sum()) for k in range(8))
    return bool((sectors > _IN_SECTOR).sum() >= _SECTORS and half < _MOST_HALF)


def _parallel(angle: np.ndarray) -> float:
    """Share of directions within a few degrees of the commonest."""
    bins = np.bincount((np.degrees(angle) % 180 / 5).astype(int) % 36, minlength=36)
    return float((bins + np.roll(bins, 1) + np.roll(bins, -1)).max() / len(angle))


def runs(hot: np.ndarray, looked: np.ndarray) -> list[tuple[int, int]]:
    """Frames [start, end) of runs of looks that are hot, with few that are not between them. Pure."""
    looks = np.flatnonzero(looked)
    found: list[list[int]] = []
    for number, frame in enumerate(looks.tolist()):
        if hot[frame]:
            if found and number - found[-1][2] <= _GAP_LOOKS:
                found[-1][1:] = [frame + 1, number, found[-1][3] + 1]
            else:
                found.append([frame, frame + 1, number, 1])
    # Between a look with lines and one without they began or ended somewhere: in the middle, or at the shot's edge.
    half, n_frames = PERIOD_FRAMES // 2, len(hot)
    found = [[start, end, 0, n] for start, end, _, n in found if n >= _LEAST_LOOKS]
    return [
        (start - half if start > PERIOD_FRAMES else 0, end + half if end + PERIOD_FRAMES < n_frames else n_frames)
        for start, end, _, _ in found
    ]


def read_lines(tracks: Tracks) -> dict[str, Variable]:
    """vfx.lines with its frames: speed lines, focus lines and bursts; what other lines there are nobody measures."""
    parallel, radial = tracks["lines_parallel"].astype(float), tracks["lines_radial"].astype(float)
    looked = np.isfinite(parallel)
    if looked.sum() < _LEAST_LOOKS:
        return {FIELD: abstain(FIELD, f"lines were looked for in {int(looked.sum())} frames only")}
    radial, parallel, edges = np.nan_to_num(radial), np.nan_to_num(parallel), np.nan_to_num(tracks["lines_edges"])
    found: dict[str, list[tuple[int, int]]] = {"speed": [], "focus": [], "burst": []}
    for start, end in runs((radial >= RADIAL) & (parallel < PARALLEL) & (edges >= RADIAL_EDGES), looked):
        way, spot, much = (float(np.median(x[start:end][looked[start:end]])) for x in (parallel, radial, edges))
        if (_FOCUS_SURE[0] - way) * much >= _FOCUS_SURE[1]:
            found["burst" if spot >= BURST else "focus"].append((start, end))
    for start, end in runs((parallel >= PARALLEL) & (edges >= PARALLEL_EDGES), looked):
        way, much = (float(np.median(x[start:end][looked[start:end]])) for x in (parallel, edges))
        if (way - _SPEED_SURE[0]) * much >= _SPEED_SURE[1]:
            found["speed"].append((start, end))
    spans = [Span(value=value, start=start, end=end) for value, ends in found.items() for start, end in ends]
    numbers = {"parallel": float(np.median(parallel[looked])), "radial": float(np.median(radial[looked]))}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    values = tuple(value for value, ends in found.items() if ends)
    if not values:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.7}, evidence)}
    return {FIELD: measured(FIELD, values, dict.fromkeys(values, 0.75), evidence, spans)}
