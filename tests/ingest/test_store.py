import errno
import multiprocessing
import os

import pytest
from animatrix_ingest.keep import store, store_local


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_put_leaves_the_file_and_nothing_else(tmp_path):
    here = store.open_store(tmp_path)
    assert here.put("deep/a.json", b"one") and here.put("deep/a.json", b"one")
    assert here.get("deep/a.json") == b"one"
    assert files(tmp_path) == ["deep/a.json"]


def test_a_name_never_holds_anything_else(tmp_path):
    here = store.open_store(f"file://{tmp_path}")
    here.put("a", b"one")
    with pytest.raises(store.Conflict, match="holds other bytes"):
        here.put("a", b"two")
    writing = here.writing()
    writing.write(b"two")
    with pytest.raises(store.Conflict, match="holds other bytes"):
        writing.commit("a")
    writing.discard()
    assert (here.get("a"), files(tmp_path)) == (b"one", ["a"])


def test_what_is_not_committed_is_not_there(tmp_path):
    here = store.open_store(tmp_path)
    writing = here.writing()
    assert writing.write(b"abc") == (0, 3)
    assert writing.write(b"de") == (3, 2)
    assert store.names(here, "") == []
    assert writing.blake2b == store.digest(b"abcde")
    writing.discard()
    assert files(tmp_path) == []


def test_names_sizes_and_pieces(tmp_path):
    here = store.open_store(tmp_path)
    here.put("units/a", b"abcdef")
    here.put("units/b", b"")
    here.put("video/a", b"x")
    assert store.names(here, "units/") == ["units/a", "units/b"]
    assert store.names(here, "units/a") == ["units/a"]
    assert (here.size("units/a"), here.size("units/none")) == (6, None)
    assert (here.read("units/a", 2, 2), here.read("units/a", 4, 9)) == (b"cd", b"ef")
    with pytest.raises(store.Absent, match=r"none: not there"):
        here.read("none", 0, 1)
    here.delete("units/a")
    here.delete("units/a")
    assert store.names(here, "") == ["units/b", "video/a"]


def _die_writing(folder, held):
    writing = store.open_store(folder).writing()
    writing.write(b"half a file")
    writing._file.flush()
    held.set()
    os.kill(os.getpid(), 9)


def test_a_sweep_takes_from_the_dead_and_not_from_the_living(tmp_path):
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    dead = context.Process(target=_die_writing, args=(tmp_path, held))
    dead.start()
    dead.join()
    here = store.open_store(tmp_path)
    living = here.writing()
    living.write(b"whole")
    assert len(files(tmp_path)) == 2
    assert here.sweep() == 1
    living.commit("whole")
    assert files(tmp_path) == ["whole"]


def test_a_full_disk_leaves_nothing_half(tmp_path, monkeypatch):
    here = store.open_store(tmp_path)
    for point in ("local write", "before a", "synced a"):
        monkeypatch.setenv("ANIMATRIX_FAULT", f"enospc@1:{point}")
        with pytest.raises(store.StoreError, match=r"No space left.*free some room") as told:
            here.put("a", b"one")
        assert told.value.__cause__.errno == errno.ENOSPC
        assert files(tmp_path) == []
    monkeypatch.delenv("ANIMATRIX_FAULT")
    assert here.put("a", b"one")


def test_a_store_where_the_last_writer_wins_is_no_output(tmp_path, monkeypatch):
    assert "one winner" in store.prove(store.open_store(tmp_path))

    def renaming(self, name):
        self.replace(name)
        return True

    monkeypatch.setattr(store_local.LocalWriting, "commit", renaming)
    with pytest.raises(store.StoreError, match="no put-if-absent"):
        store.prove(store.open_store(tmp_path))


def test_other_urls_are_sources_only():
    with pytest.raises(store.StoreError, match=r"gs://.*can be read as a source"):
        store.open_store("gs://bucket/set")


def test_json_that_is_broken_by_hand_is_named(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(store.StoreError, match=r"x\.json: not JSON"):
        store.get_json(store.open_store(tmp_path), "x.json")
