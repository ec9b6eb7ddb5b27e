import time

import numpy as np
import pyarrow as pa
import pytest
from animatrix_ingest.decide.balance import AXES, WEIGHTS, Balance, _cap, _effective, _gini, weights
from animatrix_ingest.decide.joined import TableError
from hypothesis import given, settings
from hypothesis import strategies as st

FIELDS = list(AXES.values())


def tags(*columns):
    """Columns of lists of values, for the first axes; the others are unknown."""
    n = len(columns[0])
    rest = [[["unknown"]] * n] * (len(FIELDS) - len(columns))
    kind = pa.list_(pa.string())
    said = {field: pa.array(column, kind) for field, column in zip(FIELDS, [*columns, *rest])}
    return pa.table({"key": pa.array([f"k{i:07}" for i in range(n)], pa.string()), **said})


def drawn(balanced):
    return np.array(balanced.table["weight"].to_pylist())


def test_one_axis_by_hand():
    table = tags([["moe_clean"]] * 8 + [["gag_simple"]] * 2)
    balanced = weights(table, balance=Balance(alpha=1))
    assert drawn(balanced) == pytest.approx([0.625] * 8 + [2.5] * 2)
    style = balanced.axes["style"]
    assert (style.classes, style.unknown) == (2, 0)
    assert style.gini_before == pytest.approx(0.3)
    assert style.gini_after == pytest.approx(0.0, abs=1e-6)
    assert (balanced.most_repeated, balanced.most_weight) == ("k0000008", pytest.approx(2.5))
    assert balanced.most_classes["style"] == ["gag_simple"]


def test_two_axes_multiply_and_several_values_are_averaged():
    table = tags([["a"], ["a"], ["a"], ["b"]], [["x"], ["x", "y"], ["y"], ["y"]])
    alpha = 0.7
    na, nb, nx, ny = (n**-alpha for n in (3, 1, 2, 3))
    expected = np.array([na * nx, na * (nx + ny) / 2, na * ny, nb * ny])
    assert drawn(weights(table)) == pytest.approx(expected / expected.mean(), rel=1e-5)


def test_what_says_nothing_weighs_the_median_of_what_does():
    table = tags([["a"]] * 4 + [["b"]] * 2 + [["c"]] + [["unknown"], ["na"], None])
    found = drawn(weights(table))
    assert found[7] == found[8] == found[9] == found[0] == np.median(found[:7])
    assert weights(table).axes["style"].unknown == 3
    assert drawn(weights(tags([["unknown"]] * 3))).tolist() == [1, 1, 1]


def test_skewed_axes_leave_few_clips_effective_and_the_cap_leaves_a_third():
    rng = np.random.default_rng(3)
    zipf = 1 / np.arange(1, 31) ** 1.6
    columns = [[[f"v{v}"] for v in rng.choice(30, 20_000, p=zipf / zipf.sum())] for _ in FIELDS]
    balanced = weights(tags(*columns))
    assert balanced.effective_before_cap < 0.1
    assert 0.3 <= balanced.effective < 0.3001, "no more is taken away than must be"
    assert balanced.effective == pytest.approx(_effective(drawn(balanced)))
    for axis in balanced.axes.values():
        assert axis.gini_after < axis.gini_before
    assert drawn(balanced).mean() == pytest.approx(1, rel=1e-5)
    assert balanced.most_weight == drawn(balanced).max()
    assert 0 < balanced.capped < 20_000


def test_quarantine_is_never_drawn_and_does_not_count():
    table = tags([["a"]] * 4 + [["b"]] * 4)
    tiers = pa.table({"key": table["key"], "tier": ["B", "raw", "A", "S", "B", "quarantined", "technical", "B"]})
    splits = pa.table({"key": table["key"], "split": ["train"] * 7 + ["held_out"]})
    balanced = weights(table, tiers, splits)
    found = drawn(balanced)
    assert found[5] == 0
    assert (found > 0).sum() == 7
    assert balanced.counted == 5
    assert found[[0, 2, 3, 4, 6]].mean() == pytest.approx(1, rel=1e-5)
    assert found[4] == found[7] > found[0] == found[1]
    assert balanced.to_json()["axes"]["style"]["classes"] == 2
    nothing = weights(table, pa.table({"key": table["key"], "tier": ["quarantined"] * 8}))
    assert drawn(nothing).tolist() == [0] * 8
    assert nothing.most_repeated is None


def test_tables_and_settings_that_cannot_be_are_refused():
    with pytest.raises(TableError, match=r"tags: has no column vfx\.element"):
        weights(tags([["a"]]).drop_columns(["vfx.element"]))
    with pytest.raises(TableError, match="tiers: 1 clips of the tags have no tier"):
        weights(tags([["a"]]), pa.table({"key": ["other"], "tier": ["B"]}))
    with pytest.raises(ValueError, match=r"balance\.effective: 0 is no share"):
        Balance(effective=0)
    assert weights(tags([])).table.schema == WEIGHTS


values = st.lists(st.sampled_from(["a", "b", "c", "d", "none"]), min_size=1, max_size=3, unique=True)
columns = st.lists(st.tuples(*[st.one_of(st.just(["unknown"]), values)] * 4), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(columns, st.floats(0, 2), st.floats(0.05, 1))
def test_weights_are_positive_finite_and_effective_enough(rows, alpha, share):
    balanced = weights(tags(*map(list, zip(*rows))), balance=Balance(alpha=alpha, effective=share))
    found = drawn(balanced)
    assert np.isfinite(found).all() and (found > 0).all()
    assert _effective(found) >= share * (1 - 1e-5)
    assert found.mean() == pytest.approx(1, rel=1e-4)
    if alpha == 0:
        assert set(found) == {1.0}


@settings(max_examples=80, deadline=None)
@given(columns, st.randoms())
def test_the_order_of_rows_means_nothing(rows, rng):
    table = tags(*map(list, zip(*rows)))
    order = list(range(len(rows)))
    rng.shuffle(order)
    one, other = weights(table), weights(table.take(order))
    assert np.array_equal(drawn(one)[order], drawn(other))
    assert (one.most_repeated, one.axes.keys()) == (other.most_repeated, other.axes.keys())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=50), st.floats(0.02, 1))
def test_the_cap_is_the_greatest_that_leaves_enough(weight, share):
    sorted_n = np.sort(np.array(weight))
    cap = _cap(sorted_n, share)
    assert cap > 0
    assert _effective(np.minimum(sorted_n, cap)) >= share * (1 - 1e-7)
    if cap < sorted_n[-1] * (1 - 1e-6):
        assert _effective(np.minimum(sorted_n, cap * 1.001)) < share + 1e-6


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=30))
def test_gini_is_half_the_mean_difference_of_pairs(mass):
    mass = np.array(mass)
    pairs = np.abs(mass[:, None] - mass[None]).mean() / (2 * mass.mean())
    assert _gini(mass) == pytest.approx(pairs, abs=1e-9)


def test_a_hundred_thousand_clips_take_less_than_two_seconds():
    rng = np.random.default_rng(0)
    choices = [[["a"]], [["b"]], [["a", "b"]], [["unknown"]]]
    columns = [[choices[i][0] for i in rng.choice(4, 100_000, p=[0.8, 0.1, 0.05, 0.05])] for _ in FIELDS]
    table = tags(*columns)
    began = time.process_time()
    weights(table)
    assert time.process_time() - began < 2
