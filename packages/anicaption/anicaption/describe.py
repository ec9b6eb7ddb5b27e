"""The taxonomy told to machines and people: JSON Schema of records, the documentation page, a diff."""

from __future__ import annotations

from typing import Any

from anicaption.releases import differences
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Clause, Field, Taxonomy, taxonomy

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_KINDS = {"single": "one value", "ordinal": "one value of an ordered scale", "multi": "up to {n} values"}
_SCOPES = {
    "shot": "the whole shot",
    "ends": "its first and its last frame",
    "spans": "spans of frames",
    "edges": "its first and last frames",
}
_AXES = {
    "style": "Style", "motion": "Motion", "camera": "Camera", "vfx": "VFX", "content": "Content",
}  # fmt: skip


def record_schema() -> dict[str, Any]:
    """JSON Schema of a record as `Record.to_json` writes it."""
    number, words = {"type": "number"}, {"type": "string"}
    frames = {"start": {"type": "integer", "minimum": 0}, "end": {"type": "integer", "minimum": 0}}
    axes = {
        axis: {
            "type": "object",
            "additionalProperties": False,
            "properties": {f.name: {"$ref": f"#/$defs/{f.id}"} for f in taxonomy() if f.axis == axis},
        }
        for axis in taxonomy().axes
    }
    return {
        "$schema": DRAFT,
        "title": f"AniCaption record, taxonomy {taxonomy().version}",
        "type": "object",
        "required": ["taxonomy_version", "taxonomy_hash", "n_frames", "rate", "width_px", "height_px"],
        "properties": {
            "taxonomy_version": words,
            "taxonomy_hash": {"const": taxonomy().hash},
            "n_frames": {"type": "integer", "minimum": 1},
            "rate": {"type": "string", "description": "frames a second, a fraction such as 24000/1001"},
            "width_px": {"type": "integer"},
            "height_px": {"type": "integer"},
            **axes,
            "tracks": {"type": "object", "description": "per-frame columns and events; see anicaption.tracks.COLUMNS"},
        },
        "$defs": {
            field.id: {
                "type": "object",
                "title": field.id,
                "description": f"{field.definition} ({field.ja})",
                "required": ["values", "source"],
                "properties": {
                    "field": {"const": field.id},
                    "values": _values_schema(field),
                    "probability": {"type": "object", "additionalProperties": number},
                    "source": {"enum": ["measured", "drawn", "learned", "vlm", "expert", "none"]},
                    "evidence": {"type": "array", "items": {"type": "object"}},
                    "spans": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"value": {"enum": [*field.value_ids]}, **frames}},
                    },
                    "abstained": {"type": ["string", "null"]},
                    "disputed": {"type": "array", "items": {"type": "object"}},
                },
            }
            for field in taxonomy()
        },
    }


def _values_schema(field: Field) -> dict[str, Any]:
    most = 2 if field.scope == "ends" else field.max_values
    values = [*field.value_ids, UNKNOWN, NOT_APPLICABLE]
    return {
        "type": "array",
        "description": f"{field.definition} ({field.ja})",
        "items": {"enum": values},
        "minItems": 1,
        "maxItems": most,
    }


def markdown() -> str:
    """The documentation page, docs/taxonomy.md."""
    t = taxonomy()
    n_values = sum(len(field.values) for field in t)
    lines = [
        "# The Production Knowledge System",
        "",
        f"Taxonomy {t.version}: {len(t)} fields, {n_values} values, by `anicaption taxonomy --markdown` from",
        "`packages/anicaption/anicaption/taxonomy.yaml`. `unknown` (nobody looked) and `na` (does not apply) are legal",
        "in every field. The letter says how pixels can give a value: C a classical estimator is enough, H classical",
        "proposes and a learned model verifies, L learned, X an expert's eye.",
    ]
    for axis in t.axes:
        lines += ["", f"## {_AXES.get(axis, axis)}"]
        for field in t:
            if field.axis == axis:
                lines += _field_lines(field)
    lines += ["", "## The VFX hierarchy", "", *_hierarchy_lines(t)]
    lines += ["", "## Rules", "", "What follows from what is measured under another name:", ""]
    lines += [f"- {d.field} = `{d.value}` where {_clause(d.source)}" for d in t.derived]
    lines += ["", "What excludes what:", ""]
    for c in t.constraints:
        parts = [_clause(c.then)] * bool(c.then) + [f"never {_clause(c.never)}"] * bool(c.never)
        then = " and ".join(parts)
        lines.append(f"- where {_clause(c.when)}: {then}{' in the same frames' if c.in_span else ''} ({c.why})")
    lines += ["", "## Out of use", "", "| was | since | say |", "|---|---|---|"]
    for field in t.all_fields:
        if field.deprecated:
            lines.append(f"| {field.id} | {field.deprecated} | {', '.join(field.replaced_by)} |")
        for value in field.all_values:
            if value.deprecated:
                today = ", ".join(value.replaced_by) or " or ".join(value.replaced_at_edges)
                lines.append(f"| {field.id}={value.id} | {value.deprecated} | {today} |")
    return "\n".join(lines) + "\n"


def _field_lines(field: Field) -> list[str]:
    kind = f"{_KINDS[field.cardinality].format(n=field.max_values)} for {_SCOPES[field.scope]}"
    lines = ["", f"### {field.id} · {field.ja}", "", f"{field.definition} *{kind}; number {field.number}.*", ""]
    lines += ["| value | 日本語 | meaning | from |", "|---|---|---|---|"]
    lines += [f"| {v.id} | {v.ja} | {v.definition} | {v.src} |" for v in field.values]
    return lines


def _hierarchy_lines(t: Taxonomy) -> list[str]:
    lines = []
    for name, kind in t.classes.items():
        lines += [f"### {kind['en']} · {kind['ja']}", ""]
        for family_id, family in t.families.items():
            if family["class"] != name:
                continue
            lines += [f"**{family['en']}** · {family['ja']}", ""]
            lines += ["| value | meaning | appearance | placement | dynamics |", "|---|---|---|---|---|"]
            for field in t:
                for v in field.values:
                    if v.effect and v.effect.family == family_id:
                        e = v.effect
                        cells = (f"{field.id}={v.id}", e.meaning, e.appearance, e.placement, e.dynamics)
                        lines.append(f"| {' | '.join(cells)} |")
            lines.append("")
    return lines[:-1]


def _clause(clause: Clause) -> str:
    return " and ".join(f"{name} is {' or '.join(values)}" for name, values in clause.items())


def diff(old: Taxonomy) -> str:
    """What today's taxonomy does to `old`, for people."""
    report = differences(old, taxonomy())
    lines = [f"{old.version} ({old.hash}) -> {taxonomy().version} ({taxonomy().hash})"]
    for what, names in report.items():
        lines += [f"{what} ({len(names)}):", *(f"  {name}" for name in names)] if names else []
    return "\n".join(lines)
