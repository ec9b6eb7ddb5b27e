"""Decodes the clips of a room before anybody waits for them, as far as the folder for frames has room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from animatrix_reward.room.frames import Broken, Bundles
from animatrix_reward.room.store import Store
from animatrix_reward.room.tables import Clip


@dataclass(frozen=True)
class Prepared:
    """How many clips are ready, which cannot be shown and why, and how many found no room."""

    n_ready: int
    broken: dict[str, str]
    n_left: int


def prepare(store: Store, bundles: Bundles, tell: Callable[[str], None] = lambda _: None) -> Prepared:
    """Decode every clip that is not decoded yet, one after another, in the order in which they came in."""
    with store.read() as session:
        clips = list(session.scalars(select(Clip).order_by(Clip.added_at_s, Clip.id)))
    n_ready, n_bytes, broken = 0, 0, {}
    for number, clip in enumerate(clips):
        shown = bundles.ask(Path(clip.path), clip.sha256).result()
        if isinstance(shown, Broken):
            broken[clip.id] = shown.reason
            tell(f"{clip.id}: {shown.reason}")
            continue
        n_ready += 1
        n_bytes += sum(bundle.n_bytes for bundle in shown.bundles)
        if n_bytes >= bundles.limit_bytes:  # one more would push the first ones out again
            return Prepared(n_ready, broken, len(clips) - number - 1)
    return Prepared(n_ready, broken, 0)
