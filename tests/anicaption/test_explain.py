"""The page that explains a record: whole, self-contained, and an exposure sheet an animator can trust."""

import re
import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
from anicaption.explain import explain, html, png
from anicaption.explain_sheet import exposures, sheet
from anicaption.frames import encode_clip
from anicaption.record import Evidence, Opinion, Record, Span, abstain, drawn, measured
from anicaption.tracks import Tracks

NAN = float("nan")


def record(**more) -> Record:
    new = np.tile([1, 0], 24).astype(np.float32)
    columns = {"drawing_new": new, "camera_x": np.full(48, 0.01, np.float32), "camera_y": np.zeros(48, np.float32)}
    proof = Evidence(estimator="camera", version="3", start=0, end=48, numbers={"travel": 0.48})
    move = measured("camera.move", ["pan_right"], {"pan_right": 0.93, "none": 0.07}, [proof])
    variables = {
        "camera.move": move.model_copy(update={"disputed": (Opinion(source="vlm", values=("pan_left",)),)}),
        "motion.timing": abstain("motion.timing", "fewer than twelve drawings"),
        "vfx.impact_frame": drawn("vfx.impact_frame", ["mono"], [Span(value="mono", start=10, end=12)]),
    }
    return Record.build(Tracks(Fraction(24), 320, 180, columns), variables | more)


def test_drawings_are_numbered_where_they_are_new():
    assert exposures(np.array([1, 0, 1, 1, 0, 0])) == [1, 1, 2, 3, 3, 3]
    assert exposures(np.array([NAN, 0, 1])) == [1, 1, 2]  # the first frame shows the first drawing
    assert exposures(np.array([1, NAN, NAN, 0, 1])) == [1, None, None, 2, 3]


def test_a_drawing_that_comes_back_has_its_number():
    new, back = np.array([1, 0, 1, 0, 1, 0, 1, 0]), np.full(8, NAN)
    back[4], back[6] = 4, 4
    assert exposures(new, back) == [1, 1, 2, 2, 1, 1, 2, 2]
    back[6] = NAN
    assert exposures(new, back) == [1, 1, 2, 2, 1, 1, 3, 3]


def test_the_sheet_shows_every_drawing_once_and_every_bar():
    drawn_sheet = sheet(record())
    assert re.findall(r'class="cel"[^>]*>(\d+)<', drawn_sheet) == [str(n) for n in range(1, 25)]
    assert "白黒インパクトコマ: 11-12" in drawn_sheet
    assert drawn_sheet.count("<svg") == 1  # two seconds fit one block
    assert 'class="second" x="3"' in drawn_sheet and "2″" in drawn_sheet


def test_a_shot_longer_than_a_block_goes_on_in_the_next_and_says_what_is_held():
    columns = {"drawing_new": np.zeros(80, np.float32)}
    held = sheet(Record.build(Tracks(Fraction(24), 320, 180, columns), {}))
    assert held.count("<svg") == 2 and "(1)" in held


def test_the_page_tells_values_evidence_reasons_and_disagreement():
    text = html("clip.mkv", record(), {0: np.zeros((4, 6, 3), np.uint8)})
    for words in ("pan_right", "0.93", "travel 0.48", "fewer than twelve drawings", "vlm says pan_left",
                  "a pan to the right", "右へPAN", "style.tradition"):  # fmt: skip
        assert words in text, words
    assert not re.search(r"(src|href)=\"(?!data:|#)", text), "the page must need nothing beside itself"
    assert "flashes" not in text


def test_a_clip_that_flashes_is_announced():
    text = html("clip.mkv", record(**{"content.flashing": drawn("content.flashing", ["flashing"])}), {})
    assert "This clip flashes." in text


def test_a_png_holds_the_pixels():
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    data = png(rgb)
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    rows = np.frombuffer(zlib.decompress(data[start : start + length]), np.uint8).reshape(height, 1 + 3 * width)
    assert (rows[:, 0] == 1).all()
    assert (np.cumsum(rows[:, 1:].reshape(height, width, 3), axis=1, dtype=np.uint8) == rgb).all()


@pytest.mark.parametrize(("part", "frames"), [(None, 14), ((4, 10), 6)])
def test_a_clip_is_explained_from_its_file(tmp_path, part, frames):
    rng = np.random.default_rng(3)
    art = np.kron(rng.integers(0, 256, (24, 60, 3)), np.ones((6, 6, 1))).astype(np.uint8)
    clip = tmp_path / "pan.mp4"
    clip.write_bytes(encode_clip(art[:, 3 * i : 3 * i + 192] for i in range(14)))
    page = explain(clip, tmp_path / "page.html", part).read_text("utf-8")
    assert f"{frames} frames" in page and page.count("<img") == min(frames, 12)
    assert "Exposure sheet" in page
