"""PostgreSQL through pg8000, which is pure Python, without what it does again for every statement.

Each statement is prepared once a connection: one journey instead of three, and no planning anew. Its placeholders,
which pg8000 looks for letter by letter, are rewritten once. It overrides what pg8000 keeps to itself, hence `<1.32`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pg8000.dbapi
from pg8000.converters import make_params
from sqlalchemy import Engine, event

MOST = 300
"""Statements kept a connection; the room asks about fifty. What comes in many forms is asked plainly after that."""


class Connection(pg8000.dbapi.Connection):
    """A connection that asks what it asked before by name."""

    def __init__(self, *args: Any, **named: Any) -> None:
        self._named: dict[tuple, tuple] = {}
        super().__init__(*args, **named)

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute_unnamed(self, statement: str, vals: Any = (), oids: Any = (), stream: Any = None) -> Any:
        key = (statement, *oids)
        if key not in self._named:
            if stream is not None or len(self._named) >= MOST:
                return super().execute_unnamed(statement, vals, oids, stream)
            self._named[key] = self.prepare_statement(statement, oids)
        name, columns, readers = self._named[key]
        return self.execute_named(name, make_params(self.py_types, vals), columns, readers, statement)


class Cursor(pg8000.dbapi.Cursor):
    """A cursor that remembers statements as PostgreSQL reads them."""

    def execute(self, operation: str, args: Any = (), stream: Any = None) -> None:
        asked = self._c
        if not args or stream is not None or asked is None:
            return super().execute(operation, args, stream)
        if not asked._in_transaction and not asked.autocommit:
            asked.execute_simple("begin transaction")
        self._context = asked.execute_unnamed(_dollars(operation), args, self._input_oids)
        self._row_iter = None if self._context.rows is None else iter(self._context.rows)
        self._input_oids = ()


@lru_cache(MOST)
def _dollars(operation: str) -> str:
    return pg8000.dbapi.convert_paramstyle("format", operation, ())[0]


def use(engine: Engine) -> None:
    """Let an engine open such connections."""

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect, _record, arguments, named):
        return Connection(*arguments, **named)
