"""Rewrites what each open pair would teach, from the votes so far: every few seconds, not per request."""

from __future__ import annotations

from sqlalchemy import func, select, update

from animatrix_reward.room import tables
from animatrix_reward.room.review import clip_models
from animatrix_reward.room.store import Store, events, last_event


def refresh(store: Store, seen: int = -1) -> int:
    """Reckon anew if events came in after the `seen`-th; returns how many there are. Reads first, writes briefly."""
    from animatrix_reward.room import gain  # SciPy: a second that a server's start need not take
    from animatrix_reward.votes import comparisons

    with store.read() as session:
        n_events = (
            last_event(session) * 1_000_003 + session.scalars(select(func.count()).select_from(tables.Clip)).one()
        )
        if n_events == seen:
            return seen
        model_of = clip_models(session)
        votes = [
            vote
            for vote in comparisons(events(session, kinds=("compare",)))
            if vote.left in model_of and vote.right in model_of
        ]
        open_pairs = session.execute(
            select(tables.Task.id, tables.Task.prompt, tables.Task.left, tables.Task.right, tables.Task.gain).where(
                tables.Task.kind == "compare", tables.Task.n_taken < tables.Task.wanted
            )
        ).all()
    known = gain.models(votes, model_of)
    by_prompt: dict[str, list] = {}
    for vote in votes:
        by_prompt.setdefault(vote.prompt, []).append(vote)
    pairs_of: dict[str, list] = {}
    for row in open_pairs:
        pairs_of.setdefault(row.prompt, []).append(row)
    changed = []
    for prompt, rows in pairs_of.items():
        said = by_prompt.get(prompt, [])
        clips = sorted(
            {clip for row in rows for clip in (row.left, row.right)} | {c for v in said for c in (v.left, v.right)}
        )
        worth = gain.of_prompt(clips, model_of, said, known)
        for row in rows:
            now = worth[min(row.left, row.right), max(row.left, row.right)]
            if abs(now - row.gain) > 1e-6:
                changed.append({"id": row.id, "gain": now})
    for start in range(0, len(changed), 500):  # short transactions: votes wait for none of them long
        with store.write() as session:
            session.execute(update(tables.Task), changed[start : start + 500])
    return n_events
