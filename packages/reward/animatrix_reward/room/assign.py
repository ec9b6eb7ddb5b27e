"""Who gets which task: information gain, blind draws, gold and planned repeats, three raters each, strata of motion.

Everything here runs inside one write transaction (`Store.write`), so two requests at once never give a task to more
people than it wants. A task in somebody's hands is a lease: when it runs out another may have it, and what its holder
still sends is kept all the same.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, exists, func, select, true, update
from sqlalchemy.orm import Session, aliased

from animatrix_reward.dimensions import DIMENSIONS, HUMAN, OVERALL
from animatrix_reward.room import tables
from animatrix_reward.room.people import Person
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, Store, now_s, token
from animatrix_reward.room.tasks import upon

KINDS = ("compare", "rate", "deform", "correct", "adjudicate", "gold")
_NEEDS = {"adjudicate": "expert", "gold": "expert"}
_BLOCK = 20
_EVEN = "even"
"""The source of tasks about one clip: every motion alike, those begun first."""


@dataclass(frozen=True)
class ClipView:
    """What the page may know of a clip before the vote: a random token and the letter it is shown under."""

    token: str
    label: str


@dataclass(frozen=True)
class Task:
    """A task as its page sees it. `id` is the assignment's: the same pair given again has another.

    For `adjudicate`, `about` is the kind of the task that was disagreed on and `said` what raters said of it; for
    `gold`, `about` is the kind of answer to give. Else `about` is `kind` and `said` is empty.
    """

    id: str
    kind: str
    about: str
    prompt_text: str
    prompt_tags: Mapping[str, list[str]]
    clips: tuple[ClipView, ...]
    dimensions: tuple[str, ...]
    flashing: bool
    said: tuple[Mapping[str, Any], ...] = ()


def next_task(session: Session, person: Person, kind: str | None = None) -> Task | None:
    """The task in the person's hands, or a new one, or None where there is nothing left for them.

    Raises RoomError for a kind that is none, and for one the person has no role for.
    """
    _check_kind(person, kind)
    held = _in_hand(session, person, kind)
    if held is None:
        release(session)
        held = _new(session, person, kind)
    return None if held is None else view(session, held)


def task_for(store: Store, person: Person, kind: str | None = None) -> Task | None:
    """`next_task` in a transaction of its own; what is in the person's hands anyway is read beside the writers."""
    _check_kind(person, kind)
    with store.read() as session:
        held = session.scalars(_held(kind is not None), {"person": person.id, "kind": kind}).first()
        if held is not None and held.state == "held" and held.held_until_s > now_s() + store.settings.lease_s / 2:
            return view(session, held)
    with store.write() as session:
        return next_task(session, person, kind)


def _check_kind(person: Person, kind: str | None) -> None:
    if kind is not None and kind not in KINDS:
        raise RoomError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
    if kind in _NEEDS and not person.may(_NEEDS[kind]):
        raise RoomError(f"kind: {kind} is for an {_NEEDS[kind]}; ask an administrator for the role")


def release(session: Session) -> None:
    """Take back what was held too long."""
    for held in list(session.scalars(_LATE, {"now": now_s()})):
        held.state = "expired"
        taken(session, held.task, -1)
    session.flush()


_LATE = select(tables.Assignment).where(
    tables.Assignment.state == "held", tables.Assignment.held_until_s < bindparam("now")
)


def taken(session: Session, task_id: str, by: int) -> None:
    """One person more, or one less, has a task."""
    session.execute(_TAKEN, {"task_id": task_id, "by": by})


_TAKEN = (
    update(tables.Task.__table__)  # pyright: ignore[reportArgumentType]
    .where(tables.Task.id == bindparam("task_id"))
    .values(n_taken=tables.Task.n_taken + bindparam("by"))
)


def _in_hand(session: Session, person: Person, kind: str | None) -> tables.Assignment | None:
    """What the person holds, or held too long and may have again: they know it already."""
    held = session.scalars(_held(kind is not None), {"person": person.id, "kind": kind}).first()
    if held is not None:
        lease_s = session.info["settings"].lease_s
        if held.state == "expired":
            held.state = "held"
            taken(session, held.task, 1)
        if held.held_until_s < now_s() + lease_s / 2:  # looking at a task again writes nothing
            held.held_until_s = now_s() + lease_s
        session.flush()
    return held


# What is asked at every request is built once: SQLAlchemy takes longer to build and compare a statement than SQLite
# takes to answer it.
@cache
def _held(of_kind: bool) -> Select:
    assignment = tables.Assignment
    mine = (assignment.state == "held") | ((assignment.state == "expired") & _open())
    asked = (
        select(assignment)
        .join(tables.Task, tables.Task.id == assignment.task)
        .where(assignment.person == bindparam("person"), mine)
        .order_by(assignment.state.desc(), assignment.made_at_s)
        .limit(1)
    )
    return asked.where(tables.Task.kind == bindparam("kind")) if of_kind else asked


def _new(session: Session, person: Person, kind: str | None) -> tables.Assignment | None:
    settings: Settings = session.info["settings"]
    if kind is None:
        mixed = _drawn(settings, f"mix/{person.id}", _count(session, person), asdict(settings.mix))
        kinds = dict.fromkeys((mixed, *asdict(settings.mix)))
    else:
        kinds = dict.fromkeys((kind,))
    for each in kinds:
        n = _count(session, person, each)
        for source in _sources(settings, person, each, n):
            task, swapped = _repeat(session, person, n) if source == "repeat" else (
                _pick(session, person, each, source), bool(secrets.randbelow(2))
            )  # fmt: skip
            if task is not None:
                return _give(session, person, task, source, swapped=swapped and task.right is not None, block=n)
    return None


def _sources(settings: Settings, person: Person, kind: str, n: int) -> tuple[str, ...]:
    """Where the person's n-th task of a kind is looked for, first choice first."""
    if kind in ("adjudicate", "gold"):
        return (kind,)
    shares = asdict(settings.shares)
    drawn = _drawn(settings, f"{kind}/{person.id}", n, shares)
    if kind == "compare":
        return tuple(dict.fromkeys((drawn, "gain", "random", "gold")))
    return tuple(dict.fromkeys(("gold" if drawn == "gold" else _EVEN, _EVEN, "gold")))


@cache
def _secret(settings: Settings) -> str:
    return settings.secret().hex()


def _drawn(settings: Settings, who: str, n: int, shares: Mapping[str, float]) -> str:
    """The n-th draw of somebody's row: in every block of twenty, shares are kept and the order is a secret."""
    whole = {name: int(share * _BLOCK + 1e-9) for name, share in shares.items()}
    rest = sorted(shares, key=lambda name: whole[name] - shares[name] * _BLOCK)
    for name in rest[: _BLOCK - sum(whole.values())]:
        whole[name] += 1
    block = [name for name, count in whole.items() for _ in range(count)]
    random.Random(f"{_secret(settings)}/{who}/{n // _BLOCK}").shuffle(block)
    return block[n % _BLOCK]


def _count(session: Session, person: Person, kind: str | None = None) -> int:
    return session.scalars(_counted(kind is not None), {"person": person.id, "kind": kind}).one()


@cache
def _counted(of_kind: bool) -> Select:
    asked = select(func.count()).select_from(tables.Assignment).where(tables.Assignment.person == bindparam("person"))
    if not of_kind:
        return asked
    return asked.join(tables.Task, tables.Task.id == tables.Assignment.task).where(
        tables.Task.kind == bindparam("kind")
    )


def _open() -> ColumnElement[bool]:
    return (tables.Task.wanted == 0) | (tables.Task.n_taken < tables.Task.wanted)


def _unseen() -> ColumnElement[bool]:
    """Not judged by the person, nor settled or made gold by them."""
    seen, mine, settled = aliased(tables.Assignment), aliased(tables.Assignment), aliased(tables.Task)
    by_me = (
        select(settled.of)
        .join(mine, mine.task == settled.id)
        .where(mine.person == bindparam("person"), settled.of.is_not(None))
    )
    judged = exists().where(seen.task == tables.Task.id, seen.person == bindparam("person"))
    return ~judged & tables.Task.id.not_in(by_me)


def _pick(session: Session, person: Person, kind: str, source: str) -> tables.Task | None:
    """A task from a source that the person has not seen: one that others began, else a new one."""
    if kind == "adjudicate":
        return _disputed(session, person)
    if kind == "gold":
        return _for_gold(session, person)
    shares = session.info["settings"].shares
    asked: dict[str, Any] = {"person": person.id, "kind": kind, "source": source}
    if source == "gain" and (wished := session.scalars(_wished(), asked).first()):
        return wished
    begun = session.scalars(_begun(source == "gain"), asked).first()
    if begun is not None or source == "gold":
        return begun
    asked["bound"] = shares.random / (shares.gain + shares.random) if shares.gain else 1.0
    for motion in _strata(session, kind, source):
        found = session.scalars(_fresh(source), {**asked, "motion": motion}).first()
        if found is not None:
            return found
    return None


def _ordered(asked: Select, by_gain: bool) -> Select:
    task = tables.Task
    order = (task.asked.desc(), task.gain.desc(), task.shuffle) if by_gain else (task.shuffle,)
    return asked.where(task.kind == bindparam("kind"), _open(), _unseen()).order_by(*order).limit(1)


@cache
def _wished() -> Select:
    """What somebody asked for goes before all that the room would choose itself."""
    return _ordered(select(tables.Task).where(tables.Task.asked, tables.Task.source.in_(("", "gain"))), True)


@cache
def _begun(by_gain: bool) -> Select:
    return _ordered(select(tables.Task).where(tables.Task.source == bindparam("source")), by_gain)


@cache
def _fresh(source: str) -> Select:
    """Pairs that are drawn blindly were drawn when they were made, so that what is held out owes nothing to gain."""
    task = tables.Task
    asked = _ordered(select(task).where(task.source == "", task.motion == bindparam("motion")), source == "gain")
    held_out = (task.shuffle < bindparam("bound")) & ~task.asked
    return asked.where({"random": held_out, "gain": ~held_out}.get(source, true()))


def _strata(session: Session, kind: str, source: str) -> list[str]:
    """Kinds of motion, the one with the smallest share of its tasks given away first."""
    rows = session.execute(_BY_MOTION, {"kind": kind, "source": source}).all()
    return [motion for motion, _, _ in sorted(rows, key=lambda row: (row[2] / row[1], secrets.randbelow(2**32)))]


_BY_MOTION = (
    select(tables.Task.motion, func.count(), func.sum(case((tables.Task.source == bindparam("source"), 1), else_=0)))
    .where(tables.Task.kind == bindparam("kind"))
    .group_by(tables.Task.motion)
)


def _repeat(session: Session, person: Person, n: int) -> tuple[tables.Task | None, bool]:
    """A comparison the person made long enough ago, as a task of its own with the sides the other way round."""
    task, repeated = tables.Task, aliased(tables.Task)
    before = session.execute(
        select(tables.Assignment, task)
        .join(task, task.id == tables.Assignment.task)
        .where(
            tables.Assignment.person == person.id,
            tables.Assignment.state == "done",
            tables.Assignment.block <= n - session.info["settings"].repeat_after,
            task.kind == "compare",
            task.source.in_(("gain", "random")),
            ~exists().where(repeated.unit == "repeat:" + task.id + ":" + person.id),
        )
        .order_by(task.shuffle)
        .limit(1)
    ).first()
    if before is None:
        return None, False
    held, first = before
    again = upon(session, first, "compare", f"repeat:{first.id}:{person.id}", "repeat")
    return again, not held.swapped


def _disputed(session: Session, person: Person) -> tables.Task | None:
    """A task that raters disagree on and this expert did not judge."""
    task, seen = tables.Task, aliased(tables.Assignment)
    return session.scalars(
        select(task)
        .where(
            task.kind == "adjudicate",
            _open(),
            _unseen(),
            ~exists().where(seen.task == task.of, seen.person == person.id),
        )
        .order_by(task.shuffle)
        .limit(1),
        {"person": person.id},
    ).first()


def _for_gold(session: Session, person: Person) -> tables.Task | None:
    """A task to which this expert may give the expected answer: one that nobody has begun."""
    task, settled = tables.Task, aliased(tables.Task)
    plain = session.scalars(
        select(task)
        .where(
            task.kind.in_(("compare", "deform")),
            task.source == "",
            task.expected.is_(None),
            ~exists().where(settled.unit == "gold:" + task.id),
        )
        .order_by(task.shuffle)
        .limit(1)
    ).first()
    return None if plain is None else upon(session, plain, "gold", f"gold:{plain.id}")


def _give(
    session: Session, person: Person, task: tables.Task, source: str, *, swapped: bool, block: int
) -> tables.Assignment:
    if not task.source:
        task.source = source
    given = tables.Assignment(
        id=f"a-{token()}",
        task=task.id,
        person=person.id,
        swapped=swapped,
        left_token=token(),
        right_token=token() if task.right else None,
        state="held",
        block=block,
        held_until_s=now_s() + session.info["settings"].lease_s,
        made_at_s=now_s(),
    )
    session.add(given)
    session.flush()
    taken(session, task.id, 1)
    return given


def view(session: Session, held: tables.Assignment) -> Task:
    """What the page may know of a task."""
    from animatrix_reward.room.said import said_of

    task = session.get_one(tables.Task, held.task)
    words, tags = session.execute(_PROMPT, {"prompt": task.prompt}).one()
    flashing = any(session.scalars(_FLASHING, {"left": task.left, "right": task.right}))
    about = session.get_one(tables.Task, task.of).kind if task.kind in ("adjudicate", "gold") and task.of else task.kind
    clips = [ClipView(held.left_token, "A")] + ([ClipView(held.right_token, "B")] if held.right_token else [])
    dimensions = {"compare": (OVERALL, *HUMAN), "rate": tuple(d.id for d in DIMENSIONS)}.get(about, ())
    said = said_of(session, task, held) if task.kind == "adjudicate" else ()
    return Task(held.id, task.kind, about, words, tags, tuple(clips), dimensions, flashing, said)


_PROMPT = select(tables.Prompt.text, tables.Prompt.tags).where(tables.Prompt.id == bindparam("prompt"))
_FLASHING = select(tables.Clip.flashing).where(tables.Clip.id.in_((bindparam("left"), bindparam("right"))))
