"""Fit heads on folders of truth: `<name>.truth.json` beside its video, as `anicaption draw` writes them.

Episodes, never shots, are split into those that are fitted on and those that choose the thresholds: shots of one
episode share characters, places and hands. Truths that name one `group` count as one episode. Regularisation and
temperature come from predictions for left-out episodes of the first half, so calibration on the second is an honest
number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from anicaption.captioner import WATCH_ROWS_PX, record_of
from anicaption.choose import NEVER, choose, is_multi
from anicaption.features import Features, Look, picked
from anicaption.frames import Frame, frames, probe
from anicaption.heads import Head, Heads, Scaling, probabilities
from anicaption.measure.onepass import Watch
from anicaption.record import Record, Variable
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Field, taxonomy
from anicaption.tracks import Tracks

VALID_SHARE = 0.3
MIN_EXAMPLES = 5  # of a class among the training shots
MIN_ANSWERS = 10  # that a threshold is judged by
STRENGTHS = (0.003, 0.03, 0.3)  # 1 / L2 penalty, tried on left-out episodes
MAX_DIRECTIONS = 96
FAR = -12.0  # the logit of a class that the training folds had not seen


@dataclass(frozen=True)
class Example:
    """One shot of one episode: its descriptors per part, its tracks, what was measured of it, and the truth."""

    episode: str
    vectors: dict[str, np.ndarray]
    tracks: Tracks
    measured: Record
    truth: Record


@dataclass(frozen=True)
class Labelled:
    """The examples of one field. `rows` index (example, part); `label_NK` is 1 where the class holds."""

    field: Field
    classes: tuple[str, ...]
    rows: tuple[tuple[int, str], ...]
    label_NK: np.ndarray

    @property
    def multi(self) -> bool:
        return is_multi(self.field)


def examples(folders: Iterable[str | Path], features: Features) -> Iterator[Example]:
    """Every shot of every truth in `folders`, described. Raises FileNotFoundError for a folder without truth."""
    for folder in map(Path, folders):
        for path in truths(folder):
            said = json.loads(path.read_text("utf-8"))
            episode = f"{folder.name}/{said.get('group', path.name.removesuffix('.truth.json'))}"
            records = [Record.from_json(shot["record"]) for shot in said["shots"]]
            spans = [(shot["start_frame"], shot["end_frame"]) for shot in said["shots"]]
            for record, seen in zip(records, _shots(folder / said["file"], spans), strict=True):
                yield Example(episode, features(seen), seen.tracks, record_of(seen.tracks), record)


def truths(folder: Path) -> list[Path]:
    """The files of truth in a folder. Raises FileNotFoundError where there is none."""
    found = sorted(folder.glob("*.truth.json"))
    if not found:
        raise FileNotFoundError(f"{folder}: no *.truth.json in it; `anicaption draw --out {folder}` makes some")
    return found


def _shots(video: Path, spans: Sequence[tuple[int, int]]) -> Iterator[Look]:
    """Look at the shots [start, end) of a video in one decode; they follow one another without gaps."""
    stream = probe(video)
    decoded = frames(video)
    for start, end in spans:
        yield _one_shot(decoded, end - start, stream.rate, stream.width_px, stream.height_px)


def _one_shot(decoded: Iterator[Frame], n_frames: int, rate: Fraction, width_px: int, height_px: int) -> Look:
    watch, pictures, wanted = Watch(rate, width_px, height_px), [], set(picked(n_frames))
    for index, frame in zip(range(n_frames), decoded):
        watch.see(frame.rgb(min(WATCH_ROWS_PX, height_px)), frame.rgb)
        if index in wanted:
            pictures.append(frame.rgb().copy())
    return Look(tuple(pictures), watch.tracks())


def learnable(field: Field) -> bool:
    """Whether pixels need learning to give the field: the taxonomy's H and L."""
    return any(value.src in "HL" for value in field.values)


def fit(
    seen: Sequence[Example],
    features: Features,
    precision: float = 0.9,
    fields: Iterable[str] | None = None,
    seed: int = 0,
) -> Heads:
    """Heads for `fields`, by default those that need learning and whose truth shows two values often enough.

    Raises ValueError for fewer than three episodes or a precision outside 0..1.
    """
    if not 0 < precision < 1:
        raise ValueError(f"fit: precision {precision} is not between 0 and 1")
    episodes = sorted({example.episode for example in seen})
    if len(episodes) < 3:
        raise ValueError(f"fit: {len(episodes)} episodes; three are needed: some to fit on, others for thresholds")
    valid = _valid_episodes(episodes, seed)
    train_rows = [i for i, example in enumerate(seen) if example.episode not in valid]
    whole = np.stack([seen[i].vectors["shot"] for i in train_rows])
    scaling = Scaling.of(whole)
    directions_DR = _directions(scaling(whole))
    heads = []
    for field in [taxonomy()[name] for name in fields] if fields else filter(learnable, taxonomy()):
        labelled = label(field, seen, train_rows)
        if labelled is not None:
            heads.append(_fit_one(labelled, seen, valid, scaling, directions_DR, precision))
        elif fields:
            raise ValueError(f"fit: the truth shows fewer than two values of {field.id} {MIN_EXAMPLES} times each")
    return Heads(tuple(heads), scaling, features, precision)


def predicted(heads: Heads, seen: Iterable[Example]) -> Iterator[tuple[Record, Record]]:
    """(record, truth) per shot for `evaluate.compare`: what was measured, and in the fitted fields what heads say."""
    for example in seen:
        said = example.measured.variables() | heads.say(example.vectors, example.measured)
        yield Record.build(example.tracks, said), example.truth


def _valid_episodes(episodes: Sequence[str], seed: int) -> set[str]:
    count = max(1, round(VALID_SHARE * len(episodes)))
    return set(np.random.default_rng(seed).permutation(episodes)[:count].tolist())


def _directions(features_ND: np.ndarray) -> np.ndarray:
    """The principal directions of the training shots (D, R): a few hundred shots cannot weigh a thousand numbers."""
    _, sizes, rows = np.linalg.svd(features_ND - features_ND.mean(0), full_matrices=False)
    kept = min(MAX_DIRECTIONS, int((sizes > 1e-3 * sizes[0]).sum()))
    return rows[:kept].T


def label(field: Field, seen: Sequence[Example], train_rows: Sequence[int]) -> Labelled | None:
    """The examples whose truth is known; None where fewer than two classes come up often enough to be learned."""
    told = [(i, part, values) for i, example in enumerate(seen) for part, values in _told(field, example)]
    train = set(train_rows)
    names = [*field.value_ids, NOT_APPLICABLE]
    if is_multi(field):
        told = [row for row in told if row[2] != (NOT_APPLICABLE,)]
        names = [name for name in field.value_ids if name != "none"]
    often = [n for n in names if sum(n in values for i, _, values in told if i in train) >= MIN_EXAMPLES]
    if len(often) < (1 if is_multi(field) else 2):
        return None
    # A shot with a value too rare to be said teaches nothing of what to say instead.
    rows = [row for row in told if set(row[2]) - {"none"} <= set(often) or set(row[2]) <= set(often)]
    labels = np.array([[name in values for name in often] for _, _, values in rows], float)
    trained = labels[[k for k, row in enumerate(rows) if row[0] in train]]
    if not (np.ptp(trained, axis=0) > 0).any():
        return None
    return Labelled(field, tuple(often), tuple((i, part) for i, part, _ in rows), labels)


def _told(field: Field, example: Example) -> list[tuple[str, tuple[str, ...]]]:
    """(part, values) of the truth: one for the shot, or one per end of it for a field that speaks of ends."""
    variable = example.truth[field.id]
    if variable.values == (UNKNOWN,):
        return []
    if field.scope != "ends":
        return [("shot", variable.values)]
    first, last = variable.values[:1], variable.values[-1:]
    return [("first", first), ("last", last)] if _lasts(variable, example.truth.n_frames) else [("first", first)]


def _lasts(variable: Variable, n_frames: int) -> bool:
    """Whether the truth of an `ends` field speaks of the last frame too."""
    return len(variable.values) == 2 or not variable.spans or any(span.end == n_frames for span in variable.spans)


def _fit_one(
    labelled: Labelled,
    seen: Sequence[Example],
    valid: set[str],
    scaling: Scaling,
    directions_DR: np.ndarray,
    precision: float,
) -> Head:
    reduced = scaling(np.stack([seen[i].vectors[part] for i, part in labelled.rows])) @ directions_DR
    episode = np.array([seen[i].episode for i, _ in labelled.rows])
    held = np.isin(episode, sorted(valid))
    train_NR, train_NK, groups = reduced[~held], labelled.label_NK[~held], episode[~held]
    trials = []
    for strength in STRENGTHS:
        logits = _left_out(train_NR, train_NK, groups, labelled.multi, strength)
        temperature, loss = best_temperature(logits, train_NK, labelled.multi)
        trials.append((loss, strength, temperature))
    _, strength, temperature = min(trials)
    weight_KR, bias_K = _logistic(train_NR, train_NK, labelled.multi, strength)
    logits = reduced[held] @ weight_KR.T + bias_K
    right, sure = _answers(labelled, probabilities(logits / temperature, labelled.multi), labelled.label_NK[held])
    raw_right, raw_sure = _answers(labelled, probabilities(logits, labelled.multi), labelled.label_NK[held])
    threshold = precise_threshold(sure, right, precision)
    answered = sure >= threshold
    report = {
        "train": float((~held).sum()),
        "valid": float(held.sum()),
        "accuracy": float(right.mean()) if right.size else float("nan"),
        "ece_before": calibration_error(raw_sure, raw_right),
        "ece_after": calibration_error(sure, right),
        "coverage": float(answered.mean()) if right.size else float("nan"),
        "precision": float(right[answered].mean()) if answered.any() else float("nan"),
    }
    weight_KD = (weight_KR @ directions_DR.T).astype(np.float32)
    return Head(
        labelled.field.id, labelled.classes, weight_KD, bias_K.astype(np.float32), temperature, threshold, report
    )


def _logistic(rows_NR: np.ndarray, label_NK: np.ndarray, multi: bool, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, R) and biases (K): one softmax, or a sigmoid per class. A class without both answers gets FAR."""
    from sklearn.linear_model import LogisticRegression

    n_classes = label_NK.shape[1]
    weight, bias = np.zeros((n_classes, rows_NR.shape[1])), np.full(n_classes, FAR)
    if multi:
        for k in range(n_classes):
            if 0 < label_NK[:, k].sum() < len(label_NK):
                model = LogisticRegression(C=strength, max_iter=500).fit(rows_NR, label_NK[:, k].astype(int))
                weight[k], bias[k] = model.coef_[0], model.intercept_[0]
            elif label_NK[:, k].all():
                bias[k] = -FAR
        return weight, bias
    chosen = label_NK.argmax(1)
    present = np.unique(chosen)
    if len(present) == 1:
        bias[present[0]] = 0.0
        return weight, bias
    model = LogisticRegression(C=strength, max_iter=500).fit(rows_NR, chosen)
    if len(present) == 2:  # sklearn keeps one row, that of the second class
        weight[present], bias[present] = [-model.coef_[0] / 2, model.coef_[0] / 2], [0, model.intercept_[0]]
    else:
        weight[present], bias[present] = model.coef_, model.intercept_
    return weight, bias


def _left_out(
    rows_NR: np.ndarray, label_NK: np.ndarray, groups: np.ndarray, multi: bool, strength: float
) -> np.ndarray:
    """Logits for every shot from a fit that had not seen its episode."""
    episodes = np.unique(groups)
    logits = np.zeros_like(label_NK)
    for fold in np.array_split(episodes, min(4, len(episodes))):
        out = np.isin(groups, fold)
        weight, bias = _logistic(rows_NR[~out], label_NK[~out], multi, strength) if not out.all() else (None, None)
        if weight is not None:
            logits[out] = rows_NR[out] @ weight.T + bias
    return logits


def best_temperature(logits_NK: np.ndarray, label_NK: np.ndarray, multi: bool) -> tuple[float, float]:
    """The temperature with the least log loss, and that loss per shot."""
    losses = []
    for temperature in np.geomspace(0.1, 20, 80):
        p = np.clip(probabilities(logits_NK / temperature, multi), 1e-9, 1 - 1e-9)
        terms = label_NK * np.log(p) + ((1 - label_NK) * np.log(1 - p) if multi else 0)
        losses.append((-float(terms.sum(1).mean()), float(temperature)))
    loss, temperature = min(losses)
    return temperature, loss


def _answers(labelled: Labelled, p_NK: np.ndarray, label_NK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(right, sure) per shot: whether exactly the true values would be said, and with which probability."""
    right, sure = [], []
    for p, true in zip(p_NK, label_NK):
        values, confidence = choose(labelled.field, dict(zip(labelled.classes, p.tolist())))
        truth = {name for name, held in zip(labelled.classes, true) if held}
        right.append({value for value in values if value != "none"} == truth or values == tuple(truth))
        sure.append(confidence)
    return np.array(right, bool), np.array(sure, float)


def precise_threshold(sure: np.ndarray, right: np.ndarray, precision: float) -> float:
    """The lowest certainty above which at least `precision` of the answers are right; NEVER where there is none.

    A threshold is judged by MIN_ANSWERS answers or more: two lucky answers are no precision.
    """
    order = np.argsort(-sure)
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Equal certainties are answered together or not at all.
    ends = np.append(sure[order][1:] < sure[order][:-1], True) if len(order) else np.zeros(0, bool)
    good = np.flatnonzero(ends & (shares >= precision) & (np.arange(len(order)) + 1 >= MIN_ANSWERS))
    return float(sure[order][good[-1]]) if good.size else NEVER


def calibration_error(sure: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: |certainty - share of right answers| over bins of certainty, weighted by size."""
    if not len(sure):
        return float("nan")
    which = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(sure[which == b].mean() - right[which == b].mean()) * (which == b).mean() for b in np.unique(which)]
    return float(sum(gaps))
