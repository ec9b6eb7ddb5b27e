"""What a run says of itself: metrics.jsonl, held_out.jsonl, samples/ and TensorBoard, without a host sync per step."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from animatrix_trainer import flops, held_out, show
from animatrix_trainer.checkpoint import System
from animatrix_trainer.config import LossError, Window
from animatrix_trainer.data import readings
from animatrix_trainer.data.pairs import PairBatch
from animatrix_trainer.data.read import Batch, Batches
from animatrix_trainer.encoded import EncodedBatch, EncodedPairBatch

if TYPE_CHECKING:
    from animatrix_trainer.preference import Reference

Item = TypeVar("Item")
DISPLACED_LINES = 3
"""So many lines in a row with winners below the reference are an alarm."""
SLOWER = 0.8
"""So much less motion of samples is one."""


@dataclass
class Since:
    """What has happened since the last line. Losses stay on the device."""

    losses: list[torch.Tensor] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    numbers: list[tuple[int, ...]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    missed: list[int] = field(default_factory=list)
    tokens: int = 0
    flops: int = 0
    wait_s: float = 0.0
    busy_s: float = 0.0


class Log:
    """metrics.jsonl and TensorBoard, every `log_every` steps and before every checkpoint; the loss is a mean over the
    steps since the last line. held_out.jsonl has the loss on clips of another split at fixed noise shares, of all and
    of those that say something of an axis of the taxonomy; samples/ clips of fixed seeds; data.json what is read.

    The device is read once a line, not once a step. That is also when a loss that is no number is found, and a line
    comes before every checkpoint, so none is written after it. The loop takes its batches through `timed`, which is
    how waiting for data is told from working, and both from writing checkpoints.
    """

    def __init__(self, out: Path, accelerator: Accelerator, system: System, start: int, notes: Sequence[str]) -> None:
        self.out, self.path, self.unseen = out, out / "metrics.jsonl", out / "held_out.jsonl"
        self.accelerator, self.recipe = accelerator, system.recipe
        self.size = flops.Size.of(system.model.config, system.recipe.text.length)
        self.strides = flops.strides(system.codec)
        self.peak = flops.peak_flops(accelerator.device, system.recipe.parallel.precision)
        out.mkdir(parents=True, exist_ok=True)
        accelerator.init_trackers("tensorboard")
        self.since, self.displaced = Since(), 0
        self.began = self.asked = time.perf_counter()
        self.before_s = 0.0
        if accelerator.is_main_process:
            for path in (self.path, self.unseen):
                kept = [line for line in _lines(path) if line["step"] <= start]
                self.before_s = max([self.before_s, *(line["seconds"] for line in kept[-1:])])
                if path.exists():
                    path.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
            readings.write(out, system.read)
            accelerator.print("\n".join([system.read[-1].words(), *notes]), flush=True)

    def timed(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items; the time until each comes is the wait for data."""
        source = iter(items)
        while True:
            self.asked = time.perf_counter()
            try:
                item = next(source)
            except StopIteration:
                return
            self.since.wait_s += time.perf_counter() - self.asked
            yield item

    def step(
        self,
        step: int,
        loss: torch.Tensor,
        rate: float,
        norm: torch.Tensor | None,
        batch: Batch,
        reference: Reference | None = None,
    ) -> None:
        """Note 0-based `step`: its loss and norm (tensors, not read here), its rate, this process's part of its batch.

        Raises LossError, on all processes alike, where a loss since the last line is no number.
        """
        since, done = self.since, step + 1
        since.losses.append(loss.detach())
        since.steps.append(step)
        since.numbers.append(tuple(batch.numbers))
        since.skipped += batch.skipped
        since.missed += [batch.missed] if isinstance(batch, EncodedBatch | EncodedPairBatch) else []
        tokens = self._tokens(batch)
        since.tokens += len(batch.numbers) * tokens * (2 if isinstance(batch, PairBatch) else 1)
        since.flops += len(batch.numbers) * flops.sample_flops(self.size, tokens, self.recipe.stages[batch.stage])
        if done % self.recipe.log_every == 0 or done % self.recipe.save_every == 0 or done == self.recipe.steps:
            self.line(done, rate, norm, batch.stage, reference)
        self.since.busy_s += time.perf_counter() - self.asked  # `line` has begun a new count where it wrote one

    def line(
        self, done: int, rate: float, norm: torch.Tensor | None, stage: int, reference: Reference | None = None
    ) -> None:
        """Write what happened since the last line. The only place that waits for the device."""
        since = self.since
        mine = torch.stack(since.losses).float().reshape(1, -1)
        all_losses = cast(torch.Tensor, self.accelerator.gather(mine)).cpu()
        if not torch.isfinite(all_losses).all():
            raise LossError(self._broken(all_losses))
        steepness = None if norm is None else float(norm)
        if steepness is not None and not math.isfinite(steepness) and self.recipe.parallel.precision != "fp16":
            raise LossError(  # of fp16 such steps are left out
                f"step {done}: the norm of the gradient is {steepness}, and so are the weights now; nothing was saved "
                "since the last checkpoint. Lower the stage's lr or optim.clip_norm, and go on with --resume"
            )
        seconds = since.busy_s + time.perf_counter() - self.asked
        world = self.accelerator.num_processes
        per_second = since.flops / max(seconds, 1e-9)
        line = {
            "step": done,
            "stage": self.recipe.stages[stage].name,
            "loss": round(float(all_losses.mean()), 6),
            "lr": rate,
            "grad_norm": None if steepness is None else round(steepness, 4),
            "seconds": self._seconds(),
            "step_s": round(seconds / len(since.losses), 4),
            "tokens_per_s": round(world * since.tokens / max(seconds, 1e-9), 1),
            "tflops": round(per_second / 1e12, 4),
            "mfu": round(per_second / self.peak, 4) if self.peak else None,
            "data_wait": round(since.wait_s / max(seconds, 1e-9), 4),
            "memory_gib": round(peak_memory(self.accelerator.device) / 2**30, 3),
        }
        if self.recipe.skip_corrupt:
            line["skipped"] = self._skipped()
        if since.missed:
            line["missed"] = self._over_processes(sum(since.missed))
        line |= self._watched(reference, done)
        self.since, self.asked = Since(), time.perf_counter()
        self.accelerator.log({k: v for k, v in line.items() if isinstance(v, float)}, step=done)
        if self.accelerator.is_main_process:
            _append(self.path, line)
            self.accelerator.print(f"step {done:6d}  {line['stage']}  {_words(line)}", flush=True)

    def _watched(self, reference: Reference | None, done: int) -> dict[str, float]:
        """What a stage of preference is watched by, means over all processes."""
        found = {
            name: round(float(cast(torch.Tensor, self.accelerator.gather(value.reshape(1))).mean()), 6)
            for name, value in (reference.watched() if reference else {}).items()
        }
        if found:
            self.displaced = self.displaced + 1 if found["displacement"] > 0 else 0
            if self.displaced >= DISPLACED_LINES:
                self.accelerator.print(
                    f"step {done:6d}  ALARM: winners have grown less likely over {self.displaced} lines "
                    f"(displacement {found['displacement']:.4f}): lower the rate or preference.beta, or give "
                    "preference.sft some weight",
                    flush=True,
                )
        return found

    def _skipped(self) -> int:
        """How many samples all processes drew anew since the last line; each process says which of its own."""
        for words in self.since.skipped:
            print(f"skipped: {words}", flush=True)
        return self._over_processes(len(self.since.skipped))

    def _over_processes(self, count: int) -> int:
        mine = torch.tensor([count], device=self.accelerator.device)
        return int(cast(torch.Tensor, self.accelerator.gather(mine)).sum())

    def held_out(self, done: int, system: System, batches: Batches) -> None:
        """Ask the model of clips of another split, the same windows and noise every time, and write the answer.

        All processes call it together, each with its own part (data/read.py, held_back).
        """
        mine = held_out.measure(system, batches)
        parts = (mine.error_NQ, mine.told_NA.float(), mine.silenced_NA)
        error, told, silenced = (cast(torch.Tensor, self.accelerator.gather(part.contiguous())).cpu() for part in parts)
        said = held_out.summary(error, told, silenced, mine)
        split = batches.shards.reading.split
        tracked = {f"{split}_loss": said["loss"]}
        tracked |= {f"{split}_loss/s={s:.2f}": x for s, x in zip(said["sigmas"], said["by_sigma"], strict=True)}
        for axis, of_axis in said["by_axis"].items():
            tracked[f"{split}_gap/{axis}"] = of_axis["gap"]
            shares = zip(said["sigmas"], of_axis["loss"], strict=True)
            tracked |= {f"{split}_loss_{axis}/s={s:.2f}": x for s, x in shares}
        self.accelerator.log(tracked, step=done)
        if self.accelerator.is_main_process:
            _append(self.unseen, {"step": done, "split": split, **said, "seconds": self._seconds()})
            gaps = "  ".join(f"{axis} {x['gap']:+.4f}" for axis, x in said["by_axis"].items())
            self.accelerator.print(f"step {done:6d}  {split} loss {said['loss']:.4f}  gaps: {gaps}", flush=True)

    def samples(self, done: int, system: System, batches: Batches) -> None:
        """Draw the recipe's number of clips from held-out conditions: samples/step-N/ and TensorBoard.

        All processes call it together; the first one writes.
        """
        if not self.recipe.samples:
            return
        clips, words = held_out.draw(system, batches, self.recipe.samples)
        if self.accelerator.is_main_process:
            self._motion(done, clips)
            writer = self.accelerator.get_tracker("tensorboard", unwrap=True)
            show.write(self.out / "samples" / f"step-{done:08d}", clips, words)
            show.to_tensorboard(writer, done, clips, words)

    def _motion(self, done: int, clips_NFHWC: Any) -> None:
        """Note how much the samples move; a stage of preference that makes them slower than its first ones is told."""
        stage = self.recipe.stages[self.recipe.stage_of(done - 1)[0]]
        motion = show.motion(clips_NFHWC)
        path = self.out / "samples" / "motion.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        before = next((row["motion"] for row in _lines(path) if row["stage"] == stage.name), motion)
        _append(path, {"step": done, "stage": stage.name, "motion": round(motion, 5)})
        if stage.objective == "preference" and motion < SLOWER * before:
            self.accelerator.print(
                f"step {done:6d}  ALARM: samples move {motion / before:.0%} of what they did at the stage's first "
                "checkpoint; plain preference drifts to slow motion: look at samples/, use preference.segments",
                flush=True,
            )

    def _tokens(self, batch: Batch) -> int:
        _, frames, height_px, width_px, _ = batch.videos.shape
        latent = flops.latent_size(Window(frames, height_px, width_px), *self.strides)
        return flops.video_tokens(latent, self.size.patch)

    def _broken(self, losses: torch.Tensor) -> str:
        """What to say of losses (processes, steps) of which some are no numbers: the first such step, its samples."""
        at = int((~torch.isfinite(losses)).any(0).nonzero()[0, 0])
        numbers = cast(list[tuple[int, ...]], gather_object([self.since.numbers[at]]))
        bad = [n for rank, of_rank in enumerate(numbers) if not torch.isfinite(losses[rank, at]) for n in of_rank]
        stage, _ = self.recipe.stage_of(self.since.steps[at])
        return (
            f"step {self.since.steps[at] + 1}, stage {self.recipe.stages[stage].name}: the loss is no number over the "
            f"samples {sorted(bad)}; nothing was saved since. Look at them with `animatrix-train plan`, lower the "
            f"stage's lr or optim.clip_norm, or leave a broken clip out by a correction, and go on with --resume"
        )

    def _seconds(self) -> float:
        return round(self.before_s + time.perf_counter() - self.began, 2)


def peak_memory(device: torch.device) -> int:
    """Most bytes that this process had: tensors on a CUDA device, all of it on a CPU. Asks nothing of the device."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _words(line: dict[str, Any]) -> str:
    parts = [f"loss {line['loss']:.4f}", f"{line['step_s']:.2f} s a step", f"{line['tokens_per_s']:.0f} tokens/s"]
    if line["mfu"] is not None:
        parts.append(f"MFU {line['mfu']:.0%}")
    return "  ".join([*parts, f"data wait {line['data_wait']:.0%}", f"{line['memory_gib']:.1f} GiB"])


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def _append(path: Path, line: dict[str, Any]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
