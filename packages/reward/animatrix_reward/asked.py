"""What was asked for, as numbers for the dimensions that depend on it: tags of the taxonomy, and hashed words.

The tags are one place each; words and their three-letter pieces are hashed (signed, Weinberger et al. 2009), which
needs no weights and keeps a word that nobody taught apart from the others. Only the prompt's dimensions ever see this.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import numpy as np
from anicaption.taxonomy import RESERVED, Taxonomy, taxonomy

HASHED = 128
_WORDS = re.compile(r"\w+")


def width(source: Taxonomy | None = None) -> int:
    """How many numbers `asked` gives."""
    return len(_places(source or taxonomy())) + HASHED


def asked(tags: Mapping[str, tuple[str, ...]], text: str, source: Taxonomy | None = None) -> np.ndarray:
    """Tags and text of a prompt, float32 (width,). Raises TaxonomyError for a field or value that is not there."""
    known = source or taxonomy()
    places = _places(known)
    numbers = np.zeros(len(places) + HASHED, np.float32)
    for name, values in tags.items():
        for value in known[name].check(values):
            if value not in RESERVED:
                numbers[places[f"{name}={value}"]] = 1.0
    for place, sign in map(_hashed, _pieces(text)):
        numbers[len(places) + place] += sign
    words = numbers[len(places) :]
    words /= max(1.0, float(np.linalg.norm(words)))
    return numbers


def _places(source: Taxonomy) -> dict[str, int]:
    names = [f"{field.id}={value.id}" for field in source.fields for value in field.values]
    return {name: place for place, name in enumerate(names)}


def _pieces(text: str) -> list[str]:
    words = _WORDS.findall(text.lower())
    return words + [f"{word[i : i + 3]}~" for word in words for i in range(max(0, len(word) - 2))]


def _hashed(piece: str) -> tuple[int, float]:
    digest = int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=8).digest(), "big")
    return digest % HASHED, 1.0 if digest >> 32 & 1 else -1.0
