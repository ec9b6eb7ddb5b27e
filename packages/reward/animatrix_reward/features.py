"""What the Judge looks at, frame by frame at full rate: columns of numbers, and small pictures beside their neighbours.

Both come from pixels alone. A production variable cannot reach them, so nothing that was asked for excuses anything.
Legend: T frames, F columns, C channels, H rows, W columns of the small picture. Levels are 0..1 of 255.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from animatrix_reward import evidence
from animatrix_reward.refused import Refused
from animatrix_reward.watched import watched

VERSION = "3"
ROWS_PX, COLUMNS_PX = 48, 84  # of the small pictures, whatever the aspect: squeezed rather than cut
WATCHED_ROWS = 96
_FINE_ROWS = 72
_COARSE = (64, 36)  # width, height at which every frame is held against every other one
_REACH = 6  # frames before and after that a frame is held against
_RETURNS = 10  # frames within which a form may come back
_BINS = 6
_LEAST = 0.004  # levels: less is noise of coding, grain and the camera
CHANNELS = ("red", "green", "blue", "from_before", "from_after", "before_to_after", "step")

# What the captioner measures of every frame. A fixed list: a fitted Judge knows them by their places.
TRACKS = (
    "redraw", "drawing_new", "redraw_peak", "redraw_area", "redraw_reach", "redraw_edge", "repeat_away", "flow_pct",
    "nonrigid_pct", "motion_pct", "still_share", "figure_fit", "flash_share", "smear_area", "smear_frames",
    "smear_pieces", "tone_turn", "camera_support",
)  # fmt: skip
_STYLE = ("level", "spread", "lines_chroma", "lines_steep", "lines_fine", "lines_soft")  # differ from hand to hand
_LOGS = ("redraw_peak", "redraw_area", "flow_pct", "nonrigid_pct", "motion_pct", "smear_pieces")


@dataclass(frozen=True)
class Seen:
    """A clip as the Judge sees it. `columns_TF` float32, `pictures_TCHW` uint8 (128 is no difference), `drawings_T` the
    number of the drawing that each frame shows, counted from 0; `encoded_TE` what a frozen encoder says, often empty.
    """

    columns_TF: np.ndarray
    pictures_TCHW: np.ndarray
    drawings_T: np.ndarray
    alike_TT: np.ndarray
    encoded_TE: np.ndarray

    @property
    def n_frames(self) -> int:
        return len(self.columns_TF)


def look(frames_THWC: np.ndarray, encoder=None) -> Seen:
    """Look at all frames of a clip, RGB uint8 (T, H, W, 3). Raises Refused for fewer than four frames.

    `encoder` is one of encoders.py, or None.
    """
    if frames_THWC.ndim != 4 or frames_THWC.shape[3] != 3 or frames_THWC.dtype != np.uint8 or len(frames_THWC) < 4:
        raise Refused(f"look: {frames_THWC.dtype} {frames_THWC.shape}; give uint8 (T, H, W, 3) with 4 frames or more")
    encoded = encoder(frames_THWC) if encoder is not None else np.zeros((len(frames_THWC), 0), np.float32)
    columns, pictures, drawings, apart = _read(_watched(frames_THWC))
    columns_TF = np.stack(list(columns.values()), axis=1).astype(np.float32)
    return Seen(columns_TF, pictures, drawings, apart, encoded)


def _read(frames: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """All columns by name, and the other parts of Seen: pictures, numbers of drawings, and how far frames are apart."""
    coarse = np.stack([cv2.resize(frame, _COARSE, interpolation=cv2.INTER_AREA) for frame in frames])
    grey = np.stack([_grey(frame) for frame in coarse])
    tracks = watched(frames)
    steps = camera_steps(tracks)
    apart, pictures = _distances(grey, steps), _pictures(frames, steps)
    columns = _in_time(apart, "form") | _in_time(_colour_distances(coarse), "colour") | _light(grey) | _lines(frames)
    columns |= _flow(frames) | _measured(tracks) | _places(pictures)
    columns |= evidence.gather(frames, _scaled(steps, evidence.SIZE)) | evidence.passing(pictures)
    drawings = np.cumsum(_drawn_anew(apart, tracks)).astype(np.int32)
    return _with_own(columns), pictures, drawings, apart.astype(np.float32)


def _watched(frames: np.ndarray) -> np.ndarray:
    """The frames at the size that is watched, so that a clip says the same in any resolution."""
    height, width = frames.shape[1:3]
    if height <= WATCHED_ROWS:
        return frames
    size = round(width * WATCHED_ROWS / height), WATCHED_ROWS
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])


def names() -> list[str]:
    """The names of the columns, in their order."""
    return list(_read(np.random.default_rng(0).integers(0, 255, (8, 48, 84, 3), dtype=np.uint8))[0])


def _with_own(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns, and what departs from the clip's own level of each; of those that tell a style, only the latter."""
    own = {f"{name}_own": column - np.median(column) for name, column in columns.items()}
    return {name: column for name, column in columns.items() if name not in _STYLE} | own


def camera_steps(tracks: dict[str, np.ndarray]) -> np.ndarray:
    """(T, 3, 3) from the coarse picture of the frame before to this one's; where the camera is unknown, it stands."""
    width, height = _COARSE
    names = ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg")
    x, y, zoom, roll = (np.nan_to_num(np.asarray(tracks[name], np.float64)) for name in names)
    steps = np.tile(np.eye(3), (len(x), 1, 1))
    for t in range(1, len(x)):
        # Coarse pixels are not square where the picture is not 16:9; a roll on them is right to that extent.
        turn = np.exp(zoom[t]) * np.exp(-1j * np.radians(roll[t]))
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        steps[t, :2, :2] = linear
        steps[t, :2, 2] = middle - linear @ middle - [x[t] * width, y[t] * height]
    return steps


def _scaled(steps_T33: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The camera's steps in pixels of pictures of `size` (width, height)."""
    to = np.diag([size[0] / _COARSE[0], size[1] / _COARSE[1], 1.0])
    return to @ steps_T33 @ np.linalg.inv(to)


def _drawn_anew(apart: np.ndarray, tracks: dict[str, np.ndarray]) -> np.ndarray:
    """1 where a frame shows another drawing than the frame before (T,); where nobody can tell, what changed counts."""
    told = np.asarray(tracks["drawing_new"], np.float32)
    new = np.where(np.isfinite(told), told > 0.5, _stepwise(apart) > _LEAST)
    new[0] = False
    return new


def _grey(rgb: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), 0.8).astype(np.float32) / 255


def _distances(grey_THW: np.ndarray, steps_T33: np.ndarray) -> np.ndarray:
    """Mean difference of the tenth of the picture that differs most, between every two frames (T, T).

    Frames that are near in time are laid over one another as the camera went; what only one of them shows says nothing.
    """
    n = len(grey_THW)
    flat = grey_THW.reshape(n, -1)
    worst = flat.shape[1] // 10
    apart = np.zeros((n, n), np.float32)
    stands = np.abs(steps_T33 - np.eye(3)).max(axis=(1, 2)) < 1e-3
    for a in range(n - 1):
        difference = np.abs(flat[a + 1 :] - flat[a])
        way = np.eye(3)
        for b in range(a + 1, min(n, a + _RETURNS + 2)):
            way = steps_T33[b] @ way
            if not stands[a + 1 : b + 1].all():
                moved = cv2.warpAffine(grey_THW[a], way[:2], _COARSE, borderValue=-1.0)
                difference[b - a - 1] = np.where(moved < 0, 0, np.abs(grey_THW[b] - moved)).ravel()
        apart[a, a + 1 :] = np.partition(difference, -worst, axis=1)[:, -worst:].mean(1)
    return apart + apart.T


def _colour_distances(coarse_THWC: np.ndarray) -> np.ndarray:
    """Half the difference of Lab histograms, between every two frames (T, T)."""
    shares = []
    for frame in coarse_THWC:
        lab = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB)
        histogram = cv2.calcHist([lab], [0, 1, 2], None, [_BINS, 2 * _BINS, 2 * _BINS], [0, 256, 64, 192, 64, 192])
        soft = cv2.GaussianBlur(histogram.reshape(_BINS, -1), (3, 3), 0.7)
        shares.append(soft.ravel() / max(1e-6, soft.sum()))
    shares = np.stack(shares)
    return np.abs(shares[:, None] - shares[None]).sum(2) / 2


def _stepwise(apart: np.ndarray) -> np.ndarray:
    return np.r_[0.0, np.diagonal(apart, 1)]


def _in_time(apart: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """What a frame's distances to those before and after it say: a step, an outlier, a return, a lasting change."""
    n = len(apart)
    said = {
        key: np.zeros(n, np.float32) for key in ("out", "out_long", "returns", "lasts", "away", "elsewhere", "shiver")
    }
    step = _stepwise(apart)
    usual = float(np.median(step[1:])) + _LEAST
    for t in range(n):
        before, after = slice(max(0, t - _REACH), t), slice(t + 1, t + 1 + _REACH)
        b, a = apart[t, before], apart[t, after]
        nearest = [part.min() for part in (b, a) if part.size]
        said["out"][t] = min(apart[t, t - 1] if t else np.inf, apart[t, t + 1] if t + 1 < n else np.inf)
        said["out_long"][t] = min(nearest) if len(nearest) == 2 else 0.0
        across = apart[before, after]
        if across.size:
            # Near 0: what was before is there again; 1: it is as far away as this frame is.
            said["returns"][t] = across.min() / (max(b.min(), a.min()) + _LEAST)
            said["lasts"][t] = across.min() - min(_within(apart, before), _within(apart, after))
        if t:
            ahead = apart[t - 1, t : t + _RETURNS]
            said["away"][t] = (ahead[-1] if len(ahead) else 0.0) / (ahead.max() + _LEAST)
        far = np.r_[apart[t, : max(0, t - _RETURNS)], apart[t, t + _RETURNS :]]
        said["elsewhere"][t] = min(nearest) / (far.min() + _LEAST) if far.size else 1.0
        low, high = max(1, t - 3), min(n, t + 4)
        two = np.diagonal(apart, 2)[max(0, low - 1) : high - 1]
        said["shiver"][t] = two.mean() / (2 * step[low:high].mean() + _LEAST) if two.size else 0.0
    said["step"], said["step_rel"] = step, np.log(step + _LEAST) - np.log(usual)
    calm = np.convolve(np.pad(step, 3, mode="edge"), np.ones(7) / 7, "valid")
    still = np.array([step[max(1, t - 3) : t + 4].min() if n > 1 else 0.0 for t in range(n)])
    said["step_near"], said["never_still"] = calm, still
    said["repeats"] = np.convolve(np.pad((step < _LEAST).astype(float), 4, mode="edge"), np.ones(9) / 9, "valid")
    said |= _detours(apart, step)
    for key in ("returns", "elsewhere"):
        said[key] = np.minimum(said[key], 3.0)
    return {f"{name}_{key}": column for key, column in said.items()}


def _detours(apart: np.ndarray, step: np.ndarray) -> dict[str, np.ndarray]:
    """How far one to four frames lie off the way between their two neighbours, in usual steps of the clip."""
    n = len(apart)
    usual = float(np.quantile(step[1:], 0.75)) + 5 * _LEAST
    said = {key: np.zeros(n, np.float32) for key in ("detour_brief", "detour_long")}
    for key, lengths in (("detour_brief", (1, 2)), ("detour_long", (3, 4))):
        for length in lengths:
            for t in range(1, n - length):
                inside = np.minimum(apart[t - 1, t : t + length], apart[t + length, t : t + length]).min()
                off = max(0.0, inside - apart[t - 1, t + length]) / usual
                said[key][t : t + length] = np.maximum(said[key][t : t + length], off)
    return {key: np.minimum(column, 5.0) for key, column in said.items()}


def _within(apart: np.ndarray, part: slice) -> float:
    block = apart[part, part]
    return float(block.max()) if block.size > 1 else 0.0


def _light(grey: np.ndarray) -> dict[str, np.ndarray]:
    """Level and contrast, how both jump, and how often they turn round."""
    level, spread = grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))
    jump = np.r_[0.0, np.diff(level)]
    middle = np.r_[0.0, np.median(np.diff(grey, axis=0).reshape(len(grey) - 1, -1), axis=1)]
    turns = np.r_[0.0, (np.sign(jump[1:]) != np.sign(jump[:-1])) * np.minimum(np.abs(jump[1:]), np.abs(jump[:-1]))]
    near = np.convolve(np.pad(turns, 4, mode="edge"), np.ones(9) / 9, "valid")
    return {
        "level": level, "spread": spread, "level_jump": np.abs(jump), "level_middle": np.abs(middle),
        "level_turns": near, "spread_jump": np.abs(np.r_[0.0, np.diff(spread)]),
    }  # fmt: skip


def _lines(frames: np.ndarray) -> dict[str, np.ndarray]:
    """Strength and sharpness of lines; how many pixels tremble at lines, and how many change for good."""
    said = {
        key: np.zeros(len(frames)) for key in ("steep", "fine", "soft", "tremble", "change", "tremble_share", "chroma")
    }
    before = None
    for t, frame in enumerate(frames):
        width = max(16, round(frame.shape[1] * _FINE_ROWS / frame.shape[0]))
        small = cv2.resize(frame, (width, _FINE_ROWS), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        steep = cv2.magnitude(*(cv2.Sobel(grey, cv2.CV_32F, *order, scale=0.25) for order in ((1, 0), (0, 1))))
        fine = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
        said["steep"][t], said["fine"][t] = steep.mean() / 50, fine.mean() / 50
        said["soft"][t] = fine.mean() / (steep.mean() + 1)
        said["chroma"][t] = small.astype(np.float32).std(axis=2).mean() / 50
        if before is not None:
            change = np.abs(grey - before)
            change = np.abs(change - np.median(change))
            lined = steep > 12
            small_change = (change > 4) & (change < 28)
            said["tremble"][t] = small_change[lined].mean() if lined.any() else 0.0
            said["change"][t] = (change >= 28).mean()
            said["tremble_share"][t] = small_change.mean()
        before = grey
    return {f"lines_{key}": column for key, column in said.items()}


def _flow(frames: np.ndarray) -> dict[str, np.ndarray]:
    """How things move from frame to frame, whether they keep moving so, and what motion does not explain.

    What trembles goes back the way it came: the loose part of its motion turns round from frame to frame.
    """
    keys = ("speed", "loose", "jerk", "agrees", "left", "left_worst", "nervous", "trembles")
    said = {key: np.zeros(len(frames)) for key in keys}
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    width, height = round(frames.shape[2] * _FINE_ROWS / frames.shape[1]), _FINE_ROWS
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    basis = np.stack([np.ones(x.size), x.ravel() / width, y.ravel() / width], axis=1).astype(np.float32)
    solve = np.linalg.pinv(basis)
    before, last = None, None
    for t, frame in enumerate(frames):
        grey = cv2.cvtColor(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        if before is not None:
            flow = finder.calc(grey, before, None)  # pyright: ignore[reportCallIssue, reportArgumentType]
            at_x, at_y = x + flow[..., 0], y + flow[..., 1]
            warped = cv2.remap(before, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            left = cv2.absdiff(warped, grey).ravel() / np.float32(255)
            flat = flow.reshape(-1, 2)
            free = (flat - basis @ (solve @ flat)).reshape(flow.shape)
            fine = free - cv2.blur(free, (13, 13))
            said["speed"][t] = np.linalg.norm(flat, axis=1).mean()
            said["loose"][t] = np.linalg.norm(free, axis=2).mean()
            said["left"][t], said["left_worst"][t] = left.mean(), np.partition(left, -200)[-200:].mean()
            if last is not None:
                said["jerk"][t] = np.linalg.norm(flow - last[0], axis=2).mean()
                said["agrees"][t] = _along(flow, last[0], 0.01)
                said["nervous"][t] = _along(fine, last[1], 0.0005)
                # The share of the fine motion that is taken back at once.
                back = np.minimum(0, (fine * last[1]).sum(axis=2))
                said["trembles"][t] = np.sqrt(-back).mean()
            last = flow, fine
        before = grey
    logs = ("speed", "loose", "jerk", "trembles")
    return {f"flow_{key}": np.log1p(4 * column) if key in logs else column for key, column in said.items()}


def _along(flow: np.ndarray, last: np.ndarray, least: float) -> float:
    """Cosine between two fields of motion; towards 0 where the mean square of a motion is under `least`."""
    return float((flow * last).sum() / (np.sqrt((flow**2).sum() * (last**2).sum()) + least * flow.size))


def _measured(tracks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The captioner's tracks; what it cannot tell is 0."""
    said = {}
    for name in TRACKS:
        column = np.nan_to_num(np.asarray(tracks[name], np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        said[f"track_{name}"] = np.log1p(np.abs(column)) if name in _LOGS else column
    return said


def _pictures(frames: np.ndarray, steps_T33: np.ndarray) -> np.ndarray:
    """The frame, and its grey levels against the frames before, after, the one against the other, and the last step.

    Its neighbours are laid over it as the camera went; where they show nothing of it, there is no difference.
    """
    small = np.stack([cv2.resize(frame, (COLUMNS_PX, ROWS_PX), interpolation=cv2.INTER_AREA) for frame in frames])
    grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in small]).astype(np.int16)
    steps = _scaled(steps_T33, (COLUMNS_PX, ROWS_PX))
    back = np.linalg.inv(steps)
    n, differences = len(small), []
    for t in range(n):
        before = _laid_over(grey, t, range(t, max(0, t - _REACH), -1), back, -1)
        after = _laid_over(grey, t, range(t + 1, min(n, t + _REACH + 1)), steps, 0)
        b, a = np.median(before, axis=0), np.median(after, axis=0)
        differences.append(np.stack([grey[t] - b, grey[t] - a, b - a, grey[t] - before[0]]))
    packed = (128 + np.stack(differences)).clip(0, 255).astype(np.uint8)
    return np.concatenate([small.transpose(0, 3, 1, 2), packed], axis=1)


def _places(pictures_TCHW: np.ndarray) -> dict[str, np.ndarray]:
    """How much the most changed places of a frame differ: from before, from after, from both, and for good; and whether
    there is more or less drawn there than before."""
    grey = pictures_TCHW[:, :3].astype(np.float32).mean(1)
    before, after, across, step = np.abs(pictures_TCHW[:, 3:].astype(np.float32) - 128).transpose(1, 0, 2, 3)
    maps = {
        "before": before, "after": after, "step": step,
        # Differs from both sides: one drawing of its own. Differs from before as what comes after does: it stays.
        "own": np.minimum(before, after), "stays": np.maximum(np.minimum(before, across) - after, 0),
    }  # fmt: skip
    said: dict[str, np.ndarray] = {}
    n = len(grey)
    for name, plane in maps.items():
        blocks = (
            np.stack([cv2.resize(one, (14, 8), interpolation=cv2.INTER_AREA) for one in plane]).reshape(n, -1) / 255
        )
        blocks = np.sort(blocks, axis=1)[:, ::-1]
        said[f"place_{name}_1"], said[f"place_{name}_6"] = blocks[:, 0], blocks[:, :6].mean(1)
        said[f"place_{name}_area"] = (blocks > 0.06).mean(1)
    drawn = np.stack([np.abs(cv2.Laplacian(one, cv2.CV_32F)) for one in grey])
    for name in ("own", "stays"):
        weight = maps[name] * (maps[name] > 12)
        total = weight.sum(axis=(1, 2)) + 1e3
        for side, shift in (("before", 3), ("after", -3)):
            other = drawn[np.clip(np.arange(n) - shift, 0, n - 1)]
            said[f"place_{name}_drawn_{side}"] = ((drawn - other) * weight).sum(axis=(1, 2)) / total / 20
    return said


def _laid_over(grey: np.ndarray, t: int, steps: range, ways: np.ndarray, offset: int) -> np.ndarray:
    """Neighbours of frame t, nearest first, as the camera would show them at t; t itself where there are none."""
    laid, way = [], np.eye(3)
    for k in steps:
        way = ways[k] @ way  # from frame t's picture to the neighbour's
        other = grey[k + offset]
        if np.abs(way - np.eye(3)).max() > 1e-3:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            other = cv2.warpAffine(other, way[:2], (COLUMNS_PX, ROWS_PX), flags=flags, borderValue=-1)
            other = np.where(other < 0, grey[t], other)
        laid.append(other)
    return np.stack(laid or [grey[t]])
