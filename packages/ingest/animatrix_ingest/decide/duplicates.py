"""Copies and near duplicates among clips. A copy is the same film: other bitrate, size, crop, brightness, lettering.

Copies are proved by prints at one shift in time (duplicates_index.py finds whom to ask); near duplicates only look
alike (cosine of embeddings). Both keep the best: resolution first, then the body before recaps and previews, the longer
before the shorter, the higher bitrate. Clips that share film are one cluster, so that no split can part them. Near
duplicates are not joined into clusters: likeness is not transitive, and chains of it would end as one cluster of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pyarrow as pa

from animatrix_ingest.decide import duplicates_index as index
from animatrix_ingest.decide.clusters import matrix
from animatrix_ingest.decide.joined import pc
from animatrix_ingest.decide.segments_match import CELL_S, LIKE_BITS
from animatrix_ingest.vectors import BUILT_IN
from animatrix_ingest.watch.prints import FLAT, PicturePrints, Prints

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("copy_of", pa.string(), nullable=False),  # key of the kept copy that holds all of this one, or ""
        pa.field("near_of", pa.string(), nullable=False),  # key of the kept clip that this one looks like, or ""
        pa.field(
            "cluster", pa.string(), nullable=False
        ),  # one key for all clips that share film, directly or by others
    ]
)
NEAR_COSINE = 0.95
COVERED = 0.8
"""Share of a clip that another must hold for it to be that one's copy."""
SHARED_S = 0.5
"""Clips that share this much film are one cluster."""

# Of two clips at their best shift. A layout that is used again with other acting is like everywhere and still no copy:
# what changes, and when, must agree too. Limits from drawn series of both hands, a cel film beside its 250 kB a minute
# NTSC release (all of nine shots proved) and a digital one whose talking heads return with other words (none).
_LIKE_SHARE, _COPY_BITS = 0.8, 8.5  # cells that are like, and mean of the bits that differ
_WORN_SHARE = 0.6  # cells that are like in a worn release, of clips that travel far
_FAR_TRAVEL, _FAR_LOCK = 12.0, 1.3
_LOCK = 2.2  # how much better the shift fits than a third of a second beside it
_CHANGES = 0.4  # correlation of when and how much the picture changed, from print to print
_HELD_CHANGES = 3  # with no more changes than these a clip is one held drawing ...
_HELD_BITS = 5.0  # ... and its hash alone speaks for it
_BESIDE = 8
_CONTEXT_S = 60.0  # a clip as like as this is a copy if its neighbour this near is one, at the same shift
_MOST_HASHES = 24  # of one clip that are looked up
_SPARE = (0, -1, 1, -2, 2)
_CHUNK = 60_000  # pairs proved at once


def duplicates(
    clips: pa.Table, copies: pa.Table, near_cosine: float = NEAR_COSINE, near_builtin: float = NEAR_COSINE
) -> pa.Table:
    """A row of SCHEMA for every clip, in the clips' order, from the pairs that `copies_of` found among the same clips.

    `clips` has key, start_pts, end_pts, time_base, width_px, height_px and length (bytes); optionally role (as
    segments_table.py says) and embedding (lists of numbers or null; without it no near duplicates are sought) with its
    maker: vectors of two makers never compare, and those that need no weights need be nearer.
    """
    keys = clips["key"].to_pylist()
    order = _rank(clips)
    place = np.empty(len(keys), np.int64)
    place[order] = np.arange(len(keys))
    joined = index.Joined(len(keys))
    covers: dict[int, list[int]] = defaultdict(list)
    for i, j, share_i, share_j, shared_s, proved in zip(*(copies[name].to_pylist() for name in COPIES.names)):
        if shared_s >= SHARED_S or max(share_i, share_j) >= COVERED:
            joined.join(i, j)
        if proved and share_i >= COVERED:
            covers[i].append(j)
        if proved and share_j >= COVERED:
            covers[j].append(i)
    copy_of = [-1] * len(keys)
    for i in order:
        kept = [j for j in covers[int(i)] if place[j] < place[i] and copy_of[j] < 0]
        if kept:
            copy_of[int(i)] = min(kept, key=lambda j: place[j])
    near_of = [-1] * len(keys)
    if "embedding" in clips.column_names:
        makers = clips["maker"].to_pylist() if "maker" in clips.column_names else [""] * len(keys)
        here = np.asarray(pc.is_valid(clips["embedding"]))
        for maker in sorted({name for name, there in zip(makers, here) if there}):
            alone = np.array([i for i in order if here[i] and makers[i] == maker and copy_of[i] < 0], np.int64)
            if len(alone) < 2:
                continue
            vectors = matrix(clips["embedding"].take(pa.array(alone))).astype(np.float32)
            least = near_builtin if maker.startswith(BUILT_IN) else near_cosine
            for follower, leader in near(vectors, least).items():
                near_of[alone[follower]] = int(alone[leader])
    named = [*keys, ""]  # -1 is the last
    columns = {
        "key": keys,
        "copy_of": [named[i] for i in copy_of],
        "near_of": [named[i] for i in near_of],
        "cluster": _named_clusters(joined.roots(), keys),
    }
    return pa.table(columns, schema=SCHEMA)


def _named_clusters(roots: list[int], keys: list[str]) -> list[str]:
    """Each cluster's name is the least key in it, in whatever order the clips come."""
    least: dict[int, str] = {}
    for root, key in zip(roots, keys):
        least[root] = min(key, least.get(root, key))
    return [least[root] for root in roots]


def _rank(clips: pa.Table) -> np.ndarray:
    """Indices of clips, best first."""
    pixels = np.array(clips["width_px"].to_pylist()) * np.array(clips["height_px"].to_pylist())
    seconds = spans_s(clips)
    length_s = seconds[:, 1] - seconds[:, 0]
    bitrate = np.array(clips["length"].to_pylist()) / np.maximum(1e-3, length_s)
    role = clips["role"].to_pylist() if "role" in clips.column_names else ["body"] * len(pixels)
    told = np.array([one in ("recap", "preview") for one in role])
    about = np.round(np.log(np.maximum(1e-3, length_s)) / 0.3)  # lengths within a third of each other are equal
    return np.lexsort((np.argsort(np.argsort(clips["key"].to_pylist())), -bitrate, -about, told, -pixels))


def spans_s(clips: pa.Table) -> np.ndarray:
    """(N, 2) start and end of every clip on its source's clock."""
    bases = {text: float(Fraction(text)) for text in set(clips["time_base"].to_pylist())}
    base = np.array([bases[text] for text in clips["time_base"].to_pylist()])
    ends = [np.array(clips[name].to_pylist(), np.float64) for name in ("start_pts", "end_pts")]
    return np.stack([ends[0] * base, ends[1] * base], 1)


COPIES = pa.schema(
    [
        pa.field("i", pa.int64()),
        pa.field("j", pa.int64()),
        pa.field("share_i", pa.float64()),  # of clip i that clip j holds
        pa.field("share_j", pa.float64()),
        pa.field("shared_s", pa.float64()),
        pa.field("proved", pa.bool_()),  # a copy; else the same layout, and whether the same film is not certain
    ]
)


def copies_of(clips: pa.Table, prints: Mapping[str, Prints]) -> pa.Table:
    """Pairs of rows (i < j) of `clips` that share film, as COPIES.

    `clips` has key, source (a name in `prints`), start_pts, end_pts and time_base.
    """
    cells = _Cells.of(clips, prints)
    pairs = _candidates(cells)
    judged = [_judge(cells, pairs[k : k + _CHUNK]) for k in range(0, len(pairs), _CHUNK)]
    rows = np.concatenate(judged) if judged else np.zeros((0, 7))
    proved = rows[:, 5] > 0
    proved |= _in_context(rows, proved, clips)
    columns = [rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), *rows[:, 2:5].T, proved]
    return pa.table(columns, schema=COPIES)


def _in_context(rows: np.ndarray, proved: np.ndarray, clips: pa.Table) -> np.ndarray:
    """Whether a clip of the same two sources, near by and at the same shift, is a proved copy."""
    i, j = rows[:, 0].astype(int), rows[:, 1].astype(int)
    start_s = spans_s(clips)[:, 0]
    number = {name: n for n, name in enumerate(dict.fromkeys(clips["source"].to_pylist()))}
    ids = np.array([number[name] for name in clips["source"].to_pylist()], np.int64)
    lag = np.rint((start_s[j] - start_s[i]) / CELL_S + rows[:, 6]).astype(np.int64)
    near = (start_s[i] // _CONTEXT_S).astype(np.int64)
    places: set[tuple[int, int, int, int]] = set()
    told = list(zip(ids[i].tolist(), ids[j].tolist(), lag.tolist(), near.tolist()))
    for (one, other, g, n), sure in zip(told, proved):
        if sure and one != other:
            places |= {(one, other, g + d, n + e) for d in (-2, -1, 0, 1, 2) for e in (-1, 0, 1)}
    return np.array([place in places for place in told], bool)


class _Cells:
    """What each clip shows, CELL_S apart, one clip after the other: hashes, and how much changed (log of levels)."""

    def __init__(self, hashes: np.ndarray, changes: np.ndarray, begin: np.ndarray) -> None:
        self.hashes, self.changes, self.begin = hashes, changes, begin
        self.n = np.diff(begin)

    @classmethod
    def of(cls, clips: pa.Table, prints: Mapping[str, Prints]) -> _Cells:
        hashes, changes = [np.zeros(0, np.uint64)], [np.zeros(0)]
        tracks: dict[str, tuple[np.ndarray, PicturePrints]] = {}
        for source, (start_s, end_s) in zip(clips["source"].to_pylist(), spans_s(clips)):
            if source not in tracks:
                if source not in prints:
                    raise KeyError(f"duplicates: no prints of {source}, which has clips; ingest it again")
                tracks[source] = prints[source].picture.starts_s(), prints[source].picture
            starts_s, picture = tracks[source]
            n = max(1, round((end_s - start_s) / CELL_S))
            run = np.searchsorted(starts_s, start_s + (np.arange(n) + 0.5) * CELL_S, "right") - 1
            shown = np.where(run >= 0, picture.hashes[np.maximum(run, 0)], FLAT) if len(starts_s) else np.zeros(n)
            hashes.append(shown.astype(np.uint64))
            change = np.zeros(n)
            first, last = np.searchsorted(starts_s, [start_s - 1e-3, start_s + n * CELL_S - 1e-3])
            at = np.minimum(n - 1, ((starts_s[first:last] - start_s) / CELL_S + 1e-3).astype(int))
            change[at] = np.log1p(picture.peaks[first:last].astype(np.float64))
            changes.append(change)
        begin = np.cumsum([len(part) for part in hashes]).astype(np.int64)
        return cls(np.concatenate(hashes), np.concatenate(changes), begin)


def _candidates(cells: _Cells) -> np.ndarray:
    """(M, 3) rows (i, j, shift) of clips that share keys: cell c of i would be cell c + shift of j."""
    clip = np.repeat(np.arange(len(cells.n)), cells.n)
    at = np.arange(len(cells.hashes)) - np.repeat(cells.begin[:-1], cells.n)
    fresh = np.ones(len(at), bool)
    fresh[1:] = (np.bitwise_count(cells.hashes[1:] ^ cells.hashes[:-1]) > 2) | (clip[1:] != clip[:-1])
    fresh &= cells.hashes != FLAT
    clip, at, hashes = clip[fresh], at[fresh], cells.hashes[fresh]
    first = np.searchsorted(clip, np.arange(len(cells.n)))
    every = np.maximum(1, np.ceil(np.bincount(clip, minlength=len(cells.n)) / _MOST_HASHES)).astype(np.int64)
    keep = (np.arange(len(clip)) - first[clip]) % every[clip] == 0
    clip, at, hashes = clip[keep], at[keep], hashes[keep]
    n_bits = int(np.clip(np.log2(max(2, len(hashes))) + 3, 16, 26))
    votes = []
    for key in index.keys(hashes, n_bits, n_tables=14):
        i, j = index.pairs(key, clip)
        turn = clip[i] > clip[j]
        i, j = np.where(turn, j, i), np.where(turn, i, j)
        votes.append(np.stack([clip[i], clip[j], at[j] - at[i]], 1))
    vote = np.concatenate(votes)
    if not len(vote):
        return vote
    code = (vote[:, 0] * len(cells.n) + vote[:, 1]) * 8192 + np.clip(vote[:, 2] + 4096, 0, 8191)
    code, count = np.unique(code, return_counts=True)
    pair, shift = code // 8192, code % 8192 - 4096
    order = np.lexsort((np.abs(shift), -count, pair))  # of each pair the shift with most votes
    pair, shift, count = pair[order], shift[order], count[order]
    best = np.ones(len(pair), bool)
    best[1:] = pair[1:] != pair[:-1]
    total = np.add.reduceat(count, np.flatnonzero(best))
    pair, shift = pair[best][total >= 2], shift[best][total >= 2]
    return np.stack([pair // len(cells.n), pair % len(cells.n), shift], 1)


def _judge(cells: _Cells, pairs: np.ndarray) -> np.ndarray:
    """(K, 7) of the pairs that are like: the columns of COPIES, and the shift."""
    at_best = [_measure(cells, pairs + np.array([0, 0, spare])) for spare in _SPARE]
    score = np.stack([np.where(m[:, 0] > 0, m[:, 2] / np.maximum(1, m[:, 0]), 64) for m in at_best])
    best = np.argmin(score, axis=0)
    overlap, like, bits, travel, held = np.stack(at_best)[best, np.arange(len(pairs))].T
    pairs = pairs + np.outer(np.array(_SPARE)[best], [0, 0, 1])
    beside = [_measure(cells, pairs + np.array([0, 0, step])) for step in (-_BESIDE, _BESIDE)]
    beside_bits = np.mean([m[:, 2] / np.maximum(1, m[:, 0]) for m in beside], axis=0)
    bits = bits / np.maximum(1, overlap)
    lock = beside_bits / np.maximum(0.01, bits)
    share = like / np.maximum(1, overlap)
    changes = np.max([_together(cells, pairs + np.array([0, 0, step])) for step in (-1, 0, 1)], axis=0)
    far = (travel >= _FAR_TRAVEL) & (lock >= _FAR_LOCK) & (share >= _WORN_SHARE)
    alike = (share >= _LIKE_SHARE) & (bits <= _COPY_BITS)
    still = (held <= _HELD_CHANGES) & (bits <= _HELD_BITS)
    proved = far | (alike & ((lock >= _LOCK) | (changes >= _CHANGES) | still))
    n_i, n_j = cells.n[pairs[:, 0]], cells.n[pairs[:, 1]]
    shown = np.where(share >= _LIKE_SHARE, like, overlap)  # of a worn release, what it shows, not what is still like
    columns = [pairs[:, 0], pairs[:, 1], shown / n_i, shown / n_j, shown * CELL_S, proved, pairs[:, 2]]
    return np.column_stack(columns)[(far | alike) & (like >= 3)]


def _overlap(cells: _Cells, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the cells that pairs share at their shift: number of the pair, index of the cell in either clip's cells."""
    i, j, shift = pairs.T
    start = np.maximum(0, -shift)
    n = np.maximum(0, np.minimum(cells.n[i], cells.n[j] - shift) - start)
    owner = np.repeat(np.arange(len(pairs)), n)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(n) - n, n)
    return owner, (cells.begin[i] + start)[owner] + step, (cells.begin[j] + start + shift)[owner] + step


def _measure(cells: _Cells, pairs: np.ndarray) -> np.ndarray:
    """(M, 5): cells with pictures in both, those that are like, bits that differ, travel, most changes of either."""
    owner, at_one, at_other = _overlap(cells, pairs)
    one, other = cells.hashes[at_one], cells.hashes[at_other]
    both = (one != FLAT) & (other != FLAT)
    bits = np.bitwise_count(one ^ other).astype(np.float64) * both
    moved = np.zeros(len(owner))
    moved[1:] = np.minimum(1, np.bitwise_count(one[1:] ^ one[:-1]) / 12) * (owner[1:] == owner[:-1])
    changed = [np.bincount(owner, cells.changes[at] > 0, len(pairs)) for at in (at_one, at_other)]
    values = [both, both & (bits <= LIKE_BITS), bits, moved]
    return np.stack([*(np.bincount(owner, v, len(pairs)) for v in values), np.maximum(*changed)], 1)


def _together(cells: _Cells, pairs: np.ndarray) -> np.ndarray:
    """(M,): how far the changes of both clips go together: correlation, a cell of blur allowed; 0 if one is still."""
    owner, at_one, at_other = _overlap(cells, pairs)
    n = np.maximum(1, np.bincount(owner, minlength=len(pairs)))
    centred = []
    for at in (at_one, at_other):
        change = cells.changes[at]
        soft = change.copy()
        same = owner[1:] == owner[:-1]
        soft[1:] += 0.5 * change[:-1] * same
        soft[:-1] += 0.5 * change[1:] * same
        centred.append(soft - (np.bincount(owner, soft, len(pairs)) / n)[owner])
    one, other = centred
    power = np.bincount(owner, one * one, len(pairs)) * np.bincount(owner, other * other, len(pairs))
    return np.bincount(owner, one * other, len(pairs)) / np.sqrt(np.maximum(1e-9, power)) * (power > 1e-6)


def near(vectors: np.ndarray, least_cosine: float = NEAR_COSINE) -> dict[int, int]:
    """{follower: leader} among vectors (N, D) given best first: each follows the best leader it is that close to.

    Leaders follow nobody. Whom to compare is found by signs of random projections, in tables.
    """
    n = len(vectors)
    if n < 2:
        return {}
    unit = vectors / np.maximum(1e-12, np.linalg.norm(vectors, axis=1, keepdims=True))
    centred = unit - unit.mean(0)
    rng = np.random.default_rng(20_05)
    n_bits = int(np.clip(np.log2(n), 6, 20))
    close: dict[int, set[int]] = defaultdict(set)
    for _ in range(24):
        signs = centred @ rng.normal(size=(centred.shape[1], n_bits)).astype(np.float32) > 0
        key = signs @ (1 << np.arange(n_bits, dtype=np.int64))
        i, j = index.pairs(key, np.arange(n), most=24)
        for k in range(0, len(i), 200_000):
            a, b = i[k : k + 200_000], j[k : k + 200_000]
            good = np.einsum("nd,nd->n", unit[a], unit[b]) > least_cosine
            for x, y in zip(a[good].tolist(), b[good].tolist()):
                close[max(x, y)].add(min(x, y))
    leaders: dict[int, int] = {}
    for follower in range(n):
        led = [other for other in close.get(follower, ()) if other not in leaders]
        if led:
            leaders[follower] = min(led)
    return leaders
