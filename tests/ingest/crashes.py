"""Kills runs: a process that dies by SIGKILL before its n-th write, for every n, and what the next run makes of it.

    python crashes.py FOLDER SOURCES  ->  one JSON line per point: {"point", "killed", "same"}

Each run is a fork of this process, which has imported everything and started nothing.
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
from animatrix_ingest.keep import manifest
from animatrix_ingest.recipes import Settings
from animatrix_ingest.watch import look

SETTINGS = Settings("adaptive", clip_height_px=16, min_shot_s=0.2, max_shot_s=2.0, shard_mib=1)


def run(out: Path, sources: str) -> None:
    pipeline.run([sources], out, SETTINGS, engine.in_turn)


def die_before(point: int) -> None:
    """Arrange for SIGKILL before the point-th rename, removal or decoded source of this process."""
    count = [0]

    def counted(function: Callable) -> Callable:
        def call(*args, **options):
            count[0] += 1
            if count[0] == point:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)

        return call

    os.replace = counted(os.replace)
    os.unlink = counted(os.unlink)
    look.frames = counted(look.frames)


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


def content(out: Path) -> dict[str, bytes]:
    """What a data set holds: the manifest, the shards and the lists, to the byte; nothing half-written beside them."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != ".lock"]
    kept = [path for path in files if path.parent.name != "units"]
    return {str(path.relative_to(out)): path.read_bytes() for path in kept}


def main(folder: Path, sources: str) -> None:
    cv2.setNumThreads(1)
    assert forked(lambda: run(folder / "whole", sources)) == 0
    wanted = content(folder / "whole")
    point = 0
    while True:
        point += 1
        out = folder / "killed"

        def killed(out: Path = out, point: int = point) -> None:
            die_before(point)
            run(out, sources)

        status = forked(killed)
        if status == 0:
            break
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        resumed = forked(lambda out=out: run(out, sources)) == 0
        same = resumed and content(out) == wanted and manifest.load(out).equals(manifest.load(folder / "whole"))
        print(json.dumps({"point": point, "killed": died, "same": same}), flush=True)
        shutil.rmtree(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
