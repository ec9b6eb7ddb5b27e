"""Clusters of style: whatever the order of the rows, the same; the largest is 0; the nearest example is named."""

import numpy as np
import pyarrow as pa
import pytest
from animatrix_ingest.decide.clusters import CLUSTERS, style_clusters, usual_clusters


def vectors(sizes, seed=0):
    """Tight groups of unit vectors."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, n in enumerate(sizes):
        middle = np.eye(8)[group]
        rows += [(f"{group}-{i:03d}", (middle + rng.normal(0, 0.05, 8)).tolist()) for i in range(n)]
    return pa.table({"key": [k for k, _ in rows], "embedding": [v for _, v in rows]})


def test_groups_are_found_and_numbered_by_size():
    table = style_clusters(vectors([5, 20, 10]), 3)
    assert table.schema == CLUSTERS
    found = {key: (c, n) for key, c, n in zip(*(table[x].to_pylist() for x in ("key", "cluster", "cluster_size")))}
    assert {found[key] for key in found if key.startswith("1-")} == {(0, 20)}
    assert {found[key] for key in found if key.startswith("2-")} == {(1, 10)}
    assert {found[key] for key in found if key.startswith("0-")} == {(2, 5)}


def test_the_order_of_rows_does_not_matter():
    table = vectors([8, 9, 4])
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    assert style_clusters(table).equals(style_clusters(shuffled))


def test_the_nearest_example_is_0():
    table = style_clusters(vectors([12, 6]), 2).to_pylist()
    for cluster in (0, 1):
        rows = sorted((r for r in table if r["cluster"] == cluster), key=lambda r: r["cluster_example"])
        distances = [r["cluster_distance"] for r in rows]
        assert distances == sorted(distances)
        assert [r["cluster_example"] for r in rows] == list(range(len(rows)))


def test_equal_clips_are_one_cluster_and_no_clips_none():
    same = pa.table({"key": ["a", "b"], "embedding": [[1.0, 0.0], [1.0, 0.0]]})
    assert style_clusters(same)["cluster_size"].to_pylist() == [2, 2]
    empty = pa.table({"key": pa.array([], pa.string()), "embedding": pa.array([], pa.list_(pa.float32()))})
    assert style_clusters(empty).schema == CLUSTERS
    assert usual_clusters(1) == 1 and usual_clusters(10**6) == 64


@pytest.mark.parametrize(
    ("table", "n", "words"),
    [
        ({"key": ["a", "a"], "embedding": [[1.0], [0.5]]}, None, "twice"),
        ({"key": ["a", "b"], "embedding": [[1.0], [0.5, 1.0]]}, None, "several lengths"),
        ({"key": ["a", "b"], "embedding": [[1.0, 0.0], [0.0, 1.0]]}, 3, "n_clusters=3"),
    ],
)
def test_what_cannot_be_clustered_is_refused(table, n, words):
    with pytest.raises(ValueError, match=words):
        style_clusters(pa.table(table), n)
