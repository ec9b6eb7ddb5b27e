"""What the preference study measures in samples: damage, art that was asked for, motion, obedience of the camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from anicaption.frames import FILM_RATE
from anicaption.measure import read
from anicaption.measure.onepass import Watch
from animatrix_reward.features import Seen
from animatrix_reward.judge import Judge
from animatrix_reward.score import read as judged
from animatrix_trainer.show import motion

from benchmarks.study.preference_bed import Drawn, Prompt, jump

_DEPARTS = 40.0
"""Levels, a mean over the picture, by which an impact frame differs from the first: pans and flicker stay under it."""


@dataclass(frozen=True)
class Show:
    """A clip that raters saw. `true`: it was drawn and its truth is known; of a sample the detector says it."""

    drawn: Drawn
    seen: Seen
    true: bool


@dataclass(frozen=True)
class Measured:
    """One arm: what every sample is, NaN where a sample says nothing of it, and the prompt of each.

    `damaged` has the detector's word and `damaged, NAME` the Judges'; `departs`: of those that want a deformation,
    whether the picture leaves the scene where it is asked to, `read` whether AniCaption reads it; `obeys`: of those
    that want a move; `speed` of their pans, % of the width a frame; `motion` of sound samples without a deformation,
    since damage moves too. `facts` are what `implicit` gives of fitting and unseen pairs.
    """

    arm: str
    prompts: tuple[str, ...]
    each: dict[str, np.ndarray]
    facts: dict[str, dict[str, float]]

    def share(self, name: str) -> float:
        """The mean over samples."""
        return float(np.nanmean(self.each[name]))

    def by_prompt(self, name: str) -> dict[str, float]:
        """The mean over the samples of each prompt that says something."""
        said: dict[str, list[float]] = {}
        for prompt, value in zip(self.prompts, self.each[name].tolist(), strict=True):
            if not np.isnan(value):
                said.setdefault(prompt, []).append(value)
        return {prompt: float(np.mean(values)) for prompt, values in said.items()}


def joined(runs: Sequence[Measured]) -> Measured:
    """The same arm of several seeds as one."""
    prompts = tuple(f"{seed}:{prompt}" for seed, run in enumerate(runs) for prompt in run.prompts)
    each = {name: np.concatenate([run.each[name] for run in runs]) for name in runs[0].each}
    facts = {where: {name: float(np.mean([run.facts[where][name] for run in runs])) for name in said}
             for where, said in runs[0].facts.items()}  # fmt: skip
    return Measured(runs[0].arm, prompts, each, facts)


def detector(drawn: Sequence[Drawn]) -> float:
    """The limit of `jump`: half of what the middle one of the damaged clips has. Sound drawn clips lie far under it;
    a limit close above them would call the unrest of a few sampling steps damage."""
    return float(np.median([jump(one.frames, one.prompt) for one in drawn if one.failed])) / 2


def noticed(clip: Drawn, limit: float) -> bool:
    """Whether the detector calls a clip damaged."""
    return jump(clip.frames, clip.prompt) > limit


def departs(frames: np.ndarray, prompt: Prompt) -> bool:
    """Whether the picture leaves the scene in the middle of the frames in which it is asked to."""
    if prompt.deformation == "none":
        return False
    at = (prompt.start + prompt.end - 1) // 2
    return bool(np.abs(frames[at].astype(np.float32) - frames[0]).mean() > _DEPARTS)


def measure(
    arm: str,
    asked: Sequence[Prompt],
    videos: Mapping[str, np.ndarray],
    looks: Mapping[str, Seen],
    judges: Mapping[str, Judge],
    limit: float,
    facts: dict[str, dict[str, float]],
) -> Measured:
    """All that is said of an arm's samples, whose ids begin with their prompts'."""
    prompts = {prompt.id: prompt for prompt in asked}
    of = [prompts[name.split("/")[0]] for name in videos]
    clips = list(videos.values())
    read_so = [read_back(clip) for clip in clips]
    wants = np.array([prompt.deformation != "none" for prompt in of])
    moves = np.array([prompt.move != "none" for prompt in of])
    damaged = np.array([jump(clip, prompt) > limit for clip, prompt in zip(clips, of)])
    each = {
        "damaged": damaged,
        "damaged, nothing asked": _where(~wants, damaged),
        "departs": _where(wants, [departs(clip, prompt) for clip, prompt in zip(clips, of)]),
        "read": _where(wants, [prompt.deformation in said[prompt.field] for prompt, (said, _) in zip(of, read_so)]),
        "obeys": _where(moves, [said["camera.move"] == (prompt.move,) for prompt, (said, _) in zip(of, read_so)]),
        "speed": _where(moves, [abs(pct) for _, pct in read_so]),
        "motion": _where(~damaged & ~wants, [motion(clip[None]) for clip in clips]),
    } | {
        f"damaged, {name}": np.array([one.failing for one in judged(judge, list(looks.values()))])
        > float(judge.threshold)
        for name, judge in judges.items()
    }
    return Measured(
        arm, tuple(prompt.id for prompt in of), {name: said.astype(float) for name, said in each.items()}, facts
    )


def read_back(frames: np.ndarray) -> tuple[dict[str, tuple[str, ...]], float]:
    """What AniCaption reads of camera and departures, and the camera's mean speed sideways, % of the width a frame."""
    watch = Watch(FILM_RATE, frames.shape[2], frames.shape[1])
    for frame in frames:
        watch.see(np.ascontiguousarray(frame))
    tracks = watch.tracks()
    found = read(tracks)
    names = ("camera.move", "vfx.impact_frame", "motion.deformation")
    values = {name: found[name].values if name in found else () for name in names}
    return values, 100 * float(np.nanmean(np.asarray(tracks["camera_x"], float)))


def _where(says_N: np.ndarray, values: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.where(says_N, np.asarray(values, float), np.nan)
