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
from anicaption.taxonomy import taxonomy
from anicaption.tracks import Tracks
from animatrix_ingest.keep import manifest, shards

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


def record(move: str, n_frames: int, size: tuple[int, int] = (48, 80), step_px: int = 4) -> Record:
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
        "style.medium": drawn("style.medium", ["digital_2d"]),
    }
    return Record.build(Tracks(FILM_RATE, size[1], size[0], columns), variables)


def write_dataset(folder: Path, lengths: list[int], seed: int = 0) -> Path:
    """A data set with one clip per length, moves in turn."""
    files: list[tuple[str, bytes]] = []
    rows = []
    for number, n_frames in enumerate(lengths):
        move = list(MOVES)[number % len(MOVES)]
        known = record(move, n_frames)
        members = {
            "json": json.dumps({"key": f"clip{number:03d}", "record": known.to_json()}).encode(),
            "mp4": encode_clip(clip(move, n_frames, seed + number), crf=12),
            "txt": directive(known).text.encode(),
        }
        files += [(f"clip{number:03d}.{suffix}", members[suffix]) for suffix in sorted(members)]
        rows.append(_row(number, n_frames, known))
    places, _ = shards.layout((name, len(data)) for name, data in files)
    for row in rows:
        for prefix, suffix in (("", "mp4"), ("json_", "json"), ("txt_", "txt")):
            row[f"{prefix}offset"], row[f"{prefix}length"] = places[f"{row['key']}.{suffix}"]
    (folder / shards.SHARDS).mkdir(parents=True)
    (folder / shards.SHARDS / "a.tar").write_bytes(b"".join(shards.tar(files)))
    manifest.write(folder, pa.Table.from_pylist(rows, schema=manifest.schema()))
    return folder


def _row(number: int, n_frames: int, known: Record) -> dict:
    tags = known.tags()
    row = {
        "key": f"clip{number:03d}", "source": "drawn", "source_sha256": "", "start_pts": 0, "end_pts": n_frames,
        "time_base": str(1 / Fraction(FILM_RATE)), "start_frame": 0, "end_frame": n_frames, "n_frames": n_frames,
        "width_px": known.width_px, "height_px": known.height_px, "rate": str(FILM_RATE), "shard": "a.tar",
        "mp4_blake2b": "",
    }  # fmt: skip
    return row | {field.id: list(tags.get(field.id, ("unknown",))) for field in taxonomy()}
