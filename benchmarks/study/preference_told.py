"""What the preference study found: the table, the page, and what may and what may not be concluded at its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from anicaption.page import page
from animatrix_reward.judge import Judge
from animatrix_reward.score import read as judged
from animatrix_trainer.show import png
from sklearn.metrics import roc_auc_score

from benchmarks.figures import Figure, publish
from benchmarks.study.preference_arms import ARMS, BASE, DPO, SFT, SHUFFLED
from benchmarks.study.preference_bed import CORRUPTED, Drawn
from benchmarks.study.preference_measure import Measured, Show, read_back
from benchmarks.study.told import interval_plot, table

SMALL = (
    "A run on a CPU can show that the objective lowers a damage that the policy samples, that its alarms "
    "(displacement, slow motion) speak, that camera moves and whole-frame departures that are asked for stay. What it "
    "cannot: smears, limbs and lines do not exist in 24 x 36 pixels. The settings of `--gpu-size` are for that: 49 "
    "frames of 96 x 160, smears besides impact frames, all seven kinds of damage."
)
SHOWN = 12
"""Prompts of each seed in the sheet."""
KEPT = {
    "departs": "departures where asked for, in pixels",
    "read": "departures where asked for, read by AniCaption",
    "obeys": "camera moves obeyed",
    "motion": "motion of sound samples",
    "speed": "speed of pans, % of width a frame",
}


@dataclass(frozen=True)
class Ground:
    """What the measures of one seed stand on. `detector`: share of the mixture's clips, none of which set its limit,
    that it is right on; `judges`: AUROC of damage, each Judge on clips of the other's prompts; `reader`: shares of real
    clips that AniCaption reads right, (moves, departures)."""

    limit: float
    detector: float
    judges: dict[str, float]
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
    """How many real sound clips of this size AniCaption reads right, one of each prompt: camera moves, departures."""
    sound = list({one.prompt.id: one for one in clips if not one.failed}.values())
    moves = [one for one in sound if one.prompt.move != "none"][:most]
    wants = [one for one in sound if one.prompt.deformation != "none"][:most]
    right = [read_back(one.frames)[0]["camera.move"] == (one.prompt.move,) for one in moves]
    shown = [one.prompt.deformation in read_back(one.frames)[0][one.prompt.field] for one in wants]
    return float(np.mean(right)), float(np.mean(shown))


def line(found: Measured) -> str:
    """A line about one arm."""
    said = ", ".join(f"{name} {found.share(name):.3f}" for name in found.each)
    return f"{found.arm}: {said}; {found.facts}"


def figures_of(measured: Sequence[Measured], grounds: Sequence[Ground]) -> list[Figure]:
    """The figures of all seeds together, those of DPO beside the other arms'."""
    by = {one.arm: one for one in measured}
    before, after = by[BASE], by[DPO]

    def beside(name: str) -> dict[str, float]:
        return {arm: by[arm].share(name) for arm in ARMS if arm in by and arm != DPO}

    learnt = before.share("damaged, nothing asked")
    figures = [
        Figure("damaged before where no departure is asked for", learnt, {"of the mixture": CORRUPTED},
               "within 0.15 of the mixture, or nothing below says anything", abs(learnt - CORRUPTED) <= 0.15)
    ]  # fmt: skip
    for name in [name for name in before.each if name.startswith("damaged")]:
        figures.append(Figure(f"{name}, share of samples", after.share(name), beside(name)))
        for arm in [arm for arm in ARMS if arm in by and arm != BASE]:
            fall, low, high = difference(before, by[arm], name)
            goal = "interval above 0" if arm == DPO else ""
            ends = {"95 % from": low, "to": high}
            figures.append(Figure(f"{name}, before less {arm}", fall, ends, goal, low > 0 if goal else None))
        for control in (SFT, SHUFFLED):
            fall, low, high = difference(by[control], after, name)
            ends = {"95 % from": low, "to": high}
            figures.append(Figure(f"{name}, {control} less {DPO}", fall, ends, "interval above 0", low > 0))
    for name, what in KEPT.items():
        figures.append(Figure(what, after.share(name), beside(name)))
        for arm in [arm for arm in ARMS if arm in by and arm != BASE]:
            kept, low, high = ratio(before, by[arm], name)
            goal = "at least 0.9" if arm == DPO else ""
            ends = {"95 % from": low, "to": high}
            figures.append(Figure(f"{what}, {arm} over before", kept, ends, goal, kept >= 0.9 if goal else None))
        kept, low, high = ratio(by[SFT], after, name)
        figures.append(Figure(f"{what}, {DPO} over {SFT}", kept, {"95 % from": low, "to": high}))
    for name, goal in (("accuracy", "above 0.5"), ("displacement", "0 or less"), ("margin", "")):
        for where in ("fitting", "unseen"):
            of = {arm: one.facts[where][name] for arm, one in by.items() if one.facts and arm != DPO}
            value = after.facts[where][name]
            holds = {"accuracy": value > 0.5, "displacement": value <= 0}.get(name) if where == "unseen" else None
            figures.append(
                Figure(f"implicit {name}, {where} pairs", value, of, goal if holds is not None else "", holds)
            )
    for name in grounds[0].judges:
        values = [ground.judges[name] for ground in grounds]
        figures.append(Figure(f"AUROC of damage, {name}, drawn clips of other prompts", float(np.mean(values))))
    figures += [
        Figure("detector right on clips of the mixture", float(np.mean([ground.detector for ground in grounds]))),
        Figure("moves read right on real clips", float(np.mean([ground.reader[0] for ground in grounds])),
               {"departures": float(np.mean([ground.reader[1] for ground in grounds]))}),
        Figure("candidates, all seeds", sum(ground.candidates for ground in grounds),
               {"unlike what the Judge was fitted on": sum(ground.unsupported for ground in grounds),
                "may not win": sum(ground.rejected for ground in grounds)}),
        Figure("labelled pairs, all seeds", sum(ground.pairs for ground in grounds),
               {"by simulated people": sum(ground.by_people for ground in grounds)}),
    ]  # fmt: skip
    return figures


def difference(before: Measured, after: Measured, name: str) -> tuple[float, float, float]:
    """Before less after and its 95 % interval, over seeds and the prompts that both have, drawn again."""
    one_D, two_D = _drawn_again(before, after, name)
    low, high = np.quantile(one_D[1:] - two_D[1:], [0.025, 0.975]).tolist()
    return float(one_D[0] - two_D[0]), low, high


def ratio(before: Measured, after: Measured, name: str) -> tuple[float, float, float]:
    """After over before, likewise."""
    one_D, two_D = _drawn_again(before, after, name)
    found_D = two_D / np.maximum(one_D, 1e-9)
    low, high = np.quantile(found_D[1:], [0.025, 0.975]).tolist()
    return float(found_D[0]), low, high


def _drawn_again(before: Measured, after: Measured, name: str, draws: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Means over prompts of two arms: of the prompts as they are, then of each draw of seeds and prompts in them."""
    one, two = before.by_prompt(name), after.by_prompt(name)
    both = sorted(one.keys() & two.keys())
    one_P, two_P = (np.array([said[prompt] for prompt in both]) for said in (one, two))
    of_prompt = [prompt.rpartition(":")[0] for prompt in both]
    seeds = [np.array([at for at, seed in enumerate(of_prompt) if seed == own]) for own in sorted(set(of_prompt))]
    rng, sizes = np.random.default_rng(0), np.array([len(own) for own in seeds])
    rows_SP = np.stack([np.resize(own, sizes.max()) for own in seeds])
    chosen_DS = rng.integers(len(seeds), size=(draws, len(seeds)))
    at_DSP = (rng.random((*chosen_DS.shape, sizes.max())) * sizes[chosen_DS][..., None]).astype(int)
    rows_DSP = np.take_along_axis(rows_SP[chosen_DS], at_DSP, 2)
    counts_DSP = np.arange(sizes.max()) < sizes[chosen_DS][..., None]
    again = [np.average(values[rows_DSP], (1, 2), counts_DSP) for values in (one_P, two_P)]
    return np.append(one_P.mean(), again[0]), np.append(two_P.mean(), again[1])


def publish_study(
    measured: Sequence[Measured],
    grounds: Sequence[Ground],
    sheets: Sequence[Mapping[str, np.ndarray]],
    name: str,
    out: Path,
    bench: Path,
) -> None:
    """Print the figures, write BENCH/study_preference.json, OUT/index.html and OUT/sheet.png, which has a row of a
    prompt's sample in each arm. `sheets`: samples by arm, RGB uint8 (N, F, H, W, 3), of every seed."""
    figures = figures_of(measured, grounds)
    publish("study_preference", f"make study-preference ({name})", figures, bench)
    arms = list(sheets[0])
    of_prompts = [row for sheet in sheets for row in zip(*(sheet[arm][:SHOWN] for arm in arms), strict=True)]
    rows = [np.concatenate([_framed(clip) for clip in row], 1) for row in of_prompts]
    (out / "sheet.png").write_bytes(png(np.concatenate(rows).repeat(2, 0).repeat(2, 1)))
    (out / "index.html").write_text(_page(measured, figures, name, arms), "utf-8")


def _framed(clip_FHWC: np.ndarray, most: int = 9) -> np.ndarray:
    """Frames of a clip side by side with a pixel of black between them, and more after the last."""
    at = np.linspace(0, len(clip_FHWC) - 1, min(most, len(clip_FHWC))).round().astype(int)
    frames = np.pad(clip_FHWC[at], ((0, 0), (1, 0), (1, 0), (0, 0)))
    return np.pad(np.concatenate(list(frames), 1), ((0, 0), (0, 6), (0, 0)))


PLOTS = {
    "damaged, nothing asked": "damaged where nothing is asked, before less after",
    "damaged": "damaged, all, before less after",
    "damaged, a Judge of other votes": "damaged by a Judge of other votes, before less after",
    "read": "departures read by AniCaption, over before",
    "motion": "motion of sound samples, over before",
    "obeys": "camera moves obeyed, over before",
}


def _plots(measured: Sequence[Measured]) -> str:
    """What each arm changed, with 95 % over seeds and prompts."""
    before, later = measured[0], measured[1:]
    cards = []
    for name, what in ((name, what) for name, what in PLOTS.items() if name in before.each):
        of, line = (difference, 0.0) if name.startswith("damaged") else (ratio, 1.0)
        rows = {one.arm: of(before, one, name) for one in later}
        cards.append(f"<div class='card'><b>{escape(what)}</b>{interval_plot(rows, line)}</div>")
    return f"<div class='grid' style='grid-template-columns:repeat(2,1fr)'>{''.join(cards)}</div>"


def _page(measured: Sequence[Measured], figures: Sequence[Figure], name: str, arms: Sequence[str]) -> str:
    heads = "".join(f"<th class='num'>{escape(one.arm)}</th>" for one in measured)
    shares = "".join(
        f"<tr><td>{escape(what)}</td>" + "".join(f"<td class='num'>{one.share(what):.3f}</td>" for one in measured)
        + "</tr>"
        for what in measured[0].each
    )  # fmt: skip
    return page(
        "Preference study",
        f"<h1>Does preference take failures out and leave the art in?</h1><p class='soft'>{escape(name)}</p>"
        f"<p>{escape(SMALL)}</p>"
        f"<div class='card'><table><tr><th>mean over samples</th>{heads}</tr>{shares}</table></div>"
        f"<h2>What each arm changed <small>95 % over seeds and prompts</small></h2>{_plots(measured)}"
        f"<h2>The same prompts and seeds: {escape(', '.join(arms))}</h2><img src='sheet.png' style='max-width:100%'>"
        f"<h2>Figures of {DPO}</h2><div class='card'>{table(figures, DPO)}</div>",
    )
