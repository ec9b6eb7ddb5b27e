"""DIR/report.html: what a run found, on one self-contained page that opens without a server.

It is made from the data set alone (manifest, lists, shards), so it can be made again at any time. Size is bounded by
the number of shots shown as pictures: a strip is at most about 25 kB, so 120 shots make a page of about 3 MB; where a
data set has more, shots are taken evenly across it and the page says so.
"""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from anicaption.directive import prose
from anicaption.frames import frames
from anicaption.record import Record
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, taxonomy

from animatrix_ingest.keep import manifest, shards, video
from animatrix_ingest.keep.store import Store, open_store

STRIP_FRAMES = 6
STRIP_ROWS_PX = 96
STRIP_QUALITY = 62
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
    table = manifest.in_order(manifest.load(store))
    now = video.load(store, int((table.schema.metadata or {})[b"video"]))
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
        _variables(table),
        _sources(lists["sources"]),
        _failures(lists),
        _shots(store, table, shown, parent),
        _foot(table),
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


def _variables(table: pa.Table) -> str:
    """How often each value of each field was read."""
    cards, silent = [], []
    for field in taxonomy():
        counts = Counter(value for values in _column(table, field.id) for value in values)
        unknown = counts.pop(UNKNOWN, 0)
        if not counts:
            silent.append(field.id)
            continue
        most = max(counts.values())
        bars = "".join(
            f'<div class=bar data-tag="{field.id}={escape(value)}" title="{escape(_meaning(field.id, value))}">'
            f'<em>{escape(value)}</em><u><i style="width:{100 * n / most:.1f}%"></i></u><span>{n:,}</span></div>'
            for value, n in counts.most_common()
        )
        read = f"{100 * (table.num_rows - unknown) / max(1, table.num_rows):.0f} % read"
        cards.append(
            f"<div class='field {field.axis}'><h4 title='{escape(field.definition)}'>{field.id}"
            f"<span>{escape(field.ja)}, {read}</span></h4>{bars}</div>"
        )
    rest = f"<p class=soft>Read in no clip: {', '.join(silent)}.</p>" if silent else ""
    return f"<h2>Production variables</h2><div class=fields>{''.join(cards)}</div>{rest}"


def _meaning(field_id: str, value: str) -> str:
    return "does not apply" if value == NOT_APPLICABLE else taxonomy()[field_id].value(value).definition


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


def _shots(store: Store, table: pa.Table, shown: int, parent: str) -> str:
    """Contact sheets: a strip of frames, the exposure strip, the variables, the words."""
    n = table.num_rows
    chosen = range(n) if n <= shown else sorted({round(i * (n - 1) / max(1, shown - 1)) for i in range(shown)})
    said = "" if n <= shown else f" {len(chosen)} of {n:,} are shown, taken evenly across the data set."
    rows = table.take(pa.array(list(chosen), pa.int64())).to_pylist()
    parts, source = [], None
    for row in rows:
        if row["source"] != source:
            source = row["source"]
            parts.append(f"</section><section class=source><h3>{escape(source.removeprefix(parent))}</h3>")
        parts.append(_shot(store, row))
    return (
        "<h2 id=shots>Shots</h2><p class=soft>Six frames across each. Below them the exposures: every block is a "
        f"drawing, as long as it is held; grey where the timing cannot be told.{said}</p>"
        '<div class=find><input id=find type=search placeholder="find shots: a tag, a word, a file" '
        'aria-label="find shots"><span id=found class=soft></span></div><section>' + "".join(parts) + "</section>"
    )


def _shot(store: Store, row: Row) -> str:
    data = shards.read_member(store, row["shard"], row["offset"], row["length"])
    record = Record.from_json(
        json.loads(shards.read_member(store, row["shard"], row["json_offset"], row["json_length"]))["record"]
    )
    text = shards.read_member(store, row["shard"], row["txt_offset"], row["txt_length"]).decode()
    tags = [(name, value) for name, values in record.tags().items() for value in values if value != NOT_APPLICABLE]
    chips = "".join(
        f"<button class='chip {name.split('.')[0]}' data-tag='{name}={value}' title='{escape(_meaning(name, value))}'>"
        f"<small>{name.split('.')[1].replace('_', ' ')}</small>{value.replace('_', ' ')}</button>"
        for name, value in tags
        if value != "none"
    )
    rate, time_base = Fraction(row["rate"]), Fraction(row["time_base"])
    words = " ".join([*(f"{name}={value}" for name, value in tags), row["source"], row["key"], prose(text)]).lower()
    return (
        f'<article class=shot data-words="{escape(words)}">'
        f'<figure style="--n:{min(STRIP_FRAMES, row["n_frames"])}"><img loading=lazy alt="frames across the shot" '
        f'src="{strip(data, row["n_frames"])}"></figure>{_exposures(record)}'
        f"<header><b>{_clock(float(row['start_pts'] * time_base))}</b>"
        f"<span>{row['n_frames']} frames, {float(row['n_frames'] / rate):.2f} s</span>"
        f"<span>frames {row['start_frame']:,} to {row['end_frame']:,}</span>"
        f"<span>{row['width_px']} x {row['height_px']}</span><code>{row['key']}</code></header>"
        f"<div class=chips>{chips}</div><details><summary>{escape(_first(prose(text)))}</summary>"
        f"<p>{escape(prose(text))}</p>{_disputes(record)}</details></article>"
    )


def _disputes(record: Record) -> str:
    """Where sources disagree: what the record holds, and what another one says."""
    lines = [
        f"<li>{field_id}: {v.source} says {' + '.join(v.values)}, {other.source} says {' + '.join(other.values)}</li>"
        for field_id, v in record.variables().items()
        for other in v.disputed
    ]
    return f"<p>The sources disagree:</p><ul class=reasons>{''.join(lines)}</ul>" if lines else ""


def strip(clip: bytes, n_frames: int) -> str:
    """Six frames spread over a clip, side by side, as a WebP data address."""
    wanted = {round((i + 0.5) * n_frames / STRIP_FRAMES - 0.5) for i in range(STRIP_FRAMES)}
    pictures: list[np.ndarray] = []
    for frame in frames(clip):
        if frame.index in wanted:
            pictures.append(frame.rgb(STRIP_ROWS_PX))
        if frame.index >= max(wanted):
            break
    wide = np.hstack(pictures)
    done, data = cv2.imencode(".webp", wide[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, STRIP_QUALITY])
    if not done:
        raise RuntimeError(f"report: a strip of {wide.shape[1]}x{wide.shape[0]} pixels does not encode as WebP")
    return "data:image/webp;base64," + base64.b64encode(data.tobytes()).decode()


def _exposures(record: Record) -> str:
    """Runs of frames that show one drawing, as blocks; frames whose timing cannot be told are grey."""
    if record.tracks is None:
        return ""
    new = record.tracks["drawing_new"]
    untold = np.isnan(new)
    untold[:1] = untold[1:2]  # the first frame has none before it to be compared with
    starts = [i for i in range(len(new)) if i == 0 or new[i] == 1 or untold[i - 1] != untold[i]]
    blocks = []
    for start, end in zip(starts, [*starts[1:], len(new)]):
        told = not untold[start]
        colour = "var(--motion)" if told else "var(--line)"
        blocks.append(f'<rect x="{start + 0.08:.2f}" width="{end - start - 0.16:.2f}" height="1" fill="{colour}"/>')
    return f'<svg viewBox="0 0 {len(new)} 1" preserveAspectRatio="none" aria-hidden="true">{"".join(blocks)}</svg>'


def _foot(table: pa.Table) -> str:
    facts = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items() if not k.startswith(b"ARROW")}
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
    return f"<footer class=soft>{escape(words)}</footer>"


def _column(table: pa.Table, name: str) -> list[Any]:
    return table[name].to_pylist()


def _first(text: str) -> str:
    return text.split(". ")[0].rstrip(".") + "."


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{seconds % 60:05.2f}"


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
