"""Frozen video encoders whose words the Judge may take beside its own look: open_clip, Wan's VAE, Wan's transformer.

Each turns RGB uint8 frames (T, H, W, 3) into float32 (T, E), one row per frame at full rate, and has an `identity` that
a saved Judge is held to. All are loaded from a local folder; nothing is fetched. `open_encoder` reads their names:

    small                  none: the Judge's own network is all there is
    open_clip:FOLDER       the image tower, frame by frame
    wan_vae:FOLDER         latents of AutoencoderKLWan (FOLDER or FOLDER/vae), pooled over a grid
    wan:FOLDER             a block of WanTransformer3DModel (FOLDER/transformer, FOLDER/vae) at low noise, pooled
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from animatrix_reward.refused import Refused

HEIGHT_PX, WIDTH_PX = 240, 416
_GRID = 2
_NOISE = 0.1  # share of noise in the latents that the transformer sees: forms are there, details are asked of it
_AT_ONCE = 49  # frames; longer clips go through in windows


class Encoder(Protocol):
    """What `features.look` takes."""

    @property
    def identity(self) -> str: ...

    def __call__(self, frames_THWC: np.ndarray) -> np.ndarray: ...


def open_encoder(name: str, *, height_px: int = HEIGHT_PX, width_px: int = WIDTH_PX) -> Encoder | None:
    """The encoder of a name. Raises Refused for an unknown one and for a folder that is not there."""
    kind, _, folder = name.partition(":")
    if kind == "small":
        return None
    makers: dict[str, Callable[[Path], Encoder]] = {
        "open_clip": OpenClipFrames,
        "wan_vae": lambda path: WanVae(path, height_px, width_px),
        "wan": lambda path: WanFeatures(path, height_px, width_px),
    }
    if kind not in makers or not folder:
        raise Refused(f"encoder {name!r}: say small, or one of {', '.join(makers)} with :FOLDER")
    if not Path(folder).exists():
        raise Refused(f"encoder {name!r}: no folder {folder}")
    return makers[kind](Path(folder))


class OpenClipFrames:
    """open_clip's image tower on every frame."""

    def __init__(self, folder: Path, at_once: int = 32) -> None:
        from anicaption.features import OpenClip

        self.tower, self.at_once = OpenClip(folder), at_once

    @property
    def identity(self) -> str:
        return f"open_clip:{self.tower.identity['sha256']}"

    def __call__(self, frames_THWC: np.ndarray) -> np.ndarray:
        parts = [frames_THWC[at : at + self.at_once] for at in range(0, len(frames_THWC), self.at_once)]
        return np.concatenate([self.tower(list(part)) for part in parts]).astype(np.float32)


class WanVae:
    """Wan's causal VAE: means over a grid and spread; a latent frame stands for all frames it was made of."""

    def __init__(self, folder: Path, height_px: int = HEIGHT_PX, width_px: int = WIDTH_PX) -> None:
        self.folder = folder / "vae" if (folder / "vae").exists() else folder
        self.height_px, self.width_px = height_px, width_px

    @property
    def identity(self) -> str:
        return f"wan_vae:{_digest(self.folder)}:{self.height_px}x{self.width_px}"

    def __call__(self, frames_THWC: np.ndarray) -> np.ndarray:
        return _by_windows(frames_THWC, self._stride, lambda part: _grid(self.latents(part)))

    @cached_property
    def _vae(self) -> Any:
        from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

        return AutoencoderKLWan.from_pretrained(self.folder).eval().requires_grad_(False)

    @property
    def _stride(self) -> int:
        return 2 ** sum(self._vae.config.temperal_downsample)

    def latents(self, frames_THWC: np.ndarray) -> np.ndarray:
        """Normalised latents (t, C, h, w) of n * stride + 1 frames."""
        import torch

        size = self.width_px, self.height_px
        small = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames_THWC])
        video = torch.from_numpy(small).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        config = self._vae.config
        shape = (1, -1, 1, 1, 1)
        mean, std = torch.tensor(config.latents_mean).view(shape), torch.tensor(config.latents_std).view(shape)
        with torch.inference_mode():
            latents = self._vae.encode(video.to(self._vae.dtype)).latent_dist.mode().float()
        return ((latents - mean) / std)[0].permute(1, 0, 2, 3).numpy()


class WanFeatures:
    """A middle block of Wan's transformer on slightly noised latents without a prompt, pooled over a grid."""

    def __init__(self, folder: Path, height_px: int = HEIGHT_PX, width_px: int = WIDTH_PX) -> None:
        self.folder, self.vae = folder, WanVae(folder, height_px, width_px)
        if not (folder / "transformer").exists() or not (folder / "vae").exists():
            raise Refused(f"encoder wan:{folder}: holds no transformer/ and vae/; give a diffusers folder of Wan")

    @property
    def identity(self) -> str:
        return f"wan:{_digest(self.folder / 'transformer')}:{self.vae.identity}"

    @cached_property
    def _transformer(self) -> Any:
        from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

        return WanTransformer3DModel.from_pretrained(self.folder / "transformer").eval().requires_grad_(False)

    def __call__(self, frames_THWC: np.ndarray) -> np.ndarray:
        return _by_windows(frames_THWC, self.vae._stride, self._features)

    def _features(self, frames_THWC: np.ndarray) -> np.ndarray:
        import torch

        model = self._transformer
        latents = torch.from_numpy(self.vae.latents(frames_THWC)).permute(1, 0, 2, 3)[None]
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        x = (1 - _NOISE) * latents + _NOISE * noise
        missing = model.config.in_channels - x.shape[1]
        if missing > 0:  # an image-to-video transformer: it is given no first frame
            x = torch.cat([x, torch.zeros(1, missing, *x.shape[2:])], dim=1)
        kept: list[torch.Tensor] = []
        block = model.blocks[len(model.blocks) // 2]
        handle = block.register_forward_hook(
            lambda module, given, out: kept.append(out[0] if isinstance(out, tuple) else out)
        )
        try:
            with torch.inference_mode():
                model(
                    hidden_states=x.to(model.dtype), timestep=torch.tensor([_NOISE * 1000]),
                    encoder_hidden_states=torch.zeros(1, 1, model.config.text_dim, dtype=model.dtype),
                )  # fmt: skip
        finally:
            handle.remove()
        _, _, t, h, w = x.shape
        patch_t, patch_h, patch_w = model.config.patch_size
        tokens = kept[0].float()[0].view(t // patch_t, h // patch_h, w // patch_w, -1)
        return _grid(tokens.permute(0, 3, 1, 2).numpy())


def _grid(planes_tChw: np.ndarray) -> np.ndarray:
    """Means over a grid and the spread of every channel (t, C * (grid + 1))."""
    t, channels = planes_tChw.shape[:2]
    cells = [
        part.mean((2, 3)) for half in np.array_split(planes_tChw, _GRID, 2) for part in np.array_split(half, _GRID, 3)
    ]
    return np.concatenate([*cells, planes_tChw.reshape(t, channels, -1).std(2)], axis=1).astype(np.float32)


def _by_windows(frames: np.ndarray, stride: int, encode: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A row per frame: windows of n * stride + 1 frames, the last one filled up with its last frame."""
    window = (_AT_ONCE - 1) // stride * stride + 1
    rows = []
    for start in range(0, len(frames), window):
        part = frames[start : start + window]
        short = -(len(part) - 1) % stride
        filled = np.concatenate([part, np.repeat(part[-1:], short, axis=0)])
        encoded = encode(filled)
        rows.append(encoded[(np.arange(len(part)) + stride - 1) // stride])
    return np.concatenate(rows)


def _digest(folder: Path) -> str:
    """What weights a folder holds: a hash of its config and of the first and last bytes of its weights."""
    config = folder / "config.json"
    if not config.exists():
        raise Refused(f"{folder}: holds no config.json; give a folder that diffusers saved")
    digest = hashlib.sha256(json.dumps(json.loads(config.read_text("utf-8")), sort_keys=True).encode())
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as data:
            digest.update(data.read(1 << 20))
            data.seek(max(0, path.stat().st_size - (1 << 20)))
            digest.update(data.read())
    return digest.hexdigest()[:16]
