"""style.production_stage: drawings on bare paper, which is white nearly everywhere, against paint."""

from __future__ import annotations

import cv2
import numpy as np

from anicaption.measure.composite import numbers_of
from anicaption.measure.looks import Look
from anicaption.record import Evidence, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "paper", "1"
FIELD = "style.production_stage"
COLUMNS = ("paper", "paint", "pencil_red", "stroke_uneven")
PAPER, PAINT = 0.62, 0.07  # shares of the picture
UNEVEN = 0.12  # spread over mean of the width of strokes, from which they are searched for rather than traced
_ROWS_PX = 360
_DEEP = 24  # grey levels by which a stroke is darker than the paper on both its sides
_WINDOW_PX = 25  # in which one width is measured
_WHITE, _GREY = 215, 18  # darkest channel of paper; its most chroma


def look(look: Look) -> dict[str, float]:
    """The numbers of one look."""
    sparse = look.small[1::2, 1::2].reshape(-1, 3).astype(np.int16)
    least, most = sparse.min(1), sparse.max(1)
    white = (least > _WHITE) & (most - least < _GREY)
    paint = (most - least > 40) | ((most > 110) & (most < 190))
    red = (sparse[:, 0] - sparse[:, 2] > 14) & (sparse[:, 0] - sparse[:, 1] > 14) & (most > 100)
    share = float(white.mean())
    numbers = {"paper": share, "paint": float(paint.mean()), "pencil_red": float(red.mean())}
    return numbers | _strokes(look.rgb) if share > PAPER else numbers


def _strokes(rgb: np.ndarray) -> dict[str, float]:
    """How uneven the width of the strokes is: what is dark in a window over what is darkest across its strokes."""
    height, width = rgb.shape[:2]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if height > _ROWS_PX:
        grey = cv2.resize(grey, (round(width * _ROWS_PX / height), _ROWS_PX), interpolation=cv2.INTER_AREA)
    side = round(0.028 * grey.shape[0]) | 1
    depth = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, np.ones((side, side), np.uint8))
    depth[depth < _DEEP] = 0
    across, down = (cv2.dilate(depth, np.ones(shape, np.uint8)) for shape in ((1, 3), (3, 1)))
    peak = ((depth == across) | (depth == down)) & (depth > 0)
    dark = depth.astype(np.float32)
    sparse = (slice(_WINDOW_PX // 2, None, _WINDOW_PX),) * 2
    window = (_WINDOW_PX, _WINDOW_PX)
    total, top = cv2.blur(dark, window)[sparse], cv2.blur(dark * peak, window)[sparse]
    wide = total[top > 1.5] / top[top > 1.5]
    return {"stroke_uneven": float(wide.std() / wide.mean())} if len(wide) > 8 else {}


def read_paper(tracks: Tracks) -> dict[str, Variable]:
    """style.production_stage. Painted is taken for finished: what has been composited need not show it."""
    numbers = numbers_of(tracks, COLUMNS)
    if "paper" not in numbers:
        return {FIELD: abstain(FIELD, "no look at pixels of the source: too few frames, or fewer than 200 rows")}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    if numbers["paper"] < PAPER or numbers["paint"] > PAINT:
        return {FIELD: measured(FIELD, ["final_composite"], {"final_composite": 0.9}, evidence)}
    if "stroke_uneven" not in numbers:
        return {FIELD: abstain(FIELD, "white nearly everywhere, with too few strokes to judge", evidence)}
    value = "rough_genga" if numbers["stroke_uneven"] >= UNEVEN else "line_douga"
    return {FIELD: measured(FIELD, [value], {value: 0.85}, evidence)}
