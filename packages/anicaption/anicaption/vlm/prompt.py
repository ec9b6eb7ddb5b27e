"""Every word that a vision-language model is asked, generated from the taxonomy.

A field with one value is asked once, its values lettered; a field with several is asked value by value, yes or no; a
field of ends is asked for the first and for the last frame. The answers are scored, so they are single labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TypeVar

from anicaption.choose import is_multi
from anicaption.taxonomy import NOT_APPLICABLE, Field, Tags, Value, taxonomy

Picture = TypeVar("Picture")

# Stated by a source list or read by a model made for it, never guessed.
NEVER_ASKED = ("content.rating",)

SYSTEM = (
    "You describe single shots of Japanese animation in the vocabulary of its production. Deformation, held drawings, "
    "impact frames and uneven timing are deliberate. Judge only what the pictures show."
)
INTRODUCTION = (
    "These are frames of one shot in the order of time; the time stands under each. Contact sheets show frames that "
    "the measuring pass marks, with their frame numbers."
)
YES, NO = "Yes", "No"


@dataclass(frozen=True)
class Question:
    """One closed question. `options` are (label, value) in the order asked; yes and no bear the same value."""

    field: str
    part: str  # shot, first, last
    text: str
    options: tuple[tuple[str, str], ...]
    asked_value: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label for label, _ in self.options)


def questions(field_id: str, turned: bool = False) -> tuple[Question, ...]:
    """What is asked about a field. `turned` lists the values from the last to the first: models favour a place.

    Raises ValueError for a field that must not be guessed.
    """
    field = taxonomy()[field_id]
    if field_id in NEVER_ASKED:
        raise ValueError(f"{field_id}: is stated by the source or a model of its own, never asked of a VLM")
    if is_multi(field):
        return tuple(_yes_or_no(field, value, turned) for value in field.values if value.id != "none")
    parts = ("first", "last") if field.scope == "ends" else ("shot",)
    return tuple(_choice(field, part, turned) for part in parts)


def _choice(field: Field, part: str, turned: bool) -> Question:
    values = [(value.id, _described(value)) for value in field.values]
    if may_not_apply(field):
        values.append((NOT_APPLICABLE, "does not apply to this shot"))
    if turned:
        values.reverse()
    lines = [f"{letter}. {said}" for letter, (_, said) in zip(ascii_uppercase, values, strict=False)]
    where = {"shot": "", "first": " Answer for the first frame.", "last": " Answer for the last frame."}[part]
    text = "\n".join([_heading(field) + where, *lines, "Answer with one letter."])
    return Question(field.id, part, text, tuple(zip(ascii_uppercase, (value for value, _ in values))))


def _yes_or_no(field: Field, value: Value, turned: bool) -> Question:
    labels = (NO, YES) if turned else (YES, NO)
    text = f"{_heading(field)}\nDoes the shot have this: {_described(value)}\nAnswer {labels[0]} or {labels[1]}."
    return Question(field.id, "shot", text, tuple((label, value.id) for label in labels), value.id)


def _heading(field: Field) -> str:
    return f"{field.id.replace('.', ': ').replace('_', ' ')} ({field.ja}). {field.definition}"


def _described(value: Value) -> str:
    said = f"{value.id.replace('_', ' ')} ({value.ja}): {value.definition}"
    return f"{said}; looks like {value.effect.appearance}" if value.effect else said


def may_not_apply(field: Field) -> bool:
    """Whether the taxonomy's rules name `na` for this field."""
    return any(NOT_APPLICABLE in rule.then.get(field.id, ()) for rule in taxonomy().constraints)


# No `uniqueItems`: constrained decoders refuse or ignore it.
NARRATIVE_SCHEMA = {
    "type": "object",
    "properties": {
        "summary": {"type": "string", "minLength": 1, "maxLength": 240},
        "subjects": {"type": "string", "minLength": 1, "maxLength": 320},
        "environment": {"type": "string", "minLength": 1, "maxLength": 320},
    },
    "required": ["summary", "subjects", "environment"],
    "additionalProperties": False,
}


def narrative_request(tags: Tags) -> str:
    """What is asked for the prose: what nobody measures, and nothing that contradicts what is known."""
    known = [f"{name} = {' + '.join(values)}" for name, values in tags.items() if values != (NOT_APPLICABLE,)]
    return "\n".join(
        [
            "Describe the shot in English as JSON with three texts.",
            "summary: one sentence, who does what where.",
            "subjects: the figures, their looks, clothes and acting; 'no figure' where there is none.",
            "environment: the place, the time of day and the light.",
            "Name no person, work, studio or artist. Do not speak of camera, timing or effects: they are known.",
            *(["Known of the shot, not to be contradicted: " + "; ".join(known)] if known else []),
        ]
    )


def shown(parts: Iterable[str | Picture], asked: str) -> list[str | Picture]:
    """Text and pictures of one request, in order: the introduction, what is shown, what is asked."""
    lines = [f"{part}\n" if isinstance(part, str) else part for part in parts]
    return [INTRODUCTION + "\n", *lines, "\n" + asked]


def askable() -> tuple[str, ...]:
    """Every field that may be asked."""
    return tuple(field.id for field in taxonomy() if field.id not in NEVER_ASKED)
