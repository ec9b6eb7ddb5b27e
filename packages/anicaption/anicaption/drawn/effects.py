"""What the files of effects share: where the main figure is in the frame, and which entries of a script are active."""

from __future__ import annotations

from typing import NamedTuple


class Spot(NamedTuple):
    """The main figure's head in the frame: its middle and its height in pixels. Where there is none, the middle."""

    x: float
    y: float
    head: float


def active(spans: tuple, frame: int) -> list[tuple]:
    """The entries of `spans` that cover `frame`; start and end are an entry's last two items."""
    return [entry for entry in spans if entry[-2] <= frame < entry[-1]]
