"""How much one person and one address may ask for: token buckets in memory, and the largest body that is read.

Pure Python and no database: a request that is refused must cost next to nothing. Buckets belong to one process.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from animatrix_reward.room.settings import Limits

_FORGET_AT = 10_000
"""Buckets kept; when there are more, full ones are forgotten, which changes nothing."""


@dataclass
class _Bucket:
    level: float
    at_s: float


class Buckets:
    """Token buckets of one size and rate, by name."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_s, self.burst, self._clock = per_s, burst, clock
        self._by_name: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def wait_s(self, name: str) -> float:
        """0 if one more is allowed (it is counted then), else the seconds until it will be."""
        now = self._clock()
        with self._lock:
            if len(self._by_name) > _FORGET_AT:
                full = [n for n, b in self._by_name.items() if b.level + (now - b.at_s) * self.per_s >= self.burst]
                for each in full:
                    del self._by_name[each]
            bucket = self._by_name.setdefault(name, _Bucket(self.burst, now))
            bucket.level = min(self.burst, bucket.level + (now - bucket.at_s) * self.per_s)
            bucket.at_s = now
            if bucket.level >= 1:
                bucket.level -= 1
                return 0.0
            return (1 - bucket.level) / self.per_s


class Limited:
    """ASGI: refuses with 429 and Retry-After who asks too often, and with 413 a body that is too long.

    `person_of` gives the person of a request's session, "" for nobody; only addresses count then. Static files are
    free: they are the same for everybody, and browsers keep them.
    """

    def __init__(self, app: ASGIApp, limits: Limits, person_of: Callable[[Scope], str]) -> None:
        self.app, self.limits, self.person_of = app, limits, person_of
        self.people = Buckets(limits.person_per_s, limits.person_burst)
        self.addresses = Buckets(limits.address_per_s, limits.address_burst)
        self.enterings = Buckets(limits.enter_per_minute / 60, max(1.0, limits.enter_per_minute))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self.app(scope, receive, send)
            return
        wait_s = self._wait_s(scope)
        if wait_s > 0:
            seconds = max(1, math.ceil(wait_s))
            refusal = {"detail": f"too many requests; try again in {seconds} s"}
            await JSONResponse(refusal, 429, {"Retry-After": str(seconds)})(scope, receive, send)
            return
        await self._whole(scope, receive, send)

    def _wait_s(self, scope: Scope) -> float:
        address = (scope.get("client") or ("nobody", 0))[0]
        wait_s = self.addresses.wait_s(address)
        person = self.person_of(scope)
        if not wait_s and person:
            wait_s = self.people.wait_s(person)
        if not wait_s and scope["method"] == "POST" and scope["path"] == "/api/enter":
            wait_s = self.enterings.wait_s(address)
        return wait_s

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request whose body, read here as far as the bound, is no longer than allowed."""
        if scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.limits.body_bytes:
                refusal = {"detail": f"the body is over {self.limits.body_bytes} bytes; send fewer events at once"}
                await JSONResponse(refusal, 413)(scope, receive, send)
                return
        told = False

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)
