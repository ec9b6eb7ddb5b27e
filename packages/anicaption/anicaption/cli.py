"""The `anicaption` command. Each subcommand imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

import argparse
from pathlib import Path

from anicaption import commands_learned, commands_outputs, commands_taxonomy


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="anicaption", description="Production variables of anime: read and drawn.")
    commands = parser.add_subparsers(dest="command", required=True)

    draw = commands.add_parser("draw", help="draw anime episodes whose variables are known exactly")
    draw.add_argument("--out", type=Path, required=True, help="folder for the episodes, or the gallery's page")
    draw.add_argument("--episodes", type=int, default=1)
    draw.add_argument("--seed", type=int, default=0)
    draw.add_argument("--height", type=int, default=720, dest="height_px", help="rows of pixels (default 720)")
    draw.add_argument(
        "--script",
        choices=["episode", "moves", "variables"],
        default="episode",
        help="moves: short shots, large moves; variables: every value of every field",
    )
    draw.add_argument("--shots", type=int, default=None, help="shots an episode (default: the script's own number)")
    draw.add_argument("--hand", choices=["first", "second"], default="first", help="who draws it (second: held out)")
    draw.add_argument("--gallery", action="store_true", help="one page that shows every value; --out names it")
    draw.set_defaults(run=_draw)

    for more in (commands_outputs, commands_taxonomy, commands_learned):
        more.add_commands(commands)

    arguments = vars(parser.parse_args(argv))
    arguments.pop("command")
    return arguments.pop("run")(**arguments)


def _draw(out: Path, gallery: bool, **options) -> int:
    if gallery:
        from anicaption.drawn import gallery as pages

        n_values = pages.gallery(out, lambda example: print(f"{example.field}={example.value}"))
        print(f"{out}: {n_values} values")
        return 0
    from anicaption.drawn.film import draw

    for drawn in draw(out, **options):
        print(f"{drawn.video}: {drawn.n_frames} frames in {drawn.n_shots} shots, truth beside it")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
