"""`make ingest-job` by its script: the run as a Ray job on a cluster of this machine, and what it says of failures."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from anicaption.frames import write_video
from animatrix_ingest.keep import manifest

JOB = Path(__file__).parents[2] / "infra" / "job.py"


def job(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.run([sys.executable, str(JOB), *arguments], capture_output=True, text=True, env=environment)


def test_a_job_without_a_command_is_refused():
    done = job("--", "report", "somewhere")
    assert done.returncode == 2 and "-- run SOURCES --out DIR" in done.stderr


@pytest.mark.slow
@pytest.mark.ray
def test_a_run_as_a_job_and_one_that_fails(tmp_path):
    source = tmp_path / "film.mkv"
    pictures = [np.full((48, 64, 3), 40 + 170 * (i // 24 % 2), np.uint8) for i in range(72)]
    write_video(source, pictures, Fraction(24), container="matroska")
    small = ("--min-shot-s", "0.2", "--max-shot-s", "2", "--clip-height-px", "32")
    done = job("--", "run", str(source), "--out", str(tmp_path / "set"), *small)
    assert done.returncode == 0, done.stdout + done.stderr
    assert manifest.load(tmp_path / "set").num_rows > 0
    failed = job("--", "run", str(tmp_path / "nothing.mkv"), "--out", str(tmp_path / "none"))
    assert failed.returncode == 1
    assert "no such file" in failed.stdout
