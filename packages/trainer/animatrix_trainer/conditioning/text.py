"""The frozen text encoder: any T5 or UMT5 folder, or a byte-level T5 with fixed random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from animatrix_trainer.config import Text
from animatrix_trainer.onto import onto

BYTES = 384
"""ByT5's vocabulary: 256 bytes, 3 special tokens and its reserved ones."""


class TextEncoder(nn.Module):
    """Texts to embeddings (B, length, dim) in fp32; what lies beyond a text is zero, as Wan's pipelines do.

    The null text is the encoded empty string, in training and in sampling. Whoever wants to train the encoder lets its
    weights have gradients again.
    """

    def __init__(self, tokenizer, encoder, length: int) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.encoder = encoder.eval().requires_grad_(False)
        self.length = length
        _check_embeddings(encoder)

    @property
    def dim(self) -> int:
        return self.encoder.config.d_model

    @classmethod
    def build(cls, settings: Text, bare: bool = False) -> TextEncoder:
        """The encoder that a recipe asks for; `bare` as in `load`."""
        if settings.folder:
            return cls.load(Path(settings.folder), settings, bare)
        from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

        config = T5Config(
            vocab_size=BYTES,
            d_model=settings.dim,
            d_kv=settings.dim // 4,
            num_heads=4,
            d_ff=2 * settings.dim,
            num_layers=settings.layers,
            feed_forward_proj="gated-gelu",
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            encoder = T5EncoderModel(config)
        return cls(ByT5Tokenizer(), encoder, settings.length)

    @classmethod
    def load(cls, folder: Path, settings: Text, bare: bool = False) -> TextEncoder:
        """A T5 or UMT5 encoder from a transformers folder; its tokenizer beside it or in `../tokenizer`. A `bare` one
        has sizes and no numbers, for a process that encodes nothing."""
        from transformers import AutoConfig, AutoTokenizer, T5EncoderModel, UMT5EncoderModel

        kinds = {"t5": T5EncoderModel, "umt5": UMT5EncoderModel}
        config = AutoConfig.from_pretrained(folder)
        if config.model_type not in kinds:
            raise ValueError(
                f"{folder}: model_type '{config.model_type}' is no text encoder of Wan; give one of {sorted(kinds)}"
            )
        kind, beside = kinds[config.model_type], folder.parent / "tokenizer"
        tokenizer = AutoTokenizer.from_pretrained(beside if beside.is_dir() else folder)
        if bare:
            with torch.device("meta"):
                return cls(tokenizer, kind(config), settings.length)
        dtype = torch.bfloat16 if settings.half else "auto"
        return cls(tokenizer, kind.from_pretrained(folder, dtype=dtype), settings.length)

    def save(self, folder: Path) -> None:
        """Write the encoder to `folder` and its tokenizer to `../tokenizer`, as diffusers lays them out."""
        self.encoder.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder.parent / "tokenizer")

    def forward(self, texts: list[str]) -> torch.Tensor:
        tokens = self.tokenizer(
            texts, padding="max_length", max_length=self.length, truncation=True, return_tensors="pt"
        )
        ids, mask = (onto(self.encoder.device, part) for part in (tokens.input_ids, tokens.attention_mask))
        # Of a mask of two dimensions transformers asks the device whether it hides anything: a host sync per step.
        dtype = self.encoder.dtype
        hides = (1 - mask[:, None, None, :].to(dtype)) * torch.finfo(dtype).min
        hidden = self.encoder(ids, attention_mask=hides).last_hidden_state
        return (hidden * mask.unsqueeze(-1)).float()


def _check_embeddings(encoder) -> None:
    """transformers has loaded UMT5 with embeddings that are untied and zero; every text would then look alike."""
    table = encoder.encoder.embed_tokens.weight
    if table is not encoder.shared.weight:
        raise ValueError("text encoder: embed_tokens is not tied to shared; use another version of transformers")
    if not table.is_meta and not table.abs().sum() > 0:
        raise ValueError("text encoder: embed_tokens is all zero; use another version of transformers")
