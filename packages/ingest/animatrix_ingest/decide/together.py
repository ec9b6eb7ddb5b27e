"""All decisions of a data set in their order, from its tables: split, tiers, weights. No pixels, no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from animatrix_ingest.decide.balance import AXES, Balance, Balanced, weights
from animatrix_ingest.decide.split import Shares, split
from animatrix_ingest.decide.stated import stated
from animatrix_ingest.decide.tiers import People, Rule, tiers
from animatrix_ingest.decide.tiers_rules import Thresholds, rules
from animatrix_ingest.decide.verdicts import Verdict, lay


@dataclass(frozen=True)
class Deciding:
    """Everything that decides, and nothing that measures: change a value and decide again."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    people: People = field(default_factory=People)
    split: Shares = field(default_factory=Shares)
    balance: Balance = field(default_factory=Balance)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return rules(self.thresholds)

    def to_json(self) -> dict[str, dict[str, Any]]:
        return {name: dict(vars(its)) for name, its in vars(self).items()}


@dataclass(frozen=True)
class Decided:
    """What was decided. `tables` are annotation kinds; `how` goes into the labels generation that names them."""

    clips: pa.Table
    tables: dict[str, pa.Table]
    how: dict[str, Any]
    balanced: Balanced
    unmatched: tuple[Verdict, ...]


def decide(
    clips: pa.Table,
    sources: pa.Table,
    scores: pa.Table,
    roles: pa.Table | None,
    names: Mapping[str, str],
    verdicts: Sequence[Verdict] = (),
    deciding: Deciding = Deciding(),
) -> Decided:
    """Splits, tiers and weights of every clip.

    `clips` is the manifest with its tags: key, source, source_sha256, start_pts, end_pts, time_base, n_frames, rate,
    width_px, height_px and the fields of the taxonomy; `sources` that of the video generation; `names` every score
    that exists. `Decided.clips` are the clips with what is stated of them.
    """
    told = stated(clips, sources)
    tags = told.select(["key", *AXES.values(), *(["content.rating"] if "content.rating" in told.column_names else [])])
    sides = split(told, roles, deciding.split)
    found = tiers(told, scores, deciding.rules, names, verdicts, deciding.people, tags, roles)
    balanced = weights(tags, found, sides, deciding.balance)
    return Decided(
        clips=told,
        tables={"splits": sides, "tiers": found, "weights": balanced.table},
        how={
            "deciding": deciding.to_json(),
            "rules": [rule.to_json() for rule in deciding.rules],
            "verdicts": len(verdicts),
            "balanced": balanced.to_json(),
        },
        balanced=balanced,
        unmatched=lay(told, verdicts).unmatched,
    )
