"""Bootstrap intervals over prompts: votes on one prompt are not independent, so prompts are what is drawn again.

Percentile intervals (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from animatrix_reward.refused import Refused

Row = TypeVar("Row")


@dataclass(frozen=True)
class Interval:
    """A statistic of all rows, and where it lies in `level` of the draws. `n_undefined` draws had none."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    n_draws: int
    n_undefined: int


def bootstrap(
    rows: Iterable[Row],
    prompt_of: Callable[[Row], str],
    statistic: Callable[[list[Row]], float | None],
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of `statistic`, which gets whole prompts drawn with replacement and may be None for a draw.

    A prompt drawn twice comes twice: `statistic` must not need rows to be unique. Raises Refused without rows.
    """
    prompts: dict[str, list[Row]] = {}
    for row in rows:
        prompts.setdefault(prompt_of(row), []).append(row)
    if not prompts:
        raise Refused("bootstrap: no rows; collect votes first")
    groups = list(prompts.values())
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        value = statistic([row for at in rng.integers(len(groups), size=len(groups)) for row in groups[at]])
        if value is not None:
            found.append(value)
    whole = statistic([row for group in groups for row in group])
    if not found:
        return Interval(whole, None, None, level, draws, draws)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Interval(whole, low, high, level, draws, draws - len(found))
