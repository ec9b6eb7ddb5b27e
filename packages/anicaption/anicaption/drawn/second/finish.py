"""The finish of a shot by the second hand, in the order of its compositor.

On the composite: signs, focus, symbols and elements, lines, light, grade, early treatments, impact frames. On the
delivered frame: late treatments, the matte, words over all of it.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from anicaption.drawn.grade import Grade
from anicaption.drawn.script import UNPAINTED, Shot
from anicaption.drawn.second.elements import BEHIND, draw_element
from anicaption.drawn.second.impacts import impact
from anicaption.drawn.second.lamps import Lamps
from anicaption.drawn.second.light import light_of
from anicaption.drawn.second.lines import Head, draw_lines
from anicaption.drawn.second.symbols import draw_symbol
from anicaption.drawn.second.treat import Treatments
from anicaption.drawn.second.words import Words

_SOFT = 0.0125  # of what is out of focus, frame heights


def active(entries: tuple, own: int) -> list[tuple]:
    """The entries that cover frame `own`; start and end are an entry's last two items."""
    return [entry for entry in entries if entry[-2] <= own < entry[-1]]


class Finish:
    """One shot's finish, for composites of `size` (H, W) and delivered frames of height_px by width_px."""

    def __init__(self, shot: Shot, size: tuple[int, int], height_px: int, width_px: int) -> None:
        self.shot, self.size, self.height_px, self.width_px = shot, size, height_px, width_px
        effects, colours = shot.effects, light_of(shot.place.light)
        final = shot.look.stage == "final_composite"
        self.lamps = Lamps(effects.light if final else (), colours, *size, effects.seed)
        self.treatments = Treatments(shot, height_px, width_px)
        self.words = Words(height_px, width_px, effects.text_x, effects.seed)
        self.signs = Words(*size, effects.text_x, effects.seed)
        self.grade = Grade(shot.look, shot.look.seed)
        self.bright = sum(colours.sky[1]) + sum(colours.haze) > 700 or shot.look.stage in UNPAINTED
        # Lines that are the ground itself lie under the figures; a scrolled ground is lines already.
        self.lines_below = shot.place.art == "line_bg"
        # Frames a drawing of lines. Where much of the frame changes with each, twos would flash.
        self.lines_on = 4 if self.lines_below or shot.look.stage in UNPAINTED else 2
        if self.lines_below:
            self.bright = bool(shot.place.seed % 2)

    def restless(self, own: int) -> bool:
        """Whether the composite of frame `own` may differ from the one before though nothing was moved or redrawn."""
        effects = self.shot.effects
        timed = (effects.lines, effects.impacts, effects.elements, effects.manpu)
        return (
            self.lamps.animated
            or self.shot.look.focus == "rack"
            or self.treatments.restless(own)
            or any(active(entries, own) for entries in timed)
        )

    def fit(self, composite: Callable[[int], tuple[np.ndarray, np.ndarray]]) -> None:
        """Find the shot's grade from a few of its frames, where the script asks for one."""
        if self.shot.look.graded:
            n = self.shot.n_filmed
            frames = sorted({n // 8, n // 2, n - 1 - n // 8})
            self.grade.fit(
                self.lamps.shine(picture, frame, mask) for frame in frames for picture, mask in [composite(frame)]
            )

    # -- focus -------------------------------------------------------------------------------------------------

    def _racked(self, own: int) -> float:
        t = np.clip((own / max(1, self.shot.n_frames - 1) - 0.3) / 0.35, 0, 1)
        share = float(t * t * (3 - 2 * t))
        return share if self.shot.look.seed % 2 else 1 - share

    def ground_px(self, own: int) -> float:
        """Softness of what lies behind the figures."""
        share = {"bg_blur": 1.0, "rack": self._racked(own)}.get(self.shot.look.focus, 0.0)
        return 0.0 if self.shot.place.blur else share * _SOFT * self.size[0]

    def figure_px(self, own: int) -> float:
        share = {"fg_blur": 1.0, "rack": 1 - self._racked(own)}.get(self.shot.look.focus, 0.0)
        return share * _SOFT * self.size[0]

    def ground_lines(self, picture: np.ndarray, own: int, head: Head, mask: np.ndarray) -> None:
        """Effect lines that are the background, thick enough to be all of it; in place."""
        if self.lines_below and self.shot.place.motion == "none":
            for kind, _, _ in active(self.shot.effects.lines, own):
                for more in range(3):
                    seed = self.shot.effects.seed + own // self.lines_on + 7919 * more
                    draw_lines(picture, kind, seed, self.shot.effects.lines_angle_deg, self.bright, head, mask)

    def sign(self, picture: np.ndarray, own: int, put: Callable[[np.ndarray, float, float, float], None]) -> None:
        """Signs that stand in the place; `put(cel, x, y, width)` lays one on the artwork."""
        for kind, words, _, _ in active(self.shot.effects.text, own):
            if kind == "diegetic":
                rng = np.random.default_rng([self.shot.effects.seed, 0xD])
                # Where the main figure does not stand before it.
                right = self.shot.acting is not None and self.shot.acting.at_x > 0
                x = -0.72 if right else 0.28
                put(self.signs.setting(kind, words), x, rng.uniform(-0.34, -0.22), 0.44)

    # -- the composite and the frame ---------------------------------------------------------------------------

    def elements(self, picture: np.ndarray, own: int, head: Head, behind: bool) -> None:
        """Effect animation before or behind the figures, in place."""
        for kind, start, _ in active(self.shot.effects.elements, own):
            if (kind in BEHIND) == behind:
                draw_element(picture, kind, self.shot.effects.seed, own - start, head)

    def composite(
        self, picture: np.ndarray, own: int, head: Head, mask: np.ndarray, face: tuple[np.ndarray, float] | None
    ) -> np.ndarray:
        """The composite finished; `face` is the main figure's head space in it."""
        shot, effects = self.shot, self.shot.effects
        for kind, start, _ in active(effects.manpu, own):
            if face is not None:
                draw_symbol(picture, kind, own - start, *face)
        self.elements(picture, own, head, behind=False)
        if shot.look.focus == "full_defocus":
            picture = cv2.GaussianBlur(picture, (0, 0), 1.2 * _SOFT * self.size[0])
        for kind, _, _ in () if self.lines_below else active(effects.lines, own):
            draw_lines(
                picture, kind, effects.seed + own // self.lines_on, effects.lines_angle_deg, self.bright, head, mask
            )
        picture = self.lamps.shine(picture, own, mask)
        picture = self.grade.apply(picture)
        picture = self.treatments.early(picture, own, head, mask)
        for kind, start, _ in active(effects.impacts, own):
            picture = impact(picture, kind, effects.seed, own - start, head, mask)
        return picture

    def delivered(self, picture: np.ndarray, own: int) -> np.ndarray:
        """The enlarged frame with what is laid over it last; may be `picture` itself, changed."""
        picture = self.treatments.late(picture, own)
        above, beside = self.shot.look.border
        rows, columns = round(above * self.height_px), round(beside * self.width_px)
        if rows:
            picture[:rows], picture[-rows:] = 1, 1
        if columns:
            picture[:, :columns], picture[:, -columns:] = 1, 1
        for kind, words, start, end in active(self.shot.effects.text, own):
            if kind != "diegetic":
                self.words.write(picture, kind, words, (own - start) / max(1, end - start - 1))
        return picture
