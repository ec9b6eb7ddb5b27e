"""The style-motion-deformation curriculum of AniMatrix (arXiv 2605.03652, eq. 16): how hard a clip is, and when it is
drawn. Pure functions of arrays.

    b = (q_style, q_motion, q_deformation)          the Q-quantile of each part among the clips of a stage, 0..Q-1
    D(b) = mean of q / (Q - 1)                      0 the easiest, 1 the hardest
    w(b) = sigmoid(gamma (tau - D(b) + beta))       tau: how far the stage is, 0..1

A clip is drawn with probability proportional to w(b) w_i, where w_i = (n_style n_motion n_camera n_vfx)^-0.7 is the
data set's rebalancing weight. What fills the three parts is in data/difficulty.py. Q 4 stands in an account of the
paper; gamma 8 and beta 0.25 are ours: the easiest clips are open from the start (0.88), the hardest are half open when
three quarters are done.

Since w depends on a clip only through D, which has a few dozen values, a step computes a few dozen numbers and not one
a clip (data/pools.py).

    N clips
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Q = 4
UNMEASURED = -1
MIDDLE = 0.5
"""What an unmeasured part counts as."""


def quantile(values_N: np.ndarray, q: int = Q) -> np.ndarray:
    """The quantile index 0..q-1 of each value among all; UNMEASURED where it is NaN.

    Equal values have equal indices: as many borders between quantiles as lie below a value, so that the many clips
    in which nothing moves are all in the lowest.
    """
    known = np.isfinite(values_N)
    index_N = np.full(len(values_N), UNMEASURED, np.int8)
    if known.any():
        borders = np.quantile(values_N[known], np.arange(1, q) / q, method="inverted_cdf")
        index_N[known] = np.searchsorted(borders, values_N[known], side="left")
    return index_N


def difficulty(parts: Sequence[np.ndarray], q: int = Q) -> np.ndarray:
    """D of each clip, 0..1, from the quantile indices of each part."""
    shares = [np.where(index_N == UNMEASURED, MIDDLE, index_N / (q - 1)) for index_N in parts]
    return np.round(np.mean(shares, axis=0), 12)  # equal means of thirds are equal numbers


def weight(difficulty_N: np.ndarray, progress: float, gamma: float, beta: float) -> np.ndarray:
    """w of each D at this progress of the stage, 0..1."""
    return np.exp(log_weight(difficulty_N, progress, gamma, beta))


def log_weight(difficulty_N: np.ndarray, progress: float, gamma: float, beta: float) -> np.ndarray:
    """ln w: with a steep gamma, w itself may be 0 in floating point for every clip there is."""
    return -np.logaddexp(0.0, -gamma * (progress - difficulty_N + beta))


def rarity(cluster_N: np.ndarray) -> np.ndarray:
    """-ln of the share of the clips that a clip's style cluster has, so that what is drawn in few clips is hard; NaN
    where the cluster is unknown (below 0)."""
    known = cluster_N >= 0
    rarity_N = np.full(len(cluster_N), np.nan)
    if known.any():
        counts = np.bincount(cluster_N[known])
        rarity_N[known] = -np.log(counts[cluster_N[known]] / known.sum())
    return rarity_N


def hardest(difficulty_N: np.ndarray, parts: Sequence[np.ndarray], share: float = 0.25) -> np.ndarray:
    """Which clips are the hardest `share` of all, rounded up. Among equal D those with the higher ranks within their
    parts are harder, then those that come later."""
    n = len(difficulty_N)
    within_N = sum((_rank(values_N) for values_N in parts), np.zeros(n))
    order = np.lexsort((np.arange(n), within_N, difficulty_N))
    mask_N = np.zeros(n, bool)
    mask_N[order[n - int(np.ceil(share * n)) :]] = True
    return mask_N


def _rank(values_N: np.ndarray) -> np.ndarray:
    """The share of the measured values that are less, 0..1; MIDDLE where there is none."""
    known = np.isfinite(values_N)
    rank_N = np.full(len(values_N), MIDDLE)
    if known.any():
        rank_N[known] = np.searchsorted(np.sort(values_N[known]), values_N[known]) / known.sum()
    return rank_N
