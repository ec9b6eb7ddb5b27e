"""A million clips without a pixel: what planning, packing, committing and re-opening their metadata costs.

Bytes of clips are faked by their lengths and hashes (side files are holes, shards are not written); everything else is
the code that runs: units, side tables, the plan, a part per shard, tables, generations, labels, the manifest.

    python -m benchmarks.scale --clips 1000000 --folder FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from anicaption.taxonomy import UNKNOWN, taxonomy
from animatrix_ingest.engine import Silent, in_turn
from animatrix_ingest.keep import annotations, build, clips, manifest, pack, tables
from animatrix_ingest.keep.ledger import Ledger, begin, put_side
from animatrix_ingest.keep.made import Made
from animatrix_ingest.keep.store import Store, open_store
from animatrix_ingest.pipeline import settle
from animatrix_ingest.rows import Packed, Side, Source, Unit

from benchmarks.figures import Figure, publish

COMMAND = "python -m benchmarks.scale"
PER_SOURCE = 300
"""Clips of one episode of 24 minutes: a shot every 4.8 s."""
MP4_BYTES, JSON_BYTES, TXT_BYTES = 900_000, 12_000, 600
"""Lengths a clip's three files have on average (480 rows, 4.8 s); drawn around these."""
SHARD_BYTES = 256 << 20
OPEN_GOAL_S = 2.0
MADE = Made({"scale": 1, "shard_mib": 256}, "scale", {})
STREAM = {"time_base": "1/1000", "rate": "24000/1001"}
OPENED = (
    "key", "n_frames", "width_px", "height_px", "shard", "offset", "length", "json_offset", "json_length",
    "txt_offset", "txt_length", "camera.move", "style.medium", "content.rating", "tier", "split", "weight",
)  # fmt: skip


class Clock:
    """CPU and wall seconds of named steps."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}
        self.wall_s: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.process_time() - cpu
        self.wall_s[name] = self.wall_s.get(name, 0.0) + time.perf_counter() - wall
        print(f"{name}: {self.cpu_s[name]:.1f} s CPU, {self.wall_s[name]:.1f} s, {peak_mib():,.0f} MiB", flush=True)


def peak_mib() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def hashes(rng: np.random.Generator, n: int) -> pa.Array:
    """`n` hashes of 32 hex characters."""
    text = rng.bytes(16 * n).hex()
    return pa.array([text[i : i + 32] for i in range(0, 32 * n, 32)], pa.string())


def members(source: Source, side: str, n: int, rng: np.random.Generator) -> tuple[pa.Table, int]:
    """The rows of a source's clips, as a worker leaves them, and the size of their side file."""
    lengths = {
        "": rng.integers(MP4_BYTES // 3, MP4_BYTES * 5 // 3, n),
        "json_": rng.integers(JSON_BYTES // 2, JSON_BYTES * 3 // 2, n),
        "txt_": rng.integers(TXT_BYTES // 2, TXT_BYTES * 3 // 2, n),
    }
    frames = rng.integers(24, 206, n)
    ends = np.cumsum(frames)
    at = np.cumsum(sum(lengths.values())) - sum(lengths.values())
    columns: dict[str, Any] = {
        "source": [source.name] * n,
        "source_sha256": [source.sha256] * n,
        "start_pts": (ends - frames) * 42,
        "end_pts": ends * 42,
        "time_base": [STREAM["time_base"]] * n,
        "start_frame": ends - frames,
        "end_frame": ends,
        "n_frames": frames,
        "width_px": np.full(n, 854),
        "height_px": np.full(n, 480),
        "rate": [STREAM["rate"]] * n,
        "shard": [side] * n,
        "caption": [f"<tag> shot {i} of {source.name} </tag> {'words of it ' * 40}" for i in range(n)],
    }
    for name in ("key", "mp4_blake2b", "json_blake2b", "txt_blake2b"):
        columns[name] = hashes(rng, n)
    for prefix, length in lengths.items():
        columns[f"{prefix}offset"], columns[f"{prefix}length"] = at, length
        at = at + length
    for field in taxonomy():
        words = [UNKNOWN, *(value.id for value in field.values[:6])]
        columns[field.id] = [[words[i]] for i in rng.integers(0, len(words), n)]
    schema = clips.members_schema()
    return pa.table({name: columns[name] for name in schema.names}, schema=schema), int(
        sum(map(np.sum, lengths.values()))
    )


def fill(store: Store, ledger: Ledger, n_clips: int, seed: int) -> list[Source]:
    """Units as workers leave them."""
    rng = np.random.default_rng(seed)
    sources = []
    for number in range(-(-n_clips // PER_SOURCE)):
        n = min(PER_SOURCE, n_clips - number * PER_SOURCE)
        name = f"s3://raw/work{number // 12:04d}/episode{number % 12:02d}.mkv"
        source = Source(name, hashlib.sha256(name.encode()).hexdigest(), 700_000_000, "1")
        fake = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
        table, size = members(source, f"sides/{fake}", n, rng)
        hole = store.place(f"sides/{fake}")
        assert hole is not None
        hole.parent.mkdir(exist_ok=True)
        with open(hole, "wb") as file:
            file.truncate(size)
        sides = {"clips": Side(fake, size), "members": put_side(store, tables.to_bytes(table))}
        n_frames = int(table["end_frame"][-1].as_py())
        ledger.commit(Unit(source, ledger.fingerprint, 0, STREAM, n_frames, n, (), (), None, sides, 0.0))
        sources.append(source)
    return sources


def faked(store: Store, clock: Clock) -> Any:
    """Write a shard's part, and of the shard itself nothing."""

    def write(bin_: pack.Bin) -> Packed:
        return pack.write_part(store, bin_, hashlib.sha256(bin_.shard.encode()).hexdigest())

    return write


def annotate(store: Store, video: int, seed: int) -> None:
    """Tiers, splits and weights as decisions leave them."""
    rng = np.random.default_rng(seed)
    keys = manifest.load(store, columns=["key"])["key"]
    n = len(keys)
    kinds = {
        "tiers": {"tier": pa.array(np.array(["technical", "B", "A", "S"])[rng.integers(0, 4, n)]).dictionary_encode()},
        "splits": {"split": pa.array(np.array(["train", "held_out"])[rng.integers(0, 2, n)]).dictionary_encode()},
        "weights": {"weight": pa.array(rng.random(n), pa.float32())},
    }
    written = {kind: [annotations.write_table(store, pa.table({"key": keys, **row}))] for kind, row in kinds.items()}
    annotations.commit_labels(store, video, written, {"by": "scale"})


def opened(folder: Path) -> tuple[float, float, int]:
    """(wall s, CPU s, rows) of re-opening for training, everything being imported: the best of three, as another job
    may hold a core."""
    found, rows = [], 0
    for _ in range(3):
        cpu, wall = time.process_time(), time.perf_counter()
        rows = manifest.load(folder, columns=OPENED).num_rows
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return (*min(found), rows)


def open_figures(folder: Path) -> list[float]:
    """Re-open in a new process, whose memory nothing else has touched."""
    command = [sys.executable, "-m", "benchmarks.scale", "--open", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def main(n_clips: int, folder: Path, seed: int) -> None:
    """Fill, settle, label, re-open, publish."""
    shutil.rmtree(folder, ignore_errors=True)
    store, clock = open_store(folder), Clock()
    begin(store)
    ledger = Ledger(store, MADE.fingerprint)
    with clock.step("workers: a side table and a unit per source"):
        sources = fill(store, ledger, n_clips, seed)
    with in_turn() as engine, clock.step("driver: plan, parts, tables, video generation"):
        told = {source.name: (source, {}) for source in sources}
        now = settle(ledger, MADE, told, SHARD_BYTES, lambda: engine, Silent(), write=faked(store, clock))
    with clock.step("driver: first labels"):
        build.commit_first_labels(store, now)
    peak = peak_mib()
    with in_turn() as engine, clock.step("driver: the same again, nothing to do"):
        again = settle(ledger, MADE, told, SHARD_BYTES, lambda: engine, Silent(), write=faked(store, clock))
        assert again == now
    annotate(store, now.number, seed)
    wall, cpu, rows = open_figures(folder)
    assert rows == n_clips == now.counts["shots"]["kept"]
    shards = tables.read_all(store, now.shards)
    sizes = {
        kind: sum(entry.size_bytes for entry in store.entries(f"{kind}/")) for kind in ("parts", "tables", "plans")
    }
    units = sum(entry.size_bytes for entry in store.entries("units/"))
    figures = [Figure(f"s CPU, {name}", seconds) for name, seconds in clock.cpu_s.items()]
    figures += [
        Figure("MiB, most memory of the driver (with the workers' step, in one process)", peak),
        Figure(
            "s, re-open for training (17 columns, wall)",
            wall,
            {"CPU": cpu},
            f"under {OPEN_GOAL_S:g}",
            wall < OPEN_GOAL_S,
        ),
        Figure("clips", float(n_clips)),
        Figure("shards of 256 MiB", float(shards.num_rows)),
        Figure("bytes of tables per clip", sizes["tables"] / n_clips),
        Figure("bytes of parts per clip", sizes["parts"] / n_clips),
        Figure("bytes of plans per clip", sizes["plans"] / n_clips),
        Figure("bytes of units per clip", units / n_clips),
    ]
    publish("scale", f"{COMMAND} --clips {n_clips}", figures)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/bench/scale"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--open", type=Path, help="re-open this data set and print what it takes")
    given = parser.parse_args()
    if given.open:
        print(*opened(given.open))
    else:
        main(given.clips, given.folder, given.seed)
