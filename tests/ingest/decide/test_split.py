import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from animatrix_ingest.decide.joined import TableError, components
from animatrix_ingest.decide.split import SPLITS, Shares, moved, split, straddling
from hypothesis import given, settings
from hypothesis import strategies as st


def table(rows):
    """Clips of rows (key, source, work); the content of a source is what it is called."""
    names = ("key", "source", "work")
    columns = {name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)}
    return pa.table({**columns, "source_sha256": columns["source"]})


def copies(rows):
    """Rows (key, cluster, copy_of)."""
    names = ("key", "cluster", "copy_of")
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def by(column, clips, splits):
    found = {}
    for name, side in zip(clips[column].to_pylist(), splits["split"].to_pylist()):
        found.setdefault(name, set()).add(side)
    return found


@st.composite
def worlds(draw):
    """Clips of a few works, some without one, with clusters and copies across them."""
    n_works = draw(st.integers(1, 12))
    sources = [
        (f"s{i}", draw(st.sampled_from([None, *(f"w{j}" for j in range(n_works))])))
        for i in range(draw(st.integers(1, 16)))
    ]
    rows = [(f"k{i}", *draw(st.sampled_from(sources))) for i in range(draw(st.integers(1, 40)))]
    keys = [row[0] for row in rows]
    said = [
        (key, draw(st.sampled_from([None, None, "c1", "c2", "c3"])), draw(st.sampled_from([None, None, None, *keys])))
        for key in keys
    ]
    return rows, said


@settings(max_examples=150, deadline=None)
@given(worlds(), st.integers(0, 5), st.integers(2, 6))
def test_nothing_that_is_one_picture_or_one_work_straddles(world, seed, broad):
    rows, said = world
    shares = Shares(held_out=0.3, validation=0.3, broad_works=broad, seed=seed)
    clips, roles = table(rows), copies(said)
    splits = split(clips, roles, shares)
    side = dict(zip(splits["key"].to_pylist(), splits["split"].to_pylist()))
    assert straddling(splits, roles) == []
    assert all(side[key] == side[of] for key, _, of in said if of)
    ours = splits.filter(pa.array([why != "broad" for why in splits["why"].to_pylist()]))
    kept = clips.filter(pa.array([why != "broad" for why in splits["why"].to_pylist()]))
    for column in ("source", "work"):
        assert all(len(sides) == 1 for name, sides in by(column, kept, ours).items() if name)
    groups = {}
    for group, its in zip(splits["group"].to_pylist(), splits["split"].to_pylist()):
        assert groups.setdefault(group, its) == its
    assert splits.schema == SPLITS


@settings(max_examples=50, deadline=None)
@given(worlds(), st.randoms())
def test_the_order_of_rows_means_nothing(world, rng):
    rows, said = world
    before = split(table(rows), copies(said))
    rng.shuffle(rows)
    rng.shuffle(said)
    after = split(table(rows), copies(said))
    assert before.sort_by("key").equals(after.sort_by("key"))


def test_shares_are_near_their_target_for_many_works():
    rows = [(f"k{i}", f"s{i}", f"w{i // 3}") for i in range(12_000)]
    splits = split(table(rows), None, Shares(held_out=0.05, validation=0.1))
    share = {name: n / len(rows) for name, n in Counter(splits["split"].to_pylist()).items()}
    sigma = (0.1 * 0.9 / 4000) ** 0.5
    assert share["held_out"] == pytest.approx(0.05, abs=4 * sigma)
    assert share["validation"] == pytest.approx(0.1, abs=4 * sigma)
    other = split(table(rows), None, Shares(held_out=0.05, validation=0.1, seed=1))
    assert other["split"] != splits["split"]


def test_joining_does_not_change_the_shares():
    """The one that speaks for a group is chosen apart from what it says: joined works are held out as often."""
    rng = random.Random(7)
    rows = [(f"k{i}", f"s{i}", f"w{i}") for i in range(6000)]
    said = [(f"k{i}", f"c{i // rng.randint(1, 5)}", None) for i in range(6000)]
    splits = split(table(rows), copies(said), Shares(held_out=0.2, validation=0))
    groups = dict(zip(splits["group"].to_pylist(), splits["split"].to_pylist()))
    held = sum(side == "held_out" for side in groups.values()) / len(groups)
    assert held == pytest.approx(0.2, abs=4 * (0.16 / len(groups)) ** 0.5)


def test_added_sources_move_nothing_but_what_they_join():
    rows = [(f"k{i}", f"s{i}", f"w{i // 2}") for i in range(2000)]
    shares = Shares(held_out=0.3, validation=0.3)
    before = split(table(rows), None, shares)
    more = [*rows, *((f"n{i}", f"t{i}", f"x{i}") for i in range(2000))]
    assert moved(before, split(table(more), None, shares)).num_rows == 0
    joined = split(table(more), copies([("k0", "op", None), ("k900", "op", None), ("n7", "op", None)]), shares)
    gone = moved(before, joined)
    assert set(gone["key"].to_pylist()) <= {"k0", "k1", "k900", "k901"}
    sides = dict(zip(joined["key"].to_pylist(), joined["split"].to_pylist()))
    assert sides["k0"] == sides["k901"] == sides["n7"]
    for row in gone.to_pylist():
        assert row["was"] != row["now"] == sides[row["key"]]


def test_spelling_is_not_a_work():
    rows = [(f"k{i}", f"s{i}", name) for i, name in enumerate(["Kumo  no Ito", "kumo no ito ", "Ｋｕｍｏ no ito"])]
    assert len(set(split(table(rows), None)["group"].to_pylist())) == 1


def test_a_source_without_work_stands_alone_or_with_its_folder():
    rows = [("a", "x/1.mkv", None), ("b", "x/2.mkv", None), ("c", "y/1.mkv", ""), ("d", "y/2.mkv", "Kumo")]
    groups = split(table(rows), None)["group"].to_pylist()
    assert groups == ["source:x/1.mkv", "source:x/2.mkv", "source:y/1.mkv", "work:kumo"]
    groups = split(table(rows), None, Shares(unknown_work="folder"))["group"].to_pylist()
    assert groups == ["folder:x", "folder:x", "folder:y", "work:kumo"]


def test_a_stations_logo_joins_nobody():
    rows = [(f"{part}{i}", f"s{i}", f"w{i}") for i in range(40) for part in "ab"]
    logo = copies([(f"a{i}", "logo", None) for i in range(40)])
    splits = split(table(rows), logo, Shares(held_out=0.3))
    why = dict(zip(splits["key"].to_pylist(), splits["why"].to_pylist()))
    assert {why[f"a{i}"] for i in range(40)} == {"broad"}
    assert straddling(splits, logo) == []
    assert len(set(splits["group"].to_pylist())) == 41
    unlisted = split(table([(key, source, None) for key, source, _ in rows]), logo, Shares(held_out=0.3))
    assert len(set(unlisted["group"].to_pylist())) == 1, "an opening joins the episodes that no list joins"


def test_nothing_may_be_said_as_an_empty_word():
    rows = [(f"k{i}", f"s{i}", None) for i in range(4)]
    empty = split(table(rows), copies([(f"k{i}", "", "") for i in range(4)]))
    assert empty.equals(split(table(rows), copies([(f"k{i}", None, None) for i in range(4)])))
    assert len(set(empty["group"].to_pylist())) == 4


def test_most_of_a_data_set_is_never_held_out():
    rows = [(f"k{i}", "s", "w") for i in range(9)] + [("z", "t", "x")]
    for seed in range(30):
        splits = split(table(rows), None, Shares(held_out=0.6, validation=0.3, seed=seed))
        assert set(splits["split"].to_pylist()[:9]) == {"train"}
        assert set(splits["why"].to_pylist()[:9]) == {"most"}


def test_shares_and_tables_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"split\.held_out, split\.validation: 0\.6 and 0\.5 leave nothing to train"):
        Shares(held_out=0.6, validation=0.5)
    with pytest.raises(TableError, match="clips: key k is there 2 times"):
        split(table([("k", "s", None), ("k", "s", None)]), None)
    with pytest.raises(TableError, match="roles: has no column copy_of"):
        split(table([("k", "s", None)]), pa.table({"key": ["k"], "cluster": ["c"]}))
    assert split(table([]), None).num_rows == 0


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_components_are_those_of_a_walk(world):
    n, edges = world
    label = components(n, *np.array(edges, np.int64).reshape(-1, 2).T)
    near = {i: {i} for i in range(n)}
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    for i in range(n):
        reached, todo = {i}, [i]
        while todo:
            fresh = near[todo.pop()] - reached
            reached |= fresh
            todo += fresh
        assert label[i] == min(reached)
