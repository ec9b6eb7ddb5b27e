"""What the second hand can draw: the values it may be said to have drawn. A field that is missing here is the script's.

Where a script asks for a value that is not listed, the hand either refuses (ValueError) or leaves it out, and the
truth of the shot says nothing of that field.
"""

from __future__ import annotations

from anicaption.drawn.second.brush import LINE_WIDTH, SHADINGS
from anicaption.drawn.second.elements import ELEMENTS
from anicaption.drawn.second.ground import ARTS
from anicaption.drawn.second.impacts import IMPACTS
from anicaption.drawn.second.lamps import KINDS
from anicaption.drawn.second.light import LIGHTS
from anicaption.drawn.second.lines import LINES
from anicaption.drawn.second.symbols import SYMBOLS
from anicaption.drawn.second.treat import EARLY, LATE
from anicaption.drawn.second.words import TEXTS

_ANY = ("none", "na")
DRAWS: dict[str, frozenset[str]] = {
    name: frozenset((*_ANY, *values))
    for name, values in {
        "style.medium": ("digital_2d", "analog_cel"),
        "style.production_stage": ("final_composite", "color_no_fx", "line_douga", "rough_genga"),
        "style.line": LINE_WIDTH,
        "style.shading": SHADINGS,
        "style.color_script": LIGHTS,
        "style.background_art": ARTS,
        "motion.deformation": (
            "smear_stretch", "smear_multiple", "smear_abstract", "squash", "stretch", "impact_distort", "chibi_shift",
            "gag_face", "forced_perspective", "morph", "rubber_limb", "line_breakup",
        ),
        "camera.shot_size": (
            "extreme_long", "long", "full", "knee", "waist", "bust", "close_up", "extreme_close",
        ),
        "camera.layering": ("single_plane", "parallax", "multiplane_blur", "book", "split_screen"),
        "camera.focus": ("deep", "bg_blur", "fg_blur", "rack", "full_defocus"),
        "vfx.lines": LINES,
        "vfx.impact_frame": IMPACTS,
        "vfx.light": KINDS,
        "vfx.element": ELEMENTS,
        "vfx.manpu": SYMBOLS,
        "vfx.text": TEXTS,
        "vfx.composite": (*EARLY, *LATE),
    }.items()
}  # fmt: skip
