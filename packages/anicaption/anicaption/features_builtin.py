"""Descriptors of one picture that need no weights: colour, gradients, layout, texture, and lines at native size.

Every number is a share, a ratio or a normalised level, so a picture of another size says the same. Legend: L, a, b are
CIE Lab (0..100, about -100..100); `small` pictures have 96 rows.
"""

from __future__ import annotations

import cv2
import numpy as np

VERSION = "1"
ROWS_PX = 96
_GRID = 4
_HUES = 12
_ANGLES = 8
_TILE_SHARE = 0.25  # a native tile is a quarter of the frame height on a side
_MAX_TILE_PX = 256


def describe_picture(rgb: np.ndarray) -> dict[str, float]:
    """Named numbers of an RGB uint8 (H, W, 3) picture; the same names in the same order for every picture."""
    height, width = rgb.shape[:2]
    small = rgb
    if height > ROWS_PX:
        small = cv2.resize(rgb, (max(2, round(width * ROWS_PX / height)), ROWS_PX), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    light, a, b = (np.ascontiguousarray(lab[..., i]) for i in range(3))
    dx, dy = (cv2.Sobel(light, cv2.CV_32F, *order, scale=0.125) for order in ((1, 0), (0, 1)))
    steep = cv2.magnitude(dx, dy)
    said = _colour(light, a, b) | _layout(light, a, b, steep) | _gradients(light, dx, dy, steep) | _skin(light, a, b)
    for name, tile in _tiles(rgb, steep).items():
        said |= {f"{name}_{key}": value for key, value in _strokes(tile, height).items()}
    return {key: float(value) for key, value in said.items()}


def _colour(light: np.ndarray, a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    chroma = np.hypot(a, b)
    said: dict[str, float] = {f"light_p{q}": np.percentile(light, q) / 100 for q in (5, 25, 50, 75, 95)}
    said |= {"light_mean": light.mean() / 100, "light_std": light.std() / 100}
    said |= {"chroma_mean": chroma.mean() / 100, "chroma_std": chroma.std() / 100}
    said |= {f"chroma_p{q}": np.percentile(chroma, q) / 100 for q in (50, 95)}
    hue = ((np.arctan2(b, a) / (2 * np.pi)) % 1.0 * _HUES).astype(int) % _HUES
    weights = np.bincount(hue.ravel(), chroma.ravel(), _HUES) / (100 * chroma.size)
    said |= {f"hue_{i:02d}": weight for i, weight in enumerate(weights)}
    coarse = (light // 12.5).astype(int) * 64 + ((a + 100) // 25).astype(int) * 8 + ((b + 100) // 25).astype(int)
    shares = np.bincount(coarse.ravel(), minlength=1)
    shares = shares[shares > 0] / coarse.size
    said["colours_bits"] = -float((shares * np.log2(shares)).sum()) / 8
    return said


def _layout(light: np.ndarray, a: np.ndarray, b: np.ndarray, steep: np.ndarray) -> dict[str, float]:
    said: dict[str, float] = {}
    for name, plane in (("light", light), ("a", a), ("b", b), ("edges", steep)):
        cells = cv2.resize(plane, (_GRID, _GRID), interpolation=cv2.INTER_AREA) / 100
        said |= {f"{name}_{y}{x}": cells[y, x] for y in range(_GRID) for x in range(_GRID)}
    said["asymmetry"] = np.abs(light - light[:, ::-1]).mean() / 100
    columns, rows = light.mean(0), light.mean(1)
    said |= {"columns_std": columns.std() / 100, "rows_std": rows.std() / 100, "fall": (rows[-1] - rows[0]) / 100}
    return said


def _gradients(light: np.ndarray, dx: np.ndarray, dy: np.ndarray, steep: np.ndarray) -> dict[str, float]:
    total = steep.sum() + 1e-6
    angle = ((np.arctan2(dy, dx) / np.pi) % 1.0 * _ANGLES).astype(int) % _ANGLES
    said: dict[str, float] = {
        f"angle_{i}": share for i, share in enumerate(np.bincount(angle.ravel(), steep.ravel(), _ANGLES) / total)
    }
    said |= {f"steep_over_{t}": (steep > t).mean() for t in (0.5, 2, 5, 10)}
    height, width = light.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y - height / 2, x - width / 2
    # Lines that run to the middle have gradients across the radius.
    said["radial"] = (np.abs(dx * x + dy * y) / (np.hypot(x, y) + 1)).sum() / total
    fine = np.abs(cv2.Laplacian(light, cv2.CV_32F))
    middle = slice(height // 4, max(1, 3 * height // 4)), slice(width // 4, max(1, 3 * width // 4))
    said |= {"fine": fine.mean() / 10, "fine_middle": fine[middle].mean() / 10}
    for size in (3, 7):
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        for name, kind in (("dark", cv2.MORPH_BLACKHAT), ("bright", cv2.MORPH_TOPHAT)):
            thin = cv2.morphologyEx(light, kind, kernel)
            said |= {f"{name}_thin_{size}": thin.mean() / 10, f"{name}_lines_{size}": (thin > 12).mean()}
            said[f"{name}_lines_middle_{size}"] = (thin[middle] > 12).mean()
    return said


def _skin(light: np.ndarray, a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """How much of the frame has the colours in which faces and hands are painted, and where it lies."""
    mask = (light > 50) & (a > 3) & (a < 30) & (b > 5) & (b < 40)
    share = mask.mean()
    if not mask.any():
        return {"skin": 0.0, "skin_x": 0.5, "skin_y": 0.5, "skin_wide": 0.0, "skin_high": 0.0, "skin_top": 1.0}
    rows, columns = np.nonzero(mask)
    y, x = rows / mask.shape[0], columns / mask.shape[1]
    return {
        "skin": share, "skin_x": x.mean(), "skin_y": y.mean(), "skin_wide": x.std(), "skin_high": y.std(),
        "skin_top": np.percentile(y, 5),
    }  # fmt: skip


def _tiles(rgb: np.ndarray, steep: np.ndarray) -> dict[str, np.ndarray]:
    """Two crops at native size: where most lines are, and the middle."""
    height, width = rgb.shape[:2]
    side = max(8, min(round(height * _TILE_SHARE), _MAX_TILE_PX, height, width))
    small_side = max(3, round(side * steep.shape[0] / height)) | 1
    dense = cv2.boxFilter(steep, -1, (small_side, small_side))
    row, column = np.unravel_index(int(dense.argmax()), dense.shape)
    centres = {
        "busiest": (row * height / steep.shape[0], column * width / steep.shape[1]),
        "middle": (height / 2, width / 2),
    }
    tiles = {}
    for name, (y, x) in centres.items():
        top, left = (int(np.clip(c - side / 2, 0, size - side)) for c, size in ((y, height), (x, width)))
        tiles[name] = rgb[top : top + side, left : left + side]
    return tiles


def _strokes(tile: np.ndarray, height_px: int) -> dict[str, float]:
    """Outlines and tones of a native crop: the width, darkness and colour of lines, how flat paint is."""
    lab = cv2.cvtColor(tile.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    light = np.ascontiguousarray(lab[..., 0])
    wide = max(3, round(height_px / 80)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    line = cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, kernel) > 10
    share = line.mean()
    reach = cv2.distanceTransform(line.astype(np.uint8), cv2.DIST_L2, 3)
    peaks = line & (reach >= cv2.dilate(reach, np.ones((3, 3), np.uint8)) - 1e-6)
    widths = 2 * reach[peaks] / height_px * 720 if peaks.any() else np.zeros(1)
    colour = np.hypot(lab[..., 1], lab[..., 2])
    residual = np.abs(light - cv2.medianBlur(light, 3))
    steep = cv2.magnitude(*(cv2.Sobel(light, cv2.CV_32F, *order, scale=0.125) for order in ((1, 0), (0, 1))))
    return {
        "lines": share, "line_width": widths.mean() / 10, "line_width_std": widths.std() / 10,
        "line_light": light[line].mean() / 100 if line.any() else 1.0,
        "line_chroma": colour[line].mean() / 100 if line.any() else 0.0,
        "noise": float(np.median(residual)), "noise_p90": float(np.percentile(residual, 90)) / 10,
        "flat": (steep < 0.3).mean(), "soft": ((steep > 0.3) & (steep < 2)).mean(), "hard": (steep > 8).mean(),
    }  # fmt: skip
