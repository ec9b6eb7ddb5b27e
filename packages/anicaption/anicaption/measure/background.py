"""How the background moves against the frame: motion.background_motion, from what the camera's reader found.

layer_slide is the evidence of a follow shot: a figure that stands in the frame while its background is pulled under
it; line_scroll goes further than any artwork. Planes at different speeds are another field's evidence, which the record
adds: under a frame that moves this cannot rule them out, nor a redrawn background where no motion can be told, and
abstains.
"""

from __future__ import annotations

from anicaption.measure.camera import read_camera
from anicaption.record import Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "layers.background", "2"
FIELD = "motion.background_motion"


def read_background(tracks: Tracks) -> dict[str, Variable]:
    """motion.background_motion of the shot that `tracks` spans: none, layer_slide or line_scroll."""
    move = read_camera(tracks)["camera.move"]
    if not move.known:
        return {FIELD: abstain(FIELD, move.abstained or "the camera is unknown", move.evidence)}
    if any(name.endswith("_scroll_pct") for note in move.evidence for name in note.numbers):
        sure = max(move.probability.values())
        return {FIELD: measured(FIELD, ["line_scroll"], {"line_scroll": sure}, move.evidence)}
    if "follow" in move.values:
        sure = move.probability["follow"]
        return {FIELD: measured(FIELD, ["layer_slide"], {"layer_slide": sure}, move.evidence)}
    if move.values != ("none",):
        return {FIELD: abstain(FIELD, "planes that part under a moving frame are not ruled out", move.evidence)}
    sure = move.probability["none"]
    return {FIELD: measured(FIELD, ["none"], {"none": sure}, move.evidence)}
