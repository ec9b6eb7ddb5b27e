"""Decodes a clip once: a picture for every frame, its bundles, and when each drawing begins."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from anicaption.frames import VideoError, frames, probe
from anicaption.measure.flashing import FIELD as FLASHING
from anicaption.measure.flashing import read_flashing
from anicaption.measure.onepass import Watch
from anicaption.tracks import Tracks
from PIL import Image, ImageOps

from animatrix_reward.room.frames import Broken, Bundle, Shown

BUNDLE_FRAMES, FIRST_BUNDLE_FRAMES = 24, 6  # the first is short, so that a picture stands soon
MOST_ROWS_PX = 1080
WATCH_ROWS_PX = 144
LOSSLESS_MOST_PX = 1_000_000
"""Up to 720p pictures are kept exactly, which takes 1.4 to 1.9 times the bytes of a JPEG and 20 to 80 ms each; above,
where it would take 0.1 s and more, they are JPEG."""
JPEG_QUALITY = 95
SAME_CHANGE, CLEAR_CHANGE = 1e-3, 2e-3  # mean luma difference of a frame shown twice, after coding; of two drawings
CLEAN_SHARE, STANDS = 0.2, 2e-4  # of frames shown twice from which changes can be trusted; camera, frame sizes a frame
MOST_FRAMES = 2_000
"""A clip of the room is a shot. More than this is a film that was given by mistake."""


def make(path: Path, folder: Path, sha256: str = "") -> Shown | Broken:
    """Decode a clip once, write its bundles and `table.json` into `folder`."""
    try:
        if sha256 and (found := _hash(path)) != sha256:
            shown: Shown | Broken = Broken(f"the file's sha256 is {found[:12]}..., the clip's is {sha256[:12]}...")
        else:
            shown = _made(path, folder)
    except (VideoError, OSError) as error:
        shown = Broken(_without(str(error), path))
    table = {"broken": shown.reason} if isinstance(shown, Broken) else asdict(shown)
    (folder / "table.json").write_text(json.dumps(table), "utf-8")
    return shown


def _made(path: Path, folder: Path) -> Shown | Broken:
    stream = probe(path)
    rows = min(stream.height_px, MOST_ROWS_PX)
    watch = Watch(stream.rate, stream.shown_width_px, stream.height_px)
    writing = _Writing(folder)
    pts_ms: list[float] = []
    size, last_ms = (0, 0), 0.0
    first_pts = 0
    for frame in frames(path):
        if frame.index >= MOST_FRAMES:
            return Broken(f"more than {MOST_FRAMES} frames; cut it into shots first (animatrix-ingest)")
        first_pts = first_pts if pts_ms else frame.pts
        picture = frame.rgb(rows, stream.pixel_aspect)
        size = (picture.shape[1], picture.shape[0])
        watch.see(frame.rgb(min(WATCH_ROWS_PX, rows), stream.pixel_aspect), lambda picture=picture: picture)
        writing.add(picture)
        pts_ms.append(round(float((frame.pts - first_pts) * frame.time_base * 1000), 6))
        last_ms = float((frame.duration or 0) * frame.time_base * 1000)
    if not pts_ms:
        return Broken("no frame in it")
    tracks = watch.tracks()
    last_ms = last_ms or (pts_ms[-1] - pts_ms[-2] if len(pts_ms) > 1 else 1000 / float(stream.rate))
    return Shown(
        n_frames=len(pts_ms),
        width_px=size[0],
        height_px=size[1],
        rate=float(stream.rate),
        pts_ms=tuple(pts_ms),
        end_ms=round(pts_ms[-1] + last_ms, 6),
        drawing=drawing_numbers(tracks),
        flashing=read_flashing(tracks)[FLASHING].values == ("flashing",),
        bundles=tuple(writing.rest()),
    )


def drawing_numbers(tracks: Tracks) -> tuple[int, ...]:
    """From 1, a number more where the drawing changes.

    A picture shown twice is one drawing. Where pictures are shown twice now and then and the camera stands, any other
    change is a new drawing; elsewhere (a moving camera, grain) AniCaption's exposure decides, and where that cannot
    tell, any change. What is hidden from it, a flash or a cut, is a drawing to who steps through the clip.
    """
    change = np.nan_to_num(tracks["change"], nan=1.0)
    again = change <= SAME_CHANGE
    measured = tracks["drawing_new"].astype(float)
    new = np.where(np.isfinite(measured), measured > 0.5, True) & ~again
    if len(again) > 1 and again[1:].mean() > CLEAN_SHARE:
        moves = np.hypot(np.nan_to_num(tracks["camera_x"]), np.nan_to_num(tracks["camera_y"])) >= STANDS
        travels = moves & (np.append(moves[1:], False) | np.append(False, moves[:-1]))  # one jump alone is no travel
        new |= (change > CLEAR_CHANGE) & ~travels
    for event in tracks.events:
        if event.field in ("vfx.impact_frame", "camera.transition"):
            for frame in (event.start, event.end):
                if frame < len(new):
                    new[frame] = True
    new[:1] = False
    return tuple((1 + np.cumsum(new)).tolist())


class _Writing:
    """Bundles being written, a frame at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: list[Bundle] = []
        self._data: list[bytes] = []
        self._places: list[int] = []  # of each frame, which of `_data`
        self._last: np.ndarray | None = None

    def add(self, picture: np.ndarray) -> None:
        if len(self._places) >= (BUNDLE_FRAMES if self._done else FIRST_BUNDLE_FRAMES):
            self._close()
        if not self._data or self._last is None or not np.array_equal(picture, self._last):
            self._data.append(encoded(picture, lossless=picture.size <= 3 * LOSSLESS_MOST_PX))
        self._places.append(len(self._data) - 1)
        self._last = picture

    def rest(self) -> Iterator[Bundle]:
        """All bundles, the last one closed."""
        if self._places:
            self._close()
        yield from self._done

    def _close(self) -> None:
        count = len(self._places)
        offsets = np.cumsum([4 + 8 * count, *map(len, self._data)]).tolist()
        index = [number for place in self._places for number in (offsets[place], len(self._data[place]))]
        data = struct.pack(f"<I{2 * count}I", count, *index) + b"".join(self._data)
        (self._folder / f"{len(self._done)}.bin").write_bytes(data)
        start = self._done[-1].start + self._done[-1].count if self._done else 0
        self._done.append(Bundle(start, count, len(data)))
        self._data, self._places = [], []


def encoded(picture: np.ndarray, lossless: bool) -> bytes:
    """RGB uint8 (H, W, 3) as WebP without loss, fast, or as JPEG with whole chroma."""
    buffer = io.BytesIO()
    image = Image.fromarray(picture)
    if lossless:
        image.save(buffer, "WEBP", lossless=True, method=0, quality=30)
    else:
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def pictured(path: Path) -> bytes:
    """A prompt's picture as a JPEG of its pixels alone: nothing that its file says of where it comes from."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((1920, MOST_ROWS_PX))
    return encoded(np.asarray(upright), lossless=False)


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _without(message: str, path: Path) -> str:
    """A message without the path: pages show it, and paths name models."""
    return message.replace(str(path), "the clip").replace(path.name, "the clip")
