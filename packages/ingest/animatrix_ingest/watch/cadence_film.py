"""Makes film frames again of frames whose cadence is known: fields woven, repeats left out, what cannot be told kept.

Nothing is left out that was not shown: a frame goes only where its cadence says that it repeats one which was given on,
and a field that lost its other half at an edit is given on too, if it shows something else than its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from anicaption.frames import Frame, weave

from animatrix_ingest.decide.telecine import Choice
from animatrix_ingest.decide.telecine_patterns import Hypothesis, Pattern
from animatrix_ingest.watch.cadence_evidence import Eyes

WHY = {
    "progressive": "every frame is a picture of its own",
    "repeat_2_3": "24 in 30: one frame in five repeats the one before",
    "repeat_3_2": "24 in 60: frames come three and two times by turns",
    "repeat_2_2": "every frame comes twice",
    "telecine_3_2": "3:2 pulldown: pictures last two and three fields by turns",
    "shifted_2_2": "the fields of each picture lie in two frames",
    "interlaced": "every field is a moment of its own; deinterlaced, one frame for two fields",
    "blended": "fields mix two moments: a conversion that cannot be undone",
    "unknown": "nothing moved that could tell its cadence",
    "soft_telecine": "pulldown by flags only: the frames are film, their time stamps are of 60 fields a second",
    "variable": "time stamps keep no rate",
    "orphan": "one field is left of a picture that an edit cut",
}


@dataclass(frozen=True)
class Segment:
    """A run of frames of one cadence and phase. `rate` is that of what is given on; nothing is resampled in time.

    `undone` says whether film frames were made of fields or repeats; `id` counts through the source from 0.
    """

    id: int
    state: str
    rate: Fraction
    phase: int
    undone: bool
    why: str


@dataclass(frozen=True)
class Restored:
    """A frame given on, and the source frames its top and bottom field are from."""

    frame: Frame
    segment: Segment
    sources: tuple[int, int]


class Segments:
    """Numbers segments through a source: a new one where state, rate or phase changes."""

    def __init__(self) -> None:
        self._now: Segment | None = None

    def of(self, state: str, rate: Fraction, phase: int = 0, undone: bool = False) -> Segment:
        """The segment of the next frame."""
        now = self._now
        if now is None or (now.state, now.rate, now.phase) != (state, rate, phase):
            self._now = now = Segment(now.id + 1 if now else 0, state, rate, phase, undone, WHY[state])
        return now


@dataclass
class _Halves:
    """A film picture of which fields were seen."""

    top: Frame | None = None
    bottom: Frame | None = None


class Film:
    """Takes frames with their choices in order; gives on film."""

    def __init__(self, rate: Fraction, segments: Segments, eyes: Eyes) -> None:
        self._rate, self._segments, self._eyes = rate, segments, eyes
        self._at = 0  # frames taken
        self._run: Hypothesis | None = None
        self._halves: dict[int, _Halves] = {}
        self._given = -(1 << 60)  # the newest film picture given on in this run
        self._last: Restored | None = None

    def take(self, frame: Frame, choice: Choice) -> Iterator[Restored]:
        """The next frame; what can be given on."""
        hypothesis = choice.hypothesis
        started = hypothesis != self._run
        if started:
            yield from self.end()
            self._run, self._given = hypothesis, -(1 << 60)
        pattern = hypothesis.pattern
        if not pattern.film or pattern.plain:
            state = pattern.state if choice.known else "unknown"
            as_shown = {"progressive": _whole, "interlaced": partial(_ordered, pattern)}.get(state, _as_is)(frame)
            yield self._give(as_shown, self._segments.of(state, self._rate), (frame.index, frame.index))
        else:
            yield from self._film(frame, hypothesis, started)
        self._at += 1

    def end(self) -> Iterator[Restored]:
        """What is left of the run when it ends: pictures of which only one field was seen."""
        for halves in [self._halves[film] for film in sorted(self._halves)]:
            yield from self._orphan(halves)
        self._halves.clear()

    def _film(self, frame: Frame, hypothesis: Hypothesis, started: bool) -> Iterator[Restored]:
        pattern = hypothesis.pattern
        rate = pattern.film_rate(self._rate)

        def segment() -> Segment:  # asked anew after every orphan, which is a segment of its own
            return self._segments.of(pattern.state, rate, hypothesis.phase, True)

        top, bottom = pattern.shown(self._at, hypothesis.phase)
        if top == bottom:
            self._halves.pop(top, None)
            if top > self._given and not (started and self._repeats(frame, hypothesis)):
                yield from self._before(top)
                yield self._give(_whole(frame), segment(), (frame.index, frame.index))
            self._given = max(self._given, top)
            return
        for film in sorted({top, bottom}):
            if film <= self._given:
                continue
            halves = self._halves.setdefault(film, _Halves())
            halves.top = halves.top or (frame if film == top else None)
            halves.bottom = halves.bottom or (frame if film == bottom else None)
            if halves.top and halves.bottom:
                yield from self._before(film)
                del self._halves[film]
                first = min(halves.top, halves.bottom, key=lambda f: f.index)
                woven = weave(halves.top, halves.bottom, index=first.index, pts=first.pts)
                self._given = film
                yield self._give(woven, segment(), (halves.top.index, halves.bottom.index))

    def _repeats(self, frame: Frame, hypothesis: Hypothesis) -> bool:
        """Whether a run begins with the second showing of a picture that was given on before it."""
        same = hypothesis.pattern.shown(self._at, hypothesis.phase) == hypothesis.pattern.shown(
            self._at - 1, hypothesis.phase
        )
        return same and self._last is not None and not self._eyes.differ(frame, self._last.frame, 0)

    def _before(self, film: int) -> Iterator[Restored]:
        """Pictures older than `film` that never came whole."""
        for old in [f for f in sorted(self._halves) if f < film]:
            yield from self._orphan(self._halves.pop(old))

    def _orphan(self, halves: _Halves) -> Iterator[Restored]:
        frame = halves.top or halves.bottom
        assert frame is not None
        parity = 0 if halves.top else 1
        if self._last is not None and (
            frame.index <= max(self._last.sources) or not self._eyes.differ(frame, self._last.frame, parity)
        ):
            return
        yield self._give(frame, self._segments.of("orphan", self._rate), (frame.index, frame.index))

    def _give(self, frame: Frame, segment: Segment, sources: tuple[int, int]) -> Restored:
        self._last = Restored(frame, segment, sources)
        return self._last


def _whole(frame: Frame) -> Frame:
    """The frame without the flag of an interlaced stream: both its fields are one moment."""
    return replace(frame, interlaced=False, top_field_first=False) if frame.interlaced else frame


def _ordered(pattern: Pattern, frame: Frame) -> Frame:
    """The frame with the flags of interlaced video; unflagged, its field order is that of the evidence."""
    if frame.interlaced:
        return frame
    return replace(frame, interlaced=True, top_field_first="with_last" in pattern.near)


def _as_is(frame: Frame) -> Frame:
    return frame
