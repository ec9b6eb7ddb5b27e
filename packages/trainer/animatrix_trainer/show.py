"""Clips of a running training for people to look at: a strip and a moving picture each, in a folder and TensorBoard."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

STRIP_FRAMES = 8
"""At most so many frames of a clip stand side by side in its strip."""
RATE = 24000 / 1001


def strip(clip_FHWC: np.ndarray) -> np.ndarray:
    """Frames of a clip from its first to its last, side by side: RGB uint8 (H, n W, 3)."""
    at = np.linspace(0, len(clip_FHWC) - 1, min(STRIP_FRAMES, len(clip_FHWC))).round().astype(int)
    return np.concatenate(list(clip_FHWC[at]), axis=1)


def motion(clips_NFHWC: np.ndarray) -> float:
    """Mean change from frame to frame, 0..1."""
    if clips_NFHWC.shape[1] == 1:
        return 0.0
    return float(np.abs(np.diff(clips_NFHWC.astype(np.float32), axis=1)).mean() / 255)


def gif(clip_FHWC: np.ndarray) -> bytes:
    """A clip as a GIF that goes round for ever (TensorBoard shows no other moving pictures); hundredths of a second
    are all a GIF knows, so 24 frames a second become 25."""
    from PIL import Image

    frames = [Image.fromarray(frame) for frame in clip_FHWC]
    file = io.BytesIO()
    spent = [round(at * 100 / RATE) * 10 for at in range(len(frames) + 1)]
    durations_ms = [after - before for before, after in pairwise(spent)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=durations_ms, loop=0)
    return file.getvalue()


def png(picture_HWC: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture_HWC).save(file, "PNG")
    return file.getvalue()


def write(folder: Path, clips_NFHWC: np.ndarray, words: Sequence[str]) -> None:
    """Strips and GIFs of clips with what was asked beside them: 00.png, 00.gif, 00.txt, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (clip, asked) in enumerate(zip(clips_NFHWC, words, strict=True)):
        (folder / f"{number:02d}.png").write_bytes(png(strip(clip)))
        (folder / f"{number:02d}.gif").write_bytes(gif(clip))
        (folder / f"{number:02d}.txt").write_text(asked + "\n", "utf-8")


def to_tensorboard(writer: Any, step: int, clips_NFHWC: np.ndarray, words: Sequence[str]) -> None:
    """The same into a torch SummaryWriter. Its own add_video needs moviepy for the GIF that is made here."""
    Summary = importlib.import_module("tensorboard.compat.proto.summary_pb2").Summary  # generated: no types
    for number, (clip, asked) in enumerate(zip(clips_NFHWC, words, strict=True)):
        sides = (("moving", gif(clip), clip[0]), ("strip", png(strip(clip)), strip(clip)))
        for kind, data, picture in sides:
            height, width = picture.shape[:2]
            image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=data)
            summary = Summary(value=[Summary.Value(tag=f"samples/{number:02d}/{kind}", image=image)])
            writer._get_file_writer().add_summary(summary, step)
        writer.add_text(f"samples/{number:02d}/asked", asked, step)
