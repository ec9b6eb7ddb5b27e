"""Whether a clip is like those the Judge was fitted on: what their principal components leave of its pooled columns,
and whether pixels side by side are as alike as theirs.

Clips of the fit differ in few ways, and far along these a clip is only extreme; what they cannot say at all is strange.
A distance by the whole covariance takes extreme clips for stranger than white noise (docs/log.md), and among a thousand
columns the few that tell noise are lost: it is asked by itself. Beyond a limit, which is set on the clips of the fit, a
score is still told, with a wider interval and a flag.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from animatrix_reward.features import Seen
from animatrix_reward.judge import Judge

COMPONENTS = 64
_CLIPS_A_COMPONENT = 4
_LEAST_SPREAD = 0.1  # of a column that hardly ever differs
QUANTILE = 0.98
_SPARE = 1.05  # clips of the next episode lie a little farther than those of validation
_SPARE_ROUGH = 1.2
_CLIP = 8.0


def pooled(judge: Judge, clip: Seen) -> np.ndarray:
    """Mean and spread over time of the normalised columns (2F,)."""
    mean, deviation = judge.mean_F.numpy(), judge.deviation_F.numpy()
    columns = ((clip.columns_TF - mean) / deviation).clip(-_CLIP, _CLIP)
    return np.concatenate([columns.mean(0), columns.std(0)]).astype(np.float64)


def distance(judge: Judge, clip: Seen) -> float:
    """How strange a clip is; 1 is the limit."""
    strange = _left(judge, clip) / max(1e-6, float(judge.support_limit))
    return max(strange, rough(clip) / max(1e-6, float(judge.support_rough)))


def rough(clip: Seen) -> float:
    """Squared steps between pixels side by side against the variance of a picture: 0 smooth, 1 white noise."""
    grey = clip.pictures_TCHW[:, :3].astype(np.float32).mean(1)
    steps = sum((np.diff(grey, axis=axis) ** 2).mean(axis=(1, 2)) for axis in (1, 2))
    return float(np.median(steps / (4 * grey.var(axis=(1, 2)) + 1)))


def _left(judge: Judge, clip: Seen) -> float:
    """What is left of a clip, in deviations, per root of the number of columns."""
    away = (pooled(judge, clip) - judge.support_mean.numpy()) @ judge.support_root.numpy()
    return float(np.sqrt(np.mean(away**2)))


def fit_support(judge: Judge, train: Sequence[Seen], held: Sequence[Seen]) -> None:
    """Write the mean, the matrix that leaves what components do not say, and the limits into the Judge."""
    rows = np.stack([pooled(judge, clip) for clip in train])
    spread = np.maximum(rows.std(0), _LEAST_SPREAD)
    _, _, ways = np.linalg.svd((rows - rows.mean(0)) / spread, full_matrices=False)
    ways = ways[: min(COMPONENTS, len(rows) // _CLIPS_A_COMPONENT)]
    judge.support_mean.copy_(torch.from_numpy(rows.mean(0)))
    judge.support_root.copy_(torch.from_numpy((np.eye(len(spread)) - ways.T @ ways) / spread[:, None]))
    limit = float(np.quantile([_left(judge, clip) for clip in held], QUANTILE)) * _SPARE
    judge.support_limit.copy_(torch.tensor(limit))
    judge.support_rough.copy_(torch.tensor(max(rough(clip) for clip in (*train, *held)) * _SPARE_ROUGH))
