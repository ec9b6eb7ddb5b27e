"""Strengths from comparisons: Bradley-Terry with Rao-Kupper ties, side bias and rater reliability, fitted together.

A rater k shown i on the left and j on the right weighs x = r_k (s_i - s_j) + b. With t = log theta:

    P(left)  = sigmoid(x - t)      P(right) = sigmoid(-x - t)      P(tie) = 1 - P(left) - P(right)

Rao and Kupper, "Ties in Paired-Comparison Experiments" (1967): their p_i / (p_i + theta p_j) with p = exp(s). Theta is
learned: fixed at 5, as VideoReward does, two equal clips tie two times in three whatever raters say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from animatrix_reward.refused import Refused

Verdict = Literal["left", "right", "tie"]
_LEAST = 1e-12


@dataclass(frozen=True)
class Comparison:
    """One vote. `prompt` groups votes that a bootstrap keeps together."""

    left: str
    right: str
    verdict: Verdict
    rater: str
    prompt: str = ""


@dataclass(frozen=True)
class Strengths:
    """`strength` of every item (mean 0, in logits for a rater of reliability 1), and what belongs to the raters.

    `left_bias` > 0 prefers the left side; `tie_logit` is log theta; `reliability` multiplies a rater's differences: 0
    is one who throws a coin, and their geometric mean is 1.
    """

    strength: dict[str, float]
    reliability: dict[str, float]
    left_bias: float
    tie_logit: float
    log_likelihood: float

    def probabilities(self, left: str, right: str, rater: str | None = None) -> dict[str, float]:
        """P(left), P(right), P(tie) for two items, for a rater, or for one of reliability 1 without a side."""
        difference = self.strength[left] - self.strength[right]
        x = difference if rater is None else self.reliability[rater] * difference + self.left_bias
        left_p, right_p = float(expit(x - self.tie_logit)), float(expit(-x - self.tie_logit))
        return {"left": left_p, "right": right_p, "tie": 1 - left_p - right_p}


def fit(
    comparisons: Iterable[Comparison], *, strength_sd: float = 3.0, reliability_sd: float = 0.5, bias_sd: float = 0.5
) -> Strengths:
    """The most probable strengths under normal priors with these deviations (log reliability's mean is 0).

    The priors keep an item that never lost, and a rater with three votes, finite. Raises Refused where there is
    nothing to fit, or where items fall into groups that nobody compared: their strengths have no common scale.
    """
    votes = list(comparisons)
    if not votes:
        raise Refused("comparisons: none given; collect votes first")
    items = sorted({name for vote in votes for name in (vote.left, vote.right)})
    raters = sorted({vote.rater for vote in votes})
    _check_connected(votes, items)
    item, rater = {n: i for i, n in enumerate(items)}, {n: i for i, n in enumerate(raters)}
    left_N = np.array([item[vote.left] for vote in votes])
    right_N = np.array([item[vote.right] for vote in votes])
    rater_N = np.array([rater[vote.rater] for vote in votes])
    kind_N = np.array([("left", "right", "tie").index(vote.verdict) for vote in votes])
    n, k = len(items), len(raters)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        s_I, logr_K, bias, logt = theta[:n], theta[n : n + k], theta[n + k], theta[n + k + 1]
        r_N, d_N, tie = np.exp(logr_K)[rater_N], s_I[left_N] - s_I[right_N], np.exp(logt)
        value, dx_N, dt_N = _log_likelihood(r_N * d_N + bias, tie, kind_N)
        prior = (s_I @ s_I / strength_sd**2 + logr_K @ logr_K / reliability_sd**2 + (bias / bias_sd) ** 2) / 2
        gradient = np.zeros_like(theta)
        np.add.at(gradient, left_N, dx_N * r_N)
        np.add.at(gradient, right_N, -dx_N * r_N)
        np.add.at(gradient, n + rater_N, dx_N * r_N * d_N)
        gradient[n + k], gradient[n + k + 1] = dx_N.sum(), dt_N.sum() * tie
        gradient[:n] -= s_I / strength_sd**2
        gradient[n : n + k] -= logr_K / reliability_sd**2
        gradient[n + k] -= bias / bias_sd**2
        return prior - value, -gradient

    start = np.zeros(n + k + 2)
    start[-1] = np.log(0.5)
    bounds = [(None, None)] * (n + k + 1) + [(np.log(1e-4), np.log(20.0))]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000}).x
    scale = float(np.exp(found[n : n + k].mean()))
    strength_I = (found[:n] - found[:n].mean()) * scale
    r_N = np.exp(found[n : n + k])[rater_N]
    x_N = r_N * (found[left_N] - found[right_N]) + found[n + k]
    return Strengths(
        strength=dict(zip(items, strength_I.tolist())),
        reliability=dict(zip(raters, (np.exp(found[n : n + k]) / scale).tolist())),
        left_bias=float(found[n + k]),
        tie_logit=float(np.exp(found[-1])),
        log_likelihood=_log_likelihood(x_N, float(np.exp(found[-1])), kind_N)[0],
    )


def _log_likelihood(x_N: np.ndarray, tie: float, kind_N: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """(sum of log probabilities, their derivatives by x, by log theta) of votes of these kinds."""
    left_N, right_N = expit(x_N - tie), expit(-x_N - tie)
    tie_N = np.maximum(1 - left_N - right_N, _LEAST)
    slope_left_N, slope_right_N = left_N * (1 - left_N), right_N * (1 - right_N)
    p_N = np.choose(kind_N, (np.maximum(left_N, _LEAST), np.maximum(right_N, _LEAST), tie_N))
    dx_N = np.choose(kind_N, (1 - left_N, right_N - 1, (slope_right_N - slope_left_N) / tie_N))
    dt_N = np.choose(kind_N, (left_N - 1, right_N - 1, (slope_left_N + slope_right_N) / tie_N))
    return float(np.log(p_N).sum()), dx_N, dt_N


def _check_connected(votes: list[Comparison], items: list[str]) -> None:
    group = {name: name for name in items}

    def root(name: str) -> str:
        while group[name] != name:
            group[name] = group[group[name]]
            name = group[name]
        return name

    for vote in votes:
        if vote.left == vote.right:
            raise Refused(f"comparisons: {vote.left} compared with itself by {vote.rater}")
        group[root(vote.left)] = root(vote.right)
    groups: dict[str, list[str]] = {}
    for name in items:
        groups.setdefault(root(name), []).append(name)
    if len(groups) > 1:
        words = "; ".join(f"{members[0]} and {len(members) - 1} more" for members in list(groups.values())[:3])
        raise Refused(f"comparisons: {len(groups)} groups that nobody compared ({words}); collect votes between them")
