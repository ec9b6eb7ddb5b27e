"""Krippendorff's alpha against his published tables, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from animatrix_reward.agreement import Rating, alpha

# "Computing Krippendorff's Alpha-Reliability" (2011), sections A, B and C; "." is a missing value.
BINARY = ["0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"]
NAMES = ["a a b b d c c c e d d a", "b a b b b c c c e d d d"]
FOUR = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]


def ratings(rows: list[str]) -> list[Rating]:
    return [
        Rating(f"rater {r}", f"unit {u}", int(value) if value.isdigit() else value)
        for r, row in enumerate(rows)
        for u, value in enumerate(row.split())
        if value != "."
    ]


@pytest.mark.parametrize(
    ("rows", "scale", "published"),
    [
        (BINARY, "nominal", 0.095),
        (NAMES, "nominal", 0.692),
        (FOUR, "nominal", 0.743),
        (FOUR, "ordinal", 0.815),
        (FOUR, "interval", 0.849),
    ],
)
def test_published_tables(rows, scale, published):
    found = alpha(ratings(rows), scale)
    assert found.value == pytest.approx(published, abs=5e-4)


def test_a_unit_that_one_rater_rated_is_left_out():
    found = alpha(ratings(FOUR), "nominal")
    assert (found.n_units, found.n_pairable) == (11, 40)


def test_perfect_and_random_raters():
    rng = np.random.default_rng(0)
    truth = rng.integers(1, 6, 400)
    same = [Rating(f"r{r}", f"u{u}", int(v)) for r in range(3) for u, v in enumerate(truth)]
    assert alpha(same, "ordinal").value == 1.0
    chance = [Rating(f"r{r}", f"u{u}", int(rng.integers(1, 6))) for r in range(3) for u in range(400)]
    assert abs(alpha(chance, "ordinal").value or 1) < 0.08


def test_neighbours_count_less_on_the_ordinal_scale():
    rng = np.random.default_rng(1)
    near = [
        Rating(f"r{r}", f"u{u}", int(np.clip(u % 5 + 1 + rng.integers(0, 2), 1, 5)))
        for r in range(3)
        for u in range(200)
    ]
    nominal, ordinal = alpha(near, "nominal").value, alpha(near, "ordinal").value
    assert nominal is not None and ordinal is not None and nominal < ordinal


def test_what_is_not_defined_says_why():
    assert "nothing to disagree" in alpha(ratings(["1 1 1", "1 1 1"]), "nominal").why
    assert "fewer than two" in alpha(ratings(["1 . .", "1 . 2"]), "nominal").why
    with pytest.raises(ValueError, match="rated unit 0 twice"):
        alpha([Rating("a", "unit 0", 1), Rating("a", "unit 0", 2)], "nominal")
