"""What a guided step is a sum of: conditions to ask the network for, each with its share.

The paper's dual guidance is v_null + text (v_text - v_null) + tag (v_text+tag - v_text). Sorted by condition it is a
sum whose shares add up to 1, so that scales, fields and things not wanted are one list, conditions that come twice are
asked once, and one that does not count (at scales of 1 all but the last) is not asked at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.tags import TagSet
from animatrix_trainer.config import Guidance


@dataclass(frozen=True)
class Wish:
    """What is asked for, and what is not wanted.

    `not_text` takes the place of the empty text in v_null, `not_tags` of no tags in the tags' term: the step goes away
    from them as far as it goes towards `condition`. `fields` are scales of single fields on top: each adds
    scale (v_all - v_without_field).
    """

    condition: Condition
    not_text: str = ""
    not_tags: TagSet = field(default_factory=dict)
    fields: Mapping[str, float] = field(default_factory=dict)


def shares(wish: Wish, settings: Guidance, below: bool = False) -> list[tuple[Condition, float]]:
    """(condition, share) of one guided step, the shares adding up to 1.

    `below` takes the scales of the expert for less noise, where the settings have them. Raises ValueError for a field's
    scale without a tag in that field.
    """
    text, tag = settings.below if below and settings.below else (settings.text, settings.tag)
    tags, said = wish.condition.tags, wish.condition.text
    not_tags, both = dict(wish.not_tags) or None, wish.condition
    if settings.order == "text_first":
        null, start, between = Condition(None, wish.not_text), Condition(None, said), Condition(not_tags, said)
        first, second = text, tag
    else:
        null, start, between = Condition(not_tags, ""), replace(both, text=""), replace(both, text=wish.not_text)
        first, second = tag, text
    parts = [(null, 1 - first), (start, first), (between, -second), (both, second)]
    for name, scale in wish.fields.items():
        if name not in (tags or {}):
            raise ValueError(f"field guidance: {name} has a scale but no tag; ask for {name}=... or leave it out")
        without = {other: values for other, values in (tags or {}).items() if other != name}
        times = tuple(span for span in both.spans if span.field != name)
        parts += [(both, scale), (Condition(without, said, times), -scale)]
    return _merged(parts)


def _merged(parts: list[tuple[Condition, float]]) -> list[tuple[Condition, float]]:
    """Equal conditions together, in the order in which they came, without those that do not count."""
    found: list[tuple[Condition, float]] = []
    for condition, share in parts:
        at = next((i for i, (other, _) in enumerate(found) if other == condition), None)
        if at is None:
            found.append((condition, share))
        else:
            found[at] = (condition, found[at][1] + share)
    return [(condition, share) for condition, share in found if abs(share) > 1e-9]
