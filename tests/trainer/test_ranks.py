"""Two processes give what one gives. `make test-ranks`; one launch per strategy, what each process does is ranks.py."""

import dataclasses
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from animatrix_trainer import checkpoint
from animatrix_trainer.data.read import Batches, Shards
from animatrix_trainer.loop import fit
from animatrix_trainer.objective import objective
from animatrix_trainer.parallel import gradients, processes, spread
from safetensors.torch import load_file

from tests.trainer import ranks
from tests.trainer.test_preference import write_pairs

pytestmark = pytest.mark.ranks
SCRIPT = Path(__file__).with_name("ranks.py")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"), deformed=[[1, 3]])


@pytest.fixture(scope="module")
def alone(dataset, pairs, tmp_path_factory) -> Path:
    """What one process makes of the same recipe: gradients of the first batch, and a run."""
    out = tmp_path_factory.mktemp("alone")
    recipe = ranks.recipe_of("plain")
    with processes(recipe, out) as accelerator:
        system = ranks.begun(recipe)
        on = spread(accelerator, system.model, recipe, recipe.stages[0])
        batch = Batches(Shards(dataset, cache=True), recipe)[0]
        found = {"loss": gradients(on, batch, 1, partial(objective, system=system, expert=0))}
        found |= {name: on.gradient(name).clone() for name in on.moved}
        found["norm"] = on.step(0.0)
    torch.save(found, out / "gradients.pt")
    fit(recipe, dataset, out / "run")
    fit(ranks.hardest_of("plain"), dataset, out / "hardest")
    fit(ranks.preferred_of("plain"), dataset, out / "preferred", pairs=pairs)
    return out


@pytest.fixture(scope="module", params=["plain", "fsdp2", "zero1", "zero2", "zero3"])
def together(request, dataset, pairs, tmp_path_factory) -> tuple[str, Path]:
    """What two processes made of it; they themselves assert that they are two, and divided as the strategy says."""
    out = tmp_path_factory.mktemp(request.param)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", SCRIPT]
    setting = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "TORCH_EXTENSIONS_DIR": str(out / "extensions")}
    done = subprocess.run(
        [*command, request.param, dataset, pairs, out],
        env=os.environ | setting,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert (out / "done").read_text() == request.param
    return request.param, out


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint, whatever files of state/ they lie in."""
    found = {}
    for path in sorted(folder.rglob("*.safetensors")):
        place = "" if path.parent.name == "state" else f"{path.parent.name}: "
        found |= {place + name: value for name, value in load_file(path).items()}
    return found


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_gradients_equal_those_of_one_process(together, alone):
    """Two processes that halve their halves (accumulate 2) against one that takes the batch at once."""
    _, out = together
    wanted, found = torch.load(alone / "gradients.pt"), load_file(out / "gradients.safetensors")
    assert found.keys() == wanted.keys() and len(found) > 50
    for name, value in wanted.items():
        scale = max(1.0, float(value.abs().max()))
        assert float((found[name] - value).abs().max()) <= 1e-5 * scale, name
    assert sum(float(value.abs().sum()) > 0 for value in wanted.values()) > 50


def test_losses_and_weights_are_those_of_one_process(together, alone):
    _, out = together
    wanted = lines(alone / "run")
    found = lines(out / "run")
    assert [line["step"] for line in found] == [line["step"] for line in wanted]
    for name in ("loss", "grad_norm"):
        assert [line[name] for line in found] == pytest.approx([line[name] for line in wanted], rel=1e-4)
    one, two = (weights(checkpoint.resolve(folder / "run")) for folder in (alone, out))
    assert one.keys() == two.keys()
    for name, value in one.items():  # Adam divides by small roots: a step is 1e-3
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=2e-5, msg=name)


@pytest.mark.parametrize("run", ["hardest", "preferred"])
def test_two_experts_and_stages_that_need_another_beginning_are_those_of_one_process(together, alone, run):
    """Each stage has engines, shards and a reference of its own, made from the checkpoint between them."""
    _, out = together
    for name in ("loss", "grad_norm"):
        wanted, found = ([line[name] for line in lines(folder / run)] for folder in (alone, out))
        assert found == pytest.approx(wanted, rel=1e-3) and len(found) == 6
    one, two = (weights(checkpoint.resolve(folder / run)) for folder in (alone, out))
    told = {"hardest": "lora", "preferred": "1/blocks.0"}[run]  # adapters; the second expert's reference
    assert one.keys() == two.keys() and any(told in name for name in one)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=2e-5, msg=name)


def test_bf16_is_computed_in_under_every_strategy(together):
    """The same as fp32 but for rounding, and it is not fp32; what is saved is fp32 and the same for all processes."""
    _, out = together
    whole, half = lines(out / "run")[:2], lines(out / "half")
    for one, two in zip(whole, half, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=0.02)
    assert half[0]["grad_norm"] != pytest.approx(whole[0]["grad_norm"], rel=1e-5)
    assert {value.dtype for value in weights(checkpoint.resolve(out / "half")).values()} == {torch.float32}


def test_a_checkpoint_has_the_config_and_names_of_one_process(together, alone):
    _, out = together
    one, two = (checkpoint.resolve(folder / "run") for folder in (alone, out))
    for name in ("transformer/config.json", "codec/config.json", "state/progress.json"):
        assert (one / name).read_text() == (two / name).read_text()
    assert len(list((two / "state").glob("tensors-*.safetensors"))) == 2


@pytest.mark.parametrize("run", ["run", "preferred"])
def test_going_on_is_as_not_having_stopped(together, run):
    _, out = together
    through, again = (weights(checkpoint.resolve(out / name)) for name in (run, f"{run}-broken"))
    assert through.keys() == again.keys()
    for name, value in through.items():
        torch.testing.assert_close(again[name], value, rtol=1e-6, atol=1e-7, msg=name)


def test_one_process_goes_on_where_two_stopped(together, alone, dataset, tmp_path):
    """The state of any strategy goes on under `plain` on another number of processes, with the same global batches."""
    _, out = together
    begun = checkpoint.step_folder(out / "run", ranks.SAVE_EVERY)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / begun.name).symlink_to(begun)
    again = fit(ranks.recipe_of("plain"), dataset, tmp_path, resume=True, other_recipe=True)
    wanted, found = lines(alone / "run")[ranks.SAVE_EVERY :], lines(tmp_path)
    assert [line["loss"] for line in found] == pytest.approx([line["loss"] for line in wanted], rel=1e-4)
    two = weights(again)
    for name, value in weights(checkpoint.resolve(alone / "run")).items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=2e-5, msg=name)


def test_all_processes_stop_where_one_was_told_to(together):
    strategy, out = together
    if strategy != "plain":
        pytest.skip("told in the plain launch")
    saved = checkpoint.latest(out / "stopped")
    assert saved is not None
    step = json.loads((saved / "state" / "progress.json").read_text())["step"]
    assert 2 <= step < 100_000 and saved == checkpoint.step_folder(out / "stopped", step)
    assert lines(out / "stopped")[-1]["step"] == step


def test_the_two_processes_split_the_batch_of_one(dataset):
    recipe, clips = ranks.recipe_of("plain"), Shards(dataset, cache=True)
    whole = Batches(clips, recipe)
    parts = [Batches(clips, recipe, rank, 2) for rank in range(2)]
    for step in range(len(whole)):
        numbers = [part[step].numbers for part in parts]
        assert sorted(sum(numbers, ())) == list(whole[step].numbers)
    with pytest.raises(ValueError, match="does not divide"):
        Batches(clips, dataclasses.replace(recipe), 0, 3)
