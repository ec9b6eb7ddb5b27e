"""Path 2 of the tags, per block: what a block hears besides its tokens moves the scale and shift of its sub-layers.

Legend: B batch, T latent frames, L video tokens, N context tokens, S tag tokens, E width of the tag encoder, D width of
the transformer, W width of a block's condition.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from diffusers.models.transformers.transformer_wan import WanTransformerBlock
from torch import nn


class Heard(NamedTuple):
    """What each block hears; it travels in the place of Wan's context tokens.

    `time` is the time embedding, of the sample (B, D) or of each latent frame (B, T, D). `cross` is what a block tells
    its own cross-attention: shift and scale of the tokens that ask.
    """

    text_BND: torch.Tensor
    image_BND: torch.Tensor | None = None
    tags_BSD: torch.Tensor | None = None
    pooled_BE: torch.Tensor | None = None
    time: torch.Tensor | None = None
    cross: tuple[torch.Tensor, torch.Tensor] | None = None


class BlockModulation(nn.Module):
    """AniMatrix's path 2 in one block: c = SiLU(W_t t + W_g h_CLS), then gamma = 1 + W_gamma c and beta = W_beta c for
    each of the three sub-layers, h' = gamma LN(h) + beta.

    Wan has scale and shift of its own for two of them: they add up, LN(h) (1 + scale + W_gamma c) + shift + W_beta c.
    W_gamma and W_beta (`out`) start at 0, and with them the block is exactly Wan's. At `width` D this is the paper's
    full rank; a smaller width makes it of that rank.
    """

    def __init__(self, dim: int, tag_dim: int, width: int) -> None:
        super().__init__()
        self.time = nn.Linear(dim, width, bias=False)
        self.tags = nn.Linear(tag_dim, width)
        self.out = nn.Linear(width, 6 * dim, bias=False)
        nn.init.zeros_(self.out.weight)
        self.scale = 1.0

    def forward(self, pooled_BE: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """Shift and scale of self-attention, cross-attention and feed-forward: (B, 6, D), or (B, T, 6, D)."""
        said = self.tags(pooled_BE)
        c = nn.functional.silu(self.time(time) + (said if time.ndim == 2 else said.unsqueeze(1)))
        change = self.out(c).float().unflatten(-1, (6, -1))
        return change if self.scale == 1.0 else change * self.scale


class TagWanTransformerBlock(WanTransformerBlock):
    """Wan's block with a modulation by tags before it, where it has one. Wan's forward does the rest."""

    tag_modulation: BlockModulation | None

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: Any, temb: torch.Tensor, rotary_emb: Any
    ) -> torch.Tensor:
        heard = cast(Heard, encoder_hidden_states)
        if self.tag_modulation is not None and heard.pooled_BE is not None and heard.time is not None:
            change = self.tag_modulation(heard.pooled_BE, heard.time)
            if change.ndim == 4:
                change = change.repeat_interleave(hidden_states.shape[1] // change.shape[1], dim=1)
            own, cross_shift, cross_scale, ffn = change.split([2, 1, 1, 2], dim=-2)
            gate = torch.zeros_like(cross_shift)
            temb = temb.float() + torch.cat([own, gate, ffn, gate], dim=-2)
            shift_scale = [part.squeeze(-2) if change.ndim == 4 else part for part in (cross_shift, cross_scale)]
            heard = heard._replace(cross=(shift_scale[0], shift_scale[1]))
        return super().forward(hidden_states, cast(Any, heard), temb, rotary_emb)


def modulated(hidden_BLD: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """hidden (1 + scale) + shift, in fp32; both (B, 1, D) or (B, L, D)."""
    return (hidden_BLD.float() * (1 + scale) + shift).type_as(hidden_BLD)
