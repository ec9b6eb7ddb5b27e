"""From the host onto a device without waiting for it: CUDA copies in the background from pinned memory only."""

from __future__ import annotations

import numpy as np
import torch


def onto(device: torch.device | str, value: torch.Tensor | np.ndarray) -> torch.Tensor:
    """A tensor of the host on a device. On a CPU it is not copied."""
    tensor = torch.as_tensor(value)
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def video(device: torch.device | str, pixels_BFHWC: np.ndarray) -> torch.Tensor:
    """RGB uint8 (B, F, H, W, 3) as a video (B, 3, F, H, W) in -1..1: bytes travel, and become numbers there."""
    return onto(device, pixels_BFHWC).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
