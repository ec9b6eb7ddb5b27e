"""Who finds the shots while frames stream by: ours, or one of PySceneDetect's, behind the same calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anicaption.frames import Frame, Stream
from anicaption.measure.transition import TransitionWatch
from scenedetect.common import FrameTimecode
from scenedetect.scene_manager import DEFAULT_MIN_WIDTH, compute_downscale_factor

from animatrix_ingest.decide.pieces import Joint, cut
from animatrix_ingest.recipes import Detector
from animatrix_ingest.watch.edge_frames import MOST_BEFORE, joint_of
from animatrix_ingest.watch.shots import AnimeDetector, detectors


class Cuts:
    """Shows a detector each frame of a source and gives its cuts as joints.

    Ours tells which frames are of both shots. PySceneDetect's detectors tell where a new shot begins and no more; they
    see pictures of the size its SceneManager would show them, and are made with their own defaults, so that choosing
    one gives what its users know.
    """

    def __init__(self, name: Detector, stream: Stream, transitions: TransitionWatch | None = None) -> None:
        """Given `transitions`, ours reads its scores; whoever owns it shows it every frame before `see` is called."""
        self._detector = detectors(name, transitions)
        self._rate = stream.rate
        self._rows_px = round(stream.height_px / compute_downscale_factor(stream.width_px, DEFAULT_MIN_WIDTH))
        self._n_frames = 0

    @property
    def delay_frames(self) -> int:
        """How many frames after a joint's start the detector may still report it."""
        before = MOST_BEFORE if isinstance(self._detector, AnimeDetector) else 0
        return self._detector.event_buffer_length + before

    def see(self, frame: Frame, small: np.ndarray) -> list[Joint]:
        """The next frame, and its picture at measuring size; returns the joints that became certain with it."""
        rgb = small if isinstance(self._detector, AnimeDetector) else frame.rgb(self._rows_px)
        now = FrameTimecode(self._n_frames, self._rate)
        self._n_frames += 1
        return self._joints(self._detector.process_frame(now, np.ascontiguousarray(rgb[:, :, ::-1])))

    def end(self) -> list[Joint]:
        """The joints that are still reported when there are no more frames."""
        if not self._n_frames:
            return []
        return self._joints(self._detector.post_process(FrameTimecode(self._n_frames - 1, self._rate)))

    def _joints(self, reported: Sequence[FrameTimecode]) -> list[Joint]:
        if not isinstance(self._detector, AnimeDetector):
            return [cut(one.frame_num) for one in reported]
        boundaries = self._detector.boundaries[len(self._detector.boundaries) - len(reported) :]
        return [joint_of(boundary) for boundary in boundaries]
