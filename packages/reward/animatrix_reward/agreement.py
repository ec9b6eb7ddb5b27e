"""Krippendorff's alpha: how far raters agree beyond chance, whoever rated what, however many values are missing.

Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011); Content Analysis, 4th ed., chapter 12.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from animatrix_reward.refused import Refused

Scale = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True)
class Rating:
    """One rater's value for one unit. Values of the ordinal and interval scales are numbers."""

    rater: str
    unit: str
    value: Hashable


@dataclass(frozen=True)
class Alpha:
    """`value` is 1 for perfect agreement, 0 for chance, negative below; None where it is not defined.

    It is not defined without two units that two raters rated, or where everybody always said the same.
    """

    value: float | None
    n_units: int
    n_pairable: int
    why: str = ""


def alpha(ratings: Iterable[Rating], scale: Scale) -> Alpha:
    """Alpha of some ratings. A unit that one rater rated alone says nothing and is left out.

    Raises Refused where a rater rated a unit twice: repeats are for `consistency` within a rater.
    """
    units: dict[str, dict[str, Hashable]] = {}
    for rating in ratings:
        said = units.setdefault(rating.unit, {})
        if rating.rater in said:
            raise Refused(f"ratings: {rating.rater} rated {rating.unit} twice; keep one of the two")
        said[rating.rater] = rating.value
    shared = [list(said.values()) for said in units.values() if len(said) > 1]
    n_pairable = sum(map(len, shared))
    if len(shared) < 2:
        return Alpha(None, len(shared), n_pairable, "fewer than two units were rated by two raters")
    values = sorted({value for said in shared for value in said}, key=order(scale))
    if len(values) < 2:
        return Alpha(None, len(shared), n_pairable, f"every rating is {values[0]}: there is nothing to disagree on")
    found = alpha_of_counts(_counts(shared, values), np.array(values, float) if scale == "interval" else None, scale)
    return Alpha(found, len(shared), n_pairable)


def alpha_of_counts(counts_UV: np.ndarray, values_V: np.ndarray | None, scale: Scale) -> float:
    """Alpha from how often each of V values was given to each of U units, every unit rated at least twice.

    `values_V` are the numbers behind the values on the interval scale; ordinal values are in their order.
    """
    return alpha_of_coincidences(coincidences(counts_UV).sum(axis=0), values_V, scale)


def coincidences(counts_UV: np.ndarray) -> np.ndarray:
    """How often each two of V values met in each of U units (U, V, V). Units, and so groups of units, add up."""
    m_U = counts_UV.sum(axis=1)
    pairs_UVV = counts_UV[:, :, None] * counts_UV[:, None, :]
    pairs_UVV = pairs_UVV - np.eye(counts_UV.shape[1]) * counts_UV[:, :, None]
    return pairs_UVV / (m_U - 1)[:, None, None]


def alpha_of_coincidences(o_VV: np.ndarray, values_V: np.ndarray | None, scale: Scale) -> float:
    """Alpha from the coincidences of all units together. Values that nobody gave do not matter."""
    n_V = o_VV.sum(axis=1)
    apart_VV = _apart(n_V, values_V, scale)
    expected = (np.outer(n_V, n_V) - np.diag(n_V)) / (n_V.sum() - 1)
    return float(1 - (o_VV * apart_VV).sum() / (expected * apart_VV).sum())


def _apart(n_V: np.ndarray, values_V: np.ndarray | None, scale: Scale) -> np.ndarray:
    """The squared difference of every two values on a scale."""
    if scale == "nominal":
        return 1.0 - np.eye(len(n_V))
    if scale == "interval":
        assert values_V is not None
        return (values_V[:, None] - values_V[None, :]) ** 2
    middle_V = np.cumsum(n_V) - n_V / 2  # ranks' middles: the sum between two values less half of each end
    return (middle_V[:, None] - middle_V[None, :]) ** 2


def _counts(shared: list[list[Hashable]], values: list[Hashable]) -> np.ndarray:
    column = {value: at for at, value in enumerate(values)}
    counts = np.zeros((len(shared), len(values)))
    for row, said in enumerate(shared):
        for value in said:
            counts[row, column[value]] += 1
    return counts


def order(scale: Scale):
    """How values are sorted: numbers by size; names, on the nominal scale, in any settled order."""
    return repr if scale == "nominal" else lambda value: value
