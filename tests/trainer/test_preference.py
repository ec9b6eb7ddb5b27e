"""Preference moves the model towards winners; its reference stays what it was; every option does what it says."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from anicaption.frames import write_video
from animatrix_trainer import checkpoint, preference
from animatrix_trainer.config import DataError, Lora, Preference, RecipeError, Window
from animatrix_trainer.data.pairs import Pairs, in_latent_frames, read_pairs
from animatrix_trainer.data.readings import Reading
from animatrix_trainer.loop import fit
from animatrix_trainer.model import lora
from animatrix_trainer.onto import onto
from animatrix_trainer.preference import Facts, Reference, gap_weights, loss, loss_of_pairs, mask
from animatrix_trainer.recipes import smoke
from safetensors.torch import load_file

WINDOW = Window(5, 8, 16)


def write_pairs(folder, n=4, seed=0, **more):
    """Winners that are bright on the left, losers on the right."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, rng = [], np.random.default_rng(seed)
    for number in range(n):
        for side in ("winner", "loser"):
            video = rng.integers(0, 60, (5, 8, 16, 3), dtype=np.uint8)
            video[:, :, slice(0, 8) if side == "winner" else slice(8, 16)] += 150
            write_video(folder / f"{number}-{side}.mp4", video, crf=1)
        row = {"prompt": f"p{number}", "tags": {"camera.move": ["pan_left"]}, "text": "A pan.", "score_winner": 4.0}
        files = {side: f"{number}-{side}.mp4" for side in ("winner", "loser")}
        rows.append(row | files | {"score_loser": 2.0} | more)
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), deformed=[[1, 3]], segments=[[0, 1, "even"], [1, 5, "winner"]])


def recipe(train="all", **settings):
    stage = dataclasses.replace(smoke().stages[0], objective="preference", train=train)
    return dataclasses.replace(
        smoke(), stages=(stage,), preference=Preference(beta=50.0, **settings), lora=Lora(rank=2, alpha=2)
    )


def batch_of(pairs, wanted, numbers=(0, 1, 2, 3)):
    return Pairs(read_pairs(pairs), wanted, 4).batch(numbers, WINDOW, 0)


def system_of(wanted):
    built = checkpoint.build(wanted)
    with torch.no_grad():
        for model in built.models:
            model.proj_out.weight.normal_(std=0.05, generator=torch.Generator().manual_seed(0))
    return built


def test_the_loss_is_log_two_where_nothing_moved_and_falls_with_delta():
    settings, ones = Preference(beta=4.0), torch.ones(1, 1)
    assert float(loss(torch.zeros(1, 1), ones, torch.ones(1), settings)) == pytest.approx(np.log(2))
    better = float(loss(-ones, ones, torch.ones(1), settings))
    assert better == pytest.approx(np.log1p(np.exp(-2.0))) and float(loss(ones, ones, torch.ones(1), settings)) > 2
    assert float(loss(-ones, -ones, torch.ones(1), settings)) == pytest.approx(np.log1p(np.exp(2.0)))


def test_even_segments_say_nothing_and_weights_weigh():
    settings, delta = Preference(beta=4.0), torch.tensor([[-1.0, 7.0]])
    said = torch.tensor([[1.0, 0.0]])
    assert float(loss(delta, said, torch.ones(1), settings)) == pytest.approx(np.log1p(np.exp(-2.0)))
    assert float(loss(delta, said, torch.tensor([0.5]), settings)) == pytest.approx(np.log1p(np.exp(-2.0)) / 2)
    assert float(loss(delta, torch.zeros(1, 2), torch.ones(1), settings)) == 0.0
    high, low = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 0.5])
    assert gap_weights(high, low, Preference(gap_weight=True)).tolist() == [1.0, 0.0]
    assert gap_weights(high, low, Preference()).tolist() == [1.0, 1.0]
    assert mask(torch.tensor([[0.0, 0.5]]), Preference(deformation=2.0)).tolist() == [[1.0, 2.0]]


def test_frames_become_shares_of_latent_frames():
    assert in_latent_frames([(1, 3)], 9, 4).tolist() == [0.0, 0.5, 0.0]
    assert in_latent_frames([(0, 1), (4, 9)], 9, 4).tolist() == [1.0, 0.25, 1.0]


@pytest.mark.parametrize("train", ["all", "tags", "lora"])
@pytest.mark.parametrize("whole", [False, True])
def test_the_reference_stays_what_the_model_was(pairs, train, whole):
    wanted = recipe(train)
    system = system_of(wanted)
    lora.move_only(system.model, wanted.stages[0])
    reference = Reference(system.models, wanted.stages[0], whole)
    batch = batch_of(pairs, wanted)
    value, facts = loss_of_pairs(system.model, system, batch, reference)
    assert value.item() == pytest.approx(np.log(2), abs=1e-5) and abs(float(facts.displacement)) < 1e-6
    value.backward()
    moved = lora.trainable(system.model, wanted.stages[0])
    assert {name for name, weight in system.model.named_parameters() if weight.grad is not None} <= moved
    with torch.no_grad():
        for name, weight in system.model.named_parameters():
            if name in moved:
                weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(len(name))))
    later, facts = loss_of_pairs(system.model, system, batch, reference)
    assert abs(later.item() - np.log(2)) > 1e-4 and abs(float(facts.displacement)) > 1e-4
    again = Reference(system.models, wanted.stages[0], whole)
    again.restore(reference.tensors())
    assert loss_of_pairs(system.model, system, batch, again)[0].item() == later.item()
    with pytest.raises(ValueError, match="other parameters"):
        again.restore({"0/x": torch.zeros(1)})


@pytest.mark.parametrize("settings", [{}, {"deformation": 1.0, "gap_weight": True, "segments": True, "sft": 0.1}])
def test_steps_raise_the_implicit_accuracy_of_pairs_not_trained_on(tmp_path, settings):
    wanted = recipe(**settings)
    more = {"real": True, "deformed": [[1, 3]], "segments": [[0, 1, "even"], [1, 5, "winner"]]}
    seen, unseen = (write_pairs(tmp_path / name, 8, seed, **more) for seed, name in enumerate(("seen", "unseen")))
    system = system_of(wanted)
    reference = Reference(system.models, wanted.stages[0])
    optimizer = torch.optim.AdamW(system.model.parameters(), lr=1e-3)
    rows = Pairs(read_pairs(seen), wanted, 4)
    for step in range(60):
        value, _ = loss_of_pairs(system.model, system, rows.batch(range(4 * step, 4 * step + 4), WINDOW, 0), reference)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
    _, facts = loss_of_pairs(system.model, system, batch_of(unseen, wanted, range(1000, 1032)), reference)
    assert float(facts.accuracy) > 0.8 and float(facts.margin) > 0


def test_swapping_winners_and_losers_turns_delta_around(pairs):
    wanted = recipe()
    system = system_of(wanted)
    reference = Reference(system.models, wanted.stages[0])
    with torch.no_grad():
        system.model.proj_out.weight.add_(0.1)
    batch = batch_of(pairs, wanted)
    other = dataclasses.replace(batch, videos=batch.losers, losers=batch.videos)
    one, two = (loss_of_pairs(system.model, system, each, reference)[1] for each in (batch, other))
    assert float(one.margin) == pytest.approx(-float(two.margin), rel=1e-4)


def test_what_a_pair_carries_goes_onto_the_device_without_a_wait(pairs, monkeypatch):
    wanted = recipe(deformation=1.0, gap_weight=True, segments=True, sft=0.1)
    system, batch, gone = system_of(wanted), batch_of(pairs, wanted), []
    monkeypatch.setattr(preference, "onto", lambda device, value: gone.append(value) or onto(device, value))
    loss_of_pairs(system.model, system, batch, Reference(system.models, wanted.stages[0]))
    carried = {"deformed_BT", "segments_BGT", "labels_BG", "scores_B2", "real_B"}
    assert {name for name in carried if any(value is getattr(batch, name) for value in gone)} == carried


def test_a_batch_is_a_pure_function_of_numbers(pairs):
    wanted = recipe()
    one, two = batch_of(pairs, wanted, (5, 6)), batch_of(pairs, wanted, (6,))
    assert np.array_equal(one.videos[1], two.videos[0]) and one.conditions[1] == two.conditions[0]
    rows = Pairs(read_pairs(pairs), wanted, 4)
    epoch = np.concatenate([rows.batch((n,), WINDOW, 0).videos for n in range(4)])
    assert len({clip.tobytes() for clip in epoch}) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wins": 1}, "line 4: has"),
        ({"score_winner": "9"}, "line 4: score '9' is no number"),
        ({"score_winner": 1.5}, "line 4: the winner's score 1.5 is below the loser's 2.0"),
        ({"tags": {"camera.move": ["pan_lft"]}}, "line 4: .*did you mean 'pan_left'"),
        ({"tags": "camera.move=pan_left"}, "line 4: tags='camera.move=pan_left'; write"),
        ({"segments": [[0, 1, "best"]]}, "line 4: segments: 'best' is none of"),
    ],
)
def test_a_wrong_pair_is_named_with_its_line(tmp_path, change, words):
    path = write_pairs(tmp_path)
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*lines[:3], json.dumps(json.loads(lines[3]) | change)]), "utf-8")
    with pytest.raises(DataError, match=words):
        read_pairs(path)


def test_a_clip_that_is_gone_or_short_is_named(tmp_path):
    path = write_pairs(tmp_path)
    rows = Pairs(read_pairs(path), recipe(), 4)
    with pytest.raises(DataError, match="has 5 frames, the stage's bucket takes 9"):
        rows.batch((0,), Window(9, 8, 16), 0)
    for clip in tmp_path.glob("*.mp4"):
        clip.unlink()
    with pytest.raises(DataError, match="draw the candidates again"):
        Pairs(read_pairs(path), recipe(), 4).batch((0,), WINDOW, 0)
    (tmp_path / "none.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no pair"):
        read_pairs(tmp_path / "none.jsonl")


def run_recipe(**more):
    first = dataclasses.replace(smoke().stages[0], name="flow", steps=2)
    last = dataclasses.replace(first, name="preference", steps=6, objective="preference", lr=5e-4)
    return dataclasses.replace(
        smoke(), stages=(first, last), save_every=3, preference=Preference(beta=200.0), samples=1, **more
    )


def test_a_run_ends_in_preference_and_goes_on_to_the_bit(own_dataset, drawing, pairs, tmp_path, capsys):
    drawing.say(own_dataset, splits=drawing.sides("tttthvt"))
    recipe = run_recipe()
    waiting = fit(recipe, own_dataset, tmp_path / "none")
    assert waiting.name == "step-00000002" and "stage preference waits for pairs" in capsys.readouterr().out
    with pytest.raises(RecipeError, match="stage preference: objective=preference needs --pairs"):
        fit(recipe, own_dataset, tmp_path / "none", resume=True)
    through = fit(recipe, own_dataset, tmp_path / "through", pairs=pairs)
    fit(recipe, own_dataset, tmp_path / "broken", pairs=pairs)
    newest = checkpoint.latest(tmp_path / "broken")
    assert newest is not None
    newest.rename(tmp_path / "lost")
    again = fit(recipe, own_dataset, tmp_path / "broken", resume=True, pairs=pairs)
    assert again.name == through.name == "step-00000008"
    for path in sorted((through / "state").glob("*.safetensors")):
        one, two = load_file(path), load_file(again / "state" / path.name)
        assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one), path.name
    before = load_file(tmp_path / "through" / "checkpoints" / "step-00000006" / "state" / "reference.safetensors")
    after = load_file(through / "state" / "reference.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in after)
    lines = [json.loads(line) for line in (tmp_path / "through" / "metrics.jsonl").read_text().splitlines()]
    assert [("accuracy" in line, line["stage"]) for line in lines] == [(False, "flow")] * 2 + [(True, "preference")] * 6
    assert lines[2]["loss"] == pytest.approx(np.log(2), abs=1e-4) and lines[2]["displacement"] == 0.0
    moved = (tmp_path / "through" / "samples" / "motion.jsonl").read_text().splitlines()
    assert [(row["step"], row["stage"]) for row in map(json.loads, moved)] == [
        (2, "flow"), (3, "preference"), (6, "preference"), (8, "preference"),
    ]  # fmt: skip


def test_winners_that_grow_less_likely_raise_an_alarm(tmp_path, capsys):
    from accelerate import Accelerator
    from animatrix_trainer.metrics import DISPLACED_LINES, Log

    wanted = recipe()
    system = system_of(wanted)
    system.reference = Reference(system.models, wanted.stages[0])
    accelerator = Accelerator(cpu=True, log_with="tensorboard", project_dir=tmp_path)
    log = Log(tmp_path, accelerator, dataclasses.replace(system, read=(READING,)), 0, [])
    batch = batch_of(write_pairs(tmp_path / "pairs"), wanted)
    for step in range(DISPLACED_LINES + 1):
        worse = torch.tensor(0.1 if step else -0.1)
        system.reference.seen.append(Facts(torch.tensor(1.0), worse, torch.tensor(1.0)))
        log.step(step, torch.tensor(0.5), 1e-3, None, batch, system.reference)
        assert ("ALARM: winners have grown less likely" in capsys.readouterr().out) == (step == DISPLACED_LINES)
    accelerator.end_training()


READING = Reading(1, 1, "0" * 32, None, "raw", 4)
