"""Tags of public tag sites as weak labels of our fields: what they say, what they leave open, what they do not say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import yaml

from anicaption.taxonomy import Taxonomy, TaxonomyError, taxonomy


@dataclass(frozen=True)
class Meaning:
    """One tag: values that hold ("field=value"), of which one holds, fields that are not `none`, or why not."""

    says: tuple[str, ...] = ()
    some_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    silent: str = ""
    posts: int | None = None


@dataclass
class Weak:
    """What a post's tags say together. `unread` are tags that the table does not know."""

    says: dict[str, set[str]] = field(default_factory=dict)
    some_of: list[tuple[str, ...]] = field(default_factory=list)
    any_of: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)


@cache
def table(site: str) -> dict[str, Meaning]:
    """The meanings of a site's tags. Raises TaxonomyError for a site or a value that is not there."""
    document = yaml.safe_load(resources.files("anicaption").joinpath("weak_labels.yaml").read_text("utf-8"))
    if site not in document:
        raise TaxonomyError(f"weak labels: '{site}' is not one of {', '.join(document)}")
    meanings = {}
    for tag, entry in document[site].items():
        listed = {name: tuple(entry.get(name, ())) for name in ("says", "some_of", "any_of")}
        meaning = Meaning(**listed, silent=entry.get("silent", ""), posts=entry.get("posts"))
        _check(taxonomy(), f"weak labels: {site} {tag}", meaning)
        meanings[str(tag)] = meaning
    return meanings


def weak_labels(tags: Iterable[str], site: str) -> Weak:
    """What `tags` of `site` ("sakugabooru" or "danbooru") say.

    Two values of a single field are both kept: they contradict each other or speak of two shots, and the reader of weak
    labels has to know.
    """
    known, weak = table(site), Weak()
    for tag in tags:
        meaning = known.get(tag.strip().lower().replace(" ", "_"))
        if meaning is None:
            weak.unread.append(tag)
            continue
        for pair in meaning.says:
            field_id, _, value = pair.partition("=")
            weak.says.setdefault(field_id, set()).add(value)
        if meaning.some_of:
            weak.some_of.append(meaning.some_of)
        weak.any_of.update(meaning.any_of)
    return weak


def _check(source: Taxonomy, place: str, meaning: Meaning) -> None:
    if bool(meaning.silent) == bool(meaning.says or meaning.some_of or meaning.any_of):
        raise TaxonomyError(f"{place}: either says something of a field or is silent for a reason")
    for pair in (*meaning.says, *meaning.some_of):
        field_id, _, value = pair.partition("=")
        if value not in source[field_id].value_ids:
            raise TaxonomyError(f"{place}: {pair} is not a value in use")
    for field_id in meaning.any_of:
        if "none" not in source[field_id].value_ids:
            raise TaxonomyError(f"{place}: {field_id} has no `none` to exclude")
