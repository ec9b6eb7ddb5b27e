"""Batches of which some is at hand already: latents, what is known of them, texts (see data/cache.py).

What is kept was made by the functions here, one window and one text at a time, and so is what is missing: a sample is
the same number for number whether it comes from a cache of fp32 or not, and whoever is in its batch.

Legend as in model/given.py; N tokens of a text or a picture, D their width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from animatrix_trainer.checkpoint import System
from animatrix_trainer.conditioning.text import TextEncoder
from animatrix_trainer.data.pairs import PairBatch
from animatrix_trainer.data.read import Batch
from animatrix_trainer.model.codec import PixelCodec, VideoCodec
from animatrix_trainer.model.given import Known, by_latent_frame, known_of, own_latents_serve
from animatrix_trainer.model.sight import PictureEncoder
from animatrix_trainer.onto import onto, video


@dataclass(frozen=True)
class Sample:
    """What is at hand of a sample, None being what is not: latents (C, T, H, W), those of what is given where the
    clip's own do not serve, its first picture as CLIP sees it, its text (N, D). `pixels` (F, H, W, 3) are read where
    something of the clip must be encoded yet; `missed` says whether anything must."""

    x: torch.Tensor | None
    known: torch.Tensor | None
    image: torch.Tensor | None
    text: torch.Tensor | None
    pixels: np.ndarray | None
    missed: bool


@dataclass(frozen=True, kw_only=True)
class EncodedBatch(Batch):
    """A batch with what is at hand of its samples. `videos` has the windows' shape and no sample."""

    samples: tuple[Sample, ...]

    @property
    def missed(self) -> int:
        """How many samples need the codec or the text encoder."""
        return sum(sample.missed for sample in self.samples)


@dataclass(frozen=True, kw_only=True)
class EncodedPairBatch(PairBatch):
    """A batch of pairs with what is at hand of (winner, loser) of each."""

    samples: tuple[tuple[Sample, ...], ...]

    @property
    def missed(self) -> int:
        """How many clips need the codec or the text encoder."""
        return sum(sample.missed for both in self.samples for sample in both)


def met(system: System, batch: EncodedBatch, told_BF: np.ndarray) -> tuple[torch.Tensor, Known, torch.Tensor]:
    """(latents, what is known of them, texts) of a batch of which the picture frames `told_BF` are given."""
    device, codec, how = system.model.device, system.codec, system.recipe.flow.given
    frames_BpT = by_latent_frame(torch.from_numpy(told_BF), codec.time_stride)
    latents, known, images, texts = [], [], [], []
    for sample, told, frames, condition in zip(batch.samples, told_BF, frames_BpT, batch.conditions, strict=True):
        clip = None if sample.pixels is None else video(device, sample.pixels[None])
        x = _there(sample.x, device) if sample.x is not None else encode(codec, clip)
        latents.append(x)
        if own_latents_serve(told[None], codec.time_stride, how, isinstance(codec, PixelCodec)):
            known.append(x)
        else:
            own = _there(sample.known, device) if sample.known is not None else encode_known(codec, clip, told, how)
            known.append(own if how == "channels" else _in_place(own, frames.any(0), x))
        if system.sight is not None:
            images.append(_there(sample.image, device) if sample.image is not None else see(system.sight, clip, told))
        texts.append(encode_text(system.text, condition.text) if sample.text is None else onto(device, sample.text))
    given = Known(
        onto(device, frames_BpT.any(1)),
        torch.stack(known),
        onto(device, frames_BpT) if how == "channels" else None,
        torch.stack(images) if images else None,
    )
    return torch.stack(latents), given, padded(texts, system.text)


def encode(codec: VideoCodec, video_13FHW: torch.Tensor | None) -> torch.Tensor:
    """The latents (C, T, H, W) of one window."""
    assert video_13FHW is not None, "pixels are read where something is missing"
    return codec.encode(video_13FHW)[0]


def encode_known(codec: VideoCodec, video_13FHW: torch.Tensor | None, told_F: np.ndarray, how: str) -> torch.Tensor:
    """The latents of what is given of a window: all for `channels`, else of the latent frames that are given."""
    assert video_13FHW is not None, "pixels are read where something is missing"
    known = known_of(codec, video_13FHW, told_F[None], how)
    latents = known.latents_BCTHW[0]
    return latents if how == "channels" else latents[:, _places(known.given_BT[0].cpu())]


def see(sight: PictureEncoder, video_13FHW: torch.Tensor | None, told_F: np.ndarray) -> torch.Tensor:
    """The first picture of a window as CLIP sees it, (N, D)."""
    assert video_13FHW is not None, "pixels are read where something is missing"
    return sight(video_13FHW, onto(video_13FHW.device, told_F[None]))[0]


def encode_text(text: TextEncoder, words: str) -> torch.Tensor:
    """One text, (length, D)."""
    return text([words])[0]


def padded(texts: list[torch.Tensor], text: TextEncoder) -> torch.Tensor:
    """Texts (N, D) as (B, length, D), zero beyond each."""
    found = torch.zeros(len(texts), text.length, texts[0].shape[1], device=texts[0].device)
    for row, words in zip(found, texts, strict=True):
        row[: len(words)] = words
    return found


def _there(kept: torch.Tensor, device: torch.device) -> torch.Tensor:
    return onto(device, kept).float()


def _in_place(of_given: torch.Tensor, given_T: torch.Tensor, x_CTHW: torch.Tensor) -> torch.Tensor:
    """Latents of given frames in their places; the others are never looked at, as no noise takes their place there."""
    found = torch.zeros_like(x_CTHW)
    found[:, _places(given_T)] = of_given
    return found


def _places(given_T: torch.Tensor) -> list[int]:
    return [at for at, given in enumerate(given_T.tolist()) if given]
