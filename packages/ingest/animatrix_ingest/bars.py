"""Progress as one can see it: a bar for the whole, and a line for every source that is being watched."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

LINES = 8


class Bars:
    """Shows a run on a terminal; where there is none, prints one line for each finished source."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._whole = Progress(
            TextColumn("[bold]{task.description:>10}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[words]}"),
            console=self._console,
        )
        self._task = None
        self._at: dict[str, tuple[float, int, int]] = {}
        self._frames = self._shots = 0
        self._began = time.monotonic()
        self._live = Live(get_renderable=self._render, console=self._console, transient=True, refresh_per_second=8)

    def __enter__(self) -> Bars:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def begin(self, what: str, n_items: int) -> None:
        if self._task is not None:
            self._whole.remove_task(self._task)
        self._task = self._whole.add_task(what, total=n_items, words="")
        self._at.clear()
        self._began = time.monotonic()

    def at(self, name: str, frames: int, shots: int) -> None:
        since, before, shots_before = self._at.get(name, (time.monotonic(), 0, 0))
        self._frames += frames - before
        self._shots += shots - shots_before
        self._at[name] = (since, frames, shots)
        if self._task is not None:
            rate = self._frames / max(1e-3, time.monotonic() - self._began)
            self._whole.update(self._task, words=f"{self._shots} shots, {self._frames} frames, {rate:.0f} frames/s")

    def done(self, name: str, words: str) -> None:
        self._at.pop(name, None)
        if self._task is not None:
            self._whole.advance(self._task)
        if words:
            self.say(f"{name}: {words}")

    def say(self, words: str) -> None:
        self._console.print(words, highlight=False, markup=False, soft_wrap=True)

    def _render(self) -> Group:
        lines = Table.grid(padding=(0, 2))
        for name, (since, frames, shots) in list(self._at.items())[:LINES]:
            rate = frames / max(1e-3, time.monotonic() - since)
            lines.add_row(" ", f"[dim]{name[-48:]}", f"{frames} frames", f"{shots} shots", f"{rate:.0f} frames/s")
        if len(self._at) > LINES:
            lines.add_row(" ", f"[dim]and {len(self._at) - LINES} more")
        return Group(self._whole, lines)
