"""Clips drawn for the Judge: prompts that ask for a deformation, and candidates that draw it, leave it out or fail.

Every candidate knows the truth: which frames depart from the model on purpose, which fail, and where. Either hand of
anicaption draws, so that one can be held out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from anicaption.drawn import variables_acts as acts
from anicaption.drawn import variables_camera as cameras
from anicaption.drawn.casting import cast, locate
from anicaption.drawn.deck import Decks
from anicaption.drawn.film import HANDS
from anicaption.drawn.script import Acting, CameraWork, Effects, Look, Shot
from anicaption.drawn.truth import record_of
from anicaption.frames import FILM_RATE, even

from animatrix_reward.corrupt import CORRUPTIONS, Clip, Corrupted, corrupt
from animatrix_reward.excuse import IMPACTS

DEFORMED = ("motion.deformation", "vfx.impact_frame")
_ASKED = (*DEFORMED, "motion.performance", "camera.move", "camera.shot_size")
_FIGURE = 14  # levels by which a picture with figures differs from one without where they stand


@dataclass(frozen=True)
class Departure:
    """Frames [start, end) that depart from the model: drawn so (`intentional`), or a failure of some severity."""

    kind: str
    start: int
    end: int
    intentional: bool
    severity: int
    box: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Drawn:
    """One candidate. `way` is asked, or plain (the deformation left out), and a pathology's name after a dot."""

    id: str
    prompt: str
    hand: str
    way: str
    tags: Mapping[str, tuple[str, ...]]
    frames_THWC: np.ndarray
    masks_THW: np.ndarray
    departures: tuple[Departure, ...]
    rate: Fraction = FILM_RATE

    @property
    def drawn_kinds(self) -> tuple[str, ...]:
        """The intentional kinds in it."""
        return tuple(dict.fromkeys(one.kind for one in self.departures if one.intentional))

    @property
    def failed_kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.kind for one in self.departures if not one.intentional))


@dataclass(frozen=True)
class Prompt:
    """A shot that asks for a deformation or an impact frame, and the same shot without it."""

    id: str
    asked: Shot
    plain: Shot
    twin: Shot


def prompts(n: int, seed: int) -> Iterator[Prompt]:
    """`n` prompts by lot; kinds of deformation are dealt evenly."""
    rng, decks = np.random.default_rng([seed, 0x66]), Decks(np.random.default_rng([seed, 0x67]))
    for number in range(n):
        n_frames = int(rng.integers(32, 45))
        acting = acts.action(rng, decks, n_frames)
        impacts: tuple[tuple[str, int, int], ...] = ()
        if decks.deal("impact or not", (True, False, False, False)):
            start = int(rng.integers(8, n_frames - 10))
            impacts = ((decks.deal("impact", IMPACTS), start, start + int(rng.integers(1, 4))),)
            acting = replace(acting, deformations=())
        acting = replace(acting, size=decks.deal("size", ("full", "knee", "waist", acting.size)))
        work = CameraWork()
        if decks.deal("camera", (True, False, False)):
            work = cameras.work(rng, decks, n_frames)
            acting = cameras.kept_in_frame(rng, acting, work, n_frames) if work.peak_pct else acting
        lines = decks.deal("lines", ((), (), (), (("speed", 4, n_frames),), (("focus", 6, n_frames),)))
        place = replace(locate(rng), nearness=float(rng.uniform(1.0, 1.5)))
        effects = Effects(lines=lines, impacts=impacts, seed=int(rng.integers(1 << 20)))
        who, look = cast(rng), Look(shading=str(rng.choice(["two_tone", "two_tone", "no_shadow"])))
        asked = Shot(n_frames, int(rng.integers(1 << 30)), place, work, who, acting, effects, look=look)
        plain = _without(asked, decks, rng)
        yield Prompt(f"{seed:04d}-{number:04d}", asked, plain, replace(plain, character=cast(rng)))


def _without(shot: Shot, decks: Decks, rng: np.random.Generator) -> Shot:
    """The shot with nothing that departs from the model: another performance where one smears or squashes by itself."""
    assert shot.acting is not None
    acting: Acting = replace(shot.acting, deformations=())
    if acting.performance in ("punch", "jump"):
        acting = replace(acting, performance=decks.deal("instead", ("slash", "wave", "raise", "dance")), hit_stop=None)
    return replace(shot, acting=acting, effects=replace(shot.effects, impacts=()))


def candidates(prompt: Prompt, hand: str, height_px: int = 96, *, failures: int = 3, seed: int = 0) -> Iterator[Drawn]:
    """As asked, plain, and `failures` of the two with a pathology each; kinds go round from prompt to prompt."""
    asked, plain = _filmed(prompt.asked, hand, height_px), _filmed(prompt.plain, hand, height_px)
    tags, own = _truth(prompt.asked, hand, height_px)
    _, none = _truth(prompt.plain, hand, height_px)
    yield _drawn(prompt, hand, "asked", tags, asked, own)
    yield _drawn(prompt, hand, "plain", tags, plain, none)
    twin = _filmed(prompt.twin, hand, height_px)
    rng = np.random.default_rng([seed, *map(int, prompt.id.split("-"))])
    kinds = list(CORRUPTIONS)
    first = int(prompt.id.split("-")[1]) * failures
    for k in range(failures):
        kind = kinds[(first + k) % len(kinds)]
        name, clip, departures = ("plain", plain, none) if (first + k) % 3 else ("asked", asked, own)
        damaged = _damaged(clip, kind, rng, twin if kind == "identity_swap" else plain)
        if damaged is not None:
            damage = Departure(kind, damaged.start, damaged.end, False, damaged.severity, damaged.box)
            kept = tuple(one for one in departures if not (damaged.start < one.end and one.start < damaged.end))
            shown = replace(clip, frames_THWC=damaged.frames_THWC)
            yield _drawn(prompt, hand, f"{name}.{kind}", tags, shown, (*kept, damage))


def _damaged(clip: Clip, kind: str, rng: np.random.Generator, other: Clip) -> Corrupted | None:
    """The clip with a pathology of some severity; None where its figure is too small for one."""
    severity = int(rng.choice([2, 3, 4, 5]))
    try:
        return corrupt(clip, kind, severity=severity, seed=int(rng.integers(1 << 30)), other=other)
    except ValueError:
        return None


def _drawn(prompt: Prompt, hand: str, way: str, tags, clip: Clip, departures: tuple[Departure, ...]) -> Drawn:
    name = f"{prompt.id}:{hand}:{way}"
    return Drawn(name, prompt.id, hand, way, tags, clip.frames_THWC, clip.masks_THW, departures)


def _filmed(shot: Shot, hand: str, height_px: int) -> Clip:
    """The shot's frames, and where its figures are: what a picture without effects loses when they are taken away."""
    width_px = even(height_px * 16 / 9)

    def film(shot: Shot) -> np.ndarray:
        return np.stack(list(HANDS[hand][0](shot, height_px, width_px).frames()))

    bare = replace(shot, effects=Effects())
    with_figure = film(bare).astype(np.int16)
    without = film(replace(bare, character=None, acting=None, others=()))
    masks = np.abs(with_figure - without).max(axis=3) > _FIGURE
    frames = film(shot) if shot.effects != Effects() else with_figure.astype(np.uint8)
    return Clip(frames, masks)


def _truth(shot: Shot, hand: str, height_px: int) -> tuple[dict[str, tuple[str, ...]], tuple[Departure, ...]]:
    """What the shot shows, as tags of the fields a prompt asks for, and where it departs from the model."""
    record = record_of(HANDS[hand][0](shot, height_px, even(height_px * 16 / 9)), FILM_RATE)
    tags, departures = {}, []
    for name in _ASKED:
        variable = record[name]
        if not variable.known:
            continue
        tags[name] = variable.values
        if name in DEFORMED:
            departures += [
                Departure(span.value, span.start, span.end, True, 1, None)
                for span in variable.spans
                if span.value != "none"
            ]
    return tags, tuple(departures)
