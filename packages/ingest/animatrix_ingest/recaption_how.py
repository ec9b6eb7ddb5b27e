"""The settings of `recaption`: who speaks of clips when captions are made anew."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anicaption.taxonomy import TaxonomyError, taxonomy


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

    def check(self) -> None:
        """RecaptionError where the settings do not go together, or a field is none."""
        if self.local is not None and self.url is not None:
            raise RecaptionError(f"--local {self.local} and --url {self.url}: one model is asked; give one")
        if self.url is not None and self.model is None:
            raise RecaptionError(f"--url {self.url}: needs --model, the name under which the server has it")
        if not self.asks_model and (self.ask or self.prose):
            raise RecaptionError("--ask and --prose: there is no model to ask; give --local or --url too")
        for name in ("actors", "concurrency"):
            if getattr(self, name) < 1:
                raise RecaptionError(f"--{name} {getattr(self, name)}: at least 1 is needed")
        if self.device != "cpu" and self.local is None:
            raise RecaptionError(f"--device {self.device}: nothing runs there; give --local too")
        for name in self.ask:
            try:
                taxonomy()[name]
            except TaxonomyError as error:
                raise RecaptionError(f"--ask: {error}") from error

    @property
    def asks_model(self) -> bool:
        return self.local is not None or self.url is not None

    @property
    def needs_video(self) -> bool:
        return self.again or self.heads is not None or self.asks_model

    def to_json(self) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
