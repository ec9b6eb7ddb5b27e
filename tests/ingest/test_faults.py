"""The fault test's own tests: what it plans, that it sees what is wrong, and a few of its cases."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from animatrix_ingest.keep import faults as keep_faults

from benchmarks import faults, faults_cases
from benchmarks.faults_cases import Case, End, Place, State

POINTS = ["prove", "local write", "before probes/12ab34cd99", "before units/0011223344-0.json", "local write"]
POINTS += ["before units/5566778899-0.json", "linked units/5566778899-0.json", "generation committed"]


def test_every_step_of_a_write_is_met_before_any_is_met_again():
    order = faults.in_turns(POINTS)
    assert sorted(order) == list(range(1, 9))
    steps = [faults.step(POINTS[number - 1]) for number in order]
    assert len(set(steps[:5])) == 5 and faults.step(POINTS[2]) not in steps[:7], "the store's proof comes last"


def test_a_bigger_n_holds_all_cases_of_a_smaller_one():
    points = {"local": POINTS, "s3": POINTS, "more": POINTS[:4]}
    few, many = (faults.planned(n, points) for n in (20, 100))
    assert (len(few), len(many)) == (20, 100)
    assert {case.name for case in few} <= {case.name for case in many}
    assert any(case.again for case in many) and not any(case.again for case in few[:8]), "first one kill, then two"


def test_the_log_counts_only_for_the_code_that_wrote_it(tmp_path):
    end = End("local kill@1", "local", "kill", "prove", "same", 1.0)
    note = faults.noting(tmp_path / "log", "old")
    note(end)
    faults.noting(tmp_path / "log", "new")(replace(end, case="local kill@2"))
    assert faults.done_before(tmp_path / "log", "new") == {"local kill@2": replace(end, case="local kill@2")}
    assert faults.done_before(tmp_path / "none", "new") == {}


WHOLE = State("h", 3, 3, {"a": "kept"}, 1)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (WHOLE, ""),
        (replace(WHOLE, n_keys=2), "1 clips are there twice"),
        (replace(WHOLE, sources={"a": "dead"}), "sources: "),
        (replace(WHOLE, hash="other"), "hash other of 3 clips"),
        (replace(WHOLE, n_generations=2), "2 generations"),
        ("cannot be read: no", "cannot be read: no"),
    ],
)
def test_what_is_lost_twice_or_other_is_told(found, words):
    told = faults_cases.differs(found, WHOLE)
    assert told.startswith(words) and bool(told) == bool(words)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    folder = tmp_path_factory.mktemp("faults")
    faults.films(folder / "films")
    (folder / "sets").mkdir()
    faults_cases.run([str(folder / "films")], str(folder / "whole"), folder / "cache")
    wanted = faults_cases.read(str(folder / "whole"))
    assert isinstance(wanted, State) and wanted.n_clips >= 3 and wanted.sources["broken.mp4"] == "dead"
    return Place(folder / "films", folder, wanted)


CASES = [Case("local", "kill", 120), Case("local", "kill", 130, 20), Case("local", "enospc", 125)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_disturbed_run_and_one_after_it_leave_the_same_data_set(case, place):
    end = faults_cases.happen(case, place, faults.places(place.folder))
    assert end.result == "same" and end.point


def test_a_kill_beyond_the_last_point_is_no_kill(place):
    end = faults_cases.happen(Case("local", "kill", 100_000), place, faults.places(place.folder))
    assert end.result == "was not killed: there are fewer points than that"


def test_a_changed_byte_of_a_clip_is_seen(place):
    out = place.folder / "changed"
    faults_cases.run([str(place.films)], str(out), place.folder / "cache")
    shard = next(out.glob("shards/*.tar"))
    data = bytearray(shard.read_bytes())
    data[700] ^= 1
    shard.chmod(0o644)
    shard.write_bytes(data)
    assert "are not the ones named" in str(faults_cases.read(str(out)))


def test_a_test_that_is_ended_early_leaves_nothing_behind(tmp_path):
    command = [sys.executable, "-m", "benchmarks.faults", "8", "--no-ray", "--log", str(tmp_path / "log")]
    folder = tmp_path / "here"
    folder.mkdir()
    running = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)}, stderr=subprocess.DEVNULL)
    while not any(folder.glob("animatrix-faults-*/sets/*")):
        assert running.poll() is None, "it ended before its first case"
        time.sleep(0.05)
    running.terminate()
    assert running.wait() != 0
    assert not list(folder.iterdir())


def test_threads_that_pass_points_together_lose_none(monkeypatch):
    """Clients of a store ask from several threads; each order is obeyed at its number all the same, once."""
    raised = []

    def ask(start: threading.Barrier) -> None:
        start.wait()
        for _ in range(40):
            try:
                keep_faults.point("request")
            except keep_faults.Busy:
                raised.append(1)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for trial in range(10):
            monkeypatch.setenv(keep_faults.VARIABLE, f"busy@{100 + trial}")
            keep_faults.point("elsewhere")
            start = threading.Barrier(8)
            threads = [threading.Thread(target=ask, args=(start,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(raised) == 10
