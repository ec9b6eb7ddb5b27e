import pytest
from anicaption.fuse import fuse, stated
from anicaption.record import Record, abstain, measured, variable_of
from anicaption.taxonomy import TaxonomyError
from anicaption.tracks import Tracks


def said(source, field, *values, p=0.9):
    return {field: variable_of(field, values, source, dict.fromkeys(values, p), (), ())}


def test_measured_outranks_guessed_and_the_guess_is_kept():
    fused = fuse(
        [
            said("vlm", "camera.move", "pan_left", p=0.99),
            {"camera.move": measured("camera.move", ["none"], {"none": 0.6})},
        ]
    )
    variable = fused["camera.move"]
    assert variable.values == ("none",) and variable.source == "measured"
    assert [(o.source, o.values, o.probability) for o in variable.disputed] == [
        ("vlm", ("pan_left",), {"pan_left": 0.99})
    ]


def test_agreement_is_no_dispute():
    fused = fuse(
        [said("learned", "camera.move", "track_up", "pan_left"), said("vlm", "camera.move", "pan_left", "track_up")]
    )
    assert fused["camera.move"].disputed == ()


def test_a_guess_fills_what_the_measurement_abstained_from():
    fused = fuse([{"style.line": abstain("style.line", "too few lines")}, said("learned", "style.line", "bold")])
    assert fused["style.line"].values == ("bold",) and fused["style.line"].source == "learned"


def test_where_nobody_knows_the_best_founded_abstention_says_why():
    fused = fuse([said("vlm", "style.line", "unknown"), {"style.line": abstain("style.line", "too few lines")}])
    assert fused["style.line"].abstained == "too few lines"


def test_what_a_list_states_is_certain_and_checked():
    variable = stated({"content.rating": "general"})["content.rating"]
    assert variable.values == ("general",) and variable.source == "expert"
    assert not stated({"content.rating": "unknown"})["content.rating"].known
    with pytest.raises(TaxonomyError, match="did you mean 'general'"):
        stated({"content.rating": "generall"})


def test_a_dispute_survives_the_record_and_its_json():
    import numpy as np

    fused = fuse([said("learned", "style.line", "bold"), said("vlm", "style.line", "rough", p=0.4)])
    record = Record.build(Tracks(24, 64, 36, {"luma": np.zeros(4, np.float32)}), fused)
    again = Record.from_json(record.to_json())
    assert again["style.line"].disputed[0].values == ("rough",)
