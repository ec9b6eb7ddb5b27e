"""Which frames make a clip, decided while the frames stream by.

A shot detector reports a cut some frames after it happened, and whether a shot is long enough, or is to be split,
shows later still. `pieces` therefore holds back a fixed number of frames and hands each on only when it is certain
which piece it belongs to. Memory is bounded by `Rule.hold_frames` pictures, however long the source is, and a piece
can be encoded as it arrives: nothing is decoded twice and no shot is ever held whole.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Generic, TypeVar

T = TypeVar("T")


class LateCut(RuntimeError):
    """A detector reported a cut among frames that had already been handed on."""


@dataclass(frozen=True)
class Piece:
    """A run of frames of one shot that begins at `start_frame`.

    `short` pieces are known, from their first frame on, to end before the rule's shortest clip; they are not to be
    encoded. `part` counts the pieces of a split shot from 0.
    """

    start_frame: int
    short: bool
    part: int


@dataclass(frozen=True)
class Rule:
    """Shortest and longest clip, and how many frames after a cut its detector may still report it."""

    min_frames: int
    max_frames: int
    delay_frames: int

    @classmethod
    def of(cls, min_shot_s: float, max_shot_s: float, delay_frames: int, rate: Fraction) -> Rule:
        """The rule in frames of `rate`; lengths that fall between two frames count as too short and too long."""
        least = max(1, ceil(Fraction(min_shot_s).limit_denominator(1000) * rate))
        return cls(least, max(3 * least, floor(Fraction(max_shot_s).limit_denominator(1000) * rate)), delay_frames)

    @property
    def hold_frames(self) -> int:
        """Frames to hold back: enough to see two shortest clips ahead, past the detector's delay.

        Two, because a shot that ends less than a shortest clip after the longest one is split early, so that both
        parts are long enough.
        """
        return self.delay_frames + 2 * self.min_frames


def pieces(frames: Iterable[tuple[T, Sequence[int]]], rule: Rule) -> Iterator[tuple[Piece, T]]:
    """Pair every frame with its piece, in order.

    `frames` gives each frame with the cuts reported along with it: indices of first frames of new shots, counted
    from 0 in the order of `frames`, at most `rule.delay_frames` old. A cut after the last frame is ignored.
    """
    held: _Held[T] = _Held(rule)
    for frame, cuts in frames:
        held.add(frame, cuts)
        if held.full:
            yield held.next()
    held.end()
    while held:
        yield held.next()


class _Held(Generic[T]):
    """The frames held back, the cuts known among them, and the piece that is being handed on."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._frames: deque[T] = deque()
        self._cuts: list[int] = []
        self._at = 0
        self._piece: Piece | None = None

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def full(self) -> bool:
        return len(self._frames) > self._rule.hold_frames

    def add(self, frame: T, cuts: Sequence[int]) -> None:
        self._frames.append(frame)
        for cut in cuts:
            if cut < self._at:
                raise LateCut(
                    f"cut at frame {cut} reported at frame {self._at + len(self) - 1}, later than the "
                    f"{self._rule.delay_frames} frames of delay its detector declares"
                )
            if cut > 0 and cut not in self._cuts:
                insort(self._cuts, cut)

    def end(self) -> None:
        """The source is over: its end bounds the last shot as a cut would."""
        last = self._at + len(self)
        self._cuts = [cut for cut in self._cuts if cut < last] + [last]

    def next(self) -> tuple[Piece, T]:
        at = self._at
        if at in self._cuts:
            self._cuts.remove(at)
            self._piece = self._begin(0)
        elif self._piece is None:
            self._piece = self._begin(0)
        elif self._split_here(at - self._piece.start_frame):
            self._piece = self._begin(self._piece.part + 1)
        self._at += 1
        return self._piece, self._frames.popleft()

    def _begin(self, part: int) -> Piece:
        return Piece(self._at, self._cut_within(0, self._rule.min_frames - 1), part)

    def _split_here(self, length: int) -> bool:
        """Whether a piece of `length` frames, whose shot goes on, ends before the frame at hand."""
        least, most = self._rule.min_frames, self._rule.max_frames
        return length == most or (length == most - least and self._cut_within(least, 2 * least - 1))

    def _cut_within(self, after: int, until: int) -> bool:
        """Whether the next cut lies more than `after` and at most `until` frames ahead of the frame at hand."""
        return bool(self._cuts) and self._at + after < self._cuts[0] <= self._at + until
