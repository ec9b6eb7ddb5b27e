"""Standing events as rows of the statistics: comparisons, scores, and values for agreement."""

from __future__ import annotations

from collections.abc import Iterable

from animatrix_reward.dimensions import OVERALL
from animatrix_reward.events import Event, standing
from animatrix_reward.ratings import Comparison
from animatrix_reward.scores import Score

_VERDICT = {"left": "left", "right": "right", "equal_good": "tie", "equal_bad": "tie"}


def comparisons(events: Iterable[Event], dimension: str = OVERALL) -> list[Comparison]:
    """What holds of comparisons on one dimension; "cannot judge" says nothing and is left out."""
    return [
        Comparison(
            event.body["left"],
            event.body["right"],
            _VERDICT[event.body["verdict"]],  # pyright: ignore[reportArgumentType]
            event.rater,
            event.body["prompt"],
        )
        for event in standing(events)
        if event.kind == "compare" and event.body["dimension"] == dimension and event.body["verdict"] in _VERDICT
    ]


def scores(events: Iterable[Event], dimension: str, prompt_of: dict[str, str]) -> list[Score]:
    """What holds of scores on one dimension; `prompt_of` names each clip's prompt."""
    return [
        Score(event.body["clip"], event.rater, event.body["scores"][dimension], prompt_of.get(event.body["clip"], ""))
        for event in standing(events)
        if event.kind == "rate" and dimension in event.body["scores"]
    ]
