"""Which cadence a video has, frame by frame, from columns of evidence; no pixels here.

Evidence of a frame says how much its fields differ from the last frame's and how badly pairs of fields weave
(watch/cadence_luma.py). Each is graded: does it look like another moment? A cadence predicts which pairs are one
moment. Drawings are held in animation, so that a pair which looks alike says little where nothing moves and much where
everything around it moves; a pair that looks different where a cadence says it is the same speaks against it at once.
The likeliest path through all cadences and phases is followed over the whole source (Viterbi with a fixed lag):
a still scene keeps the phase it is in, and an edit that breaks the phase costs one change of path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from animatrix_ingest.decide.telecine_patterns import EITHER, PAIRS, SAME, Hypothesis, Pattern, hypotheses

COLUMNS = (*PAIRS, "blend")

CHANGE = 11.0  # log odds that a change of cadence or phase costs
CHANGE_TO_BLENDS = 18.0  # the same, into blended fields, which few frames prove
CHANGE_TO_VIDEO = 26.0  # the same, into a cadence without film: such parts are long, and slow film looks like it
CHANGE_FROM_VIDEO = 12.0  # and on top, out of one
UNLIKELY = 4.0  # log odds against every cadence but the plain one, at the start
MISTAKEN = 0.01  # chance that one moment looks like two
NEVER = 1e-11  # the same, where the difference is clear: two changes of path are cheaper than a lost drawing
CLEAR_LEVELS, CLEAR_TIMES = 9.0, 2.5  # block difference in luma levels, and over its threshold: clear
LEAST_LEVELS = 1.5  # block difference under which nothing has changed
FLOOR_LEVELS = 0.4, 4.5  # where that floor can lie
NOISY_SHARE, NOISY_LEVELS = 0.6, 25.0  # of the next median: one phase of five is stiller; the most it may differ by
DIP_SHARE = 0.8  # of the least change of the two frames before and after: this one alone is still
DIP_REPEAT, DIP_ELSE = 0.55, 0.1  # chance of that for the one repeat of a cycle, and for any other frame
COMB_LEVELS = 1.0, 3.0  # comb of moving blocks, worst pair less best, under which combs say nothing and over which all
COMB_LEAST = 1.0  # what the better of two pairs must comb more for their ratio to say as much
STEP_SHOWS = 0.75  # of two film pictures that differ, those whose rows comb when they are woven
EVEN_LOG = 0.6  # two pairs comb alike within this ratio, in natural logarithms
EVEN_FILM, EVEN_VIDEO = 0.15, 0.75  # chance of that where one pair is one moment of film, and between moments of video
LEAN_LOG = 0.3  # the pairs across frames comb alike within this ratio: measured within 0.13 in whole frames of film
LEAN_FILM = 0.05  # chance of more, to either side, where both are as far apart in time
LEAN_EVEN, LEAN_WRONG = 0.15, 0.02  # chance of less, and of the other side, where one is further apart
COMB_SHARE, COMB_SLOPE = 0.45, 4.0  # of the worst pair's comb: half way between woven right and not; per log unit
CHANGE_SLOPE = 3.0  # grade per log unit
FLOOR_FRAMES = 150  # of their changes, a low quantile is what a repeat differs by:
FLOOR_QUANTILE, FLOOR_QUANTILE_FAST = 0.15, 0.4  # where one frame in five may repeat, and of 50 and 60 a second, half
START_FRAMES = 36  # seen before anything is scored, so that the first frames are judged by a floor too
FLOOR_KEPT = 0.97  # of a floor, every few frames: coding does not become better because a scene is still
IDLE = 0.15  # grade up to which what moves around a frame is noise, so that a still scene tells nothing
NEAR_FRAMES = 2  # frames before and after that tell how much moves
BLEND_SHARE = 0.5  # pixels halfway between two moments, of those that change, over which a field may be a mix,
BLEND_SWING = 0.1  # if that share rises and falls so far within a cycle of five: what moves slowly keeps its share
BLEND_MIXED, BLEND_FILM = 0.1, 0.002  # chance of that among blended fields (in shots that move much), and any others
SURE = 6.0  # log odds over every other cadence, from which a plain one is said to be known


@dataclass(frozen=True)
class Choice:
    """What a frame is: its hypothesis, and the log odds of it over the best of any other state at that time."""

    hypothesis: Hypothesis
    margin: float
    known: bool  # whether that margin, or evidence before it in the same state, is enough to say so


def grades(columns: Mapping[str, np.ndarray], floor: float) -> dict[str, np.ndarray]:
    """How much each pair looks like two moments, 0 to 1, NaN where nothing can be said; `clear_*` where it is plain."""
    top, bottom = columns["top"], columns["bottom"]
    both = np.fmax(top, bottom)
    around = _around(both, 1, np.fmax)
    least = np.clip(np.sqrt(floor * around), None, 2.2 * floor)
    threshold = np.fmax(np.fmax(least, 0.12 * around), LEAST_LEVELS)
    graded: dict[str, np.ndarray] = {}
    for name, column in (("top", top), ("bottom", bottom)):
        graded[name] = 1 / (1 + (threshold / np.maximum(column, 1e-3)) ** CHANGE_SLOPE)
        beside = _beside_least(column)
        graded[f"dips_{name}"] = np.where(beside > threshold, column < DIP_SHARE * beside, np.nan)
        graded[f"clear_{name}"] = (column > CLEAR_LEVELS) & (column > CLEAR_TIMES * threshold)
    combs = {name: columns[name] for name in ("own", "with_last", "last_with")}
    worst = np.fmax.reduce(list(combs.values()))
    for name, column in combs.items():
        share = (column + 0.2) / (worst + 0.2)
        graded[name] = 1 / (1 + (COMB_SHARE / share) ** COMB_SLOPE)
    graded["combs"] = _counts(worst - np.fmin.reduce(list(combs.values())))
    for name in ("with_last", "last_with"):
        graded[f"ratio_{name}"] = np.log((combs["own"] + 0.2) / (combs[name] + 0.2))
        graded[f"combs_{name}"] = np.fmin(graded["combs"], _counts(np.fmax(combs["own"], combs[name]) - COMB_LEAST))
    graded["lean"] = np.log((combs["with_last"] + 0.2) / (combs["last_with"] + 0.2))
    blend = columns["blend"]
    padded = np.pad(blend, NEAR_FRAMES, constant_values=np.nan)
    near = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR_FRAMES + 1), axis=1)
    swing = near[:, -2] - near[:, 1]  # NaN, sorted last, unless all are known; without the one frame after a cut
    graded["blend"] = np.where(np.isnan(blend), np.nan, (blend > BLEND_SHARE) & (swing > BLEND_SWING))
    return graded


def _counts(spread: np.ndarray) -> np.ndarray:
    """How much combs count, 0 to 1, that are so far apart: what all pairs comb is the detail of the picture."""
    low, high = COMB_LEVELS
    return np.clip(np.nan_to_num((spread - low) / (high - low)), 0, 1)


def likelihoods(
    graded: Mapping[str, np.ndarray], expected_THP: np.ndarray, leans_TH: np.ndarray, mixed: np.ndarray
) -> np.ndarray:
    """Log likelihood of every frame under every hypothesis, (T, H).

    `expected_THP` says what each hypothesis expects of PAIRS at each frame, `leans_TH` which pair across frames is
    further apart; `mixed`, which hypotheses mix fields (H,).
    """
    moved = np.fmax(graded["top"], graded["bottom"])
    moving = np.nan_to_num(moved)
    near = np.nan_to_num(_around_mean(moved, NEAR_FRAMES), nan=0.5)
    active = np.clip((near - IDLE) / (1 - IDLE), 1e-3, 0.95)
    total = np.zeros(expected_THP.shape[:2])
    for place, name in enumerate(PAIRS):
        looks = graded[name]
        if_same = np.log((1 - looks) * (1 - MISTAKEN) + looks * MISTAKEN)
        if place < 2:
            if_same = np.where(graded[f"clear_{name}"], np.log(NEVER), if_same)
        shows = active if place < 2 else STEP_SHOWS * active
        if_other = np.log((1 - looks) * (1 - shows) + looks * shows)
        expects = expected_THP[:, :, place]
        either = np.log((np.exp(if_same) + np.exp(if_other)) / 2)
        pair = np.where(expects == SAME, if_same[:, None], if_other[:, None])
        pair = np.where(expects == EITHER, either[:, None], pair)
        counts = np.where(np.isnan(looks), 0.0, 1.0 if place < 2 else graded["combs"] * moving)
        total += np.nan_to_num(pair) * counts[:, None]
    for place, name in enumerate(PAIRS[:2]):
        lone = _alone(expected_THP[:, :, place])
        dips = graded[f"dips_{name}"][:, None]
        chance = np.where(lone, DIP_REPEAT, DIP_ELSE)
        total += np.where(np.isnan(dips), 0.0, np.log(np.where(dips > 0, chance, 1 - chance)))
    own = expected_THP[:, :, PAIRS.index("own")]
    for name in ("with_last", "last_with"):
        other = expected_THP[:, :, PAIRS.index(name)]
        ratio = np.nan_to_num(graded[f"ratio_{name}"])[:, None]
        even = np.abs(ratio) < EVEN_LOG
        right = np.where(own == SAME, ratio < 0, ratio > 0)
        film = np.where(even, EVEN_FILM, np.where(right, 1 - EVEN_FILM, 0.05))
        video = np.where(even, EVEN_VIDEO, 1 - EVEN_VIDEO)
        chance = np.where(
            (own == EITHER) & (other == EITHER), video, np.where((own != EITHER) & (own + other == SAME), film, 0.5)
        )
        total += np.log(chance) * (graded[f"combs_{name}"] * moving)[:, None]
    lean = np.nan_to_num(graded["lean"])[:, None]
    even = np.abs(lean) < LEAN_LOG
    film = np.where(even, 1 - 2 * LEAN_FILM, LEAN_FILM)
    late = np.where(even, LEAN_EVEN, np.where(np.sign(lean) == leans_TH, 1 - LEAN_EVEN - LEAN_WRONG, LEAN_WRONG))
    chance = np.where(leans_TH == 0, film, late)
    total += np.log(chance) * (graded["combs"] * moving)[:, None]
    blend = graded["blend"][:, None]
    chance = np.where(mixed, BLEND_MIXED, BLEND_FILM)
    return total + np.where(np.isnan(blend), 0.0, np.log(np.where(blend > 0, chance, 1 - chance)))


def repeat_floor(change: np.ndarray, quantile: float = FLOOR_QUANTILE) -> float:
    """What a repeated frame differs by in this source, in luma levels, from the changes (T,) of the last seconds.

    Where one frame in five changes clearly less than the four others, that is what coding does to repeats, however
    much it is; else it is what the stillest frames differ by, which in a pan without repeats are not repeats at all.
    """
    known = change[np.isfinite(change)]
    if not len(known):
        return FLOOR_LEVELS[0]
    floor = float(np.clip(np.quantile(known, quantile), *FLOOR_LEVELS))
    if len(change) < START_FRAMES:
        return floor
    levels = sorted(float(np.nanmedian(change[phase::5])) for phase in range(5))
    return max(floor, min(levels[0], NOISY_LEVELS)) if levels[0] < NOISY_SHARE * levels[1] else floor


def _beside_least(column: np.ndarray) -> np.ndarray:
    """The least of the two values before and the two after each; NaN at the ends."""
    padded = np.pad(column, 2, constant_values=np.nan)
    n = len(column)
    return np.minimum.reduce([padded[:n], padded[1 : n + 1], padded[3 : n + 3], padded[4 : n + 4]])


def _alone(expected_TH: np.ndarray) -> np.ndarray:
    """Where a pair is expected to be one moment, and those of the two frames before and after are not."""
    padded = np.pad(expected_TH == SAME, ((2, 2), (0, 0)))
    n = len(expected_TH)
    others = padded[:n] | padded[1 : n + 1] | padded[3 : n + 3] | padded[4 : n + 4]
    return padded[2 : n + 2] & ~others


def _around(column: np.ndarray, reach: int, fold) -> np.ndarray:
    """Fold each value with its neighbours within `reach`."""
    out = column
    for step in range(1, reach + 1):
        out = fold(out, np.concatenate([column[step:], column[-1:].repeat(min(step, len(column)))])[: len(column)])
        out = fold(out, np.concatenate([column[:1].repeat(step), column[:-step]])[: len(column)])
    return out


def _around_mean(column: np.ndarray, reach: int) -> np.ndarray:
    """The mean of the neighbours of each value within `reach`, itself left out; NaN where none is known."""
    total, n = np.zeros(len(column)), np.zeros(len(column))
    for step in range(1, reach + 1):
        for there, here in ((slice(step, None), slice(None, -step)), (slice(None, -step), slice(step, None))):
            values = column[there]
            total[here] += np.nan_to_num(values)
            n[here] += ~np.isnan(values)
    return np.divide(total, n, out=np.full(len(column), np.nan), where=n > 0)


def _entry(pattern: Pattern) -> float:
    """Log odds that changing to this cadence costs."""
    if pattern.film:
        return CHANGE
    return CHANGE_TO_BLENDS if pattern.mixed else CHANGE_TO_VIDEO


class Decider:
    """Follows the likeliest path. `add` takes frames in order; `ready` gives choices `lag_frames` behind them."""

    def __init__(self, rate: Fraction, lag_frames: int, step_frames: int = 8, woven: bool = True) -> None:
        """Without `woven`, only cadences of whole frames are considered."""
        self._all = tuple(h for h in hypotheses(rate) if woven or not h.pattern.woven)
        self._lag, self._step = lag_frames, step_frames
        n = len(self._all)
        cycle = int(np.lcm.reduce([h.pattern.n_frames for h in self._all]))
        self._expects = np.array(
            [[h.pattern.expects((t + h.phase) % h.pattern.n_frames) for h in self._all] for t in range(cycle)]
        )
        self._leans = np.array(
            [[h.pattern.leans((t + h.phase) % h.pattern.n_frames) for h in self._all] for t in range(cycle)]
        )
        self._mixed = np.array([h.pattern.mixed for h in self._all])
        states = sorted({h.pattern.state for h in self._all})
        self._state = np.array([states.index(h.pattern.state) for h in self._all])
        self._entry = np.array([_entry(h.pattern) for h in self._all])
        self._exit = np.array([0.0 if h.pattern.film else CHANGE_FROM_VIDEO for h in self._all])
        self._plain = self._all[0].pattern.state
        self._score = np.where(self._state == self._state[0], 0.0, -UNLIKELY)
        self._rows: list[tuple[float, ...]] = []  # evidence of frames from _first on
        self._first = 0  # index of the first row kept
        self._scored = 0  # frames in the path so far
        self._said = 0  # frames already answered
        self._back: list[np.ndarray] = []  # where each hypothesis came from, from frame _said on
        self._known = False
        self._floor = 0.0
        self._quantile = FLOOR_QUANTILE if rate < 40 else FLOOR_QUANTILE_FAST
        self._n = n

    def add(self, evidence: Mapping[str, float]) -> list[Choice]:
        """See the next frame's evidence (COLUMNS); returns choices for the oldest frames that became certain."""
        self._rows.append(tuple(evidence[name] for name in COLUMNS))
        seen = self._first + len(self._rows)
        if seen >= START_FRAMES and seen - NEAR_FRAMES - self._scored >= self._step:
            self._advance(seen - NEAR_FRAMES)
        if self._scored - self._lag - self._said >= self._step:
            return self._trace(self._scored - self._lag)
        return []

    def end(self) -> list[Choice]:
        """Choices for all frames that are left."""
        seen = self._first + len(self._rows)
        if seen > self._scored:
            self._advance(seen)
        return self._trace(seen) if seen > self._said else []

    def _advance(self, until: int) -> None:
        table = np.array(self._rows, float).T
        columns = dict(zip(COLUMNS, table))
        fields = [columns[name][-FLOOR_FRAMES:] for name in ("top", "bottom")]
        floor = min(
            repeat_floor(field, self._quantile) for field in fields if np.isfinite(field).any() or field is fields[0]
        )
        floor = self._floor = max(floor, FLOOR_KEPT * self._floor)
        near = slice(max(0, self._scored - self._first - 4), None)
        graded = grades({name: column[near] for name, column in columns.items()}, floor)
        start = self._first + near.start
        places = np.arange(start, start + len(table[0][near])) % len(self._expects)
        scores = likelihoods(graded, self._expects[places], self._leans[places], self._mixed)[
            self._scored - start : until - start
        ]
        for row in scores:
            best = int(np.argmax(self._score - self._exit))
            moved = self._score[best] - self._exit[best] - self._entry
            stays = self._score >= moved
            self._back.append(np.where(stays, np.arange(self._n), best))
            self._score = np.where(stays, self._score, moved) + row
        self._score -= self._score.max()
        self._scored = until
        spare = len(self._rows) - FLOOR_FRAMES - self._step
        if spare > 0 and self._first + spare <= self._scored - 8:
            del self._rows[:spare]
            self._first += spare

    def _trace(self, until: int) -> list[Choice]:
        at = int(np.argmax(self._score))
        others = self._score[self._state != self._state[at]]
        margin = float(self._score[at] - others.max()) if len(others) else float("inf")
        path = []
        for back in reversed(self._back):
            path.append(at)
            at = int(back[at])
        path = path[::-1][: until - self._said]
        choices = []
        for h in path:
            state = self._all[h].pattern.state
            self._known = state != self._plain or (self._known and bool(choices or self._said)) or margin >= SURE
            choices.append(Choice(self._all[h], margin, self._known))
        del self._back[: until - self._said]
        self._said = until
        return choices


def choose(columns: Mapping[str, Sequence[float] | np.ndarray], rate: Fraction, lag_frames: int = 45) -> list[Choice]:
    """The choice for every frame of a whole source from its columns; NaN where something was not measured."""
    decider = Decider(rate, lag_frames)
    choices: list[Choice] = []
    n = len(columns["top"])
    for t in range(n):
        choices += decider.add({name: float(columns[name][t]) if name in columns else float("nan") for name in COLUMNS})
    return choices + decider.end()
