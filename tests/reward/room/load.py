"""Fifty people at once over real HTTP, against a real server that is killed and started again.

    python -m tests.reward.room.load --people 50 --votes 12 --kills 2 [--database-url postgresql://...]

Every person keeps what was not answered and sends it again, as the page does. Then the books are held against what was
sent. Beside it stands a bare uvicorn that says hello to the same fifty, so that a loaded machine can be told.

The crowd speaks HTTP over plain sockets: fifty clients of httpx in one process cost more than the server they ask,
and what was measured was their queue.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
from animatrix_reward.room import tables
from animatrix_reward.room.people import CSRF_HEADER
from animatrix_reward.room.settings import Limits, Settings
from animatrix_reward.room.store import Store, events
from sqlalchemy import select

from tests.reward.room.postgres import free_port, wait_for
from tests.reward.room.rooms import answer, enter, fill

Result = TypeVar("Result")

PAGES = ("/compare", "/", "/progress")
_BARE = (
    "import sys, uvicorn\n"
    "async def app(scope, receive, send):\n"
    "    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', b'5')]})\n"
    "    await send({'type': 'http.response.body', 'body': b'hello'})\n"
    "uvicorn.run(app, port=int(sys.argv[1]), log_level='warning', lifespan='off')\n"
)
ROOM = (
    "import json, sys, uvicorn\n"
    "from pathlib import Path\n"
    "from animatrix_reward.room.app import create_app\n"
    "from animatrix_reward.room.settings import Limits, Settings\n"
    "told = json.loads(sys.argv[2])\n"
    "many = 10**6\n"
    "limits = Limits(many, many, many, many, enter_per_minute=many)\n"
    "settings = Settings(Path(told['folder']), told['url'], limits=limits)\n"
    "uvicorn.run(create_app(settings), port=int(sys.argv[1]), log_level='warning', server_header=False)\n"
)


@dataclass
class Seen:
    """What happened: votes that were sent, and how long pages, tasks and votes took (seconds)."""

    sent: dict[str, dict] = field(default_factory=dict)
    accepted: Counter = field(default_factory=Counter)
    took_s: dict[str, list[float]] = field(default_factory=dict)
    n_resent: int = 0
    refused: list[str] = field(default_factory=list)


class Server:
    """A server process that can be killed and started again at the same port."""

    def __init__(self, code: str, folder: Path, told: dict | None = None) -> None:
        self.port, self.code, self.folder, self.told = free_port(), code, folder, told
        self.cpu_s = 0.0  # of all its lives, their starts left out
        self.start()

    def start(self) -> None:
        arguments = [sys.executable, "-c", self.code, str(self.port), json.dumps(self.told)]
        log = self.folder / f"server-{self.port}.log"
        self.process = subprocess.Popen(arguments, stdout=log.open("a"), stderr=subprocess.STDOUT)
        wait_for(self.port, self.process, log, 60)
        self._started_with_s = self._cpu_now_s()

    def _cpu_now_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """As the kernel would: no farewell, nothing flushed."""
        self.cpu_s += self._cpu_now_s() - self._started_with_s
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Person:
    """One browser: a connection, a cookie and a forgery token."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.port = port
        self.head = "".join(f"{name}: {value}\r\n" for name, value in {"host": "127.0.0.1", **headers}.items())
        self._wires: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Status and body of one answer. Raises OSError or EOFError where the server is away or goes."""
        data = b"" if body is None else json.dumps(body).encode()
        try:
            if self._wires is None:
                self._wires = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self._wires
            length = f"content-type: application/json\r\ncontent-length: {len(data)}\r\n" if data else ""
            writer.write(f"{method} {path} HTTP/1.1\r\n{self.head}{length}\r\n".encode() + data)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            status = int(head[9:12])
            if status == 204:
                return status, b""
            return status, await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
        except (OSError, EOFError):
            self.leave()
            raise

    def leave(self) -> None:
        """Hang up."""
        if self._wires is not None:
            self._wires[1].close()
            self._wires = None

    async def vote(self, n_votes: int, think_s: float, seen: Seen, who: int) -> None:
        """Ask for tasks, look at pages, vote, and send again what was not answered."""
        unanswered: list[dict] = []
        rng = np.random.default_rng(who)
        for number in range(n_votes):
            await asyncio.sleep(think_s * rng.exponential())
            await self.patient("GET", PAGES[number % len(PAGES)], seen, "page")
            task = await self.patient("GET", "/api/tasks/next?kind=compare", seen, "task")
            if not task:
                break
            vote = answer(json.loads(task), str(rng.choice(["left", "right", "equal_good", "equal_bad"])))
            unanswered.append(vote)
            seen.sent[vote["id"]] = vote
            while unanswered:
                told = json.loads(await self.patient("POST", "/api/events", seen, "vote", {"events": unanswered}))
                for event_id in (*told["accepted"], *told["known"]):
                    seen.accepted[event_id] += 1
                seen.refused += [row["reason"] for row in told["refused"]]
                done = {*told["accepted"], *told["known"], *(row["id"] for row in told["refused"])}
                unanswered = [event for event in unanswered if event["id"] not in done]

    async def patient(self, method: str, path: str, seen: Seen, what: str, body: object = None) -> bytes:
        """One request, again and again until there is an answer; the time of the answered one counts."""
        while True:
            started = time.perf_counter()
            try:
                status, got = await asyncio.wait_for(self.ask(method, path, body), 20)
            except (OSError, EOFError, TimeoutError):
                self.leave()
                seen.n_resent += 1
                await asyncio.sleep(0.2)
                continue
            assert status in (200, 204), f"{path}: {status} {got[:200]!r}"
            seen.took_s.setdefault(what, []).append(time.perf_counter() - started)
            return got


async def crowd(server: Server, store: Store, people: int, votes: int, kills: int, think_s: float) -> Seen:
    """All people at once, while the server is killed `kills` times."""
    seen, everybody = Seen(), []
    for number in range(people):
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as entering:
            enter(entering, store, name=f"r{number}")
            cookie = "; ".join(f"{name}={value}" for name, value in entering.cookies.items())
            csrf = entering.headers[CSRF_HEADER]
        everybody.append(Person(server.port, {"cookie": cookie, CSRF_HEADER: csrf}))
    tasks = [asyncio.create_task(each.vote(votes, think_s, seen, n)) for n, each in enumerate(everybody)]

    async def reaper() -> None:
        for number in range(kills):
            while len(seen.accepted) < (number + 1) * people * votes / (kills + 1):
                await asyncio.sleep(0.01)
            server.kill()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.start)

    await asyncio.gather(*tasks, reaper())
    for each in everybody:
        each.leave()
    return seen


async def bare(people: int, asks: int, think_s: float, folder: Path) -> list[float]:
    """Seconds that a server which does nothing takes for the same crowd."""
    server, seen = Server(_BARE, folder), Seen()

    async def one(rng: np.random.Generator) -> None:
        somebody = Person(server.port, {})
        for _ in range(asks):
            await asyncio.sleep(think_s * rng.exponential())
            await somebody.patient("GET", "/", seen, "page")
        somebody.leave()

    await asyncio.gather(*(one(np.random.default_rng(n)) for n in range(people)))
    server.kill()
    return seen.took_s["page"]


@dataclass(frozen=True)
class Found:
    """What the books say after the crowd has left."""

    n_sent: int
    n_kept: int
    n_lost: int
    n_doubled: int
    n_resent: int
    n_refused: int
    most_raters: int
    n_pairs_seen_twice: int
    p95_ms: dict[str, float]
    bare_p95_ms: float
    cpu_ms_a_request: float
    load_before: float


def apart(work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives, in a thread with a loop of its own: the browser's tests leave one running in this one."""
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(asyncio.run, work).result()


def run(people: int = 50, votes: int = 12, kills: int = 2, think_s: float = 1.0, database_url: str = "") -> Found:
    """The whole story in a temporary folder."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(folder / "room", database_url, limits=Limits(enter_per_minute=1e6))
        store = Store(settings)
        # Raters times pairs must be enough for every vote.
        fill(store, max(2, -(-people * votes // 6)))
        hello_s = apart(bare(people, votes, think_s / 3, folder))  # as many requests a second: three make a vote
        server = Server(ROOM, folder, {"folder": str(settings.folder), "url": database_url})
        try:
            seen = apart(crowd(server, store, people, votes, kills, think_s))
        finally:
            server.kill()
        found = books(store, seen)
        store.close()
    p95 = {what: float(np.quantile(took, 0.95) * 1000) for what, took in seen.took_s.items()}
    return replace(
        found,
        p95_ms=p95,
        bare_p95_ms=float(np.quantile(hello_s, 0.95) * 1000),
        cpu_ms_a_request=1000 * server.cpu_s / sum(map(len, seen.took_s.values())),
        load_before=load_before,
    )


def books(store: Store, seen: Seen) -> Found:
    """What was sent against what is kept."""
    with store.read() as session:
        kept = Counter(event.id for event in events(session))
        rows = session.execute(
            select(
                tables.Assignment.person, tables.Task.unit, tables.Task.id, tables.Task.source, tables.Task.wanted
            ).join(tables.Task, tables.Task.id == tables.Assignment.task)
        ).all()
    raters = Counter(row.id for row in rows if row.wanted)
    pairs = Counter((row.person, row.unit) for row in rows)
    return Found(
        n_sent=len(seen.sent),
        n_kept=sum(kept.values()),
        n_lost=len(set(seen.sent) - set(kept)) + len(set(seen.accepted) - set(kept)),
        n_doubled=sum(kept.values()) - len(kept) + len(set(kept) - set(seen.sent)),
        n_resent=seen.n_resent,
        n_refused=len(seen.refused),
        most_raters=max(raters.values()),
        n_pairs_seen_twice=sum(count > 1 for count in pairs.values()),
        p95_ms={},
        bare_p95_ms=0.0,
        cpu_ms_a_request=0.0,
        load_before=0.0,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--votes", type=int, default=12)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--think-s", type=float, default=1.0)
    parser.add_argument("--database-url", default="")
    print(run(**vars(parser.parse_args())))
