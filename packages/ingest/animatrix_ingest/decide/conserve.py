"""Conservation: what went in came out as kept, dropped or dead. A run whose counts do not add up fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def outcomes(sources: Iterable[Source], units: Mapping[str, Unit]) -> list[Outcome]:
    """What became of every source. Of several names with one content, the one its unit names stands for it."""
    found = []
    for source in sources:
        unit = units.get(source.sha256)
        if unit is None:
            raise NotConserved(f"{source.name}: went in and has no outcome; this is a fault of the program")
        if unit.source.name != source.name:
            found.append(Outcome(source, "dropped", f"duplicate of {unit.source.name}"))
        else:
            found.append(Outcome(source, unit.outcome, unit.reason))
    return found


def count(words: Iterable[str]) -> Counts:
    """Count outcomes; NotConserved for a word that is none of the three."""
    words = list(words)
    counts = Counts(words.count("kept"), words.count("dropped"), words.count("dead"))
    if counts.all != len(words):
        raise NotConserved(
            f"outcomes other than kept, dropped, dead: {sorted(set(words) - {'kept', 'dropped', 'dead'})}"
        )
    return counts


def count_shots(unit: Unit) -> Counts:
    """The shots of a unit; NotConserved unless they cover its frames without gap or overlap."""
    spans = [m.span for m in unit.members] + [d.span for d in unit.dropped] + [d.span for d in unit.dead if d.span]
    at = 0
    for span in sorted(spans, key=lambda s: s.start_frame):
        if span.start_frame != at or span.end_frame <= span.start_frame:
            raise NotConserved(f"{unit.source.name}: shots meet at frame {at} and at frame {span.start_frame}")
        at = span.end_frame
    if at != unit.n_frames:
        raise NotConserved(f"{unit.source.name}: shots cover {at} of {unit.n_frames} frames")
    return Counts(len(unit.members), len(unit.dropped), sum(1 for d in unit.dead if d.span))


def total(parts: Iterable[Counts]) -> Counts:
    parts = list(parts)
    return Counts(sum(p.kept for p in parts), sum(p.dropped for p in parts), sum(p.dead for p in parts))
