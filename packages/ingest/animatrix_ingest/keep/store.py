"""Where a data set lies: names that are written once. A folder (store_local.py) or a bucket (store_s3.py).

`put` and `Writing.commit` are put-if-absent: of any number of writers one wins, and a name never changes what it
holds. Writing the same bytes again is a success; other bytes are a Conflict. A reader never meets half a file.
Names are relative, with "/" between their parts. Only pages that are made from a data set and may be made again
(report, data card) are replaced, by `renew`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from animatrix_ingest.keep.faults import silence

PROBES = "probes"
RACERS = 8


class StoreError(RuntimeError):
    """A file of the data set is missing, broken or in the way; the message says which and what to do."""


class Absent(StoreError):
    """A name that nothing was written to."""


class Conflict(StoreError):
    """A name that already holds other bytes than the ones to be written."""


@dataclass(frozen=True)
class Entry:
    """One name of a listing, with when it was written."""

    name: str
    size_bytes: int
    written_unix_s: float


class Writing(Protocol):
    """Bytes that have no name yet. `commit` gives them one, `discard` forgets them; one of the two must be called."""

    size_bytes: int

    def write(self, data: bytes) -> tuple[int, int]:
        """Append; returns (offset, length) of what was written."""
        ...

    @property
    def blake2b(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    def commit(self, name: str) -> bool:
        """Put-if-absent what was written. True: the name holds these bytes now. Conflict: it holds others."""
        ...

    def discard(self) -> None:
        """Throw away what was written; does nothing after commit."""
        ...


class Summed:
    """The size and the hashes of bytes that come one after the other."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._blake2b, self._sha256 = hashlib.blake2b(digest_size=16), hashlib.sha256()

    def add(self, data: bytes) -> tuple[int, int]:
        """Count some more; returns their (offset, length)."""
        offset = self.size_bytes
        self._blake2b.update(data)
        self._sha256.update(data)
        self.size_bytes += len(data)
        return offset, len(data)

    @property
    def blake2b(self) -> str:
        return self._blake2b.hexdigest()

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()


class Store(Protocol):
    """A place to write once. Stores are small, picklable and may be used from several threads and processes."""

    @property
    def url(self) -> str: ...

    def get(self, name: str) -> bytes:
        """All bytes of a name; Absent where there are none."""
        ...

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Some bytes of a name, fewer where it ends before; Absent where there is no such name."""
        ...

    def size(self, name: str) -> int | None:
        """How many bytes a name holds; None where it was never written."""
        ...

    def entries(self, prefix: str) -> list[Entry]:
        """The names that begin with `prefix`, sorted. Never the truth about what a data set holds."""
        ...

    def put(self, name: str, data: bytes) -> bool:
        """Put-if-absent. True: the name holds these bytes now, by this call or another. Conflict: it holds others."""
        ...

    def renew(self, name: str, data: bytes) -> None:
        """Write a page that may be made again, replacing what was there."""
        ...

    def writing(self) -> Writing: ...

    def delete(self, name: str) -> None:
        """Remove a name, if it is there."""
        ...

    def sweep(self) -> int:
        """Remove what dead writers left half-written; returns how many."""
        ...

    def place(self, name: str) -> Path | None:
        """The name as a local file that can be mapped into memory; None where the store is no local folder."""
        ...


def open_store(where: str | Path) -> Store:
    """The store at a folder, file:///FOLDER or s3://BUCKET/PREFIX. Other URLs can be sources and never outputs."""
    text = str(where)
    scheme, found, rest = text.partition("://")
    if not found or scheme == "file":
        from animatrix_ingest.keep.store_local import LocalStore

        return LocalStore(Path(rest if found else text))
    if scheme == "s3":
        from animatrix_ingest.keep.store_s3 import S3Store

        return S3Store.at(text)
    raise StoreError(
        f"{text}: {scheme}:// can be read as a source, but a data set needs put-if-absent, which is proved for local "
        "folders and s3:// only; choose one of them as --out"
    )


def names(store: Store, prefix: str) -> list[str]:
    """The names that begin with `prefix`, sorted."""
    return [entry.name for entry in store.entries(prefix)]


def digest(data: bytes) -> str:
    """blake2b of some bytes, 32 hex characters: the name every stored thing is known by."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON that is the same bytes for the same value: sorted keys, no spare spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def put_json(store: Store, name: str, value: Any) -> bool:
    return store.put(name, canonical(value) + b"\n")


def get_json(store: Store, name: str) -> Any:
    """Read a JSON file of the data set; StoreError names the file where it is not JSON."""
    try:
        return json.loads(store.get(name))
    except ValueError as error:
        raise StoreError(f"{store.url}/{name}: not JSON ({error}); it was changed: put a good copy back") from error


def prove(store: Store) -> str:
    """Let racing writers write different bytes to one name, and see that exactly one wins; what was seen, in words.

    A store that lets two win would mix data sets without a word: StoreError, and it cannot be an output.
    """
    with silence():
        return _raced(store)


def _raced(store: Store) -> str:
    for way in ("put", "writing"):
        name = f"{PROBES}/{uuid.uuid4().hex}"
        start = threading.Barrier(RACERS)

        def race(number: int, name: str = name, way: str = way, start: threading.Barrier = start) -> bool:
            data = f"writer {number}".encode()
            start.wait()
            try:
                return store.put(name, data) if way == "put" else _put_long(store, name, data)
            except Conflict:
                return False

        with ThreadPoolExecutor(RACERS) as pool:
            won = [number for number, winner in enumerate(pool.map(race, range(RACERS))) if winner]
        held = store.get(name)
        store.delete(name)
        if len(won) != 1 or held != f"writer {won[0]}".encode():
            raise StoreError(
                f"{store.url}: of {RACERS} racing writers {len(won)} were told that they won ({way}): this store has "
                "no put-if-absent, and a data set on it would not be safe; choose another --out"
            )
    return f"put-if-absent: one winner of {RACERS} racing writers, in one piece and in parts"


def _put_long(store: Store, name: str, data: bytes) -> bool:
    """Write as a file too long for one request is written."""
    writing = store.writing()
    try:
        writing.write(data)
        long = getattr(writing, "commit_in_parts", writing.commit)
        return long(name)
    finally:
        writing.discard()


def written(store: Store, name: str, blocks: Iterable[bytes]) -> bool:
    """Put-if-absent bytes that come piece by piece."""
    writing = store.writing()
    try:
        for block in blocks:
            writing.write(block)
        return writing.commit(name)
    finally:
        writing.discard()
