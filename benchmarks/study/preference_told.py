"""What the preference study found: the table, the page, and what may and what may not be concluded at its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from anicaption.page import page
from animatrix_reward.judge import Judge
from animatrix_reward.score import read as judged
from sklearn.metrics import roc_auc_score

from benchmarks.figures import Figure, publish
from benchmarks.study.preference_arms import ARMS, BASE, DPO
from benchmarks.study.preference_bed import CORRUPTED, Drawn
from benchmarks.study.preference_measure import Measured, Show, read_back

SMALL = (
    "A run on a CPU can show that the objective lowers an easily seen damage, that its alarms (displacement, slow "
    "motion) speak, that camera moves and whole-frame departures that are asked for stay. What it cannot: smears, "
    "limbs and lines do not exist in 40 x 64 pixels, and shares of some forty samples have standard errors of 5 to 8 "
    "points. The settings of `--gpu-size` are for that: 49 frames of 96 x 160, smears besides impact frames, all "
    "seven kinds of damage."
)


@dataclass(frozen=True)
class Ground:
    """What the measures stand on. `detector`: share of drawn clips that it did not get its limit from and is right on;
    `judges`: AUROC of damage, of the first Judge on clips of the other; `reader`: shares of real clips that AniCaption
    reads right, (moves, departures)."""

    limit: float
    detector: float
    judges: dict[str, float]
    swapped: float
    candidates: int
    unsupported: int
    rejected: int
    pairs: int
    by_people: int
    reader: tuple[float, float]


def auroc(judge: Judge, shows: Sequence[Show]) -> float:
    """How well a Judge ranks damaged drawn clips above sound ones."""
    said = [one.failing for one in judged(judge, [show.seen for show in shows])]
    return float(roc_auc_score([bool(show.drawn.failed) for show in shows], said))


def ceiling(clips: Sequence[Drawn], most: int = 24) -> tuple[float, float]:
    """How many real sound clips of this size AniCaption reads right: camera moves, departures."""
    sound = [one for one in clips if not one.failed]
    moves = [one for one in sound if one.prompt.move != "none"][:most]
    wants = [one for one in sound if one.prompt.deformation != "none"][:most]
    right = [read_back(one.frames)[0]["camera.move"] == (one.prompt.move,) for one in moves]
    shown = [one.prompt.deformation in read_back(one.frames)[0][one.prompt.field] for one in wants]
    return float(np.mean(right)), float(np.mean(shown))


def line(found: Measured) -> str:
    """A line about one arm."""
    by = ", ".join(f"{value:.2f} {name}" for name, value in found.damaged_by.items())
    return (
        f"{found.arm}: damaged {found.damaged:.2f} ({by}), departures {found.deformed:.2f}, obeyed {found.obeyed:.2f}, "
        f"motion {found.motion:.4f}, {found.facts}"
    )


def figures_of(measured: Sequence[Measured], ground: Ground) -> list[Figure]:
    """The figures, those of DPO beside the other arms'."""
    by = {one.arm: one for one in measured}
    before, after = by[BASE], by[DPO]

    def beside(value) -> dict[str, float]:
        return {arm: value(by[arm]) for arm in ARMS if arm in by and arm != DPO}

    second = list(before.damaged_by)[1]
    low, high = interval(before.each["damaged"], after.each["damaged"])
    learnt = before.damaged_plain
    figures = [
        Figure("damaged before where no departure is asked for, detector", learnt, {"of the mixture": CORRUPTED},
               "within 0.15 of the mixture, or nothing below says anything", abs(learnt - CORRUPTED) <= 0.15),
        Figure("damaged where no departure is asked for, detector", after.damaged_plain,
               beside(lambda one: one.damaged_plain)),
        Figure("damaged samples, detector", after.damaged, beside(lambda one: one.damaged), "less than before",
               after.damaged < before.damaged),
        Figure("damaged samples, before less after", before.damaged - after.damaged,
               {"95 % from": low, "to": high}, "interval above 0", low > 0),
        *(Figure(f"damaged samples, {name}", after.damaged_by[name],
                 beside(lambda one, name=name: one.damaged_by[name]), "less than before" if name == second else "",
                 after.damaged_by[name] < before.damaged_by[name] if name == second else None)
          for name in before.damaged_by),
        Figure("departures where asked for, read by AniCaption", after.deformed, beside(lambda one: one.deformed)
               | {"reader on real clips": ground.reader[1]},
               "within 10 % of before", before.deformed > 0 and after.deformed >= 0.9 * before.deformed),
        Figure("departures where asked for, in pixels", after.departs, beside(lambda one: one.departs),
               "within 10 % of before", before.departs > 0 and after.departs >= 0.9 * before.departs),
        Figure("motion of sound samples", after.motion, beside(lambda one: one.motion), "at least 0.9 of before",
               after.motion >= 0.9 * before.motion),
        Figure("motion of all samples, flicker counts", after.motion_all, beside(lambda one: one.motion_all)),
        Figure("speed of pans, % of width a frame", after.camera_pct, beside(lambda one: one.camera_pct),
               "at least 0.9 of before", after.camera_pct >= 0.9 * before.camera_pct),
        Figure("camera moves obeyed", after.obeyed, beside(lambda one: one.obeyed)
               | {"reader on real clips": ground.reader[0]},
               "within 10 % of before", before.obeyed > 0 and after.obeyed >= 0.9 * before.obeyed),
    ]  # fmt: skip
    for name, goal in (("accuracy", "above 0.5"), ("displacement", "0 or less"), ("margin", "")):
        for where in ("fitting", "unseen"):
            of = {arm: one.facts[where][name] for arm, one in by.items() if one.facts and arm != DPO}
            value = after.facts[where][name]
            holds = {"accuracy": value > 0.5, "displacement": value <= 0}.get(name) if where == "unseen" else None
            figures.append(
                Figure(f"implicit {name}, {where} pairs", value, of, goal if holds is not None else "", holds)
            )
    figures += [
        Figure("AUROC of damage, the Judge, on clips of the other's prompts", ground.judges["the Judge"],
               {name: value for name, value in ground.judges.items() if name == "given"}),
        Figure("AUROC of damage, the other Judge, likewise", ground.swapped),
        Figure("detector right on drawn clips", ground.detector),
        Figure("candidates", ground.candidates, {"unlike what the Judge was fitted on": ground.unsupported,
                                                 "may not win": ground.rejected}),
        Figure("labelled pairs", ground.pairs, {"by simulated people": ground.by_people}),
    ]  # fmt: skip
    return figures


def interval(before: Sequence[float], after: Sequence[float], draws: int = 4000) -> tuple[float, float]:
    """95 % of the difference of two shares, samples drawn again."""
    rng = np.random.default_rng(0)
    one, two = (rng.choice(np.asarray(values, float), (draws, len(values))).mean(1) for values in (before, after))
    low, high = np.quantile(one - two, [0.025, 0.975]).tolist()
    return low, high


def publish_study(measured: Sequence[Measured], ground: Ground, name: str, out: Path, bench: Path) -> None:
    """Print the figures, write BENCH/study_preference.json and OUT/index.html."""
    figures = figures_of(measured, ground)
    publish("study_preference", f"make study-preference ({name})", figures, bench)
    (out / "index.html").write_text(_page(measured, figures, name), "utf-8")


def _page(measured: Sequence[Measured], figures: Sequence[Figure], name: str) -> str:
    columns: dict[str, Any] = {
        "samples": lambda one: f"{one.n}",
        "damaged, detector": lambda one: f"{one.damaged:.2f}",
        **{f"damaged, {who}": (lambda one, who=who: f"{one.damaged_by[who]:.2f}") for who in measured[0].damaged_by},
        "departures asked for": lambda one: f"{one.deformed:.2f}",
        "moves obeyed": lambda one: f"{one.obeyed:.2f}",
        "motion, sound": lambda one: f"{one.motion:.4f}",
        "implicit accuracy": lambda one: f"{one.facts['unseen']['accuracy']:.2f}" if one.facts else "",
        "displacement": lambda one: f"{one.facts['unseen']['displacement']:+.5f}" if one.facts else "",
    }
    heads = "".join(f"<th class='num'>{escape(head)}</th>" for head in columns)
    arms = "".join(
        f"<tr><td>{escape(one.arm)}</td>"
        + "".join(f"<td class='num'>{of(one)}</td>" for of in columns.values())
        + "</tr>"
        for one in measured
    )
    rows = "".join(
        f"<tr><td>{escape(figure.what)}</td><td class='num'><b>{figure.value:.3f}</b></td>"
        f"<td>{'<br>'.join(f'{value:.3f} {escape(rival)}' for rival, value in figure.rivals.items())}</td>"
        f"<td>{escape(figure.goal)}</td><td>{'' if figure.holds is None else 'yes' if figure.holds else 'no'}</td></tr>"
        for figure in figures
    )
    return page(
        "Preference study",
        f"<h1>Does preference take failures out and leave the art in?</h1><p class='soft'>{escape(name)}</p>"
        f"<p>{escape(SMALL)}</p>"
        f"<div class='card'><table><tr><th>arm</th>{heads}</tr>{arms}</table></div>"
        f"<h2>Figures of {DPO}</h2><div class='card'><table><tr><th>what</th><th class='num'>{DPO}</th>"
        f"<th>beside it</th><th>goal</th><th>holds</th></tr>{rows}</table></div>",
    )
