"""The XDTS sheet says the same drawings at the same frames as the record, and nothing where nothing is known."""

import json
from fractions import Fraction

import numpy as np
from anicaption.cli import main
from anicaption.explain_sheet import exposures
from anicaption.frames import read_comment, write_video
from anicaption.record import Record, Span, drawn
from anicaption.timesheet import FIRST_LINE, xdts
from anicaption.tracks import Tracks

NAN = float("nan")


def parsed(text):
    """{(fieldId, track name): value at every frame}, a value holding until the next."""
    first, rest = text.split("\n", 1)
    assert first == FIRST_LINE
    (table,) = json.loads(rest)["timeTables"]
    names = {header["fieldId"]: header["names"] for header in table["timeTableHeaders"]}
    columns = {}
    for field in table["fields"]:
        for track in field["tracks"]:
            said = {frame["frame"]: frame["data"][0]["values"][0] for frame in track["frames"]}
            assert list(said) == sorted(said) and max(said) < table["duration"]
            now, column = None, []
            for frame in range(table["duration"]):
                value = said.get(frame, now)
                now = now if value == "SYMBOL_HYPHEN" else None if value == "SYMBOL_NULL_CELL" else value
                column.append(now)
            columns[field["fieldId"], names[field["fieldId"]][track["trackNo"]]] = column
    return columns


def record(new, moves=()):
    spans = [Span(value=value, start=start, end=end) for value, start, end in moves]
    said = {"camera.move": drawn("camera.move", sorted({move[0] for move in moves}), spans)} if moves else {}
    return Record.build(Tracks(Fraction(24), 320, 180, {"drawing_new": np.array(new, np.float32)}), said)


def test_every_frame_has_the_drawing_that_the_record_has():
    new = [1, 0, 1, 0, 0, 0, NAN, 1, 0, 1, 1, 0]
    columns = parsed(xdts(record(new), "cut 1"))
    wanted = [str(number or "?") for number in exposures(np.array(new))]
    assert columns == {(0, "A"): wanted}


def test_the_camera_stands_over_its_span_and_not_beyond():
    sheet = xdts(record([1] * 12, [("pan_left", 2, 6), ("track_up", 4, 12)]), "cut 2", "en")
    columns = parsed(sheet)
    one, two = columns[5, "1"], columns[5, "2"]
    assert one[:2] == [None, None] and len({*one[2:6]}) == 1 and one[2] and one[6:] == [None] * 6
    assert two[:4] == [None] * 4 and two[4] and len({*two[4:]}) == 1
    assert json.loads(sheet.split("\n", 1)[1])["timeTables"][0]["name"] == "cut 2"


def test_the_command_writes_a_sheet_of_a_clip(tmp_path):
    rng = np.random.default_rng(0)
    drawings = [rng.integers(0, 256, (48, 80, 3), dtype=np.uint8) for _ in range(4)]
    clip = tmp_path / "clip.mp4"
    write_video(clip, [drawings[at // 3] for at in range(12)], crf=1, comment="made for a test: ü")
    assert read_comment(clip) == "made for a test: ü"
    assert main(["sheet", str(clip), "--out", str(tmp_path / "clip.xdts")]) == 0
    text = (tmp_path / "clip.xdts").read_text("utf-8")
    assert text.startswith(FIRST_LINE) and json.loads(text.split("\n", 1)[1])["timeTables"][0]["duration"] == 12
