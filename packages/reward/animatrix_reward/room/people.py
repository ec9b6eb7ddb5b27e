"""Who may enter, as what, and how a request proves it: invitations, signed sessions, roles, forgery tokens.

An invitation is a random token that an administrator sends; its link is `/enter#TOKEN`, so that the token stands in no
log and no referrer. The page sends it by POST /api/enter. A session is a signed cookie, HttpOnly and SameSite=Strict;
before entering it names nobody. Every POST carries the header X-CSRF-Token with `csrf_token(request)`, which pages put
into <meta name="csrf-token">: another site can neither read it nor set the header.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from fastapi import HTTPException, Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from animatrix_reward.room import tables
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, now_s, token
from animatrix_reward.room.tables import PEOPLE

ROLES = ("rater", "expert", "admin")
COOKIE = "room_session"
CSRF_HEADER = "X-CSRF-Token"
_READ = "animatrix.ticket"
"""Where a request's ticket is kept in its scope: limits, the forgery guard and the page all ask for it."""


@dataclass(frozen=True)
class Person:
    """Somebody in the room; `seat` is their number in a study. An expert may do what a rater may, an administrator
    everything."""

    id: str
    name: str
    roles: tuple[str, ...]
    seat: int | None = None

    def may(self, role: str) -> bool:
        """Whether one of the roles is this one or stands above it."""
        return any(ROLES.index(own) >= ROLES.index(role) for own in self.roles)


@dataclass(frozen=True)
class Ticket:
    """What a session cookie says: a random id, and whose it is ("" for nobody yet)."""

    id: str
    person: str = ""
    epoch: int = 0


class NotEntered(Exception):
    """The request comes from nobody the room knows: pages lead to /enter, everything else answers 401."""


class Sessions:
    """Signs and reads tickets, and makes the forgery token that belongs to one."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.secret()
        self._signer = URLSafeTimedSerializer(secret, salt="room.session.1")
        self._csrf_key = hashlib.sha256(secret + b"room.csrf.1").digest()
        self._max_age_s = int(settings.session_days * 86400)
        self._https = settings.https

    def read(self, scope: Scope) -> Ticket | None:
        """The ticket of a request, or None where it has no cookie of ours that still holds. It is read once."""
        if _READ not in scope:
            scope[_READ] = self._read(scope)
        return scope[_READ]

    def _read(self, scope: Scope) -> Ticket | None:
        raw = next((value for name, value in scope["headers"] if name == b"cookie"), b"")
        try:
            morsel = SimpleCookie(raw.decode("latin-1")).get(COOKIE)
            if morsel is None:
                return None
            said = self._signer.loads(morsel.value, max_age=self._max_age_s)
            return Ticket(said["s"], said["p"], said["e"])
        except (CookieError, BadSignature, KeyError, TypeError):
            return None

    def give(self, response: Response, ticket: Ticket) -> None:
        """Set the cookie."""
        value = self._signer.dumps({"s": ticket.id, "p": ticket.person, "e": ticket.epoch})
        assert isinstance(value, str)
        response.set_cookie(
            COOKIE, value, max_age=self._max_age_s, httponly=True, samesite="strict", secure=self._https, path="/"
        )

    def csrf(self, ticket: Ticket) -> str:
        """The forgery token of a session."""
        return hmac.new(self._csrf_key, ticket.id.encode(), hashlib.sha256).hexdigest()


class Guarded:
    """ASGI: refuses with 403 every request that may change something without the forgery token of its session."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self.app, self.sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS", "TRACE"):
            ticket = self.sessions.read(scope)
            wanted = CSRF_HEADER.lower().encode()
            given = next((value for name, value in scope["headers"] if name == wanted), b"")
            if ticket is None or not hmac.compare_digest(given, self.sessions.csrf(ticket).encode()):
                refusal = {"detail": f"header {CSRF_HEADER} is missing or of another session; load the page again"}
                await JSONResponse(refusal, 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def visitor(request: Request) -> Ticket:
    """The session of anybody, entered or not; for /enter, whose response must be given it by `give`."""
    return request.app.state.sessions.read(request.scope) or Ticket(token())


def give(request: Request, response: Response, ticket: Ticket) -> str:
    """Set a ticket's cookie on a response; returns its forgery token."""
    request.app.state.sessions.give(response, ticket)
    return request.app.state.sessions.csrf(ticket)


def fresh(person: Person, epoch: int) -> Ticket:
    """A new session of somebody who has just entered: the visitor's id is not carried over."""
    return Ticket(token(), person.id, epoch)


def csrf_token(request: Request, ticket: Ticket | None = None) -> str:
    """The forgery token of the session that is there, or of this ticket (of a visitor)."""
    found = ticket or request.app.state.sessions.read(request.scope)
    if found is None:
        raise NotEntered
    return request.app.state.sessions.csrf(found)


def who(request: Request, role: str = "rater") -> Person:
    """Who asks. Raises NotEntered for nobody, for somebody sent away, and for a session ended by an administrator;
    403 for who may not do what the role may.

    Not a dependency of FastAPI's: that would be one more journey to a thread for every request.
    """
    ticket = request.app.state.sessions.read(request.scope)
    if ticket is None or not ticket.person:
        raise NotEntered
    with request.app.state.store.look() as db:
        row = found(db, ticket.person)
    if row is None or not row.active or row.epoch != ticket.epoch:
        raise NotEntered
    person = Person(row.id, row.name, tuple(row.roles), row.seat)
    if not person.may(role):
        raise HTTPException(403, f"only an {role} may do this; ask an administrator for the role")
    return person


def found(db: Connection, person: str) -> Row[Any] | None:
    """The row of somebody."""
    return db.execute(_WHO, {"id": person}).first()


_WHO = select(PEOPLE).where(PEOPLE.c.id == bindparam("id"))


def invite(
    session: Session,
    roles: tuple[str, ...],
    uses: int = 1,
    days: float = 14.0,
    person: str = "",
    seat: int | None = None,
) -> str:
    """A new invitation's token; only its hash is kept. For a `person`, it lets them in again (another browser)."""
    if person:
        row = session.get(tables.Person, person)
        if row is None:
            raise RoomError(f"invite: nobody is {person}; `animatrix-reward people` lists who there is")
        roles = tuple(row.roles)
    if not roles or set(roles) - set(ROLES):
        raise RoomError(f"invite: roles {', '.join(roles) or 'none'}: give one or more of {', '.join(ROLES)}")
    if uses < 1 or days <= 0:
        raise RoomError(f"invite: {uses} uses in {days:g} days lets nobody in; give at least one use and some time")
    made = token() + token()
    session.add(
        tables.Invite(
            token_sha256=_hashed(made),
            roles=list(roles),
            person=person or None,
            seat=seat,
            uses_left=uses,
            expires_at_s=now_s() + days * 86400,
            made_at_s=now_s(),
        )
    )
    return made


def enter(session: Session, invitation: str, name: str) -> tuple[Person, int]:
    """The person an invitation lets in, and their epoch. Runs in a write transaction: no use is spent twice."""
    row = session.get(tables.Invite, _hashed(invitation))
    if row is None or row.uses_left < 1 or row.expires_at_s < now_s():
        raise RoomError("invitation: unknown, used up or out of date; ask an administrator for a new one")
    shown = " ".join(name.split())
    if not 1 <= len(shown) <= 80:
        raise RoomError("name: give 1 to 80 characters")
    row.uses_left -= 1
    person = session.get(tables.Person, row.person) if row.person else None
    if person is None:
        person = tables.Person(
            id=f"p-{token()[:12]}",
            name=shown,
            roles=row.roles,
            epoch=0,
            active=True,
            seat=row.seat,
            made_at_s=now_s(),
        )
        session.add(person)
    person.active = True
    session.flush()
    return Person(person.id, person.name, tuple(person.roles), person.seat), person.epoch


def send_away(session: Session, person_id: str) -> None:
    """End all sessions of a person, and keep them out until an invitation of their own lets them in again."""
    row = session.get(tables.Person, person_id)
    if row is None:
        raise RoomError(f"people: nobody is {person_id}; `animatrix-reward people` lists who there is")
    row.active, row.epoch = False, row.epoch + 1


def everybody(db: Connection | Session) -> list[Row[Any]]:
    """All people, in the order in which they came."""
    return list(db.execute(select(PEOPLE).order_by(PEOPLE.c.made_at_s, PEOPLE.c.id)))


def _hashed(invitation: str) -> str:
    return hashlib.sha256(invitation.encode("utf-8", "replace")).hexdigest()
