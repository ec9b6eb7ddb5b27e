"""Items as calls to long-lived Ray actors with bounded queues. Ray itself is handed in; see engine.py.

An actor works on the calls of one caller in their order. So when one dies, the oldest item it had is the suspect:
it is tried once more, alone, and given up if the actor dies again; the items behind it go to the back of the queue.
Ray starts a dead actor again, elsewhere if its node is gone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from animatrix_ingest.engine_tasks import DEATHS, MOVES, TAKE_S, Room, first_line
from animatrix_ingest.limits import LostWorker, Needs


class Holder:
    """The actor: makes the callable once, then calls it with items."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._call = make()

    def ready(self) -> None: ...

    def call(self, item: Any) -> Any:
        return self._call(item)


@dataclass
class Item:
    """An item on its way, and how often it was the oldest at an actor that died."""

    item: Any
    deaths: int = 0


@dataclass
class Seat:
    """One actor and what it has to do, oldest first. `since`: when it last began something or ended it."""

    actor: Any
    ready: Any
    calls: deque[tuple[Any, Item]] = field(default_factory=deque)
    since: float = 0.0
    begun: bool = False
    falls: int = 0

    @property
    def takes_more(self) -> bool:
        """A suspect works alone."""
        return self.begun and not any(item.deaths for _, item in self.calls)


class Pool:
    """One carrying of items to `n` actors."""

    def __init__(
        self,
        ray: Any,
        make: Callable[[], Callable[[Any], Any]],
        items: Iterable[Any],
        n: int,
        needs: Needs,
        in_flight: int,
        room: Room,
    ) -> None:
        self._ray, self._needs, self._in_flight, self._room = ray, needs, in_flight, room
        self._items, self._again, self._more = iter(items), deque[Item](), True
        remote = ray.remote(num_cpus=needs.cpus, num_gpus=needs.gpus, memory=needs.memory_mib << 20, max_restarts=-1)
        actors = [remote(Holder).remote(make) for _ in range(n)]
        self._seats = [Seat(actor, actor.ready.remote()) for actor in actors]

    def __iter__(self) -> Iterator[tuple[Any, Any | LostWorker]]:
        try:
            while self._fill() or any(seat.calls for seat in self._seats):
                heads = {seat.calls[0][0]: seat for seat in self._seats if seat.calls}
                starting = {seat.ready: seat for seat in self._seats if not seat.begun}
                done, _ = self._ray.wait([*heads, *starting], timeout=TAKE_S)
                if not done:
                    self._room.look(any(seat.begun for seat in self._seats))
                for reference in done:
                    if reference in starting:
                        self._begin(starting[reference])
                    else:
                        yield from self._end(heads[reference])
                self._wake()
        finally:
            for seat in self._seats:
                self._ray.kill(seat.actor)

    def _fill(self) -> bool:
        """Give items to the actors that have least to do; False where none is left to give."""
        while seats := [s for s in self._seats if s.takes_more and len(s.calls) < self._in_flight]:
            seat = min(seats, key=lambda s: len(s.calls))
            if self._again and not (self._again[0].deaths and seat.calls):
                item = self._again.popleft()
            elif self._again or (item := self._next()) is None:
                break
            if not seat.calls:
                seat.since = time.monotonic()
            seat.calls.append((seat.actor.call.remote(item.item), item))
        return self._more or bool(self._again)

    def _next(self) -> Item | None:
        for item in self._items:
            return Item(item)
        self._more = False
        return None

    def _begin(self, seat: Seat) -> None:
        """An actor is there, or `make` failed in it, which ends everything in its own words."""
        errors = self._ray.exceptions
        try:
            self._ray.get(seat.ready)
            seat.begun = True
        except errors.ActorUnavailableError:
            seat.ready = seat.actor.ready.remote()
        except errors.ActorDiedError as error:
            raise getattr(error, "cause", None) or RuntimeError(f"an actor could not begin: {error}") from error

    def _end(self, seat: Seat) -> Iterator[tuple[Any, Any | LostWorker]]:
        reference, item = seat.calls[0]
        errors = self._ray.exceptions
        try:
            result = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from error
        except errors.RayActorError as error:
            yield from self._fall(seat, first_line(error))
            return
        seat.calls.popleft()
        seat.since, seat.falls = time.monotonic(), 0
        yield item.item, result

    def _fall(self, seat: Seat, words: str) -> Iterator[tuple[Any, LostWorker]]:
        """An actor died: its oldest item is the suspect, the others have done nothing."""
        fallen, seat.calls = seat.calls, deque()
        seat.falls += 1
        if seat.falls >= MOVES:
            raise RuntimeError(f"an actor died {MOVES} times without finishing anything: {words}")
        seat.begun, seat.ready = False, seat.actor.ready.remote()
        suspect = fallen[0][1]
        suspect.deaths += 1
        if suspect.deaths >= DEATHS:
            yield suspect.item, LostWorker(f"worker died twice: {words}")
        else:
            self._again.append(suspect)
        self._again.extend(item for _, item in list(fallen)[1:])

    def _wake(self) -> None:
        """Kill actors that have been at one item for too long; Ray starts them again."""
        if self._needs.stall_s is None:
            return
        for seat in self._seats:
            if seat.calls and time.monotonic() - seat.since > self._needs.stall_s:
                seat.since = time.monotonic()
                self._ray.kill(seat.actor, no_restart=False)
