"""What the Judge says of a clip: dimensions with intervals, structural heads, the composite, and whether it may win.

The structural heads and intent never see tags; `read` takes none. Only `score` takes what was asked for, and only
style fidelity and prompt understanding look at it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from animatrix_reward.dimensions import HUMAN, STRUCTURE
from animatrix_reward.excuse import excused, runs
from animatrix_reward.features import Seen
from animatrix_reward.judge import Frames, Judge, Opinion, batch_of, charged, expected
from animatrix_reward.refused import Refused
from animatrix_reward.support import distance

DEVIATIONS = 1.0  # below the composite for the lower bound


@dataclass(frozen=True)
class Reading:
    """What pixels alone say. Probabilities per frame: `failing_T4` of STRUCTURE, `intent_T2` of INTENTS, and how far a
    frame is excused. `failing_4` and `failing`: of the clip, outside what is excused; `charged_4` what is above floors.
    """

    failing_T4: np.ndarray
    intent_T2: np.ndarray
    excused_T: np.ndarray
    failing_4: np.ndarray
    charged_4: np.ndarray
    failing: float

    @property
    def structure(self) -> dict[str, float]:
        """The structural heads as scores of 1 to 5."""
        return {name: float(5 - 4 * p) for name, p in zip(STRUCTURE, self.charged_4)}

    def failures(self, least: float = 0.5) -> list[tuple[int, int, str]]:
        """Half-open spans in which a head fails by more than `least` and nothing excuses it."""
        seen_T4 = self.failing_T4 * (1 - self.excused_T)[:, None]
        return [(a, b, name) for k, name in enumerate(STRUCTURE) for a, b in runs(seen_T4[:, k] > least)]


@dataclass(frozen=True)
class Score:
    """`mu`, `sigma`: HUMAN on the scale 1 to 5; `structure` likewise. `composite` is weighted mu less failing's cost;
    `lower` its lower confidence bound, the reward to train on. `accepted`: no head under the gate, so it may win.
    `fails`: over the threshold of validation. `supported`: like the clips of the fit; `distance` 1 is the limit.
    """

    mu: dict[str, float]
    sigma: dict[str, float]
    structure: dict[str, float]
    pathology: float
    composite: float
    lower: float
    accepted: bool
    fails: bool
    supported: bool
    distance: float
    reading: Reading

    def to_json(self) -> dict[str, Any]:
        """The score without what is told frame by frame, but for the spans that fail and those that are excused."""
        row = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "reading"}
        meant = [list(span) for span in runs(self.reading.excused_T > 0.5)]
        return {**row, "failures": [list(span) for span in self.reading.failures()], "excused": meant}


def read(judge: Judge, clips: Sequence[Seen]) -> list[Reading]:
    """Structure and intent of clips, from pixels."""
    return [reading for reading, _, _ in _read(judge, clips)]


def score(judge: Judge, clips: Sequence[Seen], asked: Sequence[np.ndarray]) -> list[Score]:
    """Scores of clips; `asked` is asked.py's numbers, a row per clip. Raises Refused for another encoder's clips."""
    if len(clips) != len(asked):
        raise Refused(f"score: {len(clips)} clips and {len(asked)} requests; give one request per clip")
    return [_score(judge, clip, wish, *found) for clip, wish, found in zip(clips, asked, _read(judge, clips))]


def winner(scores: Sequence[Score]) -> int | None:
    """The place of the best accepted candidate; None where every one has a head under the gate."""
    allowed = [place for place, one in enumerate(scores) if one.accepted]
    return max(allowed, key=lambda place: scores[place].composite) if allowed else None


def probabilities(margin: float, scale: float, tie_logit: float) -> tuple[float, float, float]:
    """P(left), P(right), P(tie) by Rao and Kupper of the composites' difference; swapping sides swaps the first two."""
    p_left, p_right = (1 / (1 + math.exp(tie_logit - sign * scale * margin)) for sign in (1, -1))
    return p_left, p_right, 1 - p_left - p_right


def _read(judge: Judge, clips: Sequence[Seen]) -> list[tuple[Reading, Frames, torch.Tensor]]:
    """One clip at a time: a score must not depend on what else is scored."""
    found = []
    for clip in clips:
        _check(judge, clip)
        with torch.inference_mode():
            frames = judge.frames(batch_of([clip]))
            intent = torch.sigmoid(frames.intent_BT2)[0].numpy()
            free = torch.from_numpy(excused(intent, clip.drawings_T, clip.alike_TT))[None]
            # What was asked for reaches neither of these; a blank request stands in.
            opinion = judge.opinion(frames, free, torch.zeros(1, judge.config.asked))
        failing = torch.sigmoid(frames.failing_BT4)[0].numpy()
        above = charged(opinion.failing_B4[0], judge.floor_4).numpy()
        whole = opinion.failing_B4[0].numpy(), above, float(opinion.failing_B[0])
        reading = Reading(failing, intent, free[0].numpy(), *whole)
        found.append((reading, frames, free))
    return found


def _score(judge: Judge, clip: Seen, wish: np.ndarray, reading: Reading, frames: Frames, free: torch.Tensor) -> Score:
    with torch.inference_mode():
        opinion = judge.opinion(frames, free, torch.from_numpy(wish)[None])
        mu = expected(opinion, judge.steps)[0].numpy()
        composite = float(judge.composite(opinion)[0])
        sigma = _spread(judge, opinion)
    away = distance(judge, clip)
    # Dimensions are wrong together, so their deviations add; far from the fit, by more than was ever seen.
    spread = float(np.dot(judge.config.weights, sigma)) * max(1.0, away)
    structure = reading.structure
    return Score(
        dict(zip(HUMAN, map(float, mu))), dict(zip(HUMAN, map(float, sigma))), structure, reading.failing, composite,
        composite - DEVIATIONS * spread, min(structure.values()) >= judge.config.gate,
        reading.failing > float(judge.threshold), away <= 1.0, away, reading,
    )  # fmt: skip


def _spread(judge: Judge, opinion: Opinion) -> np.ndarray:
    """Deviations on the scale 1 to 5: what the score changes by when the quality changes by one sigma each way."""
    up, down = (
        expected(
            Opinion(opinion.quality_B5 + sign * opinion.sigma_B5, opinion.sigma_B5 * 0, *_heads(opinion)), judge.steps
        )
        for sign in (1, -1)
    )
    return ((up - down) / 2)[0].numpy()


def _heads(opinion: Opinion) -> tuple[torch.Tensor, torch.Tensor]:
    return opinion.failing_B4, opinion.failing_B


def _check(judge: Judge, clip: Seen) -> None:
    config = judge.config
    if clip.columns_TF.shape[1] != config.columns or clip.encoded_TE.shape[1] != config.encoded:
        raise Refused(
            f"score: the clip has {clip.columns_TF.shape[1]} columns and {clip.encoded_TE.shape[1]} encoded numbers, "
            f"the Judge {config.columns} and {config.encoded}; look at it with the Judge's encoder "
            f"({config.encoder or 'small'})"
        )
