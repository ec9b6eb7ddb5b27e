"""What raters said of models: means, differences from a baseline with intervals over prompts, agreement, win rates.

The paper's table (section 8 of what is known of it): five dimensions, 1 to 5, three raters a prompt, Krippendorff's
alpha. A model's value of a prompt is the mean over its raters; means and differences are over prompts that both have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from animatrix_reward.agreement import Alpha, Rating, alpha
from animatrix_reward.dimensions import HUMAN, OVERALL
from animatrix_reward.events import Event, standing
from animatrix_reward.refused import Refused
from animatrix_reward.votes import comparisons


class StudyError(Refused):
    """A study that cannot be told of; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Shown:
    """A clip of the study."""

    id: str
    prompt: str
    model: str


@dataclass(frozen=True)
class Line:
    """One model on one dimension. Intervals are percentiles over bootstrapped prompts; `difference` is to the baseline
    over the prompts that both have (None for the baseline itself), `percent` is it over the baseline's mean there."""

    model: str
    dimension: str
    mean: float
    low: float
    high: float
    n_prompts: int
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    percent: float | None = None


@dataclass(frozen=True)
class Wins:
    """How often a model was put above the baseline by one rater on one prompt: scored (`by` a dimension) or compared
    side by side (`by` overall). Shares of `n`; the interval is that of win + tie / 2."""

    model: str
    by: str
    win: float
    tie: float
    lose: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Study:
    baseline: str
    lines: tuple[Line, ...]
    wins: tuple[Wins, ...]
    alphas: dict[str, Alpha]
    n_events: int

    def to_json(self) -> dict:
        return asdict(self)


def tell(events: Iterable[Event], clips: Iterable[Shown], baseline: str, *, draws: int = 2000, seed: int = 0) -> Study:
    """The study of some events. Raises StudyError where the baseline has no score, or nobody scored anything."""
    held, shown = list(standing(events)), {clip.id: clip for clip in clips}
    rated = [event for event in held if event.kind == "rate" and event.body["clip"] in shown]
    if not rated:
        raise StudyError("no score of a clip of the study among the events; export them from the room it ran in")
    models = sorted({clip.model for clip in shown.values()})
    if baseline not in models:
        raise StudyError(f"baseline '{baseline}': the clips are of {', '.join(models)}")
    rng = np.random.default_rng(seed)
    lines: list[Line] = []
    wins: list[Wins] = []
    alphas = {}
    for dimension in HUMAN:
        said = _said(rated, shown, dimension)
        alphas[dimension] = alpha((Rating(rater, clip, score) for (rater, clip), score in said.items()), "ordinal")
        by_prompt = _by_prompt(said, shown)
        if baseline not in by_prompt:
            if by_prompt:
                raise StudyError(f"baseline '{baseline}' has no score on {dimension}; the others have")
            continue
        for model in (baseline, *(name for name in models if name != baseline and name in by_prompt)):
            lines.append(_line(model, baseline, dimension, by_prompt, draws, rng))
            if model != baseline:
                wins.append(_wins(model, dimension, _scored(said, shown, model, baseline), draws, rng))
    for model in models:
        votes = _compared(held, shown, model, baseline)
        if model != baseline and votes:
            wins.append(_wins(model, OVERALL, votes, draws, rng))
    return Study(baseline, tuple(lines), tuple(wins), alphas, len(held))


def _said(rated: Sequence[Event], shown: Mapping[str, Shown], dimension: str) -> dict[tuple[str, str], int]:
    """The score that each (rater, clip) has on a dimension; a planned repeat counts once, the first."""
    found: dict[tuple[str, str], int] = {}
    for event in rated:
        if dimension in event.body["scores"]:
            found.setdefault((event.rater, event.body["clip"]), event.body["scores"][dimension])
    return found


def _by_prompt(said: Mapping[tuple[str, str], int], shown: Mapping[str, Shown]) -> dict[str, dict[str, float]]:
    """{model: {prompt: mean over its raters}}."""
    scores: dict[str, dict[str, list[int]]] = {}
    for (_, clip), score in said.items():
        one = shown[clip]
        scores.setdefault(one.model, {}).setdefault(one.prompt, []).append(score)
    return {model: {name: float(np.mean(s)) for name, s in each.items()} for model, each in scores.items()}


def _line(
    model: str, baseline: str, dimension: str, by_prompt: Mapping[str, Mapping[str, float]], draws: int, rng
) -> Line:
    own, other = by_prompt[model], by_prompt[baseline]
    values = np.array([own[name] for name in sorted(own)])
    low, high = _interval(_means(values, draws, rng))
    line = Line(model, dimension, float(values.mean()), low, high, len(values))
    both = sorted(own.keys() & other.keys())
    if model == baseline or not both:
        return line
    difference = np.array([own[name] - other[name] for name in both])
    low, high = _interval(_means(difference, draws, rng))
    mean = float(difference.mean())
    percent = 100 * mean / float(np.mean([other[name] for name in both]))
    return replace(line, difference=mean, difference_low=low, difference_high=high, percent=percent)


def _scored(
    said: Mapping[tuple[str, str], int], shown: Mapping[str, Shown], model: str, baseline: str
) -> list[tuple[str, float]]:
    """(prompt, 1 better, 1/2 equal, 0 worse) of every rater who scored both models on a prompt."""
    sides: dict[tuple[str, str], dict[str, list[int]]] = {}
    for (rater, clip), score in said.items():
        one = shown[clip]
        sides.setdefault((rater, one.prompt), {}).setdefault(one.model, []).append(score)
    found = []
    for (_, prompt), scores in sorted(sides.items()):
        if model in scores and baseline in scores:
            gap = float(np.mean(scores[model]) - np.mean(scores[baseline]))
            found.append((prompt, 0.5 if gap == 0 else float(gap > 0)))
    return found


def _compared(held: Sequence[Event], shown: Mapping[str, Shown], model: str, baseline: str) -> list[tuple[str, float]]:
    """The same from side-by-side votes on the whole."""
    found = []
    for vote in comparisons(held):
        if vote.left in shown and vote.right in shown:
            left, right = shown[vote.left].model, shown[vote.right].model
            if {left, right} == {model, baseline}:
                ours = "left" if left == model else "right"
                found.append((shown[vote.left].prompt, 0.5 if vote.verdict == "tie" else float(vote.verdict == ours)))
    return found


def _wins(model: str, by: str, votes: Sequence[tuple[str, float]], draws: int, rng) -> Wins:
    if not votes:
        nothing = float("nan")
        return Wins(model, by, nothing, nothing, nothing, nothing, nothing, 0)
    outcome = np.array([value for _, value in votes])
    names = sorted({name for name, _ in votes})
    at = {name: number for number, name in enumerate(names)}
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    np.add.at(sums, [at[name] for name, _ in votes], outcome)
    np.add.at(counts, [at[name] for name, _ in votes], 1)
    drawn = rng.integers(len(names), size=(draws, len(names)))
    low, high = _interval(sums[drawn].sum(1) / counts[drawn].sum(1))
    win, tie, lose = (float((outcome == value).mean()) for value in (1.0, 0.5, 0.0))
    return Wins(model, by, win, tie, lose, low, high, len(votes))


def _means(values: np.ndarray, draws: int, rng) -> np.ndarray:
    """Means of prompts drawn again with replacement (Efron and Tibshirani 1993)."""
    return values[rng.integers(len(values), size=(draws, len(values)))].mean(axis=1)


def _interval(drawn: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high
