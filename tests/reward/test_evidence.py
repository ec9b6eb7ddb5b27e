"""Local evidence: each column answers to what its name says, and keeps quiet for drawings that only move."""

import numpy as np
import pytest
from animatrix_reward import evidence
from animatrix_reward.corrupt import corrupt

from tests.reward.judged import moving_clip

STANDS = np.tile(np.eye(3), (24, 1, 1))


def columns(frames, steps=STANDS):
    return evidence.gather(frames, steps)


def test_what_never_rests_between_drawings_is_told_from_drawings_on_twos():
    clip = moving_clip()
    quiet = columns(clip.frames_THWC)["cell_restless_long_1"]
    loud = columns(corrupt(clip, "boiling_line", severity=5, seed=1).frames_THWC)["cell_restless_long_1"]
    assert quiet.max() < 0.5 < 1.0 < loud.max()


def test_colours_exchanged_for_good_are_told_from_colours_that_move():
    clip = moving_clip()
    other = clip.frames_THWC.copy()
    other[12:][clip.masks_THW[12:]] = (200, 60, 30)
    assert columns(clip.frames_THWC)["mass_exchanged"].max() < 0.5
    exchanged = columns(other)["mass_exchanged"]
    assert exchanged.max() > 1.5 and 9 <= exchanged.argmax() <= 14


def test_a_change_off_the_beat():
    frames = moving_clip().frames_THWC.copy()
    assert columns(frames)["off_beat_2"].max() < 0.5
    frames[13, 10:40, 60:80] = 0
    assert columns(frames)["off_beat_2"][13] > 1.0


def test_a_mixture_of_its_neighbours():
    frames = moving_clip().frames_THWC.copy()
    frames[::2] = frames[1::2]
    frames[11] = np.rint((frames[10].astype(float) + frames[12]) / 2)
    mixed = columns(frames)["mixed"]
    assert mixed[11] > 0.8 > 0.3 > mixed[13]


def test_what_stays_and_what_comes_and_goes():
    frames = np.full((24, 48, 84, 3), 120, np.uint8)
    stays, goes = frames.copy(), frames.copy()
    stays[12:, 10:40, 20:60] = 240
    goes[12:14, 10:40, 20:60] = 240
    one, other = columns(stays), columns(goes)
    assert one["cell_stays_1"][12] > 3 > 0.5 > other["cell_stays_1"].max()
    assert other["cell_own_brief_1"][12] > 3 > 0.5 > one["cell_own_brief_1"].max()


def passing(frames):
    return evidence.passing(frames.transpose(0, 3, 1, 2))


def test_what_passes_while_all_stands_is_told_from_what_stays_and_from_what_moves_on():
    still = np.repeat(moving_clip().frames_THWC[:1], 24, axis=0)
    goes, stays, moves = still.copy(), still.copy(), still.copy()
    goes[12:14, 10:30, 40:60] = (250, 40, 40)
    stays[12:, 10:30, 40:60] = (250, 40, 40)
    for t in range(24):
        moves[t, 10:30, 2 * t : 2 * t + 20] = (250, 40, 40)
    share = passing(goes)["passing_share"]
    assert share[12:14].min() > 0.7 and np.delete(share, [12, 13]).max() == 0
    assert passing(goes)["passing_piece"][12] > 1.0
    assert passing(stays)["passing_share"].max() == 0 and passing(moves)["passing_share"].max() < 0.5


def test_neither_thin_lines_nor_the_whole_picture_pass():
    still = np.repeat(moving_clip().frames_THWC[:1], 24, axis=0)
    lines, flash = still.copy(), still.copy()
    lines[12, ::8] = lines[12, ::8] // 2  # what a picture of twice the rows leaves of a black line
    flash[12] = 255 - flash[12]
    assert passing(lines)["passing_share"].max() == 0 and passing(flash)["passing_share"].max() == 0


def test_a_camera_that_is_known_explains_what_it_moves():
    rng = np.random.default_rng(0)
    wide = np.kron(rng.integers(60, 200, (9, 40, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    frames = np.stack([wide[:, 2 * t : 2 * t + 128] for t in range(24)])
    steps = STANDS.copy()
    steps[1:, 0, 2] = -2.0
    unknown, known = columns(frames)["cell_step_all"], columns(frames, steps)["cell_step_all"]
    assert known[2:].mean() < 0.3 * unknown[2:].mean()


@pytest.mark.parametrize("name", ["cell_light_1", "cell_tint_1"])
def test_light_and_tint(name):
    frames = np.full((24, 48, 84, 3), 120, np.uint8)
    frames[12:] = (150, 150, 150) if name == "cell_light_1" else (150, 110, 110)
    column = columns(frames)[name]
    assert column.argmax() == 12 and column[12] > 2 and np.delete(column, 12).max() == 0
