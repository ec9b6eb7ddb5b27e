"""Who does the work: an `Engine` carries a plain callable to many items. The only file that knows Ray.

`on_ray` is the engine of the command; `in_turn` does the same in this process, for tests and for debugging a stage.

Ray schedules: which node, when, how many nodes. What is ours is judgement, once Ray has said how a task ended. A
worker that dies is tried once more, for the machine may have been at fault; then its item is given up. A node that
dies takes nothing with it and counts against nobody. A task that tells nothing for too long, or takes more memory
than it may, is killed and given up. References and plain rows travel between tasks, pictures never.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from animatrix_ingest import counters
from animatrix_ingest.engine_actors import Pool
from animatrix_ingest.engine_tasks import Room, Tasks
from animatrix_ingest.limits import LostWorker, Needs, NoCluster, memory_bound

TASK, ACTOR = Needs(), Needs(cpus=0)
TASKS_PER_PROCESS = 64
"""A worker process is replaced after so many items, and with it whatever a decoder has leaked."""


class Progress(Protocol):
    """Told what is going on; the command shows it as bars."""

    def begin(self, what: str, n_items: int) -> None: ...

    def at(self, name: str, frames: int, shots: int) -> None: ...

    def done(self, name: str, words: str) -> None: ...

    def say(self, words: str) -> None: ...


class Silent:
    """Progress that nobody watches."""

    def begin(self, what: str, n_items: int) -> None: ...

    def at(self, name: str, frames: int, shots: int) -> None: ...

    def done(self, name: str, words: str) -> None: ...

    def say(self, words: str) -> None: ...


class Engine(Protocol):
    """Calls `task(item, tell)` for every item, in any order; yields (item, result or the words of a lost worker).

    A task calls `tell(frames, shots)` as it goes on, first with zeros when there is something to read. One that
    takes longer than its `stall_s` from one call to the next is held to be stalled. Without `needs`, the engine's
    own are meant.
    """

    def __call__(
        self, task: Callable[..., Any], items: Sequence[Any], progress: Progress, needs: Needs | None = None
    ) -> Iterator[tuple[Any, Any | LostWorker]]: ...


class Workshop(Engine, Protocol):
    """An engine that has long-lived workers too."""

    def on_actors(
        self,
        make: Callable[[], Callable[[Any], Any]],
        items: Iterable[Any],
        n: int,
        needs: Needs = ACTOR,
        in_flight: int = 2,
    ) -> Iterator[tuple[Any, Any | LostWorker]]:
        """Calls `make()` once in each of `n` long-lived workers, and what it gives with every item.

        For what is dear to begin with, as a model on a GPU. At most `in_flight` items wait at one worker, and items
        are taken from where they come from only as fast as that. The memory in `needs` is for Ray to schedule by.
        """
        ...


class _InTurn:
    """One item after the other, in this process."""

    def __call__(
        self, task: Callable[..., Any], items: Sequence[Any], progress: Progress, needs: Needs | None = None
    ) -> Iterator[tuple[Any, Any]]:
        for item in items:
            name = getattr(item, "name", "")
            yield item, task(item, lambda frames, shots, name=name: progress.at(name, frames, shots))

    def on_actors(
        self,
        make: Callable[[], Callable[[Any], Any]],
        items: Iterable[Any],
        n: int,
        needs: Needs = ACTOR,
        in_flight: int = 2,
    ) -> Iterator[tuple[Any, Any]]:
        call = make()
        for item in items:
            yield item, call(item)


@contextmanager
def in_turn() -> Iterator[Workshop]:
    """The engine that does one item after the other, here: no second process, so nothing is held to its needs."""
    yield _InTurn()


@contextmanager
def on_ray(address: str = "local", needs: Needs = TASK, wait_s: float = 900.0) -> Iterator[Workshop]:
    """The engine that runs every item as a Ray task.

    "local" starts Ray for this run alone and never joins a stale cluster; any other address is joined, and the data
    set and the sources must be visible there under the same names. A Ray that this process already runs is used.
    `needs` is what a task is given where the call does not say. A cluster without a machine for it is waited for as
    long as `wait_s`, since one that scales may grow.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    ours = not ray.is_initialized()
    if ours:
        dashboard = False if address == "local" else None
        try:
            ray.init(address=address, include_dashboard=dashboard, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises bare Exceptions too, as where its start takes more than 30 s
            raise NoCluster(
                f"address: {address}: no Ray there ({error}); check that the cluster is up, or leave --address away"
            ) from error
    try:
        yield _OnRay(ray, needs, 0.0 if ours and address == "local" else wait_s)
    finally:
        if ours:
            ray.shutdown()


class _Board:
    """An actor where tasks post how far they are, and their last words."""

    def __init__(self) -> None:
        self._posts: dict[int, tuple[int, int] | None] = {}
        self._words: dict[int, str] = {}

    def begin(self, number: int) -> None:
        self._posts[number] = None

    def post(self, number: int, frames: int, shots: int) -> None:
        self._posts[number] = (frames, shots)

    def last_words(self, number: int, words: str) -> None:
        self._words[number] = words

    def take(self) -> tuple[dict[int, tuple[int, int] | None], dict[int, str]]:
        taken = self._posts, self._words
        self._posts, self._words = {}, {}
        return taken


def _work(
    task: Callable[..., Any], item: Any, number: int, board: Any, needs: Needs, every_s: float
) -> counters.Worked:
    """What a worker process does with one item."""
    import cv2
    import ray

    cv2.setNumThreads(1)
    began, last = time.monotonic(), float("-inf")
    at = (0, 0)
    board.begin.remote(number)

    def tell(frames: int, shots: int) -> None:
        nonlocal last, at
        at = (frames, shots)
        if time.monotonic() - last > every_s:
            last = time.monotonic()
            board.post.remote(number, frames, shots)

    def beyond() -> None:
        ray.get(board.last_words.remote(number, needs.beyond_memory), timeout=5)

    with memory_bound(needs.memory_mib, beyond):
        result = task(item, tell)
    return counters.Worked(result, *at, time.monotonic() - began)


class _OnRay:
    """Items as Ray tasks and actor calls. `wait_s`: how long to wait for a machine that has what a task needs."""

    def __init__(self, ray: Any, needs: Needs, wait_s: float) -> None:
        self._ray, self._needs, self._wait_s = ray, needs, wait_s
        self._counts = Counts()

    def __call__(
        self, task: Callable[..., Any], items: Sequence[Any], progress: Progress, needs: Needs | None = None
    ) -> Iterator[tuple[Any, Any | LostWorker]]:
        ray, needs = self._ray, needs or self._needs
        board = _beside_us(ray, ray.remote(num_cpus=0, max_restarts=-1)(_Board)).remote()
        remote = ray.remote(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=needs.memory_mib << 20,
            max_retries=0,
            max_calls=TASKS_PER_PROCESS,
        )(_work)
        room = Room(ray, needs, self._wait_s)
        tasks = Tasks(ray, remote, board, task, items, progress, needs, room, self._counts)
        return iter(tasks)

    def on_actors(
        self,
        make: Callable[[], Callable[[Any], Any]],
        items: Iterable[Any],
        n: int,
        needs: Needs = ACTOR,
        in_flight: int = 2,
    ) -> Iterator[tuple[Any, Any | LostWorker]]:
        return iter(Pool(self._ray, make, items, n, needs, in_flight, Room(self._ray, needs, self._wait_s)))


class Counts:
    """Our counters as Ray's metrics."""

    def __init__(self) -> None:
        from ray.util import metrics

        prefix = counters.PREFIX
        self._counters = {n: metrics.Counter(prefix + n, w, tag_keys=t) for n, (w, t) in counters.COUNTERS.items()}
        self._gauges = {name: metrics.Gauge(prefix + name, words) for name, words in counters.GAUGES.items()}

    def add(self, name: str, value: float, tags: dict[str, str] | None = None) -> None:
        if value > 0:
            self._counters[name].inc(value, tags=tags or {})

    def show(self, **values: int) -> None:
        for name, value in values.items():
            self._gauges[name].set(value)


def _beside_us(ray: Any, actor: Any) -> Any:
    """An actor on the node of this process, so that it does not die with another."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    node = ray.get_runtime_context().get_node_id()
    return actor.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=True))
