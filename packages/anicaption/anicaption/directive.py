"""A record as a director's instruction: `<tag>` / `<summary>` / `<description>`, in English or Japanese.

The tags feed the tag channel, the prose the text channel; the description goes subject, camera, motion, VFX,
environment. Only what is known is said. With a seed, each field is mentioned with probability 1/2 and worded by the
seed, so that a model learns to read prose that leaves things out. What a vision-language model told of the shot stands
between <vlm> marks in the written text: it was generated, not measured.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from anicaption import lexicon
from anicaption.lexicon import Language
from anicaption.phrasing import SUMMARY, Facts, Tags, description, sayable, summary
from anicaption.record import Record
from anicaption.taxonomy import UNKNOWN, taxonomy

# The exchangeable phrases of every value: the first is said by default, the others are what training swaps in.
WORDS: dict[str, tuple[str, ...]] = lexicon.words("en")

_NOTHING = {"en": "An anime shot.", "ja": "アニメのカット。"}
_MARKS = re.compile(r"</?vlm>")


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
        """What the text channel gets: never the tags, never the marks."""
        return _MARKS.sub("", f"{self.summary} {self.description}").strip()


def directive(record: Record, seed: int | None = None, language: Language = "en") -> Directive:
    """The directive of a record; with a `seed`, a prose variant (see `from_tags`).

    A narrative of the record is English and woven into English prose only.
    """
    rate = float(record.rate)
    spans = {
        name: tuple((span.value, span.start / rate, span.end / rate) for span in variable.spans)
        for name, variable in record.variables().items()
        if variable.known and variable.spans and taxonomy()[name].scope != "ends"
    }
    told = record.narrative
    narrative = {} if told is None or language != "en" else told.model_dump(exclude={"model"})
    return _said(Facts(record.tags(), spans, record.n_frames / rate), seed, language, narrative)


def from_tags(tags: Tags, seed: int | None = None, language: Language = "en") -> Directive:
    """The directive of known values, without times.

    `seed` drops each field from the prose with probability 1/2 and chooses the words. The tag line is always whole.
    """
    return _said(Facts(tags), seed, language, {})


def variants(record: Record, n: int, seed: int = 0, language: Language = "en") -> tuple[Directive, ...]:
    """`n` prose variants of a record to be stored beside its directive: each mentions a field with probability 1/2."""
    return tuple(directive(record, seed * 1_000_003 + i, language) for i in range(n))


def _said(facts: Facts, seed: int | None, language: Language, narrative: Mapping[str, str]) -> Directive:
    """`narrative` tells the summary, the subjects and the environment; each part is said with probability 1/2 too."""
    rng = None if seed is None else random.Random(seed)
    said = sayable(facts.tags)
    if rng is not None:
        said = {name: values for name, values in said.items() if rng.random() < 0.5}
    figures = facts.tags.get("camera.subject_count", (UNKNOWN,))[0]
    told = Facts(said, facts.spans, facts.duration_s, figures)
    short = summary(told, language, rng) or _NOTHING[language]
    if rng is not None:  # a short text that says everything twice is no way to talk
        again = {name: values for name, values in said.items() if name not in SUMMARY or rng.random() < 0.5}
        told = replace(told, tags=again)
    groups = description(told, language, rng)
    story = {
        part: f"<vlm>{' '.join(text.split())}</vlm>"
        for part, text in narrative.items()
        if text.strip() and (rng is None or rng.random() < 0.5)
    }
    order = [groups.get("subject"), story.get("subjects")]
    order += [text for name, text in groups.items() if name not in ("subject", "environment")]
    order += [groups.get("environment"), story.get("environment")]
    return Directive(
        tag_line(facts.tags),
        " ".join(filter(None, [short, story.get("summary")])),
        ("" if language == "ja" else " ").join(filter(None, order)),
    )


def tag_line(tags: Tags) -> str:
    """ "camera.move=pan_left+track_up,motion.timing=twos": what `Taxonomy.parse_tags` reads back."""
    return ",".join(f"{field.id}={'+'.join(tags[field.id])}" for field in taxonomy() if field.id in tags)


def prose(text: str) -> str:
    """The prose of a written directive: its summary and description without the `<tag>` line and without marks."""
    parts = dict(line.split("> ", 1) for line in text.splitlines() if line.startswith("<") and "> " in line)
    if "<summary" not in parts:
        raise ValueError(f"directive: no <summary> line in {text[:80]!r}; is this a <key>.txt of a shard?")
    return _MARKS.sub("", f"{parts['<summary']} {parts.get('<description', '')}").strip()
