"""How the truth says things: variables over all frames of a shot, or over spans clipped to it."""

from __future__ import annotations

from collections.abc import Iterable

from anicaption.drawn.script import Shot
from anicaption.record import Span, Variable, drawn


def whole(shot: Shot, field: str, *values: str) -> Variable:
    """`values` for all frames of the shot."""
    return drawn(field, values, [Span(value=v, start=0, end=shot.n_frames) for v in values])


def spanned(shot: Shot, field: str, spans: Iterable[tuple[str, int, int]]) -> Variable:
    """Values from (value, start, end) entries clipped to the shot, `none` where there are none."""
    n_frames = shot.n_frames
    clipped = [Span(value=v, start=max(0, a), end=min(n_frames, b)) for v, a, b in spans if a < n_frames and b > 0]
    values = tuple(dict.fromkeys(span.value for span in clipped))
    return drawn(field, values, clipped) if values else whole(shot, field, "none")


def runs(values: Iterable[tuple[str, ...]]) -> list[tuple[str, int, int]]:
    """(value, start, end) of every run of frames whose tuple holds the value."""
    spans: list[tuple[str, int, int]] = []
    open_: dict[str, int] = {}
    frame = -1
    for frame, held in enumerate(values):
        for value in [value for value in open_ if value not in held]:
            spans.append((value, open_.pop(value), frame))
        for value in held:
            open_.setdefault(value, frame)
    spans += [(value, start, frame + 1) for value, start in open_.items()]
    return sorted(spans, key=lambda span: (span[1], span[0]))
