"""`python -m benchmarks.cost`: CPU time per 720p frame of everything that one decode feeds in ingest, by name.

One drawn episode, as it is and with film grain laid over it (the bitrates are printed: a ratio to decode moves with
them), beside bare PyAV decode and PySceneDetect's Adaptive detector. The parts run inside the real pass: each is
replaced by a proxy that passes everything on and counts the CPU time of its thread. Rounds are interleaved and the
medians are shown; machines are noisy, so read ratios. Ingest's own share has a row for all of it and for each part:
its observers, the cadence and the conversion to a clip's picture (each part of the clock of the thread that looks).
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from anicaption.captioner import WATCH_ROWS_PX
from anicaption.frames import FILM_RATE, frames, probe, write_video
from anicaption.measure import onepass
from animatrix_ingest.recipes import Settings as IngestSettings
from animatrix_ingest.watch.cadence import restored
from animatrix_ingest.watch.observers import Observers

from benchmarks.figures import Figure, publish
from benchmarks.road import adaptive_its_own_way, adaptive_on_same_frames, decode, drawn

GOAL_MS = 10.0  # over bare decode, the whole pass
OBSERVERS_MS = 1.5  # all that looks at a frame in ingest besides the pass and the shot detector
PART_MS = 1.0  # an estimator that costs more runs only where a cheaper one asks for it
GRAIN_LEVELS = 7.0  # standard deviation of the grain, grey levels
GRAIN_ROWS_PX = 360  # grain is laid at half the size of 720p and grows to it: film grain is no pixel noise


@dataclass(frozen=True)
class Settings:
    """What is drawn and how often it is measured."""

    seed: int = 7101
    shots: int = 3
    height_px: int = 720
    rounds: int = 3
    work: Path = Path("build/bench/road")
    """where the drawn films stay for the next run"""


class Timed:
    """Stands in for a part of the pass and adds up the CPU seconds that its calls take."""

    def __init__(self, part: Any, name: str, spent: dict[str, float]) -> None:
        self._part, self._name, self._spent = part, name, spent

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._part, name)
        return self._counted(value) if callable(value) else value

    def __call__(self, *args: Any) -> Any:
        return self._counted(self._part)(*args)

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            start = time.thread_time()
            answer = call(*args)
            self._spent[self._name] += time.thread_time() - start
            return answer

        return counted


def main(settings: Settings) -> None:
    """Draw, add grain, time, publish."""
    clean = drawn(settings.work, settings.seed, settings.height_px, settings.shots)
    publish("cost", "python -m benchmarks.cost", figures(clean, grainy(clean), settings.rounds))


def figures(clean: Path, grain: Path, rounds: int) -> list[Figure]:
    """The table: every way of watching, then every part of ours, in milliseconds of CPU per frame."""
    spent = {path: measured(path, rounds) for path in (clean, grain)}
    films = ", ".join(
        f"{_bitrate_mbps(path):.1f} Mbit/s {name}" for path, name in ((clean, "clean"), (grain, "grainy"))
    )
    plain, rough = spent[clean], spent[grain]
    added = {path: one["pass"] - one["decode"] for path, one in spent.items()}
    figures = [
        Figure(
            f"ms per frame over bare decode: the whole pass ({films})", added[clean],
            {"with film grain": added[grain], **_beside(plain)}, f"at most {GOAL_MS:g}",
            max(added.values()) <= GOAL_MS,
        )
    ]  # fmt: skip
    observed = {path: sum(one[name] for name in one if name.startswith("ingest: ")) for path, one in spent.items()}
    figures.append(
        Figure(
            "ms per frame: all that looks in ingest besides the pass", observed[clean],
            {"with film grain": observed[grain]}, f"at most {OBSERVERS_MS:g}", max(observed.values()) <= OBSERVERS_MS,
        )
    )  # fmt: skip
    parts = sorted((name for name in plain if name not in WAYS), key=lambda name: -plain[name])
    for name in parts:
        most = max(plain[name], rough[name])
        figures.append(
            Figure(
                f"ms per frame: {name}", plain[name], {"with film grain": rough[name]}, f"at most {PART_MS:g}",
                most <= PART_MS,
            )
        )  # fmt: skip
    return figures


def _beside(spent: dict[str, float]) -> dict[str, float]:
    return {
        "bare PyAV decode itself": spent["decode"],
        "PySceneDetect Adaptive, same frames": spent["adaptive"] - spent["decode"],
        "PySceneDetect Adaptive, its own way": spent["adaptive, its own way"] - spent["decode"],
    }


def watch(video: Path) -> None:
    """The whole measuring pass."""
    stream = probe(video)
    watched = onepass.Watch(stream.rate, stream.width_px, stream.height_px)
    for frame in frames(video):
        watched.see(frame.rgb(min(WATCH_ROWS_PX, stream.height_px)), frame.rgb)
    watched.tracks()


WAYS: dict[str, Callable[[Path], None]] = {
    "decode": decode,
    "pass": watch,
    "adaptive": adaptive_on_same_frames,
    "adaptive, its own way": adaptive_its_own_way,
}


def measured(video: Path, rounds: int) -> dict[str, float]:
    """Milliseconds of CPU per frame of every way and every part, medians of `rounds`."""
    n_frames = sum(1 for _ in frames(video))
    spent: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, way in WAYS.items():
            start = time.process_time()
            way(video)
            spent[name].append(time.process_time() - start)
        for name, seconds in (by_part(video) | by_observer(video)).items():
            spent[name].append(seconds)
    return {name: 1000 * statistics.median(values) / n_frames for name, values in spent.items()}


def by_part(video: Path) -> dict[str, float]:
    """CPU seconds of each part of the pass over one film, by the name of its class or function."""
    stream = probe(video)
    spent: defaultdict[str, float] = defaultdict(float)
    shared = {name: getattr(onepass, name) for name in ("align", "match_light", "Picture")}
    for name, part in shared.items():
        setattr(onepass, name, Timed(part, name, spent))
    try:
        watched = onepass.Watch(stream.rate, stream.width_px, stream.height_px)
        for name, part in vars(watched).items():
            if isinstance(part, list):
                setattr(watched, name, [Timed(one, type(one).__name__, spent) for one in part])
            elif hasattr(part, "see") or (callable(part) and part is not None):
                setattr(watched, name, Timed(part, type(part).__name__, spent))
        for frame in frames(video):
            start = time.thread_time()
            small = frame.rgb(min(WATCH_ROWS_PX, stream.height_px))
            spent["Frame.rgb"] += time.thread_time() - start
            watched.see(small, frame.rgb)
    finally:
        for name, part in shared.items():
            setattr(onepass, name, part)
    return dict(spent)


def by_observer(video: Path) -> dict[str, float]:
    """CPU seconds of each observer of ingest over one film, of undoing its cadence and of making clip pictures."""
    stream = probe(video)
    spent: defaultdict[str, float] = defaultdict(float)
    watched = Observers(stream)
    for name, part in vars(watched).items():
        if hasattr(part, "see"):
            setattr(watched, name, Timed(part, f"ingest: {type(part).__name__}", spent))
    decoded = _spent_on(frames(video), "decode", spent)
    for item in _spent_on(restored(decoded, stream), "decode and cadence", spent):
        small = item.frame.rgb(min(WATCH_ROWS_PX, stream.height_px), stream.pixel_aspect)
        watched.see(item.frame, small)
        start = time.thread_time()
        item.frame.clip_picture(IngestSettings().clip_height_px, stream)
        spent["Frame.clip_picture"] += time.thread_time() - start
    spent["cadence"] = spent.pop("decode and cadence") - spent.pop("decode")
    return dict(spent)


def _spent_on(items: Iterator[Any], name: str, spent: dict[str, float]) -> Iterator[Any]:
    """The same items; the CPU seconds of making them are added up."""
    while True:
        start = time.thread_time()
        item = next(items, None)
        spent[name] += time.thread_time() - start
        if item is None:
            return
        yield item


def grainy(clean: Path) -> Path:
    """The same film with grain; kept beside it."""
    path = clean.with_name(clean.stem + "-grain.mkv")
    if not path.exists():
        write_video(path, _grained(clean), FILM_RATE, container="matroska", crf=17, preset="superfast", gop_frames=24)
    return path


def _grained(video: Path):
    rng = np.random.default_rng(1)
    fields: list[np.ndarray] = []
    for frame in frames(video):
        picture = frame.rgb()
        times = max(1, picture.shape[0] // GRAIN_ROWS_PX)
        if not fields:
            small = (12, picture.shape[0] // times + 1, picture.shape[1] // times + 1)
            fields = list(rng.normal(0, GRAIN_LEVELS, small).astype(np.float32).repeat(times, 1).repeat(times, 2))
        field = np.roll(fields[int(rng.integers(len(fields)))], tuple(rng.integers(0, 200, 2)), (0, 1))
        field = field[: picture.shape[0], : picture.shape[1], None]
        yield np.clip(picture + field, 0, 255).astype(np.uint8)


def _bitrate_mbps(video: Path) -> float:
    stream = probe(video)
    n_frames = sum(1 for _ in frames(video))
    return video.stat().st_size * 8 * float(stream.rate) / n_frames / 1e6


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
