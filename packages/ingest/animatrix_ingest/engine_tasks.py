"""Items as Ray tasks: given out as the cluster has room, and judged by how they end. Ray itself is handed in.

See engine.py for what is promised.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from animatrix_ingest import counters
from animatrix_ingest.limits import LostWorker, Needs, NoCluster, gib

if TYPE_CHECKING:
    from animatrix_ingest.engine import Counts, Progress

TAKE_S = 0.25
LOOK_S = 5.0
PATIENCE_S = 60.0
DEATHS = 2
MOVES = 20


@dataclass
class Flight:
    """An item that Ray has: how often its worker or its node died, when it began, and when it was last heard of."""

    number: int
    item: Any
    deaths: int = 0
    moves: int = 0
    began: float | None = None
    heard: float | None = None


class Tasks:
    """One carrying of a task to its items. `board` is the actor where tasks post, `remote` the remote function."""

    def __init__(
        self,
        ray: Any,
        remote: Any,
        board: Any,
        task: Callable[..., Any],
        items: Sequence[Any],
        progress: Progress,
        needs: Needs,
        room: Room,
        counts: Counts,
    ) -> None:
        self._ray, self._progress, self._needs, self._room, self._counts = ray, progress, needs, room, counts
        self._waiting = [Flight(number, item) for number, item in reversed(list(enumerate(items)))]
        self._pending: dict[Any, Flight] = {}
        self._words: dict[int, str] = {}
        self._taken = 0.0
        self._remote, self._board, self._task = remote, board, ray.put(task)

    def __iter__(self) -> Iterator[tuple[Any, Any | LostWorker]]:
        try:
            while self._waiting or self._pending:
                self._submit()
                for flight, end in [*self._finished(), *self._stalled()]:
                    if isinstance(end, LostWorker):
                        self._counts.add("lost_workers", 1)
                        yield flight.item, end
                        continue
                    for name, tags, value in counters.tally(end):
                        self._counts.add(name, value, tags)
                    yield flight.item, end.result
        finally:
            for reference in self._pending:
                self._ray.cancel(reference, force=True)
            self._counts.show(in_flight=0, waiting=0)
            self._ray.kill(self._board)

    def _submit(self) -> None:
        most = self._room.in_flight()
        while self._waiting and len(self._pending) < most:
            flight = self._waiting.pop()
            every_s = max(TAKE_S, most / 1000)  # the board hears at most a few thousand posts a second
            reference = self._remote.remote(self._task, flight.item, flight.number, self._board, self._needs, every_s)
            flight.began = flight.heard = None
            self._pending[reference] = flight
        self._counts.show(in_flight=len(self._pending), waiting=len(self._waiting))

    def _finished(self) -> Iterator[tuple[Flight, counters.Worked | LostWorker]]:
        done, rest = self._ray.wait(list(self._pending), timeout=TAKE_S)
        if done and rest:
            done += self._ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        self._take()
        if not done:
            self._room.look(any(flight.began is not None for flight in self._pending.values()))
        for reference in done:
            flight = self._pending.pop(reference)
            end = self._end(reference, flight)
            if end is not None:
                yield flight, end[0]

    def _end(self, reference: Any, flight: Flight) -> tuple[counters.Worked | LostWorker] | None:
        """The result, or LostWorker; None where the item is tried again."""
        errors = self._ray.exceptions
        try:
            return (self._ray.get(reference),)
        except errors.RayTaskError as error:
            if isinstance(error.cause, MemoryError):  # what the system refused beyond the bound
                return (LostWorker(self._needs.beyond_memory),)
            raise error.cause from error  # a fault of the program or of its store; it ends the run in its own words
        except (errors.NodeDiedError, errors.LocalRayletDiedError, errors.ObjectLostError) as error:
            flight.moves += 1
            words = f"{MOVES} nodes died with it; the last: {first_line(error)}"
            lost = flight.moves >= MOVES
        except (errors.WorkerCrashedError, errors.OutOfMemoryError) as error:
            self._counts.add("worker_deaths", 1)
            flight.deaths += 1
            self._take(now=True)
            words = self._words.get(flight.number, f"worker died twice: {first_line(error)}")
            lost = flight.deaths >= DEATHS or flight.number in self._words
        if lost:
            return (LostWorker(words),)
        self._waiting.append(flight)
        return None

    def _take(self, now: bool = False) -> None:
        """Read what tasks have posted."""
        if not now and time.monotonic() - self._taken < TAKE_S:
            return
        self._taken = time.monotonic()
        flights = {flight.number: flight for flight in self._pending.values()}
        try:
            posts, words = self._ray.get(self._board.take.remote(), timeout=LOOK_S)
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.GetTimeoutError):
            for flight in flights.values():  # the board was away: nobody could be heard, so nobody is late
                flight.heard = flight.heard and time.monotonic()
            return
        self._words |= words
        for number, at in posts.items():
            if flight := flights.get(number):
                flight.began = flight.began or time.monotonic()
                if at is not None:
                    flight.heard = time.monotonic()
                    self._progress.at(getattr(flight.item, "name", ""), *at)

    def _stalled(self) -> Iterator[tuple[Flight, LostWorker]]:
        needs, now = self._needs, time.monotonic()
        if needs.stall_s is None:
            return
        for reference, flight in list(self._pending.items()):
            if flight.heard is not None:
                late, words = now - flight.heard > needs.stall_s, needs.beyond_time
            else:
                late, words = flight.began is not None and now - flight.began > needs.first_s, needs.never_heard
            if late:
                self._ray.cancel(reference, force=True)
                del self._pending[reference]
                yield flight, LostWorker(self._words.get(flight.number, words))


class Room:
    """What the cluster has for a task, read again every few seconds: nodes come and go."""

    def __init__(self, ray: Any, needs: Needs, wait_s: float) -> None:
        self._ray, self._needs, self._wait_s = ray, needs, wait_s
        self._asked = {"CPU": needs.cpus, "GPU": needs.gpus, "memory": needs.memory_mib << 20}
        self._looked, self._told = 0.0, time.monotonic()
        self._idle_since: float | None = None
        self._places = 0

    def in_flight(self) -> int:
        """How many items Ray is given at once: four for each that can run, so that an autoscaler sees a queue."""
        self._count()
        return 4 * max(1, self._places)

    def look(self, busy: bool) -> None:
        """Where nothing runs (`busy` is false) and no node could ever run it: wait, say so, give up in the end."""
        now = time.monotonic()
        self._count()
        if busy:
            self._idle_since = None
        if busy or self._places:
            if not busy and now - self._told > PATIENCE_S:
                self._told = now
                logging.getLogger(__name__).warning("waiting for a free place: %s", self._words())
            return
        self._idle_since = self._idle_since or now
        if now - self._idle_since >= self._wait_s:
            raise NoCluster(
                f"no machine for the work: {self._words()}; ask for less, or give the cluster a bigger machine"
            )
        if now - self._told > PATIENCE_S:
            self._told = now
            logging.getLogger(__name__).warning("no machine for the work yet: %s", self._words())

    def _count(self) -> None:
        now = time.monotonic()
        if now - self._looked >= LOOK_S or not self._looked:
            self._looked, self._places = now, sum(map(self._fits, self._nodes()))

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def _fits(self, has: dict[str, float]) -> int:
        return int(min((has.get(name, 0) / asked for name, asked in self._asked.items() if asked), default=1))

    def _words(self) -> str:
        nodes = self._nodes()
        most = {name: max((node.get(name, 0) for node in nodes), default=0) for name in self._asked}
        return (
            f"a task asks for {self._needs}; the cluster has {len(nodes)} nodes, at most {most['CPU']:g} CPU, "
            f"{most['GPU']:g} GPU and {gib(round(most['memory'] / (1 << 20)))} on one"
        )


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
