"""Records in files and back: nothing is lost, a failure is a row, a half-written file never appears."""

import json
from fractions import Fraction

import numpy as np
import pytest
from anicaption.frames import VideoError
from anicaption.lexicon import claims
from anicaption.record import Record, Span, abstain, measured
from anicaption.tables import Captioned, Failed, Table, TableError, part, read_rows, shots
from anicaption.tracks import Tracks

TRACKS = Tracks(Fraction(24000, 1001), 320, 180, {"luma": np.array([0.5, np.nan, 0.25], np.float32)})
SHOT = Record.build(
    TRACKS,
    {
        "camera.move": measured("camera.move", ["pan_left", "track_up"], {"pan_left": 0.9, "track_up": 0.75}),
        "vfx.impact_frame": measured(
            "vfx.impact_frame", ["white_flash"], {"white_flash": 1.0}, (), [Span(value="white_flash", start=1, end=2)]
        ),
        "motion.timing": abstain("motion.timing", "fewer than four drawings"),
    },
)
ROWS = [Captioned("a.mkv", SHOT), Failed.of("b.mkv", VideoError("b.mkv", "decode", "bad data", "copy it again", 7))]


@pytest.fixture(params=[".jsonl", ".parquet"])
def path(request, tmp_path):
    with Table(tmp_path / f"records{request.param}", n_variants=3, seed=1) as table:
        for row in ROWS:
            table.write(row)
    return table.path


def test_rows_come_back_as_they_went(path):
    captioned, failed = read_rows(path)
    assert isinstance(captioned, Captioned) and captioned.record.to_json() == SHOT.to_json()
    assert failed == ROWS[1]
    assert failed.stage == "decode" and failed.n_decoded == 7


def test_a_jsonl_row_says_the_shot_in_both_languages_and_in_variants(tmp_path):
    with Table(tmp_path / "r.jsonl", n_variants=3) as table:
        table.write(ROWS[0])
    row = json.loads(table.path.read_text("utf-8"))
    assert "pan to the left" in row["directive"] and "PAN" in row["directive_ja"]
    assert len(row["variants"]) == len(row["variants_ja"]) == 3
    known = {"camera.move=pan_left", "camera.move=track_up", "vfx.impact_frame=white_flash"}
    assert all(claims(text) <= known for text in row["variants"])
    assert row["groups"]["camera"]["move"]["values"] == ["pan_left", "track_up"]


def test_a_parquet_row_has_lists_probabilities_and_spans_per_field(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    with Table(tmp_path / "r.parquet") as table:
        for row in ROWS:
            table.write(row)
    told, failed = parquet.read_table(table.path).to_pylist()
    assert told["camera.move"] == ["pan_left", "track_up"]
    assert told["camera.move:probability"] == pytest.approx([0.9, 0.75])
    assert told["vfx.impact_frame:spans"] == [{"value": "white_flash", "start": 1, "end": 2}]
    assert told["motion.timing"] == ["unknown"] and told["motion.timing:abstained"] == "fewer than four drawings"
    assert told["style.line"] == ["unknown"] and told["style.line:source"] == "none"
    assert failed["camera.move"] is None and "bad data" in failed["error"]


def test_a_table_that_breaks_off_does_not_appear(tmp_path):
    with pytest.raises(RuntimeError), Table(tmp_path / "r.jsonl") as table:
        table.write(ROWS[0])
        raise RuntimeError
    assert not (tmp_path / "r.jsonl").exists()


def test_what_is_no_table_is_refused_by_name(tmp_path):
    with pytest.raises(TableError, match=r"'\.csv'"):
        Table(tmp_path / "r.csv")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"clip": "a"}\n')
    with pytest.raises(TableError, match=r"bad\.jsonl, line 1: neither"):
        list(read_rows(bad))
    bad.write_text("{\n")
    with pytest.raises(TableError, match="line 1: not JSON"):
        list(read_rows(bad))
    truth = tmp_path / "x.truth.json"
    truth.write_text("{}")
    with pytest.raises(TableError, match="no `shots`"):
        shots(truth)


def test_a_shot_is_named_by_file_and_frames():
    assert part("some/where/ep.mkv", 10, 20) == "ep.mkv#10-20"
