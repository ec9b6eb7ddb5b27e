"""Tiers as rules over stored scores: raw, technical, B by measurement; A and S by people. Nothing is decoded.

A clip stands on the highest step whose rules, and all rules of the steps below, hold for it. A score that is missing
is not a pass: each rule declares what a missing one means, and the row says that it was missing. What is quarantined
stands on no step at all.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from animatrix_ingest.decide.joined import TableError, beside, checked, filled, pc
from animatrix_ingest.decide.quarantine import quarantine
from animatrix_ingest.decide.settings import LADDER, PEOPLE, People
from animatrix_ingest.decide.verdicts import Laid, Verdict, lay

QUARANTINED = "quarantined"
Op = Literal[">=", "<=", ">", "<", "in", "not in"]
_COMPARE = {">=": pc.greater_equal, "<=": pc.less_equal, ">": pc.greater, "<": pc.less}

FACTS = {
    "duration_s": "length of the clip, s",
    "width_px": "columns of the clip",
    "height_px": "rows of the clip",
    "is_copy": "1 where another clip with the same film is kept for it",
    "is_near": "1 where another clip that looks like it is kept for it",
    "role": "body, opening, ending, recap, preview, eyecatch",
}
"""What rules may ask for beside the stored scores: it stands in the manifest and in the roles. Where copies were not
looked for, nobody knows."""
_IN_ROLES = {"is_copy": "copy_of", "is_near": "near_of", "role": "role"}

TIERS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        pa.field("rating", pa.string(), nullable=False),
        pa.field("room", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field("unmeasured", pa.list_(pa.string()), nullable=False),
    ],
    metadata={
        "tier": " | ".join((*LADDER, QUARANTINED)),
        "room": "open | closed: whether annotators may be shown it",
        "reasons": "every rule that does not hold, of all steps, with value and threshold",
        "unmeasured": "scores that a rule asks for and nobody could measure",
    },
)


@dataclass(frozen=True)
class Rule:
    """`score` `op` `value` must hold from `tier` on. `missing` says what follows where the score is not there."""

    tier: Literal["technical", "B"]
    score: str
    op: Op
    value: float | tuple[str, ...]
    why: str
    missing: Literal["fails", "is waived"] = "fails"

    def __str__(self) -> str:
        return f"{self.score} {self.op} {said_as(self.value)}"

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Rule:
        value = row["value"]
        return cls(**{**row, "value": tuple(value) if isinstance(value, list) else value})


def tiers(
    clips: pa.Table,
    scores: pa.Table,
    rules: Sequence[Rule],
    names: Mapping[str, str],
    verdicts: Sequence[Verdict] = (),
    people: People = PEOPLE,
    tags: pa.Table | None = None,
    roles: pa.Table | None = None,
) -> pa.Table:
    """TIERS for every clip, in the order of `clips`.

    `clips` has key, rating, and for verdicts on stretches source, source_sha256, start_pts, end_pts, time_base.
    `names` are all scores that exist, with their meaning; a rule that asks for another is an error.
    """
    checked(clips, "clips", ("rating",))
    values = measured(clips, scores, roles, rules, names)
    n = clips.num_rows
    laid = lay(clips, verdicts)
    held = quarantine(clips, laid, tags, scores, roles, people.looks_under_age)
    step = np.full(n, LADDER.index("B"))
    said = _Said()
    unmeasured = _Said()
    for rule in rules:
        failed, missing, words = judge(rule, values[rule.score])
        step[failed] = np.minimum(step[failed], LADDER.index(rule.tier) - 1)
        said.add(failed, words)
        unmeasured.add(missing, pa.array([rule.score] * int(missing.sum()), pa.string()))
    by_rules = step.copy()
    for row in laid.by_row:
        step[row] = _voted(int(step[row]), laid, row, people, bool(held.may_be_shown[row]))
        if step[row] < min(by_rules[row], 1):
            said.add_one(row, f"technical: rejected, {_votes(laid, row)} (from a share of {people.reject:g} on)")
    _unvoted(said, by_rules, laid, people, n)
    unrated = ~held.may_be_shown & ~held.mask
    said.add(unrated, pa.array(["S: rating is unknown (state it in the source list or with --rating)"] * unrated.sum()))
    for row in np.flatnonzero(held.mask):
        said.add_one(int(row), f"{QUARANTINED}: {held.why[row]}")
    tier = np.where(held.mask, QUARANTINED, np.array(LADDER)[step])
    return pa.table(
        {
            "key": clips["key"],
            "tier": tier.tolist(),
            "rating": held.rating,
            "room": np.where(held.may_be_shown, "open", "closed").tolist(),
            "reasons": said.lists(n),
            "unmeasured": unmeasured.lists(n),
        },
        schema=TIERS,
    )


def measured(
    clips: pa.Table, scores: pa.Table, roles: pa.Table | None, rules: Sequence[Rule], names: Mapping[str, str]
) -> dict[str, Any]:
    """The columns that rules ask for, in the order of `clips`. TableError for a score that does not exist."""
    every = {**FACTS, **names}
    for rule in rules:
        if rule.score not in every:
            close = difflib.get_close_matches(rule.score, every, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(every))}"
            raise TableError(f"tiers: rule {rule}: {rule.score!r} is no score; {meant}")
        if (rule.op in ("in", "not in")) != isinstance(rule.value, tuple):
            raise TableError(f"tiers: rule {rule}: {rule.op} takes {'words' if 'in' in rule.op else 'a number'}")
    wanted = list(dict.fromkeys(rule.score for rule in rules))
    stored = beside(clips["key"], scores, "scores", [name for name in wanted if name not in FACTS])
    return stored | {name: _fact(name, clips, roles) for name in wanted if name in FACTS}


def _fact(name: str, clips: pa.Table, roles: pa.Table | None) -> Any:
    if name == "duration_s":
        rates = {text: float(Fraction(text)) for text in set(clips["rate"].to_pylist())}
        return pa.chunked_array([clips["n_frames"].to_numpy() / [rates[text] for text in clips["rate"].to_pylist()]])
    if name in _IN_ROLES:
        column = _IN_ROLES[name]
        values = filled(beside(clips["key"], roles, "roles", [column])[column])
        if name == "role" or roles is None:
            return values
        return pc.is_valid(values)
    return clips[name]


def judge(rule: Rule, values: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray, pa.Array]:
    """Where a rule fails, where its score is missing, and the words for each failure."""
    if isinstance(rule.value, tuple):
        texts = values.cast(pa.string())
        holds = pc.is_in(texts, value_set=pa.array(rule.value, pa.string()))
        holds = pc.if_else(pc.is_valid(texts), holds if rule.op == "in" else pc.invert(holds), None)
    else:
        numbers = values.cast(pa.float64())
        numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
        holds = _COMPARE[rule.op](numbers, rule.value)
        texts = numbers
    missing = np.asarray(pc.is_null(holds))
    failed = np.asarray(pc.fill_null(holds, rule.missing == "is waived")) == 0
    told = texts.filter(pa.array(failed)).to_pylist()
    words = [f"{rule.tier}: {rule.score} {said_as(value)}, must be {rule.op} {said_as(rule.value)}" for value in told]
    return failed, missing, pa.array([f"{word} ({rule.why})" for word in words], pa.string())


def said_as(value: Any) -> str:
    if value is None:
        return "was not measured"
    if isinstance(value, tuple):
        return " | ".join(value)
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)


def _voted(step: int, laid: Laid, row: int, people: People, may_be_shown: bool) -> int:
    """Where verdicts lead a clip that rules led to `step`."""
    said = laid.said(row)
    n = sum(said.values())
    if n and said["reject"] / n >= people.reject:
        return 0
    if step < LADDER.index("B") or n < people.least:
        return step
    if said["S"] / n >= people.agreement and may_be_shown:
        return LADDER.index("S")
    return LADDER.index("A") if (said["S"] + said["A"]) / n >= people.agreement else step


def _votes(laid: Laid, row: int) -> str:
    people = laid.by_row[row].values()
    return "verdicts " + ", ".join(f"{v.verdict} of {v.who}" for v in sorted(people, key=lambda v: v.who))


def _unvoted(said: _Said, by_rules: np.ndarray, laid: Laid, people: People, n: int) -> None:
    """The words for clips that stand on B and that people did not lift, or not to the top."""
    b = by_rules == LADDER.index("B")
    seen = np.zeros(n, bool)
    seen[list(laid.by_row)] = True
    nobody = b & ~seen
    said.add(nobody, pa.array(["A: no verdict of an expert"] * int(nobody.sum()), pa.string()))
    for row in np.flatnonzero(b & seen):
        votes = laid.said(int(row))
        at_least, count = {"A": votes["A"] + votes["S"], "S": votes["S"]}, sum(votes.values())
        for tier in ("A", "S"):
            if count < people.least:
                said.add_one(int(row), f"{tier}: {count} verdicts, must be >= {people.least}")
            elif at_least[tier] / count < people.agreement:
                share = f"{at_least[tier] / count:.2g} of {count} say at least {tier}"
                said.add_one(int(row), f"{tier}: {share}, must be >= {people.agreement:g} ({_votes(laid, int(row))})")


class _Said:
    """Words gathered per row, in the order in which they are said."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []
        self._words: list[pa.Array] = []

    def add(self, mask: np.ndarray, words: pa.Array) -> None:
        self._rows.append(np.flatnonzero(mask))
        self._words.append(words.cast(pa.string()))

    def add_one(self, row: int, words: str) -> None:
        self._rows.append(np.array([row]))
        self._words.append(pa.array([words]))

    def lists(self, n: int) -> pa.ListArray:
        rows = np.concatenate([np.zeros(0, np.int64), *self._rows])
        words = pa.concat_arrays([pa.array([], pa.string()), *self._words])
        order = np.argsort(rows, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words.take(pa.array(order)))
