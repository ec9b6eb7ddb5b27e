"""Closed fields scored by a vision-language model, prose written by it; answers kept by content.

A backend answers questions with the probability of each label. A transient error is the backend's to retry; what fails
for good comes back as a Failure, and becomes a variable that says so. Only answers are kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from anicaption.choose import failed, guess, is_multi
from anicaption.record import Narrative, Record, Variable
from anicaption.taxonomy import taxonomy
from anicaption.vlm.prompt import NARRATIVE_SCHEMA, YES, Question, narrative_request, questions
from anicaption.vlm.view import ShotView

Labels = Mapping[str, float]


class VlmError(Exception):
    """A model did not answer. The message names the backend, what happened and what to do."""


class Unanswered(VlmError):
    """A model did not answer this time: it may when it is asked again."""


@dataclass(frozen=True)
class Failure:
    """A question that has no answer, and why. `passing`: it may have one another time."""

    reason: str
    passing: bool = False


class Backend(Protocol):
    """A model that sees a view. `identity` changes whenever its answers may."""

    @property
    def identity(self) -> str: ...

    def answer(self, view: ShotView, asked: Sequence[Question]) -> list[Labels | Failure]:
        """The probability of each label of each question, summing to 1; in the order asked."""
        ...

    def write(self, view: ShotView, request: str, schema: Mapping) -> str:
        """JSON text of that schema. Raises VlmError."""
        ...


@dataclass(frozen=True)
class Answers:
    """Answers on disk: a file per question, named by what was shown, asked and of whom."""

    folder: Path

    def key(self, backend: Backend, view: ShotView, *asked: object) -> Path:
        said = json.dumps([backend.identity, view.digest, *asked], ensure_ascii=False)
        name = hashlib.sha256(said.encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.json"

    def read(self, path: Path) -> dict | None:
        try:
            return json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None

    def keep(self, path: Path, answer: Mapping) -> None:
        """Written whole or not at all: several processes may share the folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(answer, file, ensure_ascii=False)
        os.replace(unfinished, path)


@dataclass(frozen=True)
class Vlm:
    """A backend with what makes its answers variables.

    `both_orders` asks every question with its options from first to last and from last to first and takes the mean.
    """

    backend: Backend
    answers: Answers | None = None
    threshold: float = 0.5
    both_orders: bool = True

    def score(self, view: ShotView, fields: Iterable[str]) -> dict[str, Variable]:
        """A variable with source "vlm" per field; what the view's record knows masks the others.

        Ask what is not measured: the measurements are part of the view, and a model repeats them.
        """
        probabilities = self.probabilities(view, fields)
        return {
            name: failed(name, "vlm", said.reason)
            if isinstance(said, Failure)
            else guess(name, said, "vlm", self.threshold, view.tags)
            for name, said in probabilities.items()
        }

    def probabilities(
        self, view: ShotView, fields: Iterable[str]
    ) -> dict[str, dict[str, float] | list[dict[str, float]] | Failure]:
        """Per field the probability of each value, before mask and threshold; a pair of them for a field of ends."""
        fields = tuple(fields)
        orders = (False, True) if self.both_orders else (False,)
        asked = [question for turned in orders for name in fields for question in questions(name, turned)]
        said = list(zip(asked, self._answered(view, asked), strict=True))
        return {name: _collected(name, [pair for pair in said if pair[0].field == name]) for name in fields}

    def narrate(self, view: ShotView, record: Record) -> Narrative:
        """The prose of a shot whose known values are those of `record`. Raises VlmError."""
        request = narrative_request(record.tags())
        path = self.answers.key(self.backend, view, "narrative", request) if self.answers else None
        kept = self.answers.read(path) if self.answers and path else None
        if kept is None:
            text = self.backend.write(view, request, NARRATIVE_SCHEMA)
            kept = read_narrative(text, self.backend.identity)
            if self.answers and path:
                self.answers.keep(path, kept)
        return Narrative(**kept, model=self.backend.identity)

    def _answered(self, view: ShotView, asked: Sequence[Question]) -> list[Labels | Failure]:
        if self.answers is None:
            return self.backend.answer(view, asked)
        paths = [self.answers.key(self.backend, view, q.text, q.labels) for q in asked]
        said: list[Labels | Failure | None] = [self.answers.read(path) for path in paths]
        missing = [i for i, answer in enumerate(said) if answer is None]
        fresh = self.backend.answer(view, [asked[i] for i in missing]) if missing else []
        for i, answer in zip(missing, fresh, strict=True):
            said[i] = answer
            if not isinstance(answer, Failure):
                self.answers.keep(paths[i], answer)
        return [answer for answer in said if answer is not None]


def _collected(
    field_id: str, said: Sequence[tuple[Question, Labels | Failure]]
) -> dict[str, float] | list[dict[str, float]] | Failure:
    """The mean over the orders asked, per value (and per end). One failed question fails its field."""
    for _, answer in said:
        if isinstance(answer, Failure):
            return answer
    sums: dict[str, dict[str, list[float]]] = {}
    for question, labels in said:
        assert not isinstance(labels, Failure)
        of_part = sums.setdefault(question.part, {})
        if question.asked_value is not None:
            of_part.setdefault(question.asked_value, []).append(labels[YES])
            continue
        for label, value in question.options:
            of_part.setdefault(value, []).append(labels[label])
    parts = [{value: sum(ps) / len(ps) for value, ps in part.items()} for part in sums.values()]
    assert is_multi(taxonomy()[field_id]) or all(abs(sum(part.values()) - 1) < 1e-3 for part in parts)
    return parts[0] if len(parts) == 1 else parts


def read_narrative(text: str, who: str) -> dict[str, str]:
    """The three texts of a narrative. Raises VlmError for anything else."""
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise VlmError(f"{who}: the narrative is not JSON ({error}): {text[:80]!r}; constrain its output") from error
    wanted = NARRATIVE_SCHEMA["required"]
    if not isinstance(said, dict) or not all(isinstance(said.get(name), str) and said[name].strip() for name in wanted):
        raise VlmError(f"{who}: the narrative lacks one of {', '.join(wanted)}: {text[:80]!r}; constrain its output")
    return {name: " ".join(said[name].split()) for name in wanted}
