"""The record of a drawn shot: every variable its script decides, and nothing it does not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from anicaption.drawn.camera import speed_bin
from anicaption.drawn.sheet import ACCENTS
from anicaption.drawn.shot import HEAD_HEIGHT, DrawnShot
from anicaption.measure.transition import AT_EDGES
from anicaption.record import Record, Span, Variable, drawn
from anicaption.tracks import Event, Tracks

_PERFORMANCE = {
    "walk": "walk", "run": "run", "wave": "emote", "punch": "melee", "jump": "jump_fall", "talk": "talk",
    "idle": "idle", "pose": "idle", "back": "idle",
}  # fmt: skip
_EXPOSURES = {1: "ones", 2: "twos", 3: "threes"}


def record_of(drawn_shot: DrawnShot, rate: Fraction) -> Record:
    """The record of the frames between the shot's cuts; its lead-in and lead-out belong to the neighbours."""
    shot = drawn_shot.shot
    start, end = shot.lead_in, shot.lead_in + shot.n_frames
    columns = drawn_shot.path.columns(start, end)
    columns["drawing_new"] = drawn_shot.drawing_new()[start:end]
    variables = _style(drawn_shot) | _motion(drawn_shot) | _camera(drawn_shot) | _vfx(drawn_shot)
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


def _whole(drawn_shot: DrawnShot, field: str, *values: str) -> Variable:
    """`values` for all frames of the shot."""
    return drawn(field, values, [Span(value=v, start=0, end=drawn_shot.shot.n_frames) for v in values])


def _spanned(drawn_shot: DrawnShot, field: str, spans) -> Variable:
    """Values from (value, start, end) entries clipped to the shot, `none` where there are none."""
    n_frames = drawn_shot.shot.n_frames
    clipped = [Span(value=v, start=max(0, a), end=min(n_frames, b)) for v, a, b in spans if a < n_frames and b > 0]
    values = tuple(dict.fromkeys(span.value for span in clipped))
    return drawn(field, values, clipped) if values else _whole(drawn_shot, field, "none")


def _style(drawn_shot: DrawnShot) -> dict[str, Variable]:
    shot = drawn_shot.shot
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


def _motion(drawn_shot: DrawnShot) -> dict[str, Variable]:
    shot = drawn_shot.shot
    acting = shot.acting
    if acting is None:
        absent = ("timing", "economy", "partial", "spacing", "deformation_degree", "intensity")
        fields = {f"motion.{name}": drawn(f"motion.{name}", ["na"]) for name in absent}
        for name in ("performance", "emotion", "deformation", "accent"):
            fields[f"motion.{name}"] = _whole(drawn_shot, f"motion.{name}", "none")
        return fields | {"motion.background_motion": _whole(drawn_shot, "motion.background_motion", *_background(shot))}
    timing = timing_of(drawn_shot.drawing_new()[shot.lead_in : shot.lead_in + shot.n_frames])
    shift = shot.lead_in
    deformations = _deformed_spans(drawn_shot)
    fields = {
        "motion.timing": _whole(drawn_shot, "motion.timing", timing),
        "motion.performance": _whole(drawn_shot, "motion.performance", _PERFORMANCE[acting.performance]),
        "motion.emotion": _whole(drawn_shot, "motion.emotion", acting.emotion),
        "motion.deformation": _spanned(
            drawn_shot, "motion.deformation", [(k, a - shift, b - shift) for k, a, b in deformations]
        ),
        "motion.background_motion": _whole(drawn_shot, "motion.background_motion", *_background(shot)),
    }
    accents = ACCENTS.get(acting.performance, ())
    course = [drawn_shot.sheets[0].drawings[frame + shift].phase for frame in range(shot.n_frames)]
    runs = [(kind, [i for i, phase in enumerate(course) if a <= phase < b]) for kind, a, b in accents]
    spans = [(kind, frames[0], frames[-1] + 1) for kind, frames in runs if frames]
    fields["motion.accent"] = _spanned(drawn_shot, "motion.accent", spans)
    if acting.performance == "punch":
        fields["motion.spacing"] = _whole(drawn_shot, "motion.spacing", "hold_and_snap")
    if not deformations:
        fields["motion.deformation_degree"] = _whole(drawn_shot, "motion.deformation_degree", "none")
    if timing == "held":
        fields["motion.partial"] = _whole(drawn_shot, "motion.partial", "none")
        if not shot.effects.lines and "follow" not in shot.camera.moves:
            fields["motion.intensity"] = _whole(drawn_shot, "motion.intensity", "static")
        if shot.camera.moves:
            fields["motion.economy"] = _whole(drawn_shot, "motion.economy", "still_with_camera")
    elif acting.performance == "talk":
        fields["motion.economy"] = _whole(drawn_shot, "motion.economy", "partial_only")
        fields["motion.partial"] = _whole(drawn_shot, "motion.partial", "mouth_flap", "blink")
    elif acting.performance in ("walk", "run"):
        fields["motion.economy"] = _whole(drawn_shot, "motion.economy", "cycle")
        fields["motion.partial"] = _whole(drawn_shot, "motion.partial", "none")
    return fields


def timing_of(drawing_new: np.ndarray) -> str:
    """motion.timing from exact exposures: the exposure most frames have, if three quarters of them do."""
    starts = np.flatnonzero(np.concatenate([[True], drawing_new[1:] > 0]))
    if len(starts) == 1:
        return "held"
    # The first and last drawing may be cut short by the shot's edges.
    lengths = np.diff(starts)[1:] if len(starts) > 2 else np.diff(starts)
    counts = np.bincount(lengths, weights=lengths.astype(float))
    commonest = int(counts.argmax())
    if counts[commonest] < 0.75 * counts.sum():
        return "modulated"
    return _EXPOSURES.get(commonest, "fours_plus")


def _deformed_spans(drawn_shot: DrawnShot) -> list[tuple[str, int, int]]:
    """Runs of frames whose exposed drawing departs from the model sheet, in filmed frames."""
    shot = drawn_shot.shot
    spans: list[tuple[str, int, int]] = []
    for frame in range(shot.n_filmed):
        for kind in drawn_shot.deformation_at(frame):
            if (
                spans
                and (last := next((i for i, s in enumerate(spans) if s[0] == kind and s[2] == frame), None)) is not None
            ):
                spans[last] = (kind, spans[last][1], frame + 1)
            else:
                spans.append((kind, frame, frame + 1))
    return spans


def _background(shot) -> tuple[str, ...]:
    if shot.place.layering != "single_plane" and shot.camera.moves:
        return ("multi_layer",)
    return ("layer_slide",) if "follow" in shot.camera.moves else ("none",)


def _camera(drawn_shot: DrawnShot) -> dict[str, Variable]:
    shot, path = drawn_shot.shot, drawn_shot.path
    start, end = shot.lead_in, shot.lead_in + shot.n_frames
    moves = shot.camera.moves or ("none",)
    shaken = shot.camera.shake
    shake_start = shot.camera.shake_start if shaken == "impact" else 0
    shake_end = shake_start + 24 if shaken == "impact" else shot.n_frames
    fields = {
        "camera.move": _whole(drawn_shot, "camera.move", *moves),
        "camera.speed": _whole(drawn_shot, "camera.speed", speed_bin(path.peak_pct(start, end))),
        "camera.easing": _whole(drawn_shot, "camera.easing", shot.camera.easing if shot.camera.moves else "none"),
        "camera.shake": _spanned(
            drawn_shot, "camera.shake", [(shaken, shake_start, shake_end)] if shaken != "none" else []
        ),
        "camera.layering": drawn("camera.layering", [shot.place.layering]),
        "camera.focus": _whole(drawn_shot, "camera.focus", "bg_blur" if shot.place.blur else "deep"),
        "camera.angle": drawn(
            "camera.angle", ["eye_level"] if not {"roll_cw", "roll_ccw"} & set(moves) else ["unknown"]
        ),
        "camera.transition": _transition(drawn_shot),
    }
    acting = shot.acting
    if acting is None:
        fields["camera.subject_count"] = drawn("camera.subject_count", ["none"])
        fields["camera.viewpoint"] = drawn("camera.viewpoint", ["no_subject"])
        fields["camera.shot_size"] = drawn("camera.shot_size", ["na"])
        return fields
    fields["camera.subject_count"] = drawn("camera.subject_count", ["solo"])
    view = "back" if acting.performance == "back" else "front" if drawn_shot.turned() < 0.25 else "three_quarter"
    fields["camera.viewpoint"] = drawn("camera.viewpoint", [view])
    sizes = [size_of(HEAD_HEIGHT[acting.size] * float(np.exp(path.smooth_T4[i, 2]))) for i in (start, end - 1)]
    if drawn_shot.figure_seen(start) and drawn_shot.figure_seen(end - 1):
        spans = [Span(value=sizes[0], start=0, end=1), Span(value=sizes[1], start=shot.n_frames - 1, end=shot.n_frames)]
        if sizes[0] == sizes[1]:
            fields["camera.shot_size"] = _whole(drawn_shot, "camera.shot_size", sizes[0])
        else:
            fields["camera.shot_size"] = drawn("camera.shot_size", [sizes[0]], spans[:1])
    return fields


def size_of(head_height: float) -> str:
    """camera.shot_size from the head's share of the frame height: the nearest by ratio."""
    return min(HEAD_HEIGHT, key=lambda name: abs(np.log(head_height / HEAD_HEIGHT[name])))


def _transition(drawn_shot: DrawnShot) -> Variable:
    shot, n = drawn_shot.shot, drawn_shot.shot.n_frames
    spans = []
    kind, length = shot.into
    if kind != "none":
        spans.append((AT_EDGES[kind][0], 0, length - length // 2 if kind == "dissolve" else length))
    kind, length = shot.out
    if kind != "none":
        spans.append((AT_EDGES[kind][1], n - (length // 2 if kind == "dissolve" else length), n))
    return _spanned(drawn_shot, "camera.transition", spans)


def _vfx(drawn_shot: DrawnShot) -> dict[str, Variable]:
    shot = drawn_shot.shot
    fields = {
        "vfx.lines": _spanned(drawn_shot, "vfx.lines", shot.effects.lines),
        "vfx.impact_frame": _spanned(drawn_shot, "vfx.impact_frame", shot.effects.impacts),
        "vfx.text": _spanned(drawn_shot, "vfx.text", [(kind, a, b) for kind, _, a, b in shot.effects.text]),
        "vfx.light": _whole(drawn_shot, "vfx.light", *(shot.effects.light or ("none",))),
        "vfx.element": _whole(drawn_shot, "vfx.element", "none"),
        "vfx.manpu": _whole(drawn_shot, "vfx.manpu", "none"),
    }
    return fields
