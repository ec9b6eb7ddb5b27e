"""What of a clip is given, and how the network is told: one mask over frames, three ways to say it.

Legend as in flow.py; F picture frames (p (T - 1) + 1), p picture frames in a latent frame (the first has one).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from animatrix_trainer.config import Flow
from animatrix_trainer.model.codec import PixelCodec, VideoCodec
from animatrix_trainer.onto import onto

PLANES = 3
"""Input planes of `given=plane`: is this frame given, row, column."""


class Known(NamedTuple):
    """The latent frames that are given and their clean latents.

    `frames_BpT` says which picture frames of each latent frame are given, for Wan I2V's mask channels; where it is not
    None (`given=channels`), latents are those of the clip with mid-grey for all that is not given, and x_s stays noise
    everywhere. `image_BND` are the given pictures as CLIP sees them, for Wan 2.1 I2V.
    """

    given_BT: torch.Tensor
    latents_BCTHW: torch.Tensor
    frames_BpT: torch.Tensor | None = None
    image_BND: torch.Tensor | None = None

    @property
    def clean_BT(self) -> torch.Tensor:
        """The latent frames that stand clean in x_s: no noise is added to them and no velocity is asked of them."""
        return self.given_BT if self.frames_BpT is None else torch.zeros_like(self.given_BT)

    def into(self, x_s_BCTHW: torch.Tensor) -> torch.Tensor:
        """x_s with the clean frames in their places."""
        return torch.where(self.clean_BT[:, None, :, None, None], self.latents_BCTHW.to(x_s_BCTHW), x_s_BCTHW)

    def rows(self, index_M: torch.Tensor) -> Known:
        """These samples, which may come several times, as the branches of a guided step need them."""
        frames_BpT, image_BND = (None if part is None else part[index_M] for part in self[2:])
        return Known(self.given_BT[index_M], self.latents_BCTHW[index_M], frames_BpT, image_BND)


def known_of(codec: VideoCodec, video_B3FHW: torch.Tensor, told_BF: np.ndarray, how: str) -> Known:
    """What the network is told where the picture frames `told_BF` of the clips are given.

    Only what is told is encoded: the rest is mid-grey, as in Wan I2V's pipeline. The latents of a causal codec would
    else carry frames that nobody has when sampling. `timestep` and `plane` know whole latent frames only.
    """
    told = torch.from_numpy(np.ascontiguousarray(told_BF))
    frames_BpT = by_latent_frame(told, codec.time_stride)
    given_BT = frames_BpT.any(1)
    if how != "channels" and not torch.equal(given_BT, frames_BpT.all(1)):
        raise ValueError(
            f"flow.given={how} gives whole latent frames of {codec.time_stride} pictures, and a part of one is given: "
            "hold the drawing over its latent frame (given.held), or use a model with given=channels"
        )
    device = video_B3FHW.device
    seen = torch.where(onto(device, told)[:, None, :, None, None], video_B3FHW, 0.0)
    frames_BpT = onto(device, frames_BpT) if how == "channels" else None
    return Known(onto(device, given_BT), codec.encode(seen), frames_BpT)


def known_of_clip(
    codec: VideoCodec, video_B3FHW: torch.Tensor, x_BCTHW: torch.Tensor, told_BF: np.ndarray, how: str
) -> Known:
    """`known_of` for clips whose latents are at hand: these serve where they hold nothing of frames that are not given,
    which is so in a codec without memory, and where only the first frames are given."""
    if not own_latents_serve(told_BF, codec.time_stride, how, isinstance(codec, PixelCodec)):
        return known_of(codec, video_B3FHW, told_BF, how)
    given_BT = by_latent_frame(torch.from_numpy(told_BF), codec.time_stride).all(1)
    return Known(onto(x_BCTHW.device, given_BT), x_BCTHW)


def own_latents_serve(told_BF: np.ndarray, time_stride: int, how: str, no_memory: bool) -> bool:
    """Whether the clips' own latents serve as what is known; `no_memory`: each latent frame is made of its own picture
    frames alone. Known to the host."""
    if how == "channels" or no_memory:
        return how != "channels"
    given_BT = by_latent_frame(torch.from_numpy(told_BF), time_stride).all(1).numpy()
    return np.array_equal(np.minimum.accumulate(given_BT, axis=1), given_BT)


def by_latent_frame(told_BF: torch.Tensor, time_stride: int) -> torch.Tensor:
    """(B, F) to (B, p, T); the first picture frame stands for all p of the first latent frame."""
    first = told_BF[:, :1].expand(-1, time_stride)
    return torch.cat([first, told_BF[:, 1:]], dim=1).unflatten(1, (-1, time_stride)).transpose(1, 2)


def held(
    pictures: Mapping[int, torch.Tensor], n_frames: int, time_stride: int, how: str
) -> tuple[torch.Tensor, np.ndarray]:
    """Drawings (3, H, W) by frame as (video (3, F, H, W), told (F,)): for all but `channels` each is held over its
    latent frame."""
    strange = [frame for frame in pictures if not 0 <= frame < n_frames]
    if strange or not pictures:
        raise ValueError(f"pictures are given for frames {sorted(pictures)}: give some within 0..{n_frames - 1}")
    like = next(iter(pictures.values()))
    video, told = like.new_zeros(3, n_frames, *like.shape[1:]), np.zeros(n_frames, bool)
    for frame, picture in sorted(pictures.items()):
        video[:, frame], told[frame] = picture, True
    if how == "channels":
        return video, told
    for start in range(1, n_frames, time_stride):
        drawn = [frame for frame in range(start, start + time_stride) if told[frame]]
        for frame in range(start, start + time_stride) if drawn else ():
            nearest = max((f for f in drawn if f <= frame), default=drawn[0])
            video[:, frame] = pictures[nearest]
        told[start : start + time_stride] = bool(drawn)
    return video, told


def inputs(x_s_BCTHW: torch.Tensor, known: Known, settings: Flow) -> torch.Tensor:
    """x_s with what the network is told beside it, as channels."""
    x = known.into(x_s_BCTHW)
    if settings.given == "plane":
        return torch.cat([x, planes(x, known.given_BT)], dim=1)
    if settings.given == "channels":
        if known.frames_BpT is None:
            raise ValueError("flow.given=channels needs Known.frames_BpT; make what is known with given.known_of")
        mask = known.frames_BpT[..., None, None].expand(-1, -1, -1, *x.shape[3:])
        return torch.cat([x, mask.to(x.dtype), known.latents_BCTHW.to(x.dtype)], dim=1)
    return x


def extra_channels(settings: Flow, latent_channels: int, time_stride: int) -> int:
    """How many channels `inputs` adds."""
    return {"timestep": 0, "plane": PLANES, "channels": time_stride + latent_channels}[settings.given]


def planes(x_BCTHW: torch.Tensor, given_BT: torch.Tensor) -> torch.Tensor:
    """(B, 3, T, H, W): given 0 or 1, row and column from -1 to 1 (rotary positions are relative, and a zoom is not)."""
    batch, _, time, height, width = x_BCTHW.shape
    row = torch.linspace(-1, 1, height, device=x_BCTHW.device)[:, None].expand(batch, time, height, width)
    column = torch.linspace(-1, 1, width, device=x_BCTHW.device).expand(batch, time, height, width)
    given = given_BT[:, :, None, None].expand(batch, time, height, width).to(x_BCTHW.dtype)
    return torch.stack([given, row.to(given), column.to(given)], dim=1)
