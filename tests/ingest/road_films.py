"""Films whose every picture says its number and shows patches of known colour, and what their clips must show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from anicaption.frames import frames, probe
from animatrix_ingest import engine, pipeline
from animatrix_ingest.keep import manifest, shards, video
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.recipes import Settings

FILM, NTSC, PAL = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25)
BITS = 9
PATCHES = np.array([(200, 40, 40), (40, 180, 60), (50, 60, 210), (220, 200, 40), (120, 120, 120), (200, 60, 190)])
ORDERS = ((0, 1, 2, 3, 4, 5), (3, 5, 0, 4, 1, 2), (2, 4, 5, 1, 0, 3))
LUMA_RB = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
SETTINGS = Settings(clip_height_px=144, min_shot_s=0.2, max_shot_s=5.0, crf=10, shard_mib=1)


def painted(shots: Sequence[int], width_px: int, height_px: int, seed: int = 0) -> list[np.ndarray]:
    """RGB pictures: above their number in black and white, then six patches, below a painting that slides."""
    rng = np.random.default_rng(seed)
    made: list[np.ndarray] = []
    bar, half = height_px // 6, height_px // 2
    for shot, n_frames in enumerate(shots):
        blobs = rng.integers(0, 256, (4, 8, 3), dtype=np.uint8)
        painting = cv2.resize(blobs, (width_px + 2 * n_frames, height_px - half), interpolation=cv2.INTER_CUBIC)
        for i in range(n_frames):
            picture = np.zeros((height_px, width_px, 3), np.uint8)
            picture[:bar] = _bars(len(made), width_px)
            picture[bar:half] = colours_of(shot)[_columns(width_px, len(PATCHES))]
            picture[half:] = painting[:, 2 * i : 2 * i + width_px]
            made.append(picture)
    return made


def colours_of(shot: int) -> np.ndarray:
    """The patches of a shot, from left to right; in no order that a pan would bring about."""
    return PATCHES[list(ORDERS[shot % len(ORDERS)])]


def _columns(width_px: int, n: int) -> np.ndarray:
    return np.minimum(np.arange(width_px) * n // width_px, n - 1)


def _bars(number: int, width_px: int) -> np.ndarray:
    bits = np.array([220 if number >> bit & 1 else 30 for bit in range(BITS)], np.uint8)
    return bits[_columns(width_px, BITS)][None, :, None]


def number_of(rgb: np.ndarray) -> int:
    """The number that a picture says, at any size."""
    height, width = rgb.shape[:2]
    row = rgb[height // 24 : height // 8].mean((0, 2))
    return sum(int(row[int((bit + 0.5) * width / BITS)] > 125) << bit for bit in range(BITS))


def patches_of(rgb: np.ndarray) -> np.ndarray:
    """The middles of the patches."""
    height, width = rgb.shape[:2]
    wide = width / len(PATCHES)
    rows = slice(height * 5 // 18, height * 7 // 18)
    return np.array([
        rgb[rows, int((i + 0.35) * wide) : int((i + 0.65) * wide) + 1].mean((0, 1)) for i in range(len(PATCHES))
    ])  # fmt: skip


def as_pq(rgb: np.ndarray, white_nits: float = 203.0) -> np.ndarray:
    """A BT.709 picture as R'G'B' of BT.2020 and PQ (0 to 255, not rounded), its white at paper white."""
    light = (rgb / 255.0) ** 2.4 @ TO_2020.T
    power = (light * white_nits / 10000) ** (2610 / 16384)
    return 255 * ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def coded(rgb: np.ndarray, matrix: str = "bt709", full: bool = False, depth: int = 8) -> list[np.ndarray]:
    """Y, U, V of RGB by the definition; colour at half the rows and columns."""
    red, blue = LUMA_RB[matrix]
    r, g, b = np.moveaxis(rgb / 255.0, -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    u, v = (c.reshape(c.shape[0] // 2, 2, c.shape[1] // 2, 2).mean((1, 3)) for c in (u, v))
    unit, top = 2 ** (depth - 8), 2**depth - 1
    wide = (top * y, top * u + 128 * unit, top * v + 128 * unit)
    narrow = (unit * (16 + 219 * y), unit * (128 + 224 * u), unit * (128 + 224 * v))
    return [np.clip(np.rint(plane), 0, top) for plane in (wide if full else narrow)]


@dataclass(frozen=True)
class Made:
    """How a film is coded (`matrix`, `full`) and what it says of itself (`tags` in H.273 codes, `rate`, `sar`)."""

    container: str = "matroska"
    codec: str = "libx264"
    rate: Fraction = FILM
    stamps: tuple[int, ...] | None = None
    time_base: Fraction | None = None
    pix_fmt: str = "yuv420p"
    matrix: str = "bt709"
    full: bool = False
    tags: tuple[int, int, int, int] | None = (1, 1, 1, 1)
    sar: Fraction = Fraction(1)
    rotation: int = 0
    b_frames: int | None = None
    options: tuple[tuple[str, str], ...] = (("crf", "8"), ("preset", "veryfast"))

    def write(self, place: Path, pictures: Iterable[np.ndarray]) -> Path:
        place.parent.mkdir(parents=True, exist_ok=True)
        depth = 10 if "10" in self.pix_fmt else 8
        with av.open(str(place), "w", format=self.container) as output:
            stream: Any = output.add_stream(self.codec, rate=self.rate)
            context = stream.codec_context
            for index, rgb in enumerate(pictures):
                rgb = np.rot90(rgb, -self.rotation // 90)
                if index == 0:
                    stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], self.pix_fmt
                    context.thread_count, context.gop_size = 1, 12
                    context.time_base = self.time_base or 1 / self.rate
                    context.options = dict(self.options)
                    context.sample_aspect_ratio = self.sar
                    context.bit_rate = 0 if self.codec in ("libx264", "libx265", "libsvtav1") else 6_000_000
                    if self.b_frames is not None:
                        context.max_b_frames = self.b_frames
                    if self.tags:
                        context.colorspace, context.color_primaries, context.color_trc, context.color_range = self.tags
                    if self.rotation:
                        stream.set_display_rotation(self.rotation)
                picture = _picture(coded(rgb, self.matrix, self.full, depth), self.pix_fmt, depth)
                if self.tags:
                    picture.colorspace, picture.color_primaries, picture.color_trc, picture.color_range = self.tags
                picture.pts = self.stamps[index] if self.stamps else index
                picture.time_base = self.time_base or 1 / self.rate
                output.mux(stream.encode(picture))
            output.mux(stream.encode(None))
        return place


def _picture(planes: list[np.ndarray], pix_fmt: str, depth: int) -> Any:
    picture: Any = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], pix_fmt)
    dtype = np.uint16 if depth > 8 else np.uint8
    for plane, part in zip(picture.planes, planes):
        row = plane.line_size // np.dtype(dtype).itemsize
        np.frombuffer(plane, dtype).reshape(-1, row)[: part.shape[0], : part.shape[1]] = part.astype(dtype)
    return picture


@dataclass(frozen=True)
class Clip:
    """A clip as it was read back: its row, what its json says, its bytes, the numbers and times of its pictures."""

    row: dict[str, Any]
    said: dict[str, Any]
    data: bytes
    numbers: list[int]
    times_s: list[Fraction]
    patches: np.ndarray


def ingested(sources: Sequence[Path], out: Path, settings: Settings = SETTINGS) -> pipeline.Summary:
    return pipeline.run([str(source) for source in sources], out, settings, engine.in_turn)


def clips_of(out: Path | str) -> list[Clip]:
    """The clips of a data set in the order of their sources, read back from the shards."""
    store = open_store(out)
    rows = sorted(manifest.load(store).to_pylist(), key=lambda row: (row["source"], row["start_frame"]))
    return [_read(store, row) for row in rows]


def _read(store: Any, row: dict[str, Any]) -> Clip:
    data = shards.read_member(store, row["shard"], row["offset"], row["length"])
    said = json.loads(shards.read_member(store, row["shard"], row["json_offset"], row["json_length"]))
    read = list(frames(data))
    pictures = [frame.rgb() for frame in read]
    times_s = [(frame.pts - read[0].pts) * frame.time_base for frame in read]
    patches = np.mean([patches_of(rgb) for rgb in pictures[1:-1]], axis=0)
    return Clip(row, said, data, [number_of(rgb) for rgb in pictures], times_s, patches)


def check_road(
    place: Path, out: Path, times_s: Sequence[Fraction], slack_s: Fraction = Fraction(3, 2000)
) -> list[Clip]:
    """Everything that holds of the clips of one film whose picture k is shown at times_s[k], whatever its format."""
    store = open_store(out)
    now = video.load(store)
    (source,) = video.read(store, now.sources, video.SOURCES).to_pylist()
    losses = video.read(store, now.losses, video.LOSSES).to_pylist()
    clips = clips_of(out)
    assert source["outcome"] == "kept", source["reason"]
    spans = sorted([(c.row["start_frame"], c.row["end_frame"]) for c in clips]
                   + [(loss["start_frame"], loss["end_frame"]) for loss in losses])  # fmt: skip
    assert [a for a, _ in spans] == [0, *(b for _, b in spans[:-1])] and spans[-1][1] == source["n_frames"]
    assert (len(clips), len(losses)) == (source["kept"], source["dropped"] + source["dead"])

    first, stream = next(frames(place)), probe(place)
    shift_s = first.pts * stream.time_base - times_s[number_of(first.rgb())]
    numbers = [number for clip in clips for number in clip.numbers]
    assert numbers == sorted(set(numbers)), "a frame is there twice, or out of order"
    for clip in clips:
        row = clip.row
        assert len(clip.numbers) == row["n_frames"] == row["end_frame"] - row["start_frame"]
        assert Fraction(row["time_base"]) == stream.time_base
        start_s = times_s[clip.numbers[0]] + shift_s
        assert abs(row["start_pts"] * stream.time_base - start_s) <= slack_s
        end_s = times_s[clip.numbers[-1] + 1] + shift_s if clip.numbers[-1] + 1 < len(times_s) else None
        assert end_s is None or abs(row["end_pts"] * stream.time_base - end_s) <= slack_s
        for number, at_s in zip(clip.numbers, clip.times_s):
            assert abs(at_s - (times_s[number] - times_s[clip.numbers[0]])) <= slack_s, (number, at_s)
        check_stream(clip)
        same = ("key", "source_sha256", "start_pts", "end_pts", "time_base", "start_frame", "end_frame", "rate")
        assert {name: clip.said[name] for name in same} == {name: row[name] for name in same}
    return clips


def check_stream(clip: Clip) -> None:
    """Square pixels, BT.709 limited and tagged so in all four tags, progressive."""
    made = probe(clip.data)
    colour = made.colour
    tags = (colour.matrix_declared, colour.primaries_declared, colour.transfer_declared, colour.range_declared)
    assert tags == ("bt709", "bt709", "bt709", "limited")
    assert (made.pixel_aspect, made.codec, made.bit_depth, made.interlaced) == (1, "h264", 8, False)
    assert (made.width_px, made.height_px) == (clip.row["width_px"], clip.row["height_px"])


def check_colours(clip: Clip, shot: int, steps: float = 6.0) -> None:
    off = np.abs(clip.patches - colours_of(shot))
    assert off.max() <= steps, f"shot {shot}: patches {clip.patches.round().tolist()}"
