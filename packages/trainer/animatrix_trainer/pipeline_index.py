"""What makes a checkpoint folder one of diffusers' pipelines: model_index.json and a scheduler beside the parts.

Wan's pipelines then load the plain part of it, Wan without tags and adapters. A folder with a PixelCodec, or with a
network that says something else than a velocity, is none of theirs and gets no index.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

from animatrix_trainer.config import Recipe


def fits(recipe: Recipe) -> bool:
    """Whether Wan's pipelines can make something of the transformers of a recipe."""
    return recipe.codec.kind == "wan" and recipe.flow.predicts == "velocity" and recipe.flow.given != "plane"


def write(folder: Path, recipe: Recipe, text: Any, sight: Any) -> None:
    """Write model_index.json and scheduler/ beside the parts. `text` has an encoder and a tokenizer, `sight`, where
    there is one, an encoder and a processor."""
    two = recipe.experts.boundary > 0
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=recipe.guidance.shift
    )
    scheduler.save_pretrained(folder / "scheduler")
    channels = recipe.flow.given == "channels"
    index: dict[str, Any] = {
        "_class_name": "WanImageToVideoPipeline" if channels else "WanPipeline",
        "_diffusers_version": diffusers.__version__,
        "boundary_ratio": recipe.experts.boundary if two else None,
        "expand_timesteps": recipe.flow.given == "timestep",
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", type(text.encoder).__name__],
        "tokenizer": ["transformers", type(text.tokenizer).__name__],
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "transformer_2": ["diffusers", "WanTransformer3DModel"] if two else [None, None],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    if channels:
        for name, part in (("image_encoder", "encoder"), ("image_processor", "processor")):
            index[name] = ["transformers", type(getattr(sight, part)).__name__] if sight else [None, None]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")
