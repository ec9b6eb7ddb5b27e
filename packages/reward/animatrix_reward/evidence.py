"""Local evidence of failure and of intent, frame by frame, in cells of the picture: what changes, how long, and how.

A drawing that moves takes its paint along; what appears without leaving elsewhere, goes and returns, never rests
between drawings or changes its colours for good is another matter. Neighbours are laid over a frame as the camera went.
From pixels alone. Legend: T frames, H, W of the small picture, C channels, R, S rows and columns of cells.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

ROWS_PX, COLUMNS_PX = 72, 128
CELL_PX = 8
SIZE = COLUMNS_PX, ROWS_PX
CELLS = ROWS_PX // CELL_PX, COLUMNS_PX // CELL_PX
_REACH = 4  # frames before and after
_COLOURS = 20
_NOISES = 3.0  # times the clip's own noise that a change must exceed
_LEAST = 2  # levels, beside that
_LINE = 3  # steepness, in levels a pixel, by which a line is gained or lost
_PLAIN, _GOES_ON = 30, 22  # levels by which a small picture shows something of its own, or has gone on
_LEAST_AREA, _MOST_AREA = 0.002, 0.4  # of the picture
_ABSENT = 0.2  # of what a colour covers later (or before): as good as not there

CHANNELS = (
    "step", "stays", "stays_colour", "own_brief", "own_long", "restless", "restless_long", "light", "tint", "lines",
    "lines_gained", "lines_lost", "detail", "paint", "paint_wide",
)  # fmt: skip


def gather(frames_THWC: np.ndarray, steps_T33: np.ndarray) -> dict[str, np.ndarray]:
    """Columns (T,) by name. `steps_T33` leads from the picture before to each frame's, in pixels of SIZE."""
    planes = np.stack([_planes(frame) for frame in frames_THWC])
    labels, floor = _palette(planes), _floor(planes)
    shares = [_shares(one) for one in labels]
    maps = {name: np.zeros((len(planes), *CELLS), np.float32) for name in CHANNELS}
    for t in range(len(planes)):
        stack, paints = _laid_over(planes, labels, shares, steps_T33, t)
        for name, cells in (_lasting(stack, paints, floor) | _steps(stack, floor)).items():
            maps[name][t] = cells
        for name, length, cells in _own(stack, floor):
            maps[name][t : t + length] = np.maximum(maps[name][t : t + length], cells)
    return _summed(maps) | _masses(labels) | _off_beat(maps["step"]) | _mixed(planes)


def _planes(rgb: np.ndarray) -> np.ndarray:
    """Lab and the strength of lines, (4, H, W) uint8."""
    small = cv2.GaussianBlur(cv2.resize(rgb, (COLUMNS_PX, ROWS_PX), interpolation=cv2.INTER_AREA), (0, 0), 0.6)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    grey = lab[..., 0].astype(np.float32)
    steep = cv2.magnitude(*(cv2.Sobel(grey, cv2.CV_32F, *order, scale=0.25) for order in ((1, 0), (0, 1))))
    return np.ascontiguousarray(np.dstack([lab, np.minimum(steep, 255).astype(np.uint8)]).transpose(2, 0, 1))


def _palette(planes_TCHW: np.ndarray) -> np.ndarray:
    """The number of the clip's own colour that every pixel is nearest to (T, H, W); more are kept for what changes."""
    lab = planes_TCHW[:, :3].transpose(0, 2, 3, 1) * np.array([0.5, 1.0, 1.0], np.float32)
    flat = lab.reshape(-1, 3)
    spread = planes_TCHW[:, 0].astype(np.float32).std(axis=0) + planes_TCHW[:, 1:3].astype(np.float32).std(axis=0).sum(
        0
    )
    lively = lab[:, spread > np.quantile(spread, 0.75)].reshape(-1, 3)
    some = np.concatenate([part[:: max(1, len(part) // 4000)] for part in (flat, lively)])
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
    _, _, centres = cv2.kmeans(some, _COLOURS, None, stop, 1, cv2.KMEANS_PP_CENTERS)  # pyright: ignore
    away = (centres**2).sum(1)[None] - 2 * flat @ centres.T
    return away.argmin(1).astype(np.uint8).reshape(lab.shape[:3])


def _floor(planes_TCHW: np.ndarray) -> int:
    """Levels under which a change is noise: from what the quieter half of the picture does in the quieter steps."""
    step = np.abs(np.diff(planes_TCHW[:, 0].astype(np.int16), axis=0))
    quiet = np.median(step.reshape(len(step), -1), axis=1)
    return min(255, round(_LEAST + _NOISES * float(np.median(quiet))))


def _laid_over(planes, labels, shares, steps_T33, t) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Frames near t by their distance from it, as the camera would show them at t, and the shares of colours in their
    cells; what a neighbour does not show is t's own.
    """
    stack, paints = {0: planes[t]}, {0: shares[t]}
    for sign in (-1, 1):
        way = np.eye(3)
        for k in range(1, _REACH + 1):
            at = t + sign * k
            if not 0 <= at < len(planes):
                break
            # From t's picture to the neighbour's.
            way = (np.linalg.inv(steps_T33[at + 1]) if sign < 0 else steps_T33[at]) @ way
            if np.abs(way - np.eye(3)).max() <= 1e-3:
                stack[sign * k], paints[sign * k] = planes[at], shares[at]
                continue
            shown = _moved(np.ones((ROWS_PX, COLUMNS_PX), np.uint8), way, cv2.INTER_NEAREST) > 0
            moved = np.stack([_moved(one, way, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE) for one in planes[at]])
            stack[sign * k] = np.where(shown, moved, planes[t])
            paints[sign * k] = _shares(np.where(shown, _moved(labels[at], way, cv2.INTER_NEAREST), labels[t]))
    return stack, paints


def _moved(plane_HW: np.ndarray, way: np.ndarray, how: int, edge: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    return cv2.warpAffine(plane_HW, way[:2], SIZE, flags=cv2.WARP_INVERSE_MAP | how, borderMode=edge)


def _apart(one_CHW: np.ndarray, other_CHW: np.ndarray, floor: int) -> np.ndarray:
    """By how many levels two pictures differ above the floor, in the channel of Lab that differs most (H, W)."""
    light, green, blue = (cv2.absdiff(one_CHW[c], other_CHW[c]) for c in range(3))
    return _above(cv2.max(cv2.max(light, green), blue), floor)


def _above(plane: np.ndarray, least: int) -> np.ndarray:
    return np.maximum(plane, least) - plane.dtype.type(least)


def _lasting(stack, paints, floor: int) -> dict[str, np.ndarray]:
    """Cells of what is other in all frames from here on than in all before: levels, lines, and colours around."""
    before = [k for k in range(-_REACH, 0) if k in stack]
    after = [k for k in range(_REACH) if k in stack]
    if len(before) < 2 or len(after) < 2:
        return {}
    b, a = np.stack([stack[k] for k in before]), np.stack([stack[k] for k in after])
    more, less = cv2.subtract(a.min(0), b.max(0)), cv2.subtract(b.min(0), a.max(0))
    gap = _above(np.maximum(more, less)[:3], floor)
    said = {"stays": gap[0], "stays_colour": cv2.max(gap[1], gap[2])}
    said |= {"lines_gained": _above(more[3], _LINE), "lines_lost": _above(less[3], _LINE)}
    cells = {name: _cells(plane) for name, plane in said.items()}
    # What only moves leaves the colours around as they are.
    for name, width in (("paint", 3), ("paint_wide", 7)):
        wide = {k: cv2.blur(paints[k], (width, width), borderType=cv2.BORDER_REFLECT) for k in (*before, *after)}
        b, a = np.stack([wide[k] for k in before]), np.stack([wide[k] for k in after])
        cells[name] = 50 * np.maximum(a.min(0) - b.max(0), b.min(0) - a.max(0)).clip(0).sum(2)
    return cells


def _own(stack, floor: int) -> Iterator[tuple[str, int, np.ndarray]]:
    """Cells of what one to four frames from here on show that neither the frame before nor the one after them does."""
    for length, name in ((1, "own_brief"), (2, "own_brief"), (3, "own_long"), (4, "own_long")):
        if -1 in stack and length in stack:
            b, a = stack[-1], stack[length]
            inside = [cv2.min(_apart(stack[k], b, floor), _apart(stack[k], a, floor)) for k in range(length)]
            yield name, length, _cells(cv2.subtract(np.min(inside, axis=0), _apart(b, a, floor)))


def _steps(stack, floor: int) -> dict[str, np.ndarray]:
    """Cells of what changes from frame to frame, of what never rests, and of light, tint, lines and detail."""
    here = stack[0]
    cells = {"lines": _cells(here[3])}
    if -1 not in stack:
        return cells
    step = {k: _apart(stack[k], stack[k - 1], floor) for k in (-1, 0, 1, 2) if k in stack and k - 1 in stack}
    cells["step"] = _cells(step[0])
    if 1 in step:
        twice = cv2.min(step[0], step[1])
        cells["restless"] = _cells(twice)
        if -1 in step and 2 in step:
            cells["restless_long"] = _cells(cv2.min(twice, cv2.min(step[-1], step[2])))
    change = [np.abs(_cells(here[c]) - _cells(stack[-1][c])) for c in range(3)]
    usual = np.median(np.stack([_cells(stack[k][3]) for k in (-2, -1, 1, 2) if k in stack]), axis=0)
    cells |= {"light": change[0], "tint": np.maximum(change[1], change[2])}
    return cells | {"detail": np.abs(cells["lines"] - usual)}


def _cells(plane_HW: np.ndarray) -> np.ndarray:
    """Means of the cells (R, S)."""
    return cv2.resize(plane_HW.astype(np.float32), CELLS[::-1], interpolation=cv2.INTER_AREA)


_CELL_OF = (np.arange(ROWS_PX)[:, None] // CELL_PX * CELLS[1] + np.arange(COLUMNS_PX)[None] // CELL_PX).astype(np.int64)


def _shares(paint_HW: np.ndarray) -> np.ndarray:
    """What share of every cell each colour has (R, S, K)."""
    counts = np.bincount((_CELL_OF * _COLOURS + paint_HW).ravel(), minlength=CELLS[0] * CELLS[1] * _COLOURS)
    return (counts.reshape(*CELLS, _COLOURS) / CELL_PX**2).astype(np.float32)


def _summed(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The strongest cell, the strongest dozen, and the mean of every channel."""
    said = {}
    for name, map_TRS in maps.items():
        flat = np.sort(map_TRS.reshape(len(map_TRS), -1), axis=1)[:, ::-1]
        said[f"cell_{name}_1"] = np.log1p(flat[:, 0])
        said[f"cell_{name}_12"] = np.log1p(flat[:, :12].mean(1))
        said[f"cell_{name}_all"] = np.log1p(4 * flat.mean(1))
    return said


def _masses(labels: np.ndarray) -> dict[str, np.ndarray]:
    """What the clip's colours cover, and how that changes: for good, by colours new and gone; and both at one place.

    Medians on the near side and extremes on the far one, so that an impact frame between them is no loss of colours.
    """
    n = len(labels)
    share = np.stack([np.bincount(one.ravel(), minlength=_COLOURS) for one in labels]) / labels[0].size
    names = ("lasts", "one", "new", "gone", "exchanged", "exchanged_long")
    found = {name: np.zeros(n, np.float32) for name in names}
    for t in range(2, n - 1):
        b, a = share[max(0, t - 4) : t], share[t : t + 4]
        more, less = (a.min(0) - b.max(0)).clip(0), (b.min(0) - a.max(0)).clip(0)
        found["lasts"][t] = (more + less).sum()
        found["one"][t] = max(more.max(), less.max())
        for name, reach, fade in (("exchanged", 6, 1), ("exchanged_long", 14, 3)):
            b, a = share[max(0, t - reach) : t], share[t + fade : t + fade + reach]
            if len(b) < 3 or len(a) < 3:
                continue
            later, earlier = np.median(a, axis=0), np.median(b, axis=0)
            new = later[np.quantile(b, 0.8, axis=0) < _ABSENT * later].sum()
            gone = earlier[np.quantile(a, 0.8, axis=0) < _ABSENT * earlier].sum()
            found[name][t] = min(new, gone)
            if name == "exchanged_long":
                found["new"][t], found["gone"][t] = new, gone
    step = np.abs(np.diff(share, axis=0)).sum(1)
    said = {f"mass_{name}": np.log1p(100 * column) for name, column in found.items()}
    return said | {"mass_step": np.log1p(50 * np.r_[0.0, step])}


def _off_beat(step_TRS: np.ndarray) -> dict[str, np.ndarray]:
    """Changes on frames on which nothing changes otherwise, while the drawing keeps a beat of two, three or four."""
    step = np.sort(step_TRS.reshape(len(step_TRS), -1), axis=1)[:, -12:].mean(1)
    n = len(step)
    said = {}
    for beat in (2, 3, 4):
        off = np.zeros(n, np.float32)
        for t in range(1, n):
            near = [k for k in range(max(1, t - 8), min(n, t + 9)) if k != t]
            same = max((step[k] for k in near if (k - t) % beat == 0), default=0.0)
            other = max((step[k] for k in near if (k - t) % beat), default=0.0)
            if other > 2 * same + 1:
                off[t] = max(0.0, step[t] - 1.5 * same)
        said[f"off_beat_{beat}"] = np.log1p(off)
    return said


def passing(pictures_TCHW: np.ndarray) -> dict[str, np.ndarray]:
    """Of what one to four frames alone show, and all frames around them do not: how much there is (columns (T,)), by
    itself, against what differs before and after it, and in its largest piece.

    A move goes on from there, and so does a smear within one; what comes and goes while all stands has no cause. Thin
    lines are left out, for speed lines are new in every frame, and so is what takes most of the picture. The camera is
    not followed: where it moves nothing stands, and little is found.
    """
    small = np.stack([cv2.GaussianBlur(one, (0, 0), 0.7) for one in pictures_TCHW[:, :3].transpose(0, 2, 3, 1)])
    n = len(small)
    apart = {
        (a, b): np.max(cv2.absdiff(small[a], small[b]), axis=2)
        for a in range(n) for b in range(a + 1, min(n, a + _REACH + 2))
    }  # fmt: skip
    names = ("passing", "passing_share", "passing_piece")
    found = {name: np.zeros(n, np.float32) for name in names}
    for length in range(1, _REACH + 1):
        for t in range(1, n - length):
            end = t + length
            around = apart[t - 1, end]
            own = np.min([np.minimum(apart[t - 1, k], apart[k, end]) for k in range(t, end)], axis=0)
            mask = _thick((own > _PLAIN) & (around < _PLAIN // 2))
            area = float(mask.mean())
            if not _LEAST_AREA <= area <= _MOST_AREA:
                continue
            goes_on = float(_thick(around >= _GOES_ON).mean())
            piece = cv2.connectedComponentsWithStats(mask)[2][1:, cv2.CC_STAT_AREA].max() / mask.size
            for name, value in zip(names, (area - goes_on, area / (area + goes_on + 0.01), piece - goes_on)):
                found[name][t:end] = np.maximum(found[name][t:end], value)
    return {name: column if name == "passing_share" else np.log1p(100 * column) for name, column in found.items()}


def _thick(mask_HW: np.ndarray) -> np.ndarray:
    return cv2.morphologyEx(mask_HW.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))


def _mixed(planes: np.ndarray) -> dict[str, np.ndarray]:
    """How nearly a frame is a mixture of two others around it, and whether it has less detail than both."""
    n = len(planes)
    level, lines = planes[:, 0].astype(np.float32), planes[:, 3].astype(np.float32).mean(axis=(1, 2))
    mixed, thin = np.zeros(n, np.float32), np.zeros(n, np.float32)
    for t in range(1, n - 1):
        best = 1.0
        for i, j in ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 2)):
            if t - i < 0 or t + j >= n:
                continue
            way, gone = level[t + j] - level[t - i], level[t] - level[t - i]
            changed = np.abs(way) > 12
            if changed.mean() < 0.003:
                continue
            w, g = way[changed], gone[changed]
            share = float((w * g).sum() / (w * w).sum())
            if 0.15 < share < 0.85:
                best = min(best, float(np.abs(g - share * w).sum() / (min(share, 1 - share) * np.abs(w).sum())))
        mixed[t] = 1 - min(1.0, best)
        thin[t] = min(lines[t - 1], lines[t + 1]) / (lines[t] + 0.5) - 1
    return {"mixed": mixed, "mixed_thin": thin.clip(-0.5, 1.0)}
