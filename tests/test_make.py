"""The Makefile's thin calls pass on what they are given, and say what is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


# `make test` leaves its own flags in the environment.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(*arguments: str) -> subprocess.CompletedProcess:
    """The commands that `make` would run; the environment counts as set up."""
    assert shutil.which("make")
    return subprocess.run(
        ["make", "--dry-run", "--assume-old", ".venv/.ready", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["ingest", "SOURCES=a b", "OUT=c"], "animatrix-ingest run a b --out c"),
        (["dataset", "RECIPE=demo", "SOURCES=a", "OUT=c"], "animatrix-ingest run a --out c"),
        (["dataset", "RECIPE=demo", "SOURCES=a", "OUT=c"], "--recipe demo"),
        (["dataset", "SOURCES=a", "OUT=c"], "--recipe laptop"),
        (["recaption", "DATASET=c", "ARGS=--again"], "animatrix-ingest recaption c --again"),
        (["ingest-job", "SOURCES=a b", "OUT=c", "ADDRESS=http://h:1"], "infra/job.py --address http://h:1 -- run a b"),
        (["train", "SHARDS=c", "RECIPE=smoke", "OUT=d"], "animatrix-train fit smoke --shards c --out d"),
        (["sample", "CHECKPOINT=d", "TAGS=camera.move=pan_left", "OUT=e.mp4"], '--tags "camera.move=pan_left"'),
        (["draw", "OUT=f", "EPISODES=3"], "anicaption draw --out f --episodes 3"),
        (["caption", "CLIPS=a.mp4", "OUT=r.jsonl"], "anicaption caption a.mp4 --out r.jsonl"),
        (["demo"], "-m demo"),
    ],
)
def test_thin_calls(arguments, command):
    done = make(*arguments)
    assert done.returncode == 0, done.stderr
    assert command in done.stdout


@pytest.mark.parametrize(
    ("target", "missing"), [("ingest", "SOURCES"), ("train", "SHARDS"), ("sample", "CHECKPOINT"), ("draw", "OUT")]
)
def test_what_is_missing_is_named(target, missing):
    done = make(target)
    assert done.returncode != 0
    assert missing in done.stderr


def test_plain_make_lists_every_target():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout
    targets = [line.split()[1] for line in listed.splitlines()]
    assert {"setup", "demo", "test", "check", "ingest", "train", "sample", "bench-road"} <= set(targets)
