"""Some frames of a short clip, decoded from the key frame before them: nothing else of it is decoded.

The pictures are those of `frames.read_clip`. A clip is entered only where a GOP is closed: pictures that are coded
after a key frame and shown before it lean on what came earlier.
"""

from __future__ import annotations

from fractions import Fraction

import av.error
import numpy as np
from av.packet import Packet

from anicaption.frames_convert import Converter
from anicaption.frames_picture import Frame
from anicaption.frames_probe import VideoError, VideoSource, name_of, open_video, read_colour, video_stream


def read_span(source: VideoSource, start: int, end: int, n_frames: int | None = None) -> np.ndarray:
    """Frames [start, end) in presentation order as RGB uint8 (T, H, W, 3), with one thread.

    For progressive, upright clips with time stamps, as ingest writes them. VideoError where a frame is missing or
    damaged, or where the clip has other than `n_frames` frames.
    """
    with open_video(source) as container:
        stream = video_stream(container, source)
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"err_detect": "explode"}  # else what leans on a damaged frame looks whole
        packets = [packet for packet in container.demux(stream) if packet.size]
        stamps = sorted(packet.pts for packet in packets if packet.pts is not None and not packet.is_discard)
        if n_frames not in (None, len(stamps)) or not 0 <= start < end <= len(stamps):
            asked = f"{n_frames} are expected" if n_frames not in (None, len(stamps)) else f"asked for {start}..{end}"
            raise _wrong(source, f"{len(stamps)} frames in it, {asked}")
        wanted = {stamp: place for place, stamp in enumerate(stamps[start:end])}
        convert, unit = Converter(), Fraction(stream.time_base or 0)
        found: dict[int, np.ndarray] = {}
        try:
            for packet in (*packets[_entry(packets, stamps[start]) :], None):
                for picture in stream.codec_context.decode(packet):
                    pts = -1 if picture.pts is None else picture.pts
                    if pts not in wanted:
                        continue
                    if picture.is_corrupt:
                        raise _wrong(source, f"frame {start + wanted[pts]} is damaged", len(found))
                    colour = read_colour(picture, picture.width, picture.height, picture.format.name, source)
                    found[pts] = Frame(start + wanted[pts], pts, unit, picture, colour=colour, _convert=convert).rgb()
                if len(found) == len(wanted):
                    break
        except av.error.FFmpegError as error:
            raise _wrong(source, error.strerror or str(error), len(found)) from error
    missing = [start + place for stamp, place in wanted.items() if stamp not in found]
    if missing:
        raise _wrong(source, f"frame {missing[0]} does not decode", len(found))
    return np.stack([found[stamp] for stamp in wanted])


def _entry(packets: list[Packet], stamp: int) -> int:
    """The place of the last key frame shown no later than `stamp` after which nothing is shown that lies before it."""
    earliest = stamp + 1
    for at in reversed(range(len(packets))):
        pts = packets[at].pts
        if pts is None:
            return 0
        if packets[at].is_keyframe and pts < earliest:
            return at
        earliest = min(earliest, pts)
    return 0


def _wrong(source: VideoSource, words: str, n_decoded: int = 0) -> VideoError:
    return VideoError(name_of(source), "decode", words, "put a good copy of it in its place", n_decoded)
