"""Input nobody wishes for: each clip becomes a record that claims nothing it cannot know, or a row that says why not.

The batch goes on in any case.
"""

from __future__ import annotations

import io
import json
from fractions import Fraction

import av
import numpy as np
import pytest
from anicaption.captioner import caption
from anicaption.cli import main
from anicaption.frames import VideoError, encode_clip, probe
from anicaption.record import Record

MOTION = ("camera.move", "camera.speed", "camera.shake", "motion.timing", "motion.intensity", "motion.deformation")


def film(n_frames: int = 24, height: int = 96, width: int = 160, step: int = 3) -> list[np.ndarray]:
    """A pan to the right over smooth painted shapes."""
    y, x = np.mgrid[0:240, 0:480]
    rng = np.random.default_rng(2)
    sheet = np.full((240, 480, 3), 190.0)
    for _ in range(40):
        away = (x - rng.uniform(0, 480)) ** 2 + (y - rng.uniform(0, 240)) ** 2
        sheet[away < rng.uniform(5, 30) ** 2] = rng.uniform(0, 255, 3)
    art = sheet.astype(np.uint8)
    return [np.ascontiguousarray(art[40 : 40 + height, step * i : step * i + width]) for i in range(n_frames)]


def muxed(
    pictures: list[np.ndarray],
    codec: str = "ffv1",
    pixels: str = "yuv444p",
    container: str = "matroska",
    given: str = "rgb24",
    times_ms: list[int] | None = None,
    pixel_aspect: Fraction | None = None,
) -> bytes:
    """A video of kinds that our own writer refuses to write."""
    buffer = io.BytesIO()
    base = Fraction(1, 1000) if times_ms else Fraction(1, 24)
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=24)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = base
        if codec == "libx264":
            stream.codec_context.options = {"preset": "ultrafast"}
        if pixel_aspect:
            stream.sample_aspect_ratio = pixel_aspect
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format=given)
            frame.pts, frame.time_base = times_ms[index] if times_ms else index, base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def abstains(record: Record, *fields: str) -> None:
    """Each of the fields is unknown, does not apply, or says that nothing happens."""
    claimed = {
        name: record[name].values
        for name in fields
        if record[name].values not in (("unknown",), ("na",), ("none",))
    }  # fmt: skip
    assert not claimed


def test_one_frame_shows_no_motion_and_no_timing():
    record = caption(encode_clip(film(1)))
    assert record.n_frames == 1
    abstains(record, *MOTION)
    assert not record["camera.move"].known and not record["motion.timing"].known


@pytest.mark.parametrize("n_frames", [2, 3, 5])
def test_a_few_frames_are_captioned_without_a_timing(n_frames):
    record = caption(encode_clip(film(n_frames)))
    assert record.n_frames == n_frames
    abstains(record, "motion.timing")


def test_no_frames_at_all_is_an_error_that_says_so(tmp_path):
    empty = tmp_path / "empty.mkv"
    with av.open(str(empty), "w") as output:
        stream = output.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv444p"
        output.start_encoding()
    with pytest.raises(VideoError, match=r"empty\.mkv: (decode|probe): "):
        caption(empty)


@pytest.mark.parametrize("level", [0, 255])
def test_a_blank_picture_shows_nothing_and_is_not_said_to(level):
    record = caption(encode_clip(np.full((24, 96, 160, 3), level, np.uint8)))
    assert not record["camera.move"].known and not record["motion.timing"].known
    abstains(record, *MOTION, "camera.transition", "vfx.impact_frame", "vfx.lines")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(lambda: muxed(film(24, 91, 161)), id="odd size"),
        pytest.param(lambda: muxed(film(24, 180, 100)), id="portrait"),
        pytest.param(
            lambda: muxed(
                [np.dstack([p, np.full(p.shape[:2], 128, np.uint8)]) for p in film()], "png", "rgba", "mov", "rgba"
            ),
            id="alpha",
        ),
        pytest.param(
            lambda: muxed(film(), times_ms=np.cumsum(np.random.default_rng(1).integers(20, 120, 24)).tolist()),
            id="variable rate",
        ),
        pytest.param(lambda: muxed([p[..., 0].copy() for p in film()], pixels="gray", given="gray"), id="grey"),
        pytest.param(lambda: muxed(film(), pixels="yuv420p10le"), id="10 bit"),
    ],
)
def test_a_pan_is_a_pan_in_any_kind_of_picture(source):
    record = caption(source())
    assert record.n_frames == 24
    assert record["camera.move"].values in (("pan_right",), ("unknown",))
    assert record["motion.rocking"].values in (("none",), ("unknown",))


def test_pixels_that_are_not_square_are_measured_as_they_are_shown():
    clip = muxed(film(), "libx264", "yuv420p", pixel_aspect=Fraction(4, 3))
    assert probe(clip).pixel_aspect == Fraction(4, 3) and probe(clip).shown_width_px == 214
    record = caption(clip)
    assert (record.width_px, record.height_px) == (214, 96)
    assert record["camera.move"].values == ("pan_right",)


def test_8k_is_read_at_a_size_that_fits_memory():
    big = [np.kron(picture, np.ones((45, 48, 1), np.uint8)) for picture in film(2)]
    record = caption(muxed(big, "mjpeg", "yuvj420p"))
    assert (record.width_px, record.height_px, record.n_frames) == (7680, 4320, 2)


def broken(kind: str) -> bytes:
    whole = bytearray(
        encode_clip(film(48, step=2), crf=20) if kind == "mp4" else muxed(film(48, step=2), "libx264", "yuv420p")
    )
    middle, reach = len(whole) // 2, len(whole) // 8
    whole[middle - reach : middle + reach] = bytes(2 * reach)
    return bytes(whole)


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_corrupt_middle_is_an_error_that_says_where(kind):
    with pytest.raises(VideoError, match="decode: ") as caught:
        caption(broken(kind))
    assert 0 <= caught.value.n_decoded < 48


def test_the_batch_survives_and_tells_what_failed(tmp_path, capsys):
    good, text, half = tmp_path / "good.mp4", tmp_path / "text.mp4", tmp_path / "half.mp4"
    good.write_bytes(encode_clip(film()))
    text.write_text("no video")
    half.write_bytes(broken("mp4"))
    out = tmp_path / "out.jsonl"
    clips = [str(path) for path in (text, half, tmp_path / "missing.mp4", good)]
    assert main(["caption", *clips, "--out", str(out)]) == 1
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [row["clip"] for row in rows] == clips
    assert ["error" in row for row in rows] == [True, True, True, False]
    assert rows[1]["error"]["stage"] == "decode" and rows[1]["error"]["n_decoded"] > 0
    told = capsys.readouterr()
    assert "text.mp4" in told.err and "1 of 4 rows captioned" in told.err


def test_what_nobody_foresaw_is_a_row_too(tmp_path, monkeypatch):
    def breaks(clip):
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr("anicaption.captioner.watch", breaks)
    out = tmp_path / "out.jsonl"
    assert main(["caption", "a.mp4", "--out", str(out)]) == 1
    (row,) = map(json.loads, out.read_text("utf-8").splitlines())
    assert "ZeroDivisionError: deep inside" in row["error"]["words"]
