"""Painted backgrounds: layered artwork larger than the frame, from a place, its light and a seed.

Every painter is a function of three boards: `back` (sky), `main` (the plane the camera columns describe) and `front`
(a BOOK laid over the figure). On a single plane all three are the same sheet. The horizon and all lengths are in
frame heights, and the frame's composed position is centred on (0, 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from anicaption.drawn import built, nature
from anicaption.drawn.background_art import ARTS, PLAIN, inked
from anicaption.drawn.board import Board, Plane
from anicaption.drawn.camera import Path
from anicaption.drawn.palette import Palette, palette
from anicaption.drawn.script import Place

BACK_FACTOR = 0.55
FRONT_FACTOR = 1.7
BOOKS = ("book", "multiplane_blur")  # layerings with a plane over the figures

Painter = Callable[[Board, Board, Board | None, Palette, Place], None]
PAINTERS: dict[str, Painter] = {
    "meadow": nature.meadow, "sea": nature.sea, "forest": nature.forest,
    "town": built.town, "skyline": built.skyline, "room": built.room,
}  # fmt: skip


def paint(place: Place, path: Path, unit_px: float) -> list[Plane]:
    """All planes of `place`, back to front, large enough for every frame of `path`; `unit_px` per frame height."""
    if place.kind not in PAINTERS:
        raise ValueError(f"drawn.background: no painter for {place.kind!r}; there are {', '.join(PAINTERS)}")
    if place.art not in (*ARTS, *PLAIN):
        raise ValueError(f"drawn.background: art {place.art!r} is not one of {', '.join(ARTS)}")
    colours = palette(place.light, place.seed)
    rng = np.random.default_rng(place.seed)
    if place.art in PLAIN:
        board = Board(_roomy(path.extent(1.0)), unit_px, False, rng)
        PLAIN[place.art](board, colours, place)
        return [board.plane()] if not place.blur else [replace(board.plane(), image=_soft(board.plane(), 0.012))]
    layered = place.layering != "single_plane"
    main = Board(_roomy(path.extent(1.0)), unit_px, layered, rng)
    back = Board(_roomy(path.extent(BACK_FACTOR)), unit_px, False, rng) if layered else main
    front = Board(_roomy(path.extent(FRONT_FACTOR)), unit_px, True, rng) if layered else None
    for board in (back, main, *([front] if front else [])):
        board.cel = place.art == "drawn_cel"
    PAINTERS[place.kind](back, main, front if place.layering in BOOKS else None, colours, place)
    planes = [back.plane(BACK_FACTOR), main.plane()] if layered else [main.plane()]
    if place.art == "drawn_cel":
        planes = [replace(plane, image=inked(plane.image, plane.unit_px)) for plane in planes]
    if place.blur:
        planes = [replace(plane, image=_soft(plane, 0.012)) for plane in planes]
    deep = place.layering == "multiplane_blur"  # the lens is near: only one plane is sharp
    if deep:
        planes[0] = replace(planes[0], image=_soft(planes[0], 0.016))
    if front is not None and place.layering in BOOKS:
        front.blurred(0.026 if deep else 0.010)
        planes.append(front.plane(FRONT_FACTOR, in_front=True))
    return planes


def _roomy(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A little more than ever shows, so that interpolation never meets the border."""
    return box[0] - 0.03, box[1] - 0.03, box[2] + 0.03, box[3] + 0.03


def _soft(plane: Plane, sigma: float) -> np.ndarray:
    board = Board.__new__(Board)
    board.image, board.unit_px = plane.image, plane.unit_px
    board.blurred(sigma)
    return board.image
