"""The database: opened, migrated, written to one at a time, and asked for clips, tasks and events.

Nothing that was answered is lost: a commit is on the disk before it returns (SQLite: write-ahead log with full
synchronisation), and everything that decides who gets what runs in one write transaction after another.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, func, insert, inspect, select, text
from sqlalchemy.orm import Session, sessionmaker

from animatrix_reward.events import Event
from animatrix_reward.refused import Refused
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.tables import EVENTS, Imported, Table
from animatrix_reward.room.together import Together, only_writer

HEAD = "0003"
"""The revision of `migrations/versions` that the tables here are."""


class RoomError(Refused):
    """The room cannot do what was asked; the message names value, place and remedy."""


LOOKERS = 6
"""Connections for looking: more would only wait for Python's lock."""


class Store:
    """A database with its settings. `look`, `read` and `write` give connections and sessions; `write` commits, or keeps
    nothing.

    Requests that only look use `look`: a connection answers in a quarter of the time that a session takes. Who looks
    has engines and connections apart from who writes, without transactions: over PostgreSQL each would cost two more
    journeys there and back, and going from one way to the other three.
    """

    def __init__(self, settings: Settings, *, migrate: bool = True) -> None:
        self.settings = settings
        settings.folder.mkdir(parents=True, exist_ok=True)
        self.engine = _engine(settings, pool_size=1)
        pool = {"pool_size": LOOKERS, "max_overflow": 0, "pool_reset_on_return": None}
        self._looking = _engine(settings, isolation_level="AUTOCOMMIT", **pool)
        self._readers = sessionmaker(self._looking)
        self._writers = Together(self.engine)
        if migrate and revision(self.engine) != HEAD:
            upgrade(self.engine)

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A connection that looks and changes nothing."""
        with self._looking.connect() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that looks and changes nothing."""
        with self._readers() as session:
            session.info["settings"] = self.settings
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that no other writer runs beside, here or in another process; on the disk when it ends."""
        with self._writers.write() as session:
            session.info["settings"] = self.settings
            yield session

    @contextmanager
    def lookers(self) -> Iterator[list[Connection]]:
        """All connections that look, at once: PostgreSQL takes tens of milliseconds to open each."""
        with ExitStack() as opened:
            yield [opened.enter_context(self.look()) for _ in range(LOOKERS)]

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()
        self._looking.dispose()


def _engine(settings: Settings, **options: Any) -> Engine:
    if not settings.url.startswith("sqlite"):
        from animatrix_reward.room import prepared  # pg8000, which a room over SQLite does not need

        engine = create_engine(settings.url, **options)
        prepared.use(engine)
        return engine
    engine = create_engine(settings.url, connect_args={"check_same_thread": False, "timeout": 30}, **options)

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
            only_writer(connection)
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


def append(session: Session, said: Event) -> bool:
    """Keep an event; False if it is kept already. Raises RoomError where its id was used for something else."""
    db = session.connection()
    known = db.execute(_BY_ID, {"id": said.id}).first()
    if known is not None:
        if Event(*known) != said:
            raise RoomError(f"event {said.id}: this id was used for another event; send it under a new id")
        return False
    db.execute(_KEEP, {**asdict(said), "kept_at_s": now_s()})
    return True


_EVENT = tuple(getattr(EVENTS.c, name) for name in Event.__dataclass_fields__)
_BY_ID = select(*_EVENT).where(EVENTS.c.id == bindparam("id"))
_KEEP = insert(EVENTS)


def events(db: Session | Connection, *, kinds: Sequence[str] = (), tasks: Sequence[str] | None = None) -> list[Event]:
    """Events in the order in which they were kept, of these kinds (and undo) and of these tasks if said."""
    asked = select(*_EVENT).order_by(EVENTS.c.seq)
    if kinds:
        asked = asked.where(EVENTS.c.kind.in_([*kinds, "undo"]))
    if tasks is not None:
        asked = asked.where(EVENTS.c.task.in_(tasks))
    return [Event(*row) for row in db.execute(asked)]


def events_of(db: Session | Connection, task: str) -> list[Event]:
    """Events of one task, in the order in which they were kept."""
    return [Event(*row) for row in db.execute(_OF_TASK, {"task": task})]


_OF_TASK = select(*_EVENT).where(EVENTS.c.task == bindparam("task")).order_by(EVENTS.c.seq)


def last_event(db: Session | Connection) -> int:
    """The number of the newest event; 0 where there is none."""
    return db.execute(_LAST).scalar_one()


_LAST = select(func.coalesce(func.max(EVENTS.c.seq), 0))


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
