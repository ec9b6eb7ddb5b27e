"""Where two sources show or sound the same: stretches of matching prints at one shift in time. No pixels, no roles.

Prints are laid on a common clock of CELL_S. Like hashes found through an index vote for a shift; every shift with a few
votes is then looked at along its whole length, at 64 bits a cell, which is cheap. What matches is kept as islands.

Held drawings make many equal cells that say one thing once. An island is therefore weighed by how far the picture
travels within it, not by how long it lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from animatrix_ingest.decide import duplicates_index as index
from animatrix_ingest.watch.prints import FLAT, Prints

CELL_S = 1 / 24
LIKE_BITS = 15
"""Hashes of 64 bits that differ in at most this many are of like pictures. Drawn films, both hands: of pictures shown
again at another bitrate, cropped, lettered or faded 99 of 100 stay under 15; of strangers 1 of 100 comes under 18."""
LIKE_SOUND = 0.33
"""Share of bits, over half a second, under which two sounds are the same; strangers lie about 0.5."""
CUT_JUMP = 20
"""Change of the picture, grey levels, from which on a run of prints opens a new shot."""

_VOTES = 3
_GAP = 12  # cells that may differ within one island: a word, a flash
_SPARE = 2  # cells around a voted shift that are tried
_LEAST = 8  # cells of the shortest island
_LEAST_SOUND = 36
_TRAVEL_BITS = 12  # a new picture differs from the last one by this much
_NEAR_CELLS = 240  # a source is not compared with itself at shifts under ten seconds: everything is like its neighbour


@dataclass(frozen=True)
class Track:
    """The prints of a source on the common clock."""

    picture: np.ndarray  # uint64 (N,) hash shown in each cell
    sound: np.ndarray  # uint32 (N,); FLAT throughout where there is no sound
    starts: np.ndarray  # int64 (R,) cell in which each run begins
    hashes: np.ndarray  # uint64 (R,)
    shots: np.ndarray  # int64 (R,) number of the shot of each run

    @property
    def n_cells(self) -> int:
        return len(self.picture)


@dataclass(frozen=True)
class Match:
    """Cells [start, end) of source `a` are cells [start + shift, end + shift) of source `b`."""

    a: int
    b: int
    start: int
    end: int
    shift: int
    kind: str
    """picture or sound"""
    travel: float
    """How many different pictures it holds, about; of sounds, how many half seconds."""
    likeness: float
    """1 where hashes are equal, 0 where they are strangers'."""

    def turned(self) -> Match:
        """The same, seen from the other source."""
        start, end = self.start + self.shift, self.end + self.shift
        return Match(self.b, self.a, start, end, -self.shift, self.kind, self.travel, self.likeness)


def track(prints: Prints) -> Track:
    """Lay prints on the common clock, from second 0 to the last picture."""
    picture, sound = prints.picture, prints.sound
    n = int(picture.end_s / CELL_S) + 1
    starts_s = picture.starts_s()
    middles_s = (np.arange(n) + 0.5) * CELL_S
    run = np.searchsorted(starts_s, middles_s, "right") - 1
    shown = np.where(run >= 0, picture.hashes[np.maximum(run, 0)], FLAT) if len(starts_s) else np.zeros(n)
    heard = np.zeros(n, np.uint32)
    at = (middles_s / float(sound.step_s)).astype(int)
    inside = at < len(sound.hashes)
    heard[inside] = sound.hashes[at[inside]]
    return Track(
        shown.astype(np.uint64),
        heard,
        np.rint(starts_s / CELL_S).astype(np.int64),
        picture.hashes,
        np.cumsum(picture.jumps >= CUT_JUMP),
    )


def matches(tracks: Sequence[Track], use_sound: bool = True) -> list[Match]:
    """All matches between any two of the tracks, and of each with itself; every match once, a <= b."""
    found = [m for (a, b), shifts in _shifts(tracks).items() for m in _pictures(tracks, a, b, shifts)]
    if use_sound:
        found += [m for (a, b), shifts in _sound_shifts(tracks).items() for m in _sounds(tracks, a, b, shifts)]
    return found


def _shifts(tracks: Sequence[Track]) -> dict[tuple[int, int], list[int]]:
    """For every pair of tracks the shifts that several runs of pictures vote for."""
    source = np.concatenate([np.full(len(t.starts), i) for i, t in enumerate(tracks)])
    starts = np.concatenate([t.starts for t in tracks])
    hashes = np.concatenate([t.hashes for t in tracks])
    shot = source * 1_000_000 + np.concatenate([t.shots for t in tracks])
    keep = hashes != FLAT
    source, starts, hashes, shot = source[keep], starts[keep], hashes[keep], shot[keep]
    return _voted(source, starts, shot, index.keys(hashes, n_bits=16, n_tables=12))


def _sound_shifts(tracks: Sequence[Track]) -> dict[tuple[int, int], list[int]]:
    """The same for sounds: two hashes a third of a second apart are one key."""
    apart, every = 8, 2
    source, starts, hashes = [], [], []
    for i, t in enumerate(tracks):
        first, second = t.sound[:-apart:every], t.sound[apart::every]
        at = np.flatnonzero((first[: len(second)] != FLAT) & (second[: len(first)] != FLAT))
        source.append(np.full(len(at), i))
        starts.append(at * every)
        hashes.append(first[at].astype(np.uint64) << np.uint64(32) | second[at])
    source, starts, hashes = np.concatenate(source), np.concatenate(starts), np.concatenate(hashes)
    return _voted(source, starts, source * 1_000_000 + starts // 12, index.keys(hashes, n_bits=20, n_tables=8))


def _voted(source, starts, owner, tables) -> dict[tuple[int, int], list[int]]:
    votes = []
    for key in tables:
        i, j = index.pairs(key, owner)
        turn = (source[i] > source[j]) | ((source[i] == source[j]) & (starts[i] > starts[j]))
        i, j = np.where(turn, j, i), np.where(turn, i, j)
        shift = starts[j] - starts[i]
        good = (source[i] != source[j]) | (shift >= _NEAR_CELLS)
        votes.append(np.stack([source[i], source[j], shift], 1)[good])
    vote = np.concatenate(votes) if votes else np.zeros((0, 3), np.int64)
    vote = vote[np.lexsort(vote.T[::-1])]
    found: dict[tuple[int, int], list[int]] = {}
    edges = np.flatnonzero(np.any(np.diff(vote[:, :2], axis=0) != 0, 1)) + 1
    for part in np.split(vote, edges):
        if len(part):
            found[int(part[0, 0]), int(part[0, 1])] = _peaks(part[:, 2])
    return found


def _peaks(shifts: np.ndarray) -> list[int]:
    """Shifts (sorted) that at least _VOTES agree on to a cell, the strongest of each neighbourhood."""
    values, counts = np.unique(shifts, return_counts=True)
    total = np.array([counts[np.abs(values - v) <= 1].sum() for v in values]) if len(values) < 4000 else _near(
        values, counts
    )  # fmt: skip
    peaks: list[int] = []
    for k in np.argsort(-total, kind="stable"):
        if total[k] < _VOTES:
            break
        if all(abs(int(values[k]) - p) > 2 * _SPARE for p in peaks):
            peaks.append(int(values[k]))
    return peaks


def _near(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Votes within one cell of each value, for long lists."""
    summed = np.concatenate([[0], np.cumsum(counts)])
    return summed[np.searchsorted(values, values + 1, "right")] - summed[np.searchsorted(values, values - 1, "left")]


def differing(a: Track, b: Track, shift: int) -> tuple[int, np.ndarray, np.ndarray]:
    """(first cell of a, bits that differ, whether there is a picture in both) along one shift."""
    start, end = max(0, -shift), min(a.n_cells, b.n_cells - shift)
    one, other = a.picture[start:end], b.picture[start + shift : end + shift]
    return start, np.bitwise_count(one ^ other).astype(np.int16), (one != FLAT) & (other != FLAT)


def _pictures(tracks: Sequence[Track], a: int, b: int, shifts: list[int]) -> list[Match]:
    found: list[Match] = []
    for shift in shifts:
        best = max(
            (s for s in range(shift - _SPARE, shift + _SPARE + 1) if a != b or s >= _NEAR_CELLS),
            key=lambda s: (_worth(tracks[a], tracks[b], s), -abs(s - shift)),
            default=None,
        )
        if best is not None:
            found += _islands(tracks, a, b, best)
    return _strongest(found)


def _worth(a: Track, b: Track, shift: int) -> int:
    _, bits, both = differing(a, b, shift)
    return int((np.maximum(0, LIKE_BITS + 1 - bits) * both).sum())


def _islands(tracks: Sequence[Track], a: int, b: int, shift: int) -> list[Match]:
    first, bits, both = differing(tracks[a], tracks[b], shift)
    like = both & (bits <= LIKE_BITS)
    found = []
    for start, end in spans(like, _GAP):
        if end - start < _LEAST:
            continue
        mine = tracks[a].picture[first + start : first + end]
        shown = mine[like[start:end]]
        moved = np.bitwise_count(shown[1:] ^ shown[:-1])
        travel = 1 + float(np.minimum(1, moved / _TRAVEL_BITS).sum())
        likeness = 1 - float(bits[start:end][like[start:end]].mean()) / 24
        if like[start:end].mean() >= 0.6 and (travel - 0.5) * (likeness - 0.35) >= 0.15:
            found.append(Match(a, b, first + start, first + end, shift, "picture", travel, likeness))
    return found


def _sounds(tracks: Sequence[Track], a: int, b: int, shifts: list[int]) -> list[Match]:
    found: list[Match] = []
    for shift in shifts:
        best = max(range(shift - 1, shift + 2), key=lambda s: -float(sound_error(tracks[a], tracks[b], s)[1].min()))
        first, error = sound_error(tracks[a], tracks[b], best)
        for start, end in spans(error < LIKE_SOUND, _GAP):
            if end - start >= _LEAST_SOUND:
                likeness = 1 - 2 * float(error[start:end].mean())
                found.append(
                    Match(a, b, first + start, first + end, best, "sound", (end - start) / _GAP, likeness)
                )  # fmt: skip
    return _strongest([m for m in found if m.a != m.b or m.shift >= _NEAR_CELLS])


def sound_error(a: Track, b: Track, shift: int) -> tuple[int, np.ndarray]:
    """(first cell of a, share of sound bits that differ over half a second around each cell); 0.5 in silence."""
    start, end = max(0, -shift), min(a.n_cells, b.n_cells - shift)
    one, other = a.sound[start:end], b.sound[start + shift : end + shift]
    heard = (one != FLAT) & (other != FLAT)
    error = np.where(heard, np.bitwise_count(one ^ other) / 32, 0.5)
    if len(error) < 2:
        return start, error
    window = np.ones(min(13, len(error)))
    return start, np.convolve(error, window, "same") / np.convolve(np.ones(len(error)), window, "same")


def _strongest(found: list[Match]) -> list[Match]:
    """Of matches that explain the same cells of both sources by nearly one shift, the one that explains most."""
    kept: list[Match] = []
    for match in sorted(found, key=lambda m: (-(m.end - m.start) * m.likeness, m.start, m.shift)):
        twin = any(
            abs(match.shift - k.shift) <= 48 and min(match.end, k.end) - max(match.start, k.start)
            > 0.5 * (match.end - match.start)
            for k in kept
        )  # fmt: skip
        if not twin:
            kept.append(match)
    return kept


def spans(flags: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """Half-open spans of True, joined over at most `gap` False."""
    where = np.flatnonzero(flags)
    if not len(where):
        return []
    breaks = np.flatnonzero(np.diff(where) > gap + 1)
    starts, ends = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(where) - 1]])
    return [(int(where[s]), int(where[e]) + 1) for s, e in zip(starts, ends)]
