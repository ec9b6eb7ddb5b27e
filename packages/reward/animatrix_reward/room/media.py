"""Pictures and times of the clips of a task, by their tokens. Nothing in an answer tells clips of one model apart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy import Row, bindparam, case, func, or_, select

from animatrix_reward.room.frames import Broken, Bundles, Shown
from animatrix_reward.room.people import who
from animatrix_reward.room.tables import ASSIGNMENTS, CLIPS, PROMPTS, TASKS

router = APIRouter(prefix="/media", tags=["media"])
KEPT = {"Cache-Control": "private, max-age=86400, immutable"}


class BundlePlace(BaseModel):
    """Where the pictures of the frames [start, start + count) are; `url` is relative to the table's."""

    url: str
    start: int
    count: int


class Table(BaseModel):
    """When each frame of a clip is shown (ms from the first), and which drawing it holds (numbered from 1)."""

    n_frames: int
    width: int
    height: int
    rate: float
    pts_ms: list[float]
    end_ms: float
    drawing: list[int]
    flashing: bool
    bundles: list[BundlePlace]


class Unreadable(BaseModel):
    """Why a clip cannot be shown."""

    error: str


def bundles_of(app: FastAPI) -> Bundles:
    """The bundles of an application, made on first need in the settings' folder."""
    if getattr(app.state, "bundles", None) is None:
        app.state.bundles = Bundles(app.state.store.settings.frames)
    return app.state.bundles


def _clip(request: Request, token: str) -> Row[Any]:
    """The clip behind a token that this person was given: other people's tokens say nothing."""
    person = who(request)
    with request.app.state.store.look() as db:
        clip = db.execute(_OF_TOKEN, {"token": token, "person": person.id}).first()
    if clip is None:
        raise HTTPException(404, "no clip of yours has this token; load the task again")
    return clip


_FIRST = (ASSIGNMENTS.c.left_token == bindparam("token")) != ASSIGNMENTS.c.swapped
_OF_TOKEN = (
    select(CLIPS.c.path, CLIPS.c.sha256, CLIPS.c.flashing, PROMPTS.c.image)
    .select_from(ASSIGNMENTS)
    .join(TASKS, TASKS.c.id == ASSIGNMENTS.c.task)
    .join(CLIPS, CLIPS.c.id == case((_FIRST, TASKS.c.left), else_=func.coalesce(TASKS.c.right, TASKS.c.left)))
    .join(PROMPTS, PROMPTS.c.id == TASKS.c.prompt)
    .where(
        or_(ASSIGNMENTS.c.left_token == bindparam("token"), ASSIGNMENTS.c.right_token == bindparam("token")),
        ASSIGNMENTS.c.person == bindparam("person"),
    )
)


async def _shown(request: Request, clip: Row[Any]) -> Shown | Broken:
    return await asyncio.wrap_future(bundles_of(request.app).ask(Path(clip.path), clip.sha256))


@router.get("/{token}/table.json", response_model=Table, responses={409: {"model": Unreadable}, 404: {}})
async def table(token: str, request: Request) -> Response:
    """Times, drawings and bundles of a clip; it is decoded on first need."""
    clip = await run_in_threadpool(_clip, request, token)
    shown = await _shown(request, clip)
    if isinstance(shown, Broken):
        return JSONResponse({"error": shown.reason}, 409)
    made = Table(
        n_frames=shown.n_frames,
        width=shown.width_px,
        height=shown.height_px,
        rate=shown.rate,
        pts_ms=list(shown.pts_ms),
        end_ms=shown.end_ms,
        drawing=list(shown.drawing),
        flashing=shown.flashing or clip.flashing,
        bundles=[
            BundlePlace(url=f"{number}.bin", start=bundle.start, count=bundle.count)
            for number, bundle in enumerate(shown.bundles)
        ],
    )
    return JSONResponse(made.model_dump(), headers=KEPT)


@router.get(
    "/{token}/{number}.bin",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, 404: {}, 409: {"model": Unreadable}},
)
async def bundle(token: str, number: int, request: Request) -> Response:
    """The pictures of one bundle of a clip."""
    clip = await run_in_threadpool(_clip, request, token)
    for _ in range(2):  # between asking and reading, others may have needed the room
        shown = await _shown(request, clip)
        if isinstance(shown, Broken):
            return JSONResponse({"error": shown.reason}, 409)
        if not 0 <= number < len(shown.bundles):
            raise HTTPException(404, f"bundle {number}: this clip has {len(shown.bundles)}")
        path = bundles_of(request.app).file(clip.sha256, number)
        try:
            data = await run_in_threadpool(path.read_bytes)
        except FileNotFoundError:
            continue
        return Response(data, media_type="application/octet-stream", headers=KEPT)
    raise HTTPException(503, "the room for decoded frames is too small; give it more bytes")


@router.get(
    "/{token}/picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, 404: {}, 409: {"model": Unreadable}},
)
def picture(token: str, request: Request) -> Response:
    """The picture that the prompt gave beside its words: the first frame of image-to-video."""
    path = _clip(request, token).image
    if path is None:
        raise HTTPException(404, "this prompt has no picture")
    from animatrix_reward.room.decode import pictured

    try:
        return Response(pictured(Path(path)), media_type="image/jpeg", headers=KEPT)
    except OSError as error:
        reason = "the prompt's picture is gone" if isinstance(error, FileNotFoundError) else "it cannot be read"
        return JSONResponse({"error": reason}, 409)
