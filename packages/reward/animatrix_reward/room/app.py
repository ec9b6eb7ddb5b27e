"""The room as a web application: guards outside, pages, media and API inside, and a clockwork that ranks pairs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from animatrix_reward.room import api, media, pages, refresh
from animatrix_reward.room.limits import Limited
from animatrix_reward.room.people import Guarded, NotEntered, Sessions
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, Store
from animatrix_reward.room.warm import warm

HERE = Path(__file__).parent
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_TELLING = {b"etag", b"last-modified", b"accept-ranges"}
"""Headers from which one file can be told from another; only static files, the same for everybody, keep theirs."""
THREADS = 16
"""Requests answered at once: most that write wait for the disk, and more that look would wait for Python's lock."""
_log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The room of these settings. Its database is brought up to date before it serves."""
    store, sessions = Store(settings), Sessions(settings)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = THREADS
        await asyncio.to_thread(warm, store)
        ranking = asyncio.create_task(_rank(store))
        yield
        ranking.cancel()
        store.close()

    app = FastAPI(title="AniMatrix annotation room", version="1", lifespan=living, docs_url=None, redoc_url=None)
    app.state.settings, app.state.store, app.state.sessions = settings, store, sessions
    for each in (api.router, media.router, pages.router):
        app.include_router(each)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_exception_handler(NotEntered, _enter_first)
    app.add_exception_handler(RoomError, _refused)
    app.add_exception_handler(RecursionError, _too_deep)
    # The last added is the outermost: what a request meets first.
    app.add_middleware(Guarded, sessions=sessions)
    app.add_middleware(Limited, limits=settings.limits, person_of=lambda scope: _person(sessions, scope))
    app.add_middleware(Headers)
    return app


def _person(sessions: Sessions, scope: Scope) -> str:
    ticket = sessions.read(scope)
    return ticket.person if ticket else ""


class Headers:
    """ASGI: the same guarding headers on every answer, and none that tells one clip from another."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if static or name.lower() not in _TELLING]
                there = {name.lower() for name, _ in kept}
                kept += [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                if b"cache-control" not in there and not static:
                    kept.append((b"cache-control", b"no-store"))
                message["headers"] = kept
            await send(message)

        await self.app(scope, receive, guarded)


def _enter_first(request: Request, error: Exception) -> JSONResponse | RedirectResponse:
    if request.url.path.startswith(("/api/", "/media/")):
        return JSONResponse({"detail": "enter first: open /enter with your invitation"}, 401)
    return RedirectResponse("/enter", 303)


def _refused(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 400)


def _too_deep(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the body is nested too deeply to be read"}, 400)


async def _rank(store: Store) -> None:
    """Reckon anew what each pair would teach, while votes come in. A failure is logged and tried again."""
    seen = -1
    while True:
        await asyncio.sleep(store.settings.refresh_s)  # who waited for the door is served first
        try:
            seen = await asyncio.to_thread(refresh.refresh, store, seen)
        except Exception:
            _log.exception("ranking of pairs failed; the last one stays in use")
