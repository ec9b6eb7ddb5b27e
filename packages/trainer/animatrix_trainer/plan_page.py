"""What a recipe will draw of a data set, before any compute is spent: a page with plots, and a table for the terminal.

The numbers are expectations (data/expected.py): nothing is drawn, decoded or trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pyarrow as pa
from anicaption.page import page
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN
from animatrix_ingest.keep.annotations import load_labels
from animatrix_ingest.keep.store import Store, open_store
from animatrix_ingest.keep.tables import pc

from animatrix_trainer.config import NEWEST, Data, Recipe, RecipeError
from animatrix_trainer.data.choose import Chosen, beside, choose
from animatrix_trainer.data.difficulty import traits
from animatrix_trainer.data.expected import BANDS, StageView, band, views
from animatrix_trainer.data.plan import Plan

AXES = {"style": "style.tradition", "motion": "motion.performance", "camera": "camera.move", "vfx": "vfx.element"}
"""The fields that the data set's rebalancing weights even out."""
TASKS = ("picture", "text to video", "first frame given", "both ends given", "key frames given")
SILENT = {UNKNOWN, NOT_APPLICABLE}
SHOWN_CLIPS, SHOWN_VALUES = 12, 8
OFTEN = 40
"""Draws of a clip, mean over a bucket's pool, from which a page warns that it will be learnt by heart."""


@dataclass(frozen=True, eq=False)
class Axis:
    """The values of a field: how many of a stage's clips have each, and how often such a clip is drawn."""

    field: str
    values: tuple[str, ...]
    clips: np.ndarray
    draws: np.ndarray


@dataclass(frozen=True)
class Overview:
    """All that is shown."""

    recipe: Recipe
    read: str
    notes: tuple[str, ...]
    stages: tuple[StageView, ...]
    axes: tuple[tuple[Axis, ...], ...]
    keys: pa.ChunkedArray

    @property
    def draws(self) -> np.ndarray:
        """Expected draws of each clip over the whole run."""
        return np.sum([stage.draws for stage in self.stages], axis=0)

    def warnings(self) -> list[str]:
        """What is worth a second look before the run."""
        found = []
        for stage in self.stages:
            for view in stage.views:
                place = f"stage {stage.stage.name}, {name_of(view.bucket.window)}"
                if not view.n_steps:
                    found.append(f"{place}: no step of the run has this bucket; give it a greater share or more steps")
                elif view.epochs > OFTEN:
                    found.append(
                        f"{place}: {view.n_clips:,} clips are drawn {view.epochs:,.0f} times each; "
                        "give fewer steps, a lower tier or more clips"
                    )
        return found


def overview(recipe: Recipe, shards: str, data: Data = NEWEST) -> Overview:
    """What the recipe will draw of this data set. DataError where it can draw nothing."""
    store = open_store(shards)
    chosen = choose(store, data)
    known, notes = traits(store, chosen, recipe)
    plan = Plan(recipe, known)
    stages = views(recipe, plan)
    if not stages:
        raise RecipeError(f"recipe {recipe.name}: learns from pairs only; nothing is drawn of {shards}")
    axes = tuple(_axes(store, chosen, stage) for stage in stages)
    paired = tuple(
        f"stage {stage.name}: {stage.steps:,} steps on pairs (--pairs), none on clips of the data set"
        for stage in recipe.stages
        if stage.objective == "preference"
    )
    return Overview(recipe, chosen.reading.words(), (*chosen.notes, *notes, *paired), stages, axes, chosen.clips["key"])


def text(over: Overview) -> str:
    """A table for the terminal."""
    lines = [f"recipe {over.recipe.name}: {over.recipe.steps:,} steps", over.read, *over.notes, ""]
    header = ("stage", "bucket", "clips", "steps", "samples", "tokens", "times a clip", "frames shown")
    rows: list[tuple[str, ...]] = [header]
    for stage in over.stages:
        for view in stage.views:
            rows.append(
                (
                    stage.stage.name,
                    name_of(view.bucket.window),
                    f"{view.n_clips:,}",
                    f"{view.n_steps:,}",
                    f"{view.n_samples:,}",
                    short(view.n_samples * view.tokens),
                    f"{view.epochs:.2f}",
                    f"{100 * view.frames_shown:.0f} %",
                )
            )
    widths = [max(len(row[at]) for row in rows) for at in range(len(header))]
    lines += [
        "  ".join(f"{cell:<{w}}" if at < 2 else f"{cell:>{w}}" for at, (cell, w) in enumerate(zip(row, widths)))
        for row in rows
    ]
    for stage in over.stages:
        if stage.bands is not None:
            first, last = (_shares(stage.bands[at]) for at in (0, -1))
            lines.append(f"{stage.stage.name}: from {BANDS[0]} to {BANDS[-1]}, at first {first}, at last {last}")
    return "\n".join([*lines, *(f"note: {words}" for words in over.warnings())])


def html(over: Overview) -> str:
    """One self-contained page."""
    tokens = sum(stage.n_tokens for stage in over.stages)
    samples = sum(stage.n_samples for stage in over.stages)
    drawn = over.draws > 0
    numbers = [
        (f"{over.recipe.steps:,}", "steps"),
        (f"{samples:,}", "samples"),
        (short(tokens), "tokens"),
        (f"{int(drawn.sum()):,} of {len(drawn):,}", "clips drawn"),
        (f"{over.draws.max(initial=0):,.1f}", "times the most drawn clip"),
    ]
    cells = "".join(f"<div><b>{number}</b><span>{what}</span></div>" for number, what in numbers)
    notes = "".join(f"<p class=soft>{escape(words)}</p>" for words in over.notes)
    warned = "".join(f"<div>{escape(words)}</div>" for words in over.warnings())
    warned = f'<div class="card warn">{warned}</div>' if warned else ""
    body = (
        f"<h1>{escape(over.recipe.name)}: what is drawn when</h1><p class=soft>{escape(over.read)}. Expected numbers; "
        f"nothing was drawn or trained.</p>{notes}<div class=numbers>{cells}</div>{warned}"
        f"{_timeline(over)}{''.join(_stage(stage, axes) for stage, axes in zip(over.stages, over.axes, strict=True))}"
        f"{_most(over)}"
    )
    return page(f"{over.recipe.name}: plan", body, CSS)


def name_of(window) -> str:
    frames = "picture" if window.frames == 1 else f"{window.frames} frames"
    return f"{frames} {window.width_px}x{window.height_px}"


def short(number: float) -> str:
    """1.23 G and the like."""
    for unit in ("", " k", " M", " G", " T"):
        if abs(number) < 1000 or unit == " T":
            break
        number /= 1000
    return f"{number:.3g}{unit}"


def _axes(store: Store, chosen: Chosen, stage: StageView) -> tuple[Axis, ...]:
    number, keys = chosen.reading.labels, chosen.clips["key"]
    columns = beside(store, keys, "tags", load_labels(store, number).kinds, number, tuple(AXES.values()))
    return tuple(_axis(name, columns[name], stage) for name in AXES.values() if name in columns)


def _axis(name: str, column: pa.ChunkedArray, stage: StageView) -> Axis:
    lists = column.cast(pa.list_(pa.string())).combine_chunks()
    clip = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    words = pc.list_flatten(lists).dictionary_encode()
    value, names = words.indices.to_numpy(zero_copy_only=False), words.dictionary.to_pylist()
    clips = np.bincount(value, stage.seen[clip], minlength=len(names))
    draws = np.bincount(value, stage.draws[clip], minlength=len(names))
    order = [at for at in np.argsort(-clips, kind="stable") if clips[at] > 0]
    return Axis(name, tuple(names[at] for at in order), clips[order], draws[order])


def _timeline(over: Overview) -> str:
    stages = over.stages
    windows = list(dict.fromkeys(name_of(view.bucket.window) for stage in stages for view in stage.views))
    buckets = [np.zeros((len(stage.ends), len(windows))) for stage in stages]
    for shares, stage in zip(buckets, stages, strict=True):
        for at, view in enumerate(stage.views):
            shares[:, windows.index(name_of(view.bucket.window))] += stage.buckets[:, at]
    charts = []
    if any(stage.bands is not None for stage in stages):
        bands = [np.zeros((len(s.ends), len(BANDS))) if s.bands is None else s.bands for s in stages]
        charts.append(("Difficulty", "share of the samples, by quarter of D", BANDS, bands, RAMP))
    charts.append(("Sizes", "share of the steps", windows, buckets, COLOURS))
    charts.append(("Tasks", "share of the samples", TASKS, [stage.tasks for stage in stages], COLOURS))
    parts = [
        f"<h3>{title} <small>{what}</small></h3>{_legend(names, *drawn)}{_areas(stages, names, *drawn)}"
        for title, what, names, *drawn in charts
    ]
    head = f"<h2>What is drawn when <small>over {over.stages[-1].ends[-1]:,} steps</small></h2>"
    return f"{head}<div class=card>{''.join(parts)}</div>"


COLOURS = ("var(--blue)", "var(--gold)", "var(--green)", "var(--violet)", "var(--accent)", "var(--soft)")
RAMP = tuple(
    f"color-mix(in srgb, var(--accent) {share} %, var(--faint))".replace(" %", "%") for share in (18, 42, 70, 100)
)
WIDTH, HEIGHT, LETTER_PX = 1180, 118, 6.2


def _legend(names: Sequence[str], shares: Sequence[np.ndarray], colours: Sequence[str]) -> str:
    used = np.concatenate(shares).max(axis=0) > 0
    items = [
        f'<span class=key><i style="background:{colours[at % len(colours)]}"></i>{escape(name)}</span>'
        for at, name in enumerate(names)
        if used[at]
    ]
    return f"<div class=keys>{''.join(items)}</div>"


def _areas(
    stages: Sequence[StageView], names: Sequence[str], shares: Sequence[np.ndarray], colours: Sequence[str]
) -> str:
    """Shares (S, K) of every stage, stacked to 1, over the steps; each bin as wide as its steps."""
    total = int(stages[-1].ends[-1])
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 22}" role="img">']
    for stage, share_SK in zip(stages, shares, strict=True):
        edges = np.concatenate([[stage.first_step], stage.ends]) / total * WIDTH
        tops = np.concatenate([np.zeros((len(share_SK), 1)), np.cumsum(share_SK, axis=1)], axis=1) * HEIGHT
        for at, name in enumerate(names):
            if not share_SK[:, at].any():
                continue
            over = [f"{x:.1f} {HEIGHT - y:.1f}" for a, b, y in zip(edges, edges[1:], tops[:, at + 1]) for x in (a, b)]
            under = [f"{x:.1f} {HEIGHT - y:.1f}" for a, b, y in zip(edges, edges[1:], tops[:, at]) for x in (a, b)]
            first, last = _percent(share_SK[0, at]), _percent(share_SK[-1, at])
            said = f"{stage.stage.name}, {name}: {first} at first, {last} at last"
            parts.append(
                f'<path d="M{"L".join(over + under[::-1])}Z" fill="{colours[at % len(colours)]}">'
                f"<title>{escape(said)}</title></path>"
            )
        if not share_SK.any():
            middle = (edges[0] + edges[-1]) / 2
            parts.append(f'<text x="{middle:.0f}" y="{HEIGHT / 2:.0f}" text-anchor="middle">not measured</text>')
        if stage.first_step:
            parts.append(f'<path d="M{edges[0]:.1f} 0V{HEIGHT + 18}" stroke="var(--ink)" stroke-width="1.5"/>')
        room = (edges[-1] - edges[0] - 8) / LETTER_PX
        labels = (f"{stage.stage.name} from {stage.first_step:,}", stage.stage.name, "")
        label = next(words for words in labels if len(words) <= room or not words)
        parts.append(f'<text x="{edges[0] + 5:.1f}" y="{HEIGHT + 15}">{escape(label)}</text>')
    return "".join([*parts, "</svg>"])


def _stage(stage: StageView, axes: Sequence[Axis]) -> str:
    settings = stage.stage
    parts = ", ".join(settings.difficulty)
    how = f"{parts}; gamma {settings.gamma:g}, beta {settings.beta:g}"
    weights = {
        "uniform": "every clip once an epoch",
        "balanced": "by rebalancing weight, with replacement",
        "curriculum": f"by rebalancing weight and difficulty ({how}), with replacement",
        "hardest": f"the hardest quarter ({parts}) by rebalancing weight, with replacement",
    }[settings.weights]
    replay = f", {_percent(settings.replay)} replayed from earlier stages" if settings.replay else ""
    rows = "".join(
        f"<tr><td>{name_of(view.bucket.window)}<td class=num>{view.bucket.batch:,}<td class=num>{view.n_clips:,}"
        f"<td class=num>{view.n_steps:,}<td class=num>{view.n_samples:,}<td class=num>{view.epochs:,.2f}"
        f"<td class=num>{view.tokens:,}<td class=num>{short(view.n_samples * view.tokens)}"
        f"<td class=num>{_percent(view.frames_shown)}</tr>"
        for view in stage.views
    )
    table = (
        "<table><tr><th>size<th class=num>batch<th class=num>clips<th class=num>steps<th class=num>samples"
        "<th class=num>times a clip<th class=num>tokens a sample<th class=num>tokens<th class=num>of a clip's frames"
        f"</tr>{rows}</table><p class=soft>Nothing is padded: a step has one size. The mean step computes "
        f"{_percent(stage.unfilled())} less than the greatest.</p>"
    )
    bars = [_bars("tier", "clips", dict(stage.tiers), {})]
    counts = stage.band_counts()
    if counts is not None and stage.d is not None:
        known = stage.seen & ~np.isnan(stage.d)
        drawn = np.bincount(band(stage.d[known]), stage.draws[known], minlength=len(BANDS))
        bars.append(
            _bars(
                "difficulty",
                "clips, and share drawn",
                dict(zip(BANDS, counts, strict=True)),
                dict(zip(BANDS, drawn, strict=True)),
            )
        )
    said = [axis for axis in axes if set(axis.values) - SILENT]
    bars += [_of_axis(axis) for axis in said]
    silent = [axis.field for axis in axes if axis not in said]
    unsaid = f"<p class=soft>Nothing is said of {', '.join(silent)} in any of these clips.</p>" if silent else ""
    return (
        f"<h2>{escape(settings.name)} <small>{int(stage.seen.sum()):,} clips from tier {settings.tier}, {weights}"
        f"{replay}</small></h2><div class=card>{table}</div><div class=grid>{''.join(bars)}</div>{unsaid}"
    )


def _of_axis(axis: Axis) -> str:
    told = [at for at, value in enumerate(axis.values) if value not in SILENT]
    quiet = sum(int(axis.clips[at]) for at, value in enumerate(axis.values) if value in SILENT)
    shown = told[:SHOWN_VALUES]
    clips = {axis.values[at]: int(axis.clips[at]) for at in shown}
    draws = {axis.values[at]: float(axis.draws[at]) for at in shown}
    rest = len(told) - len(shown)
    more = [f"{rest} more value{'s' * (rest > 1)}"] * (rest > 0) + [f"nothing is said of {quiet:,} clips"] * (quiet > 0)
    return _bars(axis.field, "clips, and share drawn", clips, draws, ", ".join(more))


def _bars(title: str, what: str, clips: dict[str, int], draws: dict[str, float], more: str = "") -> str:
    """A bar per value: how many clips; above it, where draws are known, their share of what is drawn."""
    if not clips:
        body = ""
    else:
        most, of_clips, of_draws = max(clips.values()) or 1, sum(clips.values()) or 1, sum(draws.values()) or 1
        wide = (
            max(max(clips.values()) / of_clips, max(draws.values(), default=0) / of_draws) if draws else most / of_clips
        )
        body = "".join(
            f"<div class=row><em>{escape(value.replace('_', ' '))}</em><div>"
            f'<i style="width:{100 * n / of_clips / wide:.1f}%"></i>'
            + (f'<i class=drawn style="width:{100 * draws[value] / of_draws / wide:.1f}%"></i>' if draws else "")
            + f"</div><span>{n:,}</span><span>{_percent(draws[value] / of_draws) if draws else ''}</span></div>"
            for value, n in clips.items()
        )
    tail = f"<p class=soft>{escape(more)}</p>" if more else ""
    return f"<div class=card><h4>{escape(title)} <small>{escape(what)}</small></h4>{body}{tail}</div>"


def _most(over: Overview) -> str:
    order = np.argsort(-over.draws, kind="stable")[:SHOWN_CLIPS]
    heads = "".join(f"<th class=num>{escape(stage.stage.name)}" for stage in over.stages)
    rows = "".join(
        f"<tr><td><code>{escape(over.keys[int(at)].as_py())}</code><td class=num>{over.draws[at]:,.1f}"
        + "".join(f"<td class=num>{stage.draws[at]:,.1f}" for stage in over.stages)
        + "</tr>"
        for at in order
    )
    spread = np.percentile(over.draws, (10, 50, 90)) if len(over.draws) else (0, 0, 0)
    return (
        "<h2>The most drawn clips <small>expected times</small></h2><div class=card>"
        f"<table><tr><th>clip<th class=num>in all{heads}</tr>{rows}</table>"
        f"<p class=soft>A tenth of all clips is drawn {spread[0]:,.1f} times or less, half {spread[1]:,.1f}, a tenth "
        f"more than {spread[2]:,.1f}; {int((over.draws == 0).sum()):,} never.</p></div>"
    )


def _shares(bands: np.ndarray) -> str:
    return " / ".join(_percent(share) for share in bands)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


CSS = """
h3{font-size:14px;margin:18px 0 4px}h3:first-child{margin-top:0}h3 small,h4 small{color:var(--soft);font-weight:400}
h4{margin:0 0 8px;font-size:14px}
.numbers{display:flex;flex-wrap:wrap;gap:12px 44px;margin:22px 0 8px}
.numbers b{display:block;font-size:26px;line-height:1.15;font-weight:640}.numbers span{color:var(--soft);font-size:13px}
.keys{margin:0 0 6px;font-size:13px}.key{margin-right:18px;white-space:nowrap}
.key i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.grid{grid-template-columns:repeat(auto-fill,minmax(340px,1fr))}.grid .card{margin:0}
.row{display:grid;grid-template-columns:118px 1fr 6ch 5ch;gap:8px;align-items:center;font-size:13px;line-height:1.9}
.row em{font-style:normal;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.row div{display:grid;gap:2px}
.row i{display:block;height:6px;border-radius:3px;background:color-mix(in srgb,var(--soft) 45%,transparent)}
.row i.drawn{background:var(--blue)}.row span{text-align:right;color:var(--soft);font-variant-numeric:tabular-nums}
"""
