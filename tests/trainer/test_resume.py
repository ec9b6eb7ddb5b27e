import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from animatrix_trainer import checkpoint, state
from animatrix_trainer.config import Experts, Parallel
from animatrix_trainer.data.read import Batches, Shards
from animatrix_trainer.loop import fit
from animatrix_trainer.recipes import smoke
from animatrix_trainer.signals import Stop
from safetensors.torch import load_file


def tensors(folder):
    return {str(path.relative_to(folder)): load_file(path) for path in sorted(folder.rglob("*.safetensors"))}


def equal_to_the_bit(one, two):
    one, two = tensors(one), tensors(two)
    assert one.keys() == two.keys()
    for name, group in one.items():
        assert group.keys() == two[name].keys()
        for key, value in group.items():
            assert torch.equal(value, two[name][key]), (name, key)
    return one


def lines(out, name="metrics.jsonl"):
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


def test_ten_steps_equal_five_and_resume_and_five_to_the_bit(dataset, tmp_path):
    through = fit(smoke(), dataset, tmp_path / "through")
    fit(smoke(), dataset, tmp_path / "broken")
    torch.manual_seed(12345)  # another process would not have our random state
    newest = checkpoint.latest(tmp_path / "broken")
    assert newest is not None and newest.name == "step-00000010"
    newest.rename(tmp_path / "lost")
    again = fit(smoke(), dataset, tmp_path / "broken", resume=True)
    whole = equal_to_the_bit(through, again)
    assert any(key.startswith("transformer/exp_avg_sq/") for group in whole.values() for key in group)
    assert (through / "state" / "random.pt").read_bytes() and (through / "recipe.json").read_text() == (
        again / "recipe.json"
    ).read_text()
    logs = [lines(tmp_path / name) for name in ("through", "broken")]
    assert [line["step"] for line in logs[1]] == list(range(1, 11))
    assert [line["loss"] for line in logs[0]] == [line["loss"] for line in logs[1]]


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
    raw = load_file(second / "state" / "tensors-00000.safetensors")
    for name, value in load_file(first / "transformer" / "diffusion_pytorch_model.safetensors").items():
        assert torch.equal(value, raw[f"transformer/weight/{name}"])


def test_an_exported_checkpoint_samples_but_does_not_resume(dataset, tmp_path):
    saved = fit(smoke().over_stages(steps=1), dataset, tmp_path / "run")
    system = checkpoint.load(saved)
    checkpoint.export(system, tmp_path / "small")
    again = checkpoint.load(tmp_path / "small")
    for name, value in system.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name])
    with pytest.raises(checkpoint.CheckpointError, match="no state/"):
        state.Saved(tmp_path / "small")
    with pytest.raises(checkpoint.CheckpointError, match="neither a checkpoint nor"):
        checkpoint.load(tmp_path / "nothing")


def begun_at(out, step, run):
    """A folder with the checkpoint after `step` steps of another run, as if that run had been killed there."""
    (out / "checkpoints").mkdir(parents=True)
    (out / "checkpoints" / f"step-{step:08d}").symlink_to(checkpoint.step_folder(run, step))
    return out


def test_accumulation_stages_and_two_experts_go_on_to_the_bit(dataset, tmp_path):
    """Killed in the middle of the second stage, and between two stages that move other parameters."""
    first = smoke().stages[0]
    bucket = dataclasses.replace(first.buckets[0], batch=4)
    first = dataclasses.replace(first, steps=4, buckets=(bucket,))
    stages = (dataclasses.replace(first, train="tags"), dataclasses.replace(first, name="next", train="all"))
    recipe = dataclasses.replace(smoke(), stages=stages, parallel=Parallel(accumulate=2), experts=Experts(boundary=0.5))
    wholes = []
    for step, save_every in ((4, 100), (6, 6)):
        often = dataclasses.replace(recipe, save_every=save_every)
        wholes.append(fit(often, dataset, tmp_path / f"whole {step}"))
        out = begun_at(tmp_path / f"again {step}", step, tmp_path / f"whole {step}")
        equal_to_the_bit(wholes[-1], fit(often, dataset, out, resume=True))
    equal_to_the_bit(*wholes)


def test_a_run_that_is_told_to_stop_saves_and_goes_on_to_the_bit(dataset, tmp_path):
    recipe = dataclasses.replace(smoke(), save_every=10)
    whole = fit(recipe, dataset, tmp_path / "whole")
    out = tmp_path / "stopped"

    def tell():
        while not (out / "metrics.jsonl").exists() or (out / "metrics.jsonl").read_text().count("\n") < 3:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=tell, daemon=True).start()
    saved = fit(recipe, dataset, out)
    done = state.Saved(saved).progress.step
    assert 3 <= done < 10 and saved == checkpoint.step_folder(out, done)
    assert lines(out)[-1]["step"] == done and signal.getsignal(signal.SIGTERM) is before
    equal_to_the_bit(whole, fit(recipe, dataset, out, resume=True))


def test_a_signal_to_the_whole_group_ends_the_command_well(dataset, tmp_path):
    """As a scheduler sends it: the processes that read data get it too. It exits with 0 and says where it stands."""
    command = [sys.executable, "-m", "animatrix_trainer.cli", "fit", "smoke", "--shards", dataset, "--out", tmp_path]
    settings = ["--stages.0.steps", "100000", "--save-every", "100000", "--workers", "1"]
    run = subprocess.Popen([*command, *settings], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stdout is not None
    for line in run.stdout:
        if line.startswith("step      2"):
            os.killpg(run.pid, signal.SIGTERM)
            break
    said = run.stdout.read()
    assert run.wait(60) == 0, said
    saved = checkpoint.latest(tmp_path)
    assert saved is not None and str(saved) in said
    done = state.Saved(saved).progress.step
    assert f"stopped after step {done} of 100000 as asked; go on with --resume" in said


def test_a_second_signal_is_not_swallowed():
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("second"))
    try:
        with Stop() as stop:
            assert not stop.now()
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.now() and not heard
            os.kill(os.getpid(), signal.SIGINT)
            assert heard == ["second"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_torn_state_is_never_gone_on_from(dataset, tmp_path):
    """What was cut short is refused; what was not written to its end has no name that anyone looks for."""
    short = dataclasses.replace(smoke().over_stages(steps=4), save_every=2)
    last = fit(short, dataset, tmp_path)
    file = last / "state" / "tensors-00000.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(checkpoint.CheckpointError, match=r"tensors-00000.safetensors: has \d+ bytes and not"):
        fit(short, dataset, tmp_path, resume=True)
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(checkpoint.CheckpointError, match="other bytes"):
        fit(short, dataset, tmp_path, resume=True)
    last.rename(last.with_suffix(".part"))
    assert checkpoint.latest(tmp_path) == checkpoint.step_folder(tmp_path, 2)


def test_processes_that_were_eight_and_are_two_read_the_same_batches(dataset):
    """Rank and number of processes only cut the batch of a step; the plan knows neither."""
    bucket = dataclasses.replace(smoke().stages[0].buckets[0], batch=8)
    recipe, clips = smoke().over_stages(buckets=(bucket,)), Shards(dataset, cache=True)
    for step in range(3):
        whole = Batches(clips, recipe)[step]
        for world in (2, 8):
            parts = [Batches(clips, recipe, rank, world)[step] for rank in range(world)]
            numbers = [number for part in parts for number in part.numbers]
            assert sorted(numbers) == list(whole.numbers) and len(parts[0].numbers) == 8 // world
            for part in parts:
                for at, number in enumerate(part.numbers):
                    same = whole.numbers.index(number)
                    assert (part.videos[at] == whole.videos[same]).all()
                    assert part.conditions[at] == whole.conditions[same]
