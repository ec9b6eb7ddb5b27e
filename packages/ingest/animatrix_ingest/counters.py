"""What a run counts, for whoever watches it: names, and what one finished source adds to each.

engine.py hands these to Ray, whose nodes show them to Prometheus as `ray_animatrix_ingest_..._total`.
"""

from __future__ import annotations

from typing import Any

from animatrix_ingest.decide.conserve import count_shots
from animatrix_ingest.rows import Unit

PREFIX = "animatrix_ingest_"
COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sources": ("sources finished, by what became of them", ("outcome",)),
    "clips": ("shots of finished sources, by what became of them", ("outcome",)),
    "shots": ("shots found", ()),
    "frames": ("frames decoded", ()),
    "seconds": ("seconds that workers spent on sources", ()),
    "lost_workers": ("items given up: their worker died twice, stalled, or took too much memory", ()),
    "worker_deaths": ("worker processes that died with an item", ()),
}
GAUGES = {
    "in_flight": "items given to Ray and not finished",
    "waiting": "items not given to Ray yet",
}


def tally(result: Any) -> list[tuple[str, dict[str, str], float]]:
    """(counter, tags, by how much) for a finished unit; nothing for other results."""
    if not isinstance(result, Unit):
        return []
    shots = count_shots(result)
    ends = {"kept": shots.kept, "dropped": shots.dropped, "dead": shots.dead}
    return [
        ("sources", {"outcome": result.outcome}, 1),
        ("shots", {}, sum(ends.values())),
        ("frames", {}, result.n_frames),
        ("seconds", {}, result.seconds),
        *(("clips", {"outcome": outcome}, n) for outcome, n in ends.items() if n),
    ]
