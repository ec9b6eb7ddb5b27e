"""What a training run is made of: one frozen dataclass, written to the checkpoint and read back whole."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Tier = Literal["raw", "technical", "B", "A", "S"]
TIERS: tuple[Tier, ...] = typing.get_args(Tier)
"""The tiers of a data set, from the lowest."""


class RecipeError(ValueError):
    """A recipe that cannot be read or contradicts itself."""


class DataError(ValueError):
    """A data set that holds nothing to read for what is asked; the message says what was left out and why."""


class CheckpointError(RuntimeError):
    """A folder that is no checkpoint, or not one for what is asked of it."""


@dataclass(frozen=True)
class Shape:
    """Size of the transformer when it is built from nothing. Width = heads x head_dim."""

    heads: int = 4
    head_dim: int = 32
    layers: int = 4
    ffn_dim: int = 512
    freq_dim: int = 128
    patch: tuple[int, int, int] = (1, 2, 2)


@dataclass(frozen=True)
class Tags:
    """The tag encoder and where its output enters the transformer.

    `attention`: `concat` puts tag tokens behind the text tokens under one softmax (the paper's path 1); `decoupled`
    gives them keys and values of their own behind a gate that starts at 0. `modulation`: `shared` adds the pooled
    tags to the time embedding all blocks share; `none` leaves path 2 out.
    """

    dim: int = 64
    heads: int = 4
    layers: int = 3
    attention: Literal["concat", "decoupled"] = "decoupled"
    modulation: Literal["shared", "none"] = "shared"


@dataclass(frozen=True)
class Text:
    """The frozen text encoder. `folder` names a T5 or UMT5 folder; without one, a byte-level T5 with fixed random
    weights is built from `seed` in the size given here. Texts are cut or padded to `length` tokens."""

    folder: str | None = None
    length: int = 64
    dim: int = 64
    layers: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Codec:
    """How pictures become latents: `wan` is the VAE in `folder`, `pixel` needs no weights (see model/codec.py)."""

    kind: Literal["wan", "pixel"] = "pixel"
    folder: str | None = None
    time_stride: int = 4
    space_stride: int = 1


@dataclass(frozen=True)
class Window:
    """What is cut out of a clip. `frames` is 4n + 1 at the clip's own rate; nothing is resampled in time."""

    frames: int = 5
    height_px: int = 24
    width_px: int = 40


@dataclass(frozen=True)
class Data:
    """Which generations of a data set are read, and from which tier on.

    Without numbers: the highest, or for a run that is resumed those it began with.
    """

    video: int | None = None
    """number of the video generation"""
    labels: int | None = None
    """number of the labels generation"""
    tier: Tier = "raw"
    """least tier; quarantined clips have none and are never read"""


NEWEST = Data()


@dataclass(frozen=True)
class Flow:
    """Flow matching: x_s = (1 - s) x + s e, target velocity e - x.

    `predicts`: what the network's output means: the velocity, the clip, or the clip as its first frame moved and
    painted over (model/warp.py). The loss is always on the velocity, (x_s - clip) / max(s, s_floor):
    the floor keeps the nearly clean end, where it divides by little, from drowning all else.
    `first_frame`: share of samples whose first latent frame is given clean and left out of the loss. `given`: how the
    network is told which frame that is: `timestep` sets the frame's own timestep to 0 (TI2V-5B), `plane` adds an
    input plane that is 1 there, with two planes of picture coordinates.
    """

    predicts: Literal["velocity", "clip", "warp"] = "velocity"
    given: Literal["timestep", "plane"] = "timestep"
    first_frame: float = 0.0
    s_mean: float = 0.0
    s_std: float = 1.0
    s_floor: float = 0.05
    shift: float = 1.0


@dataclass(frozen=True)
class Dropout:
    """The paper's conditioning dropout. `modes` are the shares of hybrid, tags only, text only, neither."""

    modes: tuple[float, float, float, float] = (0.7, 0.1, 0.1, 0.1)
    tag: float = 0.15
    synonym: float = 0.10
    conflict: float = 0.05


@dataclass(frozen=True)
class Optim:
    """AdamW in fp32 with a linear warm-up and a cosine down to `final_lr` of the peak."""

    lr: float = 1e-4
    warmup_steps: int = 100
    final_lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema: float = 0.999


@dataclass(frozen=True)
class Guidance:
    """v0 + text (v_text - v0) + tag (v_text+tag - v_text) over `steps` Euler steps."""

    text: float = 5.0
    tag: float = 2.0
    steps: int = 20


@dataclass(frozen=True)
class Recipe:
    """A whole run. `wan` names a diffusers Wan folder to start from; without it `shape` is built from nothing."""

    name: str
    steps: int
    batch: int
    seed: int = 0
    wan: str | None = None
    precision: Literal["no", "bf16", "fp16"] = "no"
    gradient_checkpointing: bool = False
    workers: int = 0
    cache_clips: bool = False
    save_every: int = 500
    log_every: int = 10
    shape: Shape = field(default_factory=Shape)
    tags: Tags = field(default_factory=Tags)
    text: Text = field(default_factory=Text)
    codec: Codec = field(default_factory=Codec)
    window: Window = field(default_factory=Window)
    flow: Flow = field(default_factory=Flow)
    dropout: Dropout = field(default_factory=Dropout)
    optim: Optim = field(default_factory=Optim)
    guidance: Guidance = field(default_factory=Guidance)

    def __post_init__(self) -> None:
        if self.window.frames % 4 != 1:
            raise RecipeError(
                f"window.frames={self.window.frames}: video codecs take 4n + 1 frames; "
                f"try {self.window.frames // 4 * 4 + 1}"
            )
        if abs(sum(self.dropout.modes) - 1) > 1e-6:
            raise RecipeError(f"dropout.modes={self.dropout.modes}: the four shares must add up to 1")
        if self.codec.kind == "wan" and not self.codec.folder:
            raise RecipeError("codec.kind=wan needs codec.folder, a diffusers AutoencoderKLWan folder")

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> Recipe:
        return _read(cls, json.loads(path.read_text("utf-8")), str(path))


def _read(cls: type, value: dict[str, Any], place: str) -> Any:
    """`value` as the dataclass `cls`; a key that it does not have, or lacks, is an error and not a default."""
    hints = typing.get_type_hints(cls)
    known = {item.name for item in dataclasses.fields(cls)}
    if strange := set(value) - known:
        raise RecipeError(f"{place}: {cls.__name__} has no {sorted(strange)}; it has {sorted(known)}")
    if missing := known - set(value):
        raise RecipeError(f"{place}: {cls.__name__} lacks {sorted(missing)}; written by another version?")
    parts = {}
    for name, item in value.items():
        hint = hints[name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            parts[name] = _read(hint, item, f"{place}: {name}")
        elif isinstance(item, list) and not isinstance(hint, types.UnionType):
            parts[name] = tuple(item)
        else:
            parts[name] = item
    return cls(**parts)
