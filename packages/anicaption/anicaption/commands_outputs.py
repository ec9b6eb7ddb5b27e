"""`anicaption caption`, `directive`, `explain` and `evaluate`: what is read, told, shown and scored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from anicaption.commands_vlm import asking, backend_options
from anicaption.taxonomy import taxonomy

if TYPE_CHECKING:
    from anicaption.captioner import Captioner
    from anicaption.tables import Row


def add_commands(commands) -> None:
    caption = commands.add_parser("caption", help="read the production variables of clips, each taken as one shot")
    caption.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    caption.add_argument("--out", type=Path, required=True, help="a row per clip: .jsonl or .parquet")
    caption.add_argument("--shots", type=Path, default=None, help="JSON with `shots` of the one CLIP: a row per shot")
    caption.add_argument("--variants", type=int, default=0, help="stored prose variants, each leaving half unsaid")
    caption.add_argument("--seed", type=int, default=0, help="words the variants")
    caption.add_argument("--rating", default="unknown", help="content rating that the source states")
    caption.add_argument("--heads", type=Path, default=None, metavar="FOLDER", help="what `anicaption fit` wrote")
    caption.add_argument("--open-clip", type=Path, default=None, metavar="PATH", help="weights the heads stand on")
    caption.add_argument("--open-clip-model", default=None, help="the open_clip model of a weights file")
    backend_options(caption, required=False)
    caption.add_argument(
        "--ask", nargs="+", default=[], metavar="FIELD", help="of the model; default: all not measured"
    )
    caption.add_argument("--threshold", type=float, default=0.5, help="less sure answers of the model are unknown")
    caption.add_argument("--prose", action="store_true", help="let the model tell the shot in words too")
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

    sheet = commands.add_parser("sheet", help="the exposure sheet of a clip as XDTS, for animation programs")
    sheet.add_argument("clip", type=Path, metavar="CLIP")
    sheet.add_argument("--out", type=Path, required=True, help="the sheet, .xdts")
    sheet.add_argument("--language", choices=["en", "ja"], default="ja", help="of what the camera is told")
    sheet.set_defaults(run=_sheet)

    evaluate = commands.add_parser("evaluate", help="score records against a truth, per field")
    evaluate.add_argument("--truth", nargs="+", type=Path, required=True, help=".truth.json or tables of records")
    evaluate.add_argument("--pred", nargs="+", type=Path, required=True, help="tables that `anicaption caption` wrote")
    evaluate.add_argument("--out", type=Path, required=True, help="folder for evaluation.json and evaluation.html")
    evaluate.set_defaults(run=_evaluate)


def _caption(clips: list[Path], out: Path, shots: Path | None, variants: int, seed: int, **options: Any) -> int:
    """A clip that cannot be read becomes a row that says so; the others are read all the same."""
    from anicaption.directive import directive
    from anicaption.tables import Captioned, Table, TableError

    if shots is not None and len(clips) != 1:
        raise SystemExit(f"anicaption caption: --shots speaks of one CLIP, but {len(clips)} were given")
    try:
        captioner = _captioner(options)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f"anicaption caption: {error}") from error
    n_rows = n_failed = 0
    try:
        with Table(out, variants, seed) as table:
            for clip in clips:
                for row in _rows(captioner, clip, shots):
                    n_rows += 1
                    table.write(row)
                    if isinstance(row, Captioned):
                        print(f"{row.clip}\n{directive(row.record).text}")
                        said = row.record.failures
                    else:
                        said = (f"{row.stage}: {row.words} ({row.remedy})",)
                    n_failed += bool(said)
                    for words in said:
                        print(f"anicaption caption: {row.clip}: {words}", file=sys.stderr)
    except TableError as error:
        raise SystemExit(f"anicaption caption: {error}") from error
    print(f"{n_rows - n_failed} of {n_rows} rows captioned: {out}", file=sys.stderr)
    return 1 if n_failed else 0


def _captioner(options: dict[str, Any]) -> Captioner:
    """The sources that the options name. Raises ValueError, FileNotFoundError."""
    from anicaption.captioner import Captioner

    loaded = asked = None
    if options["heads"] is not None:
        from anicaption import heads
        from anicaption.features import Features, OpenClip

        weights = options["open_clip"]
        loaded = heads.load(
            options["heads"], Features(OpenClip(weights, options["open_clip_model"]) if weights else None)
        )
    if options["local"] is not None or options["url"] is not None:
        asked = asking(options, options["threshold"])
    for name in options["ask"]:
        taxonomy()[name]
    stated = {"content.rating": options["rating"]}
    taxonomy()["content.rating"].check(stated.values())
    return Captioner(loaded, asked, tuple(options["ask"]), options["prose"], stated)


def _rows(captioner: Captioner, clip: Path, shots_of: Path | None) -> Iterator[Row]:
    from anicaption.captioner import watch
    from anicaption.frames import VideoError
    from anicaption.tables import Captioned, Failed, part, shots

    try:
        if shots_of is None:
            yield Captioned(str(clip), captioner(clip))
            return
        tracks = watch(clip)
        for start, end in shots(shots_of):
            record = captioner.record_of(clip, tracks.window(start, end), start)
            yield Captioned(part(str(clip), start, end), record)
    except VideoError as error:
        yield Failed.of(str(clip), error)
    except Exception as error:  # one clip that nobody foresaw must not cost the batch its other rows
        words = f"{type(error).__name__}: {error}"
        yield Failed(str(clip), "measure", words, "report it with the file; the rest of the batch is not touched")


def _directive(records: Path | None, tags: str | None, language: str, seed: int | None) -> int:
    from anicaption.directive import directive, from_tags
    from anicaption.tables import Captioned, TableError, read_rows
    from anicaption.taxonomy import TaxonomyError

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


def _sheet(clip: Path, out: Path, language: Literal["en", "ja"]) -> int:
    from anicaption.captioner import caption
    from anicaption.frames import VideoError
    from anicaption.timesheet import xdts

    try:
        out.write_text(xdts(caption(clip), clip.stem, language), "utf-8")
    except VideoError as error:
        raise SystemExit(f"anicaption sheet: {error}") from error
    print(out)
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
