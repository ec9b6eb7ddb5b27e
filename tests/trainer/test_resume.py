import json

import pytest
import torch
from animatrix_trainer import checkpoint, state
from animatrix_trainer.loop import fit
from animatrix_trainer.recipes import smoke
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
