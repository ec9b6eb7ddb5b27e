"""The training loop. It fits on one screen; what varies is in the functions it calls."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, Dataset

from animatrix_trainer import checkpoint, flow
from animatrix_trainer.checkpoint import System
from animatrix_trainer.config import Recipe
from animatrix_trainer.data.plan import generator
from animatrix_trainer.data.read import Batch, Batches, Shards
from animatrix_trainer.model.denoise import velocity
from animatrix_trainer.optim import Ema, adamw, learning_rate


def fit(recipe: Recipe, shards: Path, out: Path, resume: bool = False, init: Path | None = None) -> Path:
    """Train `recipe` on the data set folder `shards`; return the last checkpoint's folder in `out`.

    `resume` goes on from the newest checkpoint in `out` under the same recipe; `init` starts from the weights of
    another checkpoint.
    """
    accelerator = Accelerator(mixed_precision=recipe.precision, log_with="tensorboard", project_dir=out)
    last = _last_checkpoint(out, resume, recipe)
    system = (checkpoint.load(init) if init else checkpoint.build(recipe)).to(accelerator.device)
    system.recipe = recipe
    optimizer = adamw(system.model, recipe.optim)
    model, optimizer = accelerator.prepare(system.model, optimizer)
    raw = accelerator.unwrap_model(model)
    start, updates = checkpoint.restore(last, raw, optimizer) if last else (0, 0)
    average = checkpoint.load(last).model.to(accelerator.device) if last else raw
    ema = Ema(dict(average.named_parameters()), recipe.optim.ema, updates)
    batches = Batches(
        Shards(shards, recipe.window, recipe.cache_clips), recipe, accelerator.process_index, accelerator.num_processes
    )
    log = Log(out, accelerator, recipe, start)
    saved = last
    for step, batch in _from_step(batches, start):
        rate = learning_rate(step, recipe.steps, recipe.optim)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = objective(model, system, batch)
        accelerator.backward(loss)
        norm = accelerator.clip_grad_norm_(model.parameters(), recipe.optim.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update(raw.named_parameters())
        log.step(step, loss, rate, norm)
        done = step + 1
        if (done % recipe.save_every == 0 or done == recipe.steps) and accelerator.is_main_process:
            saved = checkpoint.save(system, out, done, raw, optimizer, ema)
    accelerator.end_training()
    if saved is None:
        raise ValueError(f"steps={recipe.steps}: nothing to train and nothing trained yet")
    return saved


def objective(model: torch.nn.Module, system: System, batch: Batch) -> torch.Tensor:
    """The flow-matching loss of a batch. Its random numbers belong to its samples, not to history."""
    recipe, device = system.recipe, system.model.device
    video = torch.from_numpy(batch.videos).to(device).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    x = system.codec.encode(video)
    rngs = [generator(recipe.seed, "noise", number) for number in batch.numbers]
    normal = torch.tensor([rng.standard_normal() for rng in rngs], dtype=torch.float32)
    first = torch.tensor([rng.random() < recipe.flow.first_frame for rng in rngs])
    e = torch.from_numpy(np.stack([rng.standard_normal(x.shape[1:], dtype=np.float32) for rng in rngs])).to(device)
    s = flow.logit_normal(normal, recipe.flow.s_mean, recipe.flow.s_std, recipe.flow.shift).to(device)
    given = torch.zeros(x.shape[0], x.shape[2], dtype=torch.bool)
    given[:, 0] = first
    given = given.to(device)
    told = [system.words.encode(condition.tags, drop_unsaid=True) for condition in batch.conditions]
    tags = torch.tensor(told, device=device)
    text = system.text([condition.text for condition in batch.conditions])
    x_s = flow.add_noise(x, e, s, given)
    v = velocity(model, x_s, s, given, text, tags, recipe.flow, system.patch, recipe.flow.s_floor)
    if recipe.flow.predicts == "velocity":
        return flow.loss(v, e - x, given)
    return flow.loss(v, flow.velocity_from_clip(x_s, x, s, recipe.flow.s_floor), given)


class Log:
    """metrics.jsonl and TensorBoard, every `log_every` steps; the loss is a mean over the steps since the last line.

    The device is read once a line, not once a step.
    """

    def __init__(self, out: Path, accelerator: Accelerator, recipe: Recipe, start: int) -> None:
        self.path, self.accelerator = out / "metrics.jsonl", accelerator
        self.every, self.last_step = recipe.log_every, recipe.steps
        out.mkdir(parents=True, exist_ok=True)
        accelerator.init_trackers("tensorboard")
        self.losses: list[torch.Tensor] = []
        self.began = time.perf_counter()
        self.before_s = 0.0
        if accelerator.is_main_process:
            kept = [line for line in self._lines() if line["step"] <= start]
            self.before_s = kept[-1]["seconds"] if kept else 0.0
            self.path.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")

    def step(self, step: int, loss: torch.Tensor, rate: float, norm: torch.Tensor | None) -> None:
        self.losses.append(loss.detach())
        done = step + 1
        if done % self.every and done != self.last_step:
            return
        mean = cast(torch.Tensor, self.accelerator.gather(torch.stack(self.losses).mean().reshape(1)))
        line = {
            "step": done,
            "loss": round(float(mean.mean()), 6),
            "lr": rate,
            "grad_norm": round(float(norm), 4) if norm is not None else None,
            "seconds": round(self.before_s + time.perf_counter() - self.began, 2),
        }
        self.losses.clear()
        self.accelerator.log({name: line[name] for name in ("loss", "lr", "grad_norm")}, step=done)
        if self.accelerator.is_main_process:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            self.accelerator.print(f"step {done:6d}  loss {line['loss']:.4f}  {line['seconds']:.0f} s", flush=True)

    def _lines(self) -> list[dict]:
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()] if self.path.exists() else []


def _from_step(batches: Batches, start: int) -> Iterator[tuple[int, Batch]]:
    steps = range(start, len(batches))
    loader = DataLoader(cast(Dataset, batches), batch_size=None, sampler=steps, num_workers=batches.recipe.workers)
    return zip(steps, loader, strict=True)


def _last_checkpoint(out: Path, resume: bool, recipe: Recipe) -> Path | None:
    last = checkpoint.latest(out)
    if not resume:
        if last:
            raise checkpoint.CheckpointError(f"{out}: holds a run already; go on with --resume or choose another --out")
        return None
    if last is None:
        raise checkpoint.CheckpointError(f"{out}: no checkpoint to resume from; leave --resume out")
    saved = Recipe.read(last / "recipe.json")
    if dataclasses.replace(saved, guidance=recipe.guidance) != recipe:  # guidance has no part in training
        raise checkpoint.CheckpointError(
            f"{last}: was made by another recipe than the one given now; give the same one, "
            f"or start anew with --init {last}"
        )
    return last
