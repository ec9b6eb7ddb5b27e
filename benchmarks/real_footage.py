"""`make real-footage MEDIA=folder`: cuts, camera and timing on labelled real footage, every mistake as frames.

The folder holds videos and, beside each, a JSON of labels: `file`, `cuts` (first frames of new shots, with `accept`
limits where unsure), `in_shot_jumps` to ignore, `shots` with camera segments (inclusive frames) and perhaps a
`companion` file of the same footage at 5/4 of the rate, and runs of `held_frames`. Prints Markdown; the mistakes are
shown in build/bench/real_footage.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from anicaption.captioner import WATCH_ROWS_PX, record_of
from anicaption.frames import frames, probe
from anicaption.measure.onepass import Watch
from anicaption.tracks import Tracks
from animatrix_ingest.watch.shots import NAMES, detectors, picture
from scenedetect.common import FrameTimecode

from benchmarks.boundaries import Score, Truth, score
from benchmarks.real_page import Mistake, runs, spread, write_mistakes
from benchmarks.real_timing import TimingRead, timing

FIELD = "camera.move"
MOVES = {
    "static": (), "pan_right": ("pan_right",), "pan_left": ("pan_left",), "tilt_up": ("pan_up",),
    "tilt_down": ("pan_down",), "zoom_in": ("track_up",), "zoom_out": ("track_back",),
}  # fmt: skip
EITHER = "accept static or pan_right"  # how the labels say that a follow shot may be read both ways
UNLABELLED = {"follow", "follow_pan"}  # the labels say how the frame moves, not what it goes with
PULL_DOWN = 5 / 4  # frames of a companion per frame of the labelled file


@dataclass(frozen=True)
class Segment:
    """Frames [start, end) in which one of the `right` sets of moves is true; `sure` is the annotator's confidence."""

    start: int
    end: int
    right: tuple[frozenset[str], ...]
    sure: float


@dataclass(frozen=True)
class Read:
    """One segment and what the reader said of its frames; None where it abstained."""

    segment: Segment
    values: frozenset[str] | None

    @property
    def verdict(self) -> str:
        if self.values is None:
            return "abstained"
        return "right" if self.values - UNLABELLED in self.segment.right else "wrong"


def main(media: tyro.conf.Positional[Path], page: Path = Path("build/bench/real_footage.html")) -> None:
    """Measure every labelled video under `media`."""
    labelled = sorted(path for path in media.rglob("*.json") if "cuts" in _load(path))
    if not labelled:
        raise SystemExit(f"real_footage: {media}: no JSON with labelled cuts; see the docstring for the format")
    cuts, mistakes, reads, timings, shown = [], [], [], [], []
    for path in labelled:
        labels = _load(path)
        tracks, found = watched(path.with_name(labels["file"]))
        ignore = labels.get("in_shot_jumps", {}).get("frames", [])
        for name in NAMES:
            result = score(truths(labels), found[name], ignore)
            cuts.append((labels["file"], name, result))
        mistakes += _mistakes(labels["file"], cuts[-len(NAMES)][2])
        of_file = list(camera(labels, tracks))
        reads += [(labels["file"], read) for read in of_file]
        still = [
            (read.segment.start, read.segment.end)
            for read in of_file
            if read.segment.right == (frozenset(),) and read.segment.sure >= 1
        ]
        timings += [(labels["file"], read) for read in timing(labels, tracks, still)]
        shown += _shown_cuts(labels["file"], cuts[-len(NAMES)][2])
        if "companion" in labels:
            file = labels["companion"]["file"]
            if not path.with_name(file).exists():
                mistakes.append(f"- {file}: named by the labels of {labels['file']}, but not in the folder")
                continue
            result = score(truths(labels, PULL_DOWN), watched(path.with_name(file), ("ours",))[1]["ours"])
            cuts.append((file, "ours", result))
            mistakes += _mistakes(file, result)
    shown += [_shown_camera(file, read) for file, read in reads if read.verdict != "right"]
    shown += [
        _shown_timing(file, read) for file, read in timings if read.verdict != "right" or read.false or read.missed
    ]
    lines = [*_cut_table(cuts), "", *(mistakes or ["No mistakes of ours."]), "", *_camera_table(reads)]
    lines += ["", *_timing_table(timings)]
    print("\n".join(lines))
    heads = [line for line in lines if line.startswith(("Camera segments", "Timing"))]
    print(f"\nEvery mistake as frames: {write_mistakes(page, media, heads, shown)}")


def watched(video: Path, names: Iterable[str] = NAMES) -> tuple[Tracks, dict[str, list[int]]]:
    """The tracks of a whole file and the boundaries that each detector finds, in one decode."""
    stream = probe(video)
    watch = Watch(stream.rate, stream.width_px, stream.height_px)
    detecting = {name: detectors(name, watch.transitions) for name in names}
    found: dict[str, list[FrameTimecode]] = {name: [] for name in names}
    now = FrameTimecode(0, stream.rate)
    for frame in frames(video):
        now = FrameTimecode(frame.index, stream.rate)
        watch.see(frame.rgb(min(WATCH_ROWS_PX, stream.height_px)), frame.rgb)
        small = picture(frame, stream.width_px, stream.height_px)
        for name, detector in detecting.items():
            found[name] += detector.process_frame(now, small)
    for name, detector in detecting.items():
        found[name] += detector.post_process(now)
    return watch.tracks(), {name: sorted(cut.frame_num for cut in cuts) for name, cuts in found.items()}


def truths(labels: dict[str, Any], stretch: float = 1.0) -> list[Truth]:
    """The labelled cuts, exact unless the label gives limits; at another rate, within a frame."""
    found = []
    for cut in labels["cuts"]:
        first, last = cut.get("accept", (cut["frame"], cut["frame"]))
        slack = 0 if stretch == 1.0 else 1
        found.append(
            Truth(round(cut["frame"] * stretch), round(first * stretch) - slack, round(last * stretch) + slack)
        )
    return found


def camera(labels: dict[str, Any], tracks: Tracks) -> Iterator[Read]:
    """What the reader says of the frames of every labelled segment."""
    for segment in segments(labels):
        variable = record_of(tracks.window(segment.start, segment.end))[FIELD]
        values = frozenset(variable.values) - {"none"}
        yield Read(segment, values if variable.known else None)


def segments(labels: dict[str, Any]) -> Iterator[Segment]:
    """The labelled camera segments; a shot without segments is one, a shot without a camera label none."""
    for shot in labels["shots"]:
        parts = shot.get("segments") or [shot]
        for part in parts:
            moves = [part["move"]] if "move" in part else shot["camera"]
            sure = part.get("conf", shot.get("conf", 1.0))
            if moves is None and EITHER in shot.get("camera_note", ""):
                yield Segment(part["start"], part["end"] + 1, (frozenset(), frozenset({"pan_right"})), sure)
            elif moves is not None:
                right = frozenset(value for move in moves for name in move.split("+") for value in MOVES[name])
                yield Segment(part["start"], part["end"] + 1, (right,), sure)


def _load(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text("utf-8"))
    return value if isinstance(value, dict) else {}


def _mistakes(file: str, result: Score) -> list[str]:
    parts = [f"missed {', '.join(map(str, result.missed))}"] if result.missed else []
    parts += [f"false {', '.join(map(str, result.false))}"] if result.false else []
    return [f"- {file}, ours: {'; '.join(parts)}"] if parts else []


def _cut_table(rows: list[tuple[str, str, Score]]) -> list[str]:
    lines = ["| file | detector | cuts | right | missed | false | precision | recall | F1 |", "|---|---|" + "---:|" * 7]
    for file, name, s in rows:
        n = len(s.right) + len(s.missed)
        counts = f"{n} | {len(s.right)} | {len(s.missed)} | {len(s.false)}"
        lines.append(f"| {file} | {name} | {counts} | {s.precision:.3f} | {s.recall:.3f} | {s.f1:.3f} |")
    return lines


def _camera_table(rows: list[tuple[str, Read]]) -> list[str]:
    counts = {v: sum(read.verdict == v for _, read in rows) for v in ("right", "wrong", "abstained")}
    lines = [f"Camera segments: {counts['right']} right, {counts['wrong']} wrong, {counts['abstained']} abstained."]
    lines += ["", "| file | frames | label | read | verdict | label sure |", "|---|---|---|---|---|---:|"]
    for file, read in rows:
        segment = read.segment
        label = " or ".join(_words(right) for right in segment.right)
        said = "unknown" if read.values is None else _words(read.values)
        where = f"{segment.start}-{segment.end - 1}"
        lines.append(f"| {file} | {where} | {label} | {said} | {read.verdict} | {segment.sure:g} |")
    return lines


def _timing_table(rows: list[tuple[str, TimingRead]]) -> list[str]:
    counts = {v: sum(read.verdict == v for _, read in rows) for v in ("right", "wrong", "abstained")}
    lines = [
        f"Timing of still stretches: {counts['right']} right, {counts['wrong']} wrong, {counts['abstained']} abstained."
    ]
    lines += ["", "| file | frames | label | read | verdict | repeats missed | new taken for repeats | not told |"]
    lines += ["|---|---|---|---|---|---:|---:|---:|"]
    for file, r in rows:
        counted = f"{len(r.missed)} | {len(r.false)} | {r.untold}"
        lines.append(f"| {file} | {r.start}-{r.end - 1} | {r.true} | {'+'.join(r.said)} | {r.verdict} | {counted} |")
    return lines


def _shown_cuts(file: str, result: Score) -> list[Mistake]:
    kinds = (("cut missed", result.missed), ("no cut here", result.false))
    return [
        Mistake(file, f"{words} at {frame}", tuple(range(max(frame - 4, 0), frame + 4)))
        for words, found in kinds
        for frame in found
    ]


def _shown_camera(file: str, read: Read) -> Mistake:
    segment = read.segment
    said = "nothing" if read.values is None else _words(read.values)
    label = " or ".join(_words(right) for right in segment.right)
    words = (
        f"camera, frames {segment.start}-{segment.end - 1}: labelled {label} (sure {segment.sure:g}), read as {said}"
    )
    return Mistake(file, words, spread(segment.start, segment.end))


def _shown_timing(file: str, read: TimingRead) -> Mistake:
    """The frames that were misjudged, each after the one before it."""
    wrong = sorted({*read.missed, *read.false})
    words = f"timing, frames {read.start}-{read.end - 1}: {read.true} by the labels, read as {'+'.join(read.said)}"
    if wrong:
        words += f"; repeats taken for new: {runs(read.missed)}; new taken for repeats: {runs(read.false)}"
    pairs = tuple(dict.fromkeys(i for frame in wrong[:6] for i in (frame - 1, frame)))
    return Mistake(file, words, pairs or spread(read.start, read.end))


def _words(values: frozenset[str]) -> str:
    return " + ".join(sorted(values)) or "none"


if __name__ == "__main__":
    tyro.cli(main)
