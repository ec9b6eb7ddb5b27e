"""Known lettering over drawn episodes: subtitles, a logo, a staff roll, signs; and single lines anywhere, to fit on.

`python -m benchmarks.stages_text EPISODE...` fits the weights of animatrix_ingest/watch/overlays_find.py on single
lines of any size and colour set over those episodes, tests them on the other ones, and prints them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from anicaption.frames import frames
from animatrix_ingest.watch.overlays_find import FEATURES, strips

Rect = tuple[float, float, float, float]
WORDS = (
    "今日はいい天気だね", "Where are you going?", "待ってくれ！話がある", "I do not believe it.", "それは本当か",
    "We must leave before dawn", "何も覚えていない", "明日また来る", "The city never sleeps", "もう一度言って",
    "監督 山田太郎", "作画監督 鈴木花子", "音楽 Kenji Tanaka", "第3話 遠い空", "ドドド", "ゴゴゴ", "BAKERY", "たばこ",
    "駅前商店街", "制作進行 山本", "ABCテレビ", "はい！", "Not at all.", "何？", "次回につづく",
)  # fmt: skip
LIGHTS = ((255, 255, 255), (255, 255, 200), (250, 220, 60), (120, 230, 255), (255, 170, 190))
DARKS = ((8, 8, 12), (30, 20, 60), (150, 20, 30), (20, 60, 40))


@dataclass(frozen=True)
class Lettered:
    """A box of lettering in shares of the frame, with its role."""

    role: str
    box: Rect


def write(
    picture: np.ndarray, words: str, x: float, base: float, size: float, rgb=(255, 255, 255), edge=(10, 10, 14),
    weight: int = 600, alpha: float = 1.0,
) -> Rect:  # fmt: skip
    """One line on an RGB picture, in place, centred on `x` (share of the width) with its base at `base`, `size` high
    (shares of the height); `edge` is the colour of the outline or None. Returns the box of what was painted."""
    height, width = picture.shape[:2]
    font, px = cv2.FontFace("uni"), max(6, round(size * height))
    _, _, wide, _ = cv2.getTextSize((0, 0), words, (0, 0), font, px, weight)
    mask = np.zeros_like(picture)
    cv2.putText(mask, words, (round(x * width - wide / 2), round(base * height)), (255, 255, 255), font, px, weight)
    fill = mask[..., :1].astype(np.float32) / 255 * alpha
    if edge is not None:
        reach = max(1, round(px / 14))
        around = cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
        share = around[..., :1].astype(np.float32) / 255 * alpha
        picture[:] = np.rint(picture * (1 - share) + np.array(edge, np.float32) * share)
        mask = around
    picture[:] = np.rint(picture * (1 - fill) + np.array(rgb, np.float32) * fill)
    rows, columns = np.flatnonzero(mask[..., 0].any(1)), np.flatnonzero(mask[..., 0].any(0))
    if not len(rows):
        return (0.0, 0.0, 0.0, 0.0)
    return columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height


def anywhere(picture: np.ndarray, rng: np.random.Generator) -> Rect:
    """One line of any size, colour and place on the picture, in place."""
    light = rng.random() < 0.7
    rgb = (LIGHTS if light else DARKS)[rng.integers(5 if light else 4)]
    edge = None if rng.random() < 0.35 else (DARKS[rng.integers(4)] if light else LIGHTS[rng.integers(5)])
    size = float(np.exp(rng.uniform(np.log(0.035), np.log(0.17))))
    words = WORDS[rng.integers(len(WORDS))]
    if size > 0.08:
        words = words[:6]
    return write(
        picture, words, rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.95), size, rgb, edge,
        int(rng.choice([400, 600, 800])), float(rng.choice([1.0, 0.8])),
    )  # fmt: skip


def overlap(a: Rect, b: Rect) -> float:
    """Intersection over union."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def examples(video: Path, seed: int, every: int = 13) -> Iterator[tuple[dict[str, float], bool]]:
    """Strips of pictures with one known line each, and whether they are it. Shots that have lettering are left out."""
    truth = json.loads(video.with_suffix(".truth.json").read_text("utf-8"))
    told = {
        index
        for shot in truth["shots"]
        if shot["record"]["vfx"]["text"]["values"] != ["none"]
        for index in range(shot["start_frame"], shot["end_frame"])
    }
    rng = np.random.default_rng(seed)
    for frame in frames(video):
        if frame.index % every or frame.index in told:
            continue
        picture = frame.rgb(240).copy()
        height, width = picture.shape[:2]
        box = anywhere(picture, rng)
        for (x0, y0, x1, y1), numbers in strips(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)):
            shared = overlap((x0 / width, y0 / height, x1 / width, y1 / height), box)
            if shared > 0.5 or shared < 0.05:
                yield numbers, shared > 0.5


def main(arguments: Sequence[str]) -> None:
    """Fit on every second of the given episodes, test on the others, print weights for all."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score, roc_auc_score
    from sklearn.preprocessing import StandardScaler

    tables = []
    for i, name in enumerate(arguments):
        rows = list(examples(Path(name), i))
        tables.append((np.array([[n[k] for k in FEATURES] for n, _ in rows]), np.array([y for _, y in rows])))
    halves = [tuple(np.concatenate(part) for part in zip(*tables[k::2], strict=True)) for k in (0, 1)]
    for (x, y), (u, v) in (halves, halves[::-1]):
        scaler = StandardScaler().fit(x)
        model = LogisticRegression(max_iter=1000).fit(scaler.transform(x), y)
        said = model.predict_proba(scaler.transform(u))[:, 1]
        print(
            f"held out: area under ROC {roc_auc_score(v, said):.3f}, precision {average_precision_score(v, said):.3f}"
        )
    x, y = (np.concatenate(part) for part in zip(*halves, strict=True))
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(x), y)
    weights = model.coef_[0] / scaler.scale_
    print(f"{len(y)} strips, {y.sum()} of lettering")
    print({name: float(f"{w:.3g}") for name, w in zip(FEATURES, weights, strict=True)})
    print("offset", float(f"{model.intercept_[0] - float(weights @ scaler.mean_):.3g}"))


if __name__ == "__main__":
    main(sys.argv[1:])
