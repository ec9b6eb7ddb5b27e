"""What the first visitors would wait for is done before the door opens: connections, statements, templates.

A server that starts again meets everybody at once. Statements are built by asking them; those that write are asked in a
transaction that is taken back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from animatrix_reward.room import api, assign, pages, people, review, said, words
from animatrix_reward.room.held import in_hand
from animatrix_reward.room.people import Person
from animatrix_reward.room.store import Store, last_event, now_s, token
from animatrix_reward.room.tables import PEOPLE


def warm(store: Store) -> None:
    """Make ready what requests will need."""
    nobody = Person(f"p-{token()}", "nobody", ("rater",))
    with store.lookers() as connections:
        for db in connections:  # each has prepared statements of its own
            people.found(db, nobody.id)
            for kind in (None, *assign.KINDS):
                in_hand(db, nobody.id, kind)
            for ask in (review.votes_of, review.held_by):
                ask(db, nobody.id)
            review.progress(db)
            last_event(db)
    with store.write() as session:
        _vote(session, nobody)
        session.rollback()
    for name in pages.TEMPLATES.glob("*.html"):
        pages.template(name.name)
    for language in words.LANGUAGES:
        pages.fields_by_axis(language)
        for kind, n_clips in (("compare", 2), ("rate", 1), ("deform", 1), ("correct", 1)):
            pages.still_parts(language, kind, kind, n_clips)


def _vote(session: Any, nobody: Person) -> None:
    """A comparison from beginning to end, by somebody who was never here."""
    row = {"id": nobody.id, "name": nobody.name, "roles": ["rater"], "epoch": 0, "active": True, "made_at_s": now_s()}
    session.connection().execute(insert(PEOPLE), row)
    task = assign.next_task(session, nobody, "compare")
    if task is not None:
        left, right = (clip.token for clip in task.clips)
        body = {"left": left, "right": right, "dimension": "overall", "verdict": "equal_good"}
        sent = api.SentEvent(id=f"e-{token()}", task=task.id, kind="compare", body=body, made_at_ms=0)
        said.receive(session, nobody, said.Sent(**sent.model_dump()))
