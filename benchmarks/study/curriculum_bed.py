"""The bed of the curriculum study: drawn clips of three grades of deformation, with their difficulty from the truth.

`none` is the physics to override: figures act and the camera moves a little, nothing smears. `mild` departs from the
model sheet for a few frames under a somewhat faster camera; `strong` does so far and long, with impact frames and large
camera moves. A figure's own performance never deforms it (no punch, no jump), so a clip's grade is all there is.

Style is one hand's all through, so difficulty has the two parts motion and deformation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from anicaption.drawn import sheet
from anicaption.drawn.casting import cast, locate
from anicaption.drawn.distort import AMOUNT
from anicaption.drawn.energy import motion_pct
from anicaption.drawn.film import HANDS
from anicaption.drawn.script import Acting, CameraWork, Effects, Shot
from anicaption.drawn.truth import record_of
from anicaption.frames import FILM_RATE, even
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.tags import TagSpan, spans_of

from benchmarks.study.bed import Size

GRADES = ("none", "mild", "strong")
PARTS = ("motion", "deformation")
PERFORMANCES = ("wave", "walk", "run", "dance", "raise")
BRIEF = ("smear_stretch", "smear_multiple", "smear_abstract", "squash", "stretch", "impact_distort")
LONG = ("chibi_shift", "morph", "rubber_limb", "line_breakup")
MOVES = ("pan_left", "pan_right", "pan_up", "pan_down", "track_up", "track_back")
IMPACTS = ("mono", "inverted", "white_flash")
UNTOLD_FRAMES = 4
"""Nothing begins before: the first latent frame is given and must not tell."""
IMPACT = AMOUNT["strong"]
"""What a frame of impact counts as."""


@dataclass(frozen=True)
class Graded:
    """RGB uint8 (N, F, H, W, 3), mapped from disk; what a model is told of each; its grade and measures (N,)."""

    video_NFHWC: np.ndarray
    conditions: tuple[Condition, ...]
    grades: tuple[str, ...]
    parts: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.grades)


def clips(folder: Path, part: str, n: int, size: Size, grades: Sequence[str] = GRADES, seed: int = 0) -> Graded:
    """The clips of a part (`prior`, `pool`, `held`), their grades in turn, drawn on the first call and mapped from
    `folder` afterwards, losslessly."""
    of = tuple(grades[at % len(grades)] for at in range(n))
    lots = [
        np.random.default_rng([seed, ("prior", "pool", "held").index(part), at]).integers(1 << 30) for at in range(n)
    ]
    shots = [script(grade, size.frames, int(lot)) for grade, lot in zip(of, lots, strict=True)]
    words = json.dumps([asdict(size), [asdict(shot) for shot in shots]], sort_keys=True)
    place = folder / f"{part}-{hashlib.sha256(words.encode()).hexdigest()[:16]}.npy"
    truths = place.with_suffix(".json")
    if not truths.exists():  # written last
        folder.mkdir(parents=True, exist_ok=True)
        shape = (n, size.frames, size.height_px, size.width_px, 3)
        video = np.lib.format.open_memmap(place, "w+", np.uint8, shape)
        told = []
        for at, shot in enumerate(shots):
            video[at], truth = draw(shot, size)
            told.append(truth)
        video.flush()
        truths.write_text(json.dumps(told) + "\n", "utf-8")
    told = json.loads(truths.read_text("utf-8"))
    return Graded(
        np.load(place, mmap_mode="r"),
        tuple(_condition(truth) for truth in told),
        of,
        {name: np.array([truth[name] for truth in told]) for name in PARTS},
    )


def draw(shot: Shot, size: Size) -> tuple[np.ndarray, dict]:
    """One clip RGB uint8 (F, H, W, 3) and its truth: tags, when they hold, motion and deformation."""
    width_px = even(size.height_px * 16 / 9)
    drawn = HANDS["first"][0](shot, size.height_px, width_px)
    left = (width_px - size.width_px) // 2
    video = np.stack([frame[:, left : left + size.width_px] for frame in drawn.frames()])
    record = record_of(drawn, FILM_RATE)
    truth = {"tags": record.tags(), "spans": [list(span) for span in spans_of(record)]}
    return video, truth | {"motion": motion(shot, drawn.path), "deformation": deformation(shot)}


def motion(shot: Shot, path) -> float:
    """How far the camera moves, and the figure would if nothing deformed it, % of the frame height per frame."""
    assert shot.acting is not None
    plain = replace(shot, acting=replace(shot.acting, deformations=()), effects=Effects())
    return shot.camera.peak_pct * 16 / 9 + float(np.mean(motion_pct(plain, path)[1:]))


def deformation(shot: Shot) -> float:
    """How far a clip departs from the model sheet, a mean over its frames: of the figure by degree, and by impacts."""
    (of_figure,) = sheet.sheets_of(shot)
    assert shot.acting is not None
    amount = AMOUNT[shot.acting.degree]
    departs = np.array([amount if of_figure.deformation_at(at) else 0.0 for at in range(shot.n_frames)])
    for _, start, end in shot.effects.impacts:
        departs[start:end] += IMPACT
    return float(departs.mean())


def script(grade: str, n_frames: int, seed: int) -> Shot:
    """A shot of a grade. Moves are even and all through."""
    rng = np.random.default_rng(seed)
    strong = grade == "strong"
    fastest = {"none": (0.3, 1.0), "mild": (0.6, 1.6), "strong": (1.8, 3.6)}[grade]
    work = _camera(rng, n_frames, rng.uniform(*fastest), moves=bool(rng.random() < (0.9 if strong else 0.5)))
    spans, effects, degree = (), Effects(), "none"
    if grade != "none":
        degree = str(rng.choice(("strong", "extreme"))) if strong else "mild"
        spans = (_span(rng, n_frames, strong),)
    if strong and rng.random() < 0.7:
        at = int(rng.integers(UNTOLD_FRAMES, n_frames - 3))
        effects = Effects(impacts=((str(rng.choice(IMPACTS)), at, at + 2),), seed=int(rng.integers(1 << 30)))
    acting = Acting(
        str(rng.choice(PERFORMANCES)),
        int(rng.choice((1, 2))),
        str(rng.choice(("full", "knee"))),
        yaw=float(rng.uniform(0.0, 0.7)),
        mirrored=bool(rng.random() < 0.5),
        period_frames=24,
        at_x=float(rng.uniform(-0.15, 0.15)),
        deformations=spans,
        degree=degree if spans else "strong",
    )
    place = replace(locate(rng), nearness=float(rng.uniform(1.0, 1.6)))
    return Shot(n_frames, int(rng.integers(1 << 30)), place, work, cast(rng), acting, effects)


def _span(rng: np.random.Generator, n_frames: int, strong: bool) -> tuple[str, int, int]:
    """A deformation and its frames: some kinds are of a moment, others stay."""
    kind = str(rng.choice(BRIEF + LONG))
    length = int(rng.integers(2, 5) if kind in BRIEF else rng.integers(4, 7))
    length = min(length * (2 if strong else 1), n_frames - UNTOLD_FRAMES - 1)
    start = int(rng.integers(UNTOLD_FRAMES, n_frames - length))
    return kind, start, start + length


def _camera(rng: np.random.Generator, n_frames: int, peak_pct: float, moves: bool) -> CameraWork:
    """A fixed frame, or one even move of at most a frame's width and a zoom of at most 2.2 times."""
    if not moves:
        return CameraWork()
    move = str(rng.choice(MOVES))
    if move.startswith("pan"):
        return CameraWork(moves=(move,), peak_pct=min(float(peak_pct), 100 / n_frames), easing="constant")
    zoomed = min(float(peak_pct), 80 / n_frames)
    return CameraWork(moves=(move,), peak_pct=zoomed, easing="constant", widest=-zoomed / 100 * (n_frames - 1))


def _condition(truth: dict) -> Condition:
    tags = {name: tuple(values) for name, values in truth["tags"].items()}
    return Condition(tags, "", tuple(TagSpan(*span) for span in truth["spans"]))
