"""Films of short shots with every kind of joint and every thing that only looks like one, written by lot from one seed.

The shots are like those of the script `variables`, dressed as there but always painted; what is dealt here is how they
meet and what stands in the way. Whoever draws the film (either hand), the joints and traps are known from the script.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from anicaption.drawn import variables_acts as acts
from anicaption.drawn import variables_camera as cameras
from anicaption.drawn.casting import cast, locate
from anicaption.drawn.deck import Decks
from anicaption.drawn.dress import dress
from anicaption.drawn.effects_impact import KINDS as IMPACTS
from anicaption.drawn.joints import joint
from anicaption.drawn.script import UNPAINTED, Acting, CameraWork, Effects, Episode, Place, Shot

# What joins two shots, and how often of the sum it comes. The first five are hard cuts.
CUTS = {"cut": 15, "alike": 3, "same place": 2, "in action": 3, "dark": 4, "by an impact": 9}
GRADUAL = {"dissolve": 8, "wipe": 6, "fade": 6, "iris": 3, "whip": 5}
# What happens in a shot that is no joint, and how often.
TRAPS = {
    "none": 12, "impact": 9, "strobe": 2, "lightning": 2, "background animation": 4, "fast pan": 5, "split screen": 2,
    "lines": 3, "shake": 2, "action": 4,
}  # fmt: skip
SHOTS = 64
_LENGTHS = {
    "dissolve": (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24),
    "wipe": (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24),
    "fade": (2, 3, 4, 6, 8, 10, 12, 16, 20, 24),
    "iris": (5, 8, 12, 16, 24),
    "whip": (3, 4, 5, 6, 8),
}
_BLANK = ("white_flash", "black_flash")
_NEAR = 4  # frames from a cut within which an impact is said to be by it
_DAMPED = ("film_grain", "bloom", "vignette")  # treatments that do not begin in mid-shot


@dataclass(frozen=True)
class Meeting:
    """Two shots meet: the second begins at `frame`; [start, end) are the frames of both or of neither, none for a cut.
    `kind` is a key of CUTS or GRADUAL. An answer from `first` to `last` is exact: where a blank frame touches the cut,
    nobody can tell whose it is."""

    kind: str
    frame: int
    start: int
    end: int
    first: int
    last: int

    @property
    def gradual(self) -> bool:
        return self.kind in GRADUAL


@dataclass(frozen=True)
class Trap:
    """Frames [start, end) of one shot in which something happens that is no joint; `kind` is a key of TRAPS."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Film:
    """A script, how its shots meet, and its traps."""

    episode: Episode
    meetings: tuple[Meeting, ...]
    traps: tuple[Trap, ...]


def write_film(seed: int, n_shots: int = SHOTS) -> Film:
    """The film of a seed."""
    rng = np.random.default_rng([seed, 0x5])
    decks = Decks(rng)
    made = [_shot(rng, decks, _deal(decks, "trap", TRAPS)) for _ in range(n_shots)]
    shots, traps = [shot for shot, _ in made], [trap for _, trap in made]
    kinds = ["cut"] + [_deal(decks, "joint", CUTS | GRADUAL) for _ in range(n_shots - 1)]
    for i in range(1, n_shots):
        shots[i - 1 : i + 1] = _met(rng, decks, kinds[i], shots[i - 1], shots[i])
    episode = Episode(f"shots-{seed:04d}", int(seed), tuple(shots))
    starts = np.cumsum([0, *(shot.n_frames for shot in shots)]).tolist()
    meetings = tuple(_meeting(kinds[i], shots[i - 1], shots[i], starts[i]) for i in range(1, n_shots))
    return Film(episode, meetings, tuple(_trap(*one) for one in zip(traps, shots, starts, strict=False)))


def _deal(decks: Decks, name: str, counts: dict[str, int]) -> str:
    return decks.deal(name, [kind for kind, n in counts.items() for _ in range(n)])


# -- shots ---------------------------------------------------------------------------------------------------------


def _shot(rng: np.random.Generator, decks: Decks, trap: str) -> tuple[Shot, str]:
    """One shot, and the trap it holds. Impacts by lot come from here only."""
    makers: dict[str, Callable[[np.random.Generator, Decks, int], Shot]] = {
        "background animation": _rushing, "fast pan": _panning, "split screen": _split, "action": _acting,
        "lines": _lined, "shake": _shaken,
    }  # fmt: skip
    n_frames = int(rng.integers(30, 50)) if trap != "none" else decks.deal("length", (6, 8, 10, 12, 16, 24, 32, 40))
    shot = makers.get(trap, _plain)(rng, decks, n_frames)
    shot = dress(rng, shot, decks)
    if shot.look.stage in UNPAINTED:  # a figure on bare paper: two such shots are one to anybody who was not told
        shot = replace(shot, look=replace(shot.look, stage="final_composite"))
    effects = shot.effects
    kept = tuple(one for one in effects.composite if one[0] in _DAMPED)
    effects = replace(effects, impacts=_impacts(rng, decks, trap, n_frames), composite=kept)
    return replace(shot, effects=effects), trap


def _impacts(rng: np.random.Generator, decks: Decks, trap: str, n: int) -> tuple[tuple[str, int, int], ...]:
    at = int(rng.integers(6, 10))
    if trap == "impact":
        # Mostly whole exposures, in the middle of the shot.
        first = int(rng.integers(8, n - 14))
        return ((decks.deal("trap impact", IMPACTS), first, first + decks.deal("trap frames", (1, 1, 2, 2, 3, 4))),)
    if trap == "strobe":
        period, one = (
            int(rng.integers(3, 6)),
            decks.deal("trap strobe", (("white_flash",) * 2, _BLANK, ("inverted",) * 2)),
        )
        return tuple((one[k % 2], t, t + 1) for k, t in enumerate(range(at, n - 8, period)))
    if trap == "lightning":
        return (("white_flash", at, at + 1), ("white_flash", at + 2, at + 4), ("white_flash", at + 7, at + 8))
    return ()


def _place(rng: np.random.Generator, decks: Decks) -> Place:
    return locate(rng, layering=decks.deal("layering", ("single_plane", "parallax", "book")))


def _filmed(rng: np.random.Generator, n: int, place: Place, work: CameraWork, acting: Acting | None = None) -> Shot:
    return Shot(
        n, int(rng.integers(1 << 30)), place, work, acts.who(rng, acting) if acting else None, acting, Effects()
    )


def _plain(rng: np.random.Generator, decks: Decks, n: int) -> Shot:
    """Someone acts, talks or holds, or nobody is there; the camera stands or moves slowly."""
    what = decks.deal("what", ("acting", "parts", "held", "nobody", "acting"))
    maker = {"acting": acts.acting, "parts": acts.parts, "held": acts.held}.get(what)
    moves = decks.deal("slow move", ((), (), (), ("pan_left",), ("pan_up",), ("track_up",), ("track_back",)))
    work = CameraWork(moves, float(rng.uniform(0.15, 0.9)), "constant") if moves else CameraWork()
    return _filmed(rng, n, _place(rng, decks), work, maker(rng, decks, n) if maker else None)


def _acting(rng: np.random.Generator, decks: Decks, n: int) -> Shot:
    return _filmed(rng, n, _place(rng, decks), CameraWork(), acts.action(rng, decks, n))


def _lined(rng: np.random.Generator, decks: Decks, n: int) -> Shot:
    shot = _acting(rng, decks, n)
    kind = decks.deal("lines kind", ("focus", "speed", "burst"))
    return replace(shot, effects=replace(shot.effects, lines=((kind, n // 3, n),)))


def _shaken(rng: np.random.Generator, decks: Decks, n: int) -> Shot:
    work = CameraWork(shake="impact", shake_start=n // 3, shake_seed=int(rng.integers(1 << 20)))
    return _filmed(rng, n, _place(rng, decks), work, acts.acting(rng, decks, n))


def _rushing(rng: np.random.Generator, decks: Decks, n: int) -> Shot:
    """A background that is drawn anew: the frame rushes into it, or it is scrolled lines."""
    shot = _filmed(rng, n, locate(rng), CameraWork(), acts.rushing(rng, decks, n))
    kind = decks.deal("ground", ("drawn_3d", "drawn_3d", "line_scroll"))
    art, exposure = ("line_bg" if kind == "line_scroll" else "drawn_cel"), decks.deal("ground exposure", (1, 2, 3))
    lines = (("speed", 0, n),) if kind == "line_scroll" else ()
    place = replace(shot.place, art=art, motion=kind, exposure=exposure)
    return replace(shot, place=place, effects=replace(shot.effects, lines=lines))


def _panning(rng: np.random.Generator, decks: Decks, n: int) -> Shot:
    """A quick or whip pan over one painting, from rest to rest."""
    speed, most = decks.deal("pan", (("quick", 14), ("quick", 14), ("whip", 8)))
    pct = float(rng.uniform(*cameras.SPEEDS_PCT[speed]))
    start = int(rng.integers(8, n - most - 6))
    move = decks.deal("pan way", ("pan_left", "pan_right", "pan_up", "pan_down"))
    work = CameraWork((move,), pct, decks.deal("pan easing", ("constant", "slow_both")), span=(start, start + most))
    act = acts.held(rng, decks, n) if rng.random() < 0.5 else None
    if act is not None:
        act = cameras.kept_in_frame(rng, act, work, n)
    return _filmed(rng, n, _place(rng, decks), work, act)


def _split(rng: np.random.Generator, decks: Decks, n: int) -> Shot:
    shot = _filmed(rng, n, replace(locate(rng), layering="single_plane"), CameraWork(), acts.rushing(rng, decks, n))
    return acts.split(rng, decks, shot)


# -- how they meet -------------------------------------------------------------------------------------------------


def _met(rng: np.random.Generator, decks: Decks, kind: str, before: Shot, after: Shot) -> tuple[Shot, Shot]:
    """The two shots, changed so that they meet as `kind`."""
    if kind in GRADUAL:
        return _gradual(rng, decks, kind, before, after)
    if kind == "by an impact":
        return _by_impact(decks, before, after)
    if kind == "dark":
        return _dark(before), _dark(after)
    if after.split or after.place.motion != "none" or kind == "cut":
        return before, after
    place = replace(after.place, light=before.place.light, kind=before.place.kind)
    if kind == "alike":  # another painting of the same place in the same light, the same person about as near
        act = replace(after.acting, size=before.acting.size) if after.acting and before.acting else after.acting
        who = before.character if act else after.character
        return before, replace(after, place=place, acting=act, character=who, look=before.look)
    if kind == "same place" and before.place.motion == "none" and not before.split:
        # Two who talk, before the same painting from nearer: a cut-in, or a reverse that spares a background.
        nearer = float(rng.uniform(1.3, 1.7))
        place = replace(before.place, nearness=before.place.nearness * nearer, horizon=float(rng.uniform(0.0, 0.2)))
        stand = acts.parts(rng, decks, after.n_frames)
        stand = replace(
            stand, size=decks.deal("near", ("waist", "bust", "close_up")), at_x=float(rng.uniform(-0.3, 0.3))
        )
        changes = {"place": place, "camera": CameraWork(), "look": before.look, "others": (), "insert": ""}
        return before, replace(after, acting=stand, character=cast(rng), **changes)
    if kind == "in action" and before.acting:
        # The action goes on from another place, nearer or farther.
        size = {"full": "bust", "knee": "close_up", "long": "waist"}.get(before.acting.size, "full")
        act = replace(before.acting, size=size, start_phase=0.5, lead_frames=0, hit_stop=None, deformations=())
        return before, replace(after, place=place, acting=act, character=before.character, others=())
    return before, after


def _dark(shot: Shot) -> Shot:
    """The shot by night, graded to the low key where it can be."""
    place = replace(shot.place, light="night")
    if shot.split:
        return replace(shot, place=place, split=tuple(replace(panel, place=place) for panel in shot.split))
    look = replace(shot.look, chroma="muted", key="low", temperature="cool", hues="limited")
    graded = shot.look.stage == "final_composite" and shot.place.art == "painted"
    return replace(shot, place=place, look=replace(look, graded=graded))


def _by_impact(decks: Decks, before: Shot, after: Shot) -> tuple[Shot, Shot]:
    """One to three frames of impact up to _NEAR frames from the cut, before it or after it."""
    kind, length = decks.deal("near impact", IMPACTS), decks.deal("near frames", (1, 2, 3))
    gap, late = decks.deal("gap", range(_NEAR + 1)), decks.deal("late", (True, False))
    shot = after if late else before
    if shot.n_frames < gap + length + 4:
        gap, length = 0, 1
    first = gap if late else shot.n_frames - gap - length
    kept = tuple(one for one in shot.effects.impacts if one[2] < first - 8 or one[1] > first + length + 8)
    impacts = tuple(sorted((*kept, (kind, first, first + length)), key=lambda one: one[1]))
    shot = replace(shot, effects=replace(shot.effects, impacts=impacts))
    return (before, shot) if late else (shot, after)


def _gradual(rng: np.random.Generator, decks: Decks, kind: str, before: Shot, after: Shot) -> tuple[Shot, Shot]:
    """A transition of a length that leaves half of each shot alone, clear of impacts."""
    length = decks.deal(f"{kind} length", _LENGTHS[kind])
    quiet_end = before.n_frames - max((end for _, _, end in before.effects.impacts), default=0) - 2
    quiet_start = min((start for _, start, _ in after.effects.impacts), default=after.n_frames) - 2
    ends = (before.n_frames - before.into[1]) // 2, after.n_frames // 2
    most = max(2, min(*ends, quiet_end, quiet_start))
    length = min(length, most)
    if kind == "fade":
        name = decks.deal("fade colour", ("fade_black", "fade_black", "fade_white"))
        sides = decks.deal("fade sides", ("out", "in", "both"))
    else:
        name, sides = kind, "both"
    if sides != "in":
        before = replace(before, out=(name, length))
    if sides != "out":
        after = replace(after, into=(name, length))
    return before, after


def _meeting(kind: str, before: Shot, after: Shot, frame: int) -> Meeting:
    met = joint(before, after, frame)
    first = last = frame
    if kind not in GRADUAL:
        first -= max((e - s for k, s, e in before.effects.impacts if k in _BLANK and e == before.n_frames), default=0)
        last += max((e - s for k, s, e in after.effects.impacts if k in _BLANK and s == 0), default=0)
    return Meeting(kind, frame, met["start_frame"], met["end_frame"], first, last)


def _trap(kind: str, shot: Shot, start: int) -> Trap:
    """Where in the film a shot's trap lies."""
    impacts = shot.effects.impacts
    first, last = 0, shot.n_frames
    if kind in ("impact", "strobe", "lightning") and impacts:
        first, last = impacts[0][1], impacts[-1][2] + 1
    elif shot.camera.span:
        first, last = shot.camera.span
    elif kind == "lines" and shot.effects.lines:
        first = shot.effects.lines[0][1]
    return Trap(kind, start + first, start + last)
