"""Figures against hand-made tables."""

import pytest
from animatrix_reward import evaluate as ev
from animatrix_reward.evaluate import Told, Vote


def told(failing, art=(), failures=(), prompt="p", severity=3):
    return Told(f"{failing}", prompt, art, failures, severity, failing)


ART = [told(f, ("smear_stretch",)) for f in (0.1, 0.2, 0.3, 0.6)]
BAD = [told(f, (), ("melt",)) for f in (0.5, 0.7, 0.8, 0.9)]
PLAIN = [told(f) for f in (0.0, 0.05)]


def test_auroc_counts_pairs():
    assert ev.auroc([*ART, *BAD, *PLAIN]) == pytest.approx(15 / 16)
    assert ev.auroc(ART) is None
    assert ev.auroc([told(0.5, ("morph",)), told(0.5, (), ("pop",))]) == 0.5


def test_the_threshold_lets_a_share_of_sound_clips_through_whatever_fails():
    at = ev.threshold_of([*ART, *PLAIN, *BAD], flagged=0.0)
    assert at == 0.6 and ev.flagged(ART + BAD, at) == 0.0 and ev.caught(ART + BAD, at) == 0.75
    assert ev.threshold_of([*ART, *PLAIN, *BAD], flagged=0.2) < at
    for rows in (ART, BAD):
        with pytest.raises(ValueError, match="validation needs"):
            ev.threshold_of(rows)


def test_a_failing_clip_with_a_smear_counts_as_failing():
    both = told(0.9, ("morph",), ("melt",))
    assert ev.flagged([both], 0.5) is None and ev.caught([both], 0.5) == 1.0
    assert ev.by_kind([both, *ART], 0.55) == {"melt": (1.0, 1), "smear_stretch": (0.25, 4)}


VOTES = [Vote("p", m, v) for m, v in ((1, "left"), (2, "right"), (-1, "right"), (0.1, "tie"), (0, "left"))]


def test_accuracy_without_and_with_ties():
    assert ev.accuracy(VOTES) == pytest.approx((1 + 0 + 1 + 0.5) / 4)
    assert ev.accuracy([Vote("p", 1, "tie")]) is None
    assert ev.accuracy_with_ties(VOTES, 0.5) == pytest.approx(3 / 5)
    assert ev.accuracy_with_ties(VOTES, 9.0) == pytest.approx(1 / 5)


def test_the_band_is_the_one_that_foretells_most():
    votes = [Vote("p", m / 10, "tie" if abs(m) < 4 else "left" if m > 0 else "right") for m in range(-10, 11)]
    assert 0.29 <= ev.tie_band(votes) < 0.4
    assert ev.accuracy_with_ties(votes, ev.tie_band(votes)) == 1.0


def test_calibration_error():
    assert ev.calibration_error([0.75] * 4, [True, True, True, False]) == pytest.approx(0.0)
    assert ev.calibration_error([0.95] * 2 + [0.05] * 2, [False, False, True, True]) == pytest.approx(0.95)


def test_intervals_hold_the_figure():
    rows = [told(0.1 * k, ("morph",), prompt=f"p{k}") for k in range(6)]
    rows += [told(0.2 + 0.15 * k, (), ("pop",), f"p{k}") for k in range(6)]
    found = ev.interval(rows, ev.auroc, draws=100)
    assert found.low <= found.value <= found.high and found.low < found.high
