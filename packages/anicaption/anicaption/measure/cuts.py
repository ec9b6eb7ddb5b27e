"""Hard cuts, from per-frame scores: paint that no motion explains, in one frame, more than in the frames around it.

What comes back is an excursion (`flash`), not a cut. An impact frame that touches a cut belongs to the shot whose lines
it has: a negative or a rough drawing changes every colour and keeps the lines where they are. In a torn pan every frame
is new paint, but the means of its rows stay; so a cut must change these too where everything else is in motion.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from anicaption.measure.fade import SHORT_FRAMES, Blank
from anicaption.measure.flash import FLASH_FRAMES, comings_back, excursions

CUT_FLOOR = 0.02  # difference after motion under which nothing is a cut: night scenes differ by little
CUT_RATIO = 1.5  # a cut stands out of its neighbours by this factor
CUT_STEADY = 0.01  # added to the neighbours, so that a held shot has a baseline to stand out of
CUT_SAME = 0.9  # correlation of the greys after motion over which only the exposure changed
CUT_LIT = 0.9  # over which nothing moved either
CUT_KEPT = 0.28  # share of the drawing that survives, over which a figure changed and not the shot;
KEPT_LESS, KEPT_FROM, KEPT_TO = 0.06, 0.13, 0.18  # less of it after such a jump, for little survives that by chance
CUT_SHARE = 0.33  # a cut changes the picture by about its own contrast (deviation), and by this share at least
CUT_FLAT = 0.5  # share of the other picture's contrast under which a picture is one surface
NEIGHBOURS = 3  # frames on either side that make the baseline
MOVING_SHARE = 0.5  # of a jump that two neighbours' changes have where everything moves
PROFILE_RATIO, PROFILE_STEADY = 1.5, 0.003  # by which a cut's profile then stands out of its neighbours'
PROFILE_CLEAR, PROFILE_STEP = 2.2, 0.03  # and where it is a cut, whatever jumps around it
CLEAR_JUMP, CLEAR_KEPT, CLEAR_SAME = 0.08, 0.12, 0.6

# Where the camera is suddenly nearer, flow finds much of the drawing again, but hardly any of it where it was; a figure
# with another pose leaves the rest in place. Around it the camera rests, or it is a shake.
JUMPED = 0.045  # difference after motion from which this is asked
JUMPED_STAYS = 0.72  # of what is kept, the share that stays at most
JUMPED_QUIET = 0.3  # of its change that one frame at most of those around it may exceed

# Between two shots that are held, a little more of the drawing may seem to survive; lines that come over the whole
# picture change its light and with it the profile.
HELD_KEPT, HELD_PROFILE, HELD_QUIET = 0.33, 0.6, 0.1

KIN = tuple(f"kin_{n}" for n in range(1, FLASH_FRAMES + 1))
"""On the frame after n frames that may be an impact: how much more their lines are those of what comes than of what
went before (-2..2)."""
BACK_CLEAR = 0.25  # as BACK_SHARE, where nobody doubts it: two excursions in a row may then share frames
LEAST_SHOT_FRAMES = 3
KIN_CLEAR, KIN_SURE = 0.01, 0.2  # what it must be; and where the frames between could be a shot
KIN_SHARE = 0.4  # of the greater of the two jumps around an impact that the lesser has


def cuts(scores: Mapping[str, np.ndarray], runs: list[Blank]) -> list[tuple[int, float]]:
    """(frame, certainty) of all hard cuts. Pure."""
    jump = scores["jump"].astype(float)
    away = excursions(scores)
    for start, end in away:
        jump[start : end + 1] = 0.0
    for start, end, share in comings_back(scores):
        if share < BACK_CLEAR:
            jump[start] = jump[end] = 0.0
    for start, end in _attached(scores, away):
        jump[start:end] = 0.0
    _leave_to_blanks(jump, runs)
    new = np.where(scores["same"] < CUT_SAME, jump * (1 - scores["kept"]), 0.0)
    whole = scores["kept"] < CUT_KEPT - KEPT_LESS * np.clip((jump - KEPT_FROM) / (KEPT_TO - KEPT_FROM), 0, 1)
    spread = np.maximum(scores["spread"], CUT_FLOOR)
    whole[[run.end for run in runs if run.end < len(whole)]] = True  # of a blank nothing is left, but a matte may be
    raw, profile = scores["raw"].astype(float), np.nan_to_num(scores["profile"].astype(float))
    raw[jump == 0], profile[jump == 0] = 0.0, 0.0
    for t in np.flatnonzero((scores["stays"] < JUMPED_STAYS * scores["kept"]) & (jump >= JUMPED)):
        if np.sort(raw[_near(int(t), NEIGHBOURS, len(raw))])[-2:-1] < JUMPED_QUIET * raw[t]:
            new[t], whole[t] = jump[t], True
    for t in np.flatnonzero((scores["kept"] < HELD_KEPT) & (profile < HELD_PROFILE * raw) & (jump >= JUMPED)):
        whole[t] |= raw[_near(int(t), NEIGHBOURS, len(raw))].max() < HELD_QUIET * raw[t]
    lit = (scores["same"] > CUT_LIT) & (scores["kept"] < 1)  # both are 1 where nobody asked
    moves, profile = np.where(lit, 0.0, raw), np.where(lit, 0.0, profile)
    found = []
    for t in np.flatnonzero((new >= CUT_FLOOR) & whole):
        near = _near(int(t), NEIGHBOURS, len(new))
        if t == 0 or near.size < 2:
            continue
        # One neighbour may be as new: a splice, a flash on the cut. Two, or part of a picture, are action.
        busy = max(np.sort(new[near])[-2], np.where(whole, 0.0, new)[near].max())
        less, more = sorted(spread[t - 1 : t + 1])
        if less < CUT_FLAT * more:  # what covers the whole frame comes in bit by bit, but no flow sees it move
            busy = max(busy, np.sort(raw[near])[-2])
        bar = max(CUT_RATIO * (CUT_STEADY + busy), CUT_SHARE * more)
        next_to = _near(int(t), NEIGHBOURS - 1, len(new))
        beside = float(profile[next_to].max())
        moving = np.sort(moves[next_to])[-2] > MOVING_SHARE * raw[t]
        if new[t] >= bar and not (moving and profile[t] < PROFILE_RATIO * (beside + PROFILE_STEADY)):
            found.append((int(t), float(min(1.0, new[t] / (2 * bar)))))
        elif (
            profile[t] >= PROFILE_CLEAR * beside + PROFILE_STEP
            and jump[t] >= max(CLEAR_JUMP, CUT_SHARE * more)
            and scores["kept"][t] < CLEAR_KEPT
            and scores["same"][t] < CLEAR_SAME
        ):
            found.append((int(t), 0.6))
    return found


def _near(t: int, reach: int, n: int) -> np.ndarray:
    return np.r_[max(0, t - reach) : t, t + 1 : min(n, t + 1 + reach)]


def _leave_to_blanks(jump: np.ndarray, runs: list[Blank]) -> None:
    """Take away the jumps at blank frames that are no cuts, or that the blank speaks for."""
    for run in runs:
        jump[run.start + 1 : run.end] = 0.0
        if run.fades_out or run.flash:
            jump[run.opens : run.start + 1] = 0.0
        if run.fades_in or run.flash:
            jump[run.end : run.closes + 1] = 0.0
        if run.end - run.start <= SHORT_FRAMES and run.end < len(jump):
            jump[run.start] = 0.0  # the boundary is at the end of the blank, or a fade speaks for it
            jump[run.end] *= not run.fades_out


def _attached(scores: Mapping[str, np.ndarray], away: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Spans [start, end) of the jumps at impact frames next to a cut that are not the cut: those within the impact, and
    the one between it and the shot whose lines it has."""
    found = []
    jump, kept = scores["jump"], scores["kept"]
    for n, name in enumerate(KIN, start=1):
        kin = np.nan_to_num(scores[name])
        for end in (n + 1 + np.flatnonzero(np.abs(kin[n + 1 :]) > KIN_CLEAR)).tolist():  # within these rows
            start = end - n
            less, more = sorted((float(jump[start]), float(jump[end])))
            if less < KIN_SHARE * more or max(kept[start], kept[end]) > CUT_KEPT:
                continue
            if max(jump[max(0, start - 1)], jump[min(end + 1, len(jump) - 1)]) > KIN_SHARE * more:
                continue  # one of many: a whip
            shot = n >= LEAST_SHOT_FRAMES and jump[start + 1 : end].max() < KIN_SHARE * more  # which does not flicker
            if shot and abs(kin[end]) < KIN_SURE:
                continue
            if not any(first <= end and start <= last and not start < first <= last < end for first, last in away):
                found.append((start + 1, end + 1) if kin[end] > 0 else (start, end))
    return found
