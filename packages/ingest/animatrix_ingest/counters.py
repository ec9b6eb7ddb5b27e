"""What a run counts, for whoever watches it: names, and what one finished source adds to each.

engine.py hands these to Ray, whose nodes show them to Prometheus as `ray_animatrix_ingest_..._total`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PREFIX = "animatrix_ingest_"
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sources": ("sources finished, by what became of them", ("outcome",)),
    "clips": ("shots of finished sources, by what became of them", ("outcome",)),
    "shots": ("shots found", ()),
    "frames": ("frames decoded", ()),
    "seconds": ("seconds that workers spent", ()),
    "lost_workers": ("items given up: their worker died twice, stalled, or took too much memory", ()),
    "worker_deaths": ("worker processes that died with an item", ()),
}
GAUGES = {
    "in_flight": "items given to Ray and not finished",
    "waiting": "items not given to Ray yet",
}


@dataclass(frozen=True)
class Worked:
    """What a worker hands back: the result, how far it told that it came, and the seconds it took."""

    result: Any
    frames: int
    shots: int
    seconds: float


def tally(worked: Worked) -> list[tuple[str, dict[str, str], float]]:
    """(counter, tags, by how much) of finished work. Of a source, the result says what became of it and its shots."""
    found: list[tuple[str, dict[str, str], float]] = [
        ("shots", {}, worked.shots),
        ("frames", {}, worked.frames),
        ("seconds", {}, worked.seconds),
    ]
    if outcome := getattr(worked.result, "outcome", None):
        found.append(("sources", {"outcome": outcome}, 1))
    for end in ("kept", "dropped", "dead"):
        found.append(("clips", {"outcome": end}, getattr(worked.result, f"n_{end}", 0)))
    return [row for row in found if row[2]]
