"""The pages: server-rendered, words in two languages, tasks as fragments that htmx swaps in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from anicaption.taxonomy import NOT_APPLICABLE, UNKNOWN, Field, taxonomy
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from animatrix_reward import dimensions
from animatrix_reward.room import api, assign, keys, people, review, words
from animatrix_reward.room.people import Person, who
from animatrix_reward.room.words import Language

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
TEMPLATES = Path(__file__).parent / "templates"
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
def template(name: str) -> Template:
    """A template, read and compiled once."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        auto_reload=False,
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
    request: Request, name: str, active: str, person: Person | None, csrf: str | None = None, **data: Any
) -> HTMLResponse:
    """One page, or a fragment of one."""
    language = language_of(request)
    theme = request.cookies.get(THEME_COOKIE)
    text = template(name).render(
        **_spoken(language),
        theme=theme if theme in THEMES else "dark",
        person=person,
        csrf=people.csrf_token(request) if csrf is None else csrf,
        nav=nav_of(person),
        active=active,
        here=request.url.path,
        **({"kind": ""} | data),
    )
    return HTMLResponse(text)


@cache
def _spoken(language: Language) -> dict[str, Any]:
    """What every page of a language says, to people and to its scripts."""
    say = words.of(language)
    told = words.for_browser(language) | {f"key.{action.id}": say(f"key.{action.id}") for action in keys.ACTIONS}
    return {"t": say, "lang": language, "words": htmlsafe_json_dumps(told), "keys": htmlsafe_json_dumps(keys.table())}


@cache
def still_parts(language: Language, kind: str, about: str, n_clips: int) -> dict[str, Markup]:
    """What is the same on the pages of all tasks that are alike: the player, and the form unless it shows the prompt's
    tags. They are rendered once."""
    dimensions = assign.dimensions_of(about)
    given = {**_spoken(language), "task": {"kind": kind, "about": about, "dimensions": dimensions}, "n_clips": n_clips}
    names = ("player", f"form_{about}") if about != "correct" else ("player",)
    return {name.partition("_")[0]: Markup(template(f"{name}.html").render(given)) for name in names}


@router.get("/enter")
def enter(request: Request) -> Response:
    """Where an invitation is spent; its token is behind the # of the link, and the page's script sends it."""
    ticket = people.visitor(request)
    response = render(request, "enter.html", "enter", None, csrf=people.csrf_token(request, ticket))
    people.give(request, response, ticket)
    return response


@router.get("/")
def home(request: Request) -> Response:
    """What there is to do."""
    person = who(request)
    with api.store_of(request).look() as db:
        mine, held = review.votes_of(db, person.id), review.held_by(db, person.id)
    return render(request, "home.html", "home", person, mine=mine, held=held)


def _task(request: Request, name: str, active: str, kind: str) -> Response:
    """A page with a task, or the task alone."""
    person = who(request)
    if kind in FOR_EXPERTS and not person.may("expert"):
        raise HTTPException(403, f"{kind} is for experts; ask an administrator for the role")
    task = assign.task_for(api.store_of(request), person, None if kind == ANY_KIND else kind)
    language = language_of(request)
    tags = words.spoken(task.prompt_tags, language) if task else []
    parts = still_parts(language, task.kind, task.about, len(task.clips)) if task else {}
    if task is not None and task.about == "correct":
        parts = {**parts, "fields_by_axis": fields_by_axis(language)}
    return render(request, name, active, person, task=task, kind=task.kind if task else "", tags=tags, **parts)


@router.get("/task/{kind}")
def task_fragment(kind: str, request: Request) -> Response:
    """The next task alone, for htmx to swap in."""
    if kind not in (*assign.KINDS, ANY_KIND):
        who(request)
        raise HTTPException(404, f"task: {kind!r:.40} is none of {', '.join((*assign.KINDS, ANY_KIND))}")
    return _task(request, "task.html", kind, kind)


def _task_page(kind: str):
    def page(request: Request) -> Response:
        return _task(request, "task_page.html", kind, kind)

    page.__name__ = f"page_{kind}"
    return page


for _kind in (*assign.KINDS, ANY_KIND):
    router.get(f"/{_kind}")(_task_page(_kind))


@router.get("/progress")
def progress(request: Request) -> Response:
    """How far the room is."""
    return _progress(request, "progress.html")


@router.get("/progress/tables")
def progress_tables(request: Request) -> Response:
    """The tables alone, for htmx to refresh."""
    return _progress(request, "progress_tables.html")


@router.get("/progress/agreement")
def progress_agreement(request: Request) -> Response:
    """Agreement, apart: it takes a moment to reckon."""
    person = who(request, "expert")
    return render(request, "agreement.html", "progress", person, rows=api.agreement(request))


def _progress(request: Request, name: str) -> Response:
    person = who(request)
    far = api.how_far(request, person)
    data = {"kinds": far.kinds, "mine": far.mine, "people": far.people, "expert": person.may("expert")}
    return render(request, name, "progress", person, **data)


@router.get("/keys")
def keys_page(request: Request) -> Response:
    """All keys, and binding others."""
    return render(request, "keys.html", "keys", who(request), by_scope=_by_scope())


def _by_scope() -> list[tuple[str, list[keys.Action]]]:
    scopes = list(dict.fromkeys(action.scope for action in keys.ACTIONS))
    return [(scope, [action for action in keys.ACTIONS if action.scope == scope]) for scope in scopes]


@router.get("/help")
def help_page(request: Request) -> Response:
    """How things are judged here."""
    return render(request, f"help_{language_of(request)}.html", "help", who(request))


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
