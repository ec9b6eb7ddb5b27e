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

from benchmarks.study.preference_bed import Drawn, Prompt, jitter

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
    """One arm. Shares of samples; `damaged_by` has the Judges', `damaged` the detector's,
    `damaged_plain` the same of those that want no deformation. `deformed`: of those that
    want a deformation, how many AniCaption reads it in, `departs` how many depart in pixels in the frames asked for.
    `obeyed`: of those that want a move. `motion` is that of sound samples without a deformation, since flicker moves
    too, `motion_all` the trainer's number over all samples; `camera_pct` the median speed of pans that are asked for.
    """

    arm: str
    n: int
    damaged: float
    damaged_plain: float
    damaged_by: dict[str, float]
    deformed: float
    departs: float
    obeyed: float
    motion: float
    motion_all: float
    camera_pct: float
    facts: dict[str, dict[str, float]]
    each: dict[str, list[float]]


def detector(drawn: Sequence[Drawn]) -> float:
    """The limit of jitter: half of what the middle one of the damaged clips has. Sound drawn clips lie far under it;
    a limit close above them would call the unrest of a few sampling steps flicker."""
    return float(np.median([jitter(one.frames, one.prompt) for one in drawn if one.failed])) / 2


def noticed(clip: Drawn, limit: float) -> bool:
    """Whether the detector calls a clip damaged."""
    return jitter(clip.frames, clip.prompt) > limit


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
    damaged = np.array([jitter(clip, prompt) > limit for clip, prompt in zip(clips, of)])
    by = {
        name: np.array([one.failing > float(judge.threshold) for one in judged(judge, [looks[id] for id in videos])])
        for name, judge in judges.items()
    }
    read_so = [read_back(clip) for clip in clips]
    wants = np.array([prompt.deformation != "none" for prompt in of])
    moves = np.array([prompt.move != "none" for prompt in of])
    shows = np.array([prompt.deformation in said[prompt.field] for prompt, (said, _) in zip(of, read_so)])
    obeys = np.array([said["camera.move"] == (prompt.move,) for prompt, (said, _) in zip(of, read_so)])
    speed = np.array([abs(pct) for _, pct in read_so])
    left = np.array([departs(clip, prompt) for clip, prompt in zip(clips, of)])
    moved = np.array([motion(clip[None]) for clip in clips])
    sound = ~damaged & ~wants
    each = {
        "damaged": damaged,
        "damaged by other": list(by.values())[1],
        "motion": moved,
        "obeys": obeys,
        "shows": shows,
    }
    return Measured(
        arm=arm,
        n=len(clips),
        damaged=_mean(damaged),
        damaged_plain=_mean(damaged[~wants]),
        damaged_by={name: _mean(found) for name, found in by.items()},
        deformed=_mean(shows[wants]),
        departs=_mean(left[wants]),
        obeyed=_mean(obeys[moves]),
        motion=_mean(moved[sound]),
        motion_all=_mean(moved),
        camera_pct=float(np.median(speed[moves])) if moves.any() else float("nan"),
        facts=facts,
        each={name: [float(value) for value in values] for name, values in each.items()},
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


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
