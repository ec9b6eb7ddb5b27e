"""`make bench-road`: shot detection and the cost of measuring, beside PySceneDetect, in one run.

Detection: four drawn episodes of as many authors at 360 rows, with exact truth. A hard cut must be answered at its
exact frame, a dissolve or fade within two frames of its middle. All detectors get the same PyAV frames at the size
that PySceneDetect's SceneManager would choose, and keep their defaults.

Cost: CPU seconds (all threads) per minute of 720p video, median of interleaved rounds. PySceneDetect's Adaptive
detector runs twice: on the same PyAV frames and pictures as ours, and in its own way, which is
`detect(path, AdaptiveDetector())` with its default OpenCV reader and automatic downscaling.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import anicaption.drawn
import tyro
from anicaption.drawn.film import draw
from anicaption.frames import frames, probe
from animatrix_ingest.watch.shots import NAMES, detectors, picture, splits
from scenedetect import AdaptiveDetector, detect
from scenedetect.common import FrameTimecode

from benchmarks.boundaries import Score, Truth, score, total
from benchmarks.figures import Figure, publish

TITLES = {"ours": "ours", "adaptive": "PySceneDetect Adaptive", "content": "Content", "hash": "Hash"}
NEAR_FRAMES = 2  # a gradual transition is right within this many frames of its middle


@dataclass(frozen=True)
class Settings:
    """Seeds of the authors, size of the bench."""

    seeds: tuple[int, ...] = (7001, 7002, 7003, 7004)
    shots: int = 10
    """shots of each episode after its opening"""
    cost_seed: int = 7101
    cost_shots: int = 3
    rounds: int = 3
    work: Path = Path("build/bench/road")
    """where the drawn films stay for the next run"""


def main(settings: Settings) -> None:
    """Draw, detect, time, publish."""
    figures = [*detection_figures(settings), *cost_figures(settings)]
    publish("road", "make bench-road", figures)


def drawn(work: Path, seed: int, height_px: int, shots: int) -> Path:
    """One drawn episode; kept in `work` and drawn again only if its seed, its size or the drawing code is new."""
    pen = hashlib.blake2b(digest_size=4)
    for path in sorted(Path(anicaption.drawn.__file__).parent.glob("*.py")):
        pen.update(path.read_bytes())
    folder = work / f"{pen.hexdigest()}-{seed}-{height_px}-{shots}"
    done = folder / "done"
    if not done.exists():
        draw(folder, episodes=1, seed=seed, height_px=height_px, shots=shots)
        done.touch()
    return next(folder.glob("*.mkv"))


def truths(video: Path) -> list[Truth]:
    """The true boundaries of a drawn episode."""
    truth = json.loads(video.with_suffix(".truth.json").read_text("utf-8"))
    found = []
    for shot, joint in zip(truth["shots"][1:], truth["transitions"], strict=True):
        frame, gradual = shot["start_frame"], joint["kind"] != "none"
        reach = NEAR_FRAMES if gradual else 0
        found.append(Truth(frame, frame - reach, frame + reach, gradual))
    return found


def detection_figures(settings: Settings) -> list[Figure]:
    videos = [drawn(settings.work, seed, 360, settings.shots) for seed in settings.seeds]
    found = {video: boundaries(video) for video in videos}
    kinds: dict[str, Callable[[Truth], bool]] = {
        "all boundaries": lambda truth: True,
        "hard cuts, exact frame": lambda truth: not truth.gradual,
        f"dissolves and fades, +-{NEAR_FRAMES} frames": lambda truth: truth.gradual,
    }
    figures = []
    for kind, wanted in kinds.items():
        n = sum(wanted(truth) for video in videos for truth in truths(video))
        f1 = {name: total(_one_kind(truths(v), found[v][name], wanted) for v in videos).f1 for name in NAMES}
        rivals = {TITLES[name]: value for name, value in f1.items() if name != "ours"}
        best = max(rivals.values())
        what = f"F1, {kind} ({n} in {len(videos)} drawn episodes)"
        figures.append(Figure(what, f1["ours"], rivals, "above the best rival", f1["ours"] > best))
    return figures


def _one_kind(truth: list[Truth], found: list[int], wanted: Callable[[Truth], bool]) -> Score:
    """The score for the wanted truths; answers that match another truth count neither way."""
    other = score([t for t in truth if not wanted(t)], found)
    return score([t for t in truth if wanted(t)], found, ignore=[answer for _, answer in other.right])


def boundaries(video: Path) -> dict[str, list[int]]:
    """What every detector answers, by name; one decode for all."""
    stream = probe(video)
    detecting = {name: detectors(name) for name in NAMES}
    cuts: dict[str, list[FrameTimecode]] = {name: [] for name in NAMES}
    now = FrameTimecode(0, stream.rate)
    for frame in frames(video):
        now = FrameTimecode(frame.index, stream.rate)
        small = picture(frame, stream.width_px, stream.height_px)
        for name, detector in detecting.items():
            cuts[name] += detector.process_frame(now, small)
    for name, detector in detecting.items():
        cuts[name] += detector.post_process(now)
    return {name: [cut.frame_num for cut in answers] for name, answers in cuts.items()}


def cost_figures(settings: Settings) -> list[Figure]:
    video = drawn(settings.work, settings.cost_seed, 720, settings.cost_shots)
    ways: dict[str, Callable[[Path], None]] = {
        "shots": split,
        "all": measure,
        "bare PyAV decode": decode,
        "PySceneDetect Adaptive, same frames": adaptive_on_same_frames,
        "PySceneDetect Adaptive, its own way": adaptive_its_own_way,
    }
    stream = probe(video)
    minutes = sum(1 for _ in frames(video)) / stream.rate / 60
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(settings.rounds):
        for name, way in ways.items():
            spent[name].append(_cpu_s(way, video, minutes))
    medians = {name: statistics.median(values) for name, values in spent.items()}
    shots, everything = medians.pop("shots"), medians.pop("all")
    unit = f"CPU s per minute of {stream.height_px}p"
    return [
        Figure(f"{unit}: decode and split into shots", shots, medians),
        Figure(
            f"{unit}: decode, measure all, split", everything, medians,
            "under 60: real time on one core", everything < 60,
        ),
    ]  # fmt: skip


def _cpu_s(way: Callable[[Path], None], video: Path, minutes: Fraction) -> float:
    start = time.process_time()
    way(video)
    return (time.process_time() - start) / float(minutes)


def decode(video: Path) -> None:
    for _ in frames(video):
        pass


def split(video: Path) -> None:
    splits(str(video))


def measure(video: Path) -> None:
    """Our whole pass as ingest runs it: every family of measurements, and the shots from the same scores."""
    from anicaption.captioner import WATCH_ROWS_PX
    from anicaption.measure.onepass import Watch
    from animatrix_ingest.watch.detectors import Cuts

    stream = probe(video)
    watch = Watch(stream.rate, stream.width_px, stream.height_px)
    cuts = Cuts("ours", stream, watch.transitions)
    for frame in frames(video):
        small = frame.rgb(min(WATCH_ROWS_PX, stream.height_px))
        watch.see(small, frame.rgb)
        cuts.see(frame, small)
    cuts.end()
    watch.tracks()


def adaptive_on_same_frames(video: Path) -> None:
    stream = probe(video)
    detector = AdaptiveDetector()
    for frame in frames(video):
        now = FrameTimecode(frame.index, stream.rate)
        detector.process_frame(now, picture(frame, stream.width_px, stream.height_px))


def adaptive_its_own_way(video: Path) -> None:
    detect(str(video), AdaptiveDetector())


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
