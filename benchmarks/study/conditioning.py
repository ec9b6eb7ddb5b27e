"""`make study-conditioning`: do tags reach the picture better in a channel of their own than as words?

Five arms (arms.py) of equally many parameters see the same clips, noise and number of steps and are sampled with
equally many forwards. First the loss gap, which needs no sampling: how much worse a clip is predicted when one of its
values is swapped, under the same noise. Then obedience: clips are drawn from first frames that the values know nothing
of, and read back by AniCaption, with 0, 50 and 200 words of distracting prose. Runs go on where they were stopped.

As it stands it is small enough for one core, in several runs of 15 minutes (a step takes .2 s). The size that it was
thought out for is --frames 49 --height 64 --width 96 --steps 3000 --train 960 --tune 16 --test 48 --model-width 128.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from anicaption.frames import FILM_RATE
from anicaption.measure import read
from anicaption.measure.onepass import Watch
from animatrix_trainer.checkpoint import System
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.guidance import Wish
from animatrix_trainer.data.read import Batch
from animatrix_trainer.objective import errors, objective, task
from animatrix_trainer.sample import Asked, sample
from sklearn.linear_model import RidgeClassifier

from benchmarks.study import bed, told
from benchmarks.study.arms import ARMS, BY_NAME, DISTRACTIONS, Arm, build, condition, trained, with_guidance

Answer = dict[str, tuple[str, ...]]
SCALES = (1.0, 2.0, 4.0)
UNTOLD = 0.1
"""Share of samples that are told nothing, so that guidance has somewhere to start from."""
OFTEN = (0.5, 0.25, 0.25)
"""How often training steps come with each of DISTRACTIONS."""
MARKS = 4
PROBED_TEXTS, PROBE_LOT = 1200, 7
SHOWN = 3
"""Samples of an arm that are kept to be looked at."""


@dataclass(frozen=True)
class Plan:
    """What a study is made of; runs of other plans lie in other folders. `prompts` is the lot that the test's clips are
    drawn by: those of another lot nobody has seen."""

    size: bed.Size
    steps: int
    batch: int
    n_train: int
    n_tune: int
    n_test: int
    patch_px: int
    width: int
    lr: float
    prompts: int

    def folder(self) -> str:
        frames, height_px, width_px = astuple(self.size)
        return "-".join([f"{frames}x{height_px}x{width_px}", *(f"{number:g}" for number in astuple(self)[1:])])


@dataclass(frozen=True)
class Outcome:
    """One arm and seed. `gaps` after each of MARKS parts of training, by field: mean of loss(swapped) - loss(true) over
    the mean loss. `right`: by part and distraction, for each prompt and field whether it was read back as asked;
    `floor`: the share of all prompts of whom what was read back would have been right. `probed`: what a linear probe
    recovers of each field from the trained reader's features; nothing where tags are not told in words."""

    arm: str
    seed: int
    parameters: int
    loss: float
    scale: float
    gaps: list[dict[str, float]]
    right: dict[str, list[list[bool]]]
    floor: dict[str, list[list[float]]]
    probed: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=17)
    parser.add_argument("--height", type=int, default=32)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--train", type=int, default=320, help="clips to train on")
    parser.add_argument("--tune", type=int, default=6)
    parser.add_argument("--test", type=int, default=16)
    parser.add_argument("--patch", type=int, default=8)
    parser.add_argument("--model-width", type=int, default=96)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--prompts", type=int, default=0, help="lot of the test's clips; take one that nobody has seen")
    parser.add_argument("--arms", nargs="+", default=[arm.name for arm in ARMS], choices=[arm.name for arm in ARMS])
    parser.add_argument("--minutes", type=float, default=15.0, help="of training before it stops, to be run again")
    parser.add_argument("--out", type=Path, default=Path("build/study-conditioning"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    size = bed.Size(given.frames, given.height, given.width)
    plan = Plan(size, given.steps, given.batch, given.train, given.tune, given.test, given.patch, given.model_width,
                given.lr, given.prompts)  # fmt: skip
    study(plan, [BY_NAME[name] for name in given.arms], given.seeds, given.minutes, given.out / plan.folder())


def study(plan: Plan, arms: Sequence[Arm], seeds: Sequence[int], minutes: float, out: Path) -> None:
    """Train what is not trained yet, measure what is not measured, tell of what there is."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text(json.dumps(asdict(plan)) + "\n", "utf-8")
    parts = {"train": (plan.n_train, 0), "tune": (plan.n_tune, 0),
             "test": (plan.n_test, plan.prompts), "compose": (plan.n_test // 2, plan.prompts)}  # fmt: skip
    clips = {part: bed.clips(out.parent / "clips", part, n, plan.size, lot) for part, (n, lot) in parts.items()}
    until = time.process_time() + 60 * minutes
    unfinished, outcomes = [], []
    for seed in seeds:
        for arm in arms:
            place = out / f"{arm.name.replace(' ', '-')}-{seed}"
            if place.with_suffix(".json").exists():
                outcomes.append(Outcome(**json.loads(place.with_suffix(".json").read_text("utf-8"))))
                continue
            system = build(arm, plan.size, seed, patch_px=plan.patch_px, lr=plan.lr, width=plan.width)
            if not place.with_suffix(".pt").exists():
                assured(arm, probe(arm, system))
            state = train(arm, system, clips, plan, place.with_suffix(".pt"), until)
            if state["step"] < plan.steps:
                unfinished.append(place.name)
                continue
            outcome = measure(arm, system, clips, plan, seed, state, place.with_suffix(".npy"))
            place.with_suffix(".json").write_text(json.dumps(asdict(outcome)) + "\n", "utf-8")
            outcomes.append(outcome)
            print(told.one(outcome), flush=True)
    if outcomes:
        ceiling = _compared(read_each(clips["test"].video_NFHWC), clips["test"].values)
        told.publish_study(outcomes, ceiling, clips["test"].video_NFHWC, out)
    if unfinished:
        print(f"not finished: {', '.join(unfinished)}; run the same command again")


def train(
    arm: Arm, system: System, clips: dict[str, bed.Clips], plan: Plan, place: Path, until: float
) -> dict[str, Any]:
    """Train an arm from where `place` says it was to its last step, or until time runs out; its state as kept."""
    optimizer = torch.optim.AdamW(trained(system), lr=plan.lr, betas=(0.9, 0.99), weight_decay=0.01)
    state: dict[str, Any] = {"step": 0, "losses": [], "gaps": []}
    if place.exists():
        state = torch.load(place, weights_only=True)
        system.model.load_state_dict(state["model"])
        system.text.load_state_dict(state["text"])
        optimizer.load_state_dict(state["optimizer"])
    while state["step"] < plan.steps and time.process_time() < until:
        step = state["step"]
        for group in optimizer.param_groups:
            group["lr"] = plan.lr * min(1.0, (step + 1) / 50) * (1 - 0.9 * step / plan.steps)
        loss = objective(system.model, system, training_batch(arm, clips["train"], plan, system.recipe.seed, step))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained(system), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        state["losses"].append(loss.item())
        state["step"] = step + 1
        if (step + 1) * MARKS // plan.steps > step * MARKS // plan.steps:
            state["gaps"].append(gaps(arm, system, clips["test"], system.recipe.seed))
            keep(state, system, optimizer, place)
    if state["step"] < plan.steps:
        keep(state, system, optimizer, place)
    return state


def keep(state: dict[str, Any], system: System, optimizer: torch.optim.Optimizer, place: Path) -> None:
    """Write a training's state with all its weights to `place`, whole or not at all."""
    weights = {"model": system.model.state_dict(), "text": system.text.state_dict()}
    torch.save(state | weights | {"optimizer": optimizer.state_dict()}, place.with_suffix(".part"))
    place.with_suffix(".part").rename(place)
    print(f"{place.stem}: step {state['step']}, loss {np.mean(state['losses'][-50:]):.4f}", flush=True)


def training_batch(arm: Arm, clips: bed.Clips, plan: Plan, seed: int, step: int) -> Batch:
    """The same clips, noise and amount of distraction for every arm of a seed."""
    rng = np.random.default_rng([seed, 5, step])
    rows = np.sort(rng.choice(len(clips), plan.batch, replace=False))
    told_nothing, n = rng.random(plan.batch) < UNTOLD, int(rng.choice(DISTRACTIONS, p=OFTEN))
    conditions = tuple(
        Condition(None, "")
        if nothing
        else condition(arm, clips.values[row], n, np.random.default_rng([seed, step, at]))
        for at, (row, nothing) in enumerate(zip(rows, told_nothing, strict=True))
    )
    return Batch(tuple(range(step * plan.batch, (step + 1) * plan.batch)), clips.video_NFHWC[rows], conditions)


def measure(
    arm: Arm, system: System, clips: dict[str, bed.Clips], plan: Plan, seed: int, state: dict[str, Any], shown: Path
) -> Outcome:
    """Guidance by the tuning part, then obedience; the first samples are kept in `shown`."""
    tuned = {scale: drawn(arm, system, clips["tune"], 50, scale, seed) for scale in SCALES}
    scores = {scale: _mean(_compared(read_each(videos), asked(clips["tune"]))) for scale, videos in tuned.items()}
    scale = max(scores, key=lambda one: scores[one])
    right, floor = {}, {}
    for part, lengths in (("test", DISTRACTIONS), ("compose", (0,))):
        for n in lengths:
            videos, values = drawn(arm, system, clips[part], n, scale, seed), asked(clips[part])
            if (part, n) == ("test", 0):
                np.save(shown, videos[:SHOWN])
            answers = read_each(videos)
            right[f"{part} {n}"] = _compared(answers, values)
            floor[f"{part} {n}"] = np.mean([_compared([one] * len(values), values) for one in answers], 1).tolist()
    parameters = sum(weight.numel() for weight in trained(system))
    loss = float(np.mean(state["losses"][-max(1, plan.steps // 10) :]))
    return Outcome(arm.name, seed, parameters, loss, scale, state["gaps"], right, floor, probe(arm, system))


@torch.no_grad()
def gaps(arm: Arm, system: System, clips: bed.Clips, seed: int) -> dict[str, float]:
    """By field: mean of loss(one value swapped) - loss(all true), the noise being the same, over mean loss(true)."""
    rng = np.random.default_rng([seed, 9])
    found: dict[str, list[float]] = {name: [] for name in bed.FIELDS}
    whole = []
    for row in range(len(clips)):
        video, numbers = clips.video_NFHWC[row : row + 1], (10**7 + row,)
        told_so = [clips.values[row], *(bed.swapped(clips.values[row], name, rng) for name in bed.FIELDS)]
        conditions = tuple(condition(arm, values, 0, rng) for values in told_so)
        batch = Batch(numbers * len(told_so), np.repeat(video, len(told_so), 0), conditions)
        each = errors(system.model, system, task(system, batch)).tolist()
        whole.append(each[0])
        for name, error in zip(bed.FIELDS, each[1:], strict=True):
            found[name].append(error - each[0])
    return {name: float(np.mean(differences) / np.mean(whole)) for name, differences in found.items()}


def asked(clips: bed.Clips) -> list[bed.Values]:
    """The values asked for with each clip's first frame: those of the next clip, so the frame tells nothing of them."""
    return [*clips.values[1:], clips.values[0]]


def drawn(arm: Arm, system: System, clips: bed.Clips, n_distracting: int, scale: float, seed: int) -> np.ndarray:
    """Clips RGB uint8 (N, F, H, W, 3) by an arm, of what is `asked` of the first frames of these."""
    wanted = [
        Asked(
            Wish(condition(arm, values, n_distracting, np.random.default_rng([seed, 3, at]))),
            seed * 10_000 + at,
            {0: np.array(clips.video_NFHWC[at, 0])},
        )
        for at, values in enumerate(asked(clips))
    ]
    settings = with_guidance(system, scale)
    return np.concatenate([sample(system, wanted[at : at + 8], settings) for at in range(0, len(wanted), 8)])


def read_each(videos: Iterable[np.ndarray]) -> list[Answer]:
    """What AniCaption reads in clips, by field of the bed."""
    return [read_back(video) for video in videos]


def read_back(video_FHWC: np.ndarray) -> Answer:
    watch = Watch(FILM_RATE, video_FHWC.shape[2], video_FHWC.shape[1])
    for frame in video_FHWC:
        watch.see(np.ascontiguousarray(frame))
    found = read(watch.tracks())
    return {name: found[name].values for name in bed.FIELDS}


@torch.no_grad()
def probe(arm: Arm, system: System) -> dict[str, float]:
    """Accuracy of a linear probe on the reader's features, by field: whether the words hold the tags at all. Fitted on
    two thirds of PROBED_TEXTS, read on the rest; nothing where tags are not told in words."""
    if arm.text == "none":
        return {}
    rng, dealt = np.random.default_rng(0), bed.deal(PROBED_TEXTS, "train", PROBE_LOT)
    features = system.text([condition(arm, values, 0, rng).text for values in dealt]).flatten(1).numpy()
    fit, found = 2 * len(dealt) // 3, {}
    for name in bed.FIELDS:
        labels = [values[name] for values in dealt]
        probed = RidgeClassifier(alpha=0.1).fit(features[:fit], labels[:fit])
        found[name] = float(probed.score(features[fit:], labels[fit:]))
    return found


def assured(arm: Arm, probed: dict[str, float]) -> None:
    """ValueError where a reader does not hold what its arm is told: such an arm would lose before it began."""
    for name, accuracy in probed.items():
        if accuracy < told.PROBED:
            raise ValueError(
                f"{arm.name}: a linear probe recovers {name} from the reader's features in {accuracy:.3f} of the texts,"
                f" under {told.PROBED}; make the reader wider (arms.READER_DIM) before arms are compared"
            )


def _compared(answers: Sequence[Answer], values: Sequence[bed.Values]) -> list[list[bool]]:
    return [
        [answer[name] == (said[name],) for name in bed.FIELDS] for answer, said in zip(answers, values, strict=True)
    ]


def _mean(right: list[list[bool]]) -> float:
    """Mean over fields of accuracy beyond chance."""
    return float(np.mean([told.beyond_chance(np.mean(column), name) for name, column in zip(bed.FIELDS, zip(*right))]))


if __name__ == "__main__":
    main()
