"""Comic symbols (漫符) on and beside the main figure's face, drawn in place; each moves a little on threes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from anicaption.drawn.effects import Spot, star
from anicaption.drawn.effects_paint import blob, paint, ragged_ring
from anicaption.drawn.ink import Rgb, fixed, sides, spline

_INK: Rgb = (44, 32, 48)
_EXPOSURE = 3  # frames per drawing


class Face(NamedTuple):
    """The main figure's face in the frame: `at(x, y)` takes its own units (x towards where it looks) to pixels."""

    frame: np.ndarray
    spot: Spot
    yaw: float
    side: int  # 1 looks right, -1 left
    beat: int

    def at(self, points) -> np.ndarray:
        unit = self.spot.head
        tilt = np.radians(self.spot.tilt_deg)
        turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
        return np.array([self.spot.x, self.spot.y]) + np.asarray(points, float) * [self.side * unit, unit] @ turn

    def eye(self, which: int) -> tuple[float, float]:
        """The middle of an eye: -1 the near one, 1 the far one."""
        return which * 0.200 + 0.135 * self.yaw, 0.105


def draw_mark(frame: np.ndarray, kind: str, at: int, spot: Spot, yaw: float, mirrored: bool) -> None:
    """Frame `at` of a symbol's span, in place; `yaw` (0 front .. 1 profile) and `mirrored` are the face's."""
    if kind not in _MARKS:
        raise ValueError(f"drawn.marks: {kind!r} is not one of {', '.join(KINDS)}")
    _MARKS[kind](Face(frame, spot, yaw, -1 if mirrored else 1, at // _EXPOSURE))


def _inked(face: Face, points, rgb: Rgb, width: float = 0.018) -> None:
    """A shape with an ink line round it."""
    outline = face.at(points)
    paint(face.frame, outline, rgb)
    thick = max(1, round(width * face.spot.head))
    cv2.polylines(face.frame, [fixed(outline)], True, _INK, thick, cv2.LINE_AA, 4)


def _stroke(face: Face, points, width: float, rgb: Rgb, taper: bool = True) -> None:
    line = face.at(points)
    t = np.linspace(0, 1, len(line))
    half = width * face.spot.head / 2 * (np.sin(np.pi * (0.15 + 0.7 * t)) if taper else np.ones(len(line)))
    left, right = sides(line, np.maximum(half, 0.5))
    paint(face.frame, np.concatenate([left, right[::-1]]), rgb)


def _anger_vein(face: Face) -> None:
    """Four bent strokes around a cross, throbbing, at the temple."""
    size = 0.115 + 0.018 * (face.beat % 2)
    for quarter in range(4):
        a = quarter * np.pi / 2
        turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        bend = spline(np.array([[0.28, 1.0], [0.30, 0.30], [1.0, 0.28]]) * size, 6) @ turn
        centre = np.array([-0.30, -0.34])
        _stroke(face, centre + bend, 0.060, (255, 255, 255), taper=False)
        _stroke(face, centre + bend, 0.042, (214, 32, 40), taper=False)


def _drop(size: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    return size * np.stack([0.55 * np.sin(t) * np.sin(t / 2) ** 0.8, -np.cos(t) * 0.95], 1)


def _sweat_drop(face: Face) -> None:
    """A large drop that slides down beside the face."""
    y = -0.36 + 0.05 * (face.beat % 5)
    centre = np.array([-0.47, y])
    _inked(face, centre + _drop(0.17), (170, 218, 250))
    paint(face.frame, face.at(centre + [-0.035, 0.06] + 0.35 * _drop(0.10)), (255, 255, 255))


def _blush(face: Face) -> None:
    """Patches of red with slanting strokes on both cheeks."""
    for which in (-1, 1):
        x = which * 0.25 + 0.13 * face.yaw
        layer = face.frame.copy()
        patch = face.at([[x + 0.105 * np.cos(a), 0.245 + 0.055 * np.sin(a)] for a in np.linspace(0, 2 * np.pi, 20)])
        paint(layer, patch, (250, 112, 112))
        face.frame[...] = cv2.addWeighted(face.frame, 0.42, layer, 0.58, 0)
        for k in (-1.5, -0.5, 0.5, 1.5):
            _stroke(face, [[x + 0.045 * k + 0.016, 0.20], [x + 0.045 * k, 0.245], [x + 0.045 * k - 0.016, 0.285]],
                    0.018, (214, 58, 66))  # fmt: skip


def _gloom_lines(face: Face) -> None:
    """縦線: upright lines from the crown over half the face, the face above them blue."""
    top = [[-0.40 + 0.08 * face.yaw, -0.30], [0.40 + 0.08 * face.yaw, -0.30]]
    layer = face.frame.copy()
    paint(layer, face.at([*top, [0.40 + 0.1 * face.yaw, 0.06], [-0.38 + 0.1 * face.yaw, 0.06]]), (104, 122, 186))
    face.frame[...] = cv2.addWeighted(face.frame, 0.55, layer, 0.45, 0)
    for k in range(11):
        x = -0.36 + 0.072 * k + 0.08 * face.yaw
        long = 0.36 + 0.12 * ((k * 7 + face.beat) % 3) / 2
        _stroke(face, [[x, -0.32], [x, -0.32 + long / 2], [x, -0.32 + long]], 0.016, (44, 48, 110))


def _heart_shape(size: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 26, endpoint=False)
    x, y = 16 * np.sin(t) ** 3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return size * np.stack([x / 17, -y / 17], 1)


def _heart(face: Face) -> None:
    """Hearts that float up beside the head."""
    for k, (x, phase) in enumerate(((0.62, 0.0), (0.80, 0.45))):
        rise = (face.beat / 7 + phase) % 1.0
        size = (0.16 - 0.05 * k) * (0.7 + 0.5 * rise)
        _inked(face, np.array([x + 0.04 * np.sin(6 * rise), 0.02 - 0.55 * rise]) + _heart_shape(size), (250, 92, 140))


def _sparkle_eyes(face: Face) -> None:
    """Stars for highlights in both eyes, and twinkles around."""
    size = 0.085 + 0.02 * (face.beat % 2)
    for which in (-1, 1):
        x, y = face.eye(which)
        for dx, dy, share in ((-0.02, -0.03, 1.0), (0.045, 0.065, 0.55)):
            paint(
                face.frame,
                star(face.at([[x + dx, y + dy]])[0], share * size * face.spot.head, 4, 0.34),
                (255, 255, 255),
            )
    for x, y, phase in ((-0.58, -0.28, 0), (0.60, -0.10, 1), (0.48, -0.48, 0)):
        shown = 0.11 if (face.beat + phase) % 2 else 0.07
        paint(face.frame, star(face.at([[x, y]])[0], shown * face.spot.head, 4, 0.22), (255, 240, 150))


def _blank_eyes(face: Face) -> None:
    """白目: round white eyes without pupils."""
    t = np.linspace(0, 2 * np.pi, 26, endpoint=False)
    for which in (-1, 1):
        x, y = face.eye(which)
        narrow = 1 - 0.28 * max(0.0, face.yaw * which)
        shape = np.stack([x + 0.150 * narrow * np.cos(t), y + 0.165 * np.sin(t)], 1)
        _inked(face, shape, (255, 255, 255), 0.026)


def _comic_tears(face: Face) -> None:
    """滝涙: a stream from each eye down the face, its edges running."""
    for which in (-1, 1):
        x, y = face.eye(which)
        t = np.linspace(0, 1, 9)
        wave = 0.012 * np.sin(9 * t - 1.9 * face.beat)
        left = np.stack([x - 0.085 - 0.02 * t + wave, y + 0.05 + 0.52 * t], 1)
        right = np.stack([x + 0.085 + 0.02 * t + wave, y + 0.05 + 0.52 * t], 1)
        _inked(face, np.concatenate([left, right[::-1]]), (176, 222, 255), 0.014)
        for k in (-0.4, 0.35):
            shift = 0.13 * ((face.beat + (k > 0)) % 3)
            run = [[x + 0.085 * k, y + 0.08 + shift + down] for down in (0.0, 0.09, 0.18)]
            _stroke(face, run,
                    0.026, (255, 255, 255))  # fmt: skip


def _exclaim(face: Face) -> None:
    """An exclamation mark that jumps, with strokes of surprise."""
    lift = -0.04 if face.beat % 2 else 0.0
    bar = np.array([[-0.055, -0.30], [0.055, -0.30], [0.030, 0.06], [-0.030, 0.06]])
    bar[:, 0] += 0.60 - 0.10 * bar[:, 1]
    _inked(face, bar + np.array([0, lift - 0.42]), (252, 214, 52), 0.024)
    dot = np.array([[0.045 * np.cos(a), 0.045 * np.sin(a)] for a in np.linspace(0, 2 * np.pi, 14)[:-1]])
    _inked(face, dot + np.array([0.59, lift - 0.28]), (252, 214, 52), 0.024)
    for angle in (-2.5, -2.1, -1.7):
        way = np.array([np.cos(angle), np.sin(angle)])
        _stroke(face, [way * 0.66, way * 0.76, way * 0.88], 0.036, _INK)


def _steam_breath(face: Face) -> None:
    """Puffs blown from the mouth to the side, fading as they go."""
    for phase in (0.0, 0.5):
        t = (face.beat / 5 + phase) % 1.0
        centre = face.at([[0.30 + 0.50 * t, 0.40 + 0.10 * t]])[0]
        layer = face.frame.copy()
        radius = face.spot.head * (0.08 + 0.13 * t)
        for dx, dy, size in ((0, 0, 1.0), (0.8, -0.3, 0.7), (-0.6, 0.3, 0.6)):
            ring = ragged_ring(centre + np.array([dx * face.side, dy]) * radius, size * radius, 9, 0.08, face.beat)
            paint(layer, ring, (250, 250, 255))
        share = 0.9 * (1 - 0.6 * t)
        face.frame[...] = cv2.addWeighted(face.frame, 1 - share, layer, share, 0)


def _note(face: Face) -> None:
    """Notes that swing up beside the head."""
    for x, phase, tone in ((0.66, 0.0, (60, 130, 220)), (0.90, 0.5, (240, 120, 70))):
        rise = (face.beat / 8 + phase) % 1.0
        swing, y = 0.05 * np.sin(2 * np.pi * rise * 1.5), -0.02 - 0.55 * rise
        oval = np.array([[0.075 * np.cos(a), 0.055 * np.sin(a)] for a in np.linspace(0, 2 * np.pi, 16)[:-1]])
        for grow, rgb in ((0.024, (255, 255, 255)), (0.0, tone)):
            scale = 1 + grow * 16
            paint(face.frame, face.at(oval * scale + [x + swing, y]), rgb)
            stem = [[x + swing + 0.065, y], [x + swing + 0.068, y - 0.14], [x + swing + 0.07, y - 0.27]]
            _stroke(face, stem, 0.030 + 2 * grow, rgb, taper=False)
            flag = blob(
                np.array([[0.06, -0.28], [0.17, -0.20], [0.15, -0.10], [0.12, -0.17], [0.06, -0.20]]) * scale, 4
            )
            paint(face.frame, face.at(flag + np.array([x + swing, y])), rgb)


_MARKS: dict[str, Callable[[Face], None]] = {
    "anger_vein": _anger_vein, "sweat_drop": _sweat_drop, "blush": _blush, "gloom_lines": _gloom_lines, "heart": _heart,
    "sparkle_eyes": _sparkle_eyes, "blank_eyes": _blank_eyes, "comic_tears": _comic_tears, "exclaim": _exclaim,
    "steam_breath": _steam_breath, "note": _note,
}  # fmt: skip
KINDS = tuple(_MARKS)
ON_FACE = ("blush", "gloom_lines", "sparkle_eyes", "blank_eyes", "comic_tears")  # must follow the drawn face exactly
