import dataclasses
import json

import numpy as np
import pytest
import torch
from anicaption.releases import released
from animatrix_trainer import checkpoint
from animatrix_trainer.config import Flow, Optim, Recipe, RecipeError, Stage, Tasks
from animatrix_trainer.loop import fit
from animatrix_trainer.model.wan import vocabulary_config
from animatrix_trainer.objective import objective
from animatrix_trainer.optim import Ema, adamw, learning_rate
from animatrix_trainer.recipes import smoke
from safetensors.torch import load_file


def tensors(folder):
    return {str(path.relative_to(folder)): load_file(path) for path in sorted(folder.rglob("*.safetensors"))}


def test_ten_steps_equal_five_and_resume_and_five_to_the_bit(dataset, tmp_path):
    through = fit(smoke(), dataset, tmp_path / "through")
    fit(smoke(), dataset, tmp_path / "broken")
    torch.manual_seed(12345)  # another process would not have our random state
    newest = checkpoint.latest(tmp_path / "broken")
    assert newest is not None and newest.name == "step-00000010"
    newest.rename(tmp_path / "lost")
    again = fit(smoke(), dataset, tmp_path / "broken", resume=True)
    one, two = tensors(through), tensors(again)
    assert one.keys() == two.keys() and len(one) == 4
    for name, group in one.items():
        assert group.keys() == two[name].keys()
        for key, value in group.items():
            assert torch.equal(value, two[name][key]), (name, key)
    assert (through / "state" / "random.pt").read_bytes() and (through / "recipe.json").read_text() == (
        again / "recipe.json"
    ).read_text()
    logs = [
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("through", "broken")
    ]
    assert [line["step"] for line in logs[1]] == list(range(1, 11))
    assert [line["loss"] for line in logs[0]] == [line["loss"] for line in logs[1]]


def test_training_lowers_the_loss(dataset, tmp_path):
    bucket = dataclasses.replace(smoke().stages[0].buckets[0], batch=4)
    recipe = dataclasses.replace(smoke(), save_every=80, flow=Flow(predicts="clip", given="plane"))
    recipe = recipe.over_stages(steps=80, buckets=(bucket,), tasks=Tasks(t2v=0.0, i2v=1.0))
    fit(recipe, dataset, tmp_path)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert sum(losses[-20:]) < 0.6 * sum(losses[:20])
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_a_folder_in_use_an_empty_one_and_another_recipe_are_refused(dataset, tmp_path):
    short = smoke().over_stages(steps=1)
    with pytest.raises(checkpoint.CheckpointError, match="no checkpoint to resume from"):
        fit(short, dataset, tmp_path, resume=True)
    fit(short, dataset, tmp_path)
    with pytest.raises(checkpoint.CheckpointError, match="--resume"):
        fit(short, dataset, tmp_path)
    with pytest.raises(checkpoint.CheckpointError, match="another recipe"):
        fit(smoke(), dataset, tmp_path, resume=True)


def test_init_starts_from_the_averaged_weights_of_another_run(dataset, tmp_path):
    first = fit(smoke().over_stages(steps=2), dataset, tmp_path / "a")
    still = smoke().over_stages(steps=1, lr=0.0)
    second = fit(still, dataset, tmp_path / "b", init=tmp_path / "a")
    for name, value in load_file(first / "transformer" / "diffusion_pytorch_model.safetensors").items():
        assert torch.equal(value, load_file(second / "state" / "model.safetensors")[name])


def test_an_exported_checkpoint_samples_but_does_not_resume(dataset, tmp_path):
    saved = fit(smoke().over_stages(steps=1), dataset, tmp_path / "run")
    system = checkpoint.load(saved)
    checkpoint.export(system, tmp_path / "small")
    again = checkpoint.load(tmp_path / "small")
    for name, value in system.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])
    with pytest.raises(checkpoint.CheckpointError, match="no state/"):
        checkpoint.restore(tmp_path / "small", again.model, adamw(again.model, Optim()))
    with pytest.raises(checkpoint.CheckpointError, match="neither a checkpoint nor"):
        checkpoint.load(tmp_path / "nothing")


def test_noise_belongs_to_the_sample_not_to_the_batch(dataset):
    from animatrix_trainer.data.read import Batch, Batches, Shards

    system = checkpoint.build(smoke())
    batch = Batches(Shards(dataset, cache=True), system.recipe)[0]
    parts = [Batch((n,), batch.videos[i : i + 1], (batch.conditions[i],)) for i, n in enumerate(batch.numbers)]
    with torch.no_grad():
        together = objective(system.model, system, batch)
        apart = [objective(system.model, system, part) for part in parts]
    torch.testing.assert_close(torch.stack(apart).mean(), together)


def test_half_precision_weights_are_refused():
    model = torch.nn.Linear(2, 2, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="fp32 weights"):
        adamw(model, Optim())


def test_the_learning_rate_warms_up_and_ends_low():
    stage = Stage("only", steps=100, lr=1.0, warmup_steps=10, final_lr=0.1)
    rates = [learning_rate(step, stage) for step in range(101)]
    assert rates[0] == 0.1 and rates[9] == rates[10] == 1.0
    assert rates[100] == pytest.approx(0.1) and rates[10:] == sorted(rates[10:], reverse=True)


def test_the_average_follows_quickly_at_first():
    weight = torch.zeros(3)
    ema = Ema({"w": weight}, 0.99)
    weight += 1
    ema.update([("w", weight)])
    torch.testing.assert_close(ema.weights["w"], torch.full((3,), 0.9))
    for _ in range(2000):
        ema.update([("w", weight)])
    torch.testing.assert_close(ema.weights["w"], weight)


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
