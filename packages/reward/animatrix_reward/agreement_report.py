"""How far raters agree: Krippendorff's alpha of every dimension with its interval over prompts, and how it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from animatrix_reward import ratings
from animatrix_reward.agreement import Rating, alpha
from animatrix_reward.dimensions import DIMENSIONS, HUMAN, OVERALL
from animatrix_reward.events import Event, standing
from animatrix_reward.intervals import bootstrap
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
class _Value:
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


def _compared(events: Sequence[Event], dimension: str) -> list[_Value]:
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
        found[(event.rater, unit)] = _Value(body["prompt"], Rating(event.rater, unit, said))
    return list(found.values())


def _rated(events: Sequence[Event], dimension: str, prompt_of: Mapping[str, str]) -> list[_Value]:
    found = {}
    for event in events:
        if event.kind == "rate" and dimension in event.body["scores"]:
            clip = event.body["clip"]
            rating = Rating(event.rater, clip, event.body["scores"][dimension])
            found[(event.rater, clip)] = _Value(prompt_of.get(clip, clip), rating)
    return list(found.values())


def _found(events: Sequence[Event], prompt_of: Mapping[str, str]) -> list[_Value]:
    """Whether a rater found a failure anywhere in a clip."""
    found = {}
    for event in events:
        if event.kind == "deform":
            clip = event.body["clip"]
            failed = any(span["verdict"] == "failure" for span in event.body["spans"])
            found[(event.rater, clip)] = _Value(prompt_of.get(clip, clip), Rating(event.rater, clip, failed))
    return list(found.values())


def _row(what: str, dimension: str, scale, values: list[_Value], draws: int, seed: int) -> Row:
    whole = alpha([value.rating for value in values], scale)
    low = high = None
    if whole.value is not None:
        interval = bootstrap(
            values, lambda v: v.prompt, lambda drawn: _alpha_of_draw(drawn, scale), draws=draws, seed=seed
        )
        low, high = interval.low, interval.high
    return Row(what, dimension, scale, whole.value, low, high, whole.n_units, whole.n_pairable, whole.why)


def _alpha_of_draw(drawn: list[_Value], scale) -> float | None:
    """Alpha where prompts come several times: each time a prompt comes again its units are new ones."""
    times: dict[tuple[str, str], int] = {}
    again = []
    for value in drawn:
        key = (value.rating.rater, value.rating.unit)
        times[key] = times.get(key, 0) + 1
        again.append(Rating(value.rating.rater, f"{value.rating.unit}#{times[key]}", value.rating.value))
    return alpha(again, scale).value


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
