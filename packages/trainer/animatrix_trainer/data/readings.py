"""What a run has read, kept with its checkpoints: generations, hash, split and tier, a row per stretch of steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from animatrix_trainer.config import CheckpointError, Tier

NAME = "data.json"


@dataclass(frozen=True)
class Reading:
    """What was read from step `from_step` of the run of recipe `run`.

    `hash` covers what the data set holds: two that hold the same have the same, wherever they lie. `split` is None
    where nobody decided one. `left_out` counts the clips that were not read, by reason.
    """

    video: int
    labels: int
    hash: str
    split: str | None
    tier: Tier
    clips: int
    left_out: dict[str, int] = field(default_factory=dict)
    run: str = ""
    from_step: int = 0
    decoder: str = "pyav"
    """who decoded the clips, and what was seen of it beforehand"""

    def words(self) -> str:
        """One line for people."""
        side = f"split {self.split}" if self.split else "no split"
        counts = ", ".join(f"{n:,} {why}" for why, n in self.left_out.items())
        return (
            f"video {self.video}, labels {self.labels}, data set {self.hash[:12]}: {self.clips:,} clips, {side}, from "
            f"tier {self.tier}" + (f"; left out: {counts}" if counts else "")
        )


def read(folder: Path) -> tuple[Reading, ...]:
    """What the checkpoint in `folder` was trained on; () where it does not say."""
    path = folder / NAME
    return tuple(Reading(**row) for row in json.loads(path.read_text("utf-8"))) if path.exists() else ()


def write(folder: Path, readings: Sequence[Reading]) -> None:
    """Write them to a checkpoint's or a run's folder; nothing where there are none."""
    if readings:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NAME).write_text(json.dumps([asdict(row) for row in readings], indent=2) + "\n", "utf-8")


def gone_on(
    before: Sequence[Reading], now: Reading, run: str, checkpoint: Path, other_data: bool
) -> tuple[Reading, ...]:
    """The readings of a run that goes on from `checkpoint` (.../step-00001000). CheckpointError where it would read
    something else than before, unless `other_data` asks for that."""
    now = replace(now, run=run, from_step=int(checkpoint.name.rpartition("-")[2]))
    if before and not (found := differences(before[-1], now)):
        return tuple(before)
    if other_data:
        return (*before, now)
    if not before:
        raise CheckpointError(f"{checkpoint}: does not say which data it was trained on; go on with --other-data")
    raise CheckpointError(
        f"{checkpoint}: was trained on other data than would be read now: {'; '.join(found)}. Give the same data "
        f"(--data.video {before[-1].video} --data.labels {before[-1].labels} --data.tier {before[-1].tier}), or ask "
        "for the change with --other-data"
    )


def differences(before: Reading, now: Reading) -> list[str]:
    """What differs in what is read, in words; the numbers of generations count only where the contents differ."""
    names = {"hash": "data set", "split": "split", "tier": "tier"}
    found = [
        f"{word} {getattr(before, name)} then, {getattr(now, name)} now"
        for name, word in names.items()
        if getattr(before, name) != getattr(now, name)
    ]
    if before.hash == now.hash:
        return found
    numbers = [
        f"{name} generation {getattr(before, name)} then, {getattr(now, name)} now"
        for name in ("video", "labels")
        if getattr(before, name) != getattr(now, name)
    ]
    return numbers + found + ([f"{before.clips} clips then, {now.clips} now"] if before.clips != now.clips else [])
