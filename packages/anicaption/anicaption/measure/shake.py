"""Zero-mean jitter of the frame, told from its moves: trembles that reverse from frame to frame, and slow wander."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anicaption.measure.camera_runs import fill

MIN_SIZE = 8e-4  # frame widths: jitter under this is noise of the measurement
MIN_STEPS = 4
REVERSALS = 0.4  # share of neighbouring steps that go opposite ways
ONE_WAY, TURNS = 0.9, 0.7  # share of a tremble along its main direction; of its steps that go against the one before
SURE_SUPPORT = 0.8  # of steps that are believed whichever way they go
DECAY = 0.45  # an impact's last third trembles by less than this share of its first
IMPACT_S = 1.3
REBOUND_SHARE, REBOUND_STEPS = 0.45, 7  # a hard stop swings back by less than this share of its speed, this long
WANDER_STEPS = 30  # fewer steps show a part of a sway, which looks like a move
WANDER_REACH = 0.035  # frame widths that a hand-held frame strays at most
WANDER_LEAST = 0.005  # and at least: less is the weave of film in the gate
ROLL_SHARE = 0.35  # of that for the roll
WANDER_ONE_WAY = 0.6  # net travel over travel: more is a move
BESIDE_LEAST, BESIDE_ROLL = 0.002, 2.5e-4  # frame widths that a hand strays from the course of a move at least
_SWAYING = (0, 1, 3)  # columns of a hand-held frame: x, y, roll


@dataclass(frozen=True)
class Tremble:
    """What trembles and what is left: `rest` is the (T, 4) edge motion without it.

    value: a value of camera.shake, None where it cannot be told; [start, end) its frames; size: how far it strays from
    its mean at its height, frame widths; wanders: the columns whose slow moves are the sway of a hand-held camera.
    """

    value: str | None
    start: int
    end: int
    size: float
    certainty: float
    rest: np.ndarray
    wanders: tuple[int, ...] = ()


def tremble_of(motion: np.ndarray, rate: float, support: np.ndarray | None = None) -> Tremble:
    """Split a gapless (T, 4) edge motion (row 0 ignored) into tremble and rest. `rate` in frames per second; `support`
    of the steps (T,), NaN where one was not seen, as layers.Step has it; all are sure without it."""
    support = np.ones(len(motion)) if support is None else support
    steps = len(motion) - 1
    if steps < MIN_STEPS:
        return Tremble(None, 0, 0, 0.0, 0.0, motion)
    jitter, rest = _split(motion)
    size = np.sqrt((jitter[:, :2] ** 2).sum(1))
    local = _mean(size, 5)
    shaking = (local > MIN_SIZE) & (_mean(_reversals(motion).astype(float), 7) >= REVERSALS)
    frames = np.flatnonzero(shaking & ~_rebounds(motion))
    start, end = (int(frames[0]), int(frames[-1]) + 1) if len(frames) >= 3 else (0, 0)
    if end and _to_and_fro((motion - rest)[start:end], support[start:end]):
        while end < len(local) and local[end] > MIN_SIZE / 4:  # it dies away below what counts as a tremble
            end += 1
        active = size[start:end]
        third = max(2, len(active) // 3)
        decay = float(active[-third:].mean() / (active[:third].mean() + 1e-9))
        short = len(active) <= IMPACT_S * rate
        last = int(np.flatnonzero(np.isfinite(support))[-1])
        value = "impact" if short and (decay < DECAY or end < last - 2) else "continuous"
        kept = motion.copy()
        course = _course(motion, np.isfinite(support))
        kept[max(1, start - 1) : end + 1] = course[max(1, start - 1) : end + 1]
        most = float(local[start:end].max())
        return Tremble(value, max(0, start - 1), end, most, _certain(most / MIN_SIZE), kept)
    if not end and (sways := _wanders(motion)):
        return Tremble("handheld", 0, len(motion), float(size.std()), 0.6, motion, wanders=sways)
    return Tremble("none", 0, 0, float(np.sqrt((size**2).mean())), 0.95, motion)


def _split(motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jitter of the path around its running mean (T, 4), and the motion of that mean."""
    path = np.cumsum(motion, 0)
    width = min(7, len(path) // 2 * 2 - 1)
    calm = np.stack([_mean(path[:, column], width) for column in range(path.shape[1])], 1)
    rest = np.diff(calm, axis=0, prepend=calm[:1])
    return path - calm, rest


def _reversals(motion: np.ndarray) -> np.ndarray:
    """Steps (T,) on which x or y goes against the step before by more than noise; moves on twos pause but never do."""
    x = motion[:, :2]
    against = (x[1:] * x[:-1] < 0) & (np.minimum(np.abs(x[1:]), np.abs(x[:-1])) > MIN_SIZE / 2)
    against[:1] = False
    return np.concatenate([[False], against.any(1)])


def _course(motion: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The (T, 4) motion under a tremble: the mean of every two steps that follow one another and were `seen`."""
    pairs = (motion + np.roll(motion, -1, 0)) / 2
    pairs[~(seen & np.roll(seen, -1))] = np.nan
    pairs = fill(pairs, MIN_STEPS)
    return np.stack([_mean(pairs[:, column], 5) for column in range(pairs.shape[1])], 1)


def _to_and_fro(steps: np.ndarray, support: np.ndarray) -> bool:
    """Whether the steps (N, 4) of a tremble reverse along one line. What lines and hands leave of a frame that stands
    goes anywhere, and is badly supported."""
    seen = np.isfinite(support)
    if seen.sum() < MIN_STEPS:
        return False
    if np.median(support[seen]) >= SURE_SUPPORT:
        return True
    shifts = steps[seen, :2]
    sizes, ways = np.linalg.eigh(shifts.T @ shifts)
    along = shifts @ ways[:, 1]
    return bool(sizes[1] > ONE_WAY * sizes.sum() and (along[1:] * along[:-1] < 0).mean() > TURNS)


def _rebounds(motion: np.ndarray) -> np.ndarray:
    """Steps (T,) in which a frame that was moving fast has just stopped and swings back: a snap stop, no shake."""
    speed = np.hypot(motion[:, 0], motion[:, 1])
    before = np.array([np.median(speed[max(0, t - 5) : t]) if t >= 3 else 0.0 for t in range(len(speed))])
    stops = np.flatnonzero((speed < REBOUND_SHARE * before) & (before > 2 * MIN_SIZE))
    mask = np.zeros(len(speed), bool)
    for stop in stops:
        after = speed[stop + REBOUND_STEPS : stop + 2 * REBOUND_STEPS]
        if len(after) == 0 or after.max() < 0.08 * before[stop]:
            mask[max(0, stop - 3) : stop + REBOUND_STEPS] = True
    return mask


def _wanders(motion: np.ndarray) -> tuple[int, ...]:
    """The columns in which the frame sways slowly about one place; none where it does so in fewer than two."""
    if len(motion) - 1 < WANDER_STEPS:
        return ()
    found, turns, moved = [], 0, []
    for column in range(motion.shape[1]):
        speed = motion[1:, column]
        path = np.cumsum(speed)
        one_way = abs(path[-1]) / (np.abs(speed).sum() + 1e-12)
        reach = float(np.ptp(path))
        if reach > WANDER_REACH or (one_way > WANDER_ONE_WAY and reach > 2 * WANDER_LEAST):
            moved.append(column)
            continue
        least = WANDER_LEAST * (ROLL_SHARE if column == 3 else 1.0)
        calm = _mean(speed, 7)
        going = calm[np.abs(calm) > 0.25 * np.abs(calm).max()]
        column_turns = int((np.sign(going[1:]) != np.sign(going[:-1])).sum())
        if column in _SWAYING and reach > least and one_way < WANDER_ONE_WAY and column_turns:
            found.append(column)
            turns += column_turns
    if len(found) < 2 or turns < 3 or (moved and 3 not in found):
        return _sways_beside(motion, moved)
    return tuple(found)


def _sways_beside(motion: np.ndarray, moved: list[int]) -> tuple[int, ...]:
    """The columns that sway beside a move: what is left of their paths without an even or a quickening course, or the
    part that a zoom has in them. A hand turns the frame a little as it sways; a camera on rails does not.
    """
    n = len(motion) - 1
    t = np.linspace(-1, 1, n)
    course = np.stack([np.ones(n), t, t * t, np.cumsum(motion[1:, 2])], 1)
    resting = [column for column in _SWAYING if column not in moved]
    if 2 in moved or 3 not in resting or len(resting) < 2:  # a zoom past planes sways by itself
        return ()
    left = {}
    for column in resting:
        path = np.cumsum(_mean(motion[1:, column], 5))
        left[column] = float(np.ptp(path - course @ np.linalg.lstsq(course, path, rcond=None)[0]))
    roll, shifts = left.pop(3), list(left.values())
    sways = roll > BESIDE_ROLL and min(shifts) > BESIDE_LEAST and max(shifts) > 2 * BESIDE_LEAST
    return tuple(resting) if sways else ()


def _mean(values: np.ndarray, width: int) -> np.ndarray:
    """Centred running mean with the ends held."""
    if width <= 1:
        return values.astype(float)
    padded = np.pad(values.astype(float), width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")


def _certain(ratio: float) -> float:
    return ratio**2 / (1 + ratio**2)
