"""Pictures to latents and back: Wan's VAE, or a codec that needs no weights.

Legend: B batch, F frames (4n + 1), T latent frames, C latent channels, H and W picture, h and w latent rows, columns.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from animatrix_trainer.config import Codec

# Rows: brightness, red against blue, magenta against green. Orthonormal, near the principal axes of natural colour.
_OPPONENT = torch.tensor([[1, 1, 1], [1, 0, -1], [-1, 2, -1]], dtype=torch.float64)
_OPPONENT = _OPPONENT / _OPPONENT.norm(dim=1, keepdim=True)

# Mean and spread of the three axes over drawn pictures with values in -1..1: makes latents about N(0, 1).
_MEAN = (0.35, 0.0, 0.0)
_SPREAD = (0.75, 0.30, 0.15)


class VideoCodec(Protocol):
    channels: int
    time_stride: int
    space_stride: int

    def encode(self, video: torch.Tensor) -> torch.Tensor: ...
    def decode(self, latents: torch.Tensor) -> torch.Tensor: ...
    def save(self, folder: Path) -> None: ...


class PixelCodec(nn.Module):
    """Video (B, 3, F, H, W) in -1..1 to latents (B, C, T, h, w) and back without loss, with Wan's causal layout.

    Colours turn onto opponent axes and are scaled to unit spread; that is where neighbouring values of a pixel differ
    most, and the flow's noise then hides brightness last. `time_stride` frames after the first are stacked into one
    latent frame (the first is repeated to fill its own), `space_stride` squared pixels into one latent pixel. A tiny
    transformer thus sees whole motions in one token, and no trained decoder stands between it and the picture.
    """

    def __init__(self, time_stride: int, space_stride: int) -> None:
        super().__init__()
        self.time_stride, self.space_stride = time_stride, space_stride
        self.channels = 3 * time_stride * space_stride**2
        self.axes: torch.Tensor
        self.mean: torch.Tensor
        self.spread: torch.Tensor
        self.register_buffer("axes", _OPPONENT.float(), persistent=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(_SPREAD).view(1, 3, 1, 1, 1), persistent=False)

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        _check_size(self, video)
        p, q = self.time_stride, self.space_stride
        x = torch.einsum("kc,bcfhw->bkfhw", self.axes, video)
        x = (x - self.mean) / self.spread
        x = torch.cat([x[:, :, :1].expand(-1, -1, p, -1, -1), x[:, :, 1:]], dim=2)
        x = x.unflatten(4, (-1, q)).unflatten(3, (-1, q)).unflatten(2, (-1, p))  # B 3 T p h q w q
        return x.permute(0, 1, 3, 5, 7, 2, 4, 6).flatten(1, 4)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        p, q = self.time_stride, self.space_stride
        x = latents.unflatten(1, (3, p, q, q)).permute(0, 1, 5, 2, 6, 3, 7, 4)
        x = x.flatten(6, 7).flatten(4, 5).flatten(2, 3)[:, :, p - 1 :]
        x = x * self.spread + self.mean
        return torch.einsum("kc,bkfhw->bcfhw", self.axes, x)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"_class_name": "PixelCodec", "time_stride": self.time_stride, "space_stride": self.space_stride}
        (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


class WanCodec(nn.Module):
    """Wan's causal VAE, frozen; latents are (z - mean) / std by the numbers in its config.

    That of Wan 2.1 and 2.2's A14B has 16 channels at strides 4 and 8, that of TI2V-5B 48 at 4 and 16.
    """

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae.eval().requires_grad_(False)
        self.vae.enable_slicing()  # clip by clip: eight of 17 frames at 480p would take 36 GiB at once
        self.channels = vae.config.z_dim
        self.time_stride = 2 ** sum(vae.config.temperal_downsample)
        self.space_stride = 2 ** len(vae.config.temperal_downsample) * (vae.config.patch_size or 1)
        told = {name: len(vae.config[name]) for name in ("latents_mean", "latents_std")}
        if set(told.values()) != {self.channels}:
            raise ValueError(f"AutoencoderKLWan: z_dim={self.channels}, but its config has {told} numbers to scale by")
        shape = (1, -1, 1, 1, 1)
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", torch.tensor(vae.config.latents_mean).view(shape), persistent=False)
        self.register_buffer("std", torch.tensor(vae.config.latents_std).view(shape), persistent=False)

    @torch.no_grad()
    def encode(self, video: torch.Tensor) -> torch.Tensor:
        _check_size(self, video)
        latents = self.vae.encode(video.to(self.vae.dtype)).latent_dist.mode()
        return (latents.float() - self.mean) / self.std

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        z = latents * self.std + self.mean
        return self.vae.decode(z.to(self.vae.dtype)).sample.float()

    def save(self, folder: Path) -> None:
        self.vae.save_pretrained(folder)


def _check_size(codec: VideoCodec, video: torch.Tensor) -> None:
    """ValueError where a codec would leave out frames or pixels; diffusers' VAE does so without a word."""
    frames, height, width = video.shape[2:]
    p, q = codec.time_stride, codec.space_stride
    if (frames - 1) % p or height % q or width % q:
        raise ValueError(
            f"codec: {frames} frames of {width}x{height} do not fit strides {p} in time (n x {p} + 1 frames) "
            f"and {q} in space"
        )


def build_codec(settings: Codec) -> PixelCodec | WanCodec:
    """The codec that a recipe asks for."""
    if settings.kind == "pixel":
        return PixelCodec(settings.time_stride, settings.space_stride)
    return load_codec(Path(str(settings.folder)))


def load_codec(folder: Path) -> PixelCodec | WanCodec:
    """A codec from its folder: a PixelCodec of ours, or a diffusers AutoencoderKLWan."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    if config["_class_name"] == "PixelCodec":
        return PixelCodec(config["time_stride"], config["space_stride"])
    if config["_class_name"] != "AutoencoderKLWan":
        raise ValueError(f"{folder}: '{config['_class_name']}' is no codec; give PixelCodec or AutoencoderKLWan")
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    return WanCodec(AutoencoderKLWan.from_pretrained(folder))
