"""Columns of evidence in, cadences out: no video."""

from fractions import Fraction

import numpy as np
import pytest
from animatrix_ingest.decide.telecine import COLUMNS, choose, repeat_floor
from animatrix_ingest.decide.telecine_pace import pace, standard, unpaced
from animatrix_ingest.decide.telecine_patterns import (
    PAIRS,
    SAME,
    TELECINE_BOTTOM_FIRST,
    TELECINE_TOP_FIRST,
    hypotheses,
    patterns,
)

FILM, NTSC = Fraction(24000, 1001), Fraction(30000, 1001)


def columns_of(tops, bottoms, drawing, seed=0, noise=1.0):
    """Evidence as of frames whose fields show these film pictures, each picture being drawing[k]."""
    rng = np.random.default_rng(seed)
    rows = {name: np.full(len(tops), np.nan) for name in COLUMNS}

    def level(a, b, high):
        return (high if drawing[a] != drawing[b] else 0) * rng.uniform(0.7, 1.3) + noise * rng.uniform(0.3, 1)

    for t in range(1, len(tops)):
        top, bottom, last_top, last_bottom = tops[t], bottoms[t], tops[t - 1], bottoms[t - 1]
        pairs = [(top, last_top), (bottom, last_bottom), (top, bottom), (top, last_bottom), (last_top, bottom)]
        for name, (a, b) in zip(PAIRS, pairs, strict=True):
            rows[name][t] = level(a, b, 25 if name in ("top", "bottom") else 9)
    return rows


def held(n, frames):
    """The drawing of every picture, held for so many pictures."""
    return [k // frames for k in range(n)]


def states(choices):
    return [c.hypothesis.pattern.state for c in choices]


def repeat(n, first=0):
    return [first + 4 * (t // 5) + min(t % 5, 3) for t in range(n)]


def test_every_pattern_says_how_often_a_field_repeats():
    for pattern in (TELECINE_TOP_FIRST, TELECINE_BOTTOM_FIRST):
        expected = np.stack([pattern.expects(phase) for phase in range(5)])
        per_cycle = dict(zip(PAIRS, (expected == SAME).sum(0), strict=True))
        assert per_cycle["top"] == per_cycle["bottom"] == 1
        assert per_cycle["own"] == 3
        assert pattern.film_rate(NTSC) == FILM
    assert [p.state for p in patterns(Fraction(60))] == ["progressive", "repeat_3_2", "repeat_2_2"]


def test_which_pair_across_frames_is_further_apart():
    leans = {(h.pattern.state, h.pattern.tops, h.pattern.near): [] for h in hypotheses(NTSC)}
    for h in hypotheses(NTSC):
        leans[h.pattern.state, h.pattern.tops, h.pattern.near].append(h.pattern.leans(h.phase))
    by_state = {state: sorted(v) for (state, _, _), v in leans.items()}
    assert by_state["progressive"] == [0] and by_state["repeat_2_3"] == [0] * 5
    for pattern, side in ((TELECINE_TOP_FIRST, -1), (TELECINE_BOTTOM_FIRST, 1)):
        assert [pattern.leans(phase) for phase in range(5)] == [0, 0, side, side, side]
    assert {p.leans(0) for p in patterns(NTSC) if p.state == "shifted_2_2"} == {-1, 1}


@pytest.mark.parametrize("state", ["interlaced", "blended"])
def test_a_mix_rises_and_falls_where_video_keeps_its_share(state):
    n = 200
    rows = {name: np.full(n, 4.0) for name in COLUMNS}
    rows |= {"top": np.full(n, 30.0), "bottom": np.full(n, 30.0), "last_with": np.full(n, 12.0)}
    rows["blend"] = np.full(n, 0.6) if state == "interlaced" else np.tile([0.9, 0.5, 0.1, 0.5, 0.9], n // 5)
    assert set(states(choose(rows, NTSC))) == {state}


def test_combs_that_all_pairs_share_are_the_detail_of_the_picture():
    shown = list(range(200))
    rows = columns_of(shown, shown, held(200, 1))
    for name in ("own", "with_last", "last_with"):
        rows[name][60:] = 4.0 + np.random.default_rng(1).uniform(-0.8, 0.8, 140)
    assert set(states(choose(rows, NTSC))) == {"progressive"}


@pytest.mark.parametrize("hold", [1, 2, 3])
@pytest.mark.parametrize("start", [0, 3])
def test_one_repeat_in_five_is_found_under_any_exposure(hold, start):
    shown = repeat(210)[start:]
    found = choose(columns_of(shown, shown, held(200, hold)), NTSC)
    if hold == 1:
        assert set(states(found)) == {"repeat_2_3"}
        assert len({c.hypothesis.phase for c in found}) == 1
    kept = [t for t in range(len(shown)) if not _left_out(found, t)]
    assert {held(200, hold)[shown[t]] for t in kept} == {held(200, hold)[k] for k in shown}, "a drawing is lost"


def _left_out(choices, t):
    """Whether a repeat cadence leaves out frame t."""
    pattern, phase = choices[t].hypothesis.pattern, choices[t].hypothesis.phase
    return pattern.state == "repeat_2_3" and pattern.shown(t, phase) == pattern.shown(t - 1, phase) and t > 0


@pytest.mark.parametrize("hold", [1, 2, 3, 4])
def test_held_drawings_at_a_native_rate_are_no_cadence(hold):
    shown = list(range(200))
    assert set(states(choose(columns_of(shown, shown, held(200, hold)), NTSC))) == {"progressive"}


def test_a_still_scene_keeps_the_phase_and_a_still_source_is_not_known():
    shown = repeat(300)
    drawing = [min(k, 80) if k < 160 else k for k in range(300)]  # nothing moves from picture 80 to 160
    found = choose(columns_of(shown, shown, drawing), NTSC)
    assert {(c.hypothesis.pattern.state, c.hypothesis.phase) for c in found} == {("repeat_2_3", 0)}
    still = choose(columns_of(shown, shown, [0] * 300), NTSC)
    assert set(states(still)) == {"progressive"}
    assert not any(c.known for c in still)


def test_an_edit_breaks_the_phase_and_it_locks_again():
    one, two = repeat(100), repeat(100, first=80)[3:]
    found = choose(columns_of(one + two, one + two, list(range(200))), NTSC)
    phases = [c.hypothesis.phase for c in found]
    assert set(states(found)) == {"repeat_2_3"}
    assert phases[:95] == [0] * 95
    assert phases[103:] == [(3 - 100) % 5] * len(phases[103:])


def test_no_repeat_is_claimed_where_the_difference_is_clear():
    """A small drawing that moves just where the cadence would repeat is not left out."""
    shown = repeat(200)
    rows = columns_of(shown, shown, list(range(200)), noise=0.5)
    for name in ("top", "bottom"):
        rows[name][104] = 60  # in step with the repeats
    found = choose(rows, NTSC)
    assert not _left_out(found, 104)
    assert sum(_left_out(found, t) for t in range(1, 200)) >= 35


@pytest.mark.parametrize("top_first", [True, False])
@pytest.mark.parametrize("hold", [1, 2])
def test_pulldown_is_told_with_its_field_order(top_first, hold):
    fields = [k for k in range(200) for _ in range(3 if k % 2 else 2)][:400]
    tops, bottoms = (fields[0::2], fields[1::2]) if top_first else (fields[1::2], fields[0::2])
    found = choose(columns_of(tops, bottoms, held(200, hold)), NTSC)
    pattern = TELECINE_TOP_FIRST if top_first else TELECINE_BOTTOM_FIRST
    assert np.mean([c.hypothesis.pattern == pattern for c in found]) > 0.97


def test_three_and_two_and_doubles_at_60():
    triple = [k for k in range(100) for _ in range(3 if k % 2 else 2)]
    double = [k for k in range(100) for _ in range(2)]
    for shown, state in ((triple, "repeat_3_2"), (double, "repeat_2_2")):
        found = choose(columns_of(shown, shown, list(range(100))), Fraction(60000, 1001))
        assert np.mean([s == state for s in states(found)]) > 0.97


def test_every_frame_gets_one_choice_whatever_the_lag():
    shown = repeat(57)
    rows = columns_of(shown, shown, list(range(60)))
    for lag in (0, 9, 45, 500):
        assert len(choose(rows, NTSC, lag)) == 57
    assert choose({name: [] for name in COLUMNS}, NTSC) == []
    assert len(choose({name: [np.nan] for name in COLUMNS}, NTSC)) == 1


def test_a_noisy_source_says_what_its_repeats_differ_by():
    change = np.tile([50.0, 60, 20, 55, 45], 30)
    assert repeat_floor(change) == pytest.approx(20)
    assert repeat_floor(np.full(150, 30.0)) < 10, "a pan without repeats has no floor of 30"
    assert repeat_floor(np.array([np.nan])) > 0


def test_every_phase_is_a_hypothesis_once():
    found = hypotheses(NTSC)
    assert len(set(found)) == len(found)


def test_pace():
    base = Fraction(1, 90000)
    assert pace([3003 * n for n in range(13)], base, NTSC).kind == "constant"
    soft = [sum((3003, 4504)[i % 2] for i in range(n)) for n in range(13)]
    assert (pace(soft, base, NTSC).kind, pace(soft, base, NTSC).rate) == ("soft", FILM)
    film_in_variable = [round(1001 / 24 * n) for n in range(13)]
    assert pace(film_in_variable, Fraction(1, 1000), Fraction(27)).rate == FILM
    assert pace([0, 10, 60, 61, 90, 200, 210], Fraction(1, 1000), NTSC).kind == "variable"
    lost_one = [33 * n for n in range(13) if n != 6]
    assert pace(lost_one, Fraction(1, 1000), Fraction(30)).kind == "constant"


def test_rates_are_named():
    assert standard(Fraction(2997, 100)) == NTSC
    assert standard(Fraction(24)) == 24
    assert standard(Fraction(27)) == 27


def test_restored_stamps_may_stand_on_the_source_grid_but_not_drift():
    base = Fraction(1, 30000)
    film = [1001 * (5 * (n // 4) + n % 4) for n in range(60)]
    assert unpaced(film, base, FILM, NTSC) == ""
    assert "ms off" in unpaced([1001 * n for n in range(60)], base, FILM, NTSC)
    assert unpaced([0], base, FILM, NTSC) == ""
