"""A study as a table for the terminal, and as one page with plots."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from anicaption.page import page

from animatrix_reward.dimensions import BY_ID, OVERALL
from animatrix_reward.study import Line, Study, Wins

_COLOURS: tuple[str, ...] = (
    "var(--soft)",
    "var(--blue)",
    "var(--accent)",
    "var(--green)",
    "var(--violet)",
    "var(--gold)",
)
_CSS = (
    "td.model{white-space:nowrap}.swatch{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:7px}"
)


def text(study: Study) -> str:
    """The table for people: a line per dimension and model, then win rates and agreement."""
    rows = [f"{'dimension':24}{'model':20}{'mean':>6}  {'95 % interval':16}{'difference':>12}{'%':>8}"]
    for line in study.lines:
        change = "" if line.difference is None else f"{line.difference:+.2f}{line.percent:+8.1f}"
        interval = f"{line.low:.2f} to {line.high:.2f}"
        rows.append(f"{_name(line.dimension):24}{line.model:20}{line.mean:6.2f}  {interval:16}{change:>20}")
    rows.append("")
    for wins in study.wins:
        rows.append(f"{_name(wins.by):24}{wins.model:20}{_words(wins)}")
    rows.append("")
    for dimension, alpha in study.alphas.items():
        value = f"{alpha.value:.3f}" if alpha.value is not None else f"not defined: {alpha.why}"
        rows.append(f"{_name(dimension):24}alpha {value} ({alpha.n_units} clips, {alpha.n_pairable} scores)")
    return "\n".join(rows)


def html(study: Study) -> str:
    """The whole page."""
    dimensions = list(dict.fromkeys(line.dimension for line in study.lines))
    models = list(dict.fromkeys(line.model for line in study.lines))
    colour = dict(zip(models, _COLOURS * (1 + len(models) // len(_COLOURS))))
    n_prompts = max(line.n_prompts for line in study.lines)
    scores = ("dimension", "model", "#mean", "#interval", "#difference", "#interval", "#%", "#prompts")
    wins = ("by", "model", "", "#win", "#equal", "#lose", "#win + equal / 2", "#n")
    agreed = [
        f"<tr><td>{escape(_name(name))}</td><td class='num'>{_number(alpha.value)}</td>"
        f"<td class='soft'>{escape(alpha.why) or f'{alpha.n_units} clips, {alpha.n_pairable} scores'}</td></tr>"
        for name, alpha in study.alphas.items()
    ]
    parts = [
        f"<h1>Human study</h1><p class='soft'>{len(models)} models, {n_prompts} prompts, {study.n_events} events, "
        f"differences from <b>{escape(study.baseline)}</b>; intervals of 95 % over prompts drawn again.</p>",
        f"<div class='card'>{_plot(study.lines, dimensions, models, colour)}</div>",
        "<h2>Scores <small>1 to 5, mean over a prompt's raters, then over prompts</small></h2>",
        _table(scores, [_row(line, colour[line.model]) for line in study.lines]),
        "<h2>Wins <small>against the baseline, one rater on one prompt</small></h2>",
        _table(wins, [_win_row(one, colour.get(one.model, "var(--blue)")) for one in study.wins]),
        "<h2>Agreement <small>Krippendorff's alpha, ordinal</small></h2>",
        _table(("dimension", "#alpha", "over"), agreed),
    ]
    return page("Human study", "".join(parts), _CSS)


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    """A card with a table; a head that begins with # stands over numbers."""
    cells = "".join(f"<th{' class=num' * head.startswith('#')}>{escape(head.lstrip('#'))}</th>" for head in heads)
    return f"<div class='card'><table><tr>{cells}</tr>{''.join(rows)}</table></div>"


def _plot(lines: Sequence[Line], dimensions: Sequence[str], models: Sequence[str], colour: dict[str, str]) -> str:
    """Means with their intervals, a band per dimension, 1 to 5 across."""
    left, right, row_px, gap_px, top = 190, 40, 17, 16, 30
    width = 980
    height = top + len(dimensions) * (len(models) * row_px + gap_px) + 26

    def x(score: float) -> float:
        return left + (score - 1) / 4 * (width - left - right)

    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">']
    for score in (1, 2, 3, 4, 5):
        parts.append(f'<path d="M{x(score):.1f} {top - 8}V{height - 22}" stroke="var(--faint)"/>')
        parts.append(f'<text x="{x(score):.1f}" y="{height - 6}" text-anchor="middle">{score}</text>')
    at = 0.0
    for model in models:
        parts.append(f'<circle cx="{left + at}" cy="11" r="4.5" fill="{colour[model]}"/>')
        parts.append(f'<text x="{left + at + 9}" y="15">{escape(model)}</text>')
        at += 30 + 7 * len(model)
    y = float(top)
    for dimension in dimensions:
        middle = y + len(models) * row_px / 2
        parts.append(f'<text x="{left - 14}" y="{middle + 4:.1f}" text-anchor="end">{escape(_name(dimension))}</text>')
        for model in models:
            line = next((one for one in lines if (one.model, one.dimension) == (model, dimension)), None)
            if line:
                centre = y + row_px / 2
                parts.append(
                    f'<path d="M{x(line.low):.1f} {centre:.1f}H{x(line.high):.1f}" stroke="{colour[model]}" '
                    f'stroke-width="3" stroke-linecap="round" stroke-opacity=".45"/>'
                    f'<circle cx="{x(line.mean):.1f}" cy="{centre:.1f}" r="4.5" fill="{colour[model]}"/>'
                    f'<text x="{x(line.high) + 9:.1f}" y="{centre + 4:.1f}">{line.mean:.2f}</text>'
                )
            y += row_px
        y += gap_px
    return "".join(parts) + "</svg>"


def _row(line: Line, colour: str) -> str:
    if line.difference is None or line.difference_low is None or line.difference_high is None or line.percent is None:
        change = "<td class='num soft'>baseline</td><td></td><td></td>"
    else:
        sure = line.difference_low > 0 or line.difference_high < 0
        number = f"{line.difference:+.2f}"
        change = (
            f"<td class='num'>{f'<b>{number}</b>' if sure else number}</td>"
            f"<td class='num soft'>{line.difference_low:+.2f} to {line.difference_high:+.2f}</td>"
            f"<td class='num'>{line.percent:+.1f}</td>"
        )
    return (
        f"<tr><td>{escape(_name(line.dimension))}</td><td class='model'>{_swatch(colour)}{escape(line.model)}</td>"
        f"<td class='num'>{line.mean:.2f}</td><td class='num soft'>{line.low:.2f} to {line.high:.2f}</td>{change}"
        f"<td class='num'>{line.n_prompts}</td></tr>"
    )


def _win_row(wins: Wins, colour: str) -> str:
    if not wins.n:
        return (
            f"<tr><td>{escape(_name(wins.by))}</td><td class='model'>{_swatch(colour)}{escape(wins.model)}</td>"
            "<td class='soft' colspan='6'>no rater scored both on one prompt</td></tr>"
        )
    bars, at = [], 0.0
    for share, fill in ((wins.win, "var(--green)"), (wins.tie, "var(--rule)"), (wins.lose, "var(--accent)")):
        bars.append(f'<rect x="{at:.1f}" y="2" width="{share * 220:.1f}" height="11" fill="{fill}"/>')
        at += share * 220
    picture = f'<svg viewBox="0 0 220 15" width="220" height="15" role="img">{"".join(bars)}</svg>'
    cells = "".join(f"<td class='num'>{share:.2f}</td>" for share in (wins.win, wins.tie, wins.lose))
    interval = f"<span class='soft'>({wins.low:.2f} to {wins.high:.2f})</span>"
    return (
        f"<tr><td>{escape(_name(wins.by))}</td><td class='model'>{_swatch(colour)}{escape(wins.model)}</td>"
        f"<td>{picture}</td>{cells}<td class='num'>{wins.win + wins.tie / 2:.2f} {interval}</td>"
        f"<td class='num'>{wins.n}</td></tr>"
    )


def _swatch(colour: str) -> str:
    return f'<span class="swatch" style="background:{colour}"></span>'


def _words(wins: Wins) -> str:
    if not wins.n:
        return "no rater scored both on one prompt"
    even = wins.win + wins.tie / 2
    return (
        f"win {wins.win:.2f}  equal {wins.tie:.2f}  lose {wins.lose:.2f}  "
        f"({even:.2f}, {wins.low:.2f} to {wins.high:.2f}; n {wins.n})"
    )


def _name(dimension: str) -> str:
    return "Side by side" if dimension == OVERALL else BY_ID[dimension].name_en


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
