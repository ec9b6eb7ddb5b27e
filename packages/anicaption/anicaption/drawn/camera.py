"""Camera moves: a script's words become one frame position per frame, and the exact columns that describe it.

Artwork coordinates are in frame heights, x right and y down. A state is the frame's centre, its magnification (ln)
and its turn on the artwork (degrees, clockwise). The columns speak of the main background plane, whose parallax
factor is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anicaption.drawn.script import CameraWork

# Direction of the frame over the artwork.
_PANS = {"pan_left": (-1, 0), "pan_right": (1, 0), "pan_up": (0, -1), "pan_down": (0, 1)}
SHAKE_FRAMES = 24  # after which an impact's shake has died away
_ZOOMS = {"track_up": 2, "track_back": -2, "into_depth": 2, "dolly_zoom": 2}
_SPEED_BINS_PCT = (("none", 0.02), ("creeping", 0.2), ("slow", 0.6), ("medium", 2.0), ("quick", 6.0))


@dataclass(frozen=True)
class Path:
    """Where the frame is at each of T frames: centre x, y (frame heights), zoom (ln), roll (degrees clockwise).

    `smooth_T4` is the planned move, `jitter_T4` the shake on top of it; both hold (x, y, zoom, roll) per row. In a
    `deep` move the planes grow by their distance.
    """

    smooth_T4: np.ndarray
    jitter_T4: np.ndarray
    aspect: float
    deep: bool = False

    @property
    def states_T4(self) -> np.ndarray:
        return self.smooth_T4 + self.jitter_T4

    def affine(self, frame: int, factor: float, height_px: float) -> np.ndarray:
        """(2, 3) from artwork (frame heights) to pixels of the frame, for a plane of parallax `factor`."""
        return self.affine_of(self.states_T4[frame], height_px, factor)

    def affine_of(self, state_4: np.ndarray, height_px: float, factor: float = 1.0) -> np.ndarray:
        """The same for any state of the frame."""
        x, y, zoom, roll_deg = state_4
        scale = np.exp(zoom * self.zoom_factor(factor)) * height_px
        angle = np.radians(roll_deg)
        turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        centre = np.array([self.aspect * height_px / 2, height_px / 2])
        return np.column_stack([turn, centre - turn @ (factor * np.array([x, y]))])

    def affine_locked(self, frame: int, height_px: float) -> np.ndarray:
        """The same for a figure whose size a dolly zoom keeps while the artwork behind it grows or shrinks."""
        x, y, _, roll_deg = self.states_T4[frame]
        return self.affine_of(np.array([x, y, 0.0, roll_deg]), height_px)

    def zoom_factor(self, factor: float) -> float:
        """A plane's share of the zoom: a T.U magnifies all planes alike, a move into depth the near ones more."""
        return factor if self.deep else 1.0

    def steps(self, frame: int) -> np.ndarray:
        """The planned move's change of state from frame to frame around `frame` (4,)."""
        last = len(self.smooth_T4) - 1
        a, b = max(frame - 1, 0), min(frame + 1, last)
        return (self.smooth_T4[b] - self.smooth_T4[a]) / max(1, b - a)

    def speed_pct(self, frame: int) -> float:
        """The planned move's displacement around `frame`, % of the frame width; zoom and roll count at its edge."""
        x, y, zoom, roll_deg = self.steps(frame)
        shift = np.hypot(x, y) / self.aspect * np.exp(self.smooth_T4[frame, 2])
        return float(100 * (shift + np.hypot(zoom, np.radians(roll_deg)) / 2))

    def extent(self, factor: float) -> tuple[float, float, float, float]:
        """The box (x0, y0, x1, y1) of artwork that a plane of parallax `factor` ever shows."""
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [self.aspect / 2, 0.5]
        corners = []
        for x, y, zoom, roll_deg in self.states_T4:
            angle = np.radians(roll_deg)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            corners.append(factor * np.array([x, y]) + half @ turn.T / np.exp(zoom * self.zoom_factor(factor)))
        box = np.concatenate(corners)
        return (*box.min(0), *box.max(0))  # pyright: ignore[reportReturnType]

    def columns(self, start: int, end: int) -> dict[str, np.ndarray]:
        """The camera columns of frames [start, end); row 0 speaks of frame start - 1, or is 0 where there is none."""
        states = self.states_T4
        rows = []
        for frame in range(start, end):
            before, now = states[max(frame - 1, 0)], states[frame]
            angle = np.radians(now[3])
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            shift = np.exp(now[2]) * (turn @ (now[:2] - before[:2]))
            rows.append([shift[0] / self.aspect, shift[1], now[2] - before[2], now[3] - before[3]])
        names = ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg")
        return {name: np.array(column, np.float32) for name, column in zip(names, zip(*rows))}

    def peak_pct(self, start: int, end: int) -> float:
        """Peak displacement of the planned move, % of the frame width per frame; zoom and roll count at its edge."""
        plan = Path(self.smooth_T4, np.zeros_like(self.smooth_T4), self.aspect).columns(start, end)
        shift = np.hypot(plan["camera_x"], plan["camera_y"] / self.aspect)
        edge = np.hypot(np.abs(plan["camera_zoom"]), np.radians(plan["camera_roll_deg"])) / 2
        return float(100 * np.max((shift + edge)[1:], initial=0.0))


def speed_bin(peak_pct: float) -> str:
    """The taxonomy's camera.speed for a peak in % of the frame width per frame."""
    return next((name for name, limit in _SPEED_BINS_PCT if peak_pct < limit), "whip")


def plan(camera: CameraWork, n_frames: int, aspect: float, lead_in: int = 0) -> Path:
    """The path of `n_frames` filmed frames that reads as `camera` asks; `lead_in` of them come before the cut."""
    speed = _speed(camera, n_frames, lead_in)
    travel = np.concatenate([[0], np.cumsum(speed)]) * (camera.peak_pct / 100)
    smooth = np.zeros((n_frames, 4))
    for move in camera.moves:
        if move in _PANS:
            smooth[:, :2] += travel[:, None] * aspect * np.array(_PANS[move])
        elif move in _ZOOMS:
            smooth[:, 2] += travel * _ZOOMS[move]
        elif move in ("roll_cw", "roll_ccw"):
            smooth[:, 3] += np.degrees(travel * (2 if move == "roll_cw" else -2))
        elif move not in ("follow", "follow_pan"):
            raise ValueError(f"drawn.camera: move {move!r} cannot be drawn; see camera.plan")
    # The artwork is composed around the middle of the move, and for the widest end of a zoom.
    smooth -= (smooth.min(0) + smooth.max(0)) / 2 * [1, 1, 0, 1]
    smooth[:, 2] += camera.widest - smooth[:, 2].min()
    smooth[:, 3] += camera.tilt_deg
    return Path(smooth, _shake(camera, n_frames, lead_in), aspect, "into_depth" in camera.moves)


def _speed(camera: CameraWork, n_frames: int, lead_in: int) -> np.ndarray:
    """Speed of each step between filmed frames as a share of the peak (n_frames - 1,); still outside the span."""
    if camera.span is None:
        return _speed_curve(camera.easing, n_frames)
    start, end = (min(max(edge + lead_in, 0), n_frames) for edge in camera.span)
    if end - start < 3:
        raise ValueError(f"drawn.camera: a move in the span {camera.span} has less than 3 of the shot's frames")
    speed = np.zeros(n_frames - 1)
    speed[start : end - 1] = _speed_curve(camera.easing, end - start)
    return speed


def _speed_curve(easing: str, n_frames: int) -> np.ndarray:
    """Speed of each step between frames as a share of the peak (n_frames - 1,)."""
    t = (np.arange(n_frames - 1) + 0.5) / max(n_frames - 1, 1)
    if easing == "slow_start":
        return np.clip(t / 0.75, 0.02, 1)
    if easing == "slow_end":
        return np.clip((1 - t) / 0.75, 0.02, 1)
    if easing == "slow_both":
        return np.clip(np.minimum(t, 1 - t) / 0.4, 0.02, 1)
    if easing == "snap_stop":
        stop = max(2, round(0.55 * (n_frames - 1)))
        curve = np.where(np.arange(n_frames - 1) < stop, 1.0, 0.0)
        bounce = np.array([-0.22, -0.12, 0.1, 0.05])[: n_frames - 1 - stop]
        curve[stop : stop + len(bounce)] = bounce
        return curve
    return np.ones(n_frames - 1)


def _shake(camera: CameraWork, n_frames: int, lead_in: int) -> np.ndarray:
    jitter = np.zeros((n_frames, 4))
    if camera.shake == "none":
        return jitter
    rng = np.random.default_rng(camera.shake_seed)
    t = np.arange(n_frames)
    if camera.shake == "handheld":
        for axis, size in ((0, 0.010), (1, 0.008), (3, 0.25)):
            for period in (31, 53):
                jitter[:, axis] += size * np.sin(2 * np.pi * (t / (period * rng.uniform(0.8, 1.2)) + rng.random()))
        return jitter - jitter.mean(0)
    flip = np.where(t % 2 == 0, 1.0, -1.0)[:, None] * rng.uniform(0.6, 1.0, (n_frames, 2))
    across = flip * [0.35, 1.0] * rng.choice([-1, 1], (1, 2))
    if camera.shake == "continuous":
        jitter[:, :2] = 0.008 * across
        return jitter - jitter.mean(0)
    since = t - lead_in - camera.shake_start
    jitter[:, :2] = np.where(since >= 0, 0.028 * np.exp(-np.maximum(since, 0) / 5.0), 0.0)[:, None] * across
    jitter[since > SHAKE_FRAMES] = 0
    return jitter
