"""`make study-conditioning`: do tags reach the picture better in a channel of their own than as words?

Five arms (arms.py) of equally many parameters see the same clips, noise and number of steps and are sampled with
equally many forwards. First the loss gap, which needs no sampling: how much worse a clip is predicted when one of its
values is swapped, under the same noise. Then obedience: clips are drawn from first frames that the values know nothing
of, and read back by AniCaption, with 0, 50 and 200 words of distracting prose. Runs go on where they were stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

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
from benchmarks.study.arms import ARMS, BY_NAME, DISTRACTIONS, Arm, build, condition, with_guidance

SCALES = (1.0, 2.0, 4.0)
UNTOLD = 0.1
"""Share of samples that are told nothing, so that guidance has somewhere to start from."""


@dataclass(frozen=True)
class Plan:
    """What a study is made of; runs of other plans lie in other folders."""

    size: bed.Size
    steps: int
    batch: int
    n_train: int
    n_tune: int
    n_test: int
    patch_px: int
    width: int
    lr: float

    def folder(self) -> str:
        size = self.size
        return f"{size.frames}x{size.height_px}x{size.width_px}-{self.steps}-{self.n_train}-{self.width}-{self.batch}"


@dataclass(frozen=True)
class Outcome:
    """One arm and seed. `gaps` by field: mean of loss(swapped) - loss(true), over the mean loss. `right`: by part and
    distraction, for each prompt and field whether it was read back as asked; `floor` the same against other prompts."""

    arm: str
    seed: int
    parameters: int
    loss: float
    scale: float
    gaps: dict[str, float]
    right: dict[str, list[list[bool]]]
    floor: dict[str, list[list[bool]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--height", type=int, default=64)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--train", type=int, default=960, help="clips to train on")
    parser.add_argument("--tune", type=int, default=16)
    parser.add_argument("--test", type=int, default=48)
    parser.add_argument("--patch", type=int, default=8)
    parser.add_argument("--model-width", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", default=[arm.name for arm in ARMS], choices=[arm.name for arm in ARMS])
    parser.add_argument("--minutes", type=float, default=15.0, help="of training before it stops, to be run again")
    parser.add_argument("--out", type=Path, default=Path("build/study-conditioning"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    size = bed.Size(given.frames, given.height, given.width)
    plan = Plan(size, given.steps, given.batch, given.train, given.tune, given.test, given.patch, given.model_width,
                given.lr)  # fmt: skip
    study(plan, [BY_NAME[name] for name in given.arms], range(given.seeds), given.minutes, given.out / plan.folder())


def study(plan: Plan, arms: Sequence[Arm], seeds: Sequence[int], minutes: float, out: Path) -> None:
    """Train what is not trained yet, measure what is not measured, tell of what there is."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text(json.dumps(asdict(plan)) + "\n", "utf-8")
    parts = {"train": plan.n_train, "tune": plan.n_tune, "test": plan.n_test, "compose": plan.n_test // 2}
    clips = {part: bed.clips(out.parent / "clips", part, n, plan.size) for part, n in parts.items()}
    probes = {arm.name: probe(arm, plan, clips["train"]) for arm in ARMS if arm.text != "none"}
    until = time.process_time() + 60 * minutes
    unfinished = []
    for seed in seeds:
        for arm in arms:
            place = out / f"{arm.name.replace(' ', '-')}-{seed}"
            if place.with_suffix(".json").exists():
                continue
            system = build(arm, plan.size, seed, patch_px=plan.patch_px, lr=plan.lr, width=plan.width)
            loss = train(arm, system, clips["train"], plan, place.with_suffix(".pt"), until)
            if loss is None:
                unfinished.append(place.name)
                continue
            outcome = measure(arm, system, clips, plan, seed, loss)
            place.with_suffix(".json").write_text(json.dumps(asdict(outcome)) + "\n", "utf-8")
            print(told.one(outcome), flush=True)
    outcomes = [Outcome(**json.loads(path.read_text("utf-8"))) for path in sorted(out.glob("*-[0-9].json"))]
    if outcomes:
        ceiling = read_all(clips["test"].video_NFHWC, clips["test"].values)
        told.publish_study(outcomes, ceiling, probes, out)
    if unfinished:
        print(f"not finished: {', '.join(unfinished)}; run the same command again")


def train(arm: Arm, system: System, clips: bed.Clips, plan: Plan, place: Path, until: float) -> float | None:
    """Train an arm to its last step, from where it was; its mean loss over the last tenth, None where time ran out."""
    optimizer = torch.optim.AdamW(system.model.parameters(), lr=plan.lr, betas=(0.9, 0.99), weight_decay=0.01)
    start, losses = 0, []
    if place.exists():
        state = torch.load(place, weights_only=True)
        system.model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        start, losses = state["step"], state["losses"]
    for step in range(start, plan.steps):
        if time.process_time() > until:
            break
        for group in optimizer.param_groups:
            group["lr"] = plan.lr * min(1.0, (step + 1) / 50) * (1 - 0.9 * step / plan.steps)
        loss = objective(system.model, system, training_batch(arm, clips, plan, system.recipe.seed, step))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(system.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    else:
        step = plan.steps
    torch.save({"model": system.model.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                "losses": losses}, place)  # fmt: skip
    print(
        f"{arm.name}, seed {system.recipe.seed}: step {step} of {plan.steps}, loss {np.mean(losses[-50:]):.4f}",
        flush=True,
    )
    return float(np.mean(losses[-max(1, plan.steps // 10) :])) if step == plan.steps else None


def training_batch(arm: Arm, clips: bed.Clips, plan: Plan, seed: int, step: int) -> Batch:
    """The same clips, noise and amount of distraction for every arm of a seed."""
    rng = np.random.default_rng([seed, 5, step])
    rows = np.sort(rng.choice(len(clips), plan.batch, replace=False))
    told_nothing, lengths = rng.random(plan.batch) < UNTOLD, rng.choice(DISTRACTIONS, plan.batch)
    conditions = tuple(
        Condition(None, "")
        if nothing
        else condition(arm, clips.values[row], int(n), np.random.default_rng([seed, step, at]))
        for at, (row, nothing, n) in enumerate(zip(rows, told_nothing, lengths, strict=True))
    )
    return Batch(tuple(range(step * plan.batch, (step + 1) * plan.batch)), clips.video_NFHWC[rows], conditions)


def measure(arm: Arm, system: System, clips: dict[str, bed.Clips], plan: Plan, seed: int, loss: float) -> Outcome:
    """Gaps on clips that training did not see, guidance by the tuning part, then obedience."""
    system.model.eval()
    scores = {scale: _mean(obey(arm, system, clips["tune"], 50, scale, seed)[0]) for scale in SCALES}
    scale = max(scores, key=lambda one: scores[one])
    right, floor = {}, {}
    for part, lengths in (("test", DISTRACTIONS), ("compose", (0,))):
        for n in lengths:
            right[f"{part} {n}"], floor[f"{part} {n}"] = obey(arm, system, clips[part], n, scale, seed)
    parameters = sum(weight.numel() for weight in system.model.parameters())
    return Outcome(arm.name, seed, parameters, loss, scale, gaps(arm, system, clips["test"], seed), right, floor)


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


def obey(
    arm: Arm, system: System, clips: bed.Clips, n_distracting: int, scale: float, seed: int
) -> tuple[list[list[bool]], list[list[bool]]]:
    """(read back as asked, read back as another prompt asked) by prompt and field. The values asked for are those of
    the next clip, so the first frame tells nothing of them."""
    asked_for = [clips.values[(at + 1) % len(clips)] for at in range(len(clips))]
    asked = [
        Asked(
            Wish(condition(arm, values, n_distracting, np.random.default_rng([seed, 3, at]))),
            seed * 10_000 + at,
            {0: np.ascontiguousarray(clips.video_NFHWC[at, 0])},
        )
        for at, values in enumerate(asked_for)
    ]
    videos = np.concatenate(
        [sample(system, asked[at : at + 8], with_guidance(system, scale)) for at in range(0, len(asked), 8)]
    )
    others = [asked_for[(at + len(clips) // 2) % len(clips)] for at in range(len(clips))]
    answers = [read_back(video) for video in videos]
    return _compared(answers, asked_for), _compared(answers, others)


def read_all(videos: np.ndarray, values: Sequence[bed.Values]) -> list[list[bool]]:
    """The ceiling: what AniCaption reads in real drawn clips of this size, against what they were drawn from."""
    return _compared([read_back(video) for video in videos], values)


def read_back(video_FHWC: np.ndarray) -> dict[str, tuple[str, ...]]:
    watch = Watch(FILM_RATE, video_FHWC.shape[2], video_FHWC.shape[1])
    for frame in video_FHWC:
        watch.see(np.ascontiguousarray(frame))
    found = read(watch.tracks())
    return {name: found[name].values for name in bed.FIELDS}


def probe(arm: Arm, plan: Plan, clips: bed.Clips) -> float:
    """The worst field's accuracy of a linear probe on the untrained reader's features: whether the words hold the tags
    at all. Fitted on half of the texts, read on the other half."""
    system = build(arm, plan.size, 0, patch_px=plan.patch_px, width=plan.width)
    rng = np.random.default_rng(0)
    words = [condition(arm, values, 0, rng).text for values in clips.values]
    with torch.no_grad():
        features = torch.cat([
            system.model.reader(system.text(words[at : at + 64])).flatten(1) for at in range(0, len(words), 64)
        ]).numpy()  # fmt: skip
    half, worst = len(words) // 2, 1.0
    for name in bed.FIELDS:
        labels = [values[name] for values in clips.values]
        fitted = RidgeClassifier(alpha=1.0).fit(features[:half], labels[:half])
        worst = min(worst, float(fitted.score(features[half:], labels[half:])))
    return worst


Answer = dict[str, tuple[str, ...]]


def _compared(answers: Sequence[Answer], values: Sequence[bed.Values]) -> list[list[bool]]:
    return [
        [answer[name] == (said[name],) for name in bed.FIELDS] for answer, said in zip(answers, values, strict=True)
    ]


def _mean(right: list[list[bool]]) -> float:
    """Mean over fields of accuracy beyond chance."""
    return float(np.mean([told.beyond_chance(np.mean(column), name) for name, column in zip(bed.FIELDS, zip(*right))]))


if __name__ == "__main__":
    main()
