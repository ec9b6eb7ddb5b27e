"""What Wan's makers have published, as data: sizes and settings of each model in diffusers' layout, and its folders.

Facts about public weights, so that a size can be reckoned with and a folder recognised where no weights are at hand.
`parameters` and `tensors` are those of one transformer's files.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

from animatrix_trainer.config import CheckpointError, Codec, Experts, Recipe
from animatrix_trainer.model.wan import TagWanTransformer3DModel, vocabulary_config

_1_3B = {"num_attention_heads": 12, "num_layers": 30, "ffn_dim": 8960}
_5B = {"num_attention_heads": 24, "num_layers": 30, "ffn_dim": 14336, "in_channels": 48, "out_channels": 48}
_14B = {"num_attention_heads": 40, "num_layers": 40, "ffn_dim": 13824}
_SEES = {"in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120}


@dataclass(frozen=True)
class Published:
    """One published model. `transformer` holds the arguments of WanTransformer3DModel that differ from its defaults.

    `boundary` is the noise share from which the first of two experts is in charge, 0 for one transformer. `given` is
    how the network is told which frames are given, None where it knows text alone; `sees` whether a CLIP picture
    encoder speaks to it too.
    """

    transformer: Mapping[str, Any]
    parameters: int
    tensors: int
    vae: Literal["wan21", "wan22"] = "wan21"
    boundary: float = 0.0
    given: Literal["timestep", "channels"] | None = None
    sees: bool = False


WAN: dict[str, Published] = {
    "Wan2.1-T2V-1.3B": Published(_1_3B, 1_418_996_800, 825),
    "Wan2.1-T2V-14B": Published(_14B, 14_288_491_584, 1095),
    "Wan2.1-I2V-14B-480P": Published(_14B | _SEES, 16_394_878_784, 1303, given="channels", sees=True),
    "Wan2.1-I2V-14B-720P": Published(_14B | _SEES, 16_394_878_784, 1303, given="channels", sees=True),
    "Wan2.2-TI2V-5B": Published(_5B, 4_999_787_712, 825, vae="wan22", given="timestep"),
    "Wan2.2-T2V-A14B": Published(_14B, 14_288_491_584, 1095, boundary=0.875),
    "Wan2.2-I2V-A14B": Published(_14B | {"in_channels": 36}, 14_288_901_184, 1095, boundary=0.9, given="channels"),
}

VAE: dict[str, dict[str, Any]] = {
    "wan21": {},  # the defaults of AutoencoderKLWan
    "wan22": {
        "base_dim": 160,
        "decoder_base_dim": 256,
        "z_dim": 48,
        "is_residual": True,
        "in_channels": 12,
        "out_channels": 12,
        "patch_size": 2,
        "scale_factor_spatial": 16,
    },
}
"""Arguments of AutoencoderKLWan that differ from its defaults, without the means and spreads of its latents."""

VAE_PARAMETERS = {"wan21": 126_892_531, "wan22": 704_688_668}

UMT5_XXL = {
    "vocab_size": 256_384,
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10_240,
    "num_layers": 24,
    "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
}
"""The text encoder of them all, as arguments of UMT5Config."""

UMT5_XXL_PARAMETERS = 5_680_910_336


def get(name: str) -> Published:
    if name not in WAN:
        raise ValueError(f"'{name}' is no published Wan; choose one of {', '.join(WAN)}")
    return WAN[name]


def empty(name: str) -> WanTransformer3DModel:
    """A published transformer without its weights, on the meta device: names, shapes, sizes."""
    with torch.device("meta"):
        return WanTransformer3DModel(**get(name).transformer)


def empty_with_tags(name: str, **tag: Any) -> TagWanTransformer3DModel:
    """The same with a tag channel, its arguments as in TagWanTransformer3DModel."""
    with torch.device("meta"):
        return TagWanTransformer3DModel(**get(name).transformer, **vocabulary_config(), **tag)


def is_whole(folder: Path) -> bool:
    """Whether `folder` is a whole pipeline of diffusers, and not the folder of a transformer."""
    return (folder / "model_index.json").exists()


def placed(recipe: Recipe) -> Recipe:
    """The recipe with what a whole pipeline folder in `wan` holds: transformers and their boundary, text encoder,
    VAE, and how the network is told what is given. A recipe that names a transformer's folder, or none, is unchanged.
    """
    if recipe.wan is None or not is_whole(Path(recipe.wan)):
        return recipe
    folder = Path(recipe.wan)
    index = json.loads((folder / "model_index.json").read_text("utf-8"))
    wanted = [name for name in ("transformer", "vae", "text_encoder") if not (folder / name).is_dir()]
    if wanted:
        raise CheckpointError(f"{folder}: is a diffusers pipeline without {', '.join(wanted)}; fetch it whole")
    config = json.loads((folder / "transformer" / "config.json").read_text("utf-8"))
    experts = recipe.experts
    if (boundary := index.get("boundary_ratio")) is not None:
        second = folder / "transformer_2"
        if not second.is_dir():
            raise CheckpointError(f"{folder}: boundary_ratio={boundary}, but there is no transformer_2; fetch it whole")
        experts = Experts(boundary, str(second), experts.high_share)
    flow = recipe.flow
    if config["in_channels"] > config["out_channels"]:
        flow = dataclasses.replace(flow, given="channels")
    elif index.get("expand_timesteps"):
        flow = dataclasses.replace(flow, given="timestep")
    return dataclasses.replace(
        recipe,
        wan=str(folder / "transformer"),
        experts=experts,
        flow=flow,
        text=dataclasses.replace(recipe.text, folder=str(folder / "text_encoder"), length=512),
        codec=Codec("wan", str(folder / "vae")),
    )
