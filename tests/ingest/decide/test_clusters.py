"""Clusters of style: whatever the order of the rows, the same; the largest is 0; the nearest example is named."""

import numpy as np
import pyarrow as pa
import pytest
from animatrix_ingest.decide.clusters import CLUSTERS, Middles, style_clusters, usual_clusters
from animatrix_ingest.decide.joined import TableError
from animatrix_ingest.decide.settings import Styles
from animatrix_ingest.vectors import SCHEMA
from animatrix_ingest.watch import appearance


def vectors(sizes, seed=0, name="", maker="model"):
    """Tight groups of vectors."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, n in enumerate(sizes):
        for i in range(n):
            vector = 90 * np.eye(8)[group] + rng.normal(0, 5, 8)
            rows.append((f"{name}{group}-{i:03d}", maker, np.rint(vector).astype(int).tolist()))
    return pa.table([list(column) for column in zip(*rows)], schema=SCHEMA)


def by_key(table):
    return dict(zip(table["key"].to_pylist(), table["cluster"].to_pylist()))


def test_groups_are_found_and_numbered_by_size():
    table, _ = style_clusters(vectors([5, 20, 10]), Styles(style_clusters=3))
    assert table.schema == CLUSTERS
    found = {key: (c, n) for key, c, n in zip(*(table[x].to_pylist() for x in ("key", "cluster", "cluster_size")))}
    assert {found[key] for key in found if key.startswith("1-")} == {(0, 20)}
    assert {found[key] for key in found if key.startswith("2-")} == {(1, 10)}
    assert {found[key] for key in found if key.startswith("0-")} == {(2, 5)}


def test_the_order_of_rows_does_not_matter():
    table = vectors([8, 9, 4])
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    (one, its), (other, others) = style_clusters(table), style_clusters(shuffled)
    assert its is not None and others is not None
    assert one.equals(other)
    assert np.array_equal(its.fine_KE, others.fine_KE)


def test_the_nearest_example_is_0():
    table = style_clusters(vectors([12, 6]), Styles(style_clusters=2))[0].to_pylist()
    for cluster in (0, 1):
        rows = sorted((r for r in table if r["cluster"] == cluster), key=lambda r: r["cluster_example"])
        distances = [r["cluster_distance"] for r in rows]
        assert distances == sorted(distances)
        assert [r["cluster_example"] for r in rows] == list(range(len(rows)))


def test_later_clips_join_the_clusters_of_before():
    first, middles = style_clusters(vectors([5, 20, 10]), Styles(style_clusters=3))
    assert middles is not None
    middles = Middles.from_json(middles.to_json())
    later = pa.concat_tables([vectors([5, 20, 10]), vectors([60, 1, 1], seed=2, name="new-")])
    kept, same = style_clusters(later, Styles(style_clusters=3, keep_clusters=True), middles)
    assert by_key(kept) | by_key(first) == by_key(kept)
    assert by_key(kept)["new-0-000"] == by_key(first)["0-000"] == 2
    assert same is middles
    anew, _ = style_clusters(later, Styles(style_clusters=3), middles)
    assert by_key(anew)["new-0-000"] == 0, "the largest now"
    other, _ = style_clusters(vectors([4, 5], maker="other"), Styles(keep_clusters=True), middles)
    assert len(other) == 9, "middles of another maker say nothing"


def test_a_clip_without_a_vector_is_in_no_cluster_and_the_commonest_maker_counts():
    nothing = pa.table([["old"], [None], [None]], schema=SCHEMA)
    table, middles = style_clusters(pa.concat_tables([vectors([3, 2], name="m"), vectors([2], maker="a"), nothing]))
    assert set(table["key"].to_pylist()) == {"m0-000", "m0-001", "m0-002", "m1-000", "m1-001"}
    assert middles is not None and middles.maker == "model"
    assert style_clusters(nothing) == (CLUSTERS.empty_table(), None)


def test_of_built_in_vectors_the_manner_counts_and_not_where_things_are():
    rng = np.random.default_rng(0)
    manner = [40 * (i % 2) * np.ones(appearance.N_MANNER) for i in range(20)]
    layout = [rng.integers(-120, 120, appearance.N_NUMBERS - appearance.N_MANNER) for _ in range(20)]
    rows = [np.concatenate(pair).astype(int).tolist() for pair in zip(manner, layout)]
    table = pa.table([[f"{i:02d}" for i in range(20)], [appearance.MAKER] * 20, rows], schema=SCHEMA)
    found = by_key(style_clusters(table, Styles(style_clusters=2))[0])
    assert len({found[f"{i:02d}"] for i in range(0, 20, 2)}) == 1
    assert {found["00"], found["01"]} == {0, 1}


def test_equal_clips_are_one_cluster():
    table = pa.table([["a", "b"], ["m", "m"], [[1, 0], [1, 0]]], schema=SCHEMA)
    assert style_clusters(table)[0]["cluster_size"].to_pylist() == [2, 2]
    assert usual_clusters(1) == 1 and usual_clusters(10**6) == 64


@pytest.mark.parametrize(
    ("keys", "rows", "words"), [(["a", "a"], [[1], [5]], "twice"), (["a", "b"], [[1], [5, 1]], r"lengths \[1, 2\]")]
)
def test_what_cannot_be_clustered_is_refused(keys, rows, words):
    with pytest.raises(TableError, match=words):
        style_clusters(pa.table([keys, ["m", "m"], rows], schema=SCHEMA))
    with pytest.raises(ValueError, match="style_clusters: -1 is not between"):
        Styles(style_clusters=-1)
