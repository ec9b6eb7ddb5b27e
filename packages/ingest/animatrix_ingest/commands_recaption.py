"""The commands `recaption` and `export-truth`: captions made anew, and what people corrected to learn from.

Called, a command gives the exit status; what is refused is raised, and main tells it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from animatrix_ingest.recaption_how import How


@dataclass(frozen=True)
class Recaption:
    """Caption a data set anew: another labels generation, and no byte of video written.

    Without flags, the variables are decided again from the measurements stored with the clips. Heads and a model add
    what is not measured; none of them outranks a measurement, and people's corrections outrank all. With --corrections
    alone, only the clips they speak of are touched. Kill it and run it again, and it goes on: what a model has
    answered is never asked twice. What is quarantined is shown to no model. Exit status 1 where clips failed.
    """

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    how: How = field(default_factory=How)
    corrections: Path | None = None
    """what people say of clips: .jsonl, .csv or .parquet with key, field, values, who, when"""
    keys: tuple[str, ...] = ()
    """only these clips; the others keep what is said of them"""
    only_tier: str | None = None
    """only the clips that stand on this tier"""
    address: str = "local"
    """a Ray cluster, as ray://HOST:PORT or HOST:PORT; local starts Ray for this run alone"""

    def __call__(self) -> int:
        from animatrix_ingest import engine
        from animatrix_ingest.bars import Bars
        from animatrix_ingest.recaption import Chosen, recaption

        with Bars() as bars:
            done = recaption(
                self.dataset,
                self.how,
                lambda: engine.on_ray(self.address),
                corrections=self.corrections,
                chosen=Chosen(self.keys, self.only_tier),
                progress=bars,
            )
        for key, dead in done.failed:
            print(f"  failed  {key}: {dead.reason}")
        if done.n_withheld:
            print(f"{done.n_withheld} clips were not shown to the model: quarantined, or unrated without --unrated")
        kept = f"nothing new: labels generation {done.labels} stays"
        news = f"labels generation {done.labels}; `decide` takes it into account" if done.changed else kept
        print(f"{done.n_clips - len(done.failed)} of {done.n_clips} clips captioned in {done.seconds:.1f} s; {news}")
        return 1 if done.failed else 0


@dataclass(frozen=True)
class ExportTruth:
    """Write what people corrected as truth for `anicaption fit --truth OUT`: only clips of the split `train`.

    Exit status 1 where there is nothing to learn from.
    """

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    out: Path
    """a new folder for clips and truth"""

    def __call__(self) -> int:
        from animatrix_ingest.truth import export_truth

        done = export_truth(self.dataset, self.out)
        print(f"{done.n_clips} corrected clips of {done.n_groups} works in {self.out}")
        print(f"{done.n_held_back} held back: not of the split train, or quarantined")
        return 0 if done.n_clips else 1
