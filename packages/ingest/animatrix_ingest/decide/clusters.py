"""Clusters of style: which clips of a data set look as if one hand had made them. Pure, deterministic, no pixels.

k-means over the clips' vectors, of built-in ones the part that says how a picture is made. Middles are found from a
sample and then every clip joins the nearest, block by block, so that a million clips cost little memory. Vectors are
whole numbers and middles are rounded to sixteenths: every distance is an exact integer, and the same clips give the
same clusters in whatever order they come, on however many threads. Clusters are numbered by size, the largest 0.

    N clips, E numbers of a vector, K clusters
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from animatrix_ingest.decide.joined import TableError, pc
from animatrix_ingest.decide.settings import STYLES, Styles
from animatrix_ingest.watch import appearance

CLUSTERS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        pa.field("cluster_size", pa.int32(), nullable=False),
        pa.field("cluster_distance", pa.float32(), nullable=False),
        pa.field("cluster_example", pa.int32(), nullable=False),
    ]
)
"""A row for each clip that has a vector: its cluster, how many clips that has, the distance to its middle in steps of
its vector, and which example of it the clip is: 0 for the clip nearest to the middle, then 1, 2, ..."""

MOST = 64
_MOST_FITTED = 20_000  # clips that the middles are found from
_STARTS, _ROUNDS = 3, 60
_BLOCK = 1 << 16
_FINE = 16  # middles are kept in parts of a step


@dataclass(frozen=True)
class Middles:
    """The middles of clusters, by which later clips can be told: `fine_KE` in sixteenths, of vectors by `maker`."""

    maker: str
    fine_KE: np.ndarray

    def to_json(self) -> dict[str, Any]:
        return {"maker": self.maker, "middles": self.fine_KE.astype(int).tolist()}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Middles:
        return cls(said["maker"], np.array(said["middles"], np.float64))


def usual_clusters(n_clips: int) -> int:
    """How many clusters are made where nobody says: the square root of half the clips, at most MOST."""
    return int(np.clip(round((n_clips / 2) ** 0.5), 1, MOST))


def style_clusters(
    vectors: pa.Table, styles: Styles = STYLES, before: Middles | None = None
) -> tuple[pa.Table, Middles | None]:
    """(CLUSTERS by key, the middles) from a table of key, maker and embedding; of several makers, the commonest.

    Clips without a vector are in no cluster. With `styles.keep_clusters`, clips join the clusters of `before`, if
    those are of the same maker. Raises TableError for keys that come twice or vectors of several lengths.
    """
    table = vectors.filter(pc.is_valid(vectors["embedding"])).sort_by("key")
    keys = table["key"]
    if pc.count_distinct(keys).as_py() != len(keys):
        raise TableError("clusters: some keys come twice; give one row a clip")
    if not table.num_rows:
        return CLUSTERS.empty_table(), None
    maker = _commonest(table["maker"])
    table = table.filter(pc.equal(table["maker"], maker))
    points_NE = _points(matrix(table["embedding"]), maker)
    if styles.keep_clusters and before is not None and before.maker == maker:
        return _told(table["key"], points_NE, before.fine_KE), before
    fine_KE = _fit(points_NE, styles)
    label, _ = _nearest(points_NE, fine_KE)
    size = np.bincount(label, minlength=len(fine_KE))
    fine_KE = fine_KE[np.lexsort((*fine_KE.T[::-1], -size))]
    fine_KE = fine_KE[: np.count_nonzero(size)]
    return _told(table["key"], points_NE, fine_KE), Middles(maker, fine_KE)


def matrix(column: pa.ChunkedArray) -> np.ndarray:
    """Lists without nulls, all of one length, as an array (N, E) of their own type."""
    lists = column.combine_chunks()
    lengths = pc.unique(pc.list_value_length(lists))
    if len(lengths) != 1:
        raise TableError(f"vectors: lengths {sorted(lengths.to_pylist())}; make them again with one encoder")
    return lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), lengths[0].as_py())


def _commonest(makers: pa.ChunkedArray) -> str:
    counts = {row["values"]: row["counts"] for row in pc.value_counts(makers).to_pylist()}
    return min(counts, key=lambda maker: (-counts[maker], maker))


def _points(vectors_NE: np.ndarray, maker: str) -> np.ndarray:
    """What is compared. Of built-in vectors the manner: lines and paint count twice what the palette does, for one hand
    paints day and night."""
    if maker != appearance.MAKER:
        return vectors_NE.astype(np.int16)
    points_NE = vectors_NE[:, : appearance.N_MANNER].astype(np.int16)
    points_NE[:, appearance.N_PALETTE :] *= 2
    return points_NE


def _fit(points_NE: np.ndarray, styles: Styles) -> np.ndarray:
    """Middles (K, E) in sixteenths: the best of a few k-means from seeds far apart (k-means++)."""
    rng = np.random.default_rng(styles.style_seed)
    n = len(points_NE)
    chosen = np.sort(rng.choice(n, _MOST_FITTED, replace=False)) if n > _MOST_FITTED else np.arange(n)
    sample_NE = points_NE[chosen]
    n_different = len(np.unique(sample_NE, axis=0))
    n_clusters = min(styles.style_clusters or usual_clusters(n), n_different)
    best, least = np.zeros((0, points_NE.shape[1])), np.inf
    for _ in range(_STARTS):
        fine_KE = _seeds(sample_NE, n_clusters, rng)
        for _ in range(_ROUNDS):
            label, far = _nearest(sample_NE, fine_KE)
            moved_KE = _means(sample_NE, label, fine_KE)
            if np.array_equal(moved_KE, fine_KE):
                break
            fine_KE = moved_KE
        if (total := far.sum()) < least:
            best, least = fine_KE, total
    return best


def _seeds(points_NE: np.ndarray, n_clusters: int, rng: np.random.Generator) -> np.ndarray:
    """Points drawn one after the other, each with a chance that grows with the square of its distance to the others."""
    seeds = [points_NE[int(rng.integers(len(points_NE)))]]
    far_N = np.full(len(points_NE), np.inf)
    for _ in range(n_clusters - 1):
        far_N = np.minimum(far_N, _nearest(points_NE, seeds[-1][None].astype(np.float64) * _FINE)[1])
        up_to = np.cumsum(far_N)
        seeds.append(points_NE[int(np.searchsorted(up_to, rng.random() * up_to[-1], "right"))])
    return np.array(seeds, np.float64) * _FINE


def _means(points_NE: np.ndarray, label: np.ndarray, fine_KE: np.ndarray) -> np.ndarray:
    """The middles of the labelled points; a cluster that has lost all of them stays where it was."""
    n_K = np.bincount(label, minlength=len(fine_KE))
    order = np.argsort(label, kind="stable")
    begins = np.flatnonzero(np.diff(label[order], prepend=-1))
    sums = np.add.reduceat(points_NE[order].astype(np.int64), begins, axis=0)
    moved_KE = fine_KE.copy()
    moved_KE[n_K > 0] = np.rint(sums * _FINE / n_K[n_K > 0, None])
    return moved_KE


def _nearest(points_NE: np.ndarray, fine_KE: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each point, and the square of its distance to the middle in sixteenths: exact whole numbers."""
    label, far = np.empty(len(points_NE), np.int64), np.empty(len(points_NE))
    square_K = (fine_KE**2).sum(1)
    for start in range(0, len(points_NE), _BLOCK):
        block = slice(start, start + _BLOCK)
        part = points_NE[block].astype(np.float64) * _FINE
        square = square_K - 2 * part @ fine_KE.T
        label[block] = square.argmin(1)
        far[block] = square.min(1) + (part**2).sum(1)
    return label, far


def _told(keys: pa.ChunkedArray, points_NE: np.ndarray, fine_KE: np.ndarray) -> pa.Table:
    """CLUSTERS of the points by these middles."""
    label, far = _nearest(points_NE, fine_KE)
    size = np.bincount(label, minlength=len(fine_KE))
    order = np.lexsort((np.arange(len(label)), far, label))
    begin = np.cumsum(size) - size
    example = np.empty(len(label), np.int64)
    example[order] = np.arange(len(label)) - begin[label[order]]
    columns = [keys, label, size[label], np.sqrt(far) / _FINE, example]
    arrays = [
        column.combine_chunks() if isinstance(column, pa.ChunkedArray) else pa.array(column).cast(field.type)
        for column, field in zip(columns, CLUSTERS, strict=True)
    ]
    return pa.table(arrays, schema=CLUSTERS)
