"""What a plan will draw, before it draws: expectations over a whole run, exact up to the bins that steps are put in.

Nothing is drawn and no file is opened: which bucket a step has is known, each clip's chance follows from the pools.

    N clips of the data set, S bins of a stage's steps, K bands of difficulty
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animatrix_trainer.config import TIERS, Bucket, Recipe, Stage
from animatrix_trainer.data.plan import Plan, progress
from animatrix_trainer.data.pools import Pool, Traits, difficulty
from animatrix_trainer.data.tokens import patch_of, tokens

BINS = 60
BANDS = ("easiest", "easier", "harder", "hardest")
"""Quarters of D: under 0.25, 0.5, 0.75, and from there on."""


@dataclass(frozen=True)
class BucketView:
    """A bucket of a stage: its pool, what is drawn for it, and its tokens a sample."""

    bucket: Bucket
    n_clips: int
    n_steps: int
    n_samples: int
    tokens: int
    frames_shown: float
    """share of a drawn clip's frames that the window shows, mean"""

    @property
    def epochs(self) -> float:
        """Draws of a clip of the pool, mean."""
        return self.n_samples / self.n_clips


@dataclass(frozen=True)
class StageView:
    """A stage: the clips it may see and what it will draw of them.

    `ends` (S,) are the last steps of the bins, counted from the run's start. `bands` (S, K), `buckets` (S, buckets)
    and `tasks` (S, 5) are shares of the samples, of the steps and of the samples of each bin. `draws` (N,) is how often
    each clip is drawn, on average; `d` (N,) its D, None where the data set does not say it.
    """

    stage: Stage
    first_step: int
    seen: np.ndarray
    tiers: dict[str, int]
    views: tuple[BucketView, ...]
    ends: np.ndarray
    bands: np.ndarray | None
    buckets: np.ndarray
    tasks: np.ndarray
    draws: np.ndarray
    d: np.ndarray | None

    @property
    def n_samples(self) -> int:
        return sum(view.n_samples for view in self.views)

    @property
    def n_tokens(self) -> int:
        return sum(view.n_samples * view.tokens for view in self.views)

    def band_counts(self) -> np.ndarray | None:
        """Clips the stage may see, by band of difficulty, (K,)."""
        return None if self.d is None else np.bincount(band(self.d[self.seen]), minlength=len(BANDS))

    def unfilled(self) -> float:
        """How much less than its greatest step the mean step computes, 0..1: nothing is padded, but ranks and the
        forecast of memory are made for the greatest."""
        per_step = np.array([view.bucket.batch * view.tokens for view in self.views])
        share = np.array([view.n_steps for view in self.views]) / max(1, self.stage.steps)
        return 1 - float((per_step * share).sum() / per_step.max())


def views(recipe: Recipe, plan: Plan) -> tuple[StageView, ...]:
    """Every stage of a run that learns from clips; preference has pairs instead."""
    found, first = [], 0
    for at, stage in enumerate(recipe.stages):
        if stage.objective == "flow":
            found.append(_view(recipe, plan, at, first))
        first += stage.steps
    return tuple(found)


def band(d: np.ndarray) -> np.ndarray:
    """The band of each D."""
    return np.minimum((d * len(BANDS)).astype(int), len(BANDS) - 1)


def _view(recipe: Recipe, plan: Plan, at: int, first: int) -> StageView:
    stage, choices, traits = plan.stages[at], plan.choices[at], plan.traits
    seen = traits.of_tier(stage.tier)
    edges = np.unique(np.linspace(0, stage.steps, min(BINS, stage.steps) + 1).astype(int))
    which = np.searchsorted(edges[1:], np.arange(stage.steps), side="right")
    n_bins, n_buckets = len(edges) - 1, len(stage.buckets)
    steps = np.zeros((n_bins, n_buckets))
    np.add.at(steps, (which, choices), 1)
    batch = np.array([bucket.batch for bucket in stage.buckets])
    samples = steps * batch
    middles = [
        progress(stage, 0) if stage.steps == 1 else (a + b - 1) / 2 / (stage.steps - 1) for a, b in _pairs(edges)
    ]
    d = difficulty(stage, traits) if all(part in traits.parts for part in stage.difficulty) and traits.parts else None
    draws, bands = np.zeros(len(traits.n_frames)), np.zeros((n_bins, len(BANDS)))
    shown = np.zeros(n_buckets)
    for number in range(n_buckets):
        own = samples[:, number] * (1 - stage.replay)
        drawn, levels = _drawn(stage, plan.pools[at][number], own, middles, len(draws))
        replay = plan.replays[at][number]
        if replay is not None:
            again, of_replay = _drawn(ALIKE, replay, samples[:, number] - own, middles, len(draws))
            drawn, levels = drawn + again, levels + of_replay
        draws += drawn
        frames = stage.buckets[number].window.frames
        shown[number] = (drawn * frames / np.maximum(traits.n_frames, frames)).sum() / max(drawn.sum(), 1e-9)
        if d is not None:
            _add_bands(bands, levels, d if stage.replay == 0 else _of_all(d, traits, stage))
    patch = patch_of(recipe)
    return StageView(
        stage=stage,
        first_step=first,
        seen=seen,
        tiers=_tiers(traits, seen),
        views=tuple(
            BucketView(
                bucket,
                len(plan.pools[at][number]),
                int(steps[:, number].sum()),
                int(samples[:, number].sum()),
                tokens(bucket.window, recipe.codec, patch),
                float(shown[number]),
            )
            for number, bucket in enumerate(stage.buckets)
        ),
        ends=first + edges[1:],
        bands=None if d is None else bands / np.maximum(bands.sum(1, keepdims=True), 1e-9),
        buckets=steps / steps.sum(1, keepdims=True),
        tasks=_tasks(stage, samples),
        draws=draws,
        d=d,
    )


ALIKE = Stage("replay", steps=1)
Levels = list[tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Of each level of a pool: its rows, the share of each within it, and the level's samples of each bin (S,)."""


def _drawn(
    stage: Stage, pool: Pool, samples_S: np.ndarray, progress_S: list[float], n: int
) -> tuple[np.ndarray, Levels]:
    """Expected draws of each clip, (N,), and what they are made of."""
    level_SG = np.stack([count * pool.chances(stage, at) for count, at in zip(samples_S, progress_S, strict=True)])
    own = np.ones(len(pool)) if pool.sums is None else np.diff(pool.sums, prepend=0.0)
    mass, draws, found = pool.masses(), np.zeros(n), []
    for level, (start, end) in enumerate(_pairs(pool.starts)):
        share = own[start:end] / mass[level]
        draws[pool.rows[start:end]] += share * level_SG[:, level].sum()
        found.append((pool.rows[start:end], share, level_SG[:, level]))
    return draws, found


def _add_bands(bands: np.ndarray, levels: Levels, d: np.ndarray) -> None:
    for rows, share, samples_S in levels:
        bands += samples_S[:, None] * np.bincount(band(d[rows]), share, minlength=len(BANDS))


def _of_all(d: np.ndarray, traits: Traits, stage: Stage) -> np.ndarray:
    """D of every clip that may be replayed: those below the stage's tier are ranked among all."""
    return np.where(np.isnan(d), difficulty(Stage("all", 1, difficulty=stage.difficulty), traits), d)


def _tasks(stage: Stage, samples: np.ndarray) -> np.ndarray:
    """Shares of t2i, t2v, i2v, ends, keys of the samples of each bin, (S, 5)."""
    picture = np.array([bucket.window.frames == 1 for bucket in stage.buckets])
    tasks, video = stage.tasks, max(1e-9, 1 - stage.tasks.t2i)
    of_video = np.array([0.0, tasks.t2v, tasks.i2v, tasks.ends, tasks.keys]) / video
    found = samples[:, ~picture].sum(1, keepdims=True) * of_video
    found[:, 0] = samples[:, picture].sum(1)
    return found / samples.sum(1, keepdims=True)


def _tiers(traits: Traits, seen: np.ndarray) -> dict[str, int]:
    if traits.tier is None:
        return {TIERS[0]: int(seen.sum())}
    counts = np.bincount(traits.tier[seen], minlength=len(TIERS))
    return {tier: int(n) for tier, n in zip(TIERS, counts, strict=True) if n}


def _pairs(edges: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
