"""Captions made anew: from measurements, heads, a model and corrections, as a labels generation; video stays as it is.

A chunk of one shard's clips is the unit of work: its answers are committed under the name of what was asked, so a
killed recaption goes on where it was, and of two that race the first committed answer counts. The last step gathers all
chunks into tables and commits one labels generation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from anicaption.captioner import Captioner, record_of, watch
from anicaption.directive import directive
from anicaption.fuse import fuse, stated
from anicaption.record import Record, Variable, variable_of
from anicaption.taxonomy import taxonomy

from animatrix_ingest.corrections import Correction
from animatrix_ingest.keep.store import Conflict, Store, canonical, digest, open_store
from animatrix_ingest.rows import Dead


@dataclass(frozen=True)
class How:
    """What speaks of the clips. Measurements always do; the rest where it is given."""

    again: bool = False
    """measure the clips themselves again, instead of deciding from the measurements stored with them"""
    heads: Path | None = None
    """a folder that `anicaption fit` wrote"""
    open_clip: Path | None = None
    """weights the heads stand on"""
    local: Path | None = None
    """a vision-language model's folder, run on the workers"""
    device: str = "cpu"
    """where --local runs: cpu or cuda"""
    url: str | None = None
    """a server of the OpenAI protocol, as http://host:8000/v1"""
    model: str | None = None
    """the model's name at --url"""
    key_variable: str = ""
    """environment variable that holds the server's key"""
    ask: tuple[str, ...] = ()
    """fields for the model; all that are not measured if left out"""
    threshold: float = 0.5
    """less sure answers of the model are unknown"""
    prose: bool = False
    """let the model tell the shot in words too"""

    def __post_init__(self) -> None:
        if self.local is not None and self.url is not None:
            raise ValueError("recaption: --local and --url are both given; one model is asked")
        if self.url is not None and self.model is None:
            raise ValueError("recaption: --url needs --model, the name under which the server has it")
        for name in self.ask:
            taxonomy()[name]

    @property
    def is_slow(self) -> bool:
        return self.local is not None or self.url is not None

    def to_json(self) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Ask:
    """One clip to caption: where its bytes lie, and what people have said of it."""

    key: str
    shard: str
    mp4: tuple[int, int]
    json: tuple[int, int]
    rating: str
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """Clips of one shard; `name` is a hash of who is asked and of what."""

    name: str
    asks: tuple[Ask, ...]


@dataclass(frozen=True)
class Told:
    """What became of a chunk: how many clips were captioned and which failed."""

    chunk: str
    n_clips: int
    dead: tuple[tuple[str, Dead], ...] = ()


def chunks(asks: Sequence[Ask], how: How, identity: str, size: int) -> Iterator[Chunk]:
    """Asks cut into chunks within their shards, in the order given; a chunk's name does not depend on the others."""
    said = canonical([how.to_json(), identity, taxonomy().hash])
    by_shard: dict[str, list[Ask]] = {}
    for ask in asks:
        by_shard.setdefault(ask.shard, []).append(ask)
    for group in by_shard.values():
        for start in range(0, len(group), size):
            part = tuple(group[start : start + size])
            yield Chunk(digest(said + canonical([asdict(ask) for ask in part])), part)


@dataclass(frozen=True)
class Recaption:
    """Captions a chunk and commits its answers, the chunk's last write; one that is committed is not asked again."""

    dataset: str
    how: How

    def __call__(self, chunk: Chunk, tell: Callable[[int, int], None] = lambda frames, shots: None) -> Told:
        store = open_store(self.dataset)
        place = f"answers/{chunk.name}.jsonl"
        if store.size(place) is None:
            lines = []
            for number, ask in enumerate(chunk.asks):
                lines.append(canonical(answer(store, ask, self.how)) + b"\n")
                tell(0, number + 1)
            with suppress(Conflict):  # another worker was first, and its answers count
                store.put(place, b"".join(lines))
        return told(chunk.name, store.get(place))


def told(name: str, data: bytes) -> Told:
    """What a committed chunk says of itself."""
    rows = [json.loads(line) for line in data.splitlines()]
    dead = tuple((row["key"], Dead(row["dead"]["stage"], row["dead"]["reason"])) for row in rows if "dead" in row)
    return Told(name, len(rows) - len(dead), dead)


def answer(store: Store, ask: Ask, how: How) -> dict[str, Any]:
    """One clip's new record and directive as JSON; a failure is a row too, and costs no other clip."""
    try:
        record = record_anew(store, ask, how)
    except Exception as error:
        return {"key": ask.key, "dead": {"stage": "caption", "reason": f"{type(error).__name__}: {error}"}}
    return {"key": ask.key, "record": record.to_json(), "directive": directive(record).text}


def record_anew(store: Store, ask: Ask, how: How) -> Record:
    """The record that all the sources of `how` make of a clip, and people's corrections over them."""
    before = Record.from_json(json.loads(store.read(f"shards/{ask.shard}", *ask.json))["record"])
    video = store.read(f"shards/{ask.shard}", *ask.mp4) if how.again or how.is_slow or how.heads else b""
    tracks = watch(video) if how.again else before.tracks
    if tracks is None:
        raise ValueError("its record has no measurements stored; use --again")
    found = captioner(how, ask.rating).record_of(video, tracks) if video else record_of(tracks)
    said: list[Mapping[str, Variable]] = [corrected(ask.corrections), stated({"content.rating": ask.rating})]
    if not any(said):
        return found
    return Record.build(tracks, fuse([*said, found.variables()]), found.narrative, found.failures)


def corrected(corrections: Sequence[Correction]) -> dict[str, Variable]:
    """What people said, as variables of the source "expert"; of two corrections of a field the later one counts."""
    later = {c.field: c for c in sorted(corrections, key=lambda c: c.when)}
    return {
        name: variable_of(name, taxonomy()[name].check(c.values), "expert", dict.fromkeys(c.values, 1.0), (), ())
        for name, c in later.items()
    }


@lru_cache(maxsize=2)
def captioner(how: How, rating: str) -> Captioner:
    """The captioner of one process: weights are loaded once and stay."""
    heads = vlm = None
    if how.heads is not None:
        from anicaption.features import Features, OpenClip
        from anicaption.heads import load

        heads = load(how.heads, Features(OpenClip(how.open_clip) if how.open_clip else None))
    if how.is_slow:
        from anicaption.vlm.score import Vlm

        vlm = Vlm(_backend(how), None, how.threshold)
    return Captioner(heads, vlm, how.ask, how.prose, {"content.rating": rating})


def _backend(how: How) -> Any:
    if how.local is not None:
        from anicaption.vlm.local import Local

        return Local(how.local, None, how.device)
    from anicaption.vlm.remote import Remote

    assert how.url is not None and how.model is not None
    return Remote(how.url, how.model, key_variable=how.key_variable)


def identity(how: How) -> str:
    """What the answers depend on besides the settings: hashes of the weights, without loading them."""
    parts = [digest((how.heads / "heads.json").read_bytes())] if how.heads is not None else []
    return " ".join([*parts, _backend(how).identity] if how.is_slow else parts)
