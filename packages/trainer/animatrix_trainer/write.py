"""What a sample leaves: an mp4 that says how it was asked for, pictures, an exposure sheet to carry on by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from anicaption.captioner import caption
from anicaption.frames import FILM_RATE, read_comment, write_video
from anicaption.record import Record
from anicaption.timesheet import xdts

from animatrix_trainer.config import CheckpointError, Guidance
from animatrix_trainer.requests import Request

COMMENT = "animatrix"
"""Key of our words in the comment of an mp4."""


@dataclass(frozen=True)
class Written:
    """The files of one sample. `record` is what AniCaption reads in the clip."""

    clip: Path
    sheet: Path | None
    pictures: Path | None
    record: Record


def write(
    clip: Path,
    video_FHWC: np.ndarray,
    request: Request,
    guidance: Guidance,
    checkpoint: Path,
    *,
    rate: Fraction = FILM_RATE,
    sheet: bool = False,
    pictures: bool = False,
) -> Written:
    """Write RGB uint8 (F, H, W, 3) as `clip`, an mp4 that carries the request; beside it NAME.xdts and NAME/0000.png.

    The sheet's drawings are those that AniCaption tells apart in the clip.
    """
    clip.parent.mkdir(parents=True, exist_ok=True)
    said = {"request": json.loads(request.to_json()), "guidance": asdict(guidance), "checkpoint": checkpoint.name}
    write_video(clip, video_FHWC, rate, comment=json.dumps({COMMENT: said}, ensure_ascii=False))
    folder = clip.with_suffix("") if pictures else None
    if folder:
        folder.mkdir(exist_ok=True)
        for number, picture in enumerate(video_FHWC):
            path = folder / f"{number:04d}.png"
            if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
                raise OSError(f"{path}: could not be written; is the disk full?")
    record = caption(clip)
    page = clip.with_suffix(".xdts") if sheet else None
    if page:
        page.write_text(xdts(record, clip.stem), "utf-8")
    return Written(clip, page, folder, record)


def asked_of(clip: Path) -> dict:
    """The request, guidance and checkpoint that an mp4 of ours carries. CheckpointError where it carries none."""
    text = read_comment(clip)
    try:
        return json.loads(text)[COMMENT]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise CheckpointError(f"{clip}: carries no request; animatrix-train sample writes clips that do") from None
