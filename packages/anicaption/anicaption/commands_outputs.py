"""`anicaption caption`, `directive`, `explain` and `evaluate`: what is read, told, shown and scored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anicaption.tables import Row


def add_commands(commands) -> None:
    caption = commands.add_parser("caption", help="read the production variables of clips, each taken as one shot")
    caption.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    caption.add_argument("--out", type=Path, required=True, help="a row per clip: .jsonl or .parquet")
    caption.add_argument("--shots", type=Path, default=None, help="JSON with `shots` of the one CLIP: a row per shot")
    caption.add_argument("--variants", type=int, default=0, help="stored prose variants, each leaving half unsaid")
    caption.add_argument("--seed", type=int, default=0, help="words the variants")
    caption.set_defaults(run=_caption)

    directive = commands.add_parser("directive", help="say records, or tags, as a director would")
    directive.add_argument("records", nargs="?", type=Path, default=None, help="a .jsonl, .parquet or .truth.json")
    directive.add_argument("--tags", default=None, help='instead of records: "camera.move=pan_left,motion.timing=twos"')
    directive.add_argument("--language", choices=["en", "ja"], default="en")
    directive.add_argument("--seed", type=int, default=None, help="leave half of it unsaid, worded by the seed")
    directive.set_defaults(run=_directive)

    explain = commands.add_parser("explain", help="one page that shows what was read of a clip, and from what")
    explain.add_argument("clip", type=Path, metavar="CLIP")
    explain.add_argument("--out", type=Path, required=True, help="the page, one self-contained .html")
    explain.add_argument("--frames", default=None, metavar="START-END", help="only frames [START, END) of the clip")
    explain.set_defaults(run=_explain)

    evaluate = commands.add_parser("evaluate", help="score records against a truth, per field")
    evaluate.add_argument("--truth", nargs="+", type=Path, required=True, help=".truth.json or tables of records")
    evaluate.add_argument("--pred", nargs="+", type=Path, required=True, help="tables that `anicaption caption` wrote")
    evaluate.add_argument("--out", type=Path, required=True, help="folder for evaluation.json and evaluation.html")
    evaluate.set_defaults(run=_evaluate)


def _caption(clips: list[Path], out: Path, shots: Path | None, variants: int, seed: int) -> int:
    """A clip that cannot be read becomes a row that says so; the others are read all the same."""
    from anicaption.directive import directive
    from anicaption.tables import Captioned, Table, TableError

    if shots is not None and len(clips) != 1:
        raise SystemExit(f"anicaption caption: --shots speaks of one CLIP, but {len(clips)} were given")
    n_rows = n_failed = 0
    try:
        with Table(out, variants, seed) as table:
            for clip in clips:
                for row in _rows(clip, shots):
                    n_rows += 1
                    table.write(row)
                    if isinstance(row, Captioned):
                        print(f"{row.clip}\n{directive(row.record).text}")
                        continue
                    n_failed += 1
                    print(f"anicaption caption: {row.clip}: {row.stage}: {row.words} ({row.remedy})", file=sys.stderr)
    except TableError as error:
        raise SystemExit(f"anicaption caption: {error}") from error
    print(f"{n_rows - n_failed} of {n_rows} rows captioned: {out}", file=sys.stderr)
    return 1 if n_failed else 0


def _rows(clip: Path, shots_of: Path | None) -> Iterator[Row]:
    from anicaption.captioner import caption, record_of, watch
    from anicaption.frames import VideoError
    from anicaption.tables import Captioned, Failed, part, shots

    try:
        if shots_of is None:
            yield Captioned(str(clip), caption(clip))
            return
        tracks = watch(clip)
        for start, end in shots(shots_of):
            yield Captioned(part(str(clip), start, end), record_of(tracks.window(start, end)))
    except VideoError as error:
        yield Failed.of(str(clip), error)
    except Exception as error:  # one clip that nobody foresaw must not cost the batch its other rows
        words = f"{type(error).__name__}: {error}"
        yield Failed(str(clip), "measure", words, "report it with the file; the rest of the batch is not touched")


def _directive(records: Path | None, tags: str | None, language: str, seed: int | None) -> int:
    from anicaption.directive import directive, from_tags
    from anicaption.tables import Captioned, TableError, read_rows
    from anicaption.taxonomy import TaxonomyError, taxonomy

    if (records is None) == (tags is None):
        raise SystemExit("anicaption directive: give either a table of records or --tags")
    try:
        if tags is not None:
            print(from_tags(taxonomy().parse_tags(tags), seed, language).text, end="")  # pyright: ignore[reportArgumentType]
            return 0
        assert records is not None
        for row in read_rows(records):
            if isinstance(row, Captioned):
                print(f"{row.clip}\n{directive(row.record, seed, language).text}")  # pyright: ignore[reportArgumentType]
            else:
                print(f"{row.clip}\n{row.stage}: {row.words} ({row.remedy})\n")
    except (TableError, TaxonomyError, OSError) as error:
        raise SystemExit(f"anicaption directive: {error}") from error
    return 0


def _explain(clip: Path, out: Path, frames: str | None) -> int:
    from anicaption.explain import explain
    from anicaption.frames import VideoError

    part = None
    if frames is not None:
        start, dash, end = frames.partition("-")
        if not (dash and start.isdigit() and end.isdigit() and int(start) < int(end)):
            raise SystemExit(f"anicaption explain: --frames {frames!r}: write START-END, as in 170-266")
        part = (int(start), int(end))
    try:
        explain(clip, out, part)
    except (VideoError, ValueError) as error:
        raise SystemExit(f"anicaption explain: {error}") from error
    print(out)
    return 0


def _evaluate(truth: list[Path], pred: list[Path], out: Path) -> int:
    from anicaption.evaluate import matched, report, score, table
    from anicaption.evaluate_page import write_page
    from anicaption.tables import TableError, read_rows

    try:
        pairs = matched(
            (row for path in truth for row in read_rows(path)), (row for path in pred for row in read_rows(path))
        )
    except (TableError, OSError) as error:
        raise SystemExit(f"anicaption evaluate: {error}") from error
    scores = score(pairs)
    print(table(scores))
    print(write_page(report(scores, len(pairs)), out))
    return 0
