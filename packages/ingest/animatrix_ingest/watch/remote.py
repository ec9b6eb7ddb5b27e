"""What ingest asks of other machines, through fsspec: is it there, how big, which version; with patience.

Credentials and endpoints come from the environment, as each store documents it: AWS_PROFILE, AWS_ENDPOINT_URL,
or FSSPEC_S3_ANON=true and the like for any option of fsspec. None is kept, and none is written down.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ATTEMPTS = 4
FIRST_WAIT_S = 0.5

# An answer, not an accident: asking again would not change it.
FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ValueError, TypeError, ImportError)

# What stores call the thing that changes with an object's content, best first.
_VERSIONS = "ETag etag md5 checksum Content-MD5 mtime LastModified last_modified Last-Modified updated modified created"


@dataclass(frozen=True)
class Facts:
    """What a store says of an object before it is read. None where it does not say."""

    size_bytes: int | None
    version: str | None


def is_remote(name: str) -> bool:
    """Whether a name is a URL of another place than this machine's files."""
    return "://" in name and not name.startswith(("file://", "local://"))


def local_path(name: str) -> Path:
    """The path of a local name or file:// URL."""
    return Path(name.partition("://")[2]) if name.startswith(("file://", "local://")) else Path(name)


def open_url(url: str) -> tuple[Any, str]:
    """The file system of a URL, and its path there. Raises ValueError or ImportError in fsspec's words."""
    import fsspec

    return fsspec.core.url_to_fs(url)


def url_of(asked: str, fs: Any, path: str) -> str:
    """The URL of a path that turned up when `asked` was listed: its scheme, host and chain stay as they were given."""
    if "://" in path:
        return path
    first, chain, rest = asked.partition("::")
    scheme, first = first.partition("://")[0], first.rstrip("/")
    stripped = fs._strip_protocol(first)
    if stripped.strip("/") and first.endswith(stripped):
        return f"{first[: len(first) - len(stripped)]}{path}{chain}{rest}"
    return f"{scheme}://{path.lstrip('/')}{chain}{rest}"


def facts_of(info: dict[str, Any]) -> Facts:
    """Size and version out of fsspec's answer."""
    named = ((name, info.get(name)) for name in _VERSIONS.split())
    version = next((f"{name.lower()} {_plain(value)}" for name, value in named if value), None)
    size = info.get("size")
    return Facts(None if size is None else int(size), version)


def _plain(value: Any) -> str:
    """A version in one spelling: some stores tell a time as a number in listings and as a date when asked singly."""
    if isinstance(value, datetime):
        value = value.timestamp()
    return f"{value:.6f}" if isinstance(value, (int, float)) else str(value).strip('"')


def facts(url: str) -> Facts:
    """Ask the store anew, past every cache."""
    fs, path = open_url(url)
    fs.invalidate_cache()
    return facts_of(patiently(lambda: fs.info(path)))


def local_facts(path: Path) -> Facts:
    stat = path.stat()
    return Facts(stat.st_size, f"mtime_ns {stat.st_mtime_ns}")


def read_bytes(name: str) -> bytes:
    """A whole small file, local or remote."""
    if not is_remote(name):
        return local_path(name).read_bytes()
    fs, path = open_url(name)
    return patiently(lambda: fs.cat_file(path))


def patiently(do: Callable[[], T], attempts: int = ATTEMPTS) -> T:
    """Call `do`; where it fails in a way that may pass, wait and call it again, `attempts` times in all."""
    for attempt in range(1, attempts):
        try:
            return do()
        except FINAL:
            raise
        except Exception:  # stores have errors of their own kinds; what is not final is asked again, and then raised
            time.sleep(FIRST_WAIT_S * 2 ** (attempt - 1))
    return do()
