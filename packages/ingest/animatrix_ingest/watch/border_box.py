"""The border box: where the picture is within the frame, exact to a source pixel. A crop to record, never a rejection.

Pure, over the rows of BorderWatch. A stretch is believed by itself where both opposite edges show plainly and evenly.
What one stretch alone cannot prove (a bar on one side, bars of a colour, blurred bars, overscan) holds where three
agree. A stretch too dark to show its edge takes the box of the nearest one that contradicts nothing it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from animatrix_ingest.watch.border import FIRM, MOST_REACH

SCORES: dict[str, str] = {
    "crop_x0": "left edge of the picture within the frame, share of the frame's width",
    "crop_y0": "top edge, share of the frame's height",
    "crop_x1": "right edge, share of the frame's width",
    "crop_y1": "bottom edge, share of the frame's height",
    "border_doubt": "0: every edge was seen plainly; 0.3: taken from a neighbour; 1: nothing showed where it ends",
}
KINDS = ("none", "sliver", "black", "coloured", "blurred")
"""What lies beside the picture: nothing; a few lines of overscan; bars: black, of one colour, the picture blurred."""

_BLACK = 24  # level under which a bar is black
_LEVELS = 8  # grey levels by which opposite bars of one colour may differ
_SLIVER = 0.02  # share of the side up to which a bar is overscan
_EVEN = 0.02  # share of the side by which two opposite bars may differ
_ALIKE = 3  # stretches that must agree where one alone does not convince
_SHARE = {"blurred": 0.3}  # share of the stretches around that must; half for the other kinds
_AROUND = 6  # stretches before and after that are asked
_SAME_PX = 2  # two edges this near are one
_SHOWN = 24  # spread of the levels in a picture that shows something
SEEN, AGREED, BORROWED, GUESSED, UNKNOWN = 0.0, 0.1, 0.3, 0.6, 1.0  # doubts

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Box:
    """Lines that are not picture at each side of the frames [start_frame, end_frame), in pixels of the source."""

    start_frame: int
    end_frame: int
    height_px: int
    width_px: int
    top: int
    bottom: int
    left: int
    right: int
    kind: str
    doubt: float

    @property
    def crop(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 as shares of the frame."""
        return (
            self.left / self.width_px,
            self.top / self.height_px,
            1 - self.right / self.width_px,
            1 - self.bottom / self.height_px,
        )


@dataclass(frozen=True)
class _Pair:
    """Two opposite bars of one stretch, in lines, and how they are known."""

    lines: tuple[int, int]
    kind: str
    doubt: float


def stretches(columns: Columns) -> list[Box]:
    """The box of every stretch of alike frames, in order. Pure."""
    down, across = _axis(columns, "top", "bottom", "height_px"), _axis(columns, "left", "right", "width_px")
    found = []
    for i, (v, h) in enumerate(zip(down, across, strict=True)):
        start, end, height, width = (int(columns[name][i]) for name in ("start", "end", "height_px", "width_px"))
        kind = max((v.kind, h.kind), key=KINDS.index)
        found.append(Box(start, end, height, width, *v.lines, *h.lines, kind, max(v.doubt, h.doubt)))
    return found


def boxes(columns: Columns) -> list[Box]:
    """Segments of a source that share one box, in order; as sure as their surest stretch. Pure."""
    found: list[Box] = []
    for box in stretches(columns):
        if found and _what(found[-1]) == _what(box):
            found[-1] = replace(found[-1], end_frame=box.end_frame, doubt=min(found[-1].doubt, box.doubt))
        else:
            found.append(box)
    return found


def border_scores(columns: Columns, start_frame: int, end_frame: int) -> dict[str, float | None]:
    """The box of the shot [start_frame, end_frame): that of the stretch which covers most of it. Pure."""
    most, best = 0, None
    for box in stretches(columns):
        shared = min(end_frame, box.end_frame) - max(start_frame, box.start_frame)
        if shared > most:
            most, best = shared, box
    if best is None:
        return dict.fromkeys(SCORES)
    return {
        **dict(zip(("crop_x0", "crop_y0", "crop_x1", "crop_y1"), best.crop, strict=True)),
        "border_doubt": best.doubt,
    }


def _what(box: Box) -> tuple[int, int, int, int, int, int]:
    return box.height_px, box.width_px, box.top, box.bottom, box.left, box.right


def _axis(columns: Columns, one: str, other: str, size: str) -> list[_Pair]:
    """The pair of bars of every stretch along one axis."""
    table = {name: columns[name].astype(float) for name in columns}
    n = len(table["start"])
    own = [_own({k: v[i] for k, v in table.items()}, one, other, size) for i in range(n)]
    own = [_proven(own, i) for i in range(n)]
    settled = [_settled(pair, own) for pair in own]
    found = []
    for i, pair in enumerate(settled):
        if pair is None:
            free = tuple(int(table[f"{side}_reach"][i]) for side in (one, other))
            pair = _borrowed(settled, i, free)
            if pair is None:
                pair = _Pair((0, 0), "none", UNKNOWN if table["shown"][i] < _SHOWN else GUESSED)
        found.append(pair)
    return found


def _own(row: Mapping[str, float], one: str, other: str, size: str) -> _Pair | None:
    """What a stretch says of its own two edges; None where it does not show them."""
    side_px = row[size]
    reach = int(row[f"{one}_reach"]), int(row[f"{other}_reach"])
    if row["shown"] < _SHOWN or max(reach) >= int(MOST_REACH * side_px):
        return None
    blur = row[f"{one}_blur"], row[f"{other}_blur"]
    if min(blur) > 0 and abs(blur[0] - blur[1]) <= _EVEN * side_px and max(reach) <= _SLIVER * side_px:
        return _Pair((int(blur[0]), int(blur[1])), "blurred", GUESSED)
    if reach == (0, 0):
        return _Pair((0, 0), "none", SEEN)
    firm = [row[f"{side}_firm"] >= FIRM for side, lines in zip((one, other), reach, strict=True) if lines]
    if not all(firm):
        return None
    levels = [row[f"{side}_level"] for side, lines in zip((one, other), reach, strict=True) if lines]
    black = max(levels) <= _BLACK
    if max(reach) <= _SLIVER * side_px:
        return _Pair(reach, "sliver", GUESSED)
    if len(levels) == 2 and abs(reach[0] - reach[1]) <= _EVEN * side_px and np.ptp(levels) <= _LEVELS:
        return _Pair(reach, "black" if black else "coloured", SEEN if black else GUESSED)
    return _Pair(reach, "black" if black else "coloured", GUESSED)


def _proven(own: list[_Pair | None], at: int) -> _Pair | None:
    """What one stretch alone does not prove, if the stretches around it agree.

    A flat sky over a level horizon looks like a bar, for a shot. A real one stays: most stretches around must show it.
    The picture's own blur hides a blurred bar from most, and then bare edges between two that show it are taken for it.
    """
    pair = own[at]
    around = [other for other in own[max(0, at - _AROUND) : at + _AROUND + 1] if other is not None]
    if pair is not None and pair.kind == "none":
        blurred = [other for other in around if other.kind == "blurred"]
        sides = [own[:at][-_AROUND:], own[at + 1 :][:_AROUND]]
        inside = all(any(o is not None and o.kind == "blurred" for o in side) for side in sides)
        if inside and len(blurred) >= max(_ALIKE, _SHARE["blurred"] * len(around)):
            return replace(blurred[0], doubt=BORROWED)
        return pair
    if pair is None or pair.doubt == SEEN:
        return pair
    alike = sum(_near(pair, other) for other in around)
    if alike >= max(_ALIKE, _SHARE.get(pair.kind, 0.5) * len(around)):
        return replace(pair, doubt=AGREED)
    return None


def _near(a: _Pair, b: _Pair) -> bool:
    return a.kind == b.kind and all(abs(x - y) <= _SAME_PX for x, y in zip(a.lines, b.lines, strict=True))


def _settled(pair: _Pair | None, pairs: list[_Pair | None]) -> _Pair | None:
    """The pair with the lines that most of its like have: one dark stretch shows an edge a line too far in."""
    if pair is None or pair.kind == "none":
        return pair
    like = np.array([other.lines for other in pairs if other is not None and _near(pair, other)])
    lines = [int(np.bincount(like[:, k]).argmax()) for k in (0, 1)]
    return replace(pair, lines=(lines[0], lines[1]))


def _borrowed(pairs: list[_Pair | None], at: int, free: tuple[int, ...]) -> _Pair | None:
    """The nearest known pair whose bars cover nothing that this stretch shows."""
    for away in range(1, len(pairs)):
        for i in (at - away, at + away):
            pair = pairs[i] if 0 <= i < len(pairs) else None
            if pair is not None and all(lines <= most + _SAME_PX for lines, most in zip(pair.lines, free, strict=True)):
                return replace(pair, doubt=max(pair.doubt, BORROWED))
    return None
