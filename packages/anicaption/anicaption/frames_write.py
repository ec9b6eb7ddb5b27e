"""Writing clips: H.264 with short closed GOPs, BT.709 limited and tagged, the same bytes for the same pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

FILM_RATE = Fraction(24000, 1001)


def write_video(
    target: str | Path | BinaryIO,
    images: Iterable[np.ndarray],
    rate: Fraction = FILM_RATE,
    *,
    container: str = "mp4",
    crf: int = 16,
    preset: str = "veryfast",
    gop_frames: int = 12,
    threads: int = 1,
) -> int:
    """Encode RGB uint8 (H, W, 3) pictures of one even size as H.264 at a constant rate; return how many.

    The GOPs are closed and `gop_frames` long, so a reader may enter at any of them. A fixed number of threads and no
    time stamps in the header make the bytes a function of the pictures. BT.709 limited range, tagged.
    """
    if not isinstance(target, (str, Path)):
        return _write(target, images, rate, container, crf, preset, gop_frames, threads)
    with open(target, "wb") as file:
        return _write(file, images, rate, container, crf, preset, gop_frames, threads)


def encode_clip(images: Iterable[np.ndarray], rate: Fraction = FILM_RATE, **options) -> bytes:
    """`write_video` into memory."""
    buffer = io.BytesIO()
    write_video(buffer, images, rate, **options)
    return buffer.getvalue()


def _write(
    file: BinaryIO,
    images: Iterable[np.ndarray],
    rate: Fraction,
    container: str,
    crf: int,
    preset: str,
    gop_frames: int,
    threads: int,
) -> int:
    output = av.open(file, "w", format=container, options={"fflags": "+bitexact"})
    convert = VideoReformatter()
    n_frames = 0
    with output:
        stream = None
        for image in images:
            height, width = image.shape[:2]
            if stream is None:
                if height % 2 or width % 2:
                    raise ValueError(f"write_video: {width}x{height} has an odd side; 4:2:0 needs even sizes")
                stream = output.add_stream("libx264", rate=rate)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                context = stream.codec_context
                context.gop_size = gop_frames
                context.thread_count = threads
                context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
                context.color_range = 1  # limited
                context.options = {
                    "crf": str(crf),
                    "preset": preset,
                    # mbtree=0: with it, x264 gave different bytes for the same small pictures now and then
                    "x264-params": f"keyint={gop_frames}:min-keyint={gop_frames}:scenecut=0:open-gop=0:mbtree=0",
                }
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            picture = convert.reformat(
                picture,
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.BICUBIC,
            )
            picture.pts = n_frames
            picture.time_base = 1 / Fraction(rate)
            output.mux(stream.encode(picture))
            n_frames += 1
        if stream is None:
            raise ValueError("write_video: no picture was given")
        output.mux(stream.encode(None))
    return n_frames
