"""A run: find, hash, ingest each source, pack, write the manifest, count."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatrix_ingest.decide.conserve import Counts, NotConserved, Outcome, count, count_shots, outcomes, total
from animatrix_ingest.engine import Engine, LostWorker, Progress, Silent
from animatrix_ingest.keep import manifest, pack, shards, store
from animatrix_ingest.keep.ledger import Ledger, Made
from animatrix_ingest.recipes import Settings
from animatrix_ingest.rows import Dead, Source, Unit
from animatrix_ingest.stages import IngestSource, buried
from animatrix_ingest.watch.sources import find

MIB = 1 << 20


@dataclass(frozen=True)
class Summary:
    """What a run did. `n_worked` sources were worked on now; the counts speak of every source that was given."""

    folder: Path
    sources: Counts
    shots: Counts
    n_clips: int
    n_worked: int
    changed: bool
    seconds: float
    outcomes: tuple[Outcome, ...]


def run(
    sources: Sequence[str],
    out: Path,
    settings: Settings,
    engine: Callable[[], AbstractContextManager[Engine]],
    *,
    anew: bool = False,
    retry: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Ingest `sources` into the data set folder `out`. Doing it again does nothing; killed, it goes on.

    `anew` throws away a data set that other settings or other code made; `retry` works again on dead letters.
    Raises NoSource, StoreError (the message says what to do) or NotConserved.
    """
    began = time.perf_counter()
    progress = progress or Silent()
    names = [given.name for given in find(sources)]
    made = Made.here(settings.to_json())
    with store.lock(out):
        if anew:
            _throw_away_unlike(out, made)
        ledger = Ledger.open(out, made)
        store.sweep(out)
        progress.begin("hashing", len(names))
        given = ledger.hash_sources(names, lambda name: progress.done(name, ""))
        work = _work(ledger, given, retry)
        with _lazily(engine) as started:
            _ingest(ledger, settings, work, started, progress)
            units = ledger.units()
            _pack(ledger, settings, units.values(), started, progress)
        changed = _finish(ledger, units)
        ends = outcomes(given, units)
        ours = [units[sha] for sha in {source.sha256 for source in given}]
        return Summary(
            folder=out,
            sources=count(end.outcome for end in ends),
            shots=total(count_shots(unit) for unit in ours),
            n_clips=sum(len(unit.members) for unit in units.values()),
            n_worked=len(work),
            changed=changed,
            seconds=time.perf_counter() - began,
            outcomes=tuple(ends),
        )


def _work(ledger: Ledger, given: Sequence[Source], retry: bool) -> list[Source]:
    """The sources that are not finished, one name per content."""
    packed = pack.carried_out(ledger.folder)
    work: dict[str, Source] = {}
    for source in given:
        unit = ledger.unit(source.sha256)
        if unit is not None:
            whole = ledger.has_side(unit) or all(member.key in packed for member in unit.members)
            if whole and not (retry and unit.dead):
                continue
            ledger.forget(source.sha256)
        work.setdefault(source.sha256, source)
    return list(work.values())


def _ingest(
    ledger: Ledger, settings: Settings, work: Sequence[Source], engine: Callable[[], Engine], progress: Progress
) -> None:
    if not work:
        return
    progress.begin("ingesting", len(work))
    for source, unit in engine()(IngestSource.of(settings, ledger), work, progress):
        if isinstance(unit, LostWorker):
            unit = buried(source, ledger, Dead("worker", unit.words))
            ledger.commit(unit)
        counts = count_shots(unit)
        words = f"{counts.kept} clip{'s' * (counts.kept != 1)}" if unit.members else f"{unit.outcome}: {unit.reason}"
        progress.done(source.name, words)


def _pack(
    ledger: Ledger, settings: Settings, units: Iterable[Unit], engine: Callable[[], Engine], progress: Progress
) -> None:
    """Give every clip that has none a place in a shard."""
    packed = pack.carried_out(ledger.folder)
    waiting = [
        pack.Waiting(member, unit.side.blake2b)
        for unit in units
        if unit.side is not None
        for member in unit.members
        if member.key not in packed
    ]
    if not waiting:
        return
    plan = pack.plan(waiting, settings.shard_mib * MIB)
    pack.commit(ledger.folder, plan)
    progress.begin("packing", len(plan.bins))
    for bin_, name in engine()(_Pack(pack.WriteShard(ledger.folder)), plan.bins, progress):
        if isinstance(name, LostWorker):
            raise store.StoreError(f"{bin_.shard}: not written, the worker died twice ({name.words}); run again")
        progress.done(name, f"{len(bin_.waiting)} clips")


@dataclass(frozen=True)
class _Pack:
    """WriteShard in the shape an engine calls; named for Ray's list of tasks."""

    write: pack.WriteShard

    def __call__(self, bin_: pack.Bin, tell: Any) -> str:
        return self.write(bin_)


def _finish(ledger: Ledger, units: dict[str, Unit]) -> bool:
    """Write the manifest, the lists beside it, and then remove what it makes superfluous. True if anything changed."""
    folder = ledger.folder
    table = manifest.build(units.values(), pack.carried_out(folder))
    n_members = sum(count_shots(unit).kept for unit in units.values())
    if table.num_rows != n_members or len(set(table["key"].to_pylist())) != n_members:
        raise NotConserved(f"{folder}: {n_members} clips were committed and the manifest has {table.num_rows} rows")
    changed = manifest.write(folder, table)
    for name, rows in _lists(outcomes(ledger.sources(), units), units).items():
        data = b"".join(store.canonical(row) + b"\n" for row in rows)
        if not (folder / name).exists() or (folder / name).read_bytes() != data:
            store.put(folder / name, data)
            changed = True
    pack.sweep(folder, set(table["shard"].to_pylist()))
    ledger.drop_sides()
    return changed


def _lists(ends: Sequence[Outcome], units: dict[str, Unit]) -> dict[str, list[dict[str, Any]]]:
    """sources.jsonl: every source; dead.jsonl and dropped.jsonl: whatever was not kept, whole sources and shots."""
    sources, dead, dropped = [], [], []
    for end in ends:
        row: dict[str, Any] = {
            "source": end.source.name,
            "sha256": end.source.sha256,
            "outcome": end.outcome,
            "reason": end.reason,
        }
        unit = units[end.source.sha256]
        if unit.source.name != end.source.name:
            dropped.append({"source": end.source.name, "reason": end.reason})
        else:
            row |= {"n_frames": unit.n_frames, "shots": vars(count_shots(unit)), "lost": unit.lost and vars(unit.lost)}
            for d in unit.dead:
                dead.append({"source": end.source.name, "stage": d.stage, "reason": d.reason, "span": _span(d)})
            for d in unit.dropped:
                dropped.append({"source": end.source.name, "reason": d.reason, "span": _span(d)})
        sources.append(row)
    return {"sources.jsonl": sources, "dead.jsonl": dead, "dropped.jsonl": dropped}


def _span(row: Any) -> list[int] | None:
    return [row.span.start_frame, row.span.end_frame] if row.span else None


def _throw_away_unlike(out: Path, made: Made) -> None:
    """Remove a data set that was made otherwise, and nothing else that may lie in its folder."""
    place = out / "dataset.json"
    if not place.exists() or store.get_json(place).get("fingerprint") == made.fingerprint:
        return
    for name in ("ledger", "sides", "plans", shards.SHARDS):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in (manifest.NAME, "sources.jsonl", "dead.jsonl", "dropped.jsonl", "report.html"):
        (out / name).unlink(missing_ok=True)
    place.unlink()


@contextmanager
def _lazily(engine: Callable[[], AbstractContextManager[Engine]]) -> Iterator[Callable[[], Engine]]:
    """An engine that is started when it is first asked for: a run with nothing to do does not start Ray."""
    started: list[tuple[AbstractContextManager[Engine], Engine]] = []

    def start() -> Engine:
        if not started:
            context = engine()
            started.append((context, context.__enter__()))
        return started[0][1]

    try:
        yield start
    finally:
        for context, _ in started:
            context.__exit__(None, None, None)
