"""From how sure each frame is a new drawing to a sheet of exposures: the likeliest path through beats (Viterbi).

An animator exposes on a beat and changes it seldom. So a frame that should bring a drawing and shows little costs
something, a frame off the beat that shows a change costs what it shows, and changing the beat costs a fixed price.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

LONGEST = 8  # frames of one exposure; longer ones are rests
MISS = 2.0  # price of a drawing that looks like the one before, in natural logarithms of odds
SWITCH = 5.0  # price of a change of the beat


@dataclass(frozen=True)
class Sheet:
    """new: which frames bring a drawing; on_beat: the exposure of the beat each frame lies on, 0 in a rest."""

    new: np.ndarray
    on_beat: np.ndarray


@lru_cache(maxsize=1)
def _states() -> tuple[np.ndarray, np.ndarray]:
    """Exposure and age in it, of every state; the last one is a rest."""
    pairs = [(n, age) for n in range(1, LONGEST + 1) for age in range(n)] + [(0, 1)]
    exposure, age = np.array(pairs).T
    return exposure, age


def likeliest(odds_T: np.ndarray) -> Sheet:
    """The sheet of frames whose log odds of being a new drawing are `odds_T`; 0 where nothing is known."""
    exposure, age = _states()
    rest, n_states = len(exposure) - 1, len(exposure)
    firsts = np.flatnonzero(age == 0)
    lasts = firsts + np.arange(1, LONGEST + 1) - 1
    later = np.flatnonzero(age[:rest] > 0)
    score = np.zeros(n_states)
    back = np.zeros((len(odds_T), n_states), np.int16)
    for t, odds in enumerate(odds_T):
        after = np.empty(n_states)
        after[later], back[t, later] = score[later - 1], later - 1
        best = int(score.argmax())
        on, off = score[lasts], score[best] - SWITCH
        after[firsts] = np.maximum(on, off) + max(float(odds), -MISS)
        back[t, firsts] = np.where(on >= off, lasts, best)
        ended = int(lasts[on.argmax()])
        stay, enter = score[rest], score[ended] - SWITCH / 2
        after[rest], back[t, rest] = (stay, rest) if stay >= enter else (enter, ended)
        if score[rest] - SWITCH / 2 > (np.maximum(on, off)).max():
            out = score[rest] - SWITCH / 2 + max(float(odds), -MISS)
            after[firsts], back[t, firsts] = out, rest
        score = after
    state, path = int(score.argmax()), np.zeros(len(odds_T), int)
    for t in range(len(odds_T) - 1, -1, -1):
        path[t], state = state, back[t, state]
    new = (age[path] == 0) & (odds_T > -MISS)
    return Sheet(new, exposure[path])
