"""One shot: planes, figures, camera and finish become frames, as the script and its exposure sheets say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from anicaption.drawn import camera, ground, sheet
from anicaption.drawn.cels import Figure
from anicaption.drawn.effects import Spot
from anicaption.drawn.finish import Finish
from anicaption.drawn.framing import HEAD_HEIGHT, head_y
from anicaption.drawn.lay import chained, lay, lay_panels, streak_pct, streaked
from anicaption.drawn.palette import palette
from anicaption.drawn.props import draw_prop
from anicaption.drawn.script import Shot

_FIXED = frozenset({"follow"})  # moves that take the figures along


class DrawnShot:
    """Everything about a shot that its frames share. `frames()` yields every filmed frame, lead-in and lead-out too.

    What truth.py asks of a hand: shot, path, width_px, height_px, draws and proportion.
    """

    draws: Mapping[str, frozenset[str]] = {}  # all that a script can ask for

    def __init__(self, shot: Shot, height_px: int, width_px: int) -> None:
        self.shot, self.height_px, self.width_px = shot, height_px, width_px
        self.path = camera.plan(shot.camera, shot.n_filmed, width_px / height_px, shot.lead_in)
        self.colours = palette(shot.place.light, shot.place.seed)
        self.sheets = sheet.sheets_of(shot)
        cast = [(shot.acting, shot.character), *((role.acting, role.character) for role in shot.others)]
        # Panels are filmed as long as the picture they stand beside, transitions included.
        panels = [replace(panel, into=shot.into, out=shot.out) for panel in shot.split]
        self._panels = [DrawnShot(panel, height_px, width_px) for panel in panels]
        self._thing: tuple[np.ndarray, np.ndarray] | None = None
        self._figures = [Figure(acting, who, self.colours, shot.look) for acting, who in cast if acting and who]

    @property
    def proportion(self) -> str:
        """style.proportion of the main figure."""
        return "standard" if self._figures else "na"

    def drawing_new(self) -> np.ndarray:
        """1.0 where a figure's exposed drawing differs from the frame before, float32 (n_filmed,); NaN without one."""
        return sheet.drawing_new(self.shot)

    def frames(self) -> Iterator[np.ndarray]:
        """Finished RGB frames (height_px, width_px, 3), one per filmed frame, without transitions."""
        shot = self.shot
        back = ground.Ground(shot, self.path, self.height_px)
        finish = Finish(shot, self.colours, self.height_px, self.width_px)
        finish.fit(lambda frame: self._composite(back, frame, finish))
        panels = [panel.frames() for panel in self._panels]
        last_key, last = None, None
        for frame in range(shot.n_filmed):
            # What begins or ends with the shot goes on through the dissolves at its ends.
            own = min(max(frame - shot.lead_in, 0), shot.n_frames - 1)
            key = self._key(frame, back)
            beside = [next(pictures) for pictures in panels]
            moving = finish.moves(own)
            if key == last_key and last is not None and not moving and not beside:
                yield last
                continue
            picture, mask = self._composite(back, frame, finish)
            picture = lay_panels(picture, beside)
            picture = finish.finished(picture, own, self.spot(frame), mask)
            last_key, last = (None, None) if moving else (key, picture)
            yield picture
        for figure in self._figures:
            figure.forget()  # an episode holds many shots, and the truth needs none of their pictures

    def _key(self, frame: int, back: ground.Ground) -> tuple:
        """What decides the frame before it is finished: frames of equal keys are equal pictures."""
        drawn = [(one.drawings[frame], one.travel[frame], one.shift(frame)) for one in self.sheets]
        return self.path.states_T4[frame].tobytes(), drawn, back.key(frame), streak_pct(self.path, frame)

    def _composite(self, back: ground.Ground, frame: int, finish: Finish) -> tuple[np.ndarray, np.ndarray | None]:
        """Planes and figures laid for this frame, and the figures' alpha (H, W) in it."""
        picture = np.empty((self.height_px, self.width_px, 3), np.uint8)
        mask = np.zeros(picture.shape[:2], np.uint8) if self._figures else None
        fast = streak_pct(self.path, frame) > 0
        fixed = bool(_FIXED & set(self.shot.camera.moves))
        back.lay_behind(picture, frame)
        if fast and fixed:
            picture = streaked(picture, self.path, frame)
        finish.ground(picture, frame)
        self._lay_figures(picture, frame, finish, mask)
        back.lay_before(picture, frame)
        if fast and not fixed:
            picture = streaked(picture, self.path, frame)
        return picture, mask

    def _lay_figures(self, picture: np.ndarray, frame: int, finish: Finish, mask: np.ndarray | None) -> None:
        """Figures behind the main one, the main one, and those in front of it; or the thing of an insert."""
        if self.shot.insert:
            if self._thing is None:
                self._thing = draw_prop(self.shot.insert, self.colours, self.height_px, self.shot.seed)
            image, to_artwork = self._thing
            lay(picture, image, chained(self._lens(frame), to_artwork), finish.softness_px(frame), mask)
        order = [i for i, role in enumerate(self.shot.others, 1) if not role.in_front]
        order += [0] if self._figures else []
        order += [i for i, role in enumerate(self.shot.others, 1) if role.in_front]
        for i in order:
            cel = self._figures[i].cel(self.sheets[i].drawings[frame], self._cel_px(), self._seen(i))
            placed = chained(self._placed(i, frame), cel.to_artwork)
            lay(picture, cel.image, chained(self._lens(frame), placed), finish.softness_px(frame), mask)

    def _cel_px(self) -> float:
        """Pixels a frame height at which cels are drawn: what the nearest frame shows, within reason."""
        if "dolly_zoom" in self.shot.camera.moves:
            return self.height_px
        return self.height_px * float(np.clip(np.exp(self.path.smooth_T4[:, 2].max()), 0.5, 2.0))

    def _lens(self, frame: int) -> np.ndarray:
        """(2, 3) from the figures' artwork to the frame."""
        if "dolly_zoom" in self.shot.camera.moves:
            return self.path.affine_locked(frame, self.height_px)
        return self.path.affine(frame, 1.0, self.height_px)

    def _placed(self, i: int, frame: int) -> np.ndarray:
        """(2, 3) that puts figure i's cel where it lies on the artwork at this frame: travel, slide, swing, follow."""
        one = self.sheets[i]
        x, y, turn_deg = one.shift(frame)
        turn = np.radians(turn_deg)
        matrix = np.array([[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0]])
        pivot = np.array([one.acting.at_x, head_y(one.acting) + 2 * HEAD_HEIGHT[one.acting.size]])
        matrix[:, 2] = pivot - matrix[:, :2] @ pivot + [x + one.travel[frame], y]
        if _FIXED & set(self.shot.camera.moves):
            matrix[:, 2] += self.path.smooth_T4[frame, :2]
        return matrix

    def _seen(self, i: int) -> tuple[float, float, float, float]:
        """The artwork of figure i that any frame can show, in its coordinates before it is placed."""
        box = np.array(self.path.extent(1.0))
        aspect = self.width_px / self.height_px
        if _FIXED & set(self.shot.camera.moves):
            box = np.array([-aspect / 2 - 0.1, -0.6, aspect / 2 + 0.1, 0.6])
        if "dolly_zoom" in self.shot.camera.moves:
            box = np.array([-aspect, -1.0, aspect, 1.0])
        moved = np.array([[*self.sheets[i].shift(f)[:2], t] for f, t in enumerate(self.sheets[i].travel)])
        reach_x, reach_y = np.abs(moved[:, 0] + moved[:, 2]).max() + 0.06, np.abs(moved[:, 1]).max() + 0.06
        return tuple((box + np.array([-reach_x, -reach_y, reach_x, reach_y])).round(6).tolist())

    def spot(self, frame: int) -> Spot:
        """Where the main figure's head is in filmed frame `frame`; the frame's middle where there is none."""
        height, width = self.height_px, self.width_px
        if not self._figures:
            return Spot(width / 2, 0.45 * height, 0.2 * height)
        at_x, at_y, size, tilt_deg = self._figures[0].head(self.sheets[0].drawings[frame])
        matrix = chained(self._lens(frame), self._placed(0, frame))
        x, y = matrix[:, :2] @ [at_x, at_y] + matrix[:, 2]
        turned_deg = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
        size *= np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        return Spot(float(x), float(y), float(size), float(tilt_deg + turned_deg))
