"""Camera work for the script `variables`: every move, speed, easing and shake, alone and together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from anicaption.drawn.camera import plan
from anicaption.drawn.deck import Decks
from anicaption.drawn.script import Acting, CameraWork

_ASPECT = 16 / 9
_MOVES = (
    *[()] * 8, ("pan_left",), ("pan_right",), ("pan_up",), ("pan_down",), ("track_up",), ("track_back",),
    ("roll_cw",), ("roll_ccw",), ("pan_left",), ("pan_right",), ("pan_up",), ("pan_down",), ("track_up",),
    ("track_back",), ("roll_cw",), ("roll_ccw",), ("pan_left", "track_up"), ("pan_right", "track_back"),
    ("pan_right", "pan_up"), ("pan_left", "pan_down"), ("pan_up", "track_back"), ("pan_down", "track_up"),
    ("roll_cw", "track_up"), ("roll_ccw", "track_back"), ("into_depth",), ("dolly_zoom",),
)  # fmt: skip
# Peak displacement, % of the frame width per frame, kept off the edges of the taxonomy's bins.
SPEEDS_PCT = {
    "creeping": (0.07, 0.17), "slow": (0.25, 0.52), "medium": (0.75, 1.7), "quick": (2.3, 5.2), "whip": (7.0, 14.0),
}  # fmt: skip
_SPEEDS = ("creeping", "slow", "slow", "medium", "medium", "quick", "quick", "whip")
_EASINGS = ("constant", "slow_start", "slow_end", "slow_both", "snap_stop")
_SHAKES = ("none", "none", "none", "none", "none", "none", "impact", "continuous", "handheld")
_MOST_FRAMES = {"creeping": 60, "slow": 60, "medium": 40, "quick": 14, "whip": 8}  # what the artwork's size allows


def work(rng: np.random.Generator, decks: Decks, n_frames: int) -> CameraWork:
    """One camera: moves, speed, easing, span, shake and tilt by lot."""
    moves = decks.deal("move", _MOVES)
    tilt_deg = decks.deal("tilt", (0.0,) * 6 + (1.0, -1.0)) * float(rng.uniform(7, 16))
    if not moves:
        return CameraWork(tilt_deg=tilt_deg, **shake(rng, decks, n_frames))
    speed = decks.deal("speed", _SPEEDS)
    if speed == "whip" and moves[0] in ("into_depth", "dolly_zoom"):
        speed = "medium"
    easing = decks.deal("easing", _EASINGS)
    if speed == "creeping":
        easing = "constant"  # nobody sees how a creeping move begins
    peak_pct = float(np.exp(rng.uniform(*np.log(SPEEDS_PCT[speed])))) / len(moves) ** 0.5
    longest = min(n_frames, _MOST_FRAMES[speed])
    length = int(rng.integers(max(6, round(0.75 * longest)), longest + 1))
    span = None
    if length < n_frames - 4:
        first = int(rng.integers(2, n_frames - length - 1))
        span = (first, first + length)
    turned = any(move.startswith("roll") for move in moves)
    more: dict[str, Any] = {} if speed in ("quick", "whip") else shake(rng, decks, n_frames)
    return CameraWork(moves, peak_pct, easing, span=span, tilt_deg=0.0 if turned else tilt_deg, **more)


def shake(rng: np.random.Generator, decks: Decks, n_frames: int) -> dict[str, Any]:
    """The arguments of a CameraWork that shake it, or nothing."""
    kind = decks.deal("shake", _SHAKES)
    if kind == "none":
        return {}
    start = int(rng.integers(3, max(4, n_frames - 20))) if kind == "impact" else 0
    return {"shake": kind, "shake_start": start, "shake_seed": int(rng.integers(1 << 20))}


def follow(rng: np.random.Generator, decks: Decks, n_frames: int) -> tuple[CameraWork, Acting]:
    """A follow shot (the background runs evenly under a fixed figure) or a follow pan (the frame chases a figure)."""
    kind = decks.deal("follow", ("follow", "follow_pan", "follow"))
    move = decks.deal(f"{kind} way", ("pan_left", "pan_right"))
    performance = decks.deal("follow act", ("run", "walk", "dash", "fly", "run"))
    exposure = decks.deal("follow exposure", (1, 2, 2, 3, 3))
    if kind == "follow" and decks.deal("follow up or down", (False, False, False, True)):
        move, performance = decks.deal("follow rise", ("pan_up", "pan_down")), "fly"
    if kind == "follow" and decks.deal("follow held", (False, False, False, True)):
        performance, exposure = "fly", 0  # one drawing, and the ground pulled away under it
    mirrored = move == "pan_left"
    size = decks.deal("follow size", ("full", "knee", "long", "waist"))
    period = {"walk": 24, "run": 12, "dash": 12, "fly": 18}[performance]
    peak_pct = {"walk": rng.uniform(0.7, 1.3)}.get(performance, rng.uniform(2.0, 4.0))
    acting = Acting(
        performance, exposure, size, 0.65, mirrored, "determination", float(rng.uniform(0, 1)), period,
        at_x=float(rng.uniform(-0.2, 0.2)),
    )  # fmt: skip
    if kind == "follow":
        return CameraWork((move, "follow"), float(peak_pct), "constant"), acting
    # The figure runs evenly, the frame starts late and settles: the figure wanders in it.
    peak_pct = min(float(peak_pct), 2.6)
    chase = CameraWork((move, "follow_pan"), peak_pct, decks.deal("chase", ("slow_both", "slow_start", "slow_end")))
    way = plan(chase, n_frames, _ASPECT).smooth_T4[:, 0]
    return chase, replace(acting, at_x=0.0, travel=float(way[-1] - way[0]))


def kept_in_frame(rng: np.random.Generator, acting: Acting, camera: CameraWork, n_frames: int) -> Acting:
    """`acting` placed where the moving frame shows it at one end at least, and mostly at both."""
    if "follow_pan" in camera.moves:
        return acting
    path = plan(camera, n_frames, _ASPECT)
    zoom = float(np.exp(path.smooth_T4[:, 2].max()))
    across = np.ptp(path.smooth_T4[:, 0])
    reach = max(0.05, min(0.5, 0.55 * _ASPECT / zoom - 0.5 * across))
    return replace(acting, at_x=float(rng.uniform(-reach, reach)))
