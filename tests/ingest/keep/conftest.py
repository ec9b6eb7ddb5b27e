"""Data sets whose clips are made of nothing but bytes."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from animatrix_ingest.engine import Silent, in_turn
from animatrix_ingest.keep import build, clips, tables
from animatrix_ingest.keep.ledger import Ledger, begin, put_side
from animatrix_ingest.keep.made import Made
from animatrix_ingest.keep.store import Store, digest, open_store
from animatrix_ingest.pipeline import settle
from animatrix_ingest.rows import Dropped, Member, Side, Source, Span, Unit

MADE = Made({"crf": 18, "shard_mib": 1}, "code", {})
STREAM = {"time_base": "1/24", "rate": "24"}


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a data set may lie: a folder, and a bucket."""
    return str(tmp_path / "set") if request.param == "local" else request.getfixturevalue("s3")


def source(name: str, content: str = "") -> Source:
    content = content or name
    return Source(name, digest(content.encode()) * 2, len(content), "1")


def unit(ledger: Ledger, who: Source, n_clips: int = 3, attempt: int = 0) -> Unit:
    """Commit a unit of clips of 1000 bytes each, 10 frames long, with a dropped shot at the end."""
    side = ledger.store.writing()
    members = []
    for number in range(n_clips):
        key = digest(f"{who.sha256} {number}".encode())
        files = {suffix: f"{key} {suffix} ".encode() * 20 for suffix in ("mp4", "json", "txt")}
        span = Span(10 * number, 10 * number + 10, 10 * number, 10 * number + 10)
        places = {suffix: side.write(data) for suffix, data in files.items()}
        hashes = {f"{suffix}_blake2b": digest(data) for suffix, data in files.items()}
        tags = {"camera.move": ("pan_left",)}
        words = f"words of {key}"
        members.append(Member(key, span, 32, 18, Fraction(24), **places, **hashes, tags=tags, directive=words))
    clips_side = Side(side.blake2b, side.size_bytes)
    side.commit(clips_side.name)
    rows = tables.to_bytes(clips.members(who, STREAM, members, clips_side.name))
    end = 10 * n_clips
    short = (Dropped(Span(end, end + 2, end, end + 2), "short"),)
    sides = {"clips": clips_side, "members": put_side(ledger.store, rows)}
    return ledger.commit(Unit(who, ledger.fingerprint, attempt, STREAM, end + 2, n_clips, short, (), None, sides, 0.0))


@pytest.fixture
def filled() -> Callable[..., Store]:
    """Makes a data set of these sources, whole: units, shards, a video generation and its labels."""

    def fill(where: str | Path, *names: str, made: Made = MADE, n_clips: int = 3) -> Store:
        store = open_store(where)
        begin(store)
        ledger = Ledger(store, made.fingerprint)
        there = ledger.attempts()
        for name in names:
            if source(name).sha256[:32] not in there:
                unit(ledger, source(name), n_clips)
        with in_turn() as engine:
            told = {name: (source(name), {}) for name in names}
            now = settle(ledger, made, told, 1 << 20, lambda: engine, Silent())
        build.commit_first_labels(store, now)
        return store

    return fill
