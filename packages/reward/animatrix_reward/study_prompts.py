"""A balanced set of prompts that covers the taxonomy, and who rates which: the design of a human study.

The paper's study: 500 prompts that cover the taxonomy, image-to-video, three of fifteen raters a prompt. Which values
stand together in a prompt is ours: the least used first, one field at least of every axis, no rule broken.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from anicaption.directive import from_tags
from anicaption.rules import allowed, violations
from anicaption.taxonomy import NOT_APPLICABLE, Taxonomy, taxonomy

from animatrix_reward.refused import Refused

AXES: tuple[str, ...] = ("style", "motion", "camera", "vfx")
"""Axes that a director asks for; what the others say is content."""
SILENT: tuple[str, ...] = ("none", NOT_APPLICABLE)


@dataclass(frozen=True)
class Prompt:
    """What is asked for: tags, the same in words, and a seed."""

    name: str
    tags: dict[str, tuple[str, ...]]
    text: str
    seed: int

    def to_json(self, image: str | None = None) -> str:
        """A line as `animatrix-train sample --requests` reads it."""
        said = ",".join(f"{field}={'+'.join(values)}" for field, values in self.tags.items())
        row = {"name": self.name, "tags": said, "text": self.text, "seed": self.seed}
        return json.dumps(row | ({"image": image} if image else {}), ensure_ascii=False)


def prompts(n: int = 500, fields: int = 5, seed: int = 0) -> list[Prompt]:
    """`n` prompts of about `fields` tags, every askable value used about equally often. Pure in `seed`."""
    known = taxonomy()
    askable = {
        field.id: tuple(value for value in field.value_ids if value not in SILENT)
        for field in known
        if field.axis in AXES
    }
    used: Counter[tuple[str, str]] = Counter()
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        tags: dict[str, tuple[str, ...]] = {}
        while len(tags) < fields:
            open_axes = set(AXES) - {name.partition(".")[0] for name in tags} or set(AXES)
            field = _add(known, tags, askable, used, open_axes, rng)
            if field is None:
                break
        used.update((name, values[0]) for name, values in tags.items())
        tags = dict(sorted(tags.items()))
        made.append(Prompt(f"p{number + 1:04d}", tags, from_tags(tags, seed=None).prose, seed * 100_000 + number))
    return made


def _add(
    known: Taxonomy,
    tags: dict[str, tuple[str, ...]],
    askable: dict[str, tuple[str, ...]],
    used: Counter[tuple[str, str]],
    axes: set[str],
    rng: np.random.Generator,
) -> str | None:
    """Give `tags` the least used value that may stand beside them, of a field of these axes; its field, or None."""
    choices = [
        (used[name, value], rng.random(), name, value)
        for name, values in askable.items()
        if name not in tags and name.partition(".")[0] in axes
        for value in values
    ]
    for _, _, name, value in sorted(choices):
        if value in allowed(known, name, tags) and not violations(known, {**tags, name: (value,)}):
            tags[name] = (value,)
            return name
    return None


def coverage(made: Sequence[Prompt]) -> dict[str, int]:
    """How often the rarest and the commonest value are asked for, how many values there are and how many are not."""
    counts = Counter((name, value) for prompt in made for name, values in prompt.tags.items() for value in values)
    all_values = {
        (field.id, value)
        for field in taxonomy()
        if field.axis in AXES
        for value in field.value_ids
        if value not in SILENT
    }
    times = [counts[value] for value in sorted(all_values)]
    return {"values": len(times), "missing": times.count(0), "least": min(times), "most": max(times)}


def assign(names: Sequence[str], raters: int = 15, per_prompt: int = 3, seed: int = 0) -> dict[str, tuple[int, ...]]:
    """Which raters (numbers from 0) rate each prompt: loads differ by one at most, and every two raters meet about
    equally often, so that severity can be told from quality. Raises Refused for fewer raters than a prompt needs."""
    if not 1 <= per_prompt <= raters:
        raise Refused(f"raters: {raters} cannot give {per_prompt} to a prompt; invite more or ask for fewer")
    rng = np.random.default_rng(seed)
    load, met = np.zeros(raters, int), np.zeros((raters, raters), int)
    found = {}
    for name in [names[at] for at in rng.permutation(len(names))]:
        chosen: list[int] = []
        for _ in range(per_prompt):
            free = [rater for rater in range(raters) if rater not in chosen]
            best = min(free, key=lambda rater: (load[rater], met[rater, chosen].sum(), rng.random()))
            met[best, chosen] += 1
            met[chosen, best] += 1
            chosen.append(best)
            load[best] += 1
        found[name] = tuple(sorted(chosen))
    return dict(sorted(found.items()))
