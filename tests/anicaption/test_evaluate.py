"""Records against truths: what counts as asked, right, abstained and wrong."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from anicaption.evaluate import compare, table
from anicaption.record import Record, abstain, drawn, measured
from anicaption.taxonomy import TaxonomyError
from anicaption.tracks import Tracks

TRACKS = Tracks(Fraction(24), 320, 180, {"luma": np.zeros(4, np.float32)})


def said(*values: str) -> Record:
    variable = measured("camera.move", values, {}) if values else abstain("camera.move", "no border")
    return Record.build(TRACKS, {"camera.move": variable})


def true(*values: str) -> Record:
    return Record.build(TRACKS, {"camera.move": drawn("camera.move", values)})


def test_right_wrong_and_abstained_are_counted_apart():
    pairs = [
        (said("pan_left"), true("pan_left")),
        (said("pan_right", "track_up"), true("track_up", "pan_right")),
        (said("pan_left"), true("pan_right")),
        (said(), true("none")),
    ]
    score = compare(pairs)["camera.move"]
    assert (score.asked, score.right, score.abstained, score.answered) == (4, 2, 1, 3)
    assert score.accuracy == pytest.approx(2 / 3) and score.coverage == pytest.approx(3 / 4)
    assert score.mistakes == [(("pan_right",), ("pan_left",), 1)]


def test_what_the_truth_does_not_know_is_not_asked():
    unknown = Record.build(TRACKS, {})
    assert compare([(said("none"), unknown)]) == {}
    pair = (Record.build(TRACKS, {}), Record.build(TRACKS, {"motion.timing": drawn("motion.timing", ["na"])}))
    assert compare([pair]) == {}


def test_values_can_be_folded_before_they_are_compared():
    def without_follow(_, values):
        return tuple(value for value in values if value != "follow") or values

    pair = (said("pan_left"), true("pan_left", "follow"))
    assert compare([pair])["camera.move"].right == 0
    assert compare([pair], same=without_follow)["camera.move"].right == 1


def test_a_field_that_is_none_is_refused():
    with pytest.raises(TaxonomyError, match=r"camera\.mvoe"):
        compare([(said("none"), true("none"))], ["camera.mvoe"])


def test_the_table_shows_scores_and_confusions():
    text = table(compare([(said("pan_left"), true("pan_right")), (said("none"), true("none"))]))
    assert "50 %" in text and "pan_right read as pan_left: 1" in text
