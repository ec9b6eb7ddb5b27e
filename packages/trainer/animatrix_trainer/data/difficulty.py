"""What the manifest says of clips that drawing depends on: tiers, rebalancing weights and the parts of difficulty.

    motion        score flow_pct: energy of the foreground's flow after the camera's motion
    deformation   score nonrigid_pct: what an affine fit leaves of that flow
    style         how rare a clip's style cluster is among all clips: annotation `clusters` where the labels generation
                  has it, else one cluster for each combination of how a picture is made, of which era's look and in
                  which tradition (style.medium, style.era_look, style.tradition), as the paper's style axis has it

Nothing is guessed: what a stage asks for and the data set does not say is refused, with what to do.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN
from animatrix_ingest.keep.annotations import load_labels
from animatrix_ingest.keep.store import Store
from animatrix_ingest.keep.tables import pc

from animatrix_trainer import curriculum
from animatrix_trainer.config import DataError, Recipe
from animatrix_trainer.data.choose import TIER, Chosen, beside
from animatrix_trainer.data.pools import Traits

SCORE = {"motion": "flow_pct", "deformation": "nonrigid_pct"}
STYLE = ("style.medium", "style.era_look", "style.tradition")
REMEDY = {
    "motion": "ingest the sources again: runs from now on measure it",
    "deformation": "ingest the sources again: runs from now on measure it",
    "style": "caption again with heads that were fitted (`animatrix-ingest recaption`)",
}


def traits(store: Store, chosen: Chosen, recipe: Recipe) -> tuple[Traits, tuple[str, ...]]:
    """What the recipe's stages draw by, and notes for people. Only what a stage asks for is read.

    DataError where a stage draws by what the labels generation does not hold.
    """
    clips, number = chosen.clips, chosen.reading.labels
    place = f"{store.url}: labels generation {number}"
    tier = None if clips[TIER].null_count else clips[TIER].to_numpy().astype(np.int8)
    weighted = [stage for stage in recipe.stages if stage.weights != "uniform"]
    found = Traits(clips["n_frames"].to_numpy(), tier)
    notes: list[str] = []
    if not weighted:
        return found, ()
    weight = beside(store, clips["key"], "weights", load_labels(store, number).kinds, number, ("weight",)).get("weight")
    if weight is None:
        raise DataError(
            f"stage {weighted[0].name}: weights={weighted[0].weights}: {place} has no rebalancing weights; "
            "`animatrix-ingest decide` makes them"
        )
    parts = {}
    for at, stage in enumerate(recipe.stages):
        for part in stage.difficulty if stage.weights in ("curriculum", "hardest") else ():
            if part in parts:
                continue
            parts[part] = style(store, chosen) if part == "style" else _score(store, chosen, SCORE[part])
            known = int(np.isfinite(parts[part]).sum())
            if not known:
                others = " ".join(other for other in stage.difficulty if other != part) or "style|motion|deformation"
                what = f"score {SCORE[part]}" if part in SCORE else f"cluster and no value of {', '.join(STYLE)}"
                raise DataError(
                    f"stage {stage.name}: difficulty {part}: {place} has no {what} for any of {clips.num_rows:,} "
                    f"clips; {REMEDY[part]}, or go without it: --stages.{at}.difficulty {others}"
                )
            if known < clips.num_rows:
                missing = clips.num_rows - known
                notes.append(f"difficulty {part}: {missing:,} clips were not measured; they count as middling")
    return Traits(found.n_frames, tier, _floats(weight), parts), tuple(notes)


def style(store: Store, chosen: Chosen) -> np.ndarray:
    """The rarity of each clip's style cluster; NaN where it is in none."""
    keys, number = chosen.clips["key"], chosen.reading.labels
    kinds = load_labels(store, number).kinds
    made = beside(store, keys, "clusters", kinds, number, ("cluster",)).get("cluster")
    if made is not None:
        return curriculum.rarity(pc.fill_null(made, -1).to_numpy().astype(np.int64))
    cluster, known = np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
    for column in beside(store, keys, "tags", kinds, number, STYLE).values():
        words = pc.fill_null(pc.binary_join(column.cast(pa.list_(pa.string())), "+"), UNKNOWN)
        each = words.combine_chunks().dictionary_encode()
        says = np.array([word not in ("", UNKNOWN, NOT_APPLICABLE) for word in each.dictionary.to_pylist()], bool)
        index = each.indices.to_numpy(zero_copy_only=False)
        known |= says[index]
        _, cluster = np.unique(cluster * len(says) + index, return_inverse=True)
    return curriculum.rarity(np.where(known, cluster, -1))


def _score(store: Store, chosen: Chosen, name: str) -> np.ndarray:
    number = chosen.reading.labels
    found = beside(store, chosen.clips["key"], "scores", load_labels(store, number).kinds, number, (name,))
    return _floats(found[name]) if name in found else np.full(chosen.clips.num_rows, np.nan)


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy()
