"""Matching found shot boundaries to true ones: precision, recall and F1, one partner each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Truth:
    """A new shot begins at `frame`; an answer anywhere in `first`..`last` (inclusive) is right."""

    frame: int
    first: int
    last: int
    gradual: bool = False


@dataclass(frozen=True)
class Score:
    """Matched pairs, what was missed and what was found where nothing is (frame numbers)."""

    right: tuple[tuple[int, int], ...] = ()
    missed: tuple[int, ...] = ()
    false: tuple[int, ...] = ()

    @property
    def precision(self) -> float:
        found = len(self.right) + len(self.false)
        return len(self.right) / found if found else 1.0

    @property
    def recall(self) -> float:
        true = len(self.right) + len(self.missed)
        return len(self.right) / true if true else 1.0

    @property
    def f1(self) -> float:
        wrong = len(self.missed) + len(self.false)
        return 2 * len(self.right) / (2 * len(self.right) + wrong) if self.right or wrong else 1.0


def score(truths: Sequence[Truth], found: Iterable[int], ignore: Iterable[int] = ()) -> Score:
    """Match each truth, in order, to the nearest free answer within its limits.

    Answers at `ignore` that match nothing count neither way.
    """
    free = sorted(set(found))
    right, missed = [], []
    for truth in sorted(truths, key=lambda t: t.frame):
        near = [frame for frame in free if truth.first <= frame <= truth.last]
        if near:
            best = min(near, key=lambda frame: abs(frame - truth.frame))
            right.append((truth.frame, best))
            free.remove(best)
        else:
            missed.append(truth.frame)
    ignored = set(ignore)
    return Score(tuple(right), tuple(missed), tuple(frame for frame in free if frame not in ignored))


def total(scores: Iterable[Score]) -> Score:
    """The score of several films together; frame numbers are those of their own films."""
    scores = list(scores)
    return Score(
        tuple(pair for s in scores for pair in s.right),
        tuple(frame for s in scores for frame in s.missed),
        tuple(frame for s in scores for frame in s.false),
    )
