import pytest
import torch
from anicaption.record import Record, Span, drawn
from anicaption.releases import released
from anicaption.taxonomy import TaxonomyError, taxonomy
from animatrix_trainer.conditioning.tags import TagEncoder, TagSpan, parse_spans, spans_of, vocabulary


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


SMEAR = TagSpan("motion.deformation", "smear_stretch", 0.25, 0.5)


def timed(*spans, tags=None, n_spans=4, **options):
    return vocabulary(n_spans=n_spans).encode(tags, spans=spans, **options)


@pytest.fixture(scope="module")
def hearing():
    """An encoder that hears times."""
    torch.manual_seed(0)
    words = vocabulary(n_spans=4)
    return TagEncoder(words.slot_rows(), words.n_values, 16, 2, 3, words.value_rows()).eval()


def heard(encoder, *said):
    numbers = torch.tensor(said)
    slots = len(vocabulary().slot_rows())
    with torch.no_grad():
        return encoder(numbers[:, :slots], rows().expand(len(said), -1), numbers[:, slots:].unflatten(1, (4, 3)))


def test_a_time_is_a_token_of_its_value(hearing):
    numbers = timed(SMEAR)
    assert len(numbers) == len(vocabulary().encode(None)) + 12
    value, start, end = numbers[-12:-9]
    assert vocabulary().values[value - 2] == ("motion.deformation", "smear_stretch")
    assert (start, end) == (250, 500) and set(numbers[-9:]) == {0}
    row = vocabulary().value_rows()[value]
    slot = next(i for i, number in enumerate(vocabulary().encode({"motion.deformation": ("smear_stretch",)})) if number)
    assert row == vocabulary().slot_rows()[slot]
    tokens, _ = heard(hearing, numbers)
    assert tokens.shape == (1, len(vocabulary().slot_rows()) + 4, 16)


def test_the_order_of_times_cannot_matter(hearing):
    other = TagSpan("vfx.lines", "speed", 0.1, 0.9)
    assert timed(SMEAR, other) == timed(other, SMEAR)
    numbers = timed(SMEAR, other)
    turned = numbers[:-12] + numbers[-9:] + numbers[-12:-9]
    tokens, pooled = heard(hearing, numbers, turned)
    torch.testing.assert_close(pooled[0], pooled[1])
    torch.testing.assert_close(tokens[0, -4:].roll(-1, 0), tokens[1, -4:])


def test_when_something_happens_can_be_told_apart(hearing):
    said = [timed(SMEAR), timed(SMEAR._replace(start=0.27)), timed(SMEAR._replace(end=0.52)), timed()]
    said += [timed(TagSpan("motion.deformation", "squash", 0.25, 0.5))]
    _, pooled = heard(hearing, *said)
    assert torch.cdist(pooled, pooled)[~torch.eye(5, dtype=torch.bool)].min() > 1e-3


def test_what_cannot_be_told_is_named_or_left_out_on_request():
    with pytest.raises(TaxonomyError, match=r"1 times are told and this checkpoint hears 0 \(tags.spans\)"):
        timed(SMEAR, n_spans=0)
    assert timed(SMEAR, n_spans=0, drop_unsaid=True) == vocabulary().encode(None)
    longer = [SMEAR._replace(end=0.6 + at / 10) for at in range(4)]
    with pytest.raises(TaxonomyError, match="5 times are told and this checkpoint hears 4"):
        timed(*longer, SMEAR)
    assert timed(*longer, SMEAR, drop_unsaid=True) == timed(SMEAR, *longer[:3])
    with pytest.raises(TaxonomyError, match="a part of the clip from 0 to 1"):
        timed(SMEAR._replace(end=0.2))
    with pytest.raises(TaxonomyError, match="did you mean 'smear_stretch'"):
        timed(SMEAR._replace(value="smear_strech"))


def test_an_older_vocabulary_hears_times_in_its_own_words():
    old = vocabulary(released()[0].hash, n_spans=2)
    said = old.encode(None, spans=(TagSpan("camera.easing", "slow_start", 0.0, 0.5),))
    assert old.values[said[-6] - 2] == ("camera.easing", "ease_in")
    assert old.encode(None, True, (TagSpan("vfx.element", "ice", 0.0, 0.5),)) == old.encode(None)


def test_a_window_of_a_record_says_when_its_values_hold(drawing):
    spans = [Span(value="pan_left", start=0, end=4), Span(value="pan_right", start=4, end=12)]
    whole = drawing.record("pan_left", 12)
    drawn_moves = drawn("camera.move", ["pan_left", "pan_right"], spans)
    known = Record.build(whole.tracks, whole.variables() | {"camera.move": drawn_moves})
    assert spans_of(known) == (
        TagSpan("camera.move", "pan_left", 0.0, 4 / 12), TagSpan("camera.move", "pan_right", 4 / 12, 1.0),
    )  # fmt: skip
    assert spans_of(whole) == ()  # what holds all through is said by its tag


def test_times_are_written_beside_their_values():
    plain, spans = parse_spans("camera.move=pan_left, motion.deformation=smear_stretch@0.25-0.5")
    assert plain == "camera.move=pan_left,motion.deformation=smear_stretch" and spans == (SMEAR,)
    assert parse_spans("camera.move=pan_left") == ("camera.move=pan_left", ())
    with pytest.raises(TaxonomyError, match="'soon' is no time"):
        parse_spans("motion.deformation=smear_stretch@soon")
