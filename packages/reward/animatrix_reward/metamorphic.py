"""Changes whose effect on a score is known without any votes: what must not raise it, and what must lower it.

A reward that pays for freezing, for smoothing or for taking the smears out would teach a model to do so.
Legend: T frames, H, W.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from animatrix_reward.corrupt import Clip, NotSeenError, corrupt

SLACK = 0.02  # points of the composite that count as no rise and no fall


@dataclass(frozen=True)
class Subject:
    """A good clip and what is known of it: `smears`, `impacts` are half-open spans, `drawings_T` numbers drawings."""

    clip: Clip
    smears: tuple[tuple[int, int], ...]
    impacts: tuple[tuple[int, int], ...]
    drawings_T: np.ndarray
    other: Clip


Change = Callable[[Subject, int], np.ndarray | None]


def frozen(subject: Subject, seed: int = 0) -> np.ndarray | None:
    """One frame for the whole clip; None where nothing moves anyway."""
    frames = subject.clip.frames_THWC
    at = int(np.random.default_rng(seed).integers(len(frames)))
    still = np.repeat(frames[at : at + 1], len(frames), axis=0)
    return still if _differs(frames, still) else None


def smears_blended(subject: Subject, seed: int = 0) -> np.ndarray | None:
    """Smears dissolved away: in their place the drawing before turns into the one after; None without a smear."""
    return _blended(subject, subject.smears)


def impacts_deleted(subject: Subject, seed: int = 0) -> np.ndarray | None:
    """Impact frames painted over with the nearest frame that is none; None where there are none."""
    frames = subject.clip.frames_THWC
    out = frames.copy()
    for start, end in subject.impacts:
        out[start:end] = frames[start - 1] if start else frames[min(len(frames) - 1, end)]
    return out if _differs(frames, out) else None


def on_ones(subject: Subject, seed: int = 0) -> np.ndarray | None:
    """Held drawings replaced by in-betweens that optical flow makes; None for a clip that is on ones already."""
    frames, numbers = subject.clip.frames_THWC, subject.drawings_T
    out = frames.copy()
    starts = np.flatnonzero(np.concatenate([[True], np.diff(numbers) != 0]))
    for start, following in itertools.pairwise(starts):
        for t in range(start + 1, following):
            out[t] = between(frames[start], frames[following], (t - start) / (following - start))
    return out if _differs(frames, out) else None


def sharpened(subject: Subject, seed: int = 0) -> np.ndarray | None:
    """An unsharp mask over every frame."""
    frames = subject.clip.frames_THWC.astype(np.float32)
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.2) for frame in frames])
    return (frames + 0.9 * (frames - soft)).clip(0, 255).astype(np.uint8)


def _corrupted(kind: str) -> Change:
    def change(subject: Subject, seed: int = 0) -> np.ndarray | None:
        try:
            return corrupt(subject.clip, kind, severity=4, seed=seed, other=subject.other).frames_THWC
        except NotSeenError:
            return None

    change.__doc__ = f"The clip with a plain {kind.replace('_', ' ')}; None where it could not be seen."
    return change


MUST_NOT_RAISE: dict[str, Change] = {
    "frozen": frozen, "smears_blended": smears_blended, "on_ones": on_ones, "impacts_deleted": impacts_deleted,
    "sharpened": sharpened,
}  # fmt: skip
MUST_LOWER: dict[str, Change] = {kind: _corrupted(kind) for kind in ("extra_limb", "melt", "flicker", "identity_swap")}


@dataclass(frozen=True)
class Passed:
    """How often a change did what it must, of the clips it applies to; `mean` is its mean effect in points."""

    name: str
    rate: float
    n: int
    mean: float


def suite(subjects: Sequence[Subject], score: Callable[[np.ndarray, int], float], *, seed: int = 0) -> list[Passed]:
    """Every change on every subject. `score(frames, index of the subject)` is the composite."""
    found = []
    before = [score(subject.clip.frames_THWC, at) for at, subject in enumerate(subjects)]
    for changes, lowers in ((MUST_NOT_RAISE, False), (MUST_LOWER, True)):
        for name, change in changes.items():
            effects = []
            for at, subject in enumerate(subjects):
                frames = change(subject, seed + at)
                if frames is not None:
                    effects.append(score(frames, at) - before[at])
            if effects:
                passed = [effect < -SLACK if lowers else effect <= SLACK for effect in effects]
                found.append(Passed(name, float(np.mean(passed)), len(effects), float(np.mean(effects))))
    return found


def between(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """What an interpolator makes of two drawings at `share` of the way: both warped along the flow, and dissolved."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after)]
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    there = finder.calc(grey[0], grey[1], None)  # pyright: ignore[reportCallIssue, reportArgumentType]
    back = finder.calc(grey[1], grey[0], None)  # pyright: ignore[reportCallIssue, reportArgumentType]
    height, width = grey[0].shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))

    def warped(picture: np.ndarray, flow: np.ndarray, far: float) -> np.ndarray:
        at_x, at_y = x + np.float32(far) * flow[..., 0], y + np.float32(far) * flow[..., 1]
        return cv2.remap(picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)

    mixed = (1 - share) * warped(before, back, share) + share * warped(after, there, 1 - share)
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def _blended(subject: Subject, spans: Sequence[tuple[int, int]]) -> np.ndarray | None:
    frames = subject.clip.frames_THWC
    out = frames.copy()
    for start, end in spans:
        a, b = max(0, start - 1), min(len(frames) - 1, end)
        for t in range(start, end):
            share = (t - a) / (b - a)
            out[t] = np.rint((1 - share) * frames[a].astype(np.float32) + share * frames[b]).astype(np.uint8)
    return out if _differs(frames, out) else None


def _differs(before: np.ndarray, after: np.ndarray) -> bool:
    return float(np.abs(before.astype(np.int16) - after).max(axis=(1, 2, 3)).mean()) > 1.0
