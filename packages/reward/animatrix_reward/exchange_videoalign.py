"""VideoAlign CSV: a row per pair and rater with A, B or same for visual quality, motion quality and text alignment.

    VQ = anime_aesthetic     MQ = artistic_motion     TA = prompt_understanding     Overall (ours, as the rest after it)

VideoAlign's trainer reads the columns it knows and passes over ours (Overall, rater, task, made_at, taxonomy_hash).
`same` is read as "equal good": the format does not tell equal good from equal bad. Paths name clips by their file name.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anicaption.taxonomy import taxonomy

from animatrix_reward.events import Event, EventError

if TYPE_CHECKING:
    from animatrix_reward.exchange import Clip, Placed

DIMENSION_OF = {
    "VQ": "anime_aesthetic",
    "MQ": "artistic_motion",
    "TA": "prompt_understanding",
    "Overall": "overall",
}
_THEIRS = ("path_A", "path_B", "prompt", "VQ", "MQ", "TA", "fps_A", "num_frames_A", "fps_B", "num_frames_B")
_OURS = ("Overall", "rater", "task", "made_at", "taxonomy_hash")
_SAID = {"A": "left", "B": "right", "same": "equal_good"}
_WORD = {"left": "A", "right": "B", "equal_good": "same", "equal_bad": "same"}
_UNKNOWN_MOMENT = "1970-01-01T00:00:00+00:00"


def write(said: Sequence[Event], clips: Mapping[str, Clip]) -> tuple[str, int]:
    """(the file's text, events in it): comparisons that were judged, on the four dimensions it has columns for."""
    column = {dimension: name for name, dimension in DIMENSION_OF.items()}
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    n_events = 0
    for event in said:
        body = event.body
        if event.kind != "compare" or body["dimension"] not in column or body["verdict"] not in _WORD:
            continue
        left, right = clips[body["left"]], clips[body["right"]]
        row = rows.setdefault(
            (event.rater, event.task, left.id, right.id),
            {
                **dict.fromkeys(DIMENSION_OF, ""),
                "path_A": left.path,
                "path_B": right.path,
                "prompt": left.prompt_text,
                "fps_A": f"{left.rate:g}",
                "fps_B": f"{right.rate:g}",
                "num_frames_A": str(left.n_frames),
                "num_frames_B": str(right.n_frames),
                "rater": event.rater,
                "task": event.task,
                "made_at": event.made_at,
                "taxonomy_hash": event.taxonomy_hash,
            },
        )
        row[column[body["dimension"]]] = _WORD[body["verdict"]]
        n_events += 1
    text = io.StringIO()
    columns: list[str] = [*_THEIRS, *_OURS]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    return text.getvalue(), n_events


def read(path: Path, clips: Sequence[Clip]) -> list[Placed]:
    """Rows as rows of events. Raises EventError with the line of one that is wrong."""
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EventError(f"{path}: not UTF-8 ({error})") from error
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in ("path_A", "path_B", "prompt") if name not in (reader.fieldnames or ())]
    if missing:
        raise EventError(f"{path}: line 1: no column {', '.join(missing)}; VideoAlign has {', '.join(_THEIRS)}")
    by_name: dict[str, list[Clip]] = {}
    for clip in clips:
        by_name.setdefault(Path(clip.path).name, []).append(clip)
    placed: list[Placed] = []
    for row in reader:
        place = f"{path}: line {reader.line_num}"
        left, right = (_clip(row, name, by_name, place) for name in ("path_A", "path_B"))
        said = {name: row.get(name) or "" for name in DIMENSION_OF}
        if not any(said.values()):
            raise EventError(f"{place}: says nothing: none of {', '.join(DIMENSION_OF)} is filled")
        for name, word in said.items():
            if word and word not in _SAID:
                raise EventError(f"{place}: {name}: {word!r} is none of {', '.join(_SAID)}")
            if word:
                placed.append((place, _event(row, name, left, right, _SAID[word])))
    return placed


def _clip(row: Mapping[str, Any], name: str, by_name: Mapping[str, list[Clip]], place: str) -> Clip:
    found = by_name.get(Path(row[name] or "").name, [])
    if len(found) != 1:
        why = "no clip of that name is" if not found else f"{len(found)} clips of that name are"
        raise EventError(f"{place}: {name}: {row[name]}: {why} in this room; names must tell clips apart")
    return found[0]


def _event(row: Mapping[str, Any], name: str, left: Clip, right: Clip, verdict: str) -> dict[str, Any]:
    rater = row.get("rater") or "videoalign"
    task = row.get("task") or f"va-{_digest(left.id, right.id)}"
    return {
        "id": f"va-{_digest(json.dumps(row, sort_keys=True), name)}",
        "rater": rater,
        "task": task,
        "kind": "compare",
        "made_at": row.get("made_at") or _UNKNOWN_MOMENT,
        "body": {
            "prompt": left.prompt,
            "left": left.id,
            "right": right.id,
            "dimension": DIMENSION_OF[name],
            "verdict": verdict,
        },
        "taxonomy_hash": row.get("taxonomy_hash") or taxonomy().hash,
    }


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]
