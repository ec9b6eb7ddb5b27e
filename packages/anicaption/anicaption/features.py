"""What the learned heads look at: frozen descriptors of a shot, from a few of its pictures and from its tracks.

`look` decodes a shot once and keeps six pictures; `Features` turns them into numbers, with built-in descriptors that
need no weights and, given a weights path, with open_clip's image tower.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from anicaption.features_builtin import VERSION as PICTURE_VERSION
from anicaption.features_builtin import describe_picture
from anicaption.frames import VideoError, VideoSource, frames
from anicaption.tracks import Tracks

VERSION = "2"
N_PICTURES = 6
PARTS = ("shot", "first", "last")  # all pictures; those of the first frames; those of the last

# A fixed list, not COLUMNS: a column added later must not move the others' places in a head that was fitted before.
TRACK_COLUMNS = (
    "camera_x", "camera_y", "camera_zoom", "camera_roll_deg", "camera_support", "redraw", "drawing_new", "redraw_peak",
    "redraw_area", "redraw_floor", "redraw_x", "redraw_y", "redraw_reach", "redraw_edge", "repeat_frames",
    "repeat_away", "flow_pct", "nonrigid_pct", "motion_pct", "still_share", "layer_held", "layer_slow", "layer_fast",
    "ground_with", "figure_dx", "figure_dy", "figure_turn_deg", "figure_fit", "change", "jump", "luma", "flash_share",
    "red_share", "lightness", "chroma", "warmth", "hue_share",
)  # fmt: skip
_SUMMED = ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg")
EVENT_FIELDS = ("motion.deformation", "vfx.impact_frame", "vfx.lines", "vfx.text", "camera.transition")


@dataclass(frozen=True)
class Look:
    """A shot as the heads see it: pictures at native size, RGB uint8, spread evenly; and what was measured."""

    pictures: tuple[np.ndarray, ...]
    tracks: Tracks


def picked(n_frames: int) -> list[int]:
    """Which frames of a shot are looked at: evenly spread, each at the middle of its share."""
    return sorted({int((i + 0.5) * n_frames / N_PICTURES) for i in range(N_PICTURES)})


def look(source: VideoSource, tracks: Tracks, start: int = 0) -> Look:
    """Look at the shot that begins at frame `start` of a file and lasts as long as `tracks`.

    Raises VideoError where the file ends before the shot does.
    """
    wanted = {start + index for index in picked(tracks.n_frames)}
    pictures = []
    for frame in frames(source):
        if frame.index in wanted:
            pictures.append(frame.rgb().copy())
        if len(pictures) == len(wanted):
            return Look(tuple(pictures), tracks)
    name = f"<{len(source)} bytes>" if isinstance(source, bytes) else str(source)
    raise VideoError(
        name, "look", f"ends before frame {max(wanted)}", f"the record says {tracks.n_frames} frames from {start}"
    )


@dataclass(frozen=True)
class Features:
    """A recipe for descriptors. `encoder` is an image tower with `identity` and `__call__(pictures)`, or None."""

    encoder: Any = None

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a fitted head to mean the same."""
        return {
            "version": VERSION,
            "pictures": PICTURE_VERSION,
            "encoder": self.encoder.identity if self.encoder is not None else None,
        }

    def __call__(self, seen: Look) -> dict[str, np.ndarray]:
        """A float32 vector per part of the shot, all of one length; NaN where the tracks say nothing."""
        described = [describe_picture(picture) for picture in seen.pictures]
        rows_NP = np.array([list(one.values()) for one in described], np.float32)
        motion = np.array(list(describe_tracks(seen.tracks).values()), np.float32)
        encoded_NE = self.encoder(seen.pictures) if self.encoder is not None else np.zeros((len(described), 0))
        return {part: self._part(rows_NP, encoded_NE, motion, part) for part in PARTS}

    @staticmethod
    def _part(rows_NP: np.ndarray, encoded_NE: np.ndarray, motion: np.ndarray, part: str) -> np.ndarray:
        end = {"shot": slice(None), "first": slice(0, 2), "last": slice(-2, None)}[part]
        near, seen = rows_NP[end], encoded_NE[end]
        pieces = [near.mean(0), near.std(0), near[-1] - near[0], motion, seen.mean(0)]
        return np.concatenate(pieces).astype(np.float32)


def describe_tracks(tracks: Tracks) -> dict[str, float]:
    """Named numbers of what was measured: level, spread, reach and coverage per column; events per field."""
    said: dict[str, float] = {}
    for name in TRACK_COLUMNS:
        column = tracks[name]
        known = column[np.isfinite(column)]
        empty = not known.size
        said[f"{name}.known"] = known.size / max(1, tracks.n_frames)
        said[f"{name}.mean"] = np.nan if empty else float(known.mean())
        said[f"{name}.std"] = np.nan if empty else float(known.std())
        said[f"{name}.p95"] = np.nan if empty else float(np.percentile(np.abs(known), 95))
        if name in _SUMMED:
            said[f"{name}.sum"] = np.nan if empty else float(known.sum())
    for name in EVENT_FIELDS:
        events = [event for event in tracks.events if event.field == name]
        said[f"{name}.events"] = float(len(events))
        said[f"{name}.share"] = sum(event.end - event.start for event in events) / max(1, tracks.n_frames)
    said["log_frames"] = float(np.log(max(1, tracks.n_frames)))
    said["aspect"] = tracks.width_px / tracks.height_px
    return said


@dataclass
class OpenClip:
    """The image tower of an open_clip model loaded from a local path; no network.

    `weights` is a folder with `open_clip_config.json` and its weights, or a weights file of the named `model`.
    Raises FileNotFoundError for a path that is not there.
    """

    weights: Path
    model: str | None = None
    device: str = "cpu"
    _loaded: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.weights = Path(self.weights)
        if not self.weights.exists():
            raise FileNotFoundError(
                f"open_clip: no weights at {self.weights}; give a folder with open_clip_config.json, "
                "or a weights file and --model"
            )
        if self.weights.is_file() and self.model is None:
            raise ValueError(f"open_clip: {self.weights} is a file; say whose weights it holds, as in --model ViT-B-32")

    @cached_property
    def identity(self) -> dict[str, str]:
        files = [self.weights] if self.weights.is_file() else sorted(self.weights.glob("open_clip_*"))
        digest = hashlib.sha256()
        for path in files:
            with open(path, "rb") as data:
                while block := data.read(1 << 20):
                    digest.update(block)
        return {"kind": "open_clip", "model": self.model or "folder", "sha256": digest.hexdigest()[:16]}

    def __call__(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Embeddings of unit length, float32 (N, E)."""
        import torch

        model, prepare = self._model()
        batch = torch.stack([prepare(_pil(picture)) for picture in pictures]).to(self.device)
        with torch.inference_mode():
            return torch.nn.functional.normalize(model.encode_image(batch).float(), dim=-1).cpu().numpy()

    def _model(self):
        if self._loaded is None:
            import open_clip

            if self.weights.is_dir():
                made = open_clip.create_model_and_transforms(f"local-dir:{self.weights}", device=self.device)
            else:
                name = str(self.model)
                made = open_clip.create_model_and_transforms(name, pretrained=str(self.weights), device=self.device)
            model, _, prepare = made
            self._loaded = model.eval(), prepare
        return self._loaded


def _pil(picture: np.ndarray):
    from PIL import Image

    return Image.fromarray(picture)


def known_features(identity: Mapping[str, Any], given: Features, place: str) -> None:
    """Raise ValueError unless `given` are the features that a file at `place` was fitted on."""
    if dict(identity) != given.identity:
        wanted = identity.get("encoder")
        remedy = f"give the open_clip weights {wanted}" if wanted != given.identity["encoder"] else "fit them again"
        raise ValueError(f"{place}: fitted on features {dict(identity)}, but these are {given.identity}; {remedy}")
