"""All decisions of a data set in their order, from its tables: split, tiers, weights, clusters. No pixels, no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from animatrix_ingest.decide.balance import AXES, Balanced, weights
from animatrix_ingest.decide.clusters import Middles, style_clusters
from animatrix_ingest.decide.settings import DECIDING, Deciding
from animatrix_ingest.decide.split import split
from animatrix_ingest.decide.stated import stated
from animatrix_ingest.decide.tiers import tiers
from animatrix_ingest.decide.tiers_rules import rules
from animatrix_ingest.decide.verdicts import Verdict, lay


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
    deciding: Deciding = DECIDING,
    vectors: pa.Table | None = None,
    middles: Middles | None = None,
) -> Decided:
    """Splits, tiers and weights of every clip, and the cluster of style of each that has a vector.

    `clips` is the manifest with its tags: key, source, source_sha256, start_pts, end_pts, time_base, n_frames, rate,
    width_px, height_px and the fields of the taxonomy; `sources` that of the video generation; `names` every score
    that exists; `vectors` what clips look like, and `middles` the clusters of before. `Decided.clips` are the clips
    with what is stated of them.
    """
    told = stated(clips, sources)
    tags = told.select(["key", *AXES.values(), *(["content.rating"] if "content.rating" in told.column_names else [])])
    sides = split(told, roles, deciding.split)
    declared = rules(deciding.thresholds)
    found = tiers(told, scores, declared, names, verdicts, deciding.people, tags, roles)
    balanced = weights(tags, found, sides, deciding.balance)
    clusters, middles = style_clusters(vectors, deciding.styles, middles) if vectors is not None else (None, None)
    return Decided(
        clips=told,
        tables={
            "splits": sides,
            "tiers": found,
            "weights": balanced.table,
            **({"clusters": clusters} if clusters is not None and middles is not None else {}),
        },
        how={
            "deciding": deciding.to_json(),
            "rules": [rule.to_json() for rule in declared],
            "verdicts": len(verdicts),
            "balanced": balanced.to_json(),
            **({"clusters": middles.to_json()} if middles is not None else {}),
        },
        balanced=balanced,
        unmatched=lay(told, verdicts).unmatched,
    )
