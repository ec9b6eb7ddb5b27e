import dataclasses
import json

import numpy as np
import pytest
from animatrix_trainer.config import Bucket, Data, Dropout, Recipe, Stage, Window
from animatrix_trainer.data.crop import centre_crop
from animatrix_trainer.data.plan import Pick, Plan
from animatrix_trainer.data.read import Batches, Shards, held_back
from animatrix_trainer.recipes import smoke

WINDOW = Window(frames=5, height_px=24, width_px=40)


def plan(batch=4, seed=0):
    stage = Stage("only", steps=40, buckets=(Bucket(WINDOW, batch),))
    return Plan(Recipe("plan", (stage,), seed=seed), (12, 12, 3, 20, 5))


def test_a_batch_depends_on_seed_and_step_alone():
    assert plan().step(7) == plan().step(7)
    assert [plan().step(step) for step in range(9)] != [plan(seed=1).step(step) for step in range(9)]
    assert [*plan().step(2), *plan().step(3)] == plan(8).step(1)


def test_an_epoch_takes_every_usable_clip_once_at_legal_starts():
    picks = [pick for step in range(40) for pick in plan().step(step)]
    for epoch in range(10):
        assert sorted(pick.row for pick in picks[4 * epoch : 4 * epoch + 4]) == [0, 1, 3, 4]
    assert all(pick.start + 5 <= plan().n_frames[pick.row] for pick in picks)
    assert {pick.start for pick in picks if pick.row == 3} > {0, 4}


def test_clips_that_are_all_too_short_are_refused():
    with pytest.raises(ValueError, match="the longest has 4"):
        Plan(Recipe("plan", (Stage("only", steps=4, buckets=(Bucket(WINDOW, 4),)),)), (3, 4))


def test_a_window_holds_the_frames_it_names_in_their_order(dataset, drawing):
    video = Shards(dataset).video(Pick(1, 3, 0, Window(frames=5, height_px=48, width_px=80)))
    truth = drawing.clip("pan_right", 12, 1)[3:8]
    assert video.shape == truth.shape
    apart = np.abs(video.astype(int) - truth).mean(axis=(1, 2, 3))
    mirrored = np.abs(video[:, :, ::-1].astype(int) - truth).mean()
    assert apart.max() < 8 < mirrored


def test_tags_and_prose_speak_of_the_window_and_never_of_tags(dataset):
    shards = Shards(dataset)
    condition = shards.condition(Pick(0, 4, 0, WINDOW))
    assert condition.tags is not None and condition.tags["camera.move"] == ("pan_left",)
    assert "pan to the left" in condition.text and "<tag>" not in condition.text and "=" not in condition.text
    variants = {shards.condition(Pick(0, 4, 0, WINDOW), seed=seed).text for seed in range(8)}
    assert len(variants) > 1


def test_the_whole_shot_uses_the_stored_prose(tmp_path, drawing):
    own_dataset = drawing.write_dataset(tmp_path / "data", [13])
    whole = Shards(own_dataset).condition(Pick(0, 0, 0, Window(frames=13, height_px=24, width_px=40)))
    assert whole.text.startswith("The camera makes a pan to the left.")


def test_other_aspects_are_cropped_and_the_record_knows(dataset):
    square = Window(frames=5, height_px=24, width_px=24)
    crop = centre_crop(80, 48, square)
    assert crop is not None
    assert crop == pytest.approx((0.2, 0.0, 0.8, 1.0))
    assert Shards(dataset).video(Pick(0, 0, 0, square)).shape == (5, 24, 24, 3)
    whole, cropped = (Shards(dataset).record(Pick(0, 4, 0, w)).tracks for w in (WINDOW, square))
    assert cropped["camera_x"][2] == pytest.approx(whole["camera_x"][2] / 0.6)
    assert centre_crop(854, 480, Window(5, 480, 832)) is not None
    assert centre_crop(854, 480, Window(5, 240, 426)) is None


def test_ranks_share_the_global_batch(dataset):
    recipe = smoke()
    shards = Shards(dataset, cache=True)
    whole = Batches(shards, recipe)[3]
    parts = [Batches(shards, recipe, rank, 2)[3] for rank in (0, 1)]
    assert whole.numbers == (6, 7) and [part.numbers for part in parts] == [(6,), (7,)]
    assert np.array_equal(np.concatenate([part.videos for part in parts]), whole.videos)
    assert sum((part.conditions for part in parts), ()) == whole.conditions
    with pytest.raises(ValueError, match="does not divide"):
        Batches(shards, recipe, 0, 3)


def test_dropout_reaches_the_batches(dataset):
    recipe = smoke().over_stages(dropout=Dropout(modes=(0.0, 0.0, 0.0, 1.0)))
    batch = Batches(Shards(dataset, cache=True), recipe)[0]
    assert all(condition.tags is None and condition.text == "" for condition in batch.conditions)


def test_a_border_is_cut_off_and_the_record_knows(own_dataset, drawing):
    box = {"crop_x0": 0.25, "crop_y0": 0.0, "crop_x1": 0.75, "crop_y1": 1.0, "border_doubt": 0.6, "constant_rate": 1.0}
    narrow = Pick(1, 3, 0, Window(5, 24, 20))
    before = Shards(own_dataset)
    drawing.say(own_dataset, scores={"clip001": box})
    after = Shards(own_dataset)
    assert after.crop(narrow) == (0.25, 0.0, 0.75, 1.0)
    other = dataclasses.replace(narrow, row=0)
    assert after.crop(other) == before.crop(other)
    middle = drawing.clip("pan_right", 12, 1)[3:8, :, 20:60].reshape(5, 24, 2, 20, 2, 3).mean(axis=(2, 4))
    assert np.abs(after.video(narrow) - middle).mean() < 8
    whole = Shards(own_dataset).record(Pick(0, 4, 0, WINDOW)).tracks["camera_x"][2]
    assert after.record(dataclasses.replace(narrow, start=4)).tracks["camera_x"][2] == pytest.approx(-2 * whole)


def test_newer_records_speak_and_others_stay(own_dataset, drawing):
    newer = drawing.record("pan_up", 12, medium="analog_cel").to_json()
    del newer["tracks"]  # they lie with the clip
    drawing.say(own_dataset, records={"clip002": {"record": json.dumps(newer)}})
    shards = Shards(own_dataset)
    said = [shards.condition(Pick(row, 4, 0, WINDOW)).tags or {} for row in (1, 2)]
    assert [tags["style.medium"] for tags in said] == [("digital_2d",), ("analog_cel",)]
    assert said[1]["camera.move"] == ("pan_up",)
    old = Shards(own_dataset, data=Data(labels=1)).condition(Pick(2, 4, 0, WINDOW)).tags or {}
    assert old["style.medium"] == ("digital_2d",)


def test_what_is_held_back_is_said_whole_and_stays_the_same(own_dataset, drawing):
    assert held_back(Shards(own_dataset), smoke()) is None
    drawing.say(own_dataset, splits=drawing.sides("ttthhvt"))
    batches = held_back(Shards(own_dataset), smoke())
    assert batches is not None and batches.shards.reading.split == "validation" and len(batches) == 1
    assert all(condition.tags and condition.text for condition in batches[0].conditions)
    drawing.say(own_dataset, splits=drawing.sides("ttthhtv"))  # the only clip of validation is too short
    batches = held_back(Shards(own_dataset), smoke())
    assert batches is not None and batches.shards.reading.split == "held_out"
