"""What one more vote on a pair would teach: the expected information of its answer, from the votes so far.

Models are ranked by `ratings.fit` (Bradley-Terry, Rao-Kupper ties); a clip is its model and a deviation of its own. The
clips of one prompt are few, so their posterior is found whole (Laplace: Newton steps, then the inverse Hessian), and

    information = 1/2 log(1 + I(x) v)      x, v: mean and variance of the pair's difference; I: Fisher information of a
                                           vote, sum over left, right, tie of (dp/dx)^2 / p

which is what active sampling (ASAP, Mikhailiuk et al. 2021) asks of a pair, to second order, and cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from animatrix_reward import ratings

CLIP_SD = 1.0
"""How far clips of one model differ, in logits, before anybody voted."""
_STEPS = 8
_LEAST = 1e-9


@dataclass(frozen=True)
class Known:
    """What votes say of models: strengths in logits (mean 0), their uncertainty, and log theta of ties."""

    strength: Mapping[str, float]
    sd: Mapping[str, float]
    tie_logit: float


def models(votes: Iterable[ratings.Comparison], model_of: Mapping[str, str]) -> Known:
    """Models by the votes on their clips. Models that no chain of votes joins count as equal until one does."""
    said = [
        ratings.Comparison(model_of[vote.left], model_of[vote.right], vote.verdict, vote.rater)
        for vote in votes
        if model_of[vote.left] != model_of[vote.right]
    ]
    names = sorted(set(model_of.values()))
    n_votes = {name: sum(name in (vote.left, vote.right) for vote in said) for name in names}
    sd = {name: float(2.0 / np.sqrt(1.0 + 0.5 * n_votes[name])) for name in names}
    if not said or not _joined(said):
        return Known(dict.fromkeys(names, 0.0), sd, 0.5)
    fitted = ratings.fit(said)
    return Known({name: fitted.strength.get(name, 0.0) for name in names}, sd, fitted.tie_logit)


def _joined(votes: list[ratings.Comparison]) -> bool:
    """Whether a chain of votes leads from every model that was voted on to every other."""
    near: dict[str, set[str]] = {}
    for vote in votes:
        near.setdefault(vote.left, set()).add(vote.right)
        near.setdefault(vote.right, set()).add(vote.left)
    reached, todo = set(), [next(iter(near))]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += near[name]
    return len(reached) == len(near)


def of_prompt(
    clips: list[str], model_of: Mapping[str, str], votes: Iterable[ratings.Comparison], known: Known
) -> dict[tuple[str, str], float]:
    """The expected information, in nats, of one more vote on every pair of one prompt's clips."""
    at = {clip: number for number, clip in enumerate(clips)}
    mean_C = np.array([known.strength[model_of[clip]] for clip in clips])
    prior_C = np.array([known.sd[model_of[clip]] ** 2 + CLIP_SD**2 for clip in clips])
    said = [(at[vote.left], at[vote.right], vote.verdict) for vote in votes]
    s_C, cov_CC = _posterior(mean_C, prior_C, said, known.tie_logit)
    found = {}
    for i, first in enumerate(clips):
        for j in range(i + 1, len(clips)):
            variance = cov_CC[i, i] + cov_CC[j, j] - 2 * cov_CC[i, j]
            found[(first, clips[j])] = float(np.log1p(fisher(s_C[i] - s_C[j], known.tie_logit) * variance) / 2)
    return found


def fisher(x: float, tie_logit: float) -> float:
    """Fisher information of one Rao-Kupper vote about the difference x."""
    left, right = expit(x - tie_logit), expit(-x - tie_logit)
    d_left, d_right = left * (1 - left), -right * (1 - right)
    p = np.maximum([left, right, 1 - left - right], _LEAST)
    slope = np.array([d_left, d_right, -d_left - d_right])
    return float((slope**2 / p).sum())


def _posterior(
    mean_C: np.ndarray, prior_C: np.ndarray, said: list[tuple[int, int, str]], tie_logit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mode and covariance of strengths under normal priors, by Fisher scoring."""
    s_C = mean_C.copy()
    hessian = np.diag(1 / prior_C)
    for _ in range(_STEPS):
        slope = (mean_C - s_C) / prior_C
        hessian = np.diag(1 / prior_C)
        for i, j, verdict in said:
            x = s_C[i] - s_C[j]
            left, right = expit(x - tie_logit), expit(-x - tie_logit)
            tie = max(1 - left - right, _LEAST)
            dx = {"left": 1 - left, "right": right - 1, "tie": (right * (1 - right) - left * (1 - left)) / tie}[verdict]
            slope[i] += dx
            slope[j] -= dx
            information = fisher(x, tie_logit)
            hessian[[i, j], [i, j]] += information
            hessian[[i, j], [j, i]] -= information
        step = np.linalg.solve(hessian, slope)
        s_C = s_C + step
        if np.abs(step).max() < 1e-6:
            break
    return s_C, np.linalg.inv(hessian)
