"""Two transformers by noise share: each trained in its window, chosen by seed and step alone, asked by boundary."""

import dataclasses

import pytest
import torch
from animatrix_trainer import checkpoint
from animatrix_trainer.config import Experts, RecipeError, Stage
from animatrix_trainer.model import experts
from animatrix_trainer.objective import task
from animatrix_trainer.recipes import smoke


def two(boundary=0.9, high_share=0.5, *stages):
    recipe = dataclasses.replace(smoke(), experts=Experts(boundary, high_share=high_share))
    return dataclasses.replace(recipe, stages=stages) if stages else recipe


def test_one_transformer_has_the_stage_s_own_window():
    recipe = smoke().over_stages(sigma=(0.2, 0.8))
    assert experts.window(recipe, 0, experts.HIGH) == (0.2, 0.8) and experts.in_stage(recipe, 0) == (experts.HIGH,)
    assert {experts.of_step(recipe, step) for step in range(20)} == {experts.HIGH}
    assert experts.in_charge(recipe, 0.01) == experts.HIGH


def test_the_boundary_belongs_to_the_first_as_in_diffusers():
    """WanPipeline asks `transformer` where timestep >= boundary_ratio x 1000."""
    recipe = two(0.875)
    assert [experts.in_charge(recipe, s) for s in (1.0, 0.875, 0.87499, 0.0)] == [0, 0, 1, 1]
    assert experts.window(recipe, 0, experts.HIGH) == (0.875, 1.0)
    assert experts.window(recipe, 0, experts.LOW) == (0.0, 0.875)


def test_the_expert_of_a_step_is_a_function_of_seed_and_step_in_the_share_asked_for():
    recipe = two(0.9, 0.3).over_stages(steps=2000)
    chosen = [experts.of_step(recipe, step) for step in range(2000)]
    assert chosen == [experts.of_step(recipe, step) for step in range(2000)]
    assert 0.26 < chosen.count(experts.HIGH) / 2000 < 0.34
    other = dataclasses.replace(recipe, seed=1)
    assert chosen != [experts.of_step(other, step) for step in range(2000)]
    # other stages before it do not move a step's choice: it belongs to the run's step, not to history
    longer = dataclasses.replace(recipe, stages=(*recipe.stages, *recipe.stages))
    assert chosen == [experts.of_step(longer, step) for step in range(2000)]


def test_a_stage_whose_window_lies_on_one_side_trains_that_expert_alone():
    high = Stage("noisy", steps=30, sigma=(0.9, 1.0))
    low = Stage("clean", steps=30, sigma=(0.0, 0.9))
    across = Stage("both", steps=30, sigma=(0.5, 0.95))
    recipe = two(0.9, 0.5, high, low, across)
    assert [experts.in_stage(recipe, stage) for stage in range(3)] == [(0,), (1,), (0, 1)]
    assert {experts.of_step(recipe, step) for step in range(30)} == {experts.HIGH}
    assert {experts.of_step(recipe, step) for step in range(30, 60)} == {experts.LOW}
    assert {experts.of_step(recipe, step) for step in range(60, 90)} == {experts.HIGH, experts.LOW}
    assert experts.window(recipe, 2, experts.HIGH) == (0.9, 0.95)
    assert experts.window(recipe, 2, experts.LOW) == (0.5, 0.9)


def test_noise_shares_of_a_batch_lie_in_the_expert_s_window(dataset):
    from animatrix_trainer.data.read import Batches, Shards

    recipe = two(0.6)
    system = checkpoint.build(recipe)
    batches = Batches(Shards(dataset, cache=True), recipe)
    for expert in (experts.HIGH, experts.LOW):
        low, high = experts.window(recipe, 0, expert)
        shares = torch.cat([task(system, batches[step], expert).s_B for step in range(4)])
        assert (low <= shares).all() and (shares <= high).all() and shares.unique().numel() > 4


def test_a_system_of_two_has_different_first_weights_in_the_same_shape():
    system = checkpoint.build(two())
    assert system.model_low is not None and len(system.models) == 2
    high, low = (dict(model.named_parameters()) for model in system.models)
    assert {name: w.shape for name, w in high.items()} == {name: w.shape for name, w in low.items()}
    assert not torch.equal(high["patch_embedding.weight"], low["patch_embedding.weight"])
    assert system.at(0.95) is system.model and system.at(0.2) is system.model_low
    alone = dict(checkpoint.build(smoke()).model.named_parameters())
    assert all(torch.equal(alone[name], weight) for name, weight in high.items())


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Experts(boundary=1.0), r"experts\.boundary=1\.0"),
        (Experts(boundary=-0.1), r"experts\.boundary=-0\.1"),
        (Experts(0.9, high_share=1.5), r"experts\.high_share=1\.5"),
        (Experts(folder="transformer_2"), r"a second transformer needs a boundary; Wan 2\.2 T2V has 0\.875, I2V 0\.9"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings, told):
    with pytest.raises(RecipeError, match=told):
        checkpoint.build(dataclasses.replace(smoke(), experts=settings))
