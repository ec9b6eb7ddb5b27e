"""A clip as one vector of unit length, by an open_clip model; and an aesthetic score of it.

The vectors serve nearest neighbours and look-alikes: the cosine of two is how alike two clips are. Runs have no need of
weights: what they keep is in watch/appearance.py, and vectors of two makers never compare. An aesthetic score needs an
open_clip and a head that was trained on it; without them there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from anicaption.features import OpenClip

N_PICTURES = 3


def picked(n_frames: int) -> list[int]:
    """Which frames of a clip are looked at: evenly spread, each at the middle of its share."""
    return sorted({int((i + 0.5) * n_frames / N_PICTURES) for i in range(N_PICTURES)})


@dataclass(frozen=True)
class Embed:
    """Makes vectors. `encoder` is an OpenClip (needs weights)."""

    encoder: OpenClip

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for two vectors to be compared."""
        return self.encoder.identity

    def __call__(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """The vector of a clip, float16 (E,) of unit length, from a few of its pictures, RGB uint8 (H, W, 3)."""
        if not pictures:
            raise ValueError("embed: no picture of the clip was given; give those of picked(n_frames)")
        return _unit(self.encoder(pictures).mean(0))


@dataclass(frozen=True)
class Aesthetic:
    """A linear head on an open_clip embedding, as LAION's aesthetic predictors are: weight (E,) and bias.

    Its scores are on the scale of the votes it was fitted to (1 to 10 for LAION's).
    """

    weight: np.ndarray
    bias: float

    @classmethod
    def load(cls, path: Path) -> Aesthetic:
        """From LAION's `.pth` (a state dict with weight and bias) or an `.npz` with the same two arrays.

        Raises FileNotFoundError, or ValueError for a file that is no linear head.
        """
        path = Path(path)
        if not path.exists():
            raise FileNotFoundError(f"aesthetic: no head at {path}; give LAION's .pth of your open_clip model, or .npz")
        if path.suffix == ".npz":
            state = dict(np.load(path))
        else:
            import torch

            state = {name: value.numpy() for name, value in torch.load(path, weights_only=True).items()}
        if set(state) != {"weight", "bias"} or state["weight"].size != state["weight"].shape[-1]:
            shapes = {name: value.shape for name, value in state.items()}
            raise ValueError(f"aesthetic: {path} holds {shapes}, not one row of weights and a bias; give a linear head")
        return cls(state["weight"].reshape(-1).astype(np.float32), float(state["bias"].reshape(-1)[0]))

    def __call__(self, vector: np.ndarray) -> float:
        """The score of a clip by its open_clip vector."""
        if vector.shape != self.weight.shape:
            raise ValueError(
                f"aesthetic: the vector has {vector.shape}, the head {self.weight.shape}; "
                "give the head that was trained on this open_clip model"
            )
        return float(vector.astype(np.float32) @ self.weight + self.bias)


def aesthetic_score(vector: np.ndarray, identity: dict[str, Any], head: Aesthetic | None) -> float | None:
    """The aesthetic score, or None where there is no head or the vector is not of an open_clip model."""
    return head(vector) if head is not None and identity.get("kind") == "open_clip" else None


def _unit(vector: np.ndarray) -> np.ndarray:
    return (vector / max(1e-9, float(np.linalg.norm(vector)))).astype(np.float16)
