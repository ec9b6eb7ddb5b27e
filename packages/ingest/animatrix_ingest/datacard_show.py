"""A data card's sections as Markdown and as one self-contained page, light and dark, with bars drawn as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

BAR_CELLS = 24
CSS = """
body { max-width: 1020px; }
h1 + p { max-width: 74ch; color: var(--soft); }
h2 { margin-top: 56px; }
h3 { margin: 26px 0 4px; }
table { width: auto; min-width: 46%; }
td, th { padding-right: 28px; }
td:last-child, th:last-child { padding-right: 0; }
.bars { columns: 2 380px; column-gap: 44px; margin-top: 14px; }
.numbers + .bars { margin-top: 34px; } .scroll + p, .bars + p { margin-top: 16px; }
.bars > div { break-inside: avoid; margin: 0 0 22px; }
.bars h4 { margin: 0 0 5px; font-size: 14px; font-weight: 600; display: flex; justify-content: space-between; }
.bars h4 span { font-weight: 400; color: var(--soft); font-size: 12.5px; white-space: nowrap; }
.bars svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 12.5px; } svg text.n { fill: var(--soft); }
svg .back { fill: var(--track); } svg rect.bar { fill: var(--axis); } svg .grave { fill: var(--dead); }
ul { padding-left: 18px; max-width: 78ch; } li { margin: 4px 0; }
@media print { body { padding: 0; max-width: none; } h2 { break-after: avoid; } }
"""


@dataclass(frozen=True)
class Text:
    """A paragraph, or a list where there are several lines; `grave` is set apart."""

    lines: tuple[str, ...]
    grave: bool = False


@dataclass(frozen=True)
class Numbers:
    """The few figures that say how big something is: (number, what)."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows under a header; columns whose name ends in `#` hold numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bars:
    """How often each thing occurs. `tone` names the colour: one of the taxonomy's axes; the bar `grave` is red."""

    title: str
    note: str
    counts: tuple[tuple[str, float], ...]
    tone: str = "content"
    grave: str = ""


Block = Text | Numbers | Table | Bars


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


def markdown(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The card as Markdown that reads well unrendered."""
    parts = [f"# {title}", lead]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += [_markdown(block) for block in section.blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The card as one HTML file that needs nothing beside itself."""
    body = [f"<h1>{escape(title)}</h1><p>{escape(lead)}</p>"]
    for section in sections:
        if section.title:
            body.append(f"<h2>{escape(section.title)}</h2>")
        body += _html(section.blocks)
    css = (files("animatrix_ingest") / "report.css").read_text("utf-8")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><style>{css}{CSS}</style></head><body>\n' + "\n".join(body) + "\n</body></html>\n"
    )


def number(value: float) -> str:
    """Whole numbers with separators, others with three digits."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"


def _markdown(block: Block) -> str:
    if isinstance(block, Text):
        if len(block.lines) == 1:
            return f"**{block.lines[0]}**" if block.grave else block.lines[0]
        return "\n".join(f"- {line}" for line in block.lines)
    if isinstance(block, Numbers):
        return "\n".join(f"- {what}: {value}" for value, what in block.pairs)
    if isinstance(block, Table):
        return _rows([tuple(name.rstrip("#") for name in block.header), *block.rows], _right(block))
    most = max((n for _, n in block.counts), default=1) or 1
    rows = [(name, number(n), "█" * max(1 if n else 0, round(BAR_CELLS * n / most))) for name, n in block.counts]
    title = f"**{block.title}**" + (f" ({block.note})" if block.note else "")
    return f"{title}\n\n" + _rows([("", "", ""), *rows], (False, True, False))


def _right(table: Table) -> tuple[bool, ...]:
    return tuple(name.endswith("#") for name in table.header)


def _rows(rows: Sequence[tuple[str, ...]], right: Sequence[bool]) -> str:
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(right))]
    lines = [
        "| " + " | ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right)) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _html(blocks: Sequence[Block]) -> list[str]:
    parts: list[str] = []
    bars: list[str] = []
    for block in [*blocks, None]:
        if isinstance(block, Bars):
            bars.append(_bars(block))
            continue
        if bars:
            parts.append(f"<div class=bars>{''.join(bars)}</div>")
            bars = []
        if isinstance(block, Text):
            lines = [escape(line) for line in block.lines]
            tone = " class=warning" if block.grave else ""
            one = f"<p{tone}>{lines[0]}</p>" if len(lines) == 1 else ""
            parts.append(one or "<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>")
        elif isinstance(block, Numbers):
            cells = "".join(f"<div><b>{escape(n)}</b><span>{escape(what)}</span></div>" for n, what in block.pairs)
            parts.append(f"<div class=numbers>{cells}</div>")
        elif isinstance(block, Table):
            parts.append(_table(block))
    return parts


def _table(table: Table) -> str:
    right = _right(table)
    head = "".join(f"<th{' class=n' * r}>{escape(name.rstrip('#'))}" for name, r in zip(table.header, right))
    rows = "".join(
        "<tr>" + "".join(f"<td{' class=n' * r}>{escape(cell)}" for cell, r in zip(row, right)) + "</tr>"
        for row in table.rows
    )
    return f"<div class=scroll><table><tr>{head}</tr>{rows}</table></div>"


def _bars(bars: Bars) -> str:
    most = max((n for _, n in bars.counts), default=1) or 1
    step, name_px, number_px, width_px = 20, 156, 58, 440
    room_px = width_px - name_px - number_px
    rows = []
    for i, (name, n) in enumerate(bars.counts):
        y = i * step
        length = max(2.0 if n else 0.0, room_px * n / most)
        kind = "grave" if name == bars.grave else "bar"
        shown = name if len(name) <= 24 else f"{name[:23]}…"
        rows.append(
            f'<text x="0" y="{y + 14}">{escape(shown)}<title>{escape(name)}</title></text>'
            f'<rect class="back" x="{name_px}" y="{y + 6}" width="{room_px}" height="8" rx="4"/>'
            f'<rect class="{kind}" x="{name_px}" y="{y + 6}" width="{length:.1f}" height="8" rx="4"/>'
            f'<text class="n" x="{width_px}" y="{y + 14}" text-anchor="end">{number(n)}</text>'
        )
    return (
        f'<div class="{bars.tone}"><h4>{escape(bars.title)}<span>{escape(bars.note)}</span></h4>'
        f'<svg viewBox="0 0 {width_px} {len(bars.counts) * step}" role="img" aria-label="{escape(bars.title)}">'
        f"{''.join(rows)}</svg></div>"
    )
