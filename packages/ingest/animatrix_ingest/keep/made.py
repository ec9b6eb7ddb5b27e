"""What decides the bytes of a data set: settings, code, libraries. Their hash, the fingerprint, keeps unlike apart."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from animatrix_ingest.keep import store

FORMAT = 2
LIBRARIES = ("av", "numpy", "opencv-python-headless", "pyarrow", "scenedetect-headless")
PACKING = ("shard_mib",)
"""Settings that say how clips are packed, and not what they are: another value makes no other clips."""
DECIDING = ("watch", "decide", "keep")


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


def code_version() -> str:
    """A hash over the source files that decide what a clip holds: the captioner and this package but its pages."""
    import anicaption

    here = Path(__file__).parents[1]
    there = Path(anicaption.__file__).parent
    files = [path for path in there.rglob("*.py") if path.relative_to(there).parts[0] != "drawn"]
    files += there.glob("*.yaml")
    files += [path for name in DECIDING for path in (here / name).rglob("*.py")]
    lines = sorted(f"{path.parent.name}/{path.name} {store.digest(path.read_bytes())}" for path in files)
    return store.digest("\n".join(lines).encode())
