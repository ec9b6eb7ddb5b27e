"""Recaptions that die by SIGKILL, as forks of a process that has imported everything and started nothing.

    python recaptions.py kills FOLDER CORRECTIONS EVERY  ->  a JSON line per point: {"at", "killed", "same", "left"}
    python recaptions.py ask FOLDER URL FAULT...         ->  wait statuses of some that ask the model at URL, in turn
    python recaptions.py ask FOLDER URL                  ->  those of two at once

FOLDER holds a data set `whole`; kills are tried on copies of it. EVERY tries each EVERY-th point.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
from animatrix_ingest import engine
from animatrix_ingest.keep import faults, manifest
from animatrix_ingest.recaption import recaption
from animatrix_ingest.recaption_how import How
from animatrix_ingest.recaption_sources import identity


def forked(dataset: Path, how: How, corrections: Path | None = None, order: str = "") -> int:
    """One recaption in a fork; the wait status."""
    child = os.fork()
    if child == 0:
        os.environ[faults.VARIABLE] = order
        try:
            failed = recaption(dataset, how, engine.in_turn, corrections=corrections).failed
            os._exit(1 if failed else 0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(2)
    return os.waitpid(child, 0)[1]


def was_killed(status: int) -> bool:
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def kills(folder: Path, corrections: Path, every: int) -> None:
    how = How()
    identity(how)
    heard, done = folder / "points", folder / "done"
    shutil.copytree(folder / "whole", done)
    assert forked(done, how, corrections, f"count@{heard}") == 0
    wanted = manifest.dataset_hash(done)
    assert wanted != manifest.dataset_hash(folder / "whole")
    names = heard.read_text().splitlines()
    for number in range(1, len(names) + 1, every):
        out = folder / "killed"
        shutil.copytree(folder / "whole", out)
        died = was_killed(forked(out, how, corrections, f"kill@{number}"))
        same = forked(out, how, corrections) == 0 and manifest.dataset_hash(out) == wanted
        left = [path.name for path in (out / ".tmp").iterdir()]
        print(json.dumps({"at": names[number - 1], "killed": died, "same": same, "left": left}), flush=True)
        shutil.rmtree(out)


def ask(folder: Path, url: str, *orders: str) -> None:
    """One recaption after the other, or with no order two at once."""
    how = How(url=url, model="tiny", ask=("style.tradition",), prose=True, unrated=True, concurrency=2)
    identity(how)
    if orders:
        print(*(forked(folder, how, None, order) for order in orders))
        return
    with ThreadPoolExecutor(2) as pool:
        print(*pool.map(lambda _: forked(folder, how), range(2)))


if __name__ == "__main__":
    cv2.setNumThreads(1)
    if sys.argv[1] == "kills":
        kills(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        ask(Path(sys.argv[2]), *sys.argv[3:])
