"""What pages ask the room: the next task, keeping events, progress, agreement, gold, people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from animatrix_reward.agreement_report import report
from animatrix_reward.events import EventError
from animatrix_reward.room import assign, people, review, said
from animatrix_reward.room.people import Admin, Current, Expert
from animatrix_reward.room.store import RoomError, Store, check_text
from animatrix_reward.room.store import events as kept_events

_LATEST_MS = 4_102_444_800_000  # the year 2100
_MOST_EVENTS = 200


def _number(value: Any) -> Any:
    """Nothing but a number is one: pydantic would read false as 0 and "7" as 7, which the OpenAPI page forbids."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("must be a number")
    return value


_NUMBER = BeforeValidator(_number)


class Refusal(BaseModel):
    """Why a request was refused."""

    detail: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The body is no JSON that can be read"},
    401: {"model": Refusal, "description": "Nobody the room knows: enter first"},
    403: {"model": Refusal, "description": "Not allowed, or the forgery token is missing"},
    413: {"model": Refusal, "description": "The body is too long"},
    429: {"model": Refusal, "description": "Too many requests; Retry-After says when to come back"},
}
router = APIRouter(prefix="/api", responses=REFUSALS)


class Clip(BaseModel):
    """A clip of a task: its token for /media, and the letter it is shown under."""

    token: str
    label: str


class Task(BaseModel):
    """A task; see `assign.Task`."""

    id: str
    kind: str
    about: str
    prompt_text: str
    prompt_tags: dict[str, list[str]]
    clips: list[Clip]
    dimensions: list[str]
    flashing: bool
    said: list[dict[str, Any]]


class SentEvent(BaseModel):
    """An event as the page sends it. `id` is a UUID of the page's, under which it may be sent again and again."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(min_length=1, max_length=128)
    task: str = Field(min_length=1, max_length=200)
    kind: str = Field(min_length=1, max_length=40)
    body: dict[str, Any]
    made_at_ms: Annotated[int, _NUMBER] = Field(ge=0, le=_LATEST_MS)


class SentEvents(BaseModel):
    """What the page has not heard an answer to yet."""

    model_config = ConfigDict(extra="forbid")
    events: list[SentEvent] = Field(max_length=_MOST_EVENTS)


class Refused(BaseModel):
    """An event that cannot be kept: sending it again will not help."""

    id: str
    reason: str


class Kept(BaseModel):
    """Ids kept now, kept before, and refused. What is in none of them was not seen."""

    accepted: list[str]
    known: list[str]
    refused: list[Refused]


WITHOUT_NUL = r"^[^\x00]*$"
"""A database holds no NUL in a text; the schema says so, and not only the answer."""


class Enter(BaseModel):
    """An invitation's token, and the name under which its holder will be known here."""

    model_config = ConfigDict(extra="forbid")
    token: str = Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)
    name: str = Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)


class Me(BaseModel):
    """Who asks, and the forgery token of the session."""

    id: str
    name: str
    roles: list[str]
    csrf: str


class KindProgress(BaseModel):
    """See `review.Kind`."""

    kind: str
    n_tasks: int
    n_begun: int
    n_complete: int
    n_held: int


class Somebody(BaseModel):
    """A person and what they have done; accuracy on gold and repeats is for experts and administrators."""

    id: str
    name: str
    done: dict[str, int]
    n_gold: int
    n_right: int
    n_repeats: int
    n_same: int


class Progress(BaseModel):
    """How far the room is; `people` is empty for raters."""

    kinds: list[KindProgress]
    mine: dict[str, int]
    people: list[Somebody]


class AgreementRow(BaseModel):
    """See `agreement_report.Row`."""

    what: str
    dimension: str
    scale: str
    alpha: float | None
    low: float | None
    high: float | None
    n_units: int
    n_values: int
    why: str


class GoldRow(BaseModel):
    """See `review.Gold`."""

    task: str
    kind: str
    prompt_text: str
    expected: dict[str, Any]
    n_answers: int


class MadeInvite(BaseModel):
    """An invitation to make."""

    model_config = ConfigDict(extra="forbid")
    roles: list[Literal["rater", "expert", "admin"]] = Field(min_length=1, max_length=3)
    uses: Annotated[int, _NUMBER] = Field(default=1, ge=1, le=1000)
    days: Annotated[float, _NUMBER] = Field(default=14, gt=0, le=365)


class Invitation(BaseModel):
    """The link to send, relative to the room's address. It is shown once."""

    link: str


def store_of(request: Request) -> Store:
    """The room's database."""
    return request.app.state.store


@router.post("/enter", response_model=Me)
def enter(request: Request, response: Response, given: Enter) -> Me:
    """Spend a use of an invitation; the session is a new one from here on, and so is its forgery token."""
    check_text([given.token, given.name], "body")
    try:
        with store_of(request).write() as session:
            person, epoch = people.enter(session, given.token, given.name)
    except RoomError as error:
        raise HTTPException(403, str(error)) from error
    csrf = people.give(request, response, people.fresh(person, epoch))
    return Me(id=person.id, name=person.name, roles=list(person.roles), csrf=csrf)


@router.post("/leave", status_code=204)
def leave(request: Request) -> Response:
    """End the session of this browser."""
    response = Response(status_code=204)
    response.delete_cookie(people.COOKIE, path="/")
    return response


@router.get("/me", response_model=Me)
def me(request: Request, person: Current) -> Me:
    """Who asks."""
    return Me(id=person.id, name=person.name, roles=list(person.roles), csrf=people.csrf_token(request))


@router.get("/tasks/next", response_model=Task, responses={204: {"description": "Nothing is left"}})
def next_task(
    request: Request,
    person: Current,
    kind: Annotated[Literal["compare", "rate", "deform", "correct", "adjudicate", "gold"] | None, Query()] = None,
):
    """The task in the person's hands, or the next one; of any kind where none is named."""
    try:
        found = assign.task_for(store_of(request), person, kind)
    except RoomError as error:
        raise HTTPException(403, str(error)) from error
    return Response(status_code=204) if found is None else asdict(found)


@router.post("/events", response_model=Kept)
def events(request: Request, person: Current, sent: SentEvents) -> Kept:
    """Keep events, each by its id once. They are on the disk when the answer goes out; send again without one."""
    accepted, known, refused = [], [], []
    with store_of(request).write() as session:
        for each in sent.events:
            try:
                answer = said.receive(session, person, said.Sent(**each.model_dump()))
                (accepted if answer == "accepted" else known).append(each.id)
            except (RoomError, EventError) as error:
                refused.append(Refused(id=each.id, reason=str(error)))
    return Kept(accepted=accepted, known=known, refused=refused)


@router.get("/progress", response_model=Progress)
def progress(request: Request, person: Current) -> Progress:
    """How far every kind of task is; who did what is for experts and administrators."""
    with store_of(request).read() as session:
        kinds = [KindProgress(**asdict(kind)) for kind in review.progress(session)]
        done = review.votes(session)
        everybody = []
        if person.may("expert"):
            right = {row.person: row for row in review.accuracy(session)}
            for row in people.everybody(session):
                found = right.get(row.id, review.Accuracy(row.id, row.name, 0, 0, 0, 0))
                facts = asdict(found) | {"id": row.id, "done": done.get(row.id, {})}
                facts.pop("person")
                everybody.append(Somebody(**facts))
    return Progress(kinds=kinds, mine=done.get(person.id, {}), people=everybody)


@router.get("/agreement", response_model=list[AgreementRow])
def agreement(request: Request, person: Expert) -> list[AgreementRow]:
    """Krippendorff's alpha per dimension with its interval over prompts; reckoned anew when votes came in."""
    with store_of(request).read() as session:
        said_all = kept_events(session, kinds=("compare", "rate", "deform"))
        prompts, repeats = review.clip_prompts(session), review.repeats(session)
    state = request.app.state
    key = (len(said_all), said_all[-1].id if said_all else "")
    if getattr(state, "agreement", (None,))[0] != key:
        state.agreement = (key, [AgreementRow(**asdict(row)) for row in report(said_all, prompts, repeats=repeats)])
    return state.agreement[1]


@router.get("/gold", response_model=list[GoldRow])
def gold(request: Request, person: Expert) -> list[GoldRow]:
    """Tasks whose answers are known."""
    with store_of(request).read() as session:
        return [GoldRow(**{**asdict(row), "expected": dict(row.expected)}) for row in review.golds(session)]


@router.post("/invites", response_model=Invitation)
def invite(request: Request, person: Admin, wanted: MadeInvite) -> Invitation:
    """A new invitation."""
    with store_of(request).write() as session:
        made = people.invite(session, tuple(dict.fromkeys(wanted.roles)), wanted.uses, wanted.days)
    return Invitation(link=f"/enter#{made}")
