"""What is read of a data set is what was decided, and what was not decided is said."""

import pytest
from animatrix_ingest.decide import tiers
from animatrix_ingest.keep.manifest import ManifestError
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.watch import border_box
from animatrix_trainer.config import TIERS, Data, DataError
from animatrix_trainer.data.choose import BOX, QUARANTINED, choose, first_side


def keys(chosen):
    return [key[-1] for key in chosen.clips["key"].to_pylist()]


def on(*names):
    return {f"clip{i:03d}": {"tier": name} for i, name in enumerate(names) if name}


def test_words_are_those_that_ingest_writes():
    assert (TIERS, QUARANTINED) == (tiers.LADDER, tiers.QUARANTINED)
    assert set(BOX) < set(border_box.SCORES)


def test_what_is_only_measured_is_read_whole_and_that_is_said(dataset):
    chosen = choose(open_store(dataset))
    assert chosen.reading.clips == 7
    assert chosen.reading.split is None
    assert chosen.clips["crop_x0"].null_count == 7
    assert [note.split(": ")[0] for note in chosen.notes] == [
        f"labels generation 1 has no {kind}" for kind in ("splits", "tiers", "scores")
    ]


def test_every_clip_that_is_not_read_is_counted_once(own_dataset, drawing):
    drawing.say(
        own_dataset,
        splits=drawing.sides("ttvthth"),
        tiers=on("B", "quarantined", "B", "raw", "quarantined", "technical", "S"),
        scores={f"clip{i:03d}": {"constant_rate": float(i != 5)} for i in range(7)},
    )
    store = open_store(own_dataset)
    chosen = choose(store)
    assert keys(chosen) == ["0", "3"]
    assert chosen.notes == ()
    assert chosen.reading.left_out == {"quarantined": 2, "held_out": 1, "validation": 1, "of uneven rate": 1}
    assert chosen.reading.clips + sum(chosen.reading.left_out.values()) == 7
    assert keys(choose(store, Data(tier="technical"))) == ["0"]
    assert choose(store, Data(tier="technical")).reading.left_out["under tier technical"] == 1
    assert keys(choose(store, split="held_out")) == ["6"]
    assert "left out: 2 quarantined, 1 held_out" in chosen.reading.words()


def test_a_clip_that_nobody_decided_is_not_read(own_dataset, drawing):
    drawing.say(own_dataset, splits=drawing.sides("ttt"), tiers=on("B", None, "B", "B"))
    chosen = choose(open_store(own_dataset))
    assert keys(chosen) == ["0", "2"]
    assert chosen.reading.left_out == {"without a tier": 4, "without a split": 1}


def test_no_clip_at_all_is_refused_with_the_counts(own_dataset, drawing):
    drawing.say(own_dataset, tiers=on(*["quarantined"] * 6, "B"))
    store = open_store(own_dataset)
    with pytest.raises(DataError, match=r"no clip of split train from tier A .*6 quarantined, 1 under tier A"):
        choose(store, Data(tier="A"))
    with pytest.raises(DataError, match="7 in no split"):
        choose(store, split="held_out")
    with pytest.raises(ManifestError, match="no labels generation 9"):
        choose(store, Data(labels=9))


def test_generations_are_read_by_their_numbers(own_dataset, drawing):
    assert drawing.say(own_dataset, splits=drawing.sides("thttttt")) == 2
    store = open_store(own_dataset)
    newest, first = choose(store).reading, choose(store, Data(labels=1)).reading
    assert (newest.labels, newest.clips, first.labels, first.clips) == (2, 6, 1, 7)
    assert newest.hash != first.hash


def test_the_first_side_that_has_a_long_clip(own_dataset, drawing):
    drawing.say(own_dataset, splits=drawing.sides("tttttvh"))
    store = open_store(own_dataset)
    assert first_side(store, Data(), ("held_out", "validation"), 5) == "validation"
    assert first_side(store, Data(), ("held_out", "validation"), 3) == "held_out"
    assert first_side(store, Data(labels=1), ("held_out", "validation"), 3) is None
