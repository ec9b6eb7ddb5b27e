"""Generations: DIR/KIND/v{N}.json, put-if-absent, counted from 1. Readers take the highest."""

from __future__ import annotations

import re

from animatrix_ingest.keep import store as keep
from animatrix_ingest.keep.store import Store


def name_of(kind: str, number: int) -> str:
    return f"{kind}/v{number}.json"


def numbers(store: Store, kind: str) -> list[int]:
    """The generations there are, ascending."""
    found = (re.fullmatch(rf"{kind}/v(\d+)\.json", name) for name in keep.names(store, f"{kind}/v"))
    return sorted(int(match[1]) for match in found if match)


def highest(store: Store, kind: str) -> int | None:
    return max(numbers(store, kind), default=None)
