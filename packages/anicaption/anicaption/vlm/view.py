"""What a vision-language model is shown of a shot: an overview in time, the proposed events, the measurements.

A model that samples two frames a second misses a smear of one frame seven times in eight. So the measuring pass, which
saw every frame, proposes where to look: each event becomes a contact sheet with numbered frames.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from anicaption.frames import VideoError, VideoSource, even, frames
from anicaption.record import Record
from anicaption.taxonomy import Tags
from anicaption.tracks import Event, Tracks

OVERVIEW_FPS = 2
MAX_OVERVIEW = 16
MAX_SHEETS = 6
SHEET_FRAMES = 8
SHEET_COLUMNS = 4
HEIGHT_PX = 288
THUMB_HEIGHT_PX = 144


@dataclass(frozen=True)
class Sheet:
    """A picture, RGB uint8, and the words that stand before it."""

    words: str
    picture: np.ndarray


@dataclass(frozen=True)
class ShotView:
    """All that a model is shown of one shot. `tags` are what is known already: a mask, not part of what is shown."""

    overview: tuple[Sheet, ...]
    events: tuple[Sheet, ...]
    measurements: str
    tags: Tags

    def parts(self) -> list[str | np.ndarray]:
        """Text and pictures in the order in which they are shown."""
        said: list[str | np.ndarray] = []
        for sheet in (*self.overview, *self.events):
            said += [sheet.words, sheet.picture]
        return [*said, self.measurements] if self.measurements else said

    @property
    def pictures(self) -> list[np.ndarray]:
        return [sheet.picture for sheet in (*self.overview, *self.events)]

    @cached_property
    def digest(self) -> str:
        """A hash of every pixel and word that is shown."""
        seen = hashlib.sha256()
        for part in self.parts():
            if isinstance(part, str):
                seen.update(b"text" + part.encode())
            else:
                seen.update(repr(part.shape).encode() + np.ascontiguousarray(part).tobytes())
        return seen.hexdigest()


def shot_view(
    source: VideoSource, record: Record, start: int = 0, *, reverse: bool = False, blind: bool = False
) -> ShotView:
    """The view of the shot that `record` describes, beginning at frame `start` of a file.

    `reverse` shows it from its last frame to its first. `blind` leaves out all that was measured, events included.
    Raises ValueError for a record without tracks, VideoError where the file ends before the shot does.
    """
    if record.tracks is None:
        raise ValueError("shot_view: the record has no tracks; caption the clip again")
    tracks, n_frames = record.tracks, record.n_frames
    moments = overview_frames(tracks)
    events = () if blind else proposed(tracks.events)
    sheets = [sheet_frames(event, n_frames) for event in events]
    wanted = {frame for group in (moments, *sheets) for frame in group}
    pictures = _decoded(source, {_turned(frame, n_frames, reverse) + start for frame in wanted})

    def seen(frame: int) -> np.ndarray:
        return pictures[_turned(frame, n_frames, reverse) + start]

    rate = float(tracks.rate)
    overview = tuple(
        Sheet(f"Frame {frame} at {frame / rate:.2f} s:", _labelled(seen(frame), f"{frame / rate:.2f}s", HEIGHT_PX))
        for frame in moments
    )
    return ShotView(
        overview,
        tuple(
            _contact_sheet(number, event, group, seen, rate)
            for number, (event, group) in enumerate(zip(events, sheets), 1)
        ),
        "" if blind else measurements(record),
        {} if blind else record.tags(),
    )


def overview_frames(tracks: Tracks) -> list[int]:
    """Two frames a second, the last frame too; of a long shot as many as MAX_OVERVIEW, evenly spread."""
    last = tracks.n_frames - 1
    count = min(MAX_OVERVIEW, max(2, round(tracks.n_frames / float(tracks.rate) * OVERVIEW_FPS) + 1))
    return sorted({round(last * i / (count - 1)) for i in range(count)})


def proposed(events: Sequence[Event]) -> tuple[Event, ...]:
    """The events that get a contact sheet: the surest, in the order of time."""
    surest = sorted(events, key=lambda event: (-event.score, event.start))[:MAX_SHEETS]
    return tuple(sorted(surest, key=lambda event: (event.start, event.end, event.field)))


def sheet_frames(event: Event, n_frames: int) -> list[int]:
    """The frames of an event with one before and one after it; of a long event some, evenly spread."""
    first, last = max(0, event.start - 1), min(n_frames - 1, event.end)
    count = min(SHEET_FRAMES, last - first + 1)
    return sorted({first + round((last - first) * i / max(1, count - 1)) for i in range(count)})


def measurements(record: Record) -> str:
    """What was measured, as text: a line per field, and how the frame moved in numbers."""
    lines = [
        f"The shot has {record.n_frames} frames at {float(record.rate):.3f} frames a second. Measured at full rate:"
    ]
    for name, variable in record.variables().items():
        if variable.source != "measured":
            continue
        if variable.known:
            sure = ", ".join(f"{variable.probability[v]:.2f}" for v in variable.values if v in variable.probability)
            spans = ", ".join(f"{s.value} in frames {s.start}-{s.end - 1}" for s in variable.spans if s.value != "none")
            notes = "; ".join(filter(None, (f"p {sure}" if sure else "", spans)))
            lines.append(f"- {name} = {' + '.join(variable.values)}" + (f" ({notes})" if notes else ""))
        else:
            lines.append(f"- {name}: not decided ({variable.abstained})")
    if record.tracks is not None:
        lines += _travelled(record.tracks)
    return "\n".join(lines)


def _travelled(tracks: Tracks) -> list[str]:
    """How far the frame moved over the artwork from the first frame to the last; nothing where it was not measured."""
    columns = [tracks[name][1:] for name in ("camera_x", "camera_y", "camera_zoom", "camera_roll_deg")]
    if not all(np.isfinite(column).any() for column in columns):
        return []
    x, y, zoom, roll_deg = (float(np.nansum(column)) for column in columns)
    return [
        f"- the frame moved over the artwork by {x:+.2f} frame widths (+ right), {y:+.2f} frame heights (+ down), "
        f"{np.exp(zoom):.2f} times closer, turned {roll_deg:+.0f} degrees (+ clockwise)"
    ]


def _turned(frame: int, n_frames: int, reverse: bool) -> int:
    return n_frames - 1 - frame if reverse else frame


def _decoded(source: VideoSource, wanted: set[int]) -> Mapping[int, np.ndarray]:
    pictures = {}
    for frame in frames(source):
        if frame.index in wanted:
            picture = frame.rgb()
            pictures[frame.index] = frame.rgb(HEIGHT_PX) if picture.shape[0] > HEIGHT_PX else picture
            if len(pictures) == len(wanted):
                return pictures
    name = f"<{len(source)} bytes>" if isinstance(source, bytes) else str(source)
    raise VideoError(name, "view", f"ends before frame {max(wanted)}", "caption the clip again: its record is longer")


def _contact_sheet(number: int, event: Event, group: Sequence[int], seen, rate: float) -> Sheet:
    thumbs = [_labelled(seen(frame), str(frame), THUMB_HEIGHT_PX) for frame in group]
    empty = np.zeros_like(thumbs[0])
    columns = min(SHEET_COLUMNS, len(thumbs))
    thumbs += [empty] * (-len(thumbs) % columns)
    rows = [np.hstack(thumbs[i : i + columns]) for i in range(0, len(thumbs), columns)]
    words = (
        f"Sheet {number}: frames {', '.join(map(str, group))}. The measuring pass proposes "
        f"{event.field} = {event.value} in frames {event.start}-{event.end - 1} "
        f"({event.start / rate:.2f}-{event.end / rate:.2f} s):"
    )
    return Sheet(words, np.vstack(rows))


def _labelled(picture: np.ndarray, label: str, height_px: int) -> np.ndarray:
    """The picture at most `height_px` high with its label on a dark strip under it, so that nothing is covered."""
    from PIL import Image, ImageDraw, ImageFont

    shown = Image.fromarray(picture)
    if shown.height > height_px:
        shown = shown.resize((even(shown.width * height_px / shown.height), height_px), Image.Resampling.BOX)
    strip_px = max(10, shown.height // 10)
    whole = Image.new("RGB", (shown.width, shown.height + strip_px))
    whole.paste(shown)
    font = ImageFont.load_default(strip_px * 0.9)
    ImageDraw.Draw(whole).text((2, shown.height - strip_px * 0.1), label, (255, 255, 255), font)
    return np.asarray(whole)
