"""content.flashing: more than three flashes in a second over a quarter of the picture, or of saturated red.

After WCAG 2.3.1 and ITU-R BT.1702: a flash is a pair of opposing changes of relative luminance by a tenth of its range
or more, the darker state below 0.8; or a pair of changes into and out of saturated red. A spot's changes are counted
between its peaks and valleys, so a slow fade is one change and a ripple is none. The area is a quarter of the picture,
on whatever screen it is shown.
"""

from __future__ import annotations

from array import array

import cv2
import numpy as np

from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Event, Tracks

NAME, VERSION = "flashing", "2"
FIELD = "content.flashing"

CHANGE, DARKER = 0.1, 0.8  # relative luminance: least change, and what the darker state must lie under
RED, RED_CHANGE = 0.8, 0.2  # R / (R + G + B) of saturated red; least change in CIE 1976 u', v'
AREA = 0.25  # share of the picture
MOST_FLASHES = 3  # in a second
_SPOTS = (32, 18)
_GATHER_FRAMES = 3  # a change spreads over this many frames

_LINEAR = np.where((_s := np.arange(256) / 255) <= 0.04045, _s / 12.92, ((_s + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)


class FlashingWatch:
    """The streaming half: per frame, the share of the picture that changes, and that turns to or from red."""

    def __init__(self) -> None:
        self._flash, self._red = array("f"), array("f")
        self._low: np.ndarray | None = None
        self._high = self._hue = np.empty(0, np.float32)
        self._sense, self._was_red = np.empty(0, np.int8), np.empty(0, bool)

    def see(self, rgb: np.ndarray) -> None:
        """RGB uint8 (H, W, 3)."""
        spots = np.asarray(cv2.resize(rgb, _SPOTS, interpolation=cv2.INTER_AREA), np.uint8).reshape(-1, 3)
        linear = _LINEAR[spots]
        light = linear @ _TO_XYZ[1]
        total = linear.sum(1)
        red = linear[:, 0] >= RED * np.maximum(total, 0.02)
        if self._low is None:
            self._low, self._high, self._sense = light.copy(), light.copy(), np.zeros(light.size, np.int8)
            self._was_red, self._hue = red, _chromaticity(linear)
            self._flash.append(0.0)
            self._red.append(0.0)
            return
        self._flash.append(self._changed(light))
        self._red.append(self._reddened(linear, red))

    def _changed(self, light: np.ndarray) -> float:
        """Share of the spots that came a whole change up from their valley (+) less that which came down from their
        peak (-): where lines or a figure run through the picture as many spots rise as fall, and nothing flashes."""
        assert self._low is not None
        self._low, self._high = np.minimum(self._low, light), np.maximum(self._high, light)
        up = (light - self._low >= CHANGE) & (self._low < DARKER) & (self._sense <= 0)
        down = (self._high - light >= CHANGE) & (light < DARKER) & (self._sense >= 0)
        self._sense = np.where(up, np.int8(1), np.where(down, np.int8(-1), self._sense))
        # The next change is counted from here on: after a rise from the peak it leads to, after a fall from the valley.
        self._high = np.where(down, light, self._high)
        self._low = np.where(up, light, self._low)
        return float(up.mean()) - float(down.mean())

    def _reddened(self, linear: np.ndarray, red: np.ndarray) -> float:
        """Share of the spots that turned into (+) or out of (-) saturated red."""
        if not red.any() and not self._was_red.any():
            self._was_red = red
            return 0.0
        hue = _chromaticity(linear)
        far = np.hypot(*(hue - self._hue).T) > RED_CHANGE
        into, out = float((red & ~self._was_red & far).mean()), float((~red & self._was_red & far).mean())
        turned = red != self._was_red
        self._hue = np.where((turned | ~red)[:, None], hue, self._hue)
        self._was_red = red
        return into - out

    def columns(self) -> dict[str, np.ndarray]:
        return {"flash_share": np.array(self._flash, np.float32), "red_share": np.array(self._red, np.float32)}

    def events(self) -> tuple[Event, ...]:
        return ()


def _chromaticity(linear: np.ndarray) -> np.ndarray:
    """CIE 1976 u', v' (N, 2) of linear RGB (N, 3)."""
    x, y, z = (linear @ _TO_XYZ.T).T
    whole = np.maximum(x + 15 * y + 3 * z, 1e-4)
    return np.stack([4 * x / whole, 9 * y / whole], 1)


def changes(share: np.ndarray) -> list[int]:
    """Frames of the opposing changes of a quarter of the picture or more, in a column of signed shares. Pure."""
    found: list[int] = []
    sense = 0
    for frame in range(len(share)):
        for sign in (1, -1):
            recent = share[max(0, frame - _GATHER_FRAMES + 1) : frame + 1]
            if sign != sense and sign * share[frame] > 0 and (recent * sign).clip(0).sum() >= AREA:
                found.append(frame)
                sense = sign
    return found


def flashing_spans(frames: list[int], second_frames: float) -> list[tuple[int, int]]:
    """Where more than three pairs of changes fall into a second, from the first to the last change. Pure."""
    spans: list[tuple[int, int]] = []
    for i, start in enumerate(frames):
        inside = [frame for frame in frames[i:] if frame < start + second_frames]
        if len(inside) // 2 > MOST_FLASHES:
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(spans[-1][1], inside[-1]))
            else:
                spans.append((start, inside[-1]))
    return spans


def read_flashing(tracks: Tracks) -> dict[str, Variable]:
    """content.flashing with its frames."""
    flash, red = tracks["flash_share"], tracks["red_share"]
    if not np.isfinite(flash).any():
        return {FIELD: abstain(FIELD, "the flashes of no frame were measured")}
    second = float(tracks.rate)
    spans: set[tuple[int, int]] = set()
    most = 0
    for column in (flash, red):
        frames = changes(np.nan_to_num(column)[1:])
        frames = [frame + 1 for frame in frames]
        spans |= set(flashing_spans(frames, second))
        most = max([most, *(sum(start <= f < start + second for f in frames) // 2 for start in frames)])
    evidence = (
        Evidence(
            estimator=NAME,
            version=VERSION,
            start=0,
            end=tracks.n_frames,
            numbers={"most_flashes_a_second": float(most)},
        ),
    )
    if not spans:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.95}, evidence)}
    kept = [Span(value="flashing", start=start, end=end) for start, end in sorted(spans)]
    return {FIELD: measured(FIELD, ["flashing"], {"flashing": 0.95}, evidence, kept)}
