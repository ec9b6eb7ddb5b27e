"""verify, forget, gc, plan and status on data sets made of bytes."""

from dataclasses import replace

import pytest
from animatrix_ingest import cli, engine, pipeline, standing
from animatrix_ingest.keep import gc, ledger, manifest, shards, store, verify, video
from animatrix_ingest.recipes import Settings

from .conftest import MADE, source


def forget(where, *names):
    return pipeline.forget(names, where, engine.in_turn)


def test_a_whole_data_set_is_verified(filled, place):
    here = filled(place, "a", "b")
    found = verify.verify(place)
    assert found.wrong == () and found.video == 1
    assert found.n_bytes > here.size(store.names(here, "shards/")[0])


@pytest.mark.parametrize("folder", ["shards", "parts", "tables", "sides"])
def test_a_flipped_bit_is_found(filled, tmp_path, folder):
    filled(tmp_path, "a", "b")
    place = sorted((tmp_path / folder).iterdir())[-1]
    data = bytearray(place.read_bytes())
    at = 600 if folder == "shards" else len(data) // 2
    data[at] ^= 1
    place.write_bytes(data)
    wrong = verify.verify(tmp_path).wrong
    assert any(place.name in row.name for row in wrong), wrong
    if folder == "shards":
        assert [row.what for row in wrong if "#" in row.name] == ["not the bytes that were committed"]


def test_what_is_missing_is_found(filled, tmp_path):
    here = filled(tmp_path, "a")
    here.delete(store.names(here, "shards/")[0])
    assert [row.what for row in verify.verify(here).wrong] == ["missing, with 3 clips"]


def test_forget_leaves_no_byte_of_a_source_in_the_generation(filled, place):
    here = filled(place, "a", "b", "c")
    now = forget(place, "b")
    table = manifest.load(here)
    assert now.number == 2 and set(table["source"].to_pylist()) == {"a", "c"}
    assert now.counts["sources"] == {"kept": 2, "dropped": 1, "dead": 0}
    keys = set(manifest.load(here, video=1)["key"].to_pylist()) - set(table["key"].to_pylist())
    assert len(keys) == 3
    used = table["shard"].unique().to_pylist()
    assert not [key for name in used for key in keys if key.encode() in here.get(f"{shards.SHARDS}/{name}")]
    assert verify.verify(here).wrong == ()
    filled(place, "a", "b", "c")
    assert video.load(here).number == 2, "a forgotten source that is found again stays forgotten"


def test_forgetting_what_is_not_there_is_refused(filled, tmp_path):
    filled(tmp_path, "a")
    with pytest.raises(store.StoreError, match="nobody: no source of video generation 1"):
        forget(tmp_path, "nobody")


def test_gc_removes_what_no_generation_names_and_nothing_young(filled, tmp_path):
    here = filled(tmp_path, "a", "b")
    forget(tmp_path, "b")
    here.put("tables/stray.parquet", b"a table nobody named")
    old = manifest.load(here, video=1)
    assert gc.gc(here).names == () and gc.gc(here).n_young > 0
    would = gc.gc(here, dry_run=True, min_age_s=0)
    assert "tables/stray.parquet" in would.names and here.size("tables/stray.parquet")
    assert gc.gc(here, min_age_s=0).names == would.names
    assert here.size("tables/stray.parquet") is None
    assert manifest.load(here, video=1).equals(old), "old generations stay readable"
    assert verify.verify(here, 1).wrong == verify.verify(here, 2).wrong == ()


def test_gc_can_drop_generations_that_hold_what_was_forgotten(filled, tmp_path):
    here = filled(tmp_path, "a", "b")
    keys = [row["key"] for row in manifest.load(here).to_pylist() if row["source"] == "b"]
    forget(tmp_path, "b")
    removed = gc.gc(here, min_age_s=0, drop_forgotten=True)
    assert {"video/v1.json", "labels/v1.json"} < set(removed.names)
    left = b"".join(here.get(name) for name in store.names(here, "") if name.startswith(("shards/", "sides/")))
    assert not [key for key in keys if key.encode() in left]
    assert verify.verify(here).wrong == () and manifest.generations(here).video == (2,)


def test_gc_leaves_clips_that_wait_to_be_packed(filled, tmp_path):
    from .conftest import unit

    here = filled(tmp_path, "a")
    made = unit(ledger.Ledger(here, MADE.fingerprint), source("b"))
    gc.gc(here, min_age_s=0)
    assert here.size(made.sides["clips"].name) == made.sides["clips"].size_bytes


def test_status_tells_what_is_there_and_what_waits(filled, tmp_path):
    from .conftest import unit

    here = filled(tmp_path, "a", "b")
    found = standing.status(tmp_path)
    assert found.sources == {"kept": 2, "dropped": 0, "dead": 0} and found.shots["kept"] == 6
    assert (found.n_shards, found.n_waiting, found.n_forgotten) == (1, 0, 0)
    unit(ledger.Ledger(here, MADE.fingerprint), source("c"))
    assert standing.status(here).n_waiting == 1
    with pytest.raises(store.StoreError, match="no data set here"):
        standing.status(tmp_path / "shards")


def test_plan_says_what_a_run_would_do_and_writes_nothing(film, tmp_path):
    settings = Settings("adaptive", clip_height_px=32, min_shot_s=0.2, max_shot_s=2.0, shard_mib=1)
    film("a.mkv", [20], height_px=32, width_px=48)
    (tmp_path / "sources" / "text.mp4").write_text("not a film")
    sources, out = [str(tmp_path / "sources")], tmp_path / "set"
    assert len(standing.plan(sources, out, settings).new) == 2 and not out.exists()
    pipeline.run(sources, out, settings, engine.in_turn)
    film("b.mkv", [20], height_px=32, width_px=48, seed=1)
    before = sorted(out.rglob("*"))
    planned = standing.plan(sources, out, settings)
    assert [len(names) for names in (planned.new, planned.known, planned.done, planned.dead)] == [1, 0, 1, 1]
    other = standing.plan(sources, out, replace(settings, crf=30))
    assert (len(other.known), other.another, planned.another) == (2, f"crf {settings.crf} -> 30", "")
    pipeline.forget([str(tmp_path / "sources" / "a.mkv")], out, engine.in_turn)
    assert standing.plan(sources, out, settings).forgotten == (str(tmp_path / "sources" / "a.mkv"),)
    assert set(before) <= set(out.rglob("*"))
    summary = pipeline.run(sources, out, settings, engine.in_turn)
    assert summary.sources.kept == 1, "found in a folder, it stays forgotten"
    named = pipeline.run([str(tmp_path / "sources" / "a.mkv")], out, settings, engine.in_turn)
    assert (named.n_clips, named.sources.kept) == (2, 1), "named by itself, it is taken back"


def test_the_commands_print_and_exit(filled, tmp_path, capsys):
    filled(tmp_path, "a", "b")
    assert cli.main(["verify", str(tmp_path)]) == 0
    assert "all as it was written" in capsys.readouterr().out
    assert cli.main(["status", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "sources  2 = 2 kept + 0 dropped + 0 dead" in said and manifest.dataset_hash(tmp_path) in said
    assert cli.main(["gc", str(tmp_path), "--dry-run", "--min-age-h", "0"]) == 0
    assert "would be removed" in capsys.readouterr().out
    assert cli.main(["retry", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("nothing is dead")
    assert cli.main(["forget", "nobody", "--dataset", str(tmp_path)]) == 2
    assert "nobody: no source of video generation 1" in capsys.readouterr().err
    shard = next((tmp_path / "shards").iterdir())
    shard.write_bytes(b"z" + shard.read_bytes()[1:])
    assert cli.main(["verify", str(tmp_path)]) == 1
    assert f"shards/{shard.name}: its bytes hash to" in capsys.readouterr().out
