"""What a run says of itself: figures in lines, losses that are no numbers, held-out clips, pictures."""

import dataclasses
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from animatrix_trainer import checkpoint, flops, held_out, metrics, show
from animatrix_trainer.config import Data, Stage, Tasks
from animatrix_trainer.data.read import Batches, Shards, held_back
from animatrix_trainer.metrics import Log, LossError
from animatrix_trainer.objective import objective
from animatrix_trainer.recipes import smoke
from PIL import Image


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


class Run:
    """A data set, a system and a log; `go` is the loop without an optimiser."""

    def __init__(self, folder, out, **changes):
        self.recipe = dataclasses.replace(smoke(), **changes)
        self.shards = Shards(folder, cache=True, data=Data())
        self.batches = Batches(self.shards, self.recipe)
        self.system = checkpoint.build(self.recipe)
        self.system.read = (self.shards.reading,)
        accelerator = Accelerator(cpu=True, log_with="tensorboard", project_dir=out)
        self.log = Log(out, accelerator, self.system, 0, [])

    def go(self, steps, losses=None, read=lambda batch: batch):
        items = ((step, read(self.batches[step])) for step in range(steps))
        for step, batch in self.log.timed(items):
            with torch.no_grad():
                loss = losses[step] if losses else objective(self.system.model, self.system, batch)
            self.log.step(step, loss, 1e-3, torch.tensor(2.0), batch)


def test_a_line_is_the_mean_of_its_steps_and_counts_tokens(dataset, tmp_path):
    run = Run(dataset, tmp_path, log_every=2, save_every=100)
    run.go(4, [torch.tensor(x) for x in (1.0, 2.0, 3.0, 6.0)])
    one, two = lines(tmp_path / "metrics.jsonl")
    assert (one["step"], two["step"]) == (2, 4) and (one["loss"], two["loss"]) == (1.5, 4.5)
    assert one["grad_norm"] == 2.0 and one["stage"] == "only" and one["mfu"] is None
    tokens = 2 * 4 * 8  # two latent frames of 8x16 pixels in patches of 2x2
    assert one["tokens_per_s"] * one["step_s"] == pytest.approx(2 * tokens, rel=0.02)
    size = flops.Size.of(run.system.model.config, run.recipe.text.length)
    assert one["memory_gib"] > 0.1 and run.log.strides == (4, 1)
    assert one["tflops"] * 1e12 * one["step_s"] == pytest.approx(2 * flops.train_flops(size, tokens), rel=0.05, abs=1e8)


def test_waiting_for_data_is_told_from_working_and_from_saving(dataset, tmp_path, monkeypatch):
    now = 0.0

    def pass_s(seconds, batch=None):
        nonlocal now
        now += seconds
        return batch

    monkeypatch.setattr(metrics, "time", SimpleNamespace(perf_counter=lambda: now))
    run = Run(dataset, tmp_path, log_every=2, save_every=100)
    for step, batch in run.log.timed((step, pass_s(0.1, run.batches[step])) for step in range(4)):
        pass_s(0.05)
        run.log.step(step, torch.tensor(1.0), 1e-3, None, batch)
        pass_s(0.3)  # a checkpoint
    told = lines(tmp_path / "metrics.jsonl")
    shown = [(line["step_s"], line["data_wait"], line["seconds"]) for line in told]
    assert shown == [(0.15, 0.6667, 0.6), (0.15, 0.6667, 1.5)]
    assert told[0]["grad_norm"] is None


def test_a_loss_that_is_no_number_names_step_and_samples_before_anything_is_saved(dataset, tmp_path):
    run = Run(dataset, tmp_path, log_every=100, save_every=4)
    losses = [torch.tensor(x) for x in (1.0, float("nan"), float("inf"), 1.0)]
    with pytest.raises(LossError, match=r"step 2, stage only.*samples \[2, 3\]"):
        run.go(4, losses)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_nothing_is_read_from_the_device_between_lines(dataset, tmp_path):
    run = Run(dataset, tmp_path, log_every=4, save_every=100)

    class Unread(torch.Tensor):
        """A loss that counts how often somebody asks for its value."""

        asked = 0

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func in (torch.Tensor.item, torch.Tensor.__float__, torch.Tensor.__bool__, torch.Tensor.cpu):
                Unread.asked += 1
            return super().__torch_function__(func, types, args, kwargs or {})

    loss = torch.tensor(1.0).as_subclass(Unread)
    run.go(3, [loss] * 3)
    assert Unread.asked == 0
    run.log.step(3, loss, 1e-3, None, run.batches[3])
    assert Unread.asked > 0


def test_a_resumed_log_forgets_what_comes_after_its_start(dataset, tmp_path):
    run = Run(dataset, tmp_path, log_every=1)
    run.go(3, [torch.tensor(1.0)] * 3)
    before = lines(tmp_path / "metrics.jsonl")
    Log(tmp_path, run.log.accelerator, run.system, 2, [])
    assert lines(tmp_path / "metrics.jsonl") == before[:2]


def heard(model):
    """Let tags change the output strongly: the output layer starts at zero."""
    with torch.no_grad():
        model.proj_out.weight.normal_(std=0.2)
    return model


def test_held_out_errors_are_at_fixed_shares_of_noise_and_by_axis(own_dataset, drawing, tmp_path):
    drawing.say(own_dataset, splits=drawing.sides("tttvvvv"))
    run = Run(own_dataset, tmp_path)
    heard(run.system.model)
    unseen = held_back(run.shards, run.recipe)
    assert unseen is not None
    state = torch.get_rng_state()
    run.log.held_out(5, run.system, unseen)
    run.log.held_out(10, run.system, unseen)
    assert torch.equal(state, torch.get_rng_state())
    one, two = lines(tmp_path / "held_out.jsonl")
    assert one["loss"] == two["loss"] and one["split"] == "validation"
    assert len(one["by_sigma"]) == 5 and one["sigmas"] == sorted(one["sigmas"])
    assert one["loss"] == pytest.approx(np.mean(one["by_sigma"]), rel=1e-4)
    assert {"camera", "style"} <= set(one["by_axis"]) and one["by_axis"]["camera"]["clips"] == one["clips"]
    assert one["by_axis"]["camera"]["gap"] != 0
    assert one["by_axis"]["camera"]["loss"] == one["by_sigma"]
    with torch.no_grad():
        run.system.model.proj_out.weight.zero_()
    run.log.held_out(15, run.system, unseen)
    assert {x["gap"] for x in lines(tmp_path / "held_out.jsonl")[-1]["by_axis"].values()} == {0.0}


def test_shares_of_noise_are_quantiles_of_what_the_last_stage_draws():
    recipe = smoke()
    plain = held_out.sigmas(recipe)
    assert plain[2] == pytest.approx(0.5) and plain[0] == pytest.approx(1 - plain[4])
    shifted = held_out.sigmas(recipe.over_stages(shift=5.0))
    assert shifted[2] == pytest.approx(5 / 6)
    inside = held_out.sigmas(recipe.over_stages(shift=5.0, sigma=(0.9, 1.0)))
    assert all(0.9 < s < 1 for s in inside) and list(inside) == sorted(inside)
    draws = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    s = 5 * torch.sigmoid(draws) / (1 + 4 * torch.sigmoid(draws))
    s = s[s > 0.9]
    for at, share in zip(held_out.QUANTILES, inside, strict=True):
        assert (s < share).float().mean() == pytest.approx(at, abs=0.02)


def test_a_silenced_axis_leaves_the_others():
    tags = {"camera.move": ("pan_left",), "style.medium": ("digital_2d",), "camera.angle": ("unknown",)}
    assert set(held_out.without(tags, "camera")) == {"style.medium"}
    from animatrix_trainer.conditioning.dropout import Condition

    assert held_out.says(Condition(tags, ""), "camera") and not held_out.says(Condition(None, ""), "camera")
    assert not held_out.says(Condition({"camera.move": ("na",)}, ""), "camera")


def test_samples_are_the_same_every_time_and_reach_tensorboard(own_dataset, drawing, tmp_path):
    drawing.say(own_dataset, splits=drawing.sides("tttvvvv"))
    stage = dataclasses.replace(smoke().stages[0], tasks=Tasks(t2v=0.0, i2v=1.0))
    run = Run(own_dataset, tmp_path, samples=2, stages=(stage,))
    unseen = held_back(run.shards, run.recipe)
    assert unseen is not None
    run.log.samples(5, run.system, unseen)
    run.log.samples(10, run.system, unseen)
    one, two = (sorted((tmp_path / "samples" / f"step-{n:08d}").iterdir()) for n in (5, 10))
    assert [path.name for path in one] == [f"{n:02d}.{kind}" for n in (0, 1) for kind in ("gif", "png", "txt")]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    moving = Image.open(io.BytesIO(one[0].read_bytes()))
    assert getattr(moving, "n_frames") == 5 and moving.size == (16, 8)  # noqa: B009
    assert "camera.move=" in one[2].read_text()
    first = np.asarray(Image.open(one[1]))[:, :16]
    np.testing.assert_array_equal(first, unseen.shards.video(unseen.plan.step(0)[0])[0])
    run.log.accelerator.end_training()
    (events,) = (tmp_path / "tensorboard").rglob("events*")
    data = events.read_bytes()
    assert b"samples/00/moving" in data and b"GIF89a" in data and b"samples/01/strip" in data


def test_a_strip_shows_first_and_last():
    clip = np.arange(20, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(3, 2).repeat(3, 3)
    line = show.strip(clip)
    assert line.shape == (2, 3 * show.STRIP_FRAMES, 3) and line[0, 0, 0] == 0 and line[0, -1, 0] == 19


def test_no_samples_where_the_recipe_wants_none(dataset, tmp_path):
    run = Run(dataset, tmp_path)
    run.log.samples(5, run.system, run.batches)
    assert not (tmp_path / "samples").exists() and metrics.peak_memory(torch.device("cpu")) > 1e8
    assert isinstance(run.recipe.stages[0], Stage)
