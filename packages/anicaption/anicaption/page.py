"""The look of our pages: one self-contained HTML file, light and dark, and plots drawn as SVG by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

CSS = """
:root{color-scheme:light dark;
--paper:#faf8f3;--card:#fffefb;--ink:#22211f;--soft:#77736b;--rule:#e2dccf;--faint:#f1ede3;
--accent:#c8452d;--blue:#2f6db5;--green:#3b8a58;--gold:#b8860b;--violet:#7d55a8}
@media(prefers-color-scheme:dark){:root{--paper:#191a1d;--card:#212327;--ink:#ebe8e1;--soft:#98958d;--rule:#383a3f;
--faint:#292b30;--accent:#ef7a5e;--blue:#7fb2ea;--green:#76c294;--gold:#dcb251;--violet:#b79adf}}
*{box-sizing:border-box}
body{margin:0 auto;padding:36px 32px 64px;max-width:1280px;background:var(--paper);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans CJK JP","Noto Sans JP",sans-serif}
h1{font-size:26px;line-height:1.25;margin:0 0 4px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:17px;margin:38px 0 10px;letter-spacing:.01em}
h2 small,.soft{color:var(--soft);font-weight:400;font-size:13px}
p{margin:6px 0;max-width:78ch}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:16px 18px;margin:10px 0;
overflow-x:auto}
.warn{border-color:var(--accent);border-left-width:5px}
.num{font-variant-numeric:tabular-nums;text-align:right}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{font-weight:600;text-align:left;color:var(--soft);font-size:12px;border-bottom:1px solid var(--rule);padding:4px 8px}
th.num{text-align:right}
td{padding:5px 8px;border-bottom:1px solid var(--faint);vertical-align:top}
code{font:12.5px ui-monospace,"SF Mono",Menlo,monospace}
svg{display:block;max-width:100%}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(280px,1fr));gap:14px}
.chip{display:inline-block;border-radius:99px;padding:1px 9px;margin:1px 3px 1px 0;background:var(--faint);
border:1px solid var(--rule);font-size:12.5px;white-space:nowrap}
.chip.known{border-color:var(--blue)}.chip.wrong{border-color:var(--accent)}
.bar{display:inline-block;height:7px;border-radius:4px;background:var(--blue);vertical-align:middle}
.track{display:inline-block;width:84px;height:7px;border-radius:4px;background:var(--faint);vertical-align:middle;
margin-right:7px;overflow:hidden;line-height:0}
"""


def page(title: str, body: str, css: str = "") -> str:
    """A whole document that needs nothing beside itself."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}{css}</style></head><body>{body}</body></html>\n"
    )


def share_bar(share: float | None) -> str:
    """A share of 0..1 as a short bar and its number; a dash where there is none."""
    if share is None or math.isnan(share):
        return '<span class="soft">–</span>'
    width = 100 * min(max(share, 0.0), 1.0)
    return f'<span class="track"><span class="bar" style="width:{width:.0f}%"></span></span>{share:.2f}'


def unit_plot(
    points: Sequence[tuple[float, float]],
    x_label: str,
    y_label: str,
    *,
    line: bool = True,
    diagonal: bool = False,
    sizes: Sequence[float] = (),
    size_px: int = 230,
) -> str:
    """Points in the unit square, joined where `line`; `sizes` are radii of dots in pixels."""
    left, top, side = 34, 8, size_px - 50

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * side, top + (1 - y) * side

    parts = [f'<svg viewBox="0 0 {size_px} {size_px}" width="{size_px}" height="{size_px}" role="img">']
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x, y = at(tick, tick)
        parts.append(f'<path d="M{left} {y:.1f}H{left + side}M{x:.1f} {top}V{top + side}" stroke="var(--faint)"/>')
        if tick in (0, 0.5, 1):
            parts.append(f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
            parts.append(f'<text x="{x:.1f}" y="{top + side + 14}" text-anchor="middle">{tick:g}</text>')
    if diagonal:
        parts.append(
            f'<path d="M{left} {top + side}L{left + side} {top}" stroke="var(--soft)" stroke-dasharray="3 4"/>'
        )
    placed = [at(x, y) for x, y in points]
    if line and len(placed) > 1:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        parts.append(f'<path d="M{path}" fill="none" stroke="var(--blue)" stroke-width="2" stroke-linejoin="round"/>')
    for index, (x, y) in enumerate(placed):
        radius = sizes[index] if sizes else 2.5
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="var(--blue)" fill-opacity=".75"/>')
    middle = left + side / 2
    parts.append(f'<text x="{middle}" y="{size_px - 4}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(
        f'<text x="9" y="{top + side / 2}" text-anchor="middle" '
        f'transform="rotate(-90 9 {top + side / 2})">{escape(y_label)}</text></svg>'
    )
    return "".join(parts)


def series_plot(
    series: Mapping[str, Sequence[float]], width_px: int, height_px: int, unit: str = "", zero: bool = True
) -> str:
    """Numbers per frame as lines over one another, one colour each, named at the top.

    A line breaks where its numbers are NaN, but goes on between the frames of one that is measured now and then only.
    """
    colours = ("var(--blue)", "var(--accent)", "var(--green)", "var(--violet)", "var(--gold)")
    known = [x for values in series.values() for x in values if not math.isnan(x)]
    if not known:
        return '<p class="soft">nothing was measured</p>'
    low, high = min(known), max(known)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    reach = (high - low) or 1.0
    n_frames = max(len(values) for values in series.values())
    step = width_px / max(n_frames, 1)

    def y(value: float) -> float:
        return 20 + (high - value) / reach * (height_px - 36)

    parts = [f'<svg viewBox="0 0 {width_px} {height_px}" width="{width_px}" height="{height_px}" role="img">']
    if low <= 0 <= high:
        parts.append(f'<path d="M0 {y(0):.1f}H{width_px}" stroke="var(--rule)"/>')
    for (_, values), colour in zip(series.items(), colours * 3, strict=False):
        path, pen_down = "", False
        sampled = sum(map(math.isnan, values)) > len(values) / 2
        for index, value in enumerate(values):
            if math.isnan(value):
                pen_down = pen_down and sampled
                continue
            path += f"{'L' if pen_down else 'M'}{(index + 0.5) * step:.1f} {y(value):.1f}"
            pen_down = True
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"/>')
    legend = "".join(
        f'<tspan fill="{colour}" dx="8">{escape(name)}</tspan>'
        for name, colour in zip(series, colours * 3, strict=False)
    )
    parts.append(f'<text x="2" y="13">{high:.3g}{escape(unit)}{legend}</text>')
    parts.append(f'<text x="2" y="{height_px - 3}">{low:.3g}{escape(unit)}</text></svg>')
    return "".join(parts)
