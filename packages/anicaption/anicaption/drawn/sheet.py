"""Exposure sheets: which drawing of which layer lies under the camera at each filmed frame. Pure: script in, no pixels.

A figure is five layers (LAYERS). Its `Sheet` holds one `Drawing` per filmed frame: where on the course of the action
the body lies, what mouth and eyes do, where hair and cloth are in their cycles, and which deformations the drawing
carries. Equal drawings are equal pictures, so a hand may cache by them; a cycle comes back to the same ones.

What a hand must offer so that the truth made from a sheet is true of its pictures:
- one picture per `Drawing` (and character, yaw, size), the same for the same drawing and another one for another;
- `phase` is the share of the performance's cycle (CYCLIC) or of its course from first to last key (all others);
  courses keep the marks of ACCENTS and DEFORMED: the blow of a punch lands at 0.49 and is smeared just before it;
- `mouth` (0 shut .. 1 open), `eyes` (0 shut .. 1), `gaze` (-1 back .. 1 forward), `hair` and `cloth` (share of a
  flutter's cycle) are None where the body's own drawing decides, and change nothing but their part where they are not;
- `deformed` holds (kind, share of its span, degree): the drawing departs from the model sheet in that way; the share
  is 0.5 for kinds that do not go on from drawing to drawing;
- the cel lies where `Sheet.travel` puts it (frame heights over the artwork, to the right), and `cel_shift` on top of
  that, every frame: slides and rocking move a cel without a new drawing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from anicaption.drawn.script import Acting, FrameSpan, Shot

LAYERS = ("body", "mouth", "eyes", "hair", "cloth")
CYCLIC = frozenset({"walk", "run", "wave", "idle", "talk", "back", "dance", "dash", "fly"})
SMEARS = frozenset({"smear_stretch", "smear_multiple", "smear_abstract", "impact_distort"})
_EVOLVING = frozenset({"morph", "rubber_limb", "line_breakup"})  # every drawing of these is another one

# Timing accents of performances with a course, as shares of it: (value of motion.accent, start, end).
ACCENTS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "punch": (("anticipation", 0.0, 0.25), ("hold_tame", 0.25, 0.43), ("hit_stop", 0.49, 0.62), ("settle", 0.62, 1.0)),
    "jump": (("anticipation", 0.0, 0.24), ("settle", 0.80, 1.0)),
    "slash": (("anticipation", 0.0, 0.30), ("settle", 0.60, 1.0)),
    "pose": (("pose_lock", -1.0, 2.0),),
}
# Deformations that belong to a performance, as shares of its course: (value of motion.deformation, start, end).
DEFORMED: dict[str, tuple[tuple[str, float, float], ...]] = {
    "punch": (("smear_stretch", 0.43, 0.49),),
    "jump": (("squash", 0.078, 0.24), ("stretch", 0.24, 0.3635), ("stretch", 0.5765, 0.70), ("squash", 0.70, 0.9226)),
}
# Where a course stands still: all phases inside show the drawing of the plateau's beginning.
_PLATEAUS: dict[str, tuple[tuple[float, float], ...]] = {
    "pose": ((-1.0, 2.0),), "punch": ((0.43, 0.49), (0.49, 0.62)), "jump": ((0.18, 0.24), (0.70, 0.80)),
    "slash": ((0.42, 0.50),),
}  # fmt: skip
# What of a figure moves while its body is one drawing, where the script does not say it.
_PARTS = {"talk": ("mouth_flap", "blink")}
_LAYER_OF = {
    "mouth_flap": "mouth", "blink": "eyes", "eye_line": "eyes", "hair_flutter": "hair", "cloth_flutter": "cloth",
}  # fmt: skip
_MOUTHS = (0.0, 0.45, 0.9)
_BLINK = (0.5, 0.0, 0.5)


@dataclass(frozen=True)
class Drawing:
    """One drawing of a figure, layer by layer; None where the body's own drawing decides."""

    phase: float
    mouth: float | None = None
    eyes: float | None = None
    gaze: float | None = None
    hair: float | None = None
    cloth: float | None = None
    deformed: tuple[tuple[str, float, str], ...] = ()

    def layer(self, name: str) -> tuple:
        """What of this drawing the layer `name` shows."""
        if name == "body":
            return self.phase, self.deformed
        return {"mouth": (self.mouth,), "eyes": (self.eyes, self.gaze), "hair": (self.hair,), "cloth": (self.cloth,)}[
            name
        ]


@dataclass(frozen=True)
class Sheet:
    """The exposure of one figure: per filmed frame its drawing, where it lies, and the frame its exposure began."""

    acting: Acting
    lead_in: int
    drawings: tuple[Drawing, ...]
    travel: tuple[float, ...]
    starts: tuple[int, ...]  # counted from the shot's own first frame

    def new(self, *layers: str) -> np.ndarray:
        """1.0 where what `layers` (all by default) expose differs from the frame before, float32 (n_filmed,)."""
        names = layers or LAYERS
        shown = [tuple(d.layer(name) for name in names) for d in self.drawings]
        if "body" in names:
            shown = [(*s, x) for s, x in zip(shown, self.travel)]
        return np.array([1.0, *(float(a != b) for a, b in itertools.pairwise(shown))], np.float32)

    def shift(self, filmed: int) -> tuple[float, float, float]:
        """`cel_shift` at a filmed frame."""
        return cel_shift(self.acting, filmed - self.lead_in)

    def numbers(self, layer: str) -> list[int]:
        """The X-sheet's column of `layer`: drawing numbers from 1 in order of appearance, one per filmed frame."""
        known: dict[tuple, int] = {}
        return [known.setdefault(d.layer(layer), len(known) + 1) for d in self.drawings]

    @property
    def moving(self) -> tuple[str, ...]:
        """The layers that show more than one drawing."""
        return tuple(name for name in LAYERS if self.new(name)[1:].any())

    @property
    def main_layer(self) -> str | None:
        """The layer whose exposure is motion.timing: the body's if it moves, else the mouth's, the hair's, ..."""
        return next((name for name in ("body", "mouth", "hair", "cloth", "eyes") if name in self.moving), None)

    def deformation_at(self, filmed: int) -> tuple[str, ...]:
        """motion.deformation of the drawing exposed at filmed frame `filmed`."""
        drawing = self.drawings[filmed]
        kinds = [kind for kind, _, _ in drawing.deformed]
        kinds += [kind for kind, a, b in DEFORMED.get(self.acting.performance, ()) if a <= drawing.phase < b]
        return tuple(dict.fromkeys(kinds))


def parts_of(acting: Acting) -> tuple[str, ...]:
    """The values of motion.partial that move while the body holds."""
    return acting.parts or _PARTS.get(acting.performance, ())


def is_held(acting: Acting) -> bool:
    """Whether the body is one drawing all through, deformations apart."""
    return bool(parts_of(acting)) or (acting.exposure == 0 and not acting.holds)


@lru_cache(maxsize=256)
def sheets_of(shot: Shot) -> tuple[Sheet, ...]:
    """One sheet per figure: the main one, then `shot.others` in their order; empty without figures."""
    if shot.acting is None or shot.character is None:
        return ()
    acts = (shot.acting, *(role.acting for role in shot.others))
    return tuple(_sheet(shot, acting, number) for number, acting in enumerate(acts))


def _sheet(shot: Shot, acting: Acting, number: int) -> Sheet:
    starts = [_start(acting, filmed - shot.lead_in) for filmed in range(shot.n_filmed)]
    exposures = sorted(set(starts))
    order = {start: k for k, start in enumerate(exposures)}
    parts = _Parts(shot, acting, number, exposures)
    drawings = tuple(_drawing(acting, start, parts, order[start]) for start in starts)
    travel = tuple(_travel(shot, acting, start) for start in starts)
    return Sheet(acting, shot.lead_in, drawings, travel, tuple(starts))


def _drawing(acting: Acting, start: int, parts: _Parts, k: int) -> Drawing:
    deformed = tuple(
        (kind, round((start - a + 0.5) / (b - a), 4) if kind in _EVOLVING else 0.5, acting.degree)
        for kind, a, b in acting.deformations
        if a <= start < b
    )
    time = 0 if is_held(acting) else clock(acting, start)
    return Drawing(phase_at(acting, time), **parts.at(k, start), deformed=deformed)


def drawing_new(shot: Shot) -> np.ndarray:
    """1.0 where a figure's exposed drawing differs from the frame before, float32 (n_filmed,); NaN without a figure."""
    if not sheets_of(shot):
        return np.full(shot.n_filmed, np.nan, np.float32)
    return np.max([one.new() for one in sheets_of(shot)], axis=0)


def background_numbers(shot: Shot) -> list[int]:
    """Which drawing of the background is exposed at each filmed frame, from 1: always 1 unless it is drawn anew."""
    step = shot.place.exposure
    if shot.place.motion != "drawn_3d":
        return [1] * shot.n_filmed
    return [filmed // step + 1 for filmed in range(shot.n_filmed)]


# -- when a drawing is exposed ---------------------------------------------------------------------------------------


def _fixed(acting: Acting) -> list[FrameSpan]:
    """Frames with one drawing of their own: a smear, or the drawing of contact held by a hit-stop."""
    spans: list[FrameSpan] = [(a, b) for kind, a, b in acting.deformations if kind in SMEARS]
    return spans if acting.hit_stop is None else [*spans, acting.hit_stop]


def _start(acting: Acting, own: int) -> int:
    """The frame (of the shot) at which the drawing exposed at frame `own` was first exposed."""
    fixed = _fixed(acting)
    origin = max((cut for span in fixed for cut in span if cut <= own), default=0)
    if any(a <= own < b for a, b in fixed):
        return origin
    since = own - origin
    if acting.holds:
        rest = since % sum(acting.holds)
        return own - rest + max(edge for edge in itertools.accumulate(acting.holds, initial=0) if edge <= rest)
    if acting.exposure == 0:
        return origin
    return own - since % acting.exposure


def clock(acting: Acting, start: int) -> int:
    """Frames of acting that lie behind the drawing first exposed at frame `start`: a hit-stop stops it."""
    if acting.hit_stop is None or start < acting.hit_stop[1]:
        return start
    a, b = acting.hit_stop
    return start - (b - a) + max(1, acting.exposure)


# -- where on its course a drawing lies ------------------------------------------------------------------------------


def phase_at(acting: Acting, time: int) -> float:
    """How far the performance is after `time` frames of acting: of its cycle, or of its spaced course."""
    if acting.performance in CYCLIC:
        return round((acting.start_phase + time / acting.period_frames) % 1.0, 6)
    along = min(1.0, max(0.0, (time - acting.lead_frames) / acting.period_frames))
    phase = spaced(along, acting.spacing)
    phase = next((a for a, b in _PLATEAUS.get(acting.performance, ()) if a <= phase < b), phase)
    return round(phase, 6)


def spaced(along: float, spacing: str) -> float:
    """Where on its course (0..1) a drawing lies after the share `along` of the time: a value of motion.spacing."""
    if spacing == "even":
        return along
    if spacing == "slow_start":
        return along**2.2
    if spacing == "slow_end":
        return 1 - (1 - along) ** 2.2
    if spacing == "slow_both":
        return along**3 * (10 - 15 * along + 6 * along**2)
    if spacing == "hold_and_snap":
        # A creeping hold of the first key, then nearly all of the way between two drawings, then a short settle.
        return 0.05 * along / 0.6 if along < 0.6 else 0.93 + 0.07 * (along - 0.6) / 0.4
    if spacing == "no_inbetween":
        return 0.0 if along < 0.5 else 1.0
    raise ValueError(f"drawn.sheet: spacing {spacing!r} is not a value of motion.spacing that can be drawn")


def _travel(shot: Shot, acting: Acting, start: int) -> float:
    """How far along the artwork (frame heights) the drawing lies; a held body stays."""
    if not acting.travel:
        return 0.0
    start = 0 if is_held(acting) else start
    if acting.performance in CYCLIC:
        along = clock(acting, start) / max(1, shot.n_frames - 1)
        along = along if acting.spacing == "even" else spaced(min(1.0, max(0.0, along)), acting.spacing)
    else:
        along = phase_at(acting, clock(acting, start))
    return round(acting.travel * (along - 0.5), 6)


def cel_shift(acting: Acting, own: int) -> tuple[float, float, float]:
    """What is done to the cel itself at frame `own`: (x, y) in frame heights and a turn in degrees clockwise."""
    x, y = acting.slide[0] * own, acting.slide[1] * own
    wave = float(np.sin(2 * np.pi * own / ROCKING_FRAMES))
    if acting.rocking == "bob":
        return x, y + 0.016 * wave, 0.0
    if acting.rocking == "sway":
        return x + 0.022 * wave, y, 0.0
    if acting.rocking == "turn":
        return x, y, 2.6 * wave
    if acting.rocking == "none":
        return x, y, 0.0
    raise ValueError(f"drawn.sheet: rocking {acting.rocking!r} is not one of none, bob, sway, turn")


ROCKING_FRAMES = 20  # of one swing there and back


# -- mouth, eyes, hair, cloth ----------------------------------------------------------------------------------------


class _Parts:
    """What the parts show at the k-th exposure, while the body is one held drawing."""

    def __init__(self, shot: Shot, acting: Acting, number: int, exposures: list[int]) -> None:
        self.names = parts_of(acting)
        if unknown := set(self.names) - set(_LAYER_OF):
            raise ValueError(f"drawn.sheet: parts {sorted(unknown)} are not values of motion.partial")
        self.period = acting.period_frames
        rng = np.random.default_rng([shot.seed, number, 0x5])
        n = len(exposures)
        mouths = [0]
        for turn in rng.integers(1, 3, n).tolist():
            mouths.append((mouths[-1] + turn) % 3)  # never the same shape twice
        self.mouths = [_MOUTHS[i] for i in mouths]
        self.lids = [1.0] * n
        at = int(rng.integers(1, max(2, n // 2)))
        while at < n:
            self.lids[at : at + len(_BLINK)] = _BLINK[: n - at]
            at += len(_BLINK) + int(rng.integers(6, 14))
        looks = sorted(rng.choice(np.arange(1, max(3, n)), 2, replace=False).tolist())
        side = float(rng.choice([-1, 1]))
        self.gazes = [0.0 if k < looks[0] else side if k < looks[1] else -side for k in range(n)]

    def at(self, k: int, start: int) -> dict[str, float | None]:
        flutter = round(start / self.period % 1.0, 6)
        return {
            "mouth": self.mouths[k] if "mouth_flap" in self.names else None,
            "eyes": self.lids[k] if "blink" in self.names else None,
            "gaze": self.gazes[k] if "eye_line" in self.names else None,
            "hair": flutter if "hair_flutter" in self.names else None,
            "cloth": round((flutter + 0.3) % 1.0, 6) if "cloth_flutter" in self.names else None,
        }
