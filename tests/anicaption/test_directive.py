import random

import pytest
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


def random_tags(seed: int) -> dict[str, tuple[str, ...]]:
    rng = random.Random(seed)
    fields = rng.sample(taxonomy().fields, rng.randrange(13))
    return {field.id: (rng.choice(field.value_ids),) for field in fields}


@pytest.mark.parametrize("seed", range(50))
def test_any_tags_can_be_said_and_their_line_reads_back(seed):
    tags = random_tags(seed)
    said = from_tags(tags, seed)
    assert taxonomy().parse_tags(said.tag) == tags
    assert tag_line(tags) == said.tag
    assert said.summary.endswith(".") and "{" not in said.prose


def test_variants_leave_fields_out():
    variants = {from_tags(TAGS, seed).prose for seed in range(40)}
    assert len(variants) > 10
    assert any("left" not in text for text in variants)
    assert from_tags(TAGS, 3) == from_tags(TAGS, 3)


def test_words_name_real_values():
    for key in WORDS:
        field, _, value = key.partition("=")
        taxonomy()[field].value(value)
