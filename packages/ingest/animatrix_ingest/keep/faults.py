"""Points where a write can be made to fail on purpose: before and after every step that others may see.

A point does nothing unless the environment variable ANIMATRIX_FAULT asks for it. It holds one or more orders,
separated by commas, each KIND@VALUE or KIND@VALUE:NAME, where NAME limits it to points whose name begins so:

    kill@7            the process dies by SIGKILL at its 7th point
    enospc@3:shard    the 3rd point of shards raises "no space left on device"; eio likewise, "input/output error"
    busy@2            the 2nd point raises Busy, which a store treats as a 503 of its server
    slow@0.02         every point takes 0.02 s longer
    count@FILE        every point's name is appended to FILE, one a line
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

VARIABLE = "ANIMATRIX_FAULT"


class Busy(OSError):
    """A server that is asked too often, on purpose."""


@dataclass(frozen=True)
class Order:
    """One thing that is to happen: `kind` with `value`, at points whose name begins with `prefix`."""

    kind: str
    value: str
    prefix: str


_seen: dict[Order, Iterator[int]] = {}
_late: set[Order] = set()
_asked = [""]
_silenced: list[bool] = []
_heard: list[list[str]] = []


def point(name: str, io: bool = True) -> None:
    """Pass a point. Called right before and right after each step of a write.

    Where nothing is read or written (`io` false: between the steps of a store), no disk and no server can fail: an
    order to fail there is carried out at the next point of a store.
    """
    if _silenced:
        return
    for names in _heard:
        names.append(name)
    text = os.environ.get(VARIABLE, "")
    if text != _asked[0]:  # other orders: counting begins again
        _asked[0] = text
        _seen.clear()
        _late.clear()
    due = [order for order in orders(text) if name.startswith(order.prefix)]
    numbers = [next(_seen.setdefault(order, itertools.count(1))) for order in due]  # one thread's own, without a lock
    for order, number in zip(due, numbers, strict=True):
        _obey(order, number, name, io)


def orders(text: str) -> list[Order]:
    """What ANIMATRIX_FAULT says; ValueError names an order that is none."""
    found = []
    for part in filter(None, text.split(",")):
        kind, at, rest = part.partition("@")
        value, _, prefix = (rest, "", "") if kind == "count" else rest.partition(":")
        if not at or kind not in ("kill", "enospc", "eio", "busy", "slow", "count"):
            raise ValueError(f"{VARIABLE}: {part!r} is not one of kill@N, enospc@N, eio@N, busy@N, slow@S, count@FILE")
        found.append(Order(kind, value, prefix))
    return found


@contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the points this process passes meanwhile; their number is len() of the list."""
    names: list[str] = []
    _heard.append(names)
    try:
        yield names
    finally:
        _heard[:] = [other for other in _heard if other is not names]


@contextmanager
def silence() -> Iterator[None]:
    """No points in this process meanwhile: racing writers pass other ones each time, and what is numbered must not."""
    _silenced.append(True)
    try:
        yield
    finally:
        _silenced.pop()


def _obey(order: Order, number: int, name: str, io: bool) -> None:
    if order.kind == "slow":
        time.sleep(float(order.value))
        return
    if order.kind == "count":
        with open(order.value, "ab", buffering=0) as file:
            file.write(f"{name}\n".encode())
        return
    if number != int(order.value) and order not in _late:
        return
    if order.kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if not io:
        _late.add(order)
        return
    _late.discard(order)
    if order.kind == "busy":
        raise Busy(errno.EAGAIN, f"503 on purpose at {name}")
    code = errno.ENOSPC if order.kind == "enospc" else errno.EIO
    raise OSError(code, f"{os.strerror(code)} (on purpose at {name})")
