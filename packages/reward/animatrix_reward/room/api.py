"""What pages ask the room: the next task, keeping events, progress, agreement, gold, people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from animatrix_reward.events import EventError
from animatrix_reward.room import assign, people, review, said
from animatrix_reward.room.people import who
from animatrix_reward.room.store import RoomError, Store, check_text, last_event
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
    """A task; see `assign.Task`. Where there is a `picture`, it lies at /media/TOKEN/picture of any of its clips."""

    id: str
    kind: str
    about: str
    prompt_text: str
    prompt_tags: dict[str, list[str]]
    picture: bool
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


def told(answer: BaseModel) -> Response:
    """An answer that is right by its own making: FastAPI would check it again, in another thread."""
    return Response(answer.model_dump_json(), media_type="application/json")


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
def me(request: Request) -> Response:
    """Who asks."""
    person = who(request)
    return told(Me(id=person.id, name=person.name, roles=list(person.roles), csrf=people.csrf_token(request)))


@router.get("/tasks/next", response_model=Task, responses={204: {"description": "Nothing is left"}})
def next_task(
    request: Request,
    kind: Annotated[Literal["compare", "rate", "deform", "correct", "adjudicate", "gold"] | None, Query()] = None,
) -> Response:
    """The task in the person's hands, or the next one; of any kind where none is named."""
    person = who(request)
    try:
        found = assign.task_for(store_of(request), person, kind)
    except RoomError as error:
        raise HTTPException(403, str(error)) from error
    return Response(status_code=204) if found is None else JSONResponse(asdict(found))


@router.post("/events", response_model=Kept)
def events(request: Request, sent: SentEvents) -> Response:
    """Keep events, each by its id once. They are on the disk when the answer goes out; send again without one."""
    person = who(request)
    accepted, known, refused = [], [], []
    with store_of(request).write() as session:
        for each in sent.events:
            try:
                answer = said.receive(session, person, said.Sent(**each.model_dump()))
                (accepted if answer == "accepted" else known).append(each.id)
            except (RoomError, EventError) as error:
                refused.append(Refused(id=each.id, reason=str(error)))
    return told(Kept(accepted=accepted, known=known, refused=refused))


@router.get("/progress", response_model=Progress)
def progress(request: Request) -> Response:
    """How far every kind of task is; who did what is for experts and administrators."""
    return told(how_far(request, who(request)))


def how_far(request: Request, person: people.Person) -> Progress:
    """The room's progress as this person may see it."""
    with store_of(request).look() as db:
        kinds = [KindProgress(**asdict(kind)) for kind in review.progress(db)]
        if not person.may("expert"):
            return Progress(kinds=kinds, mine=review.votes_of(db, person.id), people=[])
        done, right = review.votes(db), review.accuracy(db)
        everybody = [
            Somebody(
                id=row.id, name=row.name, done=done.get(row.id, {}), **asdict(right.get(row.id, review.Accuracy()))
            )
            for row in people.everybody(db)
        ]
    return Progress(kinds=kinds, mine=done.get(person.id, {}), people=everybody)


@router.get("/agreement", response_model=list[AgreementRow])
def agreement(request: Request) -> list[AgreementRow]:
    """Krippendorff's alpha per dimension with its interval over prompts; reckoned anew when votes came in."""
    who(request, "expert")
    from animatrix_reward.agreement_report import report

    state = request.app.state
    with store_of(request).look() as db:
        last = last_event(db)
        if getattr(state, "agreement", (None,))[0] != last:
            said_all = kept_events(db, kinds=("compare", "rate", "deform"))
            rows = report(said_all, review.clip_prompts(db), repeats=review.repeats(db))
            state.agreement = (last, [AgreementRow(**asdict(row)) for row in rows])
    return state.agreement[1]


@router.get("/gold", response_model=list[GoldRow])
def gold(request: Request) -> list[GoldRow]:
    """Tasks whose answers are known."""
    who(request, "expert")
    with store_of(request).look() as db:
        return [GoldRow(**{**asdict(row), "expected": dict(row.expected)}) for row in review.golds(db)]


@router.post("/invites", response_model=Invitation)
def invite(request: Request, wanted: MadeInvite) -> Invitation:
    """A new invitation."""
    who(request, "admin")
    with store_of(request).write() as session:
        made = people.invite(session, tuple(dict.fromkeys(wanted.roles)), wanted.uses, wanted.days)
    return Invitation(link=f"/enter#{made}")
