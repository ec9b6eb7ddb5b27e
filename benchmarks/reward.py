"""`make bench-reward`: does the Judge tell art from failure, on kinds and a hand that it was not fitted on?

Drawn clips with intentional deformations and made failures; votes by simulated raters. Judges are fitted on the first
hand only: one on all kinds, and one per fold that leaves some kinds of art and some of failure out of its training
altogether. Every threshold and every tie band comes from validation prompts. Rivals see the same clips.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
import tyro
from animatrix_reward import drawn_clips, evaluate, fit, metamorphic
from animatrix_reward.evaluate import ART_FLAGGED, FAILURES_CAUGHT, Told, by_kind
from animatrix_reward.evaluate_votes import votes_of
from animatrix_reward.excuse import MAY_LAST
from animatrix_reward.features import look
from animatrix_reward.judge import Judge, JudgeConfig, save
from animatrix_reward.score import Score, probabilities, score

from benchmarks.figures import Figure, publish
from benchmarks.reward_data import Row, rows_of_prompt, subject_of, told_by_raters
from benchmarks.reward_rivals import RIVALS

# What each fold leaves out of training: kinds of art, kinds of failure.
FOLDS = (
    ({"smear_stretch", "squash", "gag_face", "mono", "white_flash"}, {"melt", "flicker"}),
    ({"smear_multiple", "stretch", "chibi_shift", "line_breakup", "inverted"}, {"pop", "boiling_line"}),
    ({"smear_abstract", "impact_distort", "morph", "rubber_limb", "forced_perspective", "limited_color", "black_flash"},
     {"extra_limb", "identity_swap", "background_merge"}),
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How much is drawn. Seeds of the tests are never fitted on, and nobody tunes on the second hand."""

    train_prompts: int = 100
    test_prompts: int = 24
    train_seed: int = 2400
    test_seed: int = 7210
    other_seed: int = 7310
    suite_seed: int = 7410
    height_px: int = 96
    epochs: int = 14
    pictures: bool = False
    """let the Judge's own small network look at the frames too: several times slower on a CPU"""
    suite_prompts: int = 28
    folds: int = 3
    draws: int = 400
    seed: int = 0
    workers: int = 2
    cache: Path = Path("build/bench/reward")


def main(settings: Settings) -> None:
    """Draw, fit, measure, publish."""
    one_thread()
    train = drawn(settings, settings.train_prompts, settings.train_seed, "first", training=True)
    tests = {
        "first hand": drawn(settings, settings.test_prompts, settings.test_seed, "first"),
        "second hand": drawn(settings, settings.test_prompts, settings.other_seed, "second"),
    }
    whole = fitted(train, settings)
    save(whole.judge, settings.cache / "judge", {"tie_logit": whole.tie_logit, "overall_scale": whole.overall_scale})
    held = [row for row in train if row.prompt in whole.validation_prompts and not row.change]
    held_scores = scores_of(whole.judge, held)
    figures = []
    for name, rows in tests.items():
        scores = scores_of(whole.judge, rows)
        figures += told_figures(name, rows, scores, whole.judge, held, settings)
        figures += pair_figures(name, (rows, scores), (held, held_scores), whole, settings)
        figures += kind_figures(name, rows, scores)
    figures += fold_figures(train, tests, settings)
    figures += support_figures(whole.judge, held_scores, tests)
    figures += suite_figures(whole.judge, settings)
    publish("reward", "make bench-reward", figures)


def one_thread() -> None:
    """Cores are for processes here."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def drawn(settings: Settings, n: int, seed: int, hand: str, *, training: bool = False) -> list[Row]:
    """Rows of `n` prompts."""
    rows_of = partial(
        rows_of_prompt, hand=hand, cache=settings.cache, training=training, height_px=settings.height_px
    )  # fmt: skip
    with ProcessPoolExecutor(settings.workers, initializer=one_thread) as pool:
        return [row for rows in pool.map(rows_of, drawn_clips.prompts(n, seed)) for row in rows]


def fitted(rows: Sequence[Row], settings: Settings) -> fit.Fitted:
    """A Judge from the votes of simulated raters on these rows."""
    _, learned = told_by_raters(rows, settings.seed)
    seen, asked = {row.id: row.seen for row in rows}, {row.id: row.asked() for row in rows}
    some = rows[0]
    config = JudgeConfig(some.seen.columns_TF.shape[1], len(some.asked()), pictures=settings.pictures)
    changes = [(row.id, row.made_of) for row in rows if row.change and row.made_of in seen]
    how = fit.Settings(seed=settings.seed, epochs=settings.epochs)
    return fit.fit(seen, asked, learned, how, config=config, changes=changes, say=partial(print, flush=True))


def scores_of(judge: Judge, rows: Sequence[Row]) -> list[Score]:
    return score(judge, [row.seen for row in rows], [row.asked() for row in rows])


def told(rows: Sequence[Row], failing: Sequence[float]) -> list[Told]:
    return [Told(r.id, r.prompt, r.art, r.failures, r.severity, float(f)) for r, f in zip(rows, failing)]


def told_figures(
    name: str, rows: Sequence[Row], scores: Sequence[Score], judge: Judge, held: Sequence[Row], settings: Settings
) -> list[Figure]:
    """Art against failure, with rivals whose thresholds come from the same validation clips by the same rule."""
    judged = told(rows, [one.pathology for one in scores])
    at = float(judge.threshold)
    rivals = {
        rival: (
            told(rows, [failing(row) for row in rows]),
            evaluate.threshold_of(told(held, [failing(row) for row in held])),
        )
        for rival, failing in RIVALS.items()
    }
    false = [one.failing > at for one in judged if not one.failures and not one.art]
    shares = [
        ("AUROC of failure against art", evaluate.auroc, lambda rows, at: evaluate.auroc(rows), "", None),
        ("intentional deformation called failure", partial(evaluate.flagged, threshold=at), evaluate.flagged,
         f"<= {ART_FLAGGED}", lambda x: x <= ART_FLAGGED),
        ("failures caught", partial(evaluate.caught, threshold=at), evaluate.caught,
         f">= {FAILURES_CAUGHT}", lambda x: x >= FAILURES_CAUGHT),
    ]  # fmt: skip
    found = []
    for what, statistic, of_rival, goal, holds in shares:
        interval = evaluate.interval(judged, statistic, draws=settings.draws)
        beside = {"95 % from": interval.low, "95 % to": interval.high}
        beside |= {rival: of_rival(rows_, at_) for rival, (rows_, at_) in rivals.items()}
        found.append(figure(f"{name}: {what}", interval.value, beside, goal, holds))
    found.append(figure(f"{name}: plain clips called failure", float(np.mean(false)), {"n": len(false)}))
    plainly = [one for one in judged if not one.failures or one.severity >= 3]
    found.append(figure(f"{name}: failures of severity 3 and more caught", evaluate.caught(plainly, at), {}))
    return found


Scored = tuple[Sequence[Row], Sequence[Score]]


def pair_figures(name: str, tested: Scored, validated: Scored, whole: fit.Fitted, settings: Settings) -> list[Figure]:
    """Pairwise accuracy on votes of other raters' seeds, and calibration."""
    rows, held = tested[0], validated[0]
    events, _ = told_by_raters(rows, settings.seed + 1)
    held_events, _ = told_by_raters(held, settings.seed)
    scores, held_scores = ({row.id: one for row, one in zip(*side)} for side in (tested, validated))
    votes, band = votes_of(events, scores), evaluate.tie_band(votes_of(held_events, held_scores))
    clear, tied = {}, {}
    for rival, failing in RIVALS.items():
        sound = {row.id: -failing(row) for row in (*rows, *held)}
        theirs, of_held = rival_votes(events, sound), rival_votes(held_events, sound)
        clear[rival] = evaluate.accuracy(theirs)
        tied[rival] = evaluate.accuracy_with_ties(theirs, evaluate.tie_band(of_held))
    without = evaluate.bootstrap(votes, lambda vote: vote.prompt, evaluate.accuracy, draws=settings.draws)
    p = [probabilities(vote.margin, whole.overall_scale, whole.tie_logit) for vote in votes]
    sides = [(a / (a + b), vote.verdict == "left") for (a, b, _), vote in zip(p, votes) if vote.verdict != "tie"]
    commonest = max(np.mean([vote.verdict == word for vote in votes]) for word in ("left", "right", "tie"))
    interval = {"95 % from": without.low, "95 % to": without.high}
    return [
        figure(f"{name}: pairwise accuracy without ties", without.value, interval | clear),
        figure(f"{name}: pairwise accuracy with ties", evaluate.accuracy_with_ties(votes, band),
               {"always the commonest": float(commonest), **tied}),
        figure(f"{name}: calibration error", evaluate.calibration_error(*zip(*sides)), {"votes": len(sides)}),
    ]  # fmt: skip


def rival_votes(events, sound: dict[str, float]) -> list[evaluate.Vote]:
    """Votes with the margin of a rival, by the same road as the Judge's."""

    @dataclass(frozen=True)
    class Plain:
        composite: float

    return votes_of(events, {name: Plain(value) for name, value in sound.items()})  # pyright: ignore[reportArgumentType]


def kind_figures(name: str, rows: Sequence[Row], scores: Sequence[Score]) -> list[Figure]:
    """Per kind: what share is called a failure."""
    judged = told(rows, [float(one.fails) for one in scores])
    return [figure(f"{name}: called failure: {k}", share, {"n": n}) for k, (share, n) in by_kind(judged, 0.5).items()]


def fold_figures(train: Sequence[Row], tests: dict[str, list[Row]], settings: Settings) -> list[Figure]:
    """Kinds that the Judge never saw: one fit per fold, all folds' held-out clips together."""
    unseen: dict[str, list[Told]] = {name: [] for name in tests}
    over: dict[str, list[Told]] = {name: [] for name in tests}
    for art, failures in FOLDS[: settings.folds]:
        left = art | failures
        judge = fitted([row for row in train if not left & {*row.art, *row.failures}], settings).judge
        for name, rows in tests.items():
            some = [
                row
                for row in rows
                if (row.failures and set(row.failures) <= failures) or (not row.failures and set(row.art) & art)
            ]
            judged = told(some, [one.pathology for one in scores_of(judge, some)])
            unseen[name] += judged
            over[name] += [replace(one, failing=one.failing - float(judge.threshold)) for one in judged]
    found = []
    for name in tests:
        for what, statistic, goal, holds in (
            ("AUROC", evaluate.auroc, "", None),
            ("intentional deformation called failure", partial(evaluate.flagged, threshold=0.0), f"<= {ART_FLAGGED}",
             lambda x: x <= ART_FLAGGED),
            ("failures caught", partial(evaluate.caught, threshold=0.0), f">= {FAILURES_CAUGHT}",
             lambda x: x >= FAILURES_CAUGHT),
        ):  # fmt: skip
            interval = evaluate.interval(over[name], statistic, draws=settings.draws)
            beside = {"95 % from": interval.low, "95 % to": interval.high}
            found.append(figure(f"{name}, kinds held out: {what}", interval.value, beside, goal, holds))
        for kind, (share, n) in by_kind(over[name], 0.0).items():
            found.append(figure(f"{name}, kinds held out: called failure: {kind}", share, {"n": n}))
    return found


def support_figures(judge: Judge, held: Sequence[Score], tests: dict[str, list[Row]]) -> list[Figure]:
    """How many clips are flagged as unlike those of the fit."""
    shares = {name: np.mean([not one.supported for one in scores_of(judge, rows)]) for name, rows in tests.items()}
    own = np.mean([not one.supported for one in held])
    noise = [np.random.default_rng(k).integers(0, 255, (24, 96, 170, 3), dtype=np.uint8) for k in range(3)]
    blank = np.zeros(judge.config.asked, np.float32)
    strange = np.mean([not score(judge, [look(one)], [blank])[0].supported for one in noise])
    beside = {**{name: float(share) for name, share in shares.items()}, "white noise": float(strange)}
    return [figure("flagged as out of support: validation clips", float(own), beside)]


def suite_figures(judge: Judge, settings: Settings) -> list[Figure]:
    """The metamorphic suite on clips as asked for, of prompts of a seed of its own, and tags that must not matter."""
    clips = [
        next(drawn_clips.candidates(prompt, "first", settings.height_px, failures=0))
        for prompt in drawn_clips.prompts(settings.suite_prompts, settings.suite_seed)
    ]
    seen = [look(clip.frames_THWC) for clip in clips]
    # The figure that is swapped in is that of the next prompt: the same one would change nothing.
    others = [*clips[1:], clips[0]]
    subjects = [subject_of(clip, other, one.drawings_T) for clip, other, one in zip(clips, others, seen)]
    wishes = [Row("", "", "", dict(clip.tags), (), "", one) for clip, one in zip(clips, seen)]
    asked = [row.asked() for row in wishes]

    def composite(frames: np.ndarray, at: int) -> float:
        return score(judge, [look(frames)], [asked[at]])[0].composite

    passed = metamorphic.suite(subjects, composite, seed=settings.seed)
    rows = [figure(f"suite: {one.name}", one.rate, {"mean effect, points": one.mean, "n": one.n}) for one in passed]
    more = [replace(row, tags={**row.tags, "motion.deformation": (kind,)}) for row in wishes for kind in MAY_LAST]
    plain = [replace(row, tags={}) for row in wishes for _ in MAY_LAST]
    same = [
        a.structure == b.structure and a.mu["structural_stability"] == b.mu["structural_stability"]
        for a, b in zip(scores_of(judge, plain), scores_of(judge, more))
    ]
    rows.append(
        figure(
            "suite: a deformation tag leaves structural scores alone",
            float(np.mean(same)),
            {"n": len(same)},
            "1",
            lambda x: x == 1,
        )
    )
    return rows


def figure(
    what: str, value: float | None, beside: dict, goal: str = "", holds: Callable[[float], bool] | None = None
) -> Figure:
    """A figure; what is not defined is NaN and left out of the rivals."""
    known = float("nan") if value is None else float(value)
    rivals = {name: float(number) for name, number in beside.items() if number is not None}
    return Figure(what, known, rivals, goal, None if holds is None or value is None else bool(holds(known)))


if __name__ == "__main__":
    main(tyro.cli(Settings))
