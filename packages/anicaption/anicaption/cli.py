"""The `anicaption` command. Each subcommand imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from anicaption import commands_learned, commands_taxonomy


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="anicaption", description="Production variables of anime: read and drawn.")
    commands = parser.add_subparsers(dest="command", required=True)

    draw = commands.add_parser("draw", help="draw anime episodes whose variables are known exactly")
    draw.add_argument("--out", type=Path, required=True, help="folder for the episodes and their truth")
    draw.add_argument("--episodes", type=int, default=1)
    draw.add_argument("--seed", type=int, default=0)
    draw.add_argument("--height", type=int, default=720, dest="height_px", help="rows of pixels (default 720)")
    draw.add_argument(
        "--script", choices=["episode", "moves"], default="episode", help="moves: short shots, large moves"
    )
    draw.add_argument("--shots", type=int, default=None, help="shots an episode (default: the script's own number)")
    draw.add_argument("--hand", choices=["first", "second"], default="first", help="who draws it (second: held out)")
    draw.set_defaults(run=_draw)

    caption = commands.add_parser("caption", help="read the production variables of clips, each taken as one shot")
    caption.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    caption.add_argument("--out", type=Path, required=True, help="records, one JSON object a line")
    caption.set_defaults(run=_caption)

    for more in (commands_taxonomy, commands_learned):
        more.add_commands(commands)

    arguments = vars(parser.parse_args(argv))
    arguments.pop("command")
    return arguments.pop("run")(**arguments)


def _draw(out: Path, **options) -> int:
    from anicaption.drawn.film import draw

    for drawn in draw(out, **options):
        print(f"{drawn.video}: {drawn.n_frames} frames in {drawn.n_shots} shots, truth beside it")
    return 0


def _caption(clips: list[Path], out: Path) -> int:
    """A clip that cannot be read is reported and counted; the others are still written."""
    from anicaption.captioner import caption
    from anicaption.directive import directive
    from anicaption.frames import VideoError

    failed = 0
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(out.name + ".part")
    with open(unfinished, "w", encoding="utf-8") as lines:
        for clip in clips:
            try:
                record = caption(clip)
            except VideoError as error:
                print(f"anicaption caption: {error}", file=sys.stderr)
                failed += 1
                continue
            said = directive(record)
            row = {"clip": str(clip), "directive": said.text, "record": record.to_json()}
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(f"{clip}\n{said.text}")
    unfinished.replace(out)
    print(f"{len(clips) - failed} of {len(clips)} clips captioned: {out}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
