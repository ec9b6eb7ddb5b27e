"""Records as rows of JSONL or Parquet files: one row per clip, and a failure is a row too.

JSONL keeps everything in one object a line. Parquet has one list column per field, beside it the probabilities, the
source, the spans and why it abstained; the column `record` holds the whole record as JSON, so that nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from anicaption.directive import Directive, directive, variants
from anicaption.frames import VideoError
from anicaption.groups import groups
from anicaption.lexicon import LANGUAGES
from anicaption.record import Record, Variable
from anicaption.taxonomy import TaxonomyError, taxonomy

_PARQUET_ROWS = 64  # rows kept in memory before they are written


class TableError(ValueError):
    """A file that is no table of records, or a row in it that is none."""


@dataclass(frozen=True)
class Captioned:
    """What is known of one clip; `clip` names the file, with #start-end for a part of it."""

    clip: str
    record: Record


@dataclass(frozen=True)
class Failed:
    """A clip that could not be read: what broke, in whose words, and what helps."""

    clip: str
    stage: str
    words: str
    remedy: str
    n_decoded: int = 0

    @classmethod
    def of(cls, clip: str, error: VideoError) -> Failed:
        return cls(clip, error.stage, error.words, error.remedy, error.n_decoded)


Row = Captioned | Failed


class Table:
    """Writes rows to `path` (.jsonl or .parquet) as they come; the file appears when all are written.

    Each captioned row carries its directive and `n_variants` prose variants in both languages, worded by `seed`.
    """

    def __init__(self, path: Path, n_variants: int = 0, seed: int = 0) -> None:
        self.path, self._n_variants, self._seed = path, n_variants, seed
        self._part = path.with_name(path.name + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".jsonl":
            self._out: Any = self._part.open("w", encoding="utf-8")
        elif path.suffix == ".parquet":
            self._out = _Parquet(self._part)
        else:
            raise TableError(f"{path}: a table of records is .jsonl or .parquet, not '{path.suffix}'")

    def write(self, row: Row) -> None:
        if isinstance(self._out, _Parquet):
            self._out.write(self._columns(row))
        else:
            self._out.write(json.dumps(self._object(row), ensure_ascii=False) + "\n")

    def __enter__(self) -> Table:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._out.close()
        if kind is None:
            self._part.replace(self.path)

    def _said(self, record: Record) -> dict[str, tuple[Directive, list[str]]]:
        return {
            language: (
                directive(record, language=language),
                [said.prose for said in variants(record, self._n_variants, self._seed, language)],
            )
            for language in LANGUAGES
        }

    def _object(self, row: Row) -> dict[str, Any]:
        if isinstance(row, Failed):
            return {"clip": row.clip, "error": _error(row)}
        said = self._said(row.record)
        told: dict[str, Any] = {"clip": row.clip, "directive": said["en"][0].text, "directive_ja": said["ja"][0].text}
        if self._n_variants:
            told |= {"variants": said["en"][1], "variants_ja": said["ja"][1]}
        return told | {"groups": groups(row.record), "record": row.record.to_json()}

    def _columns(self, row: Row) -> dict[str, Any]:
        if isinstance(row, Failed):
            return {"clip": row.clip, "error": json.dumps(_error(row), ensure_ascii=False)}
        record, said = row.record, self._said(row.record)
        told: dict[str, Any] = {
            "clip": row.clip, "taxonomy_version": record.taxonomy_version, "taxonomy_hash": record.taxonomy_hash,
            "n_frames": record.n_frames, "rate": str(record.rate),
            "width_px": record.width_px, "height_px": record.height_px,
            "tag": said["en"][0].tag, "groups": json.dumps(groups(record), ensure_ascii=False),
            "record": json.dumps(record.to_json(), ensure_ascii=False),
        }  # fmt: skip
        for language, (whole, some) in said.items():
            told |= {
                f"summary_{language}": whole.summary,
                f"description_{language}": whole.description,
                f"variants_{language}": some,
            }
        for name, variable in record.variables().items():
            told |= _field_columns(name, variable)
        return told


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a table, or the shots of a `.truth.json` that `anicaption draw` wrote.

    Raises TableError for a file that is neither, naming the row.
    """
    if path.suffix == ".parquet":
        yield from _read_parquet(path)
    elif path.suffix == ".jsonl":
        with open(path, encoding="utf-8") as lines:
            for n, line in enumerate(lines, 1):
                yield _row(f"{path}, line {n}", _loaded(f"{path}, line {n}", line))
    elif path.name.endswith(".json"):
        yield from _read_truth(path)
    else:
        raise TableError(f"{path}: no table of records; give a .jsonl, .parquet or .truth.json")


def shots(path: Path) -> list[tuple[int, int]]:
    """The frames [start, end) of every shot of a `.truth.json`, or of any JSON with such a `shots` list."""
    document = _loaded(str(path), path.read_text("utf-8"))
    try:
        return [(int(shot["start_frame"]), int(shot["end_frame"])) for shot in document["shots"]]
    except (KeyError, TypeError, ValueError) as error:
        raise TableError(f"{path}: no `shots` with start_frame and end_frame in it ({error!r})") from error


def part(clip: str, start: int, end: int) -> str:
    """How a shot of a file is named in a table: by its file name and frames, wherever the file lies."""
    return f"{Path(clip).name}#{start}-{end}"


def _read_truth(path: Path) -> Iterator[Row]:
    document = _loaded(str(path), path.read_text("utf-8"))
    for (start, end), shot in zip(shots(path), document["shots"], strict=True):
        name = part(document["file"], start, end)
        yield Captioned(name, _record(f"{path}, {name}", shot["record"]))


def _loaded(place: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise TableError(f"{place}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise TableError(f"{place}: an object was expected, not {type(value).__name__}")
    return value


def _row(place: str, value: dict[str, Any]) -> Row:
    if "clip" not in value:
        raise TableError(f"{place}: no `clip` in it; is this a table that `anicaption caption` wrote?")
    if value.get("error"):
        return Failed(value["clip"], **value["error"])
    if "record" not in value:
        raise TableError(f"{place}: neither `record` nor `error` of {value['clip']}")
    return Captioned(value["clip"], _record(f"{place}, {value['clip']}", value["record"]))


def _record(place: str, value: dict[str, Any]) -> Record:
    try:
        return Record.from_json(value)
    except TaxonomyError as error:
        raise TableError(f"{place}: {error}") from error
    except ValidationError as error:
        raise TableError(f"{place}: no record: {error.errors()[0]['msg']}") from error


def _error(row: Failed) -> dict[str, Any]:
    return {"stage": row.stage, "words": row.words, "remedy": row.remedy, "n_decoded": row.n_decoded}


def _field_columns(name: str, variable: Variable) -> dict[str, Any]:
    return {
        name: list(variable.values),
        f"{name}:probability": [variable.probability.get(value) for value in variable.values],
        f"{name}:source": variable.source,
        f"{name}:abstained": variable.abstained,
        f"{name}:spans": [{"value": s.value, "start": s.start, "end": s.end} for s in variable.spans],
    }


class _Parquet:
    """Rows gathered into batches of one schema."""

    def __init__(self, path: Path) -> None:
        arrow, parquet = _arrow()
        self._schema, self._arrow = _schema(arrow), arrow
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _PARQUET_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
            self._rows = []


def _schema(arrow):
    """Places first, then five columns per field of the taxonomy; everything but `clip` is null in a failure."""
    text = arrow.string()
    span = arrow.struct([("value", text), ("start", arrow.int32()), ("end", arrow.int32())])
    columns = [("clip", text), ("error", text), ("taxonomy_version", text), ("taxonomy_hash", text)]
    columns += [("n_frames", arrow.int32()), ("rate", text), ("width_px", arrow.int32()), ("height_px", arrow.int32())]
    columns += [("tag", text)]
    for language in LANGUAGES:
        columns += [(f"summary_{language}", text), (f"description_{language}", text)]
        columns += [(f"variants_{language}", arrow.list_(text))]
    for field in taxonomy():
        columns += [
            (field.id, arrow.list_(text)), (f"{field.id}:probability", arrow.list_(arrow.float32())),
            (f"{field.id}:source", text), (f"{field.id}:abstained", text), (f"{field.id}:spans", arrow.list_(span)),
        ]  # fmt: skip
    return arrow.schema([*columns, ("groups", text), ("record", text)])


def _read_parquet(path: Path) -> Iterator[Row]:
    _, parquet = _arrow()
    for batch in parquet.ParquetFile(path).iter_batches(_PARQUET_ROWS, columns=["clip", "error", "record"]):
        for value in batch.to_pylist():
            for name in ("error", "record"):
                value[name] = json.loads(value[name]) if value[name] else None
            yield _row(str(path), {name: x for name, x in value.items() if x is not None})


def _arrow():
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise TableError("a .parquet table needs pyarrow: pip install 'animatrix[caption]', or write .jsonl") from error
    return pyarrow, pyarrow.parquet
