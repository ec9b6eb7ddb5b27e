"""The usual way to read a camera, as a rival: points tracked from frame to frame, one similarity with most inliers.

`single_ransac(frames)` answers with values of camera.move. What turns a motion into values is ours (read_camera), so
the two differ by the estimator alone: RANSAC keeps the motion that explains most points of the whole picture, which is
the figure's wherever the figure has more lines than the painting behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import cv2
import numpy as np
from anicaption.frames import FILM_RATE
from anicaption.measure.camera import read_camera
from anicaption.tracks import Tracks

ROWS_PX = 288  # points are tracked at this size, twice what our own pass is fed
MAX_POINTS = 400
MIN_POINTS = 8  # inliers, or the step is unknown
REPROJECTION_PX = 1.5
NAMES = ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg")
TRACKERS = ("lk", "orb")


def single_ransac(frames: Iterable[np.ndarray], rate: Fraction = FILM_RATE, tracker: str = "lk") -> tuple[str, ...]:
    """camera.move of RGB uint8 frames (H, W, 3) of one shot; ("unknown",) where too few points were found."""
    return read_camera(tracked(frames, rate, tracker))["camera.move"].values


def tracked(frames: Iterable[np.ndarray], rate: Fraction = FILM_RATE, tracker: str = "lk") -> Tracks:
    """The camera columns of one shot. `tracker` is lk (corners, Lucas-Kanade) or orb (matched descriptors)."""
    if tracker not in TRACKERS:
        raise ValueError(f"rivals_motion: tracker {tracker!r} is not one of {', '.join(TRACKERS)}")
    rows: list[tuple[float, ...]] = []
    before: np.ndarray | None = None
    for frame in frames:
        grey = _grey(frame)
        rows.append((math.nan,) * 4 if before is None else _step(before, grey, tracker))
        before = grey
    if before is None:
        raise ValueError("rivals_motion: no frames; give the frames of one shot")
    table = np.array(rows, np.float32)
    height_px, width_px = before.shape
    return Tracks(rate, width_px, height_px, {name: table[:, i].copy() for i, name in enumerate(NAMES)})


def _grey(frame: np.ndarray) -> np.ndarray:
    height_px, width_px = frame.shape[:2]
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    if height_px <= ROWS_PX:
        return grey
    return cv2.resize(grey, (round(width_px * ROWS_PX / height_px), ROWS_PX), interpolation=cv2.INTER_AREA)


def _step(before: np.ndarray, now: np.ndarray, tracker: str) -> tuple[float, ...]:
    """Camera x, y (shares of the frame), ln zoom, roll in degrees of one step; NaN where there are too few points."""
    old, new = _lk(before, now) if tracker == "lk" else _orb(before, now)
    if len(old) < MIN_POINTS:
        return (math.nan,) * 4
    cv2.setRNGSeed(0)
    # from now to before: how content lay in the picture before
    found, inliers = cv2.estimateAffinePartial2D(new, old, method=cv2.RANSAC, ransacReprojThreshold=REPROJECTION_PX)
    if found is None or int(inliers.sum()) < MIN_POINTS:
        return (math.nan,) * 4
    height_px, width_px = now.shape
    centre = np.array([(width_px - 1) / 2, (height_px - 1) / 2])
    turn = found[:, :2]
    shift = np.linalg.inv(turn) @ (turn @ centre + found[:, 2] - centre)
    scale, angle = math.hypot(turn[0, 0], turn[1, 0]), math.atan2(turn[1, 0], turn[0, 0])
    return shift[0] / width_px, shift[1] / height_px, -math.log(scale), math.degrees(angle)


def _lk(before: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    corners = cv2.goodFeaturesToTrack(before, MAX_POINTS, 0.01, 6)
    if corners is None:
        return np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)
    moved, seen, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, np.empty_like(corners))
    kept = seen.ravel() == 1
    return corners.reshape(-1, 2)[kept], moved.reshape(-1, 2)[kept]


def _orb(before: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    orb = cv2.ORB.create(MAX_POINTS)
    points_old, words_old = orb.detectAndCompute(before, None)
    points_new, words_new = orb.detectAndCompute(now, None)
    if words_old is None or words_new is None:
        return np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(words_old, words_new)
    old = np.array([points_old[match.queryIdx].pt for match in matches], np.float32).reshape(-1, 2)
    new = np.array([points_new[match.trainIdx].pt for match in matches], np.float32).reshape(-1, 2)
    return old, new
