"""How the background moves against the frame: motion.background_motion, from what the camera's reader found.

layer_slide is the evidence of a follow shot: a figure that stands in the frame while its background is pulled under
it. Planes at different speeds and scrolled lines are other fields' evidence, which the record adds. A background that
is redrawn with every drawing carries no motion that can be told: there this abstains.
"""

from __future__ import annotations

from anicaption.measure.camera import read_camera
from anicaption.record import Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "layers.background", "1"
FIELD = "motion.background_motion"


def read_background(tracks: Tracks) -> dict[str, Variable]:
    """motion.background_motion of the shot that `tracks` spans: none or layer_slide."""
    move = read_camera(tracks)["camera.move"]
    if not move.known:
        return {FIELD: abstain(FIELD, move.abstained or "the camera is unknown", move.evidence)}
    if "follow" in move.values:
        sure = move.probability["follow"]
        return {FIELD: measured(FIELD, ["layer_slide"], {"layer_slide": sure}, move.evidence)}
    sure = max(move.probability.values())
    return {FIELD: measured(FIELD, ["none"], {"none": sure}, move.evidence)}
