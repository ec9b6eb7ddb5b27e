"""Requests to files: clips drawn in batches of one size, each written with what it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from animatrix_trainer.checkpoint import load, resolve
from animatrix_trainer.config import Guidance
from animatrix_trainer.requests import Request
from animatrix_trainer.sample import asked_of, sample
from animatrix_trainer.write import write


def sample_to_files(
    checkpoint: Path,
    clips: Mapping[Path, Request],
    scales: Callable[[Guidance], Guidance] = lambda own: own,
    batch: int = 4,
    sheet: bool = False,
    pictures: bool = False,
) -> Iterator[tuple[Path, bool]]:
    """(clip, whether it flashes as may harm photosensitive viewers) of each request, as they are written.

    `scales` may change the guidance of the checkpoint's recipe. All pictures are read before anything is drawn.
    """
    system, name = load(checkpoint), resolve(checkpoint)
    settings, own = scales(system.recipe.guidance), system.recipe.window
    asked = [(path, request, request.window(own)) for path, request in clips.items()]
    ready = {path: asked_of(request, window) for path, request, window in asked}
    for window, group in groupby(asked, key=lambda one: one[2]):
        rows = list(group)
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            videos = sample(system, [ready[path] for path, _, _ in part], settings, window)
            for (path, request, _), video in zip(part, videos, strict=True):
                left = write(path, video, request, settings, name, sheet=sheet, pictures=pictures)
                yield left.clip, "flashing" in left.record["content.flashing"].values
