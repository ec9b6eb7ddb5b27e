"""Episodes on disk: shots joined by their transitions, encoded, with the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from anicaption.drawn.episodes import write_episodes
from anicaption.drawn.moves import write_moves
from anicaption.drawn.script import Episode, Shot
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.truth import record_of
from anicaption.frames import FILM_RATE, even, read_pts, write_video

SCRIPTS = {"episode": write_episodes, "moves": write_moves}


@dataclass(frozen=True)
class Drawn:
    """One episode on disk."""

    video: Path
    truth: Path
    n_frames: int
    n_shots: int


def draw(
    out_dir: str | Path,
    episodes: int,
    seed: int,
    height_px: int = 720,
    script: str = "episode",
    shots: int | None = None,
) -> list[Drawn]:
    """Draw `episodes` episodes into `out_dir` as <name>.mkv and <name>.truth.json; the same seed, the same frames.

    `script` is `episode` (anime as on television) or `moves` (many short shots with large camera moves);
    `shots` sets how many shots an episode has. Raises ValueError for an unknown script or an odd height.
    """
    if script not in SCRIPTS:
        raise ValueError(f"draw: script {script!r} is not one of {', '.join(SCRIPTS)}")
    if height_px % 2 or height_px < 48:
        raise ValueError(f"draw: height {height_px} is not an even number of at least 48 rows; 4:2:0 video needs one")
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    return [_draw_one(out, episode, height_px) for episode in SCRIPTS[script](episodes, seed, shots)]


def _draw_one(out: Path, episode: Episode, height_px: int) -> Drawn:
    video, truth = out / f"{episode.name}.mkv", out / f"{episode.name}.truth.json"
    drawn_shots = _drawn_shots(episode, height_px)
    # Not `veryfast`: x264's macroblock tree (off in superfast) is not deterministic on pictures this small.
    write_video(video, _joined(drawn_shots), FILM_RATE, container="matroska", crf=17, preset="superfast", gop_frames=24)
    time_base, pts = read_pts(video)
    truth.write_text(json.dumps(_truth(episode, drawn_shots, video.name, time_base, pts)), encoding="utf-8")
    return Drawn(video, truth, episode.n_frames, len(episode.shots))


def _drawn_shots(episode: Episode, height_px: int) -> list[DrawnShot]:
    width_px = even(height_px * 16 / 9)
    return [DrawnShot(shot, height_px, width_px) for shot in episode.shots]


def render_frames(episode: Episode, height_px: int = 720) -> Iterator[np.ndarray]:
    """Every frame of the episode as RGB uint8 (height_px, W, 3)."""
    return _joined(_drawn_shots(episode, height_px))


def _joined(drawn_shots: Iterable[DrawnShot]) -> Iterator[np.ndarray]:
    """Frames in order: dissolves mix the lead-out of one shot with the first frames of the next, fades dim."""
    overlap: list[np.ndarray] = []
    for drawn_shot in drawn_shots:
        shot = drawn_shot.shot
        before, overlap = overlap, []
        n_mixed = shot.into[1] if shot.into[0] == "dissolve" else 0
        for i, frame in enumerate(drawn_shot.frames()):
            if i < n_mixed:
                share = (i + 1) / (n_mixed + 1)
                frame = cv2.addWeighted(before[i], 1 - share, frame, share, 0)
            own = i - shot.lead_in
            if _to_keep(shot, i):
                overlap.append(frame)
            else:
                yield _faded(frame, shot, own)


def _to_keep(shot: Shot, filmed: int) -> bool:
    """Whether this frame is mixed with the next shot instead of shown alone."""
    return shot.out[0] == "dissolve" and filmed >= shot.n_filmed - shot.out[1]


def _faded(frame: np.ndarray, shot: Shot, own: int) -> np.ndarray:
    shown = 1.0
    veil = 0
    for (kind, length), along in ((shot.into, own + 0.5), (shot.out, shot.n_frames - own - 0.5)):
        if kind in ("fade_black", "fade_white") and along < length:
            shown, veil = along / length, 255 if kind == "fade_white" else 0
    return frame if shown == 1.0 else cv2.convertScaleAbs(frame, alpha=shown, beta=veil * (1 - shown))


def _truth(episode: Episode, drawn_shots: list[DrawnShot], file: str, time_base: Fraction, pts: list[int]) -> dict:
    if len(pts) != episode.n_frames:
        raise RuntimeError(f"draw: {file} holds {len(pts)} frames, the script has {episode.n_frames}")
    # A frame lasts until the next one's pts; the last one's end is what the rate makes of it in this time base.
    pts = [*pts, round(episode.n_frames / FILM_RATE / time_base) + pts[0]]
    shots, transitions, start = [], [], 0
    for index, drawn_shot in enumerate(drawn_shots):
        shot = drawn_shot.shot
        end = start + shot.n_frames
        record = record_of(drawn_shot, FILM_RATE).to_json()
        shots.append(
            {
                "start_frame": start, "end_frame": end, "start_pts": pts[start], "end_pts": pts[end], "record": record,
                "events": [[field, kind, start + a, start + b] for field, kind, a, b, _ in record["tracks"]["events"]],
            }
        )  # fmt: skip
        if index:
            transitions.append(_joint(episode.shots[index - 1], shot, start))
        start = end
    return {
        "file": file, "seed": episode.seed, "rate": str(FILM_RATE), "time_base": str(time_base),
        "n_frames": episode.n_frames, "opening": list(episode.opening), "shots": shots, "transitions": transitions,
    }  # fmt: skip


def _joint(before: Shot, after: Shot, cut: int) -> dict:
    """How two shots meet at frame `cut`: `none` is a hard cut of no length."""
    if after.into[0] == "dissolve":
        length = after.into[1]
        return {"kind": "dissolve", "start_frame": cut - length // 2, "end_frame": cut + length - length // 2}
    fades = [(before.out, -1), (after.into, 1)]
    kind = next((fade[0] for fade, _ in fades if fade[0] != "none"), "none")
    lead = before.out[1] if before.out[0] != "none" else 0
    tail = after.into[1] if after.into[0] != "none" else 0
    return {"kind": kind, "start_frame": cut - lead, "end_frame": cut + tail}
