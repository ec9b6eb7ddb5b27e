"""What experts said of clips, and of stretches of sources: read into rows, and laid over the clips of today.

A verdict names a clip by its key, or a source (name or sha256) with start_s and end_s, which outlives other settings.
The last verdict of a person on a clip is that person's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from animatrix_ingest.decide.joined import TableError, checked

COLUMNS = ("key", "source", "start_s", "end_s", "verdict", "who", "when", "note")
VERDICTS = {
    "S": "belongs to the best",
    "A": "good in motion, drawing and coherence",
    "B": "looked at, and not better than the rules say",
    "reject": "should not be trained on",
    "quarantine": "explicit, or figures that look under age in sexual content: out of every tier, sample and screen",
}
COVERED = 0.5
"""A stretch speaks of a clip that lies in it for at least this share; quarantine, of every clip that it touches."""


@dataclass(frozen=True)
class Verdict:
    """One person's word. `key` or (`source`, `start_s`, `end_s`) say of what; `where` is its place in the file."""

    verdict: str
    who: str
    when: str
    where: str
    key: str | None = None
    source: str | None = None
    start_s: float = 0.0
    end_s: float = 0.0
    note: str = ""


def read(rows: Iterable[Any]) -> list[Verdict]:
    """Verdicts out of a list's rows (watch/lists.py: COLUMNS; verdict, who and when in each)."""
    return [_verdict(row.where, row.cells) for row in rows]


def _verdict(where: str, cells: Mapping[str, str]) -> Verdict:
    if cells["verdict"] not in VERDICTS:
        raise TableError(f"{where}: verdict {cells['verdict']!r} is none; write {', '.join(VERDICTS)}")
    verdict, who, when, note = (cells.get(name, "") for name in ("verdict", "who", "when", "note"))
    if "key" in cells:
        if {"source", "start_s", "end_s"} & set(cells):
            raise TableError(f"{where}: names a key and a source; keep one of the two")
        return Verdict(verdict, who, when, where, key=cells["key"], note=note)
    missing = [name for name in ("source", "start_s", "end_s") if name not in cells]
    if missing:
        raise TableError(f"{where}: no key and no {missing[0]}; name a clip's key, or source, start_s and end_s")
    try:
        start_s, end_s = float(cells["start_s"]), float(cells["end_s"])
    except ValueError as error:
        raise TableError(f"{where}: start_s and end_s are seconds ({error})") from error
    if not 0 <= start_s < end_s:
        raise TableError(f"{where}: from {start_s:g} s to {end_s:g} s is no stretch; write start_s before end_s")
    return Verdict(verdict, who, when, where, source=cells["source"], start_s=start_s, end_s=end_s, note=note)


@dataclass(frozen=True)
class Laid:
    """Verdicts over clips: per row of the clips table, each person's last word; and those that speak of no clip."""

    by_row: dict[int, dict[str, Verdict]]
    unmatched: tuple[Verdict, ...]

    def said(self, row: int) -> Counter[str]:
        """How many people gave each verdict."""
        return Counter(verdict.verdict for verdict in self.by_row.get(row, {}).values())


def lay(clips: pa.Table, verdicts: Iterable[Verdict]) -> Laid:
    """Which rows of `clips` (key, source, source_sha256, start_pts, end_pts, time_base) each verdict speaks of.

    A quarantine that speaks of no clip is an error: it must not be lost because keys have changed.
    """
    verdicts = sorted(verdicts, key=lambda verdict: verdict.when)
    if not verdicts:
        return Laid({}, ())
    checked(clips, "clips", ("source", "source_sha256", "start_pts", "end_pts", "time_base"))
    rows = {key: i for i, key in enumerate(clips["key"].to_pylist())}
    spans = _Spans(clips) if any(verdict.key is None for verdict in verdicts) else None
    found: dict[int, dict[str, Verdict]] = defaultdict(dict)
    unmatched = []
    for verdict in verdicts:
        if verdict.key is not None:
            spoken = [rows[verdict.key]] if verdict.key in rows else []
        else:
            assert spans is not None
            spoken = spans.spoken_of(verdict)
        for row in spoken:
            before = found[row].get(verdict.who)
            if before is None or before.verdict != "quarantine":  # nobody lifts one by another word
                found[row][verdict.who] = verdict
        if not spoken:
            unmatched.append(verdict)
    lost = [verdict for verdict in unmatched if verdict.verdict == "quarantine"]
    if lost:
        raise TableError(
            f"{lost[0].where}: quarantines {lost[0].key or lost[0].source}, of which there is no clip here "
            f"({len(lost)} such); name source, start_s and end_s, or take the row out if its source is gone"
        )
    return Laid(dict(found), tuple(unmatched))


def outliving(clips: pa.Table, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Verdicts on clips as verdicts on seconds of a content: these hold under other settings and other names, too."""
    rows = {key: i for i, key in enumerate(clips["key"].to_pylist())}
    spans, kept = _Spans(clips), []
    for verdict in verdicts:
        if verdict.key in rows:
            start_s, end_s = spans.of(rows[verdict.key])
            sha256 = clips["source_sha256"][rows[verdict.key]].as_py()
            verdict = replace(verdict, key=None, source=sha256, start_s=start_s, end_s=end_s)
        kept.append(verdict)
    return kept


def speaking(clips: pa.Table, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Those verdicts that speak of any clip here; the others wait for their source to come again."""
    spans, keys = _Spans(clips), set(clips["key"].to_pylist())
    return [v for v in verdicts if (v.key in keys if v.key is not None else spans.spoken_of(v))]


class _Spans:
    """Where the clips of a source begin and end, in seconds."""

    def __init__(self, clips: pa.Table) -> None:
        bases = {text: float(Fraction(text)) for text in set(clips["time_base"].to_pylist())}
        scale = np.array([bases[text] for text in clips["time_base"].to_pylist()])
        self._start_s = clips["start_pts"].to_numpy() * scale
        self._end_s = clips["end_pts"].to_numpy() * scale
        self._rows: dict[str, list[int]] = defaultdict(list)
        for name in ("source", "source_sha256"):
            for i, source in enumerate(clips[name].to_pylist()):
                self._rows[source].append(i)

    def of(self, row: int) -> tuple[float, float]:
        return float(self._start_s[row]), float(self._end_s[row])

    def spoken_of(self, verdict: Verdict) -> list[int]:
        rows = np.array(self._rows.get(verdict.source or "", []), np.int64)
        start_s, end_s = self._start_s[rows], self._end_s[rows]
        shared = np.minimum(end_s, verdict.end_s) - np.maximum(start_s, verdict.start_s)
        least = 0.0 if verdict.verdict == "quarantine" else COVERED * (end_s - start_s)
        return rows[(shared > 0) & (shared >= least)].tolist()
