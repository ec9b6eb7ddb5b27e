"""Label Studio JSON: tasks with annotations. Its video frames are counted from 1 and the last one belongs to a range.

One annotation is one event: `unique_id` its id, `completed_by` its rater, `created_at` its moment. Results by `type`:

    timelinelabels  a span of deformation: ranges [{start, end}] from 1, inclusive; its kind; verdict (`choices`),
                    severity (`rating`), cues (`choices`) and box (`rectanglelabels`, percent) share the region's id
    rating          a score, `from_name` is the dimension
    pairwise        left or right; a tie and "cannot judge" are `choices` from `verdict`
    choices         from `none`: nothing here

The same words are expected of files made in Label Studio itself; what this room does not know is refused by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anicaption.taxonomy import taxonomy

from animatrix_reward.dimensions import BY_ID
from animatrix_reward.events import Event, EventError

if TYPE_CHECKING:
    from animatrix_reward.exchange import Clip, Placed

_NONE = "none"


def write(said: Sequence[Event], clips: Mapping[str, Clip]) -> tuple[str, int]:
    """(the file's text, events in it): comparisons, scores and deformations that stand."""
    tasks: dict[tuple[str, str], dict[str, Any]] = {}
    n_events = 0
    for event in said:
        if event.kind not in ("compare", "rate", "deform"):
            continue
        task = tasks.setdefault((event.task, event.kind), {"data": _data(event, clips), "annotations": []})
        task["annotations"].append(
            {
                "unique_id": event.id,
                "completed_by": event.rater,
                "created_at": event.made_at,
                "was_cancelled": False,
                "result": _results(event),
            }
        )
        n_events += 1
    numbered = [{"id": number, **task} for number, task in enumerate(tasks.values(), 1)]
    return json.dumps(numbered, ensure_ascii=False, indent=1) + "\n", n_events


def _data(event: Event, clips: Mapping[str, Clip]) -> dict[str, Any]:
    body = event.body
    data: dict[str, Any] = {"kind": event.kind, "task": event.task, "taxonomy_hash": event.taxonomy_hash}
    if event.kind == "compare":
        left, right = sorted((body["left"], body["right"]))
        return data | {"prompt": body["prompt"], "text": clips[left].prompt_text, "left": left, "right": right,
                       "video_left": clips[left].path, "video_right": clips[right].path}  # fmt: skip
    clip = clips[body["clip"]]
    return data | {"clip": clip.id, "video": clip.path, "text": clip.prompt_text, "n_frames": clip.n_frames}


def _results(event: Event) -> list[dict[str, Any]]:
    body, found = event.body, []
    if body.get("note"):
        found.append(_result("note", "textarea", {"text": [body["note"]]}))
    if event.kind == "rate":
        return found + [_result(name, "rating", {"rating": score}) for name, score in body["scores"].items()]
    if event.kind == "compare":
        found.append(_result("dimension", "choices", {"choices": [body["dimension"]]}))
        turned = body["left"] > body["right"]
        found.append(_result("turned", "choices", {"choices": ["yes" if turned else "no"]}))
        if body["verdict"] in ("left", "right"):
            # A task's videos stand in one order for all its annotations; who saw them turned round preferred the other.
            other = {"left": "right", "right": "left"}[body["verdict"]]
            return [*found, _result("preference", "pairwise", {"selected": other if turned else body["verdict"]})]
        return [*found, _result("verdict", "choices", {"choices": [body["verdict"]]})]
    if body["none"]:
        return [*found, _result(_NONE, "choices", {"choices": [_NONE]})]
    for number, span in enumerate(body["spans"]):
        found += _region(f"{event.id}-{number}", span)
    return found


def _region(region: str, span: Mapping[str, Any]) -> list[dict[str, Any]]:
    ranges = [{"start": span["start"] + 1, "end": span["end"]}]
    found = [
        _result("deformation", "timelinelabels", {"ranges": ranges, "timelinelabels": [span["kind"]]}, region),
        _result("verdict", "choices", {"choices": [span["verdict"]]}, region),
        _result("severity", "rating", {"rating": span["severity"]}, region),
    ]
    if span["cues"]:
        found.append(_result("cues", "choices", {"choices": span["cues"]}, region))
    if span["box"]:
        x0, y0, x1, y1 = span["box"]
        box = {"x": 100 * x0, "y": 100 * y0, "width": 100 * (x1 - x0), "height": 100 * (y1 - y0), "rotation": 0}
        found.append(_result("box", "rectanglelabels", {**box, "rectanglelabels": [span["kind"]]}, region))
    return found


def _result(name: str, kind: str, value: Mapping[str, Any], region: str = "") -> dict[str, Any]:
    return {**({"id": region} if region else {}), "from_name": name, "to_name": "video", "type": kind, "value": value}


def read(path: Path, clips: Sequence[Clip]) -> list[Placed]:
    """Annotations as rows of events. Raises EventError with the task and annotation that is wrong."""
    try:
        tasks = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise EventError(f"{path}: no JSON ({error})") from error
    if not isinstance(tasks, list):
        raise EventError(f"{path}: no list of tasks; export from Label Studio as JSON (not JSON-MIN)")
    placed: list[Placed] = []
    for number, task in enumerate(tasks, 1):
        place = f"{path}: task {number}"
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            raise EventError(f"{place}: no data; export from Label Studio as JSON (not JSON-MIN)")
        for at, annotation in enumerate(task.get("annotations", ()), 1):
            if not annotation.get("was_cancelled"):
                where = f"{place}, annotation {at}"
                try:
                    placed.append((where, _event(task, annotation, clips, where)))
                except (KeyError, IndexError, TypeError, AttributeError) as error:
                    raise EventError(
                        f"{where}: {error!r}: not as Label Studio writes it; see the file's head"
                    ) from error
    return placed


def _event(task: Mapping[str, Any], annotation: Mapping[str, Any], clips: Sequence[Clip], place: str) -> dict[str, Any]:
    data, results = task["data"], annotation["result"]
    kind = data.get("kind") or ("compare" if any(r["type"] == "pairwise" for r in results) else None)
    if kind is None:
        kind = "deform" if any(r["type"] == "timelinelabels" or r["from_name"] == _NONE for r in results) else "rate"
    own = hashlib.sha256(json.dumps([task.get("id"), annotation], sort_keys=True).encode()).hexdigest()[:24]
    body = {"compare": _compare, "rate": _rate, "deform": _deform}[kind](data, results, clips, place)
    note = [result["value"]["text"] for result in results if result["from_name"] == "note"]
    if note:
        body["note"] = note[0][0] if isinstance(note[0], list) else note[0]
    rater = annotation.get("completed_by", "nobody")
    return {
        "id": annotation.get("unique_id") or f"ls-{own}",
        "rater": rater if isinstance(rater, str) else f"ls-{rater}",
        "task": data.get("task") or f"ls-{task['id']}",
        "kind": kind,
        "made_at": annotation["created_at"].replace("Z", "+00:00"),
        "body": body,
        "taxonomy_hash": data.get("taxonomy_hash") or taxonomy().hash,
    }


def _clip(data: Mapping[str, Any], name: str, video: str, clips: Sequence[Clip], place: str) -> str:
    """The clip that a task's data names by id, or by the file name of its video."""
    if name in data:
        return str(data[name])
    file = Path(str(data.get(video, ""))).name
    found = [clip.id for clip in clips if Path(clip.path).name == file]
    if len(found) != 1:
        raise EventError(
            f"{place}: data.{video}: {len(found)} clips of this room are called {file!r}; give data.{name}"
        )
    return found[0]


def _compare(data: Mapping[str, Any], results: Sequence[Mapping[str, Any]], clips, place: str) -> dict[str, Any]:
    left, right = (_clip(data, side, f"video_{side}", clips, place) for side in ("left", "right"))
    prompt = next((clip.prompt for clip in clips if clip.id == left), str(data.get("prompt", "")))
    turned = _choice(results, "turned", "no") == "yes"
    if chosen := [result["value"]["selected"] for result in results if result["type"] == "pairwise"]:
        verdict = {"left": "right", "right": "left"}[chosen[0]] if turned else chosen[0]
    else:
        verdict = _choice(results, "verdict", "")
    if turned:
        left, right = right, left
    dimension = _choice(results, "dimension", "overall")
    return {"prompt": prompt, "left": left, "right": right, "dimension": dimension, "verdict": verdict}


def _choice(results: Sequence[Mapping[str, Any]], name: str, otherwise: str, region: str | None = None) -> str:
    for result in results:
        if result["from_name"] == name and (region is None or result.get("id") == region):
            return result["value"]["choices"][0]
    return otherwise


def _rate(data: Mapping[str, Any], results: Sequence[Mapping[str, Any]], clips, place: str) -> dict[str, Any]:
    scores = {}
    for result in results:
        if result["type"] == "rating":
            if result["from_name"] not in BY_ID:
                raise EventError(f"{place}: from_name: {result['from_name']!r} is none of {', '.join(BY_ID)}")
            scores[result["from_name"]] = result["value"]["rating"]
    return {"clip": _clip(data, "clip", "video", clips, place), "scores": scores}


def _deform(data: Mapping[str, Any], results: Sequence[Mapping[str, Any]], clips, place: str) -> dict[str, Any]:
    spans = []
    for result in results:
        if result["type"] != "timelinelabels":
            continue
        region = result.get("id")
        same = [other for other in results if other.get("id") == region and other is not result]
        for each in result["value"]["ranges"]:
            if each["start"] < 1:
                raise EventError(f"{place}: ranges: frame {each['start']}: Label Studio counts frames from 1")
            spans.append(
                {
                    "start": each["start"] - 1,
                    "end": each["end"],
                    "kind": result["value"]["timelinelabels"][0],
                    "verdict": _choice(same, "verdict", "unsure"),
                    "severity": next((o["value"]["rating"] for o in same if o["from_name"] == "severity"), 3),
                    "cues": next((list(o["value"]["choices"]) for o in same if o["from_name"] == "cues"), []),
                    "box": next((_box(o["value"]) for o in same if o["type"] == "rectanglelabels"), None),
                }
            )
    return {"clip": _clip(data, "clip", "video", clips, place), "spans": spans, "none": not spans}


def _box(value: Mapping[str, float]) -> list[float]:
    x0, y0 = value["x"] / 100, value["y"] / 100
    sides = (x0, y0, x0 + value["width"] / 100, y0 + value["height"] / 100)
    return [round(min(1.0, max(0.0, side)), 6) for side in sides]
