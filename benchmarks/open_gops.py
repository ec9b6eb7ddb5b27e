"""Clips that ingest never writes and decoders go wrong on: open GOPs, ten bits."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import numpy as np


def open_gops(pictures: Sequence[np.ndarray]) -> bytes:
    """H.264 whose GOPs of 12 frames begin with pictures that lean on the GOP before."""
    return _encoded(pictures, "yuv420p", {"x264-params": "keyint=12:open-gop=1:scenecut=0"})


def ten_bits(pictures: Sequence[np.ndarray]) -> bytes:
    """H.264 of ten bits a number."""
    return _encoded(pictures, "yuv420p10le", {})


def _encoded(pictures: Sequence[np.ndarray], pix_fmt: str, options: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    height, width = pictures[0].shape[:2]
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)))
        out.mux(stream.encode(None))
    return buffer.getvalue()
