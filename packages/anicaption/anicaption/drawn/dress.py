"""How a shot of the script `variables` is dressed: the look and effects laid over what its motion and camera are.

Values are dealt from shuffled decks, so each comes equally often; what cannot go together is not dealt together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from anicaption.drawn import composite, effects_impact, effects_lines, light
from anicaption.drawn.deck import Decks
from anicaption.drawn.dress_words import words
from anicaption.drawn.effects_elements import KINDS as ELEMENTS
from anicaption.drawn.joints import KINDS as JOINTS
from anicaption.drawn.look_cel import LINES, SHADINGS
from anicaption.drawn.marks import KINDS as MARKS
from anicaption.drawn.marks import ON_FACE
from anicaption.drawn.script import SHARED_JOINTS, UNPAINTED, Effects, Look, Shot

_STAGES = ("final_composite",) * 12 + ("color_no_fx", *UNPAINTED * 2)
_ARTS = ("painted",) * 8 + ("flat", "cg_set", "drawn_cel", "image_bg", "line_bg", "blank")
_BARE = ("blank", "line_bg")  # nothing in these grounds shows what a camera does, or can be graded
_FOCUS = ("deep", "deep", "deep", "deep", "bg_blur", "fg_blur", "rack", "full_defocus")
_MATTES = ("none",) * 9 + ("letterbox", "pillarbox", "windowbox")
# Grades that a screen can show and that read as what they are: chroma, key, temperature, hues.
GRADES = tuple(
    (chroma, key, temperature, hues)
    for chroma in ("muted", "moderate", "vivid")
    for key in ("low", "mid", "high")
    for temperature in ("warm", "neutral", "cool")
    for hues in ("limited", "broad")
    if not (chroma == "vivid" and key != "mid")
    and not (key == "high" and hues == "limited" and chroma != "muted")
    and not (chroma == "muted" and hues == "broad" and temperature != "neutral")
) + (("monochrome", "low", "neutral", "broad"), ("monochrome", "mid", "neutral", "broad")) * 2 + (
    ("monochrome", "high", "neutral", "broad"), ("monochrome", "high", "neutral", "broad"),
)  # fmt: skip
# The temperatures and keys that a colour script can be graded to and still be itself.
_LIGHT_BEARS = {
    "evening": (("warm",), ("low", "mid")), "night": (("cool", "neutral"), ("low",)),
    "dawn": (("warm", "neutral"), ("mid", "high")), "interior_artificial": (("warm", "neutral"), ("low", "mid")),
    "normal_day": (("warm", "neutral", "cool"), ("mid", "high")),
    "backlit": (("warm", "neutral", "cool"), ("mid", "high")),
}  # fmt: skip
_ACTIVE = ("run", "jump", "punch", "walk", "dash", "slash", "dance", "wave")
_CLOSE = ("knee", "waist", "bust", "close_up")
_STILL_ONLY = {"still_postcard", "double_exposure", "wave_glass"}  # treatments for a camera that stands


def dress(rng: np.random.Generator, shot: Shot, decks: Decks | None = None) -> Shot:
    """`shot` with a look and effects by lot; motion and camera stay as they are, and so do effects it already has."""
    decks = decks or Decks(rng)
    shot = _placed(rng, shot, decks)
    shot = replace(shot, look=_look(rng, shot, decks))
    if shot.split:  # several pictures in one frame share one hand and keep to it
        look = replace(shot.look, stage="final_composite", focus="deep", graded=False, border=(0.0, 0.0))
        return replace(shot, look=look, split=tuple(replace(panel, look=look) for panel in shot.split))
    return replace(shot, effects=_effects(rng, shot, decks))


def join(rng: np.random.Generator, shots: Sequence[Shot], decks: Decks | None = None) -> tuple[Shot, ...]:
    """The shots with transitions between some of them; half of the joints stay hard cuts."""
    decks = decks or Decks(rng)
    joined = list(shots)
    for i in range(1, len(joined)):
        kind = decks.deal("joint", ("none",) * len(JOINTS) + JOINTS)
        if kind == "none":
            continue
        length = int(rng.integers(4, 8)) if kind == "whip" else int(rng.integers(6, 14))
        before, after = joined[i - 1], joined[i]
        # An impact frame that is half faded is none: transitions keep clear of them.
        quiet_end = before.n_frames - max((end for _, _, end in before.effects.impacts), default=0)
        quiet_start = min((start for _, start, _ in after.effects.impacts), default=after.n_frames)
        joint = (kind, min(length, before.n_frames // 3, after.n_frames // 3, quiet_end - 2, quiet_start - 2))
        if joint[1] < 4:
            continue
        both = kind in SHARED_JOINTS or kind in ("whip", "iris") or rng.random() < 0.5
        first = both or rng.random() < 0.5
        if first:
            joined[i - 1] = replace(joined[i - 1], out=joint)
        if both or not first:
            joined[i] = replace(joined[i], into=joint)
    return tuple(joined)


def _placed(rng: np.random.Generator, shot: Shot, decks: Decks) -> Shot:
    """The shot on another kind of ground, where its camera and planes bear one."""
    place = shot.place
    lit = decks.deal("light", ("as it is",) * 6 + ("backlit", "special", "interior_artificial"))
    if lit != "as it is":
        place = replace(place, light=lit)
    if place.motion == "none" and place.art == "painted" and not shot.split:
        art = decks.deal("art", _ARTS)
        moved = bool(shot.camera.moves) or shot.camera.shake != "none" or shot.acting is None or bool(shot.others)
        if art in _BARE and (moved or place.layering != "single_plane"):
            art = "painted"
        if art not in ("painted", "drawn_cel") and place.layering != "single_plane":
            if {"into_depth", "dolly_zoom"} & set(shot.camera.moves):
                art = "painted"  # these moves need planes to pass
            else:
                place = replace(place, layering="single_plane")
        place = replace(place, art=art)
    return replace(shot, place=place)


def _look(rng: np.random.Generator, shot: Shot, decks: Decks) -> Look:
    look = Look(
        line=decks.deal("line", LINES), shading=decks.deal("shading", SHADINGS), stage=decks.deal("stage", _STAGES),
        seed=int(rng.integers(1 << 16)),
    )  # fmt: skip
    if look.stage in UNPAINTED:
        if shot.acting is None or shot.place.motion != "none" or shot.camera.moves or shot.camera.shake != "none":
            return replace(look, stage="final_composite")  # on bare paper nobody sees a camera
        return look
    if look.stage == "color_no_fx":
        return look
    look = replace(look, medium=decks.deal("medium", ("digital_2d",) * 5 + ("analog_cel",)))
    focus = decks.deal("focus", _FOCUS)
    if focus != "deep" and not shot.place.blur and (focus == "full_defocus" or _has_ground(shot)):
        look = replace(look, focus=focus)
    look = replace(look, border=_border(rng, decks.deal("matte", _MATTES)))
    if shot.place.light in _LIGHT_BEARS and shot.place.art not in _BARE and rng.random() < 0.7:
        chroma, key, temperature, hues = _grade(shot, decks)
        look = replace(look, chroma=chroma, key=key, temperature=temperature, hues=hues, graded=True)
    return look


def _has_ground(shot: Shot) -> bool:
    """Whether there is a figure before a ground that can be sharp or soft."""
    return shot.acting is not None and shot.place.art not in (*_BARE, "image_bg")


def _grade(shot: Shot, decks: Decks) -> tuple[str, str, str, str]:
    temperatures, keys = _LIGHT_BEARS[shot.place.light]
    borne = [grade for grade in GRADES if grade[0] == "monochrome" or (grade[1] in keys and grade[2] in temperatures)]
    chroma = decks.deal("chroma", ("monochrome", "muted", "muted", "moderate", "moderate", "vivid", "vivid"))
    suited = [grade for grade in borne if grade[0] == chroma] or borne
    return decks.deal(f"grade {chroma} {shot.place.light}", suited)


def _border(rng: np.random.Generator, matte: str) -> tuple[float, float]:
    above, beside = float(rng.uniform(0.07, 0.13)), float(rng.uniform(0.06, 0.125))
    return (
        above if matte in ("letterbox", "windowbox") else 0.0,
        beside if matte in ("pillarbox", "windowbox") else 0.0,
    )


def _effects(rng: np.random.Generator, shot: Shot, decks: Decks) -> Effects:
    """Effects by lot, each kind for itself; what the shot already has stays.

    Every other shot gets none: motion and camera are to be seen alone as well as under effects.
    """
    has, look = shot.effects, shot.look
    if decks.deal("plain", (True, False)) and shot.place.art != "line_bg":
        return replace(has, seed=int(rng.integers(1 << 20)))
    quiet = look.graded and rng.random() < 0.8  # leave the graded picture to be seen
    effects = replace(has, seed=int(rng.integers(1 << 20)), lines_angle_deg=_angle(rng, shot))
    effects = replace(effects, text_x=float(rng.choice([0.01, 0.6])))
    if shot.place.art == "line_bg" and not has.lines:
        kind = "speed" if shot.place.motion == "line_scroll" else decks.deal("line ground", ("focus", "focus", "speed"))
        effects = replace(effects, lines=((kind, 0, shot.n_frames),))
    elif not has.lines and not quiet and rng.random() < 0.38:
        effects = replace(effects, lines=_lines(rng, shot, decks))
    if look.stage == "final_composite":
        if not has.light and rng.random() < 0.55:
            effects = replace(effects, light=_light(shot, decks))
        if not has.composite and rng.random() < 0.5:
            effects = replace(effects, composite=_composite(rng, shot, decks, quiet))
        if not has.elements and not quiet and shot.place.art != "line_bg" and rng.random() < 0.38:
            effects = replace(effects, elements=_spans(rng, shot, (decks.deal("element", ELEMENTS),), 14))
        if not has.text and rng.random() < 0.36:
            effects = replace(effects, text=_text(rng, shot, decks))
    if not has.manpu and _face(shot) and rng.random() < 0.45:
        effects = replace(effects, manpu=_manpu(rng, shot, decks))
    if not has.impacts and rng.random() < 0.34:
        effects = replace(effects, impacts=_impacts(rng, shot, decks))
    return effects


def _angle(rng: np.random.Generator, shot: Shot) -> float:
    if any(move in ("pan_up", "pan_down") for move in shot.camera.moves):
        return float(90 + rng.uniform(-6, 6))
    return float(rng.choice([0.0, rng.uniform(-12, 12), rng.uniform(25, 60)], p=[0.5, 0.3, 0.2]))


def _spans(rng: np.random.Generator, shot: Shot, kinds: Sequence[str], least: int) -> tuple[tuple[str, int, int], ...]:
    """Each kind for the whole shot or for a part of it of at least `least` frames."""
    spans = []
    for kind in kinds:
        start, end = 0, shot.n_frames
        if rng.random() < 0.6 and shot.n_frames > least + 6:
            length = int(rng.integers(least, shot.n_frames - 4))
            start = int(rng.integers(2, shot.n_frames - length))
            end = start + length
        spans.append((kind, start, end))
    return tuple(spans)


def _lines(rng: np.random.Generator, shot: Shot, decks: Decks) -> tuple[tuple[str, int, int], ...]:
    kind = decks.deal("lines", effects_lines.KINDS)
    if kind in ("trail", "tremble") and shot.acting is None:
        kind = decks.deal("ground lines", ("speed", "focus", "burst"))
    return _spans(rng, shot, (kind,), 8)


def _light(shot: Shot, decks: Decks) -> tuple[str, ...]:
    kinds = {decks.deal("light effect", light.KINDS) for _ in range(2)}
    if shot.acting is None:
        kinds.discard("rim")
    return tuple(kind for kind in light.KINDS if kind in kinds)


def _composite(rng: np.random.Generator, shot: Shot, decks: Decks, quiet: bool) -> tuple[tuple[str, int, int], ...]:
    kind = decks.deal("composite", composite.KINDS)
    if quiet and kind in composite.RECOLOURING:
        return ()
    acting, moving = shot.acting, bool(shot.camera.moves) or shot.camera.shake != "none"
    held = acting is not None and acting.exposure == 0 and not acting.holds
    refused = (kind in _STILL_ONLY and moving) or (kind == "still_postcard" and not held)
    refused |= kind == "afterimage_strobe" and (acting is None or held or acting.performance not in _ACTIVE)
    refused |= kind == "film_grain" and shot.look.medium == "analog_cel"
    if refused:
        kind = decks.deal(
            "any composite", tuple(k for k in composite.KINDS if k not in ("still_postcard", *_STILL_ONLY))
        )
        if kind == "afterimage_strobe" or (kind == "film_grain" and shot.look.medium == "analog_cel"):
            kind = "vignette"
    if kind in ("negative", "color_overlay", "glitch", "motion_blur"):
        return _spans(rng, shot, (kind,), 10)
    return ((kind, 0, shot.n_frames),)


def _text(rng: np.random.Generator, shot: Shot, decks: Decks) -> tuple[tuple[str, str, int, int], ...]:
    kind = decks.deal("text", ("onomatopoeia", "title_card", "diegetic", "subtitle", "watermark", "credits"))
    if kind == "diegetic" and shot.place.art in ("line_bg", "blank", "image_bg"):
        kind = "subtitle"
    if kind in ("watermark", "diegetic", "credits"):
        return ((kind, words(rng, kind), 0, shot.n_frames),)
    [(_, start, end)] = _spans(rng, shot, (kind,), 12)
    return ((kind, words(rng, kind), start, end),)


def _face(shot: Shot) -> bool:
    """Whether the main figure's face is large enough for a symbol beside or on it."""
    acting = shot.acting
    return acting is not None and acting.size in _CLOSE and acting.performance != "back" and not shot.others


def _manpu(rng: np.random.Generator, shot: Shot, decks: Decks) -> tuple[tuple[str, int, int], ...]:
    kind = decks.deal("manpu", MARKS)
    acting = shot.acting
    assert acting is not None
    restless = acting.performance not in ("idle", "pose", "talk") or acting.deformations or acting.rocking != "none"
    if not restless and rng.random() < 0.5:
        kind = decks.deal("manpu on face", ON_FACE)
    elif kind in ON_FACE and restless:  # what lies on the face must stay on it
        kind = decks.deal("manpu beside", tuple(mark for mark in MARKS if mark not in ON_FACE))
    return _spans(rng, shot, (kind,), 12)


def _impacts(rng: np.random.Generator, shot: Shot, decks: Decks) -> tuple[tuple[str, int, int], ...]:
    """One impact of 1 to 4 frames, sometimes two, now and then a strobe; of one colour it flashes too fast."""
    n = shot.n_frames
    if n >= 34 and decks.deal("strobe", (True,) + (False,) * 8):
        period, start = int(rng.integers(4, 7)), int(rng.integers(3, 7))
        one = decks.deal("strobe kind", ("white_flash", "black_flash", ""))
        kinds = (one, one) if one else ("white_flash", "black_flash")
        return tuple((kinds[k % 2], t, t + 2) for k, t in enumerate(range(start, min(n - 5, start + 30), period)))
    spans, at = [], int(rng.integers(5, max(6, n - 12)))
    for _ in range(1 + (rng.random() < 0.25)):
        length = decks.deal("impact frames", (1, 2, 3, 4))
        if at + length > n - 4:
            break
        spans.append((decks.deal("impact", effects_impact.KINDS), at, at + length))
        at += length + int(rng.integers(8, 14))
    return tuple(spans)
