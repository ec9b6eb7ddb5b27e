"""The words of the prose: complete, exchangeable, and such that prose can be read back."""

import re

import pytest
from anicaption.lexicon import LANGUAGES, LexiconError, claims, lexicon, phrases, words
from anicaption.phrasing import GROUPS
from anicaption.taxonomy import taxonomy


def sentences(language):
    """Every sentence and piece in which phrases stand."""
    for entry in lexicon().values():
        spoken = entry.sentences[language]
        yield from (*spoken.says, *spoken.hang, *spoken.pair)
        yield from (text for value in entry.values.values() for text in value[language].alone)


def contains(text, phrase, language):
    if phrase.lower() not in text.lower():
        return False
    edges = (r"(?<!\w)", r"(?!\w)") if language == "en" else ("", "")
    return re.search(f"{edges[0]}{re.escape(phrase)}{edges[1]}", text, re.IGNORECASE) is not None


def test_every_value_in_use_has_words_and_nothing_else_has():
    assert sorted(lexicon()) == sorted(field.id for field in taxonomy())
    for field in taxonomy():
        assert sorted(lexicon()[field.id].values) == sorted(field.value_ids), field.id


def test_every_field_has_its_place_in_the_prose():
    placed = [name for names in GROUPS.values() for name in names]
    assert sorted(placed) == sorted(lexicon()) and len(placed) == len(set(placed))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_has_one_to_three_phrases_and_no_two_values_share_one(language):
    owners = {}
    for pair, spoken in words(language).items():
        assert 1 <= len(spoken) <= 3, pair
        for phrase in spoken:
            assert phrase == phrase.strip() and owners.setdefault(phrase.lower(), pair) == pair, (phrase, pair)
    assert len(words(language)) > 320


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_says_a_value_by_itself(language):
    said = [phrase for spoken in words(language).values() for phrase in spoken]
    wrong = [(text, phrase) for text in sentences(language) for phrase in said if contains(text, phrase, language)]
    assert not wrong


def test_no_english_phrase_hides_in_the_phrase_of_another_value():
    """Training swaps phrases for one another wherever they stand."""
    said = [(pair, phrase) for pair, spoken in words().items() for phrase in spoken]
    hidden = [
        (phrase, other)
        for pair, phrase in said
        for owner, other in said
        if phrase != other and len(phrase) < len(other) and pair != owner and phrase in other
        if contains(other, phrase, "en")
    ]
    assert not hidden


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_phrase_is_read_back_as_its_value(language):
    for pair, spoken in words(language).items():
        for phrase in spoken:
            assert claims(phrase, language) == {pair}, phrase


def test_a_value_without_words_and_a_strange_language_are_refused():
    with pytest.raises(LexiconError, match=r"camera\.move=sideways"):
        phrases("camera.move", "sideways")
    with pytest.raises(LexiconError, match="'fr'"):
        phrases("camera.move", "none", "fr")  # pyright: ignore[reportArgumentType]
