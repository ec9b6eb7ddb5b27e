"""How good a Judge, or a rival, is: pairwise accuracy, calibration, and whether it tells art from failure.

Pure functions of numbers. Thresholds and tie bands are chosen on validation and only applied elsewhere: a band searched
on test data over-reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from animatrix_reward.intervals import Interval, bootstrap
from animatrix_reward.refused import Refused

ART_FLAGGED, FAILURES_CAUGHT = 0.05, 0.90  # the goals: at most, at least
_BINS = 10


@dataclass(frozen=True)
class Told:
    """One clip with the truth and what was said. `failing`: the higher, the likelier a failure.

    `art` are the intentional kinds drawn in it, `failures` the pathologies; a clip with neither is plain.
    """

    clip: str
    prompt: str
    art: tuple[str, ...]
    failures: tuple[str, ...]
    severity: int
    failing: float


@dataclass(frozen=True)
class Vote:
    """One comparison with the difference that was predicted: left's score less right's. `verdict`: left, right, tie."""

    prompt: str
    margin: float
    verdict: str


def threshold_of(told: Sequence[Told], flagged: float = ART_FLAGGED) -> float:
    """The least threshold over which at most `flagged` of the sound clips lie, art and plain alike.

    Raises Refused without both sound clips and failures: nothing could be chosen then.
    """
    sound = [one.failing for one in told if not one.failures]
    if not sound or len(sound) == len(told):
        raise Refused("threshold: validation needs clips that fail and clips that do not")
    return float(np.quantile(sound, 1 - flagged))


def auroc(told: Sequence[Told]) -> float | None:
    """How often a failing clip is said to fail more than one with intentional deformation and no failure."""
    art = np.array([one.failing for one in told if one.art and not one.failures])
    bad = np.array([one.failing for one in told if one.failures])
    if not len(art) or not len(bad):
        return None
    return float((bad[:, None] > art).mean() + (bad[:, None] == art).mean() / 2)


def flagged(told: Sequence[Told], threshold: float) -> float | None:
    """Share of clips with intentional deformation, and no failure, that are called failures."""
    art = [one.failing > threshold for one in told if one.art and not one.failures]
    return float(np.mean(art)) if art else None


def caught(told: Sequence[Told], threshold: float) -> float | None:
    """Share of failing clips that are called failures."""
    bad = [one.failing > threshold for one in told if one.failures]
    return float(np.mean(bad)) if bad else None


def by_kind(told: Sequence[Told], threshold: float) -> dict[str, tuple[float, int]]:
    """Share that is called a failure, and of how many, per kind: art in clips that do not fail, and failures."""
    found: dict[str, list[bool]] = {}
    for one in told:
        for kind in one.failures or one.art:
            found.setdefault(kind, []).append(one.failing > threshold)
    return {kind: (float(np.mean(rows)), len(rows)) for kind, rows in sorted(found.items())}


def interval(told: Sequence[Told], statistic, *, draws: int = 400, seed: int = 0) -> Interval:
    """A figure of these clips with its bootstrap interval over prompts."""
    return bootstrap(told, lambda one: one.prompt, statistic, draws=draws, seed=seed)


def accuracy(votes: Sequence[Vote]) -> float | None:
    """Share of the votes that were no tie on whose side the margin is; a margin of 0 is half right."""
    clear = [vote for vote in votes if vote.verdict != "tie"]
    if not clear:
        return None
    return float(
        np.mean([0.5 if vote.margin == 0 else (vote.margin > 0) == (vote.verdict == "left") for vote in clear])
    )


def tie_band(votes: Sequence[Vote]) -> float:
    """The margin under which calling a tie is right most often, on validation votes."""
    bands = np.unique(
        np.concatenate([[0.0], np.quantile([abs(vote.margin) for vote in votes], np.linspace(0, 0.9, 46))])
    )
    return float(max(bands, key=lambda band: accuracy_with_ties(votes, float(band))))


def accuracy_with_ties(votes: Sequence[Vote], band: float) -> float:
    """Share of all votes that are foretold, ties called where the margin is no more than `band`."""
    said = ["tie" if abs(vote.margin) <= band else "left" if vote.margin > 0 else "right" for vote in votes]
    return float(np.mean([word == vote.verdict for word, vote in zip(said, votes)]))


def calibration_error(p_N: Sequence[float], happened_N: Sequence[bool]) -> float:
    """Expected calibration error over ten equal bins (Naeini et al. 2015)."""
    p, happened = np.asarray(p_N, float), np.asarray(happened_N, float)
    place = np.minimum((p * _BINS).astype(int), _BINS - 1)
    parts = [(place == k) for k in range(_BINS)]
    return float(sum(abs(p[part].mean() - happened[part].mean()) * part.mean() for part in parts if part.any()))
