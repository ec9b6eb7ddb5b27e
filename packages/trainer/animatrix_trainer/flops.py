"""What a step costs in arithmetic, by formula, and what a device could do.

Legend: S video tokens, N text tokens, d width, f width of the feed-forward, L layers; 1 multiply-add is 2 FLOP.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from animatrix_trainer.config import Stage, Window
from animatrix_trainer.model.codec import VideoCodec


@dataclass(frozen=True)
class Size:
    """The numbers of a Wan transformer that its cost depends on."""

    layers: int
    dim: int
    ffn_dim: int
    text_tokens: int
    patch: tuple[int, int, int] = (1, 2, 2)

    @classmethod
    def of(cls, config: Mapping[str, Any], text_tokens: int) -> Size:
        """Of a model's config in diffusers' names."""
        dim = config["num_attention_heads"] * config["attention_head_dim"]
        return cls(config["num_layers"], dim, config["ffn_dim"], text_tokens, tuple(config["patch_size"]))


def forward_flops(size: Size, tokens: int) -> int:
    """Of one sample through the blocks: L [12 S d^2 + 4 S d f + 4 S^2 d + 4 N d (d + S)].

    Twelve: query, key, value and output of self-attention (8), query and output of cross-attention (4). Embeddings,
    norms and the tag channel are left out: together under 1 % at sizes that matter.
    """
    s, d, n = tokens, size.dim, size.text_tokens
    return size.layers * (12 * s * d * d + 4 * s * d * size.ffn_dim + 4 * s * s * d + 4 * n * d * (d + s))


def train_flops(size: Size, tokens: int, train: str = "all") -> int:
    """Forward and backward of one sample, no recomputation counted (so MFU is what it is, not hardware use).

    Backward costs a product for the inputs of every matrix and one for its weights; attention's own products have two
    inputs. With frozen weights (`train` tags or lora) the second falls away for the blocks' matrices.
    """
    forward = forward_flops(size, tokens)
    if train == "all":
        return 3 * forward
    scores = size.layers * 4 * size.dim * tokens * (tokens + size.text_tokens)
    return 2 * (forward - scores) + 3 * scores


def sample_flops(size: Size, tokens: int, stage: Stage) -> int:
    """Of one sample of a stage, windows having so many tokens: a pair is two, and each meets the reference too."""
    of_window = train_flops(size, tokens, stage.train)
    return of_window if stage.objective == "flow" else 2 * (of_window + forward_flops(size, tokens))


def video_tokens(latent: tuple[int, int, int], patch: tuple[int, int, int]) -> int:
    """Tokens of latents of (T, h, w)."""
    return (latent[0] // patch[0]) * (latent[1] // patch[1]) * (latent[2] // patch[2])


def latent_size(window: Window, time_stride: int, space_stride: int) -> tuple[int, int, int]:
    """(T, h, w) of a window under a causal codec: the first frame has a latent frame of its own."""
    return 1 + (window.frames - 1) // time_stride, window.height_px // space_stride, window.width_px // space_stride


def strides(codec: VideoCodec) -> tuple[int, int]:
    """(in time, in space) of a codec."""
    return codec.time_stride, codec.space_stride


PEAK_TFLOPS: tuple[tuple[str, float], ...] = (
    ("B200", 2250.0),
    ("B100", 1750.0),
    ("H200", 989.0),
    ("H100 PCIE", 756.0),
    ("H100", 989.0),
    ("H800", 989.0),
    ("H20", 148.0),
    ("A100", 312.0),
    ("A800", 312.0),
    ("L40S", 362.0),
    ("L40", 181.0),
    ("L4", 121.0),
    ("A40", 149.7),
    ("A10G", 70.0),
    ("A10", 125.0),
    ("RTX 6000 ADA", 364.0),
    ("RTX A6000", 155.0),
    ("RTX 5090", 209.5),
    ("RTX 4090", 165.2),
    ("RTX 3090", 71.0),
)
"""Dense bf16 tensor throughput with fp32 sums, from the makers' data sheets; the first name found in a device's."""


def peak_flops(device: torch.device, precision: str) -> float | None:
    """What a device's data sheet promises per second in 16 bit; None where nobody noted it, or in fp32."""
    if device.type != "cuda" or precision == "no":
        return None
    name = torch.cuda.get_device_name(device).upper()
    return next((tera * 1e12 for key, tera in PEAK_TFLOPS if key in name), None)


def matmul_roof(device: torch.device, dtype: torch.dtype, side: int = 8192, seconds: float = 2.0) -> float:
    """FLOP/s of square products of `side` on the device, measured: what a step could reach there at most."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    out, wait = torch.empty_like(a), torch.cuda.synchronize if device.type == "cuda" else _nothing
    for _ in range(3):
        torch.mm(a, b, out=out)
    wait()
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(4):
            torch.mm(a, b, out=out)
        wait()
        count += 4
    return 2 * side**3 * count / spent


def _nothing() -> None:
    pass
