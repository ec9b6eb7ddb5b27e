"""Every word the room's pages say, in English and Japanese, in one table; names of the taxonomy come from there.

A key that begins with `js.` is also sent to the browser. Names of dimensions, kinds, verdicts and cues stand in
dimensions.py, those of fields and values in the taxonomy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Field, TaxonomyError, taxonomy

from animatrix_reward.dimensions import BY_ID, Dimension, Word
from animatrix_reward.room.words_table import WORDS

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_PLACE = {"en": 0, "ja": 1}


@dataclass(frozen=True)
class Tag:
    """One production variable as the floor says it, with what it means."""

    field: str
    values: str
    about: str


def of(language: Language) -> Callable[[str], str]:
    """The words of one language: `t("nav.home")`. Raises KeyError for a key that is not in the table."""
    place = _PLACE[language]
    return lambda key: WORDS[key][place]


def for_browser(language: Language) -> dict[str, str]:
    """What scripts say."""
    say = of(language)
    return {key.removeprefix("js."): say(key) for key in WORDS if key.startswith("js.")}


def chosen(cookie: str | None, accepts: str) -> Language:
    """The language of a page: what was chosen, else the first of a browser's that the room speaks, else English."""
    for language in LANGUAGES:
        if cookie == language:
            return language
    for part in accepts.lower().split(","):
        for language in LANGUAGES:
            if part.strip().startswith(language):
                return language
    return "en"


def name(word: Word | Dimension, language: Language) -> str:
    """The name of a kind, verdict, cue or dimension."""
    return word.name_ja if language == "ja" else word.name_en


def dimension_name(dimension_id: str, language: Language) -> str:
    """The name of a dimension by its id; `overall` is one too."""
    if dimension_id == "overall":
        return of(language)("compare.overall")
    return name(BY_ID[dimension_id], language)


def agreement_name(what: str, dimension_id: str, language: Language) -> str:
    """What a line of the agreement table is about: a kind of task and what was said in it."""
    kind = of(language)(f"nav.{what}") if f"nav.{what}" in WORDS else what.replace("_", " ")
    known = dimension_id == "overall" or dimension_id in BY_ID
    return f"{kind}: {dimension_name(dimension_id, language) if known else dimension_id.replace('_', ' ')}"


def anchors(dimension_id: str, language: Language) -> tuple[str, ...]:
    """What each score from 1 to 5 means; nothing for `overall`."""
    if dimension_id not in BY_ID:
        return ()
    dimension = BY_ID[dimension_id]
    return dimension.anchors_ja if language == "ja" else dimension.anchors_en


def field_name(field: Field, language: Language) -> str:
    """The name of a production variable."""
    return field.ja if language == "ja" else field.name.replace("_", " ")


def value_name(field: Field, value: str, language: Language) -> str:
    """The name of a value; one that the taxonomy does not know is shown as it is written."""
    if value in (UNKNOWN, NOT_APPLICABLE):
        return of(language)(f"value.{value}")
    try:
        found = field.value(value)
    except TaxonomyError:
        return value
    return found.ja if language == "ja" else found.id.replace("_", " ")


def spoken(tags: Mapping[str, list[str]], language: Language) -> list[Tag]:
    """Tags as chips, in the taxonomy's order; what it does not know stands at the end as it is written."""
    known = {field.id: field for field in taxonomy().all_fields}
    order = [field for field in known if field in tags] + [field for field in tags if field not in known]
    said = []
    for field_id in order:
        field, values = known.get(field_id), tags[field_id]
        if field is None:
            said.append(Tag(field_id, ", ".join(map(str, values)), ""))
            continue
        join = "・" if language == "ja" else ", "
        other: Language = "en" if language == "ja" else "ja"
        about = "; ".join(f"{field_name(field, other)}: {value_name(field, value, other)}" for value in values)
        names = join.join(value_name(field, value, language) for value in values)
        said.append(Tag(field_name(field, language), names, about))
    return said
