"""`anicaption caption`, `directive`, `explain` and `evaluate`, from files to files."""

import json
from fractions import Fraction

import numpy as np
import pytest
from anicaption.cli import main
from anicaption.frames import write_video
from anicaption.record import Record, drawn
from anicaption.tables import Captioned, read_rows
from anicaption.tracks import Tracks


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A clip of two shots, one panned and one still, and its truth."""
    folder = tmp_path_factory.mktemp("outputs")
    y, x = np.mgrid[0:120, 0:400]
    rng = np.random.default_rng(5)
    art = np.full((120, 400, 3), 200.0)
    for _ in range(40):
        away = (x - rng.uniform(0, 400)) ** 2 + (y - rng.uniform(0, 120)) ** 2
        art[away < rng.uniform(4, 25) ** 2] = rng.uniform(0, 255, 3)
    art = art.astype(np.uint8)
    panned = [art[:96, 4 * i : 4 * i + 160] for i in range(20)]
    write_video(folder / "ep.mkv", [*panned, *[art[20:116, 200:360]] * 16], container="matroska")

    def shot(start, end, move):
        tracks = Tracks(Fraction(24000, 1001), 160, 96, {"luma": np.zeros(end - start, np.float32)})
        record = Record.build(tracks, {"camera.move": drawn("camera.move", [move])})
        return {"start_frame": start, "end_frame": end, "record": record.to_json()}

    truth = {"file": "ep.mkv", "shots": [shot(0, 20, "pan_right"), shot(20, 36, "none")]}
    (folder / "ep.truth.json").write_text(json.dumps(truth))
    return folder


@pytest.fixture(scope="module")
def records(folder):
    out = folder / "ep.parquet"
    command = ["caption", str(folder / "ep.mkv"), "--shots", str(folder / "ep.truth.json"), "--out", str(out)]
    assert main([*command, "--variants", "2"]) == 0
    return out


def test_every_shot_of_a_clip_becomes_a_row(records):
    rows = list(read_rows(records))
    assert [row.clip for row in rows] == ["ep.mkv#0-20", "ep.mkv#20-36"]
    assert all(isinstance(row, Captioned) and row.record["camera.move"].known for row in rows)


def test_records_are_scored_against_their_truth(folder, records, capsys):
    out = folder / "evaluation"
    truth = str(folder / "ep.truth.json")
    assert main(["evaluate", "--truth", truth, "--pred", str(records), "--out", str(out)]) == 0
    assert "camera.move" in capsys.readouterr().out
    report = json.loads((out / "evaluation.json").read_text("utf-8"))
    assert report["n_shots"] == 2 and report["fields"]["camera.move"]["macro_f1"] == 1
    assert report["fields"]["camera.move"]["coverage_accuracy"][-1] == [1, 1]


def test_records_are_said_in_either_language(records, capsys):
    assert main(["directive", str(records)]) == 0
    assert main(["directive", str(records), "--language", "ja", "--seed", "1"]) == 0
    said = capsys.readouterr().out
    assert "ep.mkv#0-20" in said and "pan to the right" in said and "。" in said


def test_tags_are_said_too_and_wrong_ones_are_named(capsys):
    assert main(["directive", "--tags", "camera.move=pan_left"]) == 0
    assert "a pan to the left" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"did you mean 'camera\.move'"):
        main(["directive", "--tags", "camera.mvoe=pan_left"])
    with pytest.raises(SystemExit, match="either"):
        main(["directive"])


def test_a_part_of_a_clip_is_explained(folder):
    page = folder / "pages" / "page.html"
    assert main(["explain", str(folder / "ep.mkv"), "--frames", "0-20", "--out", str(page)]) == 0
    assert "pan_right" in page.read_text("utf-8")
    with pytest.raises(SystemExit, match="START-END"):
        main(["explain", str(folder / "ep.mkv"), "--frames", "20", "--out", str(page)])
    with pytest.raises(SystemExit, match="not inside the 36 frames"):
        main(["explain", str(folder / "ep.mkv"), "--frames", "30-60", "--out", str(page)])


def test_shots_of_several_clips_at_once_are_refused(folder):
    clip, truth = str(folder / "ep.mkv"), str(folder / "ep.truth.json")
    with pytest.raises(SystemExit, match="one CLIP"):
        main(["caption", clip, clip, "--shots", truth, "--out", str(folder / "x.jsonl")])


def test_records_of_another_taxonomy_are_refused_by_place(folder):
    old = folder / "old.jsonl"
    record = {"taxonomy_version": "0.0.1", "taxonomy_hash": "x", "n_frames": 1, "rate": "24"}
    old.write_text(json.dumps({"clip": "a.mkv", "record": record}) + "\n")
    with pytest.raises(SystemExit, match=r"old\.jsonl, line 1, a\.mkv: .*taxonomy x"):
        main(["directive", str(old)])
    old.write_text(json.dumps({"clip": "a.mkv", "record": {"n_frames": 1}}) + "\n")
    with pytest.raises(SystemExit, match=r"old\.jsonl, line 1, a\.mkv: "):
        main(["directive", str(old)])
