"""The record of a drawn shot: every variable its script decides, and nothing it does not."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from anicaption.drawn.camera import Path
from anicaption.drawn.script import Shot
from anicaption.drawn.sheet import drawing_new
from anicaption.drawn.stated import spanned, whole
from anicaption.drawn.truth_camera import camera
from anicaption.drawn.truth_motion import motion
from anicaption.measure.transition import AT_EDGES
from anicaption.record import Record, Variable, drawn
from anicaption.tracks import Event, Tracks


class Hand(Protocol):
    """What the truth asks of a shot that some hand draws: no pixels. See sheet.py for what its pictures must keep."""

    shot: Shot
    path: Path
    width_px: int
    height_px: int


def record_of(drawn_shot: Hand, rate: Fraction) -> Record:
    """The record of the frames between the shot's cuts; its lead-in and lead-out belong to the neighbours."""
    shot = drawn_shot.shot
    start, end = shot.lead_in, shot.lead_in + shot.n_frames
    columns = drawn_shot.path.columns(start, end)
    columns["drawing_new"] = drawing_new(shot)[start:end]
    variables = _style(shot) | motion(shot) | camera(shot, drawn_shot.path) | _vfx(shot)
    variables["camera.transition"] = _transition(shot)
    variables["camera.focus"] = whole(shot, "camera.focus", "bg_blur" if shot.place.blur else "deep")
    tracks = Tracks(rate, drawn_shot.width_px, drawn_shot.height_px, columns, _events(variables))
    return Record.build(tracks, variables)


def _events(variables: dict[str, Variable]) -> tuple[Event, ...]:
    eventful = ("motion.deformation", "camera.transition", "vfx.lines", "vfx.impact_frame", "vfx.text")
    return tuple(
        Event(name, span.value, span.start, span.end, 1.0)
        for name in eventful
        for span in variables[name].spans
        if span.value != "none"
    )


def _style(shot: Shot) -> dict[str, Variable]:
    figure = shot.acting is not None
    fields = {
        "style.medium": "digital_2d",
        "style.production_stage": "final_composite",
        "style.line": "tapered_brush" if figure else "lineless",
        "style.shading": "two_tone" if figure else "na",
        "style.color_script": shot.place.light,
        "style.background_art": "painted",
        "style.proportion": "standard" if figure else "na",
    }
    return {name: drawn(name, [value]) for name, value in fields.items()}


def _transition(shot: Shot) -> Variable:
    n = shot.n_frames
    spans = []
    kind, length = shot.into
    if kind != "none":
        spans.append((AT_EDGES[kind][0], 0, length - length // 2 if kind == "dissolve" else length))
    kind, length = shot.out
    if kind != "none":
        spans.append((AT_EDGES[kind][1], n - (length // 2 if kind == "dissolve" else length), n))
    return spanned(shot, "camera.transition", spans)


def _vfx(shot: Shot) -> dict[str, Variable]:
    fields = {
        "vfx.lines": spanned(shot, "vfx.lines", shot.effects.lines),
        "vfx.impact_frame": spanned(shot, "vfx.impact_frame", shot.effects.impacts),
        "vfx.text": spanned(shot, "vfx.text", [(kind, a, b) for kind, _, a, b in shot.effects.text]),
        "vfx.light": whole(shot, "vfx.light", *(shot.effects.light or ("none",))),
        "vfx.element": whole(shot, "vfx.element", "none"),
        "vfx.manpu": whole(shot, "vfx.manpu", "none"),
    }
    return fields
