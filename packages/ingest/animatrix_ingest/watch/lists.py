"""Lists that people write: CSV, Parquet or JSON lines. One row a line; every fault is named by file and line."""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from animatrix_ingest.watch import remote


class ListError(ValueError):
    """A list cannot be read, or a row of it cannot be meant; the message says where and what to do."""


@dataclass(frozen=True)
class Row:
    """One row: its cells that are not empty, as strings without spaces around them."""

    place: str
    line: int
    cells: Mapping[str, str]

    @property
    def where(self) -> str:
        return f"{self.place}, line {self.line}"


def is_list(name: str) -> bool:
    """Whether a name is one of a list and not of a video."""
    return name.lower().endswith(tuple(_PARSERS))


def read(place: str, columns: Sequence[str], required: Sequence[str]) -> list[Row]:
    """The rows of a list whose columns are among `columns`; `required` ones must hold something in every row.

    Line numbers count as an editor does (CSV, JSON lines: the header is line 1), and rows from 1 in Parquet.
    """
    if not is_list(place):
        raise ListError(f"{place}: no list; give one that ends in {', '.join(_PARSERS)}")
    try:
        data = remote.read_bytes(place)
    except OSError as error:
        reason = f"{type(error).__name__}: {error.strerror or error}"
        raise ListError(f"{place}: the list cannot be read ({reason}); check the path") from error
    parse = next(parse for ending, parse in _PARSERS.items() if place.lower().endswith(ending))
    rows: list[Row] = []
    for line, cells in parse(place, data):
        known = {name: text for name, cell in cells.items() if (text := _text(place, line, name, cell))}
        row = Row(place, line, known)
        for name in cells:
            if name not in columns:
                raise ListError(f"{place}: column {name!r} is none of a list's{nearest(name, columns)}")
        for name in required:
            if name not in known:
                raise ListError(f"{row.where}: no {name}; every row needs one")
        rows.append(row)
    if not rows:
        raise ListError(f"{place}: has no row; name something in it, or leave the list away")
    return rows


def nearest(name: str, known: Sequence[str]) -> str:
    """The end of an error's sentence: what was probably meant, or all that could be."""
    close = difflib.get_close_matches(name.lower(), known, 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def _text(place: str, line: int, name: str, cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        raise ListError(f"{place}, line {line}: {name} is {cell!r}; write a text or a number")
    return str(cell).strip()


def _decoded(place: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ListError(f"{place}, line {line}: not UTF-8; save the list as UTF-8") from error


def _csv(place: str, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(_decoded(place, data), newline=""), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                if twice := {name for name in header if header.count(name) > 1}:
                    raise ListError(f"{place}: column {min(twice)!r} is there twice; leave one away")
            elif len(cells) != len(header):
                raise ListError(
                    f"{place}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns; "
                    "put a text with a comma into double quotes"
                )
            else:
                yield reader.line_num, dict(zip(header, cells))
    except csv.Error as error:
        raise ListError(f"{place}, line {reader.line_num}: not CSV ({error})") from error


def _jsonl(place: str, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, text in enumerate(_decoded(place, data).split("\n"), 1):
        if not text.strip():
            continue
        try:
            cells = json.loads(text)
        except ValueError as error:
            raise ListError(f"{place}, line {line}: not JSON ({error})") from error
        if not isinstance(cells, dict):
            raise ListError(f'{place}, line {line}: not a JSON object; write {{"source": ...}}')
        yield line, cells


def _parquet(place: str, data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        table = pq.read_table(pa.BufferReader(data))
    except pa.ArrowException as error:
        raise ListError(f"{place}: not Parquet ({error})") from error
    yield from enumerate(table.to_pylist(), 1)


_PARSERS = {".csv": _csv, ".parquet": _parquet, ".jsonl": _jsonl}
