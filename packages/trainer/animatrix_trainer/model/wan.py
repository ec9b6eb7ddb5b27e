"""diffusers' Wan transformer with a tag channel: a subclass, so that Wan's weights and tools keep working.

Legend: B batch, L video tokens, N context tokens, S tag slots, D width of the transformer, T time steps of latents.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import (
    WanAttention,
    WanTimeTextImageEmbedding,
    WanTransformer3DModel,
)
from torch import nn

from animatrix_trainer.conditioning.tags import TagEncoder, vocabulary

TEXT_LENGTH = 512
"""Wan 2.1 I2V puts its image tokens before a text context of exactly this many tokens."""


class Context(NamedTuple):
    """What travels through Wan's `encoder_hidden_states` slot."""

    text: torch.Tensor
    tag_tokens: torch.Tensor
    tag_pooled: torch.Tensor


class TagConditionEmbedder(WanTimeTextImageEmbedding):
    """Adds the pooled tags to the time embedding all blocks share, and the tag tokens behind the text tokens."""

    def __init__(self, tag_dim: int, modulation: str, **wan: Any) -> None:
        super().__init__(**wan)
        dim = wan["dim"]
        self.tag_projection = nn.Linear(tag_dim, dim)
        self.type_text = nn.Parameter(torch.zeros(dim))
        self.type_tag = nn.Parameter(torch.zeros(dim))
        self.tag_time = nn.Linear(tag_dim, dim) if modulation == "shared" else None
        if self.tag_time is not None:
            nn.init.zeros_(self.tag_time.weight)
            nn.init.zeros_(self.tag_time.bias)

    def forward(self, timestep, encoder_hidden_states, encoder_hidden_states_image=None, timestep_seq_len=None):
        context = cast(Context, encoder_hidden_states)
        temb, time_proj, text_BND, image = super().forward(
            timestep, context.text, encoder_hidden_states_image, timestep_seq_len=timestep_seq_len
        )
        if self.tag_time is not None and self.time_proj is not None:
            shift = self.tag_time(context.tag_pooled)
            temb = temb + (shift if timestep_seq_len is None else shift.unsqueeze(1))  # (B, D) or (B, L, D)
            time_proj = self.time_proj(self.act_fn(temb))
        tags_BSD = self.tag_projection(context.tag_tokens) + self.type_tag
        return temb, time_proj, torch.cat([text_BND + self.type_text, tags_BSD], dim=1), image


class TagCrossAttention(nn.Module):
    """Cross-attention of one block over [image,] text and tags. A module with forward(), so that FSDP and ZeRO hooks
    see its parameters.

    Without own keys and values (`concat`) the tags join the text under one softmax. With them (`decoupled`) they are
    attended by the same queries on their own, scaled per head by tanh(gate), and share the output projection: at
    gate 0 the block is exactly Wan's.
    """

    def __init__(self, attention: WanAttention, tag_slots: int, decoupled: bool) -> None:
        super().__init__()
        self.tag_slots = tag_slots
        self.decoupled = decoupled
        if decoupled:
            dim, inner = attention.to_k.in_features, attention.to_k.out_features
            self.to_k = nn.Linear(dim, inner)
            self.to_v = nn.Linear(dim, inner)
            self.norm_k = nn.RMSNorm(inner, eps=attention.norm_k.eps)
            self.gate = nn.Parameter(torch.zeros(attention.heads))

    def forward(self, attn: Any, hidden_states, encoder_hidden_states, attention_mask=None, rotary_emb=None):
        n_context = encoder_hidden_states.shape[1] - self.tag_slots
        context_BND = encoder_hidden_states[:, :n_context]
        tags_BSD = encoder_hidden_states[:, n_context:]
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))
        seen: torch.Tensor | float = 0.0
        if attn.add_k_proj is not None:
            image_BND, context_BND = context_BND[:, :-TEXT_LENGTH], context_BND[:, -TEXT_LENGTH:]
            seen = _attend(query, attn.norm_added_k(attn.add_k_proj(image_BND)), attn.add_v_proj(image_BND))
        if not self.decoupled:
            context_BND = torch.cat([context_BND, tags_BSD], dim=1)
        out = _attend(query, attn.norm_k(attn.to_k(context_BND)), attn.to_v(context_BND)) + seen
        if self.decoupled:
            tags = _attend(query, self.norm_k(self.to_k(tags_BSD)), self.to_v(tags_BSD))
            gate = torch.tanh(self.gate).repeat_interleave(tags.shape[-1] // attn.heads)
            out = out + gate.to(tags.dtype) * tags
        return attn.to_out[1](attn.to_out[0](out))


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """query (B, L, heads, d) over key and value (B, N, heads x d) to (B, L, heads x d)."""
    heads = query.shape[2]
    out = dispatch_attention_fn(query, key.unflatten(2, (heads, -1)), value.unflatten(2, (heads, -1)))
    return out.flatten(2, 3).type_as(query)


class TagWanTransformer3DModel(WanTransformer3DModel):
    """Wan with tags. All arguments of the parent are spelt out because diffusers takes config keys from here.

    `taxonomy_hash`, `tag_rows` and `tag_values` are the vocabulary; a model refuses one that was never released.
    """

    @register_to_config
    def __init__(
        self,
        patch_size: tuple[int, ...] = (1, 2, 2),
        num_attention_heads: int = 40,
        attention_head_dim: int = 128,
        in_channels: int = 16,
        out_channels: int = 16,
        text_dim: int = 4096,
        freq_dim: int = 256,
        ffn_dim: int = 13824,
        num_layers: int = 40,
        cross_attn_norm: bool = True,
        qk_norm: str | None = "rms_norm_across_heads",
        eps: float = 1e-6,
        image_dim: int | None = None,
        added_kv_proj_dim: int | None = None,
        rope_max_seq_len: int = 1024,
        pos_embed_seq_len: int | None = None,
        tag_dim: int = 1024,
        tag_heads: int = 16,
        tag_layers: int = 3,
        tag_attention: str = "decoupled",
        tag_modulation: str = "shared",
        tag_rows: tuple[int, ...] = (),
        tag_values: int = 0,
        taxonomy_hash: str = "",
    ) -> None:
        super().__init__(
            patch_size=patch_size,
            num_attention_heads=num_attention_heads,
            attention_head_dim=attention_head_dim,
            in_channels=in_channels,
            out_channels=out_channels,
            text_dim=text_dim,
            freq_dim=freq_dim,
            ffn_dim=ffn_dim,
            num_layers=num_layers,
            cross_attn_norm=cross_attn_norm,
            qk_norm=qk_norm,
            eps=eps,
            image_dim=image_dim,
            added_kv_proj_dim=added_kv_proj_dim,
            rope_max_seq_len=rope_max_seq_len,
            pos_embed_seq_len=pos_embed_seq_len,
        )
        if tag_attention not in ("concat", "decoupled") or tag_modulation not in ("shared", "none"):
            raise ValueError(
                f"tag_attention={tag_attention!r}, tag_modulation={tag_modulation!r}: "
                "choose concat or decoupled, and shared or none"
            )
        vocabulary(taxonomy_hash, "TagWanTransformer3DModel")  # refuses a taxonomy that nobody released
        dim = num_attention_heads * attention_head_dim
        self.condition_embedder = TagConditionEmbedder(
            tag_dim,
            tag_modulation,
            dim=dim,
            time_freq_dim=freq_dim,
            time_proj_dim=6 * dim,
            text_embed_dim=text_dim,
            image_embed_dim=image_dim,
            pos_embed_seq_len=pos_embed_seq_len,
        )
        self.tag_encoder = TagEncoder(list(tag_rows), tag_values, tag_dim, tag_heads, tag_layers)
        self.register_buffer("tag_row_index", torch.tensor(tag_rows, dtype=torch.long), persistent=False)
        for block in self.blocks:
            attention: Any = block.attn2
            attention.set_processor(TagCrossAttention(attention, len(tag_rows), tag_attention == "decoupled"))

    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        tags: torch.Tensor,
        encoder_hidden_states_image: torch.Tensor | None = None,
        return_dict: bool = True,
        attention_kwargs: dict[str, Any] | None = None,
    ):
        """Wan's forward with `tags`, value indices (B, S) from `Vocabulary.encode`.

        `hidden_states` (B, C, T, H, W), `timestep` (B,) or per token (B, L), `encoder_hidden_states` (B, N, text_dim).
        """
        tokens, pooled = self.tag_encoder(tags, self.tag_row_index.expand_as(tags))
        context: Any = Context(encoder_hidden_states, tokens, pooled)
        return super().forward(
            hidden_states, cast(Any, timestep), context, encoder_hidden_states_image, return_dict, attention_kwargs
        )

    def open_tag_channel(self) -> None:
        """Let tags be heard from the first step, for a model that has no learnt function to preserve.

        A shut gate before an output layer that starts at zero is a saddle point: 600 steps did not leave it.
        """
        embedder = cast(TagConditionEmbedder, self.condition_embedder)
        if embedder.tag_time is not None:
            embedder.tag_time.reset_parameters()
        for block in self.blocks:
            processor = cast(Any, block).attn2.processor
            if processor.decoupled:
                torch.nn.init.ones_(processor.gate)

    @classmethod
    def from_wan(cls, wan: WanTransformer3DModel, **tag: Any) -> TagWanTransformer3DModel:
        """Graft the tag channel onto a plain Wan model: its weights unchanged, ours freshly initialised."""
        names = {name for name in wan.config if not name.startswith("_")}
        model = cls(**{name: wan.config[name] for name in names}, **vocabulary_config(), **tag)
        missing, unexpected = model.load_state_dict(wan.state_dict(), strict=False)
        strange = [name for name in missing if not is_tag_parameter(name)] + unexpected
        if strange:
            raise ValueError(f"from_wan: these parameters do not fit: {strange[:5]} ... of {len(strange)}")
        return model if wan.dtype == model.dtype else cast(Any, model).to(wan.dtype)


def vocabulary_config(taxonomy_hash: str | None = None) -> dict[str, Any]:
    """The vocabulary of today's taxonomy, or of a released one, as arguments of the model."""
    words = vocabulary(taxonomy_hash)
    return {"tag_rows": words.slot_rows(), "tag_values": words.n_values, "taxonomy_hash": words.source.hash}


def is_tag_parameter(name: str) -> bool:
    """Whether a parameter of the model is ours and not Wan's."""
    ours = ("tag_encoder.", ".tag_projection.", ".tag_time.", ".type_text", ".type_tag", ".attn2.processor.")
    return any(part in name for part in ours)
