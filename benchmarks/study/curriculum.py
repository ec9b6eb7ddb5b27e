"""`make study-curriculum`: does it matter in which order deformation is met?

First a prior is trained on drawn clips without deformation. From that checkpoint four arms see one pool of graded
clips (curriculum_bed.py) for the same number of steps and samples, under the same noise: `curriculum`, where a clip is
drawn by sigmoid(gamma (tau - D + beta)), through the trainer's own plan and pools; `shuffled mixture`, the curriculum's
very batches in random order, which tells order from amount; `uniform`; and `hardest first`, the curriculum with 1 - D
in the place of D. The rate of learning stays the same all through, so that no order has its clips at a better one.
Measured along the way on clips that nobody trains on: loss by deformation quantile at fixed noise, forgetting, and
collapse (curriculum_collapse.py). Runs go on where they were stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from animatrix_trainer import checkpoint, curriculum, held_out
from animatrix_trainer.checkpoint import System
from animatrix_trainer.conditioning.guidance import Wish
from animatrix_trainer.config import Recipe
from animatrix_trainer.data.plan import Pick, Plan
from animatrix_trainer.data.pools import Pool, Traits
from animatrix_trainer.data.read import Batch
from animatrix_trainer.objective import errors, objective, task
from animatrix_trainer.sample import Asked, sample

from benchmarks.study import arms, bed, curriculum_told
from benchmarks.study.curriculum_bed import PARTS, Graded, clips
from benchmarks.study.curriculum_collapse import Yardstick

ARMS = ("curriculum", "shuffled mixture", "uniform", "hardest first")
SHUFFLED = "shuffled mixture"
PRIOR = "prior"
WARMUP_STEPS = 20
UNSEEN = 10**7
"""Held-out clips have sample numbers from here on, so their noise is nobody's in training."""
SHOWN = 3
"""Samples that are kept to be looked at: one of each grade."""


@dataclass(frozen=True)
class Study:
    """What a study is made of; runs of other ones lie in other folders."""

    size: bed.Size
    prior_steps: int
    steps: int
    batch: int
    marks: int
    n_prior: int
    n_pool: int
    n_held: int
    n_samples: int
    patch_px: int
    width: int
    lr: float

    def folder(self) -> str:
        frames, height_px, width_px = astuple(self.size)
        return "-".join([f"{frames}x{height_px}x{width_px}", *(f"{number:g}" for number in astuple(self)[1:])])

    def places(self) -> tuple[int, ...]:
        """The steps at which an arm is measured; the last is its last."""
        return tuple(round(self.steps * at / self.marks) for at in range(1, self.marks + 1))


@dataclass(frozen=True)
class Mark:
    """An arm after `step` steps: the loss of every held-out clip and the distance of every sample."""

    step: int
    losses: list[float]
    far: list[float]


@dataclass(frozen=True)
class Outcome:
    """One arm and seed. The prior has one mark, step 0 of the others. `hardness`: mean D of the batch of each step."""

    arm: str
    seed: int
    marks: list[Mark]
    hardness: list[float]

    @classmethod
    def read(cls, path: Path) -> Outcome:
        said = json.loads(path.read_text("utf-8"))
        return cls(said["arm"], said["seed"], [Mark(**mark) for mark in said["marks"]], said["hardness"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--height", type=int, default=64)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--prior-steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--marks", type=int, default=6, help="how often an arm is measured")
    parser.add_argument("--prior", type=int, default=480, help="clips of the prior")
    parser.add_argument("--pool", type=int, default=720, help="clips that all arms draw from")
    parser.add_argument("--held", type=int, default=240, help="held-out clips")
    parser.add_argument("--samples", type=int, default=48, help="of them drawn from their first frames")
    parser.add_argument("--patch", type=int, default=8)
    parser.add_argument("--model-width", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=ARMS)
    parser.add_argument("--minutes", type=float, default=15.0, help="of computing before it stops, to be run again")
    parser.add_argument("--out", type=Path, default=Path("build/study-curriculum"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    size = bed.Size(given.frames, given.height, given.width)
    plan = Study(size, given.prior_steps, given.steps, given.batch, given.marks, given.prior, given.pool, given.held,
                 given.samples, given.patch, given.model_width, given.lr)  # fmt: skip
    study(plan, given.arms, given.seeds, given.minutes, given.out / plan.folder())


def study(plan: Study, names: Sequence[str], seeds: Sequence[int], minutes: float, out: Path) -> None:
    """Train what is not trained yet, measure what is not measured, tell of what there is."""
    until = time.process_time() + 60 * minutes
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text(json.dumps(asdict(plan)) + "\n", "utf-8")
    drawn = out.parent / "clips"
    prior = clips(drawn, "prior", plan.n_prior, plan.size, grades=("none",))
    pool, held = clips(drawn, "pool", plan.n_pool, plan.size), clips(drawn, "held", plan.n_held, plan.size)
    yardstick = Yardstick.of(pool, held)
    unfinished = []
    for seed in seeds:
        for name in (PRIOR, *names):
            place = out / f"{name.replace(' ', '-')}-{seed}"
            if place.with_suffix(".json").exists():
                continue
            seen = prior if name == PRIOR else pool
            outcome = run(name, plan, seen, held, yardstick, seed, place, until)
            if outcome is None:
                unfinished.append(place.name)
                break  # arms begin with a finished prior
            place.with_suffix(".json").write_text(json.dumps(asdict(outcome)) + "\n", "utf-8")
            print(curriculum_told.one(outcome), flush=True)
    outcomes = [Outcome.read(path) for path in sorted(out.glob("*-[0-9].json"))]
    if any(outcome.arm != PRIOR for outcome in outcomes):
        curriculum_told.publish_study(outcomes, held, yardstick, out)
    if unfinished:
        print(f"not finished: {', '.join(unfinished)}; run the same command again")


def run(
    name: str, plan: Study, seen: Graded, held: Graded, yardstick: Yardstick, seed: int, place: Path, until: float
) -> Outcome | None:
    """An arm, or the prior, from where it was to its last step; None where time ran out."""
    system = build(plan, seed)
    first, steps, places = 0, plan.prior_steps, (plan.prior_steps,)
    if name != PRIOR:
        before = torch.load(place.parent / f"{PRIOR}-{seed}.pt", weights_only=True)
        system.model.load_state_dict(before["model"])
        first, steps, places = plan.prior_steps * plan.batch, plan.steps, plan.places()
    order, turns = ordered(name, plan, seen, steps, seed), turns_of(name, steps, seed)

    def look(step: int) -> Mark:
        system.model.eval()
        videos = samples(system, held, plan, seed)
        np.save(place.with_suffix(".npy"), videos[:SHOWN])
        found = Mark(0 if name == PRIOR else step, losses(system, held, plan), yardstick.distances(videos).tolist())
        system.model.train()
        return found

    marks = teach(
        system, lambda step: batch_of(seen, order.step(turns[step]), first), steps, places, look, place, until
    )
    if marks is None:
        return None
    return Outcome(name, seed, marks, [] if name == PRIOR else hardness(order, turns, seen))


def build(plan: Study, seed: int) -> System:
    """The untrained system."""
    return checkpoint.build(recipe(plan, seed))


def recipe(plan: Study, seed: int) -> Recipe:
    """Tags by both paths, told when deformations hold."""
    own = arms.recipe(arms.BY_NAME["both paths"], plan.size, seed, plan.patch_px, plan.lr, plan.width)
    return replace(own, tags=replace(own.tags, spans=16), flow=replace(own.flow, s_mean=1.0))


def ordered(name: str, plan: Study, seen: Graded, steps: int, seed: int) -> Plan:
    """Which clips make up the batch of each step. All orders draw with replacement; clips are alike but for D."""
    own = recipe(plan, seed)
    bucket = replace(own.stages[0].buckets[0], batch=plan.batch)
    weights = "balanced" if name in (PRIOR, "uniform") else "curriculum"
    stage = replace(own.stages[0], steps=steps, buckets=(bucket,), weights=weights, difficulty=PARTS)
    traits = Traits(np.full(len(seen), plan.size.frames), weight=np.ones(len(seen)), parts=seen.parts)
    order = Plan(replace(own, stages=(stage,)), traits)
    if name == "hardest first":
        order.pools = [[mirrored(pool) for pool in of_stage] for of_stage in order.pools]
    return order


def turns_of(name: str, steps: int, seed: int) -> list[int]:
    """Whose batch of the order comes at each step: its own, or for the shuffled mixture any other's, each once."""
    return np.random.default_rng([seed, 21]).permutation(steps).tolist() if name == SHUFFLED else list(range(steps))


def mirrored(pool: Pool) -> Pool:
    """The pool with 1 - D in the place of D: what is hardest is open from the start."""
    return replace(pool, levels=1 - pool.levels)


def hardness(order: Plan, turns: Sequence[int], seen: Graded) -> list[float]:
    """Mean D of the batch of each step."""
    difficulty_N = curriculum.difficulty([curriculum.quantile(seen.parts[part]) for part in PARTS])
    return [float(np.mean([difficulty_N[pick.row] for pick in order.step(turn)])) for turn in turns]


def batch_of(seen: Graded, picks: Sequence[Pick], first: int) -> Batch:
    """The clips of some picks, whose noise is that of the samples from number `first` on."""
    rows = [pick.row for pick in picks]
    return _batch(seen, rows, tuple(first + pick.number for pick in picks))


def _batch(seen: Graded, rows: Sequence[int], numbers: tuple[int, ...]) -> Batch:
    videos = np.stack([seen.video_NFHWC[row] for row in rows])
    return Batch(numbers, videos, tuple(seen.conditions[row] for row in rows))


def teach(
    system: System,
    batch: Callable[[int], Batch],
    steps: int,
    places: Sequence[int],
    look: Callable[[int], Mark],
    place: Path,
    until: float,
) -> list[Mark] | None:
    """Train from where `place`.pt was to the last step, looking at `places`; None where time ran out."""
    lr = system.recipe.stages[0].lr
    optimizer = torch.optim.AdamW(system.model.parameters(), lr=lr, betas=(0.9, 0.99), weight_decay=0.01)
    done, marks, kept = 0, [], place.with_suffix(".pt")
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        system.model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done, marks = state["step"], [Mark(**mark) for mark in state["marks"]]
    while done < steps and time.process_time() < until:
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1.0, (done + 1) / WARMUP_STEPS)
        loss = objective(system.model, system, batch(done))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(system.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done += 1
        if done in places:
            marks.append(look(done))
    state = {"model": system.model.state_dict(), "optimizer": optimizer.state_dict(), "step": done}
    torch.save(state | {"marks": [asdict(mark) for mark in marks]}, kept)
    print(f"{place.name}: step {done} of {steps}", flush=True)
    return marks if done == steps else None


@torch.no_grad()
def losses(system: System, held: Graded, plan: Study) -> list[float]:
    """The loss of each held-out clip, a mean over three fixed noise shares; the same noise at all times."""
    shares, found = held_out.sigmas(system.recipe)[::2], []
    for start in range(0, len(held), plan.batch):
        rows = range(start, min(start + plan.batch, len(held)))
        asked = task(system, _batch(held, rows, tuple(UNSEEN + row for row in rows)))
        at = [errors(system.model, system, replace(asked, s_B=torch.full_like(asked.s_B, s))) for s in shares]
        found += torch.stack(at).mean(0).tolist()
    return found


def samples(system: System, held: Graded, plan: Study, seed: int) -> np.ndarray:
    """Clips RGB uint8 (N, F, H, W, 3) from the first frames and tags of held-out ones, grades in turn."""
    asked = [
        Asked(Wish(held.conditions[row]), seed * 10_000 + row, {0: np.array(held.video_NFHWC[row, 0])})
        for row in range(plan.n_samples)
    ]
    return np.concatenate([sample(system, asked[at : at + 8]) for at in range(0, len(asked), 8)])


if __name__ == "__main__":
    main()
