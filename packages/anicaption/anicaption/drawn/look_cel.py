"""Line and shading of the first hand's cels: one figure inked and painted as its look says.

A figure is inked twice, without shadows and with hard ones; where the two differ is where shadow lies, and every
other shading is made of that shape. Cels are premultiplied RGBA uint8 (H, W, 4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from anicaption.drawn.ink import Rgb, mix
from anicaption.drawn.model import Tones
from anicaption.drawn.script import Look

LINES = ("lineless", "thin_uniform", "medium_uniform", "bold", "tapered_brush", "rough", "colored_trace")
SHADINGS = ("no_shadow", "two_tone", "three_tone", "black_shadow", "soft_gradient", "painterly", "hatched")
_TRACES: tuple[Rgb, ...] = ((186, 62, 40), (52, 84, 196), (150, 52, 150), (34, 124, 92))
_PAPER: Rgb = (250, 249, 245)
_LEAD: Rgb = (50, 46, 60)

Ink = Callable[[Tones, str], np.ndarray]


def painted(ink: Ink, tones: Tones, look: Look, head_px: float) -> np.ndarray:
    """The finished cel. `ink(tones, line)` draws the figure with those paints and that style.line; `head_px` is the
    height of a head in its pixels.
    """
    if look.line not in LINES or look.shading not in SHADINGS:
        raise ValueError(f"drawn.look_cel: no line {look.line!r} or no shading {look.shading!r}; see LINES, SHADINGS")
    if look.stage == "line_douga":
        return _douga(ink, tones, head_px)
    if look.stage == "rough_genga":
        return _genga(ink, tones, head_px)
    if look.line == "colored_trace":
        tones = _traced(tones, _TRACES[look.seed % len(_TRACES)])
    if look.shading == "two_tone":
        return ink(tones, look.line)
    if look.shading == "no_shadow":
        return ink(_flat(tones), look.line)
    if look.shading == "black_shadow":
        return ink(_blackened(tones), look.line)
    flat, hard = ink(_flat(tones), look.line), ink(tones, look.line)
    shadow = _difference(flat, hard)
    made = {"three_tone": _three, "soft_gradient": _soft, "painterly": _painterly, "hatched": _hatched}[look.shading]
    return made(flat, hard, shadow, max(4.0, head_px))


# -- paints ----------------------------------------------------------------------------------------------------


def _pairs(tones: Tones, change: Callable[[tuple[Rgb, Rgb]], tuple[Rgb, Rgb]]) -> Tones:
    paints = {name: change(getattr(tones, name)) for name in ("skin", "hair", "main", "second", "accent")}
    return replace(tones, **paints)


def _flat(tones: Tones) -> Tones:
    return replace(_pairs(tones, lambda pair: (pair[0], pair[0])), hair_light=tones.hair[0])


def _blackened(tones: Tones) -> Tones:
    return _pairs(tones, lambda pair: (pair[0], (22, 17, 30)))


def _traced(tones: Tones, trace: Rgb) -> Tones:
    return replace(tones, ink=trace, hair_ink=mix(trace, tones.hair[1], 0.25), skin_ink=mix(trace, tones.skin[0], 0.15))


def _unpainted(tones: Tones, shadow: Rgb, lead: Rgb) -> Tones:
    white = _pairs(tones, lambda pair: (_PAPER, shadow))
    return replace(white, hair_light=_PAPER, eye=(120, 120, 130), ink=lead, hair_ink=lead, skin_ink=lead)


# -- shadows ---------------------------------------------------------------------------------------------------


def _difference(flat: np.ndarray, hard: np.ndarray) -> np.ndarray:
    """Where shadow lies, uint8 (H, W)."""
    apart = cv2.absdiff(flat, hard)[..., :3].max(2)
    return cv2.threshold(apart, 6, 255, cv2.THRESH_BINARY)[1]


def _dimmed(cel: np.ndarray, share: np.ndarray, to: tuple[float, float, float] = (0.62, 0.58, 0.76)) -> np.ndarray:
    """The cel's paint multiplied towards `to` where `share` (H, W, 0..1) says."""
    factor = 1 - share[..., None] * (1 - np.array(to, np.float32))
    out = cel.copy()
    out[..., :3] = np.rint(cel[..., :3] * factor)
    return out


def _moved(mask: np.ndarray, x: float, y: float) -> np.ndarray:
    matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    return cv2.warpAffine(mask, matrix, mask.shape[::-1], flags=cv2.INTER_LINEAR)


def _three(flat: np.ndarray, hard: np.ndarray, shadow: np.ndarray, head_px: float) -> np.ndarray:
    """2号影: a darker shape inside the shadow, and a hard light along the other side."""
    reach = 0.075 * head_px
    deep = cv2.min(shadow, cv2.bitwise_not(cv2.subtract(shadow, _moved(shadow, -reach, reach))))
    deep = cv2.min(deep, cv2.min(_moved(shadow, reach, -0.4 * reach), _moved(shadow, 0.2 * reach, 0.8 * reach)))
    out = _dimmed(hard, deep.astype(np.float32) / 255, (0.58, 0.52, 0.72))
    alpha = np.ascontiguousarray(flat[..., 3])
    lit = cv2.subtract(cv2.min(alpha, _moved(alpha, -0.5 * reach, 0.0)), _moved(alpha, 0.45 * reach, 0.3 * reach))
    lit = cv2.min(lit, cv2.bitwise_not(shadow)).astype(np.float32)[..., None] / 255 * 0.55
    out[..., :3] = np.rint(out[..., :3] + (alpha[..., None].astype(np.float32) - out[..., :3]) * lit)
    return out


def _soft(flat: np.ndarray, hard: np.ndarray, shadow: np.ndarray, head_px: float) -> np.ndarray:
    """Airbrushed: the shadow without an edge, and each form falling off towards its rim."""
    alpha = np.ascontiguousarray(flat[..., 3])
    near = cv2.GaussianBlur(shadow, (0, 0), 0.11 * head_px).astype(np.float32) / 255
    inner = cv2.GaussianBlur(alpha, (0, 0), 0.16 * head_px).astype(np.float32) / 255
    return _dimmed(flat, np.clip(0.85 * near + 0.7 * (1 - inner), 0, 1))


def _painterly(flat: np.ndarray, hard: np.ndarray, shadow: np.ndarray, head_px: float) -> np.ndarray:
    """厚塗り: tones laid in strokes, their edges dragged by the brush, warm in the light and cool in the shade."""
    height, width = shadow.shape
    rng = np.random.default_rng([height, width, 7])
    cell = max(2.0, 0.05 * head_px)
    rows, columns = int(height / cell) + 3, int(width / cell / 2.5) + 3
    stroke = cv2.resize(rng.normal(0, 1, (rows, columns)).astype(np.float32), (width, height))
    slow = cv2.resize(rng.normal(0, 1, (rows // 3 + 2, columns // 2 + 2)).astype(np.float32), (width, height))
    near = cv2.GaussianBlur(shadow, (0, 0), 0.05 * head_px).astype(np.float32) / 255
    tone = np.clip(near + 0.11 * stroke + 0.10 * slow, -0.4, 1.2)
    tone = np.floor(tone * 6) / 6
    out = _dimmed(flat, np.clip(tone, 0, 1), (0.50, 0.50, 0.70))
    light = np.clip(-tone, 0, 0.4)[..., None]
    alpha = flat[..., 3:].astype(np.float32)
    out[..., :3] = np.rint(out[..., :3] + (alpha * [1.0, 0.96, 0.84] - out[..., :3]).clip(0) * light * 0.8)
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    drag = 0.006 * head_px
    return cv2.remap(out, across + drag * stroke, down + 0.5 * drag * slow, cv2.INTER_LINEAR)


def hatching(shape: tuple[int, int], period_px: float, turn: float = 0.8) -> np.ndarray:
    """Parallel pen strokes, 0..1 (H, W)."""
    down, across = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    along = across * np.cos(turn) + down * np.sin(turn)
    wave = 0.12 * np.sin((down * np.cos(turn) - across * np.sin(turn)) / (2.3 * period_px))
    return np.clip(2.2 * np.cos(2 * np.pi * (along / period_px + wave)) - 0.9, 0, 1)


def _hatched(flat: np.ndarray, hard: np.ndarray, shadow: np.ndarray, head_px: float) -> np.ndarray:
    """Shadow made of strokes, crossed where it is deep."""
    period = max(3.0, 0.055 * head_px)
    inside = cv2.GaussianBlur(shadow, (0, 0), 0.6).astype(np.float32) / 255
    deep = (
        cv2.erode(shadow, np.ones((3, 3), np.uint8), iterations=max(1, round(0.03 * head_px))).astype(np.float32) / 255
    )
    strokes = np.maximum(hatching(shadow.shape, period) * inside, hatching(shadow.shape, period, -0.7) * deep)
    return _dimmed(flat, 0.92 * strokes, (0.16, 0.12, 0.24))


# -- unpainted stages --------------------------------------------------------------------------------------------


def _bordered(shadow: np.ndarray, width_px: float) -> np.ndarray:
    """The border of the shadow's shape, 0..1 (H, W)."""
    reach = max(1, round(width_px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cv2.morphologyEx(shadow, cv2.MORPH_GRADIENT, kernel).astype(np.float32) / 255


def _over_paper(cel: np.ndarray, share: np.ndarray, rgb: Rgb) -> np.ndarray:
    """Pencil of colour `rgb` on the cel by `share` (H, W), only where it is still paper."""
    blank = np.clip((cel[..., :3].min(2).astype(np.float32) - 150) / 80, 0, 1)
    out = cel.astype(np.float32)
    weight = (share * blank)[..., None]
    out[..., :3] += (np.array(rgb, np.float32) * (cel[..., 3:] / 255) - out[..., :3]) * weight
    return np.rint(out).astype(np.uint8)


def _douga(ink: Ink, tones: Tones, head_px: float) -> np.ndarray:
    """動画: thin clean lines on paper, the borders of the shadows in blue."""
    plain = ink(_unpainted(tones, _PAPER, _LEAD), "thin_uniform")
    marked = ink(_unpainted(tones, (190, 190, 190), _LEAD), "thin_uniform")
    border = _bordered(_difference(plain, marked), 0.006 * head_px)
    return _over_paper(_greyed(plain), 0.55 * border, (110, 140, 226))


def _genga(ink: Ink, tones: Tones, head_px: float) -> np.ndarray:
    """原画: rough pencil, the shadows filled in with blue pencil and edged in red."""
    plain = ink(_unpainted(tones, _PAPER, _LEAD), "rough")
    marked = ink(_unpainted(tones, (190, 190, 190), _LEAD), "rough")
    shadow = _difference(plain, marked)
    filled = cv2.GaussianBlur(shadow, (0, 0), 0.8).astype(np.float32) / 255
    strokes = 0.16 + 0.34 * hatching(shadow.shape, max(3.0, 0.045 * head_px), 0.6)
    out = _over_paper(_greyed(plain), filled * strokes, (120, 160, 240))
    return _over_paper(out, 0.5 * _bordered(shadow, 0.006 * head_px), (230, 90, 80))


def _greyed(cel: np.ndarray) -> np.ndarray:
    """Paint that is not pencil (eyes, mouths) as light pencil tone."""
    out = cel.astype(np.float32)
    alpha = out[..., 3]
    grey = out[..., :3].mean(2)
    tinted = np.ptp(out[..., :3], axis=2) > 24
    grey = np.where(tinted, 0.55 * alpha + 0.35 * grey, grey)
    out[..., :3] = np.minimum(grey, alpha)[..., None]
    return np.rint(out).astype(np.uint8)
