"""Whole runs, one item after the other in this process: what a data set holds, and that nothing goes missing."""

import json
import shutil
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import webdataset
from anicaption.directive import prose
from anicaption.frames import encode_timed, frames, read_clip, read_pts
from anicaption.record import Record
from anicaption.taxonomy import taxonomy
from animatrix_ingest import engine, pipeline
from animatrix_ingest.decide.conserve import Counts
from animatrix_ingest.keep import manifest, shards, video
from animatrix_ingest.keep.store import StoreError, digest, open_store
from animatrix_ingest.recipes import Settings
from animatrix_ingest.watch import look


@pytest.fixture
def ingest(tmp_path, small):
    """Runs sources into tmp_path/set."""

    def run(*sources, settings: Settings = small, **options) -> pipeline.Summary:
        given = [str(source) for source in sources] or [str(tmp_path / "sources")]
        return pipeline.run(given, tmp_path / "set", settings, engine.in_turn, **options)

    return run


def lines(summary: pipeline.Summary, name: str) -> list[dict]:
    """What became of the sources and shots, as the video generation tells."""
    store = open_store(summary.folder)
    return video.lists(store, video.load(store))[name]


def rows(summary: pipeline.Summary) -> list[dict]:
    """The manifest, in the order of the sources."""
    found = manifest.load(summary.folder).to_pylist()
    return sorted(found, key=lambda row: (row["source"], row["start_frame"]))


def keys(summary: pipeline.Summary) -> list[str]:
    return [row["key"] for row in rows(summary)]


def test_shots_become_clips_that_show_their_frames(ingest, film):
    source = film("a.mkv", [20, 30, 25])
    summary = ingest()
    assert (summary.sources, summary.shots) == (Counts(1, 0, 0), Counts(3, 0, 0))
    found = rows(summary)
    assert [(row["start_frame"], row["end_frame"]) for row in found] == [(0, 20), (20, 50), (50, 75)]
    decoded = list(frames(source))
    for row in found:
        clip = read_clip(shards.read_member(summary.folder, row["shard"], row["offset"], row["length"]))
        assert clip.shape == (row["n_frames"], row["height_px"], row["width_px"], 3)
        for i in (0, -1):
            of_source = decoded[range(row["start_frame"], row["end_frame"])[i]].rgb(row["height_px"])
            assert np.abs(clip[i].astype(int) - of_source).mean() < 8
        assert row["start_pts"] == decoded[row["start_frame"]].pts
    assert found[0]["end_pts"] == found[1]["start_pts"]
    assert found[-1]["end_pts"] == decoded[-1].pts + 42


def test_every_row_has_its_places_and_every_variable(ingest, film):
    film("a.mkv", [20, 30])
    summary = ingest()
    table = manifest.load(summary.folder)
    assert {field.id for field in taxonomy()} <= set(table.column_names)
    for row in table.to_pylist():
        assert len(row["key"]) == 32 and "." not in row["key"]
        said = json.loads(shards.read_member(summary.folder, row["shard"], row["json_offset"], row["json_length"]))
        assert {name: said[name] for name in ("key", "source_sha256", "start_pts", "time_base", "rate")} == {
            name: row[name] for name in ("key", "source_sha256", "start_pts", "time_base", "rate")
        }
        record = Record.from_json(said["record"])
        assert record.n_frames == row["n_frames"]
        assert all(list(record[field.id].values) == row[field.id] for field in taxonomy())
        text = shards.read_member(summary.folder, row["shard"], row["txt_offset"], row["txt_length"]).decode()
        assert text.startswith("<tag>") and prose(text)


def test_plain_webdataset_reads_what_the_manifest_lists(ingest, film):
    film("a.mkv", [20, 30])
    summary = ingest()
    tars = [str(path) for path in sorted((summary.folder / "shards").glob("*.tar"))]
    samples = list(webdataset.WebDataset(tars, shardshuffle=False, empty_check=False))
    found = {row["key"]: row for row in rows(summary)}
    assert {sample["__key__"] for sample in samples} == set(found)
    for sample in samples:
        assert digest(sample["mp4"]) == found[sample["__key__"]]["mp4_blake2b"]
        assert sorted(name for name in sample if not name.startswith("__")) == ["json", "mp4", "txt"]


def test_a_second_run_does_nothing_and_decodes_nothing(ingest, film, monkeypatch):
    film("a.mkv", [20, 30])
    (film("b.mkv", [20])).write_bytes(b"")
    first = ingest()
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*") if path.is_file()}

    def never(*_):
        raise AssertionError("a second run decoded")

    monkeypatch.setattr(look, "frames", never)
    second = ingest()
    assert (second.n_worked, second.changed) == (0, False)
    assert (second.sources, second.shots) == (first.sources, first.shots)
    after = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*") if path.is_file()}
    assert after == before


def test_a_source_that_comes_later_is_added_and_old_shards_stay(ingest, film):
    film("a.mkv", [20, 30])
    first = ingest()
    old = {path.name: path.read_bytes() for path in (first.folder / "shards").iterdir()}
    there = set(keys(first))
    film("b.mkv", [25], seed=1)
    second = ingest()
    assert (second.n_worked, second.n_clips) == (1, 3)
    assert there < set(keys(second))
    new = {path.name: path.read_bytes() for path in (first.folder / "shards").iterdir()}
    assert old.items() < new.items()


def test_what_is_no_video_is_a_dead_letter_in_the_decoders_words(ingest, film, tmp_path):
    film("good.mkv", [20])
    folder = tmp_path / "sources"
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is a note, not a film\n" * 50)
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    summary = ingest(folder, folder / "sound.wav")
    assert summary.sources == Counts(kept=1, dropped=0, dead=3)
    dead = {row["source"].split("/")[-1]: row for row in lines(summary, "dead")}
    assert {row["stage"] for row in dead.values()} == {"probe"}
    assert "Invalid data" in dead["text.mp4"]["reason"] and "Invalid data" in dead["empty.mp4"]["reason"]
    assert dead["sound.wav"]["reason"] == "no video stream, only audio (give a video file)"
    assert len(lines(summary, "sources")) == 4


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that exists and cannot be read")
def test_a_file_that_cannot_be_read_is_a_dead_letter(ingest, film, tmp_path):
    film("good.mkv", [20])
    (tmp_path / "sources" / "unreadable.mp4").symlink_to("/proc/self/mem")
    summary = ingest()
    assert summary.sources == Counts(kept=1, dropped=0, dead=1)
    assert lines(summary, "dead")[0]["stage"] == "fetch"


def test_a_truncated_source_yields_its_whole_shots_and_says_what_is_lost(ingest, film):
    source = film("a.mkv", [24, 24, 24, 24])
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) * 2 // 3])
    summary = ingest()
    row = lines(summary, "sources")[0]
    assert row["outcome"] == "kept"
    assert row["lost"]["after_frames"] == row["n_frames"] < row["lost"]["expected_frames"] == 96
    assert [(r["start_frame"], r["end_frame"]) for r in rows(summary)] == [(0, 24), (24, 48)]
    last = lines(summary, "dropped")[-1]
    assert last["reason"].startswith("cut off") and last["span"][1] == row["n_frames"]


def test_sound_that_outlasts_the_pictures_is_no_loss(ingest, tmp_path, paint):
    place = tmp_path / "sources" / "long_sound.mkv"
    place.parent.mkdir()
    with av.open(str(place), "w", format="matroska") as out:
        video, audio = out.add_stream("libx264", rate=24), out.add_stream("pcm_s16le", rate=8000, layout="mono")
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for i, picture in enumerate(paint([20, 30])):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = i
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8 * 8000), np.int16), format="s16", layout="mono")
        sound.sample_rate, sound.pts = 8000, 0
        out.mux(audio.encode(sound))
    summary = ingest()
    assert summary.shots == Counts(2, 0, 0)
    assert lines(summary, "sources")[0]["lost"] is None


def test_the_same_content_under_two_names_is_kept_once(ingest, film, tmp_path):
    source = film("a.mkv", [20, 30])
    shutil.copy(source, tmp_path / "sources" / "copy.mkv")
    summary = ingest()
    assert (summary.sources, summary.shots) == (Counts(1, 1, 0), Counts(2, 0, 0))
    (copy,) = lines(summary, "dropped")
    assert (copy["source"], copy["reason"]) == (str(tmp_path / "sources" / "copy.mkv"), f"duplicate of {source}")


def test_short_shots_are_dropped_and_long_ones_split(ingest, film):
    film("a.mkv", [30, 100, 3])
    summary = ingest()
    assert [row["n_frames"] for row in rows(summary)] == [30, 48, 43, 9]
    assert [(r["reason"], r["span"]) for r in lines(summary, "dropped")] == [("shorter than 0.2 s", [130, 133])]


def test_a_moved_file_keeps_its_keys(ingest, film, tmp_path):
    source = film("a.mkv", [20, 30])
    first = keys(ingest())
    moved = tmp_path / "elsewhere.mkv"
    source.rename(moved)
    shutil.rmtree(tmp_path / "set")
    assert keys(ingest(moved)) == first


def test_other_settings_make_another_generation_and_never_a_mixture(ingest, film, small):
    film("a.mkv", [20, 30])
    first = ingest()
    film("b.mkv", [25], seed=1)
    second = ingest(settings=replace(small, crf=30))
    assert (first.video, second.video, second.changed) == (1, 2, True)
    assert len(keys(second)) == 3 and not set(keys(second)) & set(
        manifest.load(first.folder, video=1)["key"].to_pylist()
    )
    assert manifest.load(first.folder, video=1).num_rows == 2, "the old generation stays readable by its number"
    third = ingest(settings=small)
    assert (third.video, third.n_worked, third.n_clips) == (3, 1, 3), "only what is new under the old settings is done"


def test_other_settings_of_packing_make_no_other_clips(ingest, film, small):
    film("a.mkv", [20, 30])
    ingest()
    assert ingest(settings=replace(small, shard_mib=5)).n_worked == 0


def test_a_folder_with_other_things_in_it_is_refused(ingest, film, tmp_path):
    film("a.mkv", [20])
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match="not empty and not a data set"):
        ingest()


def test_dead_letters_are_tried_again_only_when_asked(ingest, film):
    source = film("a.mkv", [20])
    good = source.read_bytes()
    source.write_bytes(good[:200])
    assert ingest().sources.dead == 1
    assert ingest().n_worked == 0
    assert ingest(retry=True).n_worked == 1
    source.write_bytes(good)
    summary = ingest()
    assert (summary.sources, summary.n_clips) == (Counts(1, 0, 0), 1)


def test_an_encoder_that_fails_loses_its_shot_and_no_other(ingest, film, monkeypatch):
    film("a.mkv", [20, 30, 25])
    calls = []

    def failing(stamped, *given, **options):
        calls.append(1)
        if len(calls) == 2:
            next(iter(stamped))
            raise OSError("no space left in the encoder")
        return encode_timed(stamped, *given, **options)

    monkeypatch.setattr("animatrix_ingest.keep.encode.encode_timed", failing)
    summary = ingest()
    assert summary.shots == Counts(kept=2, dropped=0, dead=1)
    (dead,) = lines(summary, "dead")
    assert (dead["stage"], dead["span"], dead["reason"]) == (
        "encode",
        [20, 50],
        "OSError: no space left in the encoder",
    )


def test_a_fault_in_the_measuring_is_a_dead_source_and_the_rest_goes_on(ingest, film, monkeypatch):
    film("a.mkv", [20, 30])
    film("b.mkv", [30], seed=1)
    see = look.Watch.see

    def failing(self, rgb, native=None):
        if self.width_px == 64 and len(seen) == 35:
            seen.append(0)
            raise ZeroDivisionError("by nought")
        seen.append(0)
        see(self, rgb, native)

    seen: list[int] = []
    monkeypatch.setattr(look.Watch, "see", failing)
    summary = ingest()
    assert summary.sources == Counts(kept=1, dropped=0, dead=1)
    (dead,) = lines(summary, "dead")
    assert (dead["stage"], dead["reason"]) == ("ingest", "ZeroDivisionError: by nought")


def test_a_source_of_uneven_rate_keeps_its_time_stamps(ingest, tmp_path):
    place = tmp_path / "sources" / "uneven.mkv"
    place.parent.mkdir()
    with av.open(str(place), "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        at = 0
        for i in range(40):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * i, np.uint8), format="rgb24")
            picture.pts, picture.time_base = at, Fraction(1, 1000)
            at += 33 if i % 2 else 60
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    summary = ingest()
    assert summary.sources == Counts(1, 0, 0)
    (row,) = manifest.load(summary.folder).to_pylist()
    assert row["n_frames"] == 40 and float(Fraction(row["rate"])) == pytest.approx(1000 / 46.5, rel=0.01)
    time_base, pts = read_pts(shards.read_member(summary.folder, row["shard"], row["offset"], row["length"]))
    steps_ms = [round(1000 * step * time_base) for step in np.diff(pts)]
    assert steps_ms == [60, 33] * 19 + [60]
