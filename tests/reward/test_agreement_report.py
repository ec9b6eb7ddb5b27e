"""Agreement of votes: against alpha itself, intervals against the plain bootstrap; repeats and undone votes apart."""

import random

import pytest
from anicaption.taxonomy import taxonomy
from animatrix_reward.agreement import Rating, alpha
from animatrix_reward.agreement_report import Value, interval, report, strengths
from animatrix_reward.events import Event
from animatrix_reward.intervals import bootstrap
from animatrix_reward.votes import comparisons, scores

NOW = "2026-01-31T12:00:00+00:00"


def values(scale, n_prompts=12, seed=0):
    """Ratings of which raters agree by half, some missing."""
    rng, found = random.Random(seed), []
    for prompt in range(n_prompts):
        for unit in range(3):
            truth = rng.randint(1, 5)
            for rater in range(3):
                if rng.random() < 0.8:
                    value = truth if rng.random() < 0.5 else rng.randint(1, 5)
                    said = f"v{value}" if scale == "nominal" else value
                    found.append(Value(f"p{prompt}", Rating(f"r{rater}", f"u{prompt}-{unit}", said)))
    return found


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval"])
def test_the_quick_interval_is_the_plain_bootstraps(scale):
    said = values(scale)

    def plain(drawn):
        times, again = {}, []
        for value in drawn:
            key = (value.rating.rater, value.rating.unit)
            times[key] = times.get(key, 0) + 1
            again.append(Rating(value.rating.rater, f"{value.rating.unit}#{times[key]}", value.rating.value))
        return alpha(again, scale).value

    slow = bootstrap(said, lambda value: value.prompt, plain, draws=60, seed=5)
    assert interval(said, scale, draws=60, seed=5) == pytest.approx((slow.low, slow.high))
    assert slow.low < slow.value < slow.high


def compared(rater, left, right, verdict, n, task="t"):
    body = {"prompt": "p", "left": left, "right": right, "dimension": "overall", "verdict": verdict}
    return Event(f"e{n}", rater, task, "compare", NOW, body, taxonomy().hash)


def test_who_prefers_the_same_clip_agrees_whatever_the_side():
    said = []
    for n in range(8):
        a, b = f"a{n}", f"b{n}"
        best, other = (a, b) if n % 2 else (b, a)
        said.append(compared("r", best, other, "left", 2 * n, f"t{n}"))
        said.append(compared("s", other, best, "right", 2 * n + 1, f"t{n}"))
    (row,) = report(said, {}, draws=20)
    assert (row.what, row.dimension, row.alpha, row.n_units) == ("compare", "overall", 1.0, 8)


def test_repeats_second_thoughts_and_undone_votes_do_not_count_twice():
    said = [
        compared("r", "a", "b", "left", 0, "t0"),
        compared("s", "a", "b", "left", 1, "t0"),
        compared("r", "c", "d", "left", 2, "t1"),
        compared("s", "c", "d", "left", 3, "t1"),
        compared("s", "c", "d", "right", 4, "t1"),
        compared("r", "b", "a", "left", 5, "t9"),
    ]
    (row,) = report(said, {}, repeats=["t9"], draws=10)
    assert row.n_values == 4
    by_hand = [
        Rating("r", "0", "first"),
        Rating("s", "0", "first"),
        Rating("r", "1", "first"),
        Rating("s", "1", "second"),
    ]
    assert row.alpha == pytest.approx(alpha(by_hand, "nominal").value)
    undo = Event("e6", "s", "t1", "undo", NOW, {"undoes": "e4"}, taxonomy().hash)
    (row,) = report([*said, undo], {}, repeats=["t9"], draws=10)
    assert row.alpha is None and "nothing to disagree on" in row.why  # the first thought stands again


def test_models_are_ranked_or_the_reason_is_given():
    model_of = {"a": "X", "b": "Y"}
    said = [compared(f"r{n}", "a", "b", "left", n, f"t{n}") for n in range(6)]
    fitted = strengths(said, model_of)
    assert not isinstance(fitted, str) and fitted.strength["X"] > fitted.strength["Y"]
    assert "none given" in strengths([], model_of)


def test_standing_votes_are_rows_of_the_statistics():
    def rated(rater, score, n):
        body = {"clip": "a", "scores": {"face_topology": score}}
        return Event(f"s{n}", rater, "t5", "rate", NOW, body, taxonomy().hash)

    said = [compared("r", "a", "b", "equal_bad", 0), compared("s", "a", "b", "cannot_judge", 1), rated("r", 2, 2)]
    said += [rated("r", 4, 3), rated("s", 1, 4)]
    (vote,) = comparisons(said)
    assert (vote.left, vote.right, vote.verdict, vote.rater, vote.prompt) == ("a", "b", "tie", "r", "p")
    found = [(row.item, row.rater, row.score, row.prompt) for row in scores(said, "face_topology", {"a": "p"})]
    assert found == [("a", "r", 4, "p"), ("a", "s", 1, "p")]
    assert scores(said, "limb_structure", {}) == []
