"""Who gets which task: information gain, blind draws, gold and planned repeats, three raters each, strata of motion.

Everything here runs inside one write transaction (`Store.write`), so two requests at once never give a task to more
people than it wants. A task in somebody's hands is a lease: when it runs out another may have it, and what its holder
still sends is kept all the same.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from animatrix_reward.dimensions import DIMENSIONS, HUMAN, OVERALL
from animatrix_reward.room import tables
from animatrix_reward.room.people import Person
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, now_s, token

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


def make_tasks(session: Session, clips: Iterable[tables.Clip]) -> int:
    """Tasks for new clips: every pair within a prompt, and one of each kind about a clip. Returns how many."""
    settings: Settings = session.info["settings"]
    made: list[tables.Task] = []
    for prompt in sorted({clip.prompt for clip in clips}):
        beside = list(session.scalars(select(tables.Clip).where(tables.Clip.prompt == prompt).order_by(tables.Clip.id)))
        units: dict[str, tuple[str, tables.Clip, tables.Clip | None, int]] = {
            f"compare:{a.id}|{b.id}": ("compare", a, b, settings.raters) for a, b in combinations(beside, 2)
        }
        for clip in beside:
            for kind, wanted in (
                ("rate", settings.raters),
                ("deform", settings.raters),
                ("correct", settings.correctors),
            ):
                units[f"{kind}:{clip.id}"] = (kind, clip, None, wanted)
        there = set(session.scalars(select(tables.Task.unit).where(tables.Task.prompt == prompt)))
        for unit, (kind, left, right, wanted) in units.items():
            if unit not in there:
                made.append(_task(unit, kind, left, right, wanted))
    session.add_all(made)
    session.flush()
    return len(made)


def _task(unit: str, kind: str, left: tables.Clip, right: tables.Clip | None, wanted: int) -> tables.Task:
    return tables.Task(
        id=f"t-{token()}",
        unit=unit,
        kind=kind,
        prompt=left.prompt,
        left=left.id,
        right=right.id if right else None,
        of=None,
        source="",
        motion=left.motion,
        wanted=wanted,
        n_taken=0,
        gain=1.0,
        shuffle=secrets.randbelow(2**53) / 2**53,
        asked=False,
        expected=None,
    )


def next_task(session: Session, person: Person, kind: str | None = None) -> Task | None:
    """The task in the person's hands, or a new one, or None where there is nothing left for them.

    Raises RoomError for a kind that is none, and for one the person has no role for.
    """
    if kind is not None and kind not in KINDS:
        raise RoomError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
    if kind in _NEEDS and not person.may(_NEEDS[kind]):
        raise RoomError(f"kind: {kind} is for an {_NEEDS[kind]}; ask an administrator for the role")
    release(session)
    held = _in_hand(session, person, kind)
    if held is None:
        held = _new(session, person, kind)
    return None if held is None else view(session, held)


def release(session: Session) -> None:
    """Take back what was held too long."""
    late = list(
        session.scalars(
            select(tables.Assignment).where(tables.Assignment.state == "held", tables.Assignment.held_until_s < now_s())
        )
    )
    for held in late:
        held.state = "expired"
        _taken(session, held.task, -1)
    session.flush()


def _taken(session: Session, task_id: str, by: int) -> None:
    session.execute(update(tables.Task).where(tables.Task.id == task_id).values(n_taken=tables.Task.n_taken + by))


def _in_hand(session: Session, person: Person, kind: str | None) -> tables.Assignment | None:
    """What the person holds, or held too long and may have again: they know it already."""
    task = tables.Task
    asked = (
        select(tables.Assignment)
        .join(task, task.id == tables.Assignment.task)
        .where(
            tables.Assignment.person == person.id,
            or_(
                tables.Assignment.state == "held",
                (tables.Assignment.state == "expired") & _open(),
            ),
        )
        .order_by(tables.Assignment.state.desc(), tables.Assignment.made_at_s)
        .limit(1)
    )
    if kind is not None:
        asked = asked.where(task.kind == kind)
    held = session.scalars(asked).first()
    if held is not None:
        if held.state == "expired":
            held.state = "held"
            _taken(session, held.task, 1)
        held.held_until_s = now_s() + session.info["settings"].lease_s
        session.flush()
    return held


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


def _drawn(settings: Settings, who: str, n: int, shares: Mapping[str, float]) -> str:
    """The n-th draw of somebody's row: in every block of twenty, shares are kept and the order is a secret."""
    whole = {name: int(share * _BLOCK + 1e-9) for name, share in shares.items()}
    rest = sorted(shares, key=lambda name: whole[name] - shares[name] * _BLOCK)
    for name in rest[: _BLOCK - sum(whole.values())]:
        whole[name] += 1
    block = [name for name, count in whole.items() for _ in range(count)]
    random.Random(f"{settings.secret().hex()}/{who}/{n // _BLOCK}").shuffle(block)
    return block[n % _BLOCK]


def _count(session: Session, person: Person, kind: str | None = None) -> int:
    asked = select(func.count()).select_from(tables.Assignment).where(tables.Assignment.person == person.id)
    if kind is not None:
        asked = asked.join(tables.Task, tables.Task.id == tables.Assignment.task).where(tables.Task.kind == kind)
    return session.scalars(asked).one()


def _open() -> ColumnElement[bool]:
    return (tables.Task.wanted == 0) | (tables.Task.n_taken < tables.Task.wanted)


def _unseen(person: Person) -> ColumnElement[bool]:
    """Not judged by the person, nor settled or made gold by them."""
    seen, given = aliased(tables.Assignment), aliased(tables.Task)
    same = or_(given.id == tables.Task.id, given.of == tables.Task.id)
    return ~exists().where(seen.person == person.id, seen.task == given.id, same)


def _pick(session: Session, person: Person, kind: str, source: str) -> tables.Task | None:
    """A task from a source that the person has not seen: one that others began, else a new one."""
    task = tables.Task
    if kind == "adjudicate":
        return _disputed(session, person)
    if kind == "gold":
        return _for_gold(session, person)
    base = select(task).where(task.kind == kind, _open(), _unseen(person)).limit(1)
    order = (task.asked.desc(), task.gain.desc(), task.shuffle) if source == "gain" else (task.shuffle,)
    begun = session.scalars(base.where(task.source == source).order_by(*order)).first()
    if begun is not None or source == "gold":
        return begun
    for motion in _strata(session, kind, source):
        fresh = base.where(task.source == "", task.motion == motion).order_by(*order)
        found = session.scalars(_reserved(session, fresh, source)).first()
        if found is not None:
            return found
    return None


def _reserved(session: Session, asked: Select, source: str) -> Select:
    """Pairs that are drawn blindly were drawn when they were made, so that what is held out owes nothing to gain."""
    shares = session.info["settings"].shares
    if source not in ("gain", "random") or not shares.gain:
        return asked
    bound = shares.random / (shares.gain + shares.random)
    held_out = tables.Task.shuffle < bound
    return asked.where(held_out & ~tables.Task.asked if source == "random" else ~held_out | tables.Task.asked)


def _strata(session: Session, kind: str, source: str) -> list[str]:
    """Kinds of motion, the one with the smallest share of its tasks given away first."""
    task = tables.Task
    of_source = func.sum(case((task.source == source, 1), else_=0))
    rows = session.execute(
        select(task.motion, func.count(), of_source).where(task.kind == kind).group_by(task.motion)
    ).all()
    return [motion for motion, _, _ in sorted(rows, key=lambda row: (row[2] / row[1], secrets.randbelow(2**32)))]


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
    again = tables.Task(
        id=f"t-{token()}",
        unit=f"repeat:{first.id}:{person.id}",
        kind="compare",
        prompt=first.prompt,
        left=first.left,
        right=first.right,
        of=first.id,
        source="repeat",
        motion=first.motion,
        wanted=1,
        n_taken=0,
        gain=0.0,
        shuffle=first.shuffle,
        asked=False,
        expected=None,
    )
    session.add(again)
    session.flush()
    return again, not held.swapped


def _disputed(session: Session, person: Person) -> tables.Task | None:
    """A task that raters disagree on and this expert did not judge."""
    task, seen = tables.Task, aliased(tables.Assignment)
    return session.scalars(
        select(task)
        .where(
            task.kind == "adjudicate",
            _open(),
            _unseen(person),
            ~exists().where(seen.task == task.of, seen.person == person.id),
        )
        .order_by(task.shuffle)
        .limit(1)
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
    return None if plain is None else settlement(session, plain, "gold")


def settlement(session: Session, of: tables.Task, kind: str) -> tables.Task:
    """A task for one expert about another task: `adjudicate` or `gold`."""
    made = tables.Task(
        id=f"t-{token()}",
        unit=f"{kind}:{of.id}",
        kind=kind,
        prompt=of.prompt,
        left=of.left,
        right=of.right,
        of=of.id,
        source="",
        motion=of.motion,
        wanted=1,
        n_taken=0,
        gain=0.0,
        shuffle=of.shuffle,
        asked=False,
        expected=None,
    )
    session.add(made)
    session.flush()
    return made


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
    _taken(session, task.id, 1)
    return given


def view(session: Session, held: tables.Assignment) -> Task:
    """What the page may know of a task."""
    from animatrix_reward.room.said import said_of

    task = session.get_one(tables.Task, held.task)
    prompt = session.get_one(tables.Prompt, task.prompt)
    ids = [clip for clip in (task.left, task.right) if clip]
    flashing = any(session.scalars(select(tables.Clip.flashing).where(tables.Clip.id.in_(ids))))
    about = session.get_one(tables.Task, task.of).kind if task.kind in ("adjudicate", "gold") and task.of else task.kind
    clips = [ClipView(held.left_token, "A")] + ([ClipView(held.right_token, "B")] if held.right_token else [])
    dimensions = {"compare": (OVERALL, *HUMAN), "rate": tuple(d.id for d in DIMENSIONS)}.get(about, ())
    said = said_of(session, task, held) if task.kind == "adjudicate" else ()
    return Task(held.id, task.kind, about, prompt.text, prompt.tags, tuple(clips), dimensions, flashing, said)
