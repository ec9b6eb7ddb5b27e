"""Everything that looks at the frames of a source besides the measuring pass and the shot detector.

`Observers` sees each film frame once; `Findings` are what they wrote down, asked per shot. A score is a number or None,
where it could not be measured; SCORES says what each one means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from anicaption.frames import Frame, Stream
from anicaption.tracks import Tracks

from animatrix_ingest.watch import appearance, border_box, economy, edge_frames, overlays_roles, quality
from animatrix_ingest.watch.appearance import AppearanceWatch
from animatrix_ingest.watch.border import BorderWatch
from animatrix_ingest.watch.fingerprint import PicturePrint
from animatrix_ingest.watch.looks import Looks, LooksWatch, looked_at
from animatrix_ingest.watch.overlays import OverlayWatch
from animatrix_ingest.watch.overlays_roles import Finding
from animatrix_ingest.watch.prints import PicturePrints
from animatrix_ingest.watch.quality import QualityWatch

SCORES: dict[str, str] = {
    **border_box.SCORES,
    **overlays_roles.SCORES,
    **quality.SCORES,
    **economy.SCORES,
    **edge_frames.SCORES,
    "aesthetic": "what a head on open_clip says of the pictures, on the scale of its votes; null without weights",
}

Scores = dict[str, float | None]

LETTER_ROWS_PX = appearance.ROWS_PX
"""Rows of the pictures that lettering is sought in: at measuring size its strokes run together."""


@dataclass(frozen=True)
class Findings:
    """What the observers found in a whole source."""

    border: Mapping[str, np.ndarray]
    quality: Mapping[str, np.ndarray]
    overlays: tuple[Finding, ...]
    tracks: Tracks
    transitions: Mapping[str, np.ndarray]
    prints: PicturePrints
    looks: Looks

    def scores(self, start_frame: int, end_frame: int) -> Scores:
        """Every score of SCORES for the shot of the frames [start_frame, end_frame)."""
        return {
            **border_box.border_scores(self.border, start_frame, end_frame),
            **overlays_roles.overlay_scores(self.overlays, start_frame, end_frame),
            **quality.quality_scores(self.quality, start_frame, end_frame),
            **economy.economy_scores(self.tracks, start_frame, end_frame),
            **edge_frames.edge_scores(self.transitions, start_frame, end_frame),
            "aesthetic": self.looks.aesthetic(start_frame, end_frame),
        }

    def boxes(self, start_frame: int, end_frame: int) -> list[dict[str, Any]]:
        """The lettering of a shot, as JSON."""
        return overlays_roles.overlay_boxes(self.overlays, start_frame, end_frame)


class Observers:
    """Sees every film frame of a source, once and in order. `looking` makes who tells what it looks like."""

    def __init__(self, stream: Stream, looking: Callable[[], LooksWatch] = AppearanceWatch) -> None:
        self._border, self._overlays, self._quality = BorderWatch(), OverlayWatch(), QualityWatch()
        self._print, self._looks = PicturePrint(stream.time_base), looking()
        self._pixel_aspect, self._n_frames = stream.pixel_aspect, 0

    def see(self, frame: Frame, small: np.ndarray) -> None:
        """The next frame, and the same picture at measuring size, RGB uint8 (H, W, 3)."""
        for observer in (self._border, self._quality, self._print):
            observer.see(frame, small)
        index, self._n_frames = self._n_frames, self._n_frames + 1
        looked = looked_at(index)
        closer = frame.rgb(LETTER_ROWS_PX, self._pixel_aspect) if looked else small
        self._overlays.see(frame, closer)
        if looked:
            self._looks.see(index, closer)

    def findings(self, tracks: Tracks, transitions: Mapping[str, np.ndarray]) -> Findings:
        """Complete when the source has ended; `tracks` are the measuring pass's of the same frames, and `transitions`
        its transition watch's scores."""
        lettering = tuple(overlays_roles.findings(self._overlays.columns(), tracks))
        border, sharp = self._border.columns(), self._quality.columns()
        prints, looks = self._print.prints(), self._looks.looks()
        return Findings(border, sharp, lettering, tracks, transitions, prints, looks)
