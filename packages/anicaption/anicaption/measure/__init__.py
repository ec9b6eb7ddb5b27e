"""Production variables from measurements: `read(tracks)` decides, `onepass.Watch` measures.

Each family of variables is one file with two halves: a streaming half that sees pictures once and keeps a few floats
per frame, and a pure half `read_x(tracks)` that decides from those numbers alone. So a window of a shot is decided
again without its pixels: `read(tracks.window(start, end, crop))`.
"""

from __future__ import annotations

from anicaption.measure.background import read_background
from anicaption.measure.camera import read_camera
from anicaption.measure.colour import read_colour
from anicaption.measure.composite import read_composite
from anicaption.measure.deformation import read_deformation
from anicaption.measure.economy import read_economy
from anicaption.measure.edges import read_transition
from anicaption.measure.effect_lines import read_lines
from anicaption.measure.flash import read_flash
from anicaption.measure.flashing import read_flashing
from anicaption.measure.focus import read_focus
from anicaption.measure.intensity import read_intensity
from anicaption.measure.layering import read_layering
from anicaption.measure.matte import read_matte
from anicaption.measure.paper import read_paper
from anicaption.measure.partial import read_partial
from anicaption.measure.rocking import read_rocking
from anicaption.measure.timing import read_timing
from anicaption.record import Variable
from anicaption.tracks import Tracks

READERS = (
    read_camera,
    read_layering,
    read_background,
    read_rocking,
    read_timing,
    read_economy,
    read_partial,
    read_intensity,
    read_colour,
    read_flashing,
    read_lines,
    read_matte,
    read_composite,
    read_paper,
    read_focus,
    read_transition,
    read_flash,
    read_deformation,
)


def read(tracks: Tracks) -> dict[str, Variable]:
    """Every measured field of the shot that `tracks` spans; an estimator with too little evidence abstains."""
    return {field: variable for reader in READERS for field, variable in reader(tracks).items()}
