"""Pictures and times of the clips of a task, by their tokens. Nothing in an answer tells clips of one model apart."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from animatrix_reward.room.frames import Broken, Bundles, Shown
from animatrix_reward.room.people import Current, Person
from animatrix_reward.room.store import clip_of_token
from animatrix_reward.room.tables import Clip

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


def open_bundles(app: FastAPI, bundles: Bundles) -> None:
    """Give an application its bundles; `bundles_of` makes them in the settings' folder otherwise."""
    app.state.bundles = bundles


def bundles_of(app: FastAPI) -> Bundles:
    """The bundles of an application, made on first need."""
    if getattr(app.state, "bundles", None) is None:
        app.state.bundles = Bundles(app.state.store.settings.frames)
    return app.state.bundles


def _clip(request: Request, person: Person, token: str) -> Clip:
    with request.app.state.store.read() as session:
        clip = clip_of_token(session, token, person)
    if clip is None:
        raise HTTPException(404, "no clip of yours has this token; load the task again")
    return clip


async def _shown(request: Request, clip: Clip) -> Shown | Broken:
    return await asyncio.wrap_future(bundles_of(request.app).ask(Path(clip.path), clip.sha256))


@router.get("/{token}/table.json", response_model=Table, responses={409: {"model": Unreadable}, 404: {}})
async def table(token: str, request: Request, person: Current) -> Response:
    """Times, drawings and bundles of a clip; it is decoded on first need."""
    clip = await asyncio.to_thread(_clip, request, person, token)
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
async def bundle(token: str, number: int, request: Request, person: Current) -> Response:
    """The pictures of one bundle of a clip."""
    clip = await asyncio.to_thread(_clip, request, person, token)
    for _ in range(2):  # between asking and reading, others may have needed the room
        shown = await _shown(request, clip)
        if isinstance(shown, Broken):
            return JSONResponse({"error": shown.reason}, 409)
        if not 0 <= number < len(shown.bundles):
            raise HTTPException(404, f"bundle {number}: this clip has {len(shown.bundles)}")
        path = bundles_of(request.app).file(clip.sha256, number)
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            continue
        return Response(data, media_type="application/octet-stream", headers=KEPT)
    raise HTTPException(503, "the room for decoded frames is too small; give it more bytes")
