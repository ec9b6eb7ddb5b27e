"""What each of two processes does in test_ranks.py: `torchrun --nproc_per_node 2 ranks.py STRATEGY DATASET PAIRS OUT`.

It first makes sure that it is what it is said to be: two processes, and parameters or optimiser really divided.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from animatrix_trainer import checkpoint, forecast
from animatrix_trainer.config import Bucket, Experts, Lora, Parallel, Preference, Recipe, Tasks, Window
from animatrix_trainer.data.read import Batches, Shards
from animatrix_trainer.loop import fit
from animatrix_trainer.objective import objective
from animatrix_trainer.optim import AVERAGE, MOMENTS
from animatrix_trainer.parallel import Plain, Sharded, Zero, gradients, processes, spread
from animatrix_trainer.preference import Reference
from animatrix_trainer.recipes import smoke
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

STEPS, SAVE_EVERY = 6, 3


def recipe_of(strategy: str, accumulate: int = 1) -> Recipe:
    """Six steps of four samples, the same whatever the strategy."""
    bucket = Bucket(Window(frames=5, height_px=8, width_px=16), batch=4)
    recipe = dataclasses.replace(smoke(), save_every=SAVE_EVERY, parallel=Parallel(strategy, accumulate))
    return recipe.over_stages(steps=STEPS, buckets=(bucket,), tasks=Tasks(t2v=0.5, i2v=0.5))


def hardest_of(strategy: str) -> Recipe:
    """Two experts, and a stage that moves other parameters than the one before it, adapters among them."""
    recipe = recipe_of(strategy)
    stages = [dataclasses.replace(recipe.stages[0], name=kind, steps=3, train=kind) for kind in ("tags", "lora")]
    return dataclasses.replace(
        recipe, stages=tuple(stages), save_every=100, experts=Experts(boundary=0.5), lora=Lora(rank=4, alpha=4)
    )


def preferred_of(strategy: str) -> Recipe:
    """Two experts learn for two steps, then from pairs for four, with a checkpoint in the midst of it."""
    recipe = recipe_of(strategy)
    stages = [
        dataclasses.replace(recipe.stages[0], name=kind, steps=steps, objective=kind)
        for kind, steps in (("flow", 2), ("preference", 4))
    ]
    return dataclasses.replace(
        recipe, stages=tuple(stages), save_every=4, experts=Experts(boundary=0.5), preference=Preference(beta=50.0)
    )


def begun(recipe: Recipe, bare: bool = False) -> checkpoint.System:
    """The untrained system, with an output layer that lets gradients through: it starts at zero otherwise."""
    system = checkpoint.build(recipe, bare)
    with torch.no_grad():
        weight = system.model.proj_out.weight
        weight.copy_(torch.linspace(-0.1, 0.1, weight.numel()).reshape(weight.shape))
    return system


def assert_divided(on: Plain, strategy: str) -> None:
    assert dist.get_world_size() == 2
    if strategy == "plain":
        assert isinstance(on.model, DistributedDataParallel)
    elif strategy == "fsdp2":
        assert type(on) is Sharded
        assert all(isinstance(weight, DTensor) for weight in on.raw.parameters())
        held = sum(weight.to_local().numel() for weight in on.raw.parameters())
        assert held < 0.6 * sum(weight.numel() for weight in on.raw.parameters())
    else:
        assert type(on) is Zero and on.stage == int(strategy[-1])
        whole = sum(torch.Size(on._shape(weight)).numel() for weight in on.raw.parameters())
        assert sum(part.numel() for part in on.masters()) < 0.6 * whole
        if strategy == "zero3":
            assert sum(weight.numel() for weight in on.raw.parameters()) < 0.6 * whole


def assert_forecast(on: Plain, recipe: Recipe) -> None:
    """Weights, moments and average take what the forecast says, on the mean of the two processes."""
    strategy = recipe.parallel.strategy
    states = [on.adamw.state[weight] for weight in on.masters()]
    weights = [getattr(weight, "ds_tensor", weight) for weight in on.raw.parameters()]
    held = {
        "weights": weights,
        "moments": [state[moment] for state in states for moment in MOMENTS],
        "average": [state[AVERAGE] for state in states],
        "master weights": on.masters() if strategy.startswith("zero") else [],
    }
    parts = {part.name: part.bytes for part in forecast.forecast(recipe, 2).parts}
    for name, tensors in held.items():
        own = sum(t.to_local().numel() if isinstance(t, DTensor) else t.numel() for t in tensors)
        both = torch.tensor(4.0 * own)
        dist.all_reduce(both)
        found, expected = both.item() / 2, parts.get(name, 0)
        assert abs(found - expected) <= 0.02 * expected, f"{strategy}: {name} {found} of {expected}"


def first_gradients(recipe: Recipe, data: Path, out: Path) -> None:
    with processes(recipe, out) as accelerator:
        assert accelerator.num_processes == 2
        bare = recipe.parallel.strategy == "fsdp2" and not accelerator.is_main_process
        system = begun(recipe, bare)  # of FSDP2 the second process has no numbers before it is given its part
        assert {weight.is_meta for weight in system.model.parameters()} == {bare}
        on = spread(accelerator, system.model, recipe, recipe.stages[0])
        assert_divided(on, recipe.parallel.strategy)
        assert_forecast(on, recipe)
        batch = Batches(Shards(data, cache=True), recipe, accelerator.process_index, 2)[0]
        loss = gradients(on, batch, recipe.parallel.accumulate, partial(objective, system=system, expert=0))
        dist.all_reduce(loss)
        found = {"loss": loss / 2}
        for name in on.moved:
            gradient = on.gradient(name)
            assert gradient is not None, name
            found[name] = gradient.detach().clone().contiguous()
        found["norm"] = on.step(0.0).reshape(()).float().clone()
        if recipe.parallel.strategy == "fsdp2":
            before = Reference([on.raw], recipe.stages[0])
            assert all(isinstance(weight, DTensor) for weight in before.kept[0].values())
        if accelerator.is_main_process:
            save_file(found, out / "gradients.safetensors")
        accelerator.wait_for_everyone()
        accelerator.free_memory()


def told_to_stop(recipe: Recipe, data: Path, out: Path) -> None:
    """Only the second process is told, after a few steps."""

    def tell() -> None:
        while not (out / "metrics.jsonl").exists() or (out / "metrics.jsonl").read_text().count("\n") < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    if dist.get_rank() == 1:
        threading.Thread(target=tell, daemon=True).start()
    fit(dataclasses.replace(recipe.over_stages(steps=100_000), save_every=100_000), data, out)


def broken_off(run: Path, out: Path, step: int) -> None:
    """A run as it was after `step`."""
    saved = checkpoint.step_folder(run, step)
    (out / "checkpoints").mkdir(parents=True)
    (out / "checkpoints" / saved.name).symlink_to(saved)


def main(strategy: str, data: Path, pairs: Path, out: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")  # outlives each of the runs below
    recipe = recipe_of(strategy)
    first_gradients(recipe_of(strategy, accumulate=2), data, out)
    fit(recipe, data, out / "run")
    fit(hardest_of(strategy), data, out / "hardest")
    half = dataclasses.replace(recipe, parallel=Parallel(strategy, precision="bf16"))
    fit(half.over_stages(steps=2), data, out / "half")
    fit(preferred_of(strategy), data, out / "preferred", pairs=pairs)
    if dist.get_rank() == 0:
        for run, step in (("run", SAVE_EVERY), ("preferred", 4)):
            broken_off(out / run, out / f"{run}-broken", step)
    dist.barrier()
    fit(recipe, data, out / "run-broken", resume=True)
    fit(preferred_of(strategy), data, out / "preferred-broken", resume=True, pairs=pairs)
    if strategy == "plain":
        told_to_stop(recipe, data, out / "stopped")
    dist.barrier()
    if dist.get_rank() == 0:
        (out / "done").write_text(strategy)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
    dist.destroy_process_group()
