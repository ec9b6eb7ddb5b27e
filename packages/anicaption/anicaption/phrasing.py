"""Known values as fluent sentences, English and Japanese, in the order subject, camera, motion, VFX, environment.

A field is said in one of its lexicon sentences, or hung on the sentence of the field it belongs to ("a pan to the left
at a slow pace"). Values whose frames are known are said with their times. Without a generator every choice is the
first one, so that the same values always give the same text.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anicaption.lexicon import Language, Sentences, lexicon, phrases
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN

Tags = Mapping[str, tuple[str, ...]]
TimeSpan = tuple[str, float, float]  # value, start and end in seconds from the shot's first frame

GROUPS: dict[str, tuple[str, ...]] = {
    "subject": ("camera.subject_count", "style.proportion", "motion.performance", "motion.emotion"),
    "camera": (
        "camera.shot_size", "camera.viewpoint", "camera.angle", "camera.tilt", "camera.move", "camera.speed",
        "camera.easing", "camera.shake", "camera.layering", "camera.focus", "camera.matte", "camera.transition",
    ),
    "motion": (
        "motion.timing", "motion.spacing", "motion.economy", "motion.partial", "motion.intensity", "motion.rocking",
        "motion.accent", "motion.deformation", "motion.deformation_degree", "motion.school",
        "motion.background_motion",
    ),
    "vfx": (
        "vfx.lines", "vfx.impact_frame", "vfx.element", "vfx.light", "vfx.manpu", "vfx.text", "vfx.composite",
    ),
    "environment": (
        "style.background_art", "style.color_script", "style.chroma", "style.temperature", "style.key",
        "style.hues", "style.line", "style.shading", "style.medium", "style.tradition",
        "style.era_look", "style.production_stage", "content.rating", "content.flashing",
    ),
}  # fmt: skip
SUMMARY = ("camera.subject_count", "motion.performance", "camera.move", "camera.speed", "motion.timing",
           "vfx.impact_frame")  # fmt: skip
_UNTIMED = {"camera.transition", "camera.shot_size"}  # their words already say when
_MOMENT_S = 0.35  # shorter spans happen "at" a time
_MOST_HUNG = 3
# A sentence that goes on about the same thing does not name it again.
_SUBJECTS = tuple(
    f"the {noun} "
    for noun in ("main figure", "figures", "figure", "camera", "move", "frame", "shot", "picture", "image", "lens",
                 "drawing", "drawings", "animation", "action", "cel", "cels", "colours", "scene", "compositing")
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What may be said: values per field, and where known the seconds in which a value holds."""

    tags: Tags
    spans: Mapping[str, Sequence[TimeSpan]] = field(default_factory=dict)
    duration_s: float = 0.0
    figures: str = UNKNOWN  # the number of figures, for agreement, also where it is not said


def sayable(tags: Tags) -> dict[str, tuple[str, ...]]:
    """The values that prose mentions: what is unknown or does not apply is not said, `none` only where it tells."""
    return {
        name: values
        for name, values in tags.items()
        if values not in ((UNKNOWN,), (NOT_APPLICABLE,)) and (values != ("none",) or lexicon()[name].none_said)
    }


def summary(facts: Facts, language: Language, rng: random.Random | None) -> str:
    """One or two sentences of what matters most; empty where none of it is known."""
    names = [name for name in SUMMARY if name in facts.tags]
    if "camera.move" not in names and "camera.speed" in names:
        names.remove("camera.speed")  # the pace of a move that is not said says nothing
    who = [name for name in names if name in GROUPS["subject"]]
    rest = [name for name in names if name not in who]
    texts = [_text(_clauses(facts, part, language, rng, 0), language, rng) for part in (who, rest)]
    return ("" if language == "ja" else " ").join(filter(None, texts))


def description(facts: Facts, language: Language, rng: random.Random | None) -> dict[str, str]:
    """Group -> its sentences, in order; groups of which nothing is known are left out."""
    said = {}
    for group, names in GROUPS.items():
        clauses = _clauses(facts, [name for name in names if name in facts.tags], language, rng, 1)
        if clauses:
            said[group] = _text(clauses, language, rng)
    return said


def _clauses(
    facts: Facts, names: Sequence[str], language: Language, rng: random.Random | None, choice: int
) -> list[str]:
    """One clause per field or family of fields; without a generator the `choice`-th wording is taken."""
    pick = _Pick(rng, choice)
    hung: dict[str, list[str]] = {}
    own: dict[str, str] = {}
    for name in names:
        host = next((host for host in lexicon()[name].hosts if host in own), None)
        pieces = lexicon()[name].sentences[language].hang
        if host and pieces and len(hung[host]) < _MOST_HUNG and (language == "en" or "{mods}" in own[host]):
            hung[host].append(pick.of(pieces).format(values=_values(facts, name, language, pick)))
        else:
            own[name] = _sentence(facts, name, language, pick)
            hung[name] = []
    return [_hang(name, sentence, hung[name], language) for name, sentence in own.items()]


def _hang(name: str, sentence: str, mods: Sequence[str], language: Language) -> str:
    if language == "ja":
        return sentence.replace("{mods}", "".join(mods))
    if name == "camera.subject_count":  # each says another thing of the figure: they do not lean on one another
        return " ".join(filter(None, [sentence, ", ".join(mods)]))
    return sentence + "".join(mod if mod.startswith(",") else f" {mod}" for mod in mods)


def _sentence(facts: Facts, name: str, language: Language, pick: _Pick) -> str:
    entry, values = lexicon()[name], facts.tags[name]
    sentences: Sentences = entry.sentences[language]
    slots = _agreement(facts.figures, language) | {"mods": "{mods}"}
    if len(values) == 2 and sentences.pair:
        which = pick.wording(2)
        first, last = (_nth(phrases(name, value, language), which) for value in values)
        return pick.of(sentences.pair).format(first=first, last=last, **slots)
    alone = entry.values[values[0]][language].alone if len(values) == 1 and values[0] in entry.values else ()
    return pick.of(alone or sentences.says).format(values=_values(facts, name, language, pick), **slots)


def _values(facts: Facts, name: str, language: Language, pick: _Pick) -> str:
    """The phrases of a field's values, each with its times where they are known."""
    values = facts.tags[name]
    if name == "camera.transition":  # how it comes in is said before how it goes out
        values = tuple(sorted(values, key=lambda value: "_out" in value))
    spoken = [phrases(name, value, language) for value in values]
    which = pick.wording(max(map(len, spoken)))
    spans = () if name in _UNTIMED or not pick.says_times else facts.spans.get(name, ())
    times = [_when([(a, b) for v, a, b in spans if v == value], facts.duration_s, language) for value in values]
    told = [_nth(options, which) for options in spoken]
    shared = times[0] if len(set(times)) == 1 else ""  # said once for all of them
    if not shared:
        told = [
            f"{when}{phrase}" if language == "ja" else f"{phrase} {when}".rstrip() for phrase, when in zip(told, times)
        ]
    if language == "ja":
        return shared + (lexicon()[name].sentences["ja"].join or "、").join(told)
    return f"{_and(told)} {shared}".rstrip()


def _when(spans: Sequence[tuple[float, float]], duration_s: float, language: Language) -> str:
    """When a value holds, in words; nothing where it holds all through or where nobody knows."""
    if not spans or sum(b - a for a, b in spans) >= 0.95 * duration_s:
        return ""
    if len(spans) > 3:
        first, last = spans[0][0], spans[-1][1]
        if language == "ja":
            return f"{first:.1f}秒目から{last:.1f}秒目の間に{len(spans)}回の"
        return f"{len(spans)} times between {first:.1f} s and {last:.1f} s"
    if all(b - a <= _MOMENT_S for a, b in spans):
        return _moment([a for a, _ in spans], language)
    parts = [_part(a, b, duration_s, language) for a, b in spans]
    return "、".join(parts) if language == "ja" else _and(parts)


def _moment(times_s: Sequence[float], language: Language) -> str:
    if language == "ja":
        return f"{'と'.join('頭' if time < 0.05 else f'{time:.1f}秒目' for time in times_s)}に"
    return f"at {_and(['the very start' if time < 0.05 else f'{time:.1f} s' for time in times_s])}"


def _part(start_s: float, end_s: float, duration_s: float, language: Language) -> str:
    ja = language == "ja"
    if end_s - start_s <= _MOMENT_S:
        return _moment([start_s], language)
    if start_s < 0.05:
        return f"{end_s:.1f}秒目まで" if ja else f"until {end_s:.1f} s"
    if end_s > duration_s - 0.05:
        return f"{start_s:.1f}秒目から" if ja else f"from {start_s:.1f} s on"
    if ja:
        return f"{start_s:.1f}秒目から{end_s:.1f}秒目まで"
    return f"from {start_s:.1f} s to {end_s:.1f} s"


def _agreement(count: str, language: Language) -> dict[str, str]:
    many = count in ("two", "group", "crowd")
    if language == "ja":
        return {"figure": "人物たち" if many else "人物"}
    figure = "the figures" if many else "the figure" if count == "solo" else "the main figure"
    verbs = ("are", "have", "move") if many else ("is", "has", "moves")
    return {"figure": figure} | dict(zip(("is", "has", "moves"), verbs, strict=True))


def _text(clauses: Sequence[str], language: Language, rng: random.Random | None) -> str:
    """Clauses as sentences; two short neighbours may share one."""
    sentences: list[str] = []
    shared = False
    for clause in clauses:
        short = bool(sentences) and not shared and len(sentences[-1]) + len(clause) < (36 if language == "ja" else 90)
        if short and (rng is None or rng.random() < 0.5):
            sentences[-1] = _joined(sentences[-1], clause, language)
            shared = True
        else:
            sentences.append(clause)
            shared = False
    if language == "ja":
        return "".join(f"{sentence}。" for sentence in sentences)
    return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)


def _joined(first: str, second: str, language: Language) -> str:
    if language == "en":
        subject = next((s for s in _SUBJECTS if first.startswith(s) and second.startswith(s)), "")
        return f"{first} and {second.removeprefix(subject)}" if subject else f"{first}, and {second}"
    if first.endswith("る"):  # 入る -> 入り: the conjunctive form
        stem = {"出る": "出", "ある": "あり", "付ける": "付け", "かける": "かけ"}
        for verb, conjunctive in stem.items():
            if first.endswith(verb):
                return f"{first.removesuffix(verb)}{conjunctive}、{second}"
        return f"{first[:-1]}り、{second}"
    for verb, conjunctive in {"む": "み", "す": "し", "う": "い", "く": "き"}.items():
        if first.endswith(verb):
            return f"{first[:-1]}{conjunctive}、{second}"
    return f"{first}、{second}" if first.endswith(("へ", "に")) else f"{first}で、{second}"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _nth(options: Sequence[str], which: int) -> str:
    return options[min(which, len(options) - 1)]


class _Pick:
    """The choices of one telling: by the generator, or always the same wording without one."""

    def __init__(self, rng: random.Random | None, choice: int) -> None:
        self._rng, self._choice = rng, choice
        self.says_times = rng is None or rng.random() < 0.75

    def of(self, options: Sequence[str]) -> str:
        return options[self.wording(len(options))]

    def wording(self, n: int) -> int:
        """Which of n wordings; the same one for all values of a field, so that they stay parallel."""
        return min(self._choice, n - 1) if self._rng is None else self._rng.randrange(n)
