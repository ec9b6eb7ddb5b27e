"""Any server of the OpenAI protocol (vLLM, `transformers serve`, a hosted one).

Labels are scored from `top_logprobs` of a one-token answer. A server that tells no probabilities is asked several times
and its answers are counted (`votes`). What may pass (429, 5xx, time-outs, broken connections, broken bodies) is tried
again with growing pauses; what remains broken is a Failure or a VlmError, never an answer.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np

from anicaption.vlm.prompt import SYSTEM, Question, shown
from anicaption.vlm.score import Failure, Labels, Unanswered, VlmError
from anicaption.vlm.view import ShotView

T = TypeVar("T")
TOP = 20  # the most that the protocol tells
LEAST_MASS = 0.02  # less probability than this on all labels together is no answer
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}


class _Passing(Exception):
    """An error that may be gone at the next attempt; `wait_s` is what the server asked for."""

    def __init__(self, words: str, wait_s: float | None = None) -> None:
        super().__init__(words)
        self.wait_s = wait_s


@dataclass
class Remote:
    """`url` ends in /v1. `key_variable` names the environment variable with the key, where one is needed.

    `constrained` sends vLLM's `structured_outputs` with closed questions and `response_format` with prose; some servers
    refuse them (`transformers serve` does, and it tells no logprobs: votes, unconstrained). `pause_s` doubles from
    attempt to attempt.
    """

    url: str
    model: str
    key_variable: str = ""
    scoring: Literal["logprobs", "votes"] = "logprobs"
    votes: int = 8
    constrained: bool = True
    concurrency: int = 8
    attempts: int = 5
    timeout_s: float = 120.0
    pause_s: float = 1.0
    max_tokens: int = 1024
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    @property
    def identity(self) -> str:
        counted = f", {self.votes} votes" if self.scoring == "votes" else ""
        return f"{self.model} at {self.url}{counted}"

    def answer(self, view: ShotView, asked: Sequence[Question]) -> list[Labels | Failure]:
        if not asked:
            return []
        one = self._scored if self.scoring == "logprobs" else self._counted
        parts = _encoded(view)

        def ask(question: Question) -> Labels | Failure:
            try:
                return one(parts, question)
            except VlmError as error:
                return Failure(str(error), passing=isinstance(error, Unanswered))

        with ThreadPoolExecutor(self.concurrency) as pool:
            return list(pool.map(ask, asked))

    def write(self, view: ShotView, request: str, schema: Mapping) -> str:
        limits = {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": True}}
        body = {
            **self._messages(_encoded(view), request),
            "max_tokens": self.max_tokens,
            **({"response_format": limits} if self.constrained else {}),
        }

        def read(choice: Mapping) -> str:
            text = _fenced(choice["message"]["content"])
            json.loads(text)  # cut-off or chatty JSON may come whole at the next attempt
            return text

        return self._asked(body, read)

    def _scored(self, parts: Sequence[str | dict], question: Question) -> Labels:
        body = {**self._closed(parts, question), "temperature": 0, "logprobs": True, "top_logprobs": TOP}

        def read(choice: Mapping) -> Labels | Failure:
            told = choice.get("logprobs")
            if not told or not told.get("content"):
                return Failure(f"{self.identity}: the server tells no logprobs; use scoring='votes'")
            return self._from_top(question, told["content"][0]["top_logprobs"])

        said = self._asked(body, read)
        if isinstance(said, Failure):
            raise VlmError(said.reason)
        return said

    def _from_top(self, question: Question, top: Sequence[Mapping]) -> Labels | Failure:
        mass = dict.fromkeys(question.labels, 0.0)
        for entry in top:
            label = entry["token"].strip()
            if label in mass:
                mass[label] += math.exp(entry["logprob"])
        total = sum(mass.values())
        if total < LEAST_MASS:
            said = ", ".join(repr(entry["token"]) for entry in top[:5])
            return Failure(
                f"{self.identity}: the labels {'/'.join(question.labels)} have a probability of {total:.3f} together; "
                f"the model would say {said}: it does not follow the question"
            )
        return {label: p / total for label, p in mass.items()}

    def _counted(self, parts: Sequence[str | dict], question: Question) -> Labels:
        counts = dict.fromkeys(question.labels, 0.0)
        for vote in range(self.votes):
            body = {**self._closed(parts, question), "temperature": 1, "seed": vote, "max_tokens": 8}
            label = self._asked(body, lambda choice: _label(choice["message"]["content"], question))
            if label is not None:
                counts[label] += 1
        total = sum(counts.values())
        if total < self.votes / 2:
            raise VlmError(f"{self.identity}: {total:.0f} of {self.votes} answers named a label; constrain it")
        # A label that nobody named in so few votes is unlikely, not impossible.
        return {label: (n + 0.5 / len(counts)) / (total + 0.5) for label, n in counts.items()}

    def _closed(self, parts: Sequence[str | dict], question: Question) -> dict[str, Any]:
        choice = {"structured_outputs": {"choice": list(question.labels)}} if self.constrained else {}
        return {**self._messages(parts, question.text), "max_tokens": 1, **choice}

    def _messages(self, parts: Sequence[str | dict], asked: str) -> dict[str, Any]:
        content = [{"type": "text", "text": part} if isinstance(part, str) else part for part in shown(parts, asked)]
        return {
            "model": self.model,
            "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}],
        }

    def _asked(self, body: Mapping, read: Callable[[Mapping], T]) -> T:
        """What `read` makes of the first choice, after as many attempts as it takes. Raises VlmError."""
        for attempt in range(1, self.attempts + 1):
            try:
                return self._once(body, read)
            except _Passing as error:
                if attempt == self.attempts:
                    raise Unanswered(f"{self.identity}: {error} (after {attempt} attempts)") from error
                pause = self.pause_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
                self.sleep(pause if error.wait_s is None else max(pause, error.wait_s))
        raise ValueError(f"{self.identity}: attempts is {self.attempts}; at least one is needed")

    def _once(self, body: Mapping, read: Callable[[Mapping], T]) -> T:
        import httpx

        try:
            reply = self._client.post("chat/completions", json=dict(body))
        except httpx.TimeoutException as error:
            raise _Passing(f"no answer within {self.timeout_s:g} s") from error
        except httpx.TransportError as error:
            raise _Passing(f"no connection: {error}") from error
        if reply.status_code in _PASSING:
            raise _Passing(f"HTTP {reply.status_code}: {reply.text[:200]}", _retry_after_s(reply.headers))
        if reply.status_code != 200:
            remedy = "set constrained=False (--unconstrained) if it refuses structured outputs"
            raise VlmError(f"{self.identity}: HTTP {reply.status_code}: {reply.text[:300]}; {remedy}")
        try:
            return read(reply.json()["choices"][0])
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise _Passing(f"a broken answer ({error!r}): {reply.text[:200]}") from error

    @cached_property
    def _client(self):
        import httpx

        headers = {}
        if self.key_variable:
            if self.key_variable not in os.environ:
                raise VlmError(f"{self.identity}: no environment variable {self.key_variable}; put the key there")
            headers["Authorization"] = f"Bearer {os.environ[self.key_variable]}"
        limits = httpx.Limits(max_connections=self.concurrency)
        return httpx.Client(base_url=self.url, headers=headers, timeout=self.timeout_s, limits=limits)


def _encoded(view: ShotView) -> list[str | dict]:
    """What is shown, pictures as the protocol wants them."""
    return [
        part if isinstance(part, str) else {"type": "image_url", "image_url": {"url": _data_url(part)}}
        for part in view.parts()
    ]


def _data_url(picture: np.ndarray) -> str:
    """PNG: the lossy alternatives put noise on the flat tones and thin lines that are judged."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def _label(text: str, question: Question) -> str | None:
    words = text.replace(".", " ").replace(")", " ").split()
    return words[0] if words and words[0] in question.labels else None


def _fenced(text: str) -> str:
    """The text without the ``` that chat models like to put around JSON."""
    stripped = text.strip()
    return stripped.removeprefix("```json").removeprefix("```").removesuffix("```").strip()


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    try:
        return float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
