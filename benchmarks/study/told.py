"""What the conditioning study found: chance-corrected obedience, paired intervals, the table and the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from anicaption.page import page

from benchmarks.figures import Figure, publish
from benchmarks.study import bed

if TYPE_CHECKING:
    from benchmarks.study.conditioning import Outcome

OURS, RIVAL = "both paths", "tags as text"
READABLE = 0.3
"""A field counts in the headline where the reader itself is this far beyond chance on real clips of the size."""
PROBED = 0.99


def beyond_chance(accuracy: float | np.floating, name: str) -> float:
    """(accuracy - chance) / (1 - chance): 0 for answers by lot, 1 for no mistake."""
    return (float(accuracy) - bed.chance(name)) / (1 - bed.chance(name))


def one(outcome: Outcome) -> str:
    """A line about one arm and seed."""
    gaps = ", ".join(f"{name} {gap:+.4f}" for name, gap in outcome.gaps.items())
    return f"{outcome.arm}, seed {outcome.seed}: guidance {outcome.scale:g}, gaps {gaps}"


def publish_study(outcomes: Sequence[Outcome], ceiling: list[list[bool]], probes: dict[str, float], out: Path) -> None:
    """Print the figures, write build/bench/study_conditioning.json and OUT/index.html."""
    readable = [
        name for name, column in zip(bed.FIELDS, zip(*ceiling)) if beyond_chance(np.mean(column), name) > READABLE
    ]
    arms = list(dict.fromkeys(outcome.arm for outcome in outcomes))
    figures = [Figure(f"linear probe, worst field: {arm}", value, {}, f"at least {PROBED}", value >= PROBED)
               for arm, value in probes.items()]  # fmt: skip
    for at, name in enumerate(bed.FIELDS):
        gaps = {arm: float(np.mean([o.gaps[name] for o in outcomes if o.arm == arm])) for arm in arms}
        figures.append(Figure(f"loss gap of a swapped {name}, share of the loss", gaps.pop(OURS, float("nan")), gaps))
        rates = {
            arm: float(np.mean([np.mean(o.right["test 0"], 0)[at] for o in outcomes if o.arm == arm])) for arm in arms
        }
        floors = float(np.mean([np.mean(o.floor["test 0"], 0)[at] for o in outcomes]))
        rates = {arm: beyond_chance(rate, name) for arm, rate in rates.items()}
        rates |= {"ceiling: the reader on real clips": beyond_chance(np.mean(ceiling, 0)[at], name),
                  "floor: other prompts' values": beyond_chance(floors, name)}  # fmt: skip
        figures.append(Figure(f"obedience beyond chance: {name}", rates.pop(OURS, float("nan")), rates))
    for part in ("test 0", "test 50", "test 200", "compose 0"):
        means = {
            arm: float(np.mean([_score(o, part, readable).mean() for o in outcomes if o.arm == arm])) for arm in arms
        }
        figures.append(Figure(f"obedience, readable fields, {part} words", means.pop(OURS, float("nan")), means))
        if OURS in arms and RIVAL in arms and readable:
            mean, low, high = paired(outcomes, part, readable)
            ends = {"95 % from": low, "to": high}
            figures.append(Figure(f"{OURS} less {RIVAL}, {part} words", mean, ends, "interval above 0", low > 0))
    publish("study_conditioning", f"make study-conditioning ({out.name})", figures)
    (out / "index.html").write_text(_page(figures, outcomes, readable, out.name), "utf-8")


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


def _rate(outcomes: Sequence[Outcome], arm: str, field: int) -> float:
    """How often an arm was read back as asked on a field, without distraction."""
    return float(np.mean([np.mean(o.right["test 0"], 0)[field] for o in outcomes if o.arm == arm]))


def _page(figures: Sequence[Figure], outcomes: Sequence[Outcome], readable: Sequence[str], name: str) -> str:
    rows = "".join(
        f"<tr><td>{escape(figure.what)}</td><td class='num'><b>{figure.value:.3f}</b></td>"
        f"<td>{'<br>'.join(f'{value:.3f} {escape(rival)}' for rival, value in figure.rivals.items())}</td>"
        f"<td>{escape(figure.goal)}</td><td>{'' if figure.holds is None else 'yes' if figure.holds else 'no'}</td></tr>"
        for figure in figures
    )
    runs = "".join(
        f"<tr><td>{escape(o.arm)}</td><td class='num'>{o.seed}</td><td class='num'>{o.parameters:,}</td>"
        f"<td class='num'>{o.loss:.4f}</td><td class='num'>{o.scale:g}</td></tr>"
        for o in outcomes
    )
    what = f"{escape(name)}; fields that the reader can read at this size: {escape(', '.join(readable) or 'none')}"
    heads = f"<th>what</th><th class='num'>{OURS}</th><th>beside it</th><th>goal</th><th>holds</th>"
    of_runs = "<th>arm</th>" + "".join(
        f"<th class='num'>{head}</th>" for head in ("seed", "parameters", "loss", "guidance")
    )
    return page(
        "Conditioning study",
        f"<h1>Do tags reach the picture better in a channel of their own?</h1><p class='soft'>{what}</p>"
        f"<div class='card'><table><tr>{heads}</tr>{rows}</table></div>"
        f"<h2>Runs</h2><div class='card'><table><tr>{of_runs}</tr>{runs}</table></div>",
    )
