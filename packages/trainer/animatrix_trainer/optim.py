"""AdamW, its learning rate, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import nn

from animatrix_trainer.config import Optim, Stage


def adamw(model: nn.Module, settings: Optim) -> torch.optim.AdamW:
    """AdamW over fp32 weights. Matrices decay; biases, norms, gates, tables and embeddings do not."""
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
    return torch.optim.AdamW(groups, betas=settings.betas)


def learning_rate(step: int, stage: Stage) -> float:
    """The rate of a stage's 0-based `step`: linear warm-up, then a cosine to `final_lr` of the peak at its end."""
    if step < stage.warmup_steps:
        return stage.lr * (step + 1) / stage.warmup_steps
    progress = (step - stage.warmup_steps) / max(1, stage.steps - stage.warmup_steps)
    cosine = (1 + math.cos(math.pi * min(1.0, progress))) / 2
    return stage.lr * (stage.final_lr + (1 - stage.final_lr) * cosine)


class Ema:
    """Moving average of a model's weights; `decay` is reached gradually: min(decay, (1 + n) / (10 + n))."""

    def __init__(self, weights: Mapping[str, torch.Tensor], decay: float, updates: int = 0) -> None:
        self.decay, self.updates = decay, updates
        self.weights = {name: weight.detach().clone().float() for name, weight in weights.items()}

    @torch.no_grad()
    def update(self, parameters: Iterable[tuple[str, torch.Tensor]]) -> None:
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        names, weights = zip(*parameters, strict=True)
        averages = [self.weights[name] for name in names]
        for average, weight in zip(averages, weights, strict=True):
            average.lerp_(weight.detach().float(), 1 - decay)
        self.updates += 1
