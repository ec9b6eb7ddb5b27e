"""One frozen row type per boundary of the pipeline. A row is complete when it exists: no field waits for later.

The road of a source, and the row that crosses each boundary:

    find, fetch -> Source        a name with content behind it
    probe       -> Probed        it is a video, and this is its stream            or Dead
    look        -> Watched       its clips are encoded, its frames are measured   or Dead
    caption     -> Captioned     one per clip: the record and the directive       or Dead (that shot only)
    commit      -> Unit          the whole source as the ledger remembers it
    pack        -> Packed        a shard that is written, and the rows of its clips

What crosses from a worker to the driver is small (Done, Packed): the rows of clips go through the store, as tables.

Frame spans are half-open [start_frame, end_frame); pts are integers of the source stream's own time base.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from anicaption.frames import Stream
from anicaption.record import Record
from anicaption.tracks import Tracks

from animatrix_ingest.decide.pieces import Joint

if TYPE_CHECKING:
    from animatrix_ingest.watch.observers import Findings


@dataclass(frozen=True)
class Source:
    """A file to read. `name` is the path or URL as it was given; `sha256` is what it is known by.

    `version` changes whenever the file does (time of change, etag).
    """

    name: str
    sha256: str
    size_bytes: int
    version: str = ""


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
    """An encoded shot: `offset` and `length` are its bytes in the source's side file.

    `rate` is its constant rate, or None where it keeps the uneven time stamps of its source. `cadence` is what was
    found of its source's cadence (watch/cadence_film.py) and, where that is undone, no longer true of the clip.
    """

    key: str
    span: Span
    width_px: int
    height_px: int
    rate: Fraction | None
    cadence: str
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
    """A source after its one decode. Its spans cover [0, n_frames) without gap or overlap.

    Frames are film frames, as given on; `n_decoded` counts those of the stream, repeats and all. Every span begins
    and ends at one of `joints`, which are in order, from the start of the source to its end.
    """

    probed: Probed
    n_frames: int
    n_decoded: int
    clips: tuple[Clip, ...]
    dropped: tuple[Dropped, ...]
    dead: tuple[Dead, ...]
    tracks: Tracks
    seen: Findings
    lost: Lost | None
    joints: tuple[Joint, ...]

    def joint_in(self, clip: Clip) -> Joint:
        """What the clip comes after."""
        return next(joint for joint in self.joints if joint.end == clip.span.start_frame)

    def joint_out(self, clip: Clip) -> Joint:
        """What the clip gives way to."""
        return next(joint for joint in self.joints if joint.start == clip.span.end_frame)


@dataclass(frozen=True)
class Captioned:
    """A clip with what is known about it."""

    clip: Clip
    record: Record
    directive: str


@dataclass(frozen=True)
class Member:
    """One clip as the ledger holds it: its three files' bytes (offset, length) in the unit's side file "clips".

    `rate` is the average where the clip has no constant one; the score `constant_rate` tells the two apart.
    """

    key: str
    span: Span
    width_px: int
    height_px: int
    rate: Fraction
    mp4: tuple[int, int]
    json: tuple[int, int]
    txt: tuple[int, int]
    mp4_blake2b: str
    json_blake2b: str
    txt_blake2b: str
    tags: dict[str, tuple[str, ...]]
    directive: str


@dataclass(frozen=True)
class Side:
    """A side file a unit names: it lies in sides/ under the blake2b of its bytes."""

    blake2b: str
    size_bytes: int

    @property
    def name(self) -> str:
        return f"sides/{self.blake2b}"


@dataclass(frozen=True)
class Unit:
    """A finished source, as the last write about it says: what became of it and of every one of its shots.

    `stream` holds facts of the source for the manifest and the report (rate, time_base, codec, size in pixels);
    it is empty where the source never opened. `sides` names the side files: "clips" (their bytes, until they are
    packed), "members" (a table with a row per clip), "scores" and "vectors" (two more) and "prints". `attempt` counts
    from 0; of several attempts the highest counts.
    """

    source: Source
    fingerprint: str
    attempt: int
    stream: dict[str, Any]
    n_frames: int
    n_kept: int
    dropped: tuple[Dropped, ...]
    dead: tuple[Dead, ...]
    lost: Lost | None
    sides: dict[str, Side]
    seconds: float

    @property
    def outcome(self) -> str:
        """kept, dropped or dead: what the source as a whole ended as."""
        if self.n_kept:
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
class Done:
    """What a worker tells the driver of a source: that its unit is committed, and as which attempt."""

    source: Source
    attempt: int
    outcome: str
    reason: str
    worked: bool
    n_kept: int = 0
    n_dropped: int = 0
    n_dead: int = 0


@dataclass(frozen=True)
class Packed:
    """A shard that is written: its hash, and the part that has a row for each of its clips."""

    shard: str
    size_bytes: int
    sha256: str
    n_clips: int
    part: str
