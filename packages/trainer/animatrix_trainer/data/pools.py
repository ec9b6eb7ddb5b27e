"""The clips that a bucket of a stage draws from, and drawing among them: once an epoch, or by weight with replacement.

Weights are a product w(D) w_i in which only w(D) changes with the progress of a stage. So clips lie sorted by D, with
running sums of w_i beside them, made once. A draw computes w for the few D there are, takes one of these levels by
w(D) times the level's sum, and then a clip within it by bisection: exact, O(levels + log clips), no table per step.

    N clips of the data set, R rows of a pool, G levels of D
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from animatrix_trainer import curriculum
from animatrix_trainer.config import TIERS, Bucket, DataError, Stage


@dataclass(frozen=True)
class Traits:
    """What drawing depends on, a number a clip, in the order of the rows. None: the data set does not say it.

    `tier` are indices into TIERS; without them every clip is raw. `weight` is w_i, NaN where a clip has none. `parts`
    are the measures of difficulty, greater is harder, NaN where nobody measured.
    """

    n_frames: np.ndarray
    tier: np.ndarray | None = None
    weight: np.ndarray | None = None
    parts: dict[str, np.ndarray] = field(default_factory=dict)

    def of_tier(self, least: str) -> np.ndarray:
        """Which clips stand on a tier or above it, bool (N,)."""
        rank = TIERS.index(least)
        return np.full(len(self.n_frames), rank == 0) if self.tier is None else self.tier >= rank


@dataclass(frozen=True)
class Pool:
    """Rows sorted by level. `levels` (G,) are the values of D, `starts` (G + 1,) where each level's rows begin,
    `sums` (R,) running sums of the weights; None: all weights are 1."""

    rows: np.ndarray
    levels: np.ndarray
    starts: np.ndarray
    sums: np.ndarray | None

    def __len__(self) -> int:
        return len(self.rows)

    def masses(self) -> np.ndarray:
        """The sum of w_i of each level, (G,)."""
        if self.sums is None:
            return np.diff(self.starts).astype(float)
        return np.diff(self.sums[self.starts[1:] - 1], prepend=0.0)

    def chances(self, stage: Stage, progress: float) -> np.ndarray:
        """The probability of each level at this progress, (G,)."""
        mass_G = self.masses()
        if stage.weights == "curriculum":
            log_G = curriculum.log_weight(self.levels, progress, stage.gamma, stage.beta)
            mass_G = mass_G * np.exp(log_G - log_G.max())
        return mass_G / mass_G.sum()

    def draw(self, stage: Stage, progress: float, rng: np.random.Generator) -> int:
        """A row, with replacement."""
        level, within = rng.random(2)
        at = int(np.searchsorted(np.cumsum(self.chances(stage, progress)), level, side="right"))
        at = min(at, len(self.levels) - 1)
        first, last = int(self.starts[at]), int(self.starts[at + 1])
        if self.sums is None:
            return int(self.rows[first + int(within * (last - first))])
        before = float(self.sums[first - 1]) if first else 0.0
        aim = before + within * (float(self.sums[last - 1]) - before)
        place = first + int(np.searchsorted(self.sums[first:last], aim, side="right"))
        return int(self.rows[min(place, last - 1)])

    def row_chances(self, stage: Stage, progress: float) -> np.ndarray:
        """The probability of each of `rows`, (R,): what `draw` draws by."""
        per_level = self.chances(stage, progress) / self.masses()
        own = np.ones(len(self)) if self.sums is None else np.diff(np.concatenate([[0.0], self.sums]))
        return own * np.repeat(per_level, np.diff(self.starts))


def difficulty(stage: Stage, traits: Traits) -> np.ndarray:
    """D of every clip for a stage, (N,): quantiles are those of the clips it may see; NaN for all others."""
    seen = traits.of_tier(stage.tier)
    found = np.full(len(traits.n_frames), np.nan)
    if seen.any():
        found[seen] = curriculum.difficulty(
            [curriculum.quantile(traits.parts[part][seen]) for part in stage.difficulty]
        )
    return found


def pool(stage: Stage, bucket: Bucket, traits: Traits) -> Pool:
    """What a bucket of a stage draws from. DataError, with the remedy, where that is nothing."""
    usable = traits.of_tier(stage.tier) & (traits.n_frames >= bucket.window.frames)
    _refuse_nothing(stage, bucket, traits, usable)
    if stage.weights == "uniform":
        return plain(np.flatnonzero(usable))
    assert traits.weight is not None, "traits are loaded for the recipe"
    usable &= np.nan_to_num(traits.weight) > 0
    if not usable.any():
        raise DataError(
            f"stage {stage.name}: no clip of {bucket.window.frames} frames from tier {stage.tier} has a weight above "
            "0; decide again with `animatrix-ingest decide`, or draw with weights uniform"
        )
    hard = np.zeros(len(usable)) if stage.weights == "balanced" else difficulty(stage, traits)
    if stage.weights == "hardest":
        at = np.flatnonzero(usable)
        taken = curriculum.hardest(hard[at], [traits.parts[part][at] for part in stage.difficulty])
        usable[at[~taken]] = False
        hard = np.zeros(len(usable))
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(hard[rows], kind="stable")]
    levels, starts = np.unique(hard[rows], return_index=True)
    return Pool(rows, levels, np.append(starts, len(rows)), np.cumsum(traits.weight[rows]))


def plain(rows: np.ndarray) -> Pool:
    """Rows that are all alike."""
    return Pool(rows, np.zeros(1), np.array([0, len(rows)]), None)


def replayed(stages: tuple[Stage, ...], at: int, bucket: Bucket, traits: Traits) -> Pool:
    """What a stage's replayed samples are drawn from, alike: every clip that a stage before it was allowed to see."""
    least = min((stage.tier for stage in stages[:at]), key=TIERS.index)
    usable = traits.of_tier(least) & (traits.n_frames >= bucket.window.frames)
    _refuse_nothing(stages[at], bucket, traits, usable)
    return plain(np.flatnonzero(usable))


def _refuse_nothing(stage: Stage, bucket: Bucket, traits: Traits, usable: np.ndarray) -> None:
    if usable.any():
        return
    seen = traits.of_tier(stage.tier)
    window = bucket.window
    place = f"stage {stage.name}, bucket {window.frames} x {window.width_px}x{window.height_px}"
    if not seen.any():
        undecided = " (the labels generation has no tiers)" if traits.tier is None else ""
        raise DataError(
            f"{place}: no clip stands on tier {stage.tier} or above{undecided}; choose a lower tier, or decide with "
            "`animatrix-ingest decide` and verdicts of people"
        )
    raise DataError(
        f"{place}: no clip of {window.frames} frames among {int(seen.sum()):,} from tier {stage.tier} (the longest has "
        f"{int(traits.n_frames[seen].max())}); ingest longer shots, or choose a smaller window.frames"
    )
