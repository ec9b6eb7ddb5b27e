"""Which frames make a clip, decided while the frames stream by.

A shot detector reports a joint some frames after it began, and whether a shot is long enough, or is to be split,
shows later still. `pieces` therefore holds back a fixed number of frames and hands each on only when it is certain
which piece it belongs to. Memory is bounded by `Rule.hold_frames` pictures, however long the source is, and a piece
can be encoded as it arrives: nothing is decoded twice and no shot is ever held whole.

The frames of a joint that show two shots at once are a piece of their own, which is no clip (docs/decisions/0015).
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import Generic, TypeVar

T = TypeVar("T")


class LateCut(RuntimeError):
    """A detector reported a joint among frames that had already been handed on."""


@dataclass(frozen=True)
class Joint:
    """Where one shot gives way to the next. Frames [start, end) are neither's; at a cut there are none, and the next
    shot begins at `end`.

    `kind`: cut, dissolve, wipe; fade, whose frames are its shots' own; rate, where the cadence changes; split, of a
    shot that is too long; start and end of the source. `n_frames` is how long it lasts.
    """

    start: int
    end: int
    kind: str
    n_frames: int


def cut(frame: int, kind: str = "cut") -> Joint:
    """A joint without frames of its own: the next shot begins at `frame`."""
    return Joint(frame, frame, kind, 0)


@dataclass(frozen=True)
class Piece:
    """A run of frames that begins at `start_frame`: of one shot, or of a joint.

    `short` pieces are known, from their first frame on, to make no clip: their shot ends before the rule's shortest
    clip, or they are a joint's. They are not to be encoded. `part` counts the pieces of a split shot from 0. `joint`
    is what the piece comes after, or what it is the frames of.
    """

    start_frame: int
    short: bool
    part: int
    joint: Joint

    @property
    def is_joint(self) -> bool:
        return self.start_frame < self.joint.end


@dataclass(frozen=True)
class Rule:
    """Shortest and longest clip, and how many frames after a joint's start its detector may still report it."""

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


def pieces(frames: Iterable[tuple[T, Sequence[Joint]]], rule: Rule) -> Iterator[tuple[Piece, T]]:
    """Pair every frame with its piece, in order.

    `frames` gives each frame with the joints reported along with it, in frames counted from 0 in the order of
    `frames`, which began at most `rule.delay_frames` ago. What lies after the last frame is ignored.
    """
    held: _Held[T] = _Held(rule)
    for frame, joints in frames:
        held.add(frame, joints)
        if held.full:
            yield held.next()
    held.end()
    while held:
        yield held.next()


class _Held(Generic[T]):
    """The frames held back, the joints known among them, and the piece that is being handed on."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._frames: deque[T] = deque()
        self._joints: list[Joint] = []
        self._at = 0
        self._piece: Piece | None = None

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def full(self) -> bool:
        return len(self._frames) > self._rule.hold_frames

    def add(self, frame: T, joints: Sequence[Joint]) -> None:
        self._frames.append(frame)
        for joint in joints:
            if joint.start < self._at:
                raise LateCut(
                    f"{joint.kind} at frame {joint.start} reported at frame {self._at + len(self) - 1}, later than the "
                    f"{self._rule.delay_frames} frames of delay its detector declares"
                )
            if joint.end > 0:
                insort(self._joints, joint, key=lambda one: one.start)

    def end(self) -> None:
        """The source is over: its end bounds the last shot as a cut would."""
        last = self._at + len(self)
        known = [replace(joint, end=min(joint.end, last)) for joint in self._joints if joint.start < last]
        self._joints = [*known, cut(last, "end")]

    def next(self) -> tuple[Piece, T]:
        at, piece = self._at, self._piece
        if piece is None:
            piece = self._begin(self._reached() or cut(0, "start"))
        elif at >= piece.joint.end:
            joint = self._reached()
            if joint is not None and not (piece.is_joint and joint.end == at):
                piece = self._begin(joint)
            elif piece.is_joint:
                piece = self._begin(piece.joint)
            elif self._split_here(at - piece.start_frame):
                piece = self._begin(cut(at, "split"), piece.part + 1)
        self._at, self._piece = at + 1, piece
        return piece, self._frames.popleft()

    def _reached(self) -> Joint | None:
        """The joint that the frame at hand is in or after: of those that have begun, the one that lasts longest."""
        begun = [joint for joint in self._joints if joint.start <= self._at]
        del self._joints[: len(begun)]
        return max((joint for joint in begun if joint.end >= self._at), key=lambda joint: joint.end, default=None)

    def _begin(self, joint: Joint, part: int = 0) -> Piece:
        short = self._at < joint.end or self._joint_within(0, self._rule.min_frames - 1)
        return Piece(self._at, short, part, joint)

    def _split_here(self, length: int) -> bool:
        """Whether a piece of `length` frames, whose shot goes on, ends before the frame at hand."""
        least, most = self._rule.min_frames, self._rule.max_frames
        return length == most or (length == most - least and self._joint_within(least, 2 * least - 1))

    def _joint_within(self, after: int, until: int) -> bool:
        """Whether the next joint starts more than `after` and at most `until` frames ahead of the frame at hand."""
        return bool(self._joints) and self._at + after < self._joints[0].start <= self._at + until
