"""How far raters agree: Krippendorff's alpha of every dimension with its interval over prompts, and how it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from animatrix_reward import ratings
from animatrix_reward.agreement import Rating, Scale, alpha, alpha_of_coincidences, coincidences, order
from animatrix_reward.dimensions import DIMENSIONS, HUMAN, OVERALL
from animatrix_reward.events import Event, standing
from animatrix_reward.votes import comparisons


@dataclass(frozen=True)
class Row:
    """Alpha of one dimension: `what` is compare, rate or deform. None with `why` where it is not defined."""

    what: str
    dimension: str
    scale: str
    alpha: float | None
    low: float | None
    high: float | None
    n_units: int
    n_values: int
    why: str


@dataclass(frozen=True)
class Value:
    """What one rater said of one unit, and the prompt that the unit belongs to."""

    prompt: str
    rating: Rating


def report(
    events: Iterable[Event],
    prompt_of: Mapping[str, str],
    *,
    repeats: Iterable[str] = (),
    draws: int = 500,
    seed: int = 0,
) -> list[Row]:
    """A row per dimension that was judged. `repeats` are tasks given twice to one rater: they are left out."""
    left_out = set(repeats)
    held = [event for event in standing(events) if event.task not in left_out]
    rows = []
    for dimension in (OVERALL, *HUMAN):
        values = _compared(held, dimension)
        if values:
            rows.append(_row("compare", dimension, "nominal", values, draws, seed))
    for each in DIMENSIONS:
        values = _rated(held, each.id, prompt_of)
        if values:
            rows.append(_row("rate", each.id, "ordinal", values, draws, seed))
    values = _found(held, prompt_of)
    if values:
        rows.append(_row("deform", "failure", "nominal", values, draws, seed))
    return rows


def _compared(events: Sequence[Event], dimension: str) -> list[Value]:
    """Which clip was preferred, whatever the side; "cannot judge" says nothing."""
    found = {}
    for event in events:
        if event.kind != "compare" or event.body["dimension"] != dimension:
            continue
        body = event.body
        if body["verdict"] == "cannot_judge":
            continue
        value = body[body["verdict"]] if body["verdict"] in ("left", "right") else "equal"
        # What was preferred is named by its place in the sorted pair: values must mean the same in every unit.
        pair = sorted((body["left"], body["right"]))
        said = "equal" if value == "equal" else ("first", "second")[pair.index(value)]
        unit = "|".join(pair)
        found[(event.rater, unit)] = Value(body["prompt"], Rating(event.rater, unit, said))
    return list(found.values())


def _rated(events: Sequence[Event], dimension: str, prompt_of: Mapping[str, str]) -> list[Value]:
    found = {}
    for event in events:
        if event.kind == "rate" and dimension in event.body["scores"]:
            clip = event.body["clip"]
            rating = Rating(event.rater, clip, event.body["scores"][dimension])
            found[(event.rater, clip)] = Value(prompt_of.get(clip, clip), rating)
    return list(found.values())


def _found(events: Sequence[Event], prompt_of: Mapping[str, str]) -> list[Value]:
    """Whether a rater found a failure anywhere in a clip."""
    found = {}
    for event in events:
        if event.kind == "deform":
            clip = event.body["clip"]
            failed = any(span["verdict"] == "failure" for span in event.body["spans"])
            found[(event.rater, clip)] = Value(prompt_of.get(clip, clip), Rating(event.rater, clip, failed))
    return list(found.values())


def _row(what: str, dimension: str, scale: Scale, values: list[Value], draws: int, seed: int) -> Row:
    whole = alpha([value.rating for value in values], scale)
    low, high = (None, None) if whole.value is None else interval(values, scale, draws=draws, seed=seed)
    return Row(what, dimension, scale, whole.value, low, high, whole.n_units, whole.n_pairable, whole.why)


def interval(
    values: Sequence[Value], scale: Scale, *, draws: int, seed: int = 0, level: float = 0.95
) -> tuple[float | None, float | None]:
    """The bootstrap interval over prompts of alpha, as `intervals.bootstrap` finds it and some hundred times quicker:
    coincidences add up over units, so a draw of prompts is a sum of their coincidences."""
    units: dict[str, list[Value]] = {}
    for value in values:
        units.setdefault(value.rating.unit, []).append(value)
    shared = [said for said in units.values() if len(said) > 1]
    known = sorted({v.rating.value for said in shared for v in said}, key=order(scale))
    column = {value: at for at, value in enumerate(known)}
    prompts = {prompt: at for at, prompt in enumerate(dict.fromkeys(value.prompt for value in values))}
    counts_UV = np.zeros((len(shared), len(known)))
    prompt_U = np.array([prompts[said[0].prompt] for said in shared])
    for row, said in enumerate(shared):
        np.add.at(counts_UV[row], [column[value.rating.value] for value in said], 1)
    o_PVV = np.zeros((len(prompts), len(known), len(known)))
    np.add.at(o_PVV, prompt_U, coincidences(counts_UV))
    units_P = np.bincount(prompt_U, minlength=len(prompts))
    numbers = np.array(known, float) if scale == "interval" else None
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        times_P = np.bincount(rng.integers(len(prompts), size=len(prompts)), minlength=len(prompts))
        o_VV = np.tensordot(times_P, o_PVV, 1)
        if times_P @ units_P > 1 and (o_VV.sum(axis=1) > 0).sum() > 1:
            found.append(alpha_of_coincidences(o_VV, numbers, scale))
    if not found:
        return None, None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high


def strengths(
    events: Iterable[Event], model_of: Mapping[str, str], *, repeats: Iterable[str] = ()
) -> ratings.Strengths | str:
    """Models ranked by all comparisons, or the reason why they cannot be."""
    left_out = set(repeats)
    kept = [event for event in events if event.task not in left_out]
    said = [
        ratings.Comparison(model_of[v.left], model_of[v.right], v.verdict, v.rater, v.prompt)
        for v in comparisons(kept)
        if v.left in model_of and v.right in model_of and model_of[v.left] != model_of[v.right]
    ]
    try:
        return ratings.fit(said)
    except ValueError as error:
        return str(error)


def as_text(rows: Sequence[Row]) -> str:
    """The rows as a table."""
    lines = [f"{'':<8}{'dimension':<24}{'scale':<9}{'alpha':>7}  {'95 % over prompts':<18}{'units':>6}{'values':>8}"]
    for row in rows:
        value = "-" if row.alpha is None else f"{row.alpha:.3f}"
        interval = "" if row.low is None or row.high is None else f"[{row.low:.3f}, {row.high:.3f}]"
        lines.append(
            f"{row.what:<8}{row.dimension:<24}{row.scale:<9}{value:>7}  {interval:<18}{row.n_units:>6}"
            f"{row.n_values:>8}{'  ' + row.why if row.why else ''}"
        )
    return "\n".join(lines)


def strengths_as_text(fitted: ratings.Strengths) -> str:
    """Models, best first, and what was found of raters."""
    order = sorted(fitted.strength, key=lambda name: -fitted.strength[name])
    lines = [f"{'model':<32}{'strength':>10}"] + [f"{name:<32}{fitted.strength[name]:>10.2f}" for name in order]
    lines.append(f"left bias {fitted.left_bias:+.2f}, tie logit {fitted.tie_logit:.2f}")
    lines += [f"{'rater':<32}{'reliability':>12}"]
    lines += [f"{name:<32}{value:>12.2f}" for name, value in sorted(fitted.reliability.items())]
    return "\n".join(lines)
