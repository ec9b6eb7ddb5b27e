"""Reading video: linear frames by pts, whole clips, packet times. The door to everything that opens video.

PyAV decodes (its own FFmpeg; exact pts). Pictures are RGB uint8 (H, W, 3). Times are integer pts in the stream's own
time base; nothing here multiplies a frame index by an average rate.

    frames_probe.py     what a file says of itself        frames_picture.py   one frame, its fields and pictures
    frames_convert.py   numbers to pictures, once         frames_fields.py    interlaced pictures
    frames_write.py     writing clips                     colour.py           what the numbers of a picture mean
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from anicaption.frames_convert import ClipPicture, Converter
from anicaption.frames_fields import Scan, deinterlaced
from anicaption.frames_picture import Frame, fields, weave
from anicaption.frames_probe import (
    Stream,
    VideoError,
    VideoSource,
    even,
    mastered_nits,
    name_of,
    open_video,
    probe,
    read_colour,
    read_comment,
    rotation_of,
    video_stream,
)
from anicaption.frames_write import FILM_RATE, Encoded, encode_clip, encode_timed, write_video
from anicaption.tonemap import DEFAULT_PEAK_NITS

__all__ = [
    "FILM_RATE",
    "ClipPicture",
    "Encoded",
    "Frame",
    "Stream",
    "VideoError",
    "VideoSource",
    "deinterlaced",
    "encode_clip",
    "encode_timed",
    "even",
    "fields",
    "frames",
    "probe",
    "read_clip",
    "read_comment",
    "read_pts",
    "weave",
    "write_video",
]

PASTED_S = Fraction(1, 4)
"""Time stamps that go back further than this belong to another recording; reordering explains less."""


def frames(source: VideoSource) -> Iterator[Frame]:
    """Decode linearly, in presentation order.

    What cannot be decoded is passed over, and the frames that lean on it are `damaged`; if nothing decodes any more,
    or the container breaks, VideoError is raised with `n_decoded` after the last frame. Every frame has the size and
    the format of the first.
    """
    with open_video(source) as container:
        stream = video_stream(container, source)
        stream.thread_type = "AUTO"
        making = _Making(source, Fraction(stream.time_base or 0), counts_packets=container.format.name == "avi")
        failed: av.error.FFmpegError | None = None
        try:
            for n_packets, packet in enumerate(container.demux(stream)):
                if n_packets == 0:
                    making.first_dts = packet.dts or 0
                if packet.is_corrupt or (n_packets == 0 and not packet.is_keyframe):
                    making.hurt(packet)
                try:
                    pictures = packet.decode()
                except av.error.FFmpegError as error:
                    failed = failed or error
                    making.hurt(packet)
                    continue
                for picture in pictures:
                    failed = None
                    yield making.frame(picture)
        except av.error.FFmpegError as error:
            failed = error
        if failed is not None:
            raise VideoError(
                name_of(source),
                "decode",
                failed.strerror or str(failed),
                "the frames before it are usable; copy the file again",
                making.index,
            ) from failed


def read_pts(source: VideoSource) -> tuple[Fraction, list[int]]:
    """The time base of a file and the pts of its frames in presentation order, from its packets; nothing is decoded."""
    with open_video(source) as container:
        stream = video_stream(container, source)
        shown = (packet for packet in container.demux(stream) if not packet.is_discard)
        counts = container.format.name == "avi"
        pts = [packet.dts if counts or packet.pts is None else packet.pts for packet in shown]
        return Fraction(stream.time_base or 0), sorted(stamp for stamp in pts if stamp is not None)


def read_clip(source: VideoSource, height_px: int | None = None) -> np.ndarray:
    """All frames of a short clip as RGB uint8 (T, H, W, 3)."""
    pictures = [frame.rgb(height_px) for frame in frames(source)]
    if not pictures:
        raise VideoError(name_of(source), "decode", "no frame in it", "check the file")
    return np.stack(pictures)


class _Making:
    """Makes frames of the pictures of one source, in order."""

    def __init__(self, source: VideoSource, time_base: Fraction, counts_packets: bool) -> None:
        self.index = self.first_dts = 0
        self._counts_packets = counts_packets
        self._source, self._time_base = source, time_base
        self._damaged = False
        self._hurt: list[tuple[int, int | None]] = []  # (decoding time, pts) of packets that were not whole
        self._scan, self._convert, self._resize = Scan(), Converter(), VideoReformatter()
        self._first: tuple[int, int, str] | None = None
        self._peak_nits: float | None = None
        self._last_pts, self._step, self._shift = 0, 0, 0

    def hurt(self, packet) -> None:
        """A packet is not whole. What leans on it is shown no earlier than it is decoded, and comes out later."""
        when = packet.pts if packet.dts is None else packet.dts
        self._hurt.append((-(2**62) if when is None else when, packet.pts))

    def frame(self, picture: VideoFrame) -> Frame:
        """The next frame. Damage lasts until a picture that needs no other."""
        key = picture.key_frame and not picture.is_corrupt
        reached = []
        if self._hurt:
            shown = picture.dts if picture.pts is None else picture.pts
            reached = [hurt for hurt in self._hurt if shown is None or hurt[0] <= shown]
            self._hurt = [hurt for hurt in self._hurt if hurt not in reached]
            if key:  # what is shown before it was decoded before it, and harms it no more
                reached = [hurt for hurt in reached if hurt[1] is None or shown is None or hurt[1] >= shown]
        self._damaged = picture.is_corrupt or bool(reached) or (self._damaged and not key)
        interlaced, top_first = picture.interlaced_frame, False
        if interlaced:
            top_first, picture = self._scan(picture)
        colour = read_colour(picture, picture.width, picture.height, picture.format.name, self._source)
        if colour.hdr and self._peak_nits is None:
            self._peak_nits = mastered_nits(picture)
        pts, made = self._pts(picture)
        self.index += 1
        return Frame(
            self.index - 1,
            pts,
            self._time_base,
            self._as_first(picture),
            duration=picture.duration or None,
            interlaced=interlaced,
            top_field_first=top_first,
            damaged=self._damaged,
            colour=colour,
            rotation_deg=rotation_of(picture),
            peak_nits=self._peak_nits or DEFAULT_PEAK_NITS,
            pts_made=made,
            _convert=self._convert,
        )

    def _pts(self, picture: VideoFrame) -> tuple[int, bool]:
        """When a picture is shown, and whether that had to be made up: time grows from frame to frame.

        An avi counts its packets and knows no other time: they are shown in the order in which they are decoded, the
        first when the first is decoded. What steps back a little comes right after the last, by one unit; what steps
        back far is another recording pasted on, whose time goes on where the last ended.
        """
        pts = picture.dts if self._counts_packets or picture.pts is None else picture.pts
        if self.index == 0:
            if pts is None:
                raise VideoError(
                    name_of(self._source), "decode", "the first frame has no pts", "remux it with time stamps"
                )
            if self._counts_packets:
                self._shift = self.first_dts - pts
            self._last_pts = pts + self._shift
            return self._last_pts, picture.pts is None
        made = picture.pts is None or (self._shift != 0 and not self._counts_packets)
        if pts is None:
            pts = self._last_pts + max(1, self._step)
        elif (back := self._last_pts - pts - self._shift) >= 0:
            made = True
            if back * self._time_base > PASTED_S:
                pts = self._last_pts + max(1, self._step)
                self._shift += back + max(1, self._step)
            else:
                pts = self._last_pts + 1
        else:
            pts += self._shift
            self._step = pts - self._last_pts
        self._last_pts = pts
        return pts, made

    def _as_first(self, picture: VideoFrame) -> VideoFrame:
        """The picture in the size and format of the first: programmes change both between their parts."""
        of = (picture.width, picture.height, picture.format.name)
        self._first = self._first or of
        if of == self._first:
            return picture
        width, height, pix_fmt = self._first
        return self._resize.reformat(
            picture, width=width, height=height, format=pix_fmt, interpolation="AREA", threads=1
        )
