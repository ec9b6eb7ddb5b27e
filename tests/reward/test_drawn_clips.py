"""Drawn candidates: truth beside every one, by either hand, the same for the same seed."""

import numpy as np
import pytest
from animatrix_reward.drawn_clips import candidates, prompts
from animatrix_reward.photograph import photographed


@pytest.mark.parametrize("hand", ["first", "second"])
def test_candidates_know_what_was_drawn_and_what_fails(hand):
    prompt = next(one for one in prompts(6, 71) if one.asked.acting.deformations and "move" not in one.id)
    clips = list(candidates(prompt, hand, 48, failures=2))
    asked, plain, *failing = clips
    assert asked.drawn_kinds and not asked.failed_kinds and not plain.departures
    assert set(asked.drawn_kinds) & set(asked.tags["motion.deformation"])
    assert failing and all(one.failed_kinds for one in failing)
    assert 0.005 < asked.masks_THW.mean() < 0.8
    span = next(one for one in asked.departures if one.intentional)
    apart = np.abs(asked.frames_THWC.astype(int) - plain.frames_THWC).mean(axis=(1, 2, 3))
    assert apart[span.start : span.end].max() > 0.5


def test_the_seed_decides_and_kinds_go_round():
    one, again = ([p.asked for p in prompts(8, 5)] for _ in range(2))
    assert one == again and one != [p.asked for p in prompts(8, 6)]
    kinds = {kind for shot in one for kind, *_ in shot.acting.deformations} | {
        k for s in one for k, *_ in s.effects.impacts
    }
    assert len(kinds) >= 5


def test_a_camera_by_lot_changes_finish_and_not_length():
    frames = np.random.default_rng(0).integers(40, 200, (4, 24, 32, 3), dtype=np.uint8)
    seen = [photographed(frames, seed) for seed in range(12)]
    assert all(one.shape == frames.shape and one.dtype == np.uint8 for one in seen)
    same = [np.array_equal(one, frames) for one in seen]
    assert any(same) and not all(same)
    assert np.array_equal(photographed(frames, 3), photographed(frames, 3))
