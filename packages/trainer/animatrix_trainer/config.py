"""What a training run is made of: one frozen dataclass, written to the checkpoint and read back whole."""

from __future__ import annotations

import dataclasses
import json
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


class LossError(RuntimeError):
    """A loss that is no number; the message names step and samples."""


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
    gives them keys and values of their own behind a gate that starts at 0; `none` leaves path 1 out. `modulation`
    (path 2): `shared` adds the pooled tags to the time embedding all blocks share; `lowrank` gives every block a
    scale and shift of its own through `rank` numbers; `full` is the paper's; `none` leaves path 2 out. `spans` is how
    many times can be told ("smear from here to there"); 0: tags are of the whole clip only.
    """

    dim: int = 64
    heads: int = 4
    layers: int = 3
    attention: Literal["concat", "decoupled", "none"] = "decoupled"
    modulation: Literal["shared", "lowrank", "full", "none"] = "shared"
    rank: int = 64
    spans: int = 16


@dataclass(frozen=True)
class Experts:
    """Wan 2.2's two transformers: the first for noise shares from `boundary` on, the second, `folder`, below it.

    `boundary` 0 is one transformer. A global step trains one of the two, the first in `high_share` of the steps.
    """

    boundary: float = 0.0
    folder: str | None = None
    high_share: float = 0.5


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters on linear layers of the transformer whose names end in one of `targets`."""

    rank: int = 32
    alpha: int = 32
    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0", "ffn.net.0.proj", "ffn.net.2")


@dataclass(frozen=True)
class Text:
    """The frozen text encoder. `folder` names a T5 or UMT5 folder; without one, a byte-level T5 with fixed random
    weights is built from `seed` in the size given here. Texts are cut or padded to `length` tokens. `half` holds the
    weights of a folder in bf16, as Wan's own code does; else they are as they are stored."""

    folder: str | None = None
    half: bool = False
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
    """What is cut out of a clip. `frames` is 4n + 1 at the clip's own rate, 1 for a picture; nothing is resampled in
    time."""

    frames: int = 5
    height_px: int = 24
    width_px: int = 40

    def __post_init__(self) -> None:
        if self.frames % 4 != 1:
            raise RecipeError(
                f"window.frames={self.frames}: video codecs take 4n + 1 frames; try {self.frames // 4 * 4 + 1}"
            )


@dataclass(frozen=True)
class Bucket:
    """One size of windows. A global step has one bucket, `batch` windows of it, and is this one with probability
    `share` among the stage's buckets of pictures, or of video."""

    window: Window = field(default_factory=Window)
    batch: int = 8
    share: float = 1.0


@dataclass(frozen=True)
class Tasks:
    """What is given clean. Shares of steps and samples that add up to 1.

    `t2i`: steps of pictures (buckets of one frame). Of samples of video: `t2v` nothing, `i2v` the first latent frame,
    `ends` the first and the last, `keys` a random choice of them, as animators' in-betweening wants.
    """

    t2i: float = 0.0
    t2v: float = 1.0
    i2v: float = 0.0
    ends: float = 0.0
    keys: float = 0.0


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
    `given`: how the network is told which latent frames are given clean: `timestep` sets their own timestep to 0
    (TI2V-5B), `plane` adds an input plane that is 1 there, with two planes of picture coordinates, `channels` adds
    Wan I2V's mask and clean latents as input channels.
    """

    predicts: Literal["velocity", "clip", "warp"] = "velocity"
    given: Literal["timestep", "plane", "channels"] = "timestep"
    s_mean: float = 0.0
    s_std: float = 1.0
    s_floor: float = 0.05


@dataclass(frozen=True)
class Dropout:
    """The paper's conditioning dropout. `modes` are the shares of hybrid, tags only, text only, neither; `times`, ours,
    is the share of samples whose tags are told without their times."""

    modes: tuple[float, float, float, float] = (0.7, 0.1, 0.1, 0.1)
    tag: float = 0.15
    synonym: float = 0.10
    conflict: float = 0.05
    times: float = 0.3

    def __post_init__(self) -> None:
        if abs(sum(self.modes) - 1) > 1e-6:
            raise RecipeError(f"dropout.modes={self.modes}: the four shares must add up to 1")


@dataclass(frozen=True)
class Optim:
    """AdamW in fp32. `ema` 0 keeps no average."""

    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema: float = 0.999


@dataclass(frozen=True)
class Guidance:
    """v0 + text (v_text - v0) + tag (v_text+tag - v_text) over `steps` steps of a solver, its schedule shifted.

    `below`: text and tag for Wan 2.2's second expert; without it they are the same for both. `order` `tags_first` is
    v0 + tag (v_tag - v0) + text (v_text+tag - v_tag).
    """

    text: float = 5.0
    tag: float = 2.0
    steps: int = 20
    solver: Literal["euler", "unipc"] = "euler"
    shift: float = 1.0
    order: Literal["text_first", "tags_first"] = "text_first"
    below: tuple[float, float] | None = None


@dataclass(frozen=True)
class Preference:
    """Flow-DPO. All but `beta` are off in the faithful recipe; see preference.py."""

    beta: float = 2000.0
    deformation: float = 0.0
    """lambda of the mask 1 + lambda D inside the error"""
    gap_weight: bool = False
    """weigh a pair by 2^s_w - 2^s_l"""
    segments: bool = False
    """labels per segment of time, not per clip"""
    sft: float = 0.0
    """weight of the flow-matching loss on winners that are real clips"""


@dataclass(frozen=True)
class Stage:
    """One stage of the curriculum. Rates warm up linearly and fall by a cosine to `final_lr` of the peak.

    `weights`: `uniform` takes every clip once an epoch; the others draw with replacement: `balanced` by the data set's
    rebalancing weight, `curriculum` by that times sigmoid(gamma (progress - D + beta)), `hardest` from the hardest
    quarter. `replay` is the share of samples from what the stages before were allowed to see. `train` says which
    parameters move. `sigma` is the window of noise shares.
    """

    name: str
    steps: int
    buckets: tuple[Bucket, ...] = (Bucket(),)
    tasks: Tasks = field(default_factory=Tasks)
    tier: Tier = "raw"
    replay: float = 0.0
    weights: Literal["uniform", "balanced", "curriculum", "hardest"] = "uniform"
    gamma: float = 8.0
    beta: float = 0.25
    difficulty: tuple[Literal["style", "motion", "deformation"], ...] = ("style", "motion", "deformation")
    """what D is the mean of (data/difficulty.py); a data set that lacks one of them is refused"""
    starts: int = 0
    """how many places a window may begin at, spread evenly over each clip; 0: anywhere. What `animatrix-train encode`
    keeps is then finite, and met again"""
    objective: Literal["flow", "preference"] = "flow"
    train: Literal["all", "tags", "lora"] = "all"
    lr: float = 1e-4
    warmup_steps: int = 100
    final_lr: float = 0.1
    sigma: tuple[float, float] = (0.0, 1.0)
    shift: float = 1.0
    dropout: Dropout = field(default_factory=Dropout)

    def __post_init__(self) -> None:
        place = f"stage {self.name}"
        shares = dataclasses.astuple(self.tasks)
        if abs(sum(shares) - 1) > 1e-6 or min(shares) < 0:
            raise RecipeError(f"{place}: tasks={shares}: the shares must add up to 1")
        pictures = [bucket for bucket in self.buckets if bucket.window.frames == 1]
        if bool(pictures) != (self.tasks.t2i > 0) or (len(pictures) == len(self.buckets)) != (self.tasks.t2i == 1):
            raise RecipeError(
                f"{place}: tasks.t2i={self.tasks.t2i} with {len(pictures)} buckets of one frame among "
                f"{len(self.buckets)}: pictures need buckets of one frame, video needs longer ones"
            )
        if not 0 <= self.replay < 1:
            raise RecipeError(f"{place}: replay={self.replay}: give a share of the samples, from 0 to less than 1")
        if min(bucket.batch for bucket in self.buckets) < 1 or min(bucket.share for bucket in self.buckets) <= 0:
            raise RecipeError(f"{place}: a bucket has batch or share 0; leave it out or give it more")
        if self.starts < 0:
            raise RecipeError(f"{place}: starts={self.starts}: at how many places a window may begin, or 0: anywhere")
        if self.weights in ("curriculum", "hardest") and not self.difficulty:
            raise RecipeError(f"{place}: weights={self.weights} needs difficulty: style, motion or deformation")
        if not 0 <= self.sigma[0] < self.sigma[1] <= 1:
            raise RecipeError(f"{place}: sigma={self.sigma}: give a window of noise shares within 0..1")


@dataclass(frozen=True)
class Parallel:
    """How a run is spread and made to fit. `accumulate`: micro-batches a rank makes of its part of a global batch."""

    strategy: Literal["plain", "fsdp2", "zero1", "zero2", "zero3"] = "plain"
    accumulate: int = 1
    precision: Literal["no", "bf16", "fp16"] = "no"
    checkpointing: Literal["none", "selective", "full"] = "none"
    compile: bool = False


@dataclass(frozen=True)
class Recipe:
    """A whole run. `wan` names a diffusers Wan transformer folder to start from; without it `shape` is built from
    nothing."""

    name: str
    stages: tuple[Stage, ...]
    seed: int = 0
    wan: str | None = None
    workers: int = 0
    cache_clips: bool = False
    skip_corrupt: bool = False
    """draw another sample for one that cannot be read, and count it, instead of stopping"""
    decoder: Literal["pyav", "decord"] = "pyav"
    """who decodes clips; decord only where it gives the pictures that PyAV gives (data/decode.py)"""
    save_every: int = 500
    log_every: int = 10
    samples: int = 0
    """clips drawn at every checkpoint from held-out conditions, always the same seeds"""
    shape: Shape = field(default_factory=Shape)
    experts: Experts = field(default_factory=Experts)
    lora: Lora = field(default_factory=Lora)
    tags: Tags = field(default_factory=Tags)
    text: Text = field(default_factory=Text)
    codec: Codec = field(default_factory=Codec)
    flow: Flow = field(default_factory=Flow)
    optim: Optim = field(default_factory=Optim)
    parallel: Parallel = field(default_factory=Parallel)
    preference: Preference = field(default_factory=Preference)
    guidance: Guidance = field(default_factory=Guidance)

    def __post_init__(self) -> None:
        if not self.stages:
            raise RecipeError(f"recipe {self.name}: has no stage")
        if self.stages[0].replay:
            raise RecipeError(f"stage {self.stages[0].name}: replay={self.stages[0].replay}: no stage comes before it")
        if self.codec.kind == "wan" and not self.codec.folder:
            raise RecipeError("codec.kind=wan needs codec.folder, a diffusers AutoencoderKLWan folder")

    @property
    def steps(self) -> int:
        """Of all stages together."""
        return sum(stage.steps for stage in self.stages)

    @property
    def window(self) -> Window:
        """What sampling draws where nothing else is said: the last stage's most frequent bucket of video."""
        return max(self.stages[-1].buckets, key=lambda bucket: (bucket.window.frames > 1, bucket.share)).window

    def stage_of(self, step: int) -> tuple[int, int]:
        """(index of the stage, step within it) of a 0-based step of the run; the last step's for later ones."""
        for number, stage in enumerate(self.stages):
            if step < stage.steps or number == len(self.stages) - 1:
                return number, step
            step -= stage.steps
        raise AssertionError

    def over_stages(self, **changes: Any) -> Recipe:
        """The recipe with these settings changed in every stage."""
        return dataclasses.replace(self, stages=tuple(dataclasses.replace(stage, **changes) for stage in self.stages))

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
        raise RecipeError(f"{place}: {cls.__name__} lacks {sorted(missing)} (of another version?); add what was meant")
    return cls(**{name: _part(hints[name], item, f"{place}: {name}") for name, item in value.items()})


def _part(hint: Any, item: Any, place: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _read(hint, item, place)
    if isinstance(item, list):
        kinds = typing.get_args(hint)
        inner = kinds[0] if kinds and dataclasses.is_dataclass(kinds[0]) else None
        return tuple(_part(inner, one, f"{place}.{at}") for at, one in enumerate(item)) if inner else tuple(item)
    return item
