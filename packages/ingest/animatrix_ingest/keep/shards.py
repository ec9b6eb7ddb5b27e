"""WebDataset shards: plain tar files with three members per clip, the same bytes on every attempt.

A shard holds <key>.json, <key>.mp4 and <key>.txt for each of its keys, in sorted order, as USTAR members with
fixed owner, mode and time. Where every member's bytes will lie follows from the lengths alone (`layout`), so the
manifest can be planned before a shard is written, and a shard can be checked by its size.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from animatrix_ingest.keep.store import Absent, Store, open_store

BLOCK_BYTES = 512
RECORD_BYTES = 20 * BLOCK_BYTES
SUFFIXES = ("json", "mp4", "txt")
SHARDS = "shards"


class ShardError(RuntimeError):
    """A shard does not hold what the manifest says; the message names both."""


def layout(members: Iterable[tuple[str, int]]) -> tuple[dict[str, tuple[int, int]], int]:
    """Where the bytes of each (name, length) will lie: ({name: (offset, length)}, size of the whole tar)."""
    places, at = {}, 0
    for name, length in members:
        places[name] = (at + BLOCK_BYTES, length)
        at += BLOCK_BYTES + padded(length)
    return places, whole(at)


def whole(content_bytes: int) -> int:
    """The size of a tar whose members and their headers take so many bytes."""
    return padded(content_bytes + 2 * BLOCK_BYTES, RECORD_BYTES)


def tar(members: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """The bytes of a tar, piece by piece, in the order given; agrees with `layout` to the byte."""
    at = 0
    for name, data in members:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = len(data), 0, 0o644
        info.uid = info.gid = 0
        info.uname = info.gname = "animatrix"
        header = info.tobuf(tarfile.USTAR_FORMAT)
        block = header + data + bytes(padded(len(data)) - len(data))
        at += len(block)
        yield block
    yield bytes(whole(at) - at)


def member_names(keys: Sequence[str]) -> list[tuple[str, str, str]]:
    """(member name, key, suffix) of a shard with these keys, in the order they are written."""
    return [(f"{key}.{suffix}", key, suffix) for key in sorted(keys) for suffix in SUFFIXES]


def read_member(dataset: Path | str | Store, shard: str, offset: int, length: int) -> bytes:
    """The bytes of one member, as the manifest's (shard, offset, length) columns name it."""
    store = open_store(dataset) if isinstance(dataset, str | Path) else dataset
    try:
        data = store.read(f"{SHARDS}/{shard}", offset, length)
    except Absent as error:
        raise ShardError(
            f"{store.url}/{SHARDS}/{shard}: the manifest names this shard and it is not there; run the ingest again"
        ) from error
    if len(data) != length:
        raise ShardError(f"{store.url}/{SHARDS}/{shard}: {len(data)} of {length} bytes at {offset}; it is cut off")
    return data


def padded(length: Any, unit: int = BLOCK_BYTES) -> Any:
    """`length` (an integer or an array of them) rounded up to whole units."""
    return -(-length // unit) * unit
