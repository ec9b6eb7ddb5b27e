"""Where one shot ends and the next begins: hard cuts, dissolves (O.L), wipes and fades, from per-frame scores.

`TransitionWatch` sees every frame once and keeps a few floats of it; `decide` is a pure function of those floats.
A cut is paint that no motion explains, in one frame, more than in the frames around it. What comes back within four
frames is an impact frame, not a cut (`flash`); what keeps its drawing and changes its exposure is none either.
A dissolve is found as what it is, a linear mix: the frames of a window lie on the straight line between its two ends,
and those ends are pictures that no motion turns into one another. Where an end is no such picture (a run with effect
lines), the other end alone is asked for (`joint`); wipes are judged between the same two ends (`slide`). Fades are read
from the means (`fade`).
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from anicaption.measure.bars import Bars
from anicaption.measure.brief import MOST_FRAMES as MOST_BRIEF_FRAMES
from anicaption.measure.brief import brief, is_mix
from anicaption.measure.cuts import CUT_KEPT, CUT_SAME, JUMPED, KIN, LEAST_SHOT_FRAMES, cuts
from anicaption.measure.fade import FLASH_FRAMES as BLANK_FLASH_FRAMES
from anicaption.measure.fade import FLAT, MOST_FRAMES, SHORT_FRAMES, TELL_FRAMES, Blank, blanks, is_blank
from anicaption.measure.flash import BLANK_JUMP_FLOOR, FLASH_FRAMES, JUMP_FLOOR, FlashWatch, comes_back
from anicaption.measure.flash import SCORES as FLASH_SCORES
from anicaption.measure.joint import could_be_joint, joint
from anicaption.measure.likeness import (
    Difference,
    Thumbnail,
    alike_lines,
    along_lines,
    away,
    profile_step,
    stays,
    streak,
    thumbnail,
)
from anicaption.measure.mix import DRIFT_FRAMES, carried_ends, drifting_mix, straight
from anicaption.measure.slide import slide

NAME, VERSION = "transition", "6"
# What an event's kind is called at the shot's first frames and at its last.
AT_EDGES = {
    "fade_black": ("fade_in_black", "fade_out_black"),
    "fade_white": ("fade_in_white", "fade_out_white"),
    "dissolve": ("dissolve_in", "dissolve_out"),
    "wipe": ("wipe_in", "wipe_out"),
    "iris": ("iris_in", "iris_out"),
    "whip": ("whip_in", "whip_out"),
}

MIX_HALVES = {4: 2, 8: 4, 14: 6}  # half windows in frames (O.L last 6 to 24), and how often each is tried
MIX_RESIDUAL = 0.18  # share of the way between the ends that the frames may stray from the straight line
MIX_UNEXPLAINED = 0.35  # share of the change from frame to frame that motion does not explain: less is a pan
MIX_ACROSS = 0.025  # difference of the two ends after motion
MIX_LEAST = 4  # frames
MIX_SAME = 0.8  # at its best, a mix joins pictures whose greys correlate by less than this after motion

AGAIN_SHARE = (
    0.35  # what is left at most across an excursion from which the drawing is there again, changed light or not
)
BLANK_BACK = 0.08  # difference to the picture before a blank under which it has come back

REACH = SHORT_FRAMES + MOST_FRAMES  # frames before a boundary that speak about it
LOOK_AHEAD = SHORT_FRAMES + TELL_FRAMES  # frames after it
FADE_SCORE = 0.95  # a blank with a fade is hard to mistake
GHOST_SCORE = 0.85  # certainty of a wipe and of a dissolve that was seen from one end
GHOST_PERIOD = 6  # frames between two looks for joints with one clean end
DETAIL_DIP, DETAIL_HALVES = 0.78, (3, 5, 8, 12)  # share of the detail that a mix keeps; half windows, frames
GHOST_ACROSS, GHOST_SAME = 0.05, 0.9  # of the ends of such a look, after motion
GHOST_UNEXPLAINED = 0.58  # as MIX_UNEXPLAINED
HEAD_FRAMES = 2 * max(MIX_HALVES) + 1 + 2 * DRIFT_FRAMES  # pictures that are remembered at either end of the film

BRIEF_STEP = 0.02  # difference after motion that every step of a brief joint has,
BRIEF_EVEN = 0.15  # and its share of the greatest step
BRIEF_ACROSS, BRIEF_SAME, BRIEF_KEPT = 0.06, 0.75, 0.25  # of its ends, after motion
BRIEF_LINES = 0.36  # and what their edges may share
BRIEF_ALONE = 0.75  # of its steps that the changes beside a brief joint may reach
BRIEF_UNEXPLAINED = 0.5  # as MIX_UNEXPLAINED

_MIX = tuple(f"mix_{half}_{name}" for half in MIX_HALVES for name in ("residual", "start", "end", "same"))
_ACROSS = tuple(f"across_{n}" for n in range(1, FLASH_FRAMES + 1))
_SLIDE = tuple(f"{name}_{what}" for name in ("slide", "ghost") for what in ("residual", "start", "end"))
SCORES = (
    *("raw", "jump", "same", "kept", "stays", "profile", "luma", "spread", "peak", "streak", "detail", "blank_back"),
    *("brief_frames", "brief_mixed", "brief_stray", *_ACROSS, *KIN, *_MIX, *_SLIDE, *FLASH_SCORES),
)


@dataclass(frozen=True)
class Boundary:
    """The shot that begins at `frame`. `kind`: cut, dissolve, wipe, fade; [start, end) are the frames that are of both
    shots or of neither (empty for a cut)."""

    frame: int
    kind: str
    start: int
    end: int
    score: float


class TransitionWatch:
    """Sees frames in order, at any size; remembers 37 thumbnails, six small pictures and a few floats per frame."""

    def __init__(self) -> None:
        self._difference = Difference()
        self._flash = FlashWatch()
        self._bars, self._last_rgb = Bars(), np.zeros((2, 2, 3), np.uint8)
        self._recent: deque[Thumbnail] = deque(maxlen=HEAD_FRAMES)
        self.head: list[Thumbnail] = []
        self._before_blank: tuple[int, Thumbnail] | None = None  # frame at which a blank began, picture before it
        self._scores = {name: array("f") for name in SCORES}

    def see(self, rgb: np.ndarray) -> None:
        """Measure the next frame, RGB uint8 (H, W, 3)."""
        self._bars.see(rgb)
        if self._bars.changed and self._recent:  # both pictures of a step are cut alike
            self._recent[-1] = thumbnail(self._bars.inner(self._last_rgb))
        now, self._last_rgb = thumbnail(self._bars.inner(rgb)), rgb
        row = dict.fromkeys(SCORES, float("nan"))
        row |= self._difference(self._recent[-1] if self._recent else now, now)._asdict()
        row["luma"], row["spread"] = float(now.speck.mean()), float(now.speck.std())
        row["peak"] = float(now.grey.max()) / 255
        row["streak"], row["detail"] = streak(now.grey)
        if self._recent:
            row["profile"] = profile_step(self._recent[-1], now)
            if row["jump"] >= JUMPED and row["same"] < CUT_SAME:
                row["stays"] = stays(self._recent[-1], now)
        across = self._see_across(now, row)
        for name, value in row.items():
            self._scores[name].append(value)
        self._see_blank(now)
        self._recent.append(now)
        if len(self.head) < HEAD_FRAMES:
            self.head.append(now)
        self._flash.see(rgb)
        self._describe_flash(comes_back(self._scores, len(self._scores["jump"]) - 1, across))
        self._see_mix()
        self._see_ghost()
        self._see_brief()

    def _see_across(self, now: Thumbnail, row: dict[str, float]) -> dict[int, float]:
        """Compare with the frames before an excursion that may end here; fills the columns across_n and kin_n."""
        jump, kept, across = self._scores["jump"], self._scores["kept"], {}
        if row["jump"] < BLANK_JUMP_FLOOR:
            return {}
        for n in range(1, FLASH_FRAMES + 1):
            if len(self._recent) <= n or jump[-n] < BLANK_JUMP_FLOOR:
                continue
            least, gone = min(row["jump"], jump[-n]), max(row["kept"], kept[-n]) < CUT_KEPT
            if least < JUMP_FLOOR and not gone and self.last("spread") > FLAT:
                continue  # only blank frames, or such as keep nothing of the drawing, are flashes with so little
            before = self._recent[-1 - n]
            unlike = self._difference(before, now)
            again = gone and unlike.kept >= CUT_KEPT  # lines or light may have come with it
            across[n] = row[f"across_{n}"] = min(away(unlike), AGAIN_SHARE * least) if again else away(unlike)
            if least >= JUMP_FLOOR:
                first, last = self._recent[-n], self._recent[-1]
                row[f"kin_{n}"] = along_lines(last, now) - along_lines(first, before)
        return across

    def _see_blank(self, now: Thumbnail) -> None:
        """Ask of the frames after a blank whether the picture before it comes back."""
        newest = len(self._scores["jump"]) - 1
        blank = is_blank(self.last("luma"), self.last("spread"))
        if blank and self._recent and self._before_blank is None:
            self._before_blank = newest, self._recent[-1]
        elif self._before_blank and newest - self._before_blank[0] > BLANK_FLASH_FRAMES + TELL_FRAMES:
            self._before_blank = None
        elif self._before_blank and not blank:
            start, before = self._before_blank
            back = self._scores["blank_back"]
            back[start] = np.fmin(back[start], self._difference(before, now).jump)

    def _describe_flash(self, n_frames: int) -> None:
        for back, numbers in enumerate(reversed(self._flash.describe(n_frames)) if n_frames else (), start=2):
            for name, value in numbers.items():
                self._scores[name][-back] = value

    def _see_mix(self) -> None:
        """Test windows near the newest frame for a linear mix; the result belongs to their centres."""
        newest = len(self._scores["jump"]) - 1
        for half, period in MIX_HALVES.items():
            n_window = 2 * half + 1
            if newest % period or len(self._recent) < n_window + 2 * DRIFT_FRAMES:
                continue
            inside = slice(-n_window - DRIFT_FRAMES + 1, -DRIFT_FRAMES)
            unexplained = sum(self._scores["jump"][inside]) / max(1e-9, sum(self._scores["raw"][inside]))
            if unexplained < MIX_UNEXPLAINED:
                continue
            window = [self._recent[i] for i in range(-n_window - DRIFT_FRAMES, -DRIFT_FRAMES)]
            if not straight(window):
                continue
            ends = self._difference(window[0], window[-1])
            if ends.jump < MIX_ACROSS or ends.same >= CUT_SAME:
                continue
            before, after = self._recent[-n_window - 2 * DRIFT_FRAMES], self._recent[-1]
            firsts, lasts = carried_ends(window, before, after, self._difference)
            centre = newest - DRIFT_FRAMES - half
            mix = drifting_mix(window, firsts, lasts, MIX_RESIDUAL)
            if mix is not None:
                values = (mix.residual, mix.start - half, mix.end - half, ends.same)
                for name, value in zip(("residual", "start", "end", "same"), values, strict=True):
                    self._scores[f"mix_{half}_{name}"][centre] = value
            elif wipe := slide(window, firsts, lasts, unexplained):
                self._keep("slide", wipe.misfit, centre - half + wipe.start, centre - half + wipe.end)

    def _see_brief(self) -> None:
        """Ask of the changes that end before the newest frame, which changes less, whether they are a brief joint."""
        raw, jump = self._scores["raw"], self._scores["jump"]
        for n in range(min(MOST_BRIEF_FRAMES + 1, len(self._recent) - 2), 1, -1):
            steps, last = raw[-1 - n : -1], len(jump) - 2
            alone = BRIEF_ALONE * sorted(steps)[n // 2]
            if min(jump[-1 - n : -1]) < max(BRIEF_STEP, BRIEF_EVEN * max(jump[-1 - n : -1])):
                continue  # a cut beside something that moves
            if raw[-1] > alone or raw[-2 - n] > alone:
                continue  # part of something longer
            pictures = [self._recent[i] for i in range(-2 - n, -1)]
            found = brief(pictures)
            if found is None or sum(jump[-1 - n : -1]) < BRIEF_UNEXPLAINED * sum(steps):
                continue
            ends = self._difference(pictures[0], pictures[-1])
            if ends.jump < BRIEF_ACROSS or ends.same >= BRIEF_SAME or ends.kept >= BRIEF_KEPT:
                continue
            if alike_lines(pictures[0], pictures[-1]) < BRIEF_LINES:
                for name, value in (("frames", n - 1), ("mixed", found.mixed), ("stray", found.stray)):
                    self._scores[f"brief_{name}"][last] = value
                return

    def _see_ghost(self) -> None:
        """Ask for a joint of which only one end is clean, forwards and backwards in time."""
        newest = len(self._scores["jump"]) - 1
        if newest % GHOST_PERIOD or len(self._recent) < HEAD_FRAMES:
            return
        if not _sinks(np.array(self._scores["detail"][-HEAD_FRAMES:])):
            return
        pictures = list(self._recent)
        ends = self._difference(pictures[0], pictures[-1])
        if ends.jump < GHOST_ACROSS or ends.same >= GHOST_SAME:
            return
        for way in (1, -1):
            window, beyond = pictures[::way][:-DRIFT_FRAMES], pictures[::way][-1]
            if not could_be_joint(window, beyond, self._difference):
                continue
            if found := joint(window, beyond, self._difference):
                oldest = newest - HEAD_FRAMES + 1
                start, end = oldest + found.start, oldest + found.end
                if way == -1:
                    start, end = newest + 1 - found.end, newest + 1 - found.start
                jump, raw = (sum(self._scores[name][start : end + 1]) for name in ("jump", "raw"))
                if jump > GHOST_UNEXPLAINED * raw:
                    self._keep("ghost", found.residual, start, end)

    def _keep(self, name: str, residual: float, start: float, end: float) -> None:
        """Remember a joint in the row of its middle, counted from there, if it is the best that was seen of it."""
        middle = max(0, min(round((start + end) / 2), len(self._scores["jump"]) - 1))
        if not residual >= self._scores[f"{name}_residual"][middle]:
            for what, value in (("residual", residual), ("start", start - middle), ("end", end - middle)):
                self._scores[f"{name}_{what}"][middle] = value

    def tail(self) -> list[Thumbnail]:
        """The last pictures, newest first."""
        return list(self._recent)[::-1]

    def last(self, name: str) -> float:
        """The newest value of one score."""
        return self._scores[name][-1]

    def scores(self, first: int = 0) -> dict[str, np.ndarray]:
        """float32 (T - first,) each, from frame `first` on.

        raw, jump, same, kept: against the frame before (see likeness.Unlike);
        stays: after a large jump, the share of the drawing that is where it was (NaN elsewhere);
        profile: how much the means of all rows and of all columns change at least, 0..1;
        across_n: jump against the frame before an excursion of n frames that ended here (NaN where none can have), more
        where the drawing is another and less where only the light is; kin_n: see `cuts`;
        luma, spread: mean and deviation, 0..1; peak: the brightest spot; streak: see `streak`;
        blank_back: on the first of blank frames, how unlike the picture before is at best after them (NaN elsewhere);
        mix_h_*: of the window of h frames on either side, if it is a linear mix: how far its frames stray (share), the
        first mixed and the first clean frame, counted from here (NaN where it is none or does not show the limit), and
        the `same` of its ends;
        slide_*, ghost_*: a wipe, and a dissolve with one clean end, in the row of its middle, counted from there;
        flash_*: of the frames of an excursion, see flash.py.
        """
        return {name: np.array(values[first:], np.float32) for name, values in self._scores.items()}

    def columns(self) -> dict[str, np.ndarray]:
        """The columns that go into tracks: what motion does not explain of the frame before, and mean light, 0..1."""
        return {name: np.array(self._scores[name], np.float32) for name in ("jump", "luma")}


def _sinks(detail: np.ndarray) -> bool:
    """Whether the pictures lose detail on the way from some frame to some other, as in a mix."""
    return any(
        bool((detail[k:-k] < DETAIL_DIP * (detail[: -2 * k] + detail[2 * k :]) / 2).any()) for k in DETAIL_HALVES
    )


def decide(scores: Mapping[str, np.ndarray], first: int = 0) -> tuple[Boundary, ...]:
    """The boundaries in the frames that `scores` cover, in order; `first` is the index of their first row. Pure."""
    runs = blanks(scores, BLANK_BACK)
    hard = [Boundary(frame, "cut", frame, frame, score) for frame, score in cuts(scores, runs)]
    fades = [boundary for run in runs for boundary in _through(run, len(scores["jump"]))]
    slides = _kept(scores, "slide", "wipe")
    # Of a longer wipe the quick middle alone looks like a brief one.
    short = [b for b in _briefs(scores) if not any(w.start <= b.end and b.start <= w.end for w in slides)]
    hard = [b for b in hard if not any(joint.start <= b.frame <= joint.end for joint in short)]
    taken = [(run.opens, run.closes) for run in runs] + [(b.frame, b.frame) for b in hard]
    mixes: list[Boundary] = []
    for mix in [*short, *_mixes(scores), *slides, *_kept(scores, "ghost", "dissolve")]:
        if not any(mix.start <= end and start <= mix.end for start, end in taken):
            mixes.append(mix)
            taken.append((mix.start, mix.end))
    found: list[Boundary] = []
    for boundary in sorted([*hard, *fades, *mixes], key=lambda b: b.frame):
        if found and boundary.frame - found[-1].frame < LEAST_SHOT_FRAMES:
            found.pop()  # what stood between two shots for a frame or two is the end of the first
        found.append(boundary)
    return tuple(replace(b, frame=b.frame + first, start=b.start + first, end=b.end + first) for b in found)


def _through(run: Blank, n_frames: int) -> list[Boundary]:
    """The boundaries at a blank between two pictures of which at least one fades: one in a short blank, in the middle
    if both fade and else at the cut; one at each fading side of a long one."""
    if run.start == 0 or run.end == n_frames or run.flash:
        return []
    if run.end - run.start > SHORT_FRAMES:
        frames = [run.start] * run.fades_out + [run.end] * run.fades_in
    elif run.fades_in:
        frames = [(run.start + run.end) // 2 if run.fades_out else run.start]
    else:
        frames = [run.end] * run.fades_out
    return [Boundary(frame, "fade", run.opens, run.closes, FADE_SCORE) for frame in frames]


def _mixes(scores: Mapping[str, np.ndarray]) -> list[Boundary]:
    """One boundary in the middle of every run of windows that are mixes and together show both limits of one."""
    windows = sorted(
        (int(centre), float(scores[f"mix_{half}_residual"][centre]), half)
        for half in MIX_HALVES
        for centre in np.flatnonzero(np.isfinite(scores[f"mix_{half}_residual"]))
    )
    runs: list[list[tuple[int, float, int]]] = []
    for window in windows:
        if runs and window[0] - runs[-1][-1][0] <= max(MIX_HALVES.values()):
            runs[-1].append(window)
        else:
            runs.append([window])
    found: list[Boundary] = []
    for run in runs:
        start, end = _limit(scores, run, "start"), _limit(scores, run, "end")
        same = min(float(scores[f"mix_{half}_same"][centre]) for centre, _, half in run)
        if (
            same < MIX_SAME
            and start is not None
            and end is not None
            and MIX_LEAST <= end - start <= 2 * max(MIX_HALVES)
        ):
            score = 1 - min(residual for _, residual, _ in run) / (2 * MIX_RESIDUAL)
            found.append(Boundary((start + end) // 2, "dissolve", start, end, score))
    return found


def _briefs(scores: Mapping[str, np.ndarray]) -> list[Boundary]:
    """The joints of few frames, the longest of those that overlap."""
    ends = np.flatnonzero(np.isfinite(scores["brief_frames"])).tolist()
    found: list[Boundary] = []
    for end in sorted(ends, key=lambda row: (-float(scores["brief_frames"][row]), float(scores["brief_stray"][row]))):
        start = end - int(scores["brief_frames"][end])
        if not any(start <= joint.end and joint.start <= end for joint in found):
            kind = "dissolve" if is_mix(float(scores["brief_mixed"][end])) else "wipe"
            found.append(Boundary((start + end) // 2, kind, start, end, GHOST_SCORE))
    return found


def _kept(scores: Mapping[str, np.ndarray], name: str, kind: str) -> list[Boundary]:
    """The wipes or one-sided dissolves that were seen, the best of each first, none twice."""
    rows = np.flatnonzero(np.isfinite(scores[f"{name}_residual"]))
    found: list[Boundary] = []
    for middle in sorted(rows.tolist(), key=lambda row: float(scores[f"{name}_residual"][row])):
        start = round(middle + float(scores[f"{name}_start"][middle]))
        end = round(middle + float(scores[f"{name}_end"][middle]))
        found.append(Boundary((start + end) // 2, kind, start, end, GHOST_SCORE))
    return found


def _limit(scores: Mapping[str, np.ndarray], run: list[tuple[int, float, int]], name: str) -> int | None:
    """The frame at which a mix starts or ends: what the three straightest windows that show it say in the middle."""
    seen = sorted(
        (residual, centre + float(scores[f"mix_{half}_{name}"][centre]))
        for centre, residual, half in run
        if np.isfinite(scores[f"mix_{half}_{name}"][centre])
    )[:3]
    return round(float(np.median([frame for _, frame in seen]))) if seen else None
