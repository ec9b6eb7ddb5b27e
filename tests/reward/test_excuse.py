"""What counts as art: four drawings of a smear, and only if the form comes back; what may last, lasts."""

import numpy as np
from animatrix_reward.dimensions import DRAWN_KINDS
from animatrix_reward.excuse import BRIEF, MAY_LAST, excused, runs

T = 30


def meant(start, end, lasting=False):
    intent = np.full((T, 2), 0.02)
    intent[start:end, int(lasting)] = 0.95
    return intent


def apart(start, end, comes_back=True):
    """Frames [start, end) show another form; afterwards the old one, or yet another."""
    form = np.zeros(T)
    form[start:end] = 1.0
    form[end:] = 0.0 if comes_back else 1.0
    return np.abs(form[:, None] - form)


def test_every_drawn_kind_is_brief_or_may_last():
    assert {*BRIEF, *MAY_LAST} == {*DRAWN_KINDS} and {"chibi_shift", "morph"} <= {*MAY_LAST}
    assert {"smear_stretch", "smear_multiple", "smear_abstract"} <= {*BRIEF}


def test_a_smear_that_comes_back_is_excused():
    found = excused(meant(10, 13), np.arange(T), apart(10, 13))
    assert np.flatnonzero(found > 0.5).tolist() == [10, 11, 12]


def test_a_smear_that_does_not_come_back_is_not():
    assert not excused(meant(10, 13), np.arange(T), apart(10, 13, comes_back=False)).any()


def test_a_smear_excuses_four_drawings_however_many_frames_they_stand():
    on_threes = np.arange(T) // 3
    found = excused(meant(9, 27), on_threes, apart(9, 21))
    assert np.flatnonzero(found).tolist() == list(range(9, 21))


def test_an_endless_smear_is_a_collapse():
    assert not excused(meant(10, T), np.arange(T), apart(10, T)).any()


def test_what_ends_with_the_clip_was_not_seen_to_come_back():
    assert not excused(meant(T - 2, T), np.arange(T), apart(T - 2, T)).any()
    assert not excused(meant(0, 2), np.arange(T), apart(0, 2)).any()


def test_a_chibi_shift_may_last():
    found = excused(meant(10, T, lasting=True), np.arange(T), apart(10, T))
    assert (found[10:] > 0.5).all() and not found[:10].any()


def test_what_is_hardly_meant_excuses_nothing():
    assert not excused(np.full((T, 2), 0.2), np.arange(T), apart(10, 13)).any()


def test_runs_are_half_open():
    assert runs(np.array([1, 1, 0, 1], bool)) == [(0, 2), (3, 4)]
