"""`make bench-shots`: shot boundaries by kind on drawn films of both hands and on real footage, beside six rivals.

Everyone sees the same decoded frames in one run. The films (shots_script.py) hold every joint and every thing that only
looks like one; no threshold of ours was set on these seeds, and none on the second hand.

How an answer, the first frame of a new shot, is judged:

* A hard cut wants its exact frame, or one within two frames of it. Where a white or black frame touches the cut, nobody
  can tell whose it is, and either end of it is exact.
* A gradual transition is an interval: right is one answer in it, from its first mixed frame to its first clean one, or
  within two frames of that ("overlap", as TransNetV2's evaluation and the RAI protocol before it count; PySceneDetect's
  own benchmark compares single frames, so we also say how many lie within two frames of the middle).
* Every further answer is false. In a transition's interval it counts against its kind, in a trap against the trap; the
  F1 of all hard cuts counts every false answer that is not in a gradual transition.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anicaption.drawn
import tyro
from anicaption.drawn.film import HANDS, render_frames
from anicaption.frames import FILM_RATE, frames, probe, write_video

from benchmarks.boundaries import Score, Truth, score, total
from benchmarks.figures import Figure, publish
from benchmarks.real_footage import truths as real_truths
from benchmarks.rivals_shots import OURS, seeing
from benchmarks.shots_script import CUTS, GRADUAL, TRAPS, Film, Meeting, write_film

NEAR_FRAMES = 2
CUT_GOAL, GRADUAL_GOAL, IMPACT_GOAL = 0.99, 0.90, 0.95
_BESIDE = 8  # frames from a cut by an impact in which a false answer is that impact's
Goal = tuple[str, Callable[[float], bool]]
_FLASHES = ("impact", "strobe", "lightning")


@dataclass(frozen=True)
class Settings:
    """What is drawn, and where real footage lies."""

    seeds: tuple[int, ...] = (9001, 9002)
    hands: tuple[str, ...] = ("first", "second")
    height_px: int = 216
    work: Path = Path("build/bench/shots")
    """where the drawn films stay for the next run"""
    media: Path | None = None
    """folder of labelled footage; ANIMATRIX_MEDIA or shared/media beside the checkout if not given"""


@dataclass(frozen=True)
class Judged:
    """The answers of one detector on one film: scores of each kind of meeting, and the false ones by place."""

    kinds: dict[str, Score]
    false: Counter[str]

    def f1(self, kinds: Iterable[str], false: Iterable[str]) -> float:
        right, missed = counted(self, kinds)
        wrong = sum(self.false[place] for place in false)
        return 2 * right / (2 * right + missed + wrong) if right or missed or wrong else 1.0


def main(settings: Settings) -> None:
    """Draw, watch, judge, publish."""
    figures: list[Figure] = []
    for hand in settings.hands:
        films = [write_film(seed) for seed in settings.seeds]
        answers = [watched(drawn(settings, film, hand)) for film in films]
        figures += [*drawn_figures(hand, films, answers)]
    media = settings.media or _media()
    if media is None:
        print(
            "No labelled footage: give --media, set ANIMATRIX_MEDIA, or put it into shared/media beside the checkout."
        )
    else:
        figures += real_figures(media)
    publish("shots", "make bench-shots", figures)


def drawn(settings: Settings, film: Film, hand: str) -> Path:
    """The film on disk; drawn again only if its script, its size or the drawing code is new."""
    pen = hashlib.blake2b(repr((film, hand, settings.height_px)).encode(), digest_size=6)
    for path in sorted(Path(anicaption.drawn.__file__).parent.rglob("*.py")):
        pen.update(path.read_bytes())
    video = settings.work / f"{film.episode.name}-{hand}-{pen.hexdigest()}.mkv"
    if not video.exists():
        video.parent.mkdir(parents=True, exist_ok=True)
        part = video.with_suffix(".part")
        pictures = render_frames(film.episode, settings.height_px, hand)
        write_video(part, pictures, FILM_RATE, container="matroska", **HANDS[hand][1])
        part.replace(video)
    return video


def watched(video: Path) -> dict[str, list[int] | None]:
    """What every detector answers, by name, from one decode; None for what is not installed."""
    who = seeing(probe(video))
    for frame in frames(video):
        for one in who.values():
            if one is not None:
                one.see(frame)
    return {name: one.answers() if one is not None else None for name, one in who.items()}


def judged(film: Film, found: list[int], slack: int, middle: bool = False) -> Judged:
    """The answers judged, `slack` frames beside the mark allowed; with `middle`, gradual ones by their middles."""
    truths = {meeting.frame: _truth(meeting, slack, middle) for meeting in film.meetings}
    whole = score(list(truths.values()), found)
    kind_of = {meeting.frame: meeting.kind for meeting in film.meetings}
    kinds = {
        kind: Score(
            tuple(pair for pair in whole.right if kind_of[pair[0]] == kind),
            tuple(frame for frame in whole.missed if kind_of[frame] == kind),
        )
        for kind in CUTS | GRADUAL
    }
    return Judged(kinds, Counter(place(film, frame) for frame in whole.false))


def _truth(meeting: Meeting, slack: int, middle: bool) -> Truth:
    first, last = (meeting.start, meeting.end) if meeting.gradual else (meeting.first, meeting.last)
    frame = (meeting.start + meeting.end) // 2 if meeting.gradual else meeting.frame
    if middle and meeting.gradual:
        first, last = frame, frame
    return Truth(meeting.frame, first - slack, last + slack, meeting.gradual)


def place(film: Film, frame: int) -> str:
    """Where a false answer lies: the kind of the gradual joint or of the trap around it, or `elsewhere`."""
    for meeting in film.meetings:
        if meeting.gradual and meeting.start - NEAR_FRAMES <= frame <= meeting.end + NEAR_FRAMES:
            return meeting.kind
        if meeting.kind == "by an impact" and abs(frame - meeting.frame) <= _BESIDE:
            return meeting.kind
    for trap in film.traps:
        if trap.kind != "none" and trap.start - 1 <= frame <= trap.end + 1:
            return f"trap: {trap.kind}"
    return "elsewhere"


def counted(one: Judged, kinds: Iterable[str]) -> tuple[int, int]:
    """How many of these kinds are right, and how many are missed."""
    scores = [one.kinds[kind] for kind in kinds]
    return sum(len(s.right) for s in scores), sum(len(s.missed) for s in scores)


def together(films: Iterable[Judged]) -> Judged:
    """Several films as one."""
    films = list(films)
    kinds = {kind: total(film.kinds[kind] for film in films) for kind in CUTS | GRADUAL}
    return Judged(kinds, sum((film.false for film in films), Counter()))


def drawn_figures(hand: str, films: list[Film], answers: list[dict[str, list[int] | None]]) -> Iterator[Figure]:
    """The table of one hand."""
    names = [name for name, found in answers[0].items() if found is not None]
    missing = "".join(f"; {name}: not installed" for name, found in answers[0].items() if found is None)

    def of(slack: int, middle: bool = False) -> dict[str, Judged]:
        pairs = {
            name: [(film, found[name] or []) for film, found in zip(films, answers, strict=True)] for name in names
        }
        return {name: together(judged(f, a, slack, middle) for f, a in some) for name, some in pairs.items()}

    at = {0: of(0), NEAR_FRAMES: of(NEAR_FRAMES)}
    middles = of(NEAR_FRAMES, middle=True)
    traps = [f"trap: {kind}" for kind in TRAPS]
    not_gradual = ["elsewhere", "by an impact", *traps]

    def figure(what: str, one: Callable[[Judged], float], by: dict[str, Judged], goal: Goal | None = None) -> Figure:
        values = {name: one(judge) for name, judge in by.items()}
        ours = values.pop(OURS)
        words, holds = (goal[0], goal[1](ours)) if goal else ("", None)
        return Figure(f"{hand} hand: {what}{missing}", ours, values, words, holds)

    for slack, by in at.items():
        n = sum(counted(by[OURS], CUTS))
        goal = (f"at least {CUT_GOAL}", lambda value: value >= CUT_GOAL) if slack == 0 else None
        yield figure(f"F1, all hard cuts, +-{slack} ({n})", lambda one: one.f1(CUTS, not_gradual), by, goal)
    for slack, by in at.items():
        n = sum(counted(by[OURS], GRADUAL))
        goal = (f"at least {GRADUAL_GOAL}", lambda value: value >= GRADUAL_GOAL)
        yield figure(f"F1, all gradual, overlap +-{slack} ({n})", lambda one: one.f1(GRADUAL, GRADUAL), by, goal)
    n = sum(counted(middles[OURS], GRADUAL))
    yield figure(
        f"share of gradual within {NEAR_FRAMES} of the middle ({n})", lambda one: _share(one, GRADUAL), middles
    )
    for kind in CUTS:
        n = sum(counted(at[0][OURS], [kind]))
        goal = (f"at least {IMPACT_GOAL}", lambda value: value >= IMPACT_GOAL) if kind == "by an impact" else None
        yield figure(f"found at the exact frame, {kind} ({n})", lambda one, k=kind: _share(one, [k]), at[0], goal)
    for kind in GRADUAL:
        for slack, by in at.items():
            n = sum(counted(by[OURS], [kind]))
            yield figure(f"F1, {kind}, overlap +-{slack} ({n})", lambda one, k=kind: one.f1([k], [k]), by)
    for kind in ("elsewhere", "by an impact", *TRAPS):
        n = sum(trap.kind == kind for film in films for trap in film.traps)
        where = f"trap: {kind}" if kind in TRAPS else kind
        goal = ("none", lambda value: value == 0) if kind in _FLASHES else None
        if kind != "none":
            what = f"false, {kind}" + (f" ({n} shots)" if kind in TRAPS else "")
            yield figure(what, lambda one, w=where: float(one.false[w]), at[NEAR_FRAMES], goal)


def _share(one: Judged, kinds: Iterable[str]) -> float:
    right, missed = counted(one, kinds)
    return right / max(1, right + missed)


def real_figures(media: Path) -> Iterator[Figure]:
    """F1 on each labelled file, exact but where the labels give limits."""
    for path in sorted(media.rglob("*.json")):
        labels = json.loads(path.read_text("utf-8"))
        if "cuts" not in labels:
            continue
        video = path.with_name(labels["file"])
        by = {
            name: score(real_truths(labels), found, labels.get("in_shot_jumps", {}).get("frames", []))
            for name, found in watched(video).items()
            if found is not None
        }
        ours = by.pop(OURS)
        n, wrong = len(ours.right) + len(ours.missed), f"missed {list(ours.missed)}, false {list(ours.false)}"
        yield Figure(f"{video.name}: F1 ({n} cuts; ours {wrong})", ours.f1, {name: one.f1 for name, one in by.items()})


def _media() -> Path | None:
    """ANIMATRIX_MEDIA, or shared/media beside the checkout; None where neither is there."""
    if named := os.environ.get("ANIMATRIX_MEDIA"):
        return Path(named)
    beside = Path(__file__).parents[2] / "shared" / "media"
    return beside if beside.is_dir() else None


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
