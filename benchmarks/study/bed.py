"""The bed of the conditioning study: clips drawn from variables that know nothing of each other.

Every clip has a value of each of FIELDS, drawn evenly and independently, but that a tenth of the pairs of values of two
fields never come together in what is trained on, and always in what composition is tested on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from anicaption.drawn.casting import cast, locate
from anicaption.drawn.film import HANDS
from anicaption.drawn.script import Acting, CameraWork, Effects, Shot
from anicaption.frames import even

FIELDS: dict[str, tuple[str, ...]] = {
    "camera.move": ("pan_left", "pan_right", "pan_up", "pan_down", "track_up", "track_back"),
    "camera.speed": ("medium", "quick"),
    "vfx.impact_frame": ("none", "white_flash", "black_flash", "inverted"),
    "vfx.lines": ("none", "focus", "speed"),
    "camera.shake": ("none", "continuous"),
    "motion.timing": ("ones", "twos", "threes"),
}
"""The frame always moves: one that stands still has no speed, and values are to know nothing of each other."""
SPEEDS_PCT = {"medium": (0.9, 1.4), "quick": (2.4, 3.2)}
"""Of the frame width a frame, well within what the taxonomy calls so."""
PARTS = ("train", "tune", "test", "compose")
HELD_BACK = {("camera.move", "vfx.lines"): 0, ("camera.move", "motion.timing"): 1, ("vfx.lines", "motion.timing"): 0}
"""Fields whose values are held back from one another: each value of the first from that of the second which stands so
many places after its own. Going round, all values lose equally much and stay equally frequent: 15 of 161 pairs."""
Values = dict[str, str]


@dataclass(frozen=True)
class Size:
    """Of every clip. The study's own is 49 frames of 64 x 96; smaller ones are for slow machines."""

    frames: int = 49
    height_px: int = 64
    width_px: int = 96


@dataclass(frozen=True)
class Clips:
    """RGB uint8 (N, F, H, W, 3), mapped from disk, and what each was drawn from."""

    video_NFHWC: np.ndarray
    values: tuple[Values, ...]

    def __len__(self) -> int:
        return len(self.values)


def held_back_pairs() -> frozenset[frozenset[tuple[str, str]]]:
    """The pairs of values that training never sees together."""
    return frozenset(
        frozenset(((one, a), (two, b)))
        for (one, two), turn in HELD_BACK.items()
        for at, a in enumerate(FIELDS[one])
        for by, b in enumerate(FIELDS[two])
        if (at + turn) % len(FIELDS[two]) == by
    )


def has_held_back(values: Values, pairs: frozenset[frozenset[tuple[str, str]]]) -> bool:
    return any(frozenset(pair) in pairs for pair in combinations(values.items(), 2))


def deal(n: int, part: str, seed: int = 0) -> list[Values]:
    """Values of `n` clips of a part: `train` and `tune` without held-back pairs, `test` without, `compose` with one."""
    rng, pairs = np.random.default_rng([seed, PARTS.index(part)]), held_back_pairs()
    found: list[Values] = []
    while len(found) < n:
        values = {name: str(rng.choice(choices)) for name, choices in FIELDS.items()}
        if has_held_back(values, pairs) == (part == "compose"):
            found.append(values)
    return found


def clips(folder: Path, part: str, n: int, size: Size, seed: int = 0) -> Clips:
    """The clips of a part, drawn on the first call and mapped from `folder` afterwards, losslessly."""
    values = deal(n, part, seed)
    lots = [int(np.random.default_rng([seed, 5 + PARTS.index(part), at]).integers(1 << 30)) for at in range(n)]
    shots = [readable(said, size.frames, lot) for said, lot in zip(values, lots, strict=True)]
    words = json.dumps([asdict(size), [asdict(shot) for shot in shots]], sort_keys=True)
    place = folder / f"{part}-{hashlib.sha256(words.encode()).hexdigest()[:16]}.npy"
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_suffix(".part.npy")
        shape = (n, size.frames, size.height_px, size.width_px, 3)
        video = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        for at, shot in enumerate(shots):
            video[at] = draw(shot, size)
        video.flush()
        unfinished.rename(place)
    return Clips(np.load(place, mmap_mode="r"), tuple(values))


def draw(shot: Shot, size: Size) -> np.ndarray:
    """One clip RGB uint8 (F, H, W, 3) of a shot, the middle of its frame."""
    drawn = HANDS["first"][0](shot, size.height_px, even(size.height_px * 16 / 9))
    left = (even(size.height_px * 16 / 9) - size.width_px) // 2
    return np.stack([frame[:, left : left + size.width_px] for frame in drawn.frames()])


def script(values: Values, n_frames: int, seed: int) -> Shot:
    """The shot that has these values. Moves are as large as their length allows and even."""
    rng = np.random.default_rng(seed)
    move, impact, lines = values["camera.move"], values["vfx.impact_frame"], values["vfx.lines"]
    work = CameraWork(shake=values["camera.shake"], shake_seed=int(rng.integers(1 << 30)))
    if move.startswith("pan"):
        work = replace(work, moves=(move,), peak_pct=float(rng.uniform(1.2, 2.0)), easing="constant")
    elif move != "none":
        fast = float(rng.uniform(1.0, 1.6))
        work = replace(work, moves=(move,), peak_pct=fast, easing="constant", widest=-fast / 100 * (n_frames - 1))
    at = int(rng.integers(n_frames // 3, n_frames - 4))
    effects = Effects(
        lines=() if lines == "none" else ((lines, 5, n_frames),),  # the first frame is given and must not tell
        impacts=() if impact == "none" else ((impact, at, at + 2),),
        seed=int(rng.integers(1 << 30)),
    )
    acting = Acting(
        "wave",
        {"ones": 1, "twos": 2, "threes": 3}[values["motion.timing"]],
        str(rng.choice(["full", "knee", "waist"])),
        yaw=float(rng.uniform(0.0, 0.7)),
        mirrored=bool(rng.random() < 0.5),
        period_frames=24,
        at_x=float(rng.uniform(-0.15, 0.15)),
    )
    place = replace(locate(rng), nearness=float(rng.uniform(1.0, 1.6)))
    return Shot(n_frames, int(rng.integers(1 << 30)), place, work, cast(rng), acting, effects)


def readable(values: Values, n_frames: int, seed: int) -> Shot:
    """The shot that has these values, speed among them, for few pixels and a model that paints the mean of what it is
    not told: figures are near and quick, and what the values leave open of shake, lines and impact frames is the same
    in all clips."""
    shot, rng = script(values, n_frames, seed), np.random.default_rng([seed, 1])
    peak_pct = float(rng.uniform(*SPEEDS_PCT[values["camera.speed"]]))
    widest = 0.0 if values["camera.move"].startswith("pan") else -peak_pct / 100 * (n_frames - 1)
    assert shot.acting is not None
    return replace(
        shot,
        camera=replace(shot.camera, peak_pct=peak_pct, widest=widest, shake_seed=0),
        effects=replace(
            shot.effects,
            impacts=tuple((kind, n_frames // 2, n_frames // 2 + 2) for kind, *_ in shot.effects.impacts),
            seed=0,
        ),
        acting=replace(shot.acting, size=str(rng.choice(["waist", "bust"])), period_frames=10),
    )


def tags(values: Values) -> dict[str, tuple[str, ...]]:
    """The values as a model is told them."""
    return {name: (value,) for name, value in values.items()}


def chance(name: str) -> float:
    """How often an answer by lot is right."""
    return 1 / len(FIELDS[name])


def swapped(values: Values, name: str, rng: np.random.Generator) -> Values:
    """The values with another one of one field."""
    others: Sequence[str] = [value for value in FIELDS[name] if value != values[name]]
    return {**values, name: str(rng.choice(others))}
