"""Clips of the reward benchmark: drawn, seen through a camera by lot, looked at, and what simulated raters say of them.

What was looked at is kept in a folder by prompt, so that a second run only fits and measures.
"""

from __future__ import annotations

import itertools
import pickle
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from animatrix_reward import asked, drawn_clips, features, fit_rows, metamorphic, simulate_clips
from animatrix_reward.corrupt import Clip
from animatrix_reward.drawn_clips import Departure, Drawn, Prompt
from animatrix_reward.events import Event
from animatrix_reward.excuse import IMPACTS, SMEARS
from animatrix_reward.features import Seen
from animatrix_reward.photograph import photographed
from animatrix_reward.simulate_clips import Shown

FAILURES = 4  # candidates with a pathology each, beside the two without
CHANGES = 2  # metamorphic changes a prompt of training


@dataclass(frozen=True)
class Row:
    """A clip that was looked at. `change` is the metamorphic change it went through, if any."""

    id: str
    prompt: str
    hand: str
    tags: dict[str, tuple[str, ...]]
    departures: tuple[Departure, ...]
    change: str
    seen: Seen

    @property
    def art(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.kind for one in self.departures if one.intentional))

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.kind for one in self.departures if not one.intentional))

    @property
    def severity(self) -> int:
        return max((one.severity for one in self.departures if not one.intentional), default=0)

    @property
    def made_of(self) -> str:
        """The clip that a change was made to."""
        return f"{self.prompt}:{self.hand}:asked"

    def asked(self) -> np.ndarray:
        words = " ".join(value.replace("_", " ") for values in self.tags.values() for value in values)
        return asked.asked(self.tags, words)

    def shown(self) -> Shown:
        """What the raters' truth needs of it."""
        wanted = {v for name in drawn_clips.DEFORMED for v in self.tags.get(name, ()) if v not in ("none", "na")}
        meant = tuple((d.kind, d.start, d.end, d.severity) for d in self.departures if d.intentional)
        failed = tuple((d.kind, d.start, d.end, d.severity) for d in self.departures if not d.intentional)
        return Shown(self.id, self.prompt, self.seen.n_frames, meant, failed, frozenset(wanted), self.change)


def rows_of_prompt(prompt: Prompt, hand: str, cache: Path, *, training: bool, height_px: int) -> list[Row]:
    """Every candidate of a prompt; for training also metamorphic changes, and all through a camera by lot."""
    path = cache / f"{features.VERSION}-{prompt.id}-{hand}-{height_px}{'-training' if training else ''}.pkl"
    if path.exists():
        return pickle.loads(path.read_bytes())
    rows = looked_at(list(drawn_clips.candidates(prompt, hand, height_px, failures=FAILURES)), training)
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(pickle.dumps(rows))
    part.replace(path)
    return rows


def looked_at(drawn: Sequence[Drawn], training: bool) -> list[Row]:
    """Rows of the candidates of one prompt."""
    rows = []
    for clip in drawn:
        frames = photographed(clip.frames_THWC, zlib.crc32(clip.id.encode())) if training else clip.frames_THWC
        rows.append(_row(clip, clip.departures, "", frames))
    if training:
        asked_for, plain = drawn[0], drawn[1]
        subject = subject_of(asked_for, plain, rows[0].seen.drawings_T)
        names, seed = list(metamorphic.MUST_NOT_RAISE), zlib.crc32(asked_for.prompt.encode())
        names = names[seed % len(names) :] + names[: seed % len(names)]
        applies = ((name, metamorphic.MUST_NOT_RAISE[name](subject, seed)) for name in names)
        for name, frames in itertools.islice(((name, f) for name, f in applies if f is not None), CHANGES):
            # Through the same camera as what it was made of, so that nothing but the change tells the two apart.
            seen = photographed(frames, zlib.crc32(asked_for.id.encode()))
            rows.append(_row(asked_for, _left(asked_for, name), name, seen))
    return rows


def subject_of(clip: Drawn, other: Drawn, drawings_T: np.ndarray) -> metamorphic.Subject:
    """A drawn clip as the metamorphic suite takes it; `other` lends its figure."""
    spans = {
        sort: tuple((one.start, one.end) for one in clip.departures if one.kind in kinds)
        for sort, kinds in (("smears", SMEARS), ("impacts", IMPACTS))
    }
    return metamorphic.Subject(
        Clip(clip.frames_THWC, clip.masks_THW), spans["smears"], spans["impacts"], drawings_T,
        Clip(other.frames_THWC, other.masks_THW),
    )  # fmt: skip


def _left(clip: Drawn, change: str) -> tuple[Departure, ...]:
    """What is still drawn on purpose after a change."""
    gone = {"frozen": clip.drawn_kinds, "smears_blended": SMEARS, "impacts_deleted": IMPACTS}
    return tuple(one for one in clip.departures if one.kind not in gone.get(change, ()))


def _row(clip: Drawn, departures: tuple[Departure, ...], change: str, frames: np.ndarray) -> Row:
    name = f"{clip.prompt}:{clip.hand}:{change}" if change else clip.id
    return Row(name, clip.prompt, clip.hand, dict(clip.tags), departures, change, features.look(frames))


def told_by_raters(rows: Sequence[Row], seed: int) -> tuple[list[Event], fit_rows.Rows]:
    """What simulated raters with known faults say of the clips, as events and as rows to learn from."""
    events = simulate_clips.votes([row.shown() for row in rows], seed=seed)
    n_frames, prompts = {row.id: row.seen.n_frames for row in rows}, {row.id: row.prompt for row in rows}
    return events, fit_rows.rows_of(events, n_frames, prompts)
