"""How much memory a recipe will want, before anything of it is allocated; a run that would not fit is refused.

A step's activations are counted on tensors without numbers (fake.py). What no such step shows (weights, moments,
averages, sharding, gathered blocks) is added by formula.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from animatrix_trainer import fake, flops
from animatrix_trainer.config import Bucket, Parallel, Recipe, RecipeError
from animatrix_trainer.fake import Counts
from animatrix_trainer.model import lora, published


class ForecastError(RecipeError):
    """A run that would not fit into the memory it has."""


SLACK = 0.08
"""Share of the rest that a caching allocator loses to fragments and that libraries take for work space."""
CONTEXT_BYTES = 1 << 30
"""What CUDA and its libraries keep of a device's memory before the first tensor."""
ZERO_BUCKET = 500_000_000
ZERO_LIVE = 1_000_000_000
"""DeepSpeed's defaults: gradients it collects before they are sent, parameters it may have gathered at a time."""


@dataclass(frozen=True)
class Part:
    """One thing that takes memory on a device, and how much at the worst moment."""

    name: str
    bytes: int
    why: str


@dataclass(frozen=True)
class Forecast:
    """What a process of a run will have on its device at the worst moment of a step."""

    recipe: str
    processes: int
    bucket: str
    parts: tuple[Part, ...]
    host_bytes: tuple[int, int] = (0, 0)
    """what the first process holds in the host's memory while it loads, and each other"""

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    def text(self) -> str:
        """The parts as lines, largest first."""
        head = f"{self.recipe} on {self.processes} process{'es' * (self.processes > 1)}: {gib(self.bytes)} each"
        rows = sorted(self.parts, key=lambda part: -part.bytes)
        return "\n".join(
            [f"{head}; the worst step is of {self.bucket}"]
            + [f"  {gib(part.bytes):>11}  {part.name:22}{part.why}" for part in rows if part.bytes]
            + [f"on the host while it loads: {gib(self.host_bytes[0])}, each further process {gib(self.host_bytes[1])}"]
        )


def gib(n_bytes: float) -> str:
    return f"{n_bytes / 2**30:.2f} GiB" if n_bytes > 1e8 else f"{n_bytes / 2**20:.1f} MiB"


def forecast(recipe: Recipe, processes: int = 1, cached: bool = False) -> Forecast:
    """What each of `processes` of a run will want. `cached`: latents and text come from `encode`, so that no text
    encoder and no codec is on the device."""
    recipe = published.placed(recipe)
    found = [_of_bucket(recipe, processes, cached, *worst) for worst in _worst(recipe, processes)]
    return max(found, key=lambda one: one.bytes)


def _worst(recipe: Recipe, processes: int) -> list[tuple[int, Bucket]]:
    """For every way to train that the stages have, the stage and bucket with most tokens in a micro-batch."""
    best: dict[tuple[str, str], tuple[int, int, Bucket]] = {}
    for at, stage in enumerate(recipe.stages):
        way = stage.train, stage.objective
        for bucket in stage.buckets:
            window = bucket.window
            size = _micro_batch(bucket, recipe, processes) * window.height_px * window.width_px * (window.frames + 3)
            if size > best.get(way, (0,))[0]:
                best[way] = (size, at, bucket)
    return [(at, bucket) for _, at, bucket in best.values()]


def _micro_batch(bucket: Bucket, recipe: Recipe, processes: int) -> int:
    parts = processes * recipe.parallel.accumulate
    if bucket.batch % parts:
        raise RecipeError(
            f"batch={bucket.batch} does not divide among {processes} processes x {recipe.parallel.accumulate} "
            f"micro-batches"
        )
    return bucket.batch // parts


def _of_bucket(recipe: Recipe, processes: int, cached: bool, at: int, bucket: Bucket) -> Forecast:
    stage, how = recipe.stages[at], recipe.parallel
    counts = fake.count(recipe, stage.train, cached)
    preferred = stage.objective == "preference"
    micro = _micro_batch(bucket, recipe, processes) * (2 if preferred else 1)  # a winner and a loser
    step, gradients = fake.step_bytes(fake.trimmed(recipe, stage), bucket, micro)
    state = _state(recipe, counts, processes)
    encode = 0 if cached else fake.encode_bytes(recipe.codec, bucket, micro)
    if preferred:
        state.append(_reference(recipe, counts, processes))
    both = sum(part.bytes for part in state)
    parts = [
        *state,
        Part("gradients", gradients, "fp32, whole" if how.strategy in ("plain", "zero1") else "the worst block's"),
        Part("activations", max(step, encode) - gradients, f"{micro} x a step's worst moment, {how.checkpointing}"),
        Part("text encoder", counts.text_bytes, "frozen"),
        Part("codec", counts.codec_bytes, "frozen"),
    ]
    if encode > step:
        parts[-3] = Part("activations", encode - gradients, f"{micro} x the codec's worst moment, above the step's")
    rest = both + max(step, encode) + counts.text_bytes + counts.codec_bytes
    parts.append(Part("slack", int(SLACK * rest), "fragments and work space"))
    loaded = counts.transformers * (4 * counts.moved + counts.frozen_bytes) + counts.text_bytes + counts.codec_bytes
    if how.strategy == "zero3" and loaded > (total := sum(part.bytes for part in parts)):
        parts.append(Part("loading", loaded - total, "DeepSpeed divides what is whole on the device"))
    whole, there = counts.transformers * 4 * counts.transformer, fake.count(recipe, stage.train)
    first = whole + there.text_bytes + there.codec_bytes
    given = how.strategy == "fsdp2"  # the others get their parts from the first
    others = whole * (not given) + there.text_bytes * (not cached) + there.codec_bytes
    window = bucket.window
    words = f"{micro} windows of {window.frames} frames of {window.width_px}x{window.height_px} (stage {stage.name})"
    return Forecast(recipe.name, processes, words, tuple(parts), (first, others))


def _reference(recipe: Recipe, counts: Counts, processes: int) -> Part:
    """The model before a stage of preference (preference.Reference)."""
    parts = {"plain": 1, "fsdp2": processes}.get(recipe.parallel.strategy)
    if parts:
        moved = counts.transformers * 4 * counts.moved // parts
        return Part("reference", moved, f"what moves, as it was before the stage, 1/{parts} of it")
    return Part("reference", counts.transformers * 4 * counts.transformer, "a whole frozen copy, fp32")


def _state(recipe: Recipe, counts: Counts, processes: int) -> list[Part]:
    """What stays from step to step, by strategy. Two experts are both on the device; each has its own moments."""
    n, moved, both = counts.transformer, counts.moved, counts.transformers
    strategy, parts = recipe.parallel.strategy, processes
    whole = strategy in ("plain", "zero1", "zero2")
    share = 1 if strategy == "plain" else parts
    resting = "most in bf16" if lora.rests(recipe) else "fp32"
    found = [
        Part("weights", both * 4 * moved // (1 if whole else parts), "fp32" if whole else f"fp32, 1/{parts} of them"),
        Part("frozen weights", both * counts.frozen_bytes // (1 if whole else parts), resting),
        Part("moments", both * 8 * moved // share, "AdamW's two, fp32"),
        Part("average", both * 4 * moved // share * (recipe.optim.ema > 0), "fp32"),
    ]
    if strategy == "plain" and parts > 1:
        found.append(Part("gradient buckets", both * 4 * moved, "DDP's copy for sending"))
    elif strategy == "fsdp2":
        low = 2 if recipe.parallel.precision == "bf16" else 4
        found.append(Part("gradients, own part", both * 4 * moved // parts, f"fp32, 1/{parts} of them"))
        found.append(Part("gathered blocks", counts.block * (2 * low + low + 4), "two blocks, one's gradients"))
    elif strategy != "plain":
        found.append(Part("master weights", both * 4 * moved // parts, "ZeRO's flat copy, fp32"))
        found.append(Part("gradients, own part", both * 4 * moved // parts, "ZeRO's flat copy, fp32"))
        if strategy != "zero1":
            found.append(Part("gradient bucket", 2 * 4 * min(moved, ZERO_BUCKET), "filled and sent in turn"))
        if strategy == "zero3":
            found.append(Part("gathered weights", 4 * min(n, ZERO_LIVE), "DeepSpeed's limit of live parameters"))
    return found


def refuse(recipe: Recipe, available: int, processes: int = 1, cached: bool = False) -> Forecast:
    """The forecast, where it fits into the `available` bytes of each process; else ForecastError with what would."""
    found = forecast(recipe, processes, cached)
    if found.bytes <= available:
        return found
    ways = [f"  {gib(that.bytes):>11}  {words}" for words, that in _fitting(recipe, available, processes, cached)]
    advice = "Nothing that was tried fits: take fewer frames, a smaller picture or model, more or larger devices."
    if ways:
        advice = "\n".join(["What would fit:", *ways])
    raise ForecastError(
        f"recipe {recipe.name}: would want {gib(found.bytes)}, and {gib(available)} are there.\n{found.text()}\n"
        f"{advice}\n--memory-gib N reckons with another device; 0 goes on without a forecast"
    )


def _fitting(recipe: Recipe, available: int, processes: int, cached: bool, most: int = 4) -> list[tuple[str, Forecast]]:
    """The first few changes, cheapest in time and in result first, under which a recipe fits."""
    found = []
    for words, changed, n in _changes(recipe, processes):
        try:
            that = forecast(changed, n, cached)
        except RecipeError:
            continue
        if that.bytes <= available:
            found.append((words, that))
        if len(found) == most:
            break
    if not cached and not found:
        cheap = _with(recipe, checkpointing="full", accumulate=_most_parts(recipe, processes))
        if (that := forecast(cheap, processes, True)).bytes <= available:
            found.append((f"latents and text from `animatrix-train encode`, {_flags(recipe, cheap)}", that))
    return found


def _changes(recipe: Recipe, processes: int) -> Iterator[tuple[str, Recipe, int]]:
    """(how to say it, recipe, processes): recomputing, smaller micro-batches, sharding, more devices, adapters."""
    parts = _most_parts(recipe, processes)
    settings = ({"checkpointing": "selective"}, {"checkpointing": "full"}, {"accumulate": parts})
    settings += tuple({"checkpointing": kind, "accumulate": parts} for kind in ("selective", "full"))
    if processes > 1:
        settings += tuple({"strategy": "fsdp2", **more} for more in ({}, settings[1], settings[4]))
    for setting in settings:
        changed = _with(recipe, **setting)
        if changed != recipe:
            yield _flags(recipe, changed), changed, processes
    for n in (2, 4, 8, 16, 32, 64):
        if n > processes and _most_parts(recipe, n):
            changed = _with(recipe, strategy="fsdp2", checkpointing="full", accumulate=_most_parts(recipe, n))
            yield f"{_flags(recipe, changed)} on {n} devices", changed, n
    if any(stage.train == "all" for stage in recipe.stages):
        changed = _with(recipe, checkpointing="full", accumulate=parts).over_stages(train="lora")
        words = " ".join(f"--stages.{at}.train lora" for at in range(len(recipe.stages)))
        yield f"{words} {_flags(recipe, changed)}".strip(), changed, processes


def _with(recipe: Recipe, **settings: object) -> Recipe:
    return dataclasses.replace(recipe, parallel=dataclasses.replace(recipe.parallel, **settings))


def _flags(old: Recipe, new: Recipe) -> str:
    names = [item.name for item in dataclasses.fields(Parallel)]
    changed = [name for name in names if getattr(old.parallel, name) != getattr(new.parallel, name)]
    return " ".join(f"--parallel.{name} {getattr(new.parallel, name)}" for name in changed)


def _most_parts(recipe: Recipe, processes: int) -> int:
    """The most micro-batches that every bucket divides into among so many processes; 0 where one does not divide."""
    batches = [bucket.batch for stage in recipe.stages for bucket in stage.buckets]
    if any(batch % processes for batch in batches):
        return 0
    return max(n for n in range(1, min(batches) + 1) if not any(batch % (processes * n) for batch in batches))


def check(recipe: Recipe, accelerator: Any, memory_gib: float | None = None, cached: bool = False) -> str:
    """What a run says before it allocates anything: its forecast; ForecastError where it would not fit into the
    device of `accelerator`, or into `memory_gib` where that is given (0: whatever it be)."""
    if memory_gib == 0:
        return "no forecast of memory was wanted"
    world = accelerator.num_processes
    here = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
    there = int(memory_gib * 2**30) if memory_gib else available_bytes(accelerator.device, here)
    return refuse(recipe, there, world, cached).text()


def costs(recipe: Recipe) -> str:
    """Tokens and arithmetic of one window of each bucket, and of each stage."""
    recipe = published.placed(recipe)
    with fake.fake():
        model, strides = fake.transformer(recipe, 1), flops.strides(fake.codec_of(recipe.codec))
    size = flops.Size.of({**model.config, "num_layers": fake.n_layers(recipe)}, recipe.text.length)
    lines = []
    for stage in recipe.stages:
        for bucket in stage.buckets:
            window = bucket.window
            tokens = flops.video_tokens(flops.latent_size(window, *strides), size.patch)
            tera = flops.sample_flops(size, tokens, stage) / 1e12
            words = f"{window.frames} frames of {window.width_px}x{window.height_px}: {tokens} tokens"
            sample = "window" if stage.objective == "flow" else "pair"
            each = f"{tera:.4g} TFLOP a {sample}, {bucket.batch * tera:.4g} a step"
            lines.append(f"  stage {stage.name}: {words}, {each}")
    return "\n".join(lines)


def available_bytes(device: torch.device, processes_here: int = 1) -> int:
    """What a process may allocate: free memory of its CUDA device but for its context, or its share of this machine's
    (or this container's)."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] - CONTEXT_BYTES
    free = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for line in _text(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            free.append(int(line.split()[1]) * 1024)
    limit, used = (_text(Path("/sys/fs/cgroup") / name).strip() for name in ("memory.max", "memory.current"))
    if limit.isdigit() and used.isdigit():
        free.append(int(limit) - int(used))
    return min(free) // processes_here


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
