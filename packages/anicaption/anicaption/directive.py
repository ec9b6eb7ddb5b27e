"""A record as a director's instruction: `<tag>` / `<summary>` / `<description>`.

The tags feed the tag channel, the prose the text channel; the description goes subject, camera, motion, VFX,
environment. Only what is known is said. With a seed, each field is mentioned with probability 1/2, so that a model
learns to read prose that leaves things out.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from anicaption.record import Record
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, taxonomy

Tags = Mapping[str, tuple[str, ...]]

# How a field is said. {values} are the values' definitions, shortened to their first clause; a field that is not
# listed is said as "<name>: <definitions>". `none` is said only where a rule stands here for it.
_SAID = {
    "camera.move": "the camera makes {values}",
    "camera.speed": "at a pace that is {values}",
    "camera.easing": "the move is {values}",
    "camera.shake": "the frame shakes: {values}",
    "camera.shot_size": "framed {values}",
    "camera.subject_count": "{values} on screen",
    "camera.transition": "joined by {values}",
    "motion.timing": "animated {values}",
    "motion.intensity": "movement is {values}",
    "motion.performance": "the figure's acting: {values}",
    "motion.deformation": "drawn with {values}",
    "style.palette": "colours are {values}",
    "vfx.lines": "with {values}",
    "vfx.impact_frame": "accented by {values}",
    "vfx.text": "text on screen: {values}",
}
_NONE = {"camera.move": "the camera is fixed", "camera.subject_count": "nobody on screen"}

# Words for values whose ids do not read as prose. The first is said here; the others are what training swaps in.
WORDS: dict[str, tuple[str, ...]] = {
    "camera.move=pan_left": ("a pan to the left", "a leftward pan", "a slide to the left"),
    "camera.move=pan_right": ("a pan to the right", "a rightward pan", "a slide to the right"),
    "camera.move=pan_up": ("a pan up", "an upward pan", "a tilt-like slide up"),
    "camera.move=pan_down": ("a pan down", "a downward pan", "a tilt-like slide down"),
    "camera.move=track_up": ("a track-up", "a push in", "a move closer"),
    "camera.move=track_back": ("a track-back", "a pull out", "a move away"),
    "camera.move=roll_cw": ("a clockwise roll", "a turn of the frame clockwise"),
    "camera.move=roll_ccw": ("a counter-clockwise roll", "a turn of the frame counter-clockwise"),
    "motion.timing=ones": ("on ones", "with a new drawing every frame"),
    "motion.timing=twos": ("on twos", "with a new drawing every second frame"),
    "motion.timing=threes": ("on threes", "with a new drawing every third frame"),
    "motion.timing=fours_plus": ("on fours or more", "with long exposures"),
    "motion.timing=modulated": ("with changing timing", "in modulated timing"),
    "motion.timing=held": ("as a held drawing", "as one still drawing"),
    "vfx.lines=speed": ("speed lines", "parallel streaks"),
    "vfx.lines=focus": ("focus lines", "radial lines"),
    "vfx.impact_frame=mono": ("a black-and-white impact frame", "a monochrome impact flash"),
    "vfx.impact_frame=inverted": ("an inverted impact frame", "a negative flash"),
    "vfx.impact_frame=white_flash": ("a white flash", "a white frame"),
    "vfx.impact_frame=black_flash": ("a black flash", "a black frame"),
    "camera.transition=fade_black": ("a fade from or to black", "a black fade"),
    "camera.transition=fade_white": ("a fade from or to white", "a white fade"),
    "camera.transition=dissolve": ("an overlap with its neighbour", "a dissolve"),
    "camera.subject_count=solo": ("one figure", "a single character"),
    "camera.subject_count=two": ("two figures", "a pair of characters"),
}

_DESCRIPTION_ORDER = (
    ("camera.subject_count", "style.proportion", "motion.performance", "motion.emotion"),
    ("camera.shot_size", "camera.viewpoint", "camera.angle", "camera.move", "camera.speed", "camera.easing",
     "camera.shake", "camera.layering", "camera.focus", "camera.transition"),
    ("motion.timing", "motion.economy", "motion.partial", "motion.intensity", "motion.spacing", "motion.deformation",
     "motion.deformation_degree", "motion.school", "motion.background_motion", "motion.accent"),
    ("vfx.lines", "vfx.impact_frame", "vfx.light", "vfx.element", "vfx.manpu", "vfx.text", "vfx.composite"),
    ("style.background_art", "style.color_script", "style.palette", "style.medium", "style.tradition",
     "style.era_look", "style.line", "style.shading", "style.production_stage"),
)  # fmt: skip
_SUMMARY_FIELDS = ("camera.subject_count", "motion.performance", "camera.move", "motion.timing", "vfx.impact_frame")


@dataclass(frozen=True)
class Directive:
    tag: str
    summary: str
    description: str

    @property
    def text(self) -> str:
        """The whole directive, as written to `<key>.txt`."""
        return f"<tag> {self.tag}\n<summary> {self.summary}\n<description> {self.description}\n"

    @property
    def prose(self) -> str:
        """What the text channel gets: never the tags."""
        return f"{self.summary} {self.description}".strip()


def directive(record: Record, seed: int | None = None) -> Directive:
    """The directive of a record; with a `seed`, a prose variant (see `from_tags`)."""
    return from_tags(record.tags(), seed)


def from_tags(tags: Tags, seed: int | None = None) -> Directive:
    """The directive of known values.

    `seed` drops each field from the prose with probability 1/2. The tag line is always whole.
    """
    rng = random.Random(seed)
    said = {name: values for name, values in tags.items() if values not in ((NOT_APPLICABLE,), (UNKNOWN,))}
    if seed is not None:
        said = {name: values for name, values in said.items() if rng.random() < 0.5}
    clauses = {name: _clause(name, values) for name, values in said.items()}
    summary = _sentence([clauses.get(name, "") for name in _SUMMARY_FIELDS])
    groups = ([clauses.get(name, "") for name in names] for names in _DESCRIPTION_ORDER)
    description = " ".join(filter(None, map(_sentence, groups)))
    return Directive(tag_line(tags), summary or "An anime shot.", description)


def tag_line(tags: Tags) -> str:
    """ "camera.move=pan_left+track_up,motion.timing=twos": what `Taxonomy.parse_tags` reads back."""
    return ",".join(f"{field.id}={'+'.join(tags[field.id])}" for field in taxonomy() if field.id in tags)


def prose(text: str) -> str:
    """The prose of a written directive: its summary and description without the `<tag>` line."""
    parts = dict(line.split("> ", 1) for line in text.splitlines() if line.startswith("<") and "> " in line)
    if "<summary" not in parts:
        raise ValueError(f"directive: no <summary> line in {text[:80]!r}; is this a <key>.txt of a shard?")
    return f"{parts['<summary']} {parts.get('<description', '')}".strip()


def _clause(field_id: str, values: tuple[str, ...]) -> str:
    if values == ("none",):
        return _NONE.get(field_id, "")
    words = []
    for value_id in values:
        words.append(WORDS.get(f"{field_id}={value_id}", (_plain(field_id, value_id),))[0])
    joined = " and ".join(words)
    rule = _SAID.get(field_id)
    return rule.format(values=joined) if rule else f"{field_id.partition('.')[2].replace('_', ' ')}: {joined}"


def _plain(field_id: str, value_id: str) -> str:
    """A value's definition up to its first comma or colon, where that is words; else the id."""
    definition = taxonomy()[field_id].value(value_id).definition
    head = definition.split(":")[0].split(",")[0].strip()
    return head if head and head[0].isalpha() else value_id.replace("_", " ")


def _sentence(clauses: list[str]) -> str:
    text = ", ".join(filter(None, clauses))
    return f"{text[0].upper()}{text[1:]}." if text else ""
