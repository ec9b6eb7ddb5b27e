"""The commands `animatrix-ingest recaption` and `export-truth`. Heavy imports wait until it runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from animatrix_ingest.recaption_how import How, RecaptionError


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


def run(command: Recaption) -> int:
    """The exit status: 0 done, 1 some clips failed, 2 refused, with the reason."""
    from anicaption.taxonomy import TaxonomyError

    from animatrix_ingest import engine
    from animatrix_ingest.bars import Bars
    from animatrix_ingest.corrections import CorrectionError
    from animatrix_ingest.decide.joined import TableError
    from animatrix_ingest.keep.store import StoreError
    from animatrix_ingest.recaption import Chosen, recaption

    refusals = (RecaptionError, CorrectionError, StoreError, TableError, TaxonomyError, engine.NoCluster)
    try:
        with Bars() as bars:
            done = recaption(
                command.dataset,
                command.how,
                lambda: engine.on_ray(command.address),
                corrections=command.corrections,
                chosen=Chosen(command.keys, command.only_tier),
                progress=bars,
            )
    except refusals as error:
        print(f"animatrix-ingest: {error}", file=sys.stderr)
        return 2
    for key, dead in done.failed:
        print(f"  failed  {key}: {dead.reason}")
    if done.n_withheld:
        print(
            f"{done.n_withheld} clips were not shown to the model: quarantined, or unrated and --unrated is not given"
        )
    news = f"labels generation {done.labels}" if done.changed else f"nothing new: labels generation {done.labels} stays"
    print(f"{done.n_clips - len(done.failed)} of {done.n_clips} clips captioned in {done.seconds:.1f} s; {news}")
    return 1 if done.failed else 0


@dataclass(frozen=True)
class ExportTruth:
    """Write what people corrected as truth for `anicaption fit --truth OUT`: only clips of the split `train`."""

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    out: Path
    """a new folder for clips and truth"""


def run_export(command: ExportTruth) -> int:
    """The exit status: 0 done, 1 nothing to learn from, 2 refused, with the reason."""
    from animatrix_ingest.keep.store import StoreError
    from animatrix_ingest.truth import export_truth

    try:
        done = export_truth(command.dataset, command.out)
    except (RecaptionError, StoreError) as error:
        print(f"animatrix-ingest: {error}", file=sys.stderr)
        return 2
    print(f"{done.n_clips} corrected clips of {done.n_groups} works in {command.out}")
    print(f"{done.n_held_back} held back: not of the split train, or quarantined")
    return 0 if done.n_clips else 1
