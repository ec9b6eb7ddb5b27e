"""What a model makes of clips it never saw: the same windows, words, noise and noise shares every time.

Legend: N clips of this process, Q noise shares, A axes of the taxonomy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, taxonomy

from animatrix_trainer import flow
from animatrix_trainer.checkpoint import System
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.guidance import Wish
from animatrix_trainer.conditioning.tags import TagSet
from animatrix_trainer.config import Recipe
from animatrix_trainer.data.read import Batches
from animatrix_trainer.objective import errors, task
from animatrix_trainer.sample import Asked, sample

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Of the noise shares that the last stage trains on; the middle one is where axes are silenced."""


@dataclass(frozen=True)
class HeldOut:
    """Errors of single clips. `told_NA`: does the clip say anything of the axis; `silenced_NA`: its error at the
    middle noise share when the axis's tags are left out, all else and the noise being the same."""

    sigmas: tuple[float, ...]
    axes: tuple[str, ...]
    error_NQ: torch.Tensor
    told_NA: torch.Tensor
    silenced_NA: torch.Tensor

    @property
    def middle(self) -> int:
        return len(self.sigmas) // 2


def sigmas(recipe: Recipe) -> tuple[float, ...]:
    """The noise shares at `QUANTILES` of the last stage's distribution, within its window."""
    stage, normal = recipe.stages[-1], NormalDist(recipe.flow.s_mean, max(recipe.flow.s_std, 1e-6))
    low, high = (_share_below(bound, normal, stage.shift) for bound in stage.sigma)
    places = [normal.inv_cdf(low + at * (high - low)) for at in QUANTILES]
    return tuple(float(flow.shifted(torch.sigmoid(torch.tensor(place)), stage.shift)) for place in places)


def _share_below(s: float, normal: NormalDist, shift: float) -> float:
    """Which share of draws lies below the noise share s: `shifted` and the sigmoid turned back."""
    if s <= 0 or s >= 1:
        return float(s >= 1)
    plain = s / (shift - (shift - 1) * s)
    return normal.cdf(float(torch.logit(torch.tensor(plain))))


@torch.no_grad()
def measure(system: System, batches: Batches) -> HeldOut:
    """The errors of this process's part of `batches` (see data/read.py, held_back). All processes call it together.

    The transformers are asked as they stand, in evaluation mode; with two experts, each for its own noise shares.
    """
    system = dataclasses.replace(system, recipe=batches.recipe)
    shares = sigmas(batches.recipe)
    axes = tuple(dict.fromkeys(field.axis for field in taxonomy().fields))
    modes = [(model, model.training) for model in system.models]
    error, told, silenced = [], [], []
    for model, _ in modes:
        model.eval()
    for step in range(len(batches)):
        batch = batches[step]
        asked = task(system, batch)
        for s in shares:
            at = dataclasses.replace(asked, s_B=torch.full_like(asked.s_B, s))
            error.append(errors(system.at(s), system, at))
        s = shares[len(shares) // 2]
        for axis in axes:
            tags = [system.words.encode(without(c.tags, axis), drop_unsaid=True) for c in batch.conditions]
            at = dataclasses.replace(
                asked, s_B=torch.full_like(asked.s_B, s), tags_BK=torch.tensor(tags, device=asked.tags_BK.device)
            )
            silenced.append(errors(system.at(s), system, at))
        told.append(torch.tensor([[says(c, axis) for axis in axes] for c in batch.conditions]))
    for model, training in modes:
        model.train(training)
    device = system.model.device
    return HeldOut(
        sigmas=shares,
        axes=axes,
        error_NQ=_columns(error, len(shares)),
        told_NA=torch.cat(told).to(device),
        silenced_NA=_columns(silenced, len(axes)),
    )


def without(tags: TagSet | None, axis: str) -> TagSet:
    """The tags of all other axes."""
    return {name: values for name, values in (tags or {}).items() if taxonomy()[name].axis != axis}


def says(condition: Condition, axis: str) -> bool:
    """Whether a condition has a value, and not only `unknown` or `na`, for a field of the axis."""
    silent = ((), (UNKNOWN,), (NOT_APPLICABLE,))
    return any(
        taxonomy()[name].axis == axis and values not in silent for name, values in (condition.tags or {}).items()
    )


def _columns(parts: Sequence[torch.Tensor], n: int) -> torch.Tensor:
    """Parts (B,), n of each batch in a row, as (N, n)."""
    return torch.cat([torch.stack(list(parts[at : at + n]), dim=1) for at in range(0, len(parts), n)])


def summary(error_NQ: torch.Tensor, told_NA: torch.Tensor, silenced_NA: torch.Tensor, like: HeldOut) -> dict:
    """The errors of all clips as a line of held_out.jsonl. An axis's `gap` is what leaving its tags out costs, over
    the clips that say something of it: 0 for a model that does not listen."""
    by_axis = {}
    for at, axis in enumerate(like.axes):
        told = told_NA[:, at].bool()
        if not told.any():
            continue
        gap = (silenced_NA[told, at] - error_NQ[told, like.middle]).mean()
        by_axis[axis] = {
            "clips": int(told.sum()),
            "loss": [round(float(x), 6) for x in error_NQ[told].mean(0)],
            "gap": round(float(gap), 6),
        }
    return {
        "clips": len(error_NQ),
        "loss": round(float(error_NQ.mean()), 6),
        "sigmas": [round(s, 4) for s in like.sigmas],
        "by_sigma": [round(float(x), 6) for x in error_NQ.mean(0)],
        "by_axis": by_axis,
    }


def draw(system: System, batches: Batches, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Clips RGB uint8 (count, F, H, W, 3) for the first held-out conditions, seeds 0, 1, ..., and what was asked.

    A model that is taught to go on from a first frame is given the clip's own. All processes call it together.
    """
    tasks = batches.recipe.stages[-1].tasks
    picks = [pick for step in range(len(batches)) for pick in batches.plan.step(step)][:count]
    asked, words = [], []
    for seed, pick in enumerate(picks):
        condition = batches.shards.condition(pick)
        first = {0: batches.shards.video(pick)[0]} if tasks.i2v + tasks.ends + tasks.keys > 0 else {}
        asked.append(Asked(Wish(condition), seed, first))
        said = {name: ",".join(values) for name, values in (condition.tags or {}).items() if values != (UNKNOWN,)}
        words.append(" ".join(f"{name}={value}" for name, value in said.items()) + f"\n{condition.text}")
    return sample(system, asked, window=batches.recipe.window), tuple(words)
