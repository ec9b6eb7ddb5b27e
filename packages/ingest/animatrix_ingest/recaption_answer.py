"""Some clips of a shard captioned anew, and the answers committed: the work of one worker of `recaption`.

Answers lie in DIR/answers/ under a name made of all that was asked, put-if-absent: whoever is killed goes on where it
was, and of two that ask the same the first committed answer counts. Clips that failed have no answer and are asked
again the next time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
from anicaption.captioner import watch
from anicaption.directive import directive
from anicaption.fuse import fuse, stated
from anicaption.measure import read
from anicaption.record import Record, Variable, variable_of
from anicaption.taxonomy import UNKNOWN, taxonomy
from anicaption.tracks import Tracks

from animatrix_ingest.corrections import Correction, instant
from animatrix_ingest.keep import tables
from animatrix_ingest.keep.clips import tag_fields
from animatrix_ingest.keep.faults import point
from animatrix_ingest.keep.records import record_json
from animatrix_ingest.keep.shards import read_member
from animatrix_ingest.keep.store import Conflict, Store, StoreError, canonical, digest
from animatrix_ingest.recaption_how import How
from animatrix_ingest.recaption_sources import sources
from animatrix_ingest.rows import Dead

ANSWERS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("record", pa.string(), nullable=False),
        pa.field("caption", pa.string(), nullable=False),
        pa.field("as_stored", pa.bool_(), nullable=False),
        *tag_fields(),
    ]
)
"""One row per clip that was answered. `record` is JSON, without tracks where they are the clip's own; `as_stored`
tells that it says the same as the record in the shard."""
CLIPS_AT_ONCE = {"stored": 64, "decoded": 16, "asked": 1}
"""How many clips one answer file has, by what they cost. A model's answers are dear: none is thrown away with others,
and whichever clips are chosen the next time, those that were answered are not asked again."""
NEAR = 1e-3
"""Probabilities that differ by less say the same: measurements are stored with five digits."""


@dataclass(frozen=True)
class Ask:
    """One clip to caption: its bytes, what its source states, what people said of it, and whether a model may see it.

    `now` is JSON of the clip's newer record, if it has one: all of it where corrections are only laid over what is
    said, else the tracks, if they were measured anew.
    """

    key: str
    blake2b: str
    shard: str
    mp4: tuple[int, int]
    json: tuple[int, int]
    rating: str
    may_be_shown: bool
    corrections: tuple[Correction, ...] = ()
    only_correct: bool = False
    now: str | None = None

    def to_json(self) -> list[Any]:
        """What the answer depends on: not where the bytes lie."""
        said = [list(asdict(correction).values()) for correction in self.corrections]
        return [self.key, self.blake2b, self.rating, self.may_be_shown, said, self.only_correct, self.now]


@dataclass(frozen=True)
class Chunk:
    """Clips of one shard that are answered together; `name` is a hash of who is asked and of what."""

    name: str
    asks: tuple[Ask, ...]

    @property
    def place(self) -> str:
        return f"answers/{self.name}.parquet"


@dataclass(frozen=True)
class Told:
    """What a worker tells of a chunk: how many clips have answers, and which failed."""

    n_clips: int
    dead: tuple[tuple[str, Dead], ...] = ()


def chunks(asks: Sequence[Ask], identity: Mapping[str, Any], size: int) -> Iterator[Chunk]:
    """Asks cut into chunks within their shards, in the order given."""
    said = canonical(identity)
    by_shard: dict[str, list[Ask]] = {}
    for ask in asks:
        by_shard.setdefault(ask.shard, []).append(ask)
    for group in by_shard.values():
        for start in range(0, len(group), size):
            part = tuple(group[start : start + size])
            yield Chunk(digest(said + canonical([ask.to_json() for ask in part])), part)


def answers(store: Store, chunk: Chunk) -> pa.Table:
    """The committed answers of a chunk: ANSWERS."""
    return tables.read(store, chunk.place)


@dataclass(frozen=True)
class Answer:
    """Captions a chunk and commits its answers; one that is answered is not asked again. A worker's callable."""

    store: Store
    how: How

    def __call__(self, chunk: Chunk, tell: Callable[[int, int], None] = lambda frames, shots: None) -> Told:
        if self.store.size(chunk.place) is not None:
            return Told(answers(self.store, chunk).num_rows)
        rows, dead = [], []
        for number, ask in enumerate(chunk.asks):
            try:
                rows.append(answer(self.store, ask, self.how))
            except StoreError:
                raise  # nothing about the clip: a store that does not answer
            except Exception as error:  # a failure is a row: this clip keeps what is said of it, the others go on
                dead.append((ask.key, Dead("caption", f"{type(error).__name__}: {error}")))
            tell(0, number + 1)
        if rows:
            point("before answers", io=False)
            with suppress(Conflict):  # another was first, and its answers count
                self.store.put(chunk.place, tables.to_bytes(pa.Table.from_pylist(rows, schema=ANSWERS)))
            point("answers committed", io=False)
        return Told(len(rows), tuple(dead))


@dataclass(frozen=True)
class Begin:
    """What a long-lived worker begins with: its model is loaded before it is given a clip."""

    task: Answer

    def __call__(self) -> Answer:
        sources(self.task.how)
        return self.task


def answer(store: Store, ask: Ask, how: How) -> dict[str, Any]:
    """A row of ANSWERS. Raises whatever stands in the way, and where a model failed to say what it was asked."""
    member = read_member(store, ask.shard, *ask.json)
    before = Record.from_json(record_json(member))
    now = json.loads(ask.now) if ask.now else {}
    if "tracks" in now:
        before = before.model_copy(update={"tracks": Tracks.from_json(now["tracks"])})
    record = _corrected_only(ask, member) if ask.only_correct else record_anew(store, ask, before, how)
    said = record.to_json()
    if not how.again and "tracks" not in now:
        del said["tracks"]
    tags = record.tags()
    return {
        "key": ask.key,
        "record": canonical(said).decode(),
        "caption": directive(record).text,
        "as_stored": says_the_same(record, before),
        **{field.id: list(tags.get(field.id, (UNKNOWN,))) for field in taxonomy()},
    }


def record_anew(store: Store, ask: Ask, before: Record, how: How) -> Record:
    """The record that measurements, heads and a model make of a clip, under what people said and sources state."""
    video = read_member(store, ask.shard, *ask.mp4) if how.needs_video else b""
    tracks = watch(video) if how.again else before.tracks
    if tracks is None:
        raise ValueError("its record has no measurements stored; use --again")
    speaking = sources(how)
    asked = replace(speaking, stated=_stated(ask), vlm=speaking.vlm if ask.may_be_shown else None)
    record = asked.record_of(video, tracks, corrections=corrected(ask.corrections))
    if record.failures:
        raise ValueError("; ".join(record.failures[:3]))
    return record


def _corrected_only(ask: Ask, member: bytes) -> Record:
    """What is said of a clip now, with what people said over it; what was laid over it before is taken off first."""
    now = Record.from_json(record_json(member, ask.now))
    if now.tracks is None:
        raise ValueError("its record has no measurements stored; use --again")
    kept = {name: variable for name, variable in now.variables().items() if variable.source != "expert"}
    fresh = {name: variable for name, variable in read(now.tracks).items() if name not in kept}
    said = fuse([corrected(ask.corrections), stated(_stated(ask)), kept, fresh])
    return Record.build(now.tracks, said, now.narrative, now.failures)


def _stated(ask: Ask) -> dict[str, str]:
    return {} if ask.rating == UNKNOWN else {"content.rating": ask.rating}


def corrected(corrections: Sequence[Correction]) -> dict[str, Variable]:
    """What people said, as variables of the source "expert"; of two corrections of a field the later one counts."""
    later = {c.field: c for c in sorted(corrections, key=lambda c: instant(c.when))}
    return {
        name: variable_of(name, taxonomy()[name].check(c.values), "expert", dict.fromkeys(c.values, 1.0), (), ())
        for name, c in later.items()
    }


def says_the_same(a: Record, b: Record) -> bool:
    """Whether two records say the same, whatever numbers they say it from."""
    ours, theirs = a.variables(), b.variables()
    return a.narrative == b.narrative and all(_same(ours[name], theirs[name]) for name in ours)


def _same(a: Variable, b: Variable) -> bool:
    if (a.values, a.source, a.spans, [o.values for o in a.disputed]) != (
        b.values, b.source, b.spans, [o.values for o in b.disputed],
    ):  # fmt: skip
        return False
    names = {*a.probability, *b.probability}
    return all(abs(a.probability.get(name, 0.0) - b.probability.get(name, 0.0)) < NEAR for name in names)
