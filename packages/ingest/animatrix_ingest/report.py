"""DIR/report.html: what a run found, on one self-contained page that opens without a server.

It is made from the data set alone (manifest, lists, shards), so it can be made again at any time. Size is bounded by
the number of shots shown as pictures: a strip is at most about 25 kB, so 120 shots make a page of about 3 MB; where a
data set has more, shots are taken evenly across it and the page says so.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from anicaption.taxonomy import UNKNOWN, taxonomy

from animatrix_ingest.decide.tiers import LADDER, QUARANTINED
from animatrix_ingest.keep import annotations, manifest, video
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.report_said import CLOSER, KINDS, counts, said, withheld
from animatrix_ingest.report_shots import evenly, meaning, shots
from animatrix_ingest.watch.cadence_film import WHY

SHOWN = 120
NAME = "report.html"

Row = dict[str, Any]


def write(dataset: Path | str, shown: int = SHOWN) -> str:
    """Write DIR/report.html whole or not at all; returns where. ManifestError where there is no manifest."""
    store = open_store(dataset)
    store.renew(NAME, page(dataset, shown).encode())
    return f"{store.url}/{NAME}"


def page(dataset: Path | str, shown: int = SHOWN) -> str:
    """The page as one string of HTML."""
    store = open_store(dataset)
    table = manifest.load(store)
    facts = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
    now, labels = video.load(store, int(facts["video"])), annotations.load_labels(store, int(facts["labels"]))
    table = withheld(said(store, table, labels, KINDS), video.read(store, now.sources, video.SOURCES))
    table = manifest.in_order(table)
    lists = video.lists(store, now)
    parent = _parent([row["source"] for row in lists["sources"]])
    for row in (row for rows in lists.values() for row in rows):
        row["source"] = row["source"].removeprefix(parent)
        row["reason"] = row["reason"].replace(parent, "")
    title = escape(store.url.rstrip("/").rpartition("/")[2])
    here = files("animatrix_ingest")
    parts = [
        _head(title, parent, table),
        _road(lists, table),
        _lengths(table),
        _standing(table),
        _variables(table),
        _sources(lists["sources"]),
        _failures(lists),
        shots(store, said(store, evenly(table, shown), labels, CLOSER).to_pylist(), table.num_rows, parent),
        _foot(facts),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}: ingest report</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{(here / 'report.css').read_text()}</style></head><body>\n"
        + "\n".join(parts)
        + f"\n<script>{(here / 'report.js').read_text()}</script></body></html>\n"
    )


def _parent(names: Sequence[str]) -> str:
    """The folders that all names begin with, with the last slash; shown once."""
    common = os.path.commonpath([os.path.dirname(name) for name in names]) if names else ""
    return f"{common}/" if common else ""


def _head(title: str, parent: str, table: pa.Table) -> str:
    seconds = sum(n / Fraction(rate) for n, rate in zip(_column(table, "n_frames"), _column(table, "rate")))
    size = sum(_column(table, "length"))
    numbers = [
        (f"{table.num_rows:,}", "clips"),
        (_duration(float(seconds)), "of shots"),
        (f"{sum(_column(table, 'n_frames')):,}", "frames"),
        (f"{len(set(_column(table, 'source_sha256'))):,}", "sources"),
        (_bytes(size), "of video"),
    ]
    cells = "".join(f"<div><b>{number}</b><span>{what}</span></div>" for number, what in numbers)
    return (
        f"<h1>{title}</h1><p class=soft>Shots and their production variables, from {escape(parent) or 'here'}</p>"
        f"<div class=numbers>{cells}</div>{_warning(table)}"
    )


def _warning(table: pa.Table) -> str:
    """That some clips flash as may harm photosensitive viewers, and how to find them."""
    n = sum("flashing" in values for values in _column(table, "content.flashing"))
    if not n:
        return ""
    clips = f"{n:,} clip{'s flash' if n > 1 else ' flashes'}"
    return (
        f"<p class=warning>{clips} more than three times a second over a quarter of the picture, which may harm "
        "photosensitive viewers. Search the shots for content.flashing=flashing.</p>"
    )


def _road(lists: dict[str, list[Row]], table: pa.Table) -> str:
    """Counts per stage and reason: sources, shots, clips."""
    sources = Counter(row["outcome"] for row in lists["sources"])
    shots: Counter[str] = Counter()
    for row in lists["sources"]:
        shots.update(row.get("shots", {}))
    whole = [row for row in lists["sources"] if row["outcome"] != "kept"]
    source_reasons = Counter((row["outcome"], _kind(row["reason"])) for row in whole)
    shot_reasons = Counter(("dropped", _kind(row["reason"])) for row in lists["dropped"] if row.get("span"))
    shot_reasons.update(("dead", f"{row['stage']}: {_kind(row['reason'])}") for row in lists["dead"] if row["span"])
    lost = sum(1 for row in lists["sources"] if row.get("lost"))
    note = f"<ul class=reasons><li><b>{lost}</b>broke off before the end (below)</li></ul>" if lost else ""
    n_shards = len(set(_column(table, "shard")))
    packed = f"{table.num_rows:,} clips in {n_shards:,} shard{'s' * (n_shards != 1)}"
    return (
        "<h2>What became of it</h2><dl class=road>"
        f"<dt>Sources<small>files that were given</small></dt><dd>{_stack(sources, source_reasons)}{note}</dd>"
        f"<dt>Shots<small>found in them</small></dt><dd>{_stack(shots, shot_reasons)}</dd>"
        f"<dt>Packed<small>WebDataset shards</small></dt><dd>{packed}</dd></dl>"
    )


def _stack(counts: Counter[str], reasons: Counter[tuple[str, str]]) -> str:
    words = ("kept", "dropped", "dead")
    bars = "".join(f'<i class={word} style="flex:{counts[word]}"></i>' for word in words if counts[word])
    keys = "".join(f"<span class=key><i class={word}></i>{counts[word]:,} {word}</span>" for word in words)
    lines = "".join(f"<li><b>{n:,}</b>{word}: {escape(why)}</li>" for (word, why), n in reasons.most_common())
    return f"<div class=stack>{bars}</div>{keys}" + (f"<ul class=reasons>{lines}</ul>" if lines else "")


def _kind(reason: str) -> str:
    """What reasons of one kind have in common: no names, no measured numbers after a colon."""
    return "duplicate" if reason.startswith("duplicate of ") else reason.split(":")[0]


def _lengths(table: pa.Table) -> str:
    """A histogram of clip lengths in half seconds."""
    seconds = [float(n / Fraction(r)) for n, r in zip(_column(table, "n_frames"), _column(table, "rate"))]
    if not seconds:
        return ""
    bins = Counter(int(2 * s) for s in seconds)
    last, most = max(bins), max(bins.values())
    width = min(40.0, 900 / (last + 1))
    bars, ticks = "", ""
    for i in range(last + 1):
        height = 90 * bins[i] / most
        label = f"{bins[i]} clips of {i / 2:g} to {(i + 1) / 2:g} s"
        bars += (
            f'<rect x="{i * width:.1f}" y="{100 - height:.1f}" width="{width - 2:.1f}" height="{height:.1f}" rx="2" '
            f'fill="var(--camera)"><title>{label}</title></rect>'
        )
        if i % max(2, 2 * round((last + 1) / 24)) == 0:
            ticks += f'<text x="{i * width:.1f}" y="116" font-size="11" fill="var(--soft)">{i / 2:g} s</text>'
    middle = float(np.median(seconds))
    total = (last + 1) * width
    return (
        "<h2>Length of clips</h2>"
        f"<p class=soft>half of them shorter than {middle:.1f} s, the longest {max(seconds):.1f} s</p>"
        f'<svg viewBox="0 0 {total + 30:.0f} 120" style="width:min(100%,{total + 30:.0f}px)">{bars}{ticks}</svg>'
    )


def _standing(table: pa.Table) -> str:
    """What was decided of the clips, and from what cadence they come."""
    tiers = counts(table["tier"])
    order = [tier for tier in (*reversed(LADDER), QUARANTINED) if tier in tiers]
    cards = [
        _card("tier", "of the clips", "style", {tier: tiers[tier] for tier in order}, {}),
        _card("split", "by work", "camera", counts(table["split"]), {}),
        _card("role", "across sources", "motion", counts(table["role"]), {}),
        _card("cadence", "of the sources", "vfx", counts(table["cadence"]), WHY),
        _card("style cluster", "by looks; 0 has most clips", "style", _clusters(table), {}),
        _card("rating", "as stated", "content", counts(table["rating"]), {}),
    ]
    undecided = "" if tiers else "<p class=soft>Tiers, splits and roles were not decided yet.</p>"
    return f"<h2>Where the clips stand</h2>{undecided}<div class=fields>{''.join(cards)}</div>"


def _clusters(table: pa.Table) -> dict[str, int]:
    """How many clips each cluster of style has; what has none is told last."""
    found = counts(table["cluster"].cast(pa.string()))
    missing = table["cluster"].null_count
    return found | ({"not looked at": missing} if found and missing else {})


def _variables(table: pa.Table) -> str:
    """How often each value of each field was read."""
    cards, silent = [], []
    for field in taxonomy():
        found = counts(table[field.id])
        unknown = found.pop(UNKNOWN, 0)
        if not found:
            silent.append(field.id)
            continue
        note = f"{field.ja}, {100 * (table.num_rows - unknown) / max(1, table.num_rows):.0f} % read"
        means = {value: meaning(field.id, value) for value in found}
        cards.append(_card(field.id, note, field.axis, found, means, field.definition))
    rest = f"<p class=soft>Read in no clip: {', '.join(silent)}.</p>" if silent else ""
    return f"<h2>Production variables</h2><div class=fields>{''.join(cards)}</div>{rest}"


def _card(
    name: str, note: str, axis: str, found: Mapping[str, int], means: Mapping[str, str], definition: str = ""
) -> str:
    """A bar for each value of something, in the order given; a click finds the shots that have it."""
    if not found:
        return ""
    most = max(found.values())
    bars = "".join(
        f'<div class=bar data-tag="{name}={escape(value)}" title="{escape(means.get(value, value))}">'
        f'<em>{escape(value.replace("_", " "))}</em><u><i style="width:{100 * n / most:.1f}%"></i></u>'
        f"<span>{n:,}</span></div>"
        for value, n in found.items()
    )
    title = f" title='{escape(definition)}'" if definition else ""
    return f"<div class='field {axis}'><h4{title}>{name}<span>{escape(note)}</span></h4>{bars}</div>"


def _sources(sources: Sequence[Row], most: int = 400) -> str:
    rows = "".join(_source(row) for row in sources[:most])
    rest = f"<p class=soft>The first {most} of {len(sources):,}; the video generation has all.</p>" * (
        len(sources) > most
    )
    return (
        "<h2>Sources</h2><div class=scroll><table><tr><th>name<th class=n>frames<th class=n>kept"
        f"<th class=n>dropped<th class=n>dead<th>remark</tr>{rows}</table></div>{rest}"
    )


def _source(row: Row) -> str:
    shots = row.get("shots", {})
    lost, remark = row.get("lost"), row["reason"]
    if lost:
        expected = f" of {lost['expected_frames']:,}" if lost["expected_frames"] else ""
        remark = f"broke off after {lost['after_frames']:,}{expected} frames: {lost['reason']}. {remark}"
    numbers = "".join(f"<td class=n>{shots.get(word, ''):}" for word in ("kept", "dropped", "dead"))
    return (
        f"<tr><td class=name><i class='dot {row['outcome']}'></i>{escape(row['source'])}"
        f"<td class=n>{row.get('n_frames', 0):,}{numbers}<td>{escape(remark)}</tr>"
    )


def _failures(lists: dict[str, list[Row]], most: int = 200) -> str:
    """Dead letters and dropped shots with their words."""
    parts = []
    for name, title in (("dead", "Dead letters"), ("dropped", "Dropped")):
        rows = lists[name]
        if not rows:
            continue
        lines = "".join(
            f"<tr><td class=name>{escape(row['source'])}<td>{_frames(row)}<td>{escape(row.get('stage', ''))}"
            f"<td>{escape(row['reason'])}</tr>"
            for row in rows[:most]
        )
        rest = f"<p class=soft>The first {most} of {len(rows):,}; the video generation has all.</p>" * (
            len(rows) > most
        )
        parts.append(
            f"<h2>{title}</h2><div class=scroll><table><tr><th>source<th>frames<th>stage<th>words</tr>{lines}"
            f"</table></div>{rest}"
        )
    return "".join(parts)


def _frames(row: Row) -> str:
    span = row.get("span")
    return f"{span[0]:,} to {span[1]:,}" if span else "all"


def _foot(facts: Mapping[str, str]) -> str:
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
    return f"<footer class=soft>{escape(words)}</footer>"


def _column(table: pa.Table, name: str) -> list[Any]:
    return table[name].to_pylist()


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.7 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(size: float, units: Iterable[str] = ("B", "kB", "MB", "GB", "TB")) -> str:
    for unit in units:
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"
