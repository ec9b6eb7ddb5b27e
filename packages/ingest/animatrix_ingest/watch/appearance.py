"""What a clip looks like, in a hundred small numbers: palette, light, lines, paint, and where in the frame they lie.

They are read from pictures of 256 rows that the search for lettering has anyway, two frames of 23. Each number is put
on one scale by its mean and spread over drawn shots of both hands (appearance_reference.json), in whole steps. The
first N_MANNER say how a picture is made and nothing of where things are: clusters of style are found by them
(decide/clusters.py). The others are a coarse layout: with it two clips that show the same are near each other.
"""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

MAKER = "builtin 1"
"""Who made a vector. Vectors of different makers never compare."""
N_PALETTE, N_MANNER, N_NUMBERS = 26, 49, 97
"""How many numbers speak of colour and light; of these and of lines and paint; and of all with the layout."""
ROWS_PX = 256
_REFERENCE = Path(__file__).with_name("appearance_reference.json")
_SMALL_PX = (96, 54)
_GRID = 4
_HUES = 12
_AB_BINS = 32
_STEPS = 40
"""Steps of a number in one spread. Vectors end at three spreads from the mean: one wild number is not the whole."""
_MOST = 120
_WILDEST = 32_000


class AppearanceWatch:
    """The streaming half: 16-bit steps of the pictures it is shown, about 200 bytes each."""

    def __init__(self) -> None:
        self._frames, self._steps = array("q"), array("h")

    def see(self, index: int, picture: np.ndarray) -> None:
        """A frame's picture of about ROWS_PX rows, RGB uint8 (H, W, 3)."""
        self._frames.append(index)
        self._steps.extend(steps(picture).tolist())

    def looks(self) -> Looks:
        """Complete when the source has ended."""
        frames = np.array(self._frames, np.int64)
        return Looks(frames, np.array(self._steps, np.int16).reshape(len(frames), N_NUMBERS))


@dataclass(frozen=True)
class Looks:
    """The looks at a source: their frames (L,) and their numbers in steps (L, N_NUMBERS)."""

    frames: np.ndarray
    steps: np.ndarray
    maker: str = MAKER

    def vector(self, start_frame: int, end_frame: int) -> list[int] | None:
        """The vector of the shot [start_frame, end_frame): the mean of its looks, -120..120 steps; None without one."""
        inside = (self.frames >= start_frame) & (self.frames < end_frame)
        if not inside.any():
            return None
        mean = self.steps[inside].sum(0, dtype=np.int64) / np.count_nonzero(inside)
        return np.clip(np.rint(mean), -_MOST, _MOST).astype(int).tolist()

    def aesthetic(self, start_frame: int, end_frame: int) -> None:
        """None: how good a picture looks is for a model with weights to say (embed.py)."""


def steps(rgb: np.ndarray) -> np.ndarray:
    """The numbers of a picture on the scale of the reference, int16 (N_NUMBERS,)."""
    mean, spread = _reference()
    scaled = (np.array(list(numbers(rgb).values())) - mean) / spread * _STEPS
    return np.clip(np.rint(scaled), -_WILDEST, _WILDEST).astype(np.int16)


def numbers(rgb: np.ndarray) -> dict[str, float]:
    """Named numbers of an RGB uint8 (H, W, 3) picture of about ROWS_PX rows; always the same names in one order."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)  # L in 255ths of 100, a and b from 128
    light = np.ascontiguousarray(lab[..., 0])
    small = cv2.resize(lab, _SMALL_PX, interpolation=cv2.INTER_AREA)
    said = _palette(small) | _lines(light, lab) | _paint(light)
    for at, name in enumerate("Lab"):
        cells = cv2.resize(np.ascontiguousarray(small[..., at]), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
        said |= {f"{name}_{y}{x}": float(cells[y, x]) / 255 for y in range(_GRID) for x in range(_GRID)}
    return said


def _palette(small: np.ndarray) -> dict[str, float]:
    n = small.shape[0] * small.shape[1]
    levels = cv2.calcHist([small], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    up_to = np.cumsum(levels)
    said = {f"light_p{q}": float(np.searchsorted(up_to, n * q / 100)) / 255 for q in (5, 25, 50, 75, 95)}
    of_level = np.arange(256) / 255
    mean = float(levels @ of_level / n)
    said |= {"light": mean, "light_spread": float(np.sqrt(max(0.0, levels @ of_level**2 / n - mean**2)))}
    colours = cv2.calcHist([small], [1, 2], None, [_AB_BINS] * 2, [0, 256, 0, 256]).ravel().astype(np.float64)
    chroma, hue = _colour_bins()
    mean = float(colours @ chroma / n)
    said |= {"chroma": mean, "chroma_spread": float(np.sqrt(max(0.0, colours @ chroma**2 / n - mean**2)))}
    said |= {
        "grey_share": float(colours[chroma < 0.06].sum() / n),
        "vivid_share": float(colours[chroma > 0.3].sum() / n),
    }
    said |= {f"hue_{i:02d}": float((colours * chroma)[hue == i].sum() / n) for i in range(_HUES)}
    coarse = cv2.calcHist([small], [0, 1, 2], None, [8, 16, 16], [0, 256, 0, 256, 0, 256]).ravel() / n
    shares = np.sort(coarse[coarse > 0].astype(np.float64))[::-1]
    said["colours_bits"] = float(-(shares * np.log2(shares)).sum()) / 8
    said |= {"first_colour": float(shares[0]), "eight_colours": float(shares[:8].sum())}
    return said


def _lines(light: np.ndarray, lab: np.ndarray) -> dict[str, float]:
    """Thin dark and thin bright marks of two widths, and the light and colour of the dark ones."""
    said: dict[str, float] = {}
    for size in (3, 7):
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
        for name, kind in (("dark", cv2.MORPH_BLACKHAT), ("bright", cv2.MORPH_TOPHAT)):
            thin = cv2.morphologyEx(light, kind, kernel)
            mask = cv2.inRange(thin, 30, 255)
            n = cv2.countNonZero(mask)
            said |= {f"{name}_{size}": cv2.mean(thin)[0] / 255, f"{name}_lines_{size}": n / light.size}
            if (name, size) == ("dark", 3):
                ink = cv2.mean(lab, mask) if n else (255.0, 128.0, 128.0)
                said |= {"ink_light": ink[0] / 255, "ink_a": (ink[1] - 128) / 255, "ink_b": (ink[2] - 128) / 255}
                said["ink_depth"] = cv2.mean(thin, mask)[0] / 255 if n else 0.0
    return said


def _paint(light: np.ndarray) -> dict[str, float]:
    """How steep the picture is where, as shares: flat paint, soft gradients, hard edges; what a median takes away."""
    across, down = (cv2.Sobel(light, cv2.CV_16S, *order) for order in ((1, 0), (0, 1)))
    steep = cv2.add(cv2.convertScaleAbs(across, alpha=0.25), cv2.convertScaleAbs(down, alpha=0.25))
    levels = cv2.calcHist([steep], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    up_to = np.cumsum(levels) / light.size
    said = {f"under_{limit}": float(up_to[limit]) for limit in (0, 1, 2, 5, 12, 30, 60)}
    sums = cv2.mean(cv2.convertScaleAbs(across))[0], cv2.mean(cv2.convertScaleAbs(down))[0]
    said["upright"] = sums[0] / max(1e-6, sums[0] + sums[1])
    rest = cv2.absdiff(light, cv2.medianBlur(light, 3))
    levels = cv2.calcHist([rest], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    up_to = np.cumsum(levels) / light.size
    return said | {"grain": cv2.mean(rest)[0] / 16, "still_0": float(up_to[0]), "still_2": float(up_to[2])}


@cache
def _colour_bins() -> tuple[np.ndarray, np.ndarray]:
    """Chroma (0..) and hue of the middles of the bins of a and b."""
    middle = (np.arange(_AB_BINS) + 0.5) * 256 / _AB_BINS - 128
    a, b = (plane.ravel() for plane in np.meshgrid(middle, middle, indexing="ij"))
    return np.hypot(a, b) / 128, ((np.arctan2(b, a) / (2 * np.pi)) % 1.0 * _HUES).astype(int) % _HUES


@cache
def _reference() -> tuple[np.ndarray, np.ndarray]:
    """Means and spreads of the numbers, in their order."""
    told = json.loads(_REFERENCE.read_text("utf-8"))
    if told["maker"] != MAKER:
        raise ValueError(
            f"{_REFERENCE.name}: made for descriptors {told['maker']}, these are {MAKER}; "
            "make it again: python -m benchmarks.stages_reference"
        )
    rows = np.array(list(told["numbers"].values()))
    return rows[:, 0], rows[:, 1]
