"""From a bucket into a bucket: the same data set as from a folder into a folder; copies are bounded and removed."""

from pathlib import Path

import pytest
from animatrix_ingest import cli, engine, pipeline
from animatrix_ingest.commands_run import Run
from animatrix_ingest.keep import manifest, store_s3, video
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.watch import fetch

FLAGS = ["--detector", "adaptive", "--clip-height-px", "32", "--min-shot-s", "0.2", "--max-shot-s", "2"]
LIST = "source,work,episode,rating\na.mkv,Sora,1,general\nb.mkv,Umi,1,sensitive\nc.mkv,Umi,2,general\n"


@pytest.fixture
def listed(film, tmp_path) -> Path:
    """Three films and the list that names them."""
    for seed, name in enumerate("abc"):
        film(f"{name}.mkv", [20, 18], seed=seed)
    place = tmp_path / "sources" / "list.csv"
    place.write_text(LIST)
    return place


@pytest.fixture
def raw(listed, s3) -> str:
    """The same in a bucket."""
    for place in sorted(listed.parent.iterdir()):
        store_s3.client().pipe_file(f"{s3.removeprefix('s3://')}/raw/{place.name}", place.read_bytes())
    return f"{s3}/raw"


def run(sources: str, out: str, cache: Path) -> pipeline.Summary:
    command = cli.parse(["run", sources, "--out", out, *FLAGS])
    assert isinstance(command, Run)
    return pipeline.run([sources], out, command.settings, engine.in_turn, cache=cache)


def test_a_bucket_of_sources_to_a_bucket_of_shards(listed, raw, s3, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "on_ray", lambda *given: engine.in_turn())
    cache = tmp_path / "cache"
    there, here = f"{s3}/set", str(tmp_path / "set")
    assert cli.main(["run", f"{raw}/list.csv", "--out", there, "--cache", str(cache), *FLAGS]) == 0
    assert cli.main(["run", str(listed), "--out", here, *FLAGS]) == 0
    assert manifest.dataset_hash(there) == manifest.dataset_hash(here)
    assert [path.name for path in cache.iterdir()] == [".lock"], "copies are removed once they are read"
    store = open_store(there)
    rows = video.read(store, video.load(store).sources, video.SOURCES).to_pylist()
    assert [(row["source"], row["work"], row["rating"]) for row in rows] == [
        (f"{raw}/a.mkv", "Sora", "general"),
        (f"{raw}/b.mkv", "Umi", "sensitive"),
        (f"{raw}/c.mkv", "Umi", "general"),
    ]
    assert store.get("report.html").startswith(b"<!doctype html>") and b"sensitive" in store.get("datacard.md")
    for command in (["verify", there], ["status", there], ["gc", there, "--dry-run"], ["decide", there]):
        assert cli.main(command) == 0


def test_a_second_run_fetches_nothing(raw, s3, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    assert run(f"{raw}/list.csv", f"{s3}/set", cache).n_worked == 3

    def never(*given):
        raise AssertionError("a second run fetched")

    monkeypatch.setattr(fetch, "_blocks", never)
    again = run(f"{raw}/list.csv", f"{s3}/set", cache)
    assert (again.n_worked, again.changed) == (0, False)


def test_each_object_is_fetched_once_and_the_cache_holds_one_at_a_time(raw, s3, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    fetched, held = [], []
    blocks = fetch._blocks

    def counted(url, start):
        fetched.append(url.rpartition("/")[2])
        held.append(sum(not path.name.startswith(".") for path in cache.iterdir()))
        yield from blocks(url, start)

    monkeypatch.setattr(fetch, "_blocks", counted)
    run(f"{raw}/*.mkv", f"{s3}/set", cache)
    assert (sorted(fetched), max(held)) == (["a.mkv", "b.mkv", "c.mkv"], 1)


def test_an_object_that_changes_is_another_source_and_the_old_one_goes(raw, film, s3, tmp_path):
    first = run(f"{raw}/*.mkv", f"{s3}/set", tmp_path / "cache")
    place = film("other.mkv", [22, 17], seed=9)
    store_s3.client().pipe_file(f"{raw.removeprefix('s3://')}/c.mkv", place.read_bytes())
    second = run(f"{raw}/*.mkv", f"{s3}/set", tmp_path / "cache")
    assert (first.n_clips, second.n_worked, second.n_clips) == (6, 1, 6)
    lengths = {r["n_frames"] for r in manifest.load(f"{s3}/set").to_pylist() if r["source"].endswith("c.mkv")}
    assert lengths == {22, 17}
