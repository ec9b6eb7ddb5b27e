"""Clips for the Judge: the JSONL list that the room takes, looked at once each.

A line has at least {"prompt", "path", "tags", "text"}; "id" names the clip, or prompt and content do, as in the room.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anicaption.frames import frames, probe
from anicaption.taxonomy import TaxonomyError, taxonomy

from animatrix_reward.features import Seen, look
from animatrix_reward.refused import Refused

ROWS_PX, ENCODED_ROWS_PX = 144, 240  # of the Judge's own look; and of one that a frozen encoder shares


@dataclass(frozen=True)
class Listed:
    """A clip of a list with what was asked for."""

    id: str
    prompt: str
    path: Path
    tags: Mapping[str, tuple[str, ...]]
    text: str


def read_clips(path: Path) -> list[Listed]:
    """All clips of a list. Raises Refused with the line of the first that is wrong."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path}: cannot be read ({error}); give a JSONL list of clips in UTF-8") from error
    found: dict[str, Listed] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            one = _listed(line, path.parent, f"{path}: line {number}")
            if one.id in found:
                raise Refused(f"{path}: line {number}: id: {one.id} stands in the list already")
            found[one.id] = one
    if not found:
        raise Refused(f"{path}: no clips in it")
    return list(found.values())


def _listed(line: str, folder: Path, place: str) -> Listed:
    try:
        row = json.loads(line)
        prompt, name, said, text = (row[key] for key in ("prompt", "path", "tags", "text"))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{place}: {error!r}; a line is an object with prompt, path, tags and text") from error
    path = (folder / name).resolve()
    if not path.is_file():
        raise Refused(f"{place}: path: no file {name}; paths are relative to the list")
    try:
        tags = {
            field: taxonomy()[field].check([values] if isinstance(values, str) else values)
            for field, values in said.items()
        }
    except TaxonomyError as error:
        raise TaxonomyError(f"{place}: tags: {error}") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    own = hashlib.sha256(f"{prompt}/{digest}".encode()).hexdigest()[:20]
    return Listed(row.get("id") or f"c-{own}", prompt, path, tags, text)


def looked_at(clips: list[Listed], encoder=None) -> Iterator[tuple[Listed, Seen]]:
    """Every clip decoded and looked at. Raises VideoError for one that cannot be read."""
    for clip in clips:
        yield clip, look(pictures(clip, encoder), encoder)


def pictures(clip: Listed, encoder=None) -> np.ndarray:
    """All frames of a clip, RGB uint8 (T, H, W, 3): never more rows than the source has, and an even number of them."""
    wanted_px = ROWS_PX if encoder is None else ENCODED_ROWS_PX
    rows_px = min(probe(clip.path).height_px, wanted_px) // 2 * 2
    return np.stack([frame.rgb(rows_px) for frame in frames(clip.path)])
