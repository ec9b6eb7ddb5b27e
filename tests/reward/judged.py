"""Clips and a small fitted Judge that the Judge's tests share: painted once, fitted once."""

from functools import cache

import cv2
import numpy as np
import torch
from animatrix_reward import asked, features, fit, fit_rows, simulate_clips
from animatrix_reward.corrupt import Clip, corrupt
from animatrix_reward.drawn_clips import Departure, Drawn
from animatrix_reward.judge import JudgeConfig

torch.set_num_threads(1)
cv2.setNumThreads(1)
FAILURES = ("melt", "flicker", "background_merge")


def moving_clip(n_frames: int = 24, smear: tuple[int, int] = (0, 0)) -> Clip:
    """A blue block with an arm that walks over a striped wall on twos; in the frames of `smear` the arm is a sweep."""
    frames = np.full((n_frames, 48, 84, 3), 200, np.uint8)
    frames[:, :, ::6] = (180, 190, 150)
    masks = np.zeros((n_frames, 48, 84), bool)
    for t in range(n_frames):
        x = 14 + 2 * (t // 2)
        masks[t, 10:40, x : x + 16] = True
        masks[t, 18:22, x + 16 : x + 26] = True
        if smear[0] <= t < smear[1]:
            masks[t, 6:34, x + 16 : x + 34] = True
        frames[t][masks[t]] = (40, 60, 170)
        frames[t, 14:17, x + 4 : x + 7] = 250
    return Clip(frames, masks)


@cache
def drawn() -> tuple[Drawn, ...]:
    """Eight prompts that ask for a smear: one that has it, one without, one that fails; of two lengths."""
    found = []
    for k in range(8):
        n_frames, kind = 20 + 4 * (k % 2), FAILURES[k % len(FAILURES)]
        plain, smeared = moving_clip(n_frames), moving_clip(n_frames, (8, 10))
        bad = corrupt(plain, kind, severity=5, seed=k)
        smear = Departure("smear_stretch", 8, 10, True, 1, None)
        failure = Departure(kind, bad.start, bad.end, False, 5, bad.box)
        tags = {"motion.deformation": ("smear_stretch",)}
        ways = (
            ("asked", smeared.frames_THWC, (smear,)),
            ("plain", plain.frames_THWC, ()),
            (kind, bad.frames_THWC, (failure,)),
        )
        for way, frames, departures in ways:
            turned = np.roll(frames, 5 * k, axis=2)[..., np.random.default_rng(k).permutation(3)]
            found.append(Drawn(f"p{k}:{way}", f"p{k}", "first", way, tags, turned, plain.masks_THW, departures))
    return tuple(found)


def shown(clip: Drawn) -> simulate_clips.Shown:
    meant = tuple((d.kind, d.start, d.end, d.severity) for d in clip.departures if d.intentional)
    failed = tuple((d.kind, d.start, d.end, d.severity) for d in clip.departures if not d.intentional)
    wanted = frozenset(clip.tags["motion.deformation"])
    return simulate_clips.Shown(clip.id, clip.prompt, len(clip.frames_THWC), meant, failed, wanted)


@cache
def seen() -> dict[str, features.Seen]:
    return {clip.id: features.look(clip.frames_THWC) for clip in drawn()}


def wishes() -> dict[str, np.ndarray]:
    return {clip.id: asked.asked(clip.tags, "a figure") for clip in drawn()}


def rows() -> fit_rows.Rows:
    events = simulate_clips.votes([shown(clip) for clip in drawn()], seed=3)
    n_frames = {clip.id: len(clip.frames_THWC) for clip in drawn()}
    return fit_rows.rows_of(events, n_frames, {clip.id: clip.prompt for clip in drawn()})


def fit_one(seed: int = 0, epochs: int = 8) -> fit.Fitted:
    some = next(iter(seen().values()))
    config = JudgeConfig(some.columns_TF.shape[1], asked.width(), pictures=False, width=16, layers=1, attention_heads=2)
    how = fit.Settings(epochs=epochs, seed=seed, validation_share=0.3, prompts_a_step=1, lr=3e-3)
    return fit.fit(seen(), wishes(), rows(), how, config=config)


@cache
def fitted() -> fit.Fitted:
    return fit_one()
