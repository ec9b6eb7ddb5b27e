"""Made failures: the same for the same seed, only where they say, and as bad as they say."""

import numpy as np
import pytest
from animatrix_reward.corrupt import CORRUPTIONS, Clip, corrupt
from animatrix_reward.dimensions import PATHOLOGY_KINDS

from tests.reward.judged import moving_clip

OTHER = Clip(255 - moving_clip().frames_THWC, moving_clip().masks_THW)


def damaged(kind, **more):
    return corrupt(moving_clip(), kind, other=OTHER, **more)


def test_every_pathology_that_people_can_name_can_be_made():
    assert {*CORRUPTIONS} == {*PATHOLOGY_KINDS} - {"other"}


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_what_changed_lies_in_the_span_and_the_box_and_nowhere_else(kind):
    before, after = moving_clip().frames_THWC, damaged(kind, seed=4)
    changed = np.abs(after.frames_THWC.astype(int) - before).max(axis=3) > 6
    frames = np.flatnonzero(changed.any(axis=(1, 2)))
    assert (after.start, after.end) == (frames[0], frames[-1] + 1)
    x0, y0, x1, y1 = after.box
    assert changed[:, y0:y1, x0:x1].sum() == changed.sum() > 20
    assert changed[:, y0].any() and changed[:, y1 - 1].any() and changed[:, :, x0].any() and changed[:, :, x1 - 1].any()


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_the_seed_decides(kind):
    one, again, other = damaged(kind, seed=1), damaged(kind, seed=1), damaged(kind, seed=2)
    assert np.array_equal(one.frames_THWC, again.frames_THWC)
    assert not np.array_equal(one.frames_THWC, other.frames_THWC)


@pytest.mark.parametrize("kind", ["melt", "flicker", "boiling_line", "background_merge", "identity_swap"])
def test_a_graver_failure_changes_more(kind):
    before = moving_clip().frames_THWC.astype(int)
    mild, grave = (
        np.mean([np.abs(damaged(kind, severity=s, seed=k).frames_THWC - before).mean() for k in range(6)])
        for s in (1, 5)
    )
    assert grave > 1.2 * mild


def test_a_melt_does_not_come_back():
    before, after = moving_clip().frames_THWC, damaged("melt", severity=4, seed=3)
    assert after.end == len(before)
    away = np.abs(after.frames_THWC.astype(int) - before).mean(axis=(1, 2, 3))
    assert away[-1] > 0.8 * away.max()


def test_the_clip_that_was_given_is_not_touched():
    clip = moving_clip()
    kept = clip.frames_THWC.copy()
    corrupt(clip, "pop", seed=1)
    assert np.array_equal(clip.frames_THWC, kept)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "dissolve"}, "not one of"),
        ({"severity": 9}, "severity 9"),
        ({"kind": "identity_swap", "other": None}, "needs `other`"),
    ],
)
def test_what_cannot_be_made_is_refused(change, words):
    given = {"kind": "melt", "severity": 3, "other": OTHER, **change}
    with pytest.raises(ValueError, match=words):
        corrupt(moving_clip(), **given)


def test_a_clip_without_a_figure_is_refused():
    clip = moving_clip()
    with pytest.raises(ValueError, match="are needed"):
        corrupt(Clip(clip.frames_THWC, np.zeros_like(clip.masks_THW)), "melt")
