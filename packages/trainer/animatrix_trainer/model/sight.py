"""Pictures as Wan 2.1 I2V sees them: a frozen CLIP encoder whose tokens stand before the text in cross-attention.

Legend: B batch, F picture frames, H rows, W columns, N tokens of a picture (class token and patches), D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

from animatrix_trainer.config import CheckpointError


class PictureEncoder(nn.Module):
    """The first frame of clips to tokens, as WanImageToVideoPipeline encodes it: scaled to CLIP's size by its shorter
    edge, cut in the middle, normalised, and read from the layer before the last."""

    def __init__(self, encoder: Any, processor: Any) -> None:
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        self.processor = processor
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", torch.tensor(processor.image_mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(processor.image_std).view(3, 1, 1), persistent=False)

    @property
    def dim(self) -> int:
        return self.encoder.config.hidden_size

    @classmethod
    def of(cls, config: Mapping[str, Any], folder: Path) -> PictureEncoder | None:
        """From image_encoder/ and image_processor/ of the diffusers folder of a transformer with this configuration;
        None where it listens to no pictures. CheckpointError where it wants two (FLF2V): its other half is not here."""
        if not config.get("image_dim"):
            return None
        if config.get("pos_embed_seq_len"):
            raise CheckpointError(
                f"{folder}: a transformer for first and last frames (FLF2V) that looks at two pictures at once, "
                "which is not supported; Wan 2.1 I2V and Wan 2.2 I2V A14B are given last and key frames in channels"
            )
        from transformers import CLIPImageProcessor, CLIPVisionModel

        wanted = [name for name in ("image_encoder", "image_processor") if not (folder / name).is_dir()]
        if wanted:
            raise CheckpointError(
                f"{folder}: its transformer listens to a picture encoder, but {' and '.join(wanted)} is not there; "
                "fetch the whole folder"
            )
        encoder = CLIPVisionModel.from_pretrained(folder / "image_encoder")
        return cls(encoder, CLIPImageProcessor.from_pretrained(folder / "image_processor"))

    def save(self, folder: Path) -> None:
        self.encoder.save_pretrained(folder / "image_encoder")
        self.processor.save_pretrained(folder / "image_processor")

    @torch.no_grad()
    def forward(self, video_B3FHW: torch.Tensor, told_BF: torch.Tensor) -> torch.Tensor:
        """Videos in -1..1 and which of their frames are given to tokens (B, N, D). Where the first frame is not given
        mid-grey is seen, as in the latents."""
        first = torch.where(told_BF[:, :1, None, None], video_B3FHW[:, :, 0], 0.0)
        size_px = self.encoder.config.image_size
        shape = [edge * size_px // min(first.shape[2:]) for edge in first.shape[2:]]  # cut, not rounded, as theirs
        scaled = interpolate(first.float(), shape, mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)
        top, left = ((edge - size_px) // 2 for edge in shape)
        cut = scaled[:, :, top : top + size_px, left : left + size_px]
        pixels = ((cut / 2 + 0.5) - self.mean) / self.std
        seen = self.encoder(pixel_values=pixels.to(self.encoder.dtype), output_hidden_states=True)
        return seen.hidden_states[-2].float()
