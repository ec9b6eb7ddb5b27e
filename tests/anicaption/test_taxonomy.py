import subprocess
import sys

import pytest
import yaml
from anicaption.taxonomy import TaxonomyError, taxonomy


def test_every_field_and_value_speaks_two_languages():
    assert (
        {field.axis for field in taxonomy()} == set(taxonomy().axes) == {"style", "motion", "camera", "vfx", "content"}
    )
    for field in taxonomy():
        assert field.ja and field.definition and field.values
        assert all(value.ja and value.definition for value in field.values)


def test_numbers_are_unique_and_positive():
    numbers = [value.number for field in taxonomy().all_fields for value in field.all_values]
    assert len(set(numbers)) == len(numbers) == max(numbers)
    assert min(numbers) == 1


def test_every_effect_stands_in_the_hierarchy():
    for field in taxonomy():
        for value in field.values:
            if (field.axis == "vfx" or field.id == "motion.deformation") and value.id != "none":
                assert value.effect and all((value.effect.meaning, value.effect.appearance, value.effect.dynamics))
                assert taxonomy().families[value.effect.family]["class"] in taxonomy().classes
    used = {v.effect.family for field in taxonomy() for v in field.values if v.effect}
    assert used == set(taxonomy().families)


def test_no_idiom_carries_a_person():
    words = " ".join(v.ja + v.definition for v in taxonomy()["motion.school"].values)
    assert not any(name in words for name in ("金田", "板野", "Kanada", "Itano"))


def test_hash_changes_with_a_number_but_not_with_a_translation(monkeypatch):
    before = taxonomy().hash
    load = yaml.load

    def reloaded(change):
        def changed(*args, **kwargs):
            document = load(*args, **kwargs)
            change(document["fields"][0]["values"][0])
            return document

        monkeypatch.setattr(yaml, "load", changed)
        taxonomy.cache_clear()
        try:
            return taxonomy().hash
        finally:
            monkeypatch.setattr(yaml, "load", load)
            taxonomy.cache_clear()

    assert reloaded(lambda value: value.update(ja="別")) == before
    assert reloaded(lambda value: value.update(number=999)) != before


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("camera.move", ["panleft"], "did you mean 'pan_left'"),
        ("camera.move", ["none", "pan_left"], "'none' stands alone"),
        ("camera.move", ["unknown", "pan_left"], "'unknown' stands alone"),
        ("camera.move", ["pan_left", "pan_left"], "twice"),
        ("motion.timing", ["ones", "twos"], "at most 1"),
        ("motion.timing", [], "no value"),
        ("camera.shot_size", ["full", "bust", "knee"], "a pair"),
        ("camera.easing", ["ease_in"], "out of use since taxonomy 0.2.0; say camera.easing=slow_start"),
        ("camera.transition", ["dissolve"], "say camera.transition=dissolve_in or camera.transition=dissolve_out"),
    ],
)
def test_illegal_values_are_refused_by_name(field, values, words):
    with pytest.raises(TaxonomyError, match=words):
        taxonomy()[field].check(values)


def test_reserved_values_are_legal_everywhere():
    for field in taxonomy():
        assert field.check(["unknown"]) == ("unknown",)
        assert field.check(["na"]) == ("na",)


def test_several_values_come_back_in_the_taxonomys_order():
    assert taxonomy()["camera.move"].check(["track_up", "pan_left"]) == ("pan_left", "track_up")


def test_tags_are_read_from_a_command_line():
    assert taxonomy().parse_tags("camera.move=pan_left+track_up, motion.timing=twos") == {
        "camera.move": ("pan_left", "track_up"),
        "motion.timing": ("twos",),
    }
    with pytest.raises(TaxonomyError, match=r"did you mean 'camera\.move'"):
        taxonomy().parse_tags("camera.mov=pan_left")
    with pytest.raises(TaxonomyError, match="field=value"):
        taxonomy().parse_tags("pan_left")


def test_importing_it_costs_no_numpy():
    code = "import sys, anicaption.taxonomy; sys.exit('numpy' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
