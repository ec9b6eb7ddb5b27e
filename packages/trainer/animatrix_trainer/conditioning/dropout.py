"""How much of its condition a sample may see in training: a pure function of a random generator."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from anicaption.directive import WORDS

from animatrix_trainer.conditioning.tags import TagSet, TagSpan
from animatrix_trainer.config import Dropout

HYBRID, TAGS_ONLY, TEXT_ONLY, NEITHER = range(4)


@dataclass(frozen=True)
class Condition:
    """What the model is told: tags (None: nothing), text (empty: nothing), and when tags hold where that is said."""

    tags: TagSet | None
    text: str
    spans: tuple[TagSpan, ...] = ()


def thin(condition: Condition, settings: Dropout, rng: np.random.Generator) -> Condition:
    """The condition that one sample trains with."""
    mode = int(np.searchsorted(np.cumsum(settings.modes), rng.random(), side="right").clip(0, 3))
    kept_tags = {
        name: values for name, values in sorted((condition.tags or {}).items()) if rng.random() >= settings.tag
    }
    conflict = rng.random() < settings.conflict
    text = swap_words(condition.text, settings.synonym, rng)
    if mode == HYBRID and conflict:
        text = contradict(text, rng)
    timed = rng.random() >= settings.times
    spans = tuple(span for span in condition.spans if timed and span.value in kept_tags.get(span.field, ()))
    return Condition(
        kept_tags if mode in (HYBRID, TAGS_ONLY) else None,
        text if mode in (HYBRID, TEXT_ONLY) else "",
        spans if mode in (HYBRID, TAGS_ONLY) else (),
    )


def swap_words(text: str, share: float, rng: np.random.Generator) -> str:
    """`text` with each phrase that has other spellings said in one of them with probability `share`."""
    for spellings in WORDS.values():
        for phrase in spellings:
            if len(spellings) > 1 and _says(text, phrase):
                others = [other for other in spellings if other != phrase]
                chance, choice = rng.random(2)
                if chance < share:
                    text = _replace(text, phrase, others[int(choice * len(others))])
                break
    return text


def contradict(text: str, rng: np.random.Generator) -> str:
    """`text` with each phrase for a value replaced by one for another value of the same field: the true tags must
    win over it. Prose that names no value of the taxonomy in known words stays as it is."""
    fields: dict[str, list[str]] = {}
    for pair in WORDS:
        fields.setdefault(pair.partition("=")[0], []).append(pair)
    replacements = []
    for pairs in fields.values():
        for pair in pairs:
            for phrase in WORDS[pair]:
                others = [other for other in pairs if other != pair]
                if others and _says(text, phrase):
                    replacements.append((phrase, WORDS[others[int(rng.integers(len(others)))]][0]))
    if not replacements:
        return text
    said = dict(sorted(replacements, key=lambda pair: -len(pair[0])))
    pattern = "|".join(rf"\b{re.escape(phrase)}\b" for phrase in said)
    return re.sub(pattern, lambda match: _like(match[0], said[match[0].lower()]), text, flags=re.IGNORECASE)


def _says(text: str, phrase: str) -> bool:
    return phrase in text.lower() and re.search(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE) is not None


def _replace(text: str, phrase: str, other: str) -> str:
    return re.sub(rf"\b{re.escape(phrase)}\b", lambda m: _like(m[0], other), text, flags=re.IGNORECASE)


def _like(word: str, replacement: str) -> str:
    return replacement[:1].upper() + replacement[1:] if word[:1].isupper() else replacement
