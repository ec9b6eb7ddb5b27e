"""The script `moves`: many short shots, hard cuts, one large camera move or FIX each. Lessons for a tiny model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anicaption.drawn.casting import cast, locate
from anicaption.drawn.script import Acting, CameraWork, Episode, Shot

MOVES = ("none", "pan_left", "pan_right", "pan_up", "pan_down", "track_up", "track_back")


def write_moves(n_episodes: int, seed: int, n_shots: int | None = None) -> list[Episode]:
    """`n_episodes` episodes of `n_shots` (84) shots; every seven shots hold each move once, in a shuffled order."""
    return [_episode(seed, number, n_shots or 84) for number in range(n_episodes)]


def _episode(seed: int, number: int, n_shots: int) -> Episode:
    rng = np.random.default_rng([seed, number, 2])
    order: list[str] = []
    while len(order) < n_shots:
        order += rng.permutation(MOVES).tolist()
    shots = tuple(_shot(rng, move) for move in order[:n_shots])
    return Episode(f"moves-{seed:04d}-{number:03d}", int(seed), shots)


def _shot(rng: np.random.Generator, move: str) -> Shot:
    n_frames = int(rng.integers(24, 31))
    place = replace(locate(rng), nearness=float(rng.uniform(1.0, 1.7)))
    easing = "constant"
    if move == "none":
        work = CameraWork()
    elif move.startswith("pan"):
        # A pan up or down crosses the height of the frame; the same speed in % of the width would cross it sooner.
        fast = rng.uniform(3.0, 5.8) if move in ("pan_left", "pan_right") else rng.uniform(2.4, 4.4)
        work = CameraWork((move,), float(fast), easing)
    else:
        # Composed for the middle of the zoom, so that neither end is all sky or all blur.
        fast = float(rng.uniform(1.7, 2.6))
        work = CameraWork((move,), fast, easing, widest=-fast / 100 * (n_frames - 1))
    travel = work.peak_pct / 100 * (n_frames - 1) * 16 / 9
    size = str(rng.choice(["full", "knee", "waist", "bust"], p=[0.3, 0.25, 0.25, 0.2]))
    performance, exposure, period = "pose", 0, 24
    if move == "none":
        performance = str(rng.choice(["wave", "walk", "run", "idle"]))
        exposure = int(rng.choice([2, 3]))
        period = {"wave": 12, "walk": 24, "run": 12, "idle": 24}[performance]
    elif rng.random() < 0.3:
        performance, exposure, period = "wave", 3, 12
    across = travel * 0.5 if move in ("pan_left", "pan_right") else 0.25
    acting = Acting(
        performance, exposure, size, yaw=float(rng.uniform(0.0, 0.7)), mirrored=bool(rng.random() < 0.5),
        emotion=str(rng.choice(["calm", "joy", "determination", "surprise"])), start_phase=float(rng.integers(4) / 4),
        period_frames=period, at_x=float(rng.uniform(-across, across)),
    )  # fmt: skip
    return Shot(n_frames, int(rng.integers(1 << 30)), place, work, cast(rng), acting)
