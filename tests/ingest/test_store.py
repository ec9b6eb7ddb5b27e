import multiprocessing

import pytest
from animatrix_ingest.keep import store


def test_put_leaves_the_file_and_nothing_else(tmp_path):
    store.put(tmp_path / "a.json", b"one")
    store.put(tmp_path / "a.json", b"two")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.json", b"two")]


def test_what_is_not_committed_is_not_there(tmp_path):
    writing = store.Writing(tmp_path)
    assert writing.write(b"abc") == (0, 3)
    assert writing.write(b"de") == (3, 2)
    assert not [p for p in tmp_path.iterdir() if not p.name.startswith(store.TEMPORARY)]
    writing.discard()
    assert not list(tmp_path.iterdir())


def test_the_name_of_content_is_the_hash_of_its_bytes(tmp_path):
    writing = store.Writing(tmp_path)
    writing.write(b"abc")
    writing.write(b"de")
    assert writing.blake2b == store.digest(b"abcde")
    writing.discard()


def test_sweep_removes_what_a_killed_run_left(tmp_path):
    left = store.Writing(tmp_path / "deep" / "er")
    left.write(b"half a file")
    store.put(tmp_path / "whole", b"whole")
    assert store.sweep(tmp_path) == 1
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["whole"]


def _hold(folder, held, done):
    with store.lock(folder):
        held.set()
        done.wait(20)


def test_a_second_writer_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, held, done))
    other.start()
    assert held.wait(20)
    with pytest.raises(store.StoreError, match="another run is writing"), store.lock(tmp_path):
        pass
    other.kill()
    other.join()
    with store.lock(tmp_path):
        pass


def test_json_that_is_broken_by_hand_is_named(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(store.StoreError, match=r"x\.json: not JSON"):
        store.get_json(tmp_path / "x.json")
