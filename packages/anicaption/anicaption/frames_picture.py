"""One decoded frame: its time, its flags, its numbers as planes, and the pictures that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import cv2
import numpy as np
from av.video.frame import VideoFrame

from anicaption.colour import Colour
from anicaption.frames_convert import ClipPicture, Converter
from anicaption.frames_planes import blank_like, planes_of
from anicaption.frames_probe import UNTAGGED, Stream, even
from anicaption.tonemap import DEFAULT_PEAK_NITS


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
    damaged: bool = False  # corrupt, or leaning on something that was, or on something lost
    colour: Colour = UNTAGGED
    rotation_deg: int = 0  # counter-clockwise, for showing; planes are as coded, pictures as shown
    peak_nits: float = DEFAULT_PEAK_NITS  # of the mastering display, for HDR
    pts_made: bool = False  # the file had no time stamp here: pts is that of the packet, or the last one's end
    _convert: Converter = field(default_factory=Converter)

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
        height = height_px or self._shown_px[1]
        if (height, pixel_aspect) not in self._cache:
            width = self._shown_px[0]
            if height != self._shown_px[1] or pixel_aspect != 1:
                width = even(float(self._shown_width(pixel_aspect) * height / self._shown_px[1]))
            size = (height, width) if self._turned else (width, height)
            picture = self._convert.rgb(self._picture, self.colour, self.peak_nits, *size)
            self._cache[height, pixel_aspect] = np.ascontiguousarray(np.rot90(picture, self.rotation_deg // 90))
        return self._cache[height, pixel_aspect]

    def clip_picture(self, height_px: int, stream: Stream) -> ClipPicture:
        """The picture as a clip codes it: square pixels, BT.709 limited, even sides, at most `height_px` rows.

        Converted once from the decoder's numbers; `encode_clip` takes it as it is.
        """
        height = even(min(height_px, self._shown_px[1]))
        width = even(float(self._shown_width(stream.pixel_aspect) * height / self._shown_px[1]))
        size = (height, width) if self._turned else (width, height)
        made = self._convert.clip(self._picture, self.colour, self.peak_nits, *size)
        return made.turned(self.rotation_deg // 90)

    def planes(self) -> tuple[np.ndarray, ...]:
        """The numbers as decoded, a view per plane: Y, U, V for most; uint16 above 8 bits. Not to be written to."""
        return planes_of(self._picture)

    def luma(self) -> np.ndarray:
        """Brightness as decoded (H, W), a view: uint8, or uint16 above 8 bits. Of RGB sources: their grey, 8 bits."""
        kind = self._picture.format
        if kind.is_rgb or (not kind.is_planar and len(kind.components) > 1):
            return cv2.cvtColor(self.rgb(), cv2.COLOR_RGB2GRAY)
        return self.planes()[0]

    def at(self, index: int, pts: int, duration: int | None = None) -> Frame:
        """The same picture at another place in time."""
        return replace(self, index=index, pts=pts, duration=duration)

    def remade(self, planes: Sequence[np.ndarray]) -> Frame:
        """A frame of other numbers in the same place: planes of the same shapes and types as `planes()` gives."""
        made = blank_like(self._picture)
        for whole, part in zip(planes_of(made), planes, strict=True):
            if whole.shape != part.shape or whole.dtype != part.dtype:
                raise ValueError(
                    f"remade: a plane is {part.shape} {part.dtype}, this picture's is {whole.shape} {whole.dtype}"
                )
            whole[...] = part
        return replace(self, interlaced=False, top_field_first=False, _picture=made, _cache={})

    @property
    def _turned(self) -> bool:
        return self.rotation_deg in (90, 270)

    @property
    def _shown_px(self) -> tuple[int, int]:
        width, height = self._picture.width, self._picture.height
        return (height, width) if self._turned else (width, height)

    def _shown_width(self, pixel_aspect: Fraction) -> Fraction:
        """Columns as shown at native rows: `pixel_aspect` is that of the coded picture, which may lie on its side."""
        return self._shown_px[0] * (1 / pixel_aspect if self._turned else pixel_aspect)


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
        damaged=top.damaged or bottom.damaged,
        pts_made=top.pts_made or bottom.pts_made,
        _picture=made,
        _cache={},
    )
