"""The Production Knowledge System as data: fields, values, stable numbers, version and hash.

Read once from the packaged `taxonomy.yaml`. Nothing here needs numpy, OpenCV or torch, so that every part of the
system, the annotation screen and the tag encoder alike, can afford to import it.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

UNKNOWN = "unknown"
NOT_APPLICABLE = "na"
RESERVED = (UNKNOWN, NOT_APPLICABLE)


class TaxonomyError(ValueError):
    """A field or value that the taxonomy does not have, or a set of values that a field cannot hold."""


@dataclass(frozen=True)
class Value:
    """One value of one field. `number` is stable for ever; `src` says how pixels can give it (C, H, L or X)."""

    id: str
    number: int
    ja: str
    definition: str
    src: str


@dataclass(frozen=True)
class Field:
    """One production variable, such as `camera.move`."""

    id: str
    number: int
    ja: str
    cardinality: str
    max_values: int
    scope: str
    definition: str
    values: tuple[Value, ...]

    @property
    def axis(self) -> str:
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        return self.id.partition(".")[2]

    @property
    def value_ids(self) -> tuple[str, ...]:
        return tuple(value.id for value in self.values)

    def value(self, value_id: str) -> Value:
        for value in self.values:
            if value.id == value_id:
                return value
        raise TaxonomyError(
            f"{self.id}: '{value_id}' is not a value of taxonomy {taxonomy().version}"
            f"{_suggestion(value_id, self.value_ids)}"
        )

    def check(self, values: Iterable[str]) -> tuple[str, ...]:
        """Return `values` in the taxonomy's order, or raise TaxonomyError.

        Legal are: one reserved value alone; one value; for a multi field up to `max_values`, `none` only alone;
        for a field of scope `ends` a pair (first frame, last frame), kept in that order.
        """
        given = tuple(values)
        if not given:
            raise TaxonomyError(f"{self.id}: no value given; say '{UNKNOWN}' where nothing is known")
        if len(given) == 1 and given[0] in RESERVED:
            return given
        for value_id in given:
            if value_id in RESERVED:
                raise TaxonomyError(f"{self.id}: '{value_id}' stands alone, but was given with {given}")
            self.value(value_id)
        if self.scope == "ends":
            if len(given) > 2:
                raise TaxonomyError(f"{self.id}: holds one value or a pair (first, last), but was given {given}")
            return given
        if len(set(given)) != len(given):
            raise TaxonomyError(f"{self.id}: a value is given twice in {given}")
        if len(given) > self.max_values:
            raise TaxonomyError(f"{self.id}: holds at most {self.max_values} values, but was given {given}")
        if "none" in given and len(given) > 1:
            raise TaxonomyError(f"{self.id}: 'none' stands alone, but was given with {given}")
        return tuple(value_id for value_id in self.value_ids if value_id in given)


@dataclass(frozen=True)
class Taxonomy:
    """All fields. `hash` covers numbers, ids, kinds and values: equal hashes mean equal tag-encoder indices."""

    version: str
    hash: str
    axes: tuple[str, ...]
    fields: tuple[Field, ...]

    def __getitem__(self, field_id: str) -> Field:
        for field in self.fields:
            if field.id == field_id:
                return field
        raise TaxonomyError(
            f"'{field_id}' is not a field of taxonomy {self.version}"
            f"{_suggestion(field_id, [field.id for field in self.fields])}"
        )

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def field_ids(self) -> tuple[str, ...]:
        return tuple(field.id for field in self.fields)

    def parse_tags(self, text: str) -> dict[str, tuple[str, ...]]:
        """Read "camera.move=pan_left+track_up,motion.timing=twos" as checked values per field."""
        tags: dict[str, tuple[str, ...]] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            field_id, equals, values = part.partition("=")
            if not equals:
                raise TaxonomyError(f"tag '{part}': write field=value, as in camera.move=pan_left")
            field = self[field_id.strip()]
            if field.id in tags:
                raise TaxonomyError(f"{field.id}: given twice; join several values with '+'")
            tags[field.id] = field.check(value.strip() for value in values.split("+"))
        return tags


@lru_cache(maxsize=1)
def taxonomy() -> Taxonomy:
    """The packaged taxonomy."""
    document = yaml.load(
        resources.files("anicaption").joinpath("taxonomy.yaml").read_text("utf-8"),
        Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),
    )
    fields = tuple(_field(entry) for entry in document["fields"])
    _check_unique("field", [(field.id, field.number) for field in fields])
    _check_unique("value", [(f"{field.id}={v.id}", v.number) for field in fields for v in field.values])
    meaning = [(f.number, f.id, f.cardinality, [(v.number, v.id) for v in f.values]) for f in fields]
    digest = hashlib.sha256(repr(meaning).encode()).hexdigest()[:16]
    return Taxonomy(str(document["version"]), digest, tuple(document["axes"]), fields)


def _field(entry: dict) -> Field:
    values = tuple(
        Value(value["id"], value["number"], value["ja"], value["def"], value.get("src", entry["src"]))
        for value in entry["values"]
    )
    return Field(
        id=entry["id"],
        number=entry["number"],
        ja=entry["ja"],
        cardinality=entry["cardinality"],
        max_values=entry.get("max", 1),
        scope=entry["scope"],
        definition=entry["definition"],
        values=values,
    )


def _check_unique(what: str, pairs: list[tuple[str, int]]) -> None:
    for column in zip(*pairs, strict=True):
        twice = {item for item in column if column.count(item) > 1}
        if twice:
            raise TaxonomyError(f"taxonomy.yaml: {what} id or number used twice: {sorted(twice)}")


def _suggestion(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f"; did you mean '{close[0]}'?" if close else ""
