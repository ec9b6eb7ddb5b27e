"""The record of a drawn shot: every variable its script decides, and nothing it does not."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Protocol

import numpy as np

from anicaption.drawn.camera import Path
from anicaption.drawn.energy import intensity, motion_pct
from anicaption.drawn.script import Shot
from anicaption.drawn.sheet import drawing_new
from anicaption.drawn.stated import whole
from anicaption.drawn.truth_camera import camera
from anicaption.drawn.truth_look import look_of
from anicaption.drawn.truth_motion import motion
from anicaption.record import Record, Variable, drawn
from anicaption.tracks import Event, Tracks


class Hand(Protocol):
    """What the truth asks of a shot that some hand draws: no pixels. See sheet.py for what its pictures must keep."""

    shot: Shot
    path: Path
    width_px: int
    height_px: int
    draws: Mapping[str, frozenset[str]]  # the values it can draw, of fields where it cannot draw all

    @property
    def proportion(self) -> str: ...


def record_of(drawn_shot: Hand, rate: Fraction) -> Record:
    """The record of the frames between the shot's cuts; its lead-in and lead-out belong to the neighbours."""
    shot = drawn_shot.shot
    start, end = shot.lead_in, shot.lead_in + shot.n_frames
    columns = drawn_shot.path.columns(start, end)
    if shot.place.motion == "drawn_3d":
        columns = {name: np.full_like(column, np.nan) for name, column in columns.items()}  # nothing there is plane
    columns["drawing_new"] = drawing_new(shot)[start:end]
    columns["motion_pct"] = motion_pct(shot, drawn_shot.path)[start:end]
    variables = motion(shot) | _intensity(shot, columns["motion_pct"]) | camera(shot, drawn_shot.path) | look_of(shot)
    variables["style.proportion"] = drawn("style.proportion", [drawn_shot.proportion])
    # What the hand cannot draw was not drawn: nothing is claimed of it.
    able = drawn_shot.draws
    variables = {name: one for name, one in variables.items() if name not in able or able[name].issuperset(one.values)}
    tracks = Tracks(rate, drawn_shot.width_px, drawn_shot.height_px, columns, _events(variables))
    return Record.build(tracks, variables)


def _intensity(shot: Shot, motion_pct: np.ndarray) -> dict[str, Variable]:
    """What moves in front of scrolled lines or a background drawn anew is no longer the figure alone."""
    value = intensity(motion_pct) if shot.place.motion == "none" and not shot.effects.lines and not shot.split else None
    return {"motion.intensity": whole(shot, "motion.intensity", value)} if value else {}


def _events(variables: dict[str, Variable]) -> tuple[Event, ...]:
    eventful = ("motion.deformation", "motion.accent", "camera.transition", "vfx.lines", "vfx.impact_frame", "vfx.text")
    return tuple(
        Event(name, span.value, span.start, span.end, 1.0)
        for name in eventful
        if name in variables
        for span in variables[name].spans
        if span.value != "none"
    )
