"""Variables made consistent with the taxonomy's rules before they become a record.

What follows from a measured owner is added; of two values that exclude each other the better founded one stays, and
the other field says why it abstains. Two certain values (drawn, expert) that exclude each other are an error.
"""

from __future__ import annotations

from collections.abc import Mapping

from anicaption import rules
from anicaption.fuse import STANDING
from anicaption.record import Span, Variable, abstain, variable_of
from anicaption.rules import Violation
from anicaption.taxonomy import UNKNOWN, TaxonomyError, taxonomy

_CERTAIN = ("expert", "drawn")


def settle(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """`variables` with what derives from them, free of contradictions. Raises TaxonomyError between certain values."""
    settled = _derived(dict(variables))
    while broken := rules.violations(taxonomy(), _tags(settled), _spans(settled)):
        loser = _weaker(broken[0], settled)
        settled[loser] = _without(settled[loser], broken[0])
    return settled


def _tags(variables: Mapping[str, Variable]) -> dict[str, tuple[str, ...]]:
    return {name: v.values for name, v in variables.items()}


def _spans(variables: Mapping[str, Variable]) -> dict[str, list[tuple[str, int, int]]]:
    return {name: [(s.value, s.start, s.end) for s in v.spans] for name, v in variables.items()}


def _derived(variables: dict[str, Variable]) -> dict[str, Variable]:
    gained = rules.derive(taxonomy(), _tags(variables))
    for rule in taxonomy().derived:
        if rule.field not in gained or rule.value not in gained[rule.field]:
            continue
        owners = [variables[name] for name in rule.source]
        has = variables.get(rule.field)
        if has is not None and (rule.value in has.values or has.source in _CERTAIN):
            continue
        weakest = min(owners, key=_standing)
        kept = {} if has is None else {v: p for v, p in has.probability.items() if v in gained[rule.field]}
        first = next(iter(rule.source))
        spans = [Span(value=rule.value, start=s.start, end=s.end) for s in variables[first].spans]
        variables[rule.field] = variable_of(
            rule.field,
            gained[rule.field],
            weakest.source,
            {**kept, rule.value: _standing(weakest)[1]},
            (*(has.evidence if has else ()), *owners[0].evidence),
            (*(has.spans if has and has.known and has.values != ("none",) else ()), *spans),
        )
    return variables


def _standing(v: Variable) -> tuple[int, float]:
    known = [v.probability.get(value, 1.0) for value in v.values if value != UNKNOWN]
    return -STANDING.index(v.source), min(known, default=0.0)


def _weaker(violation: Violation, variables: Mapping[str, Variable]) -> str:
    fields = dict.fromkeys((violation.field, *violation.constraint.when))
    if all(variables[name].source in _CERTAIN for name in fields):
        raise TaxonomyError(f"{violation} (both are certain; mend the script or the correction)")
    return min(fields, key=lambda name: _standing(variables[name]))


def _without(v: Variable, violation: Violation) -> Variable:
    """The variable without what is in the way; nothing left is an abstention that says why."""
    bad = set(violation.values) if v.field == violation.field else set(v.values)
    kept = [value for value in v.values if value not in bad]
    if not kept:
        silent = abstain(v.field, f"contradiction: {violation}", v.evidence)
        return silent.model_copy(update={"disputed": v.disputed})
    spans = [span for span in v.spans if span.value in kept]
    rest = variable_of(v.field, kept, v.source, {k: v.probability.get(k, 1.0) for k in kept}, v.evidence, spans)
    return rest.model_copy(update={"disputed": v.disputed})
