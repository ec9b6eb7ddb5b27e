"""`make bench-caption`: measured variables of drawn shots against their scripts, on held-out seeds of both hands.

Each true shot is captioned from its part of the tracks, so that the figures speak of the estimators and not of the
cutting. A goal must hold on the worse hand; an abstention is a miss. A field has a row where it is drawn and measured.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tyro
from anicaption.captioner import WATCH_ROWS_PX, record_of
from anicaption.drawn.film import HANDS, draw
from anicaption.evaluate import Answer, FieldScore, Values, has_spans, report, score, table
from anicaption.evaluate_page import write_page
from anicaption.frames import frames, probe
from anicaption.measure import READERS
from anicaption.measure.onepass import Watch
from anicaption.record import Record
from anicaption.tracks import Tracks

from benchmarks.captions_rivals import RIVALS, ROWS_PX
from benchmarks.figures import Figure, publish

MOVES = ("none", "pan_left", "pan_right", "pan_up", "pan_down", "track_up", "track_back", "roll_cw", "roll_ccw")
SMEARS = ("smear_stretch", "smear_multiple", "smear_abstract")
MOUTH = {"mouth_flap"}


@dataclass(frozen=True)
class Settings:
    """What is drawn and compared. Seeds from 9001 on set no threshold, and nobody tunes on the second hand."""

    episode_seeds: tuple[int, ...] = (9001, 9002)
    variables_seeds: tuple[int, ...] = (9101, 9102)
    height_px: int = 360
    shots: int | None = None  # of each episode; the script's own number by default
    hands: tuple[str, ...] = tuple(HANDS)
    pages: Path = Path("build/bench")


@dataclass
class Compared:
    """One hand's shots: (said, true), and per rival what it said of the same frames."""

    pairs: list[tuple[Record, Record]] = field(default_factory=list)
    rivals: dict[str, list[Values]] = field(default_factory=dict)


def main(settings: Settings) -> None:
    """Draw, watch, compare, publish."""
    hands = {hand: compared(settings, hand) for hand in settings.hands}
    measured = sorted({name for one in hands.values() for said, _ in one.pairs for name in _measured(said)})
    scores = {hand: score(one.pairs, measured) for hand, one in hands.items()}
    for hand, of_hand in scores.items():
        print(f"\n{hand} hand: {len(hands[hand].pairs)} shots, {len(READERS)} estimators\n{table(of_hand)}")
        print(write_page(report(of_hand, len(hands[hand].pairs)), settings.pages / f"captions-{hand}"))
    drawn_only = {n for one in hands.values() for _, true in one.pairs for n in true.tags()} - set(measured)
    print(f"drawn, but measured by nobody: {', '.join(sorted(drawn_only)) or 'nothing'}")
    publish("captions", "make bench-caption", [*goals(hands), *rows(scores)], settings.pages)


def compared(settings: Settings, hand: str) -> Compared:
    """All shots of one hand, drawn, watched once, and answered by us and by the rivals."""
    found = Compared(rivals={rival.name: [] for rival in RIVALS})
    wanted = [("episode", seed) for seed in settings.episode_seeds]
    wanted += [("variables", seed) for seed in settings.variables_seeds]
    for script, seed in wanted:
        with tempfile.TemporaryDirectory() as folder:
            (drawn,) = draw(folder, 1, seed, settings.height_px, script, settings.shots, hand)
            shots = json.loads(drawn.truth.read_text("utf-8"))["shots"]
            for (tracks, answers), shot in zip(_watched(drawn.video, shots), shots, strict=True):
                found.pairs.append((record_of(tracks), Record.from_json(shot["record"])))
                for name, values in answers.items():
                    found.rivals[name].append(values)
    return found


def _watched(video: Path, shots: list[dict]) -> list[tuple[Tracks, dict[str, Values]]]:
    """Each shot's tracks and the rivals' answers, from one decode of the episode."""
    stream = probe(video)
    watch = Watch(stream.rate, stream.width_px, stream.height_px)
    answers: list[dict[str, Values]] = []
    shown: list[np.ndarray] = []
    for frame in frames(video):
        watch.see(frame.rgb(min(WATCH_ROWS_PX, stream.height_px)), frame.rgb)
        shown.append(frame.rgb(min(ROWS_PX, stream.height_px)))
        if frame.index + 1 == shots[len(answers)]["end_frame"]:
            answers.append({rival.name: rival.answer(shown) for rival in RIVALS})
            shown = []
    tracks = watch.tracks()
    windows = [tracks.window(shot["start_frame"], shot["end_frame"]) for shot in shots]
    return list(zip(windows, answers, strict=True))


def _measured(record: Record) -> Iterable[str]:
    """Fields that an estimator read, or that follow from one that it read."""
    return (name for name, variable in record.variables().items() if variable.source == "measured")


def goals(hands: Mapping[str, Compared]) -> list[Figure]:
    """What the benchmark must show, each on the worse hand, beside its rivals on the same hand."""
    moves = {hand: _moves(one) for hand, one in hands.items()}
    found = [_goal("camera.move, macro-F1 of FIX, pans, T.U, T.B, rolls", moves, _macro_f1, 0.95, "macro-F1")]
    for name in ("camera.shake", "camera.transition", "vfx.impact_frame"):
        found.append(_goal(f"{name}, macro-F1", _fields(hands, name), _macro_f1, 0.95, "macro-F1"))
    for what, wanted, least in (
        ("with the camera moving", lambda t: _moving(t) and not _mouth_only(t), 0.95),
        ("with only the mouth moving", _mouth_only, 0.80),
        ("with only the mouth moving under a moving camera", lambda t: _moving(t) and _mouth_only(t), None),
        ("under a still camera", lambda t: not _moving(t) and not _mouth_only(t), None),
    ):
        timing = {hand: _timing(one, wanted) for hand, one in hands.items()}
        found.append(_goal(f"motion.timing {what}, right of the asked", timing, _right_share, least, "accuracy"))
    for what, name, values in (
        ("impact frames", "vfx.impact_frame", None),
        ("smears", "motion.deformation", SMEARS),
    ):
        spans = _fields(hands, name)
        found.append(
            _goal(f"{what}, span F1 at one frame", spans, lambda s, v=values: s.spans(1, v).f1, 0.9, "span F1")
        )
    return found


Scored = tuple[FieldScore, dict[str, FieldScore]]  # ours, and the rivals' on the same shots


def _goal(
    what: str, hands: Mapping[str, Scored], figure: Callable[[FieldScore], float], least: float | None, unit: str
) -> Figure:
    """The figure of the worse hand; a hand on which the question never arises says so by n 0."""
    asked = {hand: (figure(ours), ours.asked, rivals) for hand, (ours, rivals) in hands.items()}
    known = {hand: row for hand, row in asked.items() if row[0] == row[0]}
    counts = ", ".join(f"{hand} {value:.3f} of {n}" for hand, (value, n, _) in asked.items())
    what = f"{what} ({counts})"
    if not known:
        return Figure(
            what, 0.0, {}, "" if least is None else f"{unit} at least {least:g}", None if least is None else False
        )
    value, _, rivals = min(known.values(), key=lambda row: row[0])
    beside = {name: figure(rival) for name, rival in rivals.items()}
    if least is None:
        return Figure(what, value, beside)
    complete = len(known) == len(asked)
    return Figure(what, value, beside, f"{unit} at least {least:g}, both hands", complete and value >= least)


def _macro_f1(one: FieldScore) -> float:
    return one.macro_f1


def _right_share(one: FieldScore) -> float:
    return one.right / one.asked if one.asked else float("nan")


def _fields(hands: Mapping[str, Compared], name: str) -> dict[str, Scored]:
    return {hand: (score(one.pairs, [name]).get(name, FieldScore(name)), {}) for hand, one in hands.items()}


def _moves(one: Compared) -> Scored:
    """camera.move by the values of the goal alone; shots whose true move is none of them are not asked."""

    def folded(values: Values) -> Values:
        return tuple(value for value in values if value in MOVES) or ("unknown",)

    ours, theirs = (
        FieldScore("camera.move"),
        {r.name: FieldScore("camera.move") for r in RIVALS if r.field == "camera.move"},
    )
    for index, (said, true) in enumerate(one.pairs):
        wanted = folded(true["camera.move"].values)
        if wanted != ("unknown",):
            ours.answers.append(Answer(wanted, folded(said["camera.move"].values)))
            for name, rival in theirs.items():
                rival.answers.append(Answer(wanted, folded(one.rivals[name][index])))
    return ours, theirs


def _timing(one: Compared, wanted: Callable[[Record], bool]) -> Scored:
    ours, theirs = (
        FieldScore("motion.timing"),
        {r.name: FieldScore("motion.timing") for r in RIVALS if r.field == "motion.timing"},
    )
    for index, (said, true) in enumerate(one.pairs):
        timing = true["motion.timing"].values
        if timing not in (("unknown",), ("na",)) and wanted(true):
            ours.answers.append(Answer(timing, said["motion.timing"].values))
            for name, rival in theirs.items():
                rival.answers.append(Answer(timing, one.rivals[name][index]))
    return ours, theirs


def _moving(true: Record) -> bool:
    return true["camera.move"].known and true["camera.move"].values != ("none",)


def _mouth_only(true: Record) -> bool:
    """Nothing of the figure moves but its mouth, and perhaps a blink."""
    parts = set(true["motion.partial"].values)
    return MOUTH <= parts <= MOUTH | {"blink"} and true["motion.economy"].values == ("partial_only",)


def rows(scores: Mapping[str, Mapping[str, FieldScore]]) -> list[Figure]:
    """A row for every field that is drawn and measured, on the worse hand, beside always saying the commonest value."""
    found = []
    for name in dict.fromkeys(name for of_hand in scores.values() for name in of_hand):
        of_field = {hand: of_hand[name] for hand, of_hand in scores.items() if name in of_hand}
        hand, one = min(of_field.items(), key=lambda item: item[1].macro_f1)
        what = f"{name}, macro-F1 ({hand} hand: {one.right} right of {one.asked}, {one.abstained} abstained)"
        rival = FieldScore(name, [Answer(answer.true, _commonest(one)) for answer in one.answers])
        beside = {"always the commonest value": rival.macro_f1}
        if has_spans(one):
            beside["our span F1 at one frame"] = one.spans(1).f1
        several = len({answer.true for answer in one.answers}) > 1  # else nobody can do better
        goal = "above the commonest" if several else ""
        found.append(Figure(what, one.macro_f1, beside, goal, one.macro_f1 > rival.macro_f1 if several else None))
    return found


def _commonest(one: FieldScore) -> Values:
    return Counter(answer.true for answer in one.answers).most_common(1)[0][0]


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
