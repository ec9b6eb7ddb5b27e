"""Low-rank adapters (Hu et al. 2021) on Wan's linear layers, their files, and which parameters a stage moves.

A layer keeps its name and its weights when it gets an adapter: only `lora_A` and `lora_B` appear inside it. So plain
weights load and save as before, and the adapters' names are those of diffusers. Files come in two spellings:

diffusers  transformer.blocks.0.attn1.to_q.lora_A.weight, rank and alpha in the file's metadata
ComfyUI    diffusion_model.blocks.0.self_attn.q.lora_A.weight, with an .alpha beside it (lora_down and lora_up are read
           too)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import linear

from animatrix_trainer.config import CheckpointError, Lora, Recipe, RecipeError, Stage
from animatrix_trainer.model.wan import is_tag_parameter

DIFFUSERS, COMFY = "transformer.", "diffusion_model."
_COMFY_PARTS = (
    ("attn1.", "self_attn."),
    ("attn2.", "cross_attn."),
    ("to_q", "q"),
    ("to_k", "k"),
    ("to_v", "v"),
    ("to_out.0", "o"),
    ("add_k_proj", "k_img"),
    ("add_v_proj", "v_img"),
    ("ffn.net.0.proj", "ffn.0"),
    ("ffn.net.2", "ffn.2"),
)


class RestingLinear(nn.Linear):
    """A linear layer that no stage moves, its weights held in bf16: half the memory. Under autocast to bf16 its numbers
    are the very ones of fp32 weights, which are rounded there each time; elsewhere it computes in its input's kind."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if torch.is_autocast_enabled(input.device.type):
            return super().forward(input)
        bias = None if self.bias is None else self.bias.to(input.dtype)
        return linear(input, self.weight.to(input.dtype), bias)


class LoraLinear(RestingLinear):
    """y = W x + b + (alpha / rank) B A x. B starts at 0: an adapter without training changes nothing."""

    lora_A: nn.Linear
    lora_B: nn.Linear
    alpha: float
    on: bool

    @classmethod
    def adapt(cls, layer: nn.Linear, rank: int, alpha: float) -> LoraLinear:
        """Turn a linear layer into one with an adapter, in place."""
        device = layer.weight.device
        layer.__class__ = cls
        adapted = cast(LoraLinear, layer)
        adapted.alpha, adapted.on = float(alpha), True
        adapted.lora_A = nn.Linear(layer.in_features, rank, bias=False, device=device)
        adapted.lora_B = nn.Linear(rank, layer.out_features, bias=False, device=device)
        nn.init.kaiming_uniform_(adapted.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(adapted.lora_B.weight)
        return adapted

    @property
    def rank(self) -> int:
        return self.lora_A.out_features

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        out = super().forward(input)
        if not self.on:
            return out
        if not torch.is_autocast_enabled(input.device.type):
            input = input.to(self.lora_A.weight.dtype)  # adapters stay fp32 where the frozen base is bf16
        return out + (self.alpha / self.rank) * self.lora_B(self.lora_A(input)).to(out.dtype)


def attach(model: nn.Module, settings: Lora) -> None:
    """Put an adapter on every linear layer of the blocks whose name ends in one of `settings.targets`; the tag
    channel, which is trained whole, gets none. RecipeError for a target that no layer has."""
    layers = _layers(model)
    for target in settings.targets:
        fitting = [name for name in layers if name.endswith("." + target)]
        if not fitting:
            ends = sorted({name.split(".", 2)[2] for name in layers})
            raise RecipeError(f"lora.targets: no layer's name ends in '{target}'; there are {ends}")
        for name in fitting:
            LoraLinear.adapt(layers.pop(name), settings.rank, settings.alpha)


def has_adapters(model: nn.Module) -> bool:
    return any(isinstance(module, LoraLinear) for module in model.modules())


@contextmanager
def without(model: nn.Module) -> Iterator[None]:
    """The model with its adapters off, inside the block: the base exactly."""
    layers = [module for module in model.modules() if isinstance(module, LoraLinear)]
    before = [layer.on for layer in layers]
    for layer in layers:
        layer.on = False
    try:
        yield
    finally:
        for layer, on in zip(layers, before, strict=True):
            layer.on = on


@torch.no_grad()
def merge(model: nn.Module) -> None:
    """Add the adapters to the weights that they sit on, and take them away."""
    for layer in [module for module in model.modules() if isinstance(module, LoraLinear)]:
        change = layer.lora_B.weight.float() @ layer.lora_A.weight.float() * (layer.alpha / layer.rank)
        layer.weight.copy_(layer.weight.float() + change)
        del layer.lora_A, layer.lora_B
        cast(nn.Module, layer).__class__ = nn.Linear


def is_adapter_parameter(name: str) -> bool:
    """Whether a parameter belongs to an adapter, and neither to Wan nor to the tag channel."""
    return ".lora_A." in name or ".lora_B." in name


def trainable(model: nn.Module, stage: Stage) -> frozenset[str]:
    """The names of the parameters that a stage moves in a transformer (an unwrapped one).

    `all`: Wan and the tag channel, not adapters. `tags`: the tag channel. `lora`: adapters and the tag channel.
    """
    names = [name for name, _ in model.named_parameters()]
    tags = {name for name in names if is_tag_parameter(name)}
    adapters = {name for name in names if is_adapter_parameter(name)}
    if stage.train == "lora" and not adapters:
        raise RecipeError(f"stage {stage.name}: train=lora, but the transformer has no adapters")
    moved = {"all": set(names) - adapters, "tags": tags, "lora": adapters | tags}[stage.train]
    return frozenset(moved)


def move_only(model: nn.Module, stage: Stage) -> None:
    """Let the gradient reach what the stage moves, and nothing else."""
    moved = trainable(model, stage)
    for name, weight in model.named_parameters():
        weight.requires_grad_(name in moved)


def rests(recipe: Recipe) -> bool:
    """Whether a run holds what it never moves in bf16. Sharded strategies want weights of one kind."""
    return recipe.parallel.precision == "bf16" and recipe.parallel.strategy == "plain"


def rest(model: nn.Module, stages: Iterable[Stage]) -> None:
    """Put the blocks' linear layers that none of `stages` moves into bf16; norms, tables and embeddings stay fp32."""
    moved = frozenset[str]().union(*(trainable(model, stage) for stage in stages))
    for name, layer in _layers(model).items():
        if f"{name}.weight" not in moved:
            if type(layer) is nn.Linear:
                layer.__class__ = RestingLinear
            for part in (layer.weight, layer.bias):
                if part is not None:
                    part.data = part.data.to(torch.bfloat16)


def save(adapters: Mapping[str, torch.Tensor], settings: Lora, path: Path) -> None:
    """Write adapters, tensors by parameter name, as `path` in diffusers' spelling, and beside it as
    NAME.comfyui.safetensors in ComfyUI's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    layers = sorted({name.rpartition(".lora_")[0] for name in adapters})
    known = {"r": settings.rank, "lora_alpha": settings.alpha, "target_modules": layers}
    metadata = {"format": "pt", "lora_adapter_metadata": json.dumps({DIFFUSERS + k: v for k, v in known.items()})}
    save_file({DIFFUSERS + name: weight.contiguous() for name, weight in adapters.items()}, path, metadata)
    alphas = {f"{layer}.alpha": torch.tensor(float(settings.alpha)) for layer in layers}
    renamed = {_comfy_name(name): weight.contiguous() for name, weight in {**adapters, **alphas}.items()}
    save_file(renamed, path.with_suffix(".comfyui.safetensors"), {"format": "pt"})


def load(model: nn.Module, path: Path) -> None:
    """Put the adapters of a file in either spelling on a transformer, or into those it has. CheckpointError names what
    does not fit."""
    layers = _layers(model)
    for name, (down, up, alpha) in _read(path).items():
        layer = layers.get(name)
        if layer is None or down.shape[1] != layer.in_features or up.shape[0] != layer.out_features:
            found = "which the model lacks" if layer is None else f"of {layer.in_features} to {layer.out_features}"
            raise CheckpointError(f"{path}: adapts {name}, {found}, by {down.shape[1]} to {up.shape[0]}")
        if not isinstance(layer, LoraLinear):
            layer = LoraLinear.adapt(layer, len(down), alpha)
        if layer.rank != len(down):
            raise CheckpointError(f"{path}: {name} has rank {len(down)}, the model's adapter {layer.rank}")
        layer.alpha = alpha
        with torch.no_grad():
            layer.lora_A.weight.copy_(down)
            layer.lora_B.weight.copy_(up)


def _layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The linear layers of the blocks, by name, without the tag channel's."""
    return {
        name: cast(nn.Linear, module)
        for name, module in model.named_modules()
        if name.startswith("blocks.")
        and type(module) in (nn.Linear, RestingLinear, LoraLinear)
        and not is_tag_parameter(name + ".")
    }


def _read(path: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor, float]]:
    """{layer: (A, B, alpha)} of a file in either spelling."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = json.loads((file.metadata() or {}).get("lora_adapter_metadata", "{}"))
    plain: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        layer, part = _plain_name(name, path)
        plain.setdefault(layer, {})[part] = tensor
    found = {}
    for layer, parts in plain.items():
        if not {"A", "B"} <= set(parts):
            raise CheckpointError(f"{path}: {layer} has only {sorted(parts)} of an adapter's A and B")
        told = metadata.get(DIFFUSERS + "lora_alpha", len(parts["A"]))
        found[layer] = (parts["A"], parts["B"], float(parts.get("alpha", torch.tensor(told))))
    return found


def _plain_name(name: str, path: Path) -> tuple[str, str]:
    """(layer, A or B or alpha) of a tensor's name in either spelling."""
    endings = {"lora_A.weight": "A", "lora_B.weight": "B", "lora_down.weight": "A", "lora_up.weight": "B"}
    for ending, part in {**endings, "alpha": "alpha"}.items():
        if name.endswith("." + ending):
            layer = name.removesuffix("." + ending)
            if layer.startswith(DIFFUSERS):
                return layer.removeprefix(DIFFUSERS), part
            if layer.startswith(COMFY):
                return _from_comfy(layer.removeprefix(COMFY)), part
    raise CheckpointError(
        f"{path}: '{name}' is no adapter of a linear layer in diffusers' or ComfyUI's spelling "
        f"({DIFFUSERS}... or {COMFY}..., ending in one of {sorted(endings)})"
    )


def _comfy_name(name: str) -> str:
    blocks, number, rest = name.split(".", 2)
    for ours, theirs in _COMFY_PARTS:
        rest = rest.replace(ours, theirs, 1)
    return f"{COMFY}{blocks}.{number}.{rest}"


def _from_comfy(layer: str) -> str:
    blocks, number, rest = layer.split(".", 2)
    places, layers = dict(_COMFY_PARTS[:2]), dict(_COMFY_PARTS[2:])
    if rest.startswith("ffn."):
        return f"{blocks}.{number}.{_key(layers, rest)}"
    place, _, kind = rest.partition(".")
    return f"{blocks}.{number}.{_key(places, place + '.')}{_key(layers, kind)}"


def _key(names: Mapping[str, str], value: str) -> str:
    return next((key for key, name in names.items() if name == value), value)
