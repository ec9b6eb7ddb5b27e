"""The training loop. It fits on one screen; what varies is in the functions it calls."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, Dataset

from animatrix_trainer import checkpoint
from animatrix_trainer.checkpoint import System
from animatrix_trainer.config import NEWEST, Data, Recipe
from animatrix_trainer.data import readings
from animatrix_trainer.data.read import Batch, Batches, Shards, held_back
from animatrix_trainer.data.readings import Reading
from animatrix_trainer.objective import objective
from animatrix_trainer.optim import Ema, adamw, learning_rate

NO_LOSS = "no clip is held out: there is no held-out loss"


def fit(
    recipe: Recipe,
    shards: Path | str,
    out: Path,
    resume: bool = False,
    init: Path | None = None,
    data: Data = NEWEST,
    other_data: bool = False,
) -> Path:
    """Train `recipe` on the data set `shards` (a folder or s3:// URL); return the last checkpoint's folder in `out`.

    `resume` goes on from the newest checkpoint in `out` under the same recipe and on the same data, which `other_data`
    lets change; `init` starts from the weights of another checkpoint.
    """
    accelerator = Accelerator(mixed_precision=recipe.parallel.precision, log_with="tensorboard", project_dir=out)
    last = _last_checkpoint(out, resume, recipe)
    clips, read = _clips(recipe, shards, data, last, init, other_data)
    system = (checkpoint.load(init) if init else checkpoint.build(recipe)).to(accelerator.device)
    system.recipe, system.read = recipe, read
    optimizer = adamw(system.model, recipe.optim)
    model, optimizer = accelerator.prepare(system.model, optimizer)
    raw = accelerator.unwrap_model(model)
    start, updates = checkpoint.restore(last, raw, optimizer) if last else (0, 0)
    average = checkpoint.load(last).model.to(accelerator.device) if last else raw
    ema = Ema(dict(average.named_parameters()), recipe.optim.ema, updates)
    place = (accelerator.process_index, accelerator.num_processes)
    batches, unseen = Batches(clips, recipe, *place), held_back(clips, recipe, *place)
    log = Log(out, accelerator, system, start, [*clips.notes, unseen.shards.reading.words() if unseen else NO_LOSS])
    saved = last
    for step, batch in _from_step(batches, start):
        stage, within = recipe.stage_of(step)
        rate = learning_rate(within, recipe.stages[stage])
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
        if done % recipe.save_every == 0 or done == recipe.steps:
            if unseen:
                log.held_out(done, held_out_loss(model, system, unseen), unseen)
            if accelerator.is_main_process:
                saved = checkpoint.save(system, out, done, raw, optimizer, ema)
    accelerator.end_training()
    if saved is None:
        raise ValueError(f"steps={recipe.steps}: nothing to train and nothing trained yet")
    return saved


def held_out_loss(model: torch.nn.Module, system: System, batches: Batches) -> torch.Tensor:
    """The loss on clips that training never sees; the same windows, words and noise every time."""
    with torch.no_grad():
        return torch.stack([objective(model, system, batches[step]) for step in range(len(batches))]).mean()


class Log:
    """metrics.jsonl and TensorBoard, every `log_every` steps; the loss is a mean over the steps since the last line.
    held_out.jsonl has the loss on clips of another split, at every checkpoint; data.json what is read.

    The device is read once a line, not once a step.
    """

    def __init__(self, out: Path, accelerator: Accelerator, system: System, start: int, notes: Sequence[str]) -> None:
        self.path, self.unseen, self.accelerator = out / "metrics.jsonl", out / "held_out.jsonl", accelerator
        self.every, self.last_step = system.recipe.log_every, system.recipe.steps
        out.mkdir(parents=True, exist_ok=True)
        accelerator.init_trackers("tensorboard")
        self.losses: list[torch.Tensor] = []
        self.began = time.perf_counter()
        self.before_s = 0.0
        if accelerator.is_main_process:
            for path in (self.path, self.unseen):
                kept = [line for line in _lines(path) if line["step"] <= start]
                self.before_s = max([self.before_s, *(line["seconds"] for line in kept[-1:])])
                if path.exists():
                    path.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
            readings.write(out, system.read)
            accelerator.print("\n".join([system.read[-1].words(), *notes]), flush=True)

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
            "seconds": self._seconds(),
        }
        self.losses.clear()
        self.accelerator.log({name: line[name] for name in ("loss", "lr", "grad_norm")}, step=done)
        if self.accelerator.is_main_process:
            _append(self.path, line)
            self.accelerator.print(f"step {done:6d}  loss {line['loss']:.4f}  {line['seconds']:.0f} s", flush=True)

    def held_out(self, done: int, loss: torch.Tensor, batches: Batches) -> None:
        mean = float(cast(torch.Tensor, self.accelerator.gather(loss.reshape(1))).mean())
        split = batches.shards.reading.split
        self.accelerator.log({f"{split}_loss": mean}, step=done)
        if self.accelerator.is_main_process:
            line = {"step": done, "split": split, "loss": round(mean, 6), "seconds": self._seconds()}
            _append(self.unseen, line)
            self.accelerator.print(f"step {done:6d}  {split} loss {line['loss']:.4f}", flush=True)

    def _seconds(self) -> float:
        return round(self.before_s + time.perf_counter() - self.began, 2)


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def _append(path: Path, line: dict) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _from_step(batches: Batches, start: int) -> Iterator[tuple[int, Batch]]:
    steps = range(start, len(batches))
    loader = DataLoader(cast(Dataset, batches), batch_size=None, sampler=steps, num_workers=batches.recipe.workers)
    return zip(steps, loader, strict=True)


def _clips(
    recipe: Recipe, shards: Path | str, data: Data, last: Path | None, init: Path | None, other_data: bool
) -> tuple[Shards, tuple[Reading, ...]]:
    """The clips to learn from, and all that the weights will have read. A run that goes on reads the generations it
    began with where none are named; CheckpointError where the data set has other contents under these numbers."""
    seen = last or init
    before = readings.read(checkpoint.resolve(seen)) if seen else ()
    if last and before and not other_data and data.video is data.labels is None:
        data = dataclasses.replace(data, video=before[-1].video, labels=before[-1].labels)
    clips = Shards(shards, recipe.cache_clips, data)
    if last:
        return clips, readings.gone_on(before, clips.reading, recipe.name, last, other_data)
    return clips, (*before, dataclasses.replace(clips.reading, run=recipe.name))


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
