"""Comic symbols (漫符) of the second hand, drawn in the space of the main figure's head."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from anicaption.drawn.second.brush import Rgb, ellipse

_ON = 3  # frames a drawing
BESIDE = frozenset({"anger_vein", "sweat_drop", "heart", "exclaim", "steam_breath", "note"})  # not on the face itself
_INK: Rgb = (40, 34, 46)


class Skull:
    """A head in the frame: `matrix` (2, 3) takes head space (height 1, centre 0, facing right) to pixels."""

    def __init__(self, picture: np.ndarray, matrix: np.ndarray, face_x: float, beat: int) -> None:
        self.picture, self.matrix, self.fx, self.beat = picture, matrix, face_x, beat
        self.size = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        self._shapes: list[tuple[np.ndarray, Rgb, float]] = []

    def px(self, points) -> np.ndarray:
        return np.asarray(points, float) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def patch(self, points, rgb: Rgb, ink: bool = True) -> None:
        self._shapes.append((self.px(points), rgb, 0.0))
        if ink:
            self.line(np.vstack([points, np.asarray(points)[:1]]), _INK, 0.018)

    def line(self, points, rgb: Rgb, wide: float) -> None:
        self._shapes.append((self.px(points), rgb, wide))

    def ink(self, kept: bool) -> None:
        """Everything onto the picture; where it is to be `kept` in the frame, moved there as one."""
        height, width = self.picture.shape[:2]
        shift = np.zeros(2)
        if kept:
            every = np.concatenate([points for points, _, _ in self._shapes])
            low, high = every.min(0), every.max(0)
            room, margin = np.array([width, height]), 0.03 * height
            shift = np.maximum(margin - low, 0) - np.maximum(high - (room - margin), 0)
        for points, rgb, wide in self._shapes:
            fixed = np.rint((points + shift) * 8).astype(np.int32)
            if wide:
                thick = max(1, round(wide * self.size))
                cv2.polylines(self.picture, [fixed], False, rgb, thick, cv2.LINE_AA, 3)
            else:
                cv2.fillPoly(self.picture, [fixed], rgb, cv2.LINE_AA, 3)

    def eyes(self) -> list[tuple[float, float]]:
        return [(self.fx + side * 0.185, 0.06) for side in (-1, 1)]


def draw_symbol(picture: np.ndarray, kind: str, at: int, matrix: np.ndarray, face_x: float) -> None:
    """The symbol's drawing exposed `at` frames after its start, onto `picture` (H, W, 3) in place."""
    if kind not in SYMBOLS:
        raise ValueError(f"drawn.second.symbols: {kind!r} is not one of {', '.join(SYMBOLS)}")
    skull = Skull(picture, matrix, face_x, at // _ON)
    SYMBOLS[kind](skull)
    skull.ink(kept=kind in BESIDE)


def _anger(s: Skull) -> None:
    x, y, r = 0.40, -0.46, 0.15 + 0.015 * (s.beat % 2)
    for a in (45, 135, 225, 315):
        corner = np.array([x, y]) + r * np.array([np.cos(np.radians(a)), np.sin(np.radians(a))])
        ends = [
            np.array([x, y]) + 0.95 * r * np.array([np.cos(np.radians(a + k)), np.sin(np.radians(a + k))])
            for k in (-38, 38)
        ]
        bow = 0.25 * np.array([x, y]) + 0.75 * corner - (corner - [x, y]) * 0.45
        s.line([ends[0], bow, ends[1]], (206, 40, 40), 0.055)


def _sweat(s: Skull) -> None:
    x, y = -0.56, -0.22 + 0.05 * (s.beat % 4)
    drop = np.concatenate([[(x + 0.04, y - 0.22)], ellipse((x, y), 0.085, 0.10, 0, 14, -30, 210)])
    s.patch(drop, (196, 226, 240))
    s.line([(x - 0.03, y + 0.02), (x - 0.02, y + 0.05)], (250, 254, 255), 0.03)


def _blush(s: Skull) -> None:
    for x, _ in s.eyes():
        for k in (-0.06, -0.01, 0.04):
            x1 = x + k * 1.1 + (0.06 if x > s.fx else -0.06)
            s.line([(x1 - 0.015, 0.27), (x1 + 0.025, 0.19)], (222, 84, 84), 0.022)


def _gloom(s: Skull) -> None:
    for k, x in enumerate(np.linspace(s.fx - 0.34, s.fx + 0.30, 9)):
        s.line([(x, -0.44), (x, -0.12 + 0.10 * ((k * 7 + s.beat) % 3) / 2)], (70, 80, 128), 0.018)


def _heart(s: Skull) -> None:
    for k, (x, y, r) in enumerate(((0.55, -0.42, 0.14), (0.74, -0.66, 0.09), (-0.60, -0.50, 0.11))):
        y = y - 0.03 * ((s.beat + k) % 3)
        t = np.linspace(0, 2 * np.pi, 26, endpoint=False)
        shape = np.stack(
            [16 * np.sin(t) ** 3, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))], 1
        )
        s.patch(shape * r / 16 + [x, y], (232, 90, 116))


def _star(x: float, y: float, r: float, n: int = 4, inner: float = 0.3) -> np.ndarray:
    t = np.arange(2 * n) * np.pi / n - np.pi / 2
    reach = np.where(np.arange(2 * n) % 2, inner, 1.0) * r
    return np.stack([x + reach * np.cos(t), y + reach * np.sin(t)], 1)


def _sparkle_eyes(s: Skull) -> None:
    for x, y in s.eyes():
        s.patch(ellipse((x, y), 0.115, 0.135), (54, 48, 84))
        s.patch(_star(x, y, 0.10 + 0.012 * (s.beat % 2)), (255, 246, 170), ink=False)
        s.patch(ellipse((x + 0.05, y + 0.07), 0.02, 0.02), (255, 255, 255), ink=False)


def _blank_eyes(s: Skull) -> None:
    for x, y in s.eyes():
        s.patch(ellipse((x, y), 0.12, 0.14), (252, 252, 250))


def _tears(s: Skull) -> None:
    for x, y in s.eyes():
        t = np.linspace(0, 1, 8)
        wave = 0.012 * np.sin(9 * t + 2 * s.beat)
        left, right = (
            np.stack([x - 0.055 + wave, y + 0.08 + 0.5 * t], 1),
            np.stack([x + 0.055 + wave, y + 0.08 + 0.5 * t], 1),
        )
        s.patch(np.concatenate([left, right[::-1]]), (170, 214, 238))
        s.line(left + np.array([0.05, 0.0]), (240, 250, 255), 0.025)


def _exclaim(s: Skull) -> None:
    lift = 0.03 * (s.beat % 2)
    for x, lean in ((0.42, 0.10), (0.60, 0.22)):
        top = (x + lean, -0.98 - lift)
        s.patch(
            [(top[0] - 0.06, top[1]), (top[0] + 0.06, top[1] + 0.02), (x + 0.02, -0.68), (x - 0.03, -0.68)],
            (236, 70, 50),
        )
        s.patch(ellipse((x - 0.02, -0.58), 0.04, 0.04), (236, 70, 50))
    for a in (-150, -120, -100):
        way = np.array([np.cos(np.radians(a)), np.sin(np.radians(a))])
        s.line([0.62 * way, 0.82 * way], _INK, 0.028)


def _steam(s: Skull) -> None:
    for k in range(3):
        age = ((s.beat + 2 * k) % 6) / 6
        x, y, r = s.fx + 0.30 + 0.36 * age, 0.36 - 0.10 * age, 0.06 + 0.08 * age
        t = np.linspace(0, 2 * np.pi, 22, endpoint=False)
        s.patch(
            np.stack(
                [x + r * (1 + 0.15 * np.sin(5 * t)) * np.cos(t), y + r * (1 + 0.15 * np.sin(5 * t)) * np.sin(t)], 1
            ),
            (244, 246, 246),
        )


def _note(s: Skull) -> None:
    for k, (x, y) in enumerate(((0.58, -0.52), (-0.62, -0.60))):
        y = y + 0.05 * np.sin(1.1 * s.beat + 2 * k)
        s.patch(ellipse((x, y), 0.075, 0.055, 20), (60, 54, 92), ink=False)
        s.line([(x + 0.068, y - 0.02), (x + 0.068, y - 0.30), (x + 0.17, y - 0.22)], (60, 54, 92), 0.032)


SYMBOLS: dict[str, Callable[[Skull], None]] = {
    "anger_vein": _anger, "sweat_drop": _sweat, "blush": _blush, "gloom_lines": _gloom, "heart": _heart,
    "sparkle_eyes": _sparkle_eyes, "blank_eyes": _blank_eyes, "comic_tears": _tears, "exclaim": _exclaim,
    "steam_breath": _steam, "note": _note,
}  # fmt: skip
