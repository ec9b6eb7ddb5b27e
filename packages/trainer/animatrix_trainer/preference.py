"""Flow-DPO: move the model towards the better of two clips of one prompt, measured against the model before the stage.

With e = mean ||v - (noise - clip)||^2 of a clip, noise and noise share being the same on both sides,

    Delta = (e_theta - e_ref)(winner) - (e_theta - e_ref)(loser)        L = -log sigmoid(-(beta / 2) Delta)

Wallace et al., "Diffusion Model Alignment Using Direct Preference Optimization" (2024), for a flow: Liu et al.,
"Improving Video Generation with Human Feedback" (2025). The paper's stage is this with `Preference()`; what else there
is, is off in it: a mask that weighs deformed frames (ours), labels per segment (DenseDPO 2025), weights by the gap of
the scores (GAPO 2025), the flow-matching loss on winners that are real clips.

Legend as in flow.py; G segments of a pair.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
import torch
from torch.distributed.fsdp import FSDPModule
from torch.nn import functional as F

from animatrix_trainer import flow
from animatrix_trainer.checkpoint import System
from animatrix_trainer.config import Preference, Stage
from animatrix_trainer.data.pairs import PairBatch
from animatrix_trainer.data.read import Batch
from animatrix_trainer.encoded import EncodedBatch, EncodedPairBatch
from animatrix_trainer.model import lora
from animatrix_trainer.objective import task, velocities
from animatrix_trainer.onto import onto
from animatrix_trainer.parallel import put, whole


@dataclass(frozen=True)
class Facts:
    """What is watched while it learns: tensors of one number, read when a line is logged.

    `accuracy`: share of the pairs in which the winner gained on the loser. `displacement`: e_theta - e_ref of winners;
    while it stays above 0 the model unlearns what is better too, only more slowly than what is worse. `margin`: -Delta.
    """

    accuracy: torch.Tensor
    displacement: torch.Tensor
    margin: torch.Tensor


def loss(delta_BG: torch.Tensor, label_BG: torch.Tensor, weight_B: torch.Tensor, settings: Preference) -> torch.Tensor:
    """The mean loss of pairs. `label_BG` is 1 where the winner's segment is better, -1 where the loser's is, 0 where
    neither: such a segment says nothing."""
    each_BG = -F.logsigmoid(-settings.beta / 2 * label_BG * delta_BG) * label_BG.abs()
    of_pair_B = each_BG.sum(1) / label_BG.abs().sum(1).clamp(min=1)
    return (of_pair_B * weight_B).mean()


def gap_weights(winner_B: torch.Tensor, loser_B: torch.Tensor, settings: Preference) -> torch.Tensor:
    """1 for every pair, or |2^s_w - 2^s_l| of scores in 0..1."""
    return (2**winner_B - 2**loser_B).abs() if settings.gap_weight else torch.ones_like(winner_B)


def mask(deformed_BT: torch.Tensor, settings: Preference) -> torch.Tensor:
    """How much each latent frame counts: 1 + lambda D, D being its share of deformed pictures."""
    return 1 + settings.deformation * deformed_BT


class Reference:
    """The model as it was before the stage, and what was watched since somebody last asked.

    What the stage moves is kept twice, and the rest is shared: whole for `train=all`, a few matrices for adapters. The
    tag channel moves with the adapters, so that switching adapters off would not give the model before the stage.
    Of transformers that FSDP2 has divided, each process keeps its parts. `copied` keeps a frozen copy of the
    transformers instead, for DeepSpeed, which has parameters of its own.
    """

    def __init__(self, models: Sequence[torch.nn.Module], stage: Stage, copied: bool = False) -> None:
        self.seen: list[Facts] = []
        self.models = [copy.deepcopy(model).requires_grad_(False).eval() for model in models] if copied else []
        self.kept: list[dict[str, torch.Tensor]] = [
            {name: weight.detach().clone() for name, weight in model.named_parameters() if name in moved}
            for model in ([] if copied else models)
            for moved in [lora.trainable(model, stage)]
        ]

    @contextmanager
    def answering(self, now: torch.nn.Module, expert: int) -> Iterator[Any]:
        """What answers as transformer `expert` did; `now` is that transformer, unwrapped."""
        if self.models:
            yield self.models[expert]
        elif isinstance(now, FSDPModule):
            _exchange(now, self.kept[expert])
            try:
                yield now
            finally:
                _exchange(now, self.kept[expert])
        else:
            yield lambda **inputs: torch.func.functional_call(now, self.kept[expert], (), inputs)

    def watched(self) -> dict[str, torch.Tensor]:
        """Means of what was seen since the last call, still on the device."""
        seen, self.seen = self.seen, []
        names = [item.name for item in fields(Facts)] if seen else []
        return {name: torch.stack([getattr(one, name) for one in seen]).mean() for name in names}

    def tensors(self, keep: bool = True) -> dict[str, torch.Tensor]:
        """What must be kept with a checkpoint of this stage, by name. All processes take part in making them whole, one
        after another, where they are divided; who does not `keep` them gets none."""
        tensors = ((name, whole(weight)) for name, weight in self._named())
        return {name: weight.cpu() for name, weight in tensors if keep}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Put back what `tensors` gave."""
        own = dict(self._named())
        if own.keys() != tensors.keys():
            raise ValueError(f"reference: is for other parameters: {sorted(own.keys() ^ tensors.keys())[:4]}")
        for name, weight in own.items():
            put(weight, tensors[name])

    def _named(self) -> Iterator[tuple[str, torch.Tensor]]:
        of_models = [dict(model.named_parameters()) for model in self.models] or self.kept
        return ((f"{expert}/{name}", weight) for expert, kept in enumerate(of_models) for name, weight in kept.items())


@torch.no_grad()
def _exchange(now: FSDPModule, kept: dict[str, torch.Tensor]) -> None:
    """The kept parts and the present ones change places: FSDP2 gathers what stands in its modules. What it has gathered
    already is let go of."""
    now.reshard()
    for name, weight in cast(torch.nn.Module, now).named_parameters():
        if name in kept:
            present = weight.clone()
            weight.copy_(kept[name])
            kept[name].copy_(present)


def objective(model: torch.nn.Module, system: System, batch: Batch, expert: int = 0) -> torch.Tensor:
    """The loss of a batch of pairs, as the training loop asks for it; `system.reference` keeps what is watched."""
    value, facts = loss_of_pairs(model, system, cast(PairBatch, batch), system.reference, expert)
    system.reference.seen.append(facts)
    return value


def loss_of_pairs(
    model: torch.nn.Module, system: System, batch: PairBatch, reference: Reference, expert: int = 0
) -> tuple[torch.Tensor, Facts]:
    """The loss of a batch of pairs, and what is watched. `model` is the transformer number `expert`, maybe wrapped."""
    settings = system.recipe.preference
    both = _both(batch)
    of = task(system, both, expert)
    asked_BT = (~of.known.clean_BT).float()
    raw = system.models[expert]
    # As the wrapped model computes, or rounding would look like drift.
    half = torch.autocast(asked_BT.device.type, torch.bfloat16, enabled=system.recipe.parallel.precision == "bf16")
    with torch.no_grad(), half, reference.answering(raw, expert) as was:
        before_BT = flow.frame_errors(*velocities(was, system, of))
    now_BT = flow.frame_errors(*velocities(model, system, of))
    moved_w_BT, moved_l_BT = (now_BT - before_BT).chunk(2)
    device, n = now_BT.device, len(batch.numbers)
    weight_BT = asked_BT[:n] * mask(onto(device, batch.deformed_BT), settings)
    parts_BGT, labels_BG = torch.ones_like(weight_BT[:, None]), torch.ones(n, 1, device=device)
    if settings.segments:
        parts_BGT = onto(device, batch.segments_BGT)
        labels_BG = onto(device, batch.labels_BG)
    delta_BG = _of_segments(moved_w_BT - moved_l_BT, weight_BT, parts_BGT)
    winner_B, loser_B = onto(device, batch.scores_B2).unbind(1)
    value = loss(delta_BG, labels_BG, gap_weights(winner_B, loser_B, settings), settings)
    if settings.sft:
        real_B = onto(device, batch.real_B).float()
        value = value + settings.sft * (flow.over_frames(now_BT[:n], asked_BT[:n]) * real_B).mean()
    with torch.no_grad():
        delta_B = flow.over_frames(moved_w_BT - moved_l_BT, asked_BT[:n])
        displacement = flow.over_frames(moved_w_BT, asked_BT[:n]).mean()
        facts = Facts((delta_B < 0).float().mean(), displacement, -delta_B.mean())
    return value, facts


def _both(batch: PairBatch) -> Batch:
    """Winners, then losers, as one batch: a pair has one number, hence one noise, one noise share and one task."""
    videos = np.concatenate([batch.videos, batch.losers])
    both = (batch.numbers * 2, videos, batch.conditions * 2, batch.stage)
    if isinstance(batch, EncodedPairBatch):
        winners, losers = zip(*batch.samples, strict=True)
        return EncodedBatch(*both, samples=winners + losers)
    return Batch(*both)


def _of_segments(delta_BT: torch.Tensor, weight_BT: torch.Tensor, parts_BGT: torch.Tensor) -> torch.Tensor:
    """The weighted mean of Delta over the latent frames of each segment (B, G)."""
    weight_BGT = weight_BT[:, None] * parts_BGT
    return (delta_BT[:, None] * weight_BGT).sum(2) / weight_BGT.sum(2).clamp(min=1e-6)
