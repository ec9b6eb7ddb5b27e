"""Sampling from Python, in the manner of a diffusers pipeline: load a folder once, call it as often as you like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from anicaption.taxonomy import taxonomy

from animatrix_trainer.checkpoint import System, load
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.guidance import Wish
from animatrix_trainer.conditioning.tags import TagSet, parse_spans
from animatrix_trainer.config import Window
from animatrix_trainer.data.crop import fit
from animatrix_trainer.sample import Asked, OnStep, sample

Picture = Any
"""A PIL image, or RGB uint8 (H, W, 3); any size, cut to the clip's aspect and scaled."""
Tags = str | TagSet
"""As in "camera.move=pan_left,motion.timing=twos", or {"camera.move": ("pan_left",)}."""


@dataclass(frozen=True)
class Clips:
    """`frames`: RGB uint8 (N, F, H, W, 3), or lists of PIL images."""

    frames: Any


class AniMatrixPipeline:
    """Text, tags and pictures to clips.

    pipe = AniMatrixPipeline.from_pretrained("checkpoints/tiny_i2v_wide")
    clips = pipe("A pan to the left.", tags="camera.move=pan_left", image=first, seed=1).frames
    """

    def __init__(self, system: System) -> None:
        self.system = system

    @classmethod
    def from_pretrained(cls, folder: Path | str, torch_dtype: torch.dtype = torch.float32) -> AniMatrixPipeline:
        """The pipeline of a checkpoint's folder, or of the newest checkpoint of a run's. Codec and text stay fp32."""
        system = load(Path(folder))
        for model in system.models:
            torch.nn.Module.to(model, torch_dtype)
        return cls(system)

    def to(self, device: torch.device | str) -> AniMatrixPipeline:
        self.system.to(device)
        return self

    @property
    def device(self) -> torch.device:
        return self.system.model.device

    def __call__(
        self,
        prompt: str = "",
        tags: Tags = "",
        *,
        negative_prompt: str = "",
        negative_tags: Tags = "",
        image: Picture | None = None,
        last_image: Picture | None = None,
        key_frames: Mapping[int, Picture] | None = None,
        height: int = 0,
        width: int = 0,
        num_frames: int = 0,
        num_inference_steps: int = 0,
        text_guidance_scale: float | None = None,
        tag_guidance_scale: float | None = None,
        field_guidance: Mapping[str, float] | None = None,
        seed: int = 0,
        num_videos_per_prompt: int = 1,
        forwards_at_once: int = 0,
        on_step: OnStep = lambda at, steps: None,
        output_type: Literal["np", "pil"] = "np",
    ) -> Clips:
        """Clips of one wish from the seeds `seed`, `seed` + 1, ...

        Sizes, steps and scales that are not given are the checkpoint's. Raises TaxonomyError, with a suggestion, for an
        unknown field or value, ValueError for pictures outside the clip.
        """
        own, guidance = self.system.recipe.window, self.system.recipe.guidance
        window = Window(num_frames or own.frames, height or own.height_px, width or own.width_px)
        scales = {"text": text_guidance_scale, "tag": tag_guidance_scale, "steps": num_inference_steps or None}
        settings = replace(guidance, **{name: value for name, value in scales.items() if value is not None})
        plain, spans = parse_spans(tags) if isinstance(tags, str) else (tags, ())
        wish = Wish(
            Condition(_tags(plain), prompt, spans), negative_prompt, _tags(negative_tags), dict(field_guidance or {})
        )
        given = {0: image, window.frames - 1: last_image, **(key_frames or {})}
        pictures = {number: _picture(one, window) for number, one in given.items() if one is not None}
        asked = [Asked(wish, seed + at, pictures) for at in range(num_videos_per_prompt)]
        video = sample(self.system, asked, settings, window, forwards_at_once=forwards_at_once, on_step=on_step)
        return Clips(video if output_type == "np" else [_images(clip) for clip in video])


def _tags(tags: Tags) -> TagSet:
    known = taxonomy()
    return known.parse_tags(tags) if isinstance(tags, str) else {n: known[n].check(v) for n, v in tags.items()}


def _picture(picture: Picture, window: Window) -> np.ndarray:
    pixels = np.asarray(picture.convert("RGB") if hasattr(picture, "convert") else picture)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"picture: {pixels.dtype} of shape {pixels.shape}; give a PIL image or RGB uint8 (H, W, 3)")
    return fit(pixels[None], window)[0]


def _images(clip: np.ndarray) -> Sequence[Any]:
    from PIL import Image

    return [Image.fromarray(frame) for frame in clip]
