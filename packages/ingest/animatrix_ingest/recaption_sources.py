"""Who speaks of clips, loaded and known by hashes of weights, settings and code: heads, a vision-language model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from anicaption.captioner import Captioner
from anicaption.commands_vlm import asking
from anicaption.taxonomy import taxonomy
from anicaption.vlm.prompt import Question
from anicaption.vlm.score import Backend, Failure, Labels, Unanswered
from anicaption.vlm.view import ShotView

from animatrix_ingest.keep.made import code_of
from animatrix_ingest.keep.store import canonical, digest
from animatrix_ingest.recaption_how import How, RecaptionError

CODE, BESIDE = ("anicaption.captioner", "anicaption.directive"), ("animatrix_ingest.recaption_answer",)
"""What decides an answer: all that the captioner needs, and what is made of it. Not where answers are kept."""


def identity(how: How) -> dict[str, Any]:
    """What answers depend on: weights by their hash, settings, code, taxonomy. Not where and how fast it is asked."""
    how.check()
    settings = ("again", "ask", "threshold", "prose") if how.asks_model else ("again",)
    said: dict[str, Any] = {name: getattr(how, name) for name in settings}
    if how.heads is not None:
        try:
            fitted = json.loads((how.heads / "heads.json").read_text("utf-8"))
            said["heads"] = [fitted["weights_sha256"], fitted["features"], digest(canonical(fitted))]
        except (OSError, ValueError, KeyError) as error:
            raise RecaptionError(
                f"--heads {how.heads}: no heads there ({error}); give a folder that `anicaption fit` wrote"
            ) from error
        sources(how)  # other features or another taxonomy are refused here, before any worker is started
    if how.asks_model:
        said["model"] = [_asking(how).backend.identity, how.votes, how.unconstrained]
    return {**said, "code": code_of(CODE, BESIDE), "taxonomy": taxonomy().hash}


def reachable(how: How) -> None:
    """RecaptionError where nobody answers at --url, or its key is not there: found out once, not for every clip."""
    if how.key_variable and how.key_variable not in os.environ:
        raise RecaptionError(f"--key-variable {how.key_variable}: not in the environment; put the server's key there")
    if how.url is None:
        return
    import httpx

    try:
        httpx.get(f"{how.url.rstrip('/')}/models", timeout=30)
    except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise RecaptionError(f"--url {how.url}: nobody answers ({error}); start the server, or mend the URL") from error


@lru_cache(maxsize=1)
def sources(how: How) -> Captioner:
    """The captioner of one process, without anything that is stated: weights are loaded once and stay."""
    heads = None
    if how.heads is not None:
        from anicaption.features import Features, OpenClip
        from anicaption.heads import load

        try:
            heads = load(how.heads, Features(OpenClip(how.open_clip) if how.open_clip else None))
        except (OSError, ValueError) as error:
            raise RecaptionError(f"--heads: {error}") from error
    asked = _asking(how) if how.asks_model else None
    return Captioner(heads, asked and replace(asked, backend=Whole(asked.backend)), how.ask, how.prose)


@dataclass(frozen=True)
class Whole:
    """A model whose answers are kept for good: what may be answered another time is an error, not an answer.

    A single question that it will never answer stays a failure that the record tells of.
    """

    backend: Backend

    @property
    def identity(self) -> str:
        return self.backend.identity

    def answer(self, view: ShotView, asked: Sequence[Question]) -> list[Labels | Failure]:
        said = self.backend.answer(view, asked)
        lost = [answer for answer in said if isinstance(answer, Failure)]
        passing = [failure for failure in lost if failure.passing]
        if passing or (lost and len(lost) == len(said)):
            raise ConnectionError(f"{len(lost)} of {len(said)} questions unanswered: {(passing or lost)[0].reason}")
        return said

    def write(self, view: ShotView, request: str, schema: Mapping) -> str:
        try:
            return self.backend.write(view, request, schema)
        except Unanswered as error:
            raise ConnectionError(str(error)) from error


def _asking(how: How) -> Any:
    names = ("local", "adapter", "device", "url", "model", "key_variable", "votes", "unconstrained", "concurrency")
    try:
        return asking({**{name: getattr(how, name) for name in names}, "answers": None}, how.threshold)
    except FileNotFoundError as error:
        raise RecaptionError(f"--local {how.local}: {error}") from error
