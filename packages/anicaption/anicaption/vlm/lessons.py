"""What human corrections teach: the closed questions of a shot with the right label, and with the model's wrong one.

A correction is a line of JSON: {"video": path, "record": what the model said, "corrected": what a person made of it},
both records as `Record.to_json` writes them, and "start", the shot's first frame in the video (0 by default). Lessons
are asked in the very words in which the fields are scored.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from anicaption.choose import is_multi
from anicaption.record import Record
from anicaption.taxonomy import Field, taxonomy
from anicaption.vlm.prompt import NO, YES, Question, askable, questions

PREFERENCE_AXES = ("motion", "vfx")  # where models that were raised on live action are wrong
ABSENT_PER_FIELD = 2  # values a shot does not have are many; so few of them are taught beside those it has


@dataclass(frozen=True)
class Correction:
    """One corrected shot. `said` has the tracks of the shot, so that it can be shown again."""

    video: Path
    start: int
    said: Record
    corrected: Record


@dataclass(frozen=True)
class Lesson:
    """A question with the right label, and the wrong one that the model gave (None where it was not wrong)."""

    question: Question
    right: str
    wrong: str | None = None


def read_corrections(path: str | Path) -> list[Correction]:
    """The corrections of a JSONL file; videos are relative to it. Raises ValueError that names the line."""
    path = Path(path)
    read = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            correction = Correction(
                path.parent / said["video"],
                int(said.get("start", 0)),
                Record.from_json(said["record"]),
                Record.from_json(said["corrected"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number}: not a correction ({error!r}); see anicaption.vlm.lessons") from error
        if correction.said.tracks is None:
            raise ValueError(f"{path}:{number}: its record has no tracks; write records whole")
        read.append(correction)
    if not read:
        raise ValueError(f"{path}: no corrections in it")
    return read


def taught(correction: Correction, fields: Iterable[str] | None, rng: random.Random) -> Iterator[Lesson]:
    """Lessons for supervised tuning: every known field of the corrected record, by default; orders drawn from `rng`."""
    for name in fields or askable():
        field, true = taxonomy()[name], correction.corrected[name].values
        if not correction.corrected[name].known:
            continue
        asked = questions(name, turned=rng.random() < 0.5)
        if not is_multi(field):
            yield from (Lesson(question, label) for question, label in _labels(asked, field, true))
            continue
        has = [question for question in asked if question.asked_value in true]
        lacks = [question for question in asked if question.asked_value not in true]
        yield from (Lesson(question, YES) for question in has)
        yield from (Lesson(question, NO) for question in rng.sample(lacks, min(ABSENT_PER_FIELD, len(lacks))))


def preferred(correction: Correction, fields: Iterable[str] | None, rng: random.Random) -> Iterator[Lesson]:
    """Lessons for preference tuning: where the model said something else than the person; motion and VFX by default."""
    names = fields or [name for name in askable() if taxonomy()[name].axis in PREFERENCE_AXES]
    for name in names:
        field, said, true = taxonomy()[name], correction.said[name], correction.corrected[name]
        if not (said.known and true.known) or said.values == true.values:
            continue
        asked = questions(name, turned=rng.random() < 0.5)
        if is_multi(field):
            for question in asked:
                holds = question.asked_value in true.values
                if holds != (question.asked_value in said.values):
                    yield Lesson(question, *((YES, NO) if holds else (NO, YES)))
            continue
        wrong = dict(_labels(asked, field, said.values))
        for question, right in _labels(asked, field, true.values):
            if question in wrong and wrong[question] != right:
                yield Lesson(question, right, wrong[question])


def _labels(asked: Sequence[Question], field: Field, values: Sequence[str]) -> list[tuple[Question, str]]:
    """(question, label) of a field with one value, or one per end; a value that is not asked has none."""
    found = []
    for question in asked:
        value = values[-1] if question.part == "last" else values[0]
        found += [(question, label) for label, asked_value in question.options if asked_value == value]
    return found
