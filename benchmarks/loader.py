"""`python -m benchmarks.loader --shards DIR`: CPU of our loader a sample, beside plain webdataset and raw tar reading.

All in one process, without workers, in turn over rounds; medians of CPU milliseconds a sample.

    bytes     the three files of a clip, at random places of the data set (ours), in the order of the tars (the others)
    pixels    a random window, cropped and scaled: ours decodes the window, webdataset's pipeline the clip it was handed
    sample    pixels, tags and prose of the window; for the others the record of the whole clip and its stored prose,
              which is what they can do with the data set as it is

Without --shards an episode is drawn and ingested first (minutes). Pages are warm; a tar that is read in its order from
a cold disk is quicker to come by than places anywhere in it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tyro
import webdataset
from anicaption.directive import prose
from anicaption.frames import read_clip
from anicaption.record import Record
from animatrix_trainer.config import Bucket, Recipe, Stage, Window
from animatrix_trainer.data.crop import fit
from animatrix_trainer.data.read import Batches, Shards

from benchmarks.figures import Figure, publish
from benchmarks.road import drawn

Parts = dict[str, bytes]
KINDS = ("mp4", "json", "txt")


@dataclass(frozen=True)
class Settings:
    """What is read and how often."""

    shards: Path | None = None
    """a data set of animatrix-ingest"""
    samples: int = 48
    """of each round"""
    rounds: int = 5
    frames: int = 33
    height_px: int = 240
    width_px: int = 416
    seed: int = 7101
    work: Path = Path("build/bench/loader")


def main(settings: Settings) -> None:
    """Read, time, publish."""
    cv2.setNumThreads(1)
    folder = settings.shards or _made(settings)
    window = Window(settings.frames, settings.height_px, settings.width_px)
    n_steps = settings.samples * (settings.rounds + 1)
    recipe = Recipe("loader", (Stage("only", steps=n_steps, buckets=(Bucket(window, 1),)),))
    ours = Ours(Batches(Shards(folder), recipe), settings.samples)
    tars = sorted(str(path) for path in (folder / "shards").glob("*.tar"))
    ways: dict[str, Callable[[], int]] = {}
    for name, samples in (("webdataset", lambda: _webdataset(tars)), ("tarfile", lambda: _tarfile(tars))):
        ways[f"bytes {name}"] = lambda samples=samples: _count(_some(samples(), settings.samples))
        ways[f"pixels {name}"] = lambda samples=samples: _pixels(_some(samples(), settings.samples), window)
        ways[f"sample {name}"] = lambda samples=samples: _samples(_some(samples(), settings.samples), window)
    ways |= {"bytes ours": ours.bytes, "pixels ours": ours.pixels, "sample ours": ours.samples, "plan ours": ours.plan}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(settings.rounds + 1):
        for name, way in ways.items():
            began = time.process_time()
            n = way()
            if number:  # the first round imports and fills caches of pages
                taken[name].append(1000 * (time.process_time() - began) / n)
        ours.at += settings.samples
    cost = {name: statistics.median(times) for name, times in taken.items()}
    size = f"{window.frames} frames of {window.width_px}x{window.height_px}"
    figures = [Figure("CPU ms a sample: which windows make the batch (plan)", cost["plan ours"])]
    for part, what in (("bytes", "the three files"), ("pixels", size), ("sample", f"{size}, tags, prose")):
        rivals = {name: cost[f"{part} {name}"] for name in ("webdataset", "tarfile")}
        goal = "no more than webdataset" if part != "bytes" else ""
        holds = cost[f"{part} ours"] <= rivals["webdataset"] if goal else None
        figures.append(Figure(f"CPU ms a sample: {part} ({what})", cost[f"{part} ours"], rivals, goal, holds))
    publish("loader", "python -m benchmarks.loader", figures)


class Ours:
    """Our loader's parts over the steps from `at` on; every round reads other samples, and no cache is warm."""

    def __init__(self, batches: Batches, n: int) -> None:
        self.batches, self.n, self.at = batches, n, 0

    def plan(self) -> int:
        for step in self._steps():
            self.batches.plan.step(step)
        return self.n

    def bytes(self) -> int:
        shards = self.batches.shards
        for step in self._steps():
            row = shards.row(self.batches.plan.step(step)[0].row)
            for kind in KINDS:
                shards.member(row, kind)
        return self.n

    def pixels(self) -> int:
        for step in self._steps():
            self.batches.shards.video(self.batches.plan.step(step)[0])
        return self.n

    def samples(self) -> int:
        self.batches.shards.forget()
        for step in self._steps():
            self.batches[step]
        return self.n

    def _steps(self) -> range:
        return range(self.at, self.at + self.n)


def _webdataset(tars: list[str]) -> Iterator[Parts]:
    data: Any = webdataset
    yield from data.WebDataset(tars, shardshuffle=False)


def _tarfile(tars: list[str]) -> Iterator[Parts]:
    for path in tars:
        with tarfile.open(path) as tar:
            parts: dict[str, dict[str, bytes]] = {}
            for member in tar:
                key, _, kind = member.name.partition(".")
                file = tar.extractfile(member)
                assert file is not None
                parts.setdefault(key, {})[kind] = file.read()
                if len(parts[key]) == len(KINDS):
                    yield parts.pop(key)


def _some(samples: Iterator[Parts], n: int) -> Iterator[Parts]:
    for _, sample in zip(range(n), samples, strict=False):
        yield sample


def _count(samples: Iterator[Parts]) -> int:
    return sum(1 for _ in samples)


def _pixels(samples: Iterator[Parts], window: Window) -> int:
    rng = np.random.default_rng(0)
    return sum(_window(sample["mp4"], window, rng) is not None for sample in samples)


def _samples(samples: Iterator[Parts], window: Window) -> int:
    rng, n = np.random.default_rng(0), 0
    for sample in samples:
        _window(sample["mp4"], window, rng)
        Record.from_json(json.loads(sample["json"])["record"]).tags()
        prose(sample["txt"].decode())
        n += 1
    return n


def _window(clip: bytes, window: Window, rng: np.random.Generator) -> np.ndarray:
    """A random window of a clip, by decoding it whole."""
    video = read_clip(clip)
    start = int(rng.integers(max(1, len(video) - window.frames + 1)))
    return fit(video[start : start + window.frames], window)


def _made(settings: Settings) -> Path:
    """A drawn episode, ingested; made once."""
    folder = settings.work / "set"
    if not (folder / "labels").exists():
        film = drawn(settings.work / "drawn", settings.seed, 480, 24)
        command = [sys.executable, "-m", "animatrix_ingest.cli", "run", str(film.parent), "--out", str(folder)]
        subprocess.run(command, check=True)
    return folder


if __name__ == "__main__":
    main(tyro.cli(Settings))
