"""Who does the work: an `Engine` carries a plain callable to many items. The only file that knows Ray.

`on_ray` is the engine of the command; `in_turn` does the same in this process, for tests and for debugging a stage.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol


class Progress(Protocol):
    """Told what is going on; the command shows it as bars."""

    def begin(self, what: str, n_items: int) -> None: ...

    def at(self, name: str, frames: int, shots: int) -> None: ...

    def done(self, name: str, words: str) -> None: ...


class Silent:
    """Progress that nobody watches."""

    def begin(self, what: str, n_items: int) -> None: ...

    def at(self, name: str, frames: int, shots: int) -> None: ...

    def done(self, name: str, words: str) -> None: ...


class Engine(Protocol):
    """Calls `task(item, tell)` for every item, in any order; yields (item, result or the words of a lost worker)."""

    def __call__(
        self, task: Callable[..., Any], items: Sequence[Any], progress: Progress
    ) -> Iterator[tuple[Any, Any | LostWorker]]: ...


class NoCluster(ConnectionError):
    """Ray cannot be joined or started; the message says where and what to do."""


@dataclass(frozen=True)
class LostWorker:
    """A worker process died with an item, twice."""

    words: str


@contextmanager
def in_turn() -> Iterator[Engine]:
    """The engine that does one item after the other, here."""

    def each(task: Callable[..., Any], items: Sequence[Any], progress: Progress) -> Iterator[tuple[Any, Any]]:
        for item in items:
            name = getattr(item, "name", "")
            yield item, task(item, lambda frames, shots, name=name: progress.at(name, frames, shots))

    yield each


@contextmanager
def on_ray(address: str = "local") -> Iterator[Engine]:
    """The engine that runs every item as a Ray task of one CPU.

    "local" starts Ray for this run alone and never joins a stale cluster; any other address is joined, and the data
    set and the sources must be visible there under the same paths. A Ray that this process already runs is used.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    ours = not ray.is_initialized()
    if ours:
        dashboard = False if address == "local" else None
        try:
            ray.init(address=address, include_dashboard=dashboard, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise NoCluster(
                f"address: {address}: no Ray there ({error}); check that the cluster is up, or leave --address away"
            ) from error
    try:
        yield _ray_engine(ray)
    finally:
        if ours:
            ray.shutdown()


def _ray_engine(ray: Any) -> Engine:
    class Board:
        """Where tasks post how far they are."""

        def __init__(self) -> None:
            self.posts: dict[str, tuple[int, int]] = {}

        def post(self, name: str, frames: int, shots: int) -> None:
            self.posts[name] = (frames, shots)

        def take(self) -> dict[str, tuple[int, int]]:
            posts, self.posts = self.posts, {}
            return posts

    board = ray.remote(num_cpus=0)(Board).remote()

    def work(task: Callable[..., Any], item: Any, board: Any) -> Any:
        import cv2

        cv2.setNumThreads(1)
        name, last = getattr(item, "name", ""), [0.0]

        def tell(frames: int, shots: int) -> None:
            if time.monotonic() - last[0] > 0.25:
                last[0] = time.monotonic()
                board.post.remote(name, frames, shots)

        return task(item, tell)

    remote = ray.remote(num_cpus=1, max_retries=1)(work)

    def each(task: Callable[..., Any], items: Sequence[Any], progress: Progress) -> Iterator[tuple[Any, Any]]:
        shared, waiting = ray.put(task), deque(items)
        pending: dict[Any, Any] = {}
        in_flight = 4 * max(1, int(ray.cluster_resources().get("CPU", 1)))
        while waiting or pending:
            while waiting and len(pending) < in_flight:
                item = waiting.popleft()
                pending[remote.remote(shared, item, board)] = item
            done, _ = ray.wait(list(pending), timeout=0.25)
            for name, (frames, shots) in ray.get(board.take.remote()).items():
                progress.at(name, frames, shots)
            for reference in done:
                item = pending.pop(reference)
                try:
                    yield item, ray.get(reference)
                except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
                    yield item, LostWorker(str(error).splitlines()[0])

    return each
