"""The only file that opens video: probe, linear frames by pts, whole clips, writing.

PyAV decodes (its own FFmpeg; exact pts). Pictures are RGB uint8 (H, W, 3). Times are integer pts in the stream's own
time base; nothing here multiplies a frame index by an average rate.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

FILM_RATE = Fraction(24000, 1001)

VideoSource = str | Path | bytes


class VideoError(Exception):
    """A file that is not video, or stops being it. `words` are the decoder's own; `n_decoded` frames came before."""

    def __init__(self, source: str, stage: str, words: str, remedy: str, n_decoded: int = 0) -> None:
        super().__init__(f"{source}: {stage}: {words} ({remedy})")
        self.source, self.stage, self.words, self.remedy, self.n_decoded = source, stage, words, remedy, n_decoded

    def __reduce__(self):
        return type(self), (self.source, self.stage, self.words, self.remedy, self.n_decoded)


@dataclass(frozen=True)
class Stream:
    """The video stream of a file as its container declares it. `duration_s` and `n_frames` are claims, not counts."""

    source: str
    container: str
    codec: str
    width_px: int
    height_px: int
    time_base: Fraction
    rate: Fraction
    duration_s: float | None
    n_frames: int | None
    pixel_aspect: Fraction = Fraction(1)  # width of a pixel over its height

    @property
    def shown_width_px(self) -> int:
        """Columns of the picture as it is shown, in pixels as wide as high."""
        return self.width_px if self.pixel_aspect == 1 else even(float(self.width_px * self.pixel_aspect))


@dataclass
class Frame:
    """One decoded frame: `index` counts from 0 in presentation order, `pts` is in units of `time_base` seconds."""

    index: int
    pts: int
    time_base: Fraction
    _picture: av.VideoFrame
    _cache: dict[tuple[int, Fraction], np.ndarray] = field(default_factory=dict)

    @property
    def corrupt(self) -> bool:
        """Whether the decoder knows that it made up a part of this picture."""
        return self._picture.is_corrupt

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


def even(size_px: float) -> int:
    """The nearest even number of pixels, at least 2: 4:2:0 pictures have no odd sides."""
    return max(2, 2 * round(size_px / 2))


def probe(source: VideoSource) -> Stream:
    """Read what the container says of its first video stream, decoding nothing.

    Raises VideoError where there is no readable container or no video stream in it.
    """
    with _open(source) as container:
        stream = _video_stream(container, source)
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        if not rate or not stream.time_base:
            raise VideoError(_name(source), "probe", "the stream declares no frame rate", "remux it with a rate")
        return Stream(
            source=_name(source),
            container=container.format.name,
            codec=stream.codec_context.name,
            width_px=stream.codec_context.width,
            height_px=stream.codec_context.height,
            time_base=Fraction(stream.time_base),
            rate=Fraction(rate),
            duration_s=_duration_s(container, stream),
            n_frames=stream.frames or None,
            pixel_aspect=Fraction(stream.sample_aspect_ratio or 1),
        )


def frames(source: VideoSource) -> Iterator[Frame]:
    """Decode linearly, in presentation order.

    What decodes whole is yielded first; then, if the file breaks, VideoError is raised with `n_decoded`.
    """
    with _open(source) as container:
        stream = _video_stream(container, source)
        stream.thread_type = "AUTO"
        time_base = Fraction(stream.time_base or 0)
        index = 0
        try:
            for picture in container.decode(stream):
                if picture.pts is None:
                    raise VideoError(
                        _name(source), "decode", f"frame {index} has no pts", "remux it with time stamps", index
                    )
                yield Frame(index, picture.pts, time_base, picture)
                index += 1
        except av.error.FFmpegError as error:
            raise VideoError(
                _name(source),
                "decode",
                error.strerror or str(error),
                "the frames before it are usable; copy the file again",
                index,
            ) from error


def read_pts(source: VideoSource) -> tuple[Fraction, list[int]]:
    """The time base of a file and the pts of its frames in presentation order, from its packets; nothing is decoded."""
    with _open(source) as container:
        stream = _video_stream(container, source)
        pts = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
        return Fraction(stream.time_base or 0), pts


def read_clip(source: VideoSource, height_px: int | None = None) -> np.ndarray:
    """All frames of a short clip as RGB uint8 (T, H, W, 3)."""
    pictures = [frame.rgb(height_px) for frame in frames(source)]
    if not pictures:
        raise VideoError(_name(source), "decode", "no frame in it", "check the file")
    return np.stack(pictures)


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


def _open(source: VideoSource) -> InputContainer:
    try:
        return av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source), "r")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(_name(source), "probe", error.strerror or str(error), "give a video file") from error


def _video_stream(container, source: VideoSource):
    if not container.streams.video:
        kinds = sorted({stream.type for stream in container.streams}) or ["no stream"]
        raise VideoError(_name(source), "probe", f"no video stream, only {', '.join(kinds)}", "give a video file")
    return container.streams.video[0]


def _duration_s(container, stream) -> float | None:
    """How long the pictures last by the container's own word; None where it speaks of other streams too.

    Matroska has no duration per stream in its headers, only in the tag that most muxers write.
    """
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if tag := stream.metadata.get("DURATION"):
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None


def _name(source: VideoSource) -> str:
    return f"<{len(source)} bytes>" if isinstance(source, bytes) else str(source)
