"""Writers of one process share transactions: who comes while the disk is busy goes with the next commit.

A commit that is on the disk takes as long as the disk says, 10 ms and more; fifty votes one after the other would wait
for fifty of them. One body runs at a time, each sees what those before it wrote, and nobody is answered before the
commit that holds theirs is done. A body that fails is taken back alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

_PG_LOCK = 7_310_906
"""The key of the advisory lock under which PostgreSQL's writers queue."""


def only_writer(connection: Connection) -> None:
    """Begin a transaction beside which no other process writes."""
    sqlite = connection.dialect.name == "sqlite"
    connection.execute(text("BEGIN IMMEDIATE" if sqlite else f"SELECT pg_advisory_xact_lock({_PG_LOCK})"))


class _Group:
    """One transaction, and those who wait for its end."""

    def __init__(self, engine: Engine) -> None:
        self.connection = engine.connect()
        self._done = threading.Event()
        self._error: BaseException | None = None
        try:
            self.transaction = self.connection.begin()
            only_writer(self.connection)
        except BaseException:
            self.connection.close()
            raise

    def end(self) -> None:
        try:
            if self.transaction.is_active:
                self.transaction.commit()
        except BaseException as error:
            self._error = error
            self.connection.invalidate()  # whatever state it is in, nobody gets it again
        self.connection.close()
        self._done.set()

    def wait(self) -> None:
        """Until all that was written is on the disk. Raises what kept it from there."""
        self._done.wait()
        if self._error is not None:
            raise self._error


class Together:
    """Gives sessions that write, one after another."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._coming = 0
        self._group: _Group | None = None

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session of its own; what it wrote is on the disk when this ends."""
        with self._counting:
            self._coming += 1
        with self._turn:
            group = None
            try:
                group, first = self._joined()
                # The first may take back the whole transaction; those who follow need a place to go back to.
                mode = "rollback_only" if first else "create_savepoint"
                with Session(group.connection, expire_on_commit=False, join_transaction_mode=mode) as session:
                    try:
                        yield session
                    except BaseException:
                        session.rollback()
                        raise
                    session.commit()
            finally:
                with self._counting:
                    self._coming -= 1
                    last = self._coming == 0
                if last and self._group is not None:
                    self._group.end()
                    self._group = None
        group.wait()

    def _joined(self) -> tuple[_Group, bool]:
        """The transaction to write in, and whether nobody else has."""
        if self._group is not None and self._group.transaction.is_active:
            return self._group, False
        if self._group is not None:  # its only writer took it back
            self._group.end()
            self._group = None
        self._group = _Group(self.engine)
        return self._group, True
