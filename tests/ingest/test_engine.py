"""The engine without Ray: needs, the memory bound, the counters."""

import os
import signal
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from animatrix_ingest import counters, engine
from animatrix_ingest.limits import Needs, memory_bound, resident_mib


class Heard(engine.Silent):
    def __init__(self):
        self.told = []

    def at(self, name, frames, shots):
        self.told.append((frames, shots))


def test_in_turn_carries_items_and_what_they_tell():
    heard = Heard()
    with engine.in_turn() as carry:
        found = list(carry(lambda item, tell: (tell(item, 1), item * 2)[1], [1, 2], heard))
        made = list(carry.on_actors(lambda: lambda item: item + 1, iter([5, 6]), n=3))
    assert found == [(1, 2), (2, 4)] and heard.told == [(1, 1), (2, 1)]
    assert made == [(5, 6), (6, 7)]


@pytest.mark.parametrize(("wrong", "words"), [({"cpus": -1}, "needs.cpus: -1"), ({"stall_s": 0}, "needs.stall_s: 0")])
def test_needs_that_make_no_sense_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Needs(**wrong)


def test_needs_say_what_was_exceeded():
    assert Needs().beyond_memory == "out of memory: bound 2 GiB" and Needs().beyond_time == "stalled for 120 s"
    assert str(Needs(gpus=0.5, memory_mib=300)) == "1 CPU, 0.5 GPU and 300 MiB of memory"


def forked(work) -> int:
    """The wait status of `work` done in a fork."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except MemoryError:
            os._exit(3)
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_a_process_over_its_memory_says_so_and_is_killed():
    reading, writing = os.pipe()

    def grow():
        held = []
        with memory_bound(int(resident_mib()) + 60, lambda: os.write(writing, b"over")):
            while True:
                held.append(np.ones(1 << 20, np.uint8))

    status = forked(grow)
    os.close(writing)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert os.read(reading, 9) == b"over"
    os.close(reading)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts mapped memory on Linux only")
def test_one_huge_request_is_refused_before_it_is_touched():
    def grasp():
        with memory_bound(400, lambda: None):
            np.ones(8 << 30, np.uint8)

    status = forked(grasp)
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 3


def test_work_within_its_bound_is_left_alone():
    def work():
        for _ in range(3):
            with memory_bound(int(resident_mib()) + 400, lambda: None):
                assert sum(np.ones(1 << 20, np.uint8).sum() for _ in range(100)) == 100 << 20

    assert forked(work) == 0


@dataclass
class Done:
    outcome: str = "kept"
    n_kept: int = 2
    n_dropped: int = 1


def test_finished_work_adds_only_to_counters_that_are_declared():
    found = counters.tally(counters.Worked(Done(), 12, 3, 1.5))
    assert found == [
        ("shots", {}, 3),
        ("frames", {}, 12),
        ("seconds", {}, 1.5),
        ("sources", {"outcome": "kept"}, 1),
        ("clips", {"outcome": "kept"}, 2),
        ("clips", {"outcome": "dropped"}, 1),
    ]
    for name, tags, _ in found:
        assert tuple(tags) == counters.COUNTERS[name][1]
    assert counters.tally(counters.Worked("a shard's name", 0, 0, 0.5)) == [("seconds", {}, 0.5)]
