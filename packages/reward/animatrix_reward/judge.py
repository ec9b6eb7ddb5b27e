"""The Judge: frames in, four structural heads and intent per frame, and the five human dimensions with (mu, sigma).

Structure and intent are read from pixels alone: `Judge.frames` has no place for a tag. The dimensions that depend on
the prompt (style fidelity, prompt understanding) see tags and text besides; the others cannot. A clip is scored by
itself, so a pair has no sides. Legend: B clips, T frames, C, H, W of small pictures, F columns, E encoded, D width.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from anicaption.releases import by_hash
from anicaption.taxonomy import taxonomy
from safetensors.torch import load_file, save_file
from torch import nn

from animatrix_reward.dimensions import DIMENSIONS, HUMAN, STRUCTURE
from animatrix_reward.excuse import INTENTS
from animatrix_reward.features import CHANNELS, VERSION, Seen
from animatrix_reward.refused import Refused

FORMAT = 3
_CLIP = 5.0  # deviations beyond which a column says no more
_POWER = 6.0  # of the mean over frames: one frame in forty that fails for sure makes 0.54
_LEAST = 1e-4
_READS_PROMPT = tuple(d.reads_prompt for d in DIMENSIONS if d.id in HUMAN)


@dataclass(frozen=True)
class JudgeConfig:
    """Shape of a Judge. `encoder` is the identity of a frozen encoder (encoders.py), "" for none; `pictures` is whether
    a small network of its own looks at the frames. Reward: `weights` of HUMAN times mu, less `pathology_cost` points
    for what is above the threshold that sound clips of validation stay under.
    """

    columns: int
    asked: int
    encoded: int = 0
    encoder: str = ""
    pictures: bool = False
    width: int = 48
    layers: int = 2
    attention_heads: int = 4
    dropout: float = 0.25
    weights: tuple[float, ...] = (0.2, 0.2, 0.2, 0.2, 0.2)
    pathology_cost: float = 2.0
    gate: float = 2.0

    def __post_init__(self) -> None:
        if len(self.weights) != len(HUMAN) or min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-6:
            raise Refused(f"judge.weights: {self.weights} are not {len(HUMAN)} shares that sum to 1")
        if self.pathology_cost < 0:
            raise Refused(f"judge.pathology_cost: {self.pathology_cost} would reward failures; give 0 or more")


@dataclass(frozen=True)
class Batch:
    """Clips of several lengths, padded. `known_BT` is 0 where a clip is over."""

    columns_BTF: torch.Tensor
    pictures_BTCHW: torch.Tensor
    encoded_BTE: torch.Tensor
    known_BT: torch.Tensor


def batch_of(clips: list[Seen]) -> Batch:
    """Clips side by side."""
    longest = max(clip.n_frames for clip in clips)

    def padded(rows: list[np.ndarray]) -> torch.Tensor:
        whole = np.zeros((len(rows), longest, *rows[0].shape[1:]), rows[0].dtype)
        for number, row in enumerate(rows):
            whole[number, : len(row)] = row
        return torch.from_numpy(whole)

    known = padded([np.ones(clip.n_frames, np.float32) for clip in clips])
    columns, pictures = padded([c.columns_TF for c in clips]), padded([c.pictures_TCHW for c in clips])
    return Batch(columns, pictures, padded([clip.encoded_TE for clip in clips]), known)


@dataclass(frozen=True)
class Frames:
    """What is said of every frame, from pixels: logits of STRUCTURE failing, of INTENTS, and the features behind."""

    failing_BT4: torch.Tensor
    intent_BT2: torch.Tensor
    features_BTD: torch.Tensor
    known_BT: torch.Tensor


@dataclass(frozen=True)
class Opinion:
    """Of clips: quality of HUMAN in logits with its deviation; `failing_B4` and `failing_B`, 0..1, outside excuses."""

    quality_B5: torch.Tensor
    sigma_B5: torch.Tensor
    failing_B4: torch.Tensor
    failing_B: torch.Tensor


class Pictures(nn.Module):
    """A small frame network from scratch: every frame beside what was before and what comes after it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = (len(CHANNELS) + 2, 16, 32, width)  # two more channels say where a pixel is
        steps = itertools.pairwise(sizes)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 5 if n == 0 else 3, 2, 2 if n == 0 else 1), nn.GroupNorm(4, b), nn.GELU())
                for n, (a, b) in enumerate(steps)
            )
        )
        self.out = nn.Linear(2 * width, width)

    def forward(self, pictures_NCHW: torch.Tensor) -> torch.Tensor:
        x = (pictures_NCHW.float() - 128) / 64
        n, _, height, width = x.shape
        down = torch.linspace(-1, 1, height).view(1, 1, height, 1).expand(n, 1, height, width)
        across = torch.linspace(-1, 1, width).view(1, 1, 1, width).expand(n, 1, height, width)
        x = self.blocks(torch.cat([x, down, across], dim=1))
        return self.out(torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1))


class Judge(nn.Module):
    """See the file's head. `mean_F`, `deviation_F` are those of the columns it was fitted on."""

    mean_F: torch.Tensor
    deviation_F: torch.Tensor
    support_mean: torch.Tensor
    support_root: torch.Tensor
    support_limit: torch.Tensor
    support_rough: torch.Tensor
    threshold: torch.Tensor
    floor_4: torch.Tensor
    steps: torch.Tensor

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.pictures = Pictures(width) if config.pictures else None
        self.columns = nn.Sequential(nn.Linear(config.columns, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.encoded = (
            nn.Sequential(nn.LayerNorm(config.encoded), nn.Linear(config.encoded, width)) if config.encoded else None
        )
        self.spoilt = nn.Dropout(config.dropout)
        self.near = nn.Conv1d(width, width, 5, padding=2, groups=width)
        layer = nn.TransformerEncoderLayer(
            width, config.attention_heads, 2 * width, config.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.time = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.failing = nn.Linear(width, len(STRUCTURE))
        self.intent = nn.Linear(width, len(INTENTS))
        self.human = nn.Sequential(nn.Linear(2 * width + 5, width), nn.GELU(), nn.Linear(width, 2 * len(HUMAN)))
        self.prompt = nn.Linear(config.asked, width)
        self.meets = nn.Linear(2 * width + 5, width)
        self.obeys = nn.Sequential(nn.Linear(3 * width, width), nn.GELU(), nn.Linear(width, 2 * sum(_READS_PROMPT)))
        nn.init.constant_(self.failing.bias, -2.0)
        nn.init.constant_(self.intent.bias, -2.0)
        n_support = 2 * config.columns
        for name, value in (
            ("mean_F", torch.zeros(config.columns)), ("deviation_F", torch.ones(config.columns)),
            ("support_mean", torch.zeros(n_support)), ("support_root", torch.eye(n_support)),
            ("support_limit", torch.tensor(math.inf)), ("support_rough", torch.tensor(math.inf)),
            ("threshold", torch.tensor(0.0)), ("floor_4", torch.zeros(len(STRUCTURE))),
            ("steps", torch.tensor([-3.0, -1.0, 1.0, 3.0])),
        ):  # fmt: skip
            self.register_buffer(name, value)

    def frames(self, clips: Batch) -> Frames:
        """Structure and intent of every frame. Pixels only: this is where a tag would have to enter, and cannot."""
        known = clips.known_BT
        columns = ((clips.columns_BTF - self.mean_F) / self.deviation_F).clamp(-_CLIP, _CLIP)
        x = self.columns(self.spoilt(columns))
        if self.pictures is not None:
            seen = self.pictures(clips.pictures_BTCHW[known > 0])
            x = x + torch.zeros_like(x).masked_scatter(known[..., None] > 0, seen)
        if self.encoded is not None:
            x = x + self.encoded(clips.encoded_BTE)
        x = x * known[..., None]
        x = x + self.near(x.transpose(1, 2)).transpose(1, 2)
        x = self.time(x, src_key_padding_mask=known == 0)
        return Frames(self.failing(x), self.intent(x), x, known)

    def opinion(self, frames: Frames, excused_BT: torch.Tensor, asked_BA: torch.Tensor) -> Opinion:
        """Of the clips as a whole. `excused_BT` is how far each frame is excused; `asked_BA` is what asked.py gives."""
        open_BT = (1 - excused_BT) * frames.known_BT
        failing_BT4 = torch.sigmoid(frames.failing_BT4) * open_BT[..., None]
        failing_B4 = _pooled(failing_BT4, frames.known_BT)
        failing_B = _pooled((1 - torch.prod(1 - failing_BT4, dim=2))[..., None], frames.known_BT)[:, 0]
        known = frames.known_BT[..., None]
        mean = (frames.features_BTD * known).sum(1) / known.sum(1)
        most = frames.features_BTD.masked_fill(known == 0, -math.inf).amax(1)
        whole = torch.cat([mean, most, failing_B4, failing_B[:, None]], dim=1)
        said = self.human(whole)
        quality, spread = said[:, : len(HUMAN)], said[:, len(HUMAN) :]
        wish, met = torch.tanh(self.prompt(asked_BA)), torch.tanh(self.meets(whole))
        more = self.obeys(torch.cat([wish, met, wish * met], dim=1))
        places = torch.tensor([place for place, reads in enumerate(_READS_PROMPT) if reads])
        half = len(places)
        quality = quality.index_add(1, places, more[:, :half])
        spread = spread.index_add(1, places, more[:, half:])
        sigma = nn.functional.softplus(spread - 1.0) + 0.05
        return Opinion(quality, sigma, failing_B4, failing_B)

    def composite(self, opinion: Opinion) -> torch.Tensor:
        """Weighted mu (1 to 5) less the cost of failing (B,). Nothing is added for a deformation as such."""
        weights = torch.tensor(self.config.weights)
        return expected(opinion, self.steps) @ weights - self.config.pathology_cost * charged(
            opinion.failing_B, self.threshold
        )


def charged(failing: torch.Tensor, floor: torch.Tensor) -> torch.Tensor:
    """What counts of a clip's failing, 0..1. Whatever moves carries a little: without a floor stillness would pay."""
    return ((failing - floor) / (1 - floor)).clamp_min(0.0)


def soft_excuse(frames: Frames) -> torch.Tensor:
    """The excuse while it is learned: how probably a frame is meant (B, T), without rules that have no slope."""
    return 1 - torch.prod(1 - torch.sigmoid(frames.intent_BT2), dim=2)


def expected(opinion: Opinion, steps_4: torch.Tensor) -> torch.Tensor:
    """The score that is given on average, 1 to 5 (B, 5).

    E sigmoid(z) of a normal z is about sigmoid(m / sqrt(1 + pi s^2 / 8)) (MacKay 1992).
    """
    shrink = torch.sqrt(1 + math.pi / 8 * opinion.sigma_B5**2)
    return 1 + torch.sigmoid((opinion.quality_B5[..., None] - steps_4) / shrink[..., None]).sum(-1)


def _pooled(failing_BTK: torch.Tensor, known_BT: torch.Tensor) -> torch.Tensor:
    """A mean over the frames that leans to the worst: the root of mean powers."""
    mean = ((failing_BTK + _LEAST) ** _POWER * known_BT[..., None]).sum(1) / known_BT.sum(1, keepdim=True)
    return mean ** (1 / _POWER)


def save(judge: Judge, folder: Path, facts: dict | None = None) -> None:
    """Write judge.safetensors and judge.json; `facts` (what it was fitted on, figures) is kept beside."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in judge.state_dict().items()}, folder / "judge.safetensors")
    document = {
        "format": FORMAT, "features": VERSION, "taxonomy_version": taxonomy().version, "taxonomy_hash": taxonomy().hash,
        "structure": list(STRUCTURE), "human": list(HUMAN), "config": asdict(judge.config), "facts": facts or {},
    }  # fmt: skip
    (folder / "judge.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def facts(folder: Path) -> dict[str, Any]:
    """What was written beside a saved Judge."""
    return _document(folder)["facts"]


def _document(folder: Path) -> dict[str, Any]:
    path = folder / "judge.json"
    if not path.exists():
        raise Refused(f"{folder}: holds no judge.json; give the folder that `animatrix-reward fit --out` wrote")
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise Refused(f"{path}: is no JSON ({error}); fit the Judge anew, or fetch the folder again") from error


def load(folder: Path) -> Judge:
    """A saved Judge, ready to score. Raises Refused for one of another format, features or taxonomy."""
    path, document = folder / "judge.json", _document(folder)
    for name, ours in (
        ("format", FORMAT),
        ("features", VERSION),
        ("structure", list(STRUCTURE)),
        ("human", list(HUMAN)),
    ):
        if document.get(name) != ours:
            raise Refused(f"{path}: {name} is {document.get(name)!r}, this is {ours!r}; fit the Judge anew")
    if document["taxonomy_hash"] != taxonomy().hash:
        was = by_hash(document["taxonomy_hash"], f"{path}: taxonomy_hash")
        raise Refused(
            f"{path}: fitted under taxonomy {was.version} ({was.hash}), this is {taxonomy().version} "
            f"({taxonomy().hash}): its tags have other places; fit the Judge anew from its events"
        )
    config = JudgeConfig(**{**document["config"], "weights": tuple(document["config"]["weights"])})
    judge = Judge(config)
    judge.load_state_dict(load_file(folder / "judge.safetensors"))
    return judge.eval()
