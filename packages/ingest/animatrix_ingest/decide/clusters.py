"""Clusters of style: which clips of a data set look as if one hand had made them. Pure, deterministic, no pixels.

k-means over the clips' vectors. They are put in order of their keys first and the seed is fixed, so that the same clips
give the same clusters whatever order they come in. Clusters are numbered by size, the largest 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

VECTOR = "embedding"
CLUSTERS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        pa.field("cluster_size", pa.int32(), nullable=False),
        pa.field("cluster_distance", pa.float32(), nullable=False),
        pa.field("cluster_example", pa.int32(), nullable=False),
    ]
)
"""A row a clip: its cluster, how many clips that has, the distance to its middle (0..2, of unit vectors), and which
example of it the clip is: 0 for the clip nearest to the middle, then 1, 2, ..."""

_SEED = 0
_FIT: dict[str, Any] = {"n_init": 4, "random_state": _SEED, "algorithm": "lloyd"}
_MOST_FITTED = 50_000  # clips that the middles are found from
_MOST = 64


def usual_clusters(n_clips: int) -> int:
    """How many clusters are made where nobody says: the square root of half the clips, at most 64."""
    return int(np.clip(round((n_clips / 2) ** 0.5), 1, _MOST))


def style_clusters(vectors: pa.Table, n_clusters: int | None = None) -> pa.Table:
    """CLUSTERS from a table with columns key and embedding (lists of one length); rows by key.

    Raises ValueError for keys that come twice, vectors of several lengths or n_clusters out of range.
    """
    table = vectors.select(["key", VECTOR]).sort_by("key")
    keys = table["key"].to_pylist()
    if len(set(keys)) != len(keys):
        raise ValueError("clusters: some keys come twice; give one row a clip")
    if not keys:
        return CLUSTERS.empty_table()
    lists = table[VECTOR].to_pylist()
    if len({len(one) for one in lists}) != 1:
        raise ValueError("clusters: embeddings of several lengths; make them again with one encoder")
    points_NE = np.array(lists, np.float32)
    points_NE /= np.maximum(np.linalg.norm(points_NE, axis=1, keepdims=True), 1e-9)
    n_different = len(np.unique(points_NE, axis=0))
    wanted = min(usual_clusters(len(keys)), n_different) if n_clusters is None else n_clusters
    if not 1 <= wanted <= n_different:
        raise ValueError(f"clusters: n_clusters={wanted} of {n_different} different clips; give 1 to {n_different}")
    labels, distance = _fit(points_NE, wanted)
    size = np.bincount(labels, minlength=wanted)
    rank = np.empty(wanted, int)
    rank[np.lexsort((_first(labels, wanted), -size))] = np.arange(wanted)  # the largest first; of equals, by key
    example = np.empty(len(keys), int)
    for cluster in range(wanted):
        inside = np.flatnonzero(labels == cluster)
        example[inside[np.argsort(distance[inside], kind="stable")]] = np.arange(len(inside))
    columns = [keys, rank[labels], size[labels], distance, example]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, CLUSTERS, strict=True)], schema=CLUSTERS
    )


def _fit(points_NE: np.ndarray, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each point and its distance to the middle."""
    from sklearn.cluster import KMeans

    n = len(points_NE)
    chosen = np.arange(n)
    if n > _MOST_FITTED:
        chosen = np.sort(np.random.default_rng(_SEED).choice(n, _MOST_FITTED, replace=False))
    model = KMeans(n_clusters, **_FIT).fit(points_NE[chosen])
    middles_KE = model.cluster_centers_
    square = (middles_KE**2).sum(1)[None] - 2 * points_NE @ middles_KE.T
    labels = square.argmin(1)
    distance = np.linalg.norm(points_NE - middles_KE[labels], axis=1)
    return labels, distance


def _first(labels: np.ndarray, n: int) -> np.ndarray:
    """Where each cluster first comes."""
    first = np.full(n, len(labels))
    np.minimum.at(first, labels, np.arange(len(labels)))
    return first
