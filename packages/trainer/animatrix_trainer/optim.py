"""AdamW, its learning rate, and the moving average of the weights, kept beside the moments of each weight."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from animatrix_trainer.config import Optim, Stage

MOMENTS = ("exp_avg", "exp_avg_sq")
AVERAGE = "average"
"""Name of the moving average in the optimiser's state: whatever shards or saves the moments does so with it."""


def adamw(model: nn.Module, settings: Optim) -> torch.optim.AdamW:
    """AdamW over fp32 weights that ask for a gradient. Matrices decay; biases, norms, gates, tables and embeddings do
    not. Fused: one call for all weights, and no step count read back by the host."""
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    decay, keep = [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.dtype != torch.float32:
            raise ValueError(f"{name} is {parameter.dtype}: AdamW needs fp32 weights; use parallel.precision")
        plain = parameter.ndim < 2 or id(parameter) in tables or name.endswith("scale_shift_table")
        (keep if plain else decay).append(parameter)
    groups = [{"params": decay, "weight_decay": settings.weight_decay}, {"params": keep, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], betas=settings.betas, fused=True)


def learning_rate(step: int, stage: Stage) -> float:
    """The rate of a stage's 0-based `step`: linear warm-up, then a cosine to `final_lr` of the peak at its end."""
    if step < stage.warmup_steps:
        return stage.lr * (step + 1) / stage.warmup_steps
    progress = (step - stage.warmup_steps) / max(1, stage.steps - stage.warmup_steps)
    cosine = (1 + math.cos(math.pi * min(1.0, progress))) / 2
    return stage.lr * (stage.final_lr + (1 - stage.final_lr) * cosine)


def begin(optimizer: torch.optim.Optimizer, weights: Iterable[torch.Tensor], average: bool) -> None:
    """Allocate AdamW's state now and not at the first step, so that what does not fit is known before it, and a saved
    state has a place to go. With `average` the moving average starts from the weights."""
    for weight in weights:
        of_weight = optimizer.state[weight]
        of_weight["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
        for moment in MOMENTS:
            of_weight[moment] = torch.zeros_like(weight, memory_format=torch.preserve_format).detach()
        if average:
            of_weight[AVERAGE] = weight.detach().clone()


def ema_decay(decay: float, updates: int) -> float:
    """`decay` is reached gradually: min(decay, (1 + n) / (10 + n)) after n updates."""
    return min(decay, (1 + updates) / (10 + updates))


@torch.no_grad()
def average(optimizer: torch.optim.Optimizer, weights: Iterable[torch.Tensor], decay: float) -> None:
    """One update of the moving averages towards `weights`, each process its own part of them."""
    weights = list(weights)
    averages = [_own(optimizer.state[weight][AVERAGE]) for weight in weights]
    cast(Any, torch)._foreach_lerp_(averages, [_own(weight.detach()) for weight in weights], 1 - decay)


def _own(tensor: torch.Tensor) -> torch.Tensor:
    """What this process holds of a tensor that may be sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
