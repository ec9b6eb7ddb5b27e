"""Does the tag reach the picture? Samples from first frames that no training saw, read back by AniCaption.

Beside every count stands the reader's own: the same reader on drawn windows of the same size whose move is known.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anicaption.directive import from_tags
from anicaption.frames import frames
from animatrix_trainer.checkpoint import System, latest, load
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.guidance import Wish
from animatrix_trainer.config import Window
from animatrix_trainer.data.crop import fit
from animatrix_trainer.obedience import PANS, ZOOMS, obey, read_back
from animatrix_trainer.sample import Asked, sample

MOVES = (*PANS, *ZOOMS, "none")
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Trial:
    """One checkpoint asked for every move: what it makes, counts {asked: {read back: n}}, and the clips by move."""

    name: str
    what: str
    counts: Counts
    clips: dict[str, np.ndarray]


@dataclass(frozen=True)
class Results:
    """`readers`: AniCaption on drawn truth, {size: {true move: {read: n}}}. `losses`: (step, loss) by run."""

    readers: dict[str, Counts]
    trials: tuple[Trial, ...]
    losses: dict[str, list[tuple[int, float]]]

    def words(self) -> str:
        """The table for the terminal."""
        lines = [f"{'':46}{'pans':>12}{'zooms':>12}{'fixed':>12}"]
        lines += [_line(f"the reader on drawn truth, {size}", counts) for size, counts in self.readers.items()]
        lines += [_line(trial.name, trial.counts) for trial in self.trials]
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        table = {"reader": self.readers} | {trial.name: trial.counts for trial in self.trials}
        path.write_text(json.dumps(table, indent=2) + "\n", "utf-8")


def right(counts: Counts, moves: tuple[str, ...]) -> tuple[int, int]:
    """(as asked, all) over `moves`."""
    good = sum(counts.get(move, {}).get(move, 0) for move in moves)
    return good, sum(sum(counts.get(move, {}).values()) for move in moves)


def prove(road, checkpoint: Path, unseen: Path, clips: int) -> Results:
    """Ask the scratch model, the shipped one and the one trained on; also without a first frame."""
    asked = (
        ("trained here from nothing", _last(road.out / "scratch"), True),
        ("shipped checkpoint", checkpoint, True),
        ("shipped checkpoint, trained on here", _last(road.out / "further"), True),
        ("shipped checkpoint, no first frame", checkpoint, False),
    )
    readers: dict[str, Counts] = {}
    trials = []
    for name, folder, from_picture in asked:
        system = load(folder)
        window = system.recipe.window
        windows = drawn_windows(unseen, window)
        size = f"{window.height_px} × {window.width_px}"
        readers.setdefault(size, read_all(windows))
        firsts = np.stack([video[0] for _, video in windows])[:: max(1, len(windows) // clips)][:clips]
        trials.append(trial(name, size, system, firsts if from_picture else None, clips))
    losses = {name: read_losses(road.out / name / "metrics.jsonl") for name in ("scratch", "further")}
    results = Results(readers, tuple(trials), losses)
    results.write(road.out / "obedience.json")
    return results


def read_all(windows: list[tuple[str, np.ndarray]]) -> Counts:
    """What AniCaption reads in windows whose move is known."""
    counts: dict[str, Counter[str]] = {move: Counter() for move in MOVES}
    for move, video in windows:
        counts[move][read_back(video)] += 1
    return {move: dict(read) for move, read in counts.items()}


def trial(name: str, size: str, system: System, firsts: np.ndarray | None, clips: int) -> Trial:
    """Ask for every move, from first frames (N, H, W, 3) or from noise alone."""
    if firsts is not None:
        counts, videos = obey(system, firsts, MOVES, seed=1)
        return Trial(name, size, counts, videos)
    counts, videos = {}, {}
    for move in MOVES:
        tags = {"camera.move": (move,)}
        wish = Wish(Condition(tags, from_tags(tags).prose))
        videos[move] = sample(system, [Asked(wish, 1000 + n) for n in range(clips)])
        counts[move] = dict(Counter(read_back(video) for video in videos[move]))
    return Trial(name, f"{size}, text-to-video", counts, videos)


def drawn_windows(folder: Path, window: Window) -> list[tuple[str, np.ndarray]]:
    """(the one camera move it was drawn with, RGB (F, H, W, 3)) from the middle of each shot of drawn episodes."""
    found = []
    for path in sorted(folder.glob("*.truth.json")):
        truth = json.loads(path.read_text("utf-8"))
        wanted = {}
        for shot in truth["shots"]:
            moves = shot["record"]["camera"]["move"]["values"]
            middle = (shot["start_frame"] + shot["end_frame"] - window.frames) // 2
            if len(moves) == 1 and moves[0] in MOVES and middle >= shot["start_frame"]:
                wanted |= {middle + n: (middle, moves[0]) for n in range(window.frames)}
        pictures: dict[int, list[np.ndarray]] = {}
        for frame in frames(folder / truth["file"]):
            if frame.index in wanted:
                start, move = wanted[frame.index]
                pictures.setdefault(start, []).append(frame.rgb())
                if len(pictures[start]) == window.frames:
                    found.append((move, fit(np.stack(pictures.pop(start)), window)))
    return found


def read_losses(path: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(line["step"], line["loss"]) for line in lines]


def _last(folder: Path) -> Path:
    last = latest(folder)
    assert last is not None, f"{folder}: the training before left no checkpoint"
    return last


def _line(name: str, counts: Counts) -> str:
    cells = ["{} of {}".format(*right(counts, moves)) for moves in (PANS, ZOOMS, ("none",))]
    return f"{name:46}" + "".join(f"{cell:>12}" for cell in cells)
