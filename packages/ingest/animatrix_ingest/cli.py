"""The `animatrix-ingest` command. Flags come from the commands' dataclasses; heavy imports wait until one runs."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Protocol

import tyro

from animatrix_ingest.commands_decide import Decide, Explain, Report
from animatrix_ingest.commands_keep import Forget, Gc, Plan, Retry, Status, Verify
from animatrix_ingest.commands_recaption import ExportTruth, Recaption
from animatrix_ingest.commands_run import Run
from animatrix_ingest.recipes import RECIPES, Recipe, laptop


class Command(Protocol):
    """One of the commands, with its arguments. Called, it gives the exit status."""

    def __call__(self) -> int: ...


def main(argv: list[str] | None = None) -> int:
    """The exit status: 0 done, 1 nothing kept or something wrong, 2 refused, with the reason."""
    command = parse(list(sys.argv[1:] if argv is None else argv))
    try:
        return command()
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor does the flush at the end complain
        return 1
    except Exception as error:
        if isinstance(error, _refusals()):
            print(f"animatrix-ingest: {error}", file=sys.stderr)
            return 2
        raise


def parse(argv: list[str]) -> Command:
    """The command that some arguments mean; exits with the reason where they mean none."""
    recipe = _recipe(argv)
    run = Run(tyro.MISSING, tyro.MISSING, settings=recipe.settings, deciding=recipe.deciding)
    plan = Plan(tyro.MISSING, tyro.MISSING, settings=recipe.settings)
    return tyro.cli(
        Annotated[Run, tyro.conf.subcommand("run", default=run)]
        | Annotated[Plan, tyro.conf.subcommand("plan", default=plan)]
        | Annotated[Status, tyro.conf.subcommand("status")]
        | Annotated[Retry, tyro.conf.subcommand("retry")]
        | Annotated[Recaption, tyro.conf.subcommand("recaption")]
        | Annotated[ExportTruth, tyro.conf.subcommand("export-truth")]
        | Annotated[Decide, tyro.conf.subcommand("decide")]
        | Annotated[Explain, tyro.conf.subcommand("explain")]
        | Annotated[Report, tyro.conf.subcommand("report")]
        | Annotated[Verify, tyro.conf.subcommand("verify")]
        | Annotated[Forget, tyro.conf.subcommand("forget")]
        | Annotated[Gc, tyro.conf.subcommand("gc")],
        prog="animatrix-ingest",
        description="Raw anime in, shots with production variables out.",
        args=argv,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
    )


def _recipe(argv: list[str]) -> Recipe:
    """The recipe that --recipe names; the parser needs it before it parses, for the defaults it shows."""
    for flag, value in zip(argv, [*argv[1:], ""]):
        name = value if flag == "--recipe" else flag.removeprefix("--recipe=")
        if name in RECIPES:
            return RECIPES[name]()
    return laptop()


def _refusals() -> tuple[type[Exception], ...]:
    """What is told in one line: bad input, a data set that cannot be used, a cluster that is not there."""
    from animatrix_ingest.corrections import CorrectionError
    from animatrix_ingest.decide.conserve import NotConserved
    from animatrix_ingest.decide.joined import TableError
    from animatrix_ingest.engine import NoCluster
    from animatrix_ingest.keep.store import StoreError
    from animatrix_ingest.recaption_how import RecaptionError
    from animatrix_ingest.watch.embed import WeightsError
    from animatrix_ingest.watch.fetch import FetchError
    from animatrix_ingest.watch.lists import ListError
    from animatrix_ingest.watch.sources import NoSource

    return (
        NoSource,
        ListError,
        FetchError,
        StoreError,
        NotConserved,
        TableError,
        CorrectionError,
        RecaptionError,
        NoCluster,
        WeightsError,
    )


if __name__ == "__main__":
    raise SystemExit(main())
