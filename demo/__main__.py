"""Drive the road: draw, ingest, train, sample, read back, and write OUT/index.html.

Each step is a command that a reader could type; the page shows them with their times.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

CHECKPOINT = Path("checkpoints/tiny_i2v_wide")


@dataclass
class Road:
    """Where everything of one demo lies, and what was run."""

    out: Path
    steps: list[tuple[str, str, float]] = field(default_factory=list)

    def run(self, what: str, *command: str | Path) -> None:
        """One command of ours, with its output on this terminal. A failure ends the demo."""
        words = [str(word) for word in command]
        print(f"\n== {what}\n$ {shlex.join(words)}", flush=True)
        began = time.perf_counter()
        # One thread: these models are too small to share, and waiting threads are what a busy machine is slow at.
        environment = {"OMP_NUM_THREADS": "1", **os.environ}
        done = subprocess.run([str(Path(sys.executable).parent / words[0]), *words[1:]], env=environment)
        if done.returncode:
            raise SystemExit(f"demo: '{shlex.join(words)}' ended with status {done.returncode}; its words are above")
        self.steps.append((what, shlex.join(words), time.perf_counter() - began))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/demo"))
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT, help="what the second training goes on from")
    parser.add_argument("--clips", type=int, default=8, help="unseen first frames per move asked for")
    arguments = parser.parse_args()
    road = Road(arguments.out)
    shutil.rmtree(road.out, ignore_errors=True)
    road.out.mkdir(parents=True)
    began = time.perf_counter()

    raw, data, unseen = road.out / "raw", road.out / "data", road.out / "unseen"
    road.run("Draw two episodes of anime", "anicaption", "draw", "--out", raw / "episodes", "--episodes", "2",
             "--seed", "1")  # fmt: skip
    road.run("Draw short shots with large camera moves", "anicaption", "draw", "--out", raw / "moves", "--episodes",
             "4", "--shots", "60", "--seed", "1001", "--script", "moves", "--height", "96")  # fmt: skip
    road.run("Draw shots that no training sees", "anicaption", "draw", "--out", unseen, "--episodes", "1", "--shots",
             "96", "--seed", "2001", "--script", "moves", "--height", "96")  # fmt: skip
    road.run("Ingest: shots, variables, shards", "animatrix-ingest", "run", raw / "episodes", raw / "moves", "--out",
             data, "--recipe", "demo")  # fmt: skip
    scratch, further = road.out / "scratch", road.out / "further"
    short = ("--stages.0.warmup-steps", "20", "--shards", data)
    road.run("Train from nothing", "animatrix-train", "fit", "tiny_i2v", "--out", scratch, "--stages.0.steps", "300",
             "--save-every", "300", *short)  # fmt: skip
    road.run("Train on from the shipped checkpoint", "animatrix-train", "fit", "tiny_i2v_wide", "--out", further,
             "--init", arguments.checkpoint, "--stages.0.steps", "60", "--save-every", "60", "--stages.0.lr", "1e-4",
             *short)  # fmt: skip

    from demo import page, proof

    results = proof.prove(road, arguments.checkpoint, unseen, arguments.clips)
    path = page.write(road, raw, data, results, seconds=time.perf_counter() - began)
    print(f"\n{results.words()}\n\n{path}  ({(time.perf_counter() - began) / 60:.1f} minutes)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
