"""Per-frame measurements of a shot or a whole source: what was scored, before anything is decided.

One column per quantity, one float per frame. Readers decide from columns alone, so the variables of any part of a shot
are the readers applied to that part of the tracks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

COLUMNS: dict[str, str] = {
    "camera_x": "camera displacement since the frame before, / frame width, + right",
    "camera_y": "camera displacement since the frame before, / frame height, + down",
    "camera_zoom": "ln of the scale ratio since the frame before, + closer",
    "camera_roll_deg": "turn of the frame over the artwork since the frame before, + clockwise",
    "camera_support": "share of the border cells that agree with the camera's motion, 0..1",
    "camera_content": "share of the border cells that show something to tell the camera's motion by, 0..1",
    "redraw": "residual against the frame before after the camera's motion, 0..1",
    "drawing_new": "1 new drawing, 0 the same drawing again, NaN cannot tell",
    "redraw_peak": "how far the two most changed blocks are from home, over their own usual, pixels of 144 rows",
    "redraw_inner": "as redraw, of the middle of the frame alone",
    "redraw_inner_peak": "as redraw_peak, of the middle of the frame alone",
    "redraw_area": "sum over all blocks of how far they are from home over their own usual, pixels of 144 rows",
    "redraw_floor": "what the camera's motion leaves of the background's blocks, pixels of 144 rows",
    "redraw_x": "middle of what changed, / frame width from the frame's middle, + right; NaN where nothing did",
    "redraw_y": "middle of what changed, / frame height from the frame's middle, + down",
    "redraw_reach": "spread of what changed around its middle, / frame height",
    "redraw_edge": "share of what changed that lies along the frame's border, 0..1",
    "repeat_frames": "how many frames ago the drawing looked most like this one; NaN unless something changed",
    "repeat_away": "what that earlier drawing leaves of this one, / what the drawing before leaves, 0..",
    "flow_pct": "mean length of flow over the foreground after the camera's motion, % of the frame height per frame",
    "nonrigid_pct": "mean length of what an affine fit leaves of that flow, % of the frame height per frame",
    "motion_pct": "95th percentile of foreground motion, % of the frame height per frame",
    "still_share": "share of the cells that stand still in the frame while the background moves, 0..1",
    "layer_held": "share of the inner blocks that stand still in the frame rather than go with the background, 0..1",
    "layer_slow": "share of the blocks that go the background's way more slowly, 0..1; NaN on most frames",
    "layer_fast": "share of the blocks that go the background's way faster, 0..1",
    "ground_with": "share of the lower border that takes part in the background's shift, 0..1",
    "figure_dx": "motion of the figure against the background since the frame before, / frame height, + right",
    "figure_dy": "motion of the figure against the background since the frame before, / frame height, + down",
    "figure_turn_deg": "turn of the figure against the background since the frame before, + clockwise",
    "figure_fit": "share of what moves against the background that moves as one piece, 0..1",
    "change": "mean |luma difference| to the frame before, 0..1",
    "jump": "what motion does not explain of the frame before, 0..1",
    "luma": "mean luma, 0..1",
    "flash_share": "share of the picture that is brighter by a flash's change since its valley, 0..1; darker: -1..0",
    "red_share": "share of the picture that turned to saturated red, 0..1; away from it: -1..0",
    "lines_parallel": "share of the new straight edges that run one way, 0..1; every third frame",
    "lines_radial": "share of the new straight edges that point at one spot, 0..1; every third frame",
    "lines_edges": "share of the picture that is new straight edges, 0..1; every third frame",
    "smear_area": "paint that only the drawing has that begins here and stands up to four frames, share of the picture",
    "smear_frames": "how many frames that drawing stands; 0 where none does so briefly",
    "smear_pieces": "in how many pieces that paint lies",
    "matte_top": "rows of black at the top, / frame height; every twelfth frame",
    "matte_bottom": "rows of black at the bottom, / frame height; every twelfth frame",
    "matte_left": "columns of black at the left, / frame width; every twelfth frame",
    "matte_right": "columns of black at the right, / frame width; every twelfth frame",
    "lightness": "mean CIE L* of every third frame, 0..100",
    "chroma": "mean CIE C* of every third frame",
    "warmth": "mean of CIE a*, b* along the hue of orange, of every third frame, + warm",
    "hue_share": "share of the chroma around two hues, of every third frame, 0..1; NaN where there is none",
    "tone_turn": "correlation of the luma with that of the frame before, -1..1",
    "grain": "change from frame to frame that is finer than 9 pixels, in calm blocks, grey levels; every twelfth frame",
    "grain_even": "that of the calm blocks over that of the usual block, 0..1; every twelfth frame",
    "tooth": "structure finer than 9 pixels in calm blocks, grey levels; every twelfth frame",
    "tooth_even": "that of the calmest blocks over that of the calm ones, 0..1; every twelfth frame",
    "dots": "ln power of the second direction of a periodic pattern over its surroundings; every twelfth frame",
    "scan": "ln power of level lines over any other direction of their period; every twelfth frame",
    "upright": "share of the fine structure that is level lines, 0..1; every twelfth frame",
    "colour_apart": "distance of red edges from blue ones, / frame height; every twelfth frame",
    "corners": "brightness of the brightest corner over what lies inside it; every twelfth frame",
    "ink_polarity": "thin light lines against thin dark ones, -1 all dark .. 1 all light; every twelfth frame",
    "paper": "share of the picture that is white paper, 0..1; every twelfth frame",
    "paint": "share of the picture that is coloured or of middle luma, 0..1; every twelfth frame",
    "pencil_red": "share of the picture that is red, 0..1; every twelfth frame",
    "stroke_uneven": "spread over mean of the width of strokes on paper; every twelfth frame",
    "sharp_middle": "steepest slope of a block over its steepest after a blur, inner blocks; every twelfth frame",
    "sharp_rim": "likewise, blocks at the top and the sides",
    "sharp_low": "likewise, the 15th percentile of all blocks",
    "sharp_high": "likewise, the 85th percentile of all blocks",
}

# A crop can be told from the numbers of the whole frame only here; everything else depends on which pixels are seen.
_GEOMETRY = {"camera_x", "camera_y", "camera_zoom", "camera_roll_deg"}

Crop = tuple[float, float, float, float]
WHOLE_FRAME: Crop = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Event:
    """`field` has `value` in the frames [start, end); `score` is the detector's certainty in 0..1."""

    field: str
    value: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Tracks:
    """Columns of float32 (T,), all of one length, NaN where not measured; events in frames of the same clock.

    Row 0 of a motion column speaks of the frame before the first one; readers of a shot ignore it.
    """

    rate: Fraction
    width_px: int
    height_px: int
    columns: dict[str, np.ndarray]
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if strange := set(lengths) - set(COLUMNS):
            raise ValueError(f"tracks: {sorted(strange)} are not in COLUMNS; say there what they measure, with units")
        if len(set(lengths.values())) > 1:
            raise ValueError(f"tracks: columns of different lengths: {lengths}")

    @property
    def n_frames(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self.columns:
            return self.columns[name]
        return np.full(self.n_frames, np.nan, np.float32)

    def window(self, start: int, end: int, crop: Crop | None = None) -> Tracks:
        """The tracks of frames [start, end) of this clip, seen through `crop` (x0, y0, x1, y1 in 0..1)."""
        if not 0 <= start < end <= self.n_frames:
            raise ValueError(f"tracks: window [{start}, {end}) is not inside the {self.n_frames} frames of the shot")
        columns = {name: column[start:end] for name, column in self.columns.items()}
        events = tuple(
            replace(event, start=max(event.start, start) - start, end=min(event.end, end) - start)
            for event in self.events
            if event.start < end and event.end > start
        )
        window = replace(self, columns=columns, events=events)
        return window if crop is None or crop == WHOLE_FRAME else window._cropped(crop)

    def _cropped(self, crop: Crop) -> Tracks:
        x0, y0, x1, y1 = crop
        if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
            raise ValueError(f"tracks: crop {crop} is not (x0, y0, x1, y1) inside 0..1")
        columns = {
            name: column if name in _GEOMETRY else np.full_like(column, np.nan) for name, column in self.columns.items()
        }
        # A zoom or roll about the frame's centre also shifts a crop whose centre lies elsewhere, by
        # (scale - 1) x offset for the zoom and by the turned offset for the roll (first order, per frame).
        away_x, away_y = (x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5
        aspect = self.width_px / self.height_px
        zoom = columns.get("camera_zoom", np.zeros(1, np.float32))
        roll_rad = np.radians(columns.get("camera_roll_deg", np.zeros(1, np.float32)))
        if "camera_x" in columns:
            shift = -zoom * away_x - roll_rad * away_y / aspect
            columns["camera_x"] = (columns["camera_x"] + shift) / np.float32(x1 - x0)
        if "camera_y" in columns:
            shift = -zoom * away_y + roll_rad * away_x * aspect
            columns["camera_y"] = (columns["camera_y"] + shift) / np.float32(y1 - y0)
        return replace(
            self,
            width_px=round(self.width_px * (x1 - x0)),
            height_px=round(self.height_px * (y1 - y0)),
            columns=columns,
            events=tuple(event for event in self.events if event.field in _WHOLE_FRAME_EVENTS),
        )

    def to_json(self) -> dict:
        """A JSON value; numbers keep five significant digits, NaN becomes null."""
        return {
            "rate": str(self.rate),
            "size_px": [self.width_px, self.height_px],
            "columns": {name: [_short(x) for x in column.tolist()] for name, column in self.columns.items()},
            "events": [[e.field, e.value, e.start, e.end, _short(e.score)] for e in self.events],
        }

    @classmethod
    def from_json(cls, value: dict) -> Tracks:
        columns = {
            name: np.array([math.nan if x is None else x for x in column], np.float32)
            for name, column in value["columns"].items()
        }
        events = tuple(Event(*event) for event in value["events"])
        width_px, height_px = value["size_px"]
        return cls(Fraction(value["rate"]), width_px, height_px, columns, events)


# Events that every part of the picture shows; others may lie outside a crop.
_WHOLE_FRAME_EVENTS = {"vfx.impact_frame", "camera.transition"}


def _short(x: float) -> float | None:
    return None if math.isnan(x) else float(f"{x:.5g}")
