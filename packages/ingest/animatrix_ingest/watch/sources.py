"""Finding sources: files, folders, globs, lists and URLs, in a settled order, with what is stated of each.

Nothing is guessed. A work is what a list says it is: a folder's or a file's name is a hint at best (a folder may hold
one series or a lifetime's collection), so without a list `work` is None, and decide/split.py says what follows.
"""

from __future__ import annotations

import glob
import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from animatrix_ingest.watch import lists, remote
from animatrix_ingest.watch.remote import Facts

Rating = Literal["general", "sensitive", "explicit", "unknown"]
RATINGS: tuple[str, ...] = get_args(Rating)

# What a folder is searched for. A file that is named, or matched by a glob, is taken whatever its ending.
_CONTAINERS = "mkv mp4 m4v mov webm avi ts m2ts mts mpg mpeg vob ogv ogm wmv flv 3gp mxf y4m"
ENDINGS = frozenset(f".{name}" for name in _CONTAINERS.split())

STATED = ("work", "episode", "origin", "licence", "permission", "rating")
COLUMNS = ("source", *STATED)

ASKED_AT_ONCE = 16
LISTED_FROM = 4  # sources that a list names in one remote folder, from which on it is listed instead
_WEB = ("http://", "https://")


class NoSource(ValueError):
    """A SOURCES argument names nothing to read, or says what cannot be; the message says which and what to do."""


@dataclass(frozen=True)
class Given:
    """A source as it was given. `name` is its path or URL; what nobody stated is None, an unstated rating "unknown".

    `version` is what the store says changes with the content (ETag, time of change): with name and size it tells
    whether a source is the one that was read before. `listed` says that a list names it: then the list speaks for
    it, and what it does not state is not known; else what earlier runs were told holds.
    """

    name: str
    work: str | None = None
    episode: str | None = None
    origin: str | None = None
    licence: str | None = None
    permission: str | None = None
    rating: Rating = "unknown"
    size_bytes: int | None = None
    version: str | None = None
    listed: bool = False


@dataclass(frozen=True)
class _Wish:
    """One argument, or one row of a list: what to look for, and what is stated of all that it names."""

    source: str
    stated: Mapping[str, str]
    where: str | None = None

    def refuse(self, words: str) -> NoSource:
        return NoSource(f"sources: {self.where}: {words}" if self.where else f"sources: {words}")


def find(sources: Iterable[str], rating: Rating = "unknown") -> list[Given]:
    """The files that files, folders (searched whole), globs (with ** for any depth), lists and URLs name, sorted, once.

    Names are the paths as given (of two spellings of one path, the first); paths in a list are relative to the list.
    Hidden files and folders are left out of folders, and `PLACE/**` is the folder PLACE. `rating` is that of every
    source of which no list states one.
    """
    if rating not in RATINGS:
        raise NoSource(f"sources: rating {rating!r} is no rating{lists.nearest(rating, RATINGS)}")
    wishes = [wish for given in sources for wish in _wishes(given)]
    found: dict[str, tuple[_Wish, Given]] = {}
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        listed = _listings(wishes, pool)
        for wish, files in zip(wishes, pool.map(lambda wish: listed.get(wish.source) or _look(wish), wishes)):
            for name, facts in files:
                given = Given(name, size_bytes=facts.size_bytes, version=facts.version)
                same = name if remote.is_remote(name) else os.path.abspath(name)
                found[same] = _joined(*found[same], wish) if same in found else (wish, _with(given, wish.stated))
    if not found:
        raise NoSource("sources: none given; name files, folders, globs, lists or URLs")
    stated = (
        replace(given, rating=wish.stated.get("rating") or rating, listed=wish.where is not None)
        for wish, given in found.values()
    )
    return sorted(stated, key=lambda given: given.name)


def _wishes(given: str) -> Iterator[_Wish]:
    """An argument as it is, or the rows of the list (of the lists, if it is a pattern) that it names."""
    here = remote.local_path(given)
    if not lists.is_list(given):
        yield _Wish(given, {})
        return
    if not remote.is_remote(given) and not here.is_file():  # a pattern of lists, or nothing
        places = sorted(glob.glob(str(here), recursive=True)) if glob.has_magic(given) else []
        for place in places:
            yield from _wishes(place)
        if not places:
            yield _Wish(given, {})
        return
    try:
        rows = lists.read(given, COLUMNS, ("source",))
    except (lists.ListError, ImportError) as error:
        raise NoSource(f"sources: {error}") from error
    except Exception as error:
        raise NoSource(f"sources: {given}: the list cannot be read ({_words(error)}); check the path") from error
    for row in rows:
        stated = {name: row.cells[name] for name in STATED if name in row.cells}
        if stated.get("rating", "unknown") not in RATINGS:
            wrong = stated["rating"]
            raise NoSource(f"sources: {row.where}: rating {wrong!r} is no rating{lists.nearest(wrong, RATINGS)}")
        yield _Wish(_beside(given, row.cells["source"]), stated, row.where)


def _beside(place: str, source: str) -> str:
    """A path of a list, seen from where the list lies."""
    if "://" in source or source.startswith("/"):
        return source
    if remote.is_remote(place):
        scheme, _, path = place.partition("://")
        return f"{scheme}://{posixpath.normpath(f'{posixpath.dirname(path)}/{source}')}"
    return (remote.local_path(place).parent / source).as_posix()


def _with(given: Given, stated: Mapping[str, Any]) -> Given:
    return replace(given, **stated)


def _joined(before: _Wish, given: Given, now: _Wish) -> tuple[_Wish, Given]:
    """A file named twice: what both state must agree, what one states holds."""
    for name, value in now.stated.items():
        was = before.stated.get(name, value)
        if was != value:
            raise now.refuse(f"{given.name}: {name} is {value!r}, but {before.where} says {was!r}; keep one of the two")
    both = {**before.stated, **now.stated}
    return _Wish(given.name, both, now.where or before.where), _with(given, now.stated)


def _listings(wishes: Iterable[_Wish], pool: ThreadPoolExecutor) -> dict[str, list[tuple[str, Facts]]]:
    """Objects that lists name in the same remote folder, from one listing of it; what is not there is asked singly."""
    beside: dict[str, set[str]] = defaultdict(set)
    for wish in wishes:
        if wish.where and remote.is_remote(wish.source) and not wish.source.startswith(_WEB):
            beside[wish.source.rpartition("/")[0]].add(wish.source)
    worth = [(folder, asked) for folder, asked in beside.items() if len(asked) >= LISTED_FROM]
    return {name: [(name, facts)] for rows in pool.map(_listing, worth) for name, facts in rows}


def _listing(folder_and_asked: tuple[str, set[str]]) -> list[tuple[str, Facts]]:
    folder, asked = folder_and_asked
    try:
        fs, path = remote.open_url(folder)
        fs.invalidate_cache()
        rows = remote.patiently(lambda: fs.ls(path, detail=True))
    except Exception:  # each is asked for by itself then, and tells what is wrong with it
        return []
    found = ((remote.url_of(folder, fs, info["name"]), info) for info in rows if info["type"] == "file")
    every = [(name, remote.facts_of(info)) for name, info in found if name in asked]
    return [(name, facts) for name, facts in every if None not in (facts.size_bytes, facts.version)]


def _look(wish: _Wish) -> list[tuple[str, Facts]]:
    """The files that a wish names. NoSource where there is none."""
    files = _remote(wish) if remote.is_remote(wish.source) else [(name, None) for name in _local(wish)]
    try:
        return [(name, facts or remote.local_facts(Path(name))) for name, facts in files]
    except OSError as error:
        raise wish.refuse(f"{error.filename}: cannot be looked at ({error.strerror}); check its permissions") from error


def _is_video(name: str, beside: str = "") -> bool:
    parts = PurePosixPath(name.removeprefix(beside)).parts
    return PurePosixPath(name).suffix.lower() in ENDINGS and not any(part.startswith(".") for part in parts)


def _local(wish: _Wish) -> list[str]:
    given = wish.source
    path = remote.local_path(given[:-2] if given == "**" or given.endswith("/**") else given)
    if path.is_file():
        return [path.as_posix()]
    if path.is_dir():
        inside = [p for p in path.rglob("*") if _is_video(p.relative_to(path).as_posix()) and p.is_file()]
        if not inside:
            raise wish.refuse(f"{given}: no video file in this folder (looked for {' '.join(sorted(ENDINGS))})")
        return [p.as_posix() for p in inside]
    if glob.has_magic(given):
        matched = [Path(p).as_posix() for p in glob.glob(str(path), recursive=True) if Path(p).is_file()]
        if not matched:
            raise wish.refuse(f"{given}: matches no file; check the pattern, and quote it so the shell leaves it")
        return matched
    raise wish.refuse(f"{given}: no such file or folder; check the path")


def _remote(wish: _Wish) -> list[tuple[str, Facts]]:
    """The objects that a URL names, with size and version; those that a listing leaves open are asked for singly."""
    given = wish.source
    try:
        fs, path = remote.open_url(given)
        fs.invalidate_cache()
        listed = remote.patiently(lambda: _listed(fs, given, path))
        rows = []
        for name, info in listed.items():
            facts = remote.facts_of(info)
            if facts.size_bytes is None or facts.version is None:
                facts = remote.facts_of(remote.patiently(lambda name=name: fs.info(name)))
            rows.append((remote.url_of(given, fs, name), facts))
    except FileNotFoundError as error:
        raise wish.refuse(f"{given}: not there; check bucket, prefix and spelling") from error
    except (ImportError, ValueError) as error:
        raise wish.refuse(f"{given}: cannot be opened ({_words(error)})") from error
    except Exception as error:
        remedy = "check credentials (AWS_PROFILE, or FSSPEC_S3_ANON=true for a public bucket) and endpoint"
        raise wish.refuse(f"{given}: cannot be listed ({_words(error)}); {remedy}") from error
    if not rows:
        what = "matches no object; check the pattern" if _magic(given) else "holds no video file; check the prefix"
        raise wish.refuse(f"{given}: {what}")
    return rows


def _magic(url: str) -> bool:
    """Whether a URL is a pattern. On the web, ? and [ belong to addresses."""
    url = url.partition("::")[0]
    return "*" in url if url.startswith(_WEB) else glob.has_magic(url)


def _listed(fs: Any, url: str, path: str) -> dict[str, dict[str, Any]]:
    """An object of this very name, a pattern's objects, or the videos below a prefix. [Group] may be part of a name."""
    if path.endswith("/**"):
        path = path.removesuffix("/**")
    elif not url.partition("::")[0].endswith("/"):
        try:
            info = fs.info(path)
        except FileNotFoundError:
            if not _magic(url):
                raise
            return {name: info for name, info in fs.glob(path, detail=True).items() if info["type"] == "file"}
        if info["type"] == "file":
            return {path: info}
    return {name: info for name, info in fs.find(path, detail=True).items() if _is_video(name, path)}


def _words(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
