"""The Production Knowledge System as data: fields, values, stable numbers, rules, version and hash.

Read once from the packaged `taxonomy.yaml`. Nothing here needs numpy, OpenCV or torch, so that every part of the
system, the annotation screen and the tag encoder alike, can afford to import it.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources

import yaml

UNKNOWN = "unknown"
NOT_APPLICABLE = "na"
RESERVED = (UNKNOWN, NOT_APPLICABLE)
ANY = "any"

Tags = Mapping[str, tuple[str, ...]]
Clause = Mapping[str, tuple[str, ...]]


class TaxonomyError(ValueError):
    """A field or value that the taxonomy does not have, or a set of values that a field cannot hold."""


@dataclass(frozen=True)
class Effect:
    """What an animator knows of one VFX value: what it stands for, how it looks, where it stands, how it moves."""

    family: str
    meaning: str
    appearance: str
    placement: str
    dynamics: str


@dataclass(frozen=True)
class Value:
    """One value of one field. `number` is stable for ever; `src` says how pixels can give it (C, H, L or X).

    `deprecated` is the version that put it out of use. `replaced_by` ("field=value", all of them) says the same today;
    `replaced_at_edges` says it at the shot's first frames and at its last.
    """

    id: str
    number: int
    ja: str
    definition: str
    src: str
    deprecated: str | None = None
    replaced_by: tuple[str, ...] = ()
    replaced_at_edges: tuple[str, ...] = ()
    effect: Effect | None = None


@dataclass(frozen=True)
class Field:
    """One production variable, such as `camera.move`. `all_values` holds deprecated ones too."""

    id: str
    number: int
    ja: str
    cardinality: str
    max_values: int
    scope: str
    definition: str
    all_values: tuple[Value, ...]
    deprecated: str | None = None
    replaced_by: tuple[str, ...] = ()

    @cached_property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for value in self.all_values if value.deprecated is None)

    @property
    def axis(self) -> str:
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        return self.id.partition(".")[2]

    @cached_property
    def value_ids(self) -> tuple[str, ...]:
        return tuple(value.id for value in self.values)

    def value(self, value_id: str) -> Value:
        """The value of this id, deprecated or not. Raises TaxonomyError."""
        for value in self.all_values:
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
            value = self.value(value_id)
            if value.deprecated:
                today = " ".join(value.replaced_by) or " or ".join(value.replaced_at_edges)
                raise TaxonomyError(
                    f"{self.id}: '{value_id}' is out of use since taxonomy {value.deprecated}; say {today}"
                )
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
class Derived:
    """`field` has `value` where every field of `source` has one of its values: evidence measured under another name."""

    field: str
    value: str
    source: Clause


@dataclass(frozen=True)
class Constraint:
    """Where `when` holds, the fields of `then` have only these values and those of `never` none of theirs."""

    when: Clause
    then: Clause
    never: Clause
    in_span: bool
    why: str


@dataclass(frozen=True)
class Taxonomy:
    """Everything of one file. `fields` are those in use, `all_fields` the deprecated ones too.

    `hash` covers numbers, ids, kinds, values and what is out of use: equal hashes mean equal tag-encoder indices.
    """

    version: str
    hash: str
    axes: tuple[str, ...]
    all_fields: tuple[Field, ...]
    derived: tuple[Derived, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    families: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return tuple(field for field in self.all_fields if field.deprecated is None)

    @cached_property
    def _by_id(self) -> dict[str, Field]:
        return {field.id: field for field in self.all_fields}

    def __getitem__(self, field_id: str) -> Field:
        field = self._by_id.get(field_id)
        if field is None:
            raise TaxonomyError(
                f"'{field_id}' is not a field of taxonomy {self.version}{_suggestion(field_id, self.field_ids)}"
            )
        if field.deprecated:
            raise TaxonomyError(
                f"{field_id}: out of use since taxonomy {field.deprecated}; say {', '.join(field.replaced_by)}"
            )
        return field

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    @cached_property
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


@cache
def taxonomy() -> Taxonomy:
    """The packaged taxonomy."""
    return read_taxonomy(resources.files("anicaption").joinpath("taxonomy.yaml").read_text("utf-8"))


def read_taxonomy(text: str) -> Taxonomy:
    """A taxonomy file. Raises TaxonomyError for an id or number used twice and for a rule about what is not there."""
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    fields = tuple(_field(entry) for entry in document["fields"])
    _check_unique("field", [(field.id, field.number) for field in fields])
    _check_unique("value", [(f"{field.id}={v.id}", v.number) for field in fields for v in field.all_values])
    meaning = [(f.number, f.id, f.cardinality, [(v.number, v.id) for v in f.all_values]) for f in fields]
    unused = [f.id for f in fields if f.deprecated]
    unused += [f"{f.id}={v.id}" for f in fields for v in f.all_values if v.deprecated]
    digest = hashlib.sha256((repr(meaning) + "".join(unused)).encode()).hexdigest()[:16]
    read = Taxonomy(
        version=str(document["version"]),
        hash=digest,
        axes=tuple(document["axes"]),
        all_fields=fields,
        derived=tuple(_derived(entry) for entry in document.get("derived", ())),
        constraints=tuple(_constraint(entry) for entry in document.get("constraints", ())),
        families={entry["id"]: entry for entry in document.get("families", ())},
        classes={entry["id"]: entry for entry in document.get("classes", ())},
    )
    _check_rules(read)
    return read


def _field(entry: dict) -> Field:
    return Field(
        id=entry["id"],
        number=entry["number"],
        ja=entry["ja"],
        cardinality=entry["cardinality"],
        max_values=entry.get("max", 1),
        scope=entry["scope"],
        definition=entry["definition"],
        all_values=tuple(_value(value, entry["src"]) for value in entry["values"]),
        deprecated=entry.get("deprecated"),
        replaced_by=tuple(entry.get("replaced_by", ())),
    )


def _value(entry: dict, src: str) -> Value:
    effect = None
    if "family" in entry:
        effect = Effect(*(entry[name] for name in ("family", "meaning", "appearance", "placement", "dynamics")))
    return Value(
        id=entry["id"],
        number=entry["number"],
        ja=entry["ja"],
        definition=entry["def"],
        src=entry.get("src", src),
        deprecated=entry.get("deprecated"),
        replaced_by=tuple(entry.get("replaced_by", ())),
        replaced_at_edges=tuple(entry.get("replaced_at_edges", ())),
        effect=effect,
    )


def _clause(entry: Mapping) -> Clause:
    return {name: (ANY,) if values == ANY else tuple(values) for name, values in entry.items()}


def _derived(entry: dict) -> Derived:
    field_id, _, value_id = entry["value"].partition("=")
    return Derived(field_id, value_id, _clause(entry["from"]))


def _constraint(entry: dict) -> Constraint:
    return Constraint(
        when=_clause(entry["if"]),
        then=_clause(entry.get("then", {})),
        never=_clause(entry.get("not", {})),
        in_span=entry.get("within") == "span",
        why=entry["why"],
    )


def _check_unique(what: str, pairs: list[tuple[str, int]]) -> None:
    for column in zip(*pairs, strict=True):
        twice = {item for item in column if column.count(item) > 1}
        if twice:
            raise TaxonomyError(f"taxonomy.yaml: {what} id or number used twice: {sorted(twice)}")


def _check_rules(read: Taxonomy) -> None:
    clauses = [clause for c in read.constraints for clause in (c.when, c.then, c.never)]
    clauses += [{d.field: (d.value,)} for d in read.derived] + [d.source for d in read.derived]
    for owner in read.all_fields:
        for value in owner.all_values:
            today = [new.partition("=") for new in (*value.replaced_by, *value.replaced_at_edges)]
            clauses += [{field_id: (value_id,)} for field_id, _, value_id in today]
            if value.effect and value.effect.family not in read.families:
                raise TaxonomyError(f"{owner.id}={value.id}: '{value.effect.family}' is not a family of the file")
    for clause in clauses:
        for field_id, values in clause.items():
            current = read[field_id].value_ids
            for value_id in values:
                if value_id not in (ANY, NOT_APPLICABLE, *current):
                    raise TaxonomyError(f"taxonomy.yaml: a rule names {field_id}={value_id}, which is not in use")


def _suggestion(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f"; did you mean '{close[0]}'?" if close else ""
