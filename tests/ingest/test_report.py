import base64
import json
import re
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from anicaption.directive import directive
from anicaption.frames import FILM_RATE
from anicaption.fuse import fuse
from anicaption.record import Record, variable_of
from anicaption.tracks import Tracks
from animatrix_ingest import engine, pipeline, report, report_shots
from animatrix_ingest.keep import annotations, manifest
from animatrix_ingest.keep.encode import Encode
from animatrix_ingest.keep.manifest import ManifestError
from animatrix_ingest.keep.store import open_store

LINES = (("vlm", "rough"), ("measured", "bold"))
BOX = {"box": [0.4, 0.8, 0.6, 0.9], "start_frame": 0, "end_frame": 10, "role": "subtitle", "score": 0.9}


@pytest.fixture
def dataset(film, small, tmp_path):
    film("one & two.mkv", [20, 30, 25])
    (tmp_path / "sources" / "text.mp4").write_text("not a <film>")
    return pipeline.run([str(tmp_path / "sources")], tmp_path / "set", small, engine.in_turn).folder


def keys(dataset):
    """The keys of the clips in the order of the page."""
    return manifest.in_order(manifest.load(dataset))["key"].to_pylist()


def say(dataset, **kinds):
    """Commit annotations of the clips, a row each, as the next labels generation."""
    store = open_store(dataset)
    named = {kind: [annotations.write_table(store, pa.Table.from_pylist(rows))] for kind, rows in kinds.items()}
    annotations.commit_labels(store, 1, named, {"by": "a test"})


def articles(page):
    return re.findall(r"<article.*?</article>", page)


def test_the_page_shows_every_shot_and_needs_nothing_else(dataset):
    page = Path(report.write(dataset)).read_text()
    assert page.count("<article class=shot") == page.count("data:image/webp;base64,") == 3
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "nothing is loaded from elsewhere"
    assert "http" not in page
    assert len(page) < 200_000


def test_the_page_counts_and_quotes(dataset):
    page = report.page(dataset)
    assert "1 kept" in page and "1 dead" in page and "3 kept" in page
    assert "Invalid data found when processing input" in page
    assert "one &amp; two.mkv" in page and "one & two" not in page


def test_a_big_data_set_shows_some_shots_and_says_so(dataset):
    page = report.page(dataset, shown=2)
    assert page.count("<article class=shot") == 2
    assert "2 of 3 are shown, taken evenly" in page


def test_a_strip_is_six_frames_wide(paint):
    clip = Encode(48, 18, "superfast", 12)(paint([20]), FILM_RATE)
    data = base64.b64decode(report_shots.strip(clip, 20).split(",")[1])
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (report_shots.STRIP_ROWS_PX, 6 * 128, 3)


def test_without_a_data_set_there_is_no_page(tmp_path):
    with pytest.raises(ManifestError, match="is this the --out"):
        report.write(tmp_path)


def test_flashing_clips_are_warned_of():
    column = [["flashing"], ["none"], ["unknown"], ["flashing"]]
    assert "2 clips flash " in report._warning(pa.table({"content.flashing": column}))
    assert report._warning(pa.table({"content.flashing": column[1:3]})) == ""


def test_sources_that_disagree_are_quoted():
    said = [variable_of("style.line", (value,), source, {value: 0.9}, (), ()) for source, value in LINES]
    tracks = Tracks(Fraction(24), 64, 36, {"luma": np.zeros(4, np.float32)})
    record = Record.build(tracks, fuse([{v.field: v} for v in said]))
    assert "style.line: measured says bold, vlm says rough" in report_shots.disputes(record)
    assert report_shots.disputes(Record.build(tracks, {})) == ""


def test_a_quarantined_clip_is_named_and_never_shown(dataset):
    first, second, third = keys(dataset)
    why = ["B: nothing moves", "quarantined: verdict quarantine of ito"]
    say(
        dataset,
        tiers=[
            {"key": first, "tier": "B", "reasons": ["A: no verdict of an expert"]},
            {"key": second, "tier": "quarantined", "reasons": why},
            {"key": third, "tier": "raw", "reasons": []},
        ],
    )
    page = report.page(dataset)
    shown = articles(page)
    assert page.count("data:image/webp") == 2
    assert [key in article for key, article in zip(keys(dataset), shown, strict=True)] == [True] * 3
    assert "verdict quarantine of ito" in shown[1]
    assert not re.search("<img|chip|<details|exposures", shown[1])
    assert "On no higher tier, because" in shown[0] and "no verdict of an expert" in shown[0]
    assert "1 is quarantined and not shown" in page


def test_what_is_explicit_is_not_shown_before_anything_is_decided(film, small, tmp_path):
    film("a.mp4", [20, 30])
    film("b.mp4", [25], seed=1)
    listed = tmp_path / "list.csv"
    listed.write_text("source,rating,work\nsources/a.mp4,explicit,Kumo\nsources/b.mp4,general,<Hoshi>\n")
    page = report.page(pipeline.run([str(listed)], tmp_path / "set", small, engine.in_turn).folder)
    assert page.count("data:image/webp") == 1
    assert page.count("the source is rated explicit") == 2
    assert "Tiers, splits and roles were not decided yet" in page
    assert "&lt;Hoshi&gt;, rated general" in page


def test_what_was_decided_and_found_stands_on_each_shot(dataset):
    first, second, third = keys(dataset)
    plain = {"crop_x0": 0.0, "crop_y0": 0.0, "crop_x1": 1.0, "crop_y1": 1.0, "border_doubt": 0.0}
    usual = {**plain, "cadence": "progressive", "constant_rate": 1.0, "boxes": "[]"}
    boxed = {"crop_y0": 0.125, "crop_y1": 0.875, "cadence": "telecine_3_2", "boxes": json.dumps([BOX])}
    sides = ("train", "held_out", "train")
    say(
        dataset,
        splits=[{"key": key, "split": side} for key, side in zip(keys(dataset), sides)],
        roles=[
            {"key": first, "role": "body", "copy_of": None},
            {"key": second, "role": "opening", "copy_of": first},
            {"key": third, "role": "body", "copy_of": ""},
        ],
        scores=[{**usual, "key": first, **boxed}, {**usual, "key": second, "constant_rate": 0.0}],
    )
    page = report.page(dataset)
    one, two, three = articles(page)
    assert "border top 12.5 %, bottom 12.5 %" in one and one.count("<rect class=border") == 6
    assert one.count('class="box subtitle"') == 3, "three of the six frames lie before frame 10"
    assert "telecine 3 2" in one and "lettering=subtitle" in one
    assert "opening" in two and "held out" in two and "uneven time stamps" in two and f"copy of {first[:8]}" in two
    assert not re.search("class=over|telecine|copy of|opening|uneven", three)
    assert "data-tag='split=held_out'" in page and 'data-tag="role=opening"' in page


def test_newer_words_and_records_are_shown(dataset):
    first = keys(dataset)[0]
    row = manifest.in_order(manifest.load(dataset)).to_pylist()[0]
    record = report_shots._record(open_store(dataset), {**row, "record": None})
    told = fuse([{"style.line": variable_of("style.line", ("rough",), "expert", {"rough": 1.0}, (), ())}])
    newer = Record.build(record.tracks, told)
    words = [{"key": key, "caption": directive(newer).text} for key in keys(dataset)]
    without_tracks = {name: value for name, value in newer.to_json().items() if name != "tracks"}
    say(dataset, records=[{"key": first, "record": json.dumps(without_tracks)}], captions=words)
    one, two, _ = articles(report.page(dataset))
    assert "style.line=rough" in one and "style.line=rough" not in two
    assert [directive(newer).prose in article for article in (one, two)] == [True, True]
    assert "class=exposures" in one
