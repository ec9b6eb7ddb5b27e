"""500 damaged films through the real ingest: no crash, no hang, every one accounted for, memory bounded.

    python -m benchmarks.mutated [N]     prints a table and writes build/bench/mutated.json

Each film is worked on in a process of its own, so that a crash in a decoder is counted and not the end of the run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from animatrix_ingest import pipeline
from animatrix_ingest.decide.conserve import Counts, Outcome
from animatrix_ingest.recipes import Settings

from benchmarks.faults_forks import End, Forks
from benchmarks.figures import Figure, publish
from benchmarks.mutate import FILMS, KINDS, Mutant, films, mutants

N = 500
SETTINGS = Settings(clip_height_px=32, min_shot_s=0.2, max_shot_s=2.0, shard_mib=64)
LIMIT_S = 60.0
MEMORY_MIB = 512
"""What a process may take for a film of 64x48, however damaged it is: what a header claims is not what is taken."""


@dataclass(frozen=True)
class Seen:
    """What became of all of them."""

    mutants: list[Mutant]
    outcomes: dict[str, Outcome]
    ends: dict[str, End]
    sources: Counts
    seconds: float

    def bad(self) -> list[str]:
        """Every process that did not end as it should, in words."""
        return [f"{m.name} ({m.film}, {m.words}): {self.ends[m.name].words}" for m in self.mutants if self._bad(m)]

    def _bad(self, mutant: Mutant) -> bool:
        return mutant.name in self.ends and self.ends[mutant.name].words != "done"

    @property
    def peak_mib(self) -> float:
        return max(end.peak_mib for end in self.ends.values())


def run(n: int, folder: Path, seed: int = 1, at_once: int = 2) -> Seen:
    """Make `n` mutants in `folder` and ingest them."""
    cv2.setNumThreads(1)
    began = time.monotonic()
    whole = films(folder / "whole")
    made = list(mutants(whole, n, seed))
    (folder / "mutants").mkdir()
    for mutant in made:
        (folder / "mutants" / mutant.name).write_bytes(mutant.data)
    forks = Forks(LIMIT_S, at_once)
    summary = pipeline.run([str(folder / "mutants")], folder / "set", SETTINGS, forks)
    return Seen(
        mutants=made,
        outcomes={Path(end.source.name).name: end for end in summary.outcomes},
        ends={Path(name).name: end for name, end in forks.ends.items()},
        sources=summary.sources,
        seconds=time.monotonic() - began,
    )


def figures(seen: Seen) -> list[Figure]:
    """What is published."""
    n = len(seen.mutants)
    words = Counter(end.words.split()[0] for end in seen.ends.values())
    found = [
        Figure("mutants", n, {f"{kind}": sum(m.kind == kind for m in seen.mutants) for kind in KINDS}),
        Figure("crashed", words["killed"], goal="0", holds=words["killed"] == 0),
        Figure(f"hung (over {LIMIT_S:g} s)", words["over"], goal="0", holds=words["over"] == 0),
        Figure("raised out of the stage", words["raised"], goal="0", holds=words["raised"] == 0),
        _accounted(seen),
        Figure(
            "peak resident memory of a worker, MiB",
            seen.peak_mib,
            goal=f"at most {MEMORY_MIB}",
            holds=seen.peak_mib <= MEMORY_MIB,
        ),
        Figure("slowest film, s", max(end.seconds for end in seen.ends.values())),
        Figure("the whole run, s", seen.seconds),
    ]
    for film in FILMS:
        ends = Counter(seen.outcomes[m.name].outcome for m in seen.mutants if m.film == film.name)
        found.append(Figure(f"kept of {film.name}", ends["kept"], {k: ends[k] for k in ("dropped", "dead")}))
    return found


def _accounted(seen: Seen) -> Figure:
    """Every mutant is kept, dropped or dead, and whoever is not kept has a reason."""
    told = [seen.outcomes.get(m.name) for m in seen.mutants]
    whole = all(end is not None and (end.outcome == "kept" or end.reason) for end in told)
    counts = {k: getattr(seen.sources, k) for k in ("kept", "dropped", "dead")}
    holds = whole and sum(counts.values()) == len(seen.mutants)
    return Figure("accounted for", sum(counts.values()), counts, "all, with a reason", holds)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("n", nargs="?", type=int, default=N)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        seen = run(asked.n, Path(folder), asked.seed)
    told = figures(seen)
    for words in seen.bad():
        print(words, file=sys.stderr)
    publish("mutated", f"make fuzz N={asked.n} SEED={asked.seed}", told)
    return 0 if all(figure.holds is not False for figure in told) else 1


if __name__ == "__main__":
    raise SystemExit(main())
