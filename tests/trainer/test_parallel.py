import dataclasses
from functools import partial

import pytest
import torch
from animatrix_trainer import checkpoint, parallel
from animatrix_trainer.config import Bucket, Experts, Parallel, RecipeError, Tasks, Window
from animatrix_trainer.data.read import Batches, Shards
from animatrix_trainer.objective import objective
from animatrix_trainer.parallel import gradients, processes, spread
from animatrix_trainer.recipes import smoke
from torch.utils._python_dispatch import TorchDispatchMode

from tests.trainer.ranks import begun

aten = torch.ops.aten


class Calls(TorchDispatchMode):
    """Counts the operators that run."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.counts[func.overloadpacket] = self.counts.get(func.overloadpacket, 0) + 1
        return func(*args, **(kwargs or {}))


def recipe_of(**how):
    bucket = Bucket(Window(frames=5, height_px=8, width_px=16), batch=4)
    recipe = dataclasses.replace(smoke(), parallel=Parallel(**how))
    return recipe.over_stages(buckets=(bucket,), tasks=Tasks(t2v=0.5, i2v=0.5))


def one_step(dataset, out, recipe):
    """Loss, gradients and operators of the first step."""
    with processes(recipe, out) as accelerator:
        system = begun(recipe)
        on = spread(accelerator, system.model, recipe, recipe.stages[0])
        batch = Batches(Shards(dataset, cache=True), recipe)[0]
        with Calls() as calls:
            loss = gradients(on, batch, recipe.parallel.accumulate, partial(objective, system=system, expert=0))
        return loss, {name: on.gradient(name).clone() for name in on.moved}, calls.counts


@pytest.fixture(scope="module")
def plain(dataset, tmp_path_factory):
    return one_step(dataset, tmp_path_factory.mktemp("plain"), recipe_of())


def assert_same(one, two, atol=1e-6):
    torch.testing.assert_close(two[0], one[0], rtol=1e-6, atol=atol)
    assert one[1].keys() == two[1].keys()
    for name, value in one[1].items():
        torch.testing.assert_close(two[1][name], value, rtol=1e-5, atol=atol, msg=name)


def test_four_micro_batches_of_one_are_one_of_four(plain, dataset, tmp_path):
    four = one_step(dataset, tmp_path, recipe_of(accumulate=4))
    assert_same(plain, four)
    assert four[2][aten.convolution] == 4 * plain[2][aten.convolution]


def test_a_batch_that_does_not_divide_is_refused(dataset, tmp_path):
    with pytest.raises(RecipeError, match="accumulate=3: does not divide the 4 samples"):
        one_step(dataset, tmp_path, recipe_of(accumulate=3))


def test_what_is_recomputed_gives_the_same_numbers(plain, dataset, tmp_path):
    full = one_step(dataset, tmp_path / "full", recipe_of(checkpointing="full"))
    selective = one_step(dataset, tmp_path / "selective", recipe_of(checkpointing="selective"))
    assert_same(plain, full, atol=0)
    assert_same(plain, selective, atol=0)
    products, norms = aten.addmm, aten.native_layer_norm
    assert full[2][products] > plain[2][products] == selective[2][products]  # what costs most is kept
    assert full[2][norms] > plain[2][norms] < selective[2][norms]


@pytest.mark.parametrize("checkpointing", ["none", "selective"])
def test_compiled_blocks_give_the_same_numbers_and_are_compiled_once(plain, dataset, tmp_path, checkpointing):
    """All blocks share what was compiled for the first: a big model has forty."""
    from torch._dynamo.testing import CompileCounterWithBackend

    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")
    recipe = recipe_of(checkpointing=checkpointing)
    with processes(recipe, tmp_path) as accelerator:
        system = begun(recipe)
        on = spread(accelerator, system.model, recipe_of(), recipe.stages[0])
        parallel.blocks(on.raw, Parallel(checkpointing=checkpointing, compile=True), backend=counter)
        batch = Batches(Shards(dataset, cache=True), recipe)[0]
        loss = gradients(on, batch, 1, partial(objective, system=system, expert=0))
        found = loss, {name: on.gradient(name).clone() for name in on.moved}
    assert_same(plain, found)
    assert counter.frame_count == 1
    torch._dynamo.reset()


def test_bf16_is_computed_in_and_weights_stay_fp32(plain, dataset, tmp_path):
    recipe = recipe_of(precision="bf16")
    seen = []
    with processes(recipe, tmp_path) as accelerator:
        system = begun(recipe)
        on = spread(accelerator, system.model, recipe, recipe.stages[0])
        system.model.blocks[0].ffn.net[2].register_forward_hook(lambda *call: seen.append(call[2].dtype))
        batch = Batches(Shards(dataset, cache=True), recipe)[0]
        loss = gradients(on, batch, 1, partial(objective, system=system, expert=0))
        assert {on.gradient(name).dtype for name in on.moved} == {torch.float32}
        on.step(1e-3)
        kept = {weight.dtype for weight in on.raw.parameters()}
        kept |= {value.dtype for of in on.adamw.state.values() for value in of.values()}
    assert seen == [torch.bfloat16] and kept == {torch.float32} and loss.dtype == torch.float32
    assert 0 < abs(float(loss - plain[0])) < 0.02 * float(plain[0])


def test_a_second_run_may_have_another_precision(dataset, tmp_path):
    for precision in ("bf16", "no"):
        with processes(recipe_of(precision=precision), tmp_path) as accelerator:
            assert accelerator.mixed_precision == precision


def test_strategies_that_need_a_launcher_and_launchers_that_disagree_are_refused(tmp_path, monkeypatch):
    for strategy in ("fsdp2", "zero1"):
        with pytest.raises(RecipeError, match="needs a launcher"), processes(recipe_of(strategy=strategy), tmp_path):
            pass
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with (
        pytest.raises(RecipeError, match=r"DEEPSPEED=true with parallel.strategy=plain"),
        processes(recipe_of(), tmp_path),
    ):
        pass


def test_a_batch_is_cut_with_all_that_belongs_to_its_samples(dataset):
    recipe = recipe_of()
    batch = Batches(Shards(dataset, cache=True), recipe)[0]
    parts = list(parallel.micro_batches(batch, 2))
    assert [part.numbers for part in parts] == [batch.numbers[:2], batch.numbers[2:]]
    assert parts[1].conditions == batch.conditions[2:] and parts[1].rates == batch.rates[2:]
    assert (parts[1].videos == batch.videos[2:]).all() and parts[1].stage == batch.stage


def test_each_expert_is_spread_and_moved_on_its_own(dataset, tmp_path):
    recipe = dataclasses.replace(recipe_of(), experts=Experts(boundary=0.5))
    with processes(recipe, tmp_path) as accelerator:
        system = checkpoint.build(recipe)
        high, low = [spread(accelerator, model, recipe, recipe.stages[0]) for model in system.models]
        batch = Batches(Shards(dataset, cache=True), recipe)[0]
        before = low.raw.proj_out.weight.clone()
        gradients(high, batch, 1, partial(objective, system=system, expert=0))
        high.step(1e-2)
        assert all(weight.grad is None for weight in low.raw.parameters())
        assert torch.equal(low.raw.proj_out.weight, before) and (high.adam_steps, low.adam_steps) == (1, 0)
        assert not torch.equal(high.raw.proj_out.weight, before)
