"""How two recipes differ, field by field, in words for people."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from animatrix_trainer.config import Recipe


def changes(before: Recipe, now: Recipe) -> list[str]:
    """A line per field of training that differs, as in "stages.0.lr: 0.0001 -> 0.0002". Guidance has no part in it."""
    n = min(len(before.stages), len(now.stages))
    both = [dataclasses.replace(recipe, stages=recipe.stages[:n], guidance=now.guidance) for recipe in (before, now)]
    one, two = (dict(_leaves(dataclasses.asdict(recipe))) for recipe in both)
    for at, stage in enumerate(before.stages[n:], n):
        one[f"stages.{at}"] = stage.name
    for at, stage in enumerate(now.stages[n:], n):
        two[f"stages.{at}"] = stage.name
    names = [*one, *(name for name in two if name not in one)]
    return [
        f"{name}: {_said(one, name)} -> {_said(two, name)}" for name in names if _said(one, name) != _said(two, name)
    ]


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{place}.{name}" if place else name)
    elif isinstance(value, (list, tuple)) and any(isinstance(part, dict) for part in value):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{place}.{number}")
    else:
        yield place, value


def _said(leaves: dict[str, Any], name: str) -> str:
    return repr(leaves[name]) if name in leaves else "absent"
