"""The words of the prose: every value in English and Japanese, and the sentences in which they stand.

Read once from the packaged `lexicon.yaml`. `claims` reads prose back: which values its words name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal, get_args

import yaml

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class LexiconError(ValueError):
    """A value that has no words, or a language that the lexicon does not speak."""


@dataclass(frozen=True)
class Sentences:
    """How one field is said in one language: whole sentences, and pieces to hang on another field's sentence."""

    says: tuple[str, ...]
    hang: tuple[str, ...] = ()
    pair: tuple[str, ...] = ()  # for a value at the first frame and another at the last
    join: str = ""


@dataclass(frozen=True)
class Phrases:
    """The exchangeable phrases of one value in one language; `alone` are its own sentences where it stands alone."""

    phrases: tuple[str, ...]
    alone: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """All words of one field. `hosts` are the fields on whose sentence it may hang; the first that has one takes it."""

    field: str
    hosts: tuple[str, ...]
    none_said: bool
    sentences: Mapping[Language, Sentences]
    values: Mapping[str, Mapping[Language, Phrases]]


@lru_cache(maxsize=1)
def lexicon() -> dict[str, Entry]:
    """Every field's entry by its id."""
    document = yaml.load(
        resources.files("anicaption").joinpath("lexicon.yaml").read_text("utf-8"),
        Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),
    )
    return {field: _entry(field, entry) for field, entry in document.items()}


def _entry(field: str, entry: dict) -> Entry:
    sentences: dict[Language, Sentences] = {
        language: Sentences(
            says=tuple(entry[language]["says"]),
            hang=tuple(entry[language].get("hang", ())),
            pair=tuple(entry[language].get("pair", ())),
            join=entry[language].get("join", ""),
        )
        for language in LANGUAGES
    }
    values: dict[str, dict[Language, Phrases]] = {
        value: {
            language: Phrases(tuple(words[language]), tuple(words.get("alone", {}).get(language, ())))
            for language in LANGUAGES
        }
        for value, words in entry["values"].items()
    }
    return Entry(field, tuple(entry.get("host", ())), entry.get("none_said", False), sentences, values)


def phrases(field: str, value: str, language: Language = "en") -> tuple[str, ...]:
    """The phrases of one value; the first is said where no seed chooses."""
    if language not in LANGUAGES:
        raise LexiconError(f"lexicon: it speaks {' and '.join(LANGUAGES)}, not {language!r}")
    entry = lexicon().get(field)
    if entry is None or value not in entry.values:
        raise LexiconError(f"lexicon: {field}={value} has no words; give it `en` and `ja` phrases in lexicon.yaml")
    return entry.values[value][language].phrases


def words(language: Language = "en") -> dict[str, tuple[str, ...]]:
    """ "field=value" -> its exchangeable phrases, for every value."""
    return {
        f"{field}={value}": spoken[language].phrases
        for field, entry in lexicon().items()
        for value, spoken in entry.values.items()
    }


def claims(prose: str, language: Language = "en") -> frozenset[str]:
    """The "field=value" pairs that `prose` names by the lexicon's phrases, the longest phrase first at each place."""
    pattern, owners = _reader(language)
    return frozenset(owners[match[0].lower()] for match in pattern.finditer(prose))


@lru_cache(maxsize=2)
def _reader(language: Language) -> tuple[re.Pattern[str], dict[str, str]]:
    owners = {phrase.lower(): pair for pair, spoken in words(language).items() for phrase in spoken}
    alternatives = "|".join(re.escape(phrase) for phrase in sorted(owners, key=len, reverse=True))
    edges = (r"(?<!\w)", r"(?!\w)") if language == "en" else ("", "")
    return re.compile(f"{edges[0]}(?:{alternatives}){edges[1]}", re.IGNORECASE), owners
