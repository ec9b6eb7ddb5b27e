"""What a cache was made with: codec, text encoder, picture encoder and data set, known by what they hold.

Two folders of one model are one model: weights count, and the settings that numbers depend on; names and places do not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from anicaption.taxonomy import taxonomy
from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep import video
from torch import nn

from animatrix_trainer.conditioning.text import TextEncoder
from animatrix_trainer.data.cache import Header, Numbers
from animatrix_trainer.data.read import Shards
from animatrix_trainer.model.codec import PixelCodec, WanCodec
from animatrix_trainer.model.sight import PictureEncoder

TEXT_SETTINGS = (
    "model_type",
    "d_model",
    "d_kv",
    "num_heads",
    "num_layers",
    "feed_forward_proj",
    "relative_attention_num_buckets",
    "relative_attention_max_distance",
    "layer_norm_epsilon",
)
HASHERS = 4


def header_of(
    shards: Shards,
    codec: PixelCodec | WanCodec,
    text: TextEncoder,
    sight: PictureEncoder | None,
    dtype: Numbers = "bf16",
) -> Header:
    """What a cache of this data set by these encoders is made with."""
    config = text.encoder.config
    said = {name: getattr(config, name, None) for name in TEXT_SETTINGS}
    return Header(
        data=video.load(shards.folder, shards.reading.video).hash,
        decoder=shards.decoder,
        codec=codec_words(codec),
        codec_digest=_of_codec(codec),
        time_stride=codec.time_stride,
        no_memory=isinstance(codec, PixelCodec),
        text=f"{config.model_type} of width {config.d_model}",
        text_digest=digest(text.encoder, said | {"tokens": sorted(text.tokenizer.get_vocab().items())}),
        text_length=text.length,
        image="" if sight is None else digest(sight.encoder, {"mean": sight.mean.tolist(), "std": sight.std.tolist()}),
        taxonomy=taxonomy().hash,
        dtype=dtype,
    )


def codec_words(codec: PixelCodec | WanCodec) -> str:
    """A codec in words: its kind, channels and strides."""
    kind = "PixelCodec" if isinstance(codec, PixelCodec) else "AutoencoderKLWan"
    return f"{kind}, {codec.channels} channels at {codec.time_stride} x {codec.space_stride}"


def digest(module: nn.Module, settings: Mapping[str, Any]) -> str:
    """A hash of a module's weights, whatever device they are on, and of its settings."""
    weights = sorted(module.state_dict().items())
    with ThreadPoolExecutor(HASHERS) as several:
        hashed = list(several.map(lambda pair: _of_tensor(pair[1]), weights))
    names = [name for name, _ in weights]
    return keep.digest(keep.canonical([dict(settings), list(zip(names, hashed, strict=True))]))


def _of_codec(codec: PixelCodec | WanCodec) -> str:
    if isinstance(codec, PixelCodec):
        numbers = [part.tolist() for part in (codec.axes, codec.mean, codec.spread)]
        return keep.digest(keep.canonical([numbers, codec.time_stride, codec.space_stride]))
    config = {name: value for name, value in dict(codec.vae.config).items() if not name.startswith("_")}
    return digest(codec.vae, config)


def _of_tensor(value: torch.Tensor) -> str:
    whole = value.detach().cpu().contiguous()
    state = hashlib.blake2b(f"{whole.dtype} {tuple(whole.shape)}".encode(), digest_size=16)
    state.update(whole.reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()
