"""diffusers' Wan transformer with a tag channel: a subclass, so that Wan's weights and tools keep working.

Legend: B batch, L video tokens, N context tokens, S tag tokens, E width of the tag encoder, D width of the transformer,
T latent frames.
"""

from __future__ import annotations

import copy
import inspect
import math
from typing import Any, ClassVar, NamedTuple, cast

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
from animatrix_trainer.model.modulation import BlockModulation, Heard, TagWanTransformerBlock, modulated

ATTENTION = ("concat", "decoupled", "none")
MODULATION = ("shared", "lowrank", "full", "none")


class Context(NamedTuple):
    """What travels through the model's `encoder_hidden_states` slot to the embedder."""

    text: torch.Tensor
    n_latent_frames: int
    tag_tokens: torch.Tensor | None = None
    tag_pooled: torch.Tensor | None = None


class TagConditionEmbedder(WanTimeTextImageEmbedding):
    """Adds the pooled tags to the time embedding all blocks share (path 2, `shared`), and makes what blocks hear."""

    def __init__(self, tag_dim: int, attention: str, modulation: str, **wan: Any) -> None:
        super().__init__(**wan)
        dim = wan["dim"]
        self.per_block = modulation in ("lowrank", "full")
        self.tag_projection = self.tag_time = None
        self.scale = 1.0
        if attention != "none":
            self.tag_projection = nn.Linear(tag_dim, dim)
            self.type_text = nn.Parameter(torch.zeros(dim))
            self.type_tag = nn.Parameter(torch.zeros(dim))
        if modulation == "shared":
            self.tag_time = nn.Linear(tag_dim, dim)
            nn.init.zeros_(self.tag_time.weight)
            nn.init.zeros_(self.tag_time.bias)

    def forward(self, timestep, encoder_hidden_states, encoder_hidden_states_image=None, timestep_seq_len=None):
        context = cast(Context, encoder_hidden_states)
        temb, time_proj, text_BND, image_BND = super().forward(
            timestep, context.text, encoder_hidden_states_image, timestep_seq_len=timestep_seq_len
        )
        pooled_BE, tags_BSD, time = context.tag_pooled, None, None
        if self.tag_time is not None and self.time_proj is not None:
            shift = self.tag_time(pooled_BE)
            shift = shift if self.scale == 1.0 else shift * self.scale
            temb = temb + (shift if timestep_seq_len is None else shift.unsqueeze(1))  # (B, D) or (B, L, D)
            time_proj = self.time_proj(self.act_fn(temb))
        if self.tag_projection is not None:
            text_BND = text_BND + self.type_text
            tags_BSD = self.tag_projection(context.tag_tokens) + self.type_tag
        if self.per_block:
            time = temb if timestep_seq_len is None else temb[:, :: timestep_seq_len // context.n_latent_frames]
        heard = Heard(text_BND, image_BND, tags_BSD, pooled_BE if self.per_block else None, time)
        return temb, time_proj, heard, None  # no image: Wan's forward would put it before the text itself


class TagCrossAttention(nn.Module):
    """Cross-attention of one block over image, text and tags. A module with forward(), so that FSDP and ZeRO hooks
    see its parameters.

    `concat`: the tags join the text under one softmax. `decoupled`: they have keys and values of their own, are
    attended by the same queries, scaled per head by tanh(gate), and share the output projection: at gate 0 the block
    is exactly Wan's. `none`: tags are not attended to. `scale` weighs the tags against what they would have: under
    one softmax it multiplies their shares before these are normalised.
    """

    _attention_backend = None
    _parallel_config = None

    def __init__(self, attention: WanAttention, kind: str) -> None:
        super().__init__()
        self.kind, self.scale = kind, 1.0
        if kind == "decoupled":
            dim, inner = attention.to_k.in_features, attention.to_k.out_features
            self.to_k = nn.Linear(dim, inner)
            self.to_v = nn.Linear(dim, inner)
            self.norm_k = nn.RMSNorm(inner, eps=attention.norm_k.eps)
            self.gate = nn.Parameter(torch.zeros(attention.heads))

    def forward(self, attn: Any, hidden_states, encoder_hidden_states, attention_mask=None, rotary_emb=None):
        heard = cast(Heard, encoder_hidden_states)
        if heard.cross is not None:
            hidden_states = modulated(hidden_states, *heard.cross)
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))
        context_BND, bias = heard.text_BND, None
        if self.kind == "concat" and heard.tags_BSD is not None and self.scale > 0:
            context_BND = torch.cat([context_BND, heard.tags_BSD], dim=1)
            if self.scale != 1.0:
                bias = query.new_zeros(1, 1, 1, context_BND.shape[1])
                bias[..., heard.text_BND.shape[1] :] = math.log(self.scale)
        out = self._attend(query, attn.norm_k(attn.to_k(context_BND)), attn.to_v(context_BND), bias)
        if heard.image_BND is not None:
            image = heard.image_BND
            out = out + self._attend(query, attn.norm_added_k(attn.add_k_proj(image)), attn.add_v_proj(image))
        if self.kind == "decoupled" and heard.tags_BSD is not None:
            tags = self._attend(query, self.norm_k(self.to_k(heard.tags_BSD)), self.to_v(heard.tags_BSD))
            gate = self.scale * torch.tanh(self.gate).repeat_interleave(tags.shape[-1] // attn.heads)
            out = out + gate.to(tags.dtype) * tags
        return attn.to_out[1](attn.to_out[0](out))

    def _attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        """query (B, L, heads, d) over key and value (B, N, heads x d) to (B, L, heads x d)."""
        heads = query.shape[2]
        key, value = key.unflatten(2, (heads, -1)), value.unflatten(2, (heads, -1))
        out = dispatch_attention_fn(query, key, value, attn_mask=bias, backend=self._attention_backend)
        return out.flatten(2, 3).type_as(query)


class TagWanTransformer3DModel(WanTransformer3DModel):
    """Wan with tags. All arguments of the parent are spelt out because diffusers takes config keys from here.

    `taxonomy_hash`, `tag_rows` and `tag_values` are the vocabulary; a model refuses one that was never released.
    """

    _no_split_modules: ClassVar = ["TagWanTransformerBlock"]
    _repeated_blocks: ClassVar = ["TagWanTransformerBlock"]

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
        tag_rank: int = 64,
        tag_rows: tuple[int, ...] = (),
        tag_values: int = 0,
        tag_spans: int = 0,
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
        self._hear_tags()

    def _hear_tags(self) -> None:
        """Add the tag channel that the configuration speaks of to a Wan that has none."""
        config: Any = self.config
        attention, modulation, tag_dim = config.tag_attention, config.tag_modulation, config.tag_dim
        if attention not in ATTENTION or modulation not in MODULATION:
            raise ValueError(
                f"tag_attention={attention!r}, tag_modulation={modulation!r}: "
                f"choose one of {', '.join(ATTENTION)}, and one of {', '.join(MODULATION)}"
            )
        words = vocabulary(config.taxonomy_hash, "TagWanTransformer3DModel")  # refuses what nobody released
        dim = config.num_attention_heads * config.attention_head_dim
        self.condition_embedder = TagConditionEmbedder(
            tag_dim,
            attention,
            modulation,
            dim=dim,
            time_freq_dim=config.freq_dim,
            time_proj_dim=6 * dim,
            text_embed_dim=config.text_dim,
            image_embed_dim=config.image_dim,
            pos_embed_seq_len=config.pos_embed_seq_len,
        )
        self.tag_encoder = None
        if (attention, modulation) != ("none", "none"):
            rows = words.value_rows() if config.tag_spans else None
            self.tag_encoder = TagEncoder(
                list(config.tag_rows), config.tag_values, tag_dim, config.tag_heads, config.tag_layers, rows
            )
        self.register_buffer("tag_row_index", torch.tensor(config.tag_rows, dtype=torch.long), persistent=False)
        width = {"lowrank": config.tag_rank, "full": dim}.get(modulation)
        for block in self.blocks:
            crossing: Any = block.attn2
            crossing.set_processor(TagCrossAttention(crossing, attention))
            block.__class__ = TagWanTransformerBlock
            cast(Any, block).tag_modulation = BlockModulation(dim, tag_dim, width) if width else None

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
        """Wan's forward with `tags`, whole numbers (B, S + 3 spans) from `Vocabulary.encode`.

        `hidden_states` (B, C, T, H, W), `encoder_hidden_states` (B, N, text_dim), `timestep` (B,), or (B, L) per token:
        the tokens of one latent frame share it.
        """
        n_latent_frames = hidden_states.shape[2] // self.config["patch_size"][0]
        context: Any = Context(encoder_hidden_states, n_latent_frames)
        if self.tag_encoder is not None:
            slots, n_spans = len(self.tag_row_index), self.config["tag_spans"]
            if tags.shape[1] != slots + 3 * n_spans:
                raise ValueError(
                    f"tags: {tags.shape[1]} numbers a sample, this model takes {slots} slots and {n_spans} spans of 3; "
                    "encode them with the checkpoint's own vocabulary (System.words)"
                )
            spans = tags[:, slots:].unflatten(1, (n_spans, 3)) if n_spans else None
            rows = self.tag_row_index.expand(len(tags), -1)
            tokens, pooled = self.tag_encoder(tags[:, :slots], rows, spans)
            context = Context(encoder_hidden_states, n_latent_frames, tokens, pooled)
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
            processor, modulation = cast(Any, block).attn2.processor, cast(Any, block).tag_modulation
            if processor.kind == "decoupled":
                torch.nn.init.ones_(processor.gate)
            if modulation is not None:
                modulation.out.reset_parameters()

    def tag_scales(self, attention: float = 1.0, modulation: float = 1.0) -> None:
        """How loudly each path speaks from now on: 1 as trained, 0 not at all."""
        if attention < 0 and self.config["tag_attention"] == "concat":
            raise ValueError(f"tag_scales: attention={attention}: under one softmax (concat) a share is not below 0")
        cast(TagConditionEmbedder, self.condition_embedder).scale = modulation
        for block in self.blocks:
            cast(Any, block).attn2.processor.scale = attention
            if (own := cast(Any, block).tag_modulation) is not None:
                own.scale = modulation

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> Any:
        """As diffusers', with a tag encoder of one type: of a model in half precision it would leave in fp32 what
        happens to be called norm1 or norm2 there, as it does with Wan's own."""
        model = super().from_pretrained(*args, **options)
        if model.tag_encoder is not None:
            model.tag_encoder.to(model.tag_encoder.field.weight.dtype)
        return model

    @classmethod
    def from_wan(cls, wan: WanTransformer3DModel, **tag: Any) -> TagWanTransformer3DModel:
        """Graft the tag channel onto a plain Wan model: its very weights, not copies of them, and ours freshly
        initialised in the same kind of numbers."""
        own = {name: item.default for name, item in inspect.signature(cls.__init__).parameters.items()}
        shared: list[Any] = [*wan.parameters(), wan.config]
        model: Any = copy.deepcopy(wan, {id(one): one for one in shared})
        model.__class__ = cls
        model.register_to_config(
            **{name: default for name, default in own.items() if name.startswith("tag_")} | vocabulary_config() | tag
        )
        embedder = model.condition_embedder.state_dict(keep_vars=True)
        model._hear_tags()
        model.condition_embedder.load_state_dict(embedder, strict=False, assign=True)
        for name, weight in model.named_parameters():
            if is_tag_parameter(name):
                weight.data = weight.data.to(wan.device, wan.dtype)
        return model


def vocabulary_config(taxonomy_hash: str | None = None) -> dict[str, Any]:
    """The vocabulary of today's taxonomy, or of a released one, as arguments of the model."""
    words = vocabulary(taxonomy_hash)
    return {"tag_rows": words.slot_rows(), "tag_values": words.n_values, "taxonomy_hash": words.source.hash}


def is_tag_parameter(name: str) -> bool:
    """Whether a parameter of the model is ours and not Wan's."""
    ours = ("tag_encoder.", ".tag_projection.", ".tag_time.", ".type_t", ".attn2.processor.", ".tag_modulation.")
    return any(part in name for part in ours)
