"""What every benchmark hands in: figures beside their rivals', as a table on the screen and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured value of ours beside the rivals', with the goal in words and whether it holds (None: no goal)."""

    what: str
    value: float
    rivals: dict[str, float] = field(default_factory=dict)
    goal: str = ""
    holds: bool | None = None


def machine() -> str:
    """What the figures depend on: cores and architecture, no names."""
    return f"{os.cpu_count()} cores, {platform.machine()}"


def publish(name: str, command: str, figures: Sequence[Figure], folder: Path = Path("build/bench")) -> Path:
    """Print the table and write `folder`/<name>.json; returns its path."""
    table = Table(title=f"{command}   ({machine()})", title_justify="left")
    table.add_column("what")
    table.add_column("ours", justify="right")
    for column in ("beside it", "goal", "holds"):
        table.add_column(column)
    for figure in figures:
        beside = "\n".join(f"{value:8.3f}  {rival}" for rival, value in figure.rivals.items())
        holds = "" if figure.holds is None else "yes" if figure.holds else "NO"
        table.add_row(figure.what, f"{figure.value:.3f}", beside, figure.goal, holds, end_section=True)
    Console(width=max(140, Console().width)).print(table)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    report = {
        "name": name,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "figures": [asdict(figure) for figure in figures],
    }
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return path
