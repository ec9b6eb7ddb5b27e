"""What a video file says of itself: opening it, its one video stream, errors in the decoder's words.

`probe` looks at the headers and at the first picture, since rotation, field order and HDR are written on pictures.
Its colours, sizes and rates are claims that pictures may break; `frames` looks at every picture again.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from anicaption.colour import Colour, colour_of

VideoSource = str | Path | bytes

UNTAGGED = colour_of(2, 2, 2, 0, 0, 0, "yuv420p")
FIELD_ORDERS = {1: "progressive", 2: "tt", 3: "bb", 4: "tb", 5: "bt"}
LOOK_PACKETS = 120
"""So many packets are tried for a first picture; a stream that gives none by then is described by its headers."""


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
    pix_fmt: str = ""
    bit_depth: int = 8
    colour: Colour = UNTAGGED
    field_order: str = ""  # progressive, tt, bb, tb, bt (first letter coded, second shown first); "" where unsaid
    interlaced: bool = False  # whether the first picture is flagged so
    rotation_deg: int = 0  # to turn the picture counter-clockwise for showing: 0, 90, 180, 270
    start_pts: int | None = None  # where the container says that pictures begin
    mastered_nits: float | None = None  # peak of the mastering display, or else the brightest pixel, where stated
    pixel_aspect_declared: str = ""  # where it was not believed

    @property
    def shown_width_px(self) -> int:
        """Columns of the picture as it is shown, in pixels as wide as high."""
        if self.rotation_deg in (90, 270):
            return even(float(self.height_px / self.pixel_aspect)) if self.pixel_aspect != 1 else self.height_px
        return self.width_px if self.pixel_aspect == 1 else even(float(self.width_px * self.pixel_aspect))

    @property
    def shown_height_px(self) -> int:
        """Rows of the picture as it is shown."""
        return self.width_px if self.rotation_deg in (90, 270) else self.height_px


def even(size_px: float) -> int:
    """The nearest even number of pixels, at least 2: 4:2:0 pictures have no odd sides."""
    return max(2, 2 * round(size_px / 2))


def probe(source: VideoSource) -> Stream:
    """Read what the container says of its first video stream, and look at one picture.

    Raises VideoError where there is no readable container or no video stream in it.
    """
    with open_video(source) as container:
        stream = video_stream(container, source)
        context = stream.codec_context
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        if not rate or not stream.time_base:
            raise VideoError(name_of(source), "probe", "the stream declares no frame rate", "remux it with a rate")
        aspect, disbelieved = _pixel_aspect(stream)
        facts = {
            "source": name_of(source),
            "container": container.format.name,
            "codec": context.name,
            "time_base": Fraction(stream.time_base),
            "rate": Fraction(rate),
            "duration_s": _duration_s(container, stream),
            "n_frames": _n_frames(stream),
            "pixel_aspect": aspect,
            "pixel_aspect_declared": disbelieved,
            "start_pts": stream.start_time,
            "field_order": FIELD_ORDERS.get(context.field_order, ""),
        }
        picture = _first_picture(container, stream)
        of = picture if picture is not None else context
        pix_fmt = of.format.name if of.format else ""
        return Stream(
            **facts,
            width_px=of.width,
            height_px=of.height,
            pix_fmt=pix_fmt,
            bit_depth=max((part.bits for part in of.format.components), default=8) if of.format else 8,
            colour=read_colour(of, of.width, of.height, pix_fmt, source),
            interlaced=picture is not None and picture.interlaced_frame,
            rotation_deg=0 if picture is None else rotation_of(picture),
            mastered_nits=None if picture is None else mastered_nits(picture),
        )


def read_comment(source: VideoSource) -> str:
    """The comment that a file carries, "" where it has none: `write_video` leaves one where it is asked to."""
    with open_video(source) as container:
        return container.metadata.get("comment", "")


def open_video(source: VideoSource) -> InputContainer:
    """Open a container for reading; VideoError where it is none."""
    try:
        return av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source), "r")
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(name_of(source), "probe", error.strerror or str(error), _remedy(source)) from error


def video_stream(container: InputContainer, source: VideoSource) -> VideoStream:
    """The first video stream that is no cover picture."""
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams:
        kinds = sorted({stream.type for stream in container.streams}) or ["no stream"]
        raise VideoError(name_of(source), "probe", f"no video stream, only {', '.join(kinds)}", _remedy(source))
    return streams[0]


def read_colour(of, width_px: int, height_px: int, pix_fmt: str, source: VideoSource) -> Colour:
    """The colours of a picture or a codec context; VideoError where they cannot be read."""
    try:
        return colour_of(of.colorspace, of.color_primaries, of.color_trc, of.color_range, width_px, height_px, pix_fmt)
    except ValueError as error:
        raise VideoError(name_of(source), "colour", str(error), "convert it with a tool that reads it") from error


def rotation_of(picture: VideoFrame) -> int:
    """Degrees counter-clockwise to turn a picture for showing, of its display matrix."""
    return round(picture.rotation / 90) * 90 % 360


def name_of(source: VideoSource) -> str:
    """How a source is called in errors."""
    return f"<{len(source)} bytes>" if isinstance(source, bytes) else str(source)


def _remedy(source: VideoSource) -> str:
    if _lacks_index(source):
        return "its index (moov) is missing: the file was cut off; copy or record it again"
    return "give a video file"


def _lacks_index(source: VideoSource) -> bool:
    """Whether this begins as an mp4 but has no moov box among its first ones, so that nothing in it can be found."""
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            kinds, place = [], 0
            size_bytes = file.seek(0, io.SEEK_END)
            file.seek(0)
            while len(kinds) < 64 and len(head := file.read(16)) >= 8:
                size, kind = struct.unpack_from(">I4s", head)
                if size == 1 and len(head) == 16:
                    size = struct.unpack_from(">Q", head, 8)[0]
                place += size
                if size < 8 or place > size_bytes:
                    break
                kinds.append(kind)
                file.seek(place)
    except OSError:
        return False
    return kinds[:1] == [b"ftyp"] and b"moov" not in kinds


def _is_cover(stream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _pixel_aspect(stream: VideoStream) -> tuple[Fraction, str]:
    """Width of a pixel over its height; a pixel more than 4 times as long as wide is a broken header, and square."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    return (aspect, "") if Fraction(1, 4) <= aspect <= 4 else (Fraction(1), str(aspect))


def _n_frames(stream: VideoStream) -> int | None:
    """How many frames by the container's own word; None where an edit list leaves out some of those stored."""
    if any(entry.is_discard for entry in stream.index_entries):
        return None
    return stream.frames or None


def _first_picture(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """The first picture that decodes; None where none does soon. What is wrong, `frames` will say."""
    stream.codec_context.thread_count = 1
    try:
        for n_packets, packet in enumerate(container.demux(stream)):
            for picture in packet.decode():
                return picture
            if n_packets >= LOOK_PACKETS:
                break
    except av.error.FFmpegError:
        pass
    return None


def mastered_nits(picture: VideoFrame) -> float | None:
    """The peak that a picture was made for, of SMPTE ST 2086 data, or else the brightest pixel of CTA-861.3's."""
    stated = {side.type.name: bytes(side) for side in cast(Any, picture.side_data)}
    mastering, brightest = stated.get("MASTERING_DISPLAY_METADATA", b""), stated.get("CONTENT_LIGHT_LEVEL", b"")
    if len(mastering) >= 88:  # 8 + 2 + 1 fractions of two int32, the last of them the peak, then two flags
        most, of, _, has_luminance = struct.unpack_from("=4i", mastering, 72)
        if has_luminance and of and most > 0:
            return most / of
    if len(brightest) >= 4 and (most := struct.unpack_from("=I", brightest)[0]):
        return float(most)
    return None


def _duration_s(container, stream) -> float | None:
    """How long the pictures last by the container's own word; None where it speaks of other streams too.

    Matroska has no duration per stream in its headers, only in the tag that most muxers write. FFmpeg's tag, and its
    header, say when pictures end, counted from nought; mkvmerge's tag says how long they last.
    """
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    begin_s = 0.0
    if "matroska" in container.format.name and stream.time_base:
        begin_s = max(0.0, float((stream.start_time or 0) * stream.time_base))
    if tag := stream.metadata.get("DURATION"):
        hours, minutes, seconds = tag.split(":")
        end_s = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return end_s if "_STATISTICS_WRITING_APP" in stream.metadata else end_s - begin_s
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base - begin_s
    return None
