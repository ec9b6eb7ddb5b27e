"""Latents and text embeddings of the very samples that a recipe will draw, made before it trains (see data/cache.py).

The plan is a pure function of (seed, step), so what training will need is known: each window once, what is given of it
where its own latents do not serve, and each text once. The list is cut into pieces of about a shard, the same for any
number of processes; each process makes pieces rank, rank + world, ... and leaves out what is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from animatrix_ingest.keep.faults import point
from animatrix_ingest.keep.store import open_store

from animatrix_trainer import encoded, fake
from animatrix_trainer.checkpoint import System, sight_of
from animatrix_trainer.conditioning.text import TextEncoder
from animatrix_trainer.config import NEWEST, Data, Recipe, RecipeError, Window
from animatrix_trainer.data import cache as kept
from animatrix_trainer.data.cache import Cache, Contents, EncodedBatches, Header, Kept, Naming, Numbers
from animatrix_trainer.data.identity import header_of
from animatrix_trainer.data.pairs import Pair, Pairs
from animatrix_trainer.data.plan import Pick
from animatrix_trainer.data.read import Batches, SampleError, Shards, held_back
from animatrix_trainer.model.codec import PixelCodec, WanCodec, build_codec
from animatrix_trainer.model.given import by_latent_frame
from animatrix_trainer.model.sight import PictureEncoder
from animatrix_trainer.onto import video

T = TypeVar("T")
SHARD_MIB = 256
SIGHT_TOKENS = 257


@dataclass(frozen=True)
class Encoders:
    """What makes numbers of pictures and words."""

    codec: PixelCodec | WanCodec
    text: TextEncoder
    sight: PictureEncoder | None = None

    def to(self, device: torch.device | str) -> Encoders:
        for part in (self.codec, self.text, self.sight):
            if part is not None:
                torch.nn.Module.to(part, device)
        return self


@dataclass(frozen=True)
class Sizes:
    """What the size of things follows from, without any weights."""

    channels: int
    time_stride: int
    space_stride: int
    no_memory: bool
    text_length: int
    text_dim: int
    sight_dim: int = 0

    @classmethod
    def of(cls, encoders: Encoders) -> Sizes:
        codec, text, sight = encoders.codec, encoders.text, encoders.sight
        strides = codec.time_stride, codec.space_stride
        dim = sight.dim if sight else 0
        return cls(codec.channels, *strides, isinstance(codec, PixelCodec), text.length, text.dim, dim)


@dataclass(frozen=True)
class Part:
    """One tensor to be made of a window: `kind` x, known or image, with the frames that are given."""

    id: str
    kind: str
    told_F: np.ndarray
    numbers: int


@dataclass(frozen=True)
class WindowJob:
    """All tensors to be made of a window, whose pixels are read once. `place` puts what lies together side by side,
    `of` says what it is, for people."""

    place: tuple[int, int, str, int, str]
    of: str
    pixels: Callable[[], np.ndarray]
    parts: tuple[Part, ...]

    @property
    def numbers(self) -> int:
        return sum(part.numbers for part in self.parts)


@dataclass(frozen=True)
class Work:
    """All that the samples of some steps need, each thing once. `text_numbers`: of a text, at most."""

    samples: int
    windows: tuple[WindowJob, ...]
    texts: tuple[tuple[str, str], ...]
    text_numbers: int
    broken: int
    without_pairs: int

    def words(self, dtype: Numbers) -> str:
        """What will be made, and how big it will be."""
        size = kept.DTYPES[dtype].itemsize
        latents, texts = sum(job.numbers for job in self.windows) * size, len(self.texts) * self.text_numbers * size
        known = sum(part.kind == "known" for job in self.windows for part in job.parts)
        lines = [
            f"{self.samples:,} samples: {len(self.windows):,} windows, {known:,} of them or their parts given in a way "
            f"that needs latents of its own, {len(self.texts):,} texts",
            f"{latents / 1e9:.3f} GB of latents and at most {texts / 1e9:.3f} GB of texts in {dtype}",
        ]
        if self.samples > 4 and len(self.windows) > 0.9 * self.samples:
            lines.append(
                "nearly every sample has a window of its own; fewer places to begin at (--stages.0.starts 4) make a "
                "cache that is smaller and met again"
            )
        if self.without_pairs:
            lines.append(
                f"{self.without_pairs:,} steps learn from pairs and are left out; give --pairs when they are made"
            )
        if self.broken:
            lines.append(f"{self.broken:,} samples cannot be read and are left out")
        return "\n".join(lines)


@dataclass(frozen=True)
class Made:
    """What one call made: tensors, shards, bytes; `broken` are windows that could not be read."""

    tensors: int
    shards: int
    bytes: int
    broken: tuple[str, ...]

    def words(self) -> str:
        lost = f"; {len(self.broken)} windows could not be read, what is drawn for them is encoded in training"
        return f"{self.tensors:,} tensors, {self.bytes / 1e9:.3f} GB in {self.shards} shards" + lost * bool(self.broken)


def work(
    sides: Sequence[Batches],
    recipe: Recipe,
    sizes: Sizes,
    first: int = 0,
    last: int | None = None,
    pairs: Sequence[Pair] = (),
) -> Work:
    """What steps [first, last) of a run need, and its held-out loss where `sides` has the clips of that too. Stages of
    preference need `pairs`, and are left out without them.

    Every process goes through the whole list; no clip is decoded for it, only records are read.
    """
    last = recipe.steps if last is None else last
    if not 0 <= first < last <= recipe.steps:
        raise RecipeError(f"steps {first}..{last}: the run has steps 0..{recipe.steps}; give some of these")
    naming = Naming(recipe, sizes.time_stride, sizes.no_memory, sizes.sight_dim > 0)
    rows = Pairs(pairs, recipe, sizes.time_stride) if pairs else None
    jobs: dict[str, WindowJob] = {}
    texts: dict[str, str] = {}
    seen: set[str] = set()
    samples = broken = without_pairs = 0

    def want(job: WindowJob, stage: int, pick: Pick, content: list[Any], text: str) -> None:
        wanted = naming.wanted(stage, pick.number, pick.window, content, text)
        texts.setdefault(wanted.text, text)
        job = jobs.get(wanted.x, job)
        new = [part for part in _parts(wanted, pick.window, sizes, recipe.flow.given) if part.id not in seen]
        seen.update(part.id for part in new)
        jobs[wanted.x] = replace(job, parts=(*job.parts, *new))

    for side, batches in enumerate(sides):
        contents = Contents(batches.shards)
        for step in range(first, last) if side == 0 else range(len(batches)):
            stage, _ = batches.recipe.stage_of(step)
            preferred = side == 0 and recipe.stages[stage].objective == "preference"
            without_pairs += preferred and rows is None
            for pick in () if preferred and rows is None else batches.plan.step(step):
                samples += 1
                if preferred and rows is not None:
                    pair, text = rows.at(pick.number), rows.condition(pick.number, stage).text
                    for path in (pair.winner, pair.loser):
                        want(_of_file(rows, path, pick.window), stage, pick, contents.file(path, pick.window), text)
                    continue
                try:
                    text = batches.shards.readable(pick, lambda: batches.condition(stage, pick).text)  # noqa: B023
                except SampleError:
                    if not recipe.skip_corrupt:
                        raise
                    broken += 1
                    continue
                want(_of_clip(batches.shards, side, pick), stage, pick, contents.window(pick), text)
    in_order = tuple(sorted(jobs.values(), key=lambda job: job.place))
    of_text = sizes.text_length * sizes.text_dim
    return Work(samples, in_order, tuple(sorted(texts.items())), of_text, broken, without_pairs)


def _of_clip(shards: Shards, side: int, pick: Pick) -> WindowJob:
    size = pick.window
    of = f"{shards.row(pick.row)['key']} from {pick.start}, {size.frames} of {size.width_px}x{size.height_px}"
    pixels = partial(shards.readable, pick, partial(shards.video, pick))
    return WindowJob((side, pick.row, "", pick.start, str(size)), of, pixels, ())


def _of_file(pairs: Pairs, path: Path, size: Window) -> WindowJob:
    of = f"{path}, {size.frames} of {size.width_px}x{size.height_px}"
    return WindowJob((2, 0, str(path), 0, str(size)), of, partial(pairs.video, path, size), ())


def _parts(wanted: kept.Wanted, window: Window, sizes: Sizes, how: str) -> list[Part]:
    told = wanted.told_F
    frames = (window.frames - 1) // sizes.time_stride + 1
    of_frame = sizes.channels * (window.height_px // sizes.space_stride) * (window.width_px // sizes.space_stride)
    parts = [Part(wanted.x, "x", told, frames * of_frame)]
    if wanted.known:
        given = frames if how == "channels" else _given(told, sizes.time_stride)
        parts.append(Part(wanted.known, "known", told, given * of_frame))
    if wanted.image:
        parts.append(Part(wanted.image, "image", told, SIGHT_TOKENS * sizes.sight_dim))
    return parts


def _given(told_F: np.ndarray, time_stride: int) -> int:
    return int(by_latent_frame(torch.from_numpy(told_F[None]), time_stride).any(1).sum())


def pieces(jobs: Sequence[T], numbers: Callable[[T], int], most: int) -> list[list[T]]:
    """The jobs cut into pieces of about `most` numbers, at least one job each: the same whoever asks."""
    found: list[list[T]] = []
    filled = most
    for job in jobs:
        if filled >= most:
            found.append([])
            filled = 0
        found[-1].append(job)
        filled += numbers(job)
    return found


def encode(
    recipe: Recipe,
    shards: Path | str,
    cache: Path | str,
    first: int = 0,
    last: int | None = None,
    data: Data = NEWEST,
    dtype: Numbers = "bf16",
    shard_bytes: int = SHARD_MIB << 20,
    rank: int = 0,
    world: int = 1,
    device: torch.device | str = "cpu",
    other_data: bool = False,
    encoders: Encoders | None = None,
    say: Callable[[str], object] = print,
    pairs: Sequence[Pair] = (),
) -> Made:
    """Make what steps [first, last) of `recipe` need of `shards` (and `pairs`) and `cache` lacks: this process's part
    of it."""
    by = (encoders or load(recipe)).to(device)
    sides = both_sides(recipe, shards, data)
    store = open_store(cache)
    kept.begin(store, header_of(sides[0].shards, by.codec, by.text, by.sight, dtype), other_data)
    wanted, there = work(sides, recipe, Sizes.of(by), first, last, pairs), Cache(store)
    if rank == 0:
        say(wanted.words(dtype))
    most = shard_bytes // kept.DTYPES[dtype].itemsize
    windows = pieces(wanted.windows, lambda job: job.numbers, most)
    texts = pieces(wanted.texts, lambda _: wanted.text_numbers, most)
    broken: list[str] = []
    makers: list[Callable[[], Iterator[Kept]]] = [
        *(lambda piece=piece: _windows(piece, by, recipe, there, broken) for piece in windows),
        *(lambda piece=piece: _texts(piece, by.text, there) for piece in texts),
    ]
    tensors = n_shards = n_bytes = 0
    for at in range(rank, len(makers), world):
        made = [Kept(one.id, one.kind, one.of, _as(one.value, dtype)) for one in makers[at]()]
        point(f"piece {at}")
        if made:
            n_bytes += kept.put(store, made)
            tensors, n_shards = tensors + len(made), n_shards + 1
            say(f"process {rank}: piece {at + 1} of {len(makers)}, {len(made)} tensors, {n_bytes / 1e9:.3f} GB so far")
    for words in broken:
        say(f"left out: {words}")
    return Made(tensors, n_shards, n_bytes, tuple(broken))


def from_cache(
    cache: str | None, only: bool, other_data: bool, system: System, batches: Batches, unseen: Batches | None
) -> tuple[Batches, Batches | None]:
    """The batches of a run and of its held-out loss, with what `cache` holds in place of pixels and words; unchanged
    without one."""
    if cache is None:
        if only:
            raise RecipeError("--cache-only without --cache: say where the cache is, as it was given to `encode`")
        return batches, unseen
    main = PartialState().is_main_process  # which has all weights, and hashes gigabytes of them
    now = header_of(batches.shards, system.codec, system.text, system.sight) if main else None
    now = cast(Header, broadcast_object_list([now])[0])
    there = Cache.open(cache, now, only, other_data)
    return EncodedBatches(batches, there, now), EncodedBatches(unseen, there, now) if unseen else None


def sizes(recipe: Recipe) -> Sizes:
    """What `Sizes.of` says of the encoders of a recipe, from their configurations alone."""
    with fake.fake():
        codec = fake.codec_of(recipe.codec)
        strides = codec.time_stride, codec.space_stride
        config = fake.wan_config(recipe.wan) if recipe.wan else {}
        no_memory, image = isinstance(codec, PixelCodec), config.get("image_dim") or 0
        return Sizes(codec.channels, *strides, no_memory, recipe.text.length, fake.text_dim(recipe), image)


def load(recipe: Recipe) -> Encoders:
    """The encoders that a run of this recipe has."""
    return Encoders(build_codec(recipe.codec), TextEncoder.build(recipe.text), sight_of(recipe))


def both_sides(recipe: Recipe, shards: Path | str, data: Data) -> list[Batches]:
    """What a run reads: its own clips, and those that its held-out loss is a mean of, where there are any."""
    clips = Shards(shards, data=data, decoder=recipe.decoder)
    unseen = held_back(clips, recipe)
    return [Batches(clips, recipe), *([unseen] if unseen else [])]


def _windows(
    piece: Sequence[WindowJob],
    encoders: Encoders,
    recipe: Recipe,
    there: Cache,
    broken: list[str],
) -> Iterator[Kept]:
    device = next(chain(encoders.codec.parameters(), encoders.codec.buffers())).device
    for job in piece:
        missing = [part for part in job.parts if part.id not in there]
        if not missing:
            continue
        try:
            pixels = job.pixels()
        except SampleError as error:
            if not recipe.skip_corrupt:
                raise
            broken.append(str(error))
            continue
        clip = video(device, pixels[None])
        for part in missing:
            if part.kind == "x":
                value = encoded.encode(encoders.codec, clip)
            elif part.kind == "known":
                value = encoded.encode_known(encoders.codec, clip, part.told_F, recipe.flow.given)
            else:
                assert encoders.sight is not None, "a picture is wanted where there is an encoder of pictures"
                value = encoded.see(encoders.sight, clip, part.told_F)
            yield Kept(part.id, part.kind, job.of, value)


def _texts(piece: Sequence[tuple[str, str]], text: TextEncoder, there: Cache) -> Iterator[Kept]:
    for id, words in piece:
        if id not in there:
            value = encoded.encode_text(text, words)
            told = value.abs().sum(-1).nonzero()
            yield Kept(id, "text", words, value[: int(told.max()) + 1 if len(told) else 1])


def _as(value: torch.Tensor, dtype: Numbers) -> torch.Tensor:
    return value.detach().to("cpu", kept.DTYPES[dtype])
