"""The six groups: every known value in exactly one place, effects in their hierarchy."""

from fractions import Fraction

import numpy as np
from anicaption.groups import GROUPS, group_of, groups
from anicaption.record import Record, Span, drawn, measured
from anicaption.taxonomy import taxonomy
from anicaption.tracks import Tracks

TRACKS = Tracks(Fraction(24), 320, 180, {"luma": np.zeros(48, np.float32)})
SHOT = Record.build(
    TRACKS,
    {
        "camera.subject_count": drawn("camera.subject_count", ["solo"]),
        "camera.move": measured("camera.move", ["pan_left"], {"pan_left": 0.9}),
        "motion.deformation": drawn(
            "motion.deformation", ["smear_stretch"], [Span(value="smear_stretch", start=6, end=8)]
        ),
        "vfx.impact_frame": drawn("vfx.impact_frame", ["none"]),
        "style.proportion": drawn("style.proportion", ["na"]),
    },
)


def test_every_field_belongs_to_one_of_the_six():
    assert {group_of(name) for name in taxonomy().field_ids} == set(GROUPS)


def test_what_is_known_is_told_where_it_belongs_and_nothing_else():
    told = groups(SHOT)
    assert list(told) == list(GROUPS)
    assert told["subjects"] == {"subject_count": {"values": ["solo"], "source": "drawn", "probability": {"solo": 1.0}}}
    assert told["camera"]["move"]["probability"] == {"pan_left": 0.9}
    assert told["motion"] == {} and told["style"] == {} and told["environment"] == {}


def test_effects_stand_in_three_levels_with_what_an_animator_knows_of_them():
    smear = groups(SHOT)["AnimeVisualEffects"]["technique"]["smears"]["smear_stretch"]
    assert smear["spans_s"] == [[0.25, 0.333]] and smear["field"] == "motion.deformation"
    assert all(smear[name] for name in ("meaning", "appearance", "placement", "dynamics"))


def test_every_effect_of_the_taxonomy_has_its_place():
    for field in taxonomy():
        if group_of(field.id) == "AnimeVisualEffects":
            assert all(value.effect or value.id == "none" for value in field.values), field.id
