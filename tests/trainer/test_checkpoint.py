"""A checkpoint folder: whole or refused, read by us and by diffusers, for one expert and for two."""

import dataclasses
import json

import pytest
import torch
from anicaption.taxonomy import TaxonomyError
from animatrix_trainer import checkpoint, digests
from animatrix_trainer.changes import changes
from animatrix_trainer.cli import main
from animatrix_trainer.conditioning.tags import vocabulary
from animatrix_trainer.config import CheckpointError, Experts, Flow, Lora, Tags, Window
from animatrix_trainer.loop import fit
from animatrix_trainer.model import experts, lora, published
from animatrix_trainer.recipes import smoke
from diffusers import DiffusionPipeline, WanPipeline, WanTransformer3DModel

from tests.trainer import tiny


def recipe_on(folder, train="all"):
    recipe = dataclasses.replace(smoke(), wan=str(folder), tags=Tags(dim=16, heads=2, layers=1), lora=Lora(4, 6))
    return published.placed(recipe.over_stages(train=train))


def stir(system):
    """Weights as training would leave them: everything moved a little."""
    with torch.no_grad():
        for model in system.models:
            for weight in model.parameters():
                weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())) * 0.02)
    return system


@torch.no_grad()
def out(model):
    tags = {}
    if hasattr(model, "tag_encoder"):
        words = vocabulary(model.config["taxonomy_hash"], n_spans=model.config["tag_spans"])
        tags["tags"] = torch.tensor([words.encode(None)] * 2)
    return model.eval()(**tiny.inputs(), **tags).sample


def equal(one, two):
    assert len(one.models) == len(two.models)
    for first, second in zip(one.models, two.models, strict=True):
        assert first.state_dict().keys() == second.state_dict().keys()
        assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize("train", ["all", "lora"])
def test_two_experts_go_to_a_folder_and_back(wan22_folder, tmp_path, train):
    system = stir(checkpoint.build(recipe_on(wan22_folder, train)))
    assert system.at(0.875) is system.model and system.at(0.874) is system.model_low
    checkpoint.export(system, tmp_path)
    again = checkpoint.load(tmp_path)
    equal(system, again)
    assert again.recipe == system.recipe and lora.has_adapters(again.model_low) == (train == "lora")
    assert all(torch.equal(out(one), out(two)) for one, two in zip(system.models, again.models, strict=True))


def test_averages_take_the_place_of_weights(wan22_folder, tmp_path):
    system = checkpoint.build(recipe_on(wan22_folder))
    averages = [
        {"proj_out.bias": torch.full_like(model.proj_out.bias, 7.0 + n)} for n, model in enumerate(system.models)
    ]
    checkpoint.export(system, tmp_path, averages)
    again = checkpoint.load(tmp_path)
    assert again.model.proj_out.bias[0] == 7 and again.model_low.proj_out.bias[0] == 8
    assert torch.equal(again.model.proj_out.weight, system.model.proj_out.weight)


def test_diffusers_loads_the_plain_part(wan22_folder, tmp_path):
    """Wan's own pipeline computes what our model computes with its tag channel shut, adapters included."""
    system = checkpoint.build(recipe_on(wan22_folder, "lora"))
    with torch.no_grad():
        for model in system.models:
            for name, weight in model.named_parameters():
                if ".lora_B." in name or name == "proj_out.weight":
                    weight.normal_(std=0.1, generator=torch.Generator().manual_seed(len(name)))
    checkpoint.export(system, tmp_path)
    assert not [path for path in tmp_path.rglob("config.json") if str(wan22_folder) in path.read_text("utf-8")]
    pipeline = DiffusionPipeline.from_pretrained(tmp_path)
    assert type(pipeline) is WanPipeline and pipeline.config.boundary_ratio == 0.875
    assert type(pipeline.transformer_2) is WanTransformer3DModel and pipeline.config.expand_timesteps
    for model, plain in zip(system.models, (pipeline.transformer, pipeline.transformer_2), strict=True):
        with lora.without(model):
            assert torch.equal(out(plain), out(model))
    pipeline.load_lora_weights(tmp_path / "lora", weight_name="transformer.safetensors")
    torch.testing.assert_close(out(pipeline.transformer), out(system.model), rtol=1e-4, atol=1e-5)
    low = {"weight_name": "transformer_2.safetensors", "load_into_transformer_2": True, "adapter_name": "low"}
    pipeline.load_lora_weights(tmp_path / "lora", **low)
    torch.testing.assert_close(out(pipeline.transformer_2), out(system.model_low), rtol=1e-4, atol=1e-5)
    video = pipeline("a pan", num_frames=5, height=32, width=32, num_inference_steps=2, output_type="np").frames
    assert video.shape == (1, 5, 32, 32, 3)


def test_a_folder_that_is_none_of_theirs_says_so_by_having_no_index(tmp_path):
    checkpoint.export(checkpoint.build(smoke()), tmp_path)
    assert not (tmp_path / "model_index.json").exists() and not (tmp_path / "scheduler").exists()
    assert (tmp_path / "codec" / "config.json").exists()


@pytest.fixture
def folder(tmp_path):
    checkpoint.export(checkpoint.build(smoke()), tmp_path / "made")
    return tmp_path / "made"


WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


def test_a_torn_checkpoint_is_never_loaded(folder):
    whole = (folder / WEIGHTS).read_bytes()
    checkpoint.load(folder)
    (folder / WEIGHTS).write_bytes(whole[:-1])
    with pytest.raises(CheckpointError, match=rf"has {len(whole) - 1} bytes and not {len(whole)}; fetch"):
        checkpoint.load(folder)
    (folder / WEIGHTS).write_bytes(whole[:-4] + b"\0\0\0\1")
    with pytest.raises(CheckpointError, match="holds other bytes than were written"):
        checkpoint.load(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors: is missing"):
        checkpoint.load(folder)
    (folder / WEIGHTS).write_bytes(whole)
    checkpoint.load(folder)
    (folder / "digests.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no digests\.json, so it was never written to its end"):
        checkpoint.load(folder)


def test_a_writer_that_dies_leaves_no_checkpoint(tmp_path):
    system = checkpoint.build(smoke())
    for step, dies in ((1, False), (2, True)):
        try:
            with checkpoint.writing(tmp_path, step) as part:
                checkpoint.export(system, part)
                if dies:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            assert (tmp_path / "checkpoints" / "step-00000002.part").exists()
    assert checkpoint.latest(tmp_path) == checkpoint.step_folder(tmp_path, 1)
    checkpoint.load(tmp_path)


def test_only_the_newest_are_kept_and_frozen_parts_are_there_once(wan22_folder, tmp_path):
    system = stir(checkpoint.build(recipe_on(wan22_folder)))
    for step in (1, 2, 3):
        before = checkpoint.latest(tmp_path)
        with checkpoint.writing(tmp_path, step, keep=2) as part:
            checkpoint.export(system, part, before=before)
            (part / "state").mkdir()
            (part / "state" / "progress.json").write_text(str(step))
    kept = sorted((tmp_path / "checkpoints").iterdir())
    assert [place.name for place in kept] == ["step-00000002", "step-00000003"]
    for name, linked in (("text_encoder/model.safetensors", 2), ("vae/config.json", 2), (WEIGHTS, 1)):
        assert {(place / name).stat().st_nlink for place in kept} == {linked}, name
    for place in kept:
        digests.check(place)
    assert "state/progress.json" in json.loads((kept[1] / "digests.json").read_text())
    equal(checkpoint.load(kept[0]), checkpoint.load(kept[1]))


def test_frozen_parts_of_other_settings_are_not_linked(tmp_path):
    system = checkpoint.build(smoke())
    checkpoint.export(system, tmp_path / "a")
    other = dataclasses.replace(smoke(), text=dataclasses.replace(smoke().text, seed=1))
    checkpoint.export(checkpoint.build(other), tmp_path / "b", before=tmp_path / "a")
    one, two = (checkpoint.load(tmp_path / name).text.encoder.state_dict() for name in "ab")
    assert not all(torch.equal(value, two[name]) for name, value in one.items())


def test_another_taxonomy_is_refused(folder):
    path = folder / "transformer" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"taxonomy_hash": "0123"}))
    digests.write(folder)
    with pytest.raises(TaxonomyError, match=r"made with taxonomy 0123, which is none of"):
        checkpoint.load(folder)


def test_start_takes_weights_along_and_adds_adapters(wan22_folder, tmp_path):
    first = stir(checkpoint.build(recipe_on(wan22_folder)))
    checkpoint.export(first, tmp_path)
    recipe = recipe_on(wan22_folder, "lora")
    second = checkpoint.start(recipe, tmp_path)
    assert second.recipe == recipe and lora.has_adapters(second.model) and lora.has_adapters(second.model_low)
    names = dict(second.model.named_parameters())
    assert all(torch.equal(names[name], weight) for name, weight in first.model.named_parameters())
    assert torch.equal(out(first.model), out(second.model))


def test_weights_that_mean_something_else_are_not_gone_on_from(folder):
    recipe = smoke()
    for changed, told in (
        (dataclasses.replace(recipe, flow=Flow(predicts="warp", given="timestep")), "flow.predicts is velocity"),
        (dataclasses.replace(recipe, experts=Experts(boundary=0.9)), r"experts\.boundary is 0\.0, the recipe's 0\.9"),
        (dataclasses.replace(recipe, tags=dataclasses.replace(recipe.tags, layers=2)), "its tags is"),
        (dataclasses.replace(recipe, shape=dataclasses.replace(recipe.shape, layers=3)), "its shape is"),
    ):
        with pytest.raises(CheckpointError, match=told):
            checkpoint.start(changed, folder)


def test_differences_are_told_field_by_field():
    one = smoke()
    assert changes(one, dataclasses.replace(one, guidance=dataclasses.replace(one.guidance, text=9.0))) == []
    two = dataclasses.replace(
        one.over_stages(lr=2e-3), seed=1, stages=(*one.over_stages(lr=2e-3).stages, one.stages[0])
    )
    told = changes(one, two)
    assert told[0] == "stages.0.lr: 0.001 -> 0.002" and "seed: 0 -> 1" in told
    assert "stages.1: absent -> 'only'" in told


def test_export_merges_adapters_where_asked(wan22_folder, tmp_path):
    system = stir(checkpoint.build(recipe_on(wan22_folder, "lora")))
    checkpoint.export(system, tmp_path / "run")
    assert main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "merged"), "--merge"]) == 0
    assert not (tmp_path / "merged" / "lora").exists()
    merged = checkpoint.load(tmp_path / "merged")
    torch.testing.assert_close(out(merged.model), out(system.model), rtol=1e-4, atol=1e-5)


def test_other_settings_are_shown_and_need_consent(dataset, tmp_path, capsys):
    fit(smoke().over_stages(steps=1), dataset, tmp_path)
    more = dataclasses.replace(smoke().over_stages(steps=2, lr=1e-4), log_every=2)
    shown = r"stages\.0\.steps: 1 -> 2\n *stages\.0\.lr: 0\.001 -> 0\.0001\n *log_every: 1 -> 2\n.*--other-recipe"
    with pytest.raises(CheckpointError, match=shown):
        fit(more, dataset, tmp_path, resume=True)
    capsys.readouterr()
    saved = fit(more, dataset, tmp_path, resume=True, other_recipe=True)
    assert saved.name == "step-00000002" and "  stages.0.lr: 0.001 -> 0.0001" in capsys.readouterr().out
    assert checkpoint.load(saved).recipe == more


def test_adapters_train_and_the_base_stands_still(wan22_folder, dataset, tmp_path):
    """A LoRA run on two experts, whole: what is exported is Wan's own weights, adapters and tags."""
    bucket = dataclasses.replace(smoke().stages[0].buckets[0], window=Window(5, 32, 48), batch=1)
    recipe = recipe_on(wan22_folder, "lora").over_stages(steps=4, buckets=(bucket,), lr=1e-2, warmup_steps=1)
    recipe = dataclasses.replace(recipe, save_every=4, text=dataclasses.replace(recipe.text, length=16))
    assert {experts.of_step(recipe, step) for step in range(4)} == {experts.HIGH, experts.LOW}
    saved = fit(recipe, dataset, tmp_path)
    system = checkpoint.load(saved)
    for model, folder in zip(system.models, ("transformer", "transformer_2"), strict=True):
        plain = WanTransformer3DModel.from_pretrained(wan22_folder / folder)
        names = dict(model.named_parameters())
        assert all(torch.equal(names[name], weight) for name, weight in plain.named_parameters())
    moved = [any(w.abs().sum() > 0 for n, w in m.named_parameters() if ".lora_B." in n) for m in system.models]
    assert moved == [True, True]
