"""Episodes on disk: shots joined by their transitions, encoded, with the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from anicaption.drawn.episodes import write_episodes
from anicaption.drawn.joints import joined, joint
from anicaption.drawn.moves import write_moves
from anicaption.drawn.script import Episode
from anicaption.drawn.second.shot import SecondShot
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.truth import record_of
from anicaption.drawn.variables import write_variables
from anicaption.frames import FILM_RATE, even, read_pts, write_video

SCRIPTS = {"episode": write_episodes, "moves": write_moves, "variables": write_variables}
# Who draws: the class of its shots, and how its studio encodes.
HANDS: dict[str, tuple[type, dict]] = {
    # write_video turns x264's macroblock tree off: it is not deterministic on pictures this small.
    "first": (DrawnShot, {"crf": 17, "preset": "superfast", "gop_frames": 24}),
    "second": (SecondShot, {"crf": 22, "preset": "veryfast", "gop_frames": 72}),
}


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
    hand: str = "first",
) -> list[Drawn]:
    """Draw `episodes` episodes into `out_dir` as <name>.mkv and <name>.truth.json; the same seed, the same frames.

    `script` is `episode` (anime as on television), `moves` (many short shots with large camera moves) or `variables`
    (every value of every field, by lot); `shots` sets how many shots an episode has; `hand` is who draws it: `first`,
    or the held-out `second`. Raises ValueError for an unknown script or hand, or an odd height.
    """
    if hand not in HANDS:
        raise ValueError(f"draw: hand {hand!r} is not one of {', '.join(HANDS)}")
    if script not in SCRIPTS:
        raise ValueError(f"draw: script {script!r} is not one of {', '.join(SCRIPTS)}")
    if height_px % 2 or height_px < 48:
        raise ValueError(f"draw: height {height_px} is not an even number of at least 48 rows; 4:2:0 video needs one")
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    return [_draw_one(out, episode, height_px, hand) for episode in SCRIPTS[script](episodes, seed, shots)]


def _draw_one(out: Path, episode: Episode, height_px: int, hand: str) -> Drawn:
    video, truth = out / f"{episode.name}.mkv", out / f"{episode.name}.truth.json"
    drawn_shots = _drawn_shots(episode, height_px, hand)
    write_video(video, joined(drawn_shots), FILM_RATE, container="matroska", **HANDS[hand][1])
    time_base, pts = read_pts(video)
    truth.write_text(json.dumps(_truth(episode, drawn_shots, video.name, time_base, pts)), encoding="utf-8")
    return Drawn(video, truth, episode.n_frames, len(episode.shots))


def _drawn_shots(episode: Episode, height_px: int, hand: str) -> list:
    width_px = even(height_px * 16 / 9)
    return [HANDS[hand][0](shot, height_px, width_px) for shot in episode.shots]


def render_frames(episode: Episode, height_px: int = 720, hand: str = "first") -> Iterator[np.ndarray]:
    """Every frame of the episode as RGB uint8 (height_px, W, 3)."""
    return joined(_drawn_shots(episode, height_px, hand))


def _truth(episode: Episode, drawn_shots: list, file: str, time_base: Fraction, pts: list[int]) -> dict:
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
            transitions.append(joint(episode.shots[index - 1], shot, start))
        start = end
    return {
        "file": file, "seed": episode.seed, "rate": str(FILM_RATE), "time_base": str(time_base),
        "n_frames": episode.n_frames, "opening": list(episode.opening), "shots": shots, "transitions": transitions,
    }  # fmt: skip
