"""Low-rank adapters (Hu et al. 2021) on Wan's linear layers, and which parameters a stage moves.

A layer keeps its name and its weights when it gets an adapter: only `lora_A` and `lora_B` appear inside it. So plain
weights load and save as before, and the adapters' names are those of diffusers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import nn

from animatrix_trainer.config import Lora, RecipeError, Stage
from animatrix_trainer.model.wan import is_tag_parameter


class LoraLinear(nn.Linear):
    """y = W x + b + (alpha / rank) B A x. B starts at 0: an adapter without training changes nothing."""

    lora_A: nn.Linear
    lora_B: nn.Linear
    scale: float
    on: bool

    @classmethod
    def adapt(cls, layer: nn.Linear, settings: Lora) -> None:
        """Turn a linear layer into one with an adapter, in place."""
        weight = layer.weight
        layer.__class__ = cls
        layer = cast(LoraLinear, layer)
        layer.scale, layer.on = settings.alpha / settings.rank, True
        layer.lora_A = nn.Linear(layer.in_features, settings.rank, bias=False, device=weight.device)
        layer.lora_B = nn.Linear(settings.rank, layer.out_features, bias=False, device=weight.device)
        nn.init.kaiming_uniform_(layer.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(layer.lora_B.weight)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        out = super().forward(input)
        if not self.on:
            return out
        if not torch.is_autocast_enabled(input.device.type):
            input = input.to(self.lora_A.weight.dtype)  # adapters stay fp32 where the frozen base is bf16
        return out + self.scale * self.lora_B(self.lora_A(input)).to(out.dtype)


def attach(model: nn.Module, settings: Lora) -> None:
    """Put an adapter on every linear layer of the blocks whose name ends in one of `settings.targets`; the tag
    channel, which is trained whole, gets none. RecipeError for a target that no layer has."""
    layers = {
        name: module
        for name, module in model.named_modules()
        if name.startswith("blocks.") and type(module) is nn.Linear and not is_tag_parameter(name + ".")
    }
    for target in settings.targets:
        fitting = [name for name in layers if name.endswith("." + target)]
        if not fitting:
            ends = sorted({name.split(".", 2)[2] for name in layers})
            raise RecipeError(f"lora.targets: no layer's name ends in '{target}'; there are {ends}")
        for name in fitting:
            LoraLinear.adapt(layers.pop(name), settings)


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
