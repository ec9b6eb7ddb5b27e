"""What a run has read is kept with it, and a run does not change its data without being told to."""

import json

import pytest
from animatrix_trainer import checkpoint, loop
from animatrix_trainer.checkpoint import CheckpointError
from animatrix_trainer.cli import main
from animatrix_trainer.config import Data
from animatrix_trainer.data import readings
from animatrix_trainer.loop import fit
from animatrix_trainer.recipes import smoke
from safetensors.torch import load_file

FIVE = smoke().over_stages(steps=5)


def weights(folder):
    return (folder / "state" / "tensors-00000.safetensors").read_bytes()


def interrupted(dataset, out):
    """A run of ten steps of which only the first five are left."""
    last = fit(smoke(), dataset, out)
    last.rename(out / "lost")


def test_a_checkpoint_names_both_generations_and_the_hash(dataset, tmp_path):
    saved = fit(FIVE, dataset, tmp_path / "a")
    (row,) = json.loads((saved / "data.json").read_text())
    assert (row["video"], row["labels"], row["run"], row["from_step"], row["clips"]) == (1, 1, "smoke", 0, 7)
    assert len(row["hash"]) == 32
    assert (tmp_path / "a" / "data.json").read_text() == (saved / "data.json").read_text()
    checkpoint.export(checkpoint.load(saved), tmp_path / "small")
    assert readings.read(tmp_path / "small") == readings.read(saved)
    further = fit(FIVE, dataset, tmp_path / "b", init=tmp_path / "small")
    assert [row.run for row in readings.read(further)] == ["smoke", "smoke"]
    assert str(tmp_path) not in (further / "data.json").read_text()


def test_a_resumed_run_reads_what_it_began_with(own_dataset, drawing, tmp_path, capsys):
    through = fit(smoke(), own_dataset, tmp_path / "through")
    interrupted(own_dataset, tmp_path / "run")
    drawing.say(own_dataset, splits=drawing.sides("htttttt"))
    capsys.readouterr()
    again = fit(smoke(), own_dataset, tmp_path / "run", resume=True)
    assert weights(again) == weights(through)
    assert len(readings.read(again)) == 1
    assert "labels 1" in capsys.readouterr().out


def test_other_data_is_refused_by_name_or_asked_for(own_dataset, drawing, tmp_path):
    interrupted(own_dataset, tmp_path / "run")
    drawing.say(own_dataset, splits=drawing.sides("htttttt"))
    words = (
        "labels generation 1 then, 2 now; data set .*split None then, train now; 7 clips then, 6 now.*--data.labels 1"
    )
    with pytest.raises(CheckpointError, match=words):
        fit(smoke(), own_dataset, tmp_path / "run", resume=True, data=Data(labels=2))
    again = fit(smoke(), own_dataset, tmp_path / "run", resume=True, other_data=True)
    first, then = readings.read(again)
    assert (first.labels, first.from_step, then.labels, then.from_step) == (1, 0, 2, 5)
    assert then.left_out == {"held_out": 1}


def test_the_command_refuses_in_one_line(own_dataset, drawing, tmp_path, capsys):
    run = ["fit", "smoke", "--shards", str(own_dataset), "--out", str(tmp_path / "run"), "--save-every", "1"]
    assert main([*run, "--stages.0.steps", "1"]) == 0
    assert main([*run, "--stages.0.steps", "1"]) == 2
    assert "holds a run already; go on with --resume" in capsys.readouterr().err
    drawing.say(own_dataset, tiers={f"clip{i:03d}": {"tier": "quarantined"} for i in range(7)})
    assert main([*run[:4], "--out", str(tmp_path / "other"), "--data.tier", "B"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main([*run[:4], "--out", str(tmp_path / "other"), "--data.labels", "9"]) == 2
    assert "no labels generation 9" in capsys.readouterr().err


def test_a_data_set_in_a_bucket_is_read(s3, drawing, tmp_path):
    url = f"{s3}/set"
    drawing.write_dataset(url, [12] * 4)
    assert main(["fit", "smoke", "--shards", url, "--out", str(tmp_path), "--stages.0.steps", "1"]) == 0
    assert readings.read(tmp_path)[0].clips == 4


def test_the_same_contents_elsewhere_are_the_same_data(dataset, drawing, tmp_path):
    interrupted(dataset, tmp_path / "run")
    moved = drawing.write_dataset(tmp_path / "moved", [12] * 6 + [3])
    assert len(readings.read(fit(smoke(), moved, tmp_path / "run", resume=True))) == 1
    interrupted(dataset, tmp_path / "other")
    unlike = drawing.write_dataset(tmp_path / "unlike", [12] * 7)
    with pytest.raises(CheckpointError, match=r"data set .* then, .* now"):
        fit(smoke(), unlike, tmp_path / "other", resume=True)


def test_a_checkpoint_that_does_not_say_is_not_gone_on_with_unasked(dataset, tmp_path):
    interrupted(dataset, tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints" / "step-00000005"
    (folder / "data.json").unlink()
    whole = json.loads((folder / "digests.json").read_text())
    whole.pop("data.json")
    (folder / "digests.json").write_text(json.dumps(whole))
    with pytest.raises(CheckpointError, match="does not say which data"):
        fit(smoke(), dataset, tmp_path / "run", resume=True)


def test_the_held_out_loss_is_written_and_changes_nothing(own_dataset, drawing, tmp_path, monkeypatch):
    drawing.say(own_dataset, splits=drawing.sides("tttthvt"))
    saved = fit(smoke(), own_dataset, tmp_path / "with")
    lines = [json.loads(line) for line in (tmp_path / "with" / "held_out.jsonl").read_text().splitlines()]
    assert [(line["step"], line["split"]) for line in lines] == [(5, "validation"), (10, "validation")]
    assert all(line["loss"] > 0 for line in lines)
    assert lines[0]["loss"] != lines[1]["loss"]
    monkeypatch.setattr(loop, "held_back", lambda *given: None)
    without = fit(smoke(), own_dataset, tmp_path / "without")
    assert weights(without) == weights(saved)
    assert not (tmp_path / "without" / "held_out.jsonl").exists()


def test_what_is_held_out_moves_no_weight(own_dataset, drawing, tmp_path):
    """Other clips on the other side of the split are other clips; the same ones left out for another reason are not."""
    drawing.say(own_dataset, splits=drawing.sides("tttthvt"))
    one = fit(FIVE, own_dataset, tmp_path / "one")
    tiers = {f"clip{i:03d}": {"tier": "quarantined" if i in (4, 5) else "raw"} for i in range(7)}
    drawing.say(own_dataset, splits=drawing.sides("ttttttt"), tiers=tiers)
    two = fit(FIVE, own_dataset, tmp_path / "two")
    assert weights(one) == weights(two)
    assert load_file(two / "state" / "tensors-00000.safetensors")
