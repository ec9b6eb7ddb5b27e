from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from anicaption.frames import VideoError
from anicaption.taxonomy import taxonomy
from anicaption.tracks import Event, Tracks
from anicaption.vlm import prompt
from anicaption.vlm.view import (
    MAX_OVERVIEW,
    MAX_SHEETS,
    SHEET_FRAMES,
    measurements,
    overview_frames,
    proposed,
    sheet_frames,
    shot_view,
)


def tracks(n_frames: int, rate: Fraction = Fraction(24)) -> Tracks:
    return Tracks(rate, 160, 90, {"luma": np.zeros(n_frames, np.float32)})


def test_two_frames_a_second_and_the_last_one():
    assert overview_frames(tracks(48)) == [0, 12, 24, 35, 47]
    assert overview_frames(tracks(1)) == [0]
    long = overview_frames(tracks(24 * 60))
    assert len(long) == MAX_OVERVIEW and long[0] == 0 and long[-1] == 24 * 60 - 1


def test_the_surest_events_get_sheets_in_the_order_of_time():
    events = [Event("vfx.lines", "speed", 10 * i, 10 * i + 2, i / 20) for i in range(12)]
    kept = proposed(events)
    assert len(kept) == MAX_SHEETS and [e.start for e in kept] == sorted(e.start for e in kept)
    assert min(e.score for e in kept) == 6 / 20


def test_a_sheet_shows_what_is_before_and_after():
    assert sheet_frames(Event("vfx.impact_frame", "mono", 10, 12, 1), 48) == [9, 10, 11, 12]
    assert sheet_frames(Event("vfx.impact_frame", "mono", 0, 1, 1), 1) == [0]
    assert len(sheet_frames(Event("vfx.lines", "speed", 0, 48, 1), 48)) == SHEET_FRAMES


def test_a_view_holds_overview_sheets_and_measurements(shot):
    record, view = shot
    words = [part for part in view.parts() if isinstance(part, str)]
    assert words[0] == "Frame 0 at 0.00 s:" and "Sheet 1: frames 9, 10, 11, 12." in words[5]
    assert "vfx.impact_frame = mono in frames 10-11 (0.42-0.50 s)" in words[5]
    assert "camera.move = pan_right" in words[-1] and "frame widths" in words[-1]
    assert len(view.pictures) == 6 and view.events[0].picture.shape == (72 + 10, 4 * 128, 3)
    assert view.tags == record.tags()


def test_times_are_written_under_the_pictures(shot):
    strips = [sheet.picture[72:] for sheet in shot[1].overview]
    assert all(strip.max() > 100 for strip in strips)
    assert len({strip.tobytes() for strip in strips}) == len(strips)


def test_a_reversed_view_shows_the_same_frames_backwards(clip, shot):
    record, _ = shot
    forwards, backwards = (shot_view(clip, record, reverse=turned, blind=True) for turned in (False, True))
    ends = [(view.overview[0].picture[:72], view.overview[-1].picture[:72]) for view in (forwards, backwards)]
    np.testing.assert_array_equal(ends[0][0], ends[1][1])
    np.testing.assert_array_equal(ends[0][1], ends[1][0])
    assert forwards.overview[1].words == backwards.overview[1].words
    assert not forwards.events and not forwards.measurements and not forwards.tags


def test_a_blind_view_does_not_tell_what_was_measured(clip, shot):
    assert "pan" not in " ".join(p for p in shot_view(clip, shot[0], blind=True).parts() if isinstance(p, str))


def test_the_digest_knows_every_pixel_and_word(shot):
    view = shot[1]
    brighter = replace(view.overview[0], picture=view.overview[0].picture ^ 1)
    assert replace(view, overview=(brighter, *view.overview[1:])).digest != view.digest
    assert replace(view, measurements="").digest != view.digest
    assert replace(view).digest == view.digest


def test_a_record_longer_than_its_file_is_refused(clip, shot):
    with pytest.raises(VideoError, match="ends before frame"):
        shot_view(clip, shot[0], start=10)


def test_measurements_are_told_with_their_doubts(shot):
    text = measurements(shot[0])
    assert "- camera.move = pan_right (p 0.90; pan_right in frames 0-47)" in text
    assert "- motion.timing: not decided (too few drawings)" in text
    assert "by +1.10 frame widths (+ right), +0.00 frame heights" in text


@pytest.mark.parametrize("field_id", prompt.askable())
def test_every_value_of_every_field_is_asked_with_its_words(field_id):
    field = taxonomy()[field_id]
    asked = prompt.questions(field_id)
    text = "\n".join(question.text for question in asked)
    values = [value for value in field.values if field.cardinality != "multi" or value.id != "none"]
    assert field.definition in text and field.ja in text
    for value in values:
        assert value.definition in text and value.ja in text
    answers = {value for question in asked for _, value in question.options}
    assert {value.id for value in values} <= answers
    for question in asked:
        assert len(set(question.labels)) == len(question.labels) <= 26


def test_out_of_use_values_are_not_asked():
    assert "ease_in" not in {value for _, value in prompt.questions("camera.easing")[0].options}
    assert "style.palette" not in prompt.askable()


def test_fields_of_ends_are_asked_at_both_ends():
    first, last = prompt.questions("camera.shot_size")
    assert (first.part, last.part) == ("first", "last") and "first frame" in first.text and "last frame" in last.text


def test_turned_questions_list_the_values_backwards():
    there, back = (prompt.questions("style.medium", turned)[0] for turned in (False, True))
    assert [v for _, v in there.options] == [v for _, v in back.options][::-1]
    assert there.labels == back.labels
    assert prompt.questions("vfx.light", True)[0].labels == ("No", "Yes")


def test_what_may_not_apply_can_be_said():
    assert "na" in {value for _, value in prompt.questions("style.proportion")[0].options}
    assert "na" not in {value for _, value in prompt.questions("style.medium")[0].options}


def test_the_rating_is_never_asked():
    assert "content.rating" not in prompt.askable()
    with pytest.raises(ValueError, match=r"content\.rating"):
        prompt.questions("content.rating")


def test_the_narrative_is_told_what_is_known():
    text = prompt.narrative_request({"camera.subject_count": ("solo",), "style.proportion": ("na",)})
    assert "camera.subject_count = solo" in text and "style.proportion" not in text
