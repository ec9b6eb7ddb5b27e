"""What Ray costs: the same sources through the engine and in turn, with as many workers and without.

    python -m benchmarks.ray_overhead [FILM ...]     on a film of ten minutes at 6 frames a second, if none is given

CPU time is that of the workers alone, where the work is done, and beside it the wall time of the whole carrying:
Ray's own processes (raylet, store, agents) work when the machine is idle too.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from anicaption.frames import write_video
from animatrix_ingest import engine

from benchmarks.figures import Figure, publish
from benchmarks.mutate import pictures

ROUNDS = 5  # by turns: what else the machine does comes and goes within one


@dataclass(frozen=True)
class Timed:
    """A task that gives back its CPU seconds with its result."""

    task: Callable[..., Any]

    def __call__(self, item: Any, tell: Any) -> tuple[float, Any]:
        began = time.process_time()
        result = self.task(item, tell)
        return time.process_time() - began, result


@dataclass(frozen=True)
class Overhead:
    """Seconds without Ray and with it: CPU of the workers, and wall from the first item to the last."""

    cpu_in_turn_s: float
    cpu_on_ray_s: float
    wall_in_turn_s: float
    wall_on_ray_s: float

    @property
    def cpu(self) -> float:
        return self.cpu_on_ray_s / self.cpu_in_turn_s

    @property
    def wall(self) -> float:
        return self.wall_on_ray_s / self.wall_in_turn_s


def overhead(task: Callable[..., Any], items: Sequence[Any], times: int = 1) -> Overhead:
    """Carry `items` in turn and one at a time on Ray, `times` each by turns; medians.

    `task` must not remember what it did: give it a fresh place for what it writes, or let it write nothing. On Ray
    one item is given after the other, so that both have the machine for themselves. Ray's start is not counted.
    """
    rows: list[tuple[float, float, float, float]] = []
    with engine.on_ray() as on_ray, engine.in_turn() as in_turn:
        list(on_ray(Timed(task), items[:1], engine.Silent()))  # a worker process that has imported everything
        for _ in range(times):
            rows.append((*_carried(in_turn, task, items), *_carried(on_ray, task, items)))
    cpu_turn, wall_turn, cpu_ray, wall_ray = (statistics.median(column) for column in zip(*rows))
    return Overhead(cpu_turn, cpu_ray, wall_turn, wall_ray)


def _carried(carry: engine.Engine, task: Callable[..., Any], items: Sequence[Any]) -> tuple[float, float]:
    """(CPU seconds of the task, wall seconds) over all items."""
    cpu_s, began = 0.0, time.perf_counter()
    for item in items:
        for _, end in carry(Timed(task), [item], engine.Silent()):
            if isinstance(end, engine.LostWorker):
                raise RuntimeError(f"{item}: {end.words}")
            cpu_s += end[0]
    return cpu_s, time.perf_counter() - began


@dataclass(frozen=True)
class Measure:
    """The measuring pass over one film, telling of every frame as the ingest does; writes nothing."""

    def __call__(self, film: str, tell: Any) -> int:
        from anicaption.captioner import WATCH_ROWS_PX
        from anicaption.frames import frames, probe
        from anicaption.measure.onepass import Watch

        stream = probe(film)
        watch = Watch(stream.rate, stream.width_px, stream.height_px)
        n_frames = 0
        for frame in frames(film):
            watch.see(frame.rgb(min(WATCH_ROWS_PX, stream.height_px)), frame.rgb)
            n_frames += 1
            tell(n_frames, 0)
        return n_frames


def figures(found: Overhead) -> list[Figure]:
    return [
        Figure(
            "CPU time of the work on Ray over the same in turn",
            found.cpu,
            {"in turn, s": found.cpu_in_turn_s, "on Ray, s": found.cpu_on_ray_s},
            "at most 1.10",
            found.cpu <= 1.10,
        ),
        Figure(
            "wall time on Ray over the same in turn",
            found.wall,
            {"in turn, s": found.wall_in_turn_s, "on Ray, s": found.wall_on_ray_s},
        ),
    ]


def main(films: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        if not films:
            made = Path(folder) / "film.mkv"
            write_video(made, pictures((60,) * 60, 96, 128), Fraction(6), container="matroska")
            films = [str(made)]
        told = figures(overhead(Measure(), films, ROUNDS))
    publish("ray_overhead", "python -m benchmarks.ray_overhead", told)
    return 0 if all(figure.holds is not False for figure in told) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
