"""Which frames are art and so excuse their form: a smear for four drawings and only if the form comes back.

Decided from what the Judge sees in pixels, never from tags. A deformation that may last (a chibi shift, a morph, a gag
face) excuses as long as it is seen; a brief one (smears, squash, an impact) excuses its first four drawings, and
nothing where the figure is not itself again soon after.
"""

from __future__ import annotations

import numpy as np

from animatrix_reward.dimensions import DRAWN_KINDS

MAY_LAST = ("chibi_shift", "morph", "gag_face", "forced_perspective", "rubber_limb", "line_breakup")
BRIEF = tuple(kind for kind in DRAWN_KINDS if kind not in MAY_LAST)
SMEARS = ("smear_stretch", "smear_multiple", "smear_abstract")
IMPACTS = ("mono", "inverted", "white_flash", "black_flash", "limited_color")
INTENTS = ("brief", "lasting")
MOST_DRAWINGS = 4
_SOON_FRAMES = 8  # after the last frame that may be excused
_AGAIN = 0.8  # of the farthest that the form went from where it was: nearer than that, it has come back
_SEEN = 0.5


def excused(intent_T2: np.ndarray, drawings_T: np.ndarray, alike_TT: np.ndarray) -> np.ndarray:
    """How far each frame is excused, 0..1 (T,): the probability that it is meant, where it is long enough known as art.

    `intent_T2`: probabilities of INTENTS; `drawings_T`: number of the drawing each frame shows; `alike_TT`: how far
    every two frames are apart.
    """
    meant_T = 1 - np.prod(1 - intent_T2, axis=1)
    out = np.zeros(len(meant_T), np.float32)
    for start, end in runs(meant_T > _SEEN):
        if intent_T2[start:end, 1].mean() > intent_T2[start:end, 0].mean():
            out[start:end] = meant_T[start:end]
            continue
        # Half a smear is no smear: what begins before the clip or ends after it was not seen to come back.
        last = start + int(np.searchsorted(drawings_T[start:end], drawings_T[start] + MOST_DRAWINGS))
        if comes_back(alike_TT, start, last):
            out[start:last] = meant_T[start:last]
    return out


def comes_back(alike_TT: np.ndarray, start: int, end: int) -> bool:
    """Whether the form of the frame before `start` is there again soon after `end`, nearer than it went in between."""
    if start < 1 or end >= len(alike_TT):
        return False
    farthest = float(alike_TT[start - 1, start:end].max())
    return float(alike_TT[start - 1, end : end + _SOON_FRAMES].min()) < _AGAIN * farthest


def runs(flags_T: np.ndarray) -> list[tuple[int, int]]:
    """Half-open runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags_T.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist()))
