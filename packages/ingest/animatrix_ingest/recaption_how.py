"""Who speaks of clips when captions are made anew, and what that is known by: the settings of `recaption`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from anicaption.captioner import Captioner
from anicaption.commands_vlm import asking
from anicaption.taxonomy import taxonomy
from anicaption.vlm.prompt import Question
from anicaption.vlm.score import Backend, Failure, Labels, Unanswered
from anicaption.vlm.view import ShotView

from animatrix_ingest.keep.made import code_of
from animatrix_ingest.keep.store import canonical, digest

CODE = ("anicaption.captioner", "anicaption.directive", "animatrix_ingest.recaption_answer")


class RecaptionError(ValueError):
    """Captions cannot be made so; the message says what stands in the way and what to do."""


@dataclass(frozen=True)
class How:
    """What speaks of the clips. Measurements always do; heads and a vision-language model where they are given."""

    again: bool = False
    """measure the clips themselves again, instead of deciding anew from the measurements stored with them"""
    heads: Path | None = None
    """learned heads: a folder that `anicaption fit` wrote"""
    open_clip: Path | None = None
    """the open_clip weights that the heads stand on, where they stand on any"""
    local: Path | None = None
    """a vision-language model: a Qwen3-VL folder, run by long-lived workers"""
    adapter: Path | None = None
    """a LoRA folder over --local"""
    device: str = "cpu"
    """where --local runs: cpu or cuda"""
    url: str | None = None
    """a vision-language model: a server of the OpenAI protocol, as http://host:8000/v1"""
    model: str | None = None
    """the model's name at --url"""
    key_variable: str = ""
    """environment variable that holds the server's key"""
    votes: int = 0
    """for servers that tell no probabilities: how many answers to count"""
    unconstrained: bool = False
    """for servers that refuse structured outputs"""
    actors: int = 1
    """workers that ask the model; with --local, each holds one, with a GPU of its own on cuda"""
    concurrency: int = 8
    """requests at a time of each worker that asks a server"""
    ask: tuple[str, ...] = ()
    """fields for the model; all that are not known better if left out"""
    threshold: float = 0.5
    """less sure answers of the model are unknown"""
    prose: bool = False
    """let the model tell each shot in words too"""
    unrated: bool = False
    """send clips of unknown rating to the server too"""

    def __post_init__(self) -> None:
        if self.local is not None and self.url is not None:
            raise RecaptionError(f"--local {self.local} and --url {self.url}: one model is asked; give one")
        if self.url is not None and self.model is None:
            raise RecaptionError(f"--url {self.url}: needs --model, the name under which the server has it")
        if not self.asks_model and (self.ask or self.prose):
            raise RecaptionError("--ask and --prose: there is no model to ask; give --local or --url too")
        for name in ("actors", "concurrency"):
            if getattr(self, name) < 1:
                raise RecaptionError(f"--{name} {getattr(self, name)}: at least 1 is needed")
        for name in self.ask:
            taxonomy()[name]

    @property
    def asks_model(self) -> bool:
        return self.local is not None or self.url is not None

    @property
    def needs_video(self) -> bool:
        return self.again or self.heads is not None or self.asks_model

    def to_json(self) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}


def identity(how: How) -> dict[str, Any]:
    """What answers depend on: weights by their hash, settings, code, taxonomy. Not where and how fast it is asked."""
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
    return {**said, "code": code_of(CODE), "taxonomy": taxonomy().hash}


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
