import dataclasses

import pytest
import torch
from animatrix_trainer import checkpoint, fake, flops, forecast
from animatrix_trainer.checkpoint import CheckpointError
from animatrix_trainer.config import Bucket, Codec, Dropout, Parallel, RecipeError, Stage, Tasks, Window
from animatrix_trainer.data.tokens import tokens
from animatrix_trainer.recipes import RECIPES, smoke, tiny_i2v
from animatrix_trainer.recipes_wan import HARDWARE, wan21_1b

WAN = Codec(kind="wan")


@pytest.mark.parametrize("recipe", RECIPES.values())
def test_a_recipe_says_hardware_and_command(recipe):
    assert f"animatrix-train fit {recipe.__name__}" in recipe.__doc__
    assert recipe().name == recipe.__name__


@pytest.mark.parametrize("name", HARDWARE)
def test_a_wan_recipe_fits_the_hardware_it_names(name):
    """With latents and texts of `encode`, and without; every window is whole patches of whole latents, every batch
    divides among processes and micro-batches, and no step has more tokens than one of the longest window."""
    processes, cached_gb, gb = HARDWARE[name]
    recipe = RECIPES[name]()
    assert forecast.forecast(recipe, processes, cached=True).bytes < cached_gb * 1e9
    assert forecast.forecast(recipe, processes).bytes < gb * 1e9
    with fake.fake():
        strides = flops.strides(fake.codec_of(recipe.codec))
    parts = processes * recipe.parallel.accumulate
    largest = max(bucket.batch * tokens(bucket.window, WAN) for bucket in recipe.stages[2].buckets)
    for stage in recipe.stages:
        for bucket in stage.buckets:
            assert bucket.batch % parts == 0 and bucket.batch * tokens(bucket.window, WAN) <= largest, bucket
            assert not any(side % (2 * strides[1]) for side in (bucket.window.height_px, bucket.window.width_px)), (
                bucket
            )


@pytest.mark.parametrize("recipe", RECIPES.values())
def test_every_recipe_builds_without_weights(recipe):
    with fake.fake():
        model = fake.transformer(recipe(), 1)
        assert sum(weight.numel() for weight in model.parameters()) > 10_000


def test_small_is_as_large_as_it_says():
    assert fake.count(RECIPES["small"](), "all").transformer == pytest.approx(60e6, rel=0.15)


def test_the_shipped_model_stays_small():
    model = checkpoint.build(tiny_i2v()).model
    assert sum(weight.numel() for weight in model.parameters()) * 4 < 18e6


def test_the_seed_decides_the_weights():
    one, two = checkpoint.build(smoke()).model, checkpoint.build(smoke()).model
    other = checkpoint.build(dataclasses.replace(smoke(), seed=1)).model
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def small_wan(folder):
    recipe = wan21_1b()
    stage = Stage(
        "only",
        steps=2,
        buckets=(Bucket(Window(5, 32, 48), batch=2),),
        tasks=Tasks(t2v=0.7, i2v=0.3),
        lr=1e-5,
        shift=3.0,
    )
    return dataclasses.replace(
        recipe,
        stages=(stage,),
        samples=0,
        wan=str(folder / "transformer"),
        text=dataclasses.replace(recipe.text, folder=str(folder / "text_encoder"), length=16),
        codec=dataclasses.replace(recipe.codec, folder=str(folder / "vae")),
        tags=dataclasses.replace(recipe.tags, dim=16, heads=2),
        save_every=1,
        workers=0,
        parallel=Parallel(),
    )


def test_a_real_wan_folder_trains_saves_and_samples(wan_folder, dataset, tmp_path):
    from animatrix_trainer.conditioning.dropout import Condition
    from animatrix_trainer.conditioning.guidance import Wish
    from animatrix_trainer.config import Guidance
    from animatrix_trainer.loop import fit
    from animatrix_trainer.sample import Asked, sample

    saved = fit(small_wan(wan_folder), dataset, tmp_path / "run")
    system = checkpoint.load(saved)
    assert type(system.codec).__name__ == "WanCodec" and system.text.dim == 32
    asked = Asked(Wish(Condition({"camera.move": ("pan_left",)}, "A pan.")), 1)
    video = sample(system, [asked], Guidance(steps=2))
    assert video.shape == (1, 5, 32, 48, 3)


def test_wan_weights_have_no_planes(wan_folder):
    recipe = small_wan(wan_folder)
    with pytest.raises(CheckpointError, match="given=timestep"):
        checkpoint.build(dataclasses.replace(recipe, flow=dataclasses.replace(recipe.flow, given="plane")))


def test_recipes_that_contradict_themselves_are_refused():
    with pytest.raises(RecipeError, match="try 17"):
        Window(frames=18)
    with pytest.raises(RecipeError, match="add up to 1"):
        Dropout(modes=(0.5, 0.1, 0.1, 0.1))
    with pytest.raises(RecipeError, match=r"needs codec\.folder"):
        dataclasses.replace(smoke(), codec=dataclasses.replace(wan21_1b().codec, folder=None))
