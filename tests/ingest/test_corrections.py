"""Corrections are read whole or refused with row, value and remedy."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from animatrix_ingest import corrections
from animatrix_ingest.corrections import Correction, CorrectionError
from animatrix_ingest.recaption_answer import corrected

ROW = {"key": "k1", "field": "camera.move", "values": ["pan_left"], "who": "a1", "when": "2026-11-22T10:00:00+00:00"}


def write(tmp_path, *rows):
    place = tmp_path / "corrections.jsonl"
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return place


def test_three_formats_say_the_same(tmp_path):
    wanted = [Correction("k1", "camera.move", ("pan_left",), "a1", ROW["when"])]
    assert corrections.read(write(tmp_path, ROW), ["k1"]) == wanted
    sheet = tmp_path / "c.csv"
    sheet.write_text(f"key,field,values,who,when\nk1,camera.move,pan_left,a1,{ROW['when']}\n", "utf-8")
    assert corrections.read(sheet, ["k1"]) == wanted
    pq.write_table(pa.Table.from_pylist([ROW]), tmp_path / "c.parquet")
    assert corrections.read(tmp_path / "c.parquet", ["k1"]) == wanted


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"field": "camera.mov"}, "row 2.*camera.mov"),
        ({"values": ["pan_lft"]}, "row 2.*pan_lft"),
        ({"values": []}, "row 2.*values"),
        ({"key": "k9"}, "no clip 'k9' in this data set"),
        ({"when": "yesterday"}, "row 2.*yesterday"),
        ({"who": ""}, "row 2.*who"),
        ({"mood": "bad"}, "row 2.*mood"),
    ],
)
def test_a_wrong_row_refuses_the_file(tmp_path, change, words):
    with pytest.raises(CorrectionError, match=words):
        corrections.read(write(tmp_path, ROW, {**ROW, **change}), ["k1"])


def test_a_file_without_rows_or_of_another_kind(tmp_path):
    with pytest.raises(CorrectionError, match="no corrections"):
        corrections.read(write(tmp_path), ["k1"])
    (tmp_path / "x.jsonl").write_text("not json\n")
    with pytest.raises(CorrectionError, match="line 1: not JSON"):
        corrections.read(tmp_path / "x.jsonl", ["k1"])
    with pytest.raises(CorrectionError, match="cannot be read"):
        corrections.read(tmp_path / "absent.jsonl", ["k1"])


def test_the_later_of_two_counts():
    early = Correction("k1", "camera.move", ("pan_left",), "a1", "2026-11-01")
    late = Correction("k1", "camera.move", ("pan_right",), "a2", "2026-11-02")
    said = corrected([late, early])
    assert said["camera.move"].values == ("pan_right",) and said["camera.move"].source == "expert"
