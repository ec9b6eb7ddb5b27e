"""The `animatrix-ingest` command. Flags come from the dataclasses; heavy imports wait until a command runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from animatrix_ingest.commands_keep import Forget, Gc, Plan, Retry, Status, Verify
from animatrix_ingest.recipes import RECIPES, Settings, laptop

Kept = Plan | Status | Retry | Verify | Forget | Gc


@dataclass(frozen=True)
class Run:
    """Raw anime in, a data set of single shots out: shards, manifest and a report to look at.

    SOURCES are files, folders (searched whole) or globs (quoted). Run it again and it does nothing; kill it and run
    it again, and it goes on to the same end. Exit status 1 where nothing at all could be kept.
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """files, folders, globs"""
    out: str
    """the data set: a folder, or s3://BUCKET/PREFIX"""
    address: str = "local"
    """a Ray cluster, as ray://HOST:PORT or HOST:PORT; local starts Ray for this run alone"""
    recipe: Literal["laptop", "demo"] = "laptop"
    """which settings to start from (see recipes.py); the flags below change single ones"""
    settings: Settings = field(default_factory=laptop)
    retry: bool = False
    """work again on what is dead"""


@dataclass(frozen=True)
class Report:
    """Write DATASET/report.html again."""

    dataset: tyro.conf.Positional[str]
    """the --out of a run"""
    shots: int = 120
    """how many shots to show as pictures"""


def main(argv: list[str] | None = None) -> int:
    """The exit status: 0 done, 1 nothing kept, 2 refused, with the reason."""
    command = parse(list(sys.argv[1:] if argv is None else argv))
    if isinstance(command, Run):
        return _run(command)
    return _report(command) if isinstance(command, Report) else _kept(command)


def _kept(command: Kept) -> int:
    from animatrix_ingest.decide.conserve import NotConserved
    from animatrix_ingest.engine import NoCluster
    from animatrix_ingest.keep.store import StoreError
    from animatrix_ingest.watch.sources import NoSource

    try:
        return command()
    except (NoSource, StoreError, NotConserved, NoCluster) as error:
        print(f"animatrix-ingest: {error}", file=sys.stderr)
        return 2


def parse(argv: list[str]) -> Run | Report | Kept:
    """The command that some arguments mean; exits with the reason where they mean none."""
    start = Run(tyro.MISSING, tyro.MISSING, settings=_recipe(argv)())
    return tyro.cli(
        Annotated[Run, tyro.conf.subcommand("run", default=start)]
        | Annotated[Report, tyro.conf.subcommand("report")]
        | Annotated[Plan, tyro.conf.subcommand("plan", default=Plan(tyro.MISSING, tyro.MISSING, start.settings))]
        | Annotated[Status, tyro.conf.subcommand("status")]
        | Annotated[Retry, tyro.conf.subcommand("retry")]
        | Annotated[Verify, tyro.conf.subcommand("verify")]
        | Annotated[Forget, tyro.conf.subcommand("forget")]
        | Annotated[Gc, tyro.conf.subcommand("gc")],
        prog="animatrix-ingest",
        description="Raw anime in, shots with production variables out.",
        args=argv,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
    )


def _recipe(argv: list[str]) -> Callable[[], Settings]:
    """The recipe that --recipe names; the parser needs it before it parses, for the defaults it shows."""
    for flag, value in zip(argv, [*argv[1:], ""]):
        name = value if flag == "--recipe" else flag.removeprefix("--recipe=")
        if name in RECIPES:
            return RECIPES[name]
    return laptop


def _run(command: Run) -> int:
    from animatrix_ingest import engine, pipeline
    from animatrix_ingest.bars import Bars
    from animatrix_ingest.decide.conserve import NotConserved
    from animatrix_ingest.keep.store import StoreError, open_store
    from animatrix_ingest.watch.sources import NoSource

    try:
        with Bars() as bars:
            summary = pipeline.run(
                command.sources,
                command.out,
                command.settings,
                lambda: engine.on_ray(command.address),
                retry=command.retry,
                progress=bars,
            )
    except (NoSource, StoreError, NotConserved, engine.NoCluster) as error:
        print(f"animatrix-ingest: {error}", file=sys.stderr)
        return 2
    if not summary.n_worked and not summary.changed:
        print(f"nothing to do: all {summary.sources.all} sources are in {command.out} ({summary.n_clips} clips)")
    if summary.changed or open_store(command.out).size("report.html") is None:
        from animatrix_ingest.report import write

        print(f"report   {write(command.out)}")
    print(f"sources  {summary.sources}\nshots    {summary.shots}\nclips    {summary.n_clips} in {command.out}")
    print(f"{summary.n_worked} sources worked on in {summary.seconds:.1f} s")
    for end in summary.outcomes:
        if end.outcome != "kept":
            print(f"  {end.outcome:8}{end.source.name}: {end.reason}")
    return 0 if summary.n_clips else 1


def _report(command: Report) -> int:
    from animatrix_ingest.keep.manifest import ManifestError
    from animatrix_ingest.report import write

    try:
        print(write(command.dataset, command.shots))
    except ManifestError as error:
        print(f"animatrix-ingest: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
