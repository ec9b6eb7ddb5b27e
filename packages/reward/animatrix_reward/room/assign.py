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

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, case, exists, func, select, true
from sqlalchemy.orm import Session

from animatrix_reward.dimensions import DIMENSIONS, HUMAN, OVERALL
from animatrix_reward.room.held import Held, become, give, in_hand, is_open, taken
from animatrix_reward.room.people import Person
from animatrix_reward.room.said import said_of
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, Store, now_s
from animatrix_reward.room.tables import ASSIGNMENTS, SEATS, TASKS
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
    picture: bool
    clips: tuple[ClipView, ...]
    dimensions: tuple[str, ...]
    flashing: bool
    said: tuple[Mapping[str, Any], ...] = ()


def next_task(session: Session, person: Person, kind: str | None = None) -> Task | None:
    """The task in the person's hands, or a new one, or None where there is nothing left for them.

    Raises RoomError for a kind that is none, and for one the person has no role for.
    """
    _check_kind(person, kind)
    db, settings = session.connection(), session.info["settings"]
    held = in_hand(db, person.id, kind)
    if held is not None:
        _renew(db, held, settings.lease_s)
    else:
        release(db)
        held = _new(db, settings, person, kind)
    return None if held is None else view(db, held)


def task_for(store: Store, person: Person, kind: str | None = None) -> Task | None:
    """`next_task` in a transaction of its own; what is in the person's hands anyway is read beside the writers."""
    _check_kind(person, kind)
    with store.look() as db:
        held = in_hand(db, person.id, kind)
        if held is not None and held.state == "held" and held.held_until_s > now_s() + store.settings.lease_s / 2:
            return view(db, held)
    with store.write() as session:
        return next_task(session, person, kind)


def _check_kind(person: Person, kind: str | None) -> None:
    if kind is not None and kind not in KINDS:
        raise RoomError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
    if kind in _NEEDS and not person.may(_NEEDS[kind]):
        raise RoomError(f"kind: {kind} is for an {_NEEDS[kind]}; ask an administrator for the role")


def release(db: Connection) -> None:
    """Take back what was held too long."""
    for late in db.execute(_LATE, {"now": now_s()}).all():
        become(db, late.id, "expired")
        taken(db, late.task, -1)


_LATE = select(ASSIGNMENTS.c.id, ASSIGNMENTS.c.task).where(
    ASSIGNMENTS.c.state == "held", ASSIGNMENTS.c.held_until_s < bindparam("now")
)


def _renew(db: Connection, held: Held, lease_s: float) -> None:
    """Let who looks at a task again keep it longer; one that ran out is theirs again. A young lease stays."""
    if held.state == "expired":
        taken(db, held.task, 1)
    if held.state == "expired" or held.held_until_s < now_s() + lease_s / 2:
        become(db, held.id, "held", now_s() + lease_s)


def _new(db: Connection, settings: Settings, person: Person, kind: str | None) -> Held | None:
    if kind is None:
        mixed = _drawn(settings, f"mix/{person.id}", _count(db, person), asdict(settings.mix))
        kinds = dict.fromkeys((mixed, *asdict(settings.mix)))
    else:
        kinds = dict.fromkeys((kind,))
    for each in kinds:
        n = _count(db, person, each)
        for source in _sources(settings, person, each, n):
            task, swapped = _repeat(db, settings, person, n) if source == "repeat" else (
                _pick(db, settings, person, each, source), bool(secrets.randbelow(2))
            )  # fmt: skip
            if task is not None:
                pair, until_s = task.right is not None, now_s() + settings.lease_s
                return give(
                    db, person.id, task.id, source, pair=pair, swapped=swapped and pair, block=n, until_s=until_s
                )
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


def _count(db: Connection, person: Person, kind: str | None = None) -> int:
    return db.execute(_counted(kind is not None), {"person": person.id, "kind": kind}).scalar_one()


@cache
def _counted(of_kind: bool) -> Select:
    asked = select(func.count(ASSIGNMENTS.c.id)).where(ASSIGNMENTS.c.person == bindparam("person"))
    if not of_kind:
        return asked
    return asked.join(TASKS, TASKS.c.id == ASSIGNMENTS.c.task).where(TASKS.c.kind == bindparam("kind"))


_CHOSEN = select(TASKS.c.id, TASKS.c.right)


def _unseen() -> ColumnElement[bool]:
    """Not judged by the person, nor settled or made gold by them."""
    seen, mine = ASSIGNMENTS.alias(), ASSIGNMENTS.alias()
    settled = TASKS.alias()
    by_me = (
        select(settled.c.of)
        .join(mine, mine.c.task == settled.c.id)
        .where(mine.c.person == bindparam("person"), settled.c.of.is_not(None))
    )
    judged = exists().where(seen.c.task == TASKS.c.id, seen.c.person == bindparam("person"))
    return ~judged & TASKS.c.id.not_in(by_me)


def _theirs() -> ColumnElement[bool]:
    """Of a prompt whose raters nobody chose, or of the seats that it was given; what has a known answer is for all."""
    chosen = exists().where(SEATS.c.prompt == TASKS.c.prompt, SEATS.c.seat == bindparam("seat"))
    return (TASKS.c.wanted == 0) | ~TASKS.c.seated | chosen


def _pick(db: Connection, settings: Settings, person: Person, kind: str, source: str) -> Row[Any] | None:
    """A task from a source that the person has not seen: one that others began, else a new one."""
    asked: dict[str, Any] = {"person": person.id, "kind": kind, "source": source, "seat": person.seat}
    if kind in _NEEDS:
        return _disputed(db, asked) if kind == "adjudicate" else _for_gold(db)
    if source == "gain" and (wished := db.execute(_wished(), asked).first()):
        return wished
    begun = db.execute(_begun(source == "gain"), asked).first()
    if begun is not None or source == "gold":
        return begun
    shares = settings.shares
    asked["bound"] = shares.random / (shares.gain + shares.random) if shares.gain else 1.0
    for motion in _strata(db, kind, source):
        found = db.execute(_fresh(source), {**asked, "motion": motion}).first()
        if found is not None:
            return found
    return None


def _ordered(asked: Select, by_gain: bool) -> Select:
    order = (TASKS.c.asked.desc(), TASKS.c.gain.desc(), TASKS.c.shuffle) if by_gain else (TASKS.c.shuffle,)
    asked = asked.where(TASKS.c.kind == bindparam("kind"), is_open(), _theirs(), _unseen())
    return asked.order_by(*order).limit(1)


@cache
def _wished() -> Select:
    """What somebody asked for goes before all that the room would choose itself."""
    return _ordered(_CHOSEN.where(TASKS.c.asked, TASKS.c.source.in_(("", "gain"))), True)


@cache
def _begun(by_gain: bool) -> Select:
    return _ordered(_CHOSEN.where(TASKS.c.source == bindparam("source")), by_gain)


@cache
def _fresh(source: str) -> Select:
    """Pairs that are drawn blindly were drawn when they were made, so that what is held out owes nothing to gain."""
    asked = _ordered(_CHOSEN.where(TASKS.c.source == "", TASKS.c.motion == bindparam("motion")), source == "gain")
    held_out = (TASKS.c.shuffle < bindparam("bound")) & ~TASKS.c.asked
    return asked.where({"random": held_out, "gain": ~held_out}.get(source, true()))


def _strata(db: Connection, kind: str, source: str) -> list[str]:
    """Kinds of motion, the one with the smallest share of its tasks given away first."""
    rows = db.execute(_BY_MOTION, {"kind": kind, "source": source}).all()
    return [motion for motion, _, _ in sorted(rows, key=lambda row: (row[2] / row[1], secrets.randbelow(2**32)))]


_BY_MOTION = (
    select(TASKS.c.motion, func.count(), func.sum(case((TASKS.c.source == bindparam("source"), 1), else_=0)))
    .where(TASKS.c.kind == bindparam("kind"))
    .group_by(TASKS.c.motion)
)


def _repeat(db: Connection, settings: Settings, person: Person, n: int) -> tuple[Row[Any] | None, bool]:
    """A comparison the person made long enough ago, as a task of its own with the sides the other way round."""
    before = db.execute(_REPEATABLE, {"person": person.id, "latest": n - settings.repeat_after}).first()
    if before is None:
        return None, False
    return upon(db, before.id, "compare", f"repeat:{before.id}:{person.id}", "repeat"), not before.swapped


_REPEATED = TASKS.alias()
_REPEATABLE = (
    select(TASKS.c.id, ASSIGNMENTS.c.swapped)
    .join(ASSIGNMENTS, TASKS.c.id == ASSIGNMENTS.c.task)
    .where(
        ASSIGNMENTS.c.person == bindparam("person"),
        ASSIGNMENTS.c.state == "done",
        ASSIGNMENTS.c.block <= bindparam("latest"),
        TASKS.c.kind == "compare",
        TASKS.c.source.in_(("gain", "random")),
        ~exists().where(_REPEATED.c.unit == "repeat:" + TASKS.c.id + ":" + bindparam("person")),
    )
    .order_by(TASKS.c.shuffle)
    .limit(1)
)


def _disputed(db: Connection, asked: Mapping[str, Any]) -> Row[Any] | None:
    """A task that raters disagree on and this expert did not judge."""
    return db.execute(_disputes(), asked).first()


@cache
def _disputes() -> Select:
    seen = ASSIGNMENTS.alias()
    judged = exists().where(seen.c.task == TASKS.c.of, seen.c.person == bindparam("person"))
    asked = _CHOSEN.where(TASKS.c.kind == "adjudicate", is_open(), _unseen(), ~judged)
    return asked.order_by(TASKS.c.shuffle).limit(1)


def _for_gold(db: Connection) -> Row[Any] | None:
    """A task to which this expert may give the expected answer: one that nobody has begun."""
    plain = db.execute(_PLAIN).first()
    return None if plain is None else upon(db, plain.id, "gold", f"gold:{plain.id}")


_PLAIN = (
    _CHOSEN.where(
        TASKS.c.kind.in_(("compare", "deform")),
        TASKS.c.source == "",
        TASKS.c.expected.is_(None),
        ~exists().where(_REPEATED.c.unit == "gold:" + TASKS.c.id),
    )
    .order_by(TASKS.c.shuffle)
    .limit(1)
)


def dimensions_of(about: str) -> tuple[str, ...]:
    """What is judged in a task about this."""
    return {"compare": (OVERALL, *HUMAN), "rate": tuple(d.id for d in DIMENSIONS)}.get(about, ())


def view(db: Connection, held: Held) -> Task:
    """What the page may know of a task."""
    about = held.of_kind if held.kind in _NEEDS else held.kind
    clips = [ClipView(held.left_token, "A")] + ([ClipView(held.right_token, "B")] if held.right_token else [])
    said = said_of(db, held) if held.kind == "adjudicate" else ()
    return Task(
        id=held.id,
        kind=held.kind,
        about=about,
        prompt_text=held.text,
        prompt_tags=held.tags,
        picture=held.image is not None,
        clips=tuple(clips),
        dimensions=dimensions_of(about),
        flashing=bool(held.flashing),
        said=said,
    )
