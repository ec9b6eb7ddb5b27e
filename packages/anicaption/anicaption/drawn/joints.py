"""Transitions between shots: frames of two neighbours joined into one film, whichever hand drew them.

Dissolves and wipes show both shots at once, so their frames are shared half and half; fades, irises and whips are done
by each shot to its own first or last frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from anicaption.drawn.script import SHARED_JOINTS, Shot

KINDS = ("fade_black", "fade_white", "dissolve", "wipe", "iris", "whip")
_WIPE_SOFT = 0.02  # half width of a wipe's boundary, share of its way
_WHIP_SPEED = 0.35  # frame widths a frame where a whip is fastest


def joined(drawn_shots: Iterable) -> Iterator[np.ndarray]:
    """Every frame of a film from its drawn shots: things with `shot` and `frames()` (all filmed frames, RGB)."""
    overlap: list[np.ndarray] = []
    for drawn_shot in drawn_shots:
        shot: Shot = drawn_shot.shot
        before, overlap = overlap, []
        n_mixed = shot.into[1] if shot.into[0] in SHARED_JOINTS else 0
        for i, frame in enumerate(drawn_shot.frames()):
            if i < n_mixed:
                share = (i + 1) / (n_mixed + 1)
                frame = mixed(before[i], frame, shot.into[0], share, shot.seed)
            if shot.out[0] in SHARED_JOINTS and i >= shot.n_filmed - shot.out[1]:
                overlap.append(frame)
            else:
                yield ended(frame, shot, i - shot.lead_in)


def mixed(before: np.ndarray, after: np.ndarray, kind: str, share: float, seed: int) -> np.ndarray:
    """A frame of a dissolve or a wipe; `share` (0..1) of it belongs to `after`."""
    if kind == "dissolve":
        return cv2.addWeighted(before, 1 - share, after, share, 0)
    height, width = after.shape[:2]
    rng = np.random.default_rng([seed, 5])
    angle = rng.integers(8) * np.pi / 4
    down, across = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j].astype(np.float32)
    way = np.cos(angle) * across + np.sin(angle) * down
    way = (way - way.min()) / np.ptp(way)  # 0..1 in the direction of the boundary
    boundary = share * (1 + 2 * _WIPE_SOFT) - _WIPE_SOFT
    shown = np.clip(0.5 + (boundary - way) / (2 * _WIPE_SOFT), 0, 1)[..., None].astype(np.float32)
    return np.rint(before + (after.astype(np.float32) - before) * shown).astype(np.uint8)


def ended(frame: np.ndarray, shot: Shot, own: int) -> np.ndarray:
    """The frame `own` of the shot under what the shot's own ends do to it: fade, iris, whip."""
    for (kind, length), along, sign in (
        (shot.into, own + 0.5, -1),
        (shot.out, shot.n_frames - own - 0.5, 1),
    ):
        if kind in ("none", *SHARED_JOINTS) or not 0 <= along < length:
            continue
        shown = along / length
        if kind in ("fade_black", "fade_white"):
            frame = cv2.convertScaleAbs(frame, alpha=shown, beta=(255 if kind == "fade_white" else 0) * (1 - shown))
        elif kind == "iris":
            frame = _iris(frame, shown, shot.seed)
        elif kind == "whip":
            frame = _whipped(frame, along, length, sign)
        else:
            raise ValueError(f"drawn.joints: {kind!r} is not one of {', '.join(KINDS)}")
    return frame


def _iris(frame: np.ndarray, shown: float, seed: int) -> np.ndarray:
    """Black outside a circle that holds the whole frame at 1 and nothing at 0."""
    height, width = frame.shape[:2]
    rng = np.random.default_rng([seed, 6])
    x, y = width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.55)
    reach = np.hypot(max(x, width - x), max(y, height - y)) * shown
    opening = np.zeros((height, width), np.uint8)
    cv2.circle(opening, (round(x * 16), round(y * 16)), round(reach * 16), 255, -1, cv2.LINE_AA, 4)
    return cv2.multiply(frame, cv2.merge([opening] * 3), scale=1 / 255)


def _whipped(frame: np.ndarray, along: float, length: int, sign: int) -> np.ndarray:
    """The frame torn to the right: `along` frames from the cut, where the whip is fastest and all is streaks.

    Out (`sign` 1) it speeds up from where the shot stands, in (-1) it slows down to it. What comes into the frame is
    the shot's own picture mirrored at its edge, as a background drawn for a whip would go on.
    """
    height, width = frame.shape[:2]
    left = length - along  # frames from the still picture
    moved = sign * _WHIP_SPEED * width * left**2 / (2 * length)
    speed = _WHIP_SPEED * width * left / length
    columns = (np.arange(width) + moved) % (2 * width)
    columns = np.where(columns < width, columns, 2 * width - 1 - columns)
    across = np.repeat(columns[None].astype(np.float32), height, 0)
    down = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, 1)
    shifted = cv2.remap(frame, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    streak = max(1, round(speed))
    return cv2.blur(shifted, (streak, 1), borderType=cv2.BORDER_REFLECT) if streak > 1 else shifted


def joint(before: Shot, after: Shot, cut: int) -> dict:
    """How two shots meet at frame `cut` of their film: `none` is a hard cut of no length."""
    if after.into[0] in SHARED_JOINTS:
        length = after.into[1]
        return {"kind": after.into[0], "start_frame": cut - length // 2, "end_frame": cut + length - length // 2}
    kind = next((end[0] for end in (before.out, after.into) if end[0] != "none"), "none")
    lead = before.out[1] if before.out[0] != "none" else 0
    tail = after.into[1] if after.into[0] != "none" else 0
    return {"kind": kind, "start_frame": cut - lead, "end_frame": cut + tail}
