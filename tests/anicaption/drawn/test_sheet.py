"""Exposure sheets: when a drawing is exposed, where on its course it lies, and what no drawing changes."""

from dataclasses import replace

import numpy as np
import pytest
from anicaption.drawn.script import Acting, CameraWork, Character, Place, Role, Shot
from anicaption.drawn.sheet import cel_shift, drawing_new, phase_at, sheets_of, spaced

WHO = Character(
    "long", "straight", (40, 40, 60), (80, 120, 220), (250, 220, 200), "sailor", (250, 250, 250), (40, 60, 120),
    (220, 50, 60), "skirt", "none", 3,
)  # fmt: skip
PLACE = Place("meadow", "normal_day", "single_plane", 4)


def shot(acting, n_frames=24, **more):
    return Shot(n_frames, 7, PLACE, CameraWork(), WHO, acting, **more)


def starts(acting, n_frames=24):
    [sheet] = sheets_of(shot(acting, n_frames))
    return sorted(set(sheet.starts))


def test_every_exposure_begins_where_the_script_says():
    assert starts(Acting("walk", 3, "full"), 10) == [0, 3, 6, 9]
    assert starts(Acting("walk", 2, "full", holds=(2, 1, 4)), 16) == [0, 2, 3, 7, 9, 10, 14]
    assert starts(Acting("pose", 0, "full"), 10) == [0]
    [sheet] = sheets_of(shot(Acting("walk", 2, "full", period_frames=12)))
    assert sheet.new()[:5].tolist() == [1, 0, 1, 0, 1]


def test_a_smear_has_its_own_frames_whatever_the_exposure():
    acting = Acting("run", 3, "full", deformations=(("smear_multiple", 7, 9),))
    [sheet] = sheets_of(shot(acting, 18))
    smeared = [frame for frame in range(18) if "smear_multiple" in sheet.deformation_at(frame)]
    assert smeared == [7, 8] and sheet.starts[5:12] == (3, 6, 7, 7, 9, 9, 9)
    assert sheet.drawings[7] == sheet.drawings[8] != sheet.drawings[9]


def test_a_hit_stop_holds_the_drawing_of_contact_and_then_goes_on():
    plain = Acting("run", 2, "full", period_frames=16)
    [free], [stopped] = sheets_of(shot(plain)), sheets_of(shot(replace(plain, hit_stop=(6, 12))))
    assert len(set(stopped.drawings[6:12])) == 1 and stopped.drawings[6] == free.drawings[6]
    assert stopped.drawings[12:20] == free.drawings[8:16]
    assert stopped.new()[5:14].tolist() == [0, 1, 0, 0, 0, 0, 0, 1, 0]


def test_a_cycle_comes_back_to_its_first_drawing():
    [sheet] = sheets_of(shot(Acting("walk", 2, "full", period_frames=8)))
    assert sheet.numbers("body")[:10] == [1, 1, 2, 2, 3, 3, 4, 4, 1, 1]


@pytest.mark.parametrize("spacing", ["even", "slow_start", "slow_end", "slow_both", "hold_and_snap", "no_inbetween"])
def test_spacings_go_from_key_to_key(spacing):
    course = [spaced(t, spacing) for t in np.linspace(0, 1, 49)]
    assert course[0] == 0 and course[-1] == pytest.approx(1) and (np.diff(course) >= 0).all()
    steps = np.diff(course)
    early, late = steps[:8].sum(), steps[-8:].sum()
    if spacing in ("slow_start", "slow_end"):
        assert (early < 0.3 * late) if spacing == "slow_start" else (late < 0.3 * early)
    elif spacing == "slow_both":
        assert early < 0.1 and late < 0.1
    elif spacing == "hold_and_snap":
        assert steps.max() > 0.8 and early < 0.05
    elif spacing == "no_inbetween":
        assert set(course) == {0.0, 1.0}
    else:
        assert np.ptp(steps) < 1e-9


def test_a_course_is_exposed_where_its_spacing_puts_it():
    even, late = (
        Acting("raise", 1, "full", period_frames=20, lead_frames=2, spacing=s) for s in ("even", "slow_start")
    )
    assert phase_at(even, 12) == 0.5 and phase_at(late, 12) < 0.3
    assert phase_at(even, 0) == phase_at(late, 1) == 0 and phase_at(late, 22) == phase_at(even, 90) == 1


@pytest.mark.parametrize(
    ("part", "layer"),
    [
        ("mouth_flap", "mouth"), ("blink", "eyes"), ("eye_line", "eyes"), ("hair_flutter", "hair"),
        ("cloth_flutter", "cloth"),
    ],
)  # fmt: skip
def test_a_part_moves_alone_over_a_held_body(part, layer):
    [sheet] = sheets_of(shot(Acting("idle", 3, "bust", parts=(part,), period_frames=12), 48))
    assert sheet.moving == (layer,) and set(sheet.numbers("body")) == {1}
    assert {start % 3 for start in sheet.starts} == {0}
    if part == "mouth_flap":
        assert np.flatnonzero(sheet.new("mouth")).tolist() == list(range(0, 48, 3)), "no shape comes twice running"


def test_sliding_and_rocking_move_the_cel_and_draw_nothing():
    acting = Acting("idle", 0, "full", rocking="bob", slide=(0.02, 0.0))
    [sheet] = sheets_of(shot(acting, 40))
    assert drawing_new(shot(acting, 40)).tolist() == [1.0] + [0.0] * 39
    x, y, turn = zip(*(sheet.shift(frame) for frame in range(40)))
    assert np.diff(x) == pytest.approx(0.02) and abs(np.mean(y)) < 1e-9 < np.ptp(y) and set(turn) == {0.0}
    assert np.ptp([cel_shift(replace(acting, rocking="turn"), own)[2] for own in range(40)]) > 2


def test_every_figure_has_its_sheet_and_any_of_them_makes_a_new_drawing():
    main, other = Acting("pose", 0, "full"), Acting("walk", 4, "full")
    two = shot(main, others=(Role(WHO, other),))
    assert [sheet.main_layer for sheet in sheets_of(two)] == [None, "body"]
    assert np.flatnonzero(drawing_new(two)).tolist() == list(range(0, 24, 4))
    assert np.isnan(drawing_new(Shot(6, 1, PLACE, CameraWork()))).all()


def test_frames_before_the_cut_stay_on_the_grid():
    acting = Acting("walk", 2, "full")
    [plain], [mixed] = sheets_of(shot(acting)), sheets_of(shot(acting, into=("dissolve", 10)))
    assert mixed.drawings[5:29] == plain.drawings
    assert mixed.starts[:6] == (-6, -4, -4, -2, -2, 0)


@pytest.mark.parametrize(
    ("acting", "words"),
    [
        (Acting("raise", 1, "full", spacing="bouncy"), "bouncy"),
        (Acting("idle", 2, "full", parts=("tail_wag",)), "tail_wag"),
    ],
)
def test_wrong_words_are_named(acting, words):
    with pytest.raises(ValueError, match=words):
        sheets_of(shot(acting))
    with pytest.raises(ValueError, match="tumble"):
        cel_shift(replace(acting, rocking="tumble"), 1)
