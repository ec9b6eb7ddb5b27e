"""Requests to files: clips drawn in batches of one size, each written with what it was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from anicaption.taxonomy import taxonomy

from animatrix_trainer.checkpoint import load, resolve
from animatrix_trainer.config import Guidance
from animatrix_trainer.requests import Request
from animatrix_trainer.sample import asked_of, sample
from animatrix_trainer.write import Written, write

LIST = "clips.jsonl"


def sample_to_files(
    checkpoint: Path,
    clips: Mapping[Path, Request],
    scales: Callable[[Guidance], Guidance] = lambda own: own,
    batch: int = 4,
    sheet: bool = False,
    pictures: bool = False,
    folder: Path | None = None,
    rating: str = "unknown",
) -> Iterator[tuple[Path, bool]]:
    """(clip, whether it flashes as may harm photosensitive viewers) of each request, as they are written.

    `scales` may change the guidance of the checkpoint's recipe. All pictures are read before anything is drawn.
    `folder` gets clips.jsonl, the list of what was drawn as animatrix-reward takes it: clips of one folder in it, or of
    one request, are candidates of one prompt, and `rating` is what somebody who knows the requests says of them.
    """
    rows = []
    system, name = load(checkpoint), resolve(checkpoint)
    settings, own = scales(system.recipe.guidance), system.recipe.window
    asked = [(path, request, request.window(own)) for path, request in clips.items()]
    ready = {path: asked_of(request, window) for path, request, window in asked}
    for window, group in groupby(asked, key=lambda one: one[2]):
        same = list(group)
        for start in range(0, len(same), batch):
            part = same[start : start + batch]
            videos = sample(system, [ready[path] for path, _, _ in part], settings, window)
            for (path, request, _), video in zip(part, videos, strict=True):
                left = write(path, video, request, settings, name, sheet=sheet, pictures=pictures)
                if folder:
                    rows.append(_row(left, request, name, folder, rating))
                yield left.clip, "flashing" in left.record["content.flashing"].values
    if folder:
        (folder / LIST).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _row(left: Written, request: Request, checkpoint: Path, folder: Path, rating: str) -> dict[str, Any]:
    """A line of the list."""
    place = left.clip.relative_to(folder)
    prompt = str(place.parent) if place.parent.name else place.stem
    tags = {name: list(values) for name, values in taxonomy().parse_tags(request.tags).items()}
    return {
        "prompt": prompt,
        "model": checkpoint.name,
        "path": str(place),
        "rating": rating,
        "motion": "+".join(left.record["motion.intensity"].values),
        "tags": tags,
        "text": request.text,
    }
