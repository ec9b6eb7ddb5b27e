"""What stages draw by comes from the manifest; what it does not say is refused with what to do."""

import dataclasses

import numpy as np
import pytest
from animatrix_trainer.config import DataError
from animatrix_trainer.data.read import Shards
from animatrix_trainer.recipes import smoke

KEYS = [f"clip{i:03d}" for i in range(7)]


def drawn_by(weights="curriculum", *difficulty):
    return smoke().over_stages(weights=weights, difficulty=difficulty or ("motion",))


def column(name, values):
    return {key: {name: value} for key, value in zip(KEYS, values, strict=True)}


def test_uniform_stages_ask_for_nothing(dataset):
    traits, notes = Shards(dataset).traits(smoke())
    assert traits.n_frames.tolist() == [12] * 6 + [3] and traits.weight is traits.tier is None and notes == ()


def test_missing_weights_and_scores_are_refused_with_the_remedy(own_dataset, drawing):
    with pytest.raises(
        DataError, match=r"stage only: weights=balanced: .*no rebalancing weights; `animatrix-ingest dec"
    ):
        Shards(own_dataset).traits(drawn_by("balanced"))
    drawing.say(own_dataset, weights=column("weight", np.arange(7.0)))
    traits, _ = Shards(own_dataset).traits(drawn_by("balanced"))
    assert traits.weight is not None and traits.weight.tolist() == list(range(7)) and not traits.parts
    with pytest.raises(
        DataError, match=r"difficulty motion: .*no score flow_pct.*ingest the sources again.*--stages.0.diff"
    ):
        Shards(own_dataset).traits(drawn_by())
    drawing.say(own_dataset, scores=column("nonrigid_pct", np.arange(7.0)))
    with pytest.raises(DataError, match=r"--stages.0.difficulty deformation"):
        Shards(own_dataset).traits(drawn_by("curriculum", "motion", "deformation"))
    traits, _ = Shards(own_dataset).traits(drawn_by("curriculum", "deformation"))
    assert traits.parts["deformation"].tolist() == list(range(7))


def test_what_some_clips_lack_is_said(own_dataset, drawing):
    scores = column("flow_pct", [0.0, 1, None, 3, 4, 5, 6])
    drawing.say(own_dataset, weights=column("weight", [1.0] * 7), scores=scores)
    traits, notes = Shards(own_dataset).traits(drawn_by())
    assert np.isnan(traits.parts["motion"]).tolist() == [False, False, True, *[False] * 4]
    assert notes == ("difficulty motion: 1 clips were not measured; they count as middling",)


def test_style_is_the_rarity_of_the_cluster_or_of_the_coordinate(own_dataset, drawing):
    drawing.say(own_dataset, weights=column("weight", [1.0] * 7))
    traits, _ = Shards(own_dataset).traits(drawn_by("curriculum", "style"))
    assert traits.parts["style"].tolist() == [0] * 7  # all are digital_2d
    drawing.say(own_dataset, tags={**column("style.medium", [["analog_cel"], ["unknown"], *[["digital_2d"]] * 5])})
    rare = Shards(own_dataset).traits(drawn_by("curriculum", "style"))[0].parts["style"]
    assert rare[0] == pytest.approx(np.log(6)) and np.isnan(rare[1]) and rare[2] == pytest.approx(np.log(6 / 5))
    drawing.say(own_dataset, clusters=column("cluster", [0, 0, 0, 0, 0, 0, 1]))
    rare = Shards(own_dataset).traits(drawn_by("curriculum", "style"))[0].parts["style"]
    assert rare == pytest.approx([np.log(7 / 6)] * 6 + [np.log(7)])


def test_style_that_nobody_read_is_refused(own_dataset, drawing):
    drawing.say(own_dataset, weights=column("weight", [1.0] * 7), tags=column("style.medium", [["unknown"]] * 7))
    with pytest.raises(DataError, match=r"no cluster and no value of style.medium.*recaption"):
        Shards(own_dataset).traits(drawn_by("hardest", "style"))


def test_tiers_and_rows_are_those_of_the_clips_that_are_read(own_dataset, drawing):
    tiers = ["B", "quarantined", "A", "S", "raw", "technical", "B"]
    drawing.say(own_dataset, tiers=column("tier", tiers), weights=column("weight", np.arange(7.0)))
    shards = Shards(own_dataset)
    traits, _ = shards.traits(drawn_by("balanced"))
    assert traits.tier is not None and traits.tier.tolist() == [2, 3, 4, 0, 1, 2]
    assert traits.weight is not None and traits.weight.tolist() == [0, 2, 3, 4, 5, 6]
    assert [shards.row(row)["key"] for row in (0, 1)] == ["clip000", "clip002"]
    assert dataclasses.asdict(shards.reading)["left_out"] == {"quarantined": 1}
