"""What decides the bytes of a data set: settings, code, libraries. Their hash, the fingerprint, keeps unlike apart."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Any

from animatrix_ingest.keep import store

FORMAT = 2
LIBRARIES = ("av", "numpy", "opencv-python-headless", "pyarrow", "scenedetect-headless")
_PARSING = Lock()  # Python 3.11 may not parse in two threads at once: "AST constructor recursion depth mismatch"
PACKING = ("shard_mib",)
"""Settings that say how clips are packed, and not what they are: another value makes no other clips."""
ROOTS = ("animatrix_ingest.watch.look", "animatrix_ingest.keep.encode", "anicaption.captioner", "anicaption.directive")
BESIDE = ("animatrix_ingest.stages", "animatrix_ingest.keep.clips", "animatrix_ingest.watch.embed")
APART = tuple(f"animatrix_ingest.{name}" for name in ("keep.store", "keep.faults", "rows", "recipes"))


@dataclass(frozen=True)
class Made:
    """What decides the clips of a data set and what is said of them."""

    settings: dict[str, Any]
    code: str
    libraries: dict[str, str]

    @property
    def fingerprint(self) -> str:
        settings = {name: value for name, value in self.settings.items() if name not in PACKING}
        return store.digest(store.canonical({**self.to_json(), "settings": settings}))

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "settings": self.settings, "code": self.code, "libraries": self.libraries}

    @classmethod
    def here(cls, settings: dict[str, Any]) -> Made:
        """With the code and libraries that are installed now. Clips are encoded with one thread, always."""
        return cls({**settings, "encoder_threads": 1}, code_version(), {n: metadata.version(n) for n in LIBRARIES})


def changes(before: Mapping[str, Any], here: Made) -> str:
    """What of `before` (a generation's `made`) is otherwise `here`, in words; "" where clips would be the same."""
    now, words = here.to_json(), []
    for kind in ("format", "code"):
        if before[kind] != now[kind]:
            words.append("other code" if kind == "code" else f"format {before[kind]} -> {now[kind]}")
    for kind in ("settings", "libraries"):
        names = sorted({*before[kind], *now[kind]} - set(PACKING))
        pairs = [(name, before[kind].get(name), now[kind].get(name)) for name in names]
        words += [f"{name} {old} -> {new}" for name, old, new in pairs if old != new]
    return ", ".join(words)


@lru_cache(maxsize=1)
def code_version() -> str:
    """A hash over the source files that decide what a clip holds and what is first said of it.

    These are the files that ROOTS import, at any depth, and the captioner's tables: not the store, the packing, the
    decisions that are made without pixels, the pages or the commands. A change there makes no other clips.
    """
    return code_of(ROOTS, BESIDE)


@lru_cache(maxsize=8)
def code_of(roots: tuple[str, ...], beside: tuple[str, ...] = ()) -> str:
    """A hash over the source files that `roots` import, at any depth, those of `beside`, and the captioner's tables."""
    with _PARSING:
        needed = {**_imported(roots), **{name: _file(name) for name in beside}}
    files = sorted((name, path) for name, path in needed.items() if path and not name.startswith(APART))
    found = [f"{name} {store.digest(path.read_bytes())}" for name, path in files]
    tables = sorted(_folder("anicaption").glob("*.yaml"))
    found += [f"{path.name} {store.digest(path.read_bytes())}" for path in tables]
    return store.digest("\n".join(found).encode())


def _imported(roots: Sequence[str]) -> dict[str, Path]:
    """The modules of ours that some modules need, with their files."""
    found: dict[str, Path] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if path is None or name in found:
            continue
        found[name] = path
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def _file(module: str) -> Path | None:
    """The source file of a module of ours; None for what is none."""
    top, *parts = module.split(".")
    if top not in ("anicaption", "animatrix_ingest"):
        return None
    place = _folder(top).joinpath(*parts)
    for path in (place.with_suffix(".py") if parts else place / "__init__.py", place / "__init__.py"):
        if path.is_file():
            return path
    return None


def _folder(package: str) -> Path:
    if package == "animatrix_ingest":
        return Path(__file__).parents[1]
    import anicaption

    return Path(anicaption.__file__).parent
