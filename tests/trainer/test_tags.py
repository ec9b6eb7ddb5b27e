import pytest
import torch
from anicaption.releases import released
from anicaption.taxonomy import TaxonomyError, taxonomy
from animatrix_trainer.conditioning.tags import TagEncoder, vocabulary


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    words = vocabulary()
    return TagEncoder(words.slot_rows(), words.n_values, dim=16, heads=2, layers=3).eval()


def encode(tags):
    return torch.tensor([vocabulary().encode(tags)])


def rows():
    return torch.tensor([vocabulary().slot_rows()])


def test_the_order_of_tags_cannot_matter(encoder):
    values = encode(
        {"camera.move": ("pan_left", "track_up"), "style.temperature": ("warm",), "motion.timing": ("ones",)}
    )
    order = torch.randperm(values.shape[1], generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        tokens, pooled = encoder(values, rows())
        shuffled, shuffled_pooled = encoder(values[:, order], rows()[:, order])
    torch.testing.assert_close(shuffled_pooled, pooled)
    torch.testing.assert_close(shuffled, tokens[:, order])


def test_every_value_of_every_field_has_an_index_of_its_own():
    seen = set()
    for field in taxonomy():
        for value in field.value_ids:
            indices = tuple(vocabulary().encode({field.id: (value,)}))
            assert indices not in seen
            seen.add(indices)
    assert len(seen) == vocabulary().n_values - 2


def test_absent_unknown_and_not_applicable_are_told_apart():
    nothing = vocabulary().encode(None)
    assert set(nothing) == {0}
    assert vocabulary().encode({"camera.move": ("unknown",)}) == nothing
    assert vocabulary().encode({}) == nothing
    assert sorted(set(vocabulary().encode({"camera.move": ("na",)}))) == [0, 1]


def test_a_null_belongs_to_its_field(encoder):
    with torch.no_grad():
        tokens, _ = encoder(encode(None), rows())
    assert (tokens[0, 0] - tokens[0, 1]).abs().max() > 1e-3


def test_first_and_last_frame_of_a_pair_are_told_apart():
    there = vocabulary().encode({"camera.shot_size": ("long", "close_up")})
    back = vocabulary().encode({"camera.shot_size": ("close_up", "long")})
    assert there != back
    assert vocabulary().encode({"camera.shot_size": ("long",)}) == vocabulary().encode(
        {"camera.shot_size": ("long", "long")}
    )


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"camera.moves": ("pan_left",)}, "did you mean 'camera.move'"),
        ({"camera.move": ("pan_lefft",)}, "did you mean 'pan_left'"),
        ({"camera.move": ("none", "pan_left")}, "'none' stands alone"),
    ],
)
def test_what_the_taxonomy_does_not_have_is_named(tags, words):
    with pytest.raises(TaxonomyError, match=words):
        vocabulary().encode(tags)


def test_an_older_vocabulary_hears_todays_tags_in_its_own_words():
    old = vocabulary(released()[0].hash)
    assert len(old.slot_rows()) == 76 and old.n_values == 319  # what the shipped checkpoint was trained with
    said = old.encode({"camera.move": ("pan_left",), "camera.easing": ("slow_start",)})
    assert [old.values[number - 2] for number in said if number] == [
        ("camera.move", "pan_left"), ("camera.easing", "ease_in"),
    ]  # fmt: skip


def test_what_an_older_vocabulary_has_no_word_for_is_named_or_dropped_on_request():
    old, tags = vocabulary(released()[0].hash), {"vfx.element": ("ice",), "camera.move": ("pan_left",)}
    with pytest.raises(TaxonomyError, match=r"vfx.element=ice: this checkpoint was trained with taxonomy 0\.1\.0"):
        old.encode(tags)
    assert old.encode(tags, drop_unsaid=True) == old.encode({"camera.move": ("pan_left",)})
