"""An engine of forked processes for benchmarks: each item has a process of its own, with a time limit, and its
peak memory is read when it ends. A crash is then an exit status and not the end of the run.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from animatrix_ingest.engine import Engine, LostWorker, Progress
from animatrix_ingest.limits import Needs

MIB = 1 << 20


@dataclass(frozen=True)
class End:
    """How a process ended: "done", "raised ...", "killed by SIGSEGV", "over 20 s"; and what it cost."""

    words: str
    seconds: float
    cpu_s: float
    peak_mib: float


@dataclass
class Forks:
    """Runs items in forked processes, `at_once` of them side by side; `ends` remembers how each process ended."""

    limit_s: float = 20.0
    at_once: int = 2
    ends: dict[str, End] = field(default_factory=dict)

    @contextmanager
    def __call__(self) -> Iterator[Engine]:
        yield self._each

    def _each(
        self, task: Callable, items: Sequence, progress: Progress, needs: Needs | None = None
    ) -> Iterator[tuple[Any, Any]]:
        waiting, running = list(reversed(items)), []
        while waiting or running:
            while waiting and len(running) < self.at_once:
                running.append(_Fork(task, waiting.pop()))
            over = min(fork.began for fork in running) + self.limit_s - time.monotonic()
            select.select([fork.pipe for fork in running], [], [], max(0.0, over))
            for fork in list(running):
                if not fork.take() and time.monotonic() - fork.began <= self.limit_s:
                    continue
                running.remove(fork)
                end, result = fork.end(self.limit_s)
                self.ends[getattr(fork.item, "name", str(fork.item))] = end
                yield fork.item, LostWorker(end.words) if result is None else result[0]


class _Fork:
    """One forked process that works on one item and sends the pickled result through a pipe."""

    def __init__(self, task: Callable, item: Any) -> None:
        self.item, self.began, self._data, self._whole = item, time.monotonic(), b"", False
        self.pipe, write = os.pipe()
        sys.stdout.flush()
        self._child = os.fork()
        if self._child == 0:
            os.close(self.pipe)
            _work(task, item, write)
        os.close(write)
        os.set_blocking(self.pipe, False)

    def take(self) -> bool:
        """Read what the process has sent; True when it has closed its end."""
        while not self._whole:
            try:
                block = os.read(self.pipe, MIB)
            except BlockingIOError:
                break
            self._data += block
            self._whole = not block
        return self._whole

    def end(self, limit_s: float) -> tuple[End, tuple[Any] | None]:
        """Wait for the process, killing it where it has not finished."""
        if not self._whole:
            os.kill(self._child, signal.SIGKILL)
        _, status, used = os.wait4(self._child, 0)
        os.close(self.pipe)
        cost = time.monotonic() - self.began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        if not self._whole:
            return End(f"over {limit_s:g} s", *cost), None
        if os.WIFSIGNALED(status):
            return End(f"killed by {signal.Signals(os.WTERMSIG(status)).name}", *cost), None
        kind, value = pickle.loads(self._data)
        if kind == "raised":
            return End(f"raised {value}", *cost), None
        return End("done", *cost), (value,)


def _work(task: Callable, item: Any, write: int) -> None:
    """What the child does; it never returns."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        try:
            said = ("done", task(item, lambda frames, shots: None))
        except Exception as error:
            said = ("raised", f"{type(error).__name__}: {error}")
        with open(write, "wb") as pipe:
            pickle.dump(said, pipe)
    finally:
        os._exit(0)
