"""Impact frames and flashes: one to four frames at which the picture goes away and from which it comes back.

The triple test: a large difference in, a large difference out, a small one across (all after motion is taken away).
What passes it is no cut; what in it is white, black, a negative, two-toned or of a few flat colours is a tag.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np

from anicaption.measure.likeness import correlation
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Event, Tracks

NAME, VERSION = "flash", "3"
FIELD = "vfx.impact_frame"

FLASH_FRAMES = 4
JUMP_FLOOR = 0.06  # difference after motion that is large, of 0..1
BACK_SHARE = 0.5  # across a flash the picture differs by less than this share of the jumps in and out
BLANK_BACK_SHARE = 0.36  # as BACK_SHARE, of a picture that is white or black: any two are far from that
BLANK_JUMP_FLOOR = 0.03  # as JUMP_FLOOR, of a picture that is white or black all over: a white flash on paper
EXACT_SHARE = 0.1  # as BACK_SHARE, of a picture that comes back so well that it need not have gone as far as JUMP_FLOOR
FAR_BETTER = 0.4  # of what is left across one of two excursions that touch
_CLEAR_SHARE = 0.6  # of the best length's jumps that those of a longer excursion must have
_BLANK_LIGHT, _BLANK_DARK, _BLANK_SPREAD = 0.9, 0.06, 0.05  # mean over or under which a flat picture is blank

SCORES = (
    *("flash_luma", "flash_spread", "flash_chroma", "flash_two_tone", "flash_negative", "flash_few"),
    *("flash_white", "flash_black", "flash_unturned", "flash_rise"),
)
_BLACK, _MOST_MATTE = 26, 0.3  # brightest value of a matte; share of a side that it may take at one edge
_OPEN = 0.12  # share of a row that must be brighter: words on a matte are not the picture
_WHITE_FROM, _BLACK_TO = 243, 22  # least channel of white, brightest of black, after coding
_BLANK_SHARE = 0.88  # of a white or black picture that words may leave
_UNTURNED = 0.13  # mean difference of the negative to the picture before, 0..1: under this it is its negative
_FLAT, _RISE = 0.05, 0.08  # deviation of a flat picture; mean light by which it is more or less than the picture before
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
        open_at = np.flatnonzero((bright > _BLACK).mean(axis) > _OPEN)
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
        "flash_white": float((rgb.min(axis=2) >= _WHITE_FROM).mean()),
        "flash_black": float((rgb.max(axis=2) <= _BLACK_TO).mean()),
        "flash_unturned": float(cv2.absdiff(cv2.bitwise_not(rgb), np.ascontiguousarray(before)).mean()) / 255,
        "flash_rise": (float(grey.mean()) - float(grey_before.mean())) / 255,
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
    """Spans [start, end) of one to four frames that pass the triple test; a longer span swallows those inside it, and
    of two that touch the first stays, unless the second comes back far better: then the first only seemed to. A blank,
    words or not, comes back better than any picture and shows nothing by it: else a strobe would be the pictures
    between its flashes."""
    spans: list[tuple[int, int, float]] = []
    for start, end, share in comings_back(scores):
        while spans and spans[-1][0] >= start:
            spans.pop()
        out_of_blank = _blank(float(scores["luma"][start - 1]), float(scores["spread"][start - 1]))
        out_of_blank = out_of_blank or _blank_kind(_numbers(scores, start - 1, start))
        if spans and spans[-1][1] >= start and share < FAR_BETTER * spans[-1][2] and not out_of_blank:
            spans.pop()
        if not spans or spans[-1][1] < start:
            spans.append((start, end, share))
    return tuple((start, end) for start, end, _ in spans)


def comings_back(scores: Mapping[str, np.ndarray]) -> Iterator[tuple[int, int, float]]:
    """(start, end, share) of every frame at which the picture of before `start` comes back: of the lesser jump, the
    share that is left across."""
    jump = scores["jump"]
    for end in np.flatnonzero(jump >= BLANK_JUMP_FLOOR).tolist():
        across = {n: float(scores[f"across_{n}"][end]) for n in range(1, FLASH_FRAMES + 1)}
        n_frames = comes_back(scores, end, across)
        start = end - n_frames
        if n_frames and start > 0:
            yield start, end, across[n_frames] / float(min(jump[start], jump[end]))


def comes_back(scores: Mapping[str, Sequence[float] | np.ndarray], end: int, across: Mapping[int, float]) -> int:
    """How many frames before `end` the picture was away, 0 if it was not: the blank ones, or the longest excursion with
    clear jumps. Reads the columns jump, luma and spread."""
    jump = scores["jump"]
    blank = _blank_frames(scores, end)
    fits: dict[int, float] = {}  # length -> the lesser jump
    for n in range(1, FLASH_FRAMES + 1):
        if n in across and end - n > 0:
            least = min(jump[end - n], jump[end])
            floor = BLANK_JUMP_FLOOR if n == blank or across[n] < EXACT_SHARE * least else JUMP_FLOOR
            share = BLANK_BACK_SHARE if n == blank else BACK_SHARE
            if least >= floor and across[n] < share * least:
                fits[n] = least
    if blank in fits:
        return blank
    clear = _CLEAR_SHARE * max(fits.values(), default=0.0)
    exact = {n for n, least in fits.items() if across[n] < EXACT_SHARE * least}
    return max((n for n, least in fits.items() if least >= clear or n in exact), default=0)


def _blank_frames(scores: Mapping[str, Sequence[float] | np.ndarray], end: int) -> int:
    """How many frames before `end` are all white or all black, 0 if there are too many for a flash."""
    kinds = [_blank(scores["luma"][t], scores["spread"][t]) for t in range(max(0, end - FLASH_FRAMES - 1), end)][::-1]
    n = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), len(kinds)) if kinds and kinds[0] else 0
    return n if n <= FLASH_FRAMES else 0


def _blank(luma: float, spread: float) -> int:
    """1 for white, -1 for black, 0 for a picture."""
    return 0 if spread > _BLANK_SPREAD else int(luma > _BLANK_LIGHT) - int(luma < _BLANK_DARK)


def flashes(scores: Mapping[str, np.ndarray]) -> tuple[Event, ...]:
    """The named frames of all excursions: white and black ones by themselves, what else there is in one excursion is
    of one kind, though its drawings may alternate. Pure."""
    events: list[Event] = []
    for start, end in excursions(scores):
        first = start
        while first < end:
            blank = _blank_kind(_numbers(scores, first, first + 1))
            last = first + 1
            while last < end and _blank_kind(_numbers(scores, last, last + 1)) == blank:
                last += 1
            named = (blank, 0.95) if blank else _kind(_numbers(scores, first, last))
            if named:
                events.append(Event(FIELD, named[0], first, last, named[1]))
            first = last
    return tuple(events)


def _numbers(scores: Mapping[str, np.ndarray], start: int, end: int) -> dict[str, float]:
    """Means of the scores over frames; of the chroma also the most."""
    numbers = {name.removeprefix("flash_"): float(scores[name][start:end].mean()) for name in SCORES}
    return numbers | {"most_chroma": float(scores["flash_chroma"][start:end].max())}


def _blank_kind(is_: Mapping[str, float]) -> str | None:
    """white_flash or black_flash, words over it allowed; None for a picture."""
    if is_["negative"] > 0.3 or (is_["unturned"] < 0.08 and is_["spread"] > 0.06):
        return None
    flat = is_["spread"] < _FLAT and is_["chroma"] < 0.1
    if is_["white"] > _BLANK_SHARE or (is_["spread"] < 0.12 and is_["luma"] > 0.93 and is_["chroma"] < 0.05):
        return "white_flash"
    if is_["black"] > _BLANK_SHARE or (is_["spread"] < 0.06 and is_["luma"] < 0.12):
        return "black_flash"
    if flat and abs(is_["rise"]) > _RISE:
        return "white_flash" if is_["rise"] > 0 else "black_flash"
    return None


def _kind(is_: Mapping[str, float]) -> tuple[str, float] | None:
    """What the frames of one excursion are that are not blank, and how surely."""
    pure = is_["white"] + is_["black"] > 0.5 or is_["negative"] < 0.5  # a negative of paper has no white
    if pure and is_["most_chroma"] < 0.06 and is_["two_tone"] > 0.75 and is_["spread"] > 0.28:
        return "mono", is_["two_tone"]
    if is_["unturned"] < _UNTURNED and is_["negative"] > 0.2:
        return "inverted", 0.9
    paper = is_["luma"] > 0.74 and 0.04 < is_["spread"] < 0.28 and is_["most_chroma"] < 0.1
    if paper and is_["two_tone"] > 0.6:
        return "rough_drawing", 0.7
    if is_["few"] > _FEW_SHARE and is_["most_chroma"] >= 0.06 and is_["negative"] < 0.6:
        return "limited_color", is_["few"]
    return ("inverted", 0.5 + is_["negative"] / 2) if is_["negative"] > 0.2 else None


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
