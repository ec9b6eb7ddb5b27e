"""Cutting a source into shots, in the one linear decode.

`AnimeDetector` is anicaption's transition detector in the shape of a PySceneDetect `SceneDetector`, so anyone who uses
`SceneManager` can add it; PySceneDetect's own detectors can be chosen in its place. `Splitter` feeds either of them
frame by frame and answers in frame indices and pts, never in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from anicaption.frames import Frame, Stream, frames, probe
from anicaption.measure.transition import LOOK_AHEAD, REACH, Boundary, TransitionWatch, decide
from scenedetect.common import FrameTimecode, Timecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors import AdaptiveDetector, ContentDetector, HashDetector
from scenedetect.scene_manager import DEFAULT_MIN_WIDTH, compute_downscale_factor

NAMES = ("ours", "adaptive", "content", "hash")
_PERIOD = 8  # frames between two looks at the scores: `decide` is cheap but not free


class AnimeDetector(SceneDetector):
    """Hard cuts, dissolves and fades of drawn animation; impact frames, flashes, pans and figures are not cuts.

    Streaming: a boundary is reported at most `event_buffer_length` frames late, with the timecode its frame came with.
    Given a `watch`, the detector reads that watch's scores and leaves the seeing to its owner, who shows the watch
    every frame before it is passed here; so one pass measures once.
    """

    def __init__(self, watch: TransitionWatch | None = None) -> None:
        super().__init__()
        self.owns = watch is None
        self.watch = watch if watch is not None else TransitionWatch()
        self.boundaries: list[Boundary] = []
        self._timecodes: dict[int, FrameTimecode] = {}
        self._n_seen = 0

    @property
    def event_buffer_length(self) -> int:
        """Frames between a boundary and the frame at which it is reported, at most."""
        return LOOK_AHEAD + _PERIOD

    def get_metrics(self) -> list[str]:
        """Names of the per-frame scores that a StatsManager receives."""
        return ["anime_jump"]

    def process_frame(self, timecode: FrameTimecode, frame_img: np.ndarray) -> list[FrameTimecode]:
        """See the next BGR uint8 frame; return the timecodes of the boundaries that became certain."""
        if self.owns:
            self.watch.see(cv2.cvtColor(frame_img, cv2.COLOR_BGR2RGB))
        self._timecodes[self._n_seen] = timecode
        self._n_seen += 1
        if self.stats_manager is not None:
            self.stats_manager.set_metrics(timecode, {"anime_jump": self.watch.last("jump")})
        return self._report(self._n_seen - LOOK_AHEAD) if self._n_seen % _PERIOD == 0 else []

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        """The boundaries in the last frames."""
        return self._report(self._n_seen)

    def _report(self, before: int) -> list[FrameTimecode]:
        """Boundaries not yet reported whose frame is under `before`."""
        done = self.boundaries[-1].frame if self.boundaries else 0
        first = max(0, self._n_seen - LOOK_AHEAD - _PERIOD - 2 * REACH)
        least = max(done, first + REACH if first else 0)
        fresh = [b for b in decide(self.watch.scores(first), first) if least < b.frame < before]
        self.boundaries += fresh
        cuts = [self._timecodes[b.frame] for b in fresh]
        for frame in [f for f in self._timecodes if f < before]:
            del self._timecodes[frame]
        return cuts


def detectors(name: str, watch: TransitionWatch | None = None) -> SceneDetector:
    """A new detector: "ours" (optionally on an existing watch) or one of PySceneDetect's with its defaults."""
    if name == "ours":
        return AnimeDetector(watch)
    others = {"adaptive": AdaptiveDetector, "content": ContentDetector, "hash": HashDetector}
    if name not in others:
        raise ValueError(f"shots.detectors: {name!r} is no detector; choose one of {', '.join(NAMES)}")
    return others[name]()


@dataclass(frozen=True)
class Split:
    """A shot begins at frame `frame`, whose time stamp is `pts`; `boundary` says how."""

    frame: int
    pts: int
    boundary: Boundary


class Splitter:
    """Feeds one detector with the frames of one source and keeps what it answers."""

    def __init__(self, detector: SceneDetector, stream: Stream) -> None:
        self._detector = detector
        self._rate = stream.rate
        self._height_px = round(stream.height_px / compute_downscale_factor(stream.width_px, DEFAULT_MIN_WIDTH))
        self._pts: list[int] = []
        self._index: dict[int, int] = {}
        self._cuts: set[int] = set()
        self._last: FrameTimecode | None = None

    def see(self, frame: Frame) -> None:
        """Show the next frame. PySceneDetect's own detectors get the size that SceneManager would give them."""
        timecode = FrameTimecode(Timecode(frame.pts, frame.time_base), fps=self._rate)
        self._index[frame.pts] = len(self._pts)
        self._pts.append(frame.pts)
        self._take(self._detector.process_frame(timecode, self._picture(frame)))
        self._last = timecode

    def finish(self) -> tuple[Split, ...]:
        """All splits in order, after the last frame."""
        if self._last is not None:
            self._take(self._detector.post_process(self._last))
        known = {b.frame: b for b in getattr(self._detector, "boundaries", [])}
        return tuple(
            Split(frame, self._pts[frame], known.get(frame, Boundary(frame, "cut", frame, frame, 1.0)))
            for frame in sorted(self._cuts)
        )

    def _take(self, timecodes: Iterable[FrameTimecode]) -> None:
        self._cuts.update(self._index[timecode.pts] for timecode in timecodes)

    def _picture(self, frame: Frame) -> np.ndarray:
        if isinstance(self._detector, AnimeDetector) and not self._detector.owns:
            return np.empty((0, 0, 3), np.uint8)
        return np.ascontiguousarray(frame.rgb(self._height_px)[..., ::-1])


def splits(source: str, name: str = "ours") -> tuple[Split, ...]:
    """Decode `source` once and split it. Raises VideoError where the decoder stops."""
    splitter = Splitter(detectors(name), probe(source))
    for frame in frames(source):
        splitter.see(frame)
    return splitter.finish()
