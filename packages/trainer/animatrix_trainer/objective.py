"""The loss of a batch. Its random numbers belong to its samples, not to history, ranks or batch sizes.

Legend as in flow.py; F picture frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from animatrix_trainer import encoded, flow
from animatrix_trainer.checkpoint import System
from animatrix_trainer.config import Recipe, Tasks
from animatrix_trainer.data.plan import generator
from animatrix_trainer.data.read import Batch
from animatrix_trainer.encoded import EncodedBatch
from animatrix_trainer.model import experts
from animatrix_trainer.model.denoise import velocity
from animatrix_trainer.model.given import Known, known_of_clip
from animatrix_trainer.onto import onto, video


@dataclass(frozen=True)
class Task:
    """What a batch asks of the network: the clips, their noise and noise shares, and what it is told of them."""

    x_BCTHW: torch.Tensor
    e_BCTHW: torch.Tensor
    s_B: torch.Tensor
    known: Known
    text_BND: torch.Tensor
    tags_BK: torch.Tensor


def objective(model: torch.nn.Module, system: System, batch: Batch, expert: int = 0) -> torch.Tensor:
    """The flow-matching loss of a batch, a mean over its samples. `model` is the transformer number `expert`, and s
    lies in its window."""
    return errors(model, system, task(system, batch, expert)).mean()


def task(system: System, batch: Batch, expert: int = 0) -> Task:
    """A batch as the network meets it: a pure function of the run's seed and the samples' numbers."""
    recipe, device = system.recipe, system.model.device
    stage, frames, stride = recipe.stages[batch.stage], batch.videos.shape[1], system.codec.time_stride
    asked = [ask(recipe, batch.stage, number, frames, stride) for number in batch.numbers]
    told = np.stack([one.told_F for one in asked])
    if isinstance(batch, EncodedBatch):
        x, known, text = encoded.met(system, batch, told)
    else:
        pictures = video(device, batch.videos)
        x = system.codec.encode(pictures)
        known = system.see(known_of_clip(system.codec, pictures, x, told, recipe.flow.given), pictures, told)
        text = system.text([condition.text for condition in batch.conditions])
    normal = torch.tensor([one.normal for one in asked], dtype=torch.float32)
    e = np.stack([one.rng.standard_normal(x.shape[1:], dtype=np.float32) for one in asked])
    window = experts.window(recipe, batch.stage, expert)
    tags = [system.words.encode(told.tags, drop_unsaid=True, spans=told.spans) for told in batch.conditions]
    return Task(
        x_BCTHW=x,
        e_BCTHW=onto(device, e),
        s_B=onto(device, flow.logit_normal(normal, recipe.flow.s_mean, recipe.flow.s_std, stage.shift, window)),
        known=known,
        text_BND=text,
        tags_BK=onto(device, torch.tensor(tags)),
    )


@dataclass(frozen=True)
class Asked:
    """What is drawn for a sample: its place among noise shares, which of its picture frames are given, and the random
    numbers that its noise comes from."""

    normal: float
    told_F: np.ndarray
    rng: np.random.Generator


def ask(recipe: Recipe, stage: int, number: int, frames: int, time_stride: int) -> Asked:
    """What is asked of sample `number`, a window of so many frames: nothing of the clip itself has a part in it."""
    rng = generator(recipe.seed, "noise", number)
    normal = float(rng.standard_normal())
    given = given_frames(recipe.stages[stage].tasks, (frames - 1) // time_stride + 1, rng)
    return Asked(normal, told_frames(given, time_stride, recipe.flow.given, rng), rng)


def errors(model: torch.nn.Module, system: System, of: Task) -> torch.Tensor:
    """Mean squared error of the velocity of each sample (B,), in fp32, over the latent frames that are asked for."""
    return flow.errors(*velocities(model, system, of), of.known.clean_BT)


def velocities(model: torch.nn.Module, system: System, of: Task) -> tuple[torch.Tensor, torch.Tensor]:
    """(what the network says, what is right) of a batch."""
    settings = system.recipe.flow
    x_s = of.known.into(flow.add_noise(of.x_BCTHW, of.e_BCTHW, of.s_B, of.known.clean_BT))
    v = velocity(model, x_s, of.s_B, of.known, of.text_BND, of.tags_BK, settings, system.patch, settings.s_floor)
    if settings.predicts == "velocity":
        return v, of.e_BCTHW - of.x_BCTHW
    return v, flow.velocity_from_clip(x_s, of.x_BCTHW, of.s_B, settings.s_floor)


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


def told_frames(given_T: np.ndarray, time_stride: int, how: str, rng: np.random.Generator) -> np.ndarray:
    """The picture frames (F,) that stand for given latent frames: all of them.

    For `channels` one picture of each, as an animator draws keys: the last of the last latent frame, which is how Wan
    I2V is given a last picture, and of those between any.
    """
    told = np.zeros(time_stride * (len(given_T) - 1) + 1, bool)
    told[::time_stride] = given_T
    for at in np.flatnonzero(given_T[1:]) + 1:
        frames = slice(time_stride * (at - 1) + 1, time_stride * at + 1)
        if how != "channels":
            told[frames] = True
        elif at < len(given_T) - 1:
            told[frames] = np.arange(time_stride) == rng.integers(time_stride)
    return told
