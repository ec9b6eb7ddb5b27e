"""Parquet files of a data set: named by their bytes, and known by a hash of their values.

The bytes of a Parquet file depend on the library that wrote them; `values_hash` does not. It is what two data sets are
compared by.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep.store import Store, StoreError

pc: Any = pyarrow.compute  # its functions are made while it is loaded, so that no type checker knows them
TABLES = "tables"
ROWS = 1 << 20
"""Rows of one file; a longer table lies in several."""
GROUP_ROWS = 1 << 17


def to_bytes(table: pa.Table) -> bytes:
    """A table as Parquet: the same bytes for the same rows, however they were put together."""
    sink = io.BytesIO()
    pq.write_table(settled(table), sink, compression="zstd", row_group_size=GROUP_ROWS, use_dictionary=True)
    return sink.getvalue()


def settled(table: pa.Table) -> pa.Table:
    """The same rows in one piece, with dictionaries that hold what occurs, sorted; no metadata."""
    columns = [_settled(_whole(table[name])) for name in table.column_names]
    fields = [pa.field(f.name, column.type, f.nullable) for f, column in zip(table.schema, columns)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _settled(array: pa.Array) -> pa.Array:
    if pa.types.is_list(array.type) and pa.types.is_dictionary(array.type.value_type):
        flat = _settled(array.flatten())
        lengths = pc.list_value_length(array).fill_null(0)
        offsets = np.concatenate([[0], np.cumsum(_numpy(lengths))]).astype(np.int32)
        mask = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(pa.array(offsets), flat, type=pa.list_(flat.type), mask=mask)
    if not pa.types.is_dictionary(array.type):
        return array
    used = pc.unique(array.indices).drop_null()
    words = array.dictionary.take(used)
    order = pc.sort_indices(words)
    rank = np.zeros(max(1, len(array.dictionary)), np.int32)
    rank[_numpy(used.take(order))] = np.arange(len(used), dtype=np.int32)
    indices = pa.array(rank).take(array.indices)
    return pa.DictionaryArray.from_arrays(indices, words.take(order))


def write(store: Store, table: pa.Table, folder: str = TABLES) -> str:
    """Write a table under the hash of its bytes; returns its name."""
    data = to_bytes(table)
    name = f"{folder}/{keep.digest(data)}.parquet"
    store.put(name, data)
    return name


def write_in_files(store: Store, table: pa.Table) -> list[str]:
    """Write a table as files of at most ROWS rows; an empty one is one file, so that its columns are known."""
    starts = range(0, max(1, table.num_rows), ROWS)
    return [write(store, table.slice(start, ROWS)) for start in starts]


def read(store: Store, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A table by its name, or some of its columns; StoreError where it is not Parquet."""
    place = store.place(name)
    try:
        mapped = place is not None and place.exists()
        file = pq.ParquetFile(place if mapped else pa.BufferReader(store.get(name)), memory_map=mapped)
        if file.num_row_groups <= 1:
            return file.read(columns=columns)
        # Group by group: lists of dictionary words cannot be read across groups at once.
        return pa.concat_tables([file.read_row_group(i, columns=columns) for i in range(file.num_row_groups)])
    except pa.ArrowInvalid as error:
        raise StoreError(f"{store.url}/{name}: not a Parquet file ({error}); put a good copy back") from error


def read_all(store: Store, names: Iterable[str], columns: Sequence[str] | None = None) -> pa.Table:
    """Several files as one table."""
    return pa.concat_tables([read(store, name, columns) for name in names])


def columns_of(store: Store, name: str) -> list[str]:
    """The columns a table has."""
    place = store.place(name)
    source: Any = place if place is not None else pa.BufferReader(store.get(name))
    return pq.read_schema(source).names


def values_hash(table: pa.Table) -> str:
    """A hash of what a table says, whatever its chunks, encodings and column order; rows count in their order."""
    state = hashlib.blake2b(digest_size=16)
    for name in sorted(table.column_names):
        state.update(keep.canonical([name, table.num_rows]))
        column = table[name]
        if pa.types.is_string(column.type):
            column = column.cast(pa.large_string())  # one piece of strings may be longer than 2 GB
        _fold(state, _whole(column))
    return state.hexdigest()


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, with one dictionary."""
    if not column.num_chunks:
        return pa.array([], column.type)
    if column.num_chunks > 1:
        column = column.unify_dictionaries()
    return pa.concat_arrays(column.chunks)


def _fold(state: Any, array: pa.Array) -> None:
    """Fold a column's nulls, lengths and values into a hash."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.cast(kind.value_type), kind.value_type
    state.update(np.packbits(_numpy(array.is_null())))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        state.update(_numpy(pc.list_value_length(array).fill_null(-1)).astype(np.int64))
        _fold(state, array.flatten())
    elif pa.types.is_struct(kind):
        for index, field in enumerate(kind):
            state.update(field.name.encode())
            _fold(state, array.field(index))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        state.update(_numpy(pc.binary_length(array).fill_null(-1)).astype(np.int64))
        wide = (array if pa.types.is_binary(kind) else array.fill_null("")).cast(pa.large_binary())
        offsets = np.frombuffer(wide.buffers()[1], np.int64)[wide.offset : wide.offset + len(wide) + 1]
        if len(wide) and wide.buffers()[2] is not None:
            state.update(memoryview(wide.buffers()[2])[offsets[0] : offsets[-1]])
    elif not pa.types.is_null(kind):
        state.update(np.ascontiguousarray(_numpy(array.fill_null(0))))


def _numpy(array: pa.Array) -> np.ndarray:
    return array.to_numpy(zero_copy_only=False)
