"""Bars are found, kept through the dark, ended by content, and hide no cut."""

from __future__ import annotations

import numpy as np
import pytest
from anicaption.measure.bars import STAND_FRAMES, Bars
from anicaption.measure.transition import TransitionWatch, decide


def picture(seed: int, bars: tuple[int, int] = (0, 0), shift: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 256, (9, 16, 3), dtype=np.uint8)
    made = np.roll(np.kron(coarse, np.ones((16, 16, 1), np.uint8)), shift, 1)
    down, across = bars
    made[:down], made[made.shape[0] - down :], made[:, :across], made[:, made.shape[1] - across :] = 0, 0, 0, 0
    return made


@pytest.mark.parametrize("bars", [(0, 0), (18, 0), (0, 32), (12, 16)])
def test_bars_of_either_kind_are_cut_off(bars):
    found = Bars()
    found.see(picture(1, bars))
    inner = found.inner(picture(1, bars))
    assert inner.min() > 0
    assert abs(inner.shape[0] - (144 - 2 * bars[0])) <= 4 and abs(inner.shape[1] - (256 - 2 * bars[1])) <= 4


def test_darkness_tells_nothing_and_content_ends_a_bar_at_once():
    found = Bars()
    found.see(np.zeros((144, 256, 3), np.uint8))
    assert not found.changed
    found.see(picture(1, (18, 0)))
    assert found.changed
    found.see(np.full((144, 256, 3), 10, np.uint8))
    assert not found.changed and found.inner(picture(1)).shape[0] < 144
    found.see(picture(2))
    assert found.changed and found.inner(picture(2)).shape[0] == 144


def test_a_new_bar_must_stand_for_a_while():
    found = Bars()
    found.see(picture(1))
    for _ in range(STAND_FRAMES - 1):
        found.see(picture(1, (18, 0)))
        assert found.inner(picture(1)).shape[0] == 144
    found.see(picture(1, (18, 0)))
    assert found.changed and found.inner(picture(1)).shape[0] < 120


@pytest.mark.parametrize("bars", [(0, 0), (18, 0), (0, 32)])
def test_bars_hide_no_cut_and_make_none(bars):
    watch = TransitionWatch()
    for i in range(96):
        watch.see(picture(i // 24, bars, shift=i % 24 // 2))
    assert [boundary.frame for boundary in decide(watch.scores(0), 0)] == [24, 48, 72]


def test_bars_that_come_with_a_shot_are_one_cut():
    watch = TransitionWatch()
    for i in range(72):
        watch.see(picture(i // 24, (18, 0) if 24 <= i < 48 else (0, 0), shift=i % 24 // 2))
    assert [boundary.frame for boundary in decide(watch.scores(0), 0)] == [24, 48]
