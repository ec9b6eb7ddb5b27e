"""Kills runs: a process that dies by SIGKILL at its n-th fail point, for every n, and what the next run makes of it.

    python crashes.py FOLDER SOURCES [EVERY]  ->  one JSON line per point: {"point", "at", "killed", "same", "left"}

Each run is a fork of this process, which has imported everything and started nothing. EVERY tries each EVERY-th point.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
from animatrix_ingest import engine, pipeline
from animatrix_ingest.keep import faults, manifest
from animatrix_ingest.keep.made import Made
from animatrix_ingest.recipes import Settings

SETTINGS = Settings("adaptive", clip_height_px=16, min_shot_s=0.2, max_shot_s=2.0, shard_mib=1)


def run(out: Path, sources: str, order: str = "") -> None:
    os.environ[faults.VARIABLE] = order
    pipeline.run([sources], out, SETTINGS, engine.in_turn)


def forked(work: Callable[[], None]) -> int:
    """Run in a fork; the wait status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def main(folder: Path, sources: str, every: int = 1) -> None:
    cv2.setNumThreads(1)
    Made.here({})  # hashes the code once, for all forks
    heard = folder / "points"
    assert forked(lambda: run(folder / "whole", sources, f"count@{heard}")) == 0
    wanted = manifest.dataset_hash(folder / "whole")
    names = heard.read_text().splitlines()
    for number in range(1, len(names) + 1, every):
        out = folder / "killed"
        status = forked(lambda out=out, number=number: run(out, sources, f"kill@{number}"))
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        resumed = forked(lambda out=out: run(out, sources)) == 0
        same = resumed and manifest.dataset_hash(out) == wanted
        left = [path.name for path in (out / ".tmp").iterdir()]
        print(json.dumps({"point": number, "at": names[number - 1], "killed": died, "same": same, "left": left}))
        sys.stdout.flush()
        shutil.rmtree(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
