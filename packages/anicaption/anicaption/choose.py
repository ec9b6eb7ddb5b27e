"""From a probability per value to the values that are said: shared by everything that guesses (heads, VLM).

A field with one value holds a distribution over its values. A field with several holds an independent probability per
value; there `none` is what remains when no value holds. Whoever guesses says `unknown` below its threshold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from anicaption import rules
from anicaption.record import Source, Variable, variable_of
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Field, Tags, taxonomy

NEVER = 2.0  # a threshold that no probability reaches


def is_multi(field: Field) -> bool:
    return field.cardinality == "multi"


def masked(field: Field, probability: Mapping[str, float], tags: Tags) -> dict[str, float]:
    """`probability` with 0 for the values that the known fields forbid; one-value fields sum to 1 again.

    All zeros where everything is forbidden.
    """
    legal = set(rules.allowed(taxonomy(), field.id, tags))
    left = {value: p if value in legal else 0.0 for value, p in probability.items()}
    total = sum(left.values())
    return left if is_multi(field) or not total else {value: p / total for value, p in left.items()}


def choose(field: Field, probability: Mapping[str, float], may_be_none: bool = True) -> tuple[tuple[str, ...], float]:
    """The likeliest legal values and the probability that exactly these hold."""
    if not is_multi(field):
        best = max(probability, key=lambda value: probability[value])
        return (best,), probability[best]
    single = {value: p for value, p in probability.items() if value != "none"}
    likely = sorted((v for v, p in single.items() if p >= 0.5), key=lambda v: -single[v])[: field.max_values]
    if not likely and not (may_be_none and "none" in field.value_ids):
        likely = [max(single, key=lambda value: single[value])]
    confidence = math.prod(p if value in likely else 1 - p for value, p in single.items())
    return field.check(likely or ["none"]), confidence


def guess(
    field_id: str,
    probability: Mapping[str, float] | Sequence[Mapping[str, float]],
    source: Source,
    threshold: float,
    tags: Tags | None = None,
) -> Variable:
    """The variable that these probabilities make; `unknown` with a reason below `threshold`.

    For a field of scope `ends` two distributions may be given, of the first and of the last frame.
    """
    field = taxonomy()[field_id]
    ends = [probability] if isinstance(probability, Mapping) else list(probability)
    ends = [masked(field, one, tags or {}) for one in ends]
    kept = {value: p for one in reversed(ends) for value, p in one.items()}
    if not all(any(one.values()) for one in ends) and not is_multi(field):
        return _abstained(field_id, kept, source, "what is known of the shot forbids every value")
    may_be_none = "none" in rules.allowed(taxonomy(), field_id, tags or {})
    chosen = [choose(field, one, may_be_none) for one in ends]
    confidence = min(c for _, c in chosen)
    said = {values for values, _ in chosen}
    if len(said) > 1 and (NOT_APPLICABLE,) in said:
        chosen = [max(chosen, key=lambda one: one[1])]  # `na` stands alone: the surer end speaks for both
    values = tuple(dict.fromkeys(value for values, _ in chosen for value in values))
    if confidence < threshold:
        limit = "no threshold reached its precision" if threshold == NEVER else f"below {threshold:.2f}"
        return _abstained(field_id, kept, source, f"{'+'.join(values)} has p = {confidence:.2f}, {limit}")
    return variable_of(field_id, values, source, kept, (), ())


def failed(field_id: str, source: Source, reason: str) -> Variable:
    """Nothing was learned because something broke: `unknown`, and why."""
    return _abstained(field_id, {}, source, f"failed: {reason}")


def _abstained(field_id: str, probability: Mapping[str, float], source: Source, reason: str) -> Variable:
    return variable_of(field_id, (UNKNOWN,), source, probability, (), (), reason)
