"""Cadences with known truth: film frames turned into telecined, repeated, blended and interlaced video, and encoded.

A video frame is told by the two pictures its fields show. `Video` says so for every frame, so what a restorer must
give back is known exactly; which film frames hold one drawing is known from the drawn pixels before any encoder.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.filter
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream

FILM, NTSC, PAL = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25)
Mix = tuple[tuple[int, float], ...]  # (picture, weight): what one field shows


@dataclass(frozen=True)
class Video:
    """Every frame as the mixes of its top and bottom field, the state each frame belongs to, and what film made it.

    `film` lists the pictures that a perfect restorer yields, in order. `interlaced` says how it has to be encoded.
    """

    rate: Fraction
    tops: tuple[Mix, ...]
    bottoms: tuple[Mix, ...]
    states: tuple[str, ...]
    film: tuple[int, ...]
    interlaced: bool
    top_first: bool = True

    def __len__(self) -> int:
        return len(self.tops)


def progressive(pictures: Sequence[int], rate: Fraction, state: str, film: Iterable[int] | None = None) -> Video:
    """Whole frames, one after the other."""
    tops = tuple(((k, 1.0),) for k in pictures)
    made = tuple(pictures if film is None else film)
    return Video(rate, tops, tops, (state,) * len(tops), made, False)


def clean(n: int, rate: Fraction) -> Video:
    """Every picture once."""
    return progressive(range(n), rate, "progressive")


def repeated(n: int, phase: int = 0, first: int = 0) -> Video:
    """24 in 30: of every four pictures one is shown twice."""
    shown = [k for k in range(first, first + n) for _ in range(2 if (k - first) % 4 == phase % 4 else 1)]
    return progressive(shown, NTSC, "repeat_2_3", range(first, first + n))


def repeated_60(n: int, phase: int = 0) -> Video:
    """24 in 60: pictures shown three and two times by turns."""
    shown = [k for k in range(n) for _ in range(3 if (k + phase) % 2 else 2)]
    return progressive(shown, 2 * NTSC, "repeat_3_2", range(n))


def doubled(n: int) -> Video:
    """30 in 60: every picture twice."""
    return progressive([k for k in range(n) for _ in range(2)], 2 * NTSC, "repeat_2_2", range(n))


def telecined(n: int, phase: int = 0, first: int = 0, top_first: bool = True) -> Video:
    """Hard 3:2 pulldown: pictures last two and three fields by turns; `phase` fields are missing at its start."""
    fields = [k for k in range(first, first + n) for _ in range(3 if (k - first) % 2 else 2)][phase % 10 :]
    fields = fields[: len(fields) // 2 * 2]
    one, two = fields[0::2], fields[1::2]
    tops, bottoms = (one, two) if top_first else (two, one)
    both = sorted(set(tops) & set(bottoms))
    return Video(
        NTSC, tuple(((k, 1.0),) for k in tops), tuple(((k, 1.0),) for k in bottoms),
        ("telecine_3_2",) * len(tops), tuple(both), True, top_first,
    )  # fmt: skip


def shifted(n: int, top_first: bool = True) -> Video:
    """2:2 with the fields of one picture in two frames."""
    late, soon = tuple(((k, 1.0),) for k in range(n - 1)), tuple(((k, 1.0),) for k in range(1, n))
    tops, bottoms = (soon, late) if top_first else (late, soon)
    return Video(NTSC, tops, bottoms, ("shifted_2_2",) * (n - 1), tuple(range(1, n - 1)), True, top_first)


def interlaced(n: int, top_first: bool = True) -> Video:
    """Every field a picture of its own."""
    one, two = (tuple(((k, 1.0),) for k in range(start, n // 2 * 2, 2)) for start in (0, 1))
    tops, bottoms = (one, two) if top_first else (two, one)
    return Video(NTSC, tops, bottoms, ("interlaced",) * len(one), (), True, top_first)


def blended(n: int, fields: bool = True) -> Video:
    """A conversion to another rate by mixing: each field (or frame) mixes the two pictures around its time."""
    per_s = 60 if fields else 30
    mixes = []
    for i in range(n * per_s // 24 - per_s // 12):
        at = i * 24 / per_s
        k, part = int(at), round(at % 1, 3)
        mixes.append(((k, 1 - part), (k + 1, part)) if part else ((k, 1.0),))
    if not fields:
        return Video(NTSC, tuple(mixes), tuple(mixes), ("blended",) * len(mixes), (), False)
    mixes = mixes[: len(mixes) // 2 * 2]
    return Video(NTSC, tuple(mixes[0::2]), tuple(mixes[1::2]), ("blended",) * (len(mixes) // 2), (), True)


def joined(parts: Sequence[Video]) -> Video:
    """Parts of one rate one after the other, as an edit joins them."""
    flat = {
        name: tuple(x for part in parts for x in getattr(part, name)) for name in ("tops", "bottoms", "states", "film")
    }
    return Video(parts[0].rate, **flat, interlaced=any(p.interlaced for p in parts), top_first=parts[0].top_first)


def cut(video: Video, start: int, end: int) -> Video:
    """Frames [start, end) as an edit takes them; pictures of which a whole frame is no longer there are not film."""
    tops, bottoms = video.tops[start:end], video.bottoms[start:end]
    there = {k for k, _ in (x for mix in tops for x in mix)} & {k for k, _ in (x for mix in bottoms for x in mix)}
    film = tuple(k for k in video.film if k in there)
    return Video(video.rate, tops, bottoms, video.states[start:end], film, video.interlaced, video.top_first)


def pictures(video: Video, drawn: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames of the video as RGB uint8 (H, W, 3), woven out of the drawn pictures."""
    for top, bottom in zip(video.tops, video.bottoms, strict=True):
        frame = _mixed(top, drawn).copy()
        if bottom != top:
            frame[1::2] = _mixed(bottom, drawn)[1::2]
        yield frame


def scrolled(drawn: Sequence[np.ndarray], n: int, px_per_picture: float = 2.5) -> list[np.ndarray]:
    """Pictures of a camera that moves 60 times a second, as a video camera or a title machine does, shot after shot."""
    made = []
    for i in range(n):
        still = drawn[min(len(drawn) - 1, i // 120 * 24 + 12)]
        width = still.shape[1]
        at = (i % 120) * px_per_picture * (1 if i // 120 % 2 else 0.6)
        made.append(np.roll(still, -round(at), axis=1)[:, :width])
    return made


def _mixed(mix: Mix, drawn: Sequence[np.ndarray]) -> np.ndarray:
    if len(mix) == 1:
        return drawn[mix[0][0]]
    total = sum(weight * drawn[k].astype(np.float32) for k, weight in mix)
    return np.clip(np.rint(total), 0, 255).astype(np.uint8)


# How a video reaches us: container, codec, options, and a bit rate where quality cannot be asked for.
CODECS: dict[str, tuple[str, str, dict[str, str], int | None]] = {
    "h264": ("matroska", "libx264", {"crf": "20", "preset": "veryfast"}, None),
    "h264_hard": ("matroska", "libx264", {"crf": "28", "preset": "veryfast"}, None),
    "mpeg2": ("mpegts", "mpeg2video", {"flags": "+ildct+ilme", "g": "15", "bf": "2"}, 4_000_000),
}


def encode(path: Path, video: Video, frames: Iterable[np.ndarray], codec: str = "h264") -> Path:
    """Write the frames at the video's rate; interlaced video is coded as fields (MBAFF, or MPEG-2's) and flagged."""
    container, name, options, bit_rate = CODECS[codec]
    options = dict(options)
    if name == "libx264" and video.interlaced:
        options["x264-params"] = "tff=1" if video.top_first else "bff=1"
    if name == "mpeg2video" and not video.interlaced:
        options["flags"] = "+bitexact"
    flagged: Callable[[av.VideoFrame], av.VideoFrame] | None = None
    with av.open(str(path), "w", format=container) as output:
        stream = cast(VideoStream, output.add_stream(name, rate=video.rate))
        for index, image in enumerate(frames):
            if index == 0:
                stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "yuv420p"
                context = stream.codec_context
                context.thread_count = 1
                context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
                context.color_range = 1  # limited
                stream.codec_context.options = options
                if bit_rate:
                    stream.codec_context.bit_rate = bit_rate * image.shape[0] * image.shape[1] // (480 * 720)
                flagged = _flagger(image, video) if video.interlaced else None
            picture = _woven(image) if video.interlaced else _yuv(image)
            picture.pts, picture.time_base = index, 1 / video.rate
            output.mux(stream.encode(flagged(picture) if flagged else picture))
        output.mux(stream.encode(None))
    return path


def _yuv(image: np.ndarray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC,
    )  # fmt: skip


def _woven(image: np.ndarray) -> av.VideoFrame:
    """Interlaced pictures halve their colour field by field, or the fields would bleed into each other."""
    height, width = image.shape[:2]
    woven = np.empty((height * 3 // 2, width), np.uint8)
    chroma = woven[height:].reshape(2, height // 2, width // 2)
    for parity in (0, 1):
        field = _yuv(image[parity::2]).to_ndarray()
        woven[parity:height:2] = field[: height // 2]
        chroma[:, parity::2] = field[height // 2 :].reshape(2, height // 4, width // 2)
    return av.VideoFrame.from_ndarray(woven, format="yuv420p")


def _flagger(image: np.ndarray, video: Video) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """PyAV cannot set a frame's interlace flags; FFmpeg's setfield can."""
    graph = av.filter.Graph()
    height, width = image.shape[:2]
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=1 / video.rate)
    field = graph.add("setfield", "tff" if video.top_first else "bff")
    sink = graph.add("buffersink")
    source.link_to(field)
    field.link_to(sink)
    graph.configure()

    def flagged(picture: av.VideoFrame) -> av.VideoFrame:
        graph.push(picture)
        out = graph.pull()
        assert isinstance(out, av.VideoFrame)
        return out

    return flagged


def drawings(drawn: Sequence[np.ndarray]) -> list[int]:
    """The drawing of every picture: pictures with the same pixels as the one before share a number."""
    numbers = [0]
    for before, image in itertools.pairwise(drawn):
        numbers.append(numbers[-1] + (not np.array_equal(before, image)))
    return numbers
