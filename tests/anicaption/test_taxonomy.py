import subprocess
import sys

import pytest
import yaml
from anicaption.taxonomy import TaxonomyError, taxonomy


def test_forty_fields_on_four_axes_in_two_languages():
    assert len(taxonomy()) == 40
    assert {field.axis for field in taxonomy()} == set(taxonomy().axes) == {"style", "motion", "camera", "vfx"}
    for field in taxonomy():
        assert field.ja and field.definition and field.values
        assert all(value.ja and value.definition for value in field.values)


def test_numbers_are_unique_and_positive():
    numbers = [value.number for field in taxonomy() for value in field.values]
    assert len(set(numbers)) == len(numbers) == 317
    assert min(numbers) == 1


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
