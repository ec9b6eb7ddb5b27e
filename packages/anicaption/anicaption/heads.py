"""Learned heads: a calibrated linear classifier per field on frozen features, saved as safetensors and JSON.

    heads = load("heads")
    heads.predict("clip.mp4", record)      # field -> Variable with source "learned"

A head says `unknown` below the threshold at which it reached the stated precision on episodes it had not seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from anicaption.choose import NEVER, guess, is_multi
from anicaption.features import Features, Look, known_features, look
from anicaption.frames import VideoSource
from anicaption.record import Record, Variable
from anicaption.taxonomy import taxonomy

FORMAT = 1


@dataclass(frozen=True)
class Head:
    """One field: logits = standardised features @ weight_KD.T + bias_K, divided by `temperature`.

    `classes` are values (and `na`); a multi field has a sigmoid per class, any other a softmax over them.
    `threshold` is NEVER where no threshold reached the precision. `report` is what validation showed.
    """

    field: str
    classes: tuple[str, ...]
    weight_KD: np.ndarray
    bias_K: np.ndarray
    temperature: float
    threshold: float
    report: dict[str, float]

    def logits(self, features_ND: np.ndarray) -> np.ndarray:
        return features_ND @ self.weight_KD.T + self.bias_K

    def probabilities(self, features_ND: np.ndarray) -> np.ndarray:
        return probabilities(self.logits(features_ND) / self.temperature, is_multi(taxonomy()[self.field]))


def probabilities(logits_NK: np.ndarray, multi: bool) -> np.ndarray:
    """A sigmoid per class, or a softmax over the classes."""
    if multi:
        return 1 / (1 + np.exp(-np.clip(logits_NK, -60, 60)))
    powers = np.exp(logits_NK - logits_NK.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@dataclass(frozen=True)
class Scaling:
    """Mean and spread of the training shots; what is not known takes the mean."""

    mean_D: np.ndarray
    spread_D: np.ndarray

    @classmethod
    def of(cls, features_ND: np.ndarray) -> Scaling:
        known = np.isfinite(features_ND)
        count = np.maximum(known.sum(0), 1)
        mean = np.where(known, features_ND, 0).sum(0) / count
        spread = np.sqrt((np.where(known, features_ND - mean, 0) ** 2).sum(0) / count)
        return cls(mean.astype(np.float32), np.where(spread < 1e-6, 1, spread).astype(np.float32))

    def __call__(self, features_ND: np.ndarray) -> np.ndarray:
        # A shot unlike all that was seen may still not push one feature beyond reason.
        return np.clip(np.nan_to_num((features_ND - self.mean_D) / self.spread_D), -8, 8)


@dataclass(frozen=True)
class Heads:
    """All heads of one fit, the features they stand on and what they promise."""

    heads: tuple[Head, ...]
    scaling: Scaling
    features: Features
    precision: float

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(head.field for head in self.heads)

    def predict(self, clip: VideoSource, record: Record, start: int = 0) -> dict[str, Variable]:
        """Variables for every fitted field of the shot that `record` describes, beginning at frame `start` of `clip`.

        What the record knows masks what the heads may say. Raises ValueError for a record without tracks.
        """
        if record.tracks is None:
            raise ValueError("heads.predict: the record has no tracks; caption the clip again")
        return self.predict_look(look(clip, record.tracks, start), record)

    def predict_look(self, seen: Look, record: Record) -> dict[str, Variable]:
        """The same for a shot that was looked at already."""
        return self.say(self.features(seen), record)

    def say(self, vectors: Mapping[str, np.ndarray], record: Record) -> dict[str, Variable]:
        """The same for a shot that was described already."""
        scaled = {part: self.scaling(vector[None]) for part, vector in vectors.items()}
        return {head.field: _say(head, scaled, record.tags()) for head in self.heads}

    def save(self, folder: str | Path) -> Path:
        """Write heads.safetensors and heads.json into `folder`."""
        from safetensors.numpy import save

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"scaling.mean": self.scaling.mean_D, "scaling.spread": self.scaling.spread_D}
        for head in self.heads:
            arrays |= {f"{head.field}.weight": head.weight_KD, f"{head.field}.bias": head.bias_K}
        data = save({name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()})
        said = {
            "format": FORMAT,
            "taxonomy": {"version": taxonomy().version, "hash": taxonomy().hash},
            "features": self.features.identity,
            "precision": self.precision,
            "weights_sha256": hashlib.sha256(data).hexdigest(),
            "heads": [
                {k: v for k, v in asdict(head).items() if k not in ("weight_KD", "bias_K")} for head in self.heads
            ],
        }
        (folder / "heads.safetensors").write_bytes(data)
        (folder / "heads.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        return folder


def load(folder: str | Path, features: Features | None = None) -> Heads:
    """The heads in `folder`. `features` must be those they were fitted on (built-in ones by default).

    Raises ValueError for another taxonomy, other features, another format, or weights that do not belong to the JSON.
    """
    from safetensors.numpy import load as read

    folder, features = Path(folder), features or Features()
    said = json.loads((folder / "heads.json").read_text("utf-8"))
    if said["format"] != FORMAT:
        raise ValueError(f"{folder}: heads of format {said['format']}, but this reads {FORMAT}; fit them again")
    if said["taxonomy"]["hash"] != taxonomy().hash:
        raise ValueError(
            f"{folder}: heads of taxonomy {said['taxonomy']['version']} ({said['taxonomy']['hash']}), but this is "
            f"{taxonomy().version} ({taxonomy().hash}); fit them again"
        )
    known_features(said["features"], features, str(folder))
    data = (folder / "heads.safetensors").read_bytes()
    if hashlib.sha256(data).hexdigest() != said["weights_sha256"]:
        raise ValueError(f"{folder}: heads.safetensors is not the file that heads.json describes; copy both again")
    arrays = read(data)
    heads = tuple(_head(entry, arrays) for entry in said["heads"])
    return Heads(heads, Scaling(arrays["scaling.mean"], arrays["scaling.spread"]), features, said["precision"])


def _head(entry: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Head:
    name = entry["field"]
    return Head(
        name,
        tuple(entry["classes"]),
        arrays[f"{name}.weight"],
        arrays[f"{name}.bias"],
        entry["temperature"],
        entry["threshold"],
        entry["report"],
    )


def _say(head: Head, vectors: Mapping[str, np.ndarray], tags: Mapping[str, tuple[str, ...]]) -> Variable:
    parts = ("first", "last") if taxonomy()[head.field].scope == "ends" else ("shot",)
    said = [dict(zip(head.classes, head.probabilities(vectors[part])[0].tolist())) for part in parts]
    return guess(head.field, said[0] if len(said) == 1 else said, "learned", head.threshold, tags)


def without_thresholds(heads: Heads) -> Heads:
    """The same heads, always answering: for evaluation of what the thresholds cost."""
    return replace(heads, heads=tuple(replace(head, threshold=0.0) for head in heads.heads))


def table(heads: Iterable[Head]) -> str:
    """What validation showed, a row per field."""
    columns = ("train", "valid", "accuracy", "ece_before", "ece_after", "threshold", "coverage", "precision")
    lines = [f"{'field':28}{'classes':>8}" + "".join(f"{name:>11}" for name in columns)]
    for head in heads:
        said = head.report | {"threshold": head.threshold}
        cells = "".join(f"{_cell(name, said[name]):>11}" for name in columns)
        lines.append(f"{head.field:28}{len(head.classes):8}{cells}")
    return "\n".join(lines)


def _cell(name: str, number: float) -> str:
    if name in ("train", "valid"):
        return f"{number:.0f}"
    return "never" if name == "threshold" and number == NEVER else "-" if np.isnan(number) else f"{number:.2f}"
