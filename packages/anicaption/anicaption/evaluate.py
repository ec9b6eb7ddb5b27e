"""How good records are against truths, per field: F1, precision, kappa, calibration, coverage, spans, confusions.

Pure: records in, numbers out. Shots whose truth is unknown or does not apply are not asked; an abstention is a miss.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anicaption import metrics
from anicaption.metrics import Bin, Counts, Span
from anicaption.record import Record, Variable
from anicaption.tables import Captioned, Row, TableError
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, taxonomy

Values = tuple[str, ...]
ABSTAINED: Values = (UNKNOWN,)
SLACKS_FRAMES = (0, 1, 2)
_SILENT = (UNKNOWN, NOT_APPLICABLE)


@dataclass(frozen=True)
class Answer:
    """What was true of one shot and what was said of it; `sure` is the probability of each value."""

    true: Values
    said: Values
    sure: Mapping[str, float] = field(default_factory=dict)
    true_spans: tuple[Span, ...] = ()
    said_spans: tuple[Span, ...] = ()

    @property
    def sets(self) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(self.true), frozenset(self.said).difference(_SILENT)

    @property
    def confidence(self) -> float:
        """How sure the whole answer is: as sure as its least sure value; 1 where nothing is given."""
        return min((self.sure.get(value, 1.0) for value in self.said), default=1.0)


@dataclass
class FieldScore:
    """The answers of one field, and what follows from them."""

    field_id: str
    answers: list[Answer] = field(default_factory=list)

    @property
    def confusion(self) -> Counter[tuple[Values, Values]]:
        """(truth, said) -> how often, values in the taxonomy's order."""
        return Counter((answer.true, answer.said) for answer in self.answers)

    @property
    def asked(self) -> int:
        """Shots whose truth is known and applies."""
        return len(self.answers)

    @property
    def right(self) -> int:
        """Shots where exactly the true values were said."""
        return sum(answer.true == answer.said for answer in self.answers)

    @property
    def abstained(self) -> int:
        return sum(answer.said == ABSTAINED for answer in self.answers)

    @property
    def answered(self) -> int:
        return self.asked - self.abstained

    @property
    def accuracy(self) -> float:
        """Right among the answered, 0..1; NaN where nothing was answered."""
        return self.right / self.answered if self.answered else metrics.NAN

    @property
    def coverage(self) -> float:
        """Answered among the asked, 0..1; NaN where nothing was asked."""
        return self.answered / self.asked if self.asked else metrics.NAN

    @property
    def mistakes(self) -> list[tuple[Values, Values, int]]:
        """(truth, said, how often) of what was answered wrongly, the commonest first."""
        wrong = [(t, s, n) for (t, s), n in self.confusion.items() if s not in (t, ABSTAINED)]
        return sorted(wrong, key=lambda row: (-row[2], row[0], row[1]))

    @property
    def per_value(self) -> dict[str, Counts]:
        return metrics.counts(answer.sets for answer in self.answers)

    @property
    def macro_f1(self) -> float:
        """Over the values that are true somewhere; an abstention misses all of its shot's."""
        return metrics.macro_f1(self.per_value)

    @property
    def mean_average_precision(self) -> float:
        """For fields of several values; NaN for others, and where nothing was answered: ties have no order."""
        if taxonomy()[self.field_id].cardinality != "multi" or not self.answered:
            return metrics.NAN
        rows = [
            {value: answer.sure.get(value, 1.0) for value in answer.sets[1]}
            | {value: p for value, p in answer.sure.items() if value not in answer.sets[1]}
            for answer in self.answers
        ]
        return metrics.mean_average_precision([answer.sets[0] for answer in self.answers], rows)

    @property
    def kappa(self) -> float:
        """Of the answered shots of an ordinal field; NaN for others."""
        if taxonomy()[self.field_id].cardinality != "ordinal":
            return metrics.NAN
        grades = taxonomy()[self.field_id].value_ids
        both = [(a.true[0], a.said[0]) for a in self.answers if a.said[0] in grades and a.true[0] in grades]
        true, said = [grades.index(t) for t, _ in both], [grades.index(s) for _, s in both]
        return metrics.weighted_kappa(true, said, len(grades))

    @property
    def bins(self) -> list[Bin]:
        """Every value that was said with its probability, and whether it is true."""
        told = [
            (answer.sure.get(value, 1.0), value in answer.sets[0])
            for answer in self.answers
            for value in sorted(answer.sets[1])
        ]
        return metrics.calibration_bins([p for p, _ in told], [right for _, right in told])

    @property
    def ece(self) -> float:
        return metrics.expected_calibration_error(self.bins)

    @property
    def curve(self) -> list[tuple[float, float]]:
        """(coverage, accuracy) as the least sure answers are left unanswered."""
        told = [answer for answer in self.answers if answer.said != ABSTAINED]
        return metrics.coverage_curve(
            [answer.confidence for answer in told], [answer.true == answer.said for answer in told], self.asked
        )

    def spans(self, slack_frames: int, values: Iterable[str] | None = None) -> Counts:
        """Spans of `values` (all but `none` by default) matched with both ends within `slack_frames`."""
        wanted = None if values is None else frozenset(values)
        return metrics.together(
            metrics.span_counts(
                [s for s in answer.true_spans if wanted is None or s[0] in wanted],
                [s for s in answer.said_spans if wanted is None or s[0] in wanted],
                slack_frames,
            )
            for answer in self.answers
        )


Same = Callable[[str, Values], Values]


def compare(
    pairs: Iterable[tuple[Record, Record]],
    fields: Iterable[str] | None = None,
    same: Same = lambda _, values: values,
) -> dict[str, FieldScore]:
    """Score (record, truth) pairs per field: only fields that some truth knows are in the answer.

    Shots whose truth is unknown or does not apply are not asked. `same(field_id, values)` may fold values that should
    count as one, for instance to leave `follow` out of camera.move. Raises TaxonomyError for a field that is none.
    """
    return score(((record, truth) for record, truth in pairs), fields, same)


def score(
    pairs: Iterable[tuple[Record | None, Record]],
    fields: Iterable[str] | None = None,
    same: Same = lambda _, values: values,
) -> dict[str, FieldScore]:
    """`compare`, where a shot that could not be read (None) answers nothing."""
    names = tuple(taxonomy().field_ids if fields is None else (taxonomy()[name].id for name in fields))
    scores: dict[str, FieldScore] = {}
    for record, truth in pairs:
        for name in names:
            true = truth[name]
            if true.values in (ABSTAINED, (NOT_APPLICABLE,)):
                continue
            said = None if record is None else record[name]
            scores.setdefault(name, FieldScore(name)).answers.append(_answer(name, true, said, same))
    return {name: scores[name] for name in names if name in scores}


def _answer(name: str, true: Variable, said: Variable | None, same: Same) -> Answer:
    if said is None:
        return Answer(same(name, true.values), ABSTAINED, {}, _spans(true))
    return Answer(same(name, true.values), same(name, said.values), said.probability, _spans(true), _spans(said))


def _spans(variable: Variable) -> tuple[Span, ...]:
    return tuple((span.value, span.start, span.end) for span in variable.spans if span.value != "none")


def matched(truth: Iterable[Row], said: Iterable[Row]) -> list[tuple[Record | None, Record]]:
    """(said, true) of the same clip: by the whole name, else by the file name alone.

    Truth without an answer is asked all the same. Raises TableError where a name is not unique, or none is answered.
    """
    answers: dict[str, Record | None] = {}
    short: dict[str, list[str]] = {}
    for row in said:
        if row.clip in answers:
            raise TableError(f"two answers for {row.clip}; give each clip once")
        answers[row.clip] = row.record if isinstance(row, Captioned) else None
        short.setdefault(Path(row.clip).name, []).append(row.clip)
    pairs, found = [], 0
    for row in truth:
        if isinstance(row, Captioned):
            alike = [row.clip] if row.clip in answers else short.get(Path(row.clip).name, [])
            if len(alike) > 1:
                raise TableError(f"{row.clip}: {' and '.join(alike)} answer it; name the clips in both tables alike")
            found += len(alike)
            pairs.append((answers[alike[0]] if alike else None, row.record))
    if not found:
        raise TableError("no clip of the truth was answered: are these tables of the same files?")
    return pairs


def table(scores: Mapping[str, FieldScore]) -> str:
    """The scores as lines for people: a row per field, its worst confusions beneath."""
    lines = [
        f"{'field':26}{'asked':>6}{'right':>6}{'abst.':>6}{'accuracy':>10}{'macroF1':>8}{'mAP':>7}{'kappa':>7}{'ECE':>7}"
        f"{'span F1 at 0, 1, 2':>21}"
    ]
    for name, one in scores.items():
        figures = (one.macro_f1, one.mean_average_precision, one.kappa, one.ece)
        accuracy = "-" if not one.answered else f"{100 * one.accuracy:.0f} %"
        spans = "" if not has_spans(one) else "  ".join(_short(one.spans(slack).f1) for slack in SLACKS_FRAMES)
        numbers = "".join(f"{_short(x):>{width}}" for x, width in zip(figures, (8, 7, 7, 7), strict=True))
        lines.append(f"{name:26}{one.asked:6}{one.right:6}{one.abstained:6}{accuracy:>10}{numbers}{spans:>21}")
        for truth, said, count in one.mistakes[:3]:
            lines.append(f"    {'+'.join(truth)} read as {'+'.join(said)}: {count}")
    return "\n".join(lines)


def has_spans(one: FieldScore) -> bool:
    """Whether some true value of the field is placed in time."""
    return taxonomy()[one.field_id].scope in ("spans", "edges") and any(answer.true_spans for answer in one.answers)


def _short(x: float) -> str:
    return "-" if math.isnan(x) else f"{x:.2f}"


def report(scores: Mapping[str, FieldScore], n_shots: int) -> dict[str, Any]:
    """All figures as a JSON value; what cannot be computed is null."""
    return {
        "taxonomy": {"version": taxonomy().version, "hash": taxonomy().hash},
        "n_shots": n_shots,
        "fields": {name: _told(one) for name, one in scores.items()},
    }


def _told(one: FieldScore) -> dict[str, Any]:
    figures = {
        "asked": one.asked, "right": one.right, "abstained": one.abstained, "accuracy": one.accuracy,
        "coverage": one.coverage, "macro_f1": one.macro_f1, "mean_average_precision": one.mean_average_precision,
        "weighted_kappa": one.kappa, "ece": one.ece,
    }  # fmt: skip
    told: dict[str, Any] = {name: _number(x) for name, x in figures.items()}
    told["values"] = {
        value: {"right": c.right, "wrong": c.wrong, "missed": c.missed, "f1": _number(c.f1)}
        for value, c in one.per_value.items()
    }
    told["coverage_accuracy"] = one.curve
    told["calibration"] = [[b.n, b.confidence, b.accuracy] for b in one.bins]
    told["confusions"] = [[list(true), list(said), n] for true, said, n in one.mistakes]
    if has_spans(one):
        told["span_f1"] = {str(slack): _number(one.spans(slack).f1) for slack in SLACKS_FRAMES}
    return told


def _number(x: float) -> float | None:
    return None if isinstance(x, float) and math.isnan(x) else x


def worst(scores: Sequence[FieldScore]) -> FieldScore:
    """The one of lowest macro-F1: a goal must hold on the worse hand."""
    return min(scores, key=lambda one: one.macro_f1)
