"""`make bench-ingest`: what a run costs beside bare decode, beside what it cannot avoid, and beside what is done today.

Every way is a process of its own, one after the other, several rounds; CPU seconds are the process's own and its
children's, medians of rounds are shown. The material is drawn episodes of both hands, one after the other, as often as
the length asked for needs.

    decode      every frame decoded and let go
    pass        everything that a run does to a source but encoding clips
    encode      the clips of the whole run decoded before the clock starts, encoded again as the run encodes them
    whole       `animatrix-ingest run` without Ray: pass, encode, side files, shards, manifest, labels
    today       PySceneDetect Adaptive, then one ffmpeg call a shot, as its `split-video` does (or PyAV, and says so)
"""

from __future__ import annotations

import argparse
import itertools
import os
import pickle
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from anicaption.frames import Encoded, encode_clip, frames, probe, read_clip, write_video
from animatrix_ingest import engine, pipeline
from animatrix_ingest.keep import manifest
from animatrix_ingest.keep.shards import read_member
from animatrix_ingest.recipes import Settings, laptop

from benchmarks.figures import Figure, publish

COMMAND = "make bench-ingest"
MIB = 1 << 20


@dataclass(frozen=True)
class Spent:
    """What one way cost: CPU and wall seconds, the most memory it held, and its answer."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    answer: Any


def alone(work: Callable[[], Any]) -> Spent:
    """Run `work` in a process of its own; its CPU time includes the processes it started and waited for."""
    read, write = os.pipe()
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(read)
        cv2.setNumThreads(1)
        try:
            answer = work()
            failed = False
        except BaseException as error:
            answer, failed = f"{type(error).__name__}: {error}", True
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        cpu_s = sum(u.ru_utime + u.ru_stime for u in used)
        peak_mib = max(u.ru_maxrss for u in used) / 1024
        with open(write, "wb") as file:
            pickle.dump((failed, answer, cpu_s, peak_mib), file)
        os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        failed, answer, cpu_s, peak_mib = pickle.load(file)
    os.waitpid(child, 0)
    if failed:
        raise RuntimeError(f"benchmark: {answer}")
    return Spent(cpu_s, time.perf_counter() - began, peak_mib, answer)


def looped(sources: Sequence[Path], seconds: float, place: Path) -> Path:
    """Some sources one after the other, over and over, encoded as one film until `seconds` are full."""
    rate = probe(sources[0]).rate

    def pictures() -> Iterator[np.ndarray]:
        for source in itertools.cycle(sources):
            for frame in frames(source):
                yield frame.rgb()

    n_frames = round(seconds * rate)
    write_video(place, itertools.islice(pictures(), n_frames), rate, container="matroska", gop_frames=250)
    return place


def decode(source: Path) -> int:
    return sum(1 for _ in frames(source))


def whole(source: Path, out: Path, settings: Settings) -> int:
    shutil.rmtree(out, ignore_errors=True)
    return pipeline.run([str(source)], out, settings, engine.in_turn).n_clips


def bare_pass(source: Path, out: Path, settings: Settings) -> int:
    """The whole run with an encoder that takes its pictures and makes nothing of them."""
    from animatrix_ingest.keep import encode

    def taken(self: Any, pictures: Any, *_: Any, **__: Any) -> bytes:
        for _ in pictures:
            pass
        return b"not encoded"

    def timed(self: Any, stamped: Any, *_: Any, **__: Any) -> Any:
        n_frames = sum(1 for _ in stamped)
        return Encoded(b"not encoded", n_frames, Fraction(24000, 1001))

    encode.Encode.__call__ = taken  # type: ignore[method-assign]  in a process of its own
    encode.Encode.timed = timed  # type: ignore[method-assign]
    return whole(source, out, settings)


def encode_again(dataset: Path, settings: Settings) -> float:
    """CPU seconds of encoding a data set's clips once more; reading and decoding them is not on the clock."""
    cpu_s = 0.0
    for row in manifest.load(dataset).select(["shard", "offset", "length", "rate"]).to_pylist():
        clip = read_clip(read_member(dataset, row["shard"], row["offset"], row["length"]))
        began = time.process_time()
        encode_clip(
            clip, Fraction(row["rate"]), crf=settings.crf, preset=settings.preset, gop_frames=settings.gop_frames
        )
        cpu_s += time.process_time() - began
    return cpu_s


def today(source: Path, folder: Path) -> str:
    """PySceneDetect's defaults: detect-adaptive, then split-video (x264 veryfast, crf 22, sound copied)."""
    from scenedetect import AdaptiveDetector, detect
    from scenedetect.output import is_ffmpeg_available, split_video_ffmpeg

    shots = detect(str(source), AdaptiveDetector())
    if is_ffmpeg_available():
        split_video_ffmpeg(str(source), shots, folder)
        return "ffmpeg"
    for number, (start, end) in enumerate(shots):
        with av.open(str(source)) as given:
            video = given.streams.video[0]
            given.seek(int(start.seconds * av.time_base))
            kept = (
                f.to_ndarray(format="rgb24")
                for f in given.decode(video)
                if start.seconds <= (f.time or 0) < end.seconds
            )
            (folder / f"{number:04d}.mp4").write_bytes(
                encode_clip(kept, Fraction(video.average_rate or 24), crf=22, preset="veryfast")
            )
    return "PyAV in ffmpeg's place"


def resident_mib() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


def memory_over(source: Path, out: Path, settings: Settings) -> list[float]:
    """Resident MiB twice a second while a source is ingested."""
    seen, stop = [], threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            seen.append(resident_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        whole(source, out, settings)
    finally:
        stop.set()
        watcher.join()
    return seen


def figures(source: Path, hour: Path | None, folder: Path, rounds: int, settings: Settings) -> list[Figure]:
    stream = probe(source)
    out = folder / "set"
    spent: dict[str, list[Spent]] = {name: [] for name in ("decode", "pass", "whole", "encode", "today")}
    for _ in range(rounds):
        spent["decode"].append(alone(lambda: decode(source)))
        spent["pass"].append(alone(lambda: bare_pass(source, folder / "bare", settings)))
        spent["whole"].append(alone(lambda: whole(source, out, settings)))
        spent["encode"].append(alone(lambda: encode_again(out, settings)))
        split = folder / "split"
        split.mkdir(exist_ok=True)
        spent["today"].append(alone(lambda split=split: today(source, split)))
        shutil.rmtree(split)
    n_frames = spent["decode"][0].answer
    video_s = float(n_frames / stream.rate)
    cpu_s = {name: statistics.median(s.cpu_s for s in many) for name, many in spent.items()}
    cpu_s["encode"] = statistics.median(s.answer for s in spent["encode"])
    ratios = [w.cpu_s / (p.cpu_s + e.answer) for w, p, e in zip(spent["whole"], spent["pass"], spent["encode"])]
    words = f"{stream.width_px}x{stream.height_px}, {video_s / 60:.1f} min"
    rows = [
        Figure(
            f"video seconds per CPU second, whole run ({words})",
            video_s / cpu_s["whole"],
            {
                "bare decode": video_s / cpu_s["decode"],
                "decode + our pass": video_s / cpu_s["pass"],
                f"PySceneDetect Adaptive + {spent['today'][0].answer} split": video_s / cpu_s["today"],
            },
        ),
        Figure(
            "CPU time of the whole run over (decode + pass + bare encode of the same clips)",
            statistics.median(ratios),
            {"least": min(ratios), "most": max(ratios)},
            "<= 1.15",
            statistics.median(ratios) <= 1.15,
        ),
        Figure(
            "CPU ms per frame, whole run",
            1000 * cpu_s["whole"] / n_frames,
            {name: 1000 * cpu_s[name] / n_frames for name in ("decode", "pass", "encode", "today")},
        ),
        Figure("peak memory of a worker, MiB", max(s.peak_mib for s in spent["whole"])),
    ]
    return rows + (_memory(hour, folder, settings) if hour else [])


def _memory(hour: Path, folder: Path, settings: Settings) -> list[Figure]:
    """Resident memory over a long source: its last tenth over the tenth after the first."""
    seen = alone(lambda: memory_over(hour, folder / "hour", settings)).answer
    tenth = max(1, len(seen) // 10)
    early, late = statistics.median(seen[tenth : 2 * tenth]), statistics.median(seen[-2 * tenth : -tenth])
    stream = probe(hour)
    minutes = (stream.duration_s or 0) / 60
    what = f"resident memory late over early in a source of {minutes:.0f} min ({stream.height_px} rows)"
    return [
        Figure(
            what,
            late / early,
            {"early MiB": early, "late MiB": late, "most MiB": max(seen)},
            "<= 1.1",
            late / early <= 1.1,
        )
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=720, help="height of the drawn material")
    parser.add_argument("--seconds", type=float, default=120.0, help="length of the timed source")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hour", type=float, default=3600.0, help="length of the source memory is watched on; 0: none")
    given = parser.parse_args()
    settings = laptop().settings
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name:
        folder = Path(name)
        drawn = draw(folder / "drawn", given.rows)
        source = looped(drawn, given.seconds, folder / "timed.mkv")
        hour = looped(draw(folder / "small", 144), given.hour, folder / "hour.mkv") if given.hour else None
        rows = figures(source, hour, folder, given.rounds, settings)
    publish("ingest", COMMAND, rows)
    return 0


def draw(folder: Path, rows: int) -> list[Path]:
    """A short episode of each hand."""
    for seed, hand in ((9101, "first"), (9102, "second")):
        command = [sys.executable, "-m", "anicaption.cli", "draw", "--out", str(folder), "--seed", str(seed)]
        command += ["--shots", "12", "--height", str(rows), "--hand", hand]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return sorted(folder.glob("*.mkv"))


if __name__ == "__main__":
    sys.exit(main())
