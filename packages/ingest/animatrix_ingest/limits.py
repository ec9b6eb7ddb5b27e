"""What one task asks of a machine, how it can be lost, and the watch that holds it to its memory. No Ray here.

Two walls bound a worker's memory. A thread reads the resident memory ten times a second and ends the process that
is over its bound, after saying so: this is what a dead letter tells. And the operating system refuses private memory
well beyond the bound (RLIMIT_DATA), so that a single huge request of a broken header, or a step that lets no
other thread run, cannot take the machine before the thread looks. RLIMIT_AS would count Ray's shared object store.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
LOOK_S = 0.1
HARD, SLACK_MIB = 1.5, 1024
"""The second wall: half as much again, for stacks of threads that are never touched, and what pyarrow's allocator
reserves at once when it is first used."""


class NoCluster(ConnectionError):
    """Ray cannot be joined or started, or has no machine for the work; the message says where and what to do."""


@dataclass(frozen=True)
class LostWorker:
    """An item whose worker died twice, stalled, or took more memory than it may."""

    words: str


@dataclass(frozen=True)
class Needs:
    """What one task is given: Ray schedules and scales by it, and it is held to `memory_mib` and `stall_s`.

    `stall_s` is how long a task may go from one word to the next about how far it is; None: as long as it likes.
    `first_s` is how long it may take to its first word: a source is fetched first, and may wait for room in a cache.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_mib: int = 2048
    stall_s: float | None = 120.0
    first_s: float = 7 * 3600.0

    def __post_init__(self) -> None:
        for name, least in (("cpus", 0), ("gpus", 0), ("memory_mib", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"needs.{name}: {getattr(self, name)} is less than {least}")
        if self.stall_s is not None and self.stall_s <= 0:
            raise ValueError(f"needs.stall_s: {self.stall_s} is not a time; give seconds, or None for no limit")
        if self.first_s <= 0:
            raise ValueError(f"needs.first_s: {self.first_s} is not a time; give seconds")

    def __str__(self) -> str:
        gpus = f", {self.gpus:g} GPU" if self.gpus else ""
        return f"{self.cpus:g} CPU{gpus} and {gib(self.memory_mib)} of memory"

    @property
    def beyond_memory(self) -> str:
        """The words of a task that took more memory than it may."""
        return f"out of memory: bound {gib(self.memory_mib)}"

    @property
    def beyond_time(self) -> str:
        """The words of a task that was not heard of for too long."""
        return f"stalled for {self.stall_s:g} s"

    @property
    def never_heard(self) -> str:
        """The words of a task that began and was never heard of."""
        return f"stalled for {self.first_s:g} s before its first word"


def gib(mib: float) -> str:
    return f"{mib / 1024:.3g} GiB" if mib >= 1024 else f"{mib:g} MiB"


def resident_mib() -> float:
    """Private resident memory of this process; where there is no /proc, the most it ever had resident."""
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    except FileNotFoundError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / MIB if sys.platform == "darwin" else peak / 1024
    return (int(resident) - int(shared)) * resource.getpagesize() / MIB


@contextmanager
def memory_bound(bound_mib: int, beyond: Callable[[], None]) -> Iterator[None]:
    """While this lasts, the process may have `bound_mib` resident; over it, `beyond` is called and the process killed.

    The bound includes what the process had before: it is what the machine loses to this worker.
    """
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_S):
            if resident_mib() > bound_mib:
                try:
                    beyond()
                finally:
                    os.kill(os.getpid(), signal.SIGKILL)

    before = resource.getrlimit(resource.RLIMIT_DATA)
    wall = int((HARD * bound_mib + SLACK_MIB) * MIB) + _data_bytes()
    if before[1] != resource.RLIM_INFINITY:
        wall = min(wall, before[1])
    resource.setrlimit(resource.RLIMIT_DATA, (wall, before[1]))
    watch = threading.Thread(target=look, name="memory bound", daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _data_bytes() -> int:
    """What RLIMIT_DATA counts of this process already: heaps and the stacks of its threads, touched or not."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
