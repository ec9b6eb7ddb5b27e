"""The loss of a batch. Its random numbers belong to its samples, not to history, ranks or batch sizes.

Legend as in flow.py.
"""

from __future__ import annotations

import numpy as np
import torch

from animatrix_trainer import flow
from animatrix_trainer.checkpoint import System
from animatrix_trainer.config import Tasks
from animatrix_trainer.data.plan import generator
from animatrix_trainer.data.read import Batch
from animatrix_trainer.model.denoise import velocity


def objective(model: torch.nn.Module, system: System, batch: Batch) -> torch.Tensor:
    """The flow-matching loss of a batch: a mean over its samples."""
    recipe, device = system.recipe, system.model.device
    stage = recipe.stages[batch.stage]
    video = torch.from_numpy(batch.videos).to(device).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    x = system.codec.encode(video)
    rngs = [generator(recipe.seed, "noise", number) for number in batch.numbers]
    normal = torch.tensor([rng.standard_normal() for rng in rngs], dtype=torch.float32)
    given = torch.from_numpy(np.stack([given_frames(stage.tasks, x.shape[2], rng) for rng in rngs])).to(device)
    e = torch.from_numpy(np.stack([rng.standard_normal(x.shape[1:], dtype=np.float32) for rng in rngs])).to(device)
    s = flow.logit_normal(normal, recipe.flow.s_mean, recipe.flow.s_std, stage.shift).to(device)
    told = [system.words.encode(condition.tags, drop_unsaid=True) for condition in batch.conditions]
    tags = torch.tensor(told, device=device)
    text = system.text([condition.text for condition in batch.conditions])
    x_s = flow.add_noise(x, e, s, given)
    v = velocity(model, x_s, s, given, text, tags, recipe.flow, system.patch, recipe.flow.s_floor)
    if recipe.flow.predicts == "velocity":
        return flow.loss(v, e - x, given)
    return flow.loss(v, flow.velocity_from_clip(x_s, x, s, recipe.flow.s_floor), given)


def given_frames(tasks: Tasks, n_frames: int, rng: np.random.Generator) -> np.ndarray:
    """Which of a sample's latent frames are given clean, (T,) of bool; of pictures none is."""
    given = np.zeros(n_frames, bool)
    at = rng.random() * (1 - tasks.t2i)
    if n_frames == 1 or at >= tasks.i2v + tasks.ends + tasks.keys:
        return given
    if at < tasks.i2v:
        given[0] = True
    elif at < tasks.i2v + tasks.ends:
        given[[0, -1]] = True
    else:
        n_given = int(rng.integers(1, n_frames))
        given[rng.choice(n_frames, n_given, replace=False)] = True
    return given
