"""What the conditioning study found: chance-corrected obedience, paired intervals, the table and the page."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
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
READABLE = 0.6
"""A field counts in the headline where the reader itself is this far beyond chance on real clips of the size; the
others (shake .5, timing .34 on 17 frames of 32 x 48) are told of and carry nothing."""
PROBED = 0.99
PARTS: tuple[str, ...] = ("test 0", "test 50", "test 200", "compose 0")
"""What obedience is measured on: clips, and words of distraction."""
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
    real_NFHWC: np.ndarray,
    out: Path,
) -> None:
    """Print the figures, write build/bench/study_conditioning.json and OUT/index.html. `ceiling` is what the reader
    says of the clips `real_NFHWC`."""
    readable = [
        name for name, column in zip(bed.FIELDS, zip(*ceiling)) if beyond_chance(np.mean(column), name) > READABLE
    ]
    figures = figures_of(outcomes, ceiling, readable)
    publish("study_conditioning", f"make study-conditioning ({out.name})", figures)
    (out / "index.html").write_text(_page(figures, outcomes, readable, real_NFHWC, out), "utf-8")


def figures_of(outcomes: Sequence[Outcome], ceiling: list[list[bool]], readable: Sequence[str]) -> list[Figure]:
    """All figures. Differences hold only where the words of every arm hold the tags."""
    arms = list(dict.fromkeys(outcome.arm for outcome in outcomes))

    def by_arm(values: Iterable[float]) -> dict[str, float]:
        of = list(zip(outcomes, values, strict=True))
        return {arm: float(np.mean([value for o, value in of if o.arm == arm])) for arm in arms}

    probes = {o.arm: min([1.0, *(min(p.probed.values()) for p in outcomes if p.arm == o.arm)])
              for o in outcomes if o.probed}  # fmt: skip
    assured = all(worst >= PROBED for worst in probes.values())
    figures = [Figure(f"linear probe of the trained reader, worst field and seed: {arm}", value, {},
                      f"at least {PROBED}, or nothing is compared", value >= PROBED)
               for arm, value in probes.items()]  # fmt: skip
    for at, name in enumerate(bed.FIELDS):
        figures.append(
            _beside(f"loss gap of a swapped {name}, share of the loss", by_arm(o.gaps[-1][name] for o in outcomes))
        )
        rates = by_arm(beyond_chance(np.mean(o.right["test 0"], 0)[at], name) for o in outcomes)
        rates["ceiling: the reader on real clips"] = beyond_chance(np.mean(ceiling, 0)[at], name)
        figures.append(_beside(f"obedience beyond chance: {name}", rates))
        floors = by_arm(beyond_chance(np.mean(o.floor["test 0"], 0)[at], name) for o in outcomes)
        figures.append(_beside(f"floor of it, values of any prompt: {name}", floors))
    rivals = [arm for arm in (RIVAL, "text only") if arm in arms]
    for part in PARTS:
        means = by_arm(float(_score(o, part, readable).mean()) for o in outcomes)
        figures.append(_beside(f"obedience, readable fields, {part} words", means))
        if OURS in arms and readable:
            figures += [_compared(outcomes, OURS, rival, part, readable, assured) for rival in rivals]
    for arm in [arm for arm in arms if arm not in rivals] if RIVAL in arms else ():
        for name in readable:
            figures.append(_compared(outcomes, arm, RIVAL, "test 0", [name], assured))
    return figures


def _compared(
    outcomes: Sequence[Outcome], ours: str, rival: str, part: str, fields: Sequence[str], assured: bool
) -> Figure:
    """Ours less a rival's obedience, beyond chance and beyond each one's own floor: an arm whose clips are unreadable
    lies under chance, and must not lend the other its shortfall."""
    mean, low, high = paired(outcomes, part, fields, ours, rival)
    over, over_low, over_high = paired(outcomes, part, fields, ours, rival, own_floor=True)
    ends = {"95 % from": low, "to": high, "beyond own floors": over, "of that 95 % from": over_low, "up to": over_high}
    what = f"{ours} less {rival}, {fields[0] if len(fields) == 1 else 'readable fields'}, {part} words"
    goal = "intervals above 0" if assured else "void: a probe failed"
    return Figure(what, mean, ends, goal, assured and min(low, over_low) > 0)


def _beside(what: str, values: dict[str, float]) -> Figure:
    """Ours, and all others beside it."""
    return Figure(what, values.pop(OURS, float("nan")), values)


def paired(
    outcomes: Sequence[Outcome],
    part: str,
    fields: Sequence[str],
    ours: str = OURS,
    rival: str = RIVAL,
    own_floor: bool = False,
) -> tuple[float, float, float]:
    """Mean difference of ours and the rival's obedience and its 95 % interval, seeds and prompts drawn again."""
    by = {(o.arm, o.seed): _score(o, part, fields, own_floor) for o in outcomes}
    seeds = sorted({seed for arm, seed in by if arm == ours} & {seed for arm, seed in by if arm == rival})
    if not seeds:
        return float("nan"), float("nan"), float("nan")
    return interval(np.stack([by[ours, seed] - by[rival, seed] for seed in seeds]))


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


def _score(outcome: Outcome, part: str, fields: Sequence[str], own_floor: bool = False) -> np.ndarray:
    """Obedience of each prompt beyond chance or, for an arm that may lie under it, beyond its own floor in the same
    unit; a mean over these fields."""
    right, floor = np.array(outcome.right[part], float), np.array(outcome.floor[part], float)
    by_lot = np.array([bed.chance(name) for name in bed.FIELDS])
    beyond = (right - (floor if own_floor else by_lot)) / (1 - by_lot)
    return beyond[:, [at for at, name in enumerate(bed.FIELDS) if name in fields]].mean(1)


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


def interval_plot(rows: Mapping[str, tuple[float, float, float]], line: float, width_px: int = 380) -> str:
    """Means and the ends of their intervals, a row each; dashed at `line`, where nothing would differ."""
    rows = {name: ends for name, ends in rows.items() if np.isfinite(ends).all()}
    numbers = [line, *(end for ends in rows.values() for end in ends)]
    low, reach = min(numbers), (max(numbers) - min(numbers)) or 1.0
    height_px = 24 * len(rows) + 18

    def x(value: float) -> float:
        return 130 + (value - low) / reach * (width_px - 180)

    parts = [f'<svg viewBox="0 0 {width_px} {height_px}" width="{width_px}" height="{height_px}" role="img">',
             f'<path d="M{x(line):.1f} 0V{height_px - 16}" stroke="var(--soft)" stroke-dasharray="3 3"/>',
             f'<text x="{x(line) - 4:.1f}" y="{height_px - 3}">{line:g}</text>']  # fmt: skip
    for at, (name, (mean, start, end)) in enumerate(rows.items()):
        y = 24 * at + 12
        parts.append(
            f'<text x="2" y="{y + 4}">{escape(name)}</text>'
            f'<path d="M{x(start):.1f} {y}H{x(end):.1f}" stroke="var(--blue)" stroke-width="2"/>'
            f'<circle cx="{x(mean):.1f}" cy="{y}" r="4" fill="var(--blue)"/>'
            f'<text x="{x(end) + 6:.1f}" y="{y + 4}">{mean:{"+" if line == 0 else ""}.2f}</text>'
        )
    return "".join(parts) + "</svg>"


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
        f"<h2>{OURS} less each rival <small>beyond own floors, 95 % over seeds and prompts</small></h2>"
        f"<div class='grid' style='grid-template-columns:repeat(2,1fr)'>{_differences(outcomes, readable)}</div>"
        "<h2>Loss gap of a swapped value, after each part of training</h2>"
        f"<div class='grid' style='grid-template-columns:repeat(3,1fr)'>{plots}</div>"
        f"<h2>Samples <small>first frame of the clip above, another clip's values</small></h2>"
        f"{_strips(outcomes, real_NFHWC, out)}"
        f"<h2>Figures</h2><div class='card'>{table(figures, OURS)}</div>"
        f"<h2>Runs</h2><div class='card'><table><tr>{of_runs}</tr>{runs}</table></div>",
    )


def _differences(outcomes: Sequence[Outcome], readable: Sequence[str]) -> str:
    """Plots of the paired differences without distraction: of all fields together, and of each."""
    rivals = [arm for arm in dict.fromkeys(o.arm for o in outcomes) if arm != OURS]
    return "".join(
        f"<div class='card'><b>{escape(what)}</b>"
        f"{interval_plot({arm: paired(outcomes, 'test 0', fields, OURS, arm, True) for arm in rivals}, 0.0)}</div>"
        for what, fields in {"all together": readable, **{name: [name] for name in readable}}.items()
        if fields
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
