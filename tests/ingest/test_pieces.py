import random
from fractions import Fraction
from itertools import groupby

import pytest
from animatrix_ingest.decide.pieces import LateCut, Rule, pieces


def told(n_frames: int, reports: dict[int, list[int]], rule: Rule):
    """[(piece, its frames)] for `n_frames` frames where reports[i] are the cuts reported with frame i."""
    frames = ((i, reports.get(i, [])) for i in range(n_frames))
    grouped = groupby(pieces(frames, rule), key=lambda pair: pair[0])
    return [(piece, [frame for _, frame in group]) for piece, group in grouped]


@pytest.fixture(params=range(200))
def film(request):
    """A random film: (frames, cuts inside it, {frame: cuts reported with it}, rule)."""
    rng = random.Random(request.param)
    least = rng.randint(1, 6)
    rule = Rule(least, rng.randint(3 * least, 30), rng.randint(0, 9))
    n_frames = rng.randint(1, 120)
    cuts = sorted({rng.randint(1, n_frames) for _ in range(rng.randint(0, 12))})
    reports: dict[int, list[int]] = {}
    for cut in cuts:
        late = rng.randint(0, rule.delay_frames)
        reports.setdefault(min(cut + late, n_frames - 1), []).append(cut)
    return n_frames, [cut for cut in cuts if cut < n_frames], reports, rule


def test_every_frame_lands_in_one_piece_and_no_piece_crosses_a_cut(film):
    n_frames, cuts, reports, rule = film
    found = told(n_frames, reports, rule)
    assert [frame for _, frames in found for frame in frames] == list(range(n_frames))
    assert set(cuts) <= {piece.start_frame for piece, _ in found}
    assert all(piece.start_frame == frames[0] for piece, frames in found)


def test_pieces_are_neither_too_long_nor_cut_too_short(film):
    n_frames, cuts, reports, rule = film
    shots = dict(zip([0, *cuts], [*cuts, n_frames]))
    shot_of = {frame: (start, end) for start, end in shots.items() for frame in range(start, end)}
    for piece, frames in told(n_frames, reports, rule):
        start, end = shot_of[piece.start_frame]
        assert len(frames) <= rule.max_frames
        assert piece.short == (end - start < rule.min_frames), "only a shot that is too short itself is too short"
        assert piece.short or len(frames) >= rule.min_frames


def test_a_long_shot_is_split_into_numbered_parts():
    found = told(25, {}, Rule(2, 10, 0))
    assert [(piece.part, len(frames)) for piece, frames in found] == [(0, 10), (1, 10), (2, 5)]


def test_a_shot_slightly_too_long_is_split_early_so_that_both_parts_are_long_enough():
    found = told(11, {}, Rule(3, 10, 0))
    assert [len(frames) for _, frames in found] == [7, 4]


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
        told(60, {40: [2]}, Rule(2, 12, 4))


def test_rules_are_in_frames_of_the_source():
    rule = Rule.of(0.5, 10.0, 7, Fraction(24000, 1001))
    assert (rule.min_frames, rule.max_frames, rule.hold_frames) == (12, 239, 31)
