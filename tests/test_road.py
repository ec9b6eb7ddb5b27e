"""The road end to end through the make targets a reader would type, on drawn anime: small, and the real thing."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from anicaption.frames import frames, probe
from anicaption.record import Record
from animatrix_ingest.keep import manifest

ROOT = Path(__file__).parents[1]
SHOTS = 6

pytestmark = pytest.mark.ray


def make(target: str, **variables: object) -> str:
    """Run a target that is set up already; its output."""
    command = [
        "make",
        "--assume-old",
        ".venv/.ready",
        target,
        *(f"{name}={value}" for name, value in variables.items()),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of `make test`
    environment["OMP_NUM_THREADS"] = "1"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("road")


@pytest.fixture(scope="module")
def raw(folder: Path) -> Path:
    make("draw", OUT=folder / "raw", EPISODES=1, SEED=5, ARGS=f"--script moves --height 64 --shots {SHOTS}")
    return folder / "raw"


@pytest.fixture(scope="module")
def data(folder: Path, raw: Path) -> Path:
    make("ingest", SOURCES=raw, OUT=folder / "data", ARGS="--recipe demo")
    return folder / "data"


@pytest.fixture(scope="module")
def checkpoint(folder: Path, data: Path) -> Path:
    out = make("train", SHARDS=data, RECIPE="smoke", OUT=folder / "run", ARGS="--stages.0.steps 2 --save-every 2")
    return Path(out.strip().splitlines()[-1])


def test_drawn_episodes_have_their_truth(raw: Path):
    (path,) = raw.glob("*.mkv")
    truth = json.loads(path.with_suffix("").with_suffix(".truth.json").read_text("utf-8"))
    pts = [frame.pts for frame in frames(path)]
    assert len(truth["shots"]) == SHOTS
    assert [shot["start_pts"] for shot in truth["shots"]] == [pts[shot["start_frame"]] for shot in truth["shots"]]


def test_what_was_drawn_is_what_is_read(raw: Path, data: Path):
    """The captioner, which has never seen the script, gives back its cuts and camera moves."""
    truth = json.loads(next(raw.glob("*.truth.json")).read_text("utf-8"))
    rows = {row["start_frame"]: row for row in manifest.load(data).to_pylist()}
    assert sorted(rows) == [shot["start_frame"] for shot in truth["shots"]]
    asked = [shot["record"]["camera"]["move"]["values"] for shot in truth["shots"]]
    read = [rows[shot["start_frame"]]["camera.move"] for shot in truth["shots"]]
    assert sum(a == r for a, r in zip(asked, read)) >= SHOTS - 1


def test_a_shard_is_a_plain_tar_of_clip_record_and_words(data: Path):
    (shard,) = (data / "shards").glob("*.tar")
    with tarfile.open(shard) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # pyright: ignore
    keys = {name.partition(".")[0] for name in members}
    assert len(keys) == SHOTS and set(members) == {f"{key}.{kind}" for key in keys for kind in ("json", "mp4", "txt")}
    key = min(keys)
    record = Record.from_json(json.loads(members[f"{key}.json"])["record"])
    assert record.window(2, 7).n_frames == 5
    assert members[f"{key}.txt"].decode().startswith("<tag> ")


def test_the_report_can_be_looked_at(data: Path):
    page = (data / "report.html").read_text("utf-8")
    assert page.count("data:image/") >= SHOTS and "http://" not in page.replace("http://www.w3.org", "")


def test_a_sample_is_a_clip_that_begins_with_the_picture_it_was_given(folder: Path, raw: Path, checkpoint: Path):
    picture = next(frames(next(raw.glob("*.mkv")))).rgb()
    cv2.imwrite(str(folder / "first.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    clip = folder / "clip.mp4"
    make("sample", CHECKPOINT=checkpoint, TAGS="camera.move=pan_left", IMAGE=folder / "first.png", OUT=clip)
    stream, pictures = probe(clip), [frame.rgb() for frame in frames(clip)]
    assert (len(pictures), stream.height_px, stream.width_px) == (5, 8, 16)
    small = cv2.resize(picture, (16, 8), interpolation=cv2.INTER_AREA)
    assert np.abs(pictures[0].astype(int) - small).mean() < 20


def test_captions_of_clips_are_written(folder: Path, raw: Path):
    make("caption", CLIPS=next(raw.glob("*.mkv")), OUT=folder / "records.jsonl")
    (line,) = (folder / "records.jsonl").read_text("utf-8").splitlines()
    assert Record.from_json(json.loads(line)["record"])["camera.move"].source == "measured"
