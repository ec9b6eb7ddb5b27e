"""Hard cuts from hand-made scores: what stands out of its neighbours, and what only seems to."""

import numpy as np
import pytest
from anicaption.measure.cuts import cuts
from anicaption.measure.fade import Blank
from anicaption.measure.transition import SCORES

AT, N = 10, 20


def held(**at_the_change: float) -> dict[str, np.ndarray]:
    """Twenty frames that rest, but for what is said of frame AT."""
    scores = {name: np.full(N, np.nan, np.float32) for name in SCORES}
    rest = {"raw": 0.0, "jump": 0.0, "same": 1.0, "kept": 1.0, "profile": 0.0, "luma": 0.5, "spread": 0.2}
    for name, value in rest.items():
        scores[name][:] = value
    for name, value in at_the_change.items():
        scores[name][AT] = value
    return scores


def found(scores: dict[str, np.ndarray], runs: list[Blank] | None = None) -> list[int]:
    return [frame for frame, _ in cuts(scores, runs or [])]


@pytest.mark.parametrize(("kept", "profile", "frames"), [(0.31, 0.09, [AT]), (0.31, 0.17, []), (0.4, 0.09, [])])
def test_between_held_shots_a_little_more_of_the_drawing_may_seem_to_survive(kept, profile, frames):
    assert found(held(raw=0.19, jump=0.15, same=0.55, kept=kept, stays=kept, profile=profile)) == frames


def test_where_something_moves_the_same_survival_is_a_figure_that_changed():
    scores = held(raw=0.19, jump=0.15, same=0.55, kept=0.31, stays=0.31, profile=0.09)
    scores["raw"][AT - 2] = scores["jump"][AT - 2] = 0.03
    assert found(scores) == []


def test_a_matte_that_stays_through_a_blank_hides_no_cut():
    scores = held(raw=0.39, jump=0.39, same=0.0, kept=0.31, stays=0.31, profile=0.39)
    for name, value in {"raw": 0.4, "jump": 0.4, "same": 0.0, "kept": 0.0, "profile": 0.4}.items():
        scores[name][AT - 1] = value
    scores["luma"][AT - 1] = scores["spread"][AT - 1] = 0.0
    assert found(scores, [Blank("fade_black", AT - 1, AT, AT - 1, AT, False)]) == [AT]


def test_an_impact_that_began_before_the_first_row_is_nobodys():
    scores = held()
    scores["kin_3"][1] = 0.5
    for t in (1, N - 2):
        scores["raw"][t] = scores["jump"][t] = 0.4
        scores["kept"][t] = scores["same"][t] = 0.0
    assert found(scores) == [1, N - 2]
