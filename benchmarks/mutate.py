"""Small valid films in every container and codec that can be written here, and damaged copies of them.

A mutant is a pure function of its seed: which film, which kind of damage, where. Three kinds of damage, as files
meet them: flipped bits (a bad disk), truncation (a broken copy), and a header that belongs to another film (a
download pieced together wrongly).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import PictureType
from av.video.stream import VideoStream

RATE = Fraction(24)
SHOTS = (14, 18)
KINDS = ("bit flips", "truncation", "spliced header")


@dataclass(frozen=True)
class Film:
    """A way to write a film: ending, container, encoder, pixel format and the encoder's options."""

    name: str
    ending: str
    container: str
    codec: str
    pixels: str = "yuv420p"
    options: tuple[tuple[str, str], ...] = ()


FILMS = (
    Film("H.264 in mkv", "mkv", "matroska", "libx264"),
    Film("H.264 in mp4", "mp4", "mp4", "libx264"),
    Film("H.264 in ts", "ts", "mpegts", "libx264"),
    Film("MPEG-4 in avi", "avi", "avi", "mpeg4"),
    Film("H.264 in avi", "avi", "avi", "libx264", options=(("x264-params", "bframes=0"),)),
    Film("MPEG-2 interlaced in mpg", "mpg", "mpeg", "mpeg2video", options=(("flags", "+ildct+ilme"),)),
    Film("MPEG-2 interlaced in ts", "ts", "mpegts", "mpeg2video", options=(("flags", "+ildct+ilme"),)),
    Film("VP9 in webm", "webm", "webm", "libvpx-vp9", options=(("deadline", "realtime"), ("cpu-used", "8"))),
    Film("AV1 in webm", "webm", "webm", "libsvtav1", options=(("preset", "12"), ("svtav1-params", "lp=1"))),
    Film("AV1 in mp4", "mp4", "mp4", "libsvtav1", options=(("preset", "12"), ("svtav1-params", "lp=1"))),
    Film("HEVC 10-bit in mkv", "mkv", "matroska", "libx265", "yuv420p10le", (("x265-params", "log-level=none"),)),
    Film("HEVC 10-bit in mp4", "mp4", "mp4", "libx265", "yuv420p10le", (("x265-params", "log-level=none"),)),
    Film("HEVC 10-bit in ts", "ts", "mpegts", "libx265", "yuv420p10le", (("x265-params", "log-level=none"),)),
    # No Theora encoder comes with PyAV; VP8 in Ogg tries the same container.
    Film("VP8 in ogv", "ogv", "ogg", "libvpx", options=(("deadline", "realtime"), ("cpu-used", "8"))),
)


@dataclass(frozen=True)
class Mutant:
    """A damaged film: its file name, the film it was, and the damage in words."""

    name: str
    film: str
    kind: str
    words: str
    data: bytes


def pictures(shots: tuple[int, ...] = SHOTS, height_px: int = 48, width_px: int = 64, seed: int = 0) -> Iterator:
    """RGB pictures of shots of these lengths: each a painting of its own that slides a little."""
    rng = np.random.default_rng(seed)
    for n_frames in shots:
        blobs = rng.integers(0, 256, (4, 8, 3), dtype=np.uint8)
        painting = cv2.resize(blobs, (2 * width_px + n_frames, height_px), interpolation=cv2.INTER_CUBIC)
        for i in range(n_frames):
            yield np.ascontiguousarray(painting[:, i : i + width_px])


def write(film: Film, place: Path) -> bytes:
    """Write a film there and return its bytes."""
    with av.open(str(place), "w", format=film.container) as output:
        stream = output.add_stream(film.codec, rate=RATE, options=dict(film.options))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, film.pixels
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size = 8
        for index, picture in enumerate(pictures()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=film.pixels)
            frame.pts, frame.time_base, frame.pict_type = index, 1 / RATE, PictureType.NONE
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return place.read_bytes()


def films(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Every film as {name: (ending, bytes)}."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 greets at length; 1: errors only
    return {film.name: (film.ending, write(film, folder / f"{i:02d}.{film.ending}")) for i, film in enumerate(FILMS)}


def mutants(whole: dict[str, tuple[str, bytes]], n: int, seed: int = 1) -> Iterator[Mutant]:
    """`n` damaged copies: films and kinds of damage take turns, so that every pair of them is met."""
    names = list(whole)
    for index in range(n):
        rng = np.random.default_rng([seed, index])
        name, kind = names[index % len(names)], KINDS[index // len(names) % len(KINDS)]
        ending, data = whole[name]
        if kind == "bit flips":
            words, damaged = flipped(data, rng)
        elif kind == "truncation":
            words, damaged = truncated(data, rng)
        else:
            other = names[int(rng.integers(len(names)))]
            words, damaged = spliced(data, whole[other][1], rng)
            words += f" of {other}"
        yield Mutant(f"{index:03d}.{ending}", name, kind, words, damaged)


def flipped(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Flip 1 to 256 bits; half of the time only among the first 2 KiB, where headers lie."""
    n_bits = int(2 ** rng.uniform(0, 8))
    end = min(len(data), 2048) if rng.random() < 0.5 else len(data)
    damaged = np.frombuffer(data, np.uint8).copy()
    for place in rng.integers(end, size=n_bits):
        damaged[place] ^= np.uint8(1 << int(rng.integers(8)))
    return f"{n_bits} bits flipped in the first {end} bytes", damaged.tobytes()


def truncated(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Keep the front; now and then only the back, or nothing at all."""
    at = int(rng.integers(len(data)))
    chance = rng.random()
    if chance < 0.05:
        return "empty", b""
    if chance < 0.2:
        return f"the first {at} of {len(data)} bytes are missing", data[at:]
    return f"cut at {at} of {len(data)} bytes", data[:at]


def spliced(data: bytes, other: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Put the front of another film before or over the front of this one."""
    head = int(2 ** rng.uniform(3, 12))
    if rng.random() < 0.5:
        return f"{head} bytes in front", other[:head] + data
    return f"{head} bytes laid over the front", other[:head] + data[head:]
