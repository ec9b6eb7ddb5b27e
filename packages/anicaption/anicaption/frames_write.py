"""Writing clips: H.264 with short closed GOPs, BT.709 limited and tagged, the same bytes for the same pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from anicaption.frames_convert import ClipPicture

FILM_RATE = Fraction(24000, 1001)
Picture = np.ndarray | ClipPicture
"""RGB uint8 (H, W, 3), or what `Frame.clip_picture` made, which is not converted again."""


@dataclass(frozen=True)
class Encoded:
    """A clip's bytes. `rate` is None where it keeps the exact time stamps of its source."""

    data: bytes
    n_frames: int
    rate: Fraction | None


def write_video(
    target: str | Path | BinaryIO,
    images: Iterable[Picture],
    rate: Fraction = FILM_RATE,
    *,
    container: str = "mp4",
    crf: int = 16,
    preset: str = "veryfast",
    gop_frames: int = 12,
    threads: int = 1,
    comment: str = "",
) -> int:
    """Encode pictures of one even size as H.264 at a constant rate; return how many.

    `comment` is kept in the file as its comment (see `read_comment`). The GOPs are closed and `gop_frames` long, so a
    reader may enter at any of them. A fixed number of threads and no time stamps in the header make the bytes a
    function of the pictures. BT.709 limited range, tagged.
    """
    if isinstance(target, (str, Path)):
        with open(target, "wb") as file:
            return write_video(
                file,
                images,
                rate,
                container=container,
                crf=crf,
                preset=preset,
                gop_frames=gop_frames,
                threads=threads,
                comment=comment,
            )
    output = av.open(target, "w", format=container, options={"fflags": "+bitexact"})
    with output:
        if comment:
            output.metadata["comment"] = comment
        encoding = _Encoding(output, rate, crf, preset, gop_frames, threads)
        for image in images:
            output.mux(encoding.packets(image))
        output.mux(encoding.rest())
    return encoding.n_frames


def encode_clip(images: Iterable[Picture], rate: Fraction = FILM_RATE, **options: Any) -> bytes:
    """`write_video` into memory."""
    buffer = io.BytesIO()
    write_video(buffer, images, rate, **options)
    return buffer.getvalue()


def encode_timed(
    stamped: Iterable[tuple[Picture, int]],
    time_base: Fraction,
    rate_of: Callable[[Sequence[int]], Fraction | None],
    nominal: Fraction = FILM_RATE,
    *,
    crf: int = 16,
    preset: str = "veryfast",
    gop_frames: int = 12,
    threads: int = 1,
) -> Encoded:
    """Encode (picture, pts) pairs into an mp4 in memory, one at a time; when they have ended, decide their timing.

    `rate_of` looks at all the pts: what it returns is the constant rate of the clip; None keeps every pts exactly, in
    `time_base`, counted from the first. Nothing is resampled in time. `nominal` is what the encoder is told, for its
    rate control. Raises ValueError where the pts do not grow.
    """
    buffer = io.BytesIO()
    pts: list[int] = []

    def pictures() -> Iterator[Picture]:
        for picture, stamp in stamped:
            if pts and stamp <= pts[-1]:
                raise ValueError(f"encode_timed: pts {stamp} follows {pts[-1]}; time must grow from frame to frame")
            pts.append(stamp)
            yield picture

    output = av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"})
    with output:
        encoding = _Encoding(output, nominal, crf, preset, gop_frames, threads)
        packets = [packet for picture in pictures() for packet in encoding.packets(picture)]
        packets += encoding.rest()
        rate = rate_of(pts)
        if rate is None:
            stamps, unit = [stamp - pts[0] for stamp in pts], time_base
        else:
            stamps, unit = list(range(len(pts))), 1 / rate
        encoding.stream.time_base = unit
        _restamp(packets, stamps, unit)
        output.mux(packets)
    return Encoded(buffer.getvalue(), len(pts), rate)


class _Encoding:
    """One stream of one container, opened with the first picture's size."""

    def __init__(self, output, rate: Fraction, crf: int, preset: str, gop_frames: int, threads: int) -> None:
        self.n_frames = 0
        self.stream: Any = None
        self._output, self._rate, self._gop_frames, self._threads = output, Fraction(rate), gop_frames, threads
        self._options = {
            "crf": str(crf),
            "preset": preset,
            # mbtree=0: with it, x264 gave different bytes for the same small pictures now and then
            "x264-params": f"keyint={gop_frames}:min-keyint={gop_frames}:scenecut=0:open-gop=0:mbtree=0",
        }
        self._convert = VideoReformatter()

    def packets(self, image: Picture) -> list[Packet]:
        """What the encoder gives for one more picture."""
        picture = self._coded(image)
        if self.n_frames == 0:
            self._open(picture.width, picture.height)
        elif (picture.width, picture.height) != (self.stream.width, self.stream.height):
            raise ValueError(
                f"write_video: picture {self.n_frames} is {picture.width}x{picture.height}, "
                f"the first was {self.stream.width}x{self.stream.height}; a clip has one size"
            )
        picture.pts = self.n_frames
        picture.time_base = 1 / self._rate
        self.n_frames += 1
        return self.stream.encode(picture)

    def rest(self) -> list[Packet]:
        """What the encoder still held."""
        if self.n_frames == 0:
            raise ValueError("write_video: no picture was given")
        return self.stream.encode(None)

    def _open(self, width_px: int, height_px: int) -> None:
        if height_px % 2 or width_px % 2:
            raise ValueError(f"write_video: {width_px}x{height_px} has an odd side; 4:2:0 needs even sizes")
        self.stream = self._output.add_stream("libx264", rate=self._rate)
        self.stream.width, self.stream.height, self.stream.pix_fmt = width_px, height_px, "yuv420p"
        context = self.stream.codec_context
        context.gop_size = self._gop_frames
        context.thread_count = self._threads
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = 1  # limited
        context.options = self._options

    def _coded(self, image: Picture) -> VideoFrame:
        if isinstance(image, ClipPicture):
            return VideoFrame.from_ndarray(image.i420, format="yuv420p")
        return self._convert.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC,
        )


def _restamp(packets: list[Packet], stamps: list[int], unit: Fraction) -> None:
    """Give packets in coding order, stamped with frame numbers, the time stamps of their frames.

    A packet is decoded when the frame is shown that lies as many places before it as the encoder reorders: with it
    decoding times grow, and none is later than its picture's.
    """
    delay = -min((packet.dts or 0) for packet in packets)
    step = max(1, stamps[1] - stamps[0]) if len(stamps) > 1 else 1
    for place, packet in enumerate(packets):
        index = int(packet.pts or 0)
        packet.time_base = unit
        packet.pts = stamps[index]
        packet.dts = stamps[place - delay] if place >= delay else stamps[0] - (delay - place) * step
        packet.duration = stamps[index + 1] - stamps[index] if index + 1 < len(stamps) else step
