"""Settings of a run, and the recipes: functions that return complete ones. Nothing here costs an import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from animatrix_ingest.decide.settings import Deciding, Thresholds

Detector = Literal["ours", "adaptive", "content", "hash"]
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"]


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a data set holds. Change one value and it is another data set."""

    detector: Detector = "ours"
    """who finds the shots: ours (flashes and impact frames are not cuts), or one of PySceneDetect's"""
    clip_height_px: int = 480
    """rows of the clips (smaller sources keep their size)"""
    min_shot_s: float = 0.5
    """shorter shots are dropped"""
    max_shot_s: float = 10.0
    """longer shots are split into clips of at most this length"""
    crf: int = 18
    """x264 quality: lower is better and bigger"""
    preset: Preset = "superfast"
    """x264 preset: slower is smaller"""
    gop_frames: int = 12
    """length of the closed GOPs: a reader may enter at any of them"""
    shard_mib: int = 256
    """a shard is closed at this size"""

    def __post_init__(self) -> None:
        if self.clip_height_px < 16 or self.clip_height_px % 2:
            raise ValueError(f"settings.clip_height_px: {self.clip_height_px} is not an even number from 16 on")
        if not 0 < self.min_shot_s * 3 <= self.max_shot_s:
            raise ValueError(
                f"settings.max_shot_s: {self.max_shot_s} s is less than three times min_shot_s ({self.min_shot_s} s); "
                "a long shot could not be split without leftovers"
            )
        for name, least in (("gop_frames", 1), ("shard_mib", 1), ("crf", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"settings.{name}: {getattr(self, name)} is less than {least}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Weights:
    """Models that look at the pictures, where there are any. With other ones it is another data set."""

    open_clip: Path | None = None
    """folder of an open_clip model, on every machine: clips' vectors are made by it, instead of built-in numbers"""
    aesthetic: Path | None = None
    """linear head trained on that model (LAION's .pth, or .npz): clips get an aesthetic score"""

    def __post_init__(self) -> None:
        if self.aesthetic is not None and self.open_clip is None:
            raise ValueError(f"weights.aesthetic: {self.aesthetic} is a head on open_clip; give --open-clip with it")


NO_WEIGHTS = Weights()


@dataclass(frozen=True)
class Recipe:
    """A complete run: what is made, and how it is decided upon."""

    settings: Settings
    deciding: Deciding


def laptop() -> Recipe:
    """Whole episodes on a small machine: 480p clips of up to ten seconds.

    Two cores, no GPU. `animatrix-ingest run EPISODES --out DIR`
    """
    return Recipe(Settings(), Deciding())


def demo() -> Recipe:
    """Small clips for the demo's tiny model: 96 rows, many short shots, quick to encode. All of them may train.

    Two cores, no GPU. `animatrix-ingest run EPISODES --out DIR --recipe demo`
    """
    small = Thresholds(least_rows_px=64, least_s=0.2, most_edge_blur_px=8.0, most_blocking=4.0)
    settings = Settings(clip_height_px=96, min_shot_s=0.2, max_shot_s=5.0, crf=14, shard_mib=64)
    return Recipe(settings, Deciding(thresholds=small))


RECIPES: dict[str, Callable[[], Recipe]] = {"laptop": laptop, "demo": demo}
