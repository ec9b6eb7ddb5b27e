"""camera.transition: what a shot does at its first and last frames, in and out told apart, with the frames.

Between two shots of one film the joints are those of `transition`; a clip that begins or ends in the middle of one has
the rest of it only, which is asked of its first and last pictures (`joint`). A fade in which the brightest spot stays
bright is an iris. A whip is streaks next to a cut: the camera tears away from one picture and arrives in the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anicaption.measure.fade import Blank, blanks
from anicaption.measure.flash import FLASH_FRAMES, excursions, flashes
from anicaption.measure.joint import broken_joint
from anicaption.measure.likeness import Difference
from anicaption.measure.transition import BLANK_BACK, FADE_SCORE, NAME, VERSION, TransitionWatch, decide
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Event, Tracks

FIELD = "camera.transition"
EDGE_FRAMES = 2  # an event this close to the first or last frame of a shot is at its edge
_OF_A_FADE = ("white_flash", "black_flash", "limited_color")  # what a fade's own frames may be taken for
FLASH_OF = {"fade_white": "white_flash", "fade_black": "black_flash"}

_IRIS = 0.22  # by which the brightest spot of an iris stays above its mean light, both as shares of the open picture
_BROKEN_SCORE = 0.8  # certainty of a joint of which a clip has only a part
_WHIP_MOST = 20  # frames of a whip on either side
_WHIP_TORN = 0.4  # share of the rise from which a frame is still torn
_WHIP_SCORE = 0.8


@dataclass(frozen=True)
class _Torn:
    """From what on the frames on one side of a cut are a whip."""

    streak: float  # of the frame beside the cut
    rise: float  # by which its streaks stand over those of its shot
    dies: float  # by which they are less in the slow half
    frames: int
    moves: float  # difference from frame to frame while it lasts, on average


_WHIP = _Torn(0.52, 0.2, 0.05, 2, 0.04)
_ITS_OTHER_SIDE = _Torn(0.35, 0.08, 0.0, 1, 0.02)  # of a cut from which or into which the camera surely tears


def events(watch: TransitionWatch) -> tuple[Event, ...]:
    """Transitions (camera.transition) and impact frames (vfx.impact_frame) of all frames that a watch has seen."""
    scores = watch.scores()
    found = [*gradual(scores), *whips(scores)]
    n_frames = len(scores["jump"])
    found += _broken(watch, n_frames, found)
    dimmed = [event for event in found if event.value.startswith(("fade", "iris"))]
    hits = [
        hit
        for hit in (*flashes(scores), *afterglows(scores))
        if hit.value not in _OF_A_FADE or not any(hit.start < event.end and event.start < hit.end for event in dimmed)
    ]
    return tuple(sorted((*found, *hits), key=lambda event: event.start))


def gradual(scores: Mapping[str, np.ndarray]) -> tuple[Event, ...]:
    """Dissolves, wipes, fades and irises as events, fades at the very ends of the film too. Pure."""
    found = []
    for joint in decide(scores):
        if joint.kind in ("dissolve", "wipe"):
            found.append(Event(FIELD, f"{joint.kind}_out", joint.start, joint.frame, joint.score))
            found.append(Event(FIELD, f"{joint.kind}_in", joint.frame, joint.end, joint.score))
    for run in blanks(scores, BLANK_BACK):
        middle = (run.start + run.end) // 2
        if run.fades_out:
            value = _fade_name(scores, run, "out")
            end = max(middle, run.start) if run.fades_in else run.end
            found.append(Event(FIELD, value, run.opens, end, FADE_SCORE))
        if run.fades_in and not run.flash:
            start = min(middle, run.end) if run.fades_out else run.start
            found.append(Event(FIELD, _fade_name(scores, run, "in"), start, run.closes, FADE_SCORE))
    return tuple(found)


def _fade_name(scores: Mapping[str, np.ndarray], run: Blank, way: str) -> str:
    colour = run.kind.removeprefix("fade_")
    frames = np.arange(run.opens, run.start) if way == "out" else np.arange(run.closes - 1, run.end - 1, -1)
    light, peak = scores["luma"][frames].astype(float), scores["peak"][frames].astype(float)
    if colour == "black" and len(frames) > 2 and light[0] > 0 and peak[0] > 0:
        dim = light < 0.8 * light[0]
        if dim.any() and float((peak[dim] / peak[0] - light[dim] / light[0]).mean()) > _IRIS:
            return f"iris_{way}"
    return f"fade_{way}_{colour}"


def afterglows(scores: Mapping[str, np.ndarray]) -> tuple[Event, ...]:
    """Flashes from which the picture comes back slowly, so that no excursion ends in one frame. Pure."""
    known = excursions(scores)
    return tuple(
        Event("vfx.impact_frame", FLASH_OF[run.kind], run.start, min(run.end, run.start + FLASH_FRAMES), 0.8)
        for run in blanks(scores, BLANK_BACK)
        if run.flash and not any(start < run.end and run.start < end for start, end in known)
    )


def whips(scores: Mapping[str, np.ndarray]) -> tuple[Event, ...]:
    """Streaks that grow towards a cut or the end of the film, and that die away after one. Pure.

    Where the camera tears away from one side of a cut it arrives on the other, so that side needs less to be one.
    """
    n_frames = len(scores["jump"])
    found = []
    for frame in (0, *(joint.frame for joint in decide(scores) if joint.kind in ("cut", "fade")), n_frames):
        firsts = {way: frame + min(way, 0) for way in (-1, 1)}
        sides = {way: first for way, first in firsts.items() if 0 <= first < n_frames}
        lengths = {way: _whip_frames(scores, first, way, _WHIP) for way, first in sides.items()}
        if any(lengths.values()):
            lengths |= {
                way: _whip_frames(scores, sides[way], way, _ITS_OTHER_SIDE) for way, n in lengths.items() if not n
            }
        for way, length in lengths.items():
            if length:
                start, end = sorted((sides[way], sides[way] + way * (length - 1)))
                found.append(Event(FIELD, "whip_out" if way < 0 else "whip_in", start, end + 1, _WHIP_SCORE))
    return tuple(found)


def _whip_frames(scores: Mapping[str, np.ndarray], first: int, way: int, least: _Torn) -> int:
    """How many frames from `first` on are torn, going backwards or forwards in time; 0 for no whip.

    A shot that pans fast has as much change from frame to frame as its whip, but not its streaks.
    """
    streaks = scores["streak"][first::way][: 2 * _WHIP_MOST].astype(float)
    moving = scores["raw"][first + (way > 0) :: way][: 2 * _WHIP_MOST].astype(float)
    if len(streaks) < _WHIP_MOST // 2 or streaks[0] < least.streak:
        return 0
    calm = float(np.median(streaks[min(_WHIP_MOST // 2, len(streaks) // 2) :]))
    rise = float(streaks[0]) - calm
    length = int(np.argmin(np.append(streaks >= calm + _WHIP_TORN * rise, False)))
    if rise < least.rise or not least.frames <= length <= _WHIP_MOST or moving[:length].mean() < least.moves:
        return 0
    half = length // 2
    return length if not half or streaks[:half].mean() - streaks[half:length].mean() > least.dies else 0


def _broken(watch: TransitionWatch, n_frames: int, known: list[Event]) -> list[Event]:
    """The rest of a joint at the first and at the last frame of the film, where nothing else is known there."""
    found, difference = [], Difference()
    if not any(event.start <= EDGE_FRAMES for event in known):
        joint = broken_joint(watch.head, difference)
        if joint:
            found.append(Event(FIELD, _directed(joint.kind, "in"), 0, joint.end, _BROKEN_SCORE))
    if not any(event.end >= n_frames - EDGE_FRAMES for event in known):
        joint = broken_joint(watch.tail(), difference)
        if joint:
            found.append(Event(FIELD, _directed(joint.kind, "out"), n_frames - joint.end, n_frames, _BROKEN_SCORE))
    return found


def _directed(kind: str, way: str) -> str:
    """dissolve -> dissolve_in; fade_black -> fade_in_black."""
    return f"fade_{way}_{kind.removeprefix('fade_')}" if kind.startswith("fade_") else f"{kind}_{way}"


def read_transition(tracks: Tracks) -> dict[str, Variable]:
    """camera.transition of a shot: what begins with its first frame and what ends with its last; `none` is a hard cut
    at both. What belongs to a neighbour and reaches in by a frame or two is left to it."""
    n_frames = tracks.n_frames
    if n_frames < 2 * EDGE_FRAMES:
        return {FIELD: abstain(FIELD, f"{n_frames} frames have no edges to speak of")}
    best: dict[str, Event] = {}
    for event in tracks.events:
        if event.field != FIELD:
            continue
        comes = event.value.split("_")[1] == "in"
        at_edge = event.start <= EDGE_FRAMES if comes else event.end >= n_frames - EDGE_FRAMES
        beyond = event.end < EDGE_FRAMES if comes else event.start > n_frames - EDGE_FRAMES
        side = "in" if comes else "out"
        if (
            at_edge
            and not (beyond and n_frames > 4 * EDGE_FRAMES)
            and (side not in best or event.score > best[side].score)
        ):
            best[side] = event
    if not best:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.9})}
    spans, evidence = [], []
    for side, event in best.items():
        start, end = (0, event.end) if side == "in" else (event.start, n_frames)
        spans.append(Span(value=event.value, start=start, end=end))
        numbers = {"score": event.score}
        evidence.append(Evidence(estimator=NAME, version=VERSION, start=start, end=end, numbers=numbers))
    return {
        FIELD: measured(FIELD, [s.value for s in spans], {e.value: e.score for e in best.values()}, evidence, spans)
    }
