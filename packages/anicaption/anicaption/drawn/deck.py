"""Shuffled decks: values dealt in balance and in a random order, from one generator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


class Decks:
    """Named decks; a deck is shuffled anew when its last card is dealt."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._cards: dict[str, list] = {}

    def deal(self, name: str, values: Iterable) -> Any:
        """The next card of the deck `name`, which holds `values`; a value may lie in it several times."""
        cards = self._cards.setdefault(name, [])
        if not cards:
            fresh = list(values)
            cards += [fresh[i] for i in self._rng.permutation(len(fresh))]
        return cards.pop()
