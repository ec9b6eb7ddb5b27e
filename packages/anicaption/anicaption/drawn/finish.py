"""The finish of a shot: what is done to its frames after planes and cels are laid, in the order of a compositor."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.effects import Spot, active
from anicaption.drawn.effects_impact import impact
from anicaption.drawn.effects_lines import draw_lines
from anicaption.drawn.effects_text import draw_text
from anicaption.drawn.light import Light
from anicaption.drawn.palette import Palette
from anicaption.drawn.script import Shot


class Finish:
    """One shot's finish. Frames are RGB uint8 (height_px, width_px, 3); `own` counts from the shot's first cut."""

    def __init__(self, shot: Shot, colours: Palette, height_px: int, width_px: int) -> None:
        self.shot, self.height_px, self.width_px = shot, height_px, width_px
        self.light = Light(shot.effects.light, colours, height_px, width_px, shot.effects.seed)
        self.dark_lines = sum(colours.sky[1]) > 430

    def moves(self, own: int) -> bool:
        """Whether frame `own` may differ from its neighbours although planes and cels stand still."""
        effects = self.shot.effects
        return bool(active(effects.lines, own) or active(effects.text, own) or active(effects.impacts, own))

    def ground(self, picture: np.ndarray, frame: int) -> None:
        """What is done, in place, to the background before the figures are laid on it."""

    def softness_px(self, frame: int) -> float:
        """How far the figures are out of focus at filmed frame `frame`."""
        return 0.0

    def finished(self, picture: np.ndarray, own: int, spot: Spot, mask: np.ndarray | None) -> np.ndarray:
        """The finished frame; `mask` is the figures' alpha (H, W) in it, None where there is no figure."""
        shot, effects = self.shot, self.shot.effects
        for kind, _, _ in active(effects.lines, own):
            step = max(2, shot.acting.exposure if shot.acting else 2)
            draw_lines(picture, kind, effects.seed + own // step, effects.lines_angle_deg, self.dark_lines, spot, mask)
        picture = self.light.shine(picture)
        for kind, words, _, _ in active(effects.text, own):
            draw_text(picture, kind, words, effects.text_x, effects.seed)
        for kind, start, _ in active(effects.impacts, own):
            picture = impact(picture, kind, effects.seed, own - start, spot, mask)
        return picture
