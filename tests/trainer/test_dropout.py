import numpy as np
import pytest
from animatrix_trainer.conditioning.dropout import Condition, contradict, swap_words, thin
from animatrix_trainer.conditioning.tags import TagSpan
from animatrix_trainer.config import Dropout

TAGS = {"camera.move": ("pan_left",), "motion.timing": ("twos",), "style.temperature": ("warm",)}
TEXT = "The camera makes a pan to the left. The figure moves on twos."


def rng(seed):
    return np.random.default_rng(seed)


def many(settings, n=4000):
    return [thin(Condition(TAGS, TEXT), settings, rng(seed)) for seed in range(n)]


def test_shares_are_those_of_the_paper():
    told = many(Dropout())
    modes = [(c.tags is not None, c.text != "") for c in told]
    shares = {mode: modes.count(mode) / len(told) for mode in set(modes)}
    expected = {(True, True): 0.7, (True, False): 0.1, (False, True): 0.1, (False, False): 0.1}
    for mode, share in expected.items():
        assert shares[mode] == pytest.approx(share, abs=0.03)
    kept = [len(c.tags) / 3 for c in told if c.tags is not None]
    assert np.mean(kept) == pytest.approx(0.85, abs=0.02)


def test_the_same_generator_gives_the_same_condition():
    assert many(Dropout(), 50) == many(Dropout(), 50)


def test_conflicts_only_in_hybrid_mode_and_the_true_tags_stay():
    told = many(Dropout(tag=0.0, synonym=0.0, conflict=1.0), 400)
    for condition in told:
        if condition.tags is not None:
            assert dict(condition.tags) == TAGS
        if condition.text:
            assert (condition.text != TEXT) == (condition.tags is not None)


def test_nothing_is_dropped_when_nothing_is_asked():
    settings = Dropout(modes=(1.0, 0.0, 0.0, 0.0), tag=0.0, synonym=0.0, conflict=0.0)
    assert thin(Condition(TAGS, TEXT), settings, rng(0)) == Condition(TAGS, TEXT)


def test_synonyms_act_on_words_and_keep_the_meaning():
    said = {swap_words(TEXT, 1.0, rng(seed)) for seed in range(20)}
    assert TEXT not in said and len(said) > 1
    assert all("left" in text for text in said)
    assert swap_words(TEXT, 0.0, rng(0)) == TEXT
    assert swap_words("Nothing known.", 1.0, rng(0)) == "Nothing known."


def test_a_contradiction_names_other_values_of_the_same_fields():
    for seed in range(20):
        text = contradict(TEXT, rng(seed))
        assert "pan to the left" not in text and "on twos" not in text
        assert text.startswith("The camera makes ") and ". The figure moves " in text
    assert contradict("A quiet place.", rng(0)) == "A quiet place."


SPANS = (TagSpan("camera.move", "pan_left", 0.0, 0.5), TagSpan("motion.timing", "twos", 0.5, 1.0))


def test_times_fall_with_their_tags_and_change_nothing_else():
    plain, timed = (
        [thin(Condition(TAGS, TEXT, spans), Dropout(), rng(seed)) for seed in range(2000)] for spans in ((), SPANS)
    )
    assert [(c.tags, c.text) for c in plain] == [(c.tags, c.text) for c in timed]
    for condition in timed:
        assert {span.field for span in condition.spans} <= set(condition.tags or {})
    heard = [bool(c.spans) for c in timed if c.tags is not None and "camera.move" in c.tags]
    assert np.mean(heard) == pytest.approx(0.7, abs=0.03)


def test_times_stay_where_nothing_is_dropped():
    settings = Dropout(modes=(1.0, 0.0, 0.0, 0.0), tag=0.0, synonym=0.0, conflict=0.0, times=0.0)
    assert thin(Condition(TAGS, TEXT, SPANS), settings, rng(0)) == Condition(TAGS, TEXT, SPANS)
