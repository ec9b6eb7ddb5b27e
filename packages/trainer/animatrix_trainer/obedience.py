"""Does a checkpoint do what it is asked? Ask for each camera move, read the clips back with AniCaption, tabulate.

Beside it stands the reader on real windows of the same size against what it read in the clips they come from, so that
pictures too small to be read can be told from a model that does not listen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from anicaption.directive import from_tags
from anicaption.frames import FILM_RATE
from anicaption.measure import read
from anicaption.measure.onepass import Watch

from animatrix_trainer.checkpoint import System, load
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.guidance import Wish
from animatrix_trainer.config import NEWEST, Data, DataError, Window
from animatrix_trainer.data.plan import Pick, generator
from animatrix_trainer.data.read import Shards
from animatrix_trainer.sample import Asked, sample

PANS = ("pan_left", "pan_right", "pan_up", "pan_down")
ZOOMS = ("track_up", "track_back")
MOVE = "camera.move"


@dataclass(frozen=True)
class Table:
    """Counts of (asked, read back) for samples of the model, and of (read in the whole clip, read at the model's size)
    for real windows: how far the reader agrees with itself on pictures this small."""

    asked: dict[str, dict[str, int]]
    reader: dict[str, dict[str, int]]

    def share(self, moves: Sequence[str], of: str = "asked") -> tuple[int, int]:
        """(right, all) over `moves`."""
        counts = getattr(self, of)
        right = sum(counts.get(move, {}).get(move, 0) for move in moves)
        return right, sum(sum(counts.get(move, {}).values()) for move in moves)

    def text(self) -> str:
        """A table for people: a row per move asked for, what was read back, and the reader on real windows."""
        lines = [f"{'asked for':14}{'read back':52}{'reader agrees':>16}"]
        for move, counts in self.asked.items():
            said = ", ".join(f"{value} {n}" for value, n in sorted(counts.items(), key=lambda item: -item[1]))
            right, total = self.share([move], "reader")
            lines.append(f"{move:14}{said:52}{f'{right} of {total}':>16}")
        for name, moves in (("pans", PANS), ("zooms", ZOOMS)):
            (right, total), (sure, seen) = self.share(moves), self.share(moves, "reader")
            lines.append(f"{name:14}{f'{right} of {total} obeyed':52}{f'{sure} of {seen}':>16}")
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({"asked": self.asked, "reader": self.reader}, indent=2) + "\n", "utf-8")


def read_back(video: np.ndarray, rate: Fraction = FILM_RATE) -> str:
    """The camera moves that AniCaption reads in RGB uint8 (F, H, W, 3), joined by "+"; "unknown" where it abstains."""
    watch = Watch(rate, video.shape[2], video.shape[1])
    for frame in video:
        watch.see(frame)
    return "+".join(read(watch.tracks())[MOVE].values)


def obey(
    system: System, first_frames: np.ndarray, moves: Sequence[str], seed: int
) -> tuple[dict[str, dict[str, int]], dict[str, np.ndarray]]:
    """Ask for each of `moves` from each first frame (N, H, W, 3): ({asked: {read back: count}}, {asked: clips}).

    All moves of one first frame start from the same noise, so clips differ by the tag alone.
    """
    counts, clips = {}, {}
    for move in moves:
        tags = {MOVE: (move,)}
        wish = Wish(Condition(tags, from_tags(tags).prose))
        asked = [Asked(wish, seed * 1000 + number, {0: first}) for number, first in enumerate(first_frames)]
        clips[move] = sample(system, asked)
        counts[move] = dict(Counter(read_back(clip) for clip in clips[move]))
    return counts, clips


def reader_agreement(
    shards: Shards, window: Window, moves: Sequence[str], clips: int, seed: int
) -> dict[str, dict[str, int]]:
    """{move read in the ingested clip: {read at the model's size: count}} on up to `clips` real windows a move.

    No truth is involved; `make demo` compares the reader with the scripts of drawn shots.
    """
    counts: dict[str, Counter[str]] = {move: Counter() for move in moves}
    for pick in _shuffled(shards, window, seed):
        values = shards.record(pick)[MOVE].values
        if len(values) == 1 and values[0] in counts and counts[values[0]].total() < clips:
            counts[values[0]][read_back(shards.video(pick))] += 1
        if all(counter.total() == clips for counter in counts.values()):
            break
    return {move: dict(counter) for move, counter in counts.items()}


def measure_checkpoint(
    checkpoint: Path, shards: Path | str, clips: int, seed: int, data: Data = NEWEST
) -> tuple[Table, str]:
    """The table of a checkpoint on first frames of clips it has not seen, and what clips these are, in words."""
    system = load(checkpoint)
    window = system.recipe.window
    unseen, words = unseen_clips(system, shards, data)
    firsts = np.stack([unseen.video(pick)[0] for pick in _shuffled(unseen, window, seed)[:clips]])
    asked, _ = obey(system, firsts, PANS + ZOOMS, seed)
    return Table(asked, reader_agreement(unseen, window, PANS + ZOOMS, clips, seed)), words


def unseen_clips(system: System, shards: Path | str, data: Data) -> tuple[Shards, str]:
    """What a data set holds out, or validates by; where it does neither, all of it, if `system` was not trained on it.

    A checkpoint says which data sets it was trained on; where it does not say, nobody knows, and the words say so.
    """
    window = system.recipe.window
    unseen = Shards.first_of(("held_out", "validation"), shards, window.frames, cache=True, data=data)
    if unseen:
        return unseen, unseen.reading.words()
    whole = Shards(shards, cache=True, data=data)
    if whole.reading.hash in {read.hash for read in system.read}:
        raise DataError(
            f"{shards}: the checkpoint was trained on this data set, and nothing of it is held out; name another with "
            "--shards, or decide on a split that holds works out"
        )
    known = "the checkpoint was trained on other data" if system.read else "what the checkpoint saw is not recorded"
    return whole, f"{whole.reading.words()}; nothing is held out, {known}"


def _shuffled(shards: Shards, window: Window, seed: int) -> list[Pick]:
    """One window of each clip that is long enough, in an order of its own."""
    long_enough = [row for row, n in enumerate(shards.n_frames) if n >= window.frames]
    rng = generator(seed, "order", 0)
    return [
        Pick(int(row), (shards.n_frames[row] - window.frames) // 2, 0, window) for row in rng.permutation(long_enough)
    ]
