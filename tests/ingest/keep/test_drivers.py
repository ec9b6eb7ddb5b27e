"""Whole runs at once on one data set, and side files that are gone: the same data set, and nothing twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from animatrix_ingest import engine, pipeline
from animatrix_ingest.keep import manifest, store, verify, video
from animatrix_ingest.recipes import Settings

SETTINGS = Settings("adaptive", clip_height_px=16, min_shot_s=0.2, max_shot_s=2.0, shard_mib=1)


@pytest.fixture
def sources(film, tmp_path):
    film("a.mkv", [8, 9], height_px=32, width_px=48)
    film("b.mkv", [8], seed=1, height_px=32, width_px=48)
    return [str(tmp_path / "sources")]


def run(sources, out, **options):
    return pipeline.run(sources, out, SETTINGS, engine.in_turn, **options)


def test_two_runs_at_once_are_one(sources, tmp_path):
    start = threading.Barrier(2)

    def drive(_: int) -> pipeline.Summary:
        start.wait()
        return run(sources, tmp_path / "both")

    with ThreadPoolExecutor(2) as pool:
        summaries = list(pool.map(drive, range(2)))
    assert [summary.video for summary in summaries] == [1, 1]
    assert manifest.dataset_hash(tmp_path / "both") == manifest.dataset_hash(run(sources, tmp_path / "one").folder)
    assert not [u for u in store.names(store.open_store(tmp_path / "both"), "units/") if not u.endswith("-0.json")]


def test_on_a_bucket_it_is_the_same_data_set(sources, tmp_path, s3):
    assert run(sources, s3).n_clips == run(sources, tmp_path / "here").n_clips
    assert manifest.dataset_hash(s3) == manifest.dataset_hash(tmp_path / "here")
    assert run(sources, s3).n_worked == 0
    assert verify.verify(s3).wrong == ()


def test_side_files_that_are_gone_are_made_again_as_another_attempt(sources, tmp_path, monkeypatch):
    def full(*_):
        raise store.StoreError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(store.StoreError, match="full"):
        patch.setattr(pipeline.pack, "commit", full)
        run(sources, tmp_path / "set")
    here = store.open_store(tmp_path / "set")
    assert video.latest(here) is None and len(store.names(here, "units/")) == 2
    for name in store.names(here, "units/"):
        here.delete(f"sides/{store.get_json(here, name)['sides']['clips']['blake2b']}")
    again = run(sources, tmp_path / "set")
    assert len(store.names(here, "units/")) == 4
    assert again.n_clips == run(sources, tmp_path / "one").n_clips > 0
    assert manifest.dataset_hash(here) == manifest.dataset_hash(tmp_path / "one")
