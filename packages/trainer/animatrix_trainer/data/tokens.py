"""How many tokens of the transformer a window is, and batches that keep a step within a budget of them.

A step has one bucket, so nothing is padded; what a budget leaves unfilled is what a bucket's size and the number of
ranks do not divide it by.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from animatrix_trainer.config import Bucket, Codec, Recipe, RecipeError, Window

Patch = tuple[int, int, int]
WAN_PATCH: Patch = (1, 2, 2)


def tokens(window: Window, codec: Codec, patch: Patch = WAN_PATCH) -> int:
    """Tokens of one sample: latent frames, rows and columns, each over the patch's side."""
    along_time, along_space = strides(codec)
    sizes = ((window.frames - 1) // along_time + 1, window.height_px / along_space, window.width_px / along_space)
    count = 1
    for size, side, unit in zip(sizes, patch, (along_time, along_space, along_space), strict=True):
        if size % side:
            raise RecipeError(
                f"window {window.frames} x {window.width_px}x{window.height_px} does not divide into patches of "
                f"{side} latents of {unit} pixels or frames; take multiples of {side * unit}"
            )
        count *= int(size // side)
    return count


def strides(codec: Codec) -> tuple[int, int]:
    """(frames, pixels) of a latent after the first: from the VAE's own configuration where it is at hand."""
    config = Path(codec.folder) / "config.json" if codec.kind == "wan" and codec.folder else None
    said = json.loads(config.read_text("utf-8")) if config and config.exists() else {}
    if said:
        return said.get("scale_factor_temporal", 4), said.get("scale_factor_spatial", 8)
    if codec.kind == "wan" and codec.space_stride == 1:
        return 4, 8  # Wan 2.1's VAE
    return codec.time_stride, codec.space_stride


def patch_of(recipe: Recipe) -> Patch:
    """The patch of the recipe's transformer, from its folder where that is at hand."""
    if recipe.wan is None:
        return recipe.shape.patch
    config = Path(recipe.wan) / "config.json"
    if not config.exists():
        return WAN_PATCH
    along_time, along_rows, along_columns = json.loads(config.read_text("utf-8"))["patch_size"]
    return along_time, along_rows, along_columns


def budgeted(
    windows: Sequence[Window],
    tokens_a_step: int,
    codec: Codec,
    patch: Patch = WAN_PATCH,
    multiple: int = 1,
    most: int | None = None,
    shares: Sequence[float] = (),
) -> tuple[Bucket, ...]:
    """Buckets whose global batches have at most `tokens_a_step` tokens and are multiples of `multiple` (the ranks
    that a recipe should divide among), of at most `most` samples. RecipeError for a window that is too big for it."""
    buckets = []
    for window, share in zip(windows, shares or [1.0] * len(windows), strict=True):
        size = tokens(window, codec, patch)
        batch = min(tokens_a_step // size, most or tokens_a_step) // multiple * multiple
        if batch < 1:
            raise RecipeError(
                f"window {window.frames} x {window.width_px}x{window.height_px} is {size:,} tokens, {multiple} of them "
                f"{size * multiple:,}: more than tokens_a_step={tokens_a_step:,}; give more, or a smaller window"
            )
        buckets.append(Bucket(window, batch, share))
    return tuple(buckets)
