import io
import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from anicaption.frames import FILM_RATE, VideoError, encode_clip, frames, probe, read_clip, write_video


def ramp(n_frames: int = 24, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frames told apart by their grey."""
    return [np.full((height, width, 3), 10 * index, np.uint8) for index in range(n_frames)]


def test_a_clip_round_trips_in_order():
    clip = read_clip(encode_clip(ramp()))
    assert clip.shape == (24, 48, 64, 3)
    np.testing.assert_allclose(clip[:, 20, 20, 0], np.arange(24) * 10, atol=3)


def test_colours_survive():
    colours = np.zeros((48, 64, 3), np.uint8)
    colours[:, :32], colours[:, 32:] = (200, 60, 40), (40, 90, 180)
    clip = read_clip(encode_clip([colours] * 3, crf=4))
    np.testing.assert_allclose(clip[0, 24, 10], (200, 60, 40), atol=5)
    np.testing.assert_allclose(clip[0, 24, 54], (40, 90, 180), atol=5)


def test_the_same_pictures_give_the_same_bytes():
    assert encode_clip(ramp()) == encode_clip(ramp())


def test_matroska_steps_differ_by_one_unit(tmp_path):
    write_video(tmp_path / "a.mkv", ramp(), container="matroska")
    stream = probe(tmp_path / "a.mkv")
    pts = [frame.pts for frame in frames(tmp_path / "a.mkv")]
    assert (stream.time_base, stream.rate) == (Fraction(1, 1000), FILM_RATE)
    assert set(np.diff(pts)) == {41, 42}


def test_a_gop_is_closed_and_short():
    with av.open(io.BytesIO(encode_clip(ramp(), gop_frames=8))) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert [index for index, key in enumerate(keys) if key] == [0, 8, 16]


def test_frames_scale_with_their_aspect():
    frame = next(frames(encode_clip(ramp())))
    assert frame.rgb(24).shape == (24, 32, 3)
    assert frame.rgb().shape == (48, 64, 3)


def test_odd_sizes_are_refused():
    with pytest.raises(ValueError, match="63x48"):
        encode_clip(ramp(width=63))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("empty.mp4", b"", "Invalid data"), ("text.mp4", b"not a film\n" * 99, "Invalid data")],
)
def test_what_is_no_video_is_named_with_the_decoders_words(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VideoError, match=words) as caught:
        probe(tmp_path / name)
    assert name in str(caught.value) and caught.value.stage == "probe"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        probe(tmp_path / "gone.mp4")


def test_sound_alone_is_no_video(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    with pytest.raises(VideoError, match="no video stream, only audio"):
        probe(tmp_path / "a.wav")
