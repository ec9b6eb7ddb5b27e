"""A tiny data set folder as animatrix-ingest leaves one, drawn here: a picture that the camera pans over."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
from anicaption.directive import directive
from anicaption.frames import FILM_RATE, encode_clip
from anicaption.record import Record, Span, drawn
from anicaption.tracks import Tracks
from animatrix_ingest.engine import Silent, in_turn
from animatrix_ingest.keep import build, clips, tables, video
from animatrix_ingest.keep.annotations import commit_labels, write_table
from animatrix_ingest.keep.ledger import Ledger, begin, put_side
from animatrix_ingest.keep.made import Made
from animatrix_ingest.keep.store import Writing, digest, open_store
from animatrix_ingest.pipeline import settle
from animatrix_ingest.rows import Member, Side, Source, Unit
from animatrix_ingest.rows import Span as RowSpan

MOVES = {"pan_left": (-1, 0), "pan_right": (1, 0), "pan_up": (0, -1), "pan_down": (0, 1), "none": (0, 0)}


def clip(move: str, n_frames: int, seed: int, size: tuple[int, int] = (48, 80), step_px: int = 4) -> np.ndarray:
    """RGB uint8 (n, H, W, 3): coloured blocks, the frame moving `step_px` a frame."""
    rng = np.random.default_rng(seed)
    height, width = size
    blocks = rng.integers(0, 256, (3 * height // 12 + 1, 3 * width // 12 + 1, 3))
    art = np.kron(blocks, np.ones((12, 12, 1))).astype(np.uint8)
    dx, dy = MOVES[move]
    tops = [height + dy * step_px * t for t in range(n_frames)]
    lefts = [width + dx * step_px * t for t in range(n_frames)]
    return np.stack([art[y : y + height, x : x + width] for y, x in zip(tops, lefts, strict=True)])


def record(
    move: str, n_frames: int, size: tuple[int, int] = (48, 80), step_px: int = 4, medium: str = "digital_2d"
) -> Record:
    dx, dy = MOVES[move]
    still = np.zeros(n_frames, np.float32)
    moving = np.ones(n_frames, np.float32)
    moving[0] = 0
    columns = {
        "camera_x": moving * dx * step_px / size[1],
        "camera_y": moving * dy * step_px / size[0],
        "camera_zoom": still,
        "camera_roll_deg": still,
    }
    spans = [Span(value=move, start=0, end=n_frames)]
    variables = {
        "camera.move": drawn("camera.move", [move], spans),
        "style.medium": drawn("style.medium", [medium]),
    }
    return Record.build(Tracks(FILM_RATE, size[1], size[0], columns), variables)


def write_dataset(folder: Path | str, lengths: list[int], seed: int = 0) -> Path | str:
    """A data set with one clip per length, moves in turn: a unit as a worker leaves it, packed and committed."""
    store = open_store(folder)
    begin(store)
    made = Made({"drawn": seed}, "drawn", {})
    ledger = Ledger(store, made.fingerprint)
    side = store.writing()
    members = [_member(side, i, sum(lengths[:i]), n, seed) for i, n in enumerate(lengths)]
    clips_side = Side(side.blake2b, side.size_bytes)
    side.commit(clips_side.name)
    source = Source("drawn", "0" * 64, 0)
    stream = {"time_base": str(1 / Fraction(FILM_RATE)), "rate": str(FILM_RATE)}
    rows = put_side(store, tables.to_bytes(clips.members(source, stream, members, clips_side.name)))
    sides = {"clips": clips_side, "members": rows}
    unit = Unit(source, made.fingerprint, 0, stream, sum(lengths), len(lengths), (), (), None, sides, 0.0)
    ledger.commit(unit)
    with in_turn() as engine:
        now = settle(ledger, made, {"drawn": (source, {})}, 1 << 30, lambda: engine, Silent())
    build.commit_first_labels(store, now)
    return folder


def say(folder: Path, **kinds: dict[str, dict[str, object]]) -> int:
    """Commit annotations of the clips (`splits={"clip000": {"split": "train"}}`) as a labels generation; its number."""
    store = open_store(folder)
    named = {
        kind: [write_table(store, pa.Table.from_pylist([{"key": key, **said} for key, said in rows.items()]))]
        for kind, rows in kinds.items()
    }
    return commit_labels(store, video.load(store).number, named, {"by": "a test"})


def sides(letters: str) -> dict[str, dict[str, object]]:
    """Splits of the clips 0, 1, ... as letters: t(rain), v(alidation), h(eld out)."""
    names = {"t": "train", "v": "validation", "h": "held_out"}
    return {f"clip{i:03d}": {"split": names[letter]} for i, letter in enumerate(letters)}


def _member(side: Writing, number: int, start: int, n_frames: int, seed: int) -> Member:
    move = list(MOVES)[number % len(MOVES)]
    known = record(move, n_frames)
    key = f"clip{number:03d}"
    files = {
        "json": json.dumps({"key": key, "record": known.to_json()}).encode(),
        "mp4": encode_clip(clip(move, n_frames, seed + number), crf=12),
        "txt": directive(known).text.encode(),
    }
    return Member(
        key=key,
        span=RowSpan(start, start + n_frames, 0, n_frames),
        width_px=known.width_px,
        height_px=known.height_px,
        rate=FILM_RATE,
        **{suffix: side.write(data) for suffix, data in files.items()},
        **{f"{suffix}_blake2b": digest(data) for suffix, data in files.items()},
        tags=known.tags(),
        directive=files["txt"].decode(),
    )
