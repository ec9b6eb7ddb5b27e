"""What nobody is shown and nothing is trained on: explicit content, and figures that look under age in sexual content.

Nothing lifts a quarantine but a corrected source list or a verdict taken back, and doubt counts against the clip:

- a source stated explicit is quarantined whole, and so is a clip whose record says explicit;
- one person's verdict `quarantine` is enough;
- a clip whose figures look under age (`looks_under_age`, a probability, where a model was asked) is quarantined
  unless it is stated general: suggestive, explicit or of unknown rating is too much;
- copies go with the clip: same pixels under another name are the same pixels.

An unknown rating is no accusation, but nothing unrated reaches tier S or a person's screen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from animatrix_ingest.decide.joined import TableError, beside, bundles
from animatrix_ingest.decide.settings import LOOKS_UNDER_AGE
from animatrix_ingest.decide.verdicts import Laid

RATINGS = ("general", "sensitive", "explicit", "unknown")


@dataclass(frozen=True)
class Held:
    """Per clip: its rating, the words for which it is quarantined (empty where it is not), and who may see it."""

    rating: list[str]
    why: list[str]

    @property
    def mask(self) -> np.ndarray:
        return np.array([bool(why) for why in self.why], bool)

    @property
    def may_be_shown(self) -> np.ndarray:
        """Neither quarantined nor unrated: may stand in S and in the annotation room."""
        return ~self.mask & np.array([rating in ("general", "sensitive") for rating in self.rating], bool)


def quarantine(
    clips: pa.Table,
    laid: Laid,
    tags: pa.Table | None = None,
    scores: pa.Table | None = None,
    roles: pa.Table | None = None,
    looks_under_age: float = LOOKS_UNDER_AGE,
) -> Held:
    """`clips` has key and rating (the source's); `tags` may have content.rating, `scores` looks_under_age."""
    stated = _stated(clips)
    read = _read(clips, tags)
    rating = [_rating(a, b) for a, b in zip(stated, read)]
    under = _looks(clips, scores)
    own = ["" for _ in rating]
    for i, (said, seen) in enumerate(zip(stated, read)):
        if said == "explicit":
            own[i] = "the source is rated explicit"
        elif "explicit" in seen:
            own[i] = "content.rating is explicit"
        elif under[i] >= looks_under_age and rating[i] != "general":
            own[i] = f"looks_under_age {under[i]:.2f} is not under {looks_under_age:g} in content rated {rating[i]}"
    for row, people in laid.by_row.items():
        for verdict in people.values():
            if verdict.verdict == "quarantine":
                note = f": {verdict.note}" if verdict.note else ""
                own[row] = f"verdict quarantine of {verdict.who}, {verdict.when}{note}"
    return Held(rating, _with_copies(clips, roles, own, rating))


def _stated(clips: pa.Table) -> list[str]:
    if "rating" not in clips.column_names:
        raise TableError("clips: has no column rating; state it in the source list or with --rating")
    stated = [rating or "unknown" for rating in clips["rating"].to_pylist()]
    if wrong := set(stated) - set(RATINGS):
        raise TableError(f"clips.rating: {min(wrong)!r} is no rating; there are {', '.join(RATINGS)}")
    return stated


def _read(clips: pa.Table, tags: pa.Table | None) -> list[tuple[str, ...]]:
    """What the record of each clip says of its rating."""
    if tags is None or "content.rating" not in tags.column_names:
        return [()] * clips.num_rows
    values = beside(clips["key"], tags, "tags", ["content.rating"])["content.rating"]
    return [tuple(value or ()) for value in values.to_pylist()]


def _looks(clips: pa.Table, scores: pa.Table | None) -> np.ndarray:
    if scores is None or "looks_under_age" not in scores.column_names:
        return np.full(clips.num_rows, -np.inf)
    values = beside(clips["key"], scores, "scores", ["looks_under_age"])["looks_under_age"]
    return np.nan_to_num(np.array(values.to_numpy(), float), nan=-np.inf)


def _rating(stated: str, read: tuple[str, ...]) -> str:
    """What is stated, or graver if the record says so. A record makes no rating known: models guess."""
    if "explicit" in (stated, *read):
        return "explicit"
    return "sensitive" if stated == "general" and "sensitive" in read else stated


def _with_copies(clips: pa.Table, roles: pa.Table | None, own: list[str], rating: list[str]) -> list[str]:
    """Copies of a quarantined clip are quarantined. Where only its source's rating speaks against it, those are spared
    that another source list states to be general or sensitive: works share openings."""
    bundle = bundles(clips["key"], roles)
    keys = clips["key"].to_pylist()
    seen: dict[int, int] = {}
    rated: dict[int, int] = {}
    for i, why in enumerate(own):
        if why and bundle[i] >= 0:
            (rated if why.startswith("the source") else seen).setdefault(int(bundle[i]), i)
    why = list(own)
    for i in np.flatnonzero(bundle >= 0):
        first = seen.get(int(bundle[i]), rated.get(int(bundle[i])) if rating[i] == "unknown" else None)
        if not why[i] and first is not None:
            why[i] = f"copy of {keys[first]}, which is quarantined: {own[first]}"
    return why
