"""SIGTERM and SIGINT end a run after the step at hand, on all processes after the same one."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist

WATCHED = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Inside the `with` block the first such signal is remembered; a second one ends the process as ever.

    Schedulers may signal one process and not the others, or at different steps. So every step all processes put
    together, on the host and over gloo, what they had heard by the step before: nobody waits for a device, and all
    end after the same step.
    """

    def __init__(self) -> None:
        self.heard: signal.Signals | None = None
        self._before: dict[int, Any] = {}
        self._group: Any = None
        self._pending: tuple[Any, torch.Tensor] | None = None

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            self._before = {number: signal.signal(number, self._hear) for number in WATCHED}
        if dist.is_initialized() and dist.get_world_size() > 1:
            self._group = dist.new_group(backend="gloo")
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        if self._pending:
            self._pending[0].wait()

    def now(self) -> bool:
        """Whether to end here. All processes ask once a step and get the same answer."""
        if self._group is None:
            return self.heard is not None
        answer = False
        if self._pending:
            work, heard = self._pending
            work.wait()
            answer = bool(heard[0])
        heard = torch.tensor([self.heard is not None], dtype=torch.uint8)
        self._pending = dist.all_reduce(heard, dist.ReduceOp.MAX, group=self._group, async_op=True), heard
        return answer

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.heard = signal.Signals(number)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


def deaf(worker: int) -> None:
    """For processes that read data: a signal to the whole group is for the run to answer, which then ends them."""
    for number in WATCHED:
        signal.signal(number, signal.SIG_IGN)
