"""One shot by the second hand: composited small, finished, scaled up, with the noise and unrest of its camera."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import cv2
import numpy as np

from anicaption.drawn import camera, sheet
from anicaption.drawn.script import Shot
from anicaption.drawn.second.abilities import DRAWS
from anicaption.drawn.second.cels import Figure
from anicaption.drawn.second.finish import Finish, active
from anicaption.drawn.second.ground import Ground, chained, put

_NATIVE = 5 / 6  # of the rows delivered is what this studio composites at
_TORN_PCT = 6.0  # of the frame width a frame: from here on a move is streaks
_NOISE = 1.15  # standard deviation of the noise laid over every frame, in 255ths


class SecondShot:
    """Everything about a shot that its frames share; what truth.py asks of a hand lies in plain attributes."""

    draws: Mapping[str, frozenset[str]] = DRAWS

    def __init__(self, shot: Shot, height_px: int, width_px: int) -> None:
        self.shot, self.height_px, self.width_px = shot, height_px, width_px
        self.path = camera.plan(shot.camera, shot.n_filmed, width_px / height_px, shot.lead_in)
        self.native_px = height_px * _NATIVE
        self._size = int(np.ceil(self.native_px)), int(np.ceil(width_px * _NATIVE))
        self.sheets = sheet.sheets_of(shot)
        cast = [(shot.acting, shot.character), *((role.acting, role.character) for role in shot.others)]
        # Panels are filmed as long as the picture they stand beside, joints included.
        beside = [replace(panel, into=shot.into, out=shot.out) for panel in shot.split]
        self.panels = [SecondShot(panel, height_px, width_px) for panel in beside]
        self.figures = [Figure(acting, who, shot.place.light, shot.look) for acting, who in cast if acting and who]

    @property
    def proportion(self) -> str:
        """style.proportion of the main figure."""
        return self.figures[0].build.proportion if self.figures else "na"

    def frames(self) -> Iterator[np.ndarray]:
        """Finished RGB frames (height_px, width_px, 3), one per filmed frame, without transitions."""
        shot = self.shot
        ground = Ground(shot, self.path, self.native_px)
        finish = Finish(shot, self._size, self.height_px, self.width_px)
        finish.fit(lambda frame: self._laid(ground, finish, frame))
        rng = np.random.default_rng([shot.seed, 0x2])
        noise = rng.normal(0, _NOISE, (self.height_px + 48, self.width_px + 48)).astype(np.float32)
        noise = np.rint(cv2.GaussianBlur(noise, (0, 0), 0.6) * 1.6).astype(np.int16)
        beside = [panel.frames() for panel in self.panels]
        last_key, last = None, None
        for frame in range(shot.n_filmed):
            own = self._own(frame)
            key = self._key(frame, ground)
            if key != last_key or last is None:
                picture, mask = self._laid(ground, finish, frame)
                picture = finish.composite(picture, own, self.head_at(frame), mask, self._face(frame))
                last_key, last = (None if finish.restless(own) else key), self._enlarged(picture)
            y, x = rng.integers(0, 48, 2)
            layer = noise[y : y + self.height_px, x : x + self.width_px, None]
            picture = np.clip(last.astype(np.int16) + layer, 0, 255).astype(np.uint8)
            yield finish.delivered(_paneled(picture, [next(pictures) for pictures in beside]), own)
        for figure in self.figures:
            figure.forget()

    def _own(self, frame: int) -> int:
        """The shot's own number of a filmed frame: what begins or ends with the shot goes on through its joints."""
        return min(max(frame - self.shot.lead_in, 0), self.shot.n_frames - 1)

    def _key(self, frame: int, ground: Ground) -> tuple:
        drawn = [(one.drawings[frame], one.travel[frame], one.shift(frame)) for one in self.sheets]
        own, effects = self._own(frame), self.shot.effects
        timed = (effects.composite, effects.text, effects.lines, effects.impacts, effects.elements, effects.manpu)
        on = [active(entries, own) for entries in timed]
        return self.path.states_T4[frame].tobytes(), drawn, ground.key(frame), on

    def _laid(self, ground: Ground, finish: Finish, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Planes and figures for this frame, and the figures' alpha in it."""
        picture, mask = np.empty((*self._size, 3), np.uint8), np.zeros(self._size, np.uint8)
        own, lens = self._own(frame), self.path.affine(frame, 1.0, self.native_px)

        def stand(cel: np.ndarray, x: float, y: float, wide: float) -> None:
            scale = wide / cel.shape[1]
            put(picture, cel, chained(lens, np.array([[scale, 0, x], [0, scale, y]])))

        ground.behind(picture, frame)
        fast = self.path.speed_pct(frame) >= _TORN_PCT
        if fast and "follow" in self.shot.camera.moves:
            picture = self._torn(picture, frame)
        finish.ground_lines(picture, own, self.head_at(frame), mask)
        finish.sign(picture, own, stand)
        if (soft_px := finish.ground_px(own)) > 0.3:
            picture = cv2.GaussianBlur(picture, (0, 0), soft_px)
        finish.elements(picture, own, self.head_at(frame), behind=True)
        order = [i for i, role in enumerate(self.shot.others, 1) if not role.in_front]
        order += [0] if self.figures else []
        order += [i for i, role in enumerate(self.shot.others, 1) if role.in_front]
        for i in order:
            cel = self.figures[i].cel(self.sheets[i].drawings[frame], self._cel_px(), self.native_px, self._seen(i))
            placed = chained(self._lens(frame), chained(self._placed(i, frame), cel.to_artwork))
            put(picture, cel.image, placed, finish.figure_px(own), mask)
        ground.before(picture, frame)
        if fast and "follow" not in self.shot.camera.moves:
            picture = self._torn(picture, frame)
        return picture, mask

    def _face(self, frame: int) -> tuple[np.ndarray, float] | None:
        """(2, 3) from the space of the main figure's head to the composite, and the middle of its face there."""
        if not self.figures or not active(self.shot.effects.manpu, self._own(frame)):
            return None
        matrix, face_x = self.figures[0].face(self.sheets[0].drawings[frame])
        return chained(self._lens(frame), chained(self._placed(0, frame), matrix)), face_x

    def _torn(self, picture: np.ndarray, frame: int) -> np.ndarray:
        """The picture over the way it goes while the shutter is open: the mean of where it was and will be."""
        size, way = self._size[::-1], self.path.steps(frame)
        total = np.zeros(picture.shape, np.float32)
        here = self.path.affine_of(self.path.smooth_T4[frame], self.native_px)
        back = np.linalg.inv(np.vstack([here, [0, 0, 1]]))
        n = 12
        for share in (np.arange(n) + 0.5) / n - 0.5:
            there = self.path.affine_of(self.path.smooth_T4[frame] + 0.9 * share * way, self.native_px)
            moved = there @ back
            total += cv2.warpAffine(picture, moved, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return np.rint(cv2.blur(total / n, (3, 3))).astype(np.uint8)

    def _enlarged(self, picture: np.ndarray) -> np.ndarray:
        """The delivered size: a plain cubic enlargement, which is what makes this studio's pictures a little soft."""
        scale = 1 / _NATIVE
        offset = 0.5 * scale - 0.5
        matrix = np.array([[scale, 0, offset], [0, scale, offset]])
        return cv2.warpAffine(
            picture, matrix, (self.width_px, self.height_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )

    def _cel_px(self) -> float:
        if "dolly_zoom" in self.shot.camera.moves:
            return self.native_px
        return self.native_px * float(np.clip(np.exp(self.path.smooth_T4[:, 2].max()), 0.5, 2.0))

    def _lens(self, frame: int) -> np.ndarray:
        """(2, 3) from the figures' artwork to the composited frame."""
        if "dolly_zoom" in self.shot.camera.moves:
            return self.path.affine_locked(frame, self.native_px)
        return self.path.affine(frame, 1.0, self.native_px)

    def _placed(self, i: int, frame: int) -> np.ndarray:
        """(2, 3) that puts figure i on the artwork: travel, slide and swing about its waist, or along with a follow."""
        one = self.sheets[i]
        x, y, turn_deg = one.shift(frame)
        turn = np.radians(turn_deg)
        matrix = np.array([[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0]])
        head_y, unit = self.figures[i].head
        pivot = np.array([one.acting.at_x, head_y + 0.4 * self.figures[i].build.height * unit])
        matrix[:, 2] = pivot - matrix[:, :2] @ pivot + [x + one.travel[frame], y]
        if "follow" in self.shot.camera.moves:
            matrix[:, 2] += self.path.smooth_T4[frame, :2]
        return matrix

    def _seen(self, i: int) -> tuple[float, float, float, float]:
        """The artwork of figure i that any frame can show, in coordinates before it is placed."""
        box = np.array(self.path.extent(1.0))
        aspect = self.width_px / self.height_px
        if "follow" in self.shot.camera.moves:
            box = np.array([-aspect / 2 - 0.12, -0.62, aspect / 2 + 0.12, 0.62])
        if "dolly_zoom" in self.shot.camera.moves:
            box = np.array([-aspect, -1.0, aspect, 1.0])
        one = self.sheets[i]
        moved = np.array([[*one.shift(f)[:2], t] for f, t in enumerate(one.travel)])
        x, y = np.abs(moved[:, 0] + moved[:, 2]).max() + 0.08, np.abs(moved[:, 1]).max() + 0.08
        return tuple((box + np.array([-x, -y, x, y])).round(6).tolist())  # pyright: ignore[reportReturnType]

    def head_at(self, frame: int) -> tuple[float, float, float]:
        """The main figure's head in the composited frame: x, y, height in pixels; the middle where there is none."""
        if not self.figures:
            return self.width_px * _NATIVE / 2, 0.45 * self.native_px, 0.22 * self.native_px
        head_y, unit = self.figures[0].head
        matrix = chained(self._lens(frame), self._placed(0, frame))
        x, y = matrix[:, :2] @ [self.sheets[0].acting.at_x, head_y] + matrix[:, 2]
        return float(x), float(y), float(unit * np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def _paneled(picture: np.ndarray, beside: list[np.ndarray]) -> np.ndarray:
    """A split screen: strips of the middles of several pictures between upright black gutters."""
    if not beside:
        return picture
    height, width = picture.shape[:2]
    n, gutter = len(beside) + 1, max(2, round(0.012 * height))
    wide = width // n
    out = np.zeros_like(picture)
    for i, one in enumerate([*beside[:1], picture, *beside[1:]]):
        left = i * wide
        right = width if i == n - 1 else left + wide - gutter
        from_x = (width - (right - left)) // 2
        out[:, left:right] = one[:, from_x : from_x + right - left]
    return out
