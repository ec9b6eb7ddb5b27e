"""Reading video: linear frames by pts, whole clips, packet times. The door to everything that opens video.

PyAV decodes (its own FFmpeg; exact pts). Pictures are RGB uint8 (H, W, 3). Times are integer pts in the stream's own
time base; nothing here multiplies a frame index by an average rate.

    frames_probe.py     what a file says of itself        frames_picture.py   one frame, its fields and pictures
    frames_write.py     writing clips                     colour.py           what the numbers of a picture mean
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av.error
import av.filter
import numpy as np
from av.video.frame import VideoFrame

from anicaption.frames_picture import Frame, fields, weave
from anicaption.frames_probe import Stream, VideoError, VideoSource, even, name_of, open_video, probe, video_stream
from anicaption.frames_write import FILM_RATE, encode_clip, write_video

__all__ = [
    "FILM_RATE",
    "Frame",
    "Stream",
    "VideoError",
    "VideoSource",
    "encode_clip",
    "even",
    "fields",
    "frames",
    "probe",
    "read_clip",
    "read_pts",
    "weave",
    "write_video",
]


def frames(source: VideoSource) -> Iterator[Frame]:
    """Decode linearly, in presentation order.

    What decodes whole is yielded first; then, if the file breaks, VideoError is raised with `n_decoded`.
    """
    with open_video(source) as container:
        stream = video_stream(container, source)
        stream.thread_type = "AUTO"
        time_base = Fraction(stream.time_base or 0)
        top_first = _TopFirst()
        index = 0
        try:
            for picture in container.decode(stream):
                if picture.pts is None:
                    raise VideoError(
                        name_of(source), "decode", f"frame {index} has no pts", "remux it with time stamps", index
                    )
                interlaced = picture.interlaced_frame
                yield Frame(
                    index,
                    picture.pts,
                    time_base,
                    picture,
                    duration=picture.duration or None,
                    interlaced=interlaced,
                    top_field_first=interlaced and top_first(picture),
                )
                index += 1
        except av.error.FFmpegError as error:
            raise VideoError(
                name_of(source),
                "decode",
                error.strerror or str(error),
                "the frames before it are usable; copy the file again",
                index,
            ) from error


def read_pts(source: VideoSource) -> tuple[Fraction, list[int]]:
    """The time base of a file and the pts of its frames in presentation order, from its packets; nothing is decoded."""
    with open_video(source) as container:
        stream = video_stream(container, source)
        pts = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
        return Fraction(stream.time_base or 0), pts


def read_clip(source: VideoSource, height_px: int | None = None) -> np.ndarray:
    """All frames of a short clip as RGB uint8 (T, H, W, 3)."""
    pictures = [frame.rgb(height_px) for frame in frames(source)]
    if not pictures:
        raise VideoError(name_of(source), "decode", "no frame in it", "check the file")
    return np.stack(pictures)


class _TopFirst:
    """Tells which field of an interlaced picture comes first. PyAV does not say it; a filter that selects does."""

    def __init__(self) -> None:
        self._of: tuple[int, int, str] | None = None
        self._graph = av.filter.Graph()

    def __call__(self, picture: VideoFrame) -> bool:
        of = (picture.width, picture.height, picture.format.name)
        if of != self._of:
            self._of, self._graph = of, av.filter.Graph()
            begin = self._graph.add_buffer(
                width=of[0], height=of[1], format=picture.format, time_base=Fraction(picture.time_base or 1)
            )
            self._graph.link_nodes(
                begin, self._graph.add("select", "eq(interlace_type,TOPFIRST)"), self._graph.add("buffersink")
            )
            self._graph.configure()
        self._graph.vpush(picture)
        try:
            self._graph.vpull()
            return True
        except av.error.BlockingIOError:
            return False
