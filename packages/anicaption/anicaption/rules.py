"""The taxonomy's rules applied: what follows from what, what excludes what. Pure; values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from anicaption.taxonomy import ANY, NOT_APPLICABLE, UNKNOWN, Clause, Constraint, Tags, Taxonomy, TaxonomyError

Spans = Mapping[str, Iterable[tuple[str, int, int]]]


class Violation(NamedTuple):
    """`field` has `values` that `constraint` forbids beside what its `when` fields say."""

    field: str
    values: tuple[str, ...]
    constraint: Constraint

    def __str__(self) -> str:
        when = ", ".join(f"{name}={'+'.join(values)}" for name, values in self.constraint.when.items())
        return f"{self.field}={'+'.join(self.values)} beside {when}: {self.constraint.why}"


def derive(taxonomy: Taxonomy, tags: Tags) -> dict[str, tuple[str, ...]]:
    """Fields that gain a value because the owner of the evidence has it, with all their values.

    A multi field gains it beside what it has (never beside `none`); a single field only where it is unknown or `none`.
    """
    gained: dict[str, tuple[str, ...]] = {}
    for rule in taxonomy.derived:
        now = {**tags, **gained}
        field = taxonomy[rule.field]
        has = tuple(v for v in now.get(rule.field, ()) if v not in (UNKNOWN, "none"))
        if rule.value in has or has == (NOT_APPLICABLE,) or not holds(rule.source, now):
            continue
        if field.max_values > len(has):
            gained[rule.field] = field.check((*has, rule.value))
    return gained


def holds(clause: Clause, tags: Tags) -> bool:
    """Whether each field of the clause is known and has one of its values."""
    return all(_meets(tags.get(name, (UNKNOWN,)), values) for name, values in clause.items())


def violations(taxonomy: Taxonomy, tags: Tags, spans: Spans | None = None) -> list[Violation]:
    """All that `tags` say against the constraints. Rules of spans are held where both fields have spans."""
    found = []
    for rule in taxonomy.constraints:
        if not holds(rule.when, tags):
            continue
        for name, values in rule.then.items():
            has = tags.get(name, (UNKNOWN,))
            if has != (UNKNOWN,) and (bad := tuple(v for v in has if not _meets((v,), values))):
                found.append(Violation(name, bad, rule))
        for name, values in rule.never.items():
            bad = tuple(v for v in tags.get(name, ()) if _meets((v,), values))
            if bad and (not rule.in_span or _overlap(rule, name, bad, spans or {})):
                found.append(Violation(name, bad, rule))
    return found


def allowed(taxonomy: Taxonomy, field_id: str, tags: Tags) -> tuple[str, ...]:
    """The values of a field that no constraint forbids beside what `tags` say of the other fields, `na` included."""
    others = {name: values for name, values in tags.items() if name != field_id}

    def fits(value_id: str) -> bool:
        broken = violations(taxonomy, {**others, field_id: (value_id,)})
        return not any(field_id in (violation.field, *violation.constraint.when) for violation in broken)

    return tuple(filter(fits, (*taxonomy[field_id].value_ids, NOT_APPLICABLE)))


def check(taxonomy: Taxonomy, tags: Tags, spans: Spans | None = None) -> None:
    """Raise TaxonomyError that names every contradiction."""
    if found := violations(taxonomy, tags, spans):
        raise TaxonomyError("; ".join(map(str, found)))


def _meets(has: tuple[str, ...], values: tuple[str, ...]) -> bool:
    if values == (ANY,):
        return bool(has) and not set(has) & {"none", UNKNOWN, NOT_APPLICABLE}
    return bool(set(has) & set(values))


def _overlap(rule: Constraint, name: str, bad: tuple[str, ...], spans: Spans) -> bool:
    """Whether a span of a forbidden value meets a span of what forbids it; without spans nothing is said against it."""
    theirs = [(a, b) for value, a, b in spans.get(name, ()) if value in bad]
    for when, values in rule.when.items():
        ours = [(a, b) for value, a, b in spans.get(when, ()) if _meets((value,), values)]
        if any(a < d and c < b for a, b in ours for c, d in theirs):
            return True
    return False
