"""Flow matching as pure functions.

Legend: x clean latents, e noise, s noise share in 0..1 (timestep / 1000), v velocity e - x; B batch, C channels,
T latent frames, H rows, W columns.
"""

from __future__ import annotations

import torch

TIMESTEPS = 1000


def logit_normal(
    normal_B: torch.Tensor, mean: float, std: float, shift: float, window: tuple[float, float] = (0.0, 1.0)
) -> torch.Tensor:
    """Noise shares from standard normal draws: their sigmoid (Esser et al. 2024), then `shifted`.

    In a `window` each draw keeps its rank: what is drawn is the distribution cut to the window, by its inverse.
    """
    if window != (0.0, 1.0):
        low, high = (_normal_of(torch.tensor(end, dtype=torch.float64), mean, std, shift) for end in window)
        share = torch.special.ndtr(normal_B.double())
        within = torch.special.ndtr(low) + share * (torch.special.ndtr(high) - torch.special.ndtr(low))
        normal_B = torch.special.ndtri(within).to(normal_B)
    return shifted(torch.sigmoid(mean + std * normal_B), shift).clamp(*window)


def _normal_of(s: torch.Tensor, mean: float, std: float, shift: float) -> torch.Tensor:
    """The normal draw that becomes the noise share s."""
    return (torch.logit(s / (shift - (shift - 1) * s)) - mean) / std


def shifted(s: torch.Tensor, shift: float) -> torch.Tensor:
    """k s / (1 + (k - 1) s): more steps where there is much noise, for large pictures."""
    return shift * s / (1 + (shift - 1) * s)


def add_noise(x_BCTHW: torch.Tensor, e_BCTHW: torch.Tensor, s_B: torch.Tensor, given_BT: torch.Tensor) -> torch.Tensor:
    """x_s = (1 - s) x + s e, except latent frames that are given, which stay clean."""
    s = noise_per_frame(s_B, given_BT)[:, None, :, None, None]
    return (1 - s) * x_BCTHW + s * e_BCTHW


def noise_per_frame(s_B: torch.Tensor, given_BT: torch.Tensor) -> torch.Tensor:
    """The noise share of each latent frame (B, T): 0 where the frame is given."""
    return s_B[:, None] * ~given_BT


def velocity_from_clip(
    x_s_BCTHW: torch.Tensor, clip_BCTHW: torch.Tensor, s_B: torch.Tensor, floor: float
) -> torch.Tensor:
    """v = (x_s - x) / s, with s not below `floor` so that small errors near the clean end stay bounded."""
    return (x_s_BCTHW - clip_BCTHW) / s_B.clamp(min=floor)[:, None, None, None, None]


def errors(v_BCTHW: torch.Tensor, target_BCTHW: torch.Tensor, given_BT: torch.Tensor) -> torch.Tensor:
    """Mean squared error of each sample (B,) in fp32, over the latent frames that are not given."""
    return over_frames(frame_errors(v_BCTHW, target_BCTHW), (~given_BT).float())


def frame_errors(v_BCTHW: torch.Tensor, target_BCTHW: torch.Tensor) -> torch.Tensor:
    """Mean squared error of each latent frame (B, T), in fp32."""
    return (v_BCTHW.float() - target_BCTHW.float()).square().mean(dim=(1, 3, 4))


def over_frames(value_BT: torch.Tensor, weight_BT: torch.Tensor) -> torch.Tensor:
    """The weighted mean over the latent frames (B,); 0 where no frame counts."""
    return (value_BT * weight_BT).sum(1) / weight_BT.sum(1).clamp(min=1e-6)


def schedule(steps: int, shift: float) -> torch.Tensor:
    """Noise shares (steps + 1,) from 1 to 0 for an Euler sampler."""
    return shifted(torch.linspace(1, 0, steps + 1), shift)
