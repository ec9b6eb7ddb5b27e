from fractions import Fraction

import pytest
from anicaption.record import Record
from anicaption.releases import by_hash, differences, released, said_in
from anicaption.taxonomy import TaxonomyError, read_taxonomy, taxonomy

OLD = """
version: "9.0.0"
axes: [style]
fields:
- {id: style.a, number: 1, ja: あ, cardinality: single, scope: shot, src: C, definition: d,
   values: [{number: 1, id: x, ja: い, def: d}, {number: 2, id: y, ja: う, def: d}]}
"""


def test_the_taxonomy_extends_every_released_one():
    assert released()
    for release in released():
        assert differences(release, taxonomy())["broken"] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("id: x,", "id: z,"), "value 1 was style.a=x, is style.a=z"),
        (
            ("{number: 2, id: y, ja: う, def: d}", "{number: 3, id: y, ja: う, def: d}"),
            "value 2 was style.a=y, is gone",
        ),
        (("id: style.a", "id: style.b"), "field 1 was style.a, is style.b"),
        (("cardinality: single", "cardinality: ordinal"), "kind changed"),
        (("number: 2, id: y", "number: 2, id: fresh"), "value 2 was style.a=y, is style.a=fresh"),
    ],
)
def test_a_renamed_or_reused_id_is_found(change, words):
    report = differences(read_taxonomy(OLD), read_taxonomy(OLD.replace(*change)))
    assert any(words in line for line in report["broken"]), report


def test_adding_and_deprecating_is_no_break():
    new = OLD.replace(
        "def: d}]", 'def: d, deprecated: "9.1.0", replaced_by: [style.a=x]}, {number: 3, id: w, ja: え, def: d}]'
    )
    report = differences(read_taxonomy(OLD), read_taxonomy(new))
    assert report == {"added": ["style.a=w"], "deprecated": ["style.a=y -> style.a=x"], "broken": []}


def test_a_deprecated_value_without_a_successor_in_use_is_refused():
    with pytest.raises(TaxonomyError, match="not in use"):
        read_taxonomy(OLD.replace("def: d}]", 'def: d, deprecated: "9.1.0", replaced_by: [style.a=gone]}]'))


def test_an_unknown_hash_is_refused_by_name():
    with pytest.raises(TaxonomyError, match=r"shard 3: made with taxonomy 123, which is none of 0\.1\.0"):
        by_hash("123", "shard 3")


def old_record(**axes):
    release = released()[0]
    return {
        "taxonomy_version": release.version, "taxonomy_hash": release.hash, "n_frames": 48, "rate": "24",
        "width_px": 64, "height_px": 36, "style": {}, "motion": {}, "camera": {}, "vfx": {}, **axes,
    }  # fmt: skip


def test_an_old_record_is_read_in_todays_words():
    fade = {"values": ["fade_black"], "source": "measured", "probability": {"fade_black": 0.8}}
    record = Record.from_json(
        old_record(
            camera={
                "easing": {"values": ["ease_in"], "source": "measured", "probability": {"ease_in": 0.7}},
                "transition": {**fade, "spans": [{"value": "fade_black", "start": 38, "end": 48}]},
                "angle": {"values": ["dutch"], "source": "expert"},
                "move": {"values": ["pan_left"], "source": "measured"},
            },
            style={"palette": {"values": ["vivid", "cool"], "source": "measured"}},
        )
    )
    assert record.rate == Fraction(24) and record.taxonomy_version == taxonomy().version
    assert record["camera.easing"].values == ("slow_start",)
    assert record["camera.easing"].probability == {"slow_start": 0.7}
    assert record["camera.transition"].values == ("fade_out_black",)
    assert record["camera.tilt"].values == ("dutch",) and not record["camera.angle"].known
    assert record["style.chroma"].values == ("vivid",) and record["style.temperature"].values == ("cool",)


def test_what_an_old_word_leaves_open_becomes_unknown():
    camera = {"transition": {"values": ["dissolve"], "source": "measured"}}
    assert not Record.from_json(old_record(camera=camera))["camera.transition"].known


def test_todays_tags_are_said_in_an_old_vocabulary_or_named():
    tags = {
        "camera.easing": ("slow_end",),
        "camera.transition": ("dissolve_in", "fade_out_white"),
        "vfx.element": ("ice",),
    }
    said, unsaid = said_in(released()[0], tags)
    assert said == {"camera.easing": ("ease_out",), "camera.transition": ("fade_white", "dissolve")}
    assert unsaid == ["vfx.element=ice"]


def test_an_old_record_that_breaks_a_newer_rule_abstains_where_it_is_less_sure():
    camera = {
        "move": {"values": ["none"], "source": "measured", "probability": {"none": 0.9}},
        "speed": {"values": ["slow"], "source": "measured", "probability": {"slow": 0.5}},
    }
    record = Record.from_json(old_record(camera=camera))
    assert record["camera.move"].values == ("none",) and not record["camera.speed"].known


def test_what_an_old_field_has_no_room_for_is_named():
    tags = {
        "style.chroma": ("vivid",),
        "style.key": ("high",),
        "style.temperature": ("cool",),
        "style.hues": ("broad",),
    }
    said, unsaid = said_in(released()[0], tags)
    assert said == {"style.palette": ("vivid", "bright_high_key")}
    assert unsaid == ["style.temperature=cool", "style.hues=broad"]
