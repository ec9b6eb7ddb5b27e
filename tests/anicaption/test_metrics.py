"""Metrics against tables worked out by hand, and against scikit-learn where it has the same one."""

import math
import random

import pytest
from anicaption.metrics import (
    Counts,
    average_precision,
    calibration_bins,
    counts,
    coverage_curve,
    expected_calibration_error,
    macro_f1,
    mean_average_precision,
    span_counts,
    together,
    weighted_kappa,
)

# true, said: a and b right once each, one a taken for b, one b missed by abstaining, one c said beside a
PAIRS = [({"a"}, {"a"}), ({"b"}, {"b"}), ({"a"}, {"b"}), ({"b"}, set()), ({"a"}, {"a", "c"})]


def test_counts_and_macro_f1_by_hand():
    table = counts(PAIRS)
    assert table == {"a": Counts(2, 0, 1), "b": Counts(1, 1, 1), "c": Counts(0, 1, 0)}
    assert table["a"].precision == 1 and table["a"].recall == pytest.approx(2 / 3)
    assert table["a"].f1 == pytest.approx(4 / 5) and table["b"].f1 == pytest.approx(1 / 2)
    assert macro_f1(table) == pytest.approx((4 / 5 + 1 / 2) / 2)  # c is true nowhere
    assert math.isnan(macro_f1({}))


def test_average_precision_by_hand():
    # ranked: right, wrong, right -> 1/2 * 1/1 + 1/2 * 2/3
    assert average_precision([0.9, 0.8, 0.7], [True, False, True]) == pytest.approx(5 / 6)
    assert average_precision([0.5, 0.5], [True, False]) == pytest.approx(1 / 2)  # a tie is one step
    assert math.isnan(average_precision([0.5], [False]))
    scores = [{"a": 0.9}, {"a": 0.8, "b": 0.9}, {"b": 0.1}]
    assert mean_average_precision([{"a"}, {"b"}, {"a"}], scores) == pytest.approx((1 / 2 + 1 / 2 * 2 / 3 + 1) / 2)


def test_weighted_kappa_by_hand():
    # seen [[1, 1], [0, 2]] of grades 0 and 2 apart by one: observed 1, expected by chance 2*3/4 + 2*1/4 = 2
    assert weighted_kappa([0, 0, 1, 1], [0, 1, 1, 1], 2) == pytest.approx(1 / 2)
    assert weighted_kappa([0, 1, 2], [0, 1, 2], 3) == 1
    assert weighted_kappa([0, 2], [2, 0], 3) == -1
    assert math.isnan(weighted_kappa([], [], 3)) and math.isnan(weighted_kappa([1], [1], 3))


def test_calibration_by_hand():
    bins = calibration_bins([0.95, 0.85, 0.15, 0.1], [True, False, False, True], n_bins=10)
    assert [(b.n, b.accuracy) for b in bins] == [(1, 1), (1, 0), (1, 0), (1, 1)]  # 0.1 lies below the edge of 0.15
    assert expected_calibration_error(bins) == pytest.approx((0.05 + 0.85 + 0.15 + 0.9) / 4)
    assert math.isnan(expected_calibration_error([]))


def test_coverage_against_accuracy_by_hand():
    curve = coverage_curve([0.9, 0.5, 0.7, 0.5], [True, True, False, True], asked=5)
    assert curve == [(1 / 5, 1.0), (2 / 5, 1 / 2), (4 / 5, 3 / 4)]  # equal confidences come in together
    assert coverage_curve([], [], 3) == []


def test_spans_match_one_to_one_by_value_and_both_ends():
    true = [("white_flash", 10, 12), ("mono", 20, 22)]
    said = [("white_flash", 11, 12), ("mono", 20, 24), ("mono", 40, 41)]
    assert span_counts(true, said, 0) == Counts(0, 3, 2)
    assert span_counts(true, said, 1) == Counts(1, 2, 1)
    assert span_counts(true, said, 2) == Counts(2, 1, 0)
    assert together([Counts(1, 2, 3), Counts(1, 0, 0)]) == Counts(2, 2, 3)


def test_as_many_spans_match_as_can():
    """The first true span must leave the near one to the second."""
    true, said = [("x", 10, 12), ("x", 12, 14)], [("x", 11, 13), ("x", 9, 11)]
    assert span_counts(true, said, 1) == Counts(2, 0, 0)


def test_scikit_learn_agrees():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = random.Random(1)
    for _ in range(20):
        n = rng.randint(5, 40)
        true, said = ([rng.randrange(4) for _ in range(n)] for _ in range(2))
        table = counts(({str(t)}, {str(s)}) for t, s in zip(true, said, strict=True))
        assert macro_f1(table) == pytest.approx(
            metrics.f1_score(true, said, labels=sorted(set(true)), average="macro", zero_division=0)
        )
        assert weighted_kappa(true, said, 4) == pytest.approx(
            metrics.cohen_kappa_score(true, said, labels=range(4), weights="quadratic")
        )
        scores, positive = [round(rng.random(), 1) for _ in range(n)], [rng.random() < 0.4 for _ in range(n)]
        if any(positive):
            assert average_precision(scores, positive) == pytest.approx(
                metrics.average_precision_score(positive, scores)
            )
