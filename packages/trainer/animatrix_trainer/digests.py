"""Whether a checkpoint folder holds what was written: sizes and hashes of its files, in a list that is written last.

`recipe.json` is not in the list: people may mend it by hand, and it names its own mistakes.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from animatrix_trainer.config import CheckpointError

LIST = "digests.json"
UNLISTED = (LIST, "recipe.json")
REMEDY = (
    "fetch the checkpoint again, or go on from the one before it (a file that was changed on purpose: take its entry "
    f"out of {LIST}; `animatrix-train export` writes a new list)"
)


def write(folder: Path, before: Path | None = None) -> None:
    """List all files of `folder`. Not read again are files older than a list that is there already, and links to files
    of the listed folder `before`."""
    listed = _read(folder)
    linked = _read(before) if before else {}
    listed_ns = (folder / LIST).stat().st_mtime_ns if listed else 0

    def digest(name: str) -> list[int | str]:
        path = folder / name
        known = path.stat()
        if name in listed and known.st_mtime_ns < listed_ns and known.st_size == listed[name][0]:
            return listed[name]
        if before and name in linked and (before / name).exists() and os.path.samefile(path, before / name):
            return linked[name]
        return [known.st_size, _blake2b(path)]

    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    names = [name for name in names if name not in UNLISTED]
    with ThreadPoolExecutor() as several:
        found = dict(zip(names, several.map(digest, names), strict=True))
    (folder / LIST).write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def check(folder: Path) -> None:
    """CheckpointError for a file that is missing, cut short or has changed, and for a folder without a list."""
    if not (folder / LIST).exists():
        raise CheckpointError(
            f"{folder}: has no {LIST}, so it was never written to its end; go on from the checkpoint before it"
        )
    listed = _read(folder)
    for name, (size_bytes, _) in listed.items():
        path = folder / name
        found = path.stat().st_size if path.exists() else None
        if found != size_bytes:
            now = "is missing" if found is None else f"has {found} bytes and not {size_bytes}"
            raise CheckpointError(f"{path}: {now}; {REMEDY}")
    with ThreadPoolExecutor() as several:
        for name, hashed in zip(listed, several.map(lambda name: _blake2b(folder / name), listed), strict=True):
            if hashed != listed[name][1]:
                raise CheckpointError(f"{folder / name}: holds other bytes than were written; {REMEDY}")


def _read(folder: Path) -> dict[str, list[int | str]]:
    return json.loads((folder / LIST).read_text("utf-8")) if (folder / LIST).exists() else {}


def _blake2b(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
