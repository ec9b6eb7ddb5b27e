"""One case of the fault test: a run that is disturbed, a run after it, and what the data set then holds.

A case forks: the disturbed run, the run after it and the reading are processes of their own, forks of one process
that has imported everything and started nothing. So a case costs the two tiny runs and little more.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from animatrix_ingest import engine, pipeline
from animatrix_ingest.keep import faults, generations, made, manifest, video
from animatrix_ingest.keep.clips import SUFFIX_OF
from animatrix_ingest.keep.shards import SHARDS
from animatrix_ingest.keep.store import digest, open_store
from animatrix_ingest.recipes import Settings

SETTINGS = Settings("adaptive", clip_height_px=32, min_shot_s=0.2, max_shot_s=2.0, shard_mib=1)
made.code_version = functools.cache(made.code_version)  # the code does not change while this runs
LIMIT_S = 600
"""A run that takes so long hangs: on an idle machine one takes seconds, with 16 racers beside it minutes."""
RACERS = 16
EARLIER = 12
TOO_LATE = "was not killed: there are fewer points than that"


@dataclass(frozen=True)
class Case:
    """`store`: local, s3 or tiny (a file system of a few hundred KiB). `kind` and `at`: the disturbance and where.

    `again` is a point at which the run after it is killed too. `more`: films are added to a data set that is there.
    """

    store: str
    kind: str
    at: float = 0
    again: int = 0
    more: bool = False

    @property
    def name(self) -> str:
        again = f" then kill@{self.again}" if self.again else ""
        return f"{self.store}{' more' if self.more else ''} {self.kind}@{self.at:g}{again}"


@dataclass(frozen=True)
class State:
    """What a data set holds, as its readers see it."""

    hash: str
    n_clips: int
    n_keys: int
    sources: dict[str, str]
    n_generations: int


@dataclass(frozen=True)
class End:
    """A line of the log. `result` is "same", or what was wrong."""

    case: str
    store: str
    kind: str
    point: str
    result: str
    seconds: float


@dataclass(frozen=True)
class Place:
    """Where cases happen: the films, a folder for data sets, and what is to come out."""

    films: Path
    folder: Path
    wanted: State

    def sources(self, more: bool) -> list[str]:
        return [str(self.films / "first")] if more else [str(self.films)]


def run(sources: list[str], out: str, cache: Path, carry: Any = engine.in_turn) -> None:
    pipeline.run(sources, out, SETTINGS, carry, rating="general", cache=cache)


def state(out: str) -> State:
    """Read a data set, every byte of every clip against its hash."""
    store = open_store(out)
    table = manifest.load(out)
    places = [f"{prefix}{what}" for prefix in SUFFIX_OF for what in ("offset", "length")]
    hashes = [f"{suffix}_blake2b" for suffix in SUFFIX_OF.values()]
    for row in table.select(["key", "shard", *places, *hashes]).to_pylist():
        for prefix, suffix in SUFFIX_OF.items():
            data = store.read(f"{SHARDS}/{row['shard']}", row[f"{prefix}offset"], row[f"{prefix}length"])
            if digest(data) != row[f"{suffix}_blake2b"]:
                raise ValueError(f"{out}: {row['key']}.{suffix}: the bytes in {row['shard']} are not the ones named")
    now = video.load(store)
    ends = {
        Path(row["source"]).name: row["outcome"] for row in video.read(store, now.sources, video.SOURCES).to_pylist()
    }
    numbers = generations.numbers(store, video.VIDEO)
    keys = table["key"].to_pylist()
    return State(manifest.dataset_hash(out), len(keys), len(set(keys)), ends, len(numbers))


def forked(work: Callable[[], None], limit_s: int = LIMIT_S) -> tuple[str, str]:
    """Run in a fork with a time limit: how it ended ("done", "raised", "SIGKILL", "SIGALRM") and its last words."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(limit_s)
        status = 0
        try:
            work()
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode()[-4000:])
            status = 1
        os._exit(status)
    os.close(writing)
    with open(reading, "rb") as pipe:
        words = pipe.read().decode(errors="replace")
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name, words
    return ("done", words) if os.WEXITSTATUS(status) == 0 else ("raised", words)


def read(out: str) -> State | str:
    """The state of a data set, read in a fork; in words what was wrong."""
    reading, writing = os.pipe()

    def look() -> None:
        with open(writing, "w") as pipe:
            json.dump(asdict(state(out)), pipe)

    end, words = forked(look)
    os.close(writing)
    with open(reading) as pipe:
        text = pipe.read()
    return State(**json.loads(text)) if end == "done" else f"cannot be read: {words}"


def count_points(place_films: Path, out: str, cache: Path, log: Path, sources: list[str]) -> list[str]:
    """The points that an undisturbed run into `out` passes."""
    end, words = forked(lambda: (ordered(f"count@{log}"), run(sources, out, cache))[1])
    if end != "done":
        raise RuntimeError(f"the undisturbed run into {out} ended as {end}: {words}")
    return log.read_text().splitlines()


def ordered(fault: str) -> None:
    os.environ[faults.VARIABLE] = fault


def happen(case: Case, place: Place, where: Callable[[Case], str]) -> End:
    """Let a case happen and see what comes of it. `where` gives a fresh place for its data set.

    The store's proof (racing writers) passes a few points more or fewer each time. So a kill at one of the last
    points may come too late, and then falls a little earlier.
    """
    end = _happen(case, place, where)
    if end.result == TOO_LATE and case.at > EARLIER:
        end = replace(_happen(replace(case, at=case.at - EARLIER), place, where), case=case.name)
    return end


def _happen(case: Case, place: Place, where: Callable[[Case], str]) -> End:
    began = time.monotonic()
    cache = place.folder / "cache"
    out, passed = where(case), place.folder / f"points-{os.getpid()}"
    passed.unlink(missing_ok=True)
    if case.more:
        forked(lambda: run(place.sources(True), out, cache))
    whole = place.sources(False)
    with _disk(case, out):
        ends = _disturb(case, whole, out, cache, passed)
        wrong = _not_as_meant(case, ends)
        if case.kind == "full":
            _grow(out)
        after = [] if case.kind in ("slow", "busy", "503", "race") else [forked(lambda: run(whole, out, cache))]
        wrong = wrong or next((f"the run after it ended as {e}: {w}" for e, w in after if e != "done"), "")
        wrong = wrong or differs(read(out), place.wanted, 1 + case.more)
    names = passed.read_text().splitlines() if passed.exists() else []
    passed.unlink(missing_ok=True)
    point = names[-1] if names else ""
    return End(case.name, case.store, case.kind, point, wrong or "same", round(time.monotonic() - began, 2))


def _disturb(case: Case, sources: list[str], out: str, cache: Path, passed: Path) -> list[tuple[str, str]]:
    """The disturbed runs of a case."""
    if case.kind == "race":
        return _race(sources, out, cache)

    def disturbed(fault: str) -> Callable[[], None]:
        return lambda: (ordered(f"count@{passed},{fault}"), run(sources, out, cache))[1]

    if case.kind in ("full", "503"):
        return [forked(lambda: run(sources, out, cache))]
    ends = [forked(disturbed(f"{case.kind}@{case.at:g}"))]
    if case.again:
        ends.append(forked(disturbed(f"kill@{case.again}")))
    return ends


def _race(sources: list[str], out: str, cache: Path) -> list[tuple[str, str]]:
    """16 runs of the same sources into the same place, at once."""

    def one() -> None:
        time.sleep(max(0.0, start - time.time()))
        run(sources, out, cache)

    start, children = time.time() + 0.5, []
    for _ in range(RACERS):
        child = os.fork()
        if child == 0:
            end, words = forked(one)
            if end != "done":
                print(f"a racing run ended as {end}: {words}", file=sys.stderr, flush=True)
            os._exit(0 if end == "done" else 1)
        children.append(child)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return [("done" if status == 0 else "raised", "in a race") for status in statuses]


MEANT = {
    "kill": ("SIGKILL", "done"),
    "enospc": ("raised", "done"),
    "eio": ("raised", "done"),
    "full": ("raised",),
    "busy": ("done",),
    "slow": ("done",),
    "503": ("done",),
    "race": ("done",),
}
"""How a disturbed run may end. A write that fails where nothing depends on it may leave the run whole."""


def _not_as_meant(case: Case, ends: list[tuple[str, str]]) -> str:
    for end, words in ends:
        if end not in MEANT[case.kind]:
            return f"ended as {end}: {words}"
        if end == "raised" and case.kind in ("enospc", "full") and "space" not in words:
            return f"does not say that the disk is full: {words}"
    if case.kind == "kill" and ends[0][0] == "done":
        return TOO_LATE
    return ""


def differs(found: State | str, wanted: State, generations: int = 1) -> str:
    """What is lost, twice or other than in the undisturbed data set; "" where nothing is."""
    if isinstance(found, str):
        return found
    if found.n_keys != found.n_clips:
        return f"{found.n_clips - found.n_keys} clips are there twice"
    if found.sources != wanted.sources:
        return f"sources: {found.sources} where {wanted.sources} was to be"
    if found.hash != wanted.hash:
        return f"hash {found.hash} of {found.n_clips} clips where {wanted.hash} of {wanted.n_clips} was to be"
    return f"{found.n_generations} generations" if found.n_generations > generations else ""


def _mount(out: str, size: str, remount: bool = False) -> bool:
    options = f"remount,size={size}" if remount else f"size={size}"
    return os.system(f"mount -t tmpfs -o {options} tmpfs '{out}' 2>/dev/null") == 0


@contextmanager
def _disk(case: Case, out: str) -> Iterator[None]:
    """For a full disk: a file system of `at` KiB at `out`."""
    if case.kind != "full":
        yield
        return
    Path(out).mkdir(parents=True, exist_ok=True)
    _mount(out, f"{case.at:g}k")
    try:
        yield
    finally:
        os.system(f"umount '{out}'")


def _grow(out: str) -> None:
    _mount(out, "64m", remount=True)


def may_mount(folder: Path) -> bool:
    """Whether a small file system can be mounted here, to be filled."""
    folder.mkdir(parents=True, exist_ok=True)
    done = _mount(str(folder), "64k")
    if done:
        os.system(f"umount '{folder}'")
    shutil.rmtree(folder)
    return done
