"""Changes with known effect: each does what it says, and a foolish reward is found out."""

import numpy as np
from animatrix_reward import metamorphic as mm
from animatrix_reward.corrupt import Clip

from tests.reward.judged import moving_clip


def subject(**more):
    clip = moving_clip()
    given = {
        "clip": clip, "smears": ((6, 8),), "impacts": ((14, 15),), "drawings_T": np.arange(24) // 2,
        "other": Clip(255 - clip.frames_THWC, clip.masks_THW), **more,
    }  # fmt: skip
    return mm.Subject(**given)


def change(name, **more):
    return mm.MUST_NOT_RAISE[name](subject(**more), 3)


def test_frozen_is_one_frame():
    frames = change("frozen")
    assert all(np.array_equal(frames[0], frame) for frame in frames)
    still = Clip(np.repeat(moving_clip().frames_THWC[:1], 24, axis=0), moving_clip().masks_THW)
    assert change("frozen", clip=still) is None


def test_only_smears_and_only_impacts_are_touched():
    before = moving_clip().frames_THWC
    frames, smears = change("smears_blended"), slice(6, 8)
    assert not np.array_equal(frames[smears], before[smears])
    assert np.array_equal(np.delete(frames, [6, 7], axis=0), np.delete(before, [6, 7], axis=0))
    frames = change("impacts_deleted")
    assert np.array_equal(frames[14], before[13]) and np.array_equal(np.delete(frames, 14, 0), np.delete(before, 14, 0))
    assert change("smears_blended", smears=()) is None and change("impacts_deleted", impacts=()) is None


def test_on_ones_draws_between_and_keeps_the_keys():
    before, frames = moving_clip().frames_THWC, change("on_ones")
    assert np.array_equal(frames[::2], before[::2])
    assert sum(not np.array_equal(a, b) for a, b in zip(frames[1::2], before[1::2])) >= 10


def test_halfway_between_two_places_a_block_stands_halfway():
    a, b = (np.full((48, 84, 3), 220, np.uint8) for _ in range(2))
    a[16:32, 20:40], b[16:32, 26:46] = 30, 30
    dark = mm.between(a, b, 0.5)[24, :, 0] < 100
    assert 21 <= np.flatnonzero(dark)[0] <= 25 and 41 <= np.flatnonzero(dark)[-1] <= 45


def test_sharpening_steepens_edges():
    before, after = moving_clip().frames_THWC.astype(float), change("sharpened").astype(float)
    assert np.abs(np.diff(after, axis=2)).mean() > 1.2 * np.abs(np.diff(before, axis=2)).mean()


def test_the_suite_names_every_change_and_finds_foolish_rewards_out():
    def calmness(frames, at):
        return 1 - float(np.abs(np.diff(frames.astype(float), axis=0)).mean())

    def liveliness(frames, at):
        return -calmness(frames, at)

    calm = {one.name: one for one in mm.suite([subject(), subject()], calmness, seed=1)}
    live = {one.name: one for one in mm.suite([subject(), subject()], liveliness, seed=1)}
    assert set(calm) == {*mm.MUST_NOT_RAISE, *mm.MUST_LOWER}
    assert calm["frozen"].rate == 0 and live["frozen"].rate == 1 and calm["frozen"].mean > 0 > live["frozen"].mean
    assert calm["flicker"].rate == 1 and live["flicker"].rate == 0
    assert all(one.n == 2 for one in calm.values())


def test_a_reward_that_says_nothing_passes_what_must_not_rise_and_nothing_else():
    found = {one.name: one.rate for one in mm.suite([subject()], lambda frames, at: 3.0)}
    assert all(found[name] == 1 for name in mm.MUST_NOT_RAISE) and not any(found[name] for name in mm.MUST_LOWER)


def test_a_failure_that_nobody_would_see_is_no_change():
    clip = moving_clip()
    blank = Clip(np.full_like(clip.frames_THWC, 128), clip.masks_THW)
    assert mm.MUST_LOWER["extra_limb"](subject(clip=blank), 3) is None
    assert mm.MUST_LOWER["extra_limb"](subject(), 3) is not None
