"""Fitting the Judge: pairs, scores and spans in one loss, raters' habits beside it, the threshold cross-fitted.

    pairs    Bradley-Terry with Rao-Kupper ties (ratings.py), theta learned; "equal good" and "equal bad" say the level
    scores   cumulative logit (scores.py) with the rater's severity, for human dimensions and structural heads alike
    spans    intent and failure of every frame; and of the clip as a whole, outside what is meant
    changes  a clip and what an optimiser would make of it (metamorphic.py): no dimension and no head may rise

A difference of two qualities with deviations is shrunk by sqrt(1 + pi / 8 (s_i^2 + s_j^2)) (MacKay 1992), so pairs and
scores together settle sigma. The rate falls to nothing by the last epoch, and nothing stops it before: the loss of a
dozen prompts, led by the few changed clips among them, would have taken the first epoch. The same seed gives the same
Judge on the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from animatrix_reward.evaluate import ART_FLAGGED, Told, threshold_of
from animatrix_reward.features import Seen
from animatrix_reward.fit_rows import SCORED, Rows
from animatrix_reward.judge import Batch, Frames, Judge, JudgeConfig, Opinion, batch_of, soft_excuse
from animatrix_reward.refused import Refused
from animatrix_reward.score import Reading, read
from animatrix_reward.support import fit_support

_LEAST = 1e-6


@dataclass(frozen=True)
class Settings:
    """How the Judge is fitted. Weights are those of the parts of the loss."""

    epochs: int = 14
    prompts_a_step: int = 3
    lr: float = 1.5e-3
    weight_decay: float = 0.05
    validation_share: float = 0.2
    folds: int = 4  # Judges that are fitted only to set the threshold, each without its part of the prompts
    pair_weight: float = 1.0
    score_weight: float = 0.6
    frame_weight: float = 2.0
    clip_weight: float = 1.0
    change_weight: float = 2.0
    change_margin: float = 0.15  # points of the composite, logits of a dimension, that a changed clip must lose
    seed: int = 0


class Raters(nn.Module):
    """What belongs to those who vote, not to clips: reliability, side, severity, ties, the scale of `overall`."""

    def __init__(self, n_raters: int) -> None:
        super().__init__()
        self.log_reliability = nn.Parameter(torch.zeros(n_raters))
        self.severity = nn.Parameter(torch.zeros(n_raters))
        self.side = nn.Parameter(torch.zeros(()))
        self.log_tie = nn.Parameter(torch.tensor(math.log(0.5)))
        self.log_overall = nn.Parameter(torch.zeros(()))
        self.level = nn.Parameter(torch.zeros(()))
        self.first = nn.Parameter(torch.tensor([-3.0, -3.0]))  # human dimensions, structural heads
        self.log_gaps = nn.Parameter(torch.full((2, 3), math.log(2.0)))

    def steps(self) -> torch.Tensor:
        """Between the five scores, rising: (2, 4) for human dimensions and for structural heads."""
        gaps = torch.cumsum(torch.exp(self.log_gaps), dim=1)
        return torch.cat([self.first[:, None], self.first[:, None] + gaps], dim=1)

    def prior(self) -> torch.Tensor:
        """Normal priors, as in ratings.py and scores.py: deviations 0.5 for reliability and side, 1 for severity."""
        r, v = self.log_reliability, self.severity
        return (r @ r / 0.25 + v @ v + self.side**2 / 0.25 + r.mean() ** 2 * 100 + v.mean() ** 2 * 100) / 2


@dataclass
class Fitted:
    """A Judge with what it was told by: raters, and the course of the fit, one row of losses per epoch."""

    judge: Judge
    raters: Raters
    history: list[dict[str, float]] = field(default_factory=list)
    validation_prompts: tuple[str, ...] = ()
    tie_logit: float = 0.5
    overall_scale: float = 1.0


def fit(
    seen: Mapping[str, Seen],
    asked: Mapping[str, np.ndarray],
    rows: Rows,
    settings: Settings | None = None,
    *,
    config: JudgeConfig | None = None,
    changes: Sequence[tuple[str, str]] = (),
    say: Callable[[str], None] = lambda line: None,
) -> Fitted:
    """A Judge from clips (`seen`, `asked` by id) and what was said of them. Raises Refused for too few prompts.

    `changes`: a changed clip's id and that of the sound clip it was made of, both of one prompt. No changed clip takes
    part in setting a floor or the threshold.
    """
    settings = settings or Settings()
    clips = [seen[name] for name in rows.clips]
    asked_CA = torch.from_numpy(np.stack([asked[name] for name in rows.clips]))
    train, held = split(rows.prompts, settings)
    some = clips[0]
    config = config or JudgeConfig(some.columns_TF.shape[1], asked_CA.shape[1], some.encoded_TE.shape[1])
    place = {name: at for at, name in enumerate(rows.clips)}
    changes_N2 = np.array([[place[a], place[b]] for a, b in changes], np.int64).reshape(-1, 2)
    data = _Data(clips, asked_CA, rows, changes_N2)
    judge, raters, history = _learn(data, train, held, settings, config, say)
    judge.steps.copy_(raters.steps()[0].detach())
    places = {side: data.places(prompts) for side, prompts in (("train", train), ("held", held))}
    fit_support(judge, [clips[at] for at in places["train"]], [clips[at] for at in places["held"]])
    set_threshold(judge, rows, _unseen(data, settings, config))
    tie, scale = float(raters.log_tie.detach().exp()), float(raters.log_overall.detach().exp())
    return Fitted(judge, raters, history, tuple(sorted(held)), tie, scale)


def _learn(
    data: _Data,
    train: set[str],
    held: set[str],
    settings: Settings,
    config: JudgeConfig,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Judge, Raters, list[dict[str, float]]]:
    """A Judge of some prompts, its raters, and the losses on these and on others, a row an epoch."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    judge, raters = Judge(config), Raters(len(data.rows.raters))
    _normalise(judge, [data.clips[at] for at in data.places(train)])
    parts = [{"params": judge.parameters()}, {"params": raters.parameters(), "weight_decay": 0.0, "lr": 0.01}]
    optimiser = torch.optim.AdamW(parts, lr=settings.lr, weight_decay=settings.weight_decay)
    groups = sorted(train)
    n_steps = settings.epochs * math.ceil(len(groups) / settings.prompts_a_step)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [settings.lr, 0.02], total_steps=n_steps, pct_start=0.15)
    history = []
    for epoch in range(settings.epochs):
        judge.train()
        order = rng.permutation(groups)
        losses = []
        for start in range(0, len(order), settings.prompts_a_step):
            places = data.places(set(order[start : start + settings.prompts_a_step]))
            loss, _ = data.loss(judge, raters, places, settings, train=True)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        row = {"epoch": epoch, "train": float(np.mean(losses)), **data.validated(judge, raters, held, settings)}
        history.append(row)
        say("  ".join(f"{name} {value:.4g}" for name, value in row.items()))
    return judge.eval(), raters, history


def _unseen(data: _Data, settings: Settings, config: JudgeConfig) -> dict[int, Reading]:
    """What is read of every clip that raters marked, but for changed ones, by a Judge that did not learn its prompt.

    Two dozen sound clips of a single validation set make a threshold that flags anything from 5 to 20 % of new ones;
    all of them, cross-fitted (Stone 1974), one that holds.
    """
    names = np.random.default_rng([settings.seed, 2]).permutation(sorted(set(data.rows.prompts))).tolist()
    changed, found = set(data.changes_N2[:, 0].tolist()), {}
    for fold in range(settings.folds):
        part = set(names[fold :: settings.folds])
        judge, _, _ = _learn(data, set(names) - part, part, settings, config)
        places = [at for at in data.places(part).tolist() if at in data.rows.marks and at not in changed]
        found |= dict(zip(places, read(judge, [data.clips[at] for at in places]), strict=True))
    return found


def set_threshold(judge: Judge, rows: Rows, unseen: Mapping[int, Reading]) -> None:
    """The one threshold over which a clip is called a failure and charged, and the heads' floors under which they are
    not: both by what sound clips stay under that raters marked and the reader had not seen.
    """
    told = [
        Told(
            rows.clips[at], rows.prompts[at], (), ("any",) if rows.marks[at].any_T.max() >= 0.5 else (), 0, one.failing
        )
        for at, one in unseen.items()
    ]
    judge.threshold.copy_(torch.tensor(threshold_of(told)))
    sound_N4 = np.stack([one.failing_4 for said, one in zip(told, unseen.values()) if not said.failures])
    judge.floor_4.copy_(torch.from_numpy(np.quantile(sound_N4, 1 - ART_FLAGGED, axis=0)))


def split(prompts: Sequence[str], settings: Settings) -> tuple[set[str], set[str]]:
    """Prompts to learn from and to validate on. A prompt is wholly on one side."""
    names = sorted(set(prompts))
    n_held = round(settings.validation_share * len(names))
    if n_held < 2 or len(names) - n_held < 2:
        raise Refused(f"fit: {len(names)} prompts are too few to hold {n_held} out; collect votes on more prompts")
    drawn = np.random.default_rng([settings.seed, 1]).permutation(names)
    return set(drawn[n_held:].tolist()), set(drawn[:n_held].tolist())


def _normalise(judge: Judge, clips: Sequence[Seen]) -> None:
    """Means and deviations of the columns, from training clips alone."""
    columns = np.concatenate([clip.columns_TF for clip in clips])
    judge.mean_F.copy_(torch.from_numpy(columns.mean(0)))
    judge.deviation_F.copy_(torch.from_numpy(columns.std(0) + 1e-3))


class _Data:
    """Clips with their rows; losses of some of them."""

    def __init__(self, clips: Sequence[Seen], asked_CA: torch.Tensor, rows: Rows, changes_N2: np.ndarray) -> None:
        self.clips, self.asked_CA, self.rows, self.changes_N2 = clips, asked_CA, rows, changes_N2
        self.prompts = np.array(rows.prompts)

    def places(self, prompts: set[str]) -> np.ndarray:
        return np.flatnonzero(np.isin(self.prompts, list(prompts)))

    def validated(self, judge: Judge, raters: Raters, held: set[str], settings: Settings) -> dict[str, float]:
        judge.eval()
        total: dict[str, float] = {}
        groups = sorted(held)
        with torch.no_grad():
            for start in range(0, len(groups), settings.prompts_a_step):
                places = self.places(set(groups[start : start + settings.prompts_a_step]))
                loss, parts = self.loss(judge, raters, places, settings, train=False)
                for name, value in {"loss": float(loss), **parts}.items():
                    total[name] = total.get(name, 0.0) + value * len(places)
        n = len(self.places(held))
        return {name: value / n for name, value in total.items()}

    def loss(
        self, judge: Judge, raters: Raters, places: np.ndarray, settings: Settings, *, train: bool
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss of some clips, and its parts."""
        batch = batch_of([self.clips[place] for place in places])
        frames = judge.frames(batch)
        opinion = judge.opinion(frames, soft_excuse(frames), self.asked_CA[places])
        where = np.full(len(self.clips), -1)
        where[places] = np.arange(len(places))
        parts = {
            "pairs": settings.pair_weight * self._pairs(judge, raters, opinion, where),
            "scores": settings.score_weight * self._scores(raters, opinion, where),
            "frames": settings.frame_weight * self._frames(frames, batch, places),
            "clips": settings.clip_weight * self._whole(opinion, places),
            "changes": settings.change_weight * self._changes(judge, opinion, where, settings.change_margin),
        }
        loss = sum(parts.values(), torch.zeros(()))
        if train:
            loss = loss + raters.prior() / max(1, len(self.rows.pairs_N5))
        return loss, {name: float(value.detach()) for name, value in parts.items()}

    def _pairs(self, judge: Judge, raters: Raters, opinion: Opinion, where: np.ndarray) -> torch.Tensor:
        rows = self.rows.pairs_N5
        rows = rows[(where[rows[:, 0]] >= 0) & (where[rows[:, 1]] >= 0)] if len(rows) else rows
        if not len(rows):
            return torch.zeros(())
        overall = torch.exp(raters.log_overall) * (judge.composite(opinion) - 3.0)
        sigma_all = opinion.sigma_B5.mean(dim=1)
        quality = torch.cat([opinion.quality_B5, overall[:, None]], dim=1)
        sigma = torch.cat([opinion.sigma_B5, sigma_all[:, None]], dim=1)
        left, right, dimension = where[rows[:, 0]], where[rows[:, 1]], torch.from_numpy(rows[:, 2])
        q_left, q_right = quality[left, dimension], quality[right, dimension]
        shrink = torch.sqrt(1 + math.pi / 8 * (sigma[left, dimension] ** 2 + sigma[right, dimension] ** 2))
        reliability = torch.exp(raters.log_reliability)[torch.from_numpy(rows[:, 4])]
        x, tie = reliability * (q_left - q_right) / shrink + raters.side, torch.exp(raters.log_tie)
        p_left, p_right = torch.sigmoid(x - tie), torch.sigmoid(-x - tie)
        p_tie = (1 - p_left - p_right).clamp_min(_LEAST)
        good = torch.sigmoid((q_left + q_right) / 2 - raters.level)
        table = torch.stack([p_left, p_right, p_tie * good, p_tie * (1 - good)], dim=1).clamp_min(_LEAST)
        return -torch.log(table[torch.arange(len(rows)), torch.from_numpy(rows[:, 3])]).mean()

    def _scores(self, raters: Raters, opinion: Opinion, where: np.ndarray) -> torch.Tensor:
        rows = self.rows.scores_N4
        rows = rows[where[rows[:, 0]] >= 0] if len(rows) else rows
        if not len(rows):
            return torch.zeros(())
        sound = (1 - opinion.failing_B4).clamp(1e-3, 1 - 1e-3)
        quality = torch.cat([opinion.quality_B5, 1.5 * torch.logit(sound)], dim=1)
        sigma = torch.cat([opinion.sigma_B5, torch.zeros_like(opinion.failing_B4)], dim=1)
        clip, dimension = where[rows[:, 0]], torch.from_numpy(rows[:, 1])
        structural = (rows[:, 1] >= len(SCORED) - opinion.failing_B4.shape[1]).astype(np.int64)
        steps = raters.steps()[torch.from_numpy(structural)]
        z = quality[clip, dimension] - raters.severity[torch.from_numpy(rows[:, 3])]
        shrink = torch.sqrt(1 + math.pi / 8 * sigma[clip, dimension] ** 2)
        below = torch.sigmoid((steps - z[:, None]) / shrink[:, None])
        edges = torch.cat([torch.zeros(len(rows), 1), below, torch.ones(len(rows), 1)], dim=1)
        score = torch.from_numpy(rows[:, 2])
        at = torch.arange(len(rows))
        return -torch.log((edges[at, score] - edges[at, score - 1]).clamp_min(_LEAST)).mean()

    def _frames(self, frames: Frames, batch: Batch, places: np.ndarray) -> torch.Tensor:
        """Cross entropy of intent and failure, every frame of every clip that somebody looked at."""
        longest = batch.known_BT.shape[1]
        marks = [self.rows.marks.get(int(place)) for place in places]
        told = [(at, one) for at, one in enumerate(marks) if one is not None]
        if not told:
            return torch.zeros(())
        at = [place for place, _ in told]

        def stacked(name: str) -> torch.Tensor:
            rows = [getattr(one, name) for _, one in told]
            padded = [np.pad(row, [(0, longest - len(row))] + [(0, 0)] * (row.ndim - 1)) for row in rows]
            return torch.from_numpy(np.stack(padded).astype(np.float32))

        sure, named = stacked("sure_T") * batch.known_BT[at], stacked("named_T")
        n = sure.sum().clamp_min(1.0)
        failing, intent = frames.failing_BT4[at], frames.intent_BT2[at]
        # A frame that is meant is rare, and so is each failure: both sides weigh alike over the long run.
        by_head = (bce(failing, stacked("failing_T4"), reduction="none").mean(2) * sure * named).sum() / n
        any_p = (1 - torch.prod(1 - torch.sigmoid(failing), dim=2)).clamp(1e-4, 1 - 1e-4)
        target = stacked("any_T")
        whole = (-(target * torch.log(any_p) + (1 - target) * torch.log(1 - any_p)) * sure).sum() / n
        wanted = stacked("intent_T2")
        weight = 1 + 3 * wanted
        meant = (bce(intent, wanted, reduction="none") * weight * sure[..., None]).sum() / (2 * n)
        return by_head + 0.5 * whole + meant

    def _whole(self, opinion: Opinion, places: np.ndarray) -> torch.Tensor:
        """Whether anything fails in the clip at all: what the one threshold will be laid on."""
        marks = [self.rows.marks.get(int(place)) for place in places]
        at = [k for k, one in enumerate(marks) if one is not None]
        if not at:
            return torch.zeros(())
        target = torch.tensor([float(one.any_T.max()) for one in marks if one is not None])
        p = opinion.failing_B[at].clamp(1e-4, 1 - 1e-4)
        return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()

    def _changes(self, judge: Judge, opinion: Opinion, where: np.ndarray, margin: float) -> torch.Tensor:
        """By how much changed clips are not worse than what they were made of, and their heads sounder."""
        rows = self.changes_N2[(where[self.changes_N2] >= 0).all(axis=1)]
        if not len(rows):
            return torch.zeros(())
        worth = torch.cat([opinion.quality_B5, judge.composite(opinion)[:, None]], dim=1)
        heads = torch.logit((1 - opinion.failing_B4).clamp(1e-3, 1 - 1e-3))
        rises = [said[where[rows[:, 0]]] - said[where[rows[:, 1]]] for said in (worth, heads)]
        return torch.relu(rises[0] + margin).mean() + torch.relu(rises[1]).mean()
