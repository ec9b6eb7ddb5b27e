"""From wishes to clips: a solver's walk through the flow under guidance.

Legend: N clips, F frames, H rows, W columns; latents as in flow.py; M forwards of the network in a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from animatrix_trainer.checkpoint import System
from animatrix_trainer.conditioning.guidance import Wish, shares
from animatrix_trainer.config import Guidance, Window
from animatrix_trainer.data.crop import fit
from animatrix_trainer.model import experts
from animatrix_trainer.model.denoise import velocity
from animatrix_trainer.model.given import Known, held, known_of
from animatrix_trainer.requests import Request, RequestError
from animatrix_trainer.solvers import solver

OnStep = Callable[[int, int], None]
"""Called before each step with its number and how many there are."""


@dataclass(frozen=True)
class Asked:
    """One clip to draw. `pictures` are given frames by number, RGB uint8 (H, W, 3) of the window's size; they come
    back unchanged at their places."""

    wish: Wish
    seed: int = 0
    pictures: Mapping[int, np.ndarray] = field(default_factory=dict)


@torch.no_grad()
def sample(
    system: System,
    asked: Sequence[Asked],
    settings: Guidance | None = None,
    window: Window | None = None,
    *,
    forwards_at_once: int = 0,
    on_step: OnStep = lambda at, steps: None,
) -> np.ndarray:
    """Clips RGB uint8 (N, F, H, W, 3), one per wish. `forwards_at_once` bounds the network's batch (0: no bound).

    A clip is a function of its wish and seed: drawn alone or beside others, it is the same up to rounding.
    """
    settings, window = settings or system.recipe.guidance, window or system.recipe.window
    way, model = solver(settings), system.models[0]
    for each in system.models:
        each.eval()
    known = _known(system, asked, window)
    noise = [torch.randn(known.latents_BCTHW.shape[1:], generator=torch.Generator().manual_seed(a.seed)) for a in asked]
    x = torch.stack(noise).to(model.device)
    told = {below: _Told(system, [shares(a.wish, settings, below) for a in asked]) for below in _sides(system, way)}
    for at, s in enumerate(way.shares):
        on_step(at, len(way.shares))
        expert = experts.in_charge(system.recipe, s)
        v = told[expert == experts.LOW].velocity(system, expert, x, s, known, forwards_at_once)
        x = way.step(at, x, v)
    video = system.codec.decode(known.into(x)).clamp(-1, 1)
    video_NFHWC = ((video + 1) * 127.5).round().byte().permute(0, 2, 3, 4, 1).cpu().numpy()
    for clip, each in zip(video_NFHWC, asked, strict=True):
        for number, picture in each.pictures.items():
            clip[number] = picture
    return video_NFHWC


class _Told:
    """What the network is told in a step, for all clips in a row, and what each answer counts in its clip."""

    def __init__(self, system: System, parts: list[list[tuple[Any, float]]]) -> None:
        device = system.model.device
        conditions = [condition for part in parts for condition, _ in part]
        self.text = system.text([condition.text for condition in conditions])
        tags = [system.words.encode(condition.tags, spans=condition.spans) for condition in conditions]
        self.tags = torch.tensor(tags, device=device)
        self.clip_M = torch.tensor([at for at, part in enumerate(parts) for _ in part], device=device)
        self.share_M = torch.tensor([share for part in parts for _, share in part], device=device)

    def velocity(self, system: System, expert: int, x: torch.Tensor, s: float, known: Known, at_once: int):
        """The guided velocity (N, C, T, H, W) of all clips at noise share `s`."""
        guided = torch.zeros_like(x)
        for part in torch.arange(len(self.clip_M), device=x.device).split(at_once or len(self.clip_M)):
            clips = self.clip_M[part]
            v = velocity(
                system.models[expert],
                x[clips],
                torch.full((len(part),), s, device=x.device),
                known.rows(clips),
                self.text[part],
                self.tags[part],
                system.recipe.flow,
                system.patch,
            )
            guided.index_add_(0, clips, self.share_M[part, None, None, None, None] * v.to(guided.dtype))
        return guided


def _sides(system: System, way: Any) -> set[bool]:
    """On which sides of the experts' boundary a solver asks."""
    return {experts.in_charge(system.recipe, s) == experts.LOW for s in way.shares}


def _known(system: System, asked: Sequence[Asked], window: Window) -> Known:
    """What is given of each clip. Drawings between others are held over their latent frame, as in training."""
    how, stride = system.recipe.flow.given, system.codec.time_stride
    size = (window.height_px, window.width_px)
    videos = torch.zeros(len(asked), 3, window.frames, *size)
    told_NF = np.zeros((len(asked), window.frames), bool)
    for at, each in enumerate(asked):
        if wrong := [picture.shape for picture in each.pictures.values() if picture.shape != (*size, 3)]:
            raise RequestError(f"pictures: one has shape {wrong[0]}, the clip {(*size, 3)}; see read_picture")
        if each.pictures:
            pictures = {n: torch.from_numpy(np.array(p)).permute(2, 0, 1) / 127.5 - 1 for n, p in each.pictures.items()}
            videos[at], told_NF[at] = held(pictures, window.frames, stride, how)
    videos = videos.to(system.model.device)
    return system.see(known_of(system.codec, videos, told_NF, how), videos, told_NF)


def asked_of(request: Request, window: Window) -> Asked:
    """A request with its pictures read."""
    paths = request.pictures(window.frames)
    return Asked(request.wish(), request.seed, {number: read_picture(path, window) for number, path in paths.items()})


def read_picture(path: Path, window: Window) -> np.ndarray:
    """A picture file as RGB uint8 (H, W, 3), centre-cropped and scaled to the window's size."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise RequestError(f"{path}: no picture that OpenCV can read; give a PNG or JPEG")
    return fit(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)[None], window)[0]
