"""Every word in both languages, every key of a template in the table, every action named and on a key of its own."""

import hashlib
import re
from pathlib import Path

import pytest
from anicaption.taxonomy import taxonomy
from animatrix_reward.room import keys, pages, words
from animatrix_reward.room.words_table import WORDS

ROOM = Path(pages.__file__).parent
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
ALIKE = {"js.frame", "nav.other_language", "progress.alpha"}


def test_both_languages_have_every_key():
    for key, pair in WORDS.items():
        assert len(pair) == 2 and all(word.strip() for word in pair), key
        if key not in ALIKE:
            assert JAPANESE.search(pair[1]), f"{key}: {pair[1]} is no Japanese"
            assert not JAPANESE.search(pair[0]), f"{key}: {pair[0]} is no English"
        assert set(re.findall(r"\{\w+\}", pair[0])) == set(re.findall(r"\{\w+\}", pair[1])), key


def test_every_word_that_is_said_is_there_and_none_is_idle():
    source = "\n".join(path.read_text("utf-8") for path in [*ROOM.glob("templates/*.html"), *ROOM.glob("static/*.js")])
    source += (ROOM / "pages.py").read_text("utf-8") + (ROOM / "words.py").read_text("utf-8")
    said = set(re.findall(r"""\bt\("([\w.]+)"\)|\bt\('([\w.]+)'\)""", source))
    missing = {key for pair in said for key in pair if key} - set(WORDS)
    assert not missing
    scripts = set(re.findall(r"""say\("(\w+)\"""", source))
    assert scripts == {key.removeprefix("js.") for key in WORDS if key.startswith("js.")}
    idle = [
        key
        for key in WORDS
        if f'"{key}"' not in source
        and f"'{key}'" not in source
        and not key.startswith(("js.", "key.", "nav.", "axis.", "home.", "compare.", "scope.", "value."))
    ]
    assert not idle


def test_actions_have_names_and_keys_of_their_own():
    assert {f"key.{action.id}" for action in keys.ACTIONS} == {key for key in WORDS if key.startswith("key.")}
    for one in keys.ACTIONS:
        for other in keys.ACTIONS:
            meet = one.scope == other.scope or {one.scope, other.scope} & {keys.PLAYER, keys.TASK}
            if one is not other and meet and keys.BOX not in (one.scope, other.scope):
                assert one.key != other.key, f"{one.id} and {other.id} are both on {one.key}"


def test_every_action_of_a_template_is_one():
    named = {action.id for action in keys.ACTIONS}
    for path in ROOM.glob("templates/*.html"):
        found = set(re.findall(r"""data-(?:action|key)="([\w.]+)\"""", path.read_text("utf-8")))
        assert found <= named, path.name


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_caption_form_has_every_field_and_value(language):
    forms = {form.id: form for _, fields in pages.fields_by_axis(language) for form in fields}
    assert set(forms) == {field.id for field in taxonomy().fields}
    for field in taxonomy().fields:
        assert [value.id for value in forms[field.id].values] == [*field.value_ids, "unknown", "na"]
        assert all(value.name for value in forms[field.id].values)


def test_tags_are_said_as_the_floor_says_them():
    tags = {"motion.deformation": ["smear_stretch"], "camera.move": ["pan_left"], "made.up": ["thing"]}
    japanese, english = words.spoken(tags, "ja"), words.spoken(tags, "en")
    assert [tag.values for tag in japanese][-1] == "thing"
    assert any("オバケ" in tag.values for tag in japanese)
    assert any(tag.values == "pan left" for tag in english)


@pytest.mark.parametrize(
    ("cookie", "accepts", "language"),
    [(None, "", "en"), (None, "ja-JP,ja;q=0.9,en;q=0.8", "ja"), ("en", "ja", "en"), ("xx", "fr,en;q=0.3", "en")],
)
def test_the_language_of_a_page(cookie, accepts, language):
    assert words.chosen(cookie, accepts) == language


def test_what_is_vendored_is_what_was_published():
    """htmx 2.0.11 as npm has it (package htmx.org, dist/htmx.min.js), 0BSD."""
    data = (ROOM / "static/vendor/htmx.min.js").read_bytes()
    assert hashlib.sha256(data).hexdigest() == "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
    assert b'version:"2.0.11"' in data


def test_pages_hold_no_script_or_style_of_their_own():
    for path in ROOM.glob("templates/*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), path.name
        assert "|safe" not in text.replace(" ", ""), path.name
    for path in [*ROOM.glob("static/*.js")]:
        text = path.read_text("utf-8")
        assert not re.search(r"\binnerHTML\s*=|insertAdjacentHTML|\beval\(|new Function", text), path.name
        assert len(text.splitlines()) <= 400, path.name
        assert text.startswith("//"), f"{path.name}: the first line says what the file is"
