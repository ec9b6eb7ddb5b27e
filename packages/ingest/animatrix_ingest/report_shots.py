"""The shots of a report: frames across each clip, and what was measured and decided of it.

A quarantined clip has a line of its own and no picture, no variables and no words.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from html import escape
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from anicaption.directive import prose
from anicaption.frames import frames
from anicaption.record import Record
from anicaption.taxonomy import NOT_APPLICABLE, taxonomy

from animatrix_ingest.decide.tiers import QUARANTINED
from animatrix_ingest.keep import shards
from animatrix_ingest.keep.manifest import CROP
from animatrix_ingest.keep.records import record_json
from animatrix_ingest.keep.store import Store
from animatrix_ingest.report_said import WITHHELD
from animatrix_ingest.watch.cadence_film import WHY

STRIP_FRAMES = 6
STRIP_ROWS_PX = 96
STRIP_QUALITY = 62
SIDES = ("left", "top", "right", "bottom")
DOUBT = 0.3
"""From here on a border was not seen in the clip itself (watch/border_box.py)."""
CUT = 0.003
"""Share of a side from which on a border is told."""

Row = dict[str, Any]


def shots(store: Store, rows: Sequence[Row], n_all: int, parent: str) -> str:
    """Contact sheets of these clips (columns of the manifest and of report_said), source by source."""
    few = f" {len(rows)} of {n_all:,} are shown, taken evenly across the data set." if len(rows) < n_all else ""
    n_held = sum(bool(row[WITHHELD]) for row in rows)
    held = f" {n_held} {'is' if n_held == 1 else 'are'} quarantined and not shown." if n_held else ""
    parts, source = [], None
    for row in rows:
        if row["source"] != source:
            source = row["source"]
            parts.append(
                f"</section><section class=source><h3>{escape(source.removeprefix(parent))}"
                f"<small>{escape(_terms(row))}</small></h3>"
            )
        parts.append(_hidden(row) if row[WITHHELD] else _shot(store, row))
    return (
        "<h2 id=shots>Shots</h2><p class=soft>Six frames across each; dashed, the picture within its border; outlined, "
        "lettering. Below them the exposures: every block is a drawing, as long as it is held; grey where the timing "
        f"cannot be told.{few}{held}</p>"
        '<div class=find><input id=find type=search placeholder="find shots: a tag, a word, a file" '
        'aria-label="find shots"><span id=found class=soft></span></div><section>' + "".join(parts) + "</section>"
    )


def meaning(field_id: str, value: str) -> str:
    """What a value of a field of the taxonomy means."""
    return "does not apply" if value == NOT_APPLICABLE else taxonomy()[field_id].value(value).definition


def _terms(row: Row) -> str:
    """What the source list states."""
    episode = f"episode {row['episode']}" if row["episode"] else ""
    rated = f"rated {row['rating']}" if row["rating"] != "unknown" else "rating not stated"
    return ", ".join(word for word in (row["work"], episode, row["licence"], rated) if word)


def _hidden(row: Row) -> str:
    words = f"{row['source']} {row['key']} tier=quarantined".lower()
    begins = f"{QUARANTINED}: "
    why = next((r.removeprefix(begins) for r in row["reasons"] or () if r.startswith(begins)), row[WITHHELD])
    return (
        f'<article class="shot held" data-words="{escape(words)}"><header><b>{_clock(row)}</b>'
        f"<span class='tier quarantined'>quarantined</span><span>{escape(why)}</span>"
        f"<code>{row['key']}</code></header></article>"
    )


def _shot(store: Store, row: Row) -> str:
    data = shards.read_member(store, row["shard"], row["offset"], row["length"])
    record = _record(store, row)
    text = prose(row["caption"])
    tags = [(name, value) for name, values in record.tags().items() for value in values if value != NOT_APPLICABLE]
    chips = "".join(
        f"<button class='chip {name.split('.')[0]}' data-tag='{name}={value}' title='{escape(meaning(name, value))}'>"
        f"<small>{name.split('.')[1].replace('_', ' ')}</small>{value.replace('_', ' ')}</button>"
        for name, value in tags
        if value != "none"
    )
    boxes = [box for box in json.loads(row["boxes"] or "[]") if box["role"] != "unknown"]
    marks = _marks(row, boxes)
    found = [*(f"{name}={value}" for name, value in tags), *(f"{name}={value}" for name, value, *_ in marks)]
    words = " ".join([*found, row["source"], row["key"], text]).lower()
    return (
        f'<article class=shot data-words="{escape(words)}">'
        f'<figure style="--n:{len(looked_at(row["n_frames"]))}"><img loading=lazy alt="frames across the shot" '
        f'src="{strip(data, row["n_frames"])}">{_drawn_over(row, boxes)}</figure>{_exposures(record)}'
        f"<header><b>{_clock(row)}</b>"
        f"<span>{row['n_frames']} frames, {float(row['n_frames'] / Fraction(row['rate'])):.2f} s</span>"
        f"<span>frames {row['start_frame']:,} to {row['end_frame']:,}</span>"
        f"<span>{row['width_px']} × {row['height_px']}</span><code>{row['key']}</code></header>"
        f"{_line(marks)}<div class=chips>{chips}</div><details><summary>{escape(_first(text))}</summary>"
        f"<p>{escape(text)}</p>{_reasons(row)}{disputes(record)}</details></article>"
    )


def _record(store: Store, row: Row) -> Record:
    """As first measured, or the newer one of the labels generation."""
    member = shards.read_member(store, row["shard"], row["json_offset"], row["json_length"])
    return Record.from_json(record_json(member, row["record"]))


def _marks(row: Row, boxes: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """(name, value, words, meaning) of what was decided of a clip, and of what was found out of the ordinary."""
    marks = []
    if row["tier"]:
        marks.append(("tier", row["tier"], f"tier {row['tier']}", "; ".join(row["reasons"] or ()) or "nothing to add"))
    if row["split"]:
        marks.append(("split", row["split"], row["split"].replace("_", " "), "the side of the split"))
    if row["role"] not in (None, "body"):
        marks.append(("role", row["role"], row["role"], "found in other sources too"))
    for name, words in (("copy_of", "copy of"), ("near_of", "looks like")):
        if row[name]:
            marks.append((name, row[name], f"{words} {row[name][:8]}", f"{words} {row[name]}, which is kept for it"))
    if row["cadence"] not in (None, "progressive"):
        why = WHY.get(row["cadence"], "the cadence of the source")
        marks.append(("cadence", row["cadence"], row["cadence"].replace("_", " "), why))
    if row["constant_rate"] == 0:
        marks.append(("rate", "uneven", "uneven time stamps", "keeps the time stamps of its source"))
    if edges := _edges(row):
        seen = "seen in the clip" if row["border_doubt"] < DOUBT else "taken from its neighbours"
        words = ", ".join(f"{side} {100 * share:.1f} %" for side, share in edges)
        marks.append(("border", "cut", f"border {words}", f"lines that are not picture, {seen}"))
    for role, n in Counter(box["role"] for box in boxes).most_common():
        sure = max(box["score"] for box in boxes if box["role"] == role)
        marks.append(("lettering", role, f"{role} × {n}" if n > 1 else role, f"lettering, sure to {sure:.2f}"))
    return marks


def _line(marks: Sequence[tuple[str, str, str, str]]) -> str:
    if not marks:
        return ""
    spans = "".join(
        f"<button class='mark {name} {value}' data-tag='{name}={escape(value)}' title='{escape(why)}'>"
        f"{escape(words)}</button>"
        for name, value, words, why in marks
    )
    return f"<div class=marks>{spans}</div>"


def _edges(row: Row) -> list[tuple[str, float]]:
    """(side, share of the frame) of every border that is cut off."""
    if None in (box := [row[name] for name in CROP]):
        return []
    shares = (box[0], box[1], 1 - box[2], 1 - box[3])
    return [(side, share) for side, share in zip(SIDES, shares) if share > CUT]


def _drawn_over(row: Row, boxes: Sequence[Row]) -> str:
    """The border and the lettering over each frame of the strip."""
    parts = []
    wanted = looked_at(row["n_frames"])
    for place, index in enumerate(wanted):
        if _edges(row):
            x0, y0, x1, y1 = (row[name] for name in CROP)
            box = f'x="{place + x0:.3f}" y="{y0:.3f}" width="{x1 - x0:.3f}" height="{y1 - y0:.3f}"'
            parts.append(f"<rect class=under {box}/><rect class=border {box}/>")
        at = row["start_frame"] + index
        for box in boxes:
            if box["start_frame"] <= at < box["end_frame"]:
                x0, y0, x1, y1 = box["box"]
                shape = f'x="{place + x0:.3f}" y="{y0:.3f}" width="{x1 - x0:.3f}" height="{y1 - y0:.3f}"'
                parts.append(f'<rect class="box {box["role"]}" {shape}><title>{box["role"]}</title></rect>')
    view = f'viewBox="0 0 {len(wanted)} 1" preserveAspectRatio="none"'
    return f"<svg class=over {view} aria-hidden=true>{''.join(parts)}</svg>" if parts else ""


def _reasons(row: Row) -> str:
    """Why the clip stands on no higher tier."""
    if not row["reasons"]:
        return ""
    lines = "".join(f"<li>{escape(reason)}</li>" for reason in row["reasons"])
    return f"<p>On no higher tier, because</p><ul class=reasons>{lines}</ul>"


def disputes(record: Record) -> str:
    """Where sources disagree: what the record holds, and what another one says."""
    lines = [
        f"<li>{field_id}: {v.source} says {' + '.join(v.values)}, {other.source} says {' + '.join(other.values)}</li>"
        for field_id, v in record.variables().items()
        for other in v.disputed
    ]
    return f"<p>The sources disagree:</p><ul class=reasons>{''.join(lines)}</ul>" if lines else ""


def looked_at(n_frames: int) -> list[int]:
    """The frames of a clip that its strip shows."""
    return sorted({round((i + 0.5) * n_frames / STRIP_FRAMES - 0.5) for i in range(STRIP_FRAMES)})


def strip(clip: bytes, n_frames: int) -> str:
    """Six frames spread over a clip, side by side, as a WebP data address."""
    wanted = looked_at(n_frames)
    pictures: list[np.ndarray] = []
    for frame in frames(clip):
        if frame.index in wanted:
            pictures.append(frame.rgb(STRIP_ROWS_PX))
        if frame.index >= wanted[-1]:
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
    return (
        f'<svg class=exposures viewBox="0 0 {len(new)} 1" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(blocks)}</svg>"
    )


def _first(text: str) -> str:
    return text.split(". ")[0].rstrip(".") + "."


def _clock(row: Row) -> str:
    seconds = float(row["start_pts"] * Fraction(row["time_base"]))
    return f"{int(seconds) // 60}:{seconds % 60:05.2f}"


def evenly(table: pa.Table, shown: int) -> pa.Table:
    """At most `shown` rows, taken evenly across a table."""
    n = table.num_rows
    if n <= shown:
        return table
    return table.take(pa.array(sorted({round(i * (n - 1) / max(1, shown - 1)) for i in range(shown)}), pa.int64()))
