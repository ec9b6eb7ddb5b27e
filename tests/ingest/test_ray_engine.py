"""The engine on the session's one Ray: what stalls, what takes too much, what dies; actors; counters; no room."""

import ctypes
import os
import signal
import time
import urllib.request

import numpy as np
import pytest
from animatrix_ingest import engine
from animatrix_ingest.limits import LostWorker, Needs

pytestmark = pytest.mark.ray


class Fate:
    """A task whose items say what is to happen to its worker."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __call__(self, item, tell):
        if item not in ("mute", "late"):
            tell(1, 0)
        getattr(self, item.split()[0])(tell)
        return item.upper()

    def fine(self, tell): ...

    def late(self, tell):
        time.sleep(7)  # longer than one may be silent later on

    def mute(self, tell):
        time.sleep(1000)

    def deaf(self, tell):
        ctypes.PyDLL(None).sleep(1000)  # a native call that never gives the interpreter back

    def greedy(self, tell):
        held = []
        while True:
            held.append(np.ones(20 << 20, np.uint8))
            tell(len(held), 0)

    def huge(self, tell):
        np.ones(16 << 30, np.uint8)

    def slow(self, tell):
        for i in range(12):
            time.sleep(0.5)
            tell(i, 0)

    def poison(self, tell):
        os.kill(os.getpid(), signal.SIGKILL)

    def unlucky(self, tell):
        mark = os.path.join(self.folder, "died once")
        if not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)

    def faulty(self, tell):
        raise KeyError("a fault of the program")


def test_every_item_has_an_end_whatever_its_worker_does(ray_address, tmp_path):
    """One that hangs in native code, two that take too much memory, one that kills its worker."""
    needs = Needs(memory_mib=700, stall_s=5.0, first_s=20.0)
    items = ["mute", "fine 1", "late", "deaf", "greedy", "huge", "slow", "poison", "unlucky", "fine 2"]
    with engine.on_ray() as carry:
        found = dict(carry(Fate(tmp_path), items, engine.Silent(), needs))
    lost = {item: end.words for item, end in found.items() if isinstance(end, LostWorker)}
    assert {item for item in items if found[item] == item.upper()} == {"fine 1", "late", "slow", "unlucky", "fine 2"}
    assert lost.pop("poison").startswith("worker died twice: ")
    memory = "out of memory: bound 700 MiB"
    assert lost.pop("mute") == "stalled for 20 s before its first word"
    assert lost == {"deaf": "stalled for 5 s", "greedy": memory, "huge": memory}


def test_a_fault_of_the_program_ends_the_run_in_its_own_words(ray_address, tmp_path):
    with engine.on_ray() as carry, pytest.raises(KeyError, match="a fault of the program"):
        list(carry(Fate(tmp_path), ["fine", "faulty"], engine.Silent()))


def test_a_cluster_without_a_machine_for_the_work_is_told_and_not_waited_for_for_ever(ray_address, tmp_path):
    with engine.on_ray(wait_s=0.5) as carry, pytest.raises(engine.NoCluster) as told:
        list(carry(Fate(tmp_path), ["fine"], engine.Silent(), Needs(gpus=1, memory_mib=512)))
    words = "a task asks for 1 CPU, 1 GPU and 512 MiB of memory; the cluster has 1 nodes, at most 2 CPU, 0 GPU and "
    assert words in str(told.value)


def shouting(folder):
    """What an actor is made of: it answers in capitals, and dies once, always, or hangs, as an item says."""

    def make():
        def call(item):
            mark = os.path.join(str(folder), "an actor died once")
            if item == "poison" or (item == "unlucky" and not os.path.exists(mark)):
                open(mark, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            if item == "deaf":
                ctypes.PyDLL(None).sleep(1000)
            return item.upper()

        return call

    return make


def test_actors_answer_every_item_though_one_dies(ray_address, tmp_path):
    items = [*map(str, range(6)), "unlucky", "6", "poison", "7", "8"]
    taken = []

    def given():
        for item in items:
            taken.append(item)
            yield item

    answers = {}
    with engine.on_ray() as carry:
        for item, end in carry.on_actors(shouting(tmp_path), given(), n=2, in_flight=2):
            answers[item] = end
            assert len(taken) <= len(answers) + 4, "two actors with two items each"
    assert isinstance(answers.pop("poison"), LostWorker)
    assert answers == {item: item.upper() for item in items if item != "poison"}


def test_an_actor_that_hangs_is_begun_again(ray_address, tmp_path):
    with engine.on_ray() as carry:
        answers = dict(carry.on_actors(shouting(tmp_path), ["a", "deaf", "b"], n=1, needs=Needs(cpus=0, stall_s=2)))
    assert isinstance(answers.pop("deaf"), LostWorker) and answers == {"a": "A", "b": "B"}


def test_actors_that_cannot_begin_say_why(ray_address):
    def make():
        raise ValueError("no weights")

    with engine.on_ray() as carry, pytest.raises(Exception, match="no weights"):
        list(carry.on_actors(make, ["a"], n=1))


def test_prometheus_sees_the_counters(ray_address, tmp_path):
    import ray

    with engine.on_ray() as carry:
        list(carry(Fate(tmp_path), ["slow", "fine"], engine.Silent()))
        place = next(node for node in ray.nodes() if node["Alive"])
        url = f"http://{place['NodeManagerAddress']}:{place['MetricsExportPort']}/metrics"
        deadline, lines = time.monotonic() + 30, []
        while not lines and time.monotonic() < deadline:
            time.sleep(0.5)
            page = urllib.request.urlopen(url, timeout=5).read().decode()
            lines = [line for line in page.splitlines() if line.startswith("ray_animatrix_ingest_seconds_total{")]
    assert lines and float(lines[0].rsplit(" ", 1)[1]) >= 4
