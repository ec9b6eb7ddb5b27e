"""Impact frames and flashes: one to four frames at which the picture goes away and from which it comes back.

The triple test: a large difference in, a large difference out, a small one across (all after motion is taken away).
What passes it is no cut; what in it is white, black, a negative, two-toned or of a few flat colours is a tag.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import cv2
import numpy as np

from anicaption.measure.likeness import correlation
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Event, Tracks

NAME, VERSION = "flash", "1"
FIELD = "vfx.impact_frame"

FLASH_FRAMES = 4
JUMP_FLOOR = 0.06  # difference after motion that is large, of 0..1
BACK_SHARE = 0.5  # across a flash the picture differs by less than this share of the jumps in and out

SCORES = ("flash_luma", "flash_spread", "flash_chroma", "flash_two_tone", "flash_negative", "flash_few")
_BLACK, _MOST_MATTE = 26, 0.3  # brightest value of a matte; share of a side that it may take at one edge
_SAME_COLOUR = 36  # by which the channels of one flat colour may differ after coding
_FEW_SHARE = 0.74  # of the picture that three flat colours cover where there are no others
_ROWS_PX = (
    72  # enough for flat areas; an averaged line is a colour that nobody painted, so pixels are picked, not mixed
)


class FlashWatch:
    """Keeps the last pictures and describes those that turn out to have been an excursion.

    It is told of the jumps by who measures them (`transition.TransitionWatch`), so nothing is measured twice.
    """

    def __init__(self) -> None:
        self._recent: deque[np.ndarray] = deque(maxlen=FLASH_FRAMES + 2)

    def see(self, rgb: np.ndarray) -> None:
        """Remember the next picture, RGB uint8 (H, W, 3)."""
        height, width = rgb.shape[:2]
        size = (max(2, round(width * _ROWS_PX / height)), _ROWS_PX)
        self._recent.append(cv2.resize(rgb, size, interpolation=cv2.INTER_NEAREST))

    def describe(self, n_frames: int) -> list[dict[str, float]]:
        """The scores of the `n_frames` pictures before the newest one, against the picture before them."""
        before = self._recent[-2 - n_frames]
        inside = _matte(before)
        return [_describe(self._recent[i][inside], before[inside]) for i in range(-1 - n_frames, -1)]


def _matte(rgb: np.ndarray) -> tuple[slice, slice]:
    """The part of a picture inside the black of its matte; all of it where there is none."""
    bright = rgb.max(axis=2)
    found = []
    for axis in (1, 0):
        open_at = np.flatnonzero(bright.max(axis) > _BLACK)
        n = bright.shape[1 - axis]
        first, last = (int(open_at[0]), int(open_at[-1]) + 1) if len(open_at) else (0, n)
        found.append(slice(first, last) if max(first, n - last) < _MOST_MATTE * n else slice(0, n))
    return found[0], found[1]


def _describe(rgb: np.ndarray, before: np.ndarray) -> dict[str, float]:
    grey, grey_before = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (rgb, before))
    chroma = rgb.max(axis=2).astype(np.int16) - rgb.min(axis=2)
    return {
        "flash_luma": float(grey.mean()) / 255,
        "flash_spread": float(grey.std()) / 255,
        "flash_chroma": float(chroma.mean()) / 255,
        "flash_two_tone": float(((grey < 64) | (grey > 191)).mean()),
        "flash_negative": -correlation(grey, grey_before),
        "flash_few": _few(rgb),
    }


def _few(rgb: np.ndarray) -> float:
    """Share of the picture that three flat colours cover."""
    pixels = rgb.reshape(-1, 3).astype(np.int16)
    left = pixels
    for _ in range(3):
        if not len(left):
            break
        codes = (left >> 4) @ np.array([1, 16, 256])
        common = int(np.bincount(codes).argmax())
        middle = left[codes == common].mean(0)
        left = left[np.abs(left - middle).max(1) > _SAME_COLOUR]
    return 1 - len(left) / len(pixels)


def excursions(scores: Mapping[str, np.ndarray]) -> tuple[tuple[int, int], ...]:
    """Spans [start, end) of one to four frames that pass the triple test; a longer span swallows those inside it."""
    spans: list[tuple[int, int]] = []
    for end in np.flatnonzero(scores["jump"] >= JUMP_FLOOR):
        across = {n: float(scores[f"across_{n}"][end]) for n in range(1, FLASH_FRAMES + 1)}
        n_frames = comes_back(scores["jump"], int(end), across)
        start = int(end) - n_frames
        if n_frames and start > 0:
            while spans and spans[-1][0] >= start:
                spans.pop()
            if not spans or spans[-1][1] < start:
                spans.append((start, int(end)))
    return tuple(spans)


def comes_back(jump, end: int, across: Mapping[int, float]) -> int:
    """How many frames before `end` the picture was away, 0 if it was not; the longest excursion that fits."""
    for n in range(FLASH_FRAMES, 0, -1):
        if n in across and end - n > 0 and across[n] < BACK_SHARE * min(jump[end - n], jump[end]):
            return n
    return 0


def flashes(scores: Mapping[str, np.ndarray]) -> tuple[Event, ...]:
    """The named frames of all excursions: neighbours of one kind are one event. Pure."""
    events: list[Event] = []
    for start, end in excursions(scores):
        for t in range(start, end):
            for value, score in _kinds({name: float(scores[name][t]) for name in SCORES}):
                last = next((e for e in reversed(events) if e.value == value), None)
                if last is not None and last.end == t and t > start:
                    events[events.index(last)] = Event(FIELD, value, last.start, t + 1, min(score, last.score))
                else:
                    events.append(Event(FIELD, value, t, t + 1, score))
    return tuple(sorted(events, key=lambda event: event.start))


def _kinds(numbers: Mapping[str, float]) -> list[tuple[str, float]]:
    luma, spread, chroma, two_tone, negative, few = (numbers[name] for name in SCORES)
    if spread < 0.12 and luma > 0.93 and chroma < 0.05:
        return [("white_flash", min(1.0, 0.5 + (luma - 0.9) * 5))]
    if spread < 0.06 and luma < 0.12:
        return [("black_flash", min(1.0, 0.5 + (0.12 - luma) * 5))]
    if negative > 0.6:
        return [("inverted", negative)]
    if luma > 0.74 and 0.04 < spread < 0.28 and chroma < 0.1 and two_tone > 0.76:
        return [("rough_drawing", 0.7)]
    if chroma < 0.06 and two_tone > 0.75 and spread > 0.28:
        return [("mono", two_tone)]
    if few > _FEW_SHARE and chroma >= 0.06:
        return [("limited_color", few)]
    return [("inverted", 0.5 + negative / 2)] if negative > 0.2 else []


def read_flash(tracks: Tracks) -> dict[str, Variable]:
    """vfx.impact_frame with its spans, from the events of the tracks."""
    if tracks.n_frames < 3:
        reason = f"{tracks.n_frames} frames have no before and after"
        return {FIELD: abstain(FIELD, reason)}
    best: dict[str, float] = {}
    spans, evidence = [], []
    for event in tracks.events:
        if event.field == FIELD:
            best[event.value] = max(best.get(event.value, 0.0), event.score)
            spans.append(Span(value=event.value, start=event.start, end=event.end))
            evidence.append(
                Evidence(
                    estimator=NAME, version=VERSION, start=event.start, end=event.end, numbers={"score": event.score}
                )
            )
    if not best:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.9})}
    values = sorted(best, key=lambda value: -best[value])[:3]
    kept = [span for span in spans if span.value in values]
    return {FIELD: measured(FIELD, values, {value: best[value] for value in values}, evidence, kept)}
