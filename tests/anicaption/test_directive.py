import random
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from anicaption.directive import WORDS, directive, from_tags, prose, tag_line, variants
from anicaption.lexicon import LANGUAGES, claims, lexicon
from anicaption.record import Narrative, Record, Span, drawn
from anicaption.taxonomy import taxonomy
from anicaption.tracks import Tracks

TAGS = {
    "camera.move": ("pan_left",),
    "camera.speed": ("quick",),
    "motion.timing": ("twos",),
    "camera.subject_count": ("solo",),
    "style.proportion": ("na",),
    "vfx.impact_frame": ("none",),
}


def record(spans=(), **fields) -> Record:
    """Two seconds of a shot; `fields` as camera__move="pan_left", `spans` of vfx.impact_frame in frames."""
    tracks = Tracks(Fraction(24), 320, 180, {"luma": np.zeros(48, np.float32)})
    values = {name.replace("__", "."): (value,) for name, value in fields.items()}
    variables = {name: drawn(name, value) for name, value in values.items()}
    if spans:
        kinds = tuple(dict.fromkeys(kind for kind, _, _ in spans))
        found = [Span(value=kind, start=start, end=end) for kind, start, end in spans]
        variables["vfx.impact_frame"] = drawn("vfx.impact_frame", kinds, found)
    return Record.build(tracks, variables)


def test_the_prose_goes_from_subject_to_camera_to_motion():
    said = from_tags(TAGS)
    assert said.summary == (
        "The shot shows one figure. "
        "The camera makes a pan to the left at a quick pace, and the figure is animated on twos."
    )
    order = [said.description.index(word) for word in ("a single character", "leftward pan", "every second frame")]
    assert order == sorted(order)


def test_the_japanese_prose_is_said_as_on_the_floor():
    said = from_tags(TAGS, language="ja")
    assert said.summary == "登場するのは人物1人。カメラはクイックで左へPANで、作画は2コマ打ち。"
    assert said.tag == from_tags(TAGS).tag


def test_the_text_channel_never_sees_the_tags():
    said = from_tags(TAGS)
    assert prose(said.text) == said.prose
    assert "camera.move" not in said.prose and "camera.move=pan_left" in said.text


def test_a_text_without_a_summary_is_refused():
    with pytest.raises(ValueError, match="<summary>"):
        prose("just words")


def random_tags(seed: int, share: float = 0.3) -> dict[str, tuple[str, ...]]:
    rng = random.Random(seed)
    tags = {}
    for field in taxonomy():
        if rng.random() < share:
            n = rng.randint(1, min(2, field.max_values))
            values = rng.sample([value for value in field.value_ids if n == 1 or value != "none"], n)
            tags[field.id] = field.check(values)
    return tags


@pytest.mark.parametrize("seed", range(20))
def test_any_tags_can_be_said_and_their_line_reads_back(seed):
    tags = random_tags(seed)
    said = from_tags(tags, seed)
    assert taxonomy().parse_tags(said.tag) == tags
    assert tag_line(tags) == said.tag
    assert said.summary.endswith(".") and "{" not in said.prose


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("seed", range(30))
def test_every_claim_of_the_prose_is_a_value_of_the_record(seed, language):
    tags = random_tags(seed, 0.6)
    known = {f"{name}={value}" for name, values in tags.items() for value in values}
    assert claims(from_tags(tags, seed, language).prose, language) <= known
    told = claims(from_tags(tags, None, language).prose, language)
    silent = {pair for pair in known if pair.endswith("=none") and not lexicon()[pair.partition("=")[0]].none_said}
    assert told == known - silent


def test_what_is_unknown_or_does_not_apply_is_not_said():
    said = from_tags({"camera.move": ("unknown",), "style.proportion": ("na",), "vfx.text": ("none",)})
    assert (said.summary, said.description) == ("An anime shot.", "")


def test_variants_leave_fields_out_and_differ():
    texts = {from_tags(TAGS, seed).prose for seed in range(40)}
    assert len(texts) > 20
    assert any("left" not in text for text in texts)
    assert from_tags(TAGS, 3) == from_tags(TAGS, 3)


def test_stored_variants_mention_a_field_half_the_time():
    shot = record(camera__move="pan_left", motion__timing="twos", style__chroma="vivid", camera__subject_count="two")
    counts: Counter[str] = Counter()
    for said in variants(shot, 400, seed=5):
        counts.update(pair.partition("=")[0] for pair in claims(said.prose))
    assert set(counts) == set(shot.tags())
    for name, n in counts.items():
        assert n / 400 == pytest.approx(0.5, abs=0.1), name


def test_times_of_events_are_said_where_spans_are_known():
    shot = record([("white_flash", 12, 14), ("mono", 24, 25)], camera__subject_count="solo")
    said = directive(shot)
    assert "a white flash at 0.5 s" in said.summary and "impact frame at 1.0 s" in said.summary
    assert "0.5秒目に白コマ" in directive(shot, language="ja").summary
    lasting = directive(record([("inverted", 0, 48)]))
    assert lasting.summary == "The action is accented by an inverted impact frame."
    assert "until 0.8 s" in directive(record([("inverted", 0, 20)])).summary


def test_verbs_agree_with_the_number_of_figures():
    for count, words in (("solo", "the figure is"), ("two", "the figures are"), ("crowd", "the figures are")):
        said = from_tags({"camera.subject_count": (count,), "motion.timing": ("ones",)})
        assert words in said.prose.lower()
    assert "The main figure is animated on ones." in from_tags({"motion.timing": ("ones",)}).summary


def test_a_pair_of_shot_sizes_is_said_as_a_change():
    said = from_tags({"camera.shot_size": ("long", "bust")})
    assert said.description == "The shot opens as a long view with the subject small and ends as a chest-up framing."


def test_a_narrative_is_woven_in_and_marked_as_generated():
    told = Narrative(summary="A quiet goodbye.", subjects="A girl turns\nher head.", environment="A pier.", model="m")
    shot = record(camera__subject_count="solo", camera__move="pan_left").model_copy(update={"narrative": told})
    said = directive(shot)
    assert "<vlm>A girl turns her head.</vlm>" in said.text and said.summary.endswith("<vlm>A quiet goodbye.</vlm>")
    order = [said.description.index(word) for word in ("character", "girl", "pan", "pier")]
    assert order == sorted(order)
    assert "A girl turns her head." in said.prose and "vlm" not in said.prose
    assert prose(said.text) == said.prose
    assert "girl" not in directive(shot, language="ja").prose
    with_it = sum("girl" in directive(shot, seed).prose for seed in range(200))
    assert with_it / 200 == pytest.approx(0.5, abs=0.1)


def test_words_name_real_values():
    for key in WORDS:
        field, _, value = key.partition("=")
        assert value in taxonomy()[field].value_ids
