"""The `animatrix-reward` command. Flags come from the commands' dataclasses; heavy imports wait until one runs."""

from __future__ import annotations

import sys
from typing import Annotated, Protocol

import tyro

from animatrix_reward.commands_judge import Evaluate, Fit, ScoreClips
from animatrix_reward.commands_pairs import Pairs
from animatrix_reward.commands_room import (
    AddClips,
    AddPairs,
    Agreement,
    Corrections,
    Export,
    Import,
    Invite,
    People,
    Prepare,
    Serve,
)
from animatrix_reward.commands_study import Study, StudyClips, StudyPrompts
from animatrix_reward.refused import Refused


class Command(Protocol):
    """One of the commands, with its arguments. Called, it gives the exit status."""

    def __call__(self) -> int: ...


def main(argv: list[str] | None = None) -> int:
    """The exit status: 0 done, 2 refused, with the reason."""
    command = parse(list(sys.argv[1:] if argv is None else argv))
    try:
        return command()
    except Exception as error:
        if isinstance(error, _refusals()):
            print(f"animatrix-reward: {error}", file=sys.stderr)
            return 2
        raise


def parse(argv: list[str]) -> Command:
    """The command that some arguments mean; exits with the reason where they mean none."""
    return tyro.cli(
        Annotated[Serve, tyro.conf.subcommand("serve")]
        | Annotated[AddClips, tyro.conf.subcommand("add-clips")]
        | Annotated[Prepare, tyro.conf.subcommand("prepare")]
        | Annotated[AddPairs, tyro.conf.subcommand("add-pairs")]
        | Annotated[Invite, tyro.conf.subcommand("invite")]
        | Annotated[People, tyro.conf.subcommand("people")]
        | Annotated[Import, tyro.conf.subcommand("import")]
        | Annotated[Export, tyro.conf.subcommand("export")]
        | Annotated[Corrections, tyro.conf.subcommand("corrections")]
        | Annotated[Agreement, tyro.conf.subcommand("agreement")]
        | Annotated[Fit, tyro.conf.subcommand("fit")]
        | Annotated[ScoreClips, tyro.conf.subcommand("score")]
        | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
        | Annotated[Pairs, tyro.conf.subcommand("pairs")]
        | Annotated[StudyPrompts, tyro.conf.subcommand("study-prompts")]
        | Annotated[StudyClips, tyro.conf.subcommand("study-clips")]
        | Annotated[Study, tyro.conf.subcommand("study")],
        prog="animatrix-reward",
        description="What is art and what is failure: the annotation room, its votes, and what is learned of them.",
        args=argv,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
    )


def _refusals() -> tuple[type[Exception], ...]:
    """What is told in one line: bad input, and a room that cannot do what was asked."""
    from anicaption.frames_probe import VideoError
    from anicaption.taxonomy import TaxonomyError

    return (Refused, TaxonomyError, VideoError)


if __name__ == "__main__":
    raise SystemExit(main())
