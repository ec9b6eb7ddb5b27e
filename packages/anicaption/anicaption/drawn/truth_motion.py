"""The motion half of a drawn shot's record, from its script and exposure sheets alone."""

from __future__ import annotations

import numpy as np

from anicaption.drawn import sheet, stated
from anicaption.drawn.script import Shot
from anicaption.drawn.sheet import ACCENTS, CYCLIC, Sheet
from anicaption.record import Variable, drawn

_PERFORMANCE = {
    "walk": "walk", "run": "run", "wave": "emote", "punch": "melee", "jump": "jump_fall", "talk": "talk",
    "idle": "idle", "pose": "idle", "back": "idle", "dash": "dash", "dance": "dance_music", "slash": "weapon_fight",
    "fly": "flight", "raise": "daily_act", "bow": "emote",
}  # fmt: skip
_EXPOSURES = {1: "ones", 2: "twos", 3: "threes"}
# Performances with keys of their own spacing, whatever the script asks of the course.
_SPACING = {"punch": "hold_and_snap", "slash": "hold_and_snap"}
# Performances that go from one key to another, so that a spacing of the course is seen.
_TWO_KEYS = frozenset({"raise", "bow"})
_FEWEST_DRAWINGS = 4  # a shot with fewer, but more than one, has no exposure to speak of


def motion(shot: Shot) -> dict[str, Variable]:
    """Every motion field that the script decides."""
    sheets = sheet.sheets_of(shot)
    if not sheets:
        return _no_figure(shot)
    main = _moving_sheet(sheets)
    fields = {
        "motion.performance": stated.whole(shot, "motion.performance", *_performances(shot)),
        "motion.emotion": stated.whole(shot, "motion.emotion", sheets[0].acting.emotion),
        "motion.background_motion": stated.whole(shot, "motion.background_motion", background_motion(shot)),
        "motion.accent": stated.spanned(shot, "motion.accent", _accents(shot, sheets[0])),
        "motion.rocking": stated.whole(shot, "motion.rocking", sheets[0].acting.rocking),
    }
    return fields | _exposure(shot, main) | _deformation(shot, sheets[0]) | _spacing(shot, main)


def _no_figure(shot: Shot) -> dict[str, Variable]:
    absent = ("timing", "economy", "partial", "spacing", "deformation_degree", "intensity")
    fields = {f"motion.{name}": drawn(f"motion.{name}", ["na"]) for name in absent}
    for name in ("performance", "emotion", "deformation", "accent", "rocking"):
        fields[f"motion.{name}"] = stated.whole(shot, f"motion.{name}", "none")
    return fields | {
        "motion.background_motion": stated.whole(shot, "motion.background_motion", background_motion(shot))
    }


def _moving_sheet(sheets: tuple[Sheet, ...]) -> Sheet:
    """The sheet of the main moving cel: the main figure's unless it holds while another moves."""
    return next((one for one in sheets if one.moving), sheets[0])


def _performances(shot: Shot) -> tuple[str, ...]:
    assert shot.acting is not None
    acts = [shot.acting, *(role.acting for role in shot.others)]
    kinds = tuple(dict.fromkeys(_PERFORMANCE[acting.performance] for acting in acts))
    return ("crowd",) if len(acts) > 6 else kinds[:3]


def _exposure(shot: Shot, main: Sheet) -> dict[str, Variable]:
    """timing, partial and economy."""
    fields = {}
    layer = main.main_layer
    timing = "held"
    if layer is not None:
        start = shot.lead_in
        timing = timing_of(main.new(layer)[start : start + shot.n_frames])
    if timing is not None and layer != "eyes":
        fields["motion.timing"] = stated.whole(shot, "motion.timing", timing)
    parts = sheet.parts_of(main.acting)
    fields["motion.partial"] = stated.whole(shot, "motion.partial", *(parts[:3] or ("none",)))
    economy = _economy(shot, main, timing)
    if economy:
        fields["motion.economy"] = stated.whole(shot, "motion.economy", economy)
    return fields


def _economy(shot: Shot, main: Sheet, timing: str | None) -> str | None:
    acting = main.acting
    if sheet.parts_of(acting):
        return "partial_only"
    if not main.moving:
        if acting.slide != (0.0, 0.0):
            return "slide_only"
        if shot.camera.moves or shot.place.motion == "drawn_3d":
            return "still_with_camera"
        return "still" if acting.rocking == "none" else None
    numbers = main.numbers("body")
    exposures = 1 + sum(a != b for a, b in zip(numbers[1:], numbers))
    if acting.performance in CYCLIC:
        return "cycle" if exposures >= 1.5 * len(set(numbers)) else None
    if timing in ("ones", "twos"):
        return "full"
    return "limited" if acting.spacing == "no_inbetween" else None


def timing_of(drawing_new: np.ndarray) -> str | None:
    """motion.timing from exact exposures: the exposure most frames have, if three quarters of them do.

    None where there are too few drawings to have one.
    """
    starts = np.flatnonzero(np.concatenate([[True], drawing_new[1:] > 0]))
    if len(starts) == 1:
        return "held"
    if len(starts) < _FEWEST_DRAWINGS:
        return None
    # The first and last drawing may be cut short by the shot's edges.
    lengths = np.diff(starts)[1:]
    counts = np.bincount(lengths, weights=lengths.astype(float))
    commonest = int(counts.argmax())
    if counts[commonest] < 0.75 * counts.sum():
        return "modulated"
    return _EXPOSURES.get(commonest, "fours_plus")


def _deformation(shot: Shot, main: Sheet) -> dict[str, Variable]:
    spans = stated.runs(main.deformation_at(frame) for frame in range(shot.n_filmed))
    own = [(kind, a - shot.lead_in, b - shot.lead_in) for kind, a, b in spans]
    fields = {"motion.deformation": stated.spanned(shot, "motion.deformation", own)}
    if not spans:
        fields["motion.deformation_degree"] = stated.whole(shot, "motion.deformation_degree", "none")
    elif main.acting.deformations:
        fields["motion.deformation_degree"] = stated.whole(shot, "motion.deformation_degree", main.acting.degree)
    return fields


def _accents(shot: Shot, main: Sheet) -> list[tuple[str, int, int]]:
    """Runs of frames in the marked parts of the performance's course, and the script's hit-stop."""
    acting, spans = main.acting, []
    course = [main.drawings[frame + shot.lead_in].phase for frame in range(shot.n_frames)]
    for kind, a, b in ACCENTS.get(acting.performance, ()):
        frames = [frame for frame, phase in enumerate(course) if a <= phase < b]
        if frames:
            spans.append((kind, frames[0], frames[-1] + 1))
    if acting.hit_stop is not None:
        spans = [span for span in spans if span[0] != "hit_stop"]
        spans.append(("hit_stop", *acting.hit_stop))
    return spans


def _spacing(shot: Shot, main: Sheet) -> dict[str, Variable]:
    acting = main.acting
    field = "motion.spacing"
    if acting.performance in _SPACING:
        return {field: stated.whole(shot, field, _SPACING[acting.performance])}
    if acting.performance in _TWO_KEYS and main.moving:
        end = min(shot.n_frames, acting.lead_frames + acting.period_frames)
        return {field: stated.spanned(shot, field, [(acting.spacing, max(0, acting.lead_frames), end)])}
    if not main.moving:
        return {field: drawn(field, ["na"])}
    return {}


def background_motion(shot: Shot) -> str:
    """The value of motion.background_motion: what is drawn or scrolled first, then what the camera makes of planes."""
    if shot.place.motion != "none":
        return shot.place.motion
    if "follow" in shot.camera.moves:
        return "layer_slide"
    return "multi_layer" if shot.place.layering != "single_plane" and shot.camera.moves else "none"
