"""Tables that speak of the same clips, brought side by side by their keys; and what hangs together in a graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute  # its functions are made at import time, where a type checker does not see them


class TableError(ValueError):
    """A table cannot be what it is given as; the message says which one, why, and what to do."""


def checked(table: pa.Table, name: str, columns: Iterable[str]) -> pa.Table:
    """`table` itself, if it has these columns and every key once."""
    missing = [column for column in ("key", *columns) if column not in table.column_names]
    if missing:
        raise TableError(f"{name}: has no column {', '.join(missing)}; it has {', '.join(table.column_names)}")
    keys = table["key"]
    if keys.null_count:
        raise TableError(f"{name}: {keys.null_count} rows have no key")
    if pc.count_distinct(keys).as_py() != len(keys):
        counts = pc.value_counts(keys)
        twice = counts.filter(pc.greater(counts.field("counts"), 1))[0]
        raise TableError(f"{name}: key {twice['values']} is there {twice['counts']} times; a clip has one row")
    return table


def beside(keys: Any, table: pa.Table | None, name: str, columns: Iterable[str]) -> dict[str, pa.ChunkedArray]:
    """`columns` of `table` in the order of `keys`; null where it has no row. Its other rows are of no concern."""
    columns = tuple(columns)
    if table is None:
        return {column: pa.chunked_array([pa.nulls(len(keys))]) for column in columns}
    checked(table, name, columns)
    places = pc.index_in(keys, value_set=table["key"])
    return {column: plain(table[column]).take(places) for column in columns}


def plain(column: Any) -> Any:
    """A column without a dictionary: few of Arrow's functions compare what is encoded with what is not."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def filled(column: Any) -> Any:
    """Words, with null where there is none: tables say "" or null for nothing."""
    column = plain(column).cast(pa.string())
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def components(n: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """For each of n nodes the smallest node that it hangs together with through the edges (a[i], b[i])."""
    label = np.arange(n)
    while True:
        before = label.copy()
        least = np.minimum(label[a], label[b])
        np.minimum.at(label, label[a], least)
        np.minimum.at(label, label[b], least)
        while True:  # follow labels to their ends
            further = label[label]
            if np.array_equal(further, label):
                break
            label = further
        if np.array_equal(label, before):
            return label


def numbered(values: Any) -> tuple[np.ndarray, list[Any]]:
    """Each value's number and what the numbers stand for; -1 for null."""
    encoded = pc.dictionary_encode(values)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # no chunk at all
        return np.zeros(0, np.int64), []
    return np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64), encoded.dictionary.to_pylist()


def bundles(keys: Any, roles: pa.Table | None) -> np.ndarray:
    """For each clip the number of the bundle of copies that it is in; -1 where it is in none."""
    said = beside(keys, roles, "roles", ("cluster", "copy_of"))
    cluster, clusters = numbered(filled(said["cluster"]))
    n, copy_of = len(keys), filled(said["copy_of"])
    of = np.asarray(pc.fill_null(pc.index_in(copy_of, value_set=keys), -1)).astype(np.int64)
    of[np.asarray(pc.is_null(copy_of))] = -1
    gone, _ = numbered(copy_of)  # copies of one clip that is no longer there are copies of one another
    base = n + len(clusters)
    a = np.concatenate([np.flatnonzero(cluster >= 0), np.flatnonzero(of >= 0), np.flatnonzero(gone >= 0)])
    b = np.concatenate([n + cluster[cluster >= 0], of[of >= 0], base + gone[gone >= 0]])
    label = components(base + int(gone.max(initial=-1)) + 1, a, b)[:n]
    alone = np.ones(n, bool)
    alone[a] = False
    alone[of[of >= 0]] = False
    _, number = np.unique(label, return_inverse=True)
    return np.where(alone, -1, number)
