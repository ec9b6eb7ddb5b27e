"""`make study-preference`: does preference take failures out of a policy and leave the art in?

A tiny policy learns a known mixture of drawn clips: three in ten damaged, one in five with a departure that its tags
ask for. Then N = 4 candidates a prompt are sampled, scored by a Judge fitted on simulated votes, paired (gate 2.0, the
closest 30 % answered by simulated people), and Flow-DPO runs by the trainer's objective beside its controls:
winners-only SFT, shuffled labels, best of 4. A Judge fitted on other clips and votes, and a detector that knows the
damage in pixels, say what came of it. Runs go on where they were stopped.

The default is what one core of a CPU can show in minutes: in 24 x 36 pixels the only departures that exist are white
flashes, and the damage is two lost frames. `--gpu-size` is the study proper: 49 frames of 96 x 160, smears, all seven
kinds of damage, a policy of 21M parameters, 60,000 steps; `forecast` says 21.5 GiB for it, and nobody has run it yet.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import hashlib
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from animatrix_reward import features, fit, fit_rows, judge, pairs, simulate, simulate_clips
from animatrix_reward import score as scoring
from animatrix_reward.asked import asked as numbers_of
from animatrix_reward.corrupt import CORRUPTIONS
from animatrix_reward.dimensions import HUMAN
from animatrix_reward.excuse import runs
from animatrix_reward.features import Seen
from animatrix_reward.simulate_clips import Shown
from animatrix_trainer.checkpoint import System

from benchmarks.study import preference_bed as beds
from benchmarks.study import preference_told as told
from benchmarks.study.bed import Size
from benchmarks.study.preference_arms import (
    ARMS,
    BASE,
    BEST,
    TRAINED,
    Candidates,
    Policy,
    drawn_by,
    implicit,
    learn_arm,
    learn_mixture,
)
from benchmarks.study.preference_bed import Drawn, Prompt
from benchmarks.study.preference_measure import Measured, Show, departs, detector, joined, measure, noticed

T = TypeVar("T")
N = 4
JUDGES = ("the Judge", "a Judge of other votes")


@dataclass(frozen=True)
class Plan:
    """What a study is made of; runs of other plans lie in other folders. Counts are of prompts."""

    size: Size = field(default_factory=lambda: Size(9, 24, 36))
    policy: Policy = field(default_factory=Policy)
    mixture: int = 60
    judged: int = 12
    paired: int = 20
    tested: int = 20
    samples: int = 2
    epochs: int = 14
    kinds: tuple[str, ...] = (beds.LOST,)
    deformations: tuple[str, ...] = (beds.FLASH,)
    people: float = 0.3
    seed: int = 0

    @property
    def detected(self) -> bool:
        """Whether the detector sees every kind of damage, so that people can be simulated who look at samples."""
        return self.kinds == (beds.LOST,)

    def folder(self) -> str:
        words = json.dumps(asdict(self), sort_keys=True)
        size = self.size
        return f"{size.frames}x{size.height_px}x{size.width_px}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


def gpu_size() -> Plan:
    """The study proper. Smears are some ten pixels wide there, limbs can be counted, and shares have errors of 2 %.

    The detector knows only lost frames, so nobody can be simulated who looks at samples: Judges are fitted on drawn
    clips alone, and pairs for people are left out; `animatrix-reward pairs` gives them to the room.
    """
    policy = Policy(steps=60_000, steps_preference=3000, batch=16, pairs=8, width=384, layers=8, patch_px=(8, 8),
                    lr=3e-4, lr_preference=1e-5, beta=2000.0, sample_steps=20, device="cuda")  # fmt: skip
    return Plan(Size(49, 96, 160), policy, 300, 120, 500, 200, 4, 20, tuple(CORRUPTIONS), beds.SMEARS + beds.IMPACTS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu-size", action="store_true", help="the study proper; the other sizes then say nothing")
    small, policy = Plan(), Policy()
    parser.add_argument("--steps", type=int, default=policy.steps, help="of the policy on the mixture")
    parser.add_argument("--preference-steps", type=int, default=policy.steps_preference, help="of each trained arm")
    parser.add_argument("--beta", type=float, default=policy.beta)
    parser.add_argument("--preference-lr", type=float, default=policy.lr_preference)
    parser.add_argument("--sft", type=float, default=policy.sft, help="weight of the winners' own loss beside DPO")
    parser.add_argument("--mixture", type=int, default=small.mixture, help="prompts, ten clips of each")
    parser.add_argument("--judged", type=int, default=small.judged, help="prompts for each of the two Judges")
    parser.add_argument("--prompts", type=int, default=small.paired, help="prompts of candidates")
    parser.add_argument("--test", type=int, default=small.tested, help="prompts to measure on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="the whole study once for each")
    parser.add_argument("--judge", type=Path, help="a saved Judge (of `make bench-reward`) to score beside the study's")
    parser.add_argument("--out", type=Path, default=Path("build/study-preference"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    plan = gpu_size() if given.gpu_size else Plan(
        policy=Policy(given.steps, given.preference_steps, beta=given.beta, lr_preference=given.preference_lr,
                      sft=given.sft),
        mixture=given.mixture, judged=given.judged, paired=given.prompts, tested=given.test,
    )  # fmt: skip
    study([replace(plan, seed=seed) for seed in given.seeds], given.out, given.judge)


def study(plans: Sequence[Plan], out: Path, given: Path | None = None, bench: Path = Path("build/bench")) -> None:
    """Do what is not done yet of every plan, which differ in their seeds; tell of all of it."""
    runs = [run(plan, out / plan.folder(), given) for plan in plans]
    measured = [joined([found[at] for found, _, _ in runs]) for at in range(len(ARMS))]
    size, seeds = plans[0].size, ", ".join(str(plan.seed) for plan in plans)
    name = f"{size.frames} x {size.height_px} x {size.width_px}, seeds {seeds}"
    told.publish_study(measured, [ground for _, ground, _ in runs], [sheet for *_, sheet in runs], name, out, bench)


def run(plan: Plan, out: Path, given: Path | None = None) -> tuple[list[Measured], told.Ground, dict[str, np.ndarray]]:
    """One seed: its arms in the order of ARMS, what they stand on, and the first sample of every test prompt by arm."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text(json.dumps(asdict(plan)) + "\n", "utf-8")
    mixture, paired, tested = (prompts_of(plan, part) for part in ("mixture", "paired", "tested"))
    clips = kept(out / "mixture.pkl", lambda: list(beds.mixture(mixture, plan.kinds, plan.size, plan.seed)))
    base = learn_mixture(plan.policy, clips, plan.size, plan.seed, out / "policy.pt")
    shows = {name: kept(out / f"{name}.pkl", lambda name=name: judged(plan, name, base)) for name in JUDGES}
    limit = detector([one.drawn for one in shows[JUDGES[0]]])
    judges = {name: kept(out / f"{name}-fitted.pkl", lambda name=name: fitted_on(shows[name], plan, name, limit)).judge
              for name in JUDGES}  # fmt: skip
    if given:
        judges["given"] = judge.load(given)
    seen, looks = kept(out / "candidates.pkl", lambda: candidates(base, paired, plan))
    made, unsupported = pairs_of(judges[JUDGES[0]], seen, looks, limit, plan)
    fitting, unseen = split_pairs(made.pairs, paired)
    samples = {}
    for arm in (BASE, *TRAINED):
        name, n = arm.replace(" ", "-"), N if arm == BASE else plan.samples
        trained = learn_arm(arm, plan.policy, base, fitting, seen, out / f"{name}.pt") if arm in TRAINED else base
        drawn, views = kept(
            out / f"{name}-samples.pkl", lambda trained=trained, n=n: candidates(trained, tested, plan, n)
        )
        facts = kept(
            out / f"{name}-facts.pkl",
            lambda trained=trained, arm=arm: {
                where: implicit(trained, base, some, seen)
                for where, some in (("fitting", fitting), ("unseen", unseen))
                if arm in TRAINED
            },
        )
        samples[arm] = drawn.videos, views, facts
    samples[BEST] = *chosen(judges[JUDGES[0]], tested, *samples[BASE][:2]), {}
    measured = []
    for arm in ARMS:
        measured.append(measure(arm, tested, samples[arm][0], samples[arm][1], judges, limit, samples[arm][2]))
        print(f"seed {plan.seed}, {told.line(measured[-1])}", flush=True)
    true = {name: [one for one in shows[other] if one.true] for name, other in zip(JUDGES, JUDGES[::-1])}
    second = true[JUDGES[0]]
    ground = told.Ground(
        limit=limit,
        detector=float(np.mean([noticed(one, limit) == bool(one.failed) for one in clips])),
        judges={name: told.auroc(one, true.get(name, second)) for name, one in judges.items()},
        candidates=len(seen.videos),
        unsupported=unsupported,
        rejected=made.rejected,
        pairs=len(made.pairs),
        by_people=sum(one.by == "people" for one in made.pairs),
        reader=told.ceiling(clips),
    )
    sheet = {arm: np.stack([next(v for name, v in samples[arm][0].items() if name.split("/")[0] == prompt.id)
                            for prompt in tested]) for arm in ARMS}  # fmt: skip
    return measured, ground, sheet


def kept(place: Path, make: Callable[[], T]) -> T:
    """What `make` gives, made once. Written whole or not at all."""
    if not place.exists():
        made = make()
        place.with_suffix(".part").write_bytes(pickle.dumps(made))
        place.with_suffix(".part").replace(place)
        print(f"{place.name}: made", flush=True)
    return pickle.loads(place.read_bytes())


def prompts_of(plan: Plan, part: str) -> list[Prompt]:
    """Prompts of a part of the study. A third of those that are judged or sampled want a deformation."""
    counts = {"mixture": plan.mixture, "paired": plan.paired, "tested": plan.tested} | dict.fromkeys(
        JUDGES, plan.judged
    )
    share = beds.ASKED if part == "mixture" else 1 / 3
    seed = 10 * plan.seed + list(counts).index(part)
    return beds.prompts(counts[part], plan.size.frames, plan.deformations, seed, share)


def judged(plan: Plan, name: str, base: System) -> list[Show]:
    """What one Judge is fitted on: drawn clips of its own prompts, and two samples of the policy for each where people
    can be simulated who look at them, so that it knows what samples look like."""
    asked = prompts_of(plan, name)
    rows = [Show(one, features.look(one.frames), True) for prompt in asked
            for one in beds.candidates(prompt, plan.deformations, plan.kinds, plan.size)]  # fmt: skip
    if not plan.detected:
        return rows
    sampled, looks = candidates(base, asked, plan, 2)
    for id, prompt in sampled.prompts.items():
        rows.append(Show(Drawn(f"{id}:sample", prompt, sampled.videos[id], (), ()), looks[id], False))
    return rows


def candidates(system: System, asked: Sequence[Prompt], plan: Plan, n: int = N) -> tuple[Candidates, dict[str, Seen]]:
    """`n` samples of each prompt, and what a Judge sees of them."""
    firsts = [beds.pictures(prompt.shot("none"), plan.size)[0] for prompt in asked]
    videos = drawn_by(system, asked, firsts, n)
    prompts = {f"{prompt.id}/{k}": prompt for prompt in asked for k in range(n)}
    return Candidates(videos, prompts), {name: features.look(video) for name, video in videos.items()}


def fitted_on(shows: Sequence[Show], plan: Plan, name: str, limit: float) -> fit.Fitted:
    """A Judge from the votes of simulated raters with known faults on these clips."""
    shown = [one.drawn.shown() if one.true else truth(one.drawn, limit) for one in shows]
    events = simulate_clips.votes(shown, seed=1000 * plan.seed + JUDGES.index(name))
    n_frames, prompts = {one.id: one.n_frames for one in shown}, {one.id: one.prompt for one in shown}
    asked = {one.drawn.id: numbers_of(one.drawn.prompt.tags, "") for one in shows}
    config = judge.JudgeConfig(shows[0].seen.columns_TF.shape[1], len(asked[shows[0].drawn.id]), pictures=False)
    return fit.fit(
        {one.drawn.id: one.seen for one in shows},
        asked,
        fit_rows.rows_of(events, n_frames, prompts),
        fit.Settings(epochs=plan.epochs, seed=plan.seed + JUDGES.index(name)),
        config=config,
    )


def truth(sample: Drawn, limit: float) -> Shown:
    """What simulated people take a sample for: damaged as the detector has it, its deformation there where it is
    noticed in the pixels. Their raters' faults come on top."""
    prompt, there = sample.prompt, departs(sample.frames, sample.prompt)
    meant = ((prompt.deformation, prompt.start, prompt.end, 1),) if there else ()
    failed = (("pop", 1, prompt.n_frames, 4),) if noticed(sample, limit) else ()
    return replace(sample, meant=meant, failed=failed).shown()


def pairs_of(
    by: judge.Judge, seen: Candidates, looks: dict[str, Seen], limit: float, plan: Plan
) -> tuple[pairs.Paired, int]:
    """Labelled pairs of the candidates, and how many of these look like nothing that the Judge was fitted on. The
    closest are answered by three simulated people each."""
    names = list(seen.videos)
    scores = scoring.score(by, [looks[id] for id in names], [numbers_of(seen.prompts[id].tags, "") for id in names])
    rows = [
        pairs.Candidate(id, seen.prompts[id].id, one.composite, one.structure, one.supported,
                        tuple(runs(one.reading.excused_T > 0.5)))
        for id, one in zip(names, scores)
    ]  # fmt: skip
    made = pairs.pair(rows, people=plan.people)
    unsupported = sum(not one.supported for one in scores)
    if not plan.detected:
        return made, unsupported
    worth = {}
    for id in names:
        said = simulate_clips.qualities(truth(Drawn(id, seen.prompts[id], seen.videos[id], (), ()), limit))
        worth[id] = float(np.mean([said[name] for name in HUMAN]))
    votes = simulate.compare(worth, made.ask, simulate_clips.RATERS[:3], seed=plan.seed)
    return pairs.pair(rows, votes, people=plan.people), unsupported


def split_pairs(made: Sequence[pairs.Pair], asked: Sequence[Prompt]) -> tuple[list[pairs.Pair], list[pairs.Pair]]:
    """Pairs to learn from, and those of every fifth prompt, which are not."""
    held = {prompt.id for prompt in asked[::5]}
    return [one for one in made if one.prompt not in held], [one for one in made if one.prompt in held]


def chosen(
    by: judge.Judge, asked: Sequence[Prompt], videos: dict[str, np.ndarray], looks: dict[str, Seen]
) -> tuple[dict[str, np.ndarray], dict[str, Seen]]:
    """The candidate of each prompt that the Judge holds for best: an accepted one where there is one."""
    best = []
    for prompt in asked:
        names = [f"{prompt.id}/{k}" for k in range(N)]
        scores = scoring.score(by, [looks[id] for id in names], [numbers_of(prompt.tags, "")] * N)
        best.append(names[max(range(N), key=lambda k: (scores[k].accepted, scores[k].composite))])
    return {id: videos[id] for id in best}, {id: looks[id] for id in best}


if __name__ == "__main__":
    main()
