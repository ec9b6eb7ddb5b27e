"""The arms of the conditioning study: one transformer, told in different ways, with equally many trained parameters.

Every arm has a trained reader of words. Where tags are told in a channel of their own, the reader is small and reads
only prose that distracts; where they are told as words, it is as much larger as the tag channel is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any, Literal

import numpy as np
import torch
from anicaption.directive import from_tags
from animatrix_trainer import checkpoint
from animatrix_trainer.checkpoint import System
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.config import (
    Bucket,
    Codec,
    Dropout,
    Flow,
    Guidance,
    Optim,
    Recipe,
    Shape,
    Stage,
    Tags,
    Tasks,
    Text,
    Window,
)
from animatrix_trainer.model.wan import is_tag_parameter
from torch import nn

from benchmarks.study import bed
from benchmarks.study.words import SCENERY, Words, distraction, reader

LENGTH = 288
"""Words of the text channel: what is asked for, then up to 200 of distraction."""
DISTRACTIONS = (0, 50, 200)
READER_DIM, READER_LAYERS, SMALL_FFN = 64, 3, 64


@dataclass(frozen=True)
class Arm:
    """`text` is how the tags are told in words: not at all, as the prose of a caption, or as a tag line."""

    name: str
    attention: Literal["concat", "none"]
    modulation: Literal["shared", "none"]
    text: Literal["none", "prose", "tags"]

    @property
    def has_tags(self) -> bool:
        return self.attention != "none" or self.modulation != "none"


ARMS = (
    Arm("text only", "none", "none", "prose"),
    Arm("tags as text", "none", "none", "tags"),
    Arm("concat only", "concat", "none", "none"),
    Arm("AdaLN only", "none", "shared", "none"),
    Arm("both paths", "concat", "shared", "none"),
)
BY_NAME = {arm.name: arm for arm in ARMS}


def recipe(arm: Arm, size: bed.Size, seed: int, patch_px: int = 8, lr: float = 1e-3, width: int = 128) -> Recipe:
    """The recipe of an arm: the first frame given, the clip said as that frame moved and painted over."""
    window = Window(size.frames, size.height_px, size.width_px)
    whole = Dropout((1.0, 0.0, 0.0, 0.0), tag=0.0, synonym=0.0, conflict=0.0)
    stage = Stage(
        "study",
        steps=1,
        buckets=(Bucket(window, 8),),
        tasks=Tasks(t2v=0.0, i2v=1.0),
        lr=lr,
        warmup_steps=50,
        dropout=whole,
    )
    return Recipe(
        name=f"study {arm.name}",
        stages=(stage,),
        seed=seed,
        shape=Shape(heads=4, head_dim=width // 4, layers=3, ffn_dim=4 * width, patch=(1, patch_px, patch_px)),
        tags=Tags(attention=arm.attention, modulation=arm.modulation, spans=0),
        text=Text(dim=READER_DIM, layers=1),
        codec=Codec(kind="pixel"),
        flow=Flow(predicts="warp", given="plane", s_mean=2.0, s_floor=0.5),
        optim=Optim(ema=0.0),
        guidance=Guidance(text=1.0, tag=1.0, steps=6),
    )


def build(arm: Arm, size: bed.Size, seed: int, **settings: Any) -> System:
    """The untrained system of an arm: weights of the transformer by seed, parameters as many as every other arm's."""
    system = checkpoint.build(recipe(arm, size, seed, **settings))
    most = checkpoint.build(recipe(BY_NAME["both paths"], size, seed, **settings)).model
    wider = round((of_tags(most) - of_tags(system.model)) / (READER_LAYERS * 2 * READER_DIM))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        text = reader(Words(texts()), LENGTH, READER_DIM, SMALL_FFN + wider, READER_LAYERS)
    return replace(system, text=text)


def trained(system: System) -> list[nn.Parameter]:
    """What training moves: the transformer and the reader."""
    return [*system.model.parameters(), *system.text.parameters()]


def of_tags(wan: nn.Module) -> int:
    """How many parameters of a transformer are there for its tags."""
    return sum(weight.numel() for name, weight in wan.named_parameters() if is_tag_parameter(name))


def condition(arm: Arm, values: bed.Values, n_distracting: int, rng: np.random.Generator) -> Condition:
    """What an arm is told of a clip, distraction behind it."""
    tags = bed.tags(values)
    words = {"none": "", "prose": from_tags(tags).prose, "tags": line(values)}[arm.text]
    text = " ".join(filter(None, (words, distraction(n_distracting, rng))))
    return Condition(tags if arm.has_tags else None, text)


def line(values: bed.Values) -> str:
    """Tags as one writes them: "camera.move=pan_left vfx.lines=none"."""
    return " ".join(f"{name}={value}" for name, value in values.items())


@cache
def texts() -> tuple[str, ...]:
    """All that is ever said, for the word table."""
    every = [dict(zip(bed.FIELDS, values, strict=True)) for values in product(*bed.FIELDS.values())]
    return (*(line(values) for values in every), *(from_tags(bed.tags(values)).prose for values in every), *SCENERY)


def with_guidance(system: System, scale: float) -> Guidance:
    """Two forwards a step for every arm: nothing said, and all of it; `scale` goes from the one to the other."""
    return replace(system.recipe.guidance, text=scale, tag=scale)
