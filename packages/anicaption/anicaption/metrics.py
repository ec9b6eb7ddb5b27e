"""How good answers are, as pure functions of labels, confidences and spans. No records, no pictures.

An answer is a set of values; the empty answer (an abstention) misses every true value and claims none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

Labels = Set[str]
Span = tuple[str, int, int]  # value, first frame, frame after the last
NAN = float("nan")


@dataclass(frozen=True)
class Counts:
    """Right, wrong and missed answers of one value."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        found = self.right + self.wrong
        return self.right / found if found else NAN

    @property
    def recall(self) -> float:
        true = self.right + self.missed
        return self.right / true if true else NAN

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); NaN where nothing is true and nothing was said."""
        all_ = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / all_ if all_ else NAN


def counts(pairs: Iterable[tuple[Labels, Labels]]) -> dict[str, Counts]:
    """Per value that is true or said somewhere, from (true, said) sets."""
    table: dict[str, list[int]] = {}
    for true, said in pairs:
        for value in true | said:
            column = 0 if value in true and value in said else 1 if value in said else 2
            table.setdefault(value, [0, 0, 0])[column] += 1
    return {value: Counts(*row) for value, row in sorted(table.items())}


def macro_f1(per_value: Mapping[str, Counts]) -> float:
    """The mean F1 of the values that are true somewhere.

    A value that never is true has no recall to speak of; where it is said it costs the true value its recall.
    """
    scores = [count.f1 for count in per_value.values() if count.right + count.missed]
    return float(np.mean(scores)) if scores else NAN


def average_precision(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Area under precision over recall by steps, equal scores taken together (Manning, Raghavan and Schuetze 2008, 8.4,
    in the form of scikit-learn's `average_precision_score`). NaN without a positive."""
    if not any(positive):
        return NAN
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    ranked, hits = np.asarray(scores, float)[order], np.cumsum(np.asarray(positive, bool)[order])
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    precision, recall = hits[last] / (last + 1), hits[last] / hits[-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * precision))


def mean_average_precision(truths: Sequence[Labels], scores: Sequence[Mapping[str, float]]) -> float:
    """The mean over values that are true somewhere; a value without a score scores 0."""
    values = sorted(set().union(*truths)) if truths else []
    found = [
        average_precision([row.get(value, 0.0) for row in scores], [value in true for true in truths])
        for value in values
    ]
    return float(np.mean(found)) if found else NAN


def weighted_kappa(true: Sequence[int], said: Sequence[int], n_grades: int) -> float:
    """Agreement on an ordered scale beyond chance with quadratic weights (Cohen 1968, "Weighted kappa").

    1 is perfect, 0 is chance. NaN for no answers, or where both sides only ever say one and the same grade.
    """
    if not true:
        return NAN
    seen = np.zeros((n_grades, n_grades))
    np.add.at(seen, (np.asarray(true), np.asarray(said)), 1.0)
    grades = np.arange(n_grades)
    weights = (grades[:, None] - grades[None, :]) ** 2
    chance = np.outer(seen.sum(1), seen.sum(0)) / seen.sum()
    expected = float((weights * chance).sum())
    return 1.0 - float((weights * seen).sum()) / expected if expected else NAN


@dataclass(frozen=True)
class Bin:
    """Answers of about one confidence: how sure they were, how often they were right."""

    n: int
    confidence: float
    accuracy: float


def calibration_bins(confidences: Sequence[float], right: Sequence[bool], n_bins: int = 15) -> list[Bin]:
    """Equal bins of (0, 1], those without answers left out; a confidence on an edge belongs below it."""
    sure, good = np.asarray(confidences, float), np.asarray(right, float)
    which = np.clip(np.ceil(sure * n_bins).astype(int) - 1, 0, n_bins - 1)
    return [
        Bin(int(inside.sum()), float(sure[inside].mean()), float(good[inside].mean()))
        for inside in (which == index for index in range(n_bins))
        if inside.any()
    ]


def expected_calibration_error(bins: Iterable[Bin]) -> float:
    """The mean gap of confidence and accuracy, weighted by answers (Naeini, Cooper and Hauskrecht 2015;
    Guo et al. 2017, "On Calibration of Modern Neural Networks"). NaN without answers."""
    bins = list(bins)
    total = sum(bin_.n for bin_ in bins)
    return sum(bin_.n * abs(bin_.confidence - bin_.accuracy) for bin_ in bins) / total if total else NAN


def coverage_curve(confidences: Sequence[float], right: Sequence[bool], asked: int) -> list[tuple[float, float]]:
    """(coverage, accuracy) as the least sure answers are dropped, the surest first (El-Yaniv and Wiener 2010;
    Geifman and El-Yaniv 2017). Coverage is of all `asked`; answers of equal confidence come in together."""
    order = np.argsort(-np.asarray(confidences, float), kind="stable")
    sure, good = np.asarray(confidences, float)[order], np.cumsum(np.asarray(right, float)[order])
    if not len(sure):
        return []
    last = np.append(np.flatnonzero(np.diff(sure)), len(sure) - 1)
    return [(float((i + 1) / asked), float(good[i] / (i + 1))) for i in last]


def span_counts(true: Sequence[Span], said: Sequence[Span], slack_frames: int) -> Counts:
    """Spans matched one to one: same value, both ends within `slack_frames`. As many matches as there can be."""
    fits = [
        [j for j, s in enumerate(said) if s[0] == t[0] and _near(s, t, slack_frames)]
        for t in true
    ]  # fmt: skip
    partner: dict[int, int] = {}
    right = sum(_augment(i, fits, partner, set()) for i in range(len(true)))
    return Counts(right, len(said) - right, len(true) - right)


def _near(one: Span, other: Span, slack_frames: int) -> bool:
    return abs(one[1] - other[1]) <= slack_frames and abs(one[2] - other[2]) <= slack_frames


def _augment(i: int, fits: Sequence[Sequence[int]], partner: dict[int, int], tried: set[int]) -> bool:
    """Kuhn's augmenting path (1955): find true span `i` a partner, moving others where that helps."""
    for j in fits[i]:
        if j not in tried:
            tried.add(j)
            if j not in partner or _augment(partner[j], fits, partner, tried):
                partner[j] = i
                return True
    return False


def together(many: Iterable[Counts]) -> Counts:
    """Counts of several shots or values added up."""
    many = list(many)
    return Counts(sum(c.right for c in many), sum(c.wrong for c in many), sum(c.missed for c in many))
