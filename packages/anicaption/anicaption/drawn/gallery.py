"""`anicaption draw --gallery`: every value of every field as a short loop, on one page that needs nothing else.

A loop is one WebP sheet of the frames that differ, played at 24 frames a second by the page, so an exposure on threes
is seen as one. Under each runs its exposure sheet: ticks where a drawing is new, a bar where the value holds.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from anicaption.drawn.film import render_frames
from anicaption.drawn.gallery_shots import Example, examples
from anicaption.drawn.script import Episode
from anicaption.taxonomy import Field, taxonomy

WIDTH_PX, HEIGHT_PX = 208, 118
_FINER = 2  # drawn so much larger and shrunk, as lines are finer than a pixel here
_QUALITY = 42
_MOST_FRAMES = 40
_COLUMNS = 8  # frames in a row of a sheet
_ALIKE = 0.35  # mean difference of pixel values under which two frames are shown as one
_FLASHES = {("content.flashing", "flashing")}  # not played until asked for
_AXES_JA = {
    "style": "画風・仕上げ",
    "motion": "動き・作画",
    "camera": "カメラ・画面",
    "vfx": "エフェクト・撮影",
    "content": "内容",
}


@dataclass(frozen=True)
class Loop:
    """An example as the page plays it: `order` says which frame of the sheet is shown at each frame of film."""

    sheet: bytes
    order: tuple[int, ...]
    new: tuple[int, ...]  # frames with a new drawing
    spans: tuple[tuple[int, int], ...]  # frames in which the value holds, of frames shown

    @property
    def poster(self) -> int:
        """The frame that stands for the loop while it does not play: the middle of where the value holds."""
        start, end = self.spans[0] if self.spans else (0, len(self.order))
        return (start + end) // 2


def gallery(out: str | Path, seen: Callable[[Example], None] | None = None) -> int:
    """Write the page to `out` and return how many values it shows; `seen` is told of each example once drawn."""
    loops: dict[tuple[str, str], Loop] = {}
    for example in examples():
        loops[example.field, example.value] = _loop(example)
        if seen is not None:
            seen(example)
    Path(out).write_text(page(loops), encoding="utf-8")
    return len(loops)


# -- loops -----------------------------------------------------------------------------------------------------


def _loop(example: Example) -> Loop:
    """The frames around what is shown, drawn and packed."""
    shots = example.shots
    film = list(render_frames(Episode("gallery", 0, shots), _FINER * HEIGHT_PX))
    cut = sum(shot.n_frames for shot in shots[: example.shown])
    own = shots[example.shown].n_frames
    variable = example.record[example.field]
    spans = [(cut + span.start, cut + span.end) for span in variable.spans if span.value == example.value]
    first, last = _window(len(film), spans if len(shots) > 1 or spans else [(cut, cut + own)])
    frames = [_fitted(frame) for frame in film[first:last]]
    order, kept = _distinct(frames)
    if example.record.tracks is None:
        raise ValueError(f"drawn.gallery: the truth of {example.field}={example.value} has no tracks; see truth_of")
    drawing_new = example.record.tracks["drawing_new"]
    new = [cut + t - first for t in np.flatnonzero(drawing_new > 0).tolist() if first <= cut + t < last]
    spans = spans or [(cut, cut + own)]
    clipped = [(max(a, first) - first, min(b, last) - first) for a, b in spans if a < last and b > first]
    return Loop(_sheet(kept), tuple(order), tuple(new), tuple(clipped))


def _window(n_frames: int, spans: list[tuple[int, int]]) -> tuple[int, int]:
    """At most _MOST_FRAMES frames around the middle of `spans`."""
    if n_frames <= _MOST_FRAMES:
        return 0, n_frames
    middle = (min(a for a, _ in spans) + max(b for _, b in spans)) // 2
    first = int(np.clip(middle - _MOST_FRAMES // 2, 0, n_frames - _MOST_FRAMES))
    return first, first + _MOST_FRAMES


def _fitted(frame: np.ndarray) -> np.ndarray:
    return cv2.resize(frame, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)


def _distinct(frames: list[np.ndarray]) -> tuple[list[int], list[np.ndarray]]:
    """Which of the kept frames stands for each frame, and the kept ones."""
    kept: list[np.ndarray] = []
    order: list[int] = []
    for frame in frames:
        near = [float(cv2.absdiff(frame, other).mean()) for other in kept]
        if near and min(near) < _ALIKE:
            order.append(int(np.argmin(near)))
        else:
            order.append(len(kept))
            kept.append(frame)
    return order, kept


def _sheet(frames: list[np.ndarray]) -> bytes:
    """Frames row by row as one WebP picture."""
    blank = np.zeros_like(frames[0])
    padded = frames + [blank] * (-len(frames) % _COLUMNS if len(frames) > _COLUMNS else 0)
    columns = min(_COLUMNS, len(padded))
    rows = [np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)]
    done, data = cv2.imencode(
        ".webp", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, _QUALITY]
    )
    if not done:
        raise RuntimeError("drawn.gallery: OpenCV cannot write WebP here; install opencv-python-headless from PyPI")
    return data.tobytes()


# -- page ------------------------------------------------------------------------------------------------------


def page(loops: dict[tuple[str, str], Loop]) -> str:
    """The page as HTML; values without a loop are listed as words."""
    template = files("anicaption.drawn").joinpath("gallery.html").read_text(encoding="utf-8")
    fields = list(taxonomy())
    n_values = sum(len(field.values) for field in fields)
    parts = {
        "VERSION": html.escape(taxonomy().version), "N_SHOWN": str(len(loops)), "N_VALUES": str(n_values),
        "N_FIELDS": str(len(fields)), "NAVIGATION": "".join(_navigation(fields, loops)),
        "SECTIONS": "".join(_sections(fields, loops)), "WIDTH": str(WIDTH_PX), "HEIGHT": str(HEIGHT_PX),
        "COLUMNS": str(_COLUMNS), "LOOPS": json.dumps(_data(loops), separators=(",", ":")),
    }  # fmt: skip
    for name, text in parts.items():
        template = template.replace("{{" + name + "}}", text)
    return template


def _data(loops: dict[tuple[str, str], Loop]) -> dict[str, list]:
    return {f"{name}={value}": [loop.order, max(loop.order) + 1, loop.poster] for (name, value), loop in loops.items()}


def _axes(fields: list[Field]) -> Iterator[tuple[str, list[Field]]]:
    for axis in taxonomy().axes:
        yield axis, [field for field in fields if field.axis == axis]


def _navigation(fields: list[Field], loops: dict[tuple[str, str], Loop]) -> Iterator[str]:
    for axis, members in _axes(fields):
        yield f'<p class="axis">{axis}<span lang="ja">{_AXES_JA.get(axis, "")}</span></p><ul>'
        for field in members:
            shown = sum((field.id, value.id) in loops for value in field.values)
            dim = "" if shown else ' class="none"'
            yield (
                f'<li{dim}><a href="#{field.id}"><span lang="ja">{html.escape(field.ja)}</span>'
                f"<small>{html.escape(field.name)}</small><i>{shown or '–'}</i></a></li>"
            )
        yield "</ul>"


def _sections(fields: list[Field], loops: dict[tuple[str, str], Loop]) -> Iterator[str]:
    for axis, members in _axes(fields):
        yield f'<h2 class="axis" id="axis-{axis}"><span lang="ja">{_AXES_JA.get(axis, "")}</span>{axis}</h2>'
        for field in members:
            yield (
                f'<section id="{field.id}"><header><h3><span lang="ja">{html.escape(field.ja)}</span>'
                f"<code>{field.id}</code></h3><p>{html.escape(field.definition)}</p></header>"
            )
            shown = [value for value in field.values if (field.id, value.id) in loops]
            rest = [value for value in field.values if (field.id, value.id) not in loops]
            if shown:
                yield '<div class="cards">'
                for value in shown:
                    yield _card(field, value, loops[field.id, value.id])
                yield "</div>"
            if rest:
                yield _rest(rest, folded=bool(shown))
            yield "</section>"


def _rest(values, folded: bool) -> str:
    """Values that no hand draws, as words."""
    label = "Not drawn" if folded else "Not drawn: this field is for eyes, not for geometry"
    words = "".join(
        f'<li><b lang="ja">{html.escape(value.ja)}</b><code>{value.id}</code>{html.escape(value.definition)}</li>'
        for value in values
    )
    return f'<details class="rest"{"" if folded else " open"}><summary>{label}</summary><ul>{words}</ul></details>'


def _card(field: Field, value, loop: Loop) -> str:
    key = f"{field.id}={value.id}"
    n = len(loop.order)
    ticks = "".join(f'<i style="left:{100 * t / n:.2f}%"></i>' for t in loop.new)
    bars = "".join(f'<b style="left:{100 * a / n:.2f}%;width:{100 * (b - a) / n:.2f}%"></b>' for a, b in loop.spans)
    data = base64.b64encode(loop.sheet).decode()
    held = ' data-held="1"' if (field.id, value.id) in _FLASHES else ""
    warning = '<span class="warn">点滅注意<br>flashes: click to play</span>' if held else ""
    return (
        f'<figure class="card" data-key="{key}"{held} tabindex="0">'
        f'<div class="film" style="background-image:url(data:image/webp;base64,{data})">{warning}'
        f'<output></output></div><div class="xsheet" aria-hidden="true">{bars}{ticks}<em></em></div>'
        f'<figcaption><span lang="ja">{html.escape(value.ja)}</span><code>{value.id}</code>'
        f"<p>{html.escape(value.definition)}</p></figcaption></figure>"
    )
