"""Sampling weights against the long tail: rare styles, performances, moves and effects are drawn more often.

One class per axis. A clip whose classes occur n_s, n_m, n_c and n_v times weighs (1 / (n_s n_m n_c n_v))^alpha, as the
AniMatrix paper has it (arXiv 2605.03652, section 3.6, eq. 2; alpha 0.7). Of several values on an axis the mean counts,
and where an axis says nothing (unknown, or it does not apply) the median of those that do.

Products over four skewed axes make a few clips outweigh all others. So weights are capped, at the greatest cap with
which the effective sample size (sum w)^2 / sum w^2 is still `effective` of the clips. A lower cap makes it greater
always, hence the cap is found exactly, from sums over the sorted weights.

    N clips, A axes, V classes of an axis
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN

from animatrix_ingest.decide.joined import TableError, beside, checked, numbered, pc
from animatrix_ingest.decide.settings import BALANCE, LADDER, Balance
from animatrix_ingest.decide.tiers import QUARANTINED

AXES = {"style": "style.tradition", "motion": "motion.performance", "camera": "camera.move", "vfx": "vfx.element"}
"""The field whose values are the classes of an axis."""

WEIGHTS = pa.schema(
    [pa.field("key", pa.string(), nullable=False), pa.field("weight", pa.float64(), nullable=False)],
    metadata={"weight": "draws of a clip per draw of the average counted clip; 0: never"},
)
DIGITS = 6
"""Digits of a weight: what is left of it when machines differ in the last bits of a power."""


@dataclass(frozen=True)
class Axis:
    """What balancing did to an axis. Gini: 0 where all classes that occur have the same share, near 1 where one has."""

    field: str
    classes: int
    unknown: int
    gini_before: float
    gini_after: float


@dataclass(frozen=True)
class Balanced:
    """Weights for every clip, and what came of it among those that were counted."""

    table: pa.Table
    counted: int
    effective_before_cap: float
    effective: float
    capped: int
    axes: dict[str, Axis]
    most_repeated: str | None
    most_weight: float
    most_classes: dict[str, list[str]]

    def to_json(self) -> dict[str, Any]:
        """All but the weights."""
        said = {name: value for name, value in vars(self).items() if name != "table"}
        return said | {"axes": {name: dict(vars(axis)) for name, axis in self.axes.items()}}


@dataclass(frozen=True)
class _Classes:
    """The values of one field: pairs (clip, class), and how many each clip has (0: the axis says nothing)."""

    clip: np.ndarray
    value: np.ndarray
    names: list[str]
    n_values_N: np.ndarray

    def spread(self, per_class_V: np.ndarray) -> np.ndarray:
        """Each clip's mean over its classes; NaN where it has none."""
        total_N = np.bincount(self.clip, per_class_V[self.value], minlength=len(self.n_values_N))
        with np.errstate(invalid="ignore"):
            return np.where(self.n_values_N > 0, total_N / self.n_values_N, np.nan)

    def mass(self, weight_N: np.ndarray) -> np.ndarray:
        """The weight that falls on each class; a clip's is shared among its classes."""
        share = (weight_N / np.maximum(self.n_values_N, 1))[self.clip]
        return np.bincount(self.value, share, minlength=len(self.names))


def weights(
    tags: pa.Table, tiers: pa.Table | None = None, splits: pa.Table | None = None, balance: Balance = BALANCE
) -> Balanced:
    """Weights in the order of `tags` (key and the fields of AXES, as lists of values).

    Counted are clips of the train split from `least_tier` on; the others get weights by the same counts, and what is
    quarantined gets 0. Without `tiers` or `splits`, all are counted.
    """
    checked(tags, "tags", AXES.values())
    n = tags.num_rows
    allowed, counted = _counted(tags["key"], tiers, splits, balance)
    classes = {axis: _classes(tags[field]) for axis, field in AXES.items()}
    log_N = np.zeros(n)
    for each in classes.values():
        log_N += _log_factor(each, counted, balance.alpha)
    if not counted.any():
        table = pa.table({"key": tags["key"], "weight": allowed.astype(float)}, schema=WEIGHTS)
        return Balanced(table, 0, 1.0, 1.0, 0, {}, None, 1.0, {})
    raw = np.exp(log_N - log_N[counted].max())
    raw = np.minimum(raw, 1.0)
    cap = _cap(np.sort(raw[counted]), min(1.0, balance.effective * (1 + 10.0**-DIGITS)))  # rounding comes after
    weight = np.minimum(raw, cap)
    weight = _rounded(np.where(allowed, weight / weight[counted].mean(), 0.0))
    before, after = np.where(counted, 1.0, 0.0), np.where(counted, weight, 0.0)
    axes = {
        axis: Axis(
            field=AXES[axis],
            classes=int(np.count_nonzero(each.mass(before))),
            unknown=int(np.count_nonzero(counted & (each.n_values_N == 0))),
            gini_before=_gini(each.mass(before)),
            gini_after=_gini(each.mass(after)),
        )
        for axis, each in classes.items()
    }
    most = _most(after, tags["key"])
    return Balanced(
        table=pa.table({"key": tags["key"], "weight": weight}, schema=WEIGHTS),
        counted=int(counted.sum()),
        effective_before_cap=_effective(raw[counted]),
        effective=_effective(weight[counted]),
        capped=int(np.count_nonzero(raw[counted] > cap)),
        axes=axes,
        most_repeated=tags["key"][most].as_py(),
        most_weight=float(weight[most]),
        most_classes={axis: tags[field][most].as_py() or [UNKNOWN] for axis, field in AXES.items()},
    )


def _counted(
    keys: Any, tiers: pa.Table | None, splits: pa.Table | None, balance: Balance
) -> tuple[np.ndarray, np.ndarray]:
    """Which clips may be drawn at all, and which are counted."""
    allowed, counted = np.ones(len(keys), bool), np.ones(len(keys), bool)
    if tiers is not None:
        tier = beside(keys, tiers, "tiers", ["tier"])["tier"]
        if tier.null_count:
            raise TableError(f"tiers: {tier.null_count} clips of the tags have no tier; decide tiers of all of them")
        allowed = np.asarray(pc.not_equal(tier, QUARANTINED))
        steps = pa.array(LADDER[LADDER.index(balance.least_tier) :])
        counted &= np.asarray(pc.is_in(tier, value_set=steps))
    if splits is not None:
        side = beside(keys, splits, "splits", ["split"])["split"]
        counted &= np.asarray(pc.fill_null(pc.equal(side, "train"), False))
    return allowed, counted & allowed


def _classes(column: pa.ChunkedArray) -> _Classes:
    lists = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    clip = np.asarray(pc.list_parent_indices(lists)).astype(np.int64)
    value, names = numbered(pc.list_flatten(lists))
    says = np.array([name not in (UNKNOWN, NOT_APPLICABLE) for name in [*names, UNKNOWN]])[value]
    clip, value = clip[says], value[says]
    return _Classes(clip, value, names, np.bincount(clip, minlength=len(lists)))


def _log_factor(classes: _Classes, counted: np.ndarray, alpha: float) -> np.ndarray:
    """log of each clip's factor on one axis."""
    n_V = np.bincount(classes.value, counted[classes.clip].astype(float), minlength=len(classes.names))
    factor_N = classes.spread(np.maximum(n_V, 1.0) ** -alpha)
    known = factor_N[counted & (classes.n_values_N > 0)]
    factor_N[np.isnan(factor_N)] = np.median(known) if len(known) else 1.0
    return np.log(factor_N)


def _effective(weight_N: np.ndarray) -> float:
    """(sum w)^2 / (N sum w^2): the share of the clips that would do as well, drawn alike."""
    return float(weight_N.sum() ** 2 / (len(weight_N) * np.square(weight_N).sum()))


def _cap(sorted_N: np.ndarray, share: float) -> float:
    """The greatest cap that leaves `share` of the clips effective; weights ascend and are positive."""
    n = len(sorted_N)
    s1, s2 = np.cumsum(sorted_N), np.cumsum(np.square(sorted_N))

    def effective(cap: float, k: int) -> float:
        """With the k least weights under the cap and all others at it."""
        low1, low2 = (float(s1[k - 1]), float(s2[k - 1])) if k else (0.0, 0.0)
        return (low1 + (n - k) * cap) ** 2 / (n * (low2 + (n - k) * cap * cap))

    if effective(float(sorted_N[-1]), n) >= share:
        return float(sorted_N[-1])
    low, high = 0, n - 1  # at the weight of `low` it is enough, at that of `high` it is not
    while high - low > 1:
        middle = (low + high) // 2
        if effective(float(sorted_N[middle]), middle) >= share:
            low = middle
        else:
            high = middle
    least, most = float(sorted_N[low]), float(sorted_N[high])
    for _ in range(100):
        cap = (least + most) / 2
        if effective(cap, high) >= share:
            least = cap
        else:
            most = cap
    return least * (1 - 1e-9)


def _gini(mass_V: np.ndarray) -> float:
    """Gini coefficient of the classes that occur."""
    mass = np.sort(mass_V[mass_V > 0])
    v = len(mass)
    return float(2 * (np.arange(1, v + 1) * mass).sum() / (v * mass.sum()) - (v + 1) / v) if v else 0.0


def _rounded(weight_N: np.ndarray) -> np.ndarray:
    """To DIGITS significant digits."""
    scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.where(weight_N > 0, weight_N, 1.0))))
    return np.round(weight_N * scale) / scale


def _most(weight_N: np.ndarray, keys: Any) -> int:
    """The clip that is drawn most; of several, that with the least key."""
    most = np.flatnonzero(weight_N == weight_N.max())
    names = keys.take(pa.array(most)).to_pylist()
    return int(most[names.index(min(names))])
