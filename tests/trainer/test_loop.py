import dataclasses
import json

import numpy as np
import pytest
import torch
from anicaption.releases import released
from animatrix_trainer import checkpoint
from animatrix_trainer.config import Flow, Recipe, RecipeError, Tasks
from animatrix_trainer.loop import fit
from animatrix_trainer.model.wan import vocabulary_config
from animatrix_trainer.objective import objective
from animatrix_trainer.recipes import smoke


def test_training_lowers_the_loss(dataset, tmp_path):
    bucket = dataclasses.replace(smoke().stages[0].buckets[0], batch=4)
    recipe = dataclasses.replace(smoke(), save_every=80, flow=Flow(predicts="clip", given="plane"))
    recipe = recipe.over_stages(steps=80, buckets=(bucket,), tasks=Tasks(t2v=0.0, i2v=1.0))
    fit(recipe, dataset, tmp_path)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert sum(losses[-20:]) < 0.6 * sum(losses[:20])
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_noise_belongs_to_the_sample_not_to_the_batch(dataset):
    from animatrix_trainer.data.read import Batch, Batches, Shards

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
    from animatrix_trainer.conditioning.dropout import Condition
    from animatrix_trainer.data.read import Batch

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


GOLDEN = {"velocity": 7.84066, "clip": 27.28027, "warp": 50.54795}
