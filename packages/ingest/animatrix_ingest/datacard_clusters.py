"""The data card's section about clusters of style."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from animatrix_ingest.datacard_show import Bars, Block, Section, Text
from animatrix_ingest.decide.joined import beside

SHOWN = 16


def styles(clips: pa.Table, clusters: pa.Table | None) -> Section:
    """How many clips look as if one hand had made them; whoever has no vector is counted."""
    if clusters is None:
        return Section("Clusters of style", (Text(("Not made: what clips look like was not kept.",)),))
    found = beside(clips["key"], clusters, "clusters", ["cluster"])["cluster"]
    sizes = Counter(value for value in found.to_pylist() if value is not None)
    rows = [(f"cluster {at}", float(n)) for at, n in sizes.most_common(SHOWN)]
    if rest := sum(sizes.values()) - sum(sizes[at] for at, _ in sizes.most_common(SHOWN)):
        rows.append((f"{len(sizes) - SHOWN} others", float(rest)))
    blocks: list[Block] = [Bars("Clusters", f"{len(sizes):,}, by lines, paint and palette", tuple(rows), "style")]
    if found.null_count:
        words = f"{found.null_count:,} clips are in none: they were ingested before this was kept, or not looked at."
        blocks.append(Text((words,)))
    return Section("Clusters of style", tuple(blocks))
