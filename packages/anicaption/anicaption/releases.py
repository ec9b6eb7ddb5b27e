"""Released taxonomies: what a newer file may change, and how what was said in an older one is said today.

`released/VERSION.yaml` is a taxonomy as it was when records, shards or checkpoints of it went out. A file is never
edited once it is there. A newer taxonomy may add and deprecate; it may not rename, renumber or reuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from anicaption.taxonomy import (
    NOT_APPLICABLE,
    RESERVED,
    UNKNOWN,
    Tags,
    Taxonomy,
    TaxonomyError,
    Value,
    read_taxonomy,
    taxonomy,
)


@cache
def released() -> tuple[Taxonomy, ...]:
    """The released taxonomies, oldest first."""
    files = [
        file for file in resources.files("anicaption").joinpath("released").iterdir() if file.name.endswith(".yaml")
    ]
    read = (read_taxonomy(file.read_text("utf-8")) for file in files)
    return tuple(sorted(read, key=lambda release: tuple(map(int, release.version.split(".")))))


def by_hash(taxonomy_hash: str, place: str) -> Taxonomy:
    """The packaged taxonomy or the released one of this hash. Raises TaxonomyError that names `place`."""
    if taxonomy_hash == taxonomy().hash:
        return taxonomy()
    for release in released():
        if release.hash == taxonomy_hash:
            return release
    known_ones = ", ".join(dict.fromkeys(f"{known.version} ({known.hash})" for known in (*released(), taxonomy())))
    raise TaxonomyError(
        f"{place}: made with taxonomy {taxonomy_hash}, which is none of {known_ones}; "
        "install the anicaption that made it, or make it again"
    )


def differences(old: Taxonomy, new: Taxonomy) -> dict[str, list[str]]:
    """What `new` does to `old`, in words under added, deprecated, broken. Only an empty `broken` may be released."""
    report: dict[str, list[str]] = {"added": [], "deprecated": [], "broken": []}
    old_fields, new_fields = ({f.number: f for f in t.all_fields} for t in (old, new))
    for number, field in old_fields.items():
        now = new_fields.get(number)
        if now is None or now.id != field.id:
            report["broken"].append(f"field {number} was {field.id}, is {now.id if now else 'gone'}")
            continue
        if (now.cardinality, now.max_values, now.scope) != (field.cardinality, field.max_values, field.scope):
            report["broken"].append(f"{field.id}: kind changed from {field.cardinality}/{field.scope}")
        if now.deprecated and not field.deprecated:
            report["deprecated"].append(f"{field.id} -> {', '.join(now.replaced_by)}")
    report["added"] += [new_fields[number].id for number in new_fields.keys() - old_fields.keys()]
    old_values, new_values = (_numbered(t) for t in (old, new))
    for number, (name, value) in old_values.items():
        new_name, now = new_values.get(number, (None, None))
        if now is None or new_name != name:
            report["broken"].append(f"value {number} was {name}, is {new_name or 'gone'}")
        elif value.deprecated and not now.deprecated:
            report["broken"].append(f"{name} was out of use and is in use again")
        elif now.deprecated and not value.deprecated:
            report["deprecated"].append(f"{name} -> {', '.join(now.replaced_by or now.replaced_at_edges)}")
    report["added"] += [new_values[number][0] for number in sorted(new_values.keys() - old_values.keys())]
    return report


def _numbered(source: Taxonomy) -> dict[int, tuple[str, Value]]:
    return {value.number: (f"{f.id}={value.id}", value) for f in source.all_fields for value in f.all_values}


def said_in(release: Taxonomy, tags: Tags) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Today's `tags` in the words of an older release, and what it has no word or no room for ("field=value")."""
    old_words = _old_words()
    known = {field.id: field for field in release.fields}
    said: dict[str, list[str]] = {}
    unsaid = []
    for name, value in ((name, value) for name, values in tags.items() for value in values):
        field_id, old = name, value
        if value not in RESERVED and not (name in known and value in known[name].value_ids):
            field_id, old = old_words.get(f"{name}={value}", (name, value))
        field = known.get(field_id)
        words = said.setdefault(field_id, []) if field else []
        if field is None or (old not in RESERVED and old not in field.value_ids):
            unsaid.append(f"{name}={value}")
        elif old not in words:
            room = 2 if field.scope == "ends" else field.max_values
            words += [old] if len(words) < room else []
            unsaid += [f"{name}={value}"] if old not in words else []
    return {name: release[name].check(values) for name, values in said.items() if values}, unsaid


def _old_words() -> dict[str, tuple[str, str]]:
    """What today's "field=value" was called before: (field, value)."""
    words = {}
    for field in taxonomy().all_fields:
        for value in field.all_values:
            for today in (*(value.replaced_by if len(value.replaced_by) == 1 else ()), *value.replaced_at_edges):
                words[today] = (field.id, value.id)
    return words


def migrated(document: Mapping[str, Any], place: str = "record") -> dict[str, Any]:
    """A record's JSON of a released taxonomy as one of today's; `document` itself if it is of today's.

    What several of today's values could mean is told by the spans (the shot's first frames or its last); without
    spans it becomes unknown. Raises TaxonomyError for a taxonomy that was never released.
    """
    source = by_hash(str(document.get("taxonomy_hash")), place)
    today = taxonomy()
    if source.hash == today.hash:
        return dict(document)
    axes: dict[str, dict[str, Any]] = {axis: {} for axis in today.axes}
    for axis in source.axes:
        for name, variable in document.get(axis, {}).items():
            for field_id, moved in _moved(f"{axis}.{name}", variable, int(document["n_frames"])):
                new_axis, _, new_name = field_id.partition(".")
                axes[new_axis].setdefault(new_name, moved)
    facts = {"taxonomy_version": today.version, "taxonomy_hash": today.hash}
    return {**document, **axes, **facts}


def _moved(field_id: str, variable: Mapping[str, Any], n_frames: int) -> Iterable[tuple[str, dict[str, Any]]]:
    """A variable under today's field or fields."""
    field = next(f for f in taxonomy().all_fields if f.id == field_id)
    values: dict[str, list[tuple[str, str, Mapping[str, Any] | None]]] = {}
    for old in variable["values"]:
        spans = [span for span in variable.get("spans", ()) if span["value"] == old]
        for new, span in _todays(
            field_id, None if old in (UNKNOWN, NOT_APPLICABLE) else field.value(old), spans, n_frames
        ):
            name, _, today = new.partition("=")
            values.setdefault(name, []).append((old, today or old, span))
    for name, found in values.items():
        probability = {new: variable.get("probability", {}).get(old) for old, new, _ in found}
        yield (
            name,
            {
                **variable,
                "field": name,
                "values": list(dict.fromkeys(new for _, new, _ in found))[: taxonomy()[name].max_values],
                "probability": {value: p for value, p in probability.items() if p is not None},
                "spans": [{**span, "value": new} for _, new, span in found if span],
            },
        )


def _todays(field_id: str, value: Value | None, spans: list, n_frames: int) -> Iterable[tuple[str, Any]]:
    """("field=value", its span) of today for one old value."""
    field = next(f for f in taxonomy().all_fields if f.id == field_id)
    if value is None:
        return [] if field.deprecated else [(field_id, None)]
    if value.replaced_by:
        return [(new, span) for new in value.replaced_by for span in spans or [None]]
    if value.replaced_at_edges:
        into, out = value.replaced_at_edges
        return [(into if span["start"] + span["end"] < n_frames else out, span) for span in spans] or [
            (f"{field_id}={UNKNOWN}", None)
        ]
    return [(f"{field_id}={value.id}", span) for span in spans or [None]]
