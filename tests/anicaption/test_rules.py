import pytest
from anicaption import rules
from anicaption.record import Record, Span, drawn, measured
from anicaption.settle import settle
from anicaption.taxonomy import TaxonomyError, taxonomy

PAN = {"camera.move": ("pan_left",), "camera.speed": ("slow",), "camera.easing": ("constant",)}


def variable(field, *values, p=0.9, spans=()):
    return measured(field, values, dict.fromkeys(values, p), (), [Span(value=v, start=a, end=b) for v, a, b in spans])


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"camera.move": ("none",), "camera.speed": ("slow",)}, "a fixed frame has no speed"),
        ({"motion.timing": ("held",), "motion.economy": ("full",)}, "no part that is redrawn"),
        ({"camera.subject_count": ("none",), "style.proportion": ("chibi",)}, "nobody is there"),
        ({"style.chroma": ("monochrome",), "style.temperature": ("warm",)}, "there is no hue"),
        ({"motion.deformation": ("smear_stretch",), "motion.deformation_degree": ("none",)}, "departs from the model"),
        ({"vfx.lines": ("none",), "style.background_art": ("line_bg",)}, "effect lines"),
    ],
)
def test_contradictions_are_named(tags, words):
    with pytest.raises(TaxonomyError, match=words):
        rules.check(taxonomy(), tags)


@pytest.mark.parametrize(
    "tags",
    [
        PAN,
        {"motion.timing": ("held",), "motion.intensity": ("extreme",), "motion.economy": ("slide_only",)},
        {"camera.angle": ("low",), "camera.tilt": ("dutch",)},
        {"camera.move": ("unknown",), "camera.speed": ("slow",)},
        {"camera.move": ("pan_left", "pan_right"), "camera.speed": ("slow",)},
    ],
)
def test_what_may_hold_together_is_left_alone(tags):
    rules.check(taxonomy(), tags)


def test_opposite_pans_may_follow_each_other_but_not_overlap():
    tags = {**PAN, "camera.move": ("pan_left", "pan_right")}
    apart = {"camera.move": [("pan_left", 0, 10), ("pan_right", 10, 20)]}
    rules.check(taxonomy(), tags, apart)
    with pytest.raises(TaxonomyError, match="opposite pans"):
        rules.check(taxonomy(), tags, {"camera.move": [("pan_left", 0, 11), ("pan_right", 10, 20)]})


def test_allowed_is_the_mask_of_the_constraints():
    assert rules.allowed(taxonomy(), "camera.speed", {"camera.move": ("none",)}) == ("none",)
    assert "none" not in rules.allowed(taxonomy(), "camera.move", {"camera.speed": ("quick",)})
    assert set(rules.allowed(taxonomy(), "motion.economy", {"motion.timing": ("held",)})) == {
        "still", "still_with_camera", "slide_only", "na",
    }  # fmt: skip
    assert rules.allowed(taxonomy(), "style.era_look", PAN) == (*taxonomy()["style.era_look"].value_ids, "na")


def test_every_value_is_allowed_beside_nothing():
    for field in taxonomy():
        assert rules.allowed(taxonomy(), field.id, {}) == (*field.value_ids, "na")


def test_one_owner_gives_its_evidence_to_the_other_names():
    settled = settle(
        {
            "camera.move": variable("camera.move", "pan_left", spans=[("pan_left", 0, 30)]),
            "camera.speed": variable("camera.speed", "slow"),
            "motion.background_motion": variable(
                "motion.background_motion", "layer_slide", p=0.7, spans=[("layer_slide", 0, 30)]
            ),
        }
    )
    move = settled["camera.move"]
    assert move.values == ("pan_left", "follow") and move.probability["follow"] == 0.7
    assert [(s.value, s.start, s.end) for s in move.spans] == [("pan_left", 0, 30), ("follow", 0, 30)]


def test_of_two_measurements_the_surer_one_stays_and_the_other_says_why():
    settled = settle(
        {
            "camera.move": variable("camera.move", "none", p=0.95),
            "camera.speed": variable("camera.speed", "slow", p=0.6),
        }
    )
    assert settled["camera.move"].values == ("none",)
    assert (
        settled["camera.speed"].values == ("unknown",)
        and "a fixed frame has no speed" in settled["camera.speed"].abstained
    )


def test_measured_outranks_learned_whatever_its_certainty():
    guess = variable("camera.speed", "slow", p=0.99).model_copy(update={"source": "learned"})
    settled = settle({"camera.move": variable("camera.move", "none", p=0.51), "camera.speed": guess})
    assert settled["camera.move"].known and not settled["camera.speed"].known


def test_certain_values_that_exclude_each_other_are_an_error():
    with pytest.raises(TaxonomyError, match="both are certain"):
        settle({"camera.move": drawn("camera.move", ["none"]), "camera.speed": drawn("camera.speed", ["slow"])})


def test_a_record_refuses_what_breaks_the_rules():
    document = {
        "taxonomy_version": taxonomy().version, "taxonomy_hash": taxonomy().hash, "n_frames": 3, "rate": "24",
        "width_px": 4, "height_px": 4, "style": {}, "motion": {}, "vfx": {},
        "camera": {
            "move": {"values": ["none"], "source": "expert"},
            "speed": {"values": ["slow"], "source": "expert"},
        },
    }  # fmt: skip
    with pytest.raises(ValueError, match="a fixed frame has no speed"):
        Record.from_json(document)
    document["camera"].pop("speed")
    assert Record.from_json(document)["camera.move"].values == ("none",)
