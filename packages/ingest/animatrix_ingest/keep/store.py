"""Files that are either whole or absent, and the lock that keeps two runs out of one data set.

Everything that must survive a killed run is written to a temporary name beside its place, flushed to the disk,
and renamed; then the directory is flushed, so that the new name survives too. A reader therefore never meets half
a file. Temporary names begin with TEMPORARY; what a killed run left of them is removed by the next.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

TEMPORARY = ".tmp-"


class StoreError(RuntimeError):
    """A file of the data set is missing, broken or locked; the message says which and what to do."""


def digest(data: bytes) -> str:
    """blake2b of some bytes, 32 hex characters: the name every stored thing is known by."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class Writing:
    """A file being written under a temporary name; `commit` gives it its real one, `discard` removes it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._path = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
        self._file: BinaryIO = open(self._path, "xb")  # noqa: SIM115  closed by commit or discard
        self._hash = hashlib.blake2b(digest_size=16)
        self.size_bytes = 0

    def write(self, data: bytes) -> tuple[int, int]:
        """Append; returns (offset, length) of what was written."""
        offset = self.size_bytes
        self._file.write(data)
        self._hash.update(data)
        self.size_bytes += len(data)
        return offset, len(data)

    @property
    def blake2b(self) -> str:
        return self._hash.hexdigest()

    @property
    def is_open(self) -> bool:
        return not self._file.closed

    def commit(self, name: str) -> Path:
        """Flush to the disk and rename to folder/name, replacing what was there."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        place = self.folder / name
        os.replace(self._path, place)
        flush_folder(self.folder)
        return place

    def discard(self) -> None:
        """Throw away what was written; does nothing after commit."""
        if self.is_open:
            self._file.close()
            self._path.unlink()


def flush_folder(folder: Path) -> None:
    """Make a directory's names survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(path: Path, data: bytes) -> None:
    """Write a whole file so that it is either all there or not there."""
    writing = Writing(path.parent)
    try:
        writing.write(data)
        writing.commit(path.name)
    finally:
        writing.discard()


def canonical(value: Any) -> bytes:
    """JSON that is the same bytes for the same value: sorted keys, no spare spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def put_json(path: Path, value: Any) -> None:
    put(path, canonical(value) + b"\n")


def get_json(path: Path) -> Any:
    """Read a JSON file of the data set; StoreError names the file where it is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise StoreError(f"{path}: not JSON ({error}); it was changed by hand: delete it and run again") from error


def sweep(folder: Path) -> int:
    """Remove temporary files a killed run left; returns how many."""
    left = [p for p in folder.glob(f"**/{TEMPORARY}*") if p.is_file()] if folder.is_dir() else []
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a data set for writing. The operating system gives the lock back when the process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(
                f"{folder}: another run is writing to this data set; wait for it, or choose another --out"
            ) from error
        yield
