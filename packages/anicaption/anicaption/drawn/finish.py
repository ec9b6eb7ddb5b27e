"""The finish of a shot: what is done to its frames besides laying planes and cels, in the order of a compositor.

ground()    on the background, before the figures: focus, lines that are the background, signs, elements behind
finished()  elements, symbols, effect lines, light, grade, treatments, words, impact frames, matte
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from anicaption.drawn import camera
from anicaption.drawn.background_art import dark_lines_on
from anicaption.drawn.composite import Treatments
from anicaption.drawn.effects import Spot, active
from anicaption.drawn.effects_elements import draw_element
from anicaption.drawn.effects_impact import impact
from anicaption.drawn.effects_lines import draw_lines
from anicaption.drawn.effects_text import Lettering
from anicaption.drawn.framing import yaw_of
from anicaption.drawn.grade import Grade
from anicaption.drawn.light import Light
from anicaption.drawn.marks import draw_mark
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Shot

_SOFT = 0.011  # blur of what is out of focus, frame heights


class Finish:
    """One shot's finish. Frames are RGB uint8 (height_px, width_px, 3); `own` counts from the shot's first cut."""

    def __init__(self, shot: Shot, colours: Palette, height_px: int, width_px: int) -> None:
        self.shot, self.height_px, self.width_px = shot, height_px, width_px
        effects = shot.effects
        final = shot.look.stage == "final_composite"
        self.light = Light(effects.light if final else (), colours, height_px, width_px, effects.seed)
        self.treatments = Treatments(shot, height_px, width_px)
        self.lettering = Lettering(height_px, width_px, effects.text_x, effects.seed)
        self.grade = Grade(shot.look, shot.look.seed)
        self.dark_lines = sum(colours.sky[1]) > 430
        self._middle = Spot(width_px / 2, 0.45 * height_px, 0.2 * height_px)
        self._path = camera.plan(shot.camera, shot.n_filmed, width_px / height_px, shot.lead_in)

    def moves(self, own: int) -> bool:
        """Whether frame `own` may differ from its neighbours although planes and cels stand still."""
        effects = self.shot.effects
        timed = (effects.lines, effects.text, effects.impacts, effects.elements, effects.manpu)
        still = self.light.animated or self.treatments.moves(own) or self.shot.look.focus == "rack"
        return still or any(active(entries, own) for entries in timed)

    def fit(self, clean: Callable[[int], tuple[np.ndarray, np.ndarray | None]]) -> None:
        """Fix the grade from a few frames; `clean(frame)` lays planes and figures of a filmed frame."""
        if not self.shot.look.graded:
            return
        n = self.shot.n_filmed
        self.grade.fit(
            self.light.shine(*_with(clean(frame), frame)) for frame in sorted({0, n // 3, (2 * n) // 3, n - 1})
        )

    # -- before the figures ------------------------------------------------------------------------------------

    def ground(self, picture: np.ndarray, frame: int) -> None:
        """What is done, in place, to the background before the figures are laid on it."""
        own = self._own(frame)
        for kind, _, _ in active(self.shot.effects.lines, own):
            if self._behind(kind) and self.shot.place.motion != "line_scroll":
                for layer in range(2):
                    seed = self.shot.effects.seed + 2 * (own // 2) + layer
                    dark = dark_lines_on(self.shot.place)
                    draw_lines(picture, kind, seed, self.shot.effects.lines_angle_deg, dark, self._middle)
        for _, words, _, _ in (entry for entry in active(self.shot.effects.text, own) if entry[0] == "diegetic"):
            self.lettering.sign(picture, words, self._path.affine(frame, 1.0, self.height_px))
        if sigma_px := self._ground_px(frame):
            picture[...] = _soft(picture, sigma_px)

    def _behind(self, lines: str) -> bool:
        """Whether effect lines of this kind are the background itself."""
        return self.shot.place.art == "line_bg" and lines in ("speed", "focus")

    def _own(self, frame: int) -> int:
        return min(max(frame - self.shot.lead_in, 0), self.shot.n_frames - 1)

    def _racked(self, frame: int) -> float:
        """How far focus has gone from the background (0) to the figures (1), or back, at filmed frame `frame`."""
        t = np.clip((self._own(frame) / max(1, self.shot.n_frames - 1) - 0.35) / 0.3, 0, 1)
        share = float(t * t * (3 - 2 * t))
        return share if self.shot.look.seed % 2 else 1 - share

    def _ground_px(self, frame: int) -> float:
        focus = self.shot.look.focus
        share = {"bg_blur": 1.0, "rack": self._racked(frame)}.get(focus, 0.0)
        return share * _SOFT * self.height_px if not self.shot.place.blur else 0.0

    def softness_px(self, frame: int) -> float:
        """How far the figures are out of focus at filmed frame `frame`."""
        share = {"fg_blur": 1.0, "rack": 1 - self._racked(frame)}.get(self.shot.look.focus, 0.0)
        return share * _SOFT * self.height_px

    # -- after them --------------------------------------------------------------------------------------------

    def finished(self, picture: np.ndarray, own: int, spot: Spot, mask: np.ndarray | None) -> np.ndarray:
        """The finished frame; `mask` is the figures' alpha (H, W) in it, None where there is no figure."""
        shot, effects = self.shot, self.shot.effects
        if shot.look.focus == "full_defocus":
            picture = _soft(picture, 1.15 * _SOFT * self.height_px)
        for kind, start, _ in active(effects.manpu, own):
            if shot.acting is not None:
                draw_mark(picture, kind, own - start, spot, yaw_of(shot.acting), shot.acting.mirrored)
        for kind, start, _ in active(effects.elements, own):
            draw_element(picture, kind, effects.seed, own - start, spot)
        step = max(2, shot.acting.exposure if shot.acting else 2)
        for kind, _, _ in active(effects.lines, own):
            if not self._behind(kind):
                seed = effects.seed + own // step
                draw_lines(picture, kind, seed, effects.lines_angle_deg, self.dark_lines, spot, mask)
        picture = self.light.shine(picture, own, mask)
        picture = self.grade.apply(picture)
        picture = self.treatments.treat(picture, own, spot, mask)
        for kind, words, start, end in active(effects.text, own):
            if kind != "diegetic":
                self.lettering.write(picture, kind, words, (own - start) / max(1, end - start - 1))
        for kind, start, _ in active(effects.impacts, own):
            picture = impact(picture, kind, effects.seed, own - start, spot, mask)
        return self._matted(picture)

    def _matted(self, picture: np.ndarray) -> np.ndarray:
        """Black bars over the finished frame."""
        above, beside = self.shot.look.border
        if above <= 0 and beside <= 0:
            return picture
        rows, columns = round(above * self.height_px), round(beside * self.width_px)
        matted = np.zeros_like(picture)
        inside = (slice(rows, self.height_px - rows), slice(columns, self.width_px - columns))
        matted[inside] = picture[inside]
        return matted


def _with(laid: tuple[np.ndarray, np.ndarray | None], own: int) -> tuple[np.ndarray, int, np.ndarray | None]:
    return laid[0], own, laid[1]


def _soft(picture: np.ndarray, sigma_px: float) -> np.ndarray:
    """Out of focus; a reduced copy is blurred where that looks the same and costs less."""
    if sigma_px < 0.3:
        return picture
    height, width = picture.shape[:2]
    shrink = 2 if sigma_px > 4 else 1
    small = picture
    if shrink > 1:
        small = cv2.resize(picture, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / shrink, borderType=cv2.BORDER_REFLECT)
    return small if shrink == 1 else cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
