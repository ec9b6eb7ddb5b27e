"""The exposure sheet (タイムシート) of a record, as an animator reads it: frames downward, layers and camera across.

A drawing's number stands at the frame where it is first exposed, a line below it as long as it is held; a wave where
nobody can tell. Heavy rules mark seconds, light ones every six frames. Three seconds stand in one block, as on paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import numpy as np

from anicaption.lexicon import phrases
from anicaption.measure.cycle import SAME
from anicaption.record import Record

BLOCK_S = 3
_ROW_PX = 13
_HEAD_PX = 34
_FRAME_PX, _CEL_PX, _NOTE_PX = 36, 34, 74
# What the sheet's right-hand columns say: field -> column.
_CAMERA = ("camera.move", "camera.shake", "camera.transition")
_EFFECTS = ("vfx.impact_frame", "vfx.lines", "vfx.element", "vfx.text", "motion.deformation", "motion.accent",
            "content.flashing")  # fmt: skip
_CELS = {"drawing_new": "A"}  # column of the tracks -> name of the cel


@dataclass(frozen=True)
class Bar:
    """An instruction that lasts from frame `start` to before frame `end`, in one lane of its column."""

    words: str
    start: int
    end: int
    lane: int


def exposures(drawing_new: np.ndarray, back_frames: np.ndarray | None = None) -> list[int | None]:
    """The number of the drawing exposed at each frame, counted from 1; None where nobody can tell.

    What comes after such a gap has a new number: it may be another drawing. Where `back_frames` says how many frames
    ago the same drawing stood, it has the number it had, as on paper.
    """
    numbers: list[int | None] = [1]
    last = 1
    for index, new in enumerate(drawing_new[1:].tolist(), 1):
        if math.isnan(new):
            numbers.append(None)
            continue
        if new <= 0 and numbers[-1] is not None:
            numbers.append(numbers[-1])
            continue
        back = float("nan") if back_frames is None else float(back_frames[index])
        known = None if math.isnan(back) or not 0 < back <= index else numbers[index - round(back)]
        if known is None:
            last += 1
        numbers.append(known or last)
    return numbers[: len(drawing_new)]


def sheet(record: Record) -> str:
    """The blocks of the sheet side by side."""
    rows = max(1, round(float(record.rate)))  # rows of a second
    drawings = cels(record)
    columns = [("カメラ", _bars(record, _CAMERA)), ("効果", _bars(record, _EFFECTS))]
    blocks = []
    for start in range(0, record.n_frames, BLOCK_S * rows):
        end = min(start + BLOCK_S * rows, record.n_frames)
        blocks.append(_block(start, end, rows, drawings, columns))
    return f'<div class="sheets">{"".join(blocks)}</div>'


def cels(record: Record) -> dict[str, list[int | None]]:
    """The drawing exposed at each frame, by cel; nothing where the record has no tracks."""
    if record.tracks is None:
        return {}
    tracks = record.tracks
    back = np.where(tracks["repeat_away"] < SAME, tracks["repeat_frames"], np.nan)
    return {_CELS[name]: exposures(tracks[name], back) for name in tracks.columns if name in _CELS}


def _bars(record: Record, fields: tuple[str, ...]) -> list[Bar]:
    """Spans of known values, each in the first lane that is free."""
    spans = [
        (span.start, span.end, phrases(name, span.value, "ja")[0])
        for name in fields
        for span in record[name].spans
        if span.value != "none"
    ]
    busy: list[int] = []
    bars = []
    for start, end, words in sorted(spans):
        lane = next((i for i, until in enumerate(busy) if until <= start), len(busy))
        busy[lane : lane + 1] = [end]
        bars.append(Bar(words, start, end, lane))
    return bars


def _block(
    start: int, end: int, rows: int, cels: dict[str, list[int | None]], columns: list[tuple[str, list[Bar]]]
) -> str:
    lanes = [max((bar.lane for bar in bars), default=0) + 1 for _, bars in columns]
    widths = [_FRAME_PX, *[_CEL_PX] * len(cels), *(max(_NOTE_PX, 26 * n + 8) for n in lanes)]
    edges = [sum(widths[:i]) for i in range(len(widths) + 1)]
    height, width = _HEAD_PX + (end - start) * _ROW_PX, edges[-1]
    parts = [f'<svg viewBox="0 0 {width + 1} {height + 1}" width="{width + 1}" height="{height + 1}" role="img">']
    parts += _rules(start, end, rows, width)
    parts += [f'<path d="M{x}.5 0V{height}" stroke="var(--rule)"/>' for x in edges]
    parts.append(f'<path d="M0 {_HEAD_PX}.5H{width}" stroke="var(--ink)" stroke-width="1.4"/>')
    heads = ["コマ", *cels, *(name for name, _ in columns)]
    for head, x0, x1 in zip(heads, edges, edges[1:], strict=False):
        parts.append(f'<text class="head" x="{(x0 + x1) / 2}" y="21" text-anchor="middle">{escape(head)}</text>')
    for index, numbers in enumerate(cels.values()):
        parts += _cel(numbers, start, end, (edges[index + 1] + edges[index + 2]) / 2)
    for index, (_, bars) in enumerate(columns):
        parts += _notes(bars, start, end, edges[len(cels) + 1 + index])
    return "".join(parts) + "</svg>"


def _rules(start: int, end: int, rows: int, width: int) -> list[str]:
    parts = []
    for frame in range(start, end):
        row = frame - start
        y = _HEAD_PX + (row + 1) * _ROW_PX
        whole, part = (frame + 1) % rows == 0, (frame + 1) % 6 == 0
        colour, weight = ("var(--ink)", 1.3) if whole else ("var(--soft)", 0.6) if part else ("var(--faint)", 1)
        parts.append(f'<path d="M0 {y}H{width}" stroke="{colour}" stroke-width="{weight}"/>')
        if (frame + 1) % 2 == 0 or end - start == 1:
            parts.append(f'<text class="tiny" x="{_FRAME_PX - 5}" y="{y - 3}" text-anchor="end">{frame + 1}</text>')
        if whole:
            parts.append(f'<text class="second" x="3" y="{y - 3}">{(frame + 1) // rows}″</text>')
    return parts


def _cel(numbers: list[int | None], start: int, end: int, x: float) -> list[str]:
    parts = []
    for frame in range(start, end):
        number = numbers[frame]
        y = _HEAD_PX + (frame - start) * _ROW_PX
        if number is None:
            parts.append(
                f'<path d="M{x} {y}q4 {_ROW_PX / 4} 0 {_ROW_PX / 2}t0 {_ROW_PX / 2}" fill="none" '
                f'stroke="var(--gold)"><title>frame {frame + 1}: cannot tell</title></path>'
            )
        elif frame == 0 or numbers[frame - 1] != number or frame == start:
            held = frame != 0 and numbers[frame - 1] == number
            text = f"({number})" if held else str(number)
            parts.append(f'<text class="cel" x="{x}" y="{y + 10.5}" text-anchor="middle">{text}</text>')
        else:
            parts.append(f'<path d="M{x} {y}V{y + _ROW_PX}" stroke="var(--ink)" stroke-width="1.1"/>')
    return parts


def _notes(bars: list[Bar], start: int, end: int, left: float) -> list[str]:
    parts = []
    for bar in bars:
        first, last = max(bar.start, start), min(bar.end, end)
        if first >= last:
            continue
        x = left + 12 + 26 * bar.lane
        top, bottom = _HEAD_PX + (first - start) * _ROW_PX + 2, _HEAD_PX + (last - start) * _ROW_PX - 2
        opening = f"M{x - 5} {top}H{x + 5}" if first == bar.start else ""
        closing = f"M{x - 5} {bottom}H{x + 5}" if last == bar.end else ""
        title = f"{bar.words}: {bar.start + 1}-{bar.end}"
        parts.append(
            f'<path d="{opening}M{x} {top}V{bottom}{closing}" fill="none" stroke="var(--accent)" stroke-width="1.6">'
            f"<title>{escape(title)}</title></path>"
            f'<text class="note" x="{x + 5}" y="{top + 2}" writing-mode="vertical-rl">{escape(bar.words)}</text>'
        )
    return parts
