"""How good a record is against a truth: accuracy, abstention and confusion per field. Pure: records in, numbers out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from anicaption.record import Record
from anicaption.taxonomy import NOT_APPLICABLE, taxonomy

Values = tuple[str, ...]
ABSTAINED: Values = ("unknown",)


@dataclass
class FieldScore:
    """Counts of one field over shots. `confusion` maps (truth, said) to how often, values in the taxonomy's order."""

    field_id: str
    confusion: Counter[tuple[Values, Values]] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        """Shots whose truth is known and applies."""
        return sum(self.confusion.values())

    @property
    def right(self) -> int:
        """Shots where exactly the true values were said."""
        return sum(n for (truth, said), n in self.confusion.items() if truth == said)

    @property
    def abstained(self) -> int:
        return sum(n for (_, said), n in self.confusion.items() if said == ABSTAINED)

    @property
    def answered(self) -> int:
        return self.asked - self.abstained

    @property
    def accuracy(self) -> float:
        """Right among the answered, 0..1; NaN where nothing was answered."""
        return self.right / self.answered if self.answered else float("nan")

    @property
    def coverage(self) -> float:
        """Answered among the asked, 0..1; NaN where nothing was asked."""
        return self.answered / self.asked if self.asked else float("nan")

    @property
    def mistakes(self) -> list[tuple[Values, Values, int]]:
        """(truth, said, how often) of what was answered wrongly, the commonest first."""
        wrong = [(t, s, n) for (t, s), n in self.confusion.items() if s not in (t, ABSTAINED)]
        return sorted(wrong, key=lambda row: (-row[2], row[0], row[1]))


def compare(
    pairs: Iterable[tuple[Record, Record]],
    fields: Iterable[str] | None = None,
    same: Callable[[str, Values], Values] = lambda _, values: values,
) -> dict[str, FieldScore]:
    """Score (record, truth) pairs per field: only fields that some truth knows are in the answer.

    Shots whose truth is unknown or does not apply are not asked. `same(field_id, values)` may fold values that should
    count as one, for instance to leave `follow` out of camera.move. Raises TaxonomyError for a field that is none.
    """
    names = tuple(taxonomy().field_ids if fields is None else (taxonomy()[name].id for name in fields))
    scores: dict[str, FieldScore] = {}
    for record, truth in pairs:
        for name in names:
            true = truth[name].values
            if true in (ABSTAINED, (NOT_APPLICABLE,)):
                continue
            score = scores.setdefault(name, FieldScore(name))
            score.confusion[same(name, true), same(name, record[name].values)] += 1
    return scores


def table(scores: Mapping[str, FieldScore]) -> str:
    """The scores as lines for people: a row per field, its worst confusions beneath."""
    lines = [f"{'field':24}{'asked':>7}{'right':>7}{'abstained':>11}{'accuracy':>10}"]
    for name, score in scores.items():
        accuracy = "-" if not score.answered else f"{100 * score.accuracy:.0f} %"
        lines.append(f"{name:24}{score.asked:7}{score.right:7}{score.abstained:11}{accuracy:>10}")
        for truth, said, count in score.mistakes[:3]:
            lines.append(f"    {'+'.join(truth)} read as {'+'.join(said)}: {count}")
    return "\n".join(lines)
