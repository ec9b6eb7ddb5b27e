"""One call of the network, the same in training and in sampling: latents in, velocity out.

Legend as in flow.py; L video tokens, N context tokens, K numbers that say the tags.
"""

from __future__ import annotations

import torch

from animatrix_trainer import flow
from animatrix_trainer.config import Flow
from animatrix_trainer.model import given
from animatrix_trainer.model.given import Known
from animatrix_trainer.model.warp import clip_from_warp


def velocity(
    model: torch.nn.Module,
    x_s_BCTHW: torch.Tensor,
    s_B: torch.Tensor,
    known: Known,
    text_BND: torch.Tensor,
    tags_BK: torch.Tensor,
    settings: Flow,
    patch: tuple[int, int, int],
    floor: float = 1e-3,
) -> torch.Tensor:
    """The velocity that the network sees in x_s, whatever its output means; `floor` is for the loss.

    What is known takes its place in x_s here; in the latent frames `known.clean_BT` the velocity means nothing.
    """
    timestep = flow.TIMESTEPS * s_B
    if settings.given == "timestep":
        timestep = flow.TIMESTEPS * _per_token(flow.noise_per_frame(s_B, known.clean_BT), x_s_BCTHW, patch)
    said = {"encoder_hidden_states": text_BND, "tags": tags_BK}
    if known.image_BND is not None:
        said["encoder_hidden_states_image"] = known.image_BND
    out = model(hidden_states=given.inputs(x_s_BCTHW, known, settings), timestep=timestep, **said).sample
    if settings.predicts == "velocity":
        return out
    x_s_BCTHW = known.into(x_s_BCTHW)
    clip = clip_from_warp(out, x_s_BCTHW, known.given_BT) if settings.predicts == "warp" else out
    return flow.velocity_from_clip(x_s_BCTHW, clip, s_B, floor)


def _per_token(s_BT: torch.Tensor, x_BCTHW: torch.Tensor, patch: tuple[int, int, int]) -> torch.Tensor:
    """Noise share of each video token (B, L): Wan TI2V's way to say which frames are clean."""
    tokens = (x_BCTHW.shape[3] // patch[1]) * (x_BCTHW.shape[4] // patch[2])
    return s_BT[:, :: patch[0]].repeat_interleave(tokens, dim=1)
