"""Runs on the session's one Ray: the engine, a worker that dies, and the command killed and started again."""

import os
import signal
import subprocess
import sys
import time

import pytest
from animatrix_ingest import engine, pipeline
from animatrix_ingest.decide.conserve import Counts
from animatrix_ingest.decisions import decide_all
from animatrix_ingest.keep import manifest

pytestmark = pytest.mark.ray

FLAGS = ["--detector", "adaptive", "--clip-height-px", "32", "--min-shot-s", "0.2", "--max-shot-s", "2"]
FLAGS += ["--shard-mib", "1"]


class Heard:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.begun, self.finished = [], {}

    def begin(self, what, n_items):
        self.begun.append((what, n_items))

    def at(self, name, frames, shots): ...

    def done(self, name, words):
        self.finished[name] = words


def test_ray_makes_the_same_data_set_as_this_process(ray_address, film, tmp_path, small):
    film("a.mkv", [20, 30])
    film("b.mkv", [25], seed=1)
    (tmp_path / "sources" / "text.mp4").write_text("not a film")
    heard = Heard()
    sources = [str(tmp_path / "sources")]
    summary = pipeline.run(sources, tmp_path / "ray", small, engine.on_ray, progress=heard)
    pipeline.run(sources, tmp_path / "here", small, engine.in_turn)
    assert summary.sources == Counts(2, 0, 1)
    assert manifest.dataset_hash(tmp_path / "ray") == manifest.dataset_hash(tmp_path / "here")
    assert heard.begun == [("ingesting", 3), ("packing", 1)]
    assert sorted(words.split(":")[0] for words in heard.finished.values()) == ["1 clip", "2 clips", "3 clips", "dead"]


class Suicidal:
    """A task whose worker process does not survive one of its items."""

    def __call__(self, item, tell):
        if item == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        return item.upper()


def test_a_worker_that_dies_is_told_and_the_others_go_on(ray_address):
    with engine.on_ray() as carry:
        found = dict(carry(Suicidal(), ["a", "poison", "b"], engine.Silent()))
    assert (found["a"], found["b"]) == ("A", "B")
    assert isinstance(found["poison"], engine.LostWorker) and found["poison"].words


def test_the_command_killed_and_started_again(ray_address, film, tmp_path, small):
    for i in range(3):
        film(f"{i}.mkv", [20, 30, 40, 30, 20], seed=i, height_px=96, width_px=128)
    out = tmp_path / "set"
    command = [sys.executable, "-m", "animatrix_ingest.cli", "run", str(tmp_path / "sources"), "--out", str(out)]
    command += ["--address", ray_address, *FLAGS]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(out.glob("units/*.json")) and time.monotonic() < deadline and run.poll() is None:
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not list(out.glob("video/*.json")), "the run was to be killed in the middle"
    again = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert again.returncode == 0, again.stderr
    assert "sources  3 = 3 kept + 0 dropped + 0 dead" in again.stdout
    pipeline.run([str(tmp_path / "sources")], tmp_path / "whole", small, engine.in_turn)
    decide_all(tmp_path / "whole")
    assert manifest.dataset_hash(out) == manifest.dataset_hash(tmp_path / "whole")
    assert (out / "report.html").exists()
    third = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert third.stdout.startswith("nothing to do: all 3 sources"), third.stdout + third.stderr
