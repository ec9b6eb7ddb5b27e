"""What the conditioning study found: chance-corrected obedience, paired intervals, the table and the page."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from anicaption.page import page, series_plot

from benchmarks.figures import Figure, publish
from benchmarks.study import bed

if TYPE_CHECKING:
    from benchmarks.study.conditioning import Outcome

OURS, RIVAL = "both paths", "tags as text"
READABLE = 0.3
"""A field counts in the headline where the reader itself is this far beyond chance on real clips of the size."""
PROBED = 0.99
STRIP = 8
"""Pictures of a clip on the page."""


def beyond_chance(accuracy: float | np.floating, name: str) -> float:
    """(accuracy - chance) / (1 - chance): 0 for answers by lot, 1 for no mistake."""
    return (float(accuracy) - bed.chance(name)) / (1 - bed.chance(name))


def one(outcome: Outcome) -> str:
    """A line about one arm and seed."""
    gaps = ", ".join(f"{name} {gap:+.4f}" for name, gap in outcome.gaps[-1].items())
    return f"{outcome.arm}, seed {outcome.seed}: guidance {outcome.scale:g}, gaps {gaps}"


def publish_study(
    outcomes: Sequence[Outcome],
    ceiling: list[list[bool]],
    probes: dict[str, float],
    real_NFHWC: np.ndarray,
    out: Path,
) -> None:
    """Print the figures, write build/bench/study_conditioning.json and OUT/index.html. `ceiling` is what the reader
    says of the clips `real_NFHWC`."""
    readable = [
        name for name, column in zip(bed.FIELDS, zip(*ceiling)) if beyond_chance(np.mean(column), name) > READABLE
    ]
    figures = figures_of(outcomes, ceiling, probes, readable)
    publish("study_conditioning", f"make study-conditioning ({out.name})", figures)
    (out / "index.html").write_text(_page(figures, outcomes, readable, real_NFHWC, out), "utf-8")


def figures_of(
    outcomes: Sequence[Outcome], ceiling: list[list[bool]], probes: dict[str, float], readable: Sequence[str]
) -> list[Figure]:
    arms = list(dict.fromkeys(outcome.arm for outcome in outcomes))

    def by_arm(values: Iterable[float]) -> dict[str, float]:
        of = list(zip(outcomes, values, strict=True))
        return {arm: float(np.mean([value for o, value in of if o.arm == arm])) for arm in arms}

    figures = [Figure(f"linear probe, worst field: {arm}", value, {}, f"at least {PROBED}", value >= PROBED)
               for arm, value in probes.items()]  # fmt: skip
    for at, name in enumerate(bed.FIELDS):
        figures.append(
            _beside(f"loss gap of a swapped {name}, share of the loss", by_arm(o.gaps[-1][name] for o in outcomes))
        )
        rates = by_arm(beyond_chance(np.mean(o.right["test 0"], 0)[at], name) for o in outcomes)
        floor = np.mean([beyond_chance(np.mean(o.floor["test 0"], 0)[at], name) for o in outcomes])
        rates |= {"ceiling: the reader on real clips": beyond_chance(np.mean(ceiling, 0)[at], name),
                  "floor: other prompts' values": float(floor)}  # fmt: skip
        figures.append(_beside(f"obedience beyond chance: {name}", rates))
    for part in ("test 0", "test 50", "test 200", "compose 0"):
        means = by_arm(float(_score(o, part, readable).mean()) for o in outcomes)
        figures.append(_beside(f"obedience, readable fields, {part} words", means))
        if OURS in arms and RIVAL in arms and readable:
            mean, low, high = paired(outcomes, part, readable)
            ends = {"95 % from": low, "to": high}
            figures.append(Figure(f"{OURS} less {RIVAL}, {part} words", mean, ends, "interval above 0", low > 0))
    return figures


def _beside(what: str, values: dict[str, float]) -> Figure:
    """Ours, and all others beside it."""
    return Figure(what, values.pop(OURS, float("nan")), values)


def paired(
    outcomes: Sequence[Outcome], part: str, fields: Sequence[str], draws: int = 4000
) -> tuple[float, float, float]:
    """Mean difference of ours and the rival's obedience and its 95 % interval, seeds and prompts drawn again."""
    by = {(o.arm, o.seed): _score(o, part, fields) for o in outcomes}
    seeds = sorted({seed for arm, seed in by if arm == OURS} & {seed for arm, seed in by if arm == RIVAL})
    if not seeds:
        return float("nan"), float("nan"), float("nan")
    return interval(np.stack([by[OURS, seed] - by[RIVAL, seed] for seed in seeds]), draws)


def interval(difference_SP: np.ndarray, draws: int = 4000) -> tuple[float, float, float]:
    """The mean of paired differences by seed and prompt, and its 95 % interval, both drawn again."""
    rng = np.random.default_rng(0)
    n_seeds, n_prompts = difference_SP.shape
    drawn = [
        difference_SP[rng.integers(n_seeds, size=n_seeds)][:, rng.integers(n_prompts, size=n_prompts)].mean()
        for _ in range(draws)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return float(difference_SP.mean()), low, high


def _score(outcome: Outcome, part: str, fields: Sequence[str]) -> np.ndarray:
    """Obedience beyond chance of each prompt, a mean over these fields."""
    right = np.array(outcome.right[part], float)
    columns = [at for at, name in enumerate(bed.FIELDS) if name in fields]
    names = list(bed.FIELDS)
    return np.mean([(right[:, at] - bed.chance(names[at])) / (1 - bed.chance(names[at])) for at in columns], axis=0)


def table(figures: Sequence[Figure], ours: str) -> str:
    """Figures as an HTML table."""
    rows = "".join(
        f"<tr><td>{escape(figure.what)}</td><td class='num'><b>{figure.value:.3f}</b></td>"
        f"<td>{'<br>'.join(f'{value:.3f} {escape(rival)}' for rival, value in figure.rivals.items())}</td>"
        f"<td>{escape(figure.goal)}</td><td>{'' if figure.holds is None else 'yes' if figure.holds else 'no'}</td></tr>"
        for figure in figures
    )
    heads = f"<th>what</th><th class='num'>{ours}</th><th>beside it</th><th>goal</th><th>holds</th>"
    return f"<table><tr>{heads}</tr>{rows}</table>"


def strip(video_FHWC: np.ndarray) -> str:
    """STRIP pictures of a clip in a row, as an HTML image."""
    at = np.linspace(0, len(video_FHWC) - 1, STRIP).round().astype(int)
    pictures = np.concatenate([video_FHWC[one] for one in at], axis=1)
    _, data = cv2.imencode(".png", cv2.cvtColor(pictures, cv2.COLOR_RGB2BGR))
    return f"<img alt='' style='width:100%' src='data:image/png;base64,{base64.b64encode(data.tobytes()).decode()}'>"


def _page(
    figures: Sequence[Figure], outcomes: Sequence[Outcome], readable: Sequence[str], real_NFHWC: np.ndarray, out: Path
) -> str:
    runs = "".join(
        f"<tr><td>{escape(o.arm)}</td><td class='num'>{o.seed}</td><td class='num'>{o.parameters:,}</td>"
        f"<td class='num'>{o.loss:.4f}</td><td class='num'>{o.scale:g}</td></tr>"
        for o in outcomes
    )
    of_runs = "<th>arm</th>" + "".join(
        f"<th class='num'>{head}</th>" for head in ("seed", "parameters", "loss", "guidance")
    )
    what = f"{escape(out.name)}; fields that the reader can read at this size: {escape(', '.join(readable) or 'none')}"
    arms = dict.fromkeys(o.arm for o in outcomes)
    plots = "".join(
        f"<div class='card'><b>{escape(name)}</b>{series_plot(_over_training(outcomes, arms, name), 380, 160)}</div>"
        for name in bed.FIELDS
    )
    return page(
        "Conditioning study",
        f"<h1>Do tags reach the picture better in a channel of their own?</h1><p class='soft'>{what}</p>"
        f"<div class='card'>{table(figures, OURS)}</div>"
        "<h2>Loss gap of a swapped value, after each part of training</h2>"
        f"<div class='grid' style='grid-template-columns:repeat(3,1fr)'>{plots}</div>"
        f"<h2>Samples <small>first frame of the clip above, another clip's values</small></h2>"
        f"{_strips(outcomes, real_NFHWC, out)}"
        f"<h2>Runs</h2><div class='card'><table><tr>{of_runs}</tr>{runs}</table></div>",
    )


def _over_training(outcomes: Sequence[Outcome], arms: Iterable[str], name: str) -> dict[str, list[float]]:
    """Each arm's gaps of a field over training, from nothing, a mean over its seeds."""
    runs = {arm: [[0.0, *(mark[name] for mark in o.gaps)] for o in outcomes if o.arm == arm] for arm in arms}
    return {arm: np.mean(gaps, 0).tolist() for arm, gaps in runs.items()}


def _strips(outcomes: Sequence[Outcome], real_NFHWC: np.ndarray, out: Path) -> str:
    """The clips that gave the first frames, and below each what the arms of the first seed made of them."""
    seed = min(o.seed for o in outcomes)
    shown = {"the clip itself": real_NFHWC}
    shown |= {o.arm: np.load(out / f"{o.arm.replace(' ', '-')}-{seed}.npy") for o in outcomes if o.seed == seed}
    rows = range(min(len(videos) for videos in shown.values()))
    return "".join(
        "<div class='card'><table>"
        + "".join(f"<tr><td class='soft'>{escape(arm)}</td><td>{strip(of[row])}</td></tr>" for arm, of in shown.items())
        + "</table></div>"
        for row in rows
    )
