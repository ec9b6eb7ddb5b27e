"""A picture's planes as numpy views."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from av.video.frame import VideoFrame


def blank_like(picture: VideoFrame) -> VideoFrame:
    """A new picture of the same size, format and colours, its numbers not yet written."""
    made = VideoFrame(picture.width, picture.height, picture.format.name)
    made.colorspace, made.color_range = picture.colorspace, picture.color_range
    made.color_primaries, made.color_trc = picture.color_primaries, picture.color_trc
    return made


def planes_of(picture: VideoFrame) -> tuple[np.ndarray, ...]:
    """Views of a planar picture's planes, without the padding at the end of rows; uint16 above 8 bits."""
    parts = picture.format.components
    if not picture.format.is_planar and len(parts) > 1:
        raise ValueError(f"{picture.format.name} has no planes; convert the source to a YUV format")
    views = []
    for plane, part in zip(picture.planes, parts):
        dtype = np.uint16 if part.bits > 8 else np.uint8
        row_items = plane.line_size // np.dtype(dtype).itemsize
        views.append(np.frombuffer(cast(Any, plane), dtype).reshape(-1, row_items)[: plane.height, : plane.width])
    return tuple(views)
