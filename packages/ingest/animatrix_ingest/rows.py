"""One frozen row type per boundary of the pipeline. A row is complete when it exists: no field waits for later.

The road of a source, and the row that crosses each boundary:

    find, hash  -> Source        a name with content behind it
    probe       -> Probed        it is a video, and this is its stream            or Dead
    look        -> Watched       its clips are encoded, its frames are measured   or Dead
    caption     -> Captioned     one per clip: the record and the directive       or Dead (that shot only)
    commit      -> Unit          the whole source as the ledger remembers it
    pack        -> Packed        where a clip's bytes lie in which shard

Frame spans are half-open [start_frame, end_frame); pts are integers of the source stream's own time base.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anicaption.frames import Stream
from anicaption.record import Record
from anicaption.tracks import Tracks


@dataclass(frozen=True)
class Source:
    """A file to read. `name` is the path as the user gave it; `sha256` is what it is known by."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Probed:
    """A source that opens as video."""

    source: Source
    stream: Stream


@dataclass(frozen=True)
class Span:
    """Frames [start_frame, end_frame) of a source; end_pts is the pts at which the next frame would be shown."""

    start_frame: int
    end_frame: int
    start_pts: int
    end_pts: int

    @property
    def n_frames(self) -> int:
        return self.end_frame - self.start_frame


@dataclass(frozen=True)
class Clip:
    """An encoded shot: `offset` and `length` are its bytes in the source's side file."""

    key: str
    span: Span
    width_px: int
    height_px: int
    offset: int
    length: int
    blake2b: str


@dataclass(frozen=True)
class Dropped:
    """Something that could have been kept and was not, with the reason and the number behind it."""

    span: Span
    reason: str


@dataclass(frozen=True)
class Dead:
    """Something that failed: at which stage, and in whose words. `span` is None for a whole source."""

    stage: str
    reason: str
    span: Span | None = None


@dataclass(frozen=True)
class Lost:
    """What a broken source did not yield: decoding stopped after `after_frames` frames, for this reason."""

    after_frames: int
    expected_frames: int | None
    reason: str


@dataclass(frozen=True)
class Watched:
    """A source after its one decode. Its spans cover [0, n_frames) without gap or overlap."""

    probed: Probed
    n_frames: int
    clips: tuple[Clip, ...]
    dropped: tuple[Dropped, ...]
    dead: tuple[Dead, ...]
    tracks: Tracks
    lost: Lost | None


@dataclass(frozen=True)
class Captioned:
    """A clip with what is known about it."""

    clip: Clip
    record: Record
    directive: str


@dataclass(frozen=True)
class Member:
    """One clip as the ledger holds it: its three files' bytes (offset, length) in the unit's side file."""

    key: str
    span: Span
    width_px: int
    height_px: int
    mp4: tuple[int, int]
    json: tuple[int, int]
    txt: tuple[int, int]
    mp4_blake2b: str
    tags: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Side:
    """A side file a unit names: its file name is the blake2b of its bytes."""

    blake2b: str
    size_bytes: int


@dataclass(frozen=True)
class Unit:
    """A finished source: what became of it and of every one of its shots.

    `stream` holds facts of the source for the manifest and the report (rate, time_base, codec, size in pixels);
    it is empty where the source never opened. `side` is None where nothing was kept.
    """

    source: Source
    fingerprint: str
    stream: dict[str, Any]
    n_frames: int
    members: tuple[Member, ...]
    dropped: tuple[Dropped, ...]
    dead: tuple[Dead, ...]
    lost: Lost | None
    side: Side | None
    seconds: float

    @property
    def outcome(self) -> str:
        """kept, dropped or dead: what the source as a whole ended as."""
        if self.members:
            return "kept"
        return "dead" if any(d.span is None for d in self.dead) else "dropped"

    @property
    def reason(self) -> str:
        """Why a source without clips has none; empty for a kept source."""
        if self.outcome == "dead":
            return next(d.reason for d in self.dead if d.span is None)
        if self.outcome == "kept":
            return ""
        lost = (*self.dropped, *self.dead)
        return f"none of its {len(lost)} shots was kept; the first: {lost[0].reason}"


@dataclass(frozen=True)
class Packed:
    """Where a clip lies: offsets are of the members' bytes (not of their tar headers) in `shard`."""

    key: str
    shard: str
    mp4: tuple[int, int]
    json: tuple[int, int]
    txt: tuple[int, int]
