"""The frozen text encoder: any T5 or UMT5 folder, or a byte-level T5 with fixed random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from animatrix_trainer.config import Text

BYTES = 384
"""ByT5's vocabulary: 256 bytes, 3 special tokens and its reserved ones."""


class TextEncoder(nn.Module):
    """Texts to embeddings (B, length, dim); what lies beyond a text is zero, as Wan's pipelines do.

    The null text is the encoded empty string, in training and in sampling.
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
    def build(cls, settings: Text) -> TextEncoder:
        """The encoder that a recipe asks for."""
        if settings.folder:
            return cls.load(Path(settings.folder), settings.length)
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
    def load(cls, folder: Path, length: int) -> TextEncoder:
        """A T5 or UMT5 encoder from a transformers folder; its tokenizer beside it or in `../tokenizer`."""
        from transformers import AutoConfig, AutoTokenizer, T5EncoderModel, UMT5EncoderModel

        kinds = {"t5": T5EncoderModel, "umt5": UMT5EncoderModel}
        kind = AutoConfig.from_pretrained(folder).model_type
        if kind not in kinds:
            raise ValueError(f"{folder}: model_type '{kind}' is no text encoder of Wan; give one of {sorted(kinds)}")
        beside = folder.parent / "tokenizer"
        tokenizer = AutoTokenizer.from_pretrained(beside if beside.is_dir() else folder)
        return cls(tokenizer, kinds[kind].from_pretrained(folder), length)

    def save(self, folder: Path) -> None:
        """Write the encoder to `folder` and its tokenizer to `../tokenizer`, as diffusers lays them out."""
        self.encoder.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder.parent / "tokenizer")

    @torch.no_grad()
    def forward(self, texts: list[str]) -> torch.Tensor:
        tokens = self.tokenizer(
            texts, padding="max_length", max_length=self.length, truncation=True, return_tensors="pt"
        ).to(self.encoder.device)
        # Of a mask of two dimensions transformers asks the device whether it hides anything: a host sync per step.
        dtype = self.encoder.dtype
        hides = (1 - tokens.attention_mask[:, None, None, :].to(dtype)) * torch.finfo(dtype).min
        hidden = self.encoder(tokens.input_ids, attention_mask=hides).last_hidden_state
        return hidden * tokens.attention_mask.unsqueeze(-1)


def _check_embeddings(encoder) -> None:
    """transformers has loaded UMT5 with embeddings that are untied and zero; every text would then look alike."""
    table = encoder.encoder.embed_tokens.weight
    if table is not encoder.shared.weight:
        raise ValueError("text encoder: embed_tokens is not tied to shared; use another version of transformers")
    if not table.abs().sum() > 0:
        raise ValueError("text encoder: embed_tokens is all zero; use another version of transformers")
