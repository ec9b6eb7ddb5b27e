"""Records against truths: what counts as asked, right, abstained and wrong."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from anicaption.evaluate import compare, matched, report, score, table, worst
from anicaption.evaluate_page import write_page
from anicaption.record import Record, Span, abstain, drawn, measured
from anicaption.tables import Captioned, Failed, TableError
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


def flash(*frames: tuple[int, int], by=measured) -> Record:
    spans = [Span(value="white_flash", start=start, end=end) for start, end in frames]
    values = ["white_flash"] if spans else ["none"]
    args = (values, {}, (), spans) if by is measured else (values, spans)
    return Record.build(TRACKS, {"vfx.impact_frame": by("vfx.impact_frame", *args)})


def test_an_abstention_misses_what_is_true():
    score_ = compare([(said("pan_left"), true("pan_left")), (said(), true("pan_left")), (said("none"), true("none"))])
    one = score_["camera.move"]
    assert one.per_value["pan_left"].f1 == pytest.approx(2 / 3) and one.per_value["none"].f1 == 1
    assert one.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert one.curve == [(2 / 3, 1.0)]  # all answers are equally sure


def test_spans_are_matched_at_zero_one_and_two_frames():
    pairs = [
        (flash((1, 3)), flash((1, 3), by=drawn)),
        (flash((0, 2)), flash((1, 2), by=drawn)),
        (flash(), flash(by=drawn)),
    ]
    one = compare(pairs)["vfx.impact_frame"]
    assert [one.spans(slack).f1 for slack in (0, 1)] == [0.5, 1.0]
    assert one.spans(1, ["mono"]).right == 0


def test_grades_far_apart_weigh_more():
    def speed(value, by=measured):
        return Record.build(TRACKS, {"camera.speed": by("camera.speed", [value], *([{}] if by is measured else []))})

    near = compare([(speed(a), speed(b, drawn)) for a, b in (("slow", "medium"), ("quick", "quick"), ("slow", "slow"))])
    far = compare(
        [(speed(a), speed(b, drawn)) for a, b in (("whip", "creeping"), ("quick", "quick"), ("slow", "slow"))]
    )
    assert near["camera.speed"].kappa > far["camera.speed"].kappa


def test_calibration_speaks_of_every_said_value():
    sure = Record.build(TRACKS, {"camera.move": measured("camera.move", ["pan_left"], {"pan_left": 0.8})})
    one = compare([(sure, true("pan_left")), (sure, true("pan_right"))])["camera.move"]
    assert one.ece == pytest.approx(0.3)  # 0.8 sure, half right


def test_clips_are_matched_by_name_and_unanswered_ones_are_asked():
    pairs = matched(
        [Captioned("truth/a.mkv", true("none")), Captioned("truth/b.mkv", true("none"))],
        [Captioned("here/a.mkv", said("none")), Failed("here/b.mkv", "decode", "broken", "copy it again")],
    )
    assert [record is None for record, _ in pairs] == [False, True]
    one = score(pairs)["camera.move"]
    assert (one.asked, one.right, one.abstained) == (2, 1, 1)
    with pytest.raises(TableError, match="no clip of the truth"):
        matched([Captioned("a", true("none"))], [Captioned("b", said("none"))])
    with pytest.raises(TableError, match="two answers for b"):
        matched([], [Captioned("b", said("none")), Captioned("b", said("none"))])


def test_the_page_stands_alone_and_shows_confusions(tmp_path):
    scores = compare([(said("pan_left"), true("pan_right")), (said("none"), true("none"))])
    path = write_page(report(scores, 2), tmp_path)
    text = path.read_text("utf-8")
    assert "pan_right" in text and "<svg" in text and "http" not in text.replace("http-equiv", "")
    assert (tmp_path / "evaluation.json").exists()


def test_the_worse_hand_counts():
    good = compare([(said("none"), true("none"))])["camera.move"]
    bad = compare([(said(), true("none"))])["camera.move"]
    assert worst([good, bad]) is bad
