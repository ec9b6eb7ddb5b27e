"""The caption benchmark's counting: goals on the worse hand, misses for abstentions, questions that never arise."""

from fractions import Fraction

import numpy as np
import pytest
from anicaption.evaluate import score
from anicaption.record import Record, Span, abstain, drawn, measured
from anicaption.tracks import Tracks

from benchmarks.captions import Compared, goals, rows
from benchmarks.captions_rivals import RIVALS

TRACKS = Tracks(Fraction(24), 320, 180, {"luma": np.zeros(24, np.float32)})


def pair(true: dict, said: dict) -> tuple[Record, Record]:
    """(said, true) with one value a field; None abstains."""
    answers = {f: abstain(f, "too little") if v is None else measured(f, v.split("+"), {}) for f, v in said.items()}
    return Record.build(TRACKS, answers), Record.build(TRACKS, {f: drawn(f, v.split("+")) for f, v in true.items()})


def hand(*pairs) -> Compared:
    silent = {rival.name: [("unknown",)] * len(pairs) for rival in RIVALS}
    return Compared(list(pairs), silent)


def found(figures, begins):
    return next(figure for figure in figures if figure.what.startswith(begins))


def test_the_worse_hand_counts():
    good = hand(pair({"camera.move": "pan_left"}, {"camera.move": "pan_left"}))
    bad = hand(pair({"camera.move": "pan_left"}, {"camera.move": "pan_right"}))
    figure = found(goals({"first": good, "second": bad}), "camera.move")
    assert figure.value == 0 and figure.holds is False and "first 1.000" in figure.what
    assert found(goals({"first": good, "second": good}), "camera.move").holds is True


def test_moves_that_the_goal_does_not_name_are_left_aside():
    one = hand(
        pair({"camera.move": "pan_left+follow"}, {"camera.move": "pan_left"}),
        pair({"camera.move": "orbit"}, {"camera.move": "pan_left"}),
    )
    assert found(goals({"first": one}), "camera.move").value == 1


def test_timing_is_asked_apart_for_bodies_and_for_mouths_and_an_abstention_is_a_miss():
    moving = {"camera.move": "pan_left", "motion.timing": "twos"}
    mouth = {"camera.move": "none", "motion.timing": "threes", "motion.partial": "mouth_flap+blink",
             "motion.economy": "partial_only"}  # fmt: skip
    one = hand(
        pair(moving, {"motion.timing": "twos"}),
        pair(moving, {"motion.timing": None}),
        pair(mouth, {"motion.timing": "threes"}),
    )
    figures = goals({"first": one})
    assert found(figures, "motion.timing with the camera moving").value == 0.5
    only = found(figures, "motion.timing with only the mouth moving,")
    assert only.value == 1 and only.holds is True
    assert found(figures, "motion.timing with only the mouth moving under").holds is None


def test_a_goal_that_was_never_asked_does_not_hold():
    assert found(goals({"first": hand()}), "smears").holds is False


def test_smears_are_scored_by_their_frames():
    def shot(field_of, start):
        span = Span(value="smear_stretch", start=start, end=start + 2)
        args = ({},) if field_of is measured else ()
        spans = ((), [span]) if field_of is measured else ([span],)
        return Record.build(
            TRACKS, {"motion.deformation": field_of("motion.deformation", ["smear_stretch"], *args, *spans)}
        )

    near, far = (shot(measured, 11), shot(drawn, 10)), (shot(measured, 13), shot(drawn, 10))
    assert found(goals({"first": hand(near)}), "smears").value == 1
    assert found(goals({"first": hand(near, far)}), "smears").value == pytest.approx(0.5)


def test_every_scored_field_has_a_row_beside_the_commonest_value():
    one = hand(
        pair({"motion.timing": "twos"}, {"motion.timing": "twos"}),
        pair({"motion.timing": "ones"}, {"motion.timing": "ones"}),
    )
    (row,) = rows({"first": score(one.pairs, ["motion.timing"])})
    assert row.value == 1 and row.holds is True
    assert row.rivals["always the commonest value"] == pytest.approx((2 / 3) / 2)
