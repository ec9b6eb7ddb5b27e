"""Finding sources: files, folders and globs, in a settled order."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

# What a folder is searched for. A file that is named, or matched by a glob, is taken whatever its ending.
_CONTAINERS = "mkv mp4 m4v mov webm avi ts m2ts mts mpg mpeg vob ogv ogm wmv flv 3gp mxf y4m"
ENDINGS = frozenset(f".{name}" for name in _CONTAINERS.split())


class NoSource(ValueError):
    """A SOURCES argument names nothing to read; the message says which one and what to give instead."""


def find(sources: Iterable[str]) -> list[str]:
    """The files that files, folders (searched whole) and globs (with ** for any depth) name, sorted, each once.

    Names are the paths as given. Hidden files and folders are left out of folders.
    """
    found: set[str] = set()
    for given in sources:
        path = Path(given)
        if path.is_file():
            found.add(path.as_posix())
        elif path.is_dir():
            inside = [p for p in path.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file()]
            inside = [p for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts)]
            if not inside:
                raise NoSource(
                    f"sources: {given}: no video file in this folder (looked for {' '.join(sorted(ENDINGS))})"
                )
            found.update(p.as_posix() for p in inside)
        elif glob.has_magic(given):
            matched = [p for p in glob.glob(given, recursive=True) if Path(p).is_file()]
            if not matched:
                raise NoSource(
                    f"sources: {given}: matches no file; check the pattern, and quote it so the shell leaves it"
                )
            found.update(Path(p).as_posix() for p in matched)
        else:
            raise NoSource(f"sources: {given}: no such file or folder; check the path")
    if not found:
        raise NoSource("sources: none given; name files, folders or globs")
    return sorted(found)
