"""What the curriculum study found: losses by deformation quantile, forgetting, collapse, intervals, the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from anicaption.page import page, series_plot
from animatrix_trainer import curriculum

from benchmarks.figures import Figure, publish
from benchmarks.study.curriculum_bed import Graded
from benchmarks.study.curriculum_collapse import Yardstick
from benchmarks.study.told import interval, strip, table

if TYPE_CHECKING:
    from benchmarks.study.curriculum import Outcome

OURS, PRIOR = "curriculum", "prior"
NAMES = ("lowest", "second", "third", "highest")
"""Of the deformation quantiles; nothing deforms in the lowest."""


def one(outcome: Outcome) -> str:
    """A line about one arm and seed."""
    marks = ", ".join(f"{mark.step}: {np.mean(mark.losses):.4f}" for mark in outcome.marks)
    return f"{outcome.arm}, seed {outcome.seed}: held-out loss at step {marks}"


class Found:
    """Losses and distances of the arms that all have the same seeds, by arm: (S seeds, M marks, N clips). The first
    mark is the prior's."""

    def __init__(self, outcomes: Sequence[Outcome], held: Graded, yardstick: Yardstick) -> None:
        by = {(outcome.arm, outcome.seed): outcome for outcome in outcomes}
        self.arms = [arm for arm in dict.fromkeys(o.arm for o in outcomes) if arm != PRIOR]
        self.arms.sort(key=lambda arm: (arm != OURS, arm != "uniform"))
        self.seeds = sorted({seed for _, seed in by if all((arm, seed) in by for arm in (PRIOR, *self.arms))})
        marks = {arm: [[*by[PRIOR, seed].marks, *by[arm, seed].marks] for seed in self.seeds] for arm in self.arms}
        self.steps = [mark.step for mark in next(iter(marks.values()))[0]] if self.seeds else []
        self.loss_SMN = {arm: np.array([[m.losses for m in run] for run in runs]) for arm, runs in marks.items()}
        self.far_SMN = {arm: np.array([[m.far for m in run] for run in runs]) for arm, runs in marks.items()}
        self.beyond_SMN = {arm: (far > yardstick.limit).astype(float) for arm, far in self.far_SMN.items()}
        self.quantile_N = curriculum.quantile(held.parts["deformation"])
        self.usual = yardstick.usual

    @property
    def rivals(self) -> list[str]:
        return [arm for arm in self.arms if arm != OURS]

    def ratio(self, arm: str, rival: str, mask_N: np.ndarray, marks: slice) -> tuple[float, float, float]:
        """Loss of an arm less a rival's on some clips, over the rival's mean, in %, and its interval."""
        ours, theirs = (self.loss_SMN[name][:, marks][..., mask_N].mean(1) for name in (arm, rival))
        return interval(100 * (ours - theirs) / theirs.mean())

    def forgotten(self, arm: str) -> np.ndarray:
        """Loss of the clips in which nothing deforms over what the prior made of them, less 1, in % (S, M, N)."""
        plain = self.loss_SMN[arm][..., self.quantile_N == 0]
        return 100 * (
            plain / plain[:, :1].mean(-1, keepdims=True) - plain[:, :1] / plain[:, :1].mean(-1, keepdims=True)
        )


def figures_of(found: Found) -> list[Figure]:
    """Every figure; goals are what the method promises of its curriculum."""
    figures = []
    last, during = slice(-1, None), slice(1, None)
    for q in range(curriculum.Q):
        of_q = found.quantile_N == q
        if not of_q.any():
            continue
        ends = {arm: float(loss[:, -1][..., of_q].mean()) for arm, loss in found.loss_SMN.items()}
        prior = float(found.loss_SMN[found.arms[0]][:, 0][..., of_q].mean())
        what = f"held-out loss at the end, {NAMES[q]} deformation quantile ({int(of_q.sum())} clips)"
        figures.append(Figure(what, ends.pop(OURS, float("nan")), ends | {PRIOR: prior}))
        figures += _against(found, f"loss at the end, {NAMES[q]} quantile", of_q, last)
    every = np.ones(len(found.quantile_N), bool)
    figures += _against(found, "loss over all of training, all clips", every, during)
    forgotten = {arm: found.forgotten(arm) for arm in found.arms}
    for what, of in (("at the end", lambda f: f[:, -1].mean()), ("at its worst", lambda f: f.mean((0, 2)).max())):
        values = {arm: float(of(each)) for arm, each in forgotten.items()}
        name = f"forgetting {what}: loss of plain clips over the prior's, %"
        figures.append(Figure(name, values.pop(OURS, float("nan")), values))
    for rival in found.rivals if OURS in found.arms else ():
        mean, low, high = interval((forgotten[OURS] - forgotten[rival])[:, during].mean(1))
        figures.append(_bounded(f"forgetting over training, points, less {rival}", mean, low, high))
    for what, of in (("at the end", lambda b: b[:, -1].mean()), ("at its worst", lambda b: b.mean((0, 2))[1:].max())):
        values = {arm: float(of(beyond)) for arm, beyond in found.beyond_SMN.items()}
        prior = {PRIOR: float(found.beyond_SMN[found.arms[0]][:, 0].mean())}
        name = f"collapse {what}: share of samples beyond the held-out 99th percentile"
        figures.append(Figure(name, values.pop(OURS, float("nan")), values | prior))
    for rival in found.rivals if OURS in found.arms else ():
        mean, low, high = interval((found.beyond_SMN[OURS] - found.beyond_SMN[rival])[:, during].mean(1))
        figures.append(_bounded(f"collapse over training, share, less {rival}", mean, low, high))
    far = {arm: float(np.median(each[:, -1]) / found.usual) for arm, each in found.far_SMN.items()}
    first = float(np.median(found.far_SMN[found.arms[0]][:, 0]) / found.usual)
    name = "median distance of samples at the end, in those of held-out clips"
    figures.append(Figure(name, far.pop(OURS, float("nan")), far | {PRIOR: first}))
    return figures


def _against(found: Found, what: str, mask_N: np.ndarray, marks: slice) -> list[Figure]:
    if OURS not in found.arms:
        return []
    return [_bounded(f"{what}, less {rival}, %", *found.ratio(OURS, rival, mask_N, marks)) for rival in found.rivals]


def _bounded(what: str, mean: float, low: float, high: float) -> Figure:
    return Figure(f"{OURS}: {what}", mean, {"95 % from": low, "to": high}, "interval below 0", high < 0)


def publish_study(outcomes: Sequence[Outcome], held: Graded, yardstick: Yardstick, out: Path) -> None:
    """Print the figures, write build/bench/study_curriculum.json and OUT/index.html."""
    found = Found(outcomes, held, yardstick)
    if not found.seeds:
        print("no seed has all of its arms yet")
        return
    figures = figures_of(found)
    seeds = "1 seed: intervals are over clips alone" if len(found.seeds) == 1 else f"{len(found.seeds)} seeds"
    publish("study_curriculum", f"make study-curriculum ({out.name}, {seeds})", figures)
    (out / "index.html").write_text(_page(figures, found, outcomes, held, out, seeds), "utf-8")


def _page(
    figures: Sequence[Figure], found: Found, outcomes: Sequence[Outcome], held: Graded, out: Path, seeds: str
) -> str:
    at = f"from the prior to step {found.steps[-1]}, measured at {', '.join(map(str, found.steps))}"
    plots = {
        f"Loss, {NAMES[q]} deformation quantile": {
            arm: loss[..., found.quantile_N == q].mean((0, 2)).tolist() for arm, loss in found.loss_SMN.items()
        }
        for q in range(curriculum.Q)
        if (found.quantile_N == q).any()
    }
    plots["Samples beyond the held-out 99th percentile"] = {
        arm: beyond.mean((0, 2)).tolist() for arm, beyond in found.beyond_SMN.items()
    }
    of_first = {o.arm: o.hardness for o in outcomes if o.seed == found.seeds[0]}
    hardness = {arm: _smooth(of_first[arm]) for arm in found.arms}
    cards = "".join(
        f"<div class='card'><b>{escape(title)}</b>{series_plot(series, 380, 200, zero=False)}</div>"
        for title, series in plots.items()
    )
    return page(
        "Curriculum study",
        "<h1>Does it matter in which order deformation is met?</h1>"
        f"<p class='soft'>{escape(out.name)}; {escape(seeds)}; {escape(at)}</p>"
        f"<div class='card'>{table(figures, OURS)}</div>"
        f"<h2>Along the way</h2><div class='grid' style='grid-template-columns:repeat(3,1fr)'>{cards}</div>"
        f"<h2>Mean D of what was drawn, step by step</h2><div class='card'>{series_plot(hardness, 900, 200)}</div>"
        f"<h2>Samples at the end <small>seed {found.seeds[0]}; none, mild and strong</small></h2>"
        f"{_strips(found, held, out)}",
    )


def _smooth(values: Sequence[float], width: int = 15) -> list[float]:
    """A running mean; a batch's own D is mostly chance."""
    width = min(width, len(values))
    return np.convolve(values, np.ones(width) / width, mode="valid").tolist()


def _strips(found: Found, held: Graded, out: Path) -> str:
    """Pictures of the first samples of every arm under those of the clips whose first frames and tags they had."""
    shown = {"the clip itself": held.video_NFHWC}
    for arm in (PRIOR, *found.arms):
        shown[arm] = np.load(out / f"{arm.replace(' ', '-')}-{found.seeds[0]}.npy")
    n = min(len(videos) for videos in shown.values())
    cards = []
    for row in range(n):
        lines = "".join(
            f"<tr><td class='soft'>{escape(name)}</td><td>{strip(videos[row])}</td></tr>"
            for name, videos in shown.items()
        )
        cards.append(f"<div class='card'><table>{lines}</table></div>")
    return "".join(cards)
