"""The shot bench: films by lot hold every kind and say where, answers are judged by place, runs become answers."""

from dataclasses import replace

import numpy as np
import pytest
from anicaption.drawn.script import UNPAINTED

from benchmarks.rivals_shots import peaks
from benchmarks.shots import judged, place, together
from benchmarks.shots_script import CUTS, GRADUAL, TRAPS, Film, Meeting, Trap, write_film


@pytest.fixture(scope="module")
def film() -> Film:
    return write_film(5, 140)


def test_a_film_holds_every_kind_and_every_trap(film):
    assert {meeting.kind for meeting in film.meetings} == set(CUTS | GRADUAL)
    assert {trap.kind for trap in film.traps} == set(TRAPS)
    assert not any(shot.look.stage in UNPAINTED for shot in film.episode.shots)


def test_a_seed_is_a_film():
    assert write_film(5, 6) == write_film(5, 6) != write_film(6, 6)


def test_meetings_lie_where_the_shots_meet(film):
    starts = np.cumsum([shot.n_frames for shot in film.episode.shots])[:-1].tolist()
    assert [meeting.frame for meeting in film.meetings] == starts
    for meeting in film.meetings:
        if meeting.gradual:
            assert meeting.start <= meeting.frame <= meeting.end and meeting.end - meeting.start >= 2
        else:
            assert meeting.start == meeting.end == meeting.frame and meeting.first <= meeting.frame <= meeting.last


def test_an_impact_by_a_cut_is_within_four_frames_of_it(film):
    for i, meeting in enumerate(film.meetings):
        if meeting.kind == "by an impact":
            before, after = film.episode.shots[i], film.episode.shots[i + 1]
            gaps = [before.n_frames - end for _, _, end in before.effects.impacts]
            assert min([*gaps, *(start for _, start, _ in after.effects.impacts)]) <= 4


def small(film: Film) -> Film:
    meetings = (
        Meeting("cut", 20, 20, 20, 20, 20),
        Meeting("dissolve", 60, 55, 65, 60, 60),
        Meeting("by an impact", 100, 100, 100, 98, 100),
    )
    return replace(film, meetings=meetings, traps=(Trap("none", 0, 20), Trap("impact", 30, 34), Trap("none", 60, 140)))


def test_a_cut_wants_its_frame_and_a_transition_its_interval(film):
    exact, near = judged(small(film), [21, 56, 98], 0), judged(small(film), [21, 56, 98], 2)
    assert exact.kinds["cut"].missed == (20,) and near.kinds["cut"].right == ((20, 21),)
    assert exact.kinds["dissolve"].right == ((60, 56),)
    assert exact.kinds["by an impact"].right == ((100, 98),)
    assert exact.false == {"elsewhere": 1} and not near.false


def test_false_answers_count_against_where_they_lie(film):
    one = judged(small(film), [20, 32, 57, 60, 80, 95, 100], 0)
    assert one.false == {"trap: impact": 1, "dissolve": 1, "elsewhere": 1, "by an impact": 1}
    assert one.f1(["dissolve"], ["dissolve"]) == pytest.approx(2 / 3)
    assert one.f1(CUTS, ["elsewhere", "by an impact", "trap: impact"]) == pytest.approx(4 / 7)
    assert together([one, one]).false["trap: impact"] == 2
    assert place(small(film), 33) == "trap: impact"


def test_middles_are_stricter_than_intervals(film):
    assert judged(small(film), [56], 2).kinds["dissolve"].right
    assert not judged(small(film), [56], 2, middle=True).kinds["dissolve"].right


def test_the_answer_to_a_run_is_the_frame_after_its_likeliest():
    likely = np.array([0, 0.2, 0.6, 0.9, 0.7, 0.1, 0, 0.8], np.float32)
    assert peaks(likely) == [4, 8]
    assert peaks(np.zeros(5, np.float32)) == []
