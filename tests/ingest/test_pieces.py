"""Pieces: every frame in one of them, no frame of a joint in a clip, whenever the detector says so."""

from fractions import Fraction
from itertools import groupby

import pytest
from animatrix_ingest.decide.pieces import Joint, LateCut, Piece, Rule, cut, pieces
from hypothesis import given, settings
from hypothesis import strategies as st

Films = tuple[int, list[Joint], list[int], Rule]


def told(n_frames: int, reports: dict[int, list[Joint]], rule: Rule) -> list[tuple[Piece, list[int]]]:
    """[(piece, its frames)] for `n_frames` frames where reports[i] are the joints reported with frame i."""
    frames = ((i, reports.get(i, [])) for i in range(n_frames))
    grouped = groupby(pieces(frames, rule), key=lambda pair: pair[0])
    return [(piece, [frame for _, frame in group]) for piece, group in grouped]


def reported(n_frames: int, joints: list[Joint], late: list[int]) -> dict[int, list[Joint]]:
    """Each joint with the frame that comes so much after its start, or with the last."""
    reports: dict[int, list[Joint]] = {}
    for joint, delay in zip(joints, late, strict=True):
        reports.setdefault(min(joint.start + delay, n_frames - 1), []).append(joint)
    return reports


@st.composite
def films(draw: st.DrawFn) -> Films:
    """(frames, joints, by how much each is late, rule). Joints may touch, overlap and reach over the end."""
    least = draw(st.integers(1, 6))
    rule = Rule(least, draw(st.integers(3 * least, 30)), draw(st.integers(0, 9)))
    n_frames = draw(st.integers(1, 120))
    starts = sorted(draw(st.sets(st.integers(0, n_frames), max_size=12)))
    lengths = [draw(st.sampled_from([0, 0, 0, 1, 5, 12])) for _ in starts]
    kinds = ["dissolve" if length else "cut" for length in lengths]
    joints = [Joint(a, a + n, kind, n) for a, n, kind in zip(starts, lengths, kinds, strict=True)]
    return n_frames, joints, [draw(st.integers(0, rule.delay_frames)) for _ in joints], rule


def shots(n_frames: int, joints: list[Joint]) -> dict[int, tuple[int, int]]:
    """Frame -> (start, end) of its shot, for the frames that no joint holds."""
    mixed = {frame for joint in joints for frame in range(joint.start, joint.end)}
    begins = {joint.start for joint in joints if joint.start == joint.end}
    found: dict[int, tuple[int, int]] = {}
    run: list[int] = []
    for frame in range(n_frames + 1):
        if run and (frame in mixed or frame in begins or frame == n_frames):
            found |= dict.fromkeys(run, (run[0], run[-1] + 1))
            run = []
        if frame not in mixed:
            run.append(frame)
    return found


@given(films())
@settings(max_examples=300, deadline=None)
def test_every_frame_lands_in_one_piece_and_no_piece_crosses_a_joint(film: Films):
    n_frames, joints, late, rule = film
    found = told(n_frames, reported(n_frames, joints, late), rule)
    assert [frame for _, frames in found for frame in frames] == list(range(n_frames))
    assert all(piece.start_frame == frames[0] for piece, frames in found)
    shot_of = shots(n_frames, joints)
    for piece, frames in found:
        of = {shot_of.get(frame) for frame in frames}
        assert len(of) == 1
        assert piece.is_joint == (of == {None}), "all frames of a joint are a joint's, and no others"
        assert piece.short or not piece.is_joint


@given(films())
@settings(max_examples=300, deadline=None)
def test_pieces_are_neither_too_long_nor_cut_too_short(film: Films):
    n_frames, joints, late, rule = film
    shot_of = shots(n_frames, joints)
    for piece, frames in told(n_frames, reported(n_frames, joints, late), rule):
        if piece.is_joint:
            continue
        start, end = shot_of[piece.start_frame]
        assert len(frames) <= rule.max_frames
        assert piece.short == (end - start < rule.min_frames), "only a shot that is too short itself is too short"
        assert piece.short or len(frames) >= rule.min_frames


@given(films())
@settings(max_examples=200, deadline=None)
def test_it_does_not_matter_how_late_a_joint_is_reported(film: Films):
    n_frames, joints, late, rule = film
    at_once = told(n_frames, reported(n_frames, joints, [0] * len(joints)), rule)
    assert told(n_frames, reported(n_frames, joints, late), rule) == at_once


@given(films())
@settings(max_examples=200, deadline=None)
def test_every_piece_says_what_it_comes_after(film: Films):
    """So what a piece gives way to is what the next one comes after."""
    n_frames, joints, late, rule = film
    for piece, _ in told(n_frames, reported(n_frames, joints, late), rule):
        known = next((one for one in joints if one.start == piece.joint.start and one.kind == piece.joint.kind), None)
        if piece.is_joint:
            assert known is not None and known.start <= piece.start_frame < min(known.end, n_frames)
        else:
            assert piece.joint.end == piece.start_frame
            assert known is not None or piece.joint.kind == ("split" if piece.part else "start")


def test_a_mix_belongs_to_neither_shot():
    mix = Joint(10, 16, "dissolve", 6)
    found = told(40, {18: [mix]}, Rule(3, 30, 9))
    assert [(piece.start_frame, len(frames), piece.is_joint, piece.joint) for piece, frames in found] == [
        (0, 10, False, cut(0, "start")),
        (10, 6, True, mix),
        (16, 24, False, mix),
    ]


def test_of_two_joints_at_one_frame_the_longer_counts():
    mix = Joint(10, 16, "wipe", 6)
    found = told(30, {12: [cut(10), mix, cut(16)]}, Rule(3, 30, 9))
    assert [(piece.start_frame, piece.joint.kind) for piece, _ in found] == [(0, "start"), (10, "wipe"), (16, "wipe")]


def test_a_long_shot_is_split_into_numbered_parts():
    found = told(25, {}, Rule(2, 10, 0))
    assert [(piece.part, len(frames)) for piece, frames in found] == [(0, 10), (1, 10), (2, 5)]
    assert [piece.joint for piece, _ in found] == [cut(0, "start"), cut(10, "split"), cut(20, "split")]


def test_a_shot_slightly_too_long_is_split_early_so_that_both_parts_are_long_enough():
    found = told(11, {}, Rule(3, 10, 0))
    assert [len(frames) for _, frames in found] == [7, 4]


def test_a_shot_that_ends_in_a_mix_is_split_early_by_where_the_mix_begins():
    found = told(20, {15: [Joint(11, 17, "dissolve", 6)]}, Rule(3, 10, 5))
    assert [len(frames) for _, frames in found] == [7, 4, 6, 3]


def test_frames_are_held_back_no_longer_than_the_rule_says():
    rule = Rule(3, 20, 5)
    seen = []

    def frames():
        for i in range(100):
            seen.append(i)
            yield i, []

    for _, frame in pieces(frames(), rule):
        assert len(seen) - frame <= rule.hold_frames + 1


def test_a_detector_that_is_later_than_it_says_is_found_out():
    with pytest.raises(LateCut, match="cut at frame 2 reported at frame 40"):
        told(60, {40: [cut(2)]}, Rule(2, 12, 4))
    with pytest.raises(LateCut, match="wipe at frame 2 reported at frame 40"):
        told(60, {40: [Joint(2, 39, "wipe", 37)]}, Rule(2, 12, 4))


def test_rules_are_in_frames_of_the_source():
    rule = Rule.of(0.5, 10.0, 7, Fraction(24000, 1001))
    assert (rule.min_frames, rule.max_frames, rule.hold_frames) == (12, 239, 31)
