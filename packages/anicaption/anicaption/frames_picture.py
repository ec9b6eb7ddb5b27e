"""One decoded frame: its time, its flags, its numbers as planes, and the pictures that are made of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, cast

import numpy as np
from av.video.frame import VideoFrame

from anicaption.frames_probe import even


@dataclass
class Frame:
    """One decoded frame: `index` counts from 0 in presentation order, `pts` is in units of `time_base` seconds."""

    index: int
    pts: int
    time_base: Fraction
    _picture: VideoFrame
    _cache: dict[tuple[int, Fraction], np.ndarray] = field(default_factory=dict)
    duration: int | None = None  # units of time_base that it is shown for, where container or codec say; 3 fields: RFF
    interlaced: bool = False  # flagged so; the picture may still be whole (film in an interlaced stream)
    top_field_first: bool = False  # of an interlaced frame: the even rows are the earlier moment

    @property
    def corrupt(self) -> bool:
        """Whether the decoder knows that it made up a part of this picture."""
        return self._picture.is_corrupt

    @property
    def key(self) -> bool:
        """Whether decoding may start here."""
        return self._picture.key_frame

    def rgb(self, height_px: int | None = None, pixel_aspect: Fraction = Fraction(1)) -> np.ndarray:
        """The picture as RGB uint8 (H, W, 3); at `height_px` rows with the aspect kept and an even width.

        With the `pixel_aspect` of its stream, pixels come out as wide as high.
        """
        height = height_px or self._picture.height
        if (height, pixel_aspect) not in self._cache:
            width = self._picture.width
            if height != self._picture.height or pixel_aspect != 1:
                width = even(float(width * pixel_aspect * height / self._picture.height))
            self._cache[height, pixel_aspect] = self._picture.to_ndarray(
                format="rgb24", width=width, height=height, interpolation="AREA"
            )
        return self._cache[height, pixel_aspect]

    def planes(self) -> tuple[np.ndarray, ...]:
        """The numbers as decoded, a view per plane: Y, U, V for most; uint16 above 8 bits. Not to be written to."""
        return planes_of(self._picture)

    def luma(self) -> np.ndarray:
        """Brightness as decoded (H, W), a view: uint8, or uint16 above 8 bits."""
        return self.planes()[0]

    def at(self, index: int, pts: int, duration: int | None = None) -> Frame:
        """The same picture at another place in time."""
        return replace(self, index=index, pts=pts, duration=duration)


def fields(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Brightness of the (top, bottom) field, half the rows each: views, nothing is copied."""
    luma = frame.luma()
    return luma[0::2], luma[1::2]


def weave(
    top: Frame, bottom: Frame, index: int | None = None, pts: int | None = None, duration: int | None = None
) -> Frame:
    """A whole frame of the even rows of `top` and the odd rows of `bottom`: same numbers, never seen as RGB.

    It is no longer flagged as interlaced. Index and pts are those of `top` where none are given. Both must have the
    same size and format. Raises ValueError where they do not.
    """
    above, below = top._picture, bottom._picture
    if (above.width, above.height, above.format.name) != (below.width, below.height, below.format.name):
        raise ValueError(
            f"weave: {above.width}x{above.height} {above.format.name} with {below.width}x{below.height} "
            f"{below.format.name}; both fields must be of one stream"
        )
    made = blank_like(above)
    for whole, even_rows, odd_rows in zip(planes_of(made), planes_of(above), planes_of(below), strict=True):
        whole[0::2], whole[1::2] = even_rows[0::2], odd_rows[1::2]
    return replace(
        top,
        index=top.index if index is None else index,
        pts=top.pts if pts is None else pts,
        duration=duration,
        interlaced=False,
        top_field_first=False,
        _picture=made,
        _cache={},
    )


def blank_like(picture: VideoFrame) -> VideoFrame:
    """A new picture of the same size, format and colours, its numbers not yet written."""
    made = VideoFrame(picture.width, picture.height, picture.format.name)
    made.colorspace, made.color_range = picture.colorspace, picture.color_range
    made.color_primaries, made.color_trc = picture.color_primaries, picture.color_trc
    return made


def planes_of(picture: VideoFrame) -> tuple[np.ndarray, ...]:
    """Views of a planar picture's planes, without the padding at the end of rows."""
    parts = picture.format.components
    if not picture.format.is_planar and len(parts) > 1:
        raise ValueError(f"{picture.format.name} has no planes; convert the source to a YUV format")
    views = []
    for plane, part in zip(picture.planes, parts):
        dtype = np.uint16 if part.bits > 8 else np.uint8
        row_items = plane.line_size // np.dtype(dtype).itemsize
        views.append(np.frombuffer(cast(Any, plane), dtype).reshape(-1, row_items)[: plane.height, : plane.width])
    return tuple(views)
