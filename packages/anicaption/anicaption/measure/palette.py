"""The colours of a shot: chroma, key, temperature and number of hues, from six numbers per frame."""

from __future__ import annotations

import numpy as np

from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "colour.statistics", "1"
FIELDS = ("style.chroma", "style.key", "style.temperature", "style.hues")
NAMES = ("luma", "chroma", "warmth", "dark_share", "bright_share", "hue_share")
DARK, BRIGHT = 0.22, 0.8  # luma
_SECTORS = 24  # of the hue circle


class PaletteWatch:
    """The streaming half: RGB statistics of every frame, on a grid of about 24 rows."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def see(self, rgb: np.ndarray) -> None:
        """RGB uint8 (H, W, 3)."""
        stride = max(1, rgb.shape[0] // 24)
        pixels = rgb[::stride, ::stride].reshape(-1, 3).astype(np.float32) / 255
        red, green, blue = pixels.T
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        chroma = pixels.max(1) - pixels.min(1)
        dark, bright = float((luma < DARK).mean()), float((luma > BRIGHT).mean())
        numbers = float(luma.mean()), float(chroma.mean()), float((red - blue).mean())
        self._rows.append((*numbers, dark, bright, _hue_share(red, green, blue, chroma)))

    def columns(self) -> dict[str, np.ndarray]:
        table = np.array(self._rows, np.float32).reshape(-1, len(NAMES))
        return {name: table[:, i].copy() for i, name in enumerate(NAMES)}

    def events(self) -> tuple:
        return ()


def _hue_share(red: np.ndarray, green: np.ndarray, blue: np.ndarray, chroma: np.ndarray) -> float:
    """Share of the chroma that lies in the fullest third of the hue circle's quarter (30 degrees either side)."""
    total = float(chroma.sum())
    if total < 1e-3 * len(chroma):
        return float("nan")
    angle = np.arctan2(np.sqrt(3) * (green - blue), 2 * red - green - blue)
    sector = np.floor((angle / (2 * np.pi) + 0.5) * _SECTORS).astype(int) % _SECTORS
    mass = np.bincount(sector, weights=chroma, minlength=_SECTORS)
    around = np.sum([np.roll(mass, shift) for shift in range(-2, 3)], 0)
    return float(around.max() / total)


def read_palette(tracks: Tracks) -> dict[str, Variable]:
    """The four fields of colour; each abstains where nothing was measured."""
    table = {name: tracks[name].astype(float) for name in NAMES}
    seen = {name for name, column in table.items() if np.isfinite(column).any()}
    if missing := [name for name in NAMES if name not in seen | {"hue_share"}]:  # grey has no hue
        return {field: abstain(field, f"not measured: {', '.join(missing)}") for field in FIELDS}
    numbers = {name: float(np.nanmedian(column)) for name, column in table.items() if name in seen}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    chroma, warmth = numbers["chroma"], numbers["warmth"]
    coloured = _over(chroma - 0.035, 0.015)
    one_hue = _over(numbers.get("hue_share", 1.0) - 0.93, 0.03) * _over(0.4 - chroma, 0.05)
    dark, bright = _over(numbers["dark_share"] - 0.55, 0.08), _over(numbers["bright_share"] - 0.5, 0.08)
    scores = {
        "style.chroma": {
            "monochrome": 1 - coloured,
            "muted": coloured * _over(0.15 - chroma, 0.03),
            "moderate": coloured * _over(chroma - 0.15, 0.03) * _over(0.36 - chroma, 0.05),
            "vivid": _over(chroma - 0.36, 0.05),
        },
        "style.key": {"low": dark, "mid": (1 - dark) * (1 - bright), "high": bright},
        "style.temperature": {
            "warm": coloured * _over(warmth - 0.1, 0.03),
            "neutral": 1 - coloured * max(_over(warmth - 0.1, 0.03), _over(-0.08 - warmth, 0.03)),
            "cool": coloured * _over(-0.08 - warmth, 0.03),
        },
        "style.hues": {"limited": max(1 - coloured, one_hue), "broad": coloured * (1 - one_hue)},
    }
    best = {field: max(values, key=lambda value: values[value]) for field, values in scores.items()}
    return {field: measured(field, [value], {value: scores[field][value]}, evidence) for field, value in best.items()}


def _over(margin: float, soft: float) -> float:
    """0.5 at the threshold, near 0 or 1 a few `soft` away."""
    return float(1 / (1 + np.exp(-2 * np.clip(margin / soft, -30, 30))))
