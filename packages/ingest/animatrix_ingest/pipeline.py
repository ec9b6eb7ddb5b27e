"""A run: find, ingest each source, pack, commit a video generation and its first labels, count."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animatrix_ingest.decide.conserve import Counts, Outcome, count
from animatrix_ingest.engine import Engine, LostWorker, Progress, Silent
from animatrix_ingest.keep import build, pack, video
from animatrix_ingest.keep.generations import highest
from animatrix_ingest.keep.ledger import Ledger, begin, check, unread
from animatrix_ingest.keep.made import Made, changes
from animatrix_ingest.keep.store import Absent, Conflict, Store, StoreError, open_store
from animatrix_ingest.recipes import NO_WEIGHTS, Settings, Weights
from animatrix_ingest.rows import Dead, Done, Packed, Source
from animatrix_ingest.stages import IngestSource, Work
from animatrix_ingest.watch.embed import Eye
from animatrix_ingest.watch.sources import STATED, Given, find

MIB = 1 << 20
ROUNDS = 20
ASKED_AT_ONCE = 16


@dataclass(frozen=True)
class Summary:
    """What a run did. `n_worked` sources were worked on now; the counts speak of every source that was given."""

    folder: Path | str
    video: int
    labels: int
    sources: Counts
    shots: Counts
    n_clips: int
    n_worked: int
    changed: bool
    seconds: float
    outcomes: tuple[Outcome, ...]


def run(
    sources: Sequence[str],
    out: Path | str,
    settings: Settings,
    engine: Callable[[], AbstractContextManager[Engine]],
    *,
    retry: bool = False,
    rating: Any = "unknown",
    cache: Path | None = None,
    weights: Weights = NO_WEIGHTS,
    progress: Progress | None = None,
) -> Summary:
    """Ingest `sources` into the data set at `out`. Done again it does nothing; killed, it goes on; two may run at once.

    Other settings, weights or code make another generation beside the ones that are there. `retry` works again on
    dead letters. What a list stated of a source holds until a list says otherwise. `cache` is a folder for copies of
    remote sources. Raises NoSource, WeightsError, StoreError (the message says what to do) or NotConserved.
    """
    began = time.perf_counter()
    progress = progress or Silent()
    given = find(sources, rating)
    eye = Eye.of(weights)
    made = Made.here({**settings.to_json(), **(eye.holds if eye else {})})
    store = open_store(out)
    begin(store)
    store.sweep()
    ledger = Ledger(store, made.fingerprint)
    before = video.latest(store)
    if before and (why := changes(before.made, made)):
        progress.say(f"another video generation beside {before.number}, for that was made otherwise: {why}")
    explicit = frozenset(item.name for item in given if _is_named(item, sources))
    task = IngestSource.of(settings, ledger, cache or _cache(), frozenset(before.forgotten if before else ()), eye)
    known = known_sources(ledger, given)
    work = _work(ledger, given, known, retry, task.forgotten, explicit)
    with _lazily(engine) as started:
        n_worked = _ingest(task, work, known, started, progress)
        rows = video.read(store, before.sources, video.SOURCES).to_pylist() if before else []
        earlier = {row["source"]: row for row in rows}
        told = {item.name: (known[item.name], _told(item, earlier.get(item.name, {}))) for item in given}
        taken_back = {known[name].sha256 for name in explicit}
        shard_bytes = settings.shard_mib * MIB
        now = settle(
            ledger, made, told, shard_bytes, started, progress, remember=taken_back,
            again=lambda lost: _ingest(task, lost, {}, started, progress),
        )  # fmt: skip
    labels = build.commit_first_labels(store, now)
    return _summary(out, store, now, labels, given, n_worked, before is None or before != now, began)


def settle(
    ledger: Ledger,
    made: Made,
    told: Mapping[str, tuple[Source, Mapping[str, str | None]]],
    shard_bytes: int,
    engine: Callable[[], Engine],
    progress: Progress,
    *,
    forget: Iterable[str] = (),
    remember: Iterable[str] = (),
    again: Callable[[Sequence[Work]], Any] | None = None,
    write: Callable[[pack.Bin], Packed] | None = None,
) -> video.Video:
    """Pack what finished units hold and commit the next video generation, if it says anything new.

    Where another driver was quicker (its number is taken, or it has packed and removed side files), what it did is
    looked at anew. `again` works again on sources whose side files are gone; `write` writes a shard.
    """
    store, why = ledger.store, None
    for _ in range(ROUNDS):
        seen = highest(store, video.VIDEO)
        stock = build.inventory(ledger, told, forget, remember)
        places = build.Places.of(ledger, stock.forgotten)
        clips = build.to_hold(ledger, stock, places)
        plan = build.plan_of(clips, places, shard_bytes)
        if plan is not None and again is not None and (lost := _lost(ledger, stock, plan)):
            if highest(store, video.VIDEO) == seen:  # else another driver has just packed them
                again(lost)
            continue
        try:
            packed = _pack(store, plan, write or pack.WriteShard(store), engine, progress) if plan else []
            now = video.commit(store, build.assemble(ledger, made, stock, clips, places, packed))
        except (Absent, Conflict) as error:
            why = error
            continue
        for unit in stock.fresh.units:  # their clips are in shards now
            if "clips" in unit.sides:
                store.delete(unit.sides["clips"].name)
        return now
    raise StoreError(f"{store.url}: no generation could be committed in {ROUNDS} rounds (the last: {why}); run again")


def _cache() -> Path:
    """Where copies of remote sources lie while they are read; ANIMATRIX_CACHE names another folder."""
    return Path(os.environ.get("ANIMATRIX_CACHE") or Path(tempfile.gettempdir()) / "animatrix-sources")


def _told(item: Given, earlier: Mapping[str, Any]) -> dict[str, str | None]:
    """What is stated of a source: by its list; where none names it, in earlier runs, and only then by `--rating`."""
    now = {name: getattr(item, name) for name in STATED}
    if item.listed:
        return now
    return {name: said if earlier.get(name) in (None, "unknown") else earlier[name] for name, said in now.items()}


def _is_named(given: Given, sources: Sequence[str]) -> bool:
    """Whether a source was named by itself, and not found in a folder, by a pattern or in a list."""
    return given.name in sources or any(os.path.abspath(s) == os.path.abspath(given.name) for s in sources)


def known_sources(ledger: Ledger, given: Sequence[Given]) -> dict[str, Source]:
    """The sources whose content is known from before, by name, so that they are not fetched again."""
    base = video.latest(ledger.store, ledger.fingerprint)
    rows = video.read(ledger.store, base.sources, video.SOURCES).to_pylist() if base else []
    before = {(r["source"], r["size_bytes"], r["version"]): r["sha256"] for r in rows}

    def look(item: Given) -> Source | None:
        size, version = item.size_bytes, item.version or ""
        sha = before.get((item.name, size or 0, version))
        return Source(item.name, sha, size or 0, version) if sha else ledger.known(item.name, size, version)

    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        found = pool.map(look, given)
    return {source.name: source for source in found if source is not None}


def _work(
    ledger: Ledger,
    given: Sequence[Given],
    known: Mapping[str, Source],
    retry: bool,
    forgotten: frozenset[str],
    explicit: frozenset[str],
) -> list[Work]:
    """The sources that are not finished; of known contents one name each."""
    finished = ledger.attempts()
    work: dict[str, Work] = {}
    for item in given:
        named = item.name in explicit
        source = known.get(item.name)
        if source is None:
            work[item.name] = Work(item, None, retry, named)
            continue
        sha = source.sha256
        at = finished.get(sha[:32])
        if (sha in forgotten and not named) or (at is not None and not (retry and ledger.unit(sha, at).dead)):
            continue
        nameless = sha == unread(item.name)
        work.setdefault(sha, Work(item, None if nameless else sha, at is not None, named))
    return list(work.values())


def _ingest(
    task: IngestSource,
    work: Sequence[Work],
    known: dict[str, Source],
    engine: Callable[[], Engine],
    progress: Progress,
) -> int:
    """Work on sources; adds what they turned out to be to `known`. Returns how many were worked on."""
    if not work:
        return 0
    progress.begin("ingesting", len(work))
    n_worked = 0
    for item, done in engine()(task, work, progress):
        if isinstance(done, LostWorker):
            done = task.bury(item, Dead("worker", done.words))
        assert isinstance(done, Done)
        known[item.name] = done.source
        n_worked += done.worked
        words = f"{done.n_kept} clip{'s' * (done.n_kept != 1)}" if done.n_kept else f"{done.outcome}: {done.reason}"
        progress.done(item.name, words)
    return n_worked


def forget(
    sources: Sequence[str],
    out: Path | str,
    engine: Callable[[], AbstractContextManager[Engine]],
    progress: Progress | None = None,
) -> video.Video:
    """Commit a generation without these sources (names or sha256), and labels without their clips.

    Shards that held them are written anew without them. Their contents are not ingested again unless one is named by
    itself. Older generations still hold them until `gc` drops those (`--drop-forgotten`).
    """
    store = open_store(out)
    check(store)
    last = video.load(store)
    rows = video.read(store, last.sources, video.SOURCES).to_pylist()
    shas: set[str] = set()
    for name in sources:
        found = {row["sha256"] for row in rows if name in (row["source"], row["sha256"])}
        if not found:
            raise StoreError(f"{store.url}: {name}: no source of video generation {last.number}; `status` lists them")
        shas |= found
    made = Made(last.made["settings"], last.made["code"], last.made["libraries"])
    ledger = Ledger(store, last.fingerprint)
    shard_bytes = last.made["settings"].get("shard_mib", 256) * MIB
    with _lazily(engine) as started:
        now = settle(ledger, made, {}, shard_bytes, started, progress or Silent(), forget=shas)
    build.commit_first_labels(store, now)
    return now


def _lost(ledger: Ledger, stock: build.Inventory, plan: pack.Plan) -> list[Work]:
    """Sources whose clips are to be packed and whose side files are gone."""
    needed = set(plan.clips["from"].unique().to_pylist())
    units = [unit for unit in stock.fresh.units if "clips" in unit.sides and unit.sides["clips"].name in needed]
    return [
        Work(Given(unit.source.name, version=unit.source.version or None), unit.source.sha256, retry=True)
        for unit in units
        if not ledger.has_side(unit, "clips")
    ]


def _pack(
    store: Store,
    plan: pack.Plan,
    write: Callable[[pack.Bin], Packed],
    engine: Callable[[], Engine],
    progress: Progress,
) -> list[Packed]:
    """Write the shards of a plan, and the part of each."""
    pack.commit(store, plan)
    progress.begin("packing", len(plan.starts))
    packed: list[Packed] = []
    for bin_, done in engine()(_Pack(write), list(plan.bins()), progress):
        if isinstance(done, LostWorker):
            raise StoreError(f"{bin_.shard}: not written, the worker died twice ({done.words}); run again")
        if isinstance(done, Absent):
            raise done
        packed.append(done)
        progress.done(done.shard, f"{done.n_clips} clips")
    return packed


@dataclass(frozen=True)
class _Pack:
    """WriteShard in the shape an engine calls; named for Ray's list of tasks."""

    write: Callable[[pack.Bin], Packed]

    def __call__(self, bin_: pack.Bin, tell: Any) -> Packed | Absent:
        try:
            return self.write(bin_)
        except Absent as error:
            return error


def _summary(
    out: Path | str,
    store: Store,
    now: video.Video,
    labels: int,
    given: Sequence[Given],
    n_worked: int,
    changed: bool,
    began: float,
) -> Summary:
    rows = {row["source"]: row for row in video.read(store, now.sources, video.SOURCES).to_pylist()}
    ours = [rows[item.name] for item in given]
    shas = {row["sha256"] for row in ours}
    standing = [row for row in rows.values() if row["sha256"] in shas]
    return Summary(
        folder=out,
        video=now.number,
        labels=labels,
        sources=count(row["outcome"] for row in ours),
        shots=Counts(*(sum(row[name] for row in standing) for name in video.COUNTS)),
        n_clips=now.counts["shots"]["kept"],
        n_worked=n_worked,
        changed=changed,
        seconds=time.perf_counter() - began,
        outcomes=tuple(
            Outcome(Source(r["source"], r["sha256"], r["size_bytes"]), r["outcome"], r["reason"]) for r in ours
        ),
    )


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
