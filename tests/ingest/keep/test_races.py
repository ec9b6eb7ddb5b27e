"""Sixteen writers of one name: exactly one wins, and what it wrote is what everybody reads."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from animatrix_ingest.keep import store

WRITERS = 16


def _write(where, name, number, start, won):
    here = store.open_store(where)
    start.wait()
    try:
        here.put(name, f"writer {number}".encode() * 100)
    except store.Conflict:
        return
    won.put(number)


def test_of_sixteen_processes_one_wins(tmp_path):
    context = multiprocessing.get_context("fork")
    start, won = context.Barrier(WRITERS), context.Queue()
    racers = [
        context.Process(target=_write, args=(tmp_path, "a/name", number, start, won)) for number in range(WRITERS)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    winner = won.get(timeout=5)
    assert won.empty()
    assert store.open_store(tmp_path).get("a/name") == f"writer {winner}".encode() * 100


@pytest.mark.parametrize("long", [False, True])
def test_of_sixteen_threads_one_wins_on_either_store(place, long):
    here = store.open_store(place)
    start = threading.Barrier(WRITERS)

    def race(number: int) -> bool:
        data = f"writer {number:2}".encode() * 1000
        start.wait()
        try:
            return store._put_long(here, "a/name", data) if long else here.put("a/name", data)
        except store.Conflict:
            return False

    with ThreadPoolExecutor(WRITERS) as pool:
        won = [number for number, winner in enumerate(pool.map(race, range(WRITERS))) if winner]
    assert len(won) == 1
    assert here.get("a/name") == f"writer {won[0]:2}".encode() * 1000


def test_the_same_bytes_from_all_are_a_success_for_all(place):
    here = store.open_store(place)
    with ThreadPoolExecutor(WRITERS) as pool:
        assert all(pool.map(lambda _: here.put("a/name", b"the same"), range(WRITERS)))
