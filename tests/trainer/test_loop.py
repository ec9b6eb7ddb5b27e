import dataclasses
import json
import re
from functools import partial

import numpy as np
import pytest
import torch
from anicaption.releases import released
from animatrix_trainer import checkpoint
from animatrix_trainer.cli import main
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.config import Experts, Flow, Recipe, RecipeError, Tasks
from animatrix_trainer.data.read import Batch, Batches, Shards
from animatrix_trainer.loop import fit
from animatrix_trainer.metrics import LossError
from animatrix_trainer.model import experts
from animatrix_trainer.model.wan import is_tag_parameter, vocabulary_config
from animatrix_trainer.objective import objective
from animatrix_trainer.optim import AVERAGE, learning_rate
from animatrix_trainer.parallel import gradients, processes, spread
from animatrix_trainer.recipes import smoke
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


def test_training_lowers_the_loss(dataset, tmp_path):
    bucket = dataclasses.replace(smoke().stages[0].buckets[0], batch=4)
    recipe = dataclasses.replace(smoke(), save_every=80, flow=Flow(predicts="clip", given="plane"))
    recipe = recipe.over_stages(steps=80, buckets=(bucket,), tasks=Tasks(t2v=0.0, i2v=1.0))
    fit(recipe, dataset, tmp_path)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert sum(losses[-20:]) < 0.6 * sum(losses[:20])
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_noise_belongs_to_the_sample_not_to_the_batch(dataset):
    system = checkpoint.build(smoke())
    batch = Batches(Shards(dataset, cache=True), system.recipe)[0]
    parts = [Batch((n,), batch.videos[i : i + 1], (batch.conditions[i],)) for i, n in enumerate(batch.numbers)]
    with torch.no_grad():
        together = objective(system.model, system, batch)
        apart = [objective(system.model, system, part) for part in parts]
    torch.testing.assert_close(torch.stack(apart).mean(), together)


def test_a_recipe_survives_its_file_and_strange_keys_are_named(tmp_path):
    path = tmp_path / "recipe.json"
    smoke().write(path)
    assert Recipe.read(path) == smoke()
    value = json.loads(path.read_text())
    path.write_text(json.dumps(value | {"optim": value["optim"] | {"learning_rate": 1}}))
    with pytest.raises(RecipeError, match="learning_rate"):
        Recipe.read(path)
    path.write_text(json.dumps({k: v for k, v in value.items() if k != "workers"}))
    with pytest.raises(RecipeError, match=r"lacks \['workers'\]"):
        Recipe.read(path)


def test_the_golden_loss_is_unchanged(monkeypatch):
    """Edits that are not meant to change numbers must not. Where one is meant to, write the new numbers here.

    The model is that of the first released taxonomy: a larger one has larger tables, hence other first weights.
    """
    monkeypatch.setattr(checkpoint, "vocabulary_config", lambda: vocabulary_config(released()[0].hash))
    videos = np.random.default_rng(0).integers(0, 256, (2, 5, 8, 16, 3), dtype=np.uint8)
    told = (Condition({"camera.move": ("pan_left",)}, "A pan to the left."), Condition(None, ""))
    losses = {}
    for predicts in ("velocity", "clip", "warp"):
        recipe = dataclasses.replace(smoke(), flow=Flow(predicts=predicts, given="plane", s_floor=0.5))
        system = checkpoint.build(recipe)
        with torch.no_grad():
            system.model.proj_out.weight.fill_(0.01)
            losses[predicts] = float(objective(system.model, system, Batch((0, 1), videos, told)))
    assert losses == pytest.approx(GOLDEN, rel=1e-4)


@pytest.fixture
def untrained(monkeypatch):
    """A system of the first released taxonomy: a larger one has larger tables, hence other first weights."""
    monkeypatch.setattr(checkpoint, "vocabulary_config", lambda: vocabulary_config(released()[0].hash))
    return checkpoint.build


def drawn_batch(step, n=4):
    """Moving gratings with a tag each, from numbers alone: no decoder has a part in what follows."""
    row, column, time = np.meshgrid(np.arange(8), np.arange(16), np.arange(5), indexing="ij")
    numbers = tuple(range(n * step, n * (step + 1)))
    waves = [128 + 100 * np.sin((row + (1 + k % 3) * (column + time)) / 3 + k) for k in numbers]
    videos = np.stack([np.repeat(wave.transpose(2, 0, 1)[..., None], 3, 3) for wave in waves]).astype(np.uint8)
    moves = ("pan_left", "pan_right", "none")
    return Batch(numbers, videos, tuple(Condition({"camera.move": (moves[k % 3],)}, f"clip {k}") for k in numbers))


def test_twenty_golden_steps(untrained, tmp_path):
    """Loss and gradient norm of a whole training step, optimiser and average included, twenty times over."""
    recipe = smoke().over_stages(steps=20, tasks=Tasks(t2v=0.5, i2v=0.5))
    with processes(recipe, tmp_path) as accelerator:
        system = untrained(recipe)
        on = spread(accelerator, system.model, recipe, recipe.stages[0])
        found = []
        for step in range(20):
            loss = gradients(on, drawn_batch(step), 2, partial(objective, system=system, expert=0))
            found.append((float(loss), float(on.step(learning_rate(step, recipe.stages[0])))))
        average = float(on.full("proj_out.weight", AVERAGE).norm())
    chosen = [found[step] for step in (0, 4, 9, 14, 19)]
    assert [loss for loss, _ in chosen] == pytest.approx(GOLDEN_STEPS["loss"], rel=1e-4)
    assert [norm for _, norm in chosen] == pytest.approx(GOLDEN_STEPS["norm"], rel=1e-3)
    assert average == pytest.approx(GOLDEN_STEPS["average"], rel=1e-3)


class HostReads(TorchDispatchMode):
    """Counts what makes the host wait for a device: numbers read back, and sizes that depend on values."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        waits = {aten._local_scalar_dense, aten.is_nonzero, aten.nonzero, aten.masked_select, aten.equal}
        self.count += func.overloadpacket in waits
        return func(*args, **(kwargs or {}))


def test_no_step_waits_for_the_device(dataset, tmp_path):
    """Twelve steps read back no more than six: only the last line and the checkpoint do."""
    counts = []
    for steps in (6, 12):
        recipe = dataclasses.replace(smoke().over_stages(steps=steps), log_every=1000, save_every=1000)
        with HostReads() as reads:
            fit(recipe, dataset, tmp_path / str(steps))
        counts.append(reads.count)
    assert counts[0] == counts[1] > 0


def moved(before, after):
    """Names of the raw weights that differ between two checkpoints."""
    one, two = (load_file(folder / "state" / "tensors-00000.safetensors") for folder in (before, after))
    names = [name for name in one if "/weight/" in name and name in two]
    return {name.replace("/weight/", "/") for name in names if not torch.equal(one[name], two[name])}


def test_a_step_trains_one_of_two_experts(dataset, tmp_path):
    recipe = dataclasses.replace(smoke().over_stages(steps=8), experts=Experts(boundary=0.5), save_every=1)
    fit(dataclasses.replace(recipe), dataset, tmp_path)
    trained = [experts.of_step(recipe, step) for step in range(8)]
    assert set(trained) == {0, 1}
    progress = json.loads((checkpoint.step_folder(tmp_path, 8) / "state" / "progress.json").read_text())
    assert progress["adam_steps"] == progress["updates"] == [trained.count(0), trained.count(1)]
    names = moved(checkpoint.step_folder(tmp_path, 7), checkpoint.step_folder(tmp_path, 8))
    assert names and {name.split("/")[0] for name in names} == {checkpoint.TRANSFORMERS[trained[7]]}


def staged(*train, steps=3):
    first = smoke().stages[0]
    stages = [dataclasses.replace(first, name=f"{at}", steps=steps, train=kind) for at, kind in enumerate(train)]
    return dataclasses.replace(smoke(), stages=tuple(stages), save_every=steps * len(train))


def test_a_stage_moves_what_it_says_and_another_goes_on_with_the_optimiser(dataset, tmp_path):
    fit(staged("tags", "all", "all"), dataset, tmp_path)
    progress = [
        json.loads((checkpoint.step_folder(tmp_path, step) / "state" / "progress.json").read_text()) for step in (3, 9)
    ]
    assert [(p["train"], p["adam_steps"], p["updates"]) for p in progress] == [("tags", [3], [3]), ("all", [6], [9])]
    begun = checkpoint.build(staged("tags", "all")).model
    first = load_file(checkpoint.step_folder(tmp_path, 3) / "state" / "tensors-00000.safetensors")
    tags = {key.split("/")[2] for key in first if "/weight/" in key}
    assert tags == {name for name, _ in begun.named_parameters() if is_tag_parameter(name)}
    kept = load_file(checkpoint.step_folder(tmp_path, 3) / "transformer" / "diffusion_pytorch_model.safetensors")
    for name, weight in begun.named_parameters():
        if name not in tags:
            assert torch.equal(kept[name], weight), name
    last = load_file(checkpoint.step_folder(tmp_path, 9) / "state" / "tensors-00000.safetensors")
    assert {key.split("/")[2] for key in last if "/weight/" in key} == {name for name, _ in begun.named_parameters()}


def test_a_loss_that_is_no_number_is_named_and_nothing_is_saved(dataset, tmp_path, capsys):
    settings = {"--stages.0.lr": "1e30", "--stages.0.warmup-steps": "0", "--log-every": "4"}
    words = [word for pair in settings.items() for word in pair]
    assert main(["fit", "smoke", "--shards", str(dataset), "--out", str(tmp_path), *words]) == 2
    assert re.search(r"fit: step \d+, stage only.* samples \[", capsys.readouterr().err)
    assert checkpoint.latest(tmp_path) is None


def test_a_gradient_that_is_no_number_is_found_before_the_checkpoint(dataset, tmp_path, monkeypatch):
    """The loss of the last step before a checkpoint says nothing yet of the weights that this step leaves."""

    def build(*what):
        system = build_plainly(*what)
        system.model.proj_out.bias.register_hook(lambda gradient: gradient * float("nan"))
        return system

    build_plainly = checkpoint.build
    monkeypatch.setattr(checkpoint, "build", build)
    with pytest.raises(LossError, match="step 1: the norm of the gradient is nan"):
        fit(dataclasses.replace(smoke(), log_every=100, save_every=1), dataset, tmp_path)
    assert checkpoint.latest(tmp_path) is None


GOLDEN_STEPS = {
    "loss": [1.627768, 1.619062, 1.519377, 1.504325, 1.438751],
    "norm": [0.61298, 0.58654, 0.7908, 0.86849, 0.62827],
    "average": 0.291058,
}
GOLDEN = {"velocity": 7.84066, "clip": 27.28027, "warp": 50.54795}
