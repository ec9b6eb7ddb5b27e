"""What a source looks like to an open_clip model, and an aesthetic score of that: for runs that are given weights.

A run without them keeps the built-in numbers of watch/appearance.py; vectors of two makers never compare. An aesthetic
score needs a linear head that was trained on the same open_clip; without one there is none.

    L looks, E numbers of a vector
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from anicaption.features import OpenClip

from animatrix_ingest.recipes import Weights

STEPS = 10_000
"""Vectors are of unit length and kept in whole steps of this part of it: a cosine is right to three digits or more."""
AT_ONCE = 16
_CONFIG = "open_clip_config.json"


class WeightsError(ValueError):
    """Weights that cannot be used; the message says which, why, and what to give instead."""


@dataclass(frozen=True)
class Eye:
    """An open_clip image tower and the head on it, as places and hashes: so it travels to the workers that load it."""

    weights: Weights
    holds: dict[str, str]

    @classmethod
    def of(cls, weights: Weights) -> Eye | None:
        """None without weights. Raises WeightsError where there are none at the place that is given."""
        holds = held(weights)
        return cls(weights, holds) if holds else None

    @property
    def maker(self) -> str:
        """Who makes the vectors, for all time."""
        return f"open_clip {self.holds['open_clip']}"

    def __call__(self) -> EmbedWatch:
        """Who looks at one source. WeightsError where this machine holds other weights than the run began with."""
        here, opened = _opened(self.weights)
        if here != self.holds:
            raise WeightsError(
                f"{self.weights.open_clip}: this machine's weights are {here}, the run began with {self.holds}; "
                "put the same ones on every machine"
            )
        return EmbedWatch(self.maker, opened)


@dataclass(frozen=True)
class Opened:
    """Loaded models; on one thread, so that numbers do not depend on how many a machine has."""

    tower: OpenClip
    head: Aesthetic | None

    def __call__(self, pictures: list[np.ndarray]) -> np.ndarray:
        """Vectors of unit length, float32 (L, E), of RGB uint8 pictures (H, W, 3)."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self.tower(pictures)
        finally:
            torch.set_num_threads(before)


class EmbedWatch:
    """The streaming half: gathers the pictures it is shown, and shows them to the model a few at a time."""

    def __init__(self, maker: str, opened: Opened) -> None:
        self._maker, self._opened = maker, opened
        self._frames: list[int] = []
        self._pictures: list[np.ndarray] = []
        self._vectors: list[np.ndarray] = []

    def see(self, index: int, picture: np.ndarray) -> None:
        """A frame's picture, RGB uint8 (H, W, 3)."""
        self._frames.append(index)
        self._pictures.append(picture)
        if len(self._pictures) == AT_ONCE:
            self._encode()

    def _encode(self) -> None:
        if self._pictures:
            self._vectors.append(self._opened(self._pictures))
            self._pictures = []

    def looks(self) -> EmbedLooks:
        """Complete when the source has ended."""
        self._encode()
        vectors_LE = np.concatenate(self._vectors) if self._vectors else np.zeros((0, 0), np.float32)
        return EmbedLooks(self._maker, np.array(self._frames, np.int64), vectors_LE, self._opened.head)


@dataclass(frozen=True)
class EmbedLooks:
    """The vectors of a source's looks, frame by frame."""

    maker: str
    frames: np.ndarray
    vectors_LE: np.ndarray
    head: Aesthetic | None

    def vector(self, start_frame: int, end_frame: int) -> list[int] | None:
        """The vector of the shot [start_frame, end_frame) in STEPS: the mean of its looks; None without one."""
        mean = self._mean(start_frame, end_frame)
        return None if mean is None else np.rint(mean * STEPS).astype(int).tolist()

    def aesthetic(self, start_frame: int, end_frame: int) -> float | None:
        """What the head says of that mean; None without a head or a look."""
        mean = self._mean(start_frame, end_frame)
        return None if mean is None or self.head is None else self.head(mean)

    def _mean(self, start_frame: int, end_frame: int) -> np.ndarray | None:
        inside = (self.frames >= start_frame) & (self.frames < end_frame)
        if not inside.any():
            return None
        mean = self.vectors_LE[inside].mean(0, dtype=np.float64)
        return mean / max(1e-9, float(np.linalg.norm(mean)))


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

        Raises WeightsError for a file that is not there, or is no linear head.
        """
        if not path.is_file():
            raise WeightsError(f"aesthetic: no head at {path}; give LAION's .pth of your open_clip model, or .npz")
        if path.suffix == ".npz":
            state = dict(np.load(path))
        else:
            import torch

            state = {name: value.numpy() for name, value in torch.load(path, weights_only=True).items()}
        if set(state) != {"weight", "bias"} or state["weight"].size != state["weight"].shape[-1]:
            shapes = {name: value.shape for name, value in state.items()}
            raise WeightsError(f"aesthetic: {path} holds {shapes}, not one row of weights and a bias; give such a head")
        return cls(state["weight"].reshape(-1).astype(np.float64), float(state["bias"].reshape(-1)[0]))

    def __call__(self, vector: np.ndarray) -> float:
        """The score of a clip by its open_clip vector (E,)."""
        return float(vector @ self.weight + self.bias)


def held(weights: Weights) -> dict[str, str]:
    """Hashes of what the files of weights hold; empty without any. Raises WeightsError."""
    found = {}
    if weights.open_clip is not None:
        found["open_clip"] = _tower(weights.open_clip).identity["sha256"]
    if weights.aesthetic is not None:
        Aesthetic.load(weights.aesthetic)
        found["aesthetic"] = hashlib.sha256(weights.aesthetic.read_bytes()).hexdigest()[:16]
    return found


def _tower(folder: Path) -> OpenClip:
    if not (folder / _CONFIG).is_file():
        raise WeightsError(f"open_clip: no {_CONFIG} in {folder}; give the folder of a model, weights and all")
    return OpenClip(folder)


@lru_cache(maxsize=1)
def _opened(weights: Weights) -> tuple[dict[str, str], Opened]:
    """What the files hold and the models in them, loaded once in a process."""
    assert weights.open_clip is not None
    opened = Opened(_tower(weights.open_clip), weights.aesthetic and Aesthetic.load(weights.aesthetic))
    n_numbers = opened([np.zeros((64, 64, 3), np.uint8)]).shape[1]
    if opened.head is not None and opened.head.weight.shape != (n_numbers,):
        raise WeightsError(
            f"aesthetic: {weights.aesthetic} takes vectors of {opened.head.weight.size} numbers, {weights.open_clip} "
            f"makes {n_numbers}; give the head that was trained on this open_clip model"
        )
    return held(weights), opened
