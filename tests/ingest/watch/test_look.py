"""Whole runs over joints: a clip is the clean part of its shot, and says what it comes after and gives way to."""

import json

import cv2
import pytest
from anicaption.frames import write_video
from animatrix_ingest import engine, pipeline
from animatrix_ingest.decide.conserve import Counts
from animatrix_ingest.decide.settings import Deciding, Thresholds
from animatrix_ingest.decisions import decide_all
from animatrix_ingest.keep import annotations, manifest, shards, video
from animatrix_ingest.keep.store import open_store
from animatrix_ingest.recipes import Settings

SETTINGS = {"clip_height_px": 64, "min_shot_s": 0.25, "max_shot_s": 4.0, "shard_mib": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Pictures and a detector -> (folder of the data set, summary of the run)."""

    def run(pictures, detector):
        folder = tmp_path_factory.mktemp("run")
        write_video(folder / "film.mkv", pictures, container="matroska")
        settings = Settings(detector, **SETTINGS)
        return folder / "set", pipeline.run([str(folder / "film.mkv")], folder / "set", settings, engine.in_turn)

    return run


@pytest.fixture(scope="module")
def ours(run, joined_film):
    return run(joined_film, "ours")


def clips(dataset) -> list[dict]:
    return sorted(manifest.load(dataset).to_pylist(), key=lambda row: row["start_frame"])


def decided(dataset) -> list[dict]:
    """Scores and tier of every clip, in the order of the film."""
    decide_all(dataset, Deciding(Thresholds(least_rows_px=16)))
    store = open_store(dataset)
    rows = {row["key"]: row for row in clips(dataset)}
    for kind in ("scores", "tiers"):
        table = annotations.load_kind(store, kind)
        assert table is not None
        for row in table.to_pylist():
            rows[row["key"]] |= row
    return sorted(rows.values(), key=lambda row: row["start_frame"])


def test_a_clip_is_the_clean_part_of_its_shot(ours, joined_film):
    dataset, summary = ours
    assert summary.shots == Counts(kept=4, dropped=1, dead=0)
    first, second, third, fourth = [(row["start_frame"], row["end_frame"]) for row in clips(dataset)]
    assert first == (0, 40) and second[0] == 40
    assert abs(second[1] - 90) <= 1 and abs(third[0] - 102) <= 1, "nobody's frames are in no clip"
    assert third[1] == fourth[0] and abs(third[1] - 162) <= 2, "a fade is its shots' own"
    assert fourth[1] == len(joined_film)
    store = open_store(dataset)
    (dropped,) = video.lists(store, video.load(store))["dropped"]
    assert dropped["span"] == [second[1], third[0]]
    assert dropped["reason"] == f"of a dissolve: {third[0] - second[1]} frames of both shots"


def test_a_clip_says_what_it_comes_after_and_gives_way_to(ours):
    dataset, _ = ours
    rows = decided(dataset)
    assert [row["joint_in"] for row in rows] == ["start", "cut", "dissolve", "fade"]
    assert [row["joint_out"] for row in rows] == ["cut", "dissolve", "fade", "end"]
    for row in rows:
        said = json.loads(shards.read_member(dataset, row["shard"], row["json_offset"], row["json_length"]))
        assert [said["joint_in"]["kind"], said["joint_out"]["kind"]] == [row["joint_in"], row["joint_out"]]
        lasts = {"dissolve": rows[2]["start_frame"] - rows[1]["end_frame"], "fade": said["joint_in"]["n_frames"]}
        assert said["joint_in"]["n_frames"] == lasts.get(row["joint_in"], 0)


def test_the_record_tells_what_the_clip_shows(ours):
    """Fades are in the clip and in its record; of the dissolve there is nothing to see."""
    rows = clips(ours[0])
    assert [row["camera.transition"] for row in rows] == [["none"], ["none"], ["fade_out_black"], ["fade_in_black"]]


def test_no_edge_of_ours_is_foreign(ours):
    assert [(row["edge_lead"], row["edge_tail"]) for row in decided(ours[0])] == [(0, 0)] * 4


def test_a_foreign_frame_that_another_detector_left_is_found_and_keeps_the_clip_off_the_ladder(run, painted_shot):
    """A half-blended frame at a cut, as a telecine leaves it: whoever cuts beside it has it in a clip, as bytes."""
    one, other = painted_shot(1, 30), painted_shot(2, 30)
    blend = cv2.addWeighted(one[-1], 0.5, other[0], 0.5, 0)
    dataset, _ = run([*one[:-1], blend, *other], "adaptive")
    first, second = decided(dataset)
    assert first["end_frame"] == second["start_frame"] in (29, 30)
    foreign = [first["edge_tail"], second["edge_lead"]]
    assert foreign == ([1, 0] if first["end_frame"] == 30 else [0, 1])
    assert first["edge_lead"] == second["edge_tail"] == 0
    worse, better = (first, second) if first["edge_tail"] else (second, first)
    assert worse["tier"] == "raw" and any("of its neighbour" in reason for reason in worse["reasons"])
    assert not any("edge_lead" in reason or "edge_tail" in reason for reason in better["reasons"])
