"""Episodes on disk: the same seed gives the same frames, and the truth describes the very file beside it."""

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from anicaption.drawn.episodes import write_episodes
from anicaption.drawn.film import draw, render_frames
from anicaption.drawn.moves import MOVES, write_moves
from anicaption.drawn.script import CameraWork, Episode, Place, Shot
from anicaption.drawn.shot import DrawnShot
from anicaption.frames import frames
from anicaption.measure.transition import AT_EDGES
from anicaption.record import Record
from anicaption.taxonomy import taxonomy


@pytest.fixture(scope="module")
def episode(tmp_path_factory):
    """One short drawn episode: (video, truth, decoded frames, decoded pts)."""
    [drawn] = draw(tmp_path_factory.mktemp("drawn"), 1, seed=5, height_px=64, shots=3)
    decoded = list(frames(drawn.video))
    return drawn.video, json.loads(drawn.truth.read_text()), [f.rgb() for f in decoded], [f.pts for f in decoded]


def test_truth_pts_are_the_files_own(episode):
    _, truth, pictures, pts = episode
    assert Fraction(truth["time_base"]) == Fraction(1, 1000)
    assert Fraction(truth["rate"]) == Fraction(24000, 1001)
    assert truth["n_frames"] == len(pictures) == len(pts)
    assert [shot["start_pts"] for shot in truth["shots"]] == [pts[shot["start_frame"]] for shot in truth["shots"]]
    assert [shot["end_pts"] for shot in truth["shots"][:-1]] == [pts[shot["end_frame"]] for shot in truth["shots"][:-1]]
    assert {b - a for a, b in itertools.pairwise(pts)} == {41, 42}
    assert truth["shots"][-1]["end_pts"] - pts[-1] in (41, 42)


def test_shots_tile_the_episode_and_spans_lie_within_them(episode):
    _, truth, _, _ = episode
    edges = [(shot["start_frame"], shot["end_frame"]) for shot in truth["shots"]]
    assert edges[0][0] == 0 and edges[-1][1] == truth["n_frames"]
    assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]
    n_spans = 0
    for shot in truth["shots"]:
        record = Record.from_json(shot["record"])
        length = shot["end_frame"] - shot["start_frame"]
        assert record.n_frames == length == record.tracks.n_frames
        for variable in record.variables().values():
            for span in variable.spans:
                assert 0 <= span.start < span.end <= length
                n_spans += 1
        for _, _, start, end in shot["events"]:
            assert shot["start_frame"] <= start < end <= shot["end_frame"]
    assert n_spans > 50


def test_the_truth_speaks_only_of_what_was_drawn(episode):
    _, truth, _, _ = episode
    for shot in truth["shots"]:
        record = Record.from_json(shot["record"])
        assert {v.source for v in record.variables().values()} <= {"drawn", "none"}
        for field in ("style.medium", "camera.move", "camera.speed", "camera.transition", "vfx.impact_frame"):
            assert record[field].known, field
        assert not record["style.era_look"].known and not record["style.tradition"].known
        assert set(record.tracks.columns) == {
            "camera_x", "camera_y", "camera_zoom", "camera_roll_deg", "drawing_new", "motion_pct",
        }  # fmt: skip
        if record["camera.move"].values == ("none",):
            assert record["camera.speed"].values == record["camera.easing"].values == ("none",)
        if record["motion.timing"].values == ("held",):
            assert record["motion.intensity"].values in (("static",), ("unknown",))


def test_impact_frames_are_where_the_truth_says(episode):
    _, truth, pictures, _ = episode
    found = 0
    for shot in truth["shots"]:
        for field, kind, start, end in shot["events"]:
            if field != "vfx.impact_frame":
                continue
            found += 1
            for t in range(start, end):
                luma = pictures[t].mean(2)
                if kind == "white_flash":
                    assert luma.min() > 245
                elif kind == "black_flash":
                    assert luma.max() < 10
                elif kind == "mono":
                    assert np.mean((luma < 40) | (luma > 215)) > 0.8
                else:
                    straight = pictures[start - 1].astype(float)
                    assert np.abs(255 - pictures[t] - straight).mean() < np.abs(pictures[t] - straight).mean()
    assert found >= 1


def test_the_same_seed_draws_the_same_frames(episode, tmp_path):
    video, _, pictures, _ = episode
    [again] = draw(tmp_path, 1, seed=5, height_px=64, shots=3)
    assert again.video.read_bytes() == video.read_bytes()
    assert again.truth.read_text() == video.with_suffix("").with_suffix(".truth.json").read_text()
    assert all((a.rgb() == b).all() for a, b in zip(frames(again.video), pictures, strict=True))


def test_another_seed_draws_something_else():
    a, b = (next(render_frames(write_moves(1, seed, 1)[0], 96)) for seed in (1, 2))
    assert np.abs(a.astype(int) - b).mean() > 10


def test_all_episodes_of_a_call_share_their_opening():
    first, second = write_episodes(2, seed=9)
    (a0, a1), (b0, b1) = first.opening, second.opening
    assert first.shots[a0:a1] == second.shots[b0:b1] and a1 - a0 >= 4
    assert b0 > 0, "the second episode opens cold, so its opening lies elsewhere"
    assert first.shots[a1:] != second.shots[b1:]
    opening = (e.shots[slice(*e.opening)] for e in (first, second))
    pictures = [list(render_frames(type(first)("x", 0, shots[:2]), 48)) for shots in opening]
    assert all((p == q).all() for p, q in zip(*pictures, strict=True))


def test_moves_hold_every_move_equally_often_and_never_show_a_border():
    [lesson] = write_moves(1, seed=3, n_shots=14)
    moves = [shot.camera.moves[0] if shot.camera.moves else "none" for shot in lesson.shots]
    assert sorted(moves) == sorted(MOVES * 2)
    assert all(24 <= shot.n_frames <= 30 and shot.into[0] == shot.out[0] == "none" for shot in lesson.shots)
    assert not any(shot.effects.impacts or shot.effects.text for shot in lesson.shots)


def test_dissolves_and_fades_mix_the_frames_they_claim():
    for seed in range(40):
        [episode] = write_episodes(1, seed, n_shots=3)
        joints = [i for i, shot in enumerate(episode.shots) if shot.into[0] == "dissolve"]
        if joints:
            break
    at = joints[0]
    before, after = episode.shots[at - 1], episode.shots[at]
    assert before.out == after.into
    pictures = list(render_frames(Episode("pair", 0, (before, after)), 48))
    assert len(pictures) == before.n_frames + after.n_frames
    length = after.into[1]
    first, second = (list(DrawnShot(shot, 48, 86).frames()) for shot in (before, after))
    for k in range(length):
        share = (k + 1) / (length + 1)
        mixed = (1 - share) * first[len(first) - length + k].astype(float) + share * second[k]
        assert np.abs(pictures[before.n_frames - length // 2 + k] - mixed).max() <= 1


def test_fades_reach_their_colour_at_the_cut():
    shots = [
        Shot(12, 1, Place("sea", "normal_day", "single_plane", 1), CameraWork(), out=("fade_white", 6)),
        Shot(12, 1, Place("town", "normal_day", "single_plane", 2), CameraWork(), into=("fade_black", 6)),
    ]
    pictures = list(render_frames(Episode("fades", 0, tuple(shots)), 48))
    means = [picture.mean() for picture in pictures]
    assert np.ptp(means[:6]) == 0 and means[11] > 230 and (np.diff(means[5:12]) > 0).all()
    assert means[12] < 20 and (np.diff(means[12:18]) > 0).all() and np.ptp(means[18:]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [({"script": "opera"}, "opera"), ({"height_px": 97}, "97")],
)
def test_wrong_requests_are_named(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        draw(tmp_path, 1, 0, **options)


def test_every_drawn_value_is_in_the_taxonomy(episode):
    _, truth, _, _ = episode
    fields = {field.id for field in taxonomy()}
    for shot in truth["shots"]:
        for transition in truth["transitions"]:
            assert transition["kind"] in {"none", *AT_EDGES}
        assert {event[0] for event in shot["events"]} <= fields
