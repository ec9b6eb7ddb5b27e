"""What the gallery shows: for every value that can be drawn, a short shot in which the script says it holds.

Look and effects are put on plain shots here; motion and camera values are looked up among the shots that the script
`variables` deals, taking the one that says the least besides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from anicaption.drawn.casting import cast, locate
from anicaption.drawn.deck import Decks
from anicaption.drawn.dress_words import words
from anicaption.drawn.script import Acting, CameraWork, Effects, Look, Shot
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.truth import record_of
from anicaption.drawn.variables import plain_shots
from anicaption.record import Record
from anicaption.taxonomy import taxonomy

RATE = Fraction(24000, 1001)
FRAMES = 30
_POOL = 900  # shots in which motion and camera values are looked for


@dataclass(frozen=True)
class Example:
    """A value of a field and the shots that show it; `record` is the truth of the one that counts."""

    field: str
    value: str
    shots: tuple[Shot, ...]
    shown: int  # which of the shots has the value
    record: Record


def truth_of(shot: Shot) -> Record:
    """The record of a shot that nobody has drawn yet."""
    return record_of(DrawnShot(shot, 144, 256), RATE)


def examples() -> list[Example]:
    """An example of every value that can be drawn, in the taxonomy's order."""
    looked_up = _looked_up()
    found = []
    for field in taxonomy():
        for number, value in enumerate(field.values):
            shots = _made(field.id, value.id, number) if field.id in _MADE else ()
            shown = next((i for i, shot in enumerate(shots) if _holds(shot, field.id, value.id)), None)
            if shown is None and (field.id, value.id) in looked_up:
                shots, shown = (looked_up[field.id, value.id],), 0
            if shown is not None:
                found.append(Example(field.id, value.id, shots, shown, truth_of(shots[shown])))
    return found


def _holds(shot: Shot, field: str, value: str) -> bool:
    return value in truth_of(shot)[field].values


# -- looked up -------------------------------------------------------------------------------------------------


def _looked_up() -> dict[tuple[str, str], Shot]:
    """For each value the shot that says it and little else, and that has not been shown too often."""
    found: dict[tuple[str, str], list[tuple[float, int]]] = {}
    rng = np.random.default_rng([20, 26])
    shots = list(plain_shots(rng, Decks(rng), _POOL))
    for number, shot in enumerate(shots):
        said = {name: v.values for name, v in truth_of(shot).variables().items() if v.known}
        extra = sum(len(values) for name, values in said.items() if "none" not in values and _eventful(name))
        for name, values in said.items():
            for value in values:
                cost = extra + 3 * (len(values) - 1) + _poor(shot, name)
                found.setdefault((name, value), []).append((cost, number))
    chosen: dict[tuple[str, str], Shot] = {}
    shown = np.zeros(len(shots))
    for key, candidates in found.items():
        _, number = min((cost + 0.8 * shown[number], number) for cost, number in candidates)
        shown[number] += 1
        chosen[key] = shots[number]
    return chosen


def _eventful(name: str) -> bool:
    return name in (
        "camera.move",
        "camera.shake",
        "motion.deformation",
        "motion.accent",
        "motion.rocking",
        "camera.tilt",
    )


def _poor(shot: Shot, name: str) -> float:
    """What makes a shot a poor example: a figure too small or too large to read, dark places, odd company."""
    cost = {"night": 1.0, "interior_artificial": 0.5}.get(shot.place.light, 0.0) + 2.0 * len(shot.split)
    acting = shot.acting
    if name != "motion.background_motion" and shot.place.motion != "none":
        cost += 2.0
    if not name.startswith("camera") and (shot.camera.moves or shot.camera.shake != "none"):
        cost += 1.5
    if name in ("camera.shot_size", "camera.subject_count"):
        return cost
    cost += 0.4 * min(len(shot.others), 4)
    if acting is None:
        return cost + (0.0 if name.startswith("camera") else 2.0)
    size = {"extreme_long": 3.0, "long": 1.6, "close_up": 0.6, "extreme_close": 3.0, "full": 0.2}.get(acting.size, 0.0)
    if name in ("motion.emotion", "motion.partial"):
        size = {"bust": 0.0, "close_up": 0.1, "waist": 0.6}.get(acting.size, 2.5)
    return cost + size + 0.05 * abs(shot.n_frames - 36)


# -- made ------------------------------------------------------------------------------------------------------


def _base(number: int, size: str = "waist", performance: str = "idle", exposure: int = 3, **more) -> Shot:
    """A plain shot of someone somewhere in daylight; `number` picks who and where."""
    rng = np.random.default_rng([number, 2026])
    place = replace(locate(rng, more.pop("kind", None), more.pop("light", "normal_day")), nearness=1.2)
    acting = Acting(
        performance, exposure, size, yaw=0.4, emotion=more.pop("emotion", "calm"), start_phase=0.1,
        period_frames=more.pop("period", 30), at_x=more.pop("at_x", 0.0), mirrored=bool(number % 2),
    )  # fmt: skip
    return Shot(FRAMES, number, place, more.pop("camera", CameraWork()), cast(rng), acting, **more)


def _looked(name: str, **fixed) -> Callable[[str, int], tuple[Shot, ...]]:
    """The same shot for all values of a field, so that nothing else changes."""
    return lambda value, number: (_base(56, "bust", look=Look(seed=number, **{name: value}, **fixed)),)


def _graded(value: str, number: int) -> tuple[Shot, ...]:
    grades = {
        "monochrome": ("monochrome", "mid", "neutral", "broad"), "muted": ("muted", "mid", "neutral", "broad"),
        "moderate": ("moderate", "mid", "neutral", "broad"), "vivid": ("vivid", "mid", "neutral", "broad"),
        "low": ("moderate", "low", "neutral", "broad"), "mid": ("moderate", "mid", "neutral", "broad"),
        "high": ("moderate", "high", "neutral", "broad"), "warm": ("moderate", "mid", "warm", "broad"),
        "neutral": ("moderate", "mid", "neutral", "broad"), "cool": ("moderate", "mid", "cool", "broad"),
        "limited": ("moderate", "mid", "warm", "limited"), "broad": ("moderate", "mid", "neutral", "broad"),
    }  # fmt: skip
    if value not in grades:
        return ()
    chroma, key, temperature, hues = grades[value]
    look = Look(chroma=chroma, key=key, temperature=temperature, hues=hues, graded=True, seed=3)
    # The same shot for all values: nothing but the grade changes.
    return (_base(61, "knee", look=look, kind="town"),)


def _effect(field: str) -> Callable[[str, int], tuple[Shot, ...]]:
    def made(value: str, number: int) -> tuple[Shot, ...]:
        if value == "none":
            return (_base(70, "knee"),)
        performance, size, exposure, period = "idle", "knee", 3, 30
        start, end = 6, FRAMES
        if field == "lines":
            performance, size, exposure, period = _LINED.get(value, ("idle", "bust", 3, 30))
        elif field == "manpu":
            size = "bust"
        elif field == "composite":
            start = 0
            if value == "afterimage_strobe":
                performance, size, exposure = "jump", "full", 1
            elif value == "still_postcard":
                exposure = 0
        elif field == "elements":
            size = "full" if number % 2 else "knee"
        shot = _base(80 + number, size, performance, exposure, period=period, at_x=0.1)
        return (replace(shot, effects=Effects(**{field: ((value, start, end),)}, seed=number)),)  # pyright: ignore

    return made


_LINED = {
    "speed": ("run", "full", 2, 12), "trail": ("punch", "knee", 2, 30), "burst": ("pose", "bust", 0, 30),
    "tremble": ("pose", "waist", 0, 30), "focus": ("pose", "bust", 0, 30),
}  # fmt: skip


def _impact(value: str, number: int) -> tuple[Shot, ...]:
    shot = _base(120 + number, "knee", "punch", 2, period=30)
    return (replace(shot, effects=Effects(impacts=((value, 16, 19),) if value != "none" else (), seed=number)),)


def _light(value: str, number: int) -> tuple[Shot, ...]:
    shot = _base(140 + number, "knee", "idle", 3)
    return (replace(shot, effects=Effects(light=(value,) if value != "none" else (), seed=2 * number)),)


def _text(value: str, number: int) -> tuple[Shot, ...]:
    shot = _base(160 + number, "knee", "talk", 3, period=18, at_x=0.35)
    if value == "none":
        return (shot,)
    entry = (
        value,
        words(np.random.default_rng(number), value),
        0 if value in ("credits", "watermark", "diegetic") else 5,
    )
    return (replace(shot, effects=Effects(text=((*entry, FRAMES),), seed=4 * number, text_x=0.02)),)


def _transition(value: str, number: int) -> tuple[Shot, ...]:
    first, second = _base(180 + number, "knee"), _base(200 + number, "waist")
    second = replace(second, place=replace(second.place, light="evening", kind="sea"))
    if value == "none":
        return (first,)
    if value.startswith("fade_"):
        _, way, colour = value.split("_")
        kind = f"fade_{colour}"
    else:
        kind, way = value.rsplit("_", 1)
    joint = (kind, 12)
    first, second = replace(first, n_frames=22), replace(second, n_frames=22)
    if kind.startswith("fade"):
        return (replace(first, out=joint),) if way == "out" else (replace(first, into=joint),)
    return replace(first, out=joint), replace(second, into=joint)


def _matte(value: str, number: int) -> tuple[Shot, ...]:
    border = {"none": (0.0, 0.0), "letterbox": (0.12, 0.0), "pillarbox": (0.0, 0.125), "windowbox": (0.1, 0.1)}[value]
    return (_base(220, "knee", look=Look(border=border)),)


def _art(value: str, number: int) -> tuple[Shot, ...]:
    slow_pan = CameraWork(("pan_right",), 0.5, "constant")
    shot = _base(230 + number, "knee", camera=CameraWork() if value in ("blank", "line_bg") else slow_pan)
    shot = replace(shot, place=replace(shot.place, art=value, kind="town"))
    if value == "line_bg":
        shot = replace(shot, effects=Effects(lines=(("focus", 0, FRAMES),), seed=5))
    return (shot,)


def _lit(value: str, number: int) -> tuple[Shot, ...]:
    kind = "room" if value == "interior_artificial" else "town"
    return (_base(240, "knee", light=value, kind=kind),)


def _flashing(value: str, number: int) -> tuple[Shot, ...]:
    shot = _base(250, "knee")
    if value == "none":
        return (shot,)
    return (replace(shot, effects=Effects(impacts=tuple(("white_flash", 2 + 5 * k, 4 + 5 * k) for k in range(6)))),)


_MADE: dict[str, Callable[[str, int], tuple[Shot, ...]]] = {
    "style.medium": _looked("medium"), "style.production_stage": _looked("stage"), "style.line": _looked("line"),
    "style.shading": _looked("shading"), "style.chroma": _graded, "style.key": _graded, "style.temperature": _graded,
    "style.hues": _graded, "style.color_script": _lit, "style.background_art": _art, "camera.focus": _looked("focus"),
    "camera.transition": _transition, "camera.matte": _matte, "vfx.lines": _effect("lines"),
    "vfx.impact_frame": _impact, "vfx.light": _light, "vfx.element": _effect("elements"), "vfx.manpu": _effect("manpu"),
    "vfx.text": _text, "vfx.composite": _effect("composite"), "content.flashing": _flashing,
}  # fmt: skip


def _made(field: str, value: str, number: int) -> tuple[Shot, ...]:
    """Shots that should show the value; none where this hand does not draw it."""
    if value not in _drawable(field):
        return ()
    return _MADE[field](value, number)


def _drawable(field: str) -> set[str]:
    from anicaption.drawn import (
        background_art,
        composite,
        effects_elements,
        effects_impact,
        effects_lines,
        light,
        marks,
    )
    from anicaption.drawn.effects_text import KINDS as TEXTS
    from anicaption.drawn.look_cel import LINES, SHADINGS
    from anicaption.drawn.palette import LIGHTS

    lists = {
        "style.medium": ("digital_2d", "analog_cel"),
        "style.production_stage": ("final_composite", "color_no_fx", "line_douga", "rough_genga"),
        "style.line": LINES, "style.shading": SHADINGS, "style.color_script": LIGHTS,
        "style.background_art": background_art.ARTS,
        "camera.focus": ("deep", "bg_blur", "fg_blur", "rack", "full_defocus"),
        "vfx.lines": effects_lines.KINDS, "vfx.impact_frame": effects_impact.KINDS, "vfx.light": light.KINDS,
        "vfx.element": effects_elements.KINDS, "vfx.manpu": marks.KINDS, "vfx.text": TEXTS,
        "vfx.composite": composite.KINDS,
    }  # fmt: skip
    named = {value.id for value in taxonomy()[field].values}
    return (set(lists.get(field, named)) | {"none"}) & named
