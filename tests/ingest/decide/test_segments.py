"""Roles of what recurs, on made-up prints: every case a series can bring, with and without sound."""

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from animatrix_ingest.decide.segments import Rules, releases, segments
from animatrix_ingest.decide.segments_match import CELL_S, matches, track
from animatrix_ingest.decide.segments_table import BODY, across, groups, roles_of
from animatrix_ingest.watch.prints import PicturePrints, Prints, SoundPrints, no_sound

RUN_S, STEP_S = 0.125, Fraction(704, 11025)


@cache
def shot(seed: int, n_runs: int = 60) -> np.ndarray:
    """Hashes of the drawings of a shot: each a few bits from the one before."""
    rng = np.random.default_rng([seed, 1])
    steps = [np.uint64(rng.integers(1, 2**63))]
    for _ in range(n_runs - 1):
        flips = np.bitwise_or.reduce(np.uint64(1) << rng.integers(0, 64, 3).astype(np.uint64))
        steps.append(steps[-1] ^ flips)
    return np.array(steps)


@cache
def song(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 2]).integers(1, 2**32, 2000, dtype=np.uint64).astype(np.uint32)


@dataclass
class Reel:
    """An episode in the making: shots (seed, runs of it shown) and songs, one after the other."""

    hashes: list = field(default_factory=list)
    jumps: list = field(default_factory=list)
    sounds: list = field(default_factory=list)
    spans: dict = field(default_factory=dict)
    cuts: list = field(default_factory=list)
    noise: int = 1

    def show(self, role, shots, heard=None):
        start = len(self.hashes)
        rng = np.random.default_rng([self.noise, start])
        for seed, n_runs in shots:
            self.cuts.append((len(self.hashes), len(self.hashes) + n_runs, role, seed))
            flips = np.uint64(1) << rng.integers(0, 64, n_runs).astype(np.uint64)
            self.hashes += (shot(seed)[:n_runs] ^ flips).tolist()
            self.jumps += [60] + [9] * (n_runs - 1)
        n = round(len(self.hashes) * RUN_S / float(STEP_S)) - len(self.sounds)
        wave = song(heard if heard is not None else 10_000 * self.noise + start)[:n]
        self.sounds += (wave ^ (np.uint32(1) << rng.integers(0, 32, n).astype(np.uint32))).tolist()
        self.spans.setdefault(role, []).append((start * RUN_S, len(self.hashes) * RUN_S))
        return self

    def prints(self, with_sound=True):
        n = len(self.hashes)
        pts = (np.arange(n) * RUN_S * 1000).astype(np.int64)
        peaks = np.random.default_rng(int(self.hashes[0]) % 1000).integers(9, 50, n).astype(np.uint8)
        picture = PicturePrints(
            Fraction(1, 1000), pts, np.array(self.hashes, np.uint64), np.array(self.jumps, np.uint8), peaks,
            round(n * RUN_S * 1000),
        )  # fmt: skip
        heard = SoundPrints(STEP_S, np.array(self.sounds, np.uint32))
        return Prints(picture, heard if with_sound else no_sound())


OP = [(100 + i, 16) for i in range(6)]
ED = [(200 + i, 16) for i in range(6)]
EYE = [(300, 20)]
LOGO = [(310, 16)]


def body(number, n=14, start=0):
    return [(1000 * (number + 1) + start + i, 24) for i in range(n)]


def season(n=6):
    reels = []
    for k in range(n):
        reel = Reel(noise=k + 1).show("bumper", LOGO)
        if k:
            reel.show("recap", [(seed, 10) for seed, _ in body(k - 1)[6:12]])
        opening = [*OP[:2], (150, 13), (151, 16), *OP[4:]] if k == 1 else OP
        if k != 3:
            reel.show("opening", opening, heard=2 if k == 4 else 1)
        first = [*body(k)[:5], (100_000, 20), *body(k)[5:7]] if k in (0, 2) else body(k)[:7]
        reel.show(BODY, first).show("eyecatch", EYE, heard=3)
        reel.show(BODY, body(k)[7:], heard=4 if k == 2 else None)
        reel.show("ending", [(250 + i, 16) for i in range(6)] if k == n - 1 else ED, heard=4)
        if k + 1 < n:
            reel.show("preview", [(body(k + 1)[i][0], 10) for i in (1, 3, 8, 10)], heard=5)
        reels.append(reel)
    return reels


def iou(found, truth):
    cells = np.zeros((2, 4000), bool)
    for row, spans in zip(cells, (found, truth)):
        for start, end in spans:
            row[round(start / CELL_S) : round(end / CELL_S)] = True
    return (cells[0] & cells[1]).sum() / max(1, (cells[0] | cells[1]).sum())


def judged(reels, found, skip=()):
    for k, reel in enumerate(reels):
        for role in ("opening", "ending", "eyecatch", "bumper", "recap", "preview"):
            given = [(s.start_s, s.end_s) for s in found if s.source == k and s.role == role]
            truth = reel.spans.get(role, [])
            if (truth or given) and (k, role) not in skip:
                assert iou(given, truth) >= 0.95, (k, role, given, truth)


def test_a_season_with_sound():
    reels = season()
    found = segments([track(r.prints()) for r in reels])
    judged(reels, found)
    assert [s.kind for s in found if s.role == "ending"] == ["both"] * 5 + ["sound"]
    assert [s.kind for s in found if s.role == "opening"] == ["both"] * 3 + ["picture", "both"]
    assert all(0 < s.confidence <= 1 for s in found)


def test_a_season_without_sound_misses_only_what_sound_alone_tells():
    reels = season()
    judged(reels, segments([track(r.prints(with_sound=False)) for r in reels]), skip={(5, "ending")})
    assert segments([track(r.prints()) for r in reels], use_sound=False) == segments(
        [track(r.prints(with_sound=False)) for r in reels]
    )


def test_the_order_of_episodes_makes_no_difference():
    reels = season()
    turned = [5, 2, 0, 4, 1, 3]
    found = segments([track(reels[k].prints()) for k in turned])
    judged([reels[k] for k in turned], found)


def test_a_second_release_counts_as_the_same_episode():
    reels = season()
    again = season()[2]
    again.hashes = [h ^ (1 << (i % 64)) for i, h in enumerate(again.hashes)]
    tracks = [track(r.prints()) for r in [*reels, again]]
    found = matches(tracks)
    assert releases(tracks, found) == [0, 1, 2, 3, 4, 5, 2]
    judged([*reels, again], segments(tracks))


def test_strangers_and_a_single_bank_cut_share_no_segment():
    bank = (100_000, 20)
    reels = [Reel(noise=k + 1).show(BODY, [*body(k)[: 3 + 4 * k], bank, *body(k)[3 + 4 * k :]]) for k in range(3)]
    tracks = [track(r.prints()) for r in [*reels, Reel(noise=9).show(BODY, body(9))]]
    assert segments(tracks) == []
    assert len([m for m in matches(tracks) if m.kind == "picture"]) == 3


def test_two_episodes_are_enough_for_an_opening():
    reels = [Reel(noise=k + 1).show("opening", OP, heard=1).show(BODY, body(k)) for k in range(2)]
    judged(reels, segments([track(r.prints()) for r in reels]))


def test_rules_decide_what_is_a_theme():
    reels = [Reel(noise=k + 1).show("opening", OP, heard=1).show(BODY, body(k)) for k in range(4)]
    tracks = [track(r.prints()) for r in reels]
    assert [s.role for s in segments(tracks)] == ["opening"] * 4
    assert segments(tracks, Rules(theme_s=20)) == []  # too short for a theme, and no eyecatch's place


def clip_table(reels, works=None):
    rows = []
    for k, reel in enumerate(reels):
        for start, end, role, seed in reel.cuts:
            rows.append(
                {
                    "key": f"{k:02d}-{start:04d}", "source": f"s{k}", "work": (works or {}).get(k, ""),
                    "start_pts": round(start * RUN_S * 1000), "end_pts": round(end * RUN_S * 1000),
                    "time_base": "1/1000", "width_px": 640 + 640 * (k == 1), "height_px": 360 + 360 * (k == 1),
                    "length": 1000 * (end - start), "true_role": role, "seed": seed,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(rows)


def test_one_table_says_roles_copies_and_clusters():
    reels = season()
    clips = clip_table(reels)
    prints = {f"s{k}": r.prints() for k, r in enumerate(reels)}
    table = across(clips, prints)
    truth = {row["key"]: row for row in clips.to_pylist()}
    rows = table.to_pylist()
    assert [row["key"] for row in rows] == sorted(truth)
    assert all(row["role"] == truth[row["key"]]["true_role"] for row in rows)
    assert sum(roles_of(table).values()) == len(rows) and roles_of(table)["eyecatch"] == 6
    for row in rows:
        if row["copy_of"]:
            assert truth[row["copy_of"]]["seed"] == truth[row["key"]]["seed"]
    # Of an opening's shot the larger one is kept, and every other one names it.
    kept = {row["copy_of"] for row in rows if truth[row["key"]]["seed"] == 105 and row["copy_of"]}
    assert len(kept) == 1 and truth[kept.pop()]["source"] == "s1"
    by_seed: dict[int, set[str]] = {}
    for row in rows:
        by_seed.setdefault(truth[row["key"]]["seed"], set()).add(row["cluster"])
    assert all(len(clusters) == 1 for clusters in by_seed.values())
    shuffled = clips.take(np.random.default_rng(0).permutation(clips.num_rows))
    assert across(shuffled, prints).equals(table)


def copies(rows):
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(("i", "j", "shared_s"))})


@pytest.mark.parametrize(
    ("works", "rows", "expected"),
    [
        ({}, [(0, 1, 3.0), (0, 1, 3.0)], [["s0", "s1"], ["s2"]]),
        ({}, [(0, 1, 9.0)], [["s0"], ["s1"], ["s2"]]),  # one shot may be a logo
        ({}, [(0, 1, 1.0), (0, 1, 1.0)], [["s0"], ["s1"], ["s2"]]),
        ({0: "a", 2: "a"}, [], [["s0", "s2"], ["s1"]]),
        ({0: "a", 1: "b"}, [(0, 1, 9.0), (0, 1, 9.0)], [["s0"], ["s1"], ["s2"]]),
        ({0: "a", 1: "b"}, [(0, 2, 9.0), (0, 2, 9.0), (1, 2, 9.0), (1, 2, 9.0)], [["s0", "s2"], ["s1"]]),
    ],
)
def test_sources_without_a_work_go_with_what_they_match(works, rows, expected):
    clips = pa.table({"key": list("abc"), "source": ["s0", "s1", "s2"], "work": [works.get(k, "") for k in range(3)]})
    assert groups(clips, copies(rows)) == expected
