"""A clip said as its first frame, moved, with new paint where nothing of it can be seen.

Large motions are what a tiny model is asked for, and copying a pixel from where it was is the hard part for it. With
`predicts=warp` the network says per pixel and frame where to look in the first frame and how much to paint over; what
comes out is a clip like any other, and its velocity is trained and sampled as ever. Needs latents that are pixels.

Legend: B batch, p frames in a latent frame, T latent frames, H rows, W columns; C = 3 p channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

REACH = 0.25
"""A network output of 1 looks this far away after 4 frames, in frame widths or heights."""
KEPT_AT_FIRST = 3.0
"""Logit of the share that is kept from the first frame where the network says 0."""
GRAIN_PX = 4
"""Motion is said once per block of this many pixels and runs smoothly between block centres."""
REST, SLOPE = 0.05, 0.1
"""Motion below REST counts for SLOPE of itself: a fixed frame is common, and a network's small errors read as drift."""


def channels(clip_channels: int) -> int:
    """Output channels of the network: paint, two coordinates and one cover per pixel and frame."""
    return 2 * clip_channels


def clip_from_warp(out_BKTHW: torch.Tensor, x_s_BCTHW: torch.Tensor, given_BT: torch.Tensor) -> torch.Tensor:
    """The clip latents (B, C, T, H, W) that the network's output (B, 2 C, T, H, W) stands for.

    The first latent frame is the source where it is given; samples without it are paint alone.
    """
    paint, motion = out_BKTHW.float().chunk(2, dim=1)
    batch, clip_channels, time, height, width = paint.shape
    p = clip_channels // 3
    move, cover = motion.unflatten(1, (3, p)).split([2, 1], dim=1)
    move_n2HW = rested(smooth(move.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)))
    elapsed = (torch.arange(time) - 1) * p + torch.arange(1, p + 1)[:, None]  # frames since the first, (p, T)
    away = 2 * REACH / 4 * elapsed.clamp(min=0).flatten().repeat(batch).to(move_n2HW)
    places = _grid(height, width, move.device) + away.view(-1, 1, 1, 1) * move_n2HW.permute(0, 2, 3, 1)
    source_B3HW = x_s_BCTHW[:, ::p, 0].float()
    source = source_B3HW[:, None, None].expand(-1, p, time, -1, -1, -1).flatten(0, 2)
    seen = F.grid_sample(source, places, "bilinear", "border", align_corners=False)
    seen_B3pTHW = seen.unflatten(0, (batch, p, time)).permute(0, 3, 1, 2, 4, 5)
    keep = torch.sigmoid(KEPT_AT_FIRST + cover) * given_BT[:, 0].view(-1, 1, 1, 1, 1, 1)
    return (keep * seen_B3pTHW + (1 - keep) * paint.unflatten(1, (3, p))).flatten(1, 2)


def smooth(move_n2HW: torch.Tensor) -> torch.Tensor:
    """Block means, joined bilinearly: a camera's motion has no grain, and noise in it reads as one."""
    size = move_n2HW.shape[-2:]
    blocks = F.avg_pool2d(move_n2HW, GRAIN_PX, ceil_mode=True)
    return F.interpolate(blocks, size=size, mode="bilinear", align_corners=False)


def rested(move: torch.Tensor) -> torch.Tensor:
    """`move` shrunk towards standing still, steadily and with a slope everywhere."""
    return F.softshrink(move, REST) + SLOPE * move.clamp(-REST, REST)


def _grid(height: int, width: int, device: torch.device) -> torch.Tensor:
    """Pixel centres (H, W, 2) as (x, y) in -1..1, as grid_sample counts them."""
    y = (torch.arange(height, device=device) + 0.5) / height * 2 - 1
    x = (torch.arange(width, device=device) + 0.5) / width * 2 - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
