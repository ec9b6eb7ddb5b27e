import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from anicaption.fuse import fuse
from anicaption.record import Record, variable_of
from anicaption.tracks import Tracks
from animatrix_ingest import engine, pipeline, report
from animatrix_ingest.keep.manifest import ManifestError

LINES = (("vlm", "rough"), ("measured", "bold"))


@pytest.fixture
def dataset(film, small, tmp_path):
    film("one & two.mkv", [20, 30, 25])
    (tmp_path / "sources" / "text.mp4").write_text("not a <film>")
    return pipeline.run([str(tmp_path / "sources")], tmp_path / "set", small, engine.in_turn).folder


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
    import base64

    import cv2
    import numpy as np
    from anicaption.frames import FILM_RATE
    from animatrix_ingest.keep.encode import Encode

    clip = Encode(48, 18, "superfast", 12)(paint([20]), FILM_RATE)
    data = base64.b64decode(report.strip(clip, 20).split(",")[1])
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (report.STRIP_ROWS_PX, 6 * 128, 3)


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
    assert "style.line: measured says bold, vlm says rough" in report._disputes(record)
    assert report._disputes(Record.build(tracks, {})) == ""
