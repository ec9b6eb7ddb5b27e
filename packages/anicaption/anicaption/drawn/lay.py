"""Under the lens: a sheet of artwork warped onto the frame, and the streaks of a frame that moves fast."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.drawn.camera import Path
from anicaption.drawn.ink import over

STREAK_PCT = 6.0  # of the frame width a frame: from here on the shutter no longer stops a move
_SHUTTER = 0.8  # share of a frame's time that the shutter is open


def chained(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """outer after inner, both (2, 3)."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def inverted(matrix: np.ndarray) -> np.ndarray:
    turn = np.linalg.inv(matrix[:, :2])
    return np.column_stack([turn, -turn @ matrix[:, 2]])


def lay(
    picture: np.ndarray, image: np.ndarray, matrix: np.ndarray, soft_px: float = 0.0, mask: np.ndarray | None = None
) -> None:
    """Warp `image` by `matrix` (edges at whole numbers) onto `picture`, over what is there if it has alpha.

    `soft_px` puts it out of focus; its alpha is added to `mask` (H, W).
    """
    height, width = picture.shape[:2]
    opaque = image.shape[2] == 3
    x0, y0, x1, y1 = 0, 0, width, height
    if not opaque:
        corners = np.array([[0, 0], [image.shape[1], 0], [image.shape[1], image.shape[0]], [0, image.shape[0]]])
        corners = corners @ matrix[:, :2].T + matrix[:, 2]
        reach = 1 + int(np.ceil(3 * soft_px))
        x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int) - reach, 0)
        x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + reach, [width, height])
        if x1 <= x0 or y1 <= y0:
            return
    border = cv2.BORDER_REPLICATE if opaque else cv2.BORDER_CONSTANT
    part = _warped(image, matrix, (int(x1 - x0), int(y1 - y0)), border, (x0, y0))
    if soft_px > 0.3:
        part = cv2.GaussianBlur(part, (0, 0), soft_px)
    if opaque:
        picture[...] = part
        return
    over(picture[y0:y1, x0:x1], part)
    if mask is not None:
        region = mask[y0:y1, x0:x1]
        np.maximum(region, part[..., 3], out=region)


def _warped(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], border: int, origin=(0, 0)) -> np.ndarray:
    # OpenCV puts pixel centres at whole numbers; ours lie at halves.
    shift = matrix[:, :2] @ [0.5, 0.5] + matrix[:, 2] - 0.5 - np.asarray(origin)
    warp = np.column_stack([matrix[:, :2], shift])
    return cv2.warpAffine(image, warp, size, flags=cv2.INTER_LINEAR, borderMode=border)


def streak_pct(path: Path, frame: int) -> float:
    """How far the planned move carries the frame at `frame`, % of the frame width; 0 below STREAK_PCT."""
    speed = path.speed_pct(frame)
    return speed if speed >= STREAK_PCT else 0.0


def streaked(picture: np.ndarray, path: Path, frame: int) -> np.ndarray:
    """`picture` smeared along the frame's move while the shutter is open.

    Halving: the mean of two copies apart by half the way, of that by a quarter, ... is an even blur along all of it.
    """
    height, width = picture.shape[:2]
    way = path.steps(frame) * _SHUTTER
    centre = path.smooth_T4[frame]
    length_px = path.speed_pct(frame) / 100 * width * _SHUTTER
    share = 0.25
    while share * length_px > 0.2:
        ends = []
        for side in (-share, share):
            moved = chained(path.affine_of(centre + side * way, height), inverted(path.affine_of(centre, height)))
            ends.append(_warped(picture, moved, (width, height), cv2.BORDER_REFLECT_101))
        picture = cv2.addWeighted(ends[0], 0.5, ends[1], 0.5, 0)
        share /= 2
    return picture


def lay_panels(picture: np.ndarray, beside: list[np.ndarray]) -> np.ndarray:
    """A split screen: `picture` and those beside it, each the middle of its frame, between slanted white gutters."""
    if not beside:
        return picture
    height, width = picture.shape[:2]
    n, slant = 1 + len(beside), 0.09 * height
    edges = [width * k / n for k in range(n + 1)]
    screen = np.full_like(picture, 248)
    gap = 0.012 * height
    for k, panel in enumerate([picture, *beside]):
        middle = round((edges[k] + edges[k + 1]) / 2 - width / 2)
        shifted = _warped(panel, np.array([[1.0, 0, middle], [0, 1.0, 0]]), (width, height), cv2.BORDER_REPLICATE)
        left = edges[k] + gap if k else -width
        right = edges[k + 1] - gap if k < n - 1 else 2 * width
        corners = np.array([[left + slant, 0], [right + slant, 0], [right - slant, height], [left - slant, height]])
        mask = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(mask, np.rint(corners * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
        share = (mask / np.float32(255))[..., None]
        screen = np.rint(screen + (shifted.astype(np.float32) - screen) * share).astype(np.uint8)
    return screen
