"""What is drawn, as frozen data: an episode is shots, a shot is its production variables. No pixels here.

Lengths on the picture are in frame heights; times are frames of the shot, counted from its cut; spans are half-open.
Everything random comes from seeds that are part of the data, so a script says all there is to know about its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Rgb = tuple[int, int, int]
FrameSpan = tuple[int, int]

SHARED_JOINTS = ("dissolve", "wipe")  # transitions that show two shots at once
UNPAINTED = ("line_douga", "rough_genga")  # stages without paint: their colours are those of paper and pencil


@dataclass(frozen=True)
class Character:
    """A model sheet: shapes and colours of one character under neutral light."""

    hair: str  # short, bob, long, twin_tails, ponytail, spiky
    bangs: str  # straight, parted, swept, jagged
    hair_rgb: Rgb
    eye_rgb: Rgb
    skin_rgb: Rgb
    outfit: str  # sailor, blazer, jacket, hero, dress
    main_rgb: Rgb
    second_rgb: Rgb
    accent_rgb: Rgb
    legs: str  # skirt, trousers, shorts
    extra: str  # none, ribbon, scarf, glasses, hairpin, headband
    seed: int


@dataclass(frozen=True)
class Place:
    """A background: what it shows, in which light, and which planes it is painted on."""

    kind: str
    light: str  # a value of style.color_script
    layering: str  # a value of camera.layering: single_plane, parallax, book, multiplane_blur
    seed: int
    blur: bool = False
    horizon: float = 0.12
    nearness: float = 1.0
    art: str = "painted"  # a value of style.background_art
    # A value of motion.background_motion that the camera's moves do not already make: line_scroll, or drawn_3d, where
    # the frame rushes forward into a place that is drawn anew (so that camera.move is into_depth).
    motion: str = "none"
    exposure: int = 2  # frames per drawing of a background that is drawn anew (motion drawn_3d)


@dataclass(frozen=True)
class CameraWork:
    """`peak_pct` is the peak displacement in % of the frame width per frame (edge motion for zoom and roll)."""

    moves: tuple[str, ...] = ()
    peak_pct: float = 0.0
    easing: str = "none"
    shake: str = "none"
    shake_start: int = 0
    shake_seed: int = 0
    widest: float = 0.0  # ln of the magnification where a zoom shows most
    span: FrameSpan | None = None  # frames in which the frame moves; all of them by default
    tilt_deg: float = 0.0  # the frame stands turned clockwise on the artwork all through (dutch)


@dataclass(frozen=True)
class Acting:
    """What the figure does and how it is exposed. `exposure` is frames per drawing; 0 is one drawing held.

    `holds` says the frames of each drawing one by one (modulated timing) and is repeated to the shot's end; where it
    is given, it outranks `exposure`. With `parts` the body is one held drawing and only these parts move.
    """

    performance: str  # walk, run, wave, punch, jump, talk, idle, pose, back
    exposure: int
    size: str  # a value of camera.shot_size
    yaw: float = 0.4
    mirrored: bool = False
    emotion: str = "calm"
    start_phase: float = 0.0
    period_frames: int = 24
    at_x: float = 0.0
    travel: float = 0.0
    deformations: tuple[tuple[str, int, int], ...] = ()
    lead_frames: int = 0
    holds: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()  # values of motion.partial
    spacing: str = "even"  # a value of motion.spacing: how the drawings of the action lie on its course
    hit_stop: FrameSpan | None = None
    rocking: str = "none"  # a value of motion.rocking: the whole cel swings, drawings or no drawings
    slide: tuple[float, float] = (0.0, 0.0)  # the held cel is pulled, frame heights a frame
    degree: str = "strong"  # a value of motion.deformation_degree: how far `deformations` depart from the model


@dataclass(frozen=True)
class Role:
    """One more figure of a shot, behind the main one unless `in_front` (a shoulder in the foreground)."""

    character: Character
    acting: Acting
    in_front: bool = False


@dataclass(frozen=True)
class Look:
    """How the picture is made and finished, as values of the fields of these names; `border` letterboxes it."""

    line: str = "tapered_brush"
    shading: str = "two_tone"
    chroma: str = "moderate"
    key: str = "mid"
    temperature: str = "neutral"
    hues: str = "broad"
    stage: str = "final_composite"
    medium: str = "digital_2d"
    focus: str = "deep"
    border: tuple[float, float] = (0.0, 0.0)  # black at top and bottom (share of height), left and right (of width)
    seed: int = 0
    graded: bool = (
        False  # whether the picture is brought to chroma, key, temperature and hues; if not, they say nothing
    )


@dataclass(frozen=True)
class Effects:
    """Drawn effect lines, impact frames, text and light, each with its frames."""

    lines: tuple[tuple[str, int, int], ...] = ()
    impacts: tuple[tuple[str, int, int], ...] = ()
    text: tuple[tuple[str, str, int, int], ...] = ()  # (vfx.text value, words, start, end)
    light: tuple[str, ...] = ()
    composite: tuple[tuple[str, int, int], ...] = ()
    elements: tuple[tuple[str, int, int], ...] = ()
    manpu: tuple[tuple[str, int, int], ...] = ()
    lines_angle_deg: float = 0.0
    text_x: float = 0.01  # left edge of an onomatopoeia, share of the frame width
    seed: int = 0


@dataclass(frozen=True)
class Shot:
    """One cut. A transition is (kind, frames): fade_black, fade_white, dissolve, wipe, iris, whip; what it is called at
    the shot's first and last frames (fade_in_black, ...) is the truth's business. A dissolve's and a wipe's frames are
    shared half and half with the neighbour.
    """

    n_frames: int
    seed: int
    place: Place
    camera: CameraWork
    character: Character | None = None
    acting: Acting | None = None
    effects: Effects = field(default_factory=Effects)
    into: tuple[str, int] = ("none", 0)
    out: tuple[str, int] = ("none", 0)
    others: tuple[Role, ...] = ()
    look: Look = field(default_factory=Look)
    split: tuple[Shot, ...] = ()  # further pictures side by side with this one in one frame (split_screen)
    insert: str = ""  # the thing (props.PROPS) that a shot without figures shows close by

    @property
    def lead_in(self) -> int:
        """Frames filmed before the cut's first frame, for a dissolve or a wipe."""
        return self.into[1] // 2 if self.into[0] in SHARED_JOINTS else 0

    @property
    def lead_out(self) -> int:
        return self.out[1] - self.out[1] // 2 if self.out[0] in SHARED_JOINTS else 0

    @property
    def n_filmed(self) -> int:
        return self.lead_in + self.n_frames + self.lead_out


@dataclass(frozen=True)
class Episode:
    """Shots in order; `opening` is the half-open range of shots that all episodes of one call share."""

    name: str
    seed: int
    shots: tuple[Shot, ...]
    opening: tuple[int, int] = (0, 0)

    @property
    def n_frames(self) -> int:
        return sum(shot.n_frames for shot in self.shots)
