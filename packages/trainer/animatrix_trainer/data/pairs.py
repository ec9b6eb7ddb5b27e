"""Pairs of clips of one prompt, the better and the worse, as `animatrix-reward pairs` writes them: a JSONL line each.

    prompt, tags, text      what both were asked for, tags as {field: [values]}
    winner, loser           clips, beside the file or by whole path
    score_winner, score_loser   composite scores
    real                    whether the winner is a real clip
    deformed                [[start, end], ...] frames of the winner judged deformed on purpose
    segments                [[start, end, "winner"|"loser"|"even"], ...] who is better where; none: the winner
    by                      "judge", or "people", whose word may go against the scores

Legend: B pairs, F frames, T latent frames, G segments.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from anicaption.frames import VideoError, read_clip
from anicaption.taxonomy import TaxonomyError, taxonomy

from animatrix_trainer.conditioning.dropout import Condition, thin
from animatrix_trainer.config import DataError, Recipe, Window
from animatrix_trainer.data.crop import fit
from animatrix_trainer.data.plan import generator
from animatrix_trainer.data.read import NO_VIDEOS, Batch, Batches

LABELS = {"winner": 1.0, "loser": -1.0, "even": 0.0}
NAMES = {
    "prompt",
    "tags",
    "text",
    "winner",
    "loser",
    "score_winner",
    "score_loser",
    "real",
    "deformed",
    "segments",
    "by",
}
LOWEST, HIGHEST = 1.0, 5.0
"""The scale of scores; weights by gaps take it as 0..1. A composite may lie below, for what it costs to fail."""


@dataclass(frozen=True)
class Pair:
    prompt: str
    condition: Condition
    winner: Path
    loser: Path
    score_winner: float
    score_loser: float
    real: bool = False
    deformed: tuple[tuple[int, int], ...] = ()
    segments: tuple[tuple[int, int, str], ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class PairBatch(Batch):
    """Pairs `numbers` of the run: `videos` are the winners, `losers` likewise, and what is known of them. Scores are in
    0..1; `segments_BGT` says how much of each latent frame lies in a segment, `labels_BG` who is better there."""

    losers: np.ndarray
    scores_B2: np.ndarray
    real_B: np.ndarray
    deformed_BT: np.ndarray
    segments_BGT: np.ndarray
    labels_BG: np.ndarray


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """All pairs of a file. DataError names the first line that is wrong, before any clip is opened."""
    pairs = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            place = f"{path}, line {number}"
            try:
                pairs.append(_pair(json.loads(line), path.parent, place))
            except json.JSONDecodeError as error:
                raise DataError(f"{place}: is no JSON ({error.msg})") from None
            except TaxonomyError as error:
                raise DataError(f"{place}: {error}") from error
    if not pairs:
        raise DataError(f"{path}: holds no pair; make some with `animatrix-reward pairs`")
    return tuple(pairs)


class Pairs:
    """The pairs of a run, in an order of its own each epoch; sample `number` is a pure function of the seed."""

    def __init__(self, pairs: Sequence[Pair], recipe: Recipe, time_stride: int) -> None:
        self.pairs, self.recipe, self.time_stride = tuple(pairs), recipe, time_stride
        self._order = lru_cache(maxsize=2)(
            lambda epoch: generator(recipe.seed, "pairs", epoch).permutation(len(self.pairs))
        )
        self._clip = lru_cache(maxsize=64)(_read)

    def at(self, number: int) -> Pair:
        """The pair of a sample."""
        epoch, place = divmod(number, len(self.pairs))
        return self.pairs[self._order(epoch)[place]]

    def condition(self, number: int, stage: int) -> Condition:
        """What both sides of a sample are told, after thinning."""
        rng = generator(self.recipe.seed, "condition", number)
        return thin(self.at(number).condition, self.recipe.stages[stage].dropout, rng)

    def video(self, path: Path, window: Window) -> np.ndarray:
        """The first frames of a clip, RGB uint8 (window.frames, H, W, 3). DataError for one that cannot be read or has
        too few."""
        return self._clip(path, window)

    def batch(self, numbers: Sequence[int], window: Window, stage: int) -> PairBatch:
        """The pairs of these numbers. DataError for a clip that cannot be read or has too few frames."""
        chosen = [self.at(number) for number in numbers]
        conditions = tuple(self.condition(number, stage) for number in numbers)
        latent = lambda spans: in_latent_frames(spans, window.frames, self.time_stride)  # noqa: E731
        segments = [pair.segments or ((0, window.frames, "winner"),) for pair in chosen]
        most = max(map(len, segments))
        parts = np.zeros((len(chosen), most, latent(()).shape[0]), np.float32)
        labels = np.zeros((len(chosen), most), np.float32)
        for row, of_pair in enumerate(segments):
            for at, (start, end, better) in enumerate(of_pair):
                parts[row, at], labels[row, at] = latent([(start, end)]), LABELS[better]
        scores = np.array([[pair.score_winner, pair.score_loser] for pair in chosen], np.float32)
        batch = PairBatch(
            numbers=tuple(numbers),
            videos=NO_VIDEOS,
            losers=NO_VIDEOS,
            conditions=conditions,
            stage=stage,
            scores_B2=((scores - LOWEST) / (HIGHEST - LOWEST)).clip(0, 1),
            real_B=np.array([pair.real for pair in chosen]),
            deformed_BT=np.stack([latent(pair.deformed) for pair in chosen]),
            segments_BGT=parts,
            labels_BG=labels,
        )
        return self._with(batch, window)

    def _with(self, batch: PairBatch, window: Window) -> PairBatch:
        """A batch with the clips of its pairs."""
        pairs = [self.at(number) for number in batch.numbers]
        winners, losers = (
            np.stack([self.video(path, window) for path in side])
            for side in zip(*((pair.winner, pair.loser) for pair in pairs), strict=True)
        )
        return replace(batch, videos=winners, losers=losers)


class WithPairs:
    """Batches of a run by step: of pairs where the stage is one of preference, of clips elsewhere."""

    def __init__(self, batches: Batches, pairs: Pairs) -> None:
        self.batches, self.recipe, self.pairs = batches, batches.recipe, pairs

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> Batch:
        number, bucket = self.batches.plan.bucket(step)
        if self.recipe.stages[number].objective == "flow":
            return self.batches[step]
        picks = self.batches.plan.step(step)[self.batches.rank :: self.batches.world]
        return self.pairs.batch([pick.number for pick in picks], bucket.window, number)


def in_latent_frames(spans: Sequence[tuple[int, int]], n_frames: int, time_stride: int) -> np.ndarray:
    """How much of each latent frame (T,) lies in the spans of frames [start, end), 0..1."""
    inside = np.zeros(n_frames, np.float32)
    for start, end in spans:
        inside[start:end] = 1
    return np.concatenate([inside[:1], inside[1:].reshape(-1, time_stride).mean(1)])


def _read(path: Path, window: Window) -> np.ndarray:
    try:
        video = read_clip(path)
    except (VideoError, OSError) as error:
        raise DataError(f"{path}: {error}; draw the candidates again, or take the pair out of the file") from error
    if len(video) < window.frames:
        raise DataError(f"{path}: has {len(video)} frames, the stage's bucket takes {window.frames}")
    return fit(video[: window.frames], window)


def _pair(said: Any, folder: Path, place: str) -> Pair:
    if not isinstance(said, dict) or (strange := set(said) - NAMES):
        what = f"has {sorted(strange)}" if isinstance(said, dict) else "is no object"
        raise DataError(f"{place}: {what}; a pair has {sorted(NAMES)}")
    if missing := {"prompt", "winner", "loser", "score_winner", "score_loser"} - set(said):
        raise DataError(f"{place}: lacks {sorted(missing)}")
    scores = [said["score_winner"], said["score_loser"]]
    for score in scores:
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise DataError(f"{place}: score {score!r} is no number; give the composite score of a Judge")
    if scores[0] < scores[1] and said.get("by") != "people":
        raise DataError(
            f"{place}: the winner's score {scores[0]} is below the loser's {scores[1]}; only people may say so"
        )
    segments = tuple((int(start), int(end), str(better)) for start, end, better in said.get("segments", ()))
    if wrong := [better for _, _, better in segments if better not in LABELS]:
        raise DataError(f"{place}: segments: '{wrong[0]}' is none of {sorted(LABELS)}")
    return Pair(
        prompt=str(said["prompt"]),
        condition=Condition(_tags(said.get("tags", {}), place), said.get("text", "")),
        winner=folder / said["winner"],
        loser=folder / said["loser"],
        score_winner=float(scores[0]),
        score_loser=float(scores[1]),
        real=bool(said.get("real", False)),
        deformed=tuple((int(start), int(end)) for start, end in said.get("deformed", ())),
        segments=segments,
    )


def _tags(said: Any, place: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(said, dict):
        raise DataError(f'{place}: tags={said!r}; write {{"camera.move": ["pan_left"]}}')
    return {name: taxonomy()[name].check(values) for name, values in said.items()}
