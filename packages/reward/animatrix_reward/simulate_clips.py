"""Raters with known faults who look at drawn clips: comparisons, scores and spans whose truth is known.

What a clip is worth per dimension follows from what was drawn in it and what was done to it; raters see that through
their reliability, severity, side bias and slips of a frame (simulate.py has the models).
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from anicaption.taxonomy import taxonomy

from animatrix_reward import simulate
from animatrix_reward.dimensions import HUMAN, OVERALL, STRUCTURE
from animatrix_reward.events import Event
from animatrix_reward.fit_rows import FAILS
from animatrix_reward.simulate import Rater

RATERS = (
    Rater("careful", 1.4, 0.3), Rater("usual", 1.0, 0.0), Rater("kind", 0.9, -0.6), Rater("hasty", 0.6, 0.1),
)  # fmt: skip
# What a change without a failure costs, per dimension of HUMAN, in logits.
_CHANGED: dict[str, tuple[float, ...]] = {
    "frozen": (0.0, -1.5, -3.5, 0.0, -0.5), "on_ones": (-0.8, -0.4, -1.2, -0.8, -0.6),
    "smears_blended": (-0.6, -1.0, -1.2, -0.6, -0.4), "impacts_deleted": (-0.3, -1.0, -0.9, 0.0, -0.3),
    "sharpened": (-0.8, 0.0, 0.0, -0.3, -1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A clip as the raters' truth needs it: `failed` and `meant` are (kind, start, end, severity)."""

    id: str
    prompt: str
    n_frames: int
    meant: tuple[tuple[str, int, int, int], ...]
    failed: tuple[tuple[str, int, int, int], ...]
    asked_kinds: frozenset[str]
    change: str = ""


def qualities(shown: Shown) -> dict[str, float]:
    """The true quality of a clip per dimension of HUMAN and STRUCTURE, in logits around 0."""
    worst = max((severity for _, _, _, severity in shown.failed), default=0) / 5
    kinds = {kind for kind, *_ in shown.failed}
    obeyed = bool(shown.asked_kinds & {kind for kind, *_ in shown.meant}) or not shown.asked_kinds
    look = 1.0 if kinds & {"identity_swap", "flicker", "background_merge"} else 0.5
    changed = dict(zip(HUMAN, _CHANGED.get(shown.change, (0.0,) * 5)))
    value = {
        "style_fidelity": 1.2 - 2.5 * worst * look,
        "prompt_understanding": (1.6 if obeyed else -0.6) - 1.0 * worst,
        "artistic_motion": 0.2 + 0.9 * bool(shown.meant) - 2.5 * worst,
        "structural_stability": 2.0 - 5.0 * worst,
        "anime_aesthetic": 1.0 - 3.0 * worst,
    }
    value = {name: value[name] + changed[name] for name in HUMAN}
    for head in STRUCTURE:
        broken = max(
            (severity for kind, _, _, severity in shown.failed if head in FAILS.get(kind, STRUCTURE)), default=0
        )
        value[head] = 2.6 - 1.3 * broken
    return value


def votes(
    clips: Sequence[Shown], raters: Sequence[Rater] = RATERS, *, left_bias: float = 0.15, seed: int = 0
) -> list[Event]:
    """Comparisons within every prompt (overall and one dimension), scores, and spans of deformation, as events."""
    rng = np.random.default_rng(seed)
    truth = {clip.id: qualities(clip) for clip in clips}
    events: list[Event] = []
    prompts: dict[str, list[Shown]] = {}
    for clip in clips:
        prompts.setdefault(clip.prompt, []).append(clip)
    for prompt, shown in prompts.items():
        for a, b in itertools.combinations(shown, 2):
            left, right = (a, b) if rng.random() < 0.5 else (b, a)
            for dimension in (OVERALL, str(rng.choice(HUMAN))):
                worth = {one.id: _worth(truth[one.id], dimension) for one in (left, right)}
                rater = raters[int(rng.integers(len(raters)))]
                vote = simulate.compare(
                    worth, [(left.id, right.id)], [rater], left_bias=left_bias, seed=int(rng.integers(1 << 30))
                )[0]
                level = (worth[left.id] + worth[right.id]) / 2
                verdict = vote.verdict if vote.verdict != "tie" else "equal_good" if level > 0 else "equal_bad"
                body = {
                    "prompt": prompt,
                    "left": left.id,
                    "right": right.id,
                    "dimension": dimension,
                    "verdict": verdict,
                }
                events.append(_event(rater.name, f"{left.id}.{right.id}.{dimension}", "compare", body))
    for clip in clips:
        some = rng.permutation(len(raters))[:2]
        events += _scored(clip, truth[clip.id], [raters[k] for k in some], rng)
        events += [_marked(clip, raters[k], rng) for k in some]
    return events


def _worth(quality: Mapping[str, float], dimension: str) -> float:
    return quality[dimension] if dimension != OVERALL else 1.3 * float(np.mean([quality[name] for name in HUMAN]))


def _scored(
    clip: Shown, quality: Mapping[str, float], raters: Sequence[Rater], rng: np.random.Generator
) -> list[Event]:
    said = []
    for rater in raters:
        rows = simulate.score(quality, [rater], seed=int(rng.integers(1 << 30)))
        body = {"clip": clip.id, "scores": {row.item: row.score for row in rows}}
        said.append(_event(rater.name, f"{clip.id}.rate", "rate", body))
    return said


def _marked(clip: Shown, rater: Rater, rng: np.random.Generator) -> Event:
    """Spans with edges off by a frame, now and then one overlooked or misjudged by a hasty rater."""
    spans = []
    slip = 0.06 / rater.reliability
    both = [(span, "intentional") for span in clip.meant] + [(span, "failure") for span in clip.failed]
    for (kind, start, end, severity), verdict in both:
        if rng.random() < slip:
            continue
        low, high = (int(edge + rng.choice([-1, 0, 0, 0, 1])) for edge in (start, end))
        low, high = max(0, low), min(clip.n_frames, high)
        if rng.random() < slip / 2:
            verdict = "unsure"
        spans.append(
            {
                "start": min(low, clip.n_frames - 1),
                "end": max(high, min(low, clip.n_frames - 1) + 1),
                "kind": kind,
                "verdict": verdict,
                "severity": severity,
                "cues": [],
                "box": None,
            }
        )
    body = {"clip": clip.id, "spans": spans, "none": not spans}
    return _event(rater.name, f"{clip.id}.deform", "deform", body)


def _event(rater: str, task: str, kind: str, body: Mapping) -> Event:
    task = f"t{zlib.crc32(task.encode()):08x}"
    name = f"{rater}-{task}-{kind}"
    return Event(name, rater, task, kind, "2026-01-01T00:00:00+00:00", body, taxonomy().hash)
