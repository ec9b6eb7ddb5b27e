"""A recipe's step on torch's fake tensors, which have shapes and no numbers.

Nothing stands in for anything: the recipe's own transformer, codec, loss and backward pass are run, and what lives at
the worst moment is counted byte by byte. Only memory is never allocated.
"""

from __future__ import annotations

import dataclasses
import json
import weakref
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from animatrix_trainer import checkpoint, flops, parallel
from animatrix_trainer.checkpoint import System
from animatrix_trainer.conditioning.text import TextEncoder
from animatrix_trainer.config import Bucket, Codec, Guidance, Optim, Recipe, RecipeError, Stage
from animatrix_trainer.model import experts, lora, published
from animatrix_trainer.model.codec import PixelCodec, WanCodec
from animatrix_trainer.model.given import Known
from animatrix_trainer.model.wan import TagWanTransformer3DModel, vocabulary_config
from animatrix_trainer.objective import Task, errors


def fake() -> FakeTensorMode:
    """Tensors without numbers; the few constants that modules hold may be real."""
    return FakeTensorMode(allow_non_fake_inputs=True)


class Live(TorchDispatchMode):
    """The bytes of storages that operators made and that still live, and the most there were at a time; not those of
    `modules`, of which operators make views."""

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        owned = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
        self.sizes = {tensor.untyped_storage()._cdata: 0 for tensor in owned}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                self._note(leaf.untyped_storage())
        return out

    def _note(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self.sizes:
            return
        self.sizes[key] = storage.nbytes()
        self.now += self.sizes[key]
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.sizes.pop(key)


@dataclass(frozen=True)
class Counts:
    """Numbers of parameters: of one transformer, of those a stage moves in it, of its largest block; bytes of those
    that it does not move; how many transformers; bytes of text encoder and codec."""

    transformer: int
    moved: int
    block: int
    frozen_bytes: int
    transformers: int
    text_bytes: int
    codec_bytes: int


@lru_cache(maxsize=64)
def count(recipe: Recipe, train: str, cached: bool = False) -> Counts:
    """The numbers of parameters of a recipe where a stage trains `train`; blocks are alike, so one is counted."""
    stage = next(stage for stage in recipe.stages if stage.train == train)
    text_bytes = 0 if cached else _text_bytes(recipe)
    with fake():
        model = transformer(recipe, 1)
        lora.move_only(model, stage)
        if lora.rests(recipe):
            lora.rest(model, recipe.stages)
        moved = [weight.numel() * weight.requires_grad for weight in model.parameters()]
        (block,) = cast(Any, model).blocks
        of_block = [weight.numel() for weight in block.parameters()]
        moved_of_block = [weight.numel() * weight.requires_grad for weight in block.parameters()]
        more = n_layers(recipe) - 1
        frozen, frozen_of_block = (
            sum(weight.numel() * weight.element_size() for weight in of.parameters() if not weight.requires_grad)
            for of in (model, block)
        )
        return Counts(
            transformer=sum(weight.numel() for weight in model.parameters()) + more * sum(of_block),
            moved=sum(moved) + more * sum(moved_of_block),
            block=sum(of_block),
            frozen_bytes=frozen + more * frozen_of_block,
            transformers=experts.count(recipe),
            text_bytes=text_bytes,
            codec_bytes=0 if cached else _bytes(codec_of(recipe.codec)),
        )


def n_layers(recipe: Recipe) -> int:
    if not recipe.wan:
        return recipe.shape.layers
    return wan_config(recipe.wan).get("num_layers", 40)


def transformer(recipe: Recipe, layers: int | None = None) -> TagWanTransformer3DModel:
    """The recipe's transformer as `checkpoint.build` would make it, with whatever numbers and perhaps fewer layers; to
    be called where tensors are fake."""
    layers = layers or n_layers(recipe)
    if recipe.wan:
        config = {**wan_config(recipe.wan), "num_layers": layers}
        model = TagWanTransformer3DModel(**config, **vocabulary_config(), **checkpoint.tag_arguments(recipe))
    else:
        recipe = dataclasses.replace(recipe, shape=dataclasses.replace(recipe.shape, layers=layers))
        codec = codec_of(recipe.codec)
        model = checkpoint.from_nothing(recipe, codec, text_dim(recipe))
    if any(stage.train == "lora" for stage in recipe.stages):
        lora.attach(model, recipe.lora)
    return model


def wan_config(folder: str) -> dict[str, Any]:
    """The config of a Wan transformer's folder; where it is not here, that of the published model whose name is in
    its path."""
    file = Path(folder) / "config.json"
    if file.exists():
        config = json.loads(file.read_text("utf-8"))
        return {name: value for name, value in config.items() if not name.startswith("_")}
    return dict(published.get(_published(folder)).transformer)


def _published(folder: str) -> str:
    for name in sorted(published.WAN, key=len, reverse=True):
        if name in folder:
            return name
    raise RecipeError(
        f"{folder}: no config.json there and no name of a published Wan in it; give --wan FOLDER, or a folder named "
        f"after one of {', '.join(published.WAN)}"
    )


def codec_of(codec: Codec) -> PixelCodec | WanCodec:
    """A codec with whatever numbers; to be called where tensors are fake."""
    if codec.kind == "pixel":
        return PixelCodec(codec.time_stride, codec.space_stride)
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    file = Path(str(codec.folder)) / "config.json"
    if file.exists():
        config = json.loads(file.read_text("utf-8"))
        config = {name: value for name, value in config.items() if not name.startswith("_")}
    else:
        config = published.VAE[published.get(_published(str(codec.folder))).vae]
        channels = config.get("z_dim", 16)
        config = {"latents_mean": [0.0] * channels, "latents_std": [1.0] * channels, **config}
    return WanCodec(AutoencoderKLWan(**config))


@lru_cache(maxsize=8)
def _text_of_folder(folder: str, half: bool) -> tuple[int, int]:
    """(width, bytes) of a text encoder's folder, in bf16 or the kind of numbers it is stored in, else as published."""
    file = Path(folder) / "config.json"
    if not file.exists():
        _published(folder)
        return published.UMT5_XXL["d_model"], (2 if half else 4) * published.UMT5_XXL_PARAMETERS
    from transformers import AutoConfig, T5EncoderModel, UMT5EncoderModel

    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = {"t5": T5EncoderModel, "umt5": UMT5EncoderModel}[config.model_type](config)
    size = torch.bfloat16 if half else getattr(config, "dtype", None) or torch.float32
    return config.d_model, sum(weight.numel() for weight in model.parameters()) * size.itemsize


def text_dim(recipe: Recipe) -> int:
    """The width of text embeddings."""
    return _text_of_folder(recipe.text.folder, recipe.text.half)[0] if recipe.text.folder else recipe.text.dim


def _text_bytes(recipe: Recipe) -> int:
    """Of the text encoder; the one that needs no folder is small and counted by building it."""
    text = recipe.text
    return _text_of_folder(text.folder, text.half)[1] if text.folder else _bytes(TextEncoder.build(text))


def _bytes(module: nn.Module) -> int:
    return sum(weight.numel() * weight.element_size() for weight in module.parameters())


def trimmed(recipe: Recipe, stage: Stage) -> Recipe:
    """What the step's bytes depend on: all else is made equal, so that they are counted once."""
    same = Stage("", steps=1, train=stage.train)
    return dataclasses.replace(
        recipe, name="", seed=0, stages=(same,), samples=0, workers=0, guidance=Guidance(), optim=Optim()
    )


def step_bytes(recipe: Recipe, bucket: Bucket, micro_batch: int) -> tuple[int, int]:
    """(most bytes alive in forward and backward of the recipe's only stage, bytes of the gradients among them).

    Blocks are alike, so a few are run and the rest follows by a straight line, forward and backward each its own: the
    two may change places. Where gradients stay whole they grow as activations go, so the worst moment is the turn, or
    the end; micro-batches after the first begin with all of them.
    """
    all_layers = n_layers(recipe)
    few, more = min(FEW, all_layers), min(MORE, all_layers)
    one, two = (_peaks(recipe, bucket, micro_batch, n) for n in (few, more))
    slope = [(b - a) / max(1, more - few) for a, b in zip(one, two, strict=True)]
    turn = max(round(b + by * (all_layers - more)) for b, by in zip(two, slope, strict=True))
    counts, how = count(recipe, recipe.stages[0].train, True), recipe.parallel
    if how.strategy in ("fsdp2", "zero2", "zero3"):
        return turn, 0
    gradients = 4 * counts.moved
    return (turn + gradients if how.accumulate > 1 else max(turn, one[1] + gradients)), gradients


FEW, MORE = 2, 4


@lru_cache(maxsize=256)
def _peaks(recipe: Recipe, bucket: Bucket, micro_batch: int, layers: int) -> tuple[int, int]:
    """(forward, backward): most bytes alive in either, gradients let go as soon as they are there."""
    stage, how = recipe.stages[0], recipe.parallel
    with fake():
        model = transformer(recipe, layers)
        lora.move_only(model, stage)
        if lora.rests(recipe):
            lora.rest(model, recipe.stages)
        parallel.blocks(model, dataclasses.replace(how, compile=False))
        if how.strategy == "fsdp2" and how.precision == "bf16":
            for block in cast(Any, model).blocks:
                _halve(block)
        for weight in model.parameters():
            if weight.requires_grad:
                weight.register_post_accumulate_grad_hook(_let_go)
        system = System(recipe, model, cast(Any, None), codec_of(recipe.codec))
        with Live(model) as live:
            asked = task(system, bucket, micro_batch)
            with torch.autocast("cpu", torch.bfloat16, enabled=how.precision == "bf16"):
                loss = errors(model, system, asked).mean()
            forward, live.peak = live.peak, live.now
            loss.backward()
    return forward, live.peak


def _halve(block: nn.Module) -> None:
    """A block's weights in bf16, as FSDP2 gathers them."""
    for module in block.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                module._parameters[name] = nn.Parameter(weight.detach().to(torch.bfloat16), weight.requires_grad)


def _let_go(weight: torch.Tensor) -> None:
    weight.grad = None


def task(system: System, bucket: Bucket, n: int) -> Task:
    """A batch of `n` windows as the network meets it, all samples given a first frame."""
    window, recipe = bucket.window, system.recipe
    time, height, width = flops.latent_size(window, *flops.strides(system.codec))
    x = torch.zeros(n, system.codec.channels, time, height, width)
    given = torch.zeros(n, time, dtype=torch.bool)
    frames = (
        torch.zeros(n, system.codec.time_stride, time, dtype=torch.bool) if recipe.flow.given == "channels" else None
    )
    tags = torch.tensor(system.words.encode(None)).expand(n, -1)
    text = torch.zeros(n, recipe.text.length, system.model.config["text_dim"])
    image = system.model.config["image_dim"]
    seen = torch.zeros(n, 257, image) if image else None
    return Task(x, torch.zeros_like(x), torch.zeros(n), Known(given, x, frames, seen), text, tags)


@lru_cache(maxsize=32)
def encode_bytes(codec: Codec, bucket: Bucket, n: int) -> int:
    """Most bytes alive while `n` windows are made latents. Wan's codec goes four frames at a time: a few chunks tell
    all, but for the pictures themselves."""
    window = bucket.window
    frames = min(window.frames, 17)
    with fake():
        coder = codec_of(codec)
        with Live(coder) as live:
            coder.encode(torch.zeros(1, 3, frames, window.height_px, window.width_px))
    return n * (live.peak + 4 * 3 * (window.frames - frames) * window.height_px * window.width_px)
