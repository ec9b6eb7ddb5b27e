"""Acting for the script `variables`: every exposure, part, hold, spacing, deformation and company of figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anicaption.drawn.casting import cast
from anicaption.drawn.deck import Decks
from anicaption.drawn.script import Acting, Character, Role, Shot

EMOTIONS = (
    "calm", "joy", "anger", "determination", "sadness", "surprise", "embarrassment", "smug", "fear", "disgust", "pain",
)  # fmt: skip
_SIZES = ("extreme_long", "long", "full", "full", "knee", "waist", "bust", "close_up")
_CLOSE = ("knee", "waist", "bust", "bust", "close_up", "close_up", "extreme_close")
# Frames per drawing, or the frames of each drawing in turn.
_EXPOSURES = (
    1, 1, 2, 2, 3, 3, 4, 5, 6, (2, 2, 1, 1, 1, 1, 3, 3), (4, 4, 1, 1, 2, 2), (3, 3, 2, 1, 1, 1, 4), (1, 1, 2, 2, 3, 5),
)  # fmt: skip
_PARTS = (
    ("mouth_flap",), ("mouth_flap", "blink"), ("mouth_flap",), ("blink",), ("hair_flutter",), ("cloth_flutter",),
    ("hair_flutter", "cloth_flutter"), ("eye_line",), ("mouth_flap", "hair_flutter"),
    ("mouth_flap", "blink", "hair_flutter"),
)  # fmt: skip
_CYCLES = {"walk": (12, 16), "run": (6, 8), "wave": (8, 12), "idle": (16, 24), "back": (12, 20), "dance": (12, 16),
           "dash": (6, 8), "fly": (10, 14)}  # fmt: skip
_SPACINGS = ("even", "slow_start", "slow_end", "slow_both", "hold_and_snap", "no_inbetween")
_LONG_HAIR = ("long", "twin_tails", "ponytail")


def _common(rng: np.random.Generator, decks: Decks, sizes=_SIZES) -> dict:
    return {
        "size": decks.deal(f"size {len(sizes)}", sizes),
        "yaw": decks.deal("yaw", (0.1, 0.2, 0.4, 0.55, 0.7, 0.95)),
        "mirrored": bool(rng.random() < 0.5),
        "emotion": decks.deal("emotion", EMOTIONS),
        "at_x": float(rng.uniform(-0.35, 0.35)),
    }


def _awake(emotion: str) -> str:
    """The emotion, with eyes that are open and so can blink or look aside."""
    return "sadness" if emotion == "pain" else emotion


def _exposed(decks: Decks) -> dict:
    exposure = decks.deal("exposure", _EXPOSURES)
    return {"exposure": exposure} if isinstance(exposure, int) else {"exposure": 2, "holds": exposure}


def who(rng: np.random.Generator, act: Acting) -> Character:
    """Someone whose hair and clothes the wind can move, where they are to flutter."""
    someone = cast(rng)
    if "hair_flutter" in act.parts:
        someone = replace(someone, hair=str(rng.choice(_LONG_HAIR)))
    return replace(someone, legs="skirt") if "cloth_flutter" in act.parts else someone


def acting(rng: np.random.Generator, decks: Decks, n_frames: int) -> Acting:
    """A cyclic performance on some exposure, on the spot or across the artwork."""
    performance = decks.deal("cycle", tuple(_CYCLES))
    shown = _exposed(decks)
    more = _common(rng, decks)
    step = max(1, round(np.mean(shown["holds"]))) if "holds" in shown else shown["exposure"]
    drawings = int(rng.integers(*_CYCLES[performance])) // (2 if step > 2 else 1)
    travel = 0.0
    if performance in ("walk", "run") and rng.random() < 0.4:
        way = {"walk": 0.010, "run": 0.024}[performance] * n_frames
        travel = -way if more["mirrored"] else way
    if more["size"] in ("bust", "close_up") and performance in ("walk", "run", "dash", "fly", "dance"):
        more["size"] = "knee"
    return Acting(
        performance, start_phase=round(float(rng.uniform(0, 1)), 3), period_frames=drawings * step, travel=travel,
        **shown, **more,
    )  # fmt: skip


def rushing(rng: np.random.Generator, decks: Decks, n_frames: int) -> Acting:
    """Someone who rushes on the spot while everything behind runs past."""
    performance = decks.deal("rush", ("run", "dash", "fly"))
    exposure = decks.deal("rush exposure", (1, 2, 2, 3))
    more = _common(rng, decks, ("full", "full", "knee", "long"))
    rush = Acting(performance, exposure, period_frames=exposure * 6, start_phase=0.07, **more)
    return replace(rush, at_x=0.0)


def parts(rng: np.random.Generator, decks: Decks, n_frames: int) -> Acting:
    """The body is one held drawing; only a mouth, eyes, hair or cloth move."""
    moving = decks.deal("parts", _PARTS)
    exposure = decks.deal("part exposure", (2, 3, 3, 3, 4))
    more = _common(rng, decks, _CLOSE)
    more["emotion"] = _awake(more["emotion"])
    if "cloth_flutter" in moving:
        more["size"] = decks.deal("cloth size", ("full", "knee", "knee"))
    return Acting(
        decks.deal("stand", ("idle", "pose")), exposure, parts=moving, start_phase=0.1,
        period_frames=exposure * int(rng.integers(4, 7)), **more,
    )  # fmt: skip


def held(rng: np.random.Generator, decks: Decks, n_frames: int) -> Acting:
    """One drawing for the whole shot."""
    return Acting(decks.deal("stand", ("idle", "pose")), 0, start_phase=0.1, **_common(rng, decks))


def slide(rng: np.random.Generator, decks: Decks, n_frames: int) -> Acting:
    """A held cel pulled across the frame."""
    x, y = decks.deal("slide", ((1.0, 0.0), (-1.0, 0.0), (0.0, -0.4), (1.0, -0.15), (-1.0, 0.1)))
    speed = float(rng.uniform(0.4, 1.3)) / n_frames
    still = held(rng, decks, n_frames)
    return replace(still, slide=(round(x * speed, 5), round(y * speed, 5)), at_x=round(-0.5 * x * speed * n_frames, 4))


def rocking(rng: np.random.Generator, decks: Decks, n_frames: int) -> Acting:
    """A cel that swings: mostly held, now and then acting."""
    swing = decks.deal("rocking", ("bob", "sway", "turn"))
    maker = decks.deal("rocking act", (held, held, parts))
    return replace(maker(rng, decks, n_frames), rocking=swing)


def course(rng: np.random.Generator, decks: Decks, n_frames: int) -> Acting:
    """From one key to another with some spacing, now and then with a hit-stop on the way."""
    spacing = decks.deal("spacing", _SPACINGS)
    exposure = decks.deal("course exposure", (1, 1, 2, 2, 3))
    period = exposure * int(rng.integers(7, 10)) if exposure > 1 else int(rng.integers(14, 22))
    more = _common(rng, decks, ("full", "knee", "waist"))
    return Acting(
        decks.deal("course", ("raise", "bow")), exposure, period_frames=period, spacing=spacing,
        lead_frames=int(rng.integers(3, max(4, n_frames - period - 2))), **more,
    )  # fmt: skip


DEFORMATIONS = (
    "smear_stretch", "smear_multiple", "smear_abstract", "squash", "stretch", "impact_distort", "chibi_shift",
    "gag_face", "forced_perspective", "morph", "rubber_limb", "line_breakup",
)  # fmt: skip
_SMEARS = ("smear_stretch", "smear_multiple", "smear_abstract")
_FACES_ONLY = ("gag_face",)


def action(rng: np.random.Generator, decks: Decks, n_frames: int) -> Acting:
    """A performance with a deformation and often a hit-stop after it."""
    kind = decks.deal("deformation", (*DEFORMATIONS, *_SMEARS, "impact_distort", "none"))
    performance = decks.deal("action", ("punch", "slash", "jump", "run", "wave", "dance", "punch", "slash", "pose"))
    exposure = decks.deal("action exposure", (1, 2, 2, 3))
    more = _common(rng, decks, ("full", "full", "knee", "waist"))
    period = int(rng.integers(22, 32)) if performance in ("punch", "slash", "jump") else exposure * 8
    if kind in _FACES_ONLY:
        more["size"], performance = decks.deal("gag size", ("bust", "close_up", "waist")), "pose"
    if kind in _SMEARS and performance == "pose":
        performance = "raise"
    if kind in ("smear_multiple", "smear_abstract") and performance == "punch":
        performance = "slash"  # a punch has a smear of its own
    if kind == "stretch":
        more["size"] = "long"  # room above the head
    blow = round(period * 0.49) if performance in ("punch", "slash") else int(rng.integers(8, n_frames - 14))
    deformations: tuple[tuple[str, int, int], ...] = ()
    stop = None
    if kind != "none":
        length = int(rng.integers(1, 4)) if kind in _SMEARS else int(rng.integers(2, 4))
        if kind in ("chibi_shift", "gag_face", "morph", "rubber_limb", "line_breakup", "forced_perspective"):
            length = int(rng.integers(8, 17))
        start = max(1, blow - length) if kind in _SMEARS else blow
        deformations = ((kind, start, min(n_frames - 2, start + length)),)
    if performance in ("punch", "slash", "run", "dance") and rng.random() < 0.5:
        first = deformations[-1][2] if deformations and kind in (*_SMEARS, "impact_distort") else blow
        stop = (first, first + int(rng.integers(3, 9)))
    return Acting(
        performance, exposure, period_frames=period, deformations=deformations, hit_stop=stop, start_phase=0.07,
        degree=decks.deal("degree", ("mild", "strong", "extreme")), **more,
    )  # fmt: skip


def many(rng: np.random.Generator, decks: Decks, shot: Shot) -> Shot:
    """`shot` with company: another figure, a group, a crowd, or a shoulder in the foreground."""
    assert shot.acting is not None
    company = decks.deal("company", ("two", "group", "crowd", "over_shoulder"))
    main = shot.acting
    if company == "over_shoulder":
        size = decks.deal("shoulder size", ("waist", "bust"))
        main = replace(
            main,
            size=size,
            performance="talk",
            emotion=_awake(main.emotion),
            holds=(),
            exposure=3,
            travel=0.0,
            at_x=-0.25,
            mirrored=False,
        )
        shoulder = Acting("back", 0, "close_up", at_x=0.55, emotion="none")
        return replace(shot, acting=main, others=(Role(cast(rng), shoulder, in_front=True),))
    n = {"two": 1, "group": int(rng.integers(2, 5)), "crowd": int(rng.integers(8, 13))}[company]
    size = {"group": decks.deal("group size", ("full", "long")), "crowd": "long"}.get(company, "")
    size = size or decks.deal("two size", ("full", "knee", "waist", "bust"))
    spots = np.linspace(-0.68, 0.68, n + 1) * (0.55 if company == "two" else 1.0)
    order = rng.permutation(n + 1)
    main = replace(main, size=size, at_x=float(spots[order[0]]), travel=0.0)
    roles = []
    for k in order[1:]:
        # The company holds, or acts on the same exposure as the main figure; a crowd stands in depth.
        held_too = rng.random() < 0.5
        act = replace(
            main, at_x=float(spots[k] + rng.uniform(-0.05, 0.05)), mirrored=bool(rng.random() < 0.5),
            performance="idle" if held_too else main.performance, start_phase=round(float(rng.uniform(0, 1)), 3),
            exposure=0 if held_too else main.exposure, holds=() if held_too else main.holds,
            size="extreme_long" if company == "crowd" and rng.random() < 0.6 else size,
        )  # fmt: skip
        roles.append(Role(cast(rng), act))
    roles.sort(key=lambda role: role.acting.size == size)  # the far ones first
    return replace(shot, acting=main, others=tuple(roles))


def split(rng: np.random.Generator, decks: Decks, shot: Shot) -> Shot:
    """`shot` beside one or two others of the same length in one frame."""
    assert shot.acting is not None
    panels = []
    for _ in range(decks.deal("panels", (1, 2))):
        act = replace(held(rng, decks, shot.n_frames), size=decks.deal("panel size", ("bust", "close_up")), at_x=0.0)
        place = replace(shot.place, seed=int(rng.integers(1 << 30)))
        panels.append(replace(shot, seed=int(rng.integers(1 << 30)), place=place, character=cast(rng), acting=act))
    main = replace(
        shot.acting, size="bust", at_x=0.0, travel=0.0, performance="talk", exposure=3, holds=(),
        emotion=_awake(shot.acting.emotion),
    )  # fmt: skip
    return replace(shot, acting=main, split=tuple(panels))
