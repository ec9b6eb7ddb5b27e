"""A record as six groups: subjects, motion, AnimeVisualEffects, style, camera, environment.

Only what is known. The visual effects stand in the taxonomy's hierarchy, class > family > type, each type with what it
means, how it looks, where it stands and how it moves, and with its seconds where they are known.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from anicaption.record import Record, Variable
from anicaption.taxonomy import NOT_APPLICABLE, taxonomy

GROUPS = ("subjects", "motion", "AnimeVisualEffects", "style", "camera", "environment")
_SUBJECTS = (
    "camera.subject_count", "style.proportion", "motion.performance", "motion.emotion", "content.rating",
)  # fmt: skip
_ENVIRONMENT = ("style.background_art", "style.color_script", "motion.background_motion", "content.flashing")


def groups(record: Record) -> dict[str, Any]:
    """The six groups of what is known, as a JSON value: each value in exactly one; an effect of `none` in none."""
    known = {
        name: variable
        for name, variable in record.variables().items()
        if variable.known and variable.values != (NOT_APPLICABLE,)
    }
    told: dict[str, Any] = {name: {} for name in GROUPS}
    for name, variable in known.items():
        if group_of(name) == "AnimeVisualEffects":
            _place(told["AnimeVisualEffects"], name, variable, float(record.rate))
        else:
            told[group_of(name)][taxonomy()[name].name] = _told(variable, float(record.rate))
    return told


def group_of(field_id: str) -> str:
    """The group in which a field stands."""
    if field_id in _SUBJECTS:
        return "subjects"
    if field_id in _ENVIRONMENT:
        return "environment"
    if field_id == "motion.deformation" or field_id.startswith("vfx."):
        return "AnimeVisualEffects"
    return field_id.partition(".")[0]


def _told(variable: Variable, rate: float) -> dict[str, Any]:
    """Values with their probabilities, how they are known, and where their spans are known the seconds."""
    told: dict[str, Any] = {"values": list(variable.values), "source": variable.source}
    if variable.probability:
        told["probability"] = {value: variable.probability.get(value) for value in variable.values}
    if variable.spans:
        told["spans_s"] = [
            {"value": span.value, "start": round(span.start / rate, 3), "end": round(span.end / rate, 3)}
            for span in variable.spans
        ]
    return told


def _place(hierarchy: dict[str, Any], field_id: str, variable: Variable, rate: float) -> None:
    """Each effect under its class and family; `none` is no effect and stands nowhere."""
    field = taxonomy()[field_id]
    for value_id in variable.values:
        effect = field.value(value_id).effect
        if effect is None:
            continue
        family = taxonomy().families[effect.family]
        told: dict[str, Any] = {"field": field_id, "source": variable.source, **asdict(effect)}
        del told["family"]
        if value_id in variable.probability:
            told["probability"] = variable.probability[value_id]
        spans = [span for span in variable.spans if span.value == value_id]
        if spans:
            told["spans_s"] = [[round(span.start / rate, 3), round(span.end / rate, 3)] for span in spans]
        hierarchy.setdefault(family["class"], {}).setdefault(effect.family, {})[value_id] = told
