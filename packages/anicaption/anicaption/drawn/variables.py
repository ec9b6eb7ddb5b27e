"""The script `variables`: short shots that between them draw every value of the motion and camera fields.

Values are dealt from shuffled decks, so each comes equally often and meets the others by chance. Used for tuning and
for the reported figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from anicaption.drawn import variables_acts as acts
from anicaption.drawn import variables_camera as cameras
from anicaption.drawn.casting import locate
from anicaption.drawn.deck import Decks
from anicaption.drawn.dress import dress, join
from anicaption.drawn.props import PROPS
from anicaption.drawn.script import CameraWork, Episode, Place, Shot

SHOTS = 48
# What a shot is about, and how often of the sum it comes.
_KINDS = {
    "acting": 10, "parts": 8, "held": 5, "course": 6, "action": 9, "scenery": 6, "follow": 5, "many": 5,
    "line_scroll": 2, "drawn_3d": 2, "split": 1, "rocking": 3, "slide": 2,
}  # fmt: skip


def write_variables(n_episodes: int, seed: int, n_shots: int | None = None) -> list[Episode]:
    """`n_episodes` episodes of `n_shots` (SHOTS) shots of 24 to 60 frames, joined by hard cuts or as `dress` joins."""
    decks = Decks(np.random.default_rng([seed, 3]))  # one set for all episodes, so that together they are balanced
    return [_episode(seed, number, n_shots or SHOTS, decks) for number in range(n_episodes)]


def _episode(seed: int, number: int, n_shots: int, decks: Decks) -> Episode:
    rng = np.random.default_rng([seed, number, 3])
    shots = [dress(rng, shot, decks) for shot in plain_shots(rng, decks, n_shots)]
    return Episode(f"variables-{seed:04d}-{number:03d}", int(seed), join(rng, shots, decks))


def plain_shots(rng: np.random.Generator, decks: Decks, n_shots: int) -> Iterator[Shot]:
    """Shots with motion and camera, before they are dressed."""
    kinds = [kind for kind, n in _KINDS.items() for _ in range(n)]
    for _ in range(n_shots):
        yield _shot(rng, decks, decks.deal("kind", kinds))


def _shot(rng: np.random.Generator, decks: Decks, kind: str) -> Shot:
    n_frames = int(rng.integers(30, 57))
    if kind == "scenery":
        work = cameras.work(rng, decks, n_frames)
        shot = _filmed(rng, n_frames, _place(rng, decks, work), work)
        thing = decks.deal("insert", ("", "", *PROPS))
        return replace(shot, insert=thing, place=replace(shot.place, blur=True)) if thing else shot
    if kind == "follow":
        work, acting = cameras.follow(rng, decks, n_frames)
    elif kind in ("line_scroll", "drawn_3d", "split"):
        work, acting = CameraWork(**cameras.shake(rng, decks, n_frames)), acts.rushing(rng, decks, n_frames)
    else:
        work = cameras.work(rng, decks, n_frames)
        maker = {"many": acts.acting, "parts": acts.parts, "held": acts.held, "course": acts.course}.get(kind)
        maker = maker or {"action": acts.action, "rocking": acts.rocking, "slide": acts.slide}.get(kind, acts.acting)
        acting = maker(rng, decks, n_frames)
        if kind in ("slide", "rocking", "action"):
            work = CameraWork(**cameras.shake(rng, decks, n_frames))
    if work.peak_pct and "follow" not in work.moves:
        acting = cameras.kept_in_frame(rng, acting, work, n_frames)
    shot = _filmed(rng, n_frames, _place(rng, decks, work), work, acting)
    if kind in ("line_scroll", "drawn_3d"):
        return _moving_ground(rng, decks, shot, kind)
    if kind == "many":
        return acts.many(rng, decks, shot)
    if kind == "split":
        return acts.split(rng, decks, shot)
    return shot


def _filmed(rng: np.random.Generator, n_frames: int, place: Place, work: CameraWork, acting=None) -> Shot:
    who = acts.who(rng, acting) if acting is not None else None
    return Shot(n_frames, int(rng.integers(1 << 30)), place, work, who, acting)


def _place(rng: np.random.Generator, decks: Decks, work: CameraWork) -> Place:
    layering = decks.deal(
        "layering", ("single_plane", "parallax", "book", "single_plane", "parallax", "book", "multiplane_blur")
    )
    if "into_depth" in work.moves and layering == "single_plane":
        layering = "parallax"  # without planes there is no depth to move into
    return replace(locate(rng, layering=layering), nearness=float(rng.uniform(1.0, 1.5)))


def _moving_ground(rng: np.random.Generator, decks: Decks, shot: Shot, kind: str) -> Shot:
    art = "line_bg" if kind == "line_scroll" else "drawn_cel"
    place = replace(
        shot.place, layering="single_plane", art=art, motion=kind, exposure=decks.deal("ground exposure", (1, 2, 3))
    )
    # A background made of lines is the field of lines too.
    lines = (("speed", 0, shot.n_frames),) if kind == "line_scroll" else ()
    return replace(shot, place=place, effects=replace(shot.effects, lines=lines))
