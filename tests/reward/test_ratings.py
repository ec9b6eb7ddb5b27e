"""Strengths and qualities fitted to simulated raters come back as they were put in."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from animatrix_reward import ratings, scores
from animatrix_reward.intervals import bootstrap
from animatrix_reward.ratings import Comparison
from animatrix_reward.scores import Score
from animatrix_reward.simulate import Rater, compare, score
from scipy.optimize import approx_fprime
from scipy.stats import spearmanr

RATERS = [Rater("steady", 1.6, -0.8), Rater("plain", 1.0, 0.0), Rater("hasty", 0.4, 0.8)]


def world(n: int = 24, seed: int = 3) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1.2, n)
    return {f"prompt{i // 4}/{i}": float(v) for i, v in enumerate(values - values.mean())}


def pairs_of(names: list[str], n: int, seed: int = 5) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    every = list(itertools.permutations(names, 2))
    return [every[i] for i in rng.choice(len(every), n)]


def test_strengths_bias_ties_and_reliability_come_back():
    quality = world()
    votes = compare(quality, pairs_of(list(quality), 900), RATERS, left_bias=0.3, tie_logit=0.6)
    found = ratings.fit(votes)
    truth = np.array([quality[name] for name in found.strength])
    fitted = np.array(list(found.strength.values()))
    assert spearmanr(truth, fitted).statistic > 0.95
    slope = fitted @ truth / (truth @ truth) * np.exp(np.mean(np.log([r.reliability for r in RATERS]))) ** -1
    assert slope == pytest.approx(1.0, abs=0.12)
    assert found.left_bias == pytest.approx(0.3, abs=0.1)
    assert found.tie_logit == pytest.approx(0.6, abs=0.08)
    order = sorted(found.reliability, key=lambda name: -found.reliability[name])
    assert order == ["steady", "plain", "hasty"]


def test_probabilities_are_rao_and_kuppers():
    found = ratings.Strengths({"a": 1.0, "b": 0.2}, {"r": 1.0}, 0.0, np.log(1.7), 0.0)
    p_a, p_b, theta = np.exp(1.0), np.exp(0.2), 1.7
    said = found.probabilities("a", "b")
    assert said["left"] == pytest.approx(p_a / (p_a + theta * p_b))
    assert said["right"] == pytest.approx(p_b / (p_b + theta * p_a))
    ties = (theta**2 - 1) * p_a * p_b / ((p_a + theta * p_b) * (p_b + theta * p_a))
    assert said["tie"] == pytest.approx(ties)


def test_learned_ties_beat_a_theta_of_five():
    """With few ties, theta fixed at 5 explains the same votes far worse."""
    quality = world(12)
    found = ratings.fit(compare(quality, pairs_of(list(quality), 400), RATERS, tie_logit=0.15))
    assert np.exp(found.tie_logit) < 1.3
    assert found.probabilities(*list(quality)[:2])["tie"] < 0.1


def test_the_gradient_is_the_derivative():
    rng = np.random.default_rng(0)
    x_N, kind_N = rng.normal(0, 2, 30), rng.integers(0, 3, 30)
    _, dx_N, dt_N = ratings._log_likelihood(x_N, 0.7, kind_N)
    by_x = approx_fprime(x_N, lambda x: ratings._log_likelihood(x, 0.7, kind_N)[0])
    by_t = approx_fprime(np.array([0.7]), lambda t: ratings._log_likelihood(x_N, float(t[0]), kind_N)[0])
    assert np.allclose(by_x, dx_N, atol=1e-4) and np.allclose(by_t, dt_N.sum(), atol=1e-3)


def test_an_item_that_never_lost_stays_finite():
    found = ratings.fit([Comparison("a", "b", "left", "r")] * 5)
    assert 0 < found.strength["a"] < 5


def test_items_that_nobody_compared_are_refused():
    with pytest.raises(ValueError, match="2 groups that nobody compared"):
        ratings.fit([Comparison("a", "b", "left", "r"), Comparison("c", "d", "tie", "r")])
    with pytest.raises(ValueError, match="compared with itself"):
        ratings.fit([Comparison("a", "a", "tie", "r")])
    with pytest.raises(ValueError, match="none given"):
        ratings.fit([])


def test_qualities_and_severities_come_back():
    """A rater's own noise is large: twelve raters order sixty items well."""
    quality = world(60)
    many = [Rater(f"{r.name} {i}" if i else r.name, r.reliability, r.severity) for r in RATERS for i in range(4)]
    found = scores.fit(score(quality, many))
    truth = np.array([quality[name] for name in found.quality])
    assert spearmanr(truth, list(found.quality.values())).statistic > 0.85
    assert found.severity["steady"] == pytest.approx(-0.8, abs=0.35)
    assert found.severity["hasty"] == pytest.approx(0.8, abs=0.35)
    assert list(found.steps) == sorted(found.steps)
    best, worst = max(found.quality, key=found.quality.__getitem__), min(found.quality, key=found.quality.__getitem__)
    assert 1 < found.expected(worst) < found.expected(best) < 5


def test_a_severe_rater_does_not_lower_what_he_alone_rated():
    """Two halves of equal quality, one scored by a severe rater: raw means differ by far more than qualities."""
    quality = {f"p{i}/{i}": 0.0 for i in range(80)}
    mild, severe = Rater("mild"), Rater("severe", severity=2.0)
    shared = dict(list(quality.items())[:40])
    said = score(shared, [mild, severe], seed=1)
    said += score(dict(list(quality.items())[40:60]), [mild], seed=2)
    said += score(dict(list(quality.items())[60:]), [severe], seed=3)
    found = scores.fit(said)
    names = list(quality)
    raw = {n: np.mean([row.score for row in said if row.item == n]) for n in names}
    by_raw = np.mean([raw[n] for n in names[40:60]]) - np.mean([raw[n] for n in names[60:]])
    by_model = np.mean([found.expected(n) for n in names[40:60]]) - np.mean([found.expected(n) for n in names[60:]])
    assert by_raw > 0.6 and abs(by_model) < by_raw / 2


def test_a_score_off_the_scale_is_refused():
    with pytest.raises(ValueError, match="gave clip 6; scores go from 1 to 5"):
        scores.fit([Score("clip", "r", 6)])


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Of 95 % intervals of a mean over prompts with votes in common, about 95 in 100 hold the truth."""
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rows = [
            (str(p), shared + rng.normal(0, 0.3)) for p in range(40) for shared in [rng.normal(0, 1)] for _ in range(5)
        ]
        found = bootstrap(rows, lambda r: r[0], lambda rs: float(np.mean([r[1] for r in rs])), draws=200, seed=seed)
        assert found.low is not None and found.high is not None
        held += found.low <= 0 <= found.high
    assert 87 <= held <= 99


def test_draws_without_a_statistic_are_counted():
    found = bootstrap([("p", 1)], lambda r: r[0], lambda rows: None, draws=10)
    assert (found.value, found.low, found.n_undefined) == (None, None, 10)
