"""What the Judge looks at: pixels alone, at full rate, whatever the size; each column says what its name says."""

import inspect

import numpy as np
import pytest
from animatrix_reward import features
from animatrix_reward.corrupt import corrupt
from animatrix_reward.judge import Judge

from tests.reward.judged import moving_clip

NAMES = features.names()


def column(frames, name):
    return features.look(frames).columns_TF[:, NAMES.index(name)]


def test_a_row_for_every_frame_and_a_name_for_every_column():
    seen = features.look(moving_clip(17).frames_THWC)
    assert seen.columns_TF.shape == (17, len(NAMES)) and len(set(NAMES)) == len(NAMES)
    assert seen.pictures_TCHW.shape[:2] == (17, len(features.CHANNELS))
    assert np.isfinite(seen.columns_TF).all()


def test_drawings_on_twos_are_counted():
    numbers = features.look(moving_clip(24).frames_THWC).drawings_T
    assert 7 <= numbers[-1] <= 13 and (np.diff(numbers) >= 0).all()


def test_flicker_turns_the_light_round():
    clip = moving_clip()
    frames = clip.frames_THWC.astype(int)
    frames[1::2] += 25
    assert (
        column(frames.clip(0, 255).astype(np.uint8), "level_turns").mean()
        > 10 * column(clip.frames_THWC, "level_turns").mean() + 0.01
    )


def test_a_frame_from_elsewhere_is_like_neither_neighbour():
    frames = moving_clip().frames_THWC.copy()
    frames[12] = 255 - frames[12]
    out = column(frames, "form_out")
    assert out.argmax() == 12 and out[12] > 3 * np.delete(out, 12).max()


def test_a_form_that_stays_is_told_from_one_that_goes():
    base = np.full((24, 48, 84, 3), 120, np.uint8)
    stays, goes = base.copy(), base.copy()
    stays[12:, 10:40, 20:60] = 240
    goes[12:14, 10:40, 20:60] = 240
    assert column(stays, "place_stays_1")[12] > 0.2 > 0.1 > column(goes, "place_stays_1")[12]
    assert column(goes, "place_own_1")[12] > 0.2 > 0.05 > column(stays, "place_own_1")[12]
    assert column(goes, "form_away")[12] < 0.2 < column(stays, "form_away")[12]


def test_the_size_of_the_picture_changes_little():
    frames = np.stack([np.kron(frame, np.ones((4, 4, 1), np.uint8)) for frame in moving_clip().frames_THWC])
    halved = frames[:, ::2, ::2]
    large, small = features.look(frames), features.look(halved)
    near = [np.corrcoef(large.columns_TF[:, k], small.columns_TF[:, k])[0, 1] for k in range(len(NAMES))]
    assert np.nanmedian(near) > 0.95
    assert large.pictures_TCHW.shape == small.pictures_TCHW.shape


@pytest.mark.parametrize(
    "frames", [np.zeros((3, 48, 84, 3), np.uint8), np.zeros((8, 48, 84), np.uint8), np.zeros((8, 9, 9, 3))]
)
def test_what_is_no_clip_is_refused(frames):
    with pytest.raises(ValueError, match="give uint8"):
        features.look(frames)


def test_no_tag_can_reach_structure_or_intent():
    """The signatures have no place for one, and neither has what they are given."""
    assert list(inspect.signature(features.look).parameters) == ["frames_THWC", "encoder"]
    assert list(inspect.signature(Judge.frames).parameters) == ["self", "clips"]
    assert set(features.Seen.__dataclass_fields__) == {
        "columns_TF", "pictures_TCHW", "drawings_T", "alike_TT", "encoded_TE"
    }  # fmt: skip


def test_a_damaged_clip_looks_different():
    clip = moving_clip()
    other = corrupt(clip, "boiling_line", severity=5, seed=1).frames_THWC
    assert not np.allclose(features.look(clip.frames_THWC).columns_TF, features.look(other).columns_TF)
