"""Quality from scores of 1 to 5: a cumulative logit model in which some raters are severe and steps are unequal.

P(score <= c) = sigmoid(k_c - (q_item - severity_rater)), with k_1 < k_2 < ... learned (McCullagh 1980).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from animatrix_reward.refused import Refused

_LEAST = 1e-12


@dataclass(frozen=True)
class Score:
    """One rater's score of one item, an integer from 1 on."""

    item: str
    rater: str
    score: int
    prompt: str = ""


@dataclass(frozen=True)
class Qualities:
    """`quality` of every item and `severity` of every rater in logits, each with mean 0; `steps` between the scores."""

    quality: dict[str, float]
    severity: dict[str, float]
    steps: tuple[float, ...]

    def expected(self, item: str) -> float:
        """The score that a rater of severity 0 gives on average."""
        above = 1 - expit(np.array(self.steps) - self.quality[item])
        return float(1 + above.sum())


def fit(scores: Iterable[Score], n_steps: int = 5, *, quality_sd: float = 3.0, severity_sd: float = 1.0) -> Qualities:
    """The most probable qualities and severities under normal priors with these deviations.

    Raises Refused for no scores, or one outside 1 to `n_steps`.
    """
    said = list(scores)
    if not said:
        raise Refused("scores: none given; collect scores first")
    for row in said:
        if not 1 <= row.score <= n_steps:
            raise Refused(f"scores: {row.rater} gave {row.item} {row.score}; scores go from 1 to {n_steps}")
    items, raters = sorted({row.item for row in said}), sorted({row.rater for row in said})
    item, rater = {n: i for i, n in enumerate(items)}, {n: i for i, n in enumerate(raters)}
    item_N, rater_N = np.array([item[r.item] for r in said]), np.array([rater[r.rater] for r in said])
    score_N = np.array([row.score for row in said])
    n, k = len(items), len(raters)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        q_I, v_K, gaps = theta[:n], theta[n : n + k], np.exp(theta[n + k + 1 :])
        steps = np.concatenate([theta[n + k : n + k + 1], theta[n + k] + np.cumsum(gaps)])
        edges = np.concatenate([[-np.inf], steps, [np.inf]])
        x_N = q_I[item_N] - v_K[rater_N]
        above_N, below_N = expit(edges[score_N] - x_N), expit(edges[score_N - 1] - x_N)
        p_N = np.maximum(above_N - below_N, _LEAST)
        up_N, down_N = above_N * (1 - above_N) / p_N, below_N * (1 - below_N) / p_N
        gradient = np.zeros_like(theta)
        np.add.at(gradient, item_N, down_N - up_N)
        np.add.at(gradient, n + rater_N, up_N - down_N)
        by_step = np.zeros(n_steps + 1)
        np.add.at(by_step, score_N, up_N)
        np.add.at(by_step, score_N - 1, -down_N)
        by_step = by_step[1:n_steps]
        gradient[n + k] = by_step.sum()
        gradient[n + k + 1 :] = np.cumsum(by_step[::-1])[::-1][1:] * gaps
        gradient[:n] -= q_I / quality_sd**2
        gradient[n : n + k] -= v_K / severity_sd**2
        prior = (q_I @ q_I / quality_sd**2 + v_K @ v_K / severity_sd**2) / 2
        return float(prior - np.log(p_N).sum()), -gradient

    start = np.zeros(n + k + n_steps - 1)
    start[n + k] = -(n_steps - 2) / 2
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x
    q_I, v_K = found[:n], found[n : n + k]
    steps = found[n + k] + np.concatenate([[0.0], np.cumsum(np.exp(found[n + k + 1 :]))])
    shift = q_I.mean() - v_K.mean()
    return Qualities(
        dict(zip(items, (q_I - q_I.mean()).tolist())),
        dict(zip(raters, (v_K - v_K.mean()).tolist())),
        tuple((steps - shift).tolist()),
    )
