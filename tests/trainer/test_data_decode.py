"""PyAV is exact from any frame on; decord is used only where it gives the same pictures, and that is recorded."""

import io
import json

import av
import numpy as np
import pytest
from anicaption.frames import VideoError, encode_clip, read_clip
from anicaption.frames_span import read_span
from animatrix_trainer.config import DataError
from animatrix_trainer.data import decode, readings
from animatrix_trainer.data.decode import Decoder, compare
from animatrix_trainer.data.plan import Pick
from animatrix_trainer.data.read import Shards
from animatrix_trainer.recipes import smoke

KIND = (80, 48, "24")


@pytest.fixture(scope="module")
def pictures(drawing):
    return drawing.clip("pan_right", 40, 3, step_px=1)


def encoded(pictures, pix_fmt="yuv420p", **x264):
    """A clip that ingest would not write."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 80, 48, pix_fmt
        stream.options = {"x264-params": ":".join(f"{name.replace('_', '-')}={value}" for name, value in x264.items())}
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)))
        out.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize("x264", [{}, {"keyint": 12, "open_gop": 1, "scenecut": 0}, {"keyint": 250, "bframes": 4}])
def test_every_window_is_the_same_as_in_the_whole_clip(pictures, x264):
    clip = encoded(pictures, **x264) if x264 else encode_clip(pictures)
    whole = read_clip(clip)
    for start in range(0, 40, 3):
        for end in {start + 1, min(40, start + 9), 40}:
            assert np.array_equal(read_span(clip, start, end, 40), whole[start:end])


def test_a_window_costs_less_than_the_clip(pictures):
    """One frame of the last GOP needs no more than its GOP: it does not matter what the first ones' bytes are."""
    clip = bytearray(encode_clip(pictures))
    whole = read_clip(bytes(clip))
    at = clip.index(b"mdat") + 4
    clip[at + 1000 : at + 1300] = bytes(300)
    assert np.array_equal(read_span(bytes(clip), 38, 39, 40), whole[38:39])
    with pytest.raises(VideoError):
        read_span(bytes(clip), 0, 9, 40)


def test_one_wrong_byte_is_an_error_also_for_the_frames_that_lean_on_it(pictures):
    """The decoder marks the damaged frame alone; three frames differ."""
    clip = bytearray(encode_clip(pictures))
    clip[clip.index(b"mdat") + 4 + 1500] ^= 0xFF
    for start, end in ((0, 40), (7, 8), (11, 12)):
        with pytest.raises(VideoError, match=r"bytes>: decode"):
            read_span(bytes(clip), start, end, 40)


def test_frames_that_are_not_there_are_an_error(pictures):
    clip = encode_clip(pictures)
    with pytest.raises(VideoError, match=r"40 frames in it, asked for 36..41"):
        read_span(clip, 36, 41)
    with pytest.raises(VideoError, match="40 frames in it, 48 are expected"):
        read_span(clip, 0, 5, 48)


@pytest.fixture
def decord():
    """It has no wheels for some machines."""
    return pytest.importorskip("decord")


def test_decord_agrees_on_what_ingest_writes(pictures, decord):
    verdict = compare(KIND, encode_clip(pictures), 40)
    assert verdict.agrees and verdict.levels <= decode.MOST_LEVELS
    assert verdict.words().startswith("80x48 at 24: 40 frames, at most ")


@pytest.mark.parametrize(
    "clip",
    [{"keyint": 12, "open_gop": 1, "scenecut": 0}, {"pix_fmt": "yuv420p10le"}],
    ids=["open GOPs", "ten bits"],
)
def test_decord_is_refused_where_it_gives_other_pictures(pictures, clip, decord):
    """Both of these decord really gets wrong: what it was seen to do is what the check is for."""
    broken = encoded(pictures, **clip)
    verdict = compare(KIND, broken, 40)
    assert not verdict.agrees and "levels of 255 apart from PyAV's" in verdict.words()
    with pytest.raises(DataError, match=r"decoder=decord: 80x48 at 24: frame .* use --decoder pyav"):
        Decoder("decord")(KIND, broken, 0, 5, 40)


def test_each_kind_is_compared_once(pictures, decord):
    clip, decoder = encode_clip(pictures), Decoder("decord")
    assert np.array_equal(decoder(KIND, clip, 3, 9, 40), read_span(clip, 3, 9, 40))
    decoder((80, 48, "30"), clip, 3, 9, 40)
    decoder(KIND, clip, 5, 9, 40)
    assert list(decoder.verdicts) == [KIND, (80, 48, "30")]
    with pytest.raises(VideoError, match="40 frames in it, 41"):
        decoder(KIND, clip, 3, 9, 41)


def test_the_verdict_is_kept_with_what_was_read(dataset, tmp_path, decord):
    plain, fast = Shards(dataset), Shards(dataset, decoder="decord")
    assert plain.reading.decoder == "pyav"
    assert fast.reading.decoder.startswith(f"decord {decord.__version__}, agrees with PyAV (80x48 at 24")
    window = smoke().window
    assert np.array_equal(plain.video(Pick(2, 4, 0, window)), fast.video(Pick(2, 4, 0, window)))
    readings.write(tmp_path, [fast.reading])
    assert readings.read(tmp_path) == (fast.reading,)
    older = json.loads((tmp_path / readings.NAME).read_text())
    del older[0]["decoder"]
    (tmp_path / readings.NAME).write_text(json.dumps(older))
    assert readings.read(tmp_path)[0].decoder == "pyav"
