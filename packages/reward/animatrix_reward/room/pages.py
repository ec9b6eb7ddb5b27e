"""The pages: server-rendered, words in two languages, tasks as fragments that htmx swaps in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Field, taxonomy
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from animatrix_reward import dimensions
from animatrix_reward.room import api, assign, keys, media, people, review, tables, words
from animatrix_reward.room.people import Current, Expert, Person
from animatrix_reward.room.store import clip_of_token
from animatrix_reward.room.words import Language

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
LANG_COOKIE, THEME_COOKIE = "room_lang", "room_theme"
THEMES = ("dark", "light")
ANY_KIND = "next"
FOR_EXPERTS = ("adjudicate", "gold")
_COOKIE_AGE_S = 400 * 24 * 3600
_PERSON_NAV = ("compare", "rate", "deform", "correct")


@dataclass(frozen=True)
class Choice:
    """One value of a field as the caption form offers it."""

    id: str
    name: str
    about: str


@dataclass(frozen=True)
class FieldForm:
    """One production variable as the caption form shows it. `shape` is one, set (at most `most`) or ends (two)."""

    id: str
    name: str
    about: str
    shape: str
    most: int
    values: tuple[Choice, ...]
    search: str


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        human=dimensions.HUMAN,
        structure=dimensions.STRUCTURE,
        verdicts=dimensions.COMPARE_VERDICTS,
        span_verdicts=dimensions.VERDICTS,
        cues=dimensions.CUES,
        drawn_kinds=dimensions.drawn_kinds(),
        pathologies=dimensions.PATHOLOGIES,
        dimension_name=words.dimension_name,
        agreement_name=words.agreement_name,
        anchors=words.anchors,
        name=words.name,
        kind_name=lambda kind, language: words.name(_named(dimensions.KIND_WORDS, kind), language),
        verdict_name=lambda verdict, language: words.name(_named(dimensions.VERDICTS, verdict), language),
    )
    return environment


def _named(among: tuple[dimensions.Word, ...], word_id: str) -> dimensions.Word:
    return next((word for word in among if word.id == word_id), dimensions.Word(word_id, word_id, word_id))


def language_of(request: Request) -> Language:
    """The language of a request."""
    return words.chosen(request.cookies.get(LANG_COOKIE), request.headers.get("accept-language", ""))


def nav_of(person: Person | None) -> tuple[str, ...]:
    """The pages in somebody's bar."""
    if person is None:
        return ()
    return (*_PERSON_NAV, *(FOR_EXPERTS if person.may("expert") else ()), "progress")


def render(
    request: Request, template: str, active: str, person: Person | None, csrf: str | None = None, **data: Any
) -> HTMLResponse:
    """One page, or a fragment of one."""
    language = language_of(request)
    say = words.of(language)
    theme = request.cookies.get(THEME_COOKIE)
    text = _environment().get_template(template).render(
        t=say,
        lang=language,
        theme=theme if theme in THEMES else "dark",
        person=person,
        csrf=people.csrf_token(request) if csrf is None else csrf,
        nav=nav_of(person),
        active=active,
        here=request.url.path,
        words=words.for_browser(language) | {f"key.{action.id}": say(f"key.{action.id}") for action in keys.ACTIONS},
        keys=keys.table(),
        **({"kind": ""} | data),
    )  # fmt: skip
    return HTMLResponse(text)


@router.get("/enter")
def enter(request: Request) -> Response:
    """Where an invitation is spent; its token is behind the # of the link, and the page's script sends it."""
    ticket = people.visitor(request)
    response = render(request, "enter.html", "enter", None, csrf=people.csrf_token(request, ticket))
    people.give(request, response, ticket)
    return response


@router.get("/")
def home(request: Request, person: Current) -> Response:
    """What there is to do."""
    with api.store_of(request).read() as session:
        mine, held = review.votes_of(session, person.id), _held(session, person)
    return render(request, "home.html", "home", person, mine=mine, held=held)


def _held(session: Session, person: Person) -> list[str]:
    return sorted(
        set(
            session.scalars(
                select(tables.Task.kind)
                .join(tables.Assignment, tables.Assignment.task == tables.Task.id)
                .where(tables.Assignment.person == person.id, tables.Assignment.state == "held")
            )
        )
    )


def _task(request: Request, person: Person, kind: str) -> dict[str, Any]:
    """A task with what its template needs of it."""
    if kind in FOR_EXPERTS and not person.may("expert"):
        raise HTTPException(403, f"{kind} is for experts; ask an administrator for the role")
    task = assign.task_for(api.store_of(request), person, None if kind == ANY_KIND else kind)
    with api.store_of(request).read() as session:
        clips = [clip_of_token(session, clip.token, person) for clip in task.clips] if task else []
    for clip in filter(None, clips):
        media.bundles_of(request.app).ask(Path(clip.path), clip.sha256)  # begun before the page asks for it
    language = language_of(request)
    data: dict[str, Any] = {"task": task, "kind": task.kind if task else "", "tags": []}
    if task is not None:
        data["tags"] = words.spoken(task.prompt_tags, language)
        if task.about == "correct":
            data["fields_by_axis"] = fields_by_axis(language)
    return data


@router.get("/task/{kind}")
def task_fragment(kind: str, request: Request, person: Current) -> Response:
    """The next task alone, for htmx to swap in."""
    if kind not in (*assign.KINDS, ANY_KIND):
        raise HTTPException(404, f"task: {kind!r:.40} is none of {', '.join((*assign.KINDS, ANY_KIND))}")
    return render(request, "task.html", kind, person, **_task(request, person, kind))


def _task_page(kind: str):
    def page(request: Request, person: Current) -> Response:
        return render(request, "task_page.html", kind, person, **_task(request, person, kind))

    page.__name__ = f"page_{kind}"
    return page


for _kind in (*assign.KINDS, ANY_KIND):
    router.get(f"/{_kind}")(_task_page(_kind))


@router.get("/progress")
def progress(request: Request, person: Current) -> Response:
    """How far the room is."""
    return render(request, "progress.html", "progress", person, **_progress(request, person))


@router.get("/progress/tables")
def progress_tables(request: Request, person: Current) -> Response:
    """The tables alone, for htmx to refresh."""
    return render(request, "progress_tables.html", "progress", person, **_progress(request, person))


@router.get("/progress/agreement")
def progress_agreement(request: Request, person: Expert) -> Response:
    """Agreement, apart: it takes a moment to reckon."""
    return render(request, "agreement.html", "progress", person, rows=api.agreement(request, person))


def _progress(request: Request, person: Person) -> dict[str, Any]:
    found = api.progress(request, person)
    return {"kinds": found.kinds, "mine": found.mine, "people": found.people, "expert": person.may("expert")}


@router.get("/keys")
def keys_page(request: Request, person: Current) -> Response:
    """All keys, and binding others."""
    return render(request, "keys.html", "keys", person, by_scope=_by_scope())


def _by_scope() -> list[tuple[str, list[keys.Action]]]:
    scopes = list(dict.fromkeys(action.scope for action in keys.ACTIONS))
    return [(scope, [action for action in keys.ACTIONS if action.scope == scope]) for scope in scopes]


@router.get("/help")
def help_page(request: Request, person: Current) -> Response:
    """How things are judged here."""
    return render(request, f"help_{language_of(request)}.html", "help", person)


@router.get("/set")
def choose(request: Request, lang: str = "", theme: str = "", to: str = "/") -> Response:
    """Keep a choice of language or theme, and go back to where it was made: a path of this room, never elsewhere."""
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    response = RedirectResponse(to if inside else "/", 303)
    for cookie, value, allowed in ((LANG_COOKIE, lang, words.LANGUAGES), (THEME_COOKIE, theme, THEMES)):
        if value in allowed:
            secure = request.app.state.settings.https
            response.set_cookie(cookie, value, max_age=_COOKIE_AGE_S, samesite="strict", secure=secure, httponly=True)
    return response


@cache
def fields_by_axis(language: Language) -> list[tuple[str, list[FieldForm]]]:
    """The caption form, generated from the taxonomy."""
    return [
        (axis, [_form(field, language) for field in taxonomy().fields if field.axis == axis])
        for axis in taxonomy().axes
    ]


def _form(field: Field, language: Language) -> FieldForm:
    shape = "ends" if field.scope == "ends" else "set" if field.max_values > 1 else "one"
    values = [Choice(value.id, words.value_name(field, value.id, language), value.definition) for value in field.values]
    values += [Choice(value, words.value_name(field, value, language), "") for value in (UNKNOWN, NOT_APPLICABLE)]
    said = [field.id, field.ja, *(f"{value.id} {value.ja}" for value in field.values)]
    return FieldForm(
        id=field.id,
        name=words.field_name(field, language),
        about=f"{field.ja} {field.id}: {field.definition}",
        shape=shape,
        most=field.max_values,
        values=tuple(values),
        search=" ".join(said).lower().replace("_", " "),
    )
