"""Kills, full and slow disks, busy servers and racing writers: the data set is always the undisturbed one.

    python -m benchmarks.faults [N]     prints a table and writes build/bench/faults.json

Of N kills 85 in 100 fall at points of the writes (keep/faults.py) of runs without Ray, on a local disk and on an S3
server; the others are SIGKILLs of worker, driver and node of a local cluster of three nodes (faults_ray.py). The other
disturbances come on top. After each, a run without disturbance must leave the same data set as if nothing had been.

What was done is in build/bench/faults.jsonl, and is not done again by the same code: a bigger N goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from anicaption.frames import write_video
from animatrix_ingest.keep import faults
from animatrix_ingest.keep.made import Made
from animatrix_ingest.keep.store import PROBES

from benchmarks import faults_cases as cases
from benchmarks import faults_ray
from benchmarks.faults_cases import Case, End, Place
from benchmarks.faults_s3 import BUCKET, server
from benchmarks.figures import Figure, publish
from benchmarks.mutate import RATE, pictures

N = 200
RAY_SHARE = 0.15
AT_ONCE = 4
"""Cases side by side: they wait for the disk and for the server more than they count."""
LOG = Path("build/bench/faults.jsonl")
FULL_KIB = (40, 120, 200, 260)


def films(folder: Path) -> None:
    """Three tiny films, two of them given first, and something that is none."""
    (folder / "first").mkdir(parents=True)
    for name, shots, seed in (("first/a.mkv", (12, 14), 0), ("first/b.mp4", (13,), 1), ("c.mkv", (11, 12), 2)):
        container = "matroska" if name.endswith("mkv") else "mp4"
        write_video(folder / name, pictures(shots, 32, 48, seed), RATE, container=container)
    (folder / "broken.mp4").write_text("not a film")


def step(point: str) -> str:
    """The step of a write that a point belongs to: its name without hashes and numbers."""
    return re.sub(r"[0-9a-f]{8,}|\d+", "*", point)


def in_turns(points: Sequence[str]) -> list[int]:
    """The points of a run, counted from 1, so ordered that every step is met before any is met again.

    The proof that a store can put-if-absent (keep/store.py: prove) comes last: nothing is there yet to be lost.
    """
    met: Counter[str] = Counter()
    order = []
    for number, point in enumerate(points, 1):
        met[step(point)] += 1
        order.append((f"{PROBES}/" in point, met[step(point)], number))
    return [number for _, _, number in sorted(order)]


def planned(n: int, points: dict[str, list[str]]) -> list[Case]:
    """`n` kills of a first run on each store, and of a run that adds films; when all points are through, two kills."""
    found: list[Case] = []
    for what, share in {"local": 0.42, "s3": 0.42, "more": 0.16}.items():
        count = round(n * share) if what != "more" else n - len(found)
        store, order = "local" if what == "more" else what, in_turns(points[what])
        for i in range(count):
            lap, at = divmod(i, len(order))
            again = int(np.random.default_rng([lap, i]).integers(1, len(order) + 1)) if lap else 0
            found.append(Case(store, "kill", order[at], again, what == "more"))
    return found


def others(points: dict[str, list[str]], mounts: bool) -> list[Case]:
    """Disturbances that kill nothing: errors of the disk, a full one, a slow one, busy servers, racing writers."""
    local, s3 = in_turns(points["local"]), in_turns(points["s3"])
    found = [Case("local", kind, at) for kind in ("enospc", "eio") for at in local[: len(local) // 2 : 12]]
    found += [Case("s3", "busy", at) for at in s3[: len(s3) // 2 : 16]]
    found += [Case("s3", "503", k) for k in (3, 5, 9)]
    found += [Case(store, "slow", 0.01) for store in ("local", "s3")]
    found += [Case(store, "race", cases.RACERS) for store in ("local", "s3")]
    return found + [Case("tiny", "full", kib) for kib in FULL_KIB if mounts]


def places(folder: Path) -> Callable[[Case], str]:
    """Gives every case a fresh place for its data set."""

    def where(case: Case) -> str:
        name = f"{os.getpid()}-{time.monotonic_ns()}"
        if case.store == "s3":
            return f"s3://{BUCKET}/{f'busy-{case.at:g}-' if case.kind == '503' else ''}{name}"
        return str(folder / "sets" / name)

    return where


def carried_out(todo: Sequence[Case], place: Place) -> Iterator[End]:
    """Let cases happen, a few at a time, each in a fork with a process group of its own, which ends with this one."""
    waiting, running = list(reversed(todo)), dict[int, int]()
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                case = waiting.pop()
                reading, writing = os.pipe()
                child = os.fork()
                if child == 0:
                    _one(case, place, writing)
                os.setpgid(child, child)
                os.close(writing)
                running[child] = reading
            child, _ = os.wait()
            with open(running.pop(child)) as pipe:
                yield End(**json.loads(pipe.read()))
    finally:
        for child in running:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _one(case: Case, place: Place, writing: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        end = cases.happen(case, place, places(place.folder))
    except BaseException as error:
        end = End(case.name, case.store, case.kind, "", f"the test failed: {type(error).__name__}: {error}", 0.0)
    with open(writing, "w") as pipe:
        pipe.write(json.dumps(asdict(end)))
    os._exit(0)


def noting(log: Path, code: str) -> Callable[[End], None]:
    """Writes an end into the log, and on the screen where something was wrong."""

    def note(end: End) -> None:
        with open(log, "a") as file:
            file.write(json.dumps({**asdict(end), "code": code}) + "\n")
        if end.result != "same":
            print(f"{end.case} ({end.point}): {end.result}", file=sys.stderr, flush=True)

    return note


def done_before(log: Path, code: str) -> dict[str, End]:
    """What the log says of this code."""
    if not log.exists():
        return {}
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return {row["case"]: End(**{k: v for k, v in row.items() if k != "code"}) for row in rows if row["code"] == code}


def prepare(folder: Path) -> tuple[Place, dict[str, list[str]]]:
    """The films, the undisturbed data sets and the points that each kind of run passes."""
    films(folder / "films")
    (folder / "sets").mkdir()
    cases.run([str(folder / "films")], str(folder / "warm"), folder / "cache")  # forks find everything loaded
    cache, log = folder / "cache", folder / "points"
    whole = [str(folder / "films")]
    names, found = {}, []
    for store, out in (("local", str(folder / "whole")), ("s3", f"s3://{BUCKET}/whole")):
        names[store] = cases.count_points(folder / "films", out, cache, folder / f"{log.name}-{store}", whole)
        found.append(cases.read(out))
    more = str(folder / "more")
    cases.count_points(folder / "films", more, cache, folder / "points-first", [str(folder / "films" / "first")])
    names["more"] = cases.count_points(folder / "films", more, cache, folder / "points-more", whole)
    found.append(cases.read(more))
    hashes = {state.hash if isinstance(state, cases.State) else state for state in found}
    if len(hashes) != 1 or isinstance(found[0], str):
        raise RuntimeError(f"the undisturbed data sets differ: {hashes}")
    return Place(folder / "films", folder, found[0]), names


def figures(ends: Sequence[End], points: dict[str, list[str]], seconds: float) -> list[Figure]:
    found = []
    for store, kind in sorted({(end.store, end.kind) for end in ends}):
        of = [end for end in ends if (end.store, end.kind) == (store, kind)]
        same = sum(end.result == "same" for end in of)
        beside = {"of": float(len(of)), "at different steps": float(len({step(end.point) for end in of}))}
        found.append(Figure(f"the same data set after {kind}, {store}", same, beside, "all", same == len(of)))
    kinds = Counter("kill" in end.kind for end in ends)
    found.append(Figure("kills", kinds[True], {"other disturbances": kinds[False]}))
    for what, names in points.items():
        found.append(Figure(f"points of a run, {what}", len(names), {"steps": len(set(map(step, names)))}))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    beside = {"CPU seconds, without the cluster's": used.ru_utime + used.ru_stime}
    return [*found, Figure("seconds of this run", seconds, beside)]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("n", nargs="?", type=int, default=N)
    parser.add_argument("--log", type=Path, default=LOG)
    parser.add_argument("--no-ray", action="store_true", help="leave the cluster out")
    asked = parser.parse_args(argv)
    began = time.monotonic()
    cv2.setNumThreads(1)
    os.environ.pop(faults.VARIABLE, None)
    code = Made.here(cases.SETTINGS.to_json()).fingerprint[:16]
    asked.log.parent.mkdir(parents=True, exist_ok=True)
    known, note = done_before(asked.log, code), noting(asked.log, code)
    n_ray = 0 if asked.no_ray else round(asked.n * RAY_SHARE)
    folder = Path(tempfile.mkdtemp(prefix="animatrix-faults-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # what it made goes all the same
    ends: list[End] = []
    try:
        with server():
            place, points = prepare(folder)
            mounts = cases.may_mount(folder / "mount")
            if not mounts:
                print("no file system can be mounted here: full disks only by the fail points", file=sys.stderr)
            wanted = planned(asked.n - n_ray, points) + others(points, mounts)
            ends = [known[case.name] for case in wanted if case.name in known]
            for end in carried_out([case for case in wanted if case.name not in known], place):
                note(end)
                ends.append(end)
        ends += faults_ray.kills(n_ray, place, note, known)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = figures(ends, points, time.monotonic() - began)
    publish("faults", f"make test-faults N={asked.n}", told)
    return 0 if all(figure.holds is not False for figure in told) else 1


if __name__ == "__main__":
    raise SystemExit(main())
