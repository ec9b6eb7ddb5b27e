"""Bringing a source here: a path that a decoder can open, and never more on this disk than the cache may hold.

A local source is its own path. A remote one is copied once into a folder that all workers of a machine share:

    .lock            held for the moments in which somebody looks around, makes room or gives a file its name
    NAME.part        being copied; its room is reserved on the disk from the start, and its writer holds it locked
    NAME             whole; whoever reads it holds it locked, and the last one removes it (or leaves it: `keep`)

Locks are the operating system's, so those of a killed worker are gone with it: a part that nobody holds is rubbish,
and a whole file that nobody holds may make room for others.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from animatrix_ingest.watch import remote
from animatrix_ingest.watch.remote import Facts
from animatrix_ingest.watch.sources import Given

GIB = 1 << 30
LIMIT_BYTES = 64 * GIB
BLOCK_BYTES = 8 << 20
STEP_BYTES = 256 << 20  # reserved at a time for an object whose size its store does not tell
WAIT_S = 6 * 3600.0
LOOK_S = 0.2


class FetchError(RuntimeError):
    """A source cannot be brought here; the message says which, where it went wrong and what to do."""


@contextmanager
def fetched(
    given: Given, cache: Path, *, limit_bytes: int = LIMIT_BYTES, keep: bool = False, wait_s: float = WAIT_S
) -> Iterator[Path]:
    """A local file with the content of `given`, for as long as the context lasts.

    Where the cache is full of what others read, waits up to `wait_s` for room. With `keep`, the copy stays until its
    room is needed. Raises FetchError, also where the source is not the one that was listed.
    """
    if not remote.is_remote(given.name):
        unchanged(given)
        yield remote.local_path(given.name)
        return
    facts = unchanged(given)
    held = _Cache(cache, limit_bytes, wait_s).take(given, facts)
    try:
        yield held.path
    finally:
        held.let_go(keep)


def unchanged(given: Given) -> Facts:
    """What the store says of a source now. FetchError where it is gone or is not the one that was listed."""
    try:
        here = remote.is_remote(given.name)
        now = remote.facts(given.name) if here else remote.local_facts(remote.local_path(given.name))
    except FileNotFoundError as error:
        raise FetchError(f"{given.name}: no longer there; run again so that sources are listed anew") from error
    except Exception as error:
        remedy = "check credentials, endpoint and network, then `retry`"
        raise FetchError(f"{given.name}: cannot be looked at ({_words(error)}); {remedy}") from error
    for name, was, is_ in (
        ("version", given.version, now.version),
        ("size in bytes", given.size_bytes, now.size_bytes),
    ):
        if was is not None and is_ is not None and was != is_:
            raise FetchError(
                f"{given.name}: changed since it was listed ({name} was {was}, is {is_}); "
                "run again so that sources are listed anew"
            )
    return now


@dataclass(frozen=True)
class _Held:
    """A whole file of the cache, locked by this reader."""

    path: Path
    file: BinaryIO
    lock: Callable[[], Any]

    def let_go(self, keep: bool) -> None:
        """Unlock; the last reader of a file that is not to be kept removes it."""
        with self.lock():
            if not keep and _try_lock(self.file):
                self.path.unlink(missing_ok=True)
            self.file.close()


@dataclass(frozen=True)
class _Cache:
    folder: Path
    limit_bytes: int
    wait_s: float

    @contextmanager
    def locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / ".lock", "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def take(self, given: Given, facts: Facts) -> _Held:
        """The whole copy of an object: one that is there, or a new one once there is room."""
        whole = self.folder / _name(given, facts)
        part = whole.with_name(f"{whole.name}.part")
        want = facts.size_bytes if facts.size_bytes is not None else STEP_BYTES
        if want > self.limit_bytes:
            raise FetchError(
                f"{given.name}: {want:,} bytes do not fit into the cache {self.folder} of {self.limit_bytes:,}; "
                "allow it more"
            )
        until = time.monotonic() + self.wait_s
        while True:
            with self.locked():
                self._sweep()
                if whole.exists():
                    file = open(whole, "rb")  # noqa: SIM115  closed by let_go
                    fcntl.flock(file, fcntl.LOCK_SH)
                    os.utime(whole)
                    return _Held(whole, file, self.locked)
                if not part.exists():
                    file = self._reserve(part, want, given)
                    if file is not None:
                        break
            if time.monotonic() > until:
                raise FetchError(
                    f"{given.name}: no room for {want:,} bytes in the cache {self.folder} within {self.wait_s:g} s "
                    "(others hold it); allow it more, or run fewer workers"
                )
            time.sleep(LOOK_S)
        try:
            self._copy(given, facts, file)
            with self.locked():
                os.rename(part, whole)
                fcntl.flock(file, fcntl.LOCK_SH)
        except BaseException:
            with self.locked():
                part.unlink(missing_ok=True)
                file.close()
            raise
        return _Held(whole, file, self.locked)

    def _files(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.is_file() and path.name != ".lock"]

    def _sweep(self) -> None:
        """Remove the parts of writers that are no more."""
        for path in self._files():
            if path.suffix == ".part":
                _remove_idle(path)

    def _reserve(self, part: Path, want: int, given: Given) -> BinaryIO | None:
        """A new part with `want` bytes of the disk to itself, or None where others have to let go first."""
        if not self._room(want):
            return None
        file = open(part, "xb")  # noqa: SIM115  closed with the copy
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            _allocate(file, want)
        except OSError as error:
            file.close()
            part.unlink()
            others = len(self._files())
            self._evict(want)
            if error.errno == errno.ENOSPC and others:
                return None
            raise self._full(given, want, error) from error
        return file

    def _full(self, given: Given, want: int, error: OSError) -> FetchError:
        disk = os.statvfs(self.folder)
        return FetchError(
            f"{given.name}: {want:,} bytes do not fit on the disk of {self.folder}, which has "
            f"{disk.f_bavail * disk.f_frsize:,} left ({error.strerror}); free some, or put the cache elsewhere"
        )

    def _room(self, want: int) -> bool:
        """Whether `want` more bytes may be held, after what nobody reads has made way."""
        over = sum(path.stat().st_size for path in self._files()) + want - self.limit_bytes
        return over <= 0 or self._evict(over) >= over

    def _evict(self, least: int) -> int:
        """Remove whole files that nobody reads, longest unused first, until `least` bytes are free; bytes removed."""
        freed = 0
        for path in sorted(self._files(), key=lambda path: path.stat().st_mtime_ns):
            if freed >= least:
                break
            size = path.stat().st_size
            freed += size if _remove_idle(path) else 0
        return freed

    def _copy(self, given: Given, facts: Facts, file: BinaryIO) -> None:
        """Fill a part. After a fault of the store it goes on where it stopped, as long as the object is the same."""
        size, done, furthest, failures = facts.size_bytes, 0, -1, 0
        listed = Given(given.name, size_bytes=size, version=facts.version)
        while True:
            try:
                for block in _blocks(given.name, done):
                    if block is None:  # the store cannot start in the middle
                        done = 0
                        continue
                    self._write(given, file, done, block)
                    done += len(block)
                if size is not None and done != size:
                    raise OSError(f"ended after {done:,} of {size:,} bytes")
                break
            except FetchError:
                raise
            except remote.FINAL as error:
                raise FetchError(
                    f"{given.name}: cannot be read ({_words(error)}); check name and permissions"
                ) from error
            except Exception as error:  # stores have errors of their own kinds
                failures = 1 if done > furthest else failures + 1
                furthest = max(furthest, done)
                if failures >= remote.ATTEMPTS:
                    raise FetchError(
                        f"{given.name}: cannot be read on from byte {done:,} after {failures} attempts "
                        f"({_words(error)}); check the network and the store, then `retry`"
                    ) from error
                time.sleep(remote.FIRST_WAIT_S * 2 ** (failures - 1))
                unchanged(listed)
        file.truncate(done)
        file.flush()
        os.fsync(file.fileno())  # a whole name over blocks that a power cut kept from the disk would be a lie
        unchanged(listed)

    def _write(self, given: Given, file: BinaryIO, at: int, block: bytes) -> None:
        """Write a block, reserving more where the object turns out bigger than what is reserved."""
        try:
            if at + len(block) > os.fstat(file.fileno()).st_size:
                with self.locked():
                    if not self._room(STEP_BYTES):
                        raise FetchError(
                            f"{given.name}: more than {at:,} bytes, and the cache {self.folder} of "
                            f"{self.limit_bytes:,} is full; allow it more (the store does not tell the size)"
                        )
                    _allocate(file, at + STEP_BYTES)
            file.seek(at)
            file.write(block)
        except OSError as error:
            raise self._full(given, at + len(block), error) from error


def _name(given: Given, facts: Facts) -> str:
    """What a copy is called: by name, size and version; one that has no version is never taken for another."""
    said = f"{given.name}\n{facts.size_bytes}\n{facts.version or uuid.uuid4().hex}"
    ending = PurePosixPath(given.name.partition("::")[0].partition("?")[0]).suffix.lower()
    known = hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
    return known + (ending if re.fullmatch(r"\.[a-z0-9]{1,5}", ending) else "")


def _blocks(url: str, start: int) -> Iterator[bytes | None]:
    """The bytes of an object from `start` on; None first where they come from the beginning instead."""
    fs, path = remote.open_url(url)
    with fs.open(path, "rb", block_size=BLOCK_BYTES, cache_type="none") as file:
        try:
            file.seek(start)
        except (ValueError, NotImplementedError, OSError):
            yield None
        while block := file.read(BLOCK_BYTES):
            yield bytes(block)


def _allocate(file: BinaryIO, size: int) -> None:
    """Reserve disk for a file; unlike truncate, this fails now and not in the middle."""
    if size:
        os.posix_fallocate(file.fileno(), 0, size)


def _try_lock(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_idle(path: Path) -> bool:
    """Remove a file of the cache that nobody holds."""
    with open(path, "rb") as file:
        if not _try_lock(file):
            return False
        path.unlink()
        return True


def _words(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
