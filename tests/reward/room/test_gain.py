"""What a vote would teach: most where nothing is known and sides are close; held against brute force."""

import itertools

import numpy as np
import pytest
from animatrix_reward.ratings import Comparison
from animatrix_reward.room import gain
from scipy.special import expit

MODEL_OF = {f"{model}{n}": model for model in "xyz" for n in range(2)}


def test_fisher_information_is_the_variance_of_the_score():
    """Against its definition, by differences of the log probabilities."""
    for x, tie in itertools.product((-2.0, 0.0, 0.7), (0.1, 0.5, 2.0)):

        def p(at, tie=tie):
            left, right = expit(at - tie), expit(-at - tie)
            return np.array([left, right, 1 - left - right])

        slope = (np.log(p(x + 1e-5)) - np.log(p(x - 1e-5))) / 2e-5
        assert gain.fisher(x, tie) == pytest.approx(float((p(x) * slope**2).sum()), rel=1e-5)


def test_before_any_vote_all_pairs_are_alike():
    known = gain.models([], MODEL_OF)
    worth = gain.of_prompt(["x0", "y0", "z0"], MODEL_OF, [], known)
    assert len(worth) == 3 and len({round(value, 9) for value in worth.values()}) == 1


def test_votes_make_their_pair_dull_and_clear_sides_too():
    known = gain.models([], MODEL_OF)
    votes = [Comparison("x0", "y0", "left", f"r{n}", "p") for n in range(4)]
    worth = gain.of_prompt(["x0", "y0", "z0"], MODEL_OF, votes, known)
    assert worth["x0", "y0"] < min(worth["x0", "z0"], worth["y0", "z0"])
    once = gain.of_prompt(["x0", "y0", "z0"], MODEL_OF, votes[:1], known)
    assert worth["x0", "y0"] < once["x0", "y0"]


def test_models_that_are_apart_teach_less_than_models_that_are_close():
    rng = np.random.default_rng(0)
    votes = []
    for n in range(60):
        votes.append(Comparison("x0", "y0", "left" if rng.random() < 0.9 else "right", f"r{n % 3}", "p"))
        votes.append(Comparison("y0", "z0", "left" if rng.random() < 0.5 else "right", f"r{n % 3}", "p"))
    known = gain.models(votes, MODEL_OF)
    assert known.strength["x"] > known.strength["y"] + 0.8
    worth = gain.of_prompt(["x1", "y1", "z1"], MODEL_OF, [], known)  # another prompt, no votes of its own
    assert worth["y1", "z1"] > worth["x1", "y1"]


def test_models_that_nothing_joins_count_as_equal():
    votes = [Comparison("x0", "y0", "left", "r", "p"), Comparison("z0", "w0", "left", "r", "q")]
    known = gain.models(votes, {**MODEL_OF, "w0": "w"})
    assert set(known.strength.values()) == {0.0}


def test_the_posterior_is_that_of_a_fine_grid():
    """Mean and deviation of two clips' difference after some votes, by summing over a grid."""
    votes = [(0, 1, "left"), (0, 1, "tie"), (1, 0, "right")]
    prior = np.array([1.5, 1.5])
    s, cov = gain._posterior(np.zeros(2), prior, votes, 0.5)
    d = np.linspace(-12, 12, 24001)
    log = -(d**2) / (2 * prior.sum())
    for left, _, verdict in votes:
        x = d if left == 0 else -d
        p_left, p_right = expit(x - 0.5), expit(-x - 0.5)
        log = log + np.log({"left": p_left, "right": p_right, "tie": 1 - p_left - p_right}[verdict])
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = float((weight * d).sum())
    sd = float(np.sqrt((weight * (d - mean) ** 2).sum()))
    assert s[0] - s[1] == pytest.approx(d[weight.argmax()], abs=0.01)
    assert np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]) == pytest.approx(sd, rel=0.08)
