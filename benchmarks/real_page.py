"""Mistakes on real footage as frames: build/bench/real_footage.html, to look at and to doubt label and reader alike."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from anicaption.explain import png
from anicaption.frames import frames
from anicaption.page import page

_ROWS_PX = 96
_CSS = """
.strip{display:flex;flex-wrap:wrap;gap:6px;margin-top:8px}.strip figure{margin:0}
.strip img{display:block;border-radius:3px}
figcaption{font-size:11px;color:var(--soft)}
"""


@dataclass(frozen=True)
class Mistake:
    """What is wrong, in words, and the frames of `file` that show it."""

    file: str
    words: str
    shown: tuple[int, ...]


def spread(start: int, end: int, n: int = 8) -> tuple[int, ...]:
    """At most `n` frames of [start, end), the first and the last among them."""
    return tuple(dict.fromkeys(int(i) for i in np.linspace(start, end - 1, min(n, end - start)).round()))


def runs(numbers: Sequence[int]) -> str:
    """Ascending frame numbers in short: "370-391, 400"; "none" where there are none."""
    told: list[list[int]] = []
    for number in numbers:
        if told and number == told[-1][1] + 1:
            told[-1][1] = number
        else:
            told.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in told) or "none"


def write_mistakes(path: Path, folder: Path, heads: Sequence[str], mistakes: Sequence[Mistake]) -> Path:
    """One page: `heads` are sentences of what was found right and wrong; then each mistake under its words."""
    body = ["<h1>Real footage: every mistake</h1>", *[f"<p>{escape(head)}</p>" for head in heads]]
    for file in dict.fromkeys(mistake.file for mistake in mistakes):
        of_file = [mistake for mistake in mistakes if mistake.file == file]
        pictures = _pictures(folder, file, {index for mistake in of_file for index in mistake.shown})
        body.append(f"<h2>{escape(file)}</h2>")
        body += [_card(mistake, pictures) for mistake in of_file]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page("Real footage: every mistake", "".join(body), _CSS), encoding="utf-8")
    return path


def _card(mistake: Mistake, pictures: Mapping[int, np.ndarray]) -> str:
    figures = "".join(
        f'<figure><img alt="frame {index}" src="data:image/png;base64,'
        f'{base64.b64encode(png(pictures[index])).decode()}"><figcaption>{index}</figcaption></figure>'
        for index in mistake.shown
        if index in pictures
    )
    return f'<div class="card">{escape(mistake.words)}<div class="strip">{figures}</div></div>'


def _pictures(folder: Path, file: str, wanted: set[int]) -> dict[int, np.ndarray]:
    (path,) = folder.rglob(file)
    found: dict[int, np.ndarray] = {}
    for frame in frames(path):
        if frame.index in wanted:
            found[frame.index] = frame.rgb(_ROWS_PX).copy()
        if len(found) == len(wanted):
            break
    return found
