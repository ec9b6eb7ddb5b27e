"""The forecast of memory: against what a step really takes, against the formulas, and what a refusal advises."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest
import torch
from accelerate import Accelerator
from animatrix_trainer import checkpoint, fake, forecast
from animatrix_trainer.config import Bucket, Experts, Lora, Parallel, Recipe, RecipeError, Shape, Window
from animatrix_trainer.forecast import ForecastError
from animatrix_trainer.recipes import smoke, tiny_i2v

GIB = 2**30
# Not ru_maxrss: a process begins with that of the one it was forked from.
PEAK = """
lines = open("/proc/self/status").read().splitlines()
peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
"""


def wide(**parallel) -> Recipe:
    """About 20 million parameters in blocks as wide as they are long, so that a process's size shows them."""
    return dataclasses.replace(
        smoke().over_stages(buckets=(Bucket(Window(5, 16, 32), batch=4),)),
        name="wide",
        shape=Shape(heads=8, head_dim=48, layers=6, ffn_dim=1536, freq_dim=64),
        parallel=Parallel(**parallel),
    )


def parts(found):
    return {part.name: part.bytes for part in found.parts}


def test_parameters_are_those_of_the_real_system():
    for recipe in (smoke(), tiny_i2v(), wide()):
        system = checkpoint.build(recipe)
        counts = fake.count(recipe, "all")
        assert counts.transformer == counts.moved == sum(weight.numel() for weight in system.model.parameters())
        assert counts.text_bytes == sum(w.numel() * w.element_size() for w in system.text.parameters())


def test_full_training_keeps_sixteen_bytes_a_parameter_and_four_of_average():
    recipe = wide()
    counts = fake.count(recipe, "all")
    found = parts(forecast.forecast(recipe))
    assert found["weights"] + found["moments"] + found["gradients"] == 16 * counts.moved
    assert found["average"] == 4 * counts.moved
    without = dataclasses.replace(recipe, optim=dataclasses.replace(recipe.optim, ema=0.0))
    assert parts(forecast.forecast(without))["average"] == 0


def measured(kind: str) -> int:
    """The most a process grows by over a real step of `wide`, in bytes: model, AdamW, average and all."""
    code = f"""
import gc, resource, sys, torch
torch.set_num_threads(1)
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_forecast import wide
from animatrix_trainer import checkpoint, fake, optim, parallel
from animatrix_trainer.model import lora
from animatrix_trainer.objective import errors
from animatrix_trainer.recipes import smoke
recipe = wide(checkpointing={kind!r})
small = checkpoint.build(smoke())  # what libraries load at first use
with torch.no_grad():
    errors(small.model, small, fake.task(small, small.recipe.stages[0].buckets[0], 1))
torch.nn.Linear(8, 8)(torch.zeros(1, 8)).sum().backward()
torch._dynamo  # loaded by checkpointing
now = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
before = now()
system = checkpoint.build(recipe)
lora.move_only(system.model, recipe.stages[0])
parallel.blocks(system.model, recipe.parallel)
adamw = optim.adamw(system.model, recipe.optim)
optim.begin(adamw, list(system.model.parameters()), True)
errors(system.model, system, fake.task(system, recipe.stages[0].buckets[0], 4)).mean().backward()
adamw.step()
{PEAK}
print(peak - before)
"""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "MALLOC_TRIM_THRESHOLD_": "0",
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("kind", ["none", "full"])
def test_a_real_step_takes_what_was_forecast(kind):
    """Within a quarter, on a process of some hundred megabytes."""
    found = forecast.forecast(wide(checkpointing=kind))
    real = measured(kind)
    expected = found.bytes - parts(found)["slack"]
    assert real > 0.3 * GIB and 0.8 < real / expected < 1.25, f"{real / GIB:.2f} GiB of {expected / GIB:.2f}"


def test_recomputing_and_smaller_micro_batches_take_less():
    sizes = {kind: forecast.forecast(wide(checkpointing=kind)).bytes for kind in ("none", "selective", "full")}
    assert sizes["none"] > sizes["selective"] > sizes["full"]
    cut = parts(forecast.forecast(wide(accumulate=4)))["activations"]
    assert cut < 0.5 * parts(forecast.forecast(wide()))["activations"]
    low = parts(forecast.forecast(wide(precision="bf16")))["activations"]
    assert low < parts(forecast.forecast(wide()))["activations"]


def test_a_few_blocks_tell_of_many(monkeypatch):
    short = fake.step_bytes(fake.trimmed(wide(), wide().stages[0]), wide().stages[0].buckets[0], 4)
    monkeypatch.setattr(fake, "FEW", 5)
    monkeypatch.setattr(fake, "MORE", 6)
    long = fake.step_bytes(fake.trimmed(wide(), wide().stages[0]), wide().stages[0].buckets[0], 4)
    assert short[0] == pytest.approx(long[0], rel=0.02) and short[1] == long[1]


def test_sharding_divides_what_it_says_it_divides():
    one, four = forecast.forecast(wide(strategy="fsdp2"), 1), forecast.forecast(wide(strategy="fsdp2"), 4)
    for name in ("weights", "moments", "average", "gradients, own part"):
        assert parts(four)[name] == parts(one)[name] // 4
    plain, zero1, zero2, zero3 = (
        parts(forecast.forecast(wide(strategy=kind), 4)) for kind in ("plain", "zero1", "zero2", "zero3")
    )
    assert plain["gradient buckets"] == plain["weights"]
    assert zero1["moments"] == plain["moments"] // 4 and zero1["weights"] == plain["weights"]
    assert zero1["gradients"] == plain["gradients"] and zero2["gradients"] == 0
    assert zero3["weights"] == plain["weights"] // 4


def test_frozen_weights_have_no_moments_and_two_experts_weigh_double():
    recipe = dataclasses.replace(wide(), lora=Lora(rank=4, alpha=4)).over_stages(train="lora")
    counts, found = fake.count(recipe, "lora"), parts(forecast.forecast(recipe))
    assert counts.moved < 0.2 * counts.transformer
    assert found["moments"] == 8 * counts.moved and found["frozen weights"] == 4 * (counts.transformer - counts.moved)
    both = parts(forecast.forecast(dataclasses.replace(wide(), experts=Experts(0.9))))
    one = parts(forecast.forecast(wide()))
    assert both["moments"] == 2 * one["moments"] and both["gradients"] == one["gradients"]


def test_what_fits_is_let_through_and_what_does_not_is_refused_with_advice_that_holds():
    recipe = wide()
    whole = forecast.forecast(recipe)
    assert forecast.refuse(recipe, whole.bytes) == whole
    little = forecast.forecast(wide(checkpointing="full", accumulate=4)).bytes
    with pytest.raises(ForecastError) as refusal:
        forecast.refuse(recipe, (little + whole.bytes) // 2)
    said = str(refusal.value)
    assert "recipe wide: would want" in said and "--parallel.checkpointing full" in said and "--memory-gib" in said
    with pytest.raises(ForecastError, match="Nothing that was tried fits"):
        forecast.refuse(recipe, 1000)
    on = Accelerator(cpu=True)
    assert forecast.check(recipe, on, 0.0) == "no forecast of memory was wanted"
    assert "wide on 1 process" in forecast.check(recipe, on)
    with pytest.raises(ForecastError):
        forecast.check(recipe, on, 0.01)


def test_sizes_without_weights_are_known_by_name_and_others_refused():
    named = dataclasses.replace(wide(), wan="Wan2.1-T2V-1.3B-Diffusers/transformer")
    assert fake.wan_config(str(named.wan))["num_layers"] == 30
    assert fake.count(named, "all").transformer > 1_418_996_800
    with pytest.raises(RecipeError, match="no name of a published Wan"):
        fake.wan_config("somewhere/transformer")


def test_fourteen_billion_parameters_are_reckoned_without_having_them():
    code = f"""
from animatrix_trainer import forecast
from animatrix_trainer.recipes_wan import wan22_14b
wanted = forecast.forecast(wan22_14b(), 64).bytes
{PEAK}
print(wanted, peak)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted, used = map(int, done.stdout.split())
    assert 40 * GIB < wanted < 80 * GIB and used < 2 * GIB


def test_memory_of_this_machine():
    there = forecast.available_bytes(torch.device("cpu"))
    assert 2**28 < there < 2**46
    assert forecast.available_bytes(torch.device("cpu"), 2) <= there // 2 + 2**30
    assert json.dumps(forecast.gib(GIB)) == '"1.00 GiB"'


def test_the_command_says_parts_and_costs_and_refuses(capsys):
    from animatrix_trainer.cli import main

    assert main(["forecast", "smoke", "--optim.ema", "0"]) == 0
    said = capsys.readouterr().out
    assert "moments" in said and "average" not in said and "64 tokens" in said
    assert main(["forecast", "smoke", "--memory-gib", "0.001"]) == 2
    assert "would want" in capsys.readouterr().err


def test_a_run_that_does_not_fit_ends_before_it_begins(dataset, tmp_path):
    from animatrix_trainer.loop import fit

    with pytest.raises(ForecastError):
        fit(smoke(), dataset, tmp_path, memory_gib=0.001)
    assert not list(tmp_path.rglob("*.safetensors"))
