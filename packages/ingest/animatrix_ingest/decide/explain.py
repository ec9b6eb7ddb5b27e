"""Why a clip stands where it stands, in words: `animatrix-ingest explain KEY`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from animatrix_ingest.decide.joined import TableError, beside
from animatrix_ingest.decide.tiers import Rule, judge, measured, said_as


def explain(
    key: str, clips: pa.Table, scores: pa.Table, rules: Sequence[Rule], names: Mapping[str, str], **decided: pa.Table
) -> str:
    """Everything that was decided of a clip and why. `decided` are tiers, splits, weights, roles and clusters,
    as far as made.

    The beginning of a key is enough where it is the beginning of one key only.
    """
    row = clips.slice(_find(key, clips), 1)
    said = {name: _one(row["key"], table, name) for name, table in decided.items()}
    clip = row.to_pylist()[0]
    tier = said.get("tiers", {})
    lines = [f"{clip['key']}  {clip.get('source', '')}"]
    for name in ("work", "episode", "origin", "licence", "permission"):
        lines += [f"  {name:<12}{clip[name]}"] if clip.get(name) else []
    lines += [f"  {'rating':<12}{tier.get('rating', clip.get('rating'))}"]
    if tier:
        lines += [f"\ntier        {tier['tier']}" + ("" if tier["room"] == "open" else "  (not shown to annotators)")]
        lines += [f"  {reason}" for reason in tier["reasons"]]
    if split := said.get("splits"):
        lines += [f"\nsplit       {split['split']}  (group {split['group']}, by {split['why']})"]
    if weight := said.get("weights"):
        lines += [f"\nweight      {weight['weight']:.4g}"]
    if style := said.get("clusters"):
        place = (
            f"example {style['cluster_example']} by nearness to its middle"
            if style["cluster_example"]
            else "its middle"
        )
        lines += [f"\nstyle       cluster {style['cluster']} of {style['cluster_size']:,} clips, {place}"]
    elif "clusters" in decided:
        lines += ["\nstyle       no cluster: what it looks like was not kept; ingest it again"]
    if roles := {name: value for name, value in said.get("roles", {}).items() if value is not None and name != "key"}:
        lines += ["\nacross sources", *(f"  {name:<17}{said_as(value)}" for name, value in roles.items())]
    lines += ["\nrules"]
    values = measured(row, scores, decided.get("roles"), rules, names)
    for rule in rules:
        failed, missing, _ = judge(rule, values[rule.score])
        outcome = "fails" if failed[0] else "holds"
        value = values[rule.score].to_pylist()[0]
        if missing[0]:
            outcome = rule.missing
        lines += [f"  {rule.tier:<10}{outcome:<10}{rule}: {said_as(value)}  ({rule.why})"]
    return "\n".join(lines)


def _find(key: str, clips: pa.Table) -> int:
    keys = clips["key"].to_pylist()
    found = [i for i, name in enumerate(keys) if name == key] or [
        i for i, name in enumerate(keys) if name.startswith(key)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise TableError(f"explain: {key!r} begins {len(found)} keys, {keys[found[0]]} among them; give more of it")
    close = difflib.get_close_matches(key, keys[:20_000], 1)
    meant = f"; did you mean {close[0]}?" if close else "; the manifest and report.html have them"
    raise TableError(f"explain: {key!r} is no clip of this data set{meant}")


def _one(key: Any, table: pa.Table, name: str) -> dict[str, Any]:
    columns = [column for column in table.column_names if column != "key"]
    values = {column: value.to_pylist()[0] for column, value in beside(key, table, name, columns).items()}
    return values if any(value is not None for value in values.values()) else {}
