"""The bed of the preference study: drawn clips of which a known share is damaged, and prompts that ask for a departure.

A prompt asks for a camera move and, one in five, for a deformation in given frames; that is art and must stay. Apart
from what is asked for, three clips in ten are damaged by animatrix_reward.corrupt, which no tag says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from anicaption.drawn.film import HANDS
from anicaption.drawn.script import Effects, Shot
from anicaption.frames import even
from animatrix_reward.corrupt import Clip, Corrupted, corrupt
from animatrix_reward.dimensions import DEFORMATION_FIELDS
from animatrix_reward.simulate_clips import Shown
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.tags import TagSpan

from benchmarks.study import bed
from benchmarks.study.bed import Size

MOVES = ("none", "pan_left", "pan_right")
IMPACTS = ("white_flash", "inverted")
"""Departures that exist in few pixels: a whole frame is not the scene, on purpose."""
SMEARS = ("smear_stretch", "smear_multiple", "smear_abstract")
"""Those that need a figure of some hundred pixels."""
CORRUPTED, ASKED = 0.3, 0.2
VISIBLE = 8.0
"""Levels by which a damaged frame of a tiny picture differs from the sound one, a mean over all pixels: what damages
less than this cannot be seen at such a size."""
_TRIES = 12
_FIGURE = 14  # levels by which a picture with a figure differs from one without where the figure stands


@dataclass(frozen=True)
class Prompt:
    """What is asked for: a move, and a deformation ("none": none) in the frames [start, end)."""

    id: str
    move: str
    deformation: str
    start: int
    end: int
    n_frames: int
    seed: int

    @property
    def tags(self) -> dict[str, tuple[str, ...]]:
        return {"camera.move": (self.move,), self.field: (self.deformation,)}

    @property
    def field(self) -> str:
        smears, impacts = DEFORMATION_FIELDS
        return smears if self.deformation in SMEARS else impacts

    @property
    def condition(self) -> Condition:
        """The prompt as the policy is told it, times included, without words."""
        at = (TagSpan(self.field, self.deformation, self.start / self.n_frames, self.end / self.n_frames),)
        return Condition(self.tags, "", at if self.deformation != "none" else ())

    def shot(self, deformation: str | None = None) -> Shot:
        """The shot as asked for, or with another deformation."""
        what = self.deformation if deformation is None else deformation
        values = {"camera.move": self.move, "vfx.impact_frame": "none", "vfx.lines": "none", "camera.shake": "none",
                  "motion.timing": "twos"}  # fmt: skip
        shot = bed.script(values, self.n_frames, self.seed)
        if what in SMEARS and shot.acting is not None:
            return replace(shot, acting=replace(shot.acting, deformations=((what, self.start, self.end),)))
        if what != "none":
            return replace(shot, effects=replace(shot.effects, impacts=((what, self.start, self.end),)))
        return shot


@dataclass(frozen=True)
class Drawn:
    """A drawn clip of a prompt and its truth: what is meant in it and what fails, as (kind, start, end, severity).

    `frames` RGB uint8 (F, H, W, 3).
    """

    id: str
    prompt: Prompt
    frames: np.ndarray
    meant: tuple[tuple[str, int, int, int], ...]
    failed: tuple[tuple[str, int, int, int], ...]

    def shown(self) -> Shown:
        """What the raters' truth needs of it."""
        return shown(self.id, self.prompt, self.meant, self.failed)


def shown(name: str, prompt: Prompt, meant: Sequence, failed: Sequence) -> Shown:
    wanted = frozenset({prompt.deformation} - {"none"})
    return Shown(name, prompt.id, prompt.n_frames, tuple(meant), tuple(failed), wanted)


def prompts(n: int, n_frames: int, deformations: Sequence[str], seed: int, asked: float = ASKED) -> list[Prompt]:
    """`n` prompts; moves go round, and exactly a share `asked` wants a deformation, evenly of each kind."""
    rng = np.random.default_rng([seed, 0x70])
    wants = rng.permutation(np.arange(n) < round(asked * n))
    nth, found = 0, []
    for at in range(n):
        length = int(rng.integers(2, 4))
        start = int(rng.integers(n_frames // 4, n_frames - length - 2))
        kind = deformations[nth % len(deformations)] if wants[at] else "none"
        nth += bool(wants[at])
        number = int(rng.integers(1 << 30))
        found.append(
            Prompt(f"{seed:04d}-{at:04d}", MOVES[at % len(MOVES)], kind, start, start + length, n_frames, number)
        )
    return found


def mixture(asked: Sequence[Prompt], kinds: Sequence[str], size: Size, seed: int) -> Iterator[Drawn]:
    """One clip of each prompt, as asked for; a share CORRUPTED of them damaged, of those that want a deformation and of
    those that do not alike."""
    rng = np.random.default_rng([seed, 0x71])
    damaged = np.zeros(len(asked), bool)
    for wants in (False, True):
        places = np.array([at for at, prompt in enumerate(asked) if (prompt.deformation != "none") == wants], int)
        damaged[rng.permutation(places)[: round(CORRUPTED * len(places))]] = True
    for at, prompt in enumerate(asked):
        kind = str(rng.choice(list(kinds)))
        if not damaged[at]:
            yield _drawn(prompt, prompt.deformation, Clip(pictures(prompt.shot(), size), np.zeros(0)), None)
            continue
        clip = filmed(prompt.shot(), size)
        yield _drawn(prompt, prompt.deformation, clip, _damage(clip, kind, 5, rng, lent(prompt, size)))


def candidates(prompt: Prompt, deformations: Sequence[str], kinds: Sequence[str], size: Size) -> Iterator[Drawn]:
    """What raters compare for the Judge: with the deformation and without, and both damaged, hard and less so."""
    rng = np.random.default_rng([prompt.seed, 0x72])
    other = prompt.deformation if prompt.deformation != "none" else str(rng.choice(list(deformations)))
    both = {what: filmed(prompt.shot(what), size) for what in (other, "none")}
    for what, clip in both.items():
        yield _drawn(prompt, what, clip, None)
    twin = lent(prompt, size)
    for severity, what in ((5, "none"), (3, "none"), (5, other)):
        yield _drawn(prompt, what, both[what], _damage(both[what], str(rng.choice(list(kinds))), severity, rng, twin))


def lent(prompt: Prompt, size: Size) -> Clip:
    """Another figure elsewhere, for damages that take something from another clip."""
    return filmed(replace(prompt, seed=prompt.seed ^ 1).shot("none"), size)


def _damage(clip: Clip, kind: str, severity: int, rng: np.random.Generator, other: Clip) -> Corrupted | None:
    """The first of some tries that can be seen, else the one seen best; None where the figure is too small for any."""
    best, most = None, 0.0
    for _ in range(_TRIES):
        try:
            damage = corrupt(clip, kind, severity=severity, seed=int(rng.integers(1 << 30)), other=other)
        except ValueError:
            continue
        part = slice(damage.start, damage.end)
        change = np.abs(damage.frames_THWC[part].astype(np.int16) - clip.frames_THWC[part]).mean()
        if change > most:
            best, most = damage, float(change)
        if most >= VISIBLE:
            break
    return best


def _drawn(prompt: Prompt, deformation: str, clip: Clip, damage: Corrupted | None) -> Drawn:
    meant = ((deformation, prompt.start, prompt.end, 1),) if deformation != "none" else ()
    name = f"{prompt.id}:{deformation}"
    if damage is None:
        return Drawn(name, prompt, clip.frames_THWC, meant, ())
    failed = ((damage.kind, damage.start, damage.end, damage.severity),)
    return Drawn(f"{name}.{damage.kind}{damage.severity}", prompt, damage.frames_THWC, meant, failed)


def filmed(shot: Shot, size: Size) -> Clip:
    """The shot's pictures and where its figure is: what they lose when it is taken away."""
    bare = replace(shot, effects=Effects())
    figure = pictures(bare, size)
    without = pictures(replace(bare, character=None, acting=None), size)
    masks = np.abs(figure.astype(np.int16) - without).max(axis=3) > _FIGURE
    return Clip(figure if shot.effects == bare.effects else pictures(shot, size), masks)


def pictures(shot: Shot, size: Size) -> np.ndarray:
    """RGB uint8 (F, H, W, 3), the middle of the drawn picture."""
    width = even(size.height_px * 16 / 9)
    left = (width - size.width_px) // 2
    frames = HANDS["first"][0](shot, size.height_px, width).frames()
    return np.stack([frame[:, left : left + size.width_px] for frame in frames])


def jitter(frames: np.ndarray, prompt: Prompt) -> float:
    """How restless the light of a clip is: the upper quartile, over frames, of how far the mean level or colour of the
    picture turns back on itself, in levels. Frames in which a deformation is asked for, and their neighbours, say
    nothing."""
    level = frames.reshape(len(frames), -1, 3).astype(np.float64).mean(1)
    turn = np.abs(np.diff(level, 2, axis=0)).max(1)
    middle = np.arange(1, len(frames) - 1)
    told = (middle < prompt.start - 1) | (middle > prompt.end) | (prompt.deformation == "none")
    return float(np.quantile(turn[told], 0.75))
