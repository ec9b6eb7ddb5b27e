import json
import os
from pathlib import Path

import pytest
from anicaption.taxonomy import TaxonomyError, taxonomy
from anicaption.weak_labels import table, weak_labels

MEDIA = Path(os.environ.get("ANIMATRIX_MEDIA", Path(__file__).resolve().parents[3] / "shared" / "media"))


@pytest.mark.parametrize("site", ["sakugabooru", "danbooru"])
def test_every_entry_names_values_in_use_or_says_why_it_is_silent(site):
    meanings = table(site)
    assert len(meanings) > 40
    named = [pair for m in meanings.values() for pair in (*m.says, *m.some_of)]
    assert all(value in taxonomy()[field].value_ids for field, _, value in (pair.partition("=") for pair in named))


def test_tags_are_read_together():
    weak = weak_labels(["Smears", "impact_frames", "fire", "artist_unknown", "some_show"], "sakugabooru")
    assert weak.says == {"vfx.element": {"fire"}}
    assert weak.any_of == {"vfx.impact_frame"} and weak.unread == ["some_show"]
    assert weak.some_of == [table("sakugabooru")["smears"].some_of]


def test_contradicting_tags_are_both_kept():
    assert weak_labels(["full_body", "close-up"], "danbooru").says == {"camera.shot_size": {"full", "close_up"}}


def test_an_unknown_site_is_named():
    with pytest.raises(TaxonomyError, match="'gelbooru' is not one of sakugabooru, danbooru"):
        weak_labels(["fire"], "gelbooru")


def test_every_manpu_and_element_has_a_weak_label():
    said = {pair for meaning in table("danbooru").values() for pair in (*meaning.says, *meaning.some_of)}
    for field in ("vfx.manpu", "vfx.element"):
        missing = {v for v in taxonomy()[field].value_ids if v != "none" and f"{field}={v}" not in said}
        assert missing <= {"slash_arc"}, missing


def test_the_counts_are_those_of_the_site():
    counts = MEDIA / "sakugabooru_top_tags.json"
    if not counts.exists():
        pytest.skip(f"{counts} is not there; set ANIMATRIX_MEDIA to the folder of the labelled footage")
    document = json.loads(counts.read_text("utf-8"))
    assert {tag: table("sakugabooru")[tag].posts for tag in document["related"]} == document["related"]
    assert all(table("sakugabooru")[tag] for tag in document["seen_in_other_posts_without_counts"])
    silent = {tag for tag in document["not_content_tags"] if table("sakugabooru")[tag].silent}
    assert silent >= {"artist_unknown", "presumed", "western", "web"}
