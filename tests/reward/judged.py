"""Clips and a small fitted Judge that the Judge's tests share: drawn once, fitted once."""

from functools import cache

import cv2
import numpy as np
import torch
from animatrix_reward import asked, drawn_clips, features, fit, fit_rows, simulate_clips
from animatrix_reward.corrupt import Clip
from animatrix_reward.drawn_clips import Drawn
from animatrix_reward.judge import JudgeConfig

torch.set_num_threads(1)
cv2.setNumThreads(1)
HEIGHT_PX = 64


def moving_clip(n_frames: int = 24) -> Clip:
    """A blue block that walks over a striped wall on twos."""
    frames = np.full((n_frames, 48, 84, 3), 200, np.uint8)
    frames[:, :, ::6] = (180, 190, 150)
    masks = np.zeros((n_frames, 48, 84), bool)
    for t in range(n_frames):
        x = 14 + 2 * (t // 2)
        masks[t, 10:40, x : x + 16] = True
        masks[t, 18:22, x + 16 : x + 26] = True
        frames[t][masks[t]] = (40, 60, 170)
        frames[t, 14:17, x + 4 : x + 7] = 250
    return Clip(frames, masks)


@cache
def drawn() -> tuple[Drawn, ...]:
    """Candidates of a few prompts by the first hand."""
    return tuple(
        clip
        for prompt in drawn_clips.prompts(8, 71)
        for clip in drawn_clips.candidates(prompt, "first", HEIGHT_PX, failures=2)
    )


def shown(clip: Drawn) -> simulate_clips.Shown:
    meant = tuple((d.kind, d.start, d.end, d.severity) for d in clip.departures if d.intentional)
    failed = tuple((d.kind, d.start, d.end, d.severity) for d in clip.departures if not d.intentional)
    wanted = {v for name in drawn_clips.DEFORMED for v in clip.tags.get(name, ()) if v != "none"}
    return simulate_clips.Shown(clip.id, clip.prompt, len(clip.frames_THWC), meant, failed, frozenset(wanted))


@cache
def seen() -> dict[str, features.Seen]:
    return {clip.id: features.look(clip.frames_THWC) for clip in drawn()}


def wishes() -> dict[str, np.ndarray]:
    return {clip.id: asked.asked(clip.tags, "a figure") for clip in drawn()}


def rows() -> fit_rows.Rows:
    events = simulate_clips.votes([shown(clip) for clip in drawn()], seed=3)
    n_frames = {clip.id: len(clip.frames_THWC) for clip in drawn()}
    return fit_rows.rows_of(events, n_frames, {clip.id: clip.prompt for clip in drawn()})


def fit_one(seed: int = 0, epochs: int = 5) -> fit.Fitted:
    some = next(iter(seen().values()))
    config = JudgeConfig(some.columns_TF.shape[1], asked.width(), pictures=False, width=16, layers=1, attention_heads=2)
    return fit.fit(
        seen(), wishes(), rows(), fit.Settings(epochs=epochs, seed=seed, validation_share=0.3), config=config
    )


@cache
def fitted() -> fit.Fitted:
    return fit_one()
