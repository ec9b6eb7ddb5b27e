"""Conservation: what went in came out as kept, dropped or dead. A run whose counts do not add up fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from animatrix_ingest.rows import Source, Unit


class NotConserved(RuntimeError):
    """Something that went in is not accounted for; the message says what."""


@dataclass(frozen=True)
class Outcome:
    """What a source ended as: kept, dropped or dead, and why if not kept."""

    source: Source
    outcome: str
    reason: str


@dataclass(frozen=True)
class Counts:
    """kept + dropped + dead of one kind of thing."""

    kept: int
    dropped: int
    dead: int

    @property
    def all(self) -> int:
        return self.kept + self.dropped + self.dead

    def __str__(self) -> str:
        return f"{self.all} = {self.kept} kept + {self.dropped} dropped + {self.dead} dead"


def count(words: Iterable[str]) -> Counts:
    """Count outcomes; NotConserved for a word that is none of the three."""
    words = list(words)
    counts = Counts(words.count("kept"), words.count("dropped"), words.count("dead"))
    if counts.all != len(words):
        raise NotConserved(
            f"outcomes other than kept, dropped, dead: {sorted(set(words) - {'kept', 'dropped', 'dead'})}"
        )
    return counts


def count_shots(unit: Unit, kept: Iterable[tuple[int, int]]) -> Counts:
    """The shots of a unit, of which `kept` are the clips' (start, end) frames.

    NotConserved unless they cover its frames without gap or overlap.
    """
    clips = list(kept)
    lost = [d.span for d in (*unit.dropped, *unit.dead) if d.span]
    at = 0
    for start, end in sorted([*clips, *((span.start_frame, span.end_frame) for span in lost)]):
        if start != at or end <= start:
            raise NotConserved(f"{unit.source.name}: shots meet at frame {at} and at frame {start}")
        at = end
    if at != unit.n_frames or len(clips) != unit.n_kept:
        raise NotConserved(
            f"{unit.source.name}: {len(clips)} of {unit.n_kept} clips, and shots cover {at} of {unit.n_frames} frames"
        )
    return Counts(len(clips), len(unit.dropped), sum(1 for d in unit.dead if d.span))


def total(parts: Iterable[Counts]) -> Counts:
    parts = list(parts)
    return Counts(sum(p.kept for p in parts), sum(p.dropped for p in parts), sum(p.dead for p in parts))
