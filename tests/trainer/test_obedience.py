"""The table must be able to say no: a stub that obeys, one that does the opposite, and real windows."""

import numpy as np
import pytest
from animatrix_trainer import checkpoint, obedience
from animatrix_trainer.config import Data, DataError, Window
from animatrix_trainer.data.read import Shards
from animatrix_trainer.loop import fit
from animatrix_trainer.recipes import smoke


def test_reading_back_tells_directions_apart(drawing):
    for move in ("pan_left", "pan_right", "pan_up", "pan_down"):
        assert obedience.read_back(drawing.clip(move, 5, 3, (24, 40), 2)) == move
    assert obedience.read_back(drawing.clip("none", 5, 3, (24, 40))) == "none"


def test_the_reader_is_measured_on_real_windows(dataset):
    shards, window = Shards(dataset, cache=True), Window(5, 24, 40)
    counts = obedience.reader_agreement(shards, window, obedience.PANS, 1, 0)
    assert counts == {move: {move: 1} for move in obedience.PANS}


def test_every_move_is_asked_from_every_first_frame():
    first = np.random.default_rng(0).integers(0, 256, (2, 8, 16, 3), dtype=np.uint8)
    counts, clips = obedience.obey(checkpoint.build(smoke()), first, ("pan_left", "track_up"), seed=1)
    assert {move: sum(read.values()) for move, read in counts.items()} == {"pan_left": 2, "track_up": 2}
    assert all(np.array_equal(clip[:, 0], first) for clip in clips.values())


def test_first_frames_come_from_what_is_held_out(own_dataset, drawing, tmp_path):
    saved = fit(smoke().over_stages(steps=1), own_dataset, tmp_path / "run")
    system = checkpoint.load(saved)
    with pytest.raises(DataError, match="was trained on this data set, and nothing of it is held out"):
        obedience.unseen_clips(system, own_dataset, Data())
    strange = drawing.write_dataset(tmp_path / "strange", [12] * 2, seed=9)
    assert "was trained on other data" in obedience.unseen_clips(system, strange, Data())[1]
    drawing.say(own_dataset, splits=drawing.sides("tttthvt"))
    unseen, words = obedience.unseen_clips(system, own_dataset, Data())
    assert [unseen.row(i)["key"] for i in range(len(unseen.n_frames))] == ["clip004"]
    assert "split held_out" in words


def test_the_table_counts_only_what_was_obeyed(tmp_path):
    table = obedience.Table(
        {"pan_left": {"pan_left": 6, "none": 2}, "track_up": {"track_back": 8}},
        {"pan_left": {"pan_left": 8}, "track_up": {"track_up": 7, "unknown": 1}},
    )
    assert table.share(obedience.PANS) == (6, 8) and table.share(obedience.ZOOMS) == (0, 8)
    assert table.share(obedience.ZOOMS, "reader") == (7, 8)
    text = table.text()
    assert "6 of 8 obeyed" in text and "0 of 8 obeyed" in text and "7 of 8" in text
    table.write(tmp_path / "table.json")
    assert '"track_back": 8' in (tmp_path / "table.json").read_text()
