"""Events: what may be said, what stands after it was said again or taken back, and files that hold it."""

import copy
import json

import pytest
from anicaption.taxonomy import taxonomy
from animatrix_reward import events
from animatrix_reward.dimensions import BY_ID, DIMENSIONS, DRAWN_KINDS, HUMAN, KINDS, PATHOLOGY_KINDS, STRUCTURE
from animatrix_reward.events import Event, EventError

NOW = "2026-01-31T12:00:00+00:00"
SPAN = {"start": 0, "end": 3, "kind": "melt", "verdict": "failure", "severity": 5, "cues": [], "box": [0, 0, 0.5, 1]}
BODIES = {
    "compare": {"prompt": "p", "left": "a", "right": "b", "dimension": "overall", "verdict": "left"},
    "rate": {"clip": "a", "scores": dict.fromkeys(BY_ID, 3)},
    "deform": {"clip": "a", "spans": [SPAN], "none": False},
    "correct": {"clip": "a", "tags": {"camera.move": ["pan_left", "track_up"]}},
    "adjudicate": {"of": "t0", "kind": "deform", "body": {"clip": "a", "spans": [], "none": True}},
    "gold": {"of": "t0", "kind": "rate", "body": {"clip": "a", "scores": {"face_topology": 1}}},
    "undo": {"undoes": "e0"},
    "skip": {"reason": "too dark"},
}


def event(what="compare", n=0, rater="r", task="t", **body):
    return Event(f"e{n}", rater, task, what, NOW, {**copy.deepcopy(BODIES[what]), **body}, taxonomy().hash)


def test_every_kind_can_be_said_with_a_note_and_comes_back_the_same(tmp_path):
    said = [event(kind, n, note="良い<b>") for n, kind in enumerate(BODIES)]
    assert set(BODIES) == set(events.EVENT_KINDS)
    assert events.write(tmp_path / "votes.jsonl", said) == len(said)
    assert events.read(tmp_path / "votes.jsonl") == said


@pytest.mark.parametrize(
    ("kind", "change", "why"),
    [
        ("compare", {"verdict": "tie"}, "'tie' is none of left"),
        ("compare", {"dimension": "face_topology"}, "is none of overall"),
        ("compare", {"right": "a"}, "both a"),
        ("compare", {"left": "../a"}, "is no id"),
        ("rate", {"scores": {}}, "at least one"),
        ("rate", {"scores": {"face_topology": 6}}, "no whole number from 1 to 5"),
        ("rate", {"scores": {"face_topology": True}}, "no whole number"),
        ("rate", {"scores": {"face_topology": 3.0}}, "no whole number"),
        ("deform", {"none": True}, "must be true where there are no spans"),
        ("deform", {"spans": []}, "must be true where there are no spans"),
        ("deform", {"spans": [{**SPAN, "end": 0}]}, "[0, 0) are not half-open"),
        ("deform", {"spans": [{**SPAN, "start": -1}]}, "are not half-open"),
        ("deform", {"spans": [{**SPAN, "kind": "none"}]}, "'none' is none of smear_stretch"),
        ("deform", {"spans": [{**SPAN, "verdict": "art"}]}, "'art' is none of intentional"),
        ("deform", {"spans": [{**SPAN, "severity": 0}]}, "severity"),
        ("deform", {"spans": [{**SPAN, "cues": ["luck"]}]}, "'luck' is none of recovery"),
        ("deform", {"spans": [{**SPAN, "box": [0, 0, 1.2, 1]}]}, "shares of width"),
        ("deform", {"spans": [{**SPAN, "box": [0.5, 0, 0.5, 1]}]}, "shares of width"),
        ("deform", {"spans": [{**SPAN, "box": [0, 0, float("nan"), 1]}]}, "shares of width"),
        ("correct", {"tags": {"camera.move": ["zoomin"]}}, "'zoomin' is not a value"),
        ("correct", {"tags": {"camera.mood": ["low"]}}, "is not a field"),
        ("correct", {"tags": {"camera.move": "pan_left"}}, "no list of values"),
        ("adjudicate", {"kind": "undo"}, "is none of compare"),
        ("gold", {"body": {"clip": "a"}}, "exactly clip, scores"),
        ("skip", {"reason": 3}, "reason"),
        ("compare", {"note": 3}, "note"),
        ("compare", {"mood": 3}, "mood"),
    ],
)
def test_what_means_nothing_is_refused_by_name(kind, change, why):
    with pytest.raises(EventError) as refused:
        events.check(event(kind, **change), "votes.jsonl: line 7")
    assert why in str(refused.value) and str(refused.value).startswith("votes.jsonl: line 7")


def test_moments_need_a_zone_and_the_taxonomy_is_todays():
    for change, why in (({"made_at": "2026-01-31T12:00:00"}, "no zone"), ({"made_at": "noon"}, "made_at"),
                        ({"taxonomy_hash": "0" * 16}, "--translate")):  # fmt: skip
        with pytest.raises(EventError, match=why):
            events.check(Event(**{**vars(event()), **change}), "here")


def test_the_last_word_of_everybody_stands():
    first, other = event(n=0), event(n=1, rater="s")
    again = event(n=2, verdict="right")
    more = event(n=3, dimension="anime_aesthetic")
    assert events.standing([first, other, again, more]) == [other, again, more]
    back = event("undo", n=4, undoes="e2")
    assert events.standing([first, other, again, more, back]) == [first, other, more]
    assert events.standing([first, event("undo", n=5, undoes="e0")]) == []


def test_a_file_with_a_wrong_or_doubled_line_is_refused(tmp_path):
    path = tmp_path / "votes.jsonl"
    events.write(path, [event(n=0), event(n=0)])
    with pytest.raises(EventError, match="line 2: id: e0 stands in line 1 already"):
        events.read(path)
    path.write_text(json.dumps({"id": "x"}) + "\n")
    with pytest.raises(EventError, match=r"line 1: .*exactly the fields id, rater"):
        events.read(path)
    path.write_text("\n{\n")
    with pytest.raises(EventError, match="line 2: not JSON"):
        events.read(path)


def test_dimensions_are_whole():
    assert len(HUMAN) == 5 and len(STRUCTURE) == 4 and len(BY_ID) == 9
    for dimension in DIMENSIONS:
        for anchors in (dimension.anchors_en, dimension.anchors_ja):
            assert len(set(anchors)) == 5 and all(anchors)
    drawn = {v.id for f in ("motion.deformation", "vfx.impact_frame") for v in taxonomy()[f].values} - {"none"}
    assert set(DRAWN_KINDS) == drawn and not drawn & set(PATHOLOGY_KINDS) and set(KINDS) == drawn | set(PATHOLOGY_KINDS)
