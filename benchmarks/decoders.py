"""`python -m benchmarks.decoders`: PyAV and decord on windows of clips that ingest writes: who is right, at what cost.

An episode is drawn, its frames encoded as ingest encodes clips, and windows of 1, 17, 33 and 81 frames decoded from
anywhere by both, in turn and in one process: CPU milliseconds a window, medians over rounds. Beside them stands the
whole clip decoded, as by a reader that knows no key frames. Conformance is every frame of every clip, in the whole and
alone; then of clips with open GOPs and of ten bits, which ingest never writes.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import tyro
from anicaption.frames import encode_clip, frames, read_clip
from animatrix_trainer.data.decode import Name, span

from benchmarks.figures import Figure, publish
from benchmarks.open_gops import open_gops, ten_bits
from benchmarks.road import drawn

WINDOWS = (1, 17, 33, 81)
DECODERS: tuple[Name, ...] = ("pyav", "decord")
INGEST = {"crf": 18, "preset": "superfast", "gop_frames": 12}
"""As animatrix-ingest writes clips where nothing else is asked for."""


@dataclass(frozen=True)
class Settings:
    """What is drawn and how often it is measured."""

    seed: int = 7101
    shots: int = 3
    height_px: int = 480
    clips: int = 3
    clip_frames: int = 121
    windows: int = 6
    """windows of each length a clip and round"""
    rounds: int = 3
    work: Path = Path("build/bench/road")
    """where the drawn films stay for the next run"""


def main(settings: Settings) -> None:
    """Draw, encode, compare, time, publish."""
    cv2.setNumThreads(1)
    film = drawn(settings.work, settings.seed, settings.height_px, settings.shots)
    pictures = (frame.rgb() for frame in frames(film))
    shots = [list(itertools.islice(pictures, settings.clip_frames)) for _ in range(settings.clips)]
    shots = [shot for shot in shots if len(shot) == settings.clip_frames]
    clips = [encode_clip(shot, **INGEST) for shot in shots]
    figures = [*costs(clips, settings), *conformance(clips, shots[0][:40], settings.clip_frames)]
    publish("decoders", "python -m benchmarks.decoders", figures)


def costs(clips: Sequence[bytes], settings: Settings) -> list[Figure]:
    """CPU milliseconds a window of each length: PyAV from the key frame before it, decord, and the whole clip."""
    rng, n = np.random.default_rng(0), settings.clip_frames
    starts = {length: rng.integers(0, n - length + 1, settings.windows).tolist() for length in WINDOWS}
    taken: dict[tuple[str, int], list[float]] = {}
    whole: list[float] = []
    for _, clip in itertools.product(range(settings.rounds), clips):
        whole.append(_cpu_ms(lambda clip=clip: read_clip(clip)))
        for length, name in itertools.product(WINDOWS, DECODERS):
            for start in starts[length]:
                cost = _cpu_ms(partial(span, name, clip, start, start + length, n))
                taken.setdefault((name, length), []).append(cost)
    mean = {key: statistics.median(values) for key, values in taken.items()}
    return [
        Figure(
            f"CPU ms a window of {length} of {n} frames, {settings.height_px} rows: PyAV from its key frame",
            mean["pyav", length],
            {"decord": mean["decord", length], "PyAV, the whole clip": statistics.median(whole)},
            "no more than decord",
            mean["pyav", length] <= mean["decord", length],
        )
        for length in WINDOWS
    ]


def conformance(clips: Sequence[bytes], pictures: Sequence[np.ndarray], n: int) -> list[Figure]:
    """Frames that differ from PyAV's linear decode by more than two levels, in percent: decord's and ours."""
    sets = {
        "clips of ingest": [(clip, n) for clip in clips],
        "open GOPs": [(open_gops(pictures), len(pictures))],
        "ten bits": [(ten_bits(pictures), len(pictures))],
    }
    found = []
    for title, some in sets.items():
        wrong: dict[Name, list[bool]] = {name: [] for name in DECODERS}
        for clip, length in some:
            truth = read_clip(clip)
            for name in wrong:
                for start, end in ((0, length), *((at, at + 1) for at in range(length))):
                    got = span(name, clip, start, end, length)
                    apart = np.abs(got.astype(np.int16) - truth[start:end]).max(axis=(1, 2, 3))
                    wrong[name] += (apart > 2).tolist()
        shares = {name: 100 * float(np.mean(each)) for name, each in wrong.items()}
        what = f"% of frames that are other than decoded in a row: {title}"
        found.append(Figure(what, shares["pyav"], {"decord": shares["decord"]}, "0", shares["pyav"] == 0))
    return found


def _cpu_ms(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return 1000 * (time.process_time() - began)


if __name__ == "__main__":
    main(tyro.cli(Settings))
