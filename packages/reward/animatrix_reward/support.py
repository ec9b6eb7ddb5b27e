"""Whether a clip is like those the Judge was fitted on: the Mahalanobis distance of its pooled columns.

The covariance is shrunk towards its diagonal, since there are about as many clips as columns. Beyond the limit, which
is set on validation clips, a score is still told, with a wider interval and a flag.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from animatrix_reward.features import Seen
from animatrix_reward.judge import Judge

SHRINK = 0.5
QUANTILE = 0.98
_SPARE = 1.05  # clips of the next episode lie a little farther than those of validation
_CLIP = 8.0


def pooled(judge: Judge, clip: Seen) -> np.ndarray:
    """Mean and spread over time of the normalised columns (2F,)."""
    mean, deviation = judge.mean_F.numpy(), judge.deviation_F.numpy()
    columns = ((clip.columns_TF - mean) / deviation).clip(-_CLIP, _CLIP)
    return np.concatenate([columns.mean(0), columns.std(0)]).astype(np.float64)


def distance(judge: Judge, clip: Seen) -> float:
    """How far a clip lies from those of the fit, in deviations, per root of the number of columns."""
    away = (pooled(judge, clip) - judge.support_mean.numpy()) @ judge.support_root.numpy()
    return float(np.sqrt(np.mean(away**2)))


def fit_support(judge: Judge, train: Sequence[Seen], held: Sequence[Seen]) -> None:
    """Write mean, root of the inverse covariance and limit into the Judge."""
    rows = np.stack([pooled(judge, clip) for clip in train])
    spread = np.cov(rows, rowvar=False)
    spread = (1 - SHRINK) * spread + SHRINK * np.diag(np.diag(spread)) + 1e-3 * np.eye(len(spread))
    root = np.linalg.cholesky(np.linalg.inv(spread))
    judge.support_mean.copy_(torch.from_numpy(rows.mean(0)))
    judge.support_root.copy_(torch.from_numpy(root))
    limit = float(np.quantile([distance(judge, clip) for clip in held], QUANTILE)) * _SPARE
    judge.support_limit.copy_(torch.tensor(limit))
