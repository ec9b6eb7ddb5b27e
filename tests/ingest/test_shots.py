"""The shot detector among PySceneDetect's: in its SceneManager, in our decode, on a watch that others feed."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from anicaption.frames import FILM_RATE, frames, write_video
from anicaption.measure.transition import TransitionWatch, decide
from animatrix_ingest.watch.shots import NAMES, AnimeDetector, detectors, splits
from scenedetect import SceneManager, StatsManager, open_video
from scenedetect.common import FrameTimecode

WIDTH, HEIGHT = 192, 108


def painting(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    paint = np.full((HEIGHT, 3 * WIDTH, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(60):
        centre = int(rng.integers(0, 3 * WIDTH)), int(rng.integers(0, HEIGHT))
        axes = int(rng.integers(8, 40)), int(rng.integers(6, 30))
        cv2.ellipse(paint, centre, axes, 20, 0, 360, rng.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)
    return paint


def shot(seed: int, n_frames: int, speed_px: int = 0) -> list[np.ndarray]:
    paint = painting(seed)
    return [np.ascontiguousarray(paint[:, t * speed_px : t * speed_px + WIDTH]) for t in range(n_frames)]


def film() -> list[np.ndarray]:
    """A pan of 48 frames with an impact frame at 20, a cut, 60 held frames, a dissolve of 12, 60 frames, a cut, 20."""
    pan, held, third, last = shot(1, 48, 2), shot(2, 60), shot(3, 60, 1), shot(4, 20)
    pan[20] = 255 - pan[20]
    shares = [(i + 0.5) / 12 for i in range(12)]
    mix = [cv2.addWeighted(a, 1 - s, b, s, 0) for a, b, s in zip(held[-12:], third[:12], shares, strict=True)]
    return [*pan, *held[:-12], *mix, *third[12:], *last]


CUTS = [48, 102, 156]


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    write_video(path, film(), container="matroska")
    return path


def test_splits_are_frame_indices_and_the_pts_of_those_frames(path):
    found = splits(str(path))
    assert [s.frame for s in found] == CUTS
    assert [s.boundary.kind for s in found] == ["cut", "dissolve", "cut"]
    pts = {frame.index: (frame.pts, frame.time_base) for frame in frames(path)}
    assert [(s.pts, s.time_base) for s in found] == [pts[frame] for frame in CUTS]


def test_scene_manager_takes_the_detector(path):
    manager = SceneManager(StatsManager())
    manager.add_detector(AnimeDetector())
    manager.detect_scenes(open_video(str(path), backend="pyav"))
    assert [start.frame_num for start, _ in manager.get_scene_list()] == [0, *CUTS]
    assert manager.stats_manager is not None and manager.stats_manager.metrics_exist(
        manager.get_scene_list()[1][0], ["anime_jump"]
    )


def test_a_detector_on_a_watch_that_others_feed_measures_nothing_and_finds_the_same():
    watch = TransitionWatch()
    detector = detectors("ours", watch)
    nothing = np.empty((0, 0, 3), np.uint8)
    for i, picture in enumerate(film()):
        watch.see(picture)
        detector.process_frame(FrameTimecode(i, FILM_RATE), nothing)
    detector.post_process(FrameTimecode(i, FILM_RATE))
    assert isinstance(detector, AnimeDetector)
    assert tuple(detector.boundaries) == decide(watch.scores())
    assert [b.frame for b in detector.boundaries] == CUTS


def test_boundaries_are_reported_within_the_event_buffer():
    detector = AnimeDetector()
    lags = []
    for i, picture in enumerate(film() + shot(5, 60)):
        found = detector.process_frame(FrameTimecode(i, FILM_RATE), picture[..., ::-1])
        lags += [i - cut.frame_num for cut in found]
    assert len(lags) == 4
    assert max(lags) <= detector.event_buffer_length < 48


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ours"])
def test_the_detectors_of_pyscenedetect_can_be_chosen(path, name):
    assert {48, 156} <= {s.frame for s in splits(str(path), name)}


def test_an_unknown_detector_is_refused_by_name():
    with pytest.raises(ValueError, match="'contnet' is no detector; choose one of ours, adaptive"):
        detectors("contnet")
