"""Failures made on purpose: a good clip with an extra limb, a melt, flicker, another identity, ... and where exactly.

Pure functions of frames, the figures' masks and a seed; nothing is learned and nothing is decoded. What changed is
measured afterwards, so that span and box are those of the pixels and not of the intention. Legend: T frames, H, W.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from animatrix_reward.dimensions import SEVERITIES
from animatrix_reward.refused import Refused

_SEEN = 6  # levels by which a pixel must differ from the clip before to count as changed
_LEAST_FIGURE = 0.004  # share of the picture: a smaller figure has no limbs to copy
_PLAIN = 20  # levels by which a pixel differs for everybody
_ATTEMPTS = 6
# What share of the figure's area must differ plainly, in the middle one of the frames that fail. Without it five of
# nine limbs and four of nine pops could not be found by eye: a limb upon the body, a pose like the ones around it.
_VISIBLE = {"extra_limb": 0.06, "pop": 0.35, "identity_swap": 0.3, "background_merge": 0.12, "melt": 0.12}


class NotSeenError(ValueError):
    """A failure that nobody would see in this clip."""


@dataclass(frozen=True)
class Clip:
    """Frames RGB uint8 (T, H, W, 3) and where the figures are, bool (T, H, W)."""

    frames_THWC: np.ndarray
    masks_THW: np.ndarray


@dataclass(frozen=True)
class Corrupted:
    """The clip after it was damaged: frames [start, end) differ from the original, inside `box` (x0, y0, x1, y1)."""

    frames_THWC: np.ndarray
    kind: str
    start: int
    end: int
    severity: int
    box: tuple[int, int, int, int]


def corrupt(clip: Clip, kind: str, *, severity: int = 3, seed: int = 0, other: Clip | None = None) -> Corrupted:
    """`clip` with a pathology of `kind` (CORRUPTIONS) and `severity` 1 to 5, the same for the same seed.

    `other` lends a figure to identity_swap and, if it is given, frames to pop; its size is the clip's. Raises
    Refused for an unknown kind or severity, a clip without a figure, and a swap without another figure; NotSeenError
    where the failure could not be seen in six attempts.
    """
    if kind not in CORRUPTIONS:
        raise Refused(f"corrupt: {kind!r} is not one of {', '.join(CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise Refused(f"corrupt: severity {severity!r} is not one of {SEVERITIES}")
    share = clip.masks_THW.mean(axis=(1, 2))
    if len(share) < 12 or np.median(share) < _LEAST_FIGURE:
        raise Refused(
            f"corrupt: {len(share)} frames with a figure on {np.median(share):.4f} of the picture; "
            f"12 frames and {_LEAST_FIGURE} are needed"
        )
    if other is not None and other.frames_THWC.shape[1:] != clip.frames_THWC.shape[1:]:
        raise Refused(f"corrupt: other is {other.frames_THWC.shape[1:]}, the clip {clip.frames_THWC.shape[1:]}")
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, list(CORRUPTIONS).index(kind), attempt])
        out = clip.frames_THWC.copy()
        CORRUPTIONS[kind](out, clip, (severity - 1) / 4, rng, other)
        found = _measured(clip, out, kind, severity)
        if found is not None:
            return found
    raise NotSeenError(f"corrupt: {kind} could not be seen in {_ATTEMPTS} attempts; take another seed or clip")


def _measured(clip: Clip, after: np.ndarray, kind: str, severity: int) -> Corrupted | None:
    """Where the clip was changed; None where nobody would see it."""
    apart = np.abs(after.astype(np.int16) - clip.frames_THWC).max(axis=3)
    changed = apart > _SEEN
    frames = np.flatnonzero(changed.any(axis=(1, 2)))
    if not len(frames):
        return None
    plain = apart[frames] > _PLAIN
    if kind == "extra_limb":
        plain &= ~clip.masks_THW[frames]  # upon the body it is a fold of the clothes
    if np.median(plain.sum(axis=(1, 2))) < _VISIBLE.get(kind, 0.0) * np.median(clip.masks_THW.sum(axis=(1, 2))):
        return None
    rows, columns = np.flatnonzero(changed.any(axis=(0, 2))), np.flatnonzero(changed.any(axis=(0, 1)))
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return Corrupted(after, kind, int(frames[0]), int(frames[-1]) + 1, severity, box)


# -- what the kinds share ------------------------------------------------------------------------------------------


def _field(rng: np.random.Generator, shape: tuple[int, int], cell_px: float) -> np.ndarray:
    """Smooth noise (H, W, 2), standard deviation about 1, that changes over `cell_px`."""
    size = max(2, round(shape[1] / cell_px) + 1), max(2, round(shape[0] / cell_px) + 1)
    noise = rng.normal(0, 1.4, (size[1], size[0], 2)).astype(np.float32)
    return cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _warped(image: np.ndarray, shift_HW2: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(
        image, x + shift_HW2[..., 0], y + shift_HW2[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _soft(mask: np.ndarray, grow_px: int, blur_px: float) -> np.ndarray:
    """A mask with soft edges, float32 (H, W, 1)."""
    grown = mask.astype(np.uint8)
    if grow_px:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(grow_px) + 1,) * 2)
        grown = cv2.dilate(grown, kernel) if grow_px > 0 else cv2.erode(grown, kernel)
    return cv2.GaussianBlur(grown.astype(np.float32), (0, 0), blur_px)[..., None]


def _laid(under: np.ndarray, over: np.ndarray, alpha: np.ndarray | np.floating) -> np.ndarray:
    return np.rint(under * (1 - alpha) + over * alpha).clip(0, 255).astype(np.uint8)


def _behind(clip: Clip, frame: int) -> np.ndarray:
    """What lies behind the figures of a frame, guessed from the picture around them."""
    hole = cv2.dilate(clip.masks_THW[frame].astype(np.uint8), np.ones((5, 5), np.uint8))
    return cv2.inpaint(clip.frames_THWC[frame], hole, 4, cv2.INPAINT_TELEA)


def _onset(rng: np.random.Generator, n_frames: int, low: float = 0.15, high: float = 0.55) -> int:
    return round(n_frames * rng.uniform(low, high))


def _place(mask: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Where a figure is (x, y) and its size in pixels; None where there is none."""
    rows, columns = np.nonzero(mask)
    if len(rows) < 20:
        return None
    return np.array([columns.mean(), rows.mean()]), float(np.sqrt(len(rows)))


# -- the kinds -----------------------------------------------------------------------------------------------------


def _extra_limb(out: np.ndarray, clip: Clip, strength: float, rng: np.random.Generator, other: Clip | None) -> None:
    """A limb-shaped piece of the figure once more, turned about its root, carried along with the figure."""
    n, (height, width) = len(out), out.shape[1:3]
    start = _onset(rng, n, 0.1, 0.5)
    end = min(n, start + max(8, round(n * rng.uniform(0.35, 0.9))))
    found = _limb(clip.masks_THW[start], rng, strength)
    if found is None:
        return
    root, tip, piece = found
    away = tip - root
    turn = float(rng.choice([-1, 1])) * rng.uniform(70, 150)
    out_of_body = _way_out(clip.masks_THW[start], root, away, turn)
    size0 = _place(clip.masks_THW[start])
    assert size0 is not None
    sway = rng.uniform(0, 12)
    for frame in range(start, end):
        here = _place(clip.masks_THW[frame])
        if here is None:
            continue
        scale = float(np.clip(here[1] / size0[1], 0.7, 1.4)) * (0.85 + 0.35 * strength)
        at = here[0] + (root - size0[0] + out_of_body) * scale
        turned = turn + sway * np.sin(2 * np.pi * (frame // 2 * 2 - start) / 12)
        matrix = cv2.getRotationMatrix2D((float(root[0]), float(root[1])), turned, scale)
        matrix[:, 2] += at - root
        limb = cv2.warpAffine(clip.frames_THWC[start], matrix, (width, height), flags=cv2.INTER_LINEAR)
        alpha = cv2.warpAffine(piece.astype(np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR)[..., None]
        out[frame] = _laid(out[frame], limb, alpha)


def _way_out(mask: np.ndarray, root: np.ndarray, away: np.ndarray, turn_deg: float) -> np.ndarray:
    """From a limb's root to where, turned, it leaves the figure; upon the body it would be a fold of the clothes."""
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    along = np.array([cos * away[0] + sin * away[1], cos * away[1] - sin * away[0]]) / np.linalg.norm(away)
    far = 0
    while _inside(mask, root + (far + 1) * along):
        far += 1
    return max(0, far - 2) * along


def _inside(mask: np.ndarray, at: np.ndarray) -> bool:
    x, y = np.rint(at).astype(int)
    return 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and bool(mask[y, x])


def _limb(mask: np.ndarray, rng: np.random.Generator, strength: float):
    """(root, tip, mask of the piece) of something long that sticks out of a figure."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    place = _place(mask)
    if not contours or place is None:
        return None
    rim = max(contours, key=cv2.contourArea)[:, 0].astype(float)
    # Far ends of the outline, away from the picture's edge where a figure is only cut off.
    height, width = mask.shape
    inside = (rim[:, 0] > 2) & (rim[:, 0] < width - 3) & (rim[:, 1] > 2) & (rim[:, 1] < height - 3)
    rim = rim[inside] if inside.sum() > 8 else rim
    far = np.hypot(*(rim - place[0]).T)
    tip = rim[rng.choice(np.argsort(far)[-max(4, len(far) // 4) :])]
    root = place[0] + (tip - place[0]) * 0.35
    thick = max(3, round(place[1] * (0.14 + 0.10 * strength)))
    piece = np.zeros(mask.shape, np.uint8)
    cv2.line(piece, tuple(np.rint(root).astype(int).tolist()), tuple(np.rint(tip).astype(int).tolist()), 1, thick)
    piece &= mask.astype(np.uint8)
    return (root, tip, piece) if piece.sum() > 12 else None


def _melt(out: np.ndarray, clip: Clip, strength: float, rng: np.random.Generator, other: Clip | None) -> None:
    """The figure's form flows away, more with every frame, and does not come back."""
    n, shape = len(out), out.shape[1:3]
    start = _onset(rng, n)
    grows = max(4, round((n - start) * rng.uniform(0.3, 1.0)))
    figure = _place(clip.masks_THW[start])
    size = figure[1] if figure else shape[0] / 4
    flow = _field(rng, shape, size * 0.28)
    sag = np.array([0.0, -1.0], np.float32) * float(rng.choice([0.0, 0.9]))
    drift = _field(rng, shape, size * 0.5)
    for frame in range(start, n):
        share = min(1.0, (frame - start + 1) / grows)
        amount = share * size * (0.10 + 0.16 * strength)
        shift = (flow + sag + 0.35 * drift * np.float32(np.sin(0.3 * (frame - start)))) * np.float32(amount)
        inside = _soft(clip.masks_THW[frame], 3, 2.0)
        melted = _warped(out[frame], shift * inside)
        if share > 0.4:
            melted = cv2.medianBlur(melted, 3 + 2 * round(strength * share))
        out[frame] = _laid(out[frame], melted, inside)


def _flicker(out: np.ndarray, clip: Clip, strength: float, rng: np.random.Generator, other: Clip | None) -> None:
    """Brightness, colour or detail of the picture or of the figure jumps to and fro from frame to frame."""
    n = len(out)
    start = _onset(rng, n, 0.05, 0.5)
    end = min(n, start + max(6, round(n * rng.uniform(0.25, 0.9))))
    only_figure = rng.random() < 0.4
    what = str(rng.choice(["light", "colour", "detail"], p=[0.5, 0.3, 0.2]))
    depth = (10 + 26 * strength) * (1.3 if only_figure else 1.0)
    for frame in range(start, end):
        jolt = rng.normal(0, 1, 3 if what == "colour" else 1).clip(-2, 2) * depth
        if what == "detail":
            changed = cv2.GaussianBlur(out[frame], (0, 0), 1.0 + 1.2 * strength) if rng.random() < 0.5 else out[frame]
        else:
            changed = (out[frame].astype(np.float32) + jolt).clip(0, 255)
        alpha = _soft(clip.masks_THW[frame], 1, 1.0) if only_figure else np.float32(1.0)
        out[frame] = _laid(out[frame], changed, alpha)


def _identity_swap(out: np.ndarray, clip: Clip, strength: float, rng: np.random.Generator, other: Clip | None) -> None:
    """From some frame on the figure has the colours and the surface of another one."""
    if other is None:
        raise Refused("corrupt: identity_swap needs `other`, a clip whose figure is taken over")
    n = len(out)
    start = _onset(rng, n, 0.25, 0.65)
    fade = int(rng.integers(1, 5))
    same = rng.random() < 0.6 and len(other.frames_THWC) == n and _alike_behind(clip, other, start)
    for frame in range(start, n):
        alpha = _soft(clip.masks_THW[frame], 1, 0.7)
        if same:
            taken = other.frames_THWC[frame]
            alpha = np.maximum(alpha, _soft(other.masks_THW[frame], 2, 0.7))
        else:
            taken = _recoloured(out[frame], clip.masks_THW[frame], other, frame % len(other.frames_THWC))
        share = min(1.0, (frame - start + 1) / fade) * (0.55 + 0.45 * strength)
        out[frame] = _laid(out[frame], taken, alpha * np.float32(share))


def _alike_behind(clip: Clip, other: Clip, frame: int) -> bool:
    """Whether both clips show the same place, so that the other figure can stand where this one stood."""
    empty = ~(clip.masks_THW[frame] | other.masks_THW[frame])
    apart = np.abs(clip.frames_THWC[frame].astype(np.int16) - other.frames_THWC[frame]).max(axis=2)
    return bool(empty.any()) and float(np.median(apart[empty])) < 8


def _recoloured(picture: np.ndarray, mask: np.ndarray, other: Clip, frame: int) -> np.ndarray:
    """The figure with means and spreads of another figure's Lab colours, its hues turned round."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    theirs = cv2.cvtColor(other.frames_THWC[frame], cv2.COLOR_RGB2LAB).astype(np.float32)[other.masks_THW[frame]]
    own = lab[mask]
    if len(own) < 20 or len(theirs) < 20:
        return picture
    scale = (theirs.std(0) + 4) / (own.std(0) + 4)
    scale[1:] *= -1
    changed = (lab - own.mean(0)) * scale + theirs.mean(0)
    return cv2.cvtColor(changed.clip(0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def _background_merge(
    out: np.ndarray, clip: Clip, strength: float, rng: np.random.Generator, other: Clip | None
) -> None:
    """Parts of the figure take on what lies behind it; the edge between them is lost."""
    n, shape = len(out), out.shape[1:3]
    start = _onset(rng, n, 0.1, 0.5)
    end = n if rng.random() < 0.6 else min(n, start + max(8, n // 2))
    grows = int(rng.integers(2, 10))
    size = (_place(clip.masks_THW[start]) or (None, shape[0] / 4))[1]
    patches = _field(rng, shape, size * 0.45)[..., :1] + 0.4
    for frame in range(start, end):
        share = min(1.0, (frame - start + 1) / grows)
        gone = 1 / (1 + np.exp(-3 * (patches + 1.2 * (strength - 0.4))))
        alpha = gone * share * (0.55 + 0.45 * strength) * _soft(clip.masks_THW[frame], 1, 1.5)
        out[frame] = _laid(out[frame], cv2.GaussianBlur(_behind(clip, frame), (0, 0), 1.0), alpha)


def _boiling_line(out: np.ndarray, clip: Clip, strength: float, rng: np.random.Generator, other: Clip | None) -> None:
    """Every frame the figure's lines lie elsewhere by a pixel or so, whether it is drawn anew or held."""
    n, shape = len(out), out.shape[1:3]
    start = _onset(rng, n, 0.0, 0.4)
    end = min(n, start + max(8, round(n * rng.uniform(0.4, 1.0))))
    cell = rng.uniform(0.04, 0.09) * shape[0]
    reach = (0.008 + 0.014 * strength) * shape[0]
    for frame in range(start, end):
        inside = _soft(clip.masks_THW[frame], 2, 1.0)
        out[frame] = _warped(out[frame], _field(rng, shape, cell) * np.float32(reach) * inside)


def _pop(out: np.ndarray, clip: Clip, strength: float, rng: np.random.Generator, other: Clip | None) -> None:
    """A frame or two from elsewhere; or the figure somewhere else, or partly gone, between two frames."""
    n, (height, width) = len(out), out.shape[1:3]
    at, length = _onset(rng, n, 0.2, 0.75), int(rng.integers(1, 3))
    how = str(rng.choice(["elsewhere", "jump", "gone"]))
    if how == "elsewhere":
        source = (other or clip).frames_THWC
        away = (at + n // 2 + int(rng.integers(0, max(1, n // 5)))) % len(source)
        for frame in range(at, min(n, at + length)):
            out[frame] = _laid(out[frame], source[min(len(source) - 1, away + frame - at)], np.float32(1.0))
        return
    lasts = n if how == "jump" and rng.random() < 0.35 else min(n, at + length + int(rng.integers(0, 3)))
    step = np.array([rng.choice([-1, 1]) * rng.uniform(0.06, 0.1 + 0.1 * strength), rng.uniform(-0.05, 0.05)]) * height
    lost = _field(rng, (height, width), height * 0.3)[..., :1] > 0.4 - 0.6 * strength
    for frame in range(at, lasts):
        alpha = _soft(clip.masks_THW[frame], 1, 0.6)
        empty = _laid(out[frame], _behind(clip, frame), np.minimum(1.0, 1.5 * alpha))
        if how == "gone":
            out[frame] = _laid(out[frame], empty, lost.astype(np.float32))
            continue
        matrix = np.array([[1, 0, step[0]], [0, 1, step[1]]])
        moved = cv2.warpAffine(clip.frames_THWC[frame], matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        over = cv2.warpAffine(alpha, matrix, (width, height))[..., None]
        out[frame] = _laid(empty, moved, over)


CORRUPTIONS: dict[str, Callable[[np.ndarray, Clip, float, np.random.Generator, Clip | None], None]] = {
    "extra_limb": _extra_limb,
    "melt": _melt,
    "flicker": _flicker,
    "identity_swap": _identity_swap,
    "background_merge": _background_merge,
    "boiling_line": _boiling_line,
    "pop": _pop,
}
