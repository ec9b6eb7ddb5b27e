"""Sources for the ingest tests: tiny videos of painted shots, written here, and one Ray for the whole session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from anicaption.frames import write_video
from animatrix_ingest.recipes import Settings

SMALL = Settings("adaptive", clip_height_px=32, min_shot_s=0.2, max_shot_s=2.0, shard_mib=1)


def painted(shots: list[int], seed: int = 0, height_px: int = 48, width_px: int = 64) -> Iterator[np.ndarray]:
    """RGB pictures of shots of these lengths: each a painting of its own that slides a little."""
    rng = np.random.default_rng(seed)
    for n_frames in shots:
        blobs = rng.integers(0, 256, (4, 8, 3), dtype=np.uint8)
        painting = cv2.resize(blobs, (2 * width_px + n_frames, height_px), interpolation=cv2.INTER_CUBIC)
        for i in range(n_frames):
            yield np.ascontiguousarray(painting[:, i : i + width_px])


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Writes a source of painted shots into tmp_path/sources."""

    def write(name: str, shots: list[int], seed: int = 0, **size: int) -> Path:
        place = tmp_path / "sources" / name
        place.parent.mkdir(exist_ok=True)
        container = "matroska" if name.endswith(".mkv") else "mp4"
        write_video(place, painted(shots, seed, **size), Fraction(24), container=container)
        return place

    return write


@pytest.fixture
def paint() -> Callable[..., Iterator[np.ndarray]]:
    return painted


@pytest.fixture
def small() -> Settings:
    return SMALL


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """The address of the session's one Ray."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
