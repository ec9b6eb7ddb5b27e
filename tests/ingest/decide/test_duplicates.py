"""Copies are the same film and nothing else; the best is kept; likeness alone is only likeness."""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from animatrix_ingest.decide.duplicates import copies_of, duplicates, near
from animatrix_ingest.decide.duplicates_index import Joined, keys, pairs
from animatrix_ingest.watch.prints import PicturePrints, Prints, no_sound

FRAME_PTS = 42


def film(seed, n_runs=24, moving=True):
    """Hashes, starts in frames and peaks of a shot; without motion only a mouth moves, and the hash hardly knows."""
    rng = np.random.default_rng([seed, 3])
    hashes = [int(rng.integers(1, 2**63))]
    for _ in range(n_runs - 1):
        flips = np.bitwise_or.reduce(np.uint64(1) << rng.integers(0, 64, 4 if moving else 1).astype(np.uint64))
        hashes.append(hashes[-1] ^ int(flips) if moving else hashes[0] ^ int(flips))
    starts = np.concatenate([[0], np.cumsum(rng.integers(2, 7, n_runs - 1))])
    return np.array(hashes, np.uint64), starts, rng.integers(9, 120, n_runs)


def noisy(hashes, n_bits, seed=0):
    rng = np.random.default_rng([seed, 4])
    for _ in range(n_bits):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, len(hashes)).astype(np.uint64))
    return hashes


def data_set(films, **columns):
    """(clips, prints): every film a source of its own with one clip; films are (hashes, starts, peaks)."""
    rows, prints = [], {}
    for k, (hashes, starts, peaks) in enumerate(films):
        n_frames = int(starts[-1]) + 4
        prints[f"s{k}"] = Prints(
            PicturePrints(
                Fraction(1, 1000), starts * FRAME_PTS, hashes, np.full(len(hashes), 9, np.uint8),
                peaks.astype(np.uint8), n_frames * FRAME_PTS,
            ),
            no_sound(),
        )  # fmt: skip
        rows.append(
            {
                "key": f"k{k}", "source": f"s{k}", "start_pts": 0, "end_pts": n_frames * FRAME_PTS,
                "time_base": "1/1000", "width_px": 640, "height_px": 360, "length": 100_000,
            }
        )  # fmt: skip
    for name, values in columns.items():
        for row, value in zip(rows, values):
            row[name] = value
    return pa.Table.from_pylist(rows), prints


def decided(clips, prints):
    return {row["key"]: row for row in duplicates(clips, copies_of(clips, prints)).to_pylist()}


def test_a_copy_is_found_and_the_larger_one_kept():
    hashes, starts, peaks = film(1)
    clips, prints = data_set(
        [(hashes, starts, peaks), (noisy(hashes, 5), starts, peaks), film(2)], width_px=[640, 1280, 640]
    )
    rows = decided(clips, prints)
    assert [rows[k]["copy_of"] for k in ("k0", "k1", "k2")] == ["k1", "", ""]
    assert rows["k0"]["cluster"] == rows["k1"]["cluster"] == "k0" and rows["k2"]["cluster"] == "k2"


def test_of_equal_sizes_the_higher_bitrate_is_kept_and_then_the_lesser_key():
    one = film(1)
    clips, prints = data_set([one, one, one], length=[1000, 3000, 3000])
    rows = decided(clips, prints)
    assert [rows[k]["copy_of"] for k in ("k0", "k1", "k2")] == ["k1", "", "k1"]


def test_a_part_is_a_copy_of_the_whole_and_not_the_whole_of_the_part():
    hashes, starts, peaks = film(1, 40)
    clips, prints = data_set(
        [(hashes, starts, peaks), (noisy(hashes[:14], 3), starts[:14], peaks[:14])], length=[100, 100_000]
    )
    rows = decided(clips, prints)
    assert rows["k1"]["copy_of"] == "k0" and rows["k0"]["copy_of"] == ""


def test_a_body_is_kept_before_a_recap():
    one = film(1)
    clips, prints = data_set([one, one], length=[3000, 1000], role=["recap", "body"])
    assert decided(clips, prints)["k0"]["copy_of"] == "k1"


def test_a_layout_used_again_with_other_acting_is_no_copy_but_one_cluster():
    hashes, starts, peaks = film(1, moving=False)
    _, other_starts, other_peaks = film(7, moving=False)
    clips, prints = data_set([(hashes, starts, peaks), (noisy(hashes, 1, 5), other_starts, other_peaks)])
    rows = decided(clips, prints)
    assert [rows[k]["copy_of"] for k in ("k0", "k1")] == ["", ""]
    assert rows["k0"]["cluster"] == rows["k1"]["cluster"]
    again = data_set([(hashes, starts, peaks), (noisy(hashes, 1, 5), starts, peaks)])
    assert decided(*again)["k1"]["copy_of"] == "k0"


def test_one_held_drawing_is_a_copy_of_itself():
    hashes, starts, peaks = film(1, 3, moving=False)
    long = starts * 10
    clips, prints = data_set([(hashes, long, peaks), (noisy(hashes, 2), long, peaks), film(3, 3, moving=False)])
    rows = decided(clips, prints)
    assert rows["k1"]["copy_of"] == "k0" and rows["k2"]["copy_of"] == ""


def test_black_clips_are_nobody_s_copies():
    empty = np.zeros(5, np.uint64), np.arange(5) * 6, np.full(5, 9)
    rows = decided(*data_set([empty, empty]))
    assert [row["copy_of"] for row in rows.values()] == ["", ""] and rows["k0"]["cluster"] != rows["k1"]["cluster"]


def test_missing_prints_are_named():
    clips, prints = data_set([film(1), film(2)])
    del prints["s1"]
    with pytest.raises(KeyError, match="no prints of s1"):
        copies_of(clips, prints)


def test_near_duplicates_follow_the_best_leader_and_are_no_copies():
    vectors = np.eye(4, 16, dtype=np.float32)
    vectors = np.vstack([vectors, vectors[0] + 0.1 * vectors[1], vectors[0] + 0.5 * vectors[1]])
    films = [film(k) for k in range(6)]
    clips, prints = data_set(films, embedding=vectors.tolist(), width_px=[640] * 4 + [1280, 640])
    rows = decided(clips, prints)
    assert [rows[f"k{k}"]["near_of"] for k in range(6)] == ["k4", "", "", "", "", ""]
    assert len({row["cluster"] for row in rows.values()}) == 6
    assert all(not row["copy_of"] for row in rows.values())


def test_near_finds_what_comparing_all_with_all_finds():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(1500, 48)) + 1.5  # off the origin, as learned embeddings are
    vectors = np.vstack([centres, centres[:500] + rng.normal(size=(500, 48)) * 0.25]).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    like = np.triu(unit @ unit.T > 0.95, 1)
    followers = set(np.flatnonzero(like.any(0)).tolist())
    found = near(vectors)
    assert set(found) <= followers and len(found) >= 0.98 * len(followers) > 400
    assert not set(found) & set(found.values())


def test_pairs_join_equal_keys_of_different_owners_once():
    key, owner = np.array([5, 5, 5, 7, 5]), np.array([0, 0, 1, 1, 2])
    i, j = pairs(key, owner)
    assert sorted(zip(i.tolist(), j.tolist())) == [(0, 2), (0, 4), (2, 4)]


def test_a_key_that_thousands_share_costs_no_more_and_still_joins_them():
    n = 3000
    i, j = pairs(np.zeros(n, np.int64), np.arange(n), most=4)
    assert len(i) < 4 * n
    joined = Joined(n)
    for a, b in zip(i.tolist(), j.tolist()):
        joined.join(a, b)
    assert set(joined.roots()) == {0}


def test_near_hashes_meet_in_some_table_and_strangers_rarely():
    rng = np.random.default_rng(1)
    hashes = rng.integers(1, 2**63, 400, dtype=np.uint64)
    both = np.concatenate([hashes, noisy(hashes, 4)])
    met = np.zeros(400, bool)
    strangers = 0
    for key in keys(both, 16, 12):
        met |= key[:400] == key[400:]
        strangers += int((key[:400] == np.roll(key[400:], 1)).sum())
    assert met.mean() > 0.95 and strangers < 3
