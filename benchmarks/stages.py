"""`make bench-stages`: border, lettering and quality on drawn episodes with known bars, words and damage.

Border: drawn episodes of both hands with bars painted in; exact means every side right to a source pixel, for every
shot. Beside it the rule of FFmpeg's cropdetect, asked at the end of each shot. Lettering: subtitles, a logo
and a staff roll of known boxes; recall by look, precision by finding. Quality: rank correlation with a known blur,
enlargement, coder setting and number of levels, over pictures of different shots, beside the variance of the Laplacian.
Cost: CPU time of all observers over that of bare decode with one small picture a frame.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import tyro
from anicaption.drawn.film import draw
from anicaption.frames import encode_clip, frames, probe, read_clip, write_video
from anicaption.measure.onepass import Watch
from animatrix_ingest.watch.border import BorderWatch
from animatrix_ingest.watch.border_box import border_scores
from animatrix_ingest.watch.overlays import OverlayWatch
from animatrix_ingest.watch.overlays_roles import findings
from animatrix_ingest.watch.quality import QualityWatch, edge_blur_px, numbers

from benchmarks.figures import Figure, publish
from benchmarks.stages_text import WORDS, Lettered, overlap, write

Bars = tuple[int, int, int, int]
BARS: dict[str, Bars] = {  # top, bottom, left, right, at 240 rows
    "none": (0, 0, 0, 0),
    "letterbox": (36, 36, 0, 0),
    "pillarbox": (0, 0, 50, 50),
    "windowbox": (12, 14, 32, 34),
    "overscan": (0, 2, 4, 2),
}
HEIGHT_PX = 240


@dataclass(frozen=True)
class Settings:
    """Which episodes are drawn, and where they are kept."""

    seeds: tuple[int, ...] = (501, 502)
    shots: int = 20
    parts: tuple[Literal["border", "text", "quality", "cost"], ...] = ("border", "text", "quality", "cost")
    work: Path = Path("build/bench/stages")
    cost_video: Path | None = None
    """a video to measure the cost on; without it a drawn episode made larger to 720 rows"""


def main(settings: Settings) -> None:
    """Draw, damage, measure, publish."""
    episodes = [episode(settings, hand, seed) for hand in ("first", "second") for seed in settings.seeds]
    ways: dict[str, Callable[[], list[Figure]]] = {
        "border": lambda: border_figures(episodes, settings.work),
        "text": lambda: text_figures(episodes, settings.work),
        "quality": lambda: quality_figures(episodes),
        "cost": lambda: [cost_figure(settings, episodes[0])],
    }
    figures = [figure for part in settings.parts for figure in ways[part]()]
    publish("stages", "make bench-stages", figures)


def episode(settings: Settings, hand: str, seed: int) -> Path:
    """A drawn episode, made once."""
    folder = settings.work / f"{hand}-{seed}-{settings.shots}"
    if not list(folder.glob("*.truth.json")):
        draw(folder, episodes=1, seed=seed, height_px=HEIGHT_PX, shots=settings.shots, hand=hand)
    return next(folder.glob("*.mkv"))


def spans(video: Path) -> list[tuple[int, int]]:
    """The shots of a drawn episode."""
    truth = json.loads(video.with_suffix(".truth.json").read_text("utf-8"))
    return [(shot["start_frame"], shot["end_frame"]) for shot in truth["shots"]]


def border_figures(episodes: list[Path], work: Path) -> list[Figure]:
    """Share of the shots whose box is right to a pixel on every side, per kind of bars."""
    found = []
    for name, bars in BARS.items():
        ours, rival, n = 0, 0, 0
        for i, video in enumerate(episodes):
            barred = work / f"bars-{name}-{i}.mkv"
            if not barred.exists():
                write_video(barred, _barred(video, bars), probe(video).rate, container="matroska", crf=20)
            watch = BorderWatch()
            for frame in frames(barred):
                watch.see(frame, frame.rgb())
            columns = watch.columns()
            cropped = _cropdetect(barred, [end for _, end in spans(video)])
            height, width = HEIGHT_PX, probe(video).width_px
            for (start, end), theirs in zip(spans(video), cropped, strict=True):
                scores = border_scores(columns, start, end)
                said = [scores[name] for name in ("crop_y0", "crop_y1", "crop_x0", "crop_x1")]
                if None in said:
                    n += 1
                    continue
                y0, y1, x0, x1 = (float(x) for x in said if x is not None)
                box = (round(y0 * height), round((1 - y1) * height), round(x0 * width), round((1 - x1) * width))
                n += 1
                ours += all(abs(a - b) <= 1 for a, b in zip(box, bars, strict=True))
                rival += all(abs(a - b) <= 1 for a, b in zip(theirs, bars, strict=True))
        share = ours / n
        found.append(
            Figure(
                f"border: {name}, shots right to a pixel",
                share,
                {"cropdetect's rule": rival / n},
                ">= 0.98",
                share >= 0.98,
            )
        )
    return found


def _barred(video: Path, bars: Bars) -> Iterator[np.ndarray]:
    top, bottom, left, right = bars
    for frame in frames(video):
        picture = np.zeros_like(frame.rgb())
        place = slice(top, picture.shape[0] - bottom), slice(left, picture.shape[1] - right)
        picture[place] = frame.rgb()[place]
        yield picture


def _cropdetect(video: Path, ends: list[int]) -> list[Bars]:
    """What FFmpeg's cropdetect says at the end of each shot, begun anew for each: PyAV's FFmpeg comes without it.

    Its rule: from each side, the first line whose mean luma is over 24; the outermost such line of all frames; even
    sizes (round=2).
    """
    said: list[Bars] = []
    reach = np.full(4, 10**6)
    for index, frame in enumerate(frames(video), 1):
        luma = 16 + cv2.cvtColor(frame.rgb(), cv2.COLOR_RGB2GRAY).astype(np.float32) * 219 / 255
        for k, line in enumerate((luma.mean(1), luma.mean(1)[::-1], luma.mean(0), luma.mean(0)[::-1])):
            lit = np.flatnonzero(line > 24)
            reach[k] = min(reach[k], int(lit[0]) if len(lit) else len(line) // 2)
        if len(said) < len(ends) and index == ends[len(said)]:
            top, bottom, left, right = (int(x) for x in reach)
            said.append(
                (top, bottom + (luma.shape[0] - top - bottom) % 2, left, right + (luma.shape[1] - left - right) % 2)
            )
            reach[:] = 10**6
    return said


def text_figures(episodes: list[Path], work: Path) -> list[Figure]:
    """Recall and precision of roles: a box counts where it overlaps by 0.4 and has the right role."""
    hits: dict[str, list[int]] = {}
    right = wrong = 0
    for i, video in enumerate(episodes[::2]):
        lettered, truth = work / f"words-{i}.mkv", work / f"words-{i}.json"
        if not truth.exists():
            boxes: list[list[Lettered]] = []
            write_video(lettered, _worded(video, boxes), probe(video).rate, container="matroska", crf=18)
            truth.write_text(json.dumps([[(b.role, b.box) for b in frame] for frame in boxes]), encoding="utf-8")
        told = json.loads(truth.read_text("utf-8"))
        stream, watch = probe(lettered), OverlayWatch()
        measure = Watch(stream.rate, stream.width_px, stream.height_px)
        for frame in frames(lettered):
            small = frame.rgb()
            measure.see(small, frame.rgb)
            watch.see(frame, small)
        found = [f for f in findings(watch.columns(), measure.tracks()) if f.score >= 0.4]
        drawn = _has_words(video)
        for index in range(0, len(told), 23):
            now = [f for f in found if f.start_frame <= index < f.end_frame]
            for role, box in told[index]:
                seen = any(f.role == role and overlap((f.x0, f.y0, f.x1, f.y1), tuple(box)) > 0.4 for f in now)
                hits.setdefault(role, []).append(seen)
        for f in found:
            if drawn & set(range(f.start_frame, f.end_frame)):
                continue  # the episode's own titles and sounds have no known boxes
            span = range(f.start_frame, min(len(told), f.end_frame))
            true = any(
                overlap((f.x0, f.y0, f.x1, f.y1), tuple(box)) > 0.3 and role == f.role
                for index in span
                for role, box in told[index]
            )
            right, wrong = right + true, wrong + (not true)
    figures = [
        Figure(f"lettering: {role}, share of its boxes found with role (IoU 0.4)", float(np.mean(seen)))
        for role, seen in sorted(hits.items())
    ]
    return [*figures, Figure("lettering: share of findings that are right", right / max(1, right + wrong))]


def _has_words(video: Path) -> set[int]:
    truth = json.loads(video.with_suffix(".truth.json").read_text("utf-8"))
    shots = [s for s in truth["shots"] if s["record"]["vfx"]["text"]["values"] != ["none"]]
    return {index for shot in shots for index in range(shot["start_frame"] - 12, shot["end_frame"] + 12)}


def _worded(video: Path, truth: list[list[Lettered]]) -> Iterator[np.ndarray]:
    """Subtitles of a second and a half with pauses, a faint logo all along, a staff roll over the last fifth."""
    n_frames = spans(video)[-1][1]
    roll_from = round(0.8 * n_frames)
    for frame in frames(video):
        picture, index = frame.rgb().copy(), frame.index
        now = [Lettered("logo", write(picture, "TVX", 0.9, 0.1, 0.055, edge=None, weight=800, alpha=0.75))]
        if index < roll_from and index % 60 < 38:
            words = WORDS[index // 60 % 10]
            now.append(Lettered("subtitle", write(picture, words, 0.5, 0.94, 0.058)))
        for k, words in enumerate(WORDS[10:20] if index >= roll_from else ()):
            base = 1.05 + 0.075 * k - (index - roll_from) * 0.0115
            if 0.07 < base < 0.98:
                now.append(Lettered("credits", write(picture, words, 0.5, base, 0.042, weight=500)))
        truth.append(now)
        yield picture


def quality_figures(episodes: list[Path]) -> list[Figure]:
    """Spearman's rank correlation with the known damage, pictures of many shots together."""
    pictures = []
    for video in episodes:
        middles = {(start + end) // 2 for start, end in spans(video)[::3]}
        pictures += [frame.rgb().copy() for frame in frames(video) if frame.index in middles]
    ways: dict[str, tuple[tuple[float, ...], Callable[[np.ndarray, float], np.ndarray], str, int]] = {
        "blur (pixels)": ((0, 0.5, 0.8, 1.2, 1.7, 2.4), _blurred, "laplacian", -1),
        "enlargement": ((1, 1.4, 1.8, 2.4, 3), _enlarged, "laplacian", -1),
        "x264 crf": ((12, 20, 28, 36, 44), _coded, "laplacian", -1),
        "x264 crf, by blocking": ((12, 20, 28, 36, 44), _coded, "grid", 1),
        "bits of level lost": ((0, 1, 2, 3), _levels, "stairs", 1),
    }
    figures = []
    for name, (steps, damage, column, sign) in ways.items():
        ours, plain, truth = [], [], []
        for picture in pictures:
            for step in steps:
                damaged = damage(picture, step)
                ours.append(sign * numbers(damaged)[column])
                plain.append(sign * cv2.Laplacian(cv2.cvtColor(damaged, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())
                truth.append(step)
        rival = {"variance of the Laplacian": rank_correlation(plain, truth)}
        figures.append(Figure(f"quality: {name}, rank correlation", rank_correlation(ours, truth), rival))
    read = [edge_blur_px(numbers(_blurred(picture, 1.4))["laplacian"]) for picture in pictures]
    figures.append(Figure("quality: edge_blur_px where 1.4 was added, median", float(np.nanmedian(read))))
    return figures


def _blurred(picture: np.ndarray, px: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), px) if px else picture


def _enlarged(picture: np.ndarray, times: float) -> np.ndarray:
    size = picture.shape[1], picture.shape[0]
    small = cv2.resize(picture, (round(size[0] / times), round(size[1] / times)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)


def _coded(picture: np.ndarray, crf: float) -> np.ndarray:
    return read_clip(encode_clip([picture], crf=int(crf)))[0]


def _levels(picture: np.ndarray, bits: float) -> np.ndarray:
    return picture >> int(bits) << int(bits)


def rank_correlation(a: list[float], b: list[float]) -> float:
    """Spearman's, with ties at their mean rank; pairs that were not measured are left out."""
    table = np.array([a, b], float)
    table = table[:, np.isfinite(table).all(0)]
    ranks = []
    for row in table:
        _, at, n = np.unique(row, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(n) - (n - 1) / 2)[at])
    return float(np.corrcoef(ranks)[0, 1])


def cost_figure(settings: Settings, video: Path) -> Figure:
    """CPU milliseconds a frame of all observers together at 720 rows, and what share of bare decode that is."""
    source = settings.cost_video or settings.work / "cost.mkv"
    if not source.exists():
        large = (
            cv2.resize(f.rgb(), (1280, 720), interpolation=cv2.INTER_CUBIC) for f in frames(video) if f.index < 400
        )
        write_video(source, large, probe(video).rate, container="matroska", crf=20)
    watches = [BorderWatch(), OverlayWatch(), QualityWatch()]
    bare_s = watched_s = 0.0
    n_frames = 0
    stream = iter(frames(source))
    while True:
        began = time.process_time()
        frame = next(stream, None)
        if frame is None:
            break
        small = frame.rgb(256)
        seen = time.process_time()
        for watch in watches:
            watch.see(frame, small)
        watched_s += time.process_time() - seen
        bare_s += seen - began
        n_frames += 1
    cost_ms = 1000 * watched_s / n_frames
    rival = {"bare decode and a picture of 256 rows": 1000 * bare_s / n_frames}
    return Figure("cost: all observers, CPU ms per 720p frame", cost_ms, rival, "<= 1.5 ms", cost_ms <= 1.5)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main(tyro.cli(Settings))
