"""Commands about a data set: plan, status, retry, verify, forget, gc. Called, each gives an exit status."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import tyro

from animatrix_ingest.recipes import Settings, Weights


@dataclass(frozen=True)
class Plan:
    """What `run` with the same arguments would do. Nothing is fetched, decoded or written."""

    sources: tyro.conf.Positional[tuple[str, ...]]
    """files, folders, globs, lists, URLs"""
    out: str
    """the data set: a folder, or s3://BUCKET/PREFIX"""
    settings: Settings = field(default_factory=Settings)
    weights: Weights = field(default_factory=Weights)

    def __call__(self) -> int:
        from animatrix_ingest.standing import plan

        planned = plan(self.sources, self.out, self.settings, weights=self.weights)
        for kind in ("new", "known", "dead", "forgotten"):
            for name in getattr(planned, kind):
                print(f"{kind:10}{name}")
        counts = ", ".join(f"{len(getattr(planned, k))} {k}" for k in ("new", "known", "done", "dead", "forgotten"))
        print(counts)
        if planned.another:
            print(f"another video generation beside the highest, for it was made otherwise: {planned.another}")
        return 0


@dataclass(frozen=True)
class Status:
    """How a data set stands: its generations, its counts, what waits and what is dead."""

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""

    def __call__(self) -> int:
        from animatrix_ingest.decide.conserve import Counts
        from animatrix_ingest.standing import status

        found = status(self.dataset)
        if found.generations is None:
            print(f"no generation yet; {found.n_waiting} sources are finished")
            return 0
        there = found.generations
        print(f"video    generation {there.latest_video}, the highest of {len(there.video)}")
        print(f"labels   generation {there.latest_labels}, the highest of {len(there.labels)}")
        print(f"hash     {there.hash}")
        for what, counts in (("sources", found.sources), ("shots", found.shots)):
            print(f"{what:9}{Counts(**counts)}")
        print(f"shards   {found.n_shards}, {found.n_bytes:,} bytes")
        print(f"waiting  {found.n_waiting} finished sources in no generation; {found.n_forgotten} contents forgotten")
        for source, stage, reason, attempts in found.dead:
            print(f"  dead   {source}: {stage}: {reason} ({attempts} attempt{'s' * (attempts > 1)})")
        return 0


@dataclass(frozen=True)
class Retry:
    """Work again on every dead letter of the highest generation, with the settings it was made with."""

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    address: str = "local"
    """a Ray cluster, as ray://HOST:PORT or HOST:PORT; local starts Ray for this run alone"""
    weights: Weights = field(default_factory=Weights)

    def __call__(self) -> int:
        from animatrix_ingest import engine, pipeline
        from animatrix_ingest.bars import Bars
        from animatrix_ingest.commands_decide import decide_as_before
        from animatrix_ingest.standing import dead_sources

        names, settings = dead_sources(self.dataset, self.weights)
        if not names:
            print(f"nothing is dead in {self.dataset}")
            return 0
        with Bars() as bars:
            carry = functools.partial(engine.on_ray, self.address)
            summary = pipeline.run(
                names, self.dataset, settings, carry, retry=True, weights=self.weights, progress=bars
            )
        if summary.changed:
            decide_as_before(self.dataset)
        print(f"sources  {summary.sources}\nclips    {summary.n_clips} in {self.dataset}")
        return 0 if not summary.sources.dead else 1


@dataclass(frozen=True)
class Verify:
    """Read every byte of a generation back against its hashes. Exit status 1 where anything is wrong."""

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    video: int | None = None
    """which video generation; the highest if left out"""

    def __call__(self) -> int:
        from animatrix_ingest.keep.verify import verify

        found = verify(self.dataset, self.video)
        for row in found.wrong:
            print(f"{row.name}: {row.what}")
        words = f"{len(found.wrong)} wrong" if found.wrong else "all as it was written"
        print(f"video generation {found.video}: {found.n_files} files, {found.n_bytes:,} bytes read; {words}")
        return 1 if found.wrong else 0


@dataclass(frozen=True)
class Forget:
    """Make a generation without some sources; shards that held them are written anew without them.

    Older generations still hold them until `gc --drop-forgotten`. A forgotten content is not ingested again unless it
    is named by itself.
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """names as `status` and the report give them, or sha256"""
    dataset: str
    """the --out of a run"""
    address: str = "local"
    """a Ray cluster, as ray://HOST:PORT or HOST:PORT; local starts Ray for this run alone"""

    def __call__(self) -> int:
        from animatrix_ingest import engine, pipeline
        from animatrix_ingest.commands_decide import decide_as_before

        now = pipeline.forget(self.sources, self.dataset, lambda: engine.on_ray(self.address))
        decide_as_before(self.dataset)
        print(f"video generation {now.number}: {now.counts['shots']['kept']} clips in {self.dataset}")
        return 0


@dataclass(frozen=True)
class Gc:
    """Remove what no generation names. What is younger than --min-age-h is left: a run may be about to name it."""

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    dry_run: bool = False
    """only say what would be removed"""
    min_age_h: float = 24.0
    """longer than any run takes"""
    drop_forgotten: bool = False
    """remove generations that still hold a forgotten source, too"""

    def __post_init__(self) -> None:
        if self.min_age_h < 0:
            raise ValueError(
                f"gc.min_age_h: {self.min_age_h:g} h is less than 0; give hours, 24 leaves every run alone"
            )

    def __call__(self) -> int:
        from animatrix_ingest.keep.gc import gc

        options = {"dry_run": self.dry_run, "drop_forgotten": self.drop_forgotten}
        found = gc(self.dataset, min_age_s=3600 * self.min_age_h, **options)
        for name in found.names:
            print(name)
        verb = "would be removed" if self.dry_run else "removed"
        print(f"{len(found.names)} names, {found.n_bytes:,} bytes {verb}; {found.n_young} are too young")
        return 0


COMMANDS = (Plan, Status, Retry, Verify, Forget, Gc)
