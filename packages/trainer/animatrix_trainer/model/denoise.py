"""One call of the network, the same in training and in sampling: latents in, velocity out.

Legend as in flow.py; L video tokens.
"""

from __future__ import annotations

import torch

from animatrix_trainer import flow
from animatrix_trainer.config import Flow
from animatrix_trainer.model.warp import clip_from_warp

PLANES = 3
"""Input planes of `given=plane`: is this frame given, row, column."""


def velocity(
    model: torch.nn.Module,
    x_s_BCTHW: torch.Tensor,
    s_B: torch.Tensor,
    given_BT: torch.Tensor,
    text_BND: torch.Tensor,
    tags_BS: torch.Tensor,
    settings: Flow,
    patch: tuple[int, int, int],
    floor: float = 1e-3,
) -> torch.Tensor:
    """The velocity that the network sees in x_s, whatever its output means; `floor` is for the loss."""
    if settings.given == "timestep":
        inputs = x_s_BCTHW
        timestep = flow.TIMESTEPS * _per_token(flow.noise_per_frame(s_B, given_BT), x_s_BCTHW, patch)
    else:
        inputs = torch.cat([x_s_BCTHW, planes(x_s_BCTHW, given_BT)], dim=1)
        timestep = flow.TIMESTEPS * s_B
    out = model(hidden_states=inputs, timestep=timestep, encoder_hidden_states=text_BND, tags=tags_BS).sample
    if settings.predicts == "velocity":
        return out
    clip = clip_from_warp(out, x_s_BCTHW, given_BT) if settings.predicts == "warp" else out
    return flow.velocity_from_clip(x_s_BCTHW, clip, s_B, floor)


def planes(x_BCTHW: torch.Tensor, given_BT: torch.Tensor) -> torch.Tensor:
    """(B, 3, T, H, W): given 0 or 1, row and column from -1 to 1 (rotary positions are relative, and a zoom is not)."""
    batch, _, time, height, width = x_BCTHW.shape
    row = torch.linspace(-1, 1, height, device=x_BCTHW.device)[:, None].expand(batch, time, height, width)
    column = torch.linspace(-1, 1, width, device=x_BCTHW.device).expand(batch, time, height, width)
    given = given_BT[:, :, None, None].expand(batch, time, height, width).to(x_BCTHW.dtype)
    return torch.stack([given, row.to(given), column.to(given)], dim=1)


def _per_token(s_BT: torch.Tensor, x_BCTHW: torch.Tensor, patch: tuple[int, int, int]) -> torch.Tensor:
    """Noise share of each video token (B, L): Wan TI2V's way to say which frames are clean."""
    tokens = (x_BCTHW.shape[3] // patch[1]) * (x_BCTHW.shape[4] // patch[2])
    return s_BT[:, :: patch[0]].repeat_interleave(tokens, dim=1)
