"""Commands that read what is stored and decode nothing: decide, explain, report. Called, each gives an exit status."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from animatrix_ingest.decide.settings import Deciding


def show(dataset: str) -> None:
    """Write the report and the data card, so that nobody sees what decisions have just taken from sight."""
    from animatrix_ingest.datacard_write import write as write_card
    from animatrix_ingest.report import write
    from animatrix_ingest.scores import SCORES

    print(f"report   {write(dataset)}")
    print(f"card     {write_card(dataset, SCORES)[-1]}")


def decide_as_before(dataset: str) -> None:
    """Decide with the settings and verdicts of the last decision, after clips came or went, and show it."""
    from animatrix_ingest.decisions import decide_all, decided_with

    decide_all(dataset, decided_with(dataset) or Deciding())
    show(dataset)


@dataclass(frozen=True)
class Decide:
    """Roles, splits, tiers and weights anew, from stored scores: another labels generation, nothing is decoded."""

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    verdicts: Path | None = None
    """what experts say of clips (CSV, JSON lines or Parquet: verdict, who, when, and key or source, start_s, end_s):
    decides tiers A and S; a file replaces the one before"""
    silent: bool = False
    """look for openings, endings and the like by pictures alone"""
    deciding: Deciding = field(default_factory=Deciding)

    def __call__(self) -> int:
        from animatrix_ingest.decisions import decide_all

        found = decide_all(self.dataset, self.deciding, self.verdicts, not self.silent)
        print(f"labels   generation {found.labels} in {self.dataset}")
        for what in ("tiers", "splits", "roles"):
            print(f"{what:9}" + ", ".join(f"{n} {name}" for name, n in getattr(found, what).items()))
        if found.n_moved:
            print(f"moved    {found.n_moved} clips are in another split than before; models that saw them have seen it")
        for verdict in found.unmatched:
            print(f"  no clip  {verdict.where}: {verdict.verdict} of {verdict.who}")
        show(self.dataset)
        return 1 if found.unmatched else 0


@dataclass(frozen=True)
class Explain:
    """Why a clip stands where it stands: every rule with its value."""

    key: tyro.conf.Positional[str]
    """a clip's key, or the beginning of one"""
    dataset: str
    """the --out of a run"""

    def __call__(self) -> int:
        from animatrix_ingest.decisions import explain

        print(explain(self.dataset, self.key))
        return 0


@dataclass(frozen=True)
class Report:
    """Write DATASET/report.html and the data card again."""

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    shots: int = 120
    """how many shots to show as pictures"""

    def __post_init__(self) -> None:
        if self.shots < 0:
            raise ValueError(f"report.shots: {self.shots} is less than 0; give how many to show as pictures")

    def __call__(self) -> int:
        from animatrix_ingest.datacard_write import write as write_card
        from animatrix_ingest.report import write
        from animatrix_ingest.scores import SCORES

        print(write(self.dataset, self.shots))
        print("\n".join(write_card(self.dataset, SCORES)))
        return 0
