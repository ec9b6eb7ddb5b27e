"""Candidates of one prompt, scored, become pairs: the better and the worse, for preference; close ones go to people.

The paper (section 7 of what is known of it): N = 4 candidates a prompt, all pairs by composite score, a candidate with
a head under 2.0 is rejected, the 30 % of pairs with the smallest gaps are judged by people. Where it is silent: a
rejected candidate may lose and never win, as its composite counts for no more than the gate; two rejected ones are no
pair; a clip unlike those the Judge was fitted on is for people to judge, whatever the gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from animatrix_reward.ratings import Comparison
from animatrix_reward.refused import Refused

GATE = 2.0
PEOPLE = 0.30


@dataclass(frozen=True)
class Candidate:
    """A scored clip. `structure` are the scores of the structural heads, 1 to 5, `excused` the frames [start, end) that
    the Judge holds for deformed on purpose."""

    id: str
    prompt: str
    composite: float
    structure: Mapping[str, float]
    supported: bool = True
    excused: tuple[tuple[int, int], ...] = ()

    def accepted(self, gate: float = GATE) -> bool:
        """Whether no head is under the gate."""
        return min(self.structure.values()) >= gate

    def standing(self, gate: float = GATE) -> float:
        """The composite, which for a rejected candidate is worth no more than the gate."""
        return self.composite if self.accepted(gate) else min(self.composite, gate)


@dataclass(frozen=True)
class Pair:
    """`by` is who said so: `judge`, or `people`."""

    winner: Candidate
    loser: Candidate
    by: str

    @property
    def prompt(self) -> str:
        return self.winner.prompt


@dataclass(frozen=True)
class Paired:
    """`pairs` are labelled; `ask` are for people: (left, right) ids, the closest first. `limit`: the gap below which
    people are asked. `rejected` counts the candidates that may not win, `unanswered` what people left even."""

    pairs: tuple[Pair, ...]
    ask: tuple[tuple[str, str], ...]
    limit: float
    rejected: int
    unanswered: int


def pair(
    candidates: Sequence[Candidate],
    votes: Iterable[Comparison] = (),
    *,
    gate: float = GATE,
    people: float = PEOPLE,
) -> Paired:
    """All pairs of candidates of one prompt. `votes` answer what people were asked: a majority labels the pair, an even
    vote leaves it out. Raises Refused for an id that comes twice, or a share outside 0..1."""
    if not 0 <= people <= 1:
        raise Refused(f"people: {people} is no share; give 0 to 1")
    if doubled := [name for name, n in Counter(one.id for one in candidates).items() if n > 1]:
        raise Refused(f"candidates: {doubled[0]} comes twice; score each clip once")
    prompts: dict[str, list[Candidate]] = {}
    for one in sorted(candidates, key=lambda one: one.id):
        prompts.setdefault(one.prompt, []).append(one)
    couples = [
        (first, second)
        for group in prompts.values()
        for first, second in combinations(group, 2)
        if first.accepted(gate) or second.accepted(gate)
    ]
    gaps = np.array([abs(a.standing(gate) - b.standing(gate)) for a, b in couples])
    limit = float(np.quantile(gaps, people)) if len(gaps) and people else 0.0
    said = _majorities(votes)
    pairs: list[Pair] = []
    ask: list[tuple[float, str, str]] = []
    unanswered = 0
    for (first, second), gap in zip(couples, gaps.tolist()):
        close = gap <= limit and people > 0
        if close or not (first.supported and second.supported):
            answer = said.get((first.id, second.id))
            if answer is None:
                ask.append((gap, first.id, second.id))
            elif answer == 0:
                unanswered += 1
            else:
                won, lost = (first, second) if answer > 0 else (second, first)
                pairs.append(Pair(won, lost, "people"))
        elif gap > 0:
            won, lost = sorted((first, second), key=lambda one: -one.standing(gate))
            pairs.append(Pair(won, lost, "judge"))
    asked = tuple((left, right) for _, left, right in sorted(ask))
    rejected = sum(not one.accepted(gate) for one in candidates)
    return Paired(tuple(pairs), asked, limit, rejected, unanswered)


def _majorities(votes: Iterable[Comparison]) -> dict[tuple[str, str], int]:
    """How many more people prefer the first than the second of two ids in their order; absent: nobody was asked."""
    found: Counter[tuple[str, str]] = Counter()
    for vote in votes:
        first, second = sorted((vote.left, vote.right))
        better = {"left": vote.left, "right": vote.right, "tie": None}[vote.verdict]
        found[first, second] += (better == first) - (better == second)
    return dict(found)
