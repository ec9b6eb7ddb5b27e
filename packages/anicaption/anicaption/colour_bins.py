"""What style.chroma, style.key, style.temperature and style.hues mean in numbers: one definition for hands and readers.

All four speak of the clean picture: inside its matte, without impact frames, flashes, fades and burned-in text.
They are read from a sparse grid of its pixels in CIE Lab (D65), and a shot has the value of its median frame:

    lightness  mean L*, 0 (black) .. 100 (white)                                     style.key
    chroma     mean C*, the distance from grey                                       style.chroma
    warmth     mean of (a*, b*) along the hue of orange (65 degrees): + warm         style.temperature
    hue_share  share of the chroma that lies in the two fullest windows of 40
               degrees of the hue circle; NaN where the picture is nearly grey       style.hues

A picture without chroma has no temperature and no hues: both do not apply (`na`).
"""

from __future__ import annotations

import numpy as np

CHROMA_BINS = (("monochrome", 3.0), ("muted", 14.0), ("moderate", 34.0), ("vivid", np.inf))  # upper limits of mean C*
KEY_BINS = (("low", 38.0), ("mid", 74.0), ("high", np.inf))  # upper limits of mean L*
WARMTH_NEUTRAL = 6.0  # |warmth| under which a picture is neutral; over it warm or cool
HUE_SHARE_LIMITED = 0.95  # hue_share from which hues are limited
WARM_HUE_DEG = 65.0
WINDOW_DEG = 40
_SECTORS = 36  # of the hue circle, ten degrees each
_WIDE = WINDOW_DEG * _SECTORS // 360
# Of each window: its sectors, and the windows that do not overlap with it.
_INSIDE = (np.arange(_SECTORS)[:, None] + np.arange(_WIDE)) % _SECTORS
_APART = (np.arange(_SECTORS)[:, None] + np.arange(_WIDE, _SECTORS - _WIDE + 1)) % _SECTORS

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])
_LINEAR = np.where((_s := np.arange(256) / 255) <= 0.04045, _s / 12.92, ((_s + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE Lab (N, 3) of sRGB uint8 (N, 3)."""
    xyz = _LINEAR[rgb] @ (_TO_XYZ / _WHITE[:, None]).T
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def grid(rgb: np.ndarray, rows: int = 24) -> np.ndarray:
    """A sparse grid (N, 3) of the pixels of a picture (H, W, 3), about `rows` rows of it."""
    stride = max(1, rgb.shape[0] // rows)
    return rgb[stride // 2 :: stride, stride // 2 :: stride].reshape(-1, 3)


def numbers_of(lab_N3: np.ndarray) -> dict[str, float]:
    """The four numbers of some pixels' Lab."""
    a, b = lab_N3[:, 1], lab_N3[:, 2]
    chroma = np.hypot(a, b)
    warm = np.radians(WARM_HUE_DEG)
    return {
        "lightness": float(lab_N3[:, 0].mean()),
        "chroma": float(chroma.mean()),
        "warmth": float((a * np.cos(warm) + b * np.sin(warm)).mean()),
        "hue_share": hue_share(a, b, chroma),
    }


def hue_share(a: np.ndarray, b: np.ndarray, chroma: np.ndarray) -> float:
    """Share of the chroma in the two fullest windows of the hue circle that do not overlap."""
    if chroma.mean() < CHROMA_BINS[0][1]:
        return float("nan")
    sector = np.floor(np.degrees(np.arctan2(b, a)) % 360 / (360 / _SECTORS)).astype(int) % _SECTORS
    mass = np.bincount(sector, weights=chroma, minlength=_SECTORS)
    window = mass[_INSIDE].sum(1)
    return float((window + window[_APART].max(1)).max()) / float(mass.sum())


def bin_of(value: float, bins: tuple[tuple[str, float], ...]) -> str:
    """The name of the first bin whose upper limit is over `value`."""
    return next(name for name, limit in bins if value < limit)


def values_of(numbers: dict[str, float]) -> dict[str, str]:
    """Field id -> value for the four numbers of a picture or the medians of a shot."""
    chroma = bin_of(numbers["chroma"], CHROMA_BINS)
    warmth = numbers["warmth"]
    temperature = "warm" if warmth > WARMTH_NEUTRAL else "cool" if warmth < -WARMTH_NEUTRAL else "neutral"
    hues = "limited" if numbers["hue_share"] >= HUE_SHARE_LIMITED else "broad"
    grey = chroma == "monochrome"
    return {
        "style.chroma": chroma,
        "style.key": bin_of(numbers["lightness"], KEY_BINS),
        "style.temperature": "na" if grey else temperature,
        "style.hues": "na" if grey else hues,
    }
