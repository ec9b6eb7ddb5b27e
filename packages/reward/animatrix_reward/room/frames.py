"""A clip as the room shows it: decoded once, a picture per frame in a few bundles, a table of times and drawings.

A bundle is one file: uint32 little-endian n, then n pairs (offset, length) from the start of the file, then pictures,
JPEG or lossless WebP. A frame whose pixels are those of the frame before points at the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

VERSION = 1
"""Of what is written here; another number makes every bundle anew."""


@dataclass(frozen=True)
class Bundle:
    """Pictures of the frames [start, start + count), `n_bytes` long."""

    start: int
    count: int
    n_bytes: int


@dataclass(frozen=True)
class Shown:
    """What a page needs to show a clip: `pts_ms` counts from the first frame, `end_ms` is when the last one ends.

    `drawing` numbers the drawings from 1: frames that hold the same drawing have the same number. `flashing` is
    AniCaption's measure of content.flashing.
    """

    n_frames: int
    width_px: int
    height_px: int
    rate: float
    pts_ms: tuple[float, ...]
    end_ms: float
    drawing: tuple[int, ...]
    flashing: bool
    bundles: tuple[Bundle, ...]


@dataclass(frozen=True)
class Broken:
    """A clip that cannot be shown, and why."""

    reason: str


class Bundles:
    """The bundles of clips in a folder, made when first asked for and kept while there is room.

    Ten who ask for one clip at the same time wait for one decode. `limit_bytes` bounds the folder: what was not asked
    for longest goes first.
    """

    def __init__(self, folder: Path, limit_bytes: int = 8 << 30, workers: int = 2) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes
        self.n_decoded = 0
        self._pool = ThreadPoolExecutor(workers, "frames")
        self._lock = threading.Lock()
        self._making: dict[str, Future[Shown | Broken]] = {}

    def ask(self, path: Path, sha256: str) -> Future[Shown | Broken]:
        """What there is to show of the clip at `path`, whose bytes have this hash."""
        key = f"{sha256}-{VERSION}"
        with self._lock:
            if key in self._making:
                return self._making[key]
            future = self._pool.submit(self._of, path, key)
            self._making[key] = future
        future.add_done_callback(lambda _: self._forget(key))
        return future

    def file(self, sha256: str, number: int) -> Path:
        """Where bundle `number` of a clip lies; it is there after `ask`, until others need the room."""
        return self._place(f"{sha256}-{VERSION}") / f"{number}.bin"

    def close(self) -> None:
        """Wait for what is being made and take no more."""
        self._pool.shutdown()

    def _forget(self, key: str) -> None:
        with self._lock:
            self._making.pop(key, None)

    def _place(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def _of(self, path: Path, key: str) -> Shown | Broken:
        place = self._place(key)
        found = _read(place)
        if found is not None:
            os.utime(place)
            return found
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=self.folder, ignore_cleanup_errors=True) as making:
            made = Path(making) / "clip"
            made.mkdir()
            self.n_decoded += 1
            from animatrix_reward.room.decode import make  # PyAV and NumPy: clips that are decoded need neither

            shown = make(path, made, key.partition("-")[0])
            place.parent.mkdir(exist_ok=True)
            if isinstance(shown, Broken) and not path.is_file():
                return shown  # the file may come back; nothing is known of its bytes
            try:
                os.replace(made, place)
            except OSError:  # something lies there: what another process made of the same bytes, or half of it
                if (other := _read(place)) is not None:
                    return other
                shutil.rmtree(place, ignore_errors=True)
                os.replace(made, place)
        self._evict(keep=place)
        return shown

    def _evict(self, keep: Path) -> None:
        """Remove whole clips, longest unused first, until the folder is within its limit."""
        with self._lock:
            sized = []
            for place in self.folder.glob("??/*"):
                try:
                    n_bytes = sum(file.stat().st_size for file in place.iterdir())
                    sized.append((place.stat().st_mtime_ns, n_bytes, place))
                except FileNotFoundError:
                    continue
            total = sum(n_bytes for _, n_bytes, _ in sized)
            for _, n_bytes, place in sorted(sized):
                if total <= self.limit_bytes:
                    break
                if place != keep:
                    shutil.rmtree(place, ignore_errors=True)
                    total -= n_bytes


def unpack(data: bytes) -> list[bytes]:
    """The encoded pictures of a bundle, one per frame."""
    (count,) = struct.unpack_from("<I", data)
    index = struct.unpack_from(f"<{2 * count}I", data, 4)
    return [data[start : start + length] for start, length in zip(index[::2], index[1::2], strict=True)]


def _read(place: Path) -> Shown | Broken | None:
    """What stands in a folder of the cache; None where it is not there or not whole."""
    try:
        table = json.loads((place / "table.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if "broken" in table:
        return Broken(table["broken"])
    bundles = tuple(Bundle(**bundle) for bundle in table["bundles"])
    table |= {"bundles": bundles, "pts_ms": tuple(table["pts_ms"]), "drawing": tuple(table["drawing"])}
    whole = all(
        (place / f"{number}.bin").is_file() and (place / f"{number}.bin").stat().st_size == bundle.n_bytes
        for number, bundle in enumerate(bundles)
    )
    return Shown(**table) if whole else None
