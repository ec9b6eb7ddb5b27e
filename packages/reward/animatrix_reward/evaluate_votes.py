"""A Judge's scores against what people said of the same clips: the figures of `animatrix-reward evaluate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from animatrix_reward.dimensions import OVERALL
from animatrix_reward.evaluate import Told, Vote, accuracy, auroc, calibration_error, caught, flagged, interval
from animatrix_reward.events import Event, standing
from animatrix_reward.intervals import bootstrap
from animatrix_reward.judge import Judge
from animatrix_reward.score import Score, probabilities

_TIES = ("equal_good", "equal_bad")


def votes_of(events: Iterable[Event], scores: Mapping[str, Score]) -> list[Vote]:
    """Comparisons as a whole, with the difference of the composites."""
    found = []
    for event in standing(events):
        if event.kind == "compare" and event.body["dimension"] == OVERALL and event.body["verdict"] != "cannot_judge":
            margin = scores[event.body["left"]].composite - scores[event.body["right"]].composite
            verdict = "tie" if event.body["verdict"] in _TIES else event.body["verdict"]
            found.append(Vote(event.body["prompt"], margin, verdict))
    return found


def told_of(events: Iterable[Event], scores: Mapping[str, Score], prompts: Mapping[str, str]) -> list[Told]:
    """Clips whose frames people marked, with what most of them said: a kind counts if half of the raters saw it."""
    said: dict[str, list[Event]] = {}
    for event in standing(events):
        if event.kind == "deform" and event.body["clip"] in scores:
            said.setdefault(event.body["clip"], []).append(event)
    found = []
    for clip, rows in said.items():
        kinds: dict[tuple[str, str], list[int]] = {}
        for event in rows:
            for kind, verdict in {(span["kind"], span["verdict"]) for span in event.body["spans"]}:
                worst = max(s["severity"] for s in event.body["spans"] if (s["kind"], s["verdict"]) == (kind, verdict))
                kinds.setdefault((kind, verdict), []).append(worst)
        held = {key: severities for key, severities in kinds.items() if 2 * len(severities) >= len(rows)}
        art = tuple(kind for kind, verdict in held if verdict == "intentional")
        bad = tuple(kind for kind, verdict in held if verdict == "failure")
        severity = max((max(held[kind, "failure"]) for kind in bad), default=0)
        found.append(Told(clip, prompts[clip], art, bad, severity, scores[clip].pathology))
    return found


def figures(
    events: Iterable[Event],
    scores: Mapping[str, Score],
    prompts: Mapping[str, str],
    judge: Judge,
    known: Mapping[str, Any],
) -> dict[str, Any]:
    """All figures, intervals over prompts beside them. `known` are the facts kept with the Judge."""
    events = list(events)
    votes, told = votes_of(events, scores), told_of(events, scores, prompts)
    found: dict[str, Any] = {"votes": len(votes), "marked clips": len(told)}
    if votes:
        p = [probabilities(vote.margin, known["overall_scale"], known["tie_logit"]) for vote in votes]
        words = [("left", "right", "tie")[int(np.argmax(row))] for row in p]
        right = [(vote, word == vote.verdict) for vote, word in zip(votes, words)]
        found["accuracy without ties"] = _row(bootstrap(votes, lambda vote: vote.prompt, accuracy, draws=400))
        found["accuracy with ties"] = float(np.mean([correct for _, correct in right]))
        clear = [
            (row[0] / (row[0] + row[1]), vote.verdict == "left") for row, vote in zip(p, votes) if vote.verdict != "tie"
        ]
        found["calibration error"] = calibration_error(*zip(*clear)) if clear else None
    if told:
        at = float(judge.threshold)
        found["threshold"] = at
        found["auroc of failure against art"] = _row(interval(told, auroc))
        found["art called failure"] = _row(interval(told, lambda rows: flagged(rows, at)))
        found["failures caught"] = _row(interval(told, lambda rows: caught(rows, at)))
    return found


def _row(one) -> list[float | None]:
    return [one.value, one.low, one.high]
