"""One page that shows what was read of a clip and from what: `anicaption explain CLIP --out page.html`.

Filmstrip, time line, exposure sheet, tracks, and every variable with its probability, source, evidence, reason for
abstaining, and what other sources say against it.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np

from anicaption.captioner import record_of, watch
from anicaption.directive import directive
from anicaption.explain_sheet import sheet
from anicaption.frames import VideoError, frames
from anicaption.page import page, series_plot, share_bar
from anicaption.record import Record, Variable
from anicaption.taxonomy import taxonomy
from anicaption.tracks import COLUMNS, Tracks

_STRIP_FRAMES = 12
_THUMB_ROWS_PX = 108
_WIDTH_PX = 1180
_MAX_EVENT_FRAMES = 6
# Plots of per-frame numbers: title -> columns over one another.
_PLOTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Camera, displacement a frame", ("camera_x", "camera_y")),
    ("Camera, zoom a frame (ln of the scale)", ("camera_zoom",)),
    ("Camera, turn a frame in degrees", ("camera_roll_deg",)),
    ("How much of the border agrees with the camera", ("camera_support",)),
    ("What camera motion leaves: redrawing", ("redraw",)),
    ("Motion of the foreground, % of the frame height a frame", ("motion_pct",)),
    ("Flow energy, and what of it is not rigid, % of the frame height a frame", ("flow_pct", "nonrigid_pct")),
    ("Luma difference, and what motion does not explain", ("change", "jump")),
    ("Light and colour, CIE Lab", ("lightness", "chroma", "warmth")),
)
_OF_A_FRAME = {"luma", "lightness", "chroma", "warmth", "hue_share"}  # the others are of two
_CSS = """
.strip{display:flex;flex-wrap:wrap;gap:8px}
.strip figure{margin:0}.strip img{display:block;border-radius:4px;height:108px}
.strip .event img{outline:3px solid var(--accent);outline-offset:-3px}
figcaption{font-size:11.5px;color:var(--soft);font-variant-numeric:tabular-nums}
.sheets{display:flex;flex-wrap:wrap;gap:26px}.sheets svg{background:var(--card)}
svg .head{font-size:12px;fill:var(--ink);font-weight:600}svg .tiny{font-size:9px}
svg .second{font-size:10.5px;fill:var(--accent);font-weight:600}
svg .cel{font-size:11px;fill:var(--ink);font-weight:600;font-variant-numeric:tabular-nums}
svg .note{font-size:10.5px;fill:var(--ink)}svg .lane{font-size:11.5px;fill:var(--ink)}
.said{font-size:17px;line-height:1.5;max-width:76ch}.ja{color:var(--soft)}
td.field{width:210px}td.field b{font-weight:600}td.sure{width:190px;white-space:nowrap}
.reason{color:var(--gold)}.disputed{color:var(--accent)}.numbers{color:var(--soft);font-size:12px}
"""


def explain(clip: Path, out: Path, part: tuple[int, int] | None = None, record: Record | None = None) -> Path:
    """Write the page of a clip, or of its frames [start, end).

    `record` is what was captioned before; by default the clip is measured here. Raises VideoError where it cannot be
    read, ValueError where the part lies outside it.
    """
    if record is None:
        tracks = watch(clip)
        record = record_of(tracks if part is None else tracks.window(*part))
    first = part[0] if part else 0
    out.parent.mkdir(parents=True, exist_ok=True)
    name = clip.name if part is None else f"{clip.name}, frames {part[0]} to {part[1] - 1}"
    out.write_text(html(name, record, _pictures(clip, record, first)), encoding="utf-8")
    return out


def html(name: str, record: Record, pictures: Mapping[int, np.ndarray]) -> str:
    """The page; `pictures` are small RGB frames by their index in the shot."""
    seconds = record.n_frames / float(record.rate)
    said, japanese = directive(record), directive(record, language="ja")
    head = (
        f"<h1>{escape(name)}</h1><p class=soft>{record.width_px} × {record.height_px}, {float(record.rate):.3f} frames "
        f"a second, {record.n_frames} frames, {seconds:.2f} s · taxonomy {escape(record.taxonomy_version)}</p>"
        f"{_warning(record)}<p class=said>{escape(said.summary)}</p><p>{escape(said.description)}</p>"
        f"<p class=ja lang=ja>{escape(japanese.prose)}</p>"
    )
    body = [
        head,
        "<h2>Filmstrip</h2>", _strip(record, pictures),
        "<h2>Time line <small>values that hold for a part of the shot</small></h2>", _time_line(record),
        "<h2>Exposure sheet <small>タイムシート: a number where a drawing is new, a line while it is held</small></h2>",
        f'<div class="card">{sheet(record)}</div>',
        "<h2>Tracks <small>what was measured, frame by frame</small></h2>", _tracks(record.tracks),
        *[_axis(record, axis) for axis in taxonomy().axes],
        _silent(record),
    ]  # fmt: skip
    return page(name, "".join(body), _CSS)


def _pictures(clip: Path, record: Record, first: int) -> dict[int, np.ndarray]:
    wanted = set(_strip_frames(record))
    found = {}
    try:
        for frame in frames(clip):
            if frame.index - first in wanted:
                found[frame.index - first] = frame.rgb(_THUMB_ROWS_PX).copy()
            if len(found) == len(wanted):
                break
    except VideoError:
        if not found:  # what was captioned before it broke can still be shown
            raise
    return found


def _strip_frames(record: Record) -> dict[int, str]:
    """Frames to show -> the event that begins there, or nothing."""
    even = np.linspace(0, record.n_frames - 1, min(_STRIP_FRAMES, record.n_frames)).round().astype(int)
    shown = dict.fromkeys(map(int, even), "")
    events = [
        (span.start, f"{name.partition('.')[2]}: {span.value}")
        for name in ("vfx.impact_frame", "motion.deformation", "camera.transition", "vfx.lines")
        for span in record[name].spans
        if span.value != "none"
    ]
    for start, words in events[:_MAX_EVENT_FRAMES]:
        shown[min(start, record.n_frames - 1)] = words
    return dict(sorted(shown.items()))


def _strip(record: Record, pictures: Mapping[int, np.ndarray]) -> str:
    figures = []
    for index, words in _strip_frames(record).items():
        if index not in pictures:
            continue
        source = base64.b64encode(png(pictures[index])).decode()
        caption = f"{index} · {index / float(record.rate):.2f} s" + (f" · {words}" if words else "")
        figures.append(
            f'<figure class="{"event" if words else "even"}"><img alt="frame {index}" '
            f'src="data:image/png;base64,{source}"><figcaption>{escape(caption)}</figcaption></figure>'
        )
    return f'<div class="strip">{"".join(figures)}</div>'


def png(rgb: np.ndarray) -> bytes:
    """RGB uint8 (H, W, 3) as PNG, each row coded by its difference to the left (PNG specification, filter 1)."""
    height, width = rgb.shape[:2]
    left = np.zeros_like(rgb)
    left[:, 1:] = rgb[:, :-1]
    rows = np.concatenate([np.ones((height, 1), np.uint8), (rgb - left).reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _warning(record: Record) -> str:
    if record["content.flashing"].values != ("flashing",):
        return ""
    words = "<b>This clip flashes.</b> It may harm photosensitive viewers; do not play it in full."
    return f'<div class="card warn">{words}</div>'


def _time_line(record: Record) -> str:
    lanes = {
        name: [(s.value, s.start, s.end) for s in variable.spans if s.value != "none"]
        for name, variable in record.variables().items()
        if variable.known and taxonomy()[name].scope != "ends"
    }
    lanes = {name: spans for name, spans in lanes.items() if spans}
    if not lanes:
        return '<p class="soft">nothing that begins or ends inside the shot</p>'
    left, row_px = 190, 24
    step = (_WIDTH_PX - left) / record.n_frames
    height = row_px * len(lanes) + 22
    parts = [f'<svg viewBox="0 0 {_WIDTH_PX} {height}" width="{_WIDTH_PX}" height="{height}" role="img">']
    rate = float(record.rate)
    every = 1 if record.n_frames / rate <= 12 else 5
    for second in range(0, int(record.n_frames / rate) + 1, every):
        x = left + second * rate * step
        parts.append(f'<path d="M{x:.1f} 0V{height - 16}" stroke="var(--rule)"/>')
        parts.append(f'<text x="{x + 2:.1f}" y="{height - 4}">{second} s</text>')
    for row, (name, spans) in enumerate(lanes.items()):
        y = row * row_px
        parts.append(f'<text class="lane" x="0" y="{y + 16}">{escape(name)}</text>')
        for value, start, end in spans:
            x, width = left + start * step, max((end - start) * step, 2.5)
            parts.append(
                f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="16" rx="4" fill="var(--blue)" '
                f'fill-opacity=".28" stroke="var(--blue)"><title>{escape(value)}: {start}-{end - 1}</title></rect>'
            )
        parts += _labels(spans, left, step, y)
    return f'<div class="card">{"".join(parts)}</svg></div>'


def _labels(spans: Sequence[tuple[str, int, int]], left: float, step: float, y: float) -> list[str]:
    """A name at each span that leaves room for it before the next."""
    starts = sorted((start, value) for value, start, _ in spans)
    parts = []
    for (start, value), (following, _) in pairwise([*starts, (10**9, "")]):
        if (following - start) * step > 7.0 * len(value):
            parts.append(f'<text class="lane" x="{left + start * step + 5:.1f}" y="{y + 16}">{escape(value)}</text>')
    return parts


def _tracks(tracks: Tracks | None) -> str:
    if tracks is None:
        return '<p class="soft">the record has no tracks</p>'
    cards = [f'<div class="card"><b>Path of the camera over the artwork</b>{_path(tracks)}</div>']
    told = {name for _, names in _PLOTS for name in names} | {"drawing_new"}
    rest = [(COLUMNS[name], (name,)) for name in tracks.columns if name not in told]
    for title, names in (*_PLOTS, *rest):
        series = {name: _since_first(tracks, name) for name in names if name in tracks.columns}
        if series:
            cards.append(f'<div class="card"><b>{escape(title)}</b>{series_plot(series, _WIDTH_PX, 96)}</div>')
    shown, more = cards[: len(_PLOTS) + 1], cards[len(_PLOTS) + 1 :]
    fold = f"<details><summary>{len(more)} more tracks</summary>{''.join(more)}</details>" if more else ""
    return "".join(shown) + fold


def _since_first(tracks: Tracks, name: str) -> list[float]:
    """A column; what speaks of the frame before the shot's first is left out."""
    column = tracks[name].astype(float).tolist()
    return column if name in _OF_A_FRAME else [float("nan"), *column[1:]]


def _path(tracks: Tracks) -> str:
    """Where the frame's middle went: the displacements added up, to scale, with the first and last frame."""
    x = np.nan_to_num(np.concatenate([[0], tracks["camera_x"][1:]])).cumsum() * tracks.width_px / tracks.height_px
    y = np.nan_to_num(np.concatenate([[0], tracks["camera_y"][1:]])).cumsum()
    aspect = tracks.width_px / tracks.height_px
    low_x, high_x = float(x.min()) - aspect / 2 - 0.1, float(x.max()) + aspect / 2 + 0.1
    low_y, high_y = float(y.min()) - 0.6, float(y.max()) + 0.6
    scale = min(_WIDTH_PX / (high_x - low_x), 240 / (high_y - low_y))
    width, height = (high_x - low_x) * scale, (high_y - low_y) * scale

    def at(a: float, b: float) -> tuple[float, float]:
        return (a - low_x) * scale, (b - low_y) * scale

    parts = [f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">']
    for index, colour, words in ((0, "var(--green)", "first frame"), (len(x) - 1, "var(--accent)", "last frame")):
        left, top = at(float(x[index]) - aspect / 2, float(y[index]) - 0.5)
        parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{aspect * scale:.1f}" height="{scale:.1f}" fill="none" '
            f'stroke="{colour}"/><text x="{left + 5:.1f}" y="{top + (14 if index == 0 else 28):.1f}" '
            f'style="fill:{colour}">{words}</text>'
        )
    dots = [at(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    line = "L".join(f"{a:.1f} {b:.1f}" for a, b in dots)
    parts.append(f'<path d="M{line}" fill="none" stroke="var(--blue)" stroke-width="1.6"/>')
    parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.7" fill="var(--blue)"/>' for a, b in dots]
    return "".join(parts) + "</svg>"


def _axis(record: Record, axis: str) -> str:
    """The fields of one axis that somebody looked at."""
    rows = "".join(
        _row(record, name, variable)
        for name, variable in record.variables().items()
        if name.startswith(f"{axis}.") and variable.source != "none"
    )
    if not rows:
        return ""
    header = "<tr><th>field</th><th>values</th><th>how sure</th><th>source</th><th>evidence</th></tr>"
    return f'<h2>{axis.title()}</h2><div class="card"><table>{header}{rows}</table></div>'


def _row(record: Record, name: str, variable: Variable) -> str:
    field = taxonomy()[name]
    chips = []
    for value in variable.values:
        ja = field.value(value).ja if value in field.value_ids else "不明"
        chips.append(
            f'<span class="chip {"known" if variable.known else ""}">{escape(value)} <i class=soft>{ja}</i></span>'
        )
    if variable.abstained:
        chips.append(f'<div class="reason">{escape(variable.abstained)}</div>')
    for opinion in variable.disputed:
        chips.append(f'<div class="disputed">{opinion.source} says {escape(" + ".join(opinion.values))}</div>')
    sure = "<br>".join(
        f"{share_bar(p)} <span class=soft>{escape(value)}</span>"
        for value, p in sorted(variable.probability.items(), key=lambda pair: -pair[1])[:4]
    )
    evidence = "<br>".join(
        f"<span title='frames {e.start} to {e.end - 1}'>{escape(e.estimator)} {escape(e.version)}</span> "
        f"<span class=numbers>{escape(', '.join(f'{k} {v:.4g}' for k, v in e.numbers.items()))}</span>"
        for e in variable.evidence
    )
    return (
        f"<tr><td class=field><b>{field.name}</b> <span class=soft>{escape(field.ja)}</span></td><td>{''.join(chips)}"
        f"</td><td class=sure>{sure}</td><td>{variable.source}</td><td>{evidence}</td></tr>"
    )


def _silent(record: Record) -> str:
    """What nobody looked at, in one line."""
    names = [name for name, variable in record.variables().items() if variable.source == "none"]
    if not names:
        return ""
    chips = "".join(f'<span class="chip soft">{escape(name)}</span>' for name in names)
    return f"<h2>Nobody looked at</h2><div class=card>{chips}</div>"
