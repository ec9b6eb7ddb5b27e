"""`make bench-segments`: cadence; openings, endings, eyecatches, recaps, previews and copies across episodes.

Segments: drawn series of six episodes and a second release, both hands, seeds that nothing was tuned on (series.py).
IoU is of all frames of a role in an episode; an episode that has the role, or was given it, counts. Clips are the
series' true shots, so nothing of the shot detector is in these figures.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import mean

import numpy as np
import pyarrow as pa
import tyro
from anicaption.frames import FILM_RATE, frames, read_pts
from anicaption.sound import sound
from animatrix_ingest.decide.segments import ROLES, segments
from animatrix_ingest.decide.segments_match import track
from animatrix_ingest.decide.segments_table import BODY, across
from animatrix_ingest.watch.fingerprint import PicturePrint
from animatrix_ingest.watch.fingerprint_sound import RATE_HZ, SoundPrint
from animatrix_ingest.watch.prints import Prints

import benchmarks.series
import benchmarks.series_sound
from benchmarks.figures import Figure, publish
from benchmarks.segments_cadence import figures as cadence_figures
from benchmarks.segments_rivals import by_correlation, by_phash, phashes
from benchmarks.segments_scale import cost_figures, scale_figures
from benchmarks.series import Made, series

RATE = float(FILM_RATE)
GOAL = 0.95
SHOWN = tuple(role for role in ROLES if role != "bumper")  # the series have none
SOUND_ONLY = ("ending", "6")  # (role, episode) that only its song tells
Span = tuple[float, float]


@dataclass(frozen=True)
class Settings:
    """Which series are drawn and measured."""

    seeds: tuple[int, ...] = (9003, 9004)
    hands: tuple[str, ...] = ("first", "second")
    height_px: int = 144
    work: Path = Path("build/bench/series")
    """where drawn series stay for the next run"""
    clips: int = 100_000
    """made-up clips for the cost of finding copies"""
    rivals: bool = True
    cadence: bool = True


@dataclass(frozen=True)
class Watched:
    """One series with its prints. `starts` is the first pts of every file."""

    folder: Path
    made: list[Made]
    prints: dict[str, Prints]
    starts: dict[str, int]

    def span(self, made: Made, start_s: float, end_s: float) -> Span:
        """Seconds of a file's clock as frames of its episode."""
        late = self.starts[made.file] / 1000
        return (start_s - late) * RATE, (end_s - late) * RATE


def main(settings: Settings) -> None:
    """Draw, watch, decide, publish."""
    watched = [watch(settings, hand, seed) for hand in settings.hands for seed in settings.seeds]
    figures = [*role_figures(watched, settings.rivals), *copy_figures(watched)]
    figures += cost_figures(watched[0].folder / watched[0].made[0].file)
    figures += scale_figures(settings.clips)
    if settings.cadence:
        figures += cadence_figures()
    publish("segments", "make bench-segments", figures)


def watch(settings: Settings, hand: str, seed: int) -> Watched:
    """A series, drawn if it is not there yet, and watched."""
    pen = hashlib.blake2b(digest_size=4)
    for module in (benchmarks.series, benchmarks.series_sound):  # other code draws another series
        pen.update(Path(str(module.__file__)).read_bytes())
    folder = settings.work / f"{pen.hexdigest()}-{hand}-{seed}-{settings.height_px}"
    made = series(folder, seed, hand, settings.height_px)
    prints = {one.file: watch_file(folder / one.file) for one in made}
    starts = {one.file: read_pts(folder / one.file)[1][0] for one in made}
    return Watched(folder, made, prints, starts)


def watch_file(path: Path) -> Prints:
    """Both fingerprints of a file."""
    picture, heard = None, SoundPrint()
    for frame in frames(path):
        picture = picture or PicturePrint(frame.time_base)
        picture.see(frame, frame.rgb())
    assert picture is not None, f"{path}: no frame"
    for piece in sound(path, RATE_HZ):
        heard.hear(piece)
    return Prints(picture.prints(), heard.prints())


def role_figures(watched: Sequence[Watched], with_rivals: bool) -> list[Figure]:
    ways: dict[str, dict[str, list[float]]] = {"ours": defaultdict(list), "without sound": defaultdict(list)}
    for one in watched:
        tracks = [track(one.prints[made.file]) for made in one.made]
        for name, use_sound in (("ours", True), ("without sound", False)):
            found: list[dict[str, list[Span]]] = [defaultdict(list) for _ in one.made]
            for s in segments(tracks, use_sound=use_sound):
                made = one.made[s.source]
                found[s.source][s.role].append(one.span(made, s.start_s, s.end_s))
            _collect(ways[name], one.made, found, sound_only=use_sound)
        if with_rivals:
            paths = [one.folder / made.file for made in one.made]
            for name, seconds in (
                ("pHash runs", by_phash([phashes(p) for p in paths], RATE)),
                ("sound cross-correlation", by_correlation(paths)),
            ):
                found = [{r: [(s * RATE, e * RATE) for s, e in spans] for r, spans in f.items()} for f in seconds]
                _collect(ways.setdefault(name, defaultdict(list)), one.made, found, sound_only=True)
    figures = []
    for role in (*SHOWN, "all"):
        values = {name: mean(v for r in SHOWN if role in (r, "all") for v in way[r]) for name, way in ways.items()}
        ours = values.pop("ours")
        n = sum(len(ways["ours"][r]) for r in SHOWN if role in (r, "all"))
        figures.append(Figure(f"IoU, {role} ({n})", ours, values, f">= {GOAL}", ours >= GOAL))
    return figures


def _collect(
    into: dict[str, list[float]], made: Sequence[Made], found: Sequence[dict[str, list[Span]]], sound_only: bool
) -> None:
    """The IoU of every role of every episode that has it or was given it; what only sound tells where it was heard."""
    for one, given in zip(made, found):
        for role in SHOWN:
            if (role, one.episode) == SOUND_ONLY and not sound_only:
                continue
            truth = [(a, b) for r, a, b in one.segments if r == role]
            if truth or given.get(role):
                into[role].append(iou(given.get(role, []), truth, one.cuts[-1].end_frame))


def iou(found: Sequence[Span], truth: Sequence[tuple[int, int]], n_frames: int) -> float:
    """Intersection over union in frames."""
    flags = np.zeros((2, n_frames), bool)
    for row, spans in enumerate((found, truth)):
        for start, end in spans:
            flags[row, max(0, round(start)) : max(0, round(end))] = True
    return float((flags[0] & flags[1]).sum() / max(1, (flags[0] | flags[1]).sum()))


def copy_figures(watched: Sequence[Watched]) -> list[Figure]:
    """Roles, copies and clusters of the true shots as clips."""
    counts: dict[str, int] = defaultdict(int)
    for one in watched:
        clips, cuts = clip_table(one)
        table = across(clips, one.prints)
        rows = table.to_pylist()
        counts["clips"] += len(rows)
        counts["roles right"] += sum(row["role"] == cuts[row["key"]][0] for row in rows)
        drawings = defaultdict(list)
        for row in rows:
            drawings[cuts[row["key"]][1]].append(row)
            if row["copy_of"]:
                counts["flagged"] += 1
                counts["flagged right"] += cuts[row["copy_of"]][1] == cuts[row["key"]][1]
        counts["wanted"] += sum(len(same) - 1 for same in drawings.values())
        counts["twins"] += len(drawings["twin/0"])
        counts["twins taken"] += sum(
            bool(r["copy_of"]) and cuts[r["copy_of"]][1] != "twin/0" for r in drawings["twin/0"]
        )
        for a, b in combinations(rows, 2):
            same = cuts[a["key"]][1] == cuts[b["key"]][1]
            joined = a["cluster"] == b["cluster"]
            if "twin/0" not in (cuts[a["key"]][1], cuts[b["key"]][1]):
                counts["same"] += same
                counts["joined"] += joined
                counts["same and joined"] += same and joined
    return list(_rates(counts))


def _rates(n: dict[str, int]) -> Iterator[Figure]:
    right = n["roles right"] / n["clips"]
    yield Figure(f"role of a clip right ({n['clips']})", right, {}, f">= {GOAL}", right >= GOAL)
    yield Figure("copies, precision", n["flagged right"] / max(1, n["flagged"]))
    yield Figure(f"copies, recall ({n['wanted']})", n["flagged right"] / max(1, n["wanted"]))
    yield Figure("clusters, precision of pairs", n["same and joined"] / max(1, n["joined"]))
    yield Figure(f"clusters, recall of pairs ({n['same']})", n["same and joined"] / max(1, n["same"]))
    yield Figure(f"layouts used again ({n['twins']}) taken for copies", n["twins taken"] / max(1, n["twins"]))


def clip_table(one: Watched) -> tuple[pa.Table, dict[str, tuple[str, str]]]:
    """The true shots as clips for `across`, and of each key its true role and drawing."""
    rows, cuts = [], {}
    for made in one.made:
        start_pts = one.starts[made.file]
        size = (one.folder / made.file).stat().st_size
        width_px, height_px = (214, 120) if made.release_of else (256, 144)
        for cut in made.cuts:
            key = f"{made.file}@{cut.start_frame:05d}"
            cuts[key] = (cut.role, cut.drawing)
            n = cut.end_frame - cut.start_frame
            rows.append(
                {
                    "key": key, "source": made.file, "work": "",
                    "start_pts": start_pts + round(1000 * cut.start_frame / RATE),
                    "end_pts": start_pts + round(1000 * cut.end_frame / RATE), "time_base": "1/1000",
                    "width_px": width_px, "height_px": height_px, "length": size * n // made.cuts[-1].end_frame,
                }
            )  # fmt: skip
    assert BODY in {role for role, _ in cuts.values()}
    return pa.Table.from_pylist(rows), cuts


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
