"""The data card: what a data set holds, how it was made, under which terms, and what is wrong with it.

It is made of tables and facts alone, so that it can be written for any generation at any time, and says nothing that
they do not say. `card` gives it as Markdown and as a page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, taxonomy

from animatrix_ingest.datacard_clusters import styles
from animatrix_ingest.datacard_show import Bars, Block, Numbers, Section, Table, Text, markdown, number, page
from animatrix_ingest.decide.joined import beside, filled, pc, plain
from animatrix_ingest.decide.tiers import LADDER, QUARANTINED, Rule

UNSTATED = "not stated"
MOST_ROWS = 14
WORD = {"held_out": "held out"}
_WHEN = ("before", "after")


@dataclass(frozen=True)
class Facts:
    """What a card is made of. Tables that were not made are None, and the card says that they were not.

    `clips` has a row per clip: key, source_sha256, n_frames, rate, width_px, height_px, length, shard, the fields of
    the taxonomy as lists, and what is stated (decide/stated.py). `sources` and `losses` are those of the video
    generation. `made` holds what decides the bytes (settings, code, libraries, fingerprint), `generations` their
    numbers and hashes, `decided` the thresholds by which things were decided, by name.
    """

    name: str
    clips: pa.Table
    sources: pa.Table
    losses: pa.Table
    made: Mapping[str, Any]
    generations: Mapping[str, Any]
    decided: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tiers: pa.Table | None = None
    splits: pa.Table | None = None
    roles: pa.Table | None = None
    clusters: pa.Table | None = None
    rules: Sequence[Rule] = ()
    balanced: Mapping[str, Any] | None = None
    scores: Mapping[str, str] = field(default_factory=dict)


def card(facts: Facts) -> tuple[str, str]:
    """The card as (Markdown, HTML)."""
    title = f"{facts.name}: data card"
    lead = (
        "Single shots of anime with their production variables: what is inside, how it was made, under which terms it "
        "may be used, and what is known to be wrong with it."
    )
    made = [
        _inside(facts),
        _terms(facts),
        _limits(facts),
        _tiers(facts),
        _split(facts),
        _variables(facts),
        _balance(facts),
        _across(facts),
        styles(facts.clips, facts.clusters),
        _left_out(facts),
        _made(facts),
    ]
    sections = [section for section in made if section.blocks]
    return markdown(title, lead, sections), page(title, lead, sections)


def seconds_of(clips: pa.Table) -> np.ndarray:
    """Each clip's length."""
    rates = clips["rate"].cast(pa.string()).to_pylist()
    rate = {text: float(Fraction(text)) for text in set(rates)}
    return np.asarray(clips["n_frames"], float) / np.array([rate[text] for text in rates] or [1.0])[: len(rates)]


def _inside(facts: Facts) -> Section:
    clips, seconds = facts.clips, seconds_of(facts.clips)
    works = pc.count_distinct(plain(clips["work"])).as_py() if clips.num_rows else 0
    size, n_shards = pc.sum(clips["length"]).as_py() or 0, len(plain(clips["shard"]).unique())
    numbers = Numbers(
        (
            (f"{clips.num_rows:,}", "clips"),
            (_duration(float(seconds.sum())), "of shots"),
            (f"{pc.sum(clips['n_frames']).as_py() or 0:,}", "frames"),
            (f"{len(plain(clips['source_sha256']).unique()):,}", "sources"),
            (f"{works:,}", "stated works" if works != 1 else "stated work"),
            (_bytes(size), "of video"),
            (f"{n_shards:,}", "shards" if n_shards != 1 else "shard"),
        )
    )
    if not clips.num_rows:
        return Section("What is inside", (numbers, Text(("Nothing: every source was dropped or died.",), grave=True)))
    half = f"half of them shorter than {np.median(seconds):.1f} s, the longest {seconds.max():.1f} s"
    sizes = [f"{w} × {h}" for w, h in zip(clips["width_px"].to_pylist(), clips["height_px"].to_pylist())]
    rates = [_rate(text) for text in clips["rate"].cast(pa.string()).to_pylist()]
    blocks: list[Block] = [
        numbers,
        Bars("Length", half, _lengths(seconds), "camera"),
        Bars("Size in pixels", "columns × rows", _top(Counter(sizes)), "style"),
        Bars("Frames a second", "of the clips; nothing is resampled in time", _top(Counter(rates)), "motion"),
    ]
    return Section("What is inside", tuple(blocks))


def _lengths(seconds: np.ndarray) -> tuple[tuple[str, float], ...]:
    edges = [0, 0.5, 1, 2, 3, 5, 8, 12, 20, np.inf]
    counts = np.histogram(seconds, edges)[0]
    names = [f"{low:g} to {high:g} s" if np.isfinite(high) else f"{low:g} s or more" for low, high in pairwise(edges)]
    filled = np.flatnonzero(counts)
    return tuple((names[i], int(counts[i])) for i in range(filled[0], filled[-1] + 1))


def _terms(facts: Facts) -> Section:
    clips, seconds = facts.clips, seconds_of(facts.clips)
    rows = []
    for name in ("rating", "licence", "permission", "origin"):
        column = plain(clips[name])
        if name == "rating" and facts.tiers is not None:
            column = beside(clips["key"], facts.tiers, "tiers", [name])[name]
        values = [value or UNSTATED for value in column.to_pylist()]
        lasts: Counter[str] = Counter()
        for value, s in zip(values, seconds):
            lasts[value] += s
        counts = Counter(values)
        for i, (value, n) in enumerate(counts.most_common(MOST_ROWS)):
            rows.append((name if i == 0 else "", value, f"{n:,}", _duration(lasts[value])))
        if len(counts) > MOST_ROWS:
            rest = sum(n for _, n in counts.most_common()[MOST_ROWS:])
            rows.append(("", f"{len(counts) - MOST_ROWS} others", f"{rest:,}", ""))
    said = (
        "As the source lists state it; nobody checked it. A clip's own record may make its rating graver, and makes "
        "none known."
    )
    return Section("Terms and ratings", (Text((said,)), Table(("", "", "clips#", "length#"), tuple(rows))))


def _tiers(facts: Facts) -> Section:
    if facts.tiers is None:
        return Section("Tiers", (Text(("Not decided yet.",)),))
    said = beside(facts.clips["key"], facts.tiers, "tiers", ["tier", "room", "reasons", "unmeasured"])
    counts = Counter(said["tier"].to_pylist())
    n = facts.clips.num_rows
    ladder = [(tier, counts[tier]) for tier in reversed(LADDER)] + [(QUARANTINED, counts[QUARANTINED])]
    room = Counter(said["room"].to_pylist())["open"]
    lines = Text(
        (
            "A clip stands on the highest step whose rules, and those of all steps below, hold for it. "
            "A and S are given by people; what is quarantined (explicit, or figures that look under age in sexual "
            "content) is in no tier, is never drawn and never shown.",
        )
    )
    reasons = pc.list_flatten(said["reasons"])
    unmeasured = Counter(pc.list_flatten(said["unmeasured"]).to_pylist())
    rows = []
    for rule in facts.rules:
        fails = pc.sum(pc.starts_with(reasons, f"{rule.tier}: {rule.score} ").cast(pa.int64())).as_py() or 0
        missing = unmeasured[rule.score]
        rows.append((rule.tier, str(rule), f"{fails:,}", f"{missing:,}", rule.missing if missing else "", rule.why))
    blocks: list[Block] = [
        lines,
        Bars("Clips by tier", f"{room:,} of {n:,} may be shown to annotators", tuple(ladder), "style", QUARANTINED),
        Table(("from", "rule", "fail#", "unmeasured#", "and then it", "why"), tuple(rows)),
    ]
    return Section("Tiers", tuple(blocks if rows else blocks[:2]))


def _split(facts: Facts) -> Section:
    if facts.splits is None:
        return Section("Split", (Text(("Not decided yet.",)),))
    said = beside(facts.clips["key"], facts.splits, "splits", ["split", "group", "why"])
    sides, groups = said["split"].to_pylist(), said["group"].to_pylist()
    seconds = seconds_of(facts.clips)
    rows = []
    for side in ("train", "validation", "held_out"):
        here = np.array([name == side for name in sides], bool)
        n_groups = len({group for group, name in zip(groups, sides) if name == side})
        share = here.mean() if len(here) else 0.0
        row = (WORD.get(side, side), f"{n_groups:,}", f"{here.sum():,}", _duration(seconds[here].sum()))
        rows.append((*row, f"{100 * share:.1f} %"))
    why = Counter(said["why"].to_pylist())
    lines = [
        "The split is a hash of the work, after works that share pictures are joined: no work, opening or reused cut "
        "stands on two sides."
    ]
    if why["broad"]:
        lines.append(f"{why['broad']:,} clips occur in so many works that they join none; they are train.")
    if why["most"]:
        lines.append("One group holds more than half of all clips and is therefore train, whatever its hash.")
    table = Table(("side", "groups of works#", "clips#", "length#", "of the clips#"), tuple(rows))
    return Section("Split", (*(Text((line,)) for line in lines), table))


def _variables(facts: Facts) -> Section:
    blocks: list[Block] = []
    silent = []
    n = facts.clips.num_rows
    for each in taxonomy():
        if each.id not in facts.clips.column_names:
            continue
        counts = Counter(plain(pc.list_flatten(facts.clips[each.id])).to_pylist())
        unread = counts.pop(UNKNOWN, 0)
        applies = counts.pop(NOT_APPLICABLE, 0)
        if not counts:
            silent.append(each.id)
            continue
        note = f"{each.ja}, {_percent(n - unread, n)} read" + (f", {applies:,} n/a" if applies else "")
        blocks.append(Bars(each.id, note, _top(counts), each.axis))
    if silent:
        blocks.append(Text((f"Read in no clip: {', '.join(silent)}.",)))
    return Section("Production variables", tuple(blocks))


def _balance(facts: Facts) -> Section:
    said = facts.balanced
    if not said:
        return Section("Weights against the long tail", (Text(("Not decided yet.",)),))
    rows = tuple(
        (axis["field"], f"{axis['classes']}", f"{axis['unknown']:,}", *(f"{axis[f'gini_{at}']:.3f}" for at in _WHEN))
        for axis in said["axes"].values()
    )
    cap = f"{_percent(said['effective_before_cap'], 1)} before the cap, which holds {said['capped']:,} clips"
    lines = [
        f"Counted among {said['counted']:,} clips. Effective sample size: {_percent(said['effective'], 1)} of them "
        f"({cap if said['capped'] else 'no cap was needed'})."
    ]
    if said["most_repeated"]:
        classes = ", ".join(f"{axis} {' + '.join(values)}" for axis, values in said["most_classes"].items())
        lines.append(
            f"Drawn most often is {said['most_repeated']}: {said['most_weight']:.3g} times as often as the average "
            f"clip ({classes})."
        )
    header = ("axis", "classes#", "clips without one#", "Gini before#", "Gini after#")
    return Section("Weights against the long tail", (Table(header, rows), *(Text((line,)) for line in lines)))


def _across(facts: Facts) -> Section:
    if facts.roles is None:
        return Section("Across sources", (Text(("Openings, recaps and copies were not looked for.",)),))
    columns = [name for name in ("role", "copy_of", "near_of") if name in facts.roles.column_names]
    said = {name: filled(its) for name, its in beside(facts.clips["key"], facts.roles, "roles", columns).items()}
    roles = Counter(value or "body" for value in said["role"].to_pylist())
    count = {name: len(its) - its.null_count for name, its in said.items()}
    near = f"; {count['near_of']:,} look like another that is kept" if "near_of" in count else ""
    return Section(
        "Across sources",
        (
            Bars("Role", "by fingerprint of picture and sound", _top(roles), "motion"),
            Text((f"{count['copy_of']:,} clips hold the same film as another, which is kept for them{near}.",)),
        ),
    )


def _left_out(facts: Facts) -> Section:
    ends = Counter(facts.sources["outcome"].to_pylist())
    rows = [("sources", *(f"{ends[word]:,}" for word in ("kept", "dropped", "dead")))]
    standing = facts.sources.filter(facts.sources["stands"])
    shots = [pc.sum(standing[word]).as_py() or 0 for word in ("kept", "dropped", "dead")]
    rows.append(("shots", *(f"{n:,}" for n in shots)))
    why: Counter[tuple[str, str]] = Counter()
    losses = facts.losses.select(["outcome", "stage", "reason"]).to_pylist()
    for row in losses:
        stage = f"{row['stage']}: " if row["stage"] else ""
        why[row["outcome"], f"{stage}{_kind(row['reason'])}"] += 1
    others = facts.sources.num_rows - standing.num_rows
    if others:
        why["dropped", "the same content as another source"] += others
    lines = tuple((outcome, reason, f"{n:,}") for (outcome, reason), n in why.most_common(MOST_ROWS * 2))
    blocks: list[Block] = [
        Text(("Everything that went in is kept, dropped or dead; nothing vanishes.",)),
        Table(("", "kept#", "dropped#", "dead#"), tuple(rows)),
    ]
    blocks += [Table(("", "why", "how many#"), lines)] if lines else []
    return Section("What was left out", tuple(blocks))


def _made(facts: Facts) -> Section:
    made = facts.made
    settings = [(name, _plainly(value)) for name, value in made.get("settings", {}).items()]
    versions = [(name, str(value)) for name, value in made.get("libraries", {}).items()]
    generations = [(name, _plainly(value)) for name, value in facts.generations.items()]
    identity = [("code", str(made.get("code", ""))), ("taxonomy", f"{taxonomy().version} ({taxonomy().hash})")]
    thresholds = [
        (f"{name}.{key}", _plainly(value)) for name, its in facts.decided.items() for key, value in its.items()
    ]
    return Section(
        "How it was made",
        (
            Text(
                (
                    "Each source was decoded once; every measurement and every clip comes from that look. Clips are "
                    "square-pixel BT.709, limited range. Video is never rewritten; measurements, captions, splits, "
                    "tiers and weights are generations of their own.",
                )
            ),
            Table(("generation", ""), tuple(generations + identity)),
            Table(("setting", ""), tuple(settings)),
            *([Table(("threshold", ""), tuple(thresholds))] if thresholds else []),
            Table(("library", "version"), tuple(versions)),
        ),
    )


def _limits(facts: Facts) -> Section:
    """What a user must know before using it, found in the tables."""
    clips, n = facts.clips, facts.clips.num_rows
    lines = ["Values of production variables are measured or learned and can be wrong; results.md says how often."]
    for name, follows in (
        ("licence", "find out before publishing anything made of them"),
        ("work", "clips of one work may stand on both sides of the split unless they share pictures"),
        ("rating", "they reach neither tier S nor the annotation room"),
    ):
        missing = sum(value in (None, "", "unknown") for value in plain(clips[name]).to_pylist())
        if missing:
            lines.append(f"{missing:,} of {n:,} clips have no stated {name}: {follows}.")
    broken = facts.sources.num_rows - facts.sources["lost_reason"].null_count
    if broken:
        lines.append(f"Sources that broke off before their end: {broken:,}; what came before the break is kept.")
    if facts.tiers is not None:
        held = Counter(facts.tiers["tier"].to_pylist())[QUARANTINED]
        if held:
            lines.append(f"{held:,} clips are quarantined. They are still in the shards: publish without them.")
        if "looks_under_age" not in facts.scores:
            lines.append("No model was asked whether figures look under age; only ratings, tags and verdicts say so.")
    if facts.splits is not None:
        there = set(facts.splits["split"].to_pylist())
        gone = [WORD.get(side, side) for side in ("train", "validation", "held_out") if side not in there]
        if gone:
            lines.append(f"No clip is {' or '.join(gone)}: there are too few works for these shares.")
    flashing = "content.flashing"
    if flashing in clips.column_names:
        flash = Counter(plain(pc.list_flatten(clips[flashing])).to_pylist())["flashing"]
        if flash:
            lines.append(f"{flash:,} clips flash in a way that may harm photosensitive viewers.")
    return Section("Known limits", (Text(tuple(lines), grave=len(lines) == 1),))


def _top(counts: Counter[str]) -> tuple[tuple[str, float], ...]:
    top = counts.most_common(MOST_ROWS)
    rest = sum(counts.values()) - sum(n for _, n in top)
    return (*top, (f"{len(counts) - len(top)} others", rest)) if rest else tuple(top)


def _kind(reason: str) -> str:
    """What reasons of one kind have in common: no names, no numbers after a colon."""
    return reason.split(":")[0]


def _rate(text: str) -> str:
    rate = Fraction(text)
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")


def _plainly(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plainly(its)}" for name, its in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return number(value) if isinstance(value, float) else str(value)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.7 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"
