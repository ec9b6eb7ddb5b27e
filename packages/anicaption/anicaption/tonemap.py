"""Pictures of high dynamic range or wide gamut as BT.709 shows them: BT.2390's knee on BT.2100's light. Pixels only.

Paper white is 203 cd/m2 (BT.2408) and lands on SDR white; what is brighter, up to the mastering display's peak, is
bent below it by the Hermite knee of BT.2390-11 section 5.4, on the largest of R, G, B so that hues stay. A BT.709
screen has a pure power of 2.4 (BT.1886). Colours outside BT.709 are clipped. Arrays are (H, W, 3).
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

WHITE_NITS = 203.0
DEFAULT_PEAK_NITS = 1000.0  # where no mastering display is stated
SCREEN_POWER = 2.4

# Linear RGB to linear BT.709 RGB, both D65 (BT.2087 for BT.2020; SMPTE EG 432-1's primaries for P3).
TO_709 = {
    "bt2020": ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    "smpte432": ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
    "smpte431": ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)


def to_bt709(coded: np.ndarray, transfer: str, primaries: str, peak_nits: float) -> np.ndarray:
    """R'G'B' uint16 of the source as R'G'B' float32 in 0..1 of a BT.709 screen."""
    light = np.take(_light(transfer), coded)
    if transfer == "hlg":  # BT.2100's OOTF for a display of 1000 cd/m2: scene light to screen light, in paper whites
        light *= (DEFAULT_PEAK_NITS / WHITE_NITS) * (cv2.transform(light, LUMA_2020[None]) ** 0.2)[..., None]
        peak_nits = DEFAULT_PEAK_NITS
    if transfer in ("pq", "hlg"):
        levels, gains = _knee(peak_nits)
        light *= np.interp(light.max(axis=2), levels, gains).astype(np.float32)[..., None]
    if primaries in TO_709:
        light = cv2.transform(light, np.array(TO_709[primaries], np.float32))
    return cv2.pow(np.clip(light, 0, 1), 1 / SCREEN_POWER)


def pq_of_nits(nits: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: absolute light to code 0..1."""
    power = (np.asarray(nits, float) / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def nits_of_pq(code: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: code 0..1 to absolute light."""
    power = np.asarray(code, float) ** (32 / 2523)
    return 10000 * (np.maximum(power - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * power)) ** (16384 / 2610)


def scene_light_of_hlg(code: np.ndarray) -> np.ndarray:
    """BT.2100: HLG code 0..1 to scene light 0..1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    code = np.asarray(code, float)
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)


def knee(nits: np.ndarray, peak_nits: float) -> np.ndarray:
    """BT.2390's EETF: light of a display that reaches `peak_nits` as light of one that reaches paper white."""
    top = pq_of_nits(np.array(peak_nits))
    reach = float(pq_of_nits(np.array(WHITE_NITS)) / top)
    if reach >= 1:
        return np.asarray(nits, float)
    start = 1.5 * reach - 0.5
    code = np.minimum(pq_of_nits(nits) / top, 1)
    t = np.clip((code - start) / (1 - start), 0, 1)
    bent = (2 * t**3 - 3 * t**2 + 1) * start + (t**3 - 2 * t**2 + t) * (1 - start) + (3 * t**2 - 2 * t**3) * reach
    return nits_of_pq(np.where(code < start, code, bent) * top)


@lru_cache(maxsize=8)
def _light(transfer: str) -> np.ndarray:
    """Light of each of 65,536 codes: in paper whites, or scene light for HLG."""
    code = np.arange(65536) / 65535
    if transfer == "pq":
        return (nits_of_pq(code) / WHITE_NITS).astype(np.float32)
    if transfer == "hlg":
        return scene_light_of_hlg(code).astype(np.float32)
    return (code**SCREEN_POWER).astype(np.float32)


@lru_cache(maxsize=64)
def _knee(peak_nits: float) -> tuple[np.ndarray, np.ndarray]:
    """Levels in paper whites, and what light of each is multiplied with."""
    nits = nits_of_pq(np.linspace(0, 1, 2048))[1:]
    return nits / WHITE_NITS, knee(nits, peak_nits) / nits
