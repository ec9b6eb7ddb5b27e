"""Characters and places drawn by lot from one seed: designs that go together, not colours at random."""

from __future__ import annotations

import numpy as np

from anicaption.drawn.script import Character, Place, Rgb

_HAIR_RGB: tuple[Rgb, ...] = (
    (62, 56, 104), (44, 42, 54), (128, 78, 52), (240, 190, 84), (236, 130, 170), (62, 112, 168), (196, 60, 54),
    (110, 176, 140), (214, 210, 226), (152, 108, 196), (232, 126, 60),
)  # fmt: skip
_EYE_RGB: tuple[Rgb, ...] = (
    (84, 118, 226),
    (60, 160, 96),
    (206, 62, 112),
    (226, 150, 50),
    (146, 96, 60),
    (138, 82, 198),
    (40, 168, 182),
)
_SKIN_RGB: tuple[Rgb, ...] = ((255, 230, 212), (253, 222, 198), (248, 212, 184), (222, 172, 134))
_CLOTHES: dict[str, tuple[tuple[Rgb, Rgb, Rgb], ...]] = {
    "sailor": (
        ((248, 248, 252), (44, 62, 120), (216, 52, 64)),
        ((244, 240, 232), (90, 44, 60), (250, 200, 90)),
        ((66, 72, 96), (44, 48, 68), (226, 70, 80)),
    ),
    "blazer": (
        ((60, 70, 112), (150, 62, 72), (222, 62, 82)),
        ((196, 160, 116), (76, 84, 110), (60, 110, 90)),
        ((84, 100, 92), (70, 66, 88), (236, 180, 70)),
    ),
    "jacket": (
        ((226, 96, 60), (44, 52, 78), (250, 212, 80)),
        ((70, 152, 132), (52, 52, 72), (242, 242, 242)),
        ((90, 110, 220), (40, 44, 66), (252, 150, 70)),
    ),
    "hero": (
        ((60, 110, 204), (42, 46, 84), (222, 62, 52)),
        ((196, 52, 60), (54, 48, 62), (246, 190, 60)),
        ((74, 140, 96), (86, 66, 56), (230, 210, 150)),
    ),
    "dress": (
        ((250, 246, 238), (202, 90, 92), (90, 160, 204)),
        ((252, 214, 110), (170, 92, 60), (240, 120, 90)),
        ((158, 196, 232), (80, 96, 160), (250, 250, 250)),
    ),
}


def _pick(rng: np.random.Generator, options):
    return options[int(rng.integers(len(options)))]


def cast(rng: np.random.Generator) -> Character:
    """One character."""
    hair = _pick(rng, ("short", "bob", "long", "twin_tails", "ponytail", "spiky"))
    boyish = hair in ("short", "spiky")
    outfit = _pick(rng, ("jacket", "hero", "blazer") if boyish else ("sailor", "blazer", "dress", "jacket", "sailor"))
    main, second, accent = _pick(rng, _CLOTHES[outfit])
    legs = (
        "skirt"
        if outfit in ("sailor", "dress")
        else _pick(rng, ("trousers", "shorts") if boyish else ("skirt", "shorts"))
    )
    extra = _pick(rng, ("none", "scarf", "glasses", "headband") if boyish else ("none", "ribbon", "hairpin", "glasses"))
    return Character(
        hair=hair,
        bangs=_pick(rng, ("jagged", "swept") if boyish else ("straight", "parted", "swept", "jagged")),
        hair_rgb=_pick(rng, _HAIR_RGB), eye_rgb=_pick(rng, _EYE_RGB), skin_rgb=_pick(rng, _SKIN_RGB),
        outfit=outfit, main_rgb=main, second_rgb=second, accent_rgb=accent, legs=legs, extra=extra,
        seed=int(rng.integers(1 << 16)),
    )  # fmt: skip


KINDS = ("meadow", "sea", "town", "skyline", "forest", "room")
_WEATHER = ("normal_day", "normal_day", "normal_day", "evening", "evening", "night", "dawn")


def locate(
    rng: np.random.Generator, kind: str | None = None, light: str | None = None, layering: str = "single_plane"
) -> Place:
    """One place; what is not given is drawn by lot."""
    kind = kind or _pick(rng, KINDS)
    light = light or _pick(rng, _WEATHER)
    if kind == "room" and light == "night":
        light = "interior_artificial"
    return Place(
        kind=kind, light=light, layering=layering, seed=int(rng.integers(1 << 30)),
        horizon=float(rng.uniform(0.06, 0.16)), nearness=float(rng.uniform(0.85, 1.25)),
    )  # fmt: skip
