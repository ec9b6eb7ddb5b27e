"""Corrections: what people say of a clip's variables against what was read. A file with a wrong row is refused whole.

A row names a clip by its key, a field of the taxonomy, its values, who said it and when (ISO 8601): JSONL, CSV (values
parted by spaces) or Parquet, as the annotation room exports them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from anicaption.taxonomy import TaxonomyError, taxonomy

COLUMNS = ("key", "field", "values", "who", "when")
_WORDS = pa.list_(pa.string())
_ONE = pa.struct([("field", pa.string()), ("values", _WORDS), ("who", pa.string()), ("when", pa.string())])
TABLE = pa.schema(
    [pa.field("key", pa.string(), nullable=False), pa.field("corrections", pa.list_(_ONE), nullable=False)]
)
"""The annotation kind `corrections`: a row per clip that people spoke of, with all they ever said, oldest first."""


@dataclass(frozen=True)
class Correction:
    """`values` are all the values that `field` has of the clip, as `who` saw it."""

    key: str
    field: str
    values: tuple[str, ...]
    who: str
    when: str


class CorrectionError(ValueError):
    """A row of a corrections file cannot be used; the message names file, row, value and remedy."""


def read(path: Path, keys: Iterable[str]) -> list[Correction]:
    """All rows of a file, checked against the taxonomy and the clips there are; CorrectionError where one is wrong."""
    known, found = set(keys), []
    for number, row in enumerate(_rows(path), 1):
        where = f"{path}: row {number}"
        missing = [name for name in COLUMNS if row.get(name) in (None, "", [])]
        if missing or set(row) - set(COLUMNS):
            odd = ", ".join(missing) or ", ".join(map(str, sorted(set(row) - set(COLUMNS), key=str)))
            raise CorrectionError(
                f"{where}: {odd}: a correction has exactly the columns {', '.join(COLUMNS)}, all filled"
            )
        values = row["values"].split() if isinstance(row["values"], str) else row["values"]
        try:
            checked = taxonomy()[row["field"]].check(tuple(values))
            datetime.fromisoformat(row["when"])
        except (TaxonomyError, ValueError, TypeError) as error:
            raise CorrectionError(f"{where}: {error}") from error
        if row["key"] not in known:
            raise CorrectionError(f"{where}: key: no clip {row['key']!r} in this data set; take keys from its manifest")
        found.append(Correction(row["key"], row["field"], tuple(checked), str(row["who"]), row["when"]))
    if not found:
        raise CorrectionError(f"{path}: no corrections in it")
    return found


def instant(when: str) -> datetime:
    """A moment that can be compared: one without a zone is meant as UTC."""
    moment = datetime.fromisoformat(when)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def together(*said: Iterable[Correction]) -> dict[str, tuple[Correction, ...]]:
    """All corrections by clip, each once, oldest first; the same whatever order they came in."""
    found: dict[str, set[Correction]] = {}
    for correction in (correction for several in said for correction in several):
        found.setdefault(correction.key, set()).add(correction)
    return {key: tuple(sorted(rows, key=_order)) for key, rows in sorted(found.items())}


def _order(correction: Correction) -> tuple[datetime, str, str, tuple[str, ...]]:
    return instant(correction.when), correction.who, correction.field, correction.values


def as_table(by_key: Mapping[str, Iterable[Correction]]) -> pa.Table:
    """Corrections as rows of TABLE."""
    names = COLUMNS[1:]
    rows = [{"key": key, "corrections": [{n: getattr(c, n) for n in names} for c in by_key[key]]} for key in by_key]
    return pa.Table.from_pylist(rows, schema=TABLE)


def of_table(table: pa.Table | None) -> list[Correction]:
    """The corrections that rows of TABLE hold."""
    rows = [] if table is None else table.to_pylist()
    return [
        Correction(row["key"], said["field"], tuple(said["values"]), said["who"], said["when"])
        for row in rows
        for said in row["corrections"]
    ]


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return pq.read_table(path).to_pylist()
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorrectionError(f"{path}: cannot be read ({error}); give a .jsonl, .csv or .parquet file") from error
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise CorrectionError(f"{path}: line {number}: not JSON ({error})") from error
        if not isinstance(rows[-1], dict):
            raise CorrectionError(f"{path}: line {number}: not an object with {', '.join(COLUMNS)}")
    return rows
