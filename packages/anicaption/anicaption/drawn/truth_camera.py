"""The camera half of a drawn shot's record, from its script, the planned path and its exposure sheets."""

from __future__ import annotations

import numpy as np

from anicaption.drawn import stated
from anicaption.drawn.camera import SHAKE_FRAMES, Path, speed_bin
from anicaption.drawn.framing import HEAD_HEIGHT, head_y, size_of, viewpoint_of
from anicaption.drawn.script import Shot
from anicaption.drawn.sheet import Sheet, sheets_of
from anicaption.record import Span, Variable, drawn

DUTCH_DEG = 4.0  # a frame turned by less still reads as level


def camera(shot: Shot, path: Path) -> dict[str, Variable]:
    """Every camera field that the script decides, except the transitions (truth.py) and focus and matte (the look)."""
    work = shot.camera
    start, end = shot.lead_in, shot.lead_in + shot.n_frames
    first, last = work.span or (0, shot.n_frames)
    shaken = []
    if work.shake == "impact":
        shaken = [("impact", work.shake_start, work.shake_start + SHAKE_FRAMES)]
    elif work.shake != "none":
        shaken = [(work.shake, 0, shot.n_frames)]
    fields = {
        "camera.move": stated.spanned(shot, "camera.move", [(move, first, last) for move in work.moves]),
        "camera.speed": stated.whole(shot, "camera.speed", speed_bin(path.peak_pct(start, end))),
        "camera.easing": stated.whole(shot, "camera.easing", work.easing if work.moves else "none"),
        "camera.shake": stated.spanned(shot, "camera.shake", shaken),
        "camera.tilt": drawn("camera.tilt", ["dutch" if abs(work.tilt_deg) >= DUTCH_DEG else "level"]),
        "camera.angle": drawn("camera.angle", ["eye_level"]),
    }
    if shot.place.motion == "drawn_3d":
        fields["camera.move"] = stated.whole(shot, "camera.move", "into_depth")
        del fields["camera.speed"], fields["camera.easing"]  # there is no artwork for the frame to have a speed on
    layering = _layering(shot)
    if layering:
        fields["camera.layering"] = drawn("camera.layering", layering)
    return fields | _subjects(shot, path)


def _layering(shot: Shot) -> tuple[str, ...]:
    """How planes lie; whether there are several is only to be seen where the camera moves."""
    if shot.split:
        return ("split_screen",)
    if shot.place.layering in ("book", "multiplane_blur"):
        return ("parallax", shot.place.layering) if shot.camera.moves else (shot.place.layering,)
    return (shot.place.layering,) if shot.camera.moves else ()


def _subjects(shot: Shot, path: Path) -> dict[str, Variable]:
    sheets = sheets_of(shot)
    if not sheets:
        values = {"subject_count": "none", "viewpoint": "no_subject", "shot_size": "insert" if shot.insert else "na"}
        return {f"camera.{name}": drawn(f"camera.{name}", [value]) for name, value in values.items()}
    over = any(role.in_front and role.acting.performance == "back" for role in shot.others)
    if shot.split:
        return {}  # every panel has its own subject
    n = len(sheets)
    count = "solo" if n == 1 else "two" if n == 2 else "group" if n <= 6 else "crowd"
    fields = {
        "camera.subject_count": drawn("camera.subject_count", [count]),
        "camera.viewpoint": drawn("camera.viewpoint", ["over_shoulder" if over else viewpoint_of(sheets[0].acting)]),
    }
    ends = (shot.lead_in, shot.lead_in + shot.n_frames - 1)
    if not all(seen(shot, path, sheets[0], frame) for frame in ends):
        return fields
    zoom = path.smooth_T4[:, 2] if "dolly_zoom" not in shot.camera.moves else np.zeros(len(path.smooth_T4))
    first, last = (size_of(HEAD_HEIGHT[sheets[0].acting.size] * float(np.exp(zoom[frame]))) for frame in ends)
    if first == last:
        fields["camera.shot_size"] = stated.whole(shot, "camera.shot_size", first)
    else:
        spans = [Span(value=first, start=0, end=1), Span(value=last, start=shot.n_frames - 1, end=shot.n_frames)]
        fields["camera.shot_size"] = drawn("camera.shot_size", [first], spans[:1])
    return fields


def seen(shot: Shot, path: Path, one: Sheet, frame: int) -> bool:
    """Whether the middle of the figure's head or chest lies in the frame."""
    if "follow" in shot.camera.moves:
        return True
    x, y, _ = one.shift(frame)
    spot = np.array([one.acting.at_x + one.travel[frame] + x, head_y(one.acting) + y])
    affine = path.affine_locked(frame, 1.0) if "dolly_zoom" in shot.camera.moves else path.affine(frame, 1.0, 1.0)
    x, y = affine[:, :2] @ spot + affine[:, 2]
    return 0 < x < path.aspect and 0 < y < 1
