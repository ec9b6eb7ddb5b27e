import pytest
from hypothesis import given
from hypothesis import strategies as st

from anicaption.directive import WORDS, from_tags, prose, tag_line
from anicaption.taxonomy import taxonomy

TAGS = {
    "camera.move": ("pan_left",),
    "camera.speed": ("quick",),
    "motion.timing": ("twos",),
    "camera.subject_count": ("solo",),
    "style.proportion": ("na",),
    "vfx.impact_frame": ("none",),
}


def test_the_prose_goes_from_subject_to_camera_to_motion():
    said = from_tags(TAGS)
    assert said.summary == "One figure on screen, the camera makes a pan to the left, animated on twos."
    order = [said.description.index(word) for word in ("figure", "pan to the left", "on twos")]
    assert order == sorted(order)


def test_the_text_channel_never_sees_the_tags():
    said = from_tags(TAGS)
    assert prose(said.text) == said.prose
    assert "camera.move" not in said.prose and "camera.move=pan_left" in said.text


def test_a_text_without_a_summary_is_refused():
    with pytest.raises(ValueError, match="<summary>"):
        prose("just words")


values = st.sampled_from(taxonomy().fields).flatmap(lambda f: st.tuples(st.just(f.id), st.sampled_from(f.value_ids)))


@given(st.lists(values, max_size=12))
def test_the_tag_line_reads_back(pairs):
    tags = {field: (value,) for field, value in pairs}
    assert taxonomy().parse_tags(tag_line(tags)) == tags


@given(st.lists(values, max_size=12), st.integers(0, 99))
def test_every_value_can_be_said(pairs, seed):
    said = from_tags({field: (value,) for field, value in pairs}, seed, synonyms=0.5)
    assert said.summary.endswith(".") and "{" not in said.prose


def test_variants_leave_fields_out_and_say_others_differently():
    variants = {from_tags(TAGS, seed, synonyms=0.5).prose for seed in range(40)}
    assert len(variants) > 10
    assert any("leftward pan" in text for text in variants)
    assert any("left" not in text for text in variants)
    assert from_tags(TAGS, 3, 0.5) == from_tags(TAGS, 3, 0.5)


def test_words_name_real_values():
    for key in WORDS:
        field, _, value = key.partition("=")
        taxonomy()[field].value(value)
