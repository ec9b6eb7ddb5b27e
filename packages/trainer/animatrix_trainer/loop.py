"""The training loop. It fits on one screen; what varies is in the functions it calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, Dataset

from animatrix_trainer import checkpoint, digests, forecast, preference, state
from animatrix_trainer.changes import changes
from animatrix_trainer.checkpoint import System
from animatrix_trainer.config import NEWEST, Data, Recipe, RecipeError, Stage
from animatrix_trainer.data import readings
from animatrix_trainer.data.cache import EncodedBatches, EncodedPairs
from animatrix_trainer.data.pairs import Pair, Pairs, WithPairs, read_pairs
from animatrix_trainer.data.read import Batch, Batches, Shards, held_back
from animatrix_trainer.data.readings import Reading
from animatrix_trainer.encode import from_cache
from animatrix_trainer.metrics import Log
from animatrix_trainer.model import experts, published
from animatrix_trainer.objective import objective
from animatrix_trainer.optim import learning_rate
from animatrix_trainer.parallel import Plain, gradients, processes, spread
from animatrix_trainer.signals import Stop, deaf

NO_LOSS = "no clip is held out: there is no held-out loss"
OBJECTIVES = {"flow": objective, "preference": preference.objective}
"""The loss of a stage by its `objective`."""
REFERENCE = "reference.safetensors"
WAITS = """stage {stage} waits for pairs of clips that this model draws. Make some:
  animatrix-train sample {checkpoint} --requests requests.jsonl --seeds 4 --out candidates
  animatrix-reward score, then animatrix-reward pairs (docs/training.md), and go on with --resume --pairs pairs.jsonl"""


def fit(
    recipe: Recipe,
    shards: Path | str,
    out: Path,
    resume: bool = False,
    init: Path | None = None,
    data: Data = NEWEST,
    other_data: bool = False,
    other_recipe: bool = False,
    memory_gib: float | None = None,
    pairs: Path | None = None,
    cache: str | None = None,
    cache_only: bool = False,
) -> Path:
    """Train `recipe` on the data set `shards` (a folder or s3:// URL); return the last checkpoint's folder in `out`.

    `resume` goes on from the newest checkpoint in `out` under the same recipe and on the same data, which
    `other_recipe` and `other_data` let change; `init` starts from the weights of another checkpoint. SIGTERM and SIGINT
    save and end the run. What would not fit into memory (of the device, or `memory_gib`; 0: never mind) is refused.
    Stages of preference read `pairs`. What `cache` holds is not encoded; with `cache_only` what it lacks is refused.
    """
    recipe = published.placed(recipe)
    with processes(recipe, out) as accelerator, Stop() as stop:
        saved, changed = _last_checkpoint(out, resume, recipe, other_recipe, accelerator.is_local_main_process)
        preferred, until = _pairs(recipe, pairs, saved)
        clips, read = _clips(recipe, shards, data, saved, init, other_data)
        place = (accelerator.process_index, accelerator.num_processes)
        batches, unseen = Batches(clips, recipe, *place), held_back(clips, recipe, *place)
        encodes = not cache_only or bool(recipe.samples)
        wanted = forecast.check(recipe, accelerator, memory_gib, not encodes)
        system, spreads, start = _ready(accelerator, recipe, read, saved, init, encodes)
        batches, unseen = from_cache(cache, cache_only, other_data, system, batches, unseen)
        log = Log(
            out,
            accelerator,
            system,
            start,
            [wanted, *changed, *clips.notes, *batches.notes, unseen.shards.reading.words() if unseen else NO_LOSS],
        )
        for step, batch in log.timed(_from_step(_steps(batches, preferred, system), start, until)):
            number, within = recipe.stage_of(step)
            stage, expert = recipe.stages[number], experts.of_step(recipe, step)
            rate = learning_rate(within, stage)
            on, loss_of = spreads[expert], partial(OBJECTIVES[stage.objective], system=system, expert=expert)
            loss = gradients(on, batch, recipe.parallel.accumulate, loss_of)
            norm = on.step(rate)
            log.step(step, loss, rate, norm, batch, system.reference)
            done, ending = step + 1, stop.now()
            others_move = done < recipe.steps and _moves_on(stage, recipe.stages[recipe.stage_of(done)[0]])
            if done % recipe.save_every == 0 or done == recipe.steps or ending or others_move:
                if log.since.losses:  # a loss that is no number is found there, before anything is written
                    log.line(done, rate, norm, number, system.reference)
                saved = _save(accelerator, system, spreads, out, done, stage.train)
                if unseen and not ending:
                    log.held_out(done, system, unseen)
                    log.samples(done, system, unseen)
            if ending:
                accelerator.print(f"stopped after step {done} of {recipe.steps} as asked; go on with --resume")
                break
            if done == until < recipe.steps:
                accelerator.print(WAITS.format(stage=recipe.stages[number + 1].name, checkpoint=saved))
            if others_move and done < until:
                del system, spreads, on, loss_of
                accelerator.free_memory()
                system, spreads, _ = _ready(accelerator, recipe, read, saved, None, encodes)
    if saved is None:
        raise RecipeError(f"steps={recipe.steps}: nothing to train and nothing trained yet")
    return saved


def _ready(
    accelerator: Accelerator,
    recipe: Recipe,
    read: tuple[Reading, ...],
    last: Path | None,
    init: Path | None,
    encodes: bool,
) -> tuple[System, list[Plain], int]:
    """The system, its transformers spread for the stage that comes next, and the steps done. A run that encodes nothing
    leaves codec and text encoder off its device.

    A stage that moves other parameters than the one before begins a new optimiser, from the checkpoint between them.
    """
    before = state.Saved(last) if last else None
    done = before.progress.step if before else 0
    stage = recipe.stages[recipe.stage_of(done)[0]]
    sharded = recipe.parallel.strategy == "fsdp2"
    others = not accelerator.is_main_process
    bare, mute = sharded and others, not encodes and others
    system = checkpoint.start(recipe, last or init, not last and accelerator.is_local_main_process, bare, mute)
    system.to(accelerator.device, models=not sharded, encoders=encodes)
    system.read = read
    for number, model in enumerate(system.models):
        if before and not bare:
            before.weights_into(model, number)
    copied = recipe.parallel.strategy.startswith("zero")  # which must be before DeepSpeed divides
    before_it = partial(preference.Reference, system.models, stage, copied)
    preferred = stage.objective == "preference"
    system.reference = before_it() if preferred and copied else None
    spreads = [spread(accelerator, model, recipe, stage) for model in system.models]
    if preferred:
        system.reference = system.reference or before_it()
        if last and recipe.stage_of(done)[1]:
            system.reference.restore(load_file(last / "state" / REFERENCE))
    if before:
        for number, on in enumerate(spreads):
            before.into(on, number, stage.train)
        before.random_back()
    return system, spreads, done


def _save(accelerator: Accelerator, system: System, spreads: list[Plain], out: Path, done: int, train: str) -> Path:
    """Write the checkpoint after `done` steps, all processes together."""
    main = accelerator.is_main_process
    with checkpoint.writing(out, done, main=main, wait=accelerator.wait_for_everyone) as part:
        state.write(part, spreads, done, train, accelerator.process_index, accelerator.num_processes)
        weights = state.averages(spreads, main)
        reference = system.reference.tensors(main) if system.reference else {}
        if main and reference:
            save_file(reference, part / "state" / REFERENCE)
        if main:
            checkpoint.export(system, part, weights, checkpoint.latest(out))
    return checkpoint.step_folder(out, done)


def _moves_on(stage: Stage, later: Stage) -> bool:
    """Whether the later stage begins from the checkpoint between them: it moves other parameters, or is measured
    against what the earlier one made."""
    return (stage.train, stage.objective) != (later.train, later.objective)


def _pairs(recipe: Recipe, path: Path | None, last: Path | None) -> tuple[tuple[Pair, ...], int]:
    """The pairs of the stages of preference, and the step until which the run can go: without pairs, which are made of
    what the stages before have learnt, to where they are needed. RecipeError where they are needed at once."""
    begins = [sum(stage.steps for stage in recipe.stages[:at]) for at in range(len(recipe.stages))]
    asking = [at for at, stage in zip(begins, recipe.stages, strict=True) if stage.objective == "preference"]
    if not asking or path:
        return read_pairs(path) if path and asking else (), recipe.steps
    done = state.Saved(last).progress.step if last else 0
    until = next((at for at in asking if at >= done), recipe.steps)
    stage = recipe.stages[recipe.stage_of(done)[0]]
    if stage.objective == "preference" and done < recipe.steps:
        raise RecipeError(
            f"stage {stage.name}: objective=preference needs --pairs, what `animatrix-reward pairs` wrote"
        )
    return (), until


def _steps(batches: Batches, pairs: tuple[Pair, ...], system: System) -> Batches | WithPairs:
    if not pairs:
        return batches
    if isinstance(batches, EncodedBatches):
        return WithPairs(batches, EncodedPairs(pairs, batches))
    return WithPairs(batches, Pairs(pairs, batches.recipe, system.codec.time_stride))


def _from_step(batches: Batches | WithPairs, start: int, until: int) -> Iterator[tuple[int, Batch]]:
    steps, workers = range(start, until), batches.recipe.workers
    data = cast(Dataset, batches)
    loader = DataLoader(data, batch_size=None, sampler=steps, num_workers=workers, worker_init_fn=deaf)
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
    clips = Shards(shards, recipe.cache_clips, data, decoder=recipe.decoder)
    if last:
        return clips, readings.gone_on(before, clips.reading, recipe.name, last, other_data)
    return clips, (*before, dataclasses.replace(clips.reading, run=recipe.name))


def _last_checkpoint(
    out: Path, resume: bool, recipe: Recipe, other: bool, check: bool
) -> tuple[Path | None, list[str]]:
    """The checkpoint to go on from, if any, and how the recipe has changed since; `other` consents to that. Of the
    processes of a machine one need `check` that it holds what was written, before anything of it is read."""
    last = checkpoint.latest(out)
    if not resume:
        if last:
            raise checkpoint.CheckpointError(f"{out}: holds a run already; go on with --resume or choose another --out")
        return None, []
    if last is None:
        raise checkpoint.CheckpointError(f"{out}: no checkpoint to resume from; leave --resume out")
    if check:
        digests.check(last)
    changed = [f"  {line}" for line in changes(Recipe.read(last / "recipe.json"), recipe)]
    if changed and not other:
        raise checkpoint.CheckpointError(
            "\n".join([f"{last}: was made by another recipe than the one given now:", *changed])
            + f"\ngive the same one, go on under this one with --other-recipe, or start anew with --init {last}"
        )
    return last, ["the recipe has changed:", *changed] if changed else []
