"""Raters with known faults: what they say of items of known quality, so that fits can be held against truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from animatrix_reward.ratings import Comparison
from animatrix_reward.scores import Score


@dataclass(frozen=True)
class Rater:
    """`reliability` multiplies the differences a rater sees; `severity` is taken off every score, in logits."""

    name: str
    reliability: float = 1.0
    severity: float = 0.0


def compare(
    quality: Mapping[str, float],
    pairs: Sequence[tuple[str, str]],
    raters: Sequence[Rater],
    *,
    left_bias: float = 0.0,
    tie_logit: float = 0.5,
    seed: int = 0,
) -> list[Comparison]:
    """Every rater's vote on every pair (left, right), drawn from the Rao-Kupper model."""
    rng = np.random.default_rng(seed)
    votes = []
    for left, right in pairs:
        for rater in raters:
            x = rater.reliability * (quality[left] - quality[right]) + left_bias
            drawn, p_left, p_right = rng.random(), expit(x - tie_logit), expit(-x - tie_logit)
            verdict = "left" if drawn < p_left else "right" if drawn < p_left + p_right else "tie"
            votes.append(Comparison(left, right, verdict, rater.name, prompt=left.split("/")[0]))
    return votes


def score(
    quality: Mapping[str, float], raters: Sequence[Rater], steps: Sequence[float] = (-3, -1, 1, 3), *, seed: int = 0
) -> list[Score]:
    """Every rater's score of every item, drawn from the cumulative logit model with these steps."""
    rng = np.random.default_rng(seed)
    said = []
    for item, value in quality.items():
        for rater in raters:
            below = expit(np.asarray(steps) - (value - rater.severity))
            said.append(Score(item, rater.name, int(1 + (rng.random() > below).sum()), prompt=item.split("/")[0]))
    return said
