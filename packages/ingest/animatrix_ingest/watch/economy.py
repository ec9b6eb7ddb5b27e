"""How economically a shot is animated: what stands, what is drawn anew, how noisy it is. Pure, over the tracks.

Nothing here is a judgement: a held drawing under a pull is craft. The numbers only say what a threshold may be put on.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from anicaption.tracks import Tracks

SCORES: dict[str, str] = {
    "static_share": "share of the steps between frames in which neither camera nor drawing changes, 0..1",
    "new_drawing_share": "share of the frames that show a new drawing, of those that can be told, 0..1",
    "drawings_per_s": "new drawings per second, of the frames that can be told",
    "longest_hold_s": "longest time for which one drawing stands, seconds",
    "camera_pct": "median motion of the camera, % of the frame width per frame",
    "motion_pct": "median of the 95th percentile of foreground motion, % of the frame height per frame",
    "flow_pct": "mean flow of the foreground after the camera's motion, % of the frame height per frame",
    "nonrigid_pct": "mean of what an affine fit leaves of that flow, % of the frame height per frame",
    "noise_levels": "grain: fine change from frame to frame in calm blocks, grey levels",
    "luma": "mean luma, 0..1",
}

_LEAST_STEPS = 6  # to say a share of
_AT_REST = 2e-4  # camera step, / frame: a twentieth of a pixel of 256 rows
_ZOOM_AT_REST, _ROLL_AT_REST_DEG = 2e-4, 0.02


def economy_scores(tracks: Tracks, start_frame: int, end_frame: int) -> dict[str, float | None]:
    """The numbers of the shot [start_frame, end_frame). Row 0 of a shot speaks of the cut before it and is left out."""
    rows = slice(start_frame + 1, end_frame)
    new = tracks["drawing_new"][rows]
    known = np.isfinite(new)
    rate = float(tracks.rate)
    enough = int(known.sum()) >= _LEAST_STEPS
    share = float((new[known] > 0.5).mean()) if enough else None
    still = known & (new < 0.5) & ~_camera_moves(tracks, rows)
    return {
        "static_share": float(still.sum() / known.sum()) if enough else None,
        "new_drawing_share": share,
        "drawings_per_s": share * rate if share is not None else None,
        "longest_hold_s": _longest_hold(new) / rate if enough else None,
        "camera_pct": _median(100 * np.hypot(tracks["camera_x"][rows], tracks["camera_y"][rows])),
        "motion_pct": _median(tracks["motion_pct"][rows]),
        "flow_pct": _mean(tracks["flow_pct"][rows]),
        "nonrigid_pct": _mean(tracks["nonrigid_pct"][rows]),
        "noise_levels": _median(tracks["grain"][rows]),
        "luma": _median(tracks["luma"][start_frame:end_frame]),
    }


def _camera_moves(tracks: Tracks, rows: slice) -> np.ndarray:
    limits = {"camera_x": _AT_REST, "camera_y": _AT_REST, "camera_zoom": _ZOOM_AT_REST}
    limits["camera_roll_deg"] = _ROLL_AT_REST_DEG
    return np.any([np.abs(np.nan_to_num(tracks[name][rows])) > limit for name, limit in limits.items()], axis=0)


def _longest_hold(new: np.ndarray) -> int:
    """Most frames from one new drawing to the next; a frame that cannot be told ends nothing."""
    starts = [-1, *np.flatnonzero(new > 0.5).tolist(), len(new)]
    return max(b - a for a, b in pairwise(starts))


def _median(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    found = float(np.median(known)) if len(known) else math.nan
    return None if math.isnan(found) else found


def _mean(values: np.ndarray) -> float | None:
    """Of the frames that can be told: a median would be 0 wherever drawings are held for two frames and more."""
    known = values[np.isfinite(values)]
    return float(np.mean(known, dtype=np.float64)) if len(known) else None
