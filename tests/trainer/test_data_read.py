"""Reading by index: any step, any number of workers and ranks; broken samples are named, or drawn anew and counted."""

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import webdataset
from anicaption.frames import FILM_RATE, read_clip
from anicaption.record import Span, drawn
from anicaption.taxonomy import taxonomy
from animatrix_ingest.keep import manifest
from animatrix_trainer.config import Bucket, Data, DataError, Dropout, Recipe, Stage, Tasks, Window
from animatrix_trainer.data.plan import Pick
from animatrix_trainer.data.read import ATTEMPTS, Batches, SampleError, Shards, held_back
from animatrix_trainer.loop import fit
from animatrix_trainer.recipes import smoke
from torch.utils.data import DataLoader

PICTURE, VIDEO, LONG = Window(1, 24, 40), Window(5, 8, 16), Window(9, 8, 16)
WHOLE = Dropout((1.0, 0.0, 0.0, 0.0), tag=0.0, synonym=0.0, conflict=0.0)
MIXED = Recipe(
    "mixed",
    (
        Stage(
            "ct",
            steps=12,
            buckets=(Bucket(PICTURE, 4), Bucket(VIDEO, 2), Bucket(LONG, 2)),
            tasks=Tasks(t2i=0.4, t2v=0.3, i2v=0.3),
            dropout=WHOLE,
        ),
    ),
)


def same(one, two):
    assert (one.numbers, one.conditions, one.stage, one.skipped) == (
        two.numbers,
        two.conditions,
        two.stage,
        two.skipped,
    )
    assert np.array_equal(one.videos, two.videos) and np.array_equal(one.rates, two.rates, equal_nan=True)


def place(folder, row):
    """The file and offset of a clip's mp4."""
    at = Shards(folder).row(row)
    return Path(folder) / "shards" / at["shard"], at


def damage(folder, row, at, data):
    path, where = place(folder, row)
    whole = bytearray(path.read_bytes())
    start = where["offset"] + at
    whole[start : start + len(data)] = data
    path.chmod(0o644)
    path.write_bytes(whole)


def test_a_picture_is_one_frame_that_says_nothing_of_motion(dataset):
    shards = Shards(dataset)
    pick = Pick(0, 7, 0, PICTURE)
    assert np.array_equal(shards.video(pick)[0], shards.video(Pick(0, 5, 0, Window(5, 24, 40)))[2])
    tags = shards.condition(pick).tags
    assert tags is not None and tags["style.medium"] == ("digital_2d",)
    moving = [field.id for field in taxonomy() if field.axis == "motion"] + ["camera.move", "camera.speed"]
    assert all(tags[name] == ("na",) for name in moving)
    assert "pan" not in shards.condition(pick, seed=3).text
    assert (shards.condition(Pick(0, 5, 0, VIDEO)).tags or {})["camera.move"] == ("pan_left",)


def test_only_the_window_is_decoded_and_it_is_the_same(dataset):
    lazy, held = Shards(dataset), Shards(dataset, cache=True)
    for start, window in ((0, LONG), (3, LONG), (7, VIDEO), (11, PICTURE)):
        assert np.array_equal(lazy.video(Pick(1, start, 0, window)), held.video(Pick(1, start, 0, window)))


def test_the_native_rate_is_known_to_the_batch(dataset):
    batch = Batches(Shards(dataset), MIXED)[0]
    assert batch.rates == (float(Fraction(FILM_RATE)),) * len(batch.numbers)


def test_workers_and_ranks_and_a_late_start_change_nothing(dataset):
    batches = Batches(Shards(dataset), MIXED)
    through = [batches[step] for step in range(12)]
    assert {batch.videos.shape[1] for batch in through} == {1, 5, 9}
    loader = DataLoader(batches, batch_size=None, sampler=range(5, 12), num_workers=2)  # pyright: ignore[reportArgumentType]
    for one, two in zip(through[5:], loader, strict=True):
        same(one, two)
    for step in range(12):
        parts = [Batches(Shards(dataset), MIXED, rank, 2)[step] for rank in (0, 1)]
        numbers = [part.numbers for part in parts]
        assert sorted(sum(numbers, ())) == list(through[step].numbers)
        assert numbers == [through[step].numbers[0::2], through[step].numbers[1::2]]
        for rank, part in enumerate(parts):
            assert np.array_equal(part.videos, through[step].videos[rank::2])
            assert part.conditions == through[step].conditions[rank::2]


def test_conditions_and_frames_of_two_workers_over_weighted_stages(own_dataset, drawing):
    say_everything(own_dataset, drawing)
    stage = dataclasses.replace(MIXED.stages[0], weights="curriculum", tier="B", difficulty=("motion", "deformation"))
    recipe = dataclasses.replace(MIXED, stages=(MIXED.stages[0], dataclasses.replace(stage, replay=0.25)))
    batches = Batches(Shards(own_dataset), recipe)
    loader = DataLoader(batches, batch_size=None, sampler=range(12, 24), num_workers=2)  # pyright: ignore[reportArgumentType]
    for step, two in zip(range(12, 24), loader, strict=True):
        same(batches[step], two)
    assert {batch.stage for batch in (batches[11], batches[12])} == {0, 1}


def say_everything(folder, drawing, **scores):
    keys = [f"clip{i:03d}" for i in range(7)]
    told = {"flow_pct": np.arange(7.0), "nonrigid_pct": np.arange(7.0)[::-1], "constant_rate": np.ones(7), **scores}
    return drawing.say(
        folder,
        tiers={key: {"tier": "B" if i % 2 else "A"} for i, key in enumerate(keys)},
        weights={key: {"weight": 1.0 + i} for i, key in enumerate(keys)},
        scores={key: {name: float(column[i]) for name, column in told.items()} for i, key in enumerate(keys)},
    )


@pytest.mark.parametrize(
    ("at", "data", "why"),
    [
        (-512, b"clip009.mp4\0", r"the tar has b'clip009.mp4' where the manifest has clip001.mp4"),
        (0, bytes(64), "Invalid data"),
        (400, bytes(3000), "Invalid data|damaged|does not decode|frames in it|Error"),
    ],
)
def test_a_broken_sample_is_named_with_its_place_and_a_remedy(own_dataset, at, data, why):
    damage(own_dataset, 1, at, data)
    shards = Shards(own_dataset)
    path, where = place(own_dataset, 1)
    pick = Pick(1, 0, 0, LONG)
    with pytest.raises(SampleError, match=why) as error:
        shards.readable(pick, lambda: shards.video(pick))
    said = str(error.value)
    assert path.name in said and "clip001" in said and f"byte {where['offset']}" in said
    assert "animatrix-ingest verify" in said and "--skip-corrupt" in said


def test_a_shard_that_is_cut_off_or_gone_is_named(own_dataset):
    path, _ = place(own_dataset, 5)
    shards = Shards(own_dataset)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:9000])
    batches = Batches(shards, MIXED)
    with pytest.raises(SampleError, match="it is cut off"):
        [batches[step] for step in range(12)]
    path.unlink()
    with pytest.raises(SampleError, match="it is not there"):
        batches[0]


def test_broken_samples_are_drawn_anew_and_counted_alike_on_every_rank(own_dataset):
    damage(own_dataset, 1, 0, bytes(64))
    damage(own_dataset, 4, 0, bytes(64))
    recipe = dataclasses.replace(MIXED, skip_corrupt=True)
    batches = Batches(Shards(own_dataset), recipe)
    through = [batches[step] for step in range(12)]
    skipped = [words for batch in through for words in batch.skipped]
    assert skipped and all("clip001" in words or "clip004" in words for words in skipped)
    assert all(len(batch.videos) == len(batch.numbers) for batch in through)
    same(batches[3], through[3])
    parts = [[Batches(Shards(own_dataset), recipe, rank, 2)[step] for rank in (0, 1)] for step in range(12)]
    for whole, both in zip(through, parts, strict=True):
        for rank, part in enumerate(both):
            assert np.array_equal(part.videos, whole.videos[rank::2])
        assert sorted(sum((part.skipped for part in both), ())) == sorted(whole.skipped)
    good = dataclasses.replace(recipe, skip_corrupt=False)
    with pytest.raises(SampleError):
        [Batches(Shards(own_dataset), good)[step] for step in range(12)]


def test_a_data_set_that_is_broken_throughout_stops_the_run(own_dataset):
    for row in range(7):
        damage(own_dataset, row, 0, bytes(64))
    batches = Batches(Shards(own_dataset), dataclasses.replace(MIXED, skip_corrupt=True))
    with pytest.raises(SampleError, match=f"{ATTEMPTS} samples in a row cannot be read"):
        batches[0]


def test_words_of_another_taxonomy_are_refused_and_never_skipped(own_dataset, drawing):
    told = drawing.record("pan_up", 12).to_json() | {"taxonomy_hash": "0" * 16}
    del told["tracks"]
    drawing.say(own_dataset, records={"clip002": {"record": json.dumps(told)}})
    batches = Batches(Shards(own_dataset), dataclasses.replace(MIXED, skip_corrupt=True))
    with pytest.raises(
        DataError, match=r"clip clip002: .*made with taxonomy 0000.*animatrix-ingest recaption"
    ) as error:
        [batches[step] for step in range(12)]
    assert not isinstance(error.value, SampleError)


def test_plain_webdataset_reads_everything(dataset):
    urls = sorted(str(path) for path in (Path(dataset) / "shards").glob("*.tar"))
    samples = list(webdataset.WebDataset(urls, shardshuffle=False))
    rows = manifest.load(dataset, columns=["key", "n_frames"]).to_pylist()
    assert [sample["__key__"] for sample in samples] == [row["key"] for row in rows]
    shards = Shards(dataset)
    for number, (sample, row) in enumerate(zip(samples, rows, strict=True)):
        assert len(read_clip(sample["mp4"])) == row["n_frames"]
        assert json.loads(sample["json"])["key"] == row["key"]
        stored = shards.member(shards.row(number), "txt")
        assert sample["txt"] == stored


def test_held_out_clips_are_of_the_last_stages_tier(own_dataset, drawing):
    drawing.say(
        own_dataset,
        splits=drawing.sides("ttthhvt"),
        tiers={f"clip{i:03d}": {"tier": "S" if i == 4 else "B"} for i in range(7)},
    )
    recipe = smoke().over_stages(tier="A")
    batches = held_back(Shards(own_dataset), recipe)
    assert batches is not None and batches.shards.reading.split == "held_out" and batches.shards.reading.clips == 1
    assert batches.shards.reading.tier == "A"
    raw = held_back(Shards(own_dataset, data=Data(tier="raw")), smoke())
    assert raw is not None and raw.shards.reading.split == "validation"


def test_a_run_counts_what_it_skips(own_dataset, tmp_path, capsys):
    damage(own_dataset, 1, 0, bytes(64))
    recipe = dataclasses.replace(smoke(), skip_corrupt=True, log_every=5)
    fit(recipe, own_dataset, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    said = capsys.readouterr().out
    assert sum(line["skipped"] for line in lines) == said.count("skipped: ") > 0
    assert "clip001" in said
    with pytest.raises(SampleError, match="clip001"):
        fit(smoke(), own_dataset, tmp_path / "strict")


def test_times_of_a_windows_tags_are_told_in_shares_of_the_window(own_dataset, drawing):
    told = drawing.record("pan_up", 12).to_json()
    smear = drawn("motion.deformation", ["smear_stretch"], [Span(value="smear_stretch", start=4, end=6)])
    told["motion"]["deformation"] = smear.model_dump(mode="json")
    del told["tracks"]
    drawing.say(own_dataset, records={"clip002": {"record": json.dumps(told)}})
    shards, window = Shards(own_dataset), Window(5, 24, 40)
    (span,) = shards.condition(Pick(2, 3, 0, window)).spans
    assert (span.field, span.value) == ("motion.deformation", "smear_stretch")
    assert (span.start, span.end) == pytest.approx((0.2, 0.6))
    assert shards.condition(Pick(2, 7, 0, window)).spans == ()  # it is over
    assert shards.condition(Pick(2, 5, 0, PICTURE)).spans == ()  # one frame has no times
    assert shards.condition(Pick(1, 3, 0, window)).spans == ()  # the pan lasts all through
