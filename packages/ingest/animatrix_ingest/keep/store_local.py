"""A data set in a folder: temporary file, fsync, link(2), fsync of the folder.

link(2) fails where the name exists, so the first writer wins, and what has a name is whole and on the disk. A rename
would overwrite. Temporary files lie in one hidden folder; a writer holds a lock on its own, which the operating
system gives back when it dies, so that a sweep never takes a file from a writer that lives.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from animatrix_ingest.keep.faults import point
from animatrix_ingest.keep.store import Absent, Conflict, Entry, StoreError, Summed

TEMPORARY = ".tmp"
BLOCK_BYTES = 1 << 20
UNLOCKABLE_AGE_S = 24 * 3600.0
"""Where a file system knows no locks, a temporary file older than this is a dead writer's."""


@dataclass(frozen=True)
class LocalStore:
    """Names are files under `folder`."""

    folder: Path

    @property
    def url(self) -> str:
        return str(self.folder)

    def place(self, name: str) -> Path | None:
        return self._path(name)

    def _path(self, name: str) -> Path:
        return self.folder / name

    def get(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError as error:
            raise self._absent(name) from error

    def read(self, name: str, offset: int, length: int) -> bytes:
        try:
            with open(self._path(name), "rb") as file:
                file.seek(offset)
                return file.read(length)
        except FileNotFoundError as error:
            raise self._absent(name) from error

    def _absent(self, name: str) -> Absent:
        return Absent(f"{self._path(name)}: not there; run the ingest again, or `verify` to see what else is missing")

    def size(self, name: str) -> int | None:
        try:
            return self._path(name).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def entries(self, prefix: str) -> list[Entry]:
        top = self.folder / prefix.rpartition("/")[0]
        found = []
        for path in _files(top):
            name = path.relative_to(self.folder).as_posix()
            if name.startswith(prefix):
                stat = path.stat()
                found.append(Entry(name, stat.st_size, stat.st_mtime))
        return sorted(found, key=lambda entry: entry.name)

    def put(self, name: str, data: bytes) -> bool:
        if self._path(name).exists():
            return self._same(name, data)
        writing = self.writing()
        try:
            writing.write(data)
            return writing.commit(name)
        finally:
            writing.discard()

    def _same(self, name: str, data: bytes) -> bool:
        if self.get(name) != data:
            raise Conflict(f"{self._path(name)}: holds other bytes than the {len(data)} to be written")
        return True

    def renew(self, name: str, data: bytes) -> None:
        writing = self.writing()
        try:
            writing.write(data)
            writing.replace(name)
        finally:
            writing.discard()

    def writing(self) -> LocalWriting:
        return LocalWriting(self.folder)

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def sweep(self) -> int:
        removed = 0
        for path in _files(self.folder / TEMPORARY, hidden=True):
            removed += _take_from_the_dead(path)
        return removed


class LocalWriting(Summed):
    """A file being written under a temporary name; `commit` links it to its real one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__()
        with _told(folder):
            self._path, self._file = _temporary(folder / TEMPORARY)

    def write(self, data: bytes) -> tuple[int, int]:
        """Append; returns (offset, length) of what was written."""
        with _told(self.folder):
            point("local write")
            self._file.write(data)
        return self.add(data)

    def commit(self, name: str) -> bool:
        """Flush to the disk and give it its name, unless the name is taken."""
        place = self.folder / name
        with _told(place):
            self._flush(name)
            try:
                os.link(self._path, place)
            except FileExistsError:
                if not self._same(place):
                    raise Conflict(f"{place}: holds other bytes than the {self.size_bytes} to be written") from None
            point(f"linked {name}")
            flush_folder(place.parent)
            point(f"flushed {name}")
        self.discard()
        return True

    def replace(self, name: str) -> None:
        """Give it its name, whatever was there: for pages that may be made again."""
        place = self.folder / name
        with _told(place):
            self._flush(name)
            os.replace(self._path, place)
            flush_folder(place.parent)
        self._file.close()

    def _flush(self, name: str) -> None:
        _make_folder((self.folder / name).parent)
        point(f"before {name}")
        self._file.flush()
        os.fsync(self._file.fileno())
        point(f"synced {name}")

    def _same(self, place: Path) -> bool:
        if place.stat().st_size != self.size_bytes:
            return False
        with open(place, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256

    def discard(self) -> None:
        """Remove the temporary name; does nothing where that is done."""
        if not self._file.closed:
            self._path.unlink(missing_ok=True)
            with suppress(OSError):  # what could not be written before cannot be written now; it has no name
                self._file.close()


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """Errors of the disk in words that say what to do."""
    try:
        yield
    except OSError as error:
        remedy = "free some room, or check the disk, and run again: nothing half-written is left"
        if error.errno in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            remedy = "does this file system have hard links? choose another --out"
        raise StoreError(f"{place}: cannot be written ({error.strerror or error}); {remedy}") from error


def _temporary(folder: Path) -> tuple[Path, BinaryIO]:
    """A new file of a name of its own, locked, so that nobody sweeps it away."""
    _make_folder(folder)
    while True:
        path = folder / uuid.uuid4().hex
        file = open(path, "xb")  # noqa: SIM115  closed by commit or discard
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # a sweep took it in the moment before it was locked
            file.close()
            continue
        except OSError:  # no locks here; its age protects it
            return path, file
        if os.fstat(file.fileno()).st_nlink:
            return path, file
        file.close()


def _take_from_the_dead(path: Path) -> bool:
    """Remove a temporary file nobody holds; False where its writer lives."""
    try:
        with open(path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:
                if time.time() - path.stat().st_mtime < UNLOCKABLE_AGE_S:
                    return False
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return False
    return True


def _files(top: Path, hidden: bool = False) -> Iterator[Path]:
    """Every file under `top`, without hidden ones and those in hidden folders."""
    if not top.is_dir():
        return
    with os.scandir(top) as entries:
        for entry in entries:
            if entry.name.startswith(".") and not hidden:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), hidden)
            else:
                yield Path(entry.path)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that their names survive a power cut."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    """Make a directory's names survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
