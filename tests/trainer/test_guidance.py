"""A guided step is a sum of conditions whose shares add up to 1."""

import pytest
import torch
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.guidance import Wish, shares
from animatrix_trainer.conditioning.tags import TagSpan
from animatrix_trainer.config import Guidance

PAN = {"camera.move": ("pan_left",), "motion.timing": ("twos",)}


def total(wish, settings, v, below=False):
    return sum(share * v[key(condition)] for condition, share in shares(wish, settings, below))


def key(condition):
    return (tuple(sorted((condition.tags or {}).items())), condition.text)


class Velocities(dict):
    """A velocity for every condition, settled by the condition alone."""

    def __missing__(self, name):
        self[name] = torch.rand(3, generator=torch.Generator().manual_seed(abs(hash(name)) % 2**31), dtype=torch.double)
        return self[name]


def test_the_sum_is_the_papers_formula_in_both_orders():
    v = Velocities()
    wish = Wish(Condition(PAN, "A pan."))
    null, text, tags, both = (v[key(Condition(*c))] for c in ((None, ""), (None, "A pan."), (PAN, ""), (PAN, "A pan.")))
    paper = null + 5.0 * (text - null) + 2.0 * (both - text)
    torch.testing.assert_close(total(wish, Guidance(5.0, 2.0), v), paper)
    other = null + 2.0 * (tags - null) + 5.0 * (both - tags)
    torch.testing.assert_close(total(wish, Guidance(5.0, 2.0, order="tags_first"), v), other)


def test_shares_add_up_to_one_and_what_does_not_count_is_not_asked():
    wish = Wish(Condition(PAN, "A pan."), "blurry", {"camera.move": ("pan_right",)}, {"camera.move": 1.5})
    for order in ("text_first", "tags_first"):
        asked = shares(wish, Guidance(4.0, 3.0, order=order))
        assert sum(share for _, share in asked) == pytest.approx(1)
        assert len({key(condition) for condition, _ in asked}) == len(asked)
    assert shares(Wish(Condition(PAN, "A pan.")), Guidance(1.0, 1.0)) == [(Condition(PAN, "A pan."), 1.0)]
    assert len(shares(Wish(Condition(PAN, "")), Guidance(5.0, 2.0))) == 2  # null and text are one without a text


def test_what_is_not_wanted_is_gone_away_from():
    v, away = Velocities(), {"camera.move": ("pan_right",)}
    wish = Wish(Condition(PAN, "A pan."), not_tags=away)
    null, text, bad, both = (
        v[key(Condition(*c))] for c in ((None, ""), (None, "A pan."), (away, "A pan."), (PAN, "A pan."))
    )
    torch.testing.assert_close(total(wish, Guidance(5.0, 2.0), v), null + 5 * (text - null) + 2 * (both - bad))


def test_a_field_has_a_scale_of_its_own():
    v = Velocities()
    plain, more = Wish(Condition(PAN, "")), Wish(Condition(PAN, ""), fields={"camera.move": 1.5})
    without = v[key(Condition({"motion.timing": ("twos",)}, ""))]
    added = 1.5 * (v[key(Condition(PAN, ""))] - without)
    torch.testing.assert_close(total(more, Guidance(), v), total(plain, Guidance(), v) + added)
    with pytest.raises(ValueError, match=r"vfx\.lines has a scale but no tag"):
        shares(Wish(Condition(PAN, ""), fields={"vfx.lines": 1.0}), Guidance())


def test_the_second_expert_has_its_own_scales():
    wish = Wish(Condition(PAN, "A pan."))
    settings = Guidance(4.0, 2.0, below=(3.0, 1.5))
    assert shares(wish, settings) == shares(wish, Guidance(4.0, 2.0))
    assert shares(wish, settings, below=True) == shares(wish, Guidance(3.0, 1.5))
    assert shares(wish, Guidance(4.0, 2.0), below=True) == shares(wish, Guidance(4.0, 2.0))


def test_times_go_where_their_tags_go():
    spans = (TagSpan("camera.move", "pan_left", 0.0, 0.5),)
    wish = Wish(Condition(PAN, "A pan.", spans), fields={"camera.move": 1.0})
    for order in ("text_first", "tags_first"):
        for condition, _ in shares(wish, Guidance(text=3.0, tag=2.0, order=order)):
            assert bool(condition.spans) == ("camera.move" in (condition.tags or {}))
