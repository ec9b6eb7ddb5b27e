"""The bed of the preference study: drawn clips of which a known share is damaged, and prompts that ask for a departure.

A prompt asks for a camera move and, one in five, for a deformation in given frames; that is art and must stay. Apart
from what is asked for, three clips in ten are damaged, which no tag says: by animatrix_reward.corrupt, or in very small
pictures by a lost frame, the one damage of those tried that a policy of this size learns to sample at its share.
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
from animatrix_reward.excuse import SMEARS
from animatrix_reward.simulate_clips import Shown
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.tags import TagSpan

from benchmarks.study import bed
from benchmarks.study.bed import Size

MOVES = ("none", "pan_left", "pan_right")
FLASH = "white_flash"
"""The departure that exists in few pixels: a whole frame is not the scene, on purpose."""
IMPACTS = (FLASH, "inverted")
"""Those that need a figure of some hundred pixels."""
LOST = "lost_frame"
"""Two frames are black, as where they were lost. Raters call it a pop."""
CORRUPTED, ASKED = 0.3, 0.2
VARIANTS = 10
"""Clips of each prompt of the mixture: with three damaged ones among ten, a first frame says nothing of damage."""
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

    `frames` RGB uint8 (F, H, W, 3); `change`: what an optimiser would make of it, "frozen".
    """

    id: str
    prompt: Prompt
    frames: np.ndarray
    meant: tuple[tuple[str, int, int, int], ...]
    failed: tuple[tuple[str, int, int, int], ...]
    change: str = ""

    def shown(self) -> Shown:
        """What the raters' truth needs of it."""
        prompt = self.prompt
        wanted = frozenset({prompt.deformation} - {"none"})
        return Shown(self.id, prompt.id, prompt.n_frames, self.meant, self.failed, wanted, self.change)


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
    """VARIANTS clips of each prompt, as asked for; a share CORRUPTED of them damaged."""
    for at, prompt in enumerate(asked):
        rng = np.random.default_rng([seed, 0x71, at])
        clip = filmed(prompt.shot(), size, kinds)
        for variant in range(VARIANTS):
            hurt = variant < round(CORRUPTED * VARIANTS)
            damage = _damage(clip, str(rng.choice(list(kinds))), 5, rng, prompt, size) if hurt else None
            yield _drawn(prompt, prompt.deformation, clip.frames_THWC, damage, f"{variant}")


def candidates(prompt: Prompt, deformations: Sequence[str], kinds: Sequence[str], size: Size) -> Iterator[Drawn]:
    """What raters compare for the Judge: with the deformation and without, both damaged, hard and less so, and a clip
    that stands still: a Judge that was never shown one pays for stillness."""
    rng = np.random.default_rng([prompt.seed, 0x72])
    other = prompt.deformation if prompt.deformation != "none" else str(rng.choice(list(deformations)))
    both = {what: filmed(prompt.shot(what), size, kinds) for what in (other, "none")}
    for what, clip in both.items():
        yield _drawn(prompt, what, clip.frames_THWC, None)
    for severity, what in ((5, "none"), (3, "none"), (5, other)):
        damage = _damage(both[what], str(rng.choice(list(kinds))), severity, rng, prompt, size)
        yield _drawn(prompt, what, both[what].frames_THWC, damage, f"{severity}")
    plain = both["none"].frames_THWC
    yield Drawn(f"{prompt.id}:frozen", prompt, np.repeat(plain[:1], len(plain), 0), (), (), "frozen")


def _damage(
    clip: Clip, kind: str, severity: int, rng: np.random.Generator, prompt: Prompt, size: Size
) -> Corrupted | None:
    """The first of some tries that can be seen, else the one seen best; None where the figure is too small for any."""
    if kind == LOST:
        return _lost(clip, severity, rng, prompt)
    lent = filmed(replace(prompt, seed=prompt.seed ^ 1).shot("none"), size, (kind,))
    best, most = None, 0.0
    for _ in range(_TRIES):
        try:
            damage = corrupt(clip, kind, severity=severity, seed=int(rng.integers(1 << 30)), other=lent)
        except ValueError:
            continue
        part = slice(damage.start, damage.end)
        change = np.abs(damage.frames_THWC[part].astype(np.int16) - clip.frames_THWC[part]).mean()
        if change > most:
            best, most = damage, float(change)
        if most >= VISIBLE:
            break
    return best


def _lost(clip: Clip, severity: int, rng: np.random.Generator, prompt: Prompt) -> Corrupted:
    """Two frames outside a deformation lose their light, all of it at severity 5."""
    n, height, width = clip.frames_THWC.shape[:3]
    free = [at for at in range(2, n - 1) if prompt.deformation == "none" or at + 2 < prompt.start or at > prompt.end]
    at = int(rng.choice(free))
    frames = clip.frames_THWC.copy()
    frames[at : at + 2] = frames[at : at + 2] * (1 - severity / 5)
    return Corrupted(frames, "pop", severity, at, at + 2, (0, 0, width, height))


def _drawn(prompt: Prompt, deformation: str, frames: np.ndarray, damage: Corrupted | None, which: str = "") -> Drawn:
    meant = ((deformation, prompt.start, prompt.end, 1),) if deformation != "none" else ()
    name = f"{prompt.id}:{deformation}.{which}"
    if damage is None:
        return Drawn(name, prompt, frames, meant, ())
    failed = ((damage.kind, damage.start, damage.end, damage.severity),)
    return Drawn(f"{name}.{damage.kind}", prompt, damage.frames_THWC, meant, failed)


def filmed(shot: Shot, size: Size, kinds: Sequence[str]) -> Clip:
    """The shot's pictures and where its figure is: what they lose when it is taken away. A lost frame asks for no
    figure, and looking for one takes twice the time of drawing."""
    if tuple(kinds) == (LOST,):
        frames = pictures(shot, size)
        return Clip(frames, np.zeros(frames.shape[:3], bool))
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


def jump(frames: np.ndarray, prompt: Prompt) -> float:
    """How far the mean level or colour of the picture turns back on itself at most, in levels. Frames in which a
    deformation is asked for, and their neighbours, say nothing."""
    level = frames.reshape(len(frames), -1, 3).astype(np.float64).mean(1)
    turn = np.abs(np.diff(level, 2, axis=0)).max(1)
    middle = np.arange(1, len(frames) - 1)
    told = (middle < prompt.start - 1) | (middle > prompt.end) | (prompt.deformation == "none")
    return float(turn[told].max())
