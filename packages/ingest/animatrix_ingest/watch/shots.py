"""Cutting a source into shots: anicaption's transition detector as a PySceneDetect `SceneDetector`.

So anyone who uses `SceneManager` can add `AnimeDetector`, and wherever we cut, PySceneDetect's own detectors can be
chosen instead. `splits` runs any of them over one linear decode and answers in frame indices and pts.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from anicaption.frames import Frame, frames, probe
from anicaption.measure.transition import LOOK_AHEAD, REACH, Boundary, TransitionWatch, decide
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors import AdaptiveDetector, ContentDetector, HashDetector
from scenedetect.scene_manager import DEFAULT_MIN_WIDTH, compute_downscale_factor

NAMES = ("ours", "adaptive", "content", "hash")
_PERIOD = 4  # frames between two looks at the scores: `decide` is cheap but not free


class AnimeDetector(SceneDetector):
    """Hard cuts, dissolves and fades of drawn animation; impact frames, flashes, pans and figures are not cuts.

    Streaming: a boundary is reported at most `event_buffer_length` frames late, with the timecode its frame came with.
    Given a `watch`, the detector reads that watch's scores and leaves the seeing to its owner, who shows the watch
    every frame before it is passed here; so one pass measures once.
    """

    def __init__(self, watch: TransitionWatch | None = None) -> None:
        super().__init__()
        self._sees = watch is None
        self._watch = watch if watch is not None else TransitionWatch()
        self._timecodes: dict[int, FrameTimecode] = {}
        self._n_seen = 0
        self.boundaries: list[Boundary] = []
        """What was reported so far, with its kind and span."""

    @property
    def event_buffer_length(self) -> int:
        """Frames between a boundary and the frame at which it is reported, at most."""
        return LOOK_AHEAD + _PERIOD

    def get_metrics(self) -> list[str]:
        """Names of the per-frame scores that a StatsManager receives."""
        return ["anime_jump"]

    def process_frame(self, timecode: FrameTimecode, frame_img: np.ndarray) -> list[FrameTimecode]:
        """See the next BGR uint8 frame (H, W, 3); return the timecodes of the boundaries that became certain."""
        if self._sees:
            self._watch.see(cv2.cvtColor(frame_img, cv2.COLOR_BGR2RGB))
        self._timecodes[self._n_seen] = timecode
        self._n_seen += 1
        if self.stats_manager is not None:
            self.stats_manager.set_metrics(timecode, {"anime_jump": self._watch.last("jump")})
        return self._report(self._n_seen - LOOK_AHEAD) if self._n_seen % _PERIOD == 0 else []

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        """The boundaries in the last frames."""
        return self._report(self._n_seen)

    def _report(self, before: int) -> list[FrameTimecode]:
        """Boundaries under frame `before` that were not reported yet, decided from the frames that speak of them."""
        reported = self.boundaries[-1].frame if self.boundaries else 0
        first = max(0, self._n_seen - LOOK_AHEAD - _PERIOD - 2 * REACH)
        least = max(reported + 1, first + REACH if first else 0)
        fresh = [b for b in decide(self._watch.scores(first), first) if least <= b.frame < before]
        self.boundaries += fresh
        timecodes = [self._timecodes[b.frame] for b in fresh]
        self._timecodes = {frame: timecode for frame, timecode in self._timecodes.items() if frame >= before}
        return timecodes


def detectors(name: str, watch: TransitionWatch | None = None) -> SceneDetector:
    """A new detector: "ours" (optionally on an existing watch) or one of PySceneDetect's with its defaults."""
    if name == "ours":
        return AnimeDetector(watch)
    others = {"adaptive": AdaptiveDetector, "content": ContentDetector, "hash": HashDetector}
    if name not in others:
        raise ValueError(f"shots.detectors: {name!r} is no detector; choose one of {', '.join(NAMES)}")
    return others[name]()


def picture(frame: Frame, width_px: int, height_px: int) -> np.ndarray:
    """A frame of a source of this size as detectors take it: BGR, at the size that SceneManager would choose."""
    factor = compute_downscale_factor(width_px, DEFAULT_MIN_WIDTH)
    return np.ascontiguousarray(frame.rgb(round(height_px / factor))[..., ::-1])


@dataclass(frozen=True)
class Split:
    """A shot begins at frame `frame`, whose time stamp is `pts` in units of `time_base` seconds."""

    frame: int
    pts: int
    time_base: Fraction
    boundary: Boundary


def splits(source: str, detector: str | SceneDetector = "ours") -> tuple[Split, ...]:
    """Decode `source` once, linearly, and split it. Raises VideoError where the decoder stops."""
    detector = detectors(detector) if isinstance(detector, str) else detector
    stream = probe(source)
    pts: list[int] = []
    cuts: list[FrameTimecode] = []
    for frame in frames(source):
        now = FrameTimecode(len(pts), stream.rate)  # counts frames, so what comes back is an index
        pts.append(frame.pts)
        cuts += detector.process_frame(now, picture(frame, stream.width_px, stream.height_px))
    if pts:
        cuts += detector.post_process(FrameTimecode(len(pts) - 1, stream.rate))
    kinds = {b.frame: b for b in detector.boundaries} if isinstance(detector, AnimeDetector) else {}
    found = sorted({cut.frame_num for cut in cuts})
    return tuple(Split(f, pts[f], stream.time_base, kinds.get(f, Boundary(f, "cut", f, f, 1.0))) for f in found)
