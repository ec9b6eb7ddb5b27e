"""The exposure sheet of a record as XDTS, the digital time sheet that animation programs exchange.

"XDTS file format", version 1.0 (Toei Animation, Celsys 2022): a line that names the format, then JSON. A cell track
says at which frames another drawing is exposed, a camera track which instruction holds; what stands holds on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal

from anicaption.explain_sheet import cels
from anicaption.lexicon import phrases
from anicaption.record import Record
from anicaption.taxonomy import NOT_APPLICABLE
from anicaption.taxonomy import UNKNOWN as NOT_KNOWN

FIRST_LINE = "exchangeDigitalTimeSheet Save Data"
VERSION = 5
CELL, CAMERA = 0, 5
HOLD, EMPTY = "SYMBOL_HYPHEN", "SYMBOL_NULL_CELL"
UNKNOWN = "?"
"""The cell where nobody could tell which drawing is exposed: the format has no word for it."""
_CAMERA_FIELDS = ("camera.move", "camera.shake", "camera.transition")


def xdts(record: Record, name: str, language: Literal["en", "ja"] = "ja") -> str:
    """The sheet of one shot, named `name`: its cels, and what the camera does in `language` (`en` or `ja`)."""
    sheets = cels(record)
    cell_tracks = [[(frame, cell) for frame, cell in _changes(numbers)] for numbers in sheets.values()]
    lanes = _lanes(move for field in _CAMERA_FIELDS for move in _moves(record, field, language))
    camera_tracks = [_instructions(lane, record.n_frames) for lane in lanes]
    fields = [(CELL, list(sheets), cell_tracks), (CAMERA, [str(at + 1) for at in range(len(lanes))], camera_tracks)]
    present = [field for field in fields if field[2]]
    table = {
        "name": name,
        "duration": record.n_frames,
        "timeTableHeaders": [{"fieldId": number, "names": names} for number, names, _ in present],
        "fields": [{"fieldId": number, "tracks": _tracks(tracks)} for number, _, tracks in present],
    }
    header = {"header": {"cut": "1", "scene": "1"}, "timeTables": [table], "version": VERSION}
    return f"{FIRST_LINE}\n{json.dumps(header, ensure_ascii=False, indent=1)}\n"


def _moves(record: Record, field: str, language: Literal["en", "ja"]) -> list[tuple[int, int, str]]:
    """(start, end, words) of what a field says; a value without a span holds for the whole shot."""
    known = record[field]
    said = [(span.start, span.end, span.value) for span in known.spans] or [
        (0, record.n_frames, value) for value in known.values
    ]
    silent = ("none", NOT_APPLICABLE, NOT_KNOWN)
    return [(start, end, phrases(field, value, language)[0]) for start, end, value in said if value not in silent]


def _changes(numbers: list[int | None]) -> list[tuple[int, str]]:
    """(frame, cell) wherever another drawing than before is exposed."""
    names = [UNKNOWN if number is None else str(number) for number in numbers]
    return [(at, name) for at, name in enumerate(names) if at == 0 or name != names[at - 1]]


def _lanes(spans: Iterable[tuple[int, int, str]]) -> list[list[tuple[int, int, str]]]:
    """The spans in as few tracks as hold them without overlap."""
    lanes: list[list[tuple[int, int, str]]] = []
    for span in sorted(spans):
        free = next((lane for lane in lanes if lane[-1][1] <= span[0]), None)
        if free is None:
            lanes.append([span])
        else:
            free.append(span)
    return lanes


def _instructions(spans: list[tuple[int, int, str]], n_frames: int) -> list[tuple[int, str]]:
    """An instruction stands at its first frame, a line on every frame it lasts, and nothing after it."""
    said: list[tuple[int, str]] = []
    for at, (start, end, words) in enumerate(spans):
        said += [(start, words), *((frame, HOLD) for frame in range(start + 1, end))]
        following = spans[at + 1][0] if at + 1 < len(spans) else n_frames
        if end < following:
            said.append((end, EMPTY))
    return said


def _tracks(tracks: list[list[tuple[int, str]]]) -> list[dict]:
    return [
        {
            "trackNo": number,
            "frames": [{"frame": frame, "data": [{"id": 0, "values": [value]}]} for frame, value in track],
        }
        for number, track in enumerate(tracks)
    ]
