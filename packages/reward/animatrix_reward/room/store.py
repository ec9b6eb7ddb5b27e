"""The database: opened, migrated, written to one at a time, and asked for clips, tasks and events.

Nothing that was answered is lost: a commit is on the disk before it returns (SQLite: write-ahead log with full
synchronisation), and everything that decides who gets what runs in one write transaction after another.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, bindparam, create_engine, event, inspect, select, text
from sqlalchemy.orm import Session, sessionmaker

from animatrix_reward.events import Event
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.tables import Assignment, Clip, Imported, Said, Table, Task

if TYPE_CHECKING:
    from animatrix_reward.room.people import Person

HEAD = "0002"
"""The revision of `migrations/versions` that the tables here are."""
_PG_LOCK = 7_310_906
"""The key of the advisory lock under which PostgreSQL's writers queue."""


class RoomError(ValueError):
    """The room cannot do what was asked; the message names value, place and remedy."""


class Store:
    """A database with its settings. `read()` and `write()` give sessions; `write` commits, or keeps nothing."""

    def __init__(self, settings: Settings, *, migrate: bool = True) -> None:
        self.settings = settings
        settings.folder.mkdir(parents=True, exist_ok=True)
        self.engine = _engine(settings)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        # Who only looks needs no transaction: over PostgreSQL each costs two more journeys there and back.
        self._lookers = sessionmaker(self.engine.execution_options(isolation_level="AUTOCOMMIT"))
        self._writing = threading.Lock()
        if migrate and revision(self.engine) != HEAD:
            upgrade(self.engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that looks and changes nothing."""
        with self._lookers() as session:
            session.info["settings"] = self.settings
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that no other writer runs beside, here or in another process; on the disk when it ends.

        Threads queue at a lock of this process: SQLite's own waiting sleeps in growing steps, and votes would crawl.
        """
        with self._writing, self._sessions() as session, session.begin():
            session.info["settings"] = self.settings
            if self.engine.dialect.name == "sqlite":
                session.execute(text("BEGIN IMMEDIATE"))
            else:
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PG_LOCK})
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _engine(settings: Settings) -> Engine:
    if not settings.url.startswith("sqlite"):
        return create_engine(settings.url, pool_size=10, max_overflow=40)
    engine = create_engine(
        settings.url, connect_args={"check_same_thread": False, "timeout": 30}, pool_size=10, max_overflow=40
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection, _record) -> None:
        connection.isolation_level = None  # BEGIN is ours to say: IMMEDIATE where we write
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def revision(engine: Engine) -> str:
    """The revision of a database's tables, "" where there are none. Most starts need no Alembic, which loads slowly."""
    if not inspect(engine).has_table("alembic_version"):
        return ""
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to a revision (Alembic); a database of a newer room is refused by Alembic."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:  # a table is altered by copying it; what points at it must not be followed meanwhile
            connection.execute(text("PRAGMA foreign_keys=OFF"))
            connection.commit()
        with connection.begin():  # two servers that start at once migrate one after the other
            connection.execute(text("BEGIN IMMEDIATE" if sqlite else f"SELECT pg_advisory_xact_lock({_PG_LOCK})"))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        if sqlite:
            connection.execute(text("PRAGMA foreign_keys=ON"))
            connection.commit()


def token() -> str:
    """Random, 128 bits: nothing can be told from it."""
    return secrets.token_urlsafe(16).replace("-", "x").replace("_", "y")


def now_s() -> float:
    """Seconds since 1970."""
    return time.time()


def iso(seconds: float) -> str:
    """A moment as events write it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def clip_of_token(session: Session, clip_token: str, person: Person) -> Clip | None:
    """The clip behind a token that this person was given, or None: other people's tokens say nothing."""
    found = session.scalars(
        select(Assignment).where(
            (Assignment.left_token == clip_token) | (Assignment.right_token == clip_token),
            Assignment.person == person.id,
        )
    ).first()
    if found is None:
        return None
    task = session.get_one(Task, found.task)
    first = (found.left_token == clip_token) != found.swapped
    return session.get(Clip, task.left if first or task.right is None else task.right)


def append(session: Session, said: Event) -> bool:
    """Keep an event; False if it is kept already. Raises RoomError where its id was used for something else."""
    known = session.scalars(_BY_ID, {"id": said.id}).first()
    if known is not None:
        if as_event(known) != said:
            raise RoomError(f"event {said.id}: this id was used for another event; send it under a new id")
        return False
    session.add(Said(**asdict(said), kept_at_s=now_s()))
    session.flush()
    return True


_BY_ID = select(Said).where(Said.id == bindparam("id"))


def as_event(row: Said) -> Event:
    """A row of the table as the event it is."""
    return Event(row.id, row.rater, row.task, row.kind, row.made_at, row.body, row.taxonomy_hash)


def events(session: Session, *, kinds: Sequence[str] = ()) -> list[Event]:
    """Events in the order in which they were kept, of these kinds (and undo) if said."""
    asked = select(*(getattr(Said, name) for name in Event.__dataclass_fields__)).order_by(Said.seq)
    if kinds:
        asked = asked.where(Said.kind.in_([*kinds, "undo"]))
    return [Event(*row) for row in session.execute(asked)]


def remember_import(session: Session, name: str, sha256: str, n_events: int) -> None:
    """Note that a file came in. Raises RoomError if its content did before."""
    before = session.get(Imported, sha256)
    if before is not None:
        raise RoomError(
            f"{name}: imported already as {before.name} on {iso(before.at_s)} ({before.n_events} events); "
            "nothing to do, its events are kept"
        )
    session.add(Imported(sha256=sha256, name=name, n_events=n_events, at_s=now_s()))


def check_text(value: object, place: str) -> None:
    """Raise RoomError for text that a database cannot hold: NUL, or half of a surrogate pair."""
    text_of_it = json.dumps(value, ensure_ascii=False)
    try:
        text_of_it.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RoomError(f"{place}: holds half of a surrogate pair; send whole characters") from error
    if "\\u0000" in text_of_it:
        raise RoomError(f"{place}: holds a NUL character; leave it out")


def metadata():
    """The tables as the code knows them, for migrations to be held against."""
    return Table.metadata
