"""What `animatrix-train encode` keeps: latents and text embeddings, made once and read in place of pixels and words.

CACHE/cache.json        what they were made with (Header); another codec, text encoder or data set is refused
CACHE/shards/HASH.safetensors   tensors by their ids, named by its bytes
CACHE/index/HASH.parquet        of a shard's tensors: id, place, shape, sum, and what they are of, for people

An id is a hash of what a tensor is of: a window's by the bytes of its clip's mp4, its place, size and border, a text's
by its words. So nothing is kept twice, a cache may grow, and no order of making it matters. An index is written after
its shard and is what makes it part of the cache; both are written whole or not at all (keep/store.py).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch
from animatrix_ingest.keep import manifest, tables
from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep.store import Absent, Store, StoreError, open_store
from animatrix_ingest.keep.tables import pc
from safetensors.torch import save

from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.config import DataError, Recipe, Window
from animatrix_trainer.data.pairs import Pair, PairBatch, Pairs
from animatrix_trainer.data.plan import Pick
from animatrix_trainer.data.read import Batch, Batches, Shards
from animatrix_trainer.encoded import EncodedBatch, EncodedPairBatch, Sample
from animatrix_trainer.model.given import own_latents_serve
from animatrix_trainer.objective import ask

HEADER, SHARD, INDEX = "cache.json", "shards", "index"
FORMAT = 1
Numbers = Literal["bf16", "fp32"]
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
READERS = 16


class CacheError(StoreError):
    """A cache that is not there, was made for something else, is broken, or lacks what is asked of it."""


@dataclass(frozen=True)
class Header:
    """What a cache was made with. `data` is the hash of the video generation; digests are of weights and of what else
    the numbers depend on. `taxonomy` and `dtype` are told, and no reason to refuse a reader: texts are kept by their
    words, and what is read says what numbers it is kept in."""

    data: str
    decoder: str
    codec: str
    codec_digest: str
    time_stride: int
    no_memory: bool
    text: str
    text_digest: str
    text_length: int
    image: str
    taxonomy: str
    dtype: Numbers
    format: int = FORMAT


WORDS = {
    "data": "data set",
    "decoder": "decoder",
    "codec": "codec",
    "codec_digest": "weights of the codec",
    "text": "text encoder",
    "text_digest": "weights of the text encoder",
    "text_length": "tokens a text",
    "image": "picture encoder",
}


def differences(there: Header, now: Header, other_data: bool = False) -> list[str]:
    """What a cache was made with that is not what would be used now, in words."""
    return [
        f"{words} {getattr(there, name)} there, {getattr(now, name)} now"
        for name, words in WORDS.items()
        if getattr(there, name) != getattr(now, name) and not (name == "data" and other_data)
    ]


def refuse_another(place: str, there: Header, now: Header, other_data: bool = False) -> None:
    """CacheError where a cache was made for something else."""
    if found := differences(there, now, other_data):
        raise CacheError(
            f"{place}: was made for something else: {'; '.join(found)}. Give the cache that belongs to this run, "
            "encode into another --cache, or for a data set that has grown, let it go on with --other-data"
        )


def read_header(store: Store) -> Header | None:
    """What a cache was made with; None where none was begun. CacheError where newer code wrote it."""
    try:
        said = keep.get_json(store, HEADER)
    except Absent:
        return None
    known = {item.name for item in fields(Header)}
    if not isinstance(said, dict) or said.get("format") != FORMAT or set(said) != known:
        raise CacheError(f"{store.url}/{HEADER}: this code reads format {FORMAT}; update animatrix, or encode anew")
    return Header(**said)


def begin(store: Store, header: Header, other_data: bool = False) -> Header:
    """Begin a cache, or go on with one that was made with the same; its header."""
    there = read_header(store)
    if there is None:
        keep.put_json(store, HEADER, asdict(header))
        return header
    refuse_another(store.url, there, header, other_data)
    if there.dtype != header.dtype:
        raise CacheError(f"{store.url}: is kept in {there.dtype}; give --dtype {there.dtype}, or another --cache")
    return there


@dataclass(frozen=True)
class Wanted:
    """The ids of what a sample needs; None where it needs no such thing. `told_F`: which frames are given."""

    x: str
    known: str | None
    image: str | None
    text: str
    told_F: np.ndarray


class Naming:
    """The ids of what the samples of a recipe need."""

    def __init__(self, recipe: Recipe, time_stride: int, no_memory: bool, sees: bool) -> None:
        self.recipe, self.time_stride, self.no_memory, self.sees = recipe, time_stride, no_memory, sees

    def wanted(self, stage: int, number: int, size: Window, of: list[Any], text: str) -> Wanted:
        """Of sample `number`, a window of a size; `of` is what its pixels depend on (`Contents`)."""
        how = self.recipe.flow.given
        told = ask(self.recipe, stage, number, size.frames, self.time_stride).told_F
        known = image = None
        if not own_latents_serve(told[None], self.time_stride, how, self.no_memory):
            grey = ["grey", size.frames, size.height_px, size.width_px]  # nothing is given: nothing of the clip is seen
            known = _id("known", how, *(of if told.any() else grey), np.packbits(told).tobytes().hex())
        if self.sees:
            image = _id("image", *of) if told[0] else _id("image", "grey")
        return Wanted(_id("x", *of), known, image, _id("text", text), told)


class Contents:
    """All that a window's pixels depend on, but the decoder: of a data set's clips, and of clips in files."""

    def __init__(self, shards: Shards) -> None:
        self.shards, self._contents = shards, _contents(shards)
        self._file = lru_cache(maxsize=4096)(lambda path: keep.digest(path.read_bytes()))

    def window(self, pick: Pick) -> list[Any]:
        size = pick.window
        content = self._contents[pick.row].decode()
        return [content, pick.start, size.frames, size.height_px, size.width_px, self.shards.box(pick.row)]

    def file(self, path: Path, size: Window) -> list[Any]:
        """Of the first frames of a file. DataError where it cannot be read."""
        try:
            content = self._file(path)
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; draw it again, or take its pair out of the file") from error
        return [content, 0, size.frames, size.height_px, size.width_px, None]


def _id(*of: Any) -> str:
    return keep.digest(keep.canonical(of))


def _contents(shards: Shards) -> np.ndarray:
    """The hash of each row's mp4, (rows,)."""
    now = shards.reading
    table = manifest.load(shards.folder, now.video, now.labels, ["key", "mp4_blake2b"])
    at = pc.index_in(shards.keys, value_set=table["key"].combine_chunks())
    return table["mp4_blake2b"].take(at).to_numpy().astype("S32")


@dataclass(frozen=True)
class Kept:
    """A tensor to be kept: its id, what kind of thing it is, and what it is of, for people."""

    id: str
    kind: str
    of: str
    value: torch.Tensor


def put(store: Store, kept: Sequence[Kept]) -> int:
    """Write a shard and its index; how many bytes the shard has. The same tensors are the same bytes."""
    data = save({one.id: one.value.contiguous() for one in kept})
    head = int.from_bytes(data[:8], "little")
    places = json.loads(data[8 : 8 + head])
    shard = f"{SHARD}/{keep.digest(data)}.safetensors"
    rows = []
    for one in sorted(kept, key=lambda one: one.id):
        start, end = (8 + head + at for at in places[one.id]["data_offsets"])
        rows.append(
            {
                "id": one.id,
                "kind": one.kind,
                "of": one.of,
                "shard": shard,
                "offset": start,
                "length": end - start,
                "crc32": zlib.crc32(data[start:end]),
                "dtype": next(name for name, dtype in DTYPES.items() if dtype == one.value.dtype),
                "shape": list(one.value.shape),
            }
        )
    store.put(shard, data)
    tables.write(store, pa.Table.from_pylist(rows, schema=ROWS), INDEX)
    return len(data)


ROWS = pa.schema(
    [
        ("id", pa.string()),
        ("kind", pa.string()),
        ("of", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("crc32", pa.int64()),
        ("dtype", pa.string()),
        ("shape", pa.list_(pa.int32())),
    ]
)
READ = [name for name in ROWS.names if name not in ("kind", "of")]


class Cache:
    """What is kept, by id. `only`: what is not there is an error, and not encoded where it is missed."""

    def __init__(self, store: Store, only: bool = False) -> None:
        self.store, self.only = store, only
        names = keep.names(store, f"{INDEX}/")
        with ThreadPoolExecutor(READERS) as several:
            parts = list(several.map(lambda name: tables.read(store, name, READ), names))
        rows = pa.concat_tables(parts) if parts else ROWS.empty_table().select(READ)
        ids = rows["id"].to_numpy().astype("S32")
        order = np.argsort(ids, kind="stable")
        self._ids, self._rows = ids[order], rows.take(pa.array(order)).combine_chunks()

    @classmethod
    def open(cls, where: str, now: Header, only: bool = False, other_data: bool = False) -> Cache:
        """The cache at a folder or URL. CacheError where there is none, or one for something else."""
        store = open_store(where)
        there = read_header(store)
        if there is None:
            raise CacheError(
                f"{store.url}: holds no {HEADER}, so it is no cache; make it with `animatrix-train encode`"
            )
        refuse_another(store.url, there, now, other_data)
        return cls(store, only)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id: str) -> bool:
        return self._at(id) is not None

    def _at(self, id: str) -> int | None:
        at = int(np.searchsorted(self._ids, id.encode()))
        return at if at < len(self._ids) and self._ids[at] == id.encode() else None

    def get(self, id: str | None) -> torch.Tensor | None:
        """A tensor; None where it is not kept. CacheError where its shard is gone, cut off or changed."""
        if id is None or (at := self._at(id)) is None:
            return None
        row = {name: self._rows[name][at].as_py() for name in READ}
        place = f"{self.store.url}/{row['shard']}"
        remedy = "remove it and its index (the one whose rows name it), and run `animatrix-train encode` again"
        try:
            data = self.store.read(row["shard"], row["offset"], row["length"])
        except Absent as error:
            raise CacheError(f"{place}: an index names this shard and it is not there; {remedy}") from error
        if len(data) != row["length"]:
            raise CacheError(f"{place}: {len(data)} of {row['length']} bytes at {row['offset']}: cut off; {remedy}")
        if zlib.crc32(data) != row["crc32"]:
            raise CacheError(f"{place}: other bytes at {row['offset']} than were written; {remedy}")
        return torch.frombuffer(bytearray(data), dtype=DTYPES[row["dtype"]]).view(row["shape"])

    def sample(self, wanted: Wanted, pixels: Callable[[], np.ndarray], of: str, text: str) -> Sample:
        """What is at hand of a sample, and its pixels where something is not. CacheError then, where `only` this cache
        is to be read."""
        named = (wanted.x, wanted.known, wanted.image, wanted.text)
        x, known, image, said = (self.get(id) for id in named)
        lacks = [id is not None and one is None for id, one in zip(named, (x, known, image, said), strict=True)]
        if any(lacks) and self.only:
            words = ("its latents", "the latents of what is given", "its first picture", f"the text {text[:60]!r}")
            what = ", ".join(word for word, lack in zip(words, lacks, strict=True) if lack)
            raise CacheError(
                f"{self.store.url}: {of}: {what} not in the cache; run `animatrix-train encode` for these steps of the "
                "very recipe, or leave --cache-only out, and it is encoded when it is met"
            )
        return Sample(x, known, image, said, pixels() if any(lacks[:3]) else None, any(lacks))


class EncodedBatches(Batches):
    """`Batches` that take from a cache what it holds; only what it lacks is read as pixels."""

    def __init__(self, batches: Batches, cache: Cache, now: Header) -> None:
        self.shards, self.recipe, self.rank, self.world = batches.shards, batches.recipe, batches.rank, batches.world
        self.notes, self.plan, self.cache = batches.notes, batches.plan, cache
        self.contents = Contents(batches.shards)
        self.naming = Naming(batches.recipe, now.time_stride, now.no_memory, bool(now.image))

    def _read(self, stage: int, pick: Pick) -> tuple[Any, Condition]:
        condition = self.condition(stage, pick)
        of = f"sample {pick.number}, clip {self.shards.row(pick.row)['key']} from frame {pick.start}"
        wanted = self.naming.wanted(stage, pick.number, pick.window, self.contents.window(pick), condition.text)
        sample = self.cache.sample(wanted, lambda: self.shards.video(pick), of, condition.text)
        return (sample, pick.window), condition

    def _with(self, contents: Sequence[Any], batch: Batch) -> Batch:
        samples, windows = zip(*contents, strict=True)
        return EncodedBatch(**_without_pixels(batch, windows[0]), samples=samples)


class EncodedPairs(Pairs):
    """`Pairs` that take from the cache of a run's batches what it holds."""

    def __init__(self, pairs: Sequence[Pair], batches: EncodedBatches) -> None:
        super().__init__(pairs, batches.recipe, batches.naming.time_stride)
        self.batches = batches

    def _with(self, batch: PairBatch, window: Window) -> PairBatch:
        samples = tuple(
            tuple(self._sample(path, number, window, batch.stage, condition) for path in (pair.winner, pair.loser))
            for number, condition in zip(batch.numbers, batch.conditions, strict=True)
            for pair in [self.at(number)]
        )
        known = _without_pixels(batch, window)
        return EncodedPairBatch(**known | {"losers": known["videos"]}, samples=samples)

    def _sample(self, path: Path, number: int, window: Window, stage: int, condition: Condition) -> Sample:
        own = self.batches
        wanted = own.naming.wanted(stage, number, window, own.contents.file(path, window), condition.text)
        return own.cache.sample(wanted, lambda: self.video(path, window), f"pair {number}, {path}", condition.text)


def _without_pixels(batch: Batch, window: Window) -> dict[str, Any]:
    """What a batch has, its videos being none of the window's shape."""
    none = np.zeros((0, window.frames, window.height_px, window.width_px, 3), np.uint8)
    return {item.name: getattr(batch, item.name) for item in fields(batch)} | {"videos": none}
