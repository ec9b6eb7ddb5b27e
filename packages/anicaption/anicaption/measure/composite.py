"""vfx.composite from tracks: grain, paper, halftone, scan lines, colour fringes, vignette, negative, colour overlay.

What else a compositor may lay over a picture nobody measures, so "none" is said with less certainty than a value.
"""

from __future__ import annotations

import numpy as np

from anicaption.measure.surface import COLUMNS, TURN
from anicaption.record import Evidence, Span, Variable, abstain, measured
from anicaption.tracks import Tracks

NAME, VERSION = "composite", "1"
FIELD = "vfx.composite"
GRAIN, GRAIN_EVEN = 4.5, 0.65  # grey levels of the change between two frames; share of the usual block's
GRAIN_EVEN_PATTERN = 0.75  # of the latter where a pattern lies over the picture, which changes too when it moves
TOOTH, TOOTH_STILL = 3.9, 0.25  # grey levels of structure that stands still; share of it that may change
TOOTH_EVEN = 0.42  # share that the calmest blocks have of it: paper is everywhere, painted detail is not
DOTS, DOTS_TOOTH = 6.8, 10.0  # ln power of the second direction of a screen; grey levels
SCAN, SCAN_UPRIGHT = 2.2, 0.7  # ln power over any other direction; share of fine structure that is level lines
APART, MOST_APART = 0.012, 0.08  # of the height, between red and blue edges
CORNERS, BLACK_CORNERS = 0.68, 0.25  # brightness of the brightest corner over what lies inside it
TURNED = -0.7  # correlation of a frame with the one before
OVERLAY_STEP = 6.0  # distance in CIE C* and warmth of two looks three frames apart
OVERLAY_BACK = 0.5  # share of that distance by which the colours before and after may differ, and those inside
SAME_SHAPES = 0.9  # correlation of the luma from frame to frame where only colours change
LEAST_OVERLAY_FRAMES = 6
LEAST_NEGATIVE_FRAMES = 5  # fewer are an impact frame
LOOKED = ("vfx.impact_frame", "camera.transition")  # events whose frames say nothing of the surface


def clean_looks(tracks: Tracks, column: str) -> np.ndarray:
    """Frames that were looked at and show the picture itself; all that were looked at where there is no such."""
    looked = np.isfinite(tracks[column])
    clean = looked.copy()
    for event in tracks.events:
        if event.field in LOOKED:
            clean[event.start : event.end] = False
    return clean if clean.any() else looked


def numbers_of(tracks: Tracks, names: tuple[str, ...]) -> dict[str, float]:
    """The median of each column over the clean looks; a column without any is left out."""
    found = {}
    for name in names:
        looks = clean_looks(tracks, name)
        if looks.any():
            found[name] = float(np.median(tracks[name][looks]))
    return found


def negative_spans(tracks: Tracks) -> list[tuple[int, int]]:
    """Frames [start, end) between two turns of the tones; where one turn is alone, the side whose ink is light."""
    turn = np.nan_to_num(tracks[TURN].astype(float), nan=1.0)
    turn[:1] = 1.0
    turns = np.flatnonzero((turn < TURNED) & ~_shown_otherwise(tracks)).tolist()
    edges = [0, *turns, tracks.n_frames]
    if len(turns) == 2:
        sides = [(edges[1], edges[2])]
    elif len(turns) == 1:
        polarity = tracks["ink_polarity"].astype(float)
        parts = [(edges[0], edges[1]), (edges[1], edges[2])]
        light = [float(np.nanmean(x)) if np.isfinite(x := polarity[a:b]).any() else np.nan for a, b in parts]
        if not np.isfinite(light).all():
            return []
        sides = [parts[int(light[1] > light[0])]]
    else:
        return []
    return [(start, end) for start, end in sides if end - start >= LEAST_NEGATIVE_FRAMES]


def overlay_spans(tracks: Tracks) -> list[tuple[int, int]]:
    """Frames [start, end) in which all colours are others and every shape is the same, with an end to it. Pure."""
    looks = np.flatnonzero(np.isfinite(tracks["chroma"]) & ~_shown_otherwise(tracks))
    if len(looks) < 3:
        return []
    colour = np.stack([tracks["chroma"][looks], tracks["warmth"][looks]], 1).astype(float)
    same = np.nan_to_num(tracks[TURN].astype(float), nan=1.0)
    steps = [
        i
        for i in range(1, len(looks))
        if np.hypot(*(colour[i] - colour[i - 1])) >= OVERLAY_STEP
        and same[looks[i - 1] + 1 : looks[i] + 1].min() >= SAME_SHAPES
    ]
    if len(steps) != 2:
        return []
    first, last = steps
    inside = colour[first:last]
    back = np.hypot(*(np.median(colour[:first], 0) - np.median(colour[last:], 0)))
    apart = np.hypot(*(np.median(colour[:first], 0) - np.median(inside, 0)))
    steady = float(np.abs(inside - np.median(inside, 0)).max())
    start, end = int(looks[first]), int(looks[last])
    if end - start < LEAST_OVERLAY_FRAMES or max(back, steady) > OVERLAY_BACK * apart:
        return []
    return [(start, end)]


def _shown_otherwise(tracks: Tracks) -> np.ndarray:
    """Frames that an impact or a transition recolours."""
    covered = np.zeros(tracks.n_frames, bool)
    for event in tracks.events:
        if event.field in LOOKED:
            covered[max(0, event.start - 1) : event.end + 1] = True
    return covered


def surface_values(numbers: dict[str, float]) -> list[str]:
    """What the medians of a shot's looks say. Pure."""
    grain, tooth = numbers.get("grain", 0.0), numbers.get("tooth", 0.0)
    found = []
    halftone = numbers["dots"] >= DOTS and tooth >= DOTS_TOOTH
    scanned = not halftone and numbers["scan"] >= SCAN and numbers["upright"] >= SCAN_UPRIGHT
    if halftone:
        found.append("halftone")
    if scanned:
        found.append("scanline_crt")
    patterned = halftone or scanned
    if grain >= GRAIN and numbers.get("grain_even", 0.0) >= (GRAIN_EVEN_PATTERN if patterned else GRAIN_EVEN):
        found.append("film_grain")
    elif not patterned and tooth >= TOOTH and grain <= TOOTH_STILL * tooth and numbers["tooth_even"] >= TOOTH_EVEN:
        found.append("texture")
    if APART <= numbers.get("colour_apart", 0.0) <= MOST_APART:
        found.append("chromatic_shift")
    if BLACK_CORNERS <= numbers.get("corners", 1.0) <= CORNERS:
        found.append("vignette")
    return found


def read_composite(tracks: Tracks) -> dict[str, Variable]:
    """vfx.composite, as far as a surface shows it."""
    numbers = numbers_of(tracks, COLUMNS)
    if "dots" not in numbers:
        return {FIELD: abstain(FIELD, "no look at pixels of the source: too few frames, or fewer than 200 rows")}
    evidence = (Evidence(estimator=NAME, version=VERSION, start=0, end=tracks.n_frames, numbers=numbers),)
    found = surface_values(numbers)
    negative = negative_spans(tracks)
    overlaid = [] if negative else overlay_spans(tracks)
    found += ["negative"] if negative else ["color_overlay"] if overlaid else []
    if not found:
        return {FIELD: measured(FIELD, ["none"], {"none": 0.7}, evidence)}
    spans = [Span(value="negative", start=start, end=end) for start, end in negative]
    spans += [Span(value="color_overlay", start=start, end=end) for start, end in overlaid]
    return {FIELD: measured(FIELD, found, dict.fromkeys(found, 0.9), evidence, spans)}
