"""`animatrix-ingest run`: from sources to a data set with its decisions, report and data card."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from animatrix_ingest.decide.settings import Deciding
from animatrix_ingest.recipes import RECIPES, Settings, Weights


@dataclass(frozen=True)
class Run:
    """Raw anime in, a data set of single shots out: shards, manifest, decisions, a report to look at, a data card.

    SOURCES are files, folders (searched whole), globs (quoted), lists (.csv, .parquet, .jsonl with a column `source`)
    or URLs (s3://, http(s):// and others). Run it again and it does nothing; kill it and run it again, and it goes on
    to the same end. What a list states of a source holds until a list says otherwise. Exit status 1 where nothing at
    all could be kept.
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """files, folders, globs, lists, URLs"""
    out: str
    """the data set: a folder, or s3://BUCKET/PREFIX"""
    address: str = "local"
    """a Ray cluster, as ray://HOST:PORT or HOST:PORT, or auto inside one; local starts Ray for this run alone"""
    recipe: Literal["laptop", "demo"] = "laptop"
    """which settings to start from (see recipes.py); the flags below change single ones"""
    settings: Settings = field(default_factory=Settings)
    weights: Weights = field(default_factory=Weights)
    deciding: Deciding = field(default_factory=Deciding)
    rating: Literal["unknown", "general", "sensitive", "explicit"] = "unknown"
    """content rating of sources whose list states none"""
    cache: Path | None = None
    """folder of each worker for copies of remote sources, while they are read"""
    retry: bool = False
    """work again on what is dead"""
    worker_mib: int = 2048
    """memory a worker may take; a source that needs more becomes a dead letter (4K may: ask for 4096)"""
    stall_s: float = 120.0
    """a worker that decodes nothing for so long is given up, and its source a dead letter"""

    def __call__(self) -> int:
        from animatrix_ingest import engine, pipeline
        from animatrix_ingest.bars import Bars
        from animatrix_ingest.commands_decide import show
        from animatrix_ingest.decisions import decide_all, decided_with, is_decided
        from animatrix_ingest.keep.store import open_store
        from animatrix_ingest.limits import Needs

        with Bars() as bars:
            summary = pipeline.run(
                self.sources,
                self.out,
                self.settings,
                lambda: engine.on_ray(self.address, Needs(memory_mib=self.worker_mib, stall_s=self.stall_s)),
                retry=self.retry,
                rating=self.rating,
                cache=self.cache,
                weights=self.weights,
                progress=bars,
            )
        if not summary.n_worked and not summary.changed:
            print(f"nothing to do: all {summary.sources.all} sources are in {self.out} ({summary.n_clips} clips)")
        fresh, before = not is_decided(self.out), decided_with(self.out)
        if fresh:
            asked = self.deciding != RECIPES[self.recipe]().deciding
            decision = decide_all(self.out, self.deciding if asked or before is None else before)
            print("tiers    " + ", ".join(f"{n} {tier}" for tier, n in decision.tiers.items()))
        elif self.deciding != before:
            print(
                f"decided  with other settings before, and left so: `animatrix-ingest decide {self.out}` decides again"
            )
        if fresh or summary.changed or open_store(self.out).size("report.html") is None:
            show(self.out)
        print(f"sources  {summary.sources}\nshots    {summary.shots}\nclips    {summary.n_clips} in {self.out}")
        print(f"{summary.n_worked} sources worked on in {summary.seconds:.1f} s")
        for end in summary.outcomes:
            if end.outcome != "kept":
                print(f"  {end.outcome:8}{end.source.name}: {end.reason}")
        return 0 if summary.n_clips else 1
