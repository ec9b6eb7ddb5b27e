"""The sound of a file: where its time stamps put it, in one channel, at the wanted rate; broken files say so."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from anicaption.frames import VideoError, encode_clip
from anicaption.sound import has_sound, sound

RATE_HZ = 48000


def tone(seconds: float, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def written(path, runs, codec="aac", container="matroska", layout="mono"):
    """A file with sound: runs of (start in seconds, samples)."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE_HZ, layout=layout)
        for start_s, samples in runs:
            for at in range(0, len(samples), 1024):
                part = samples[None, at : at + 1024]
                part = part if codec != "pcm_s16le" else (32767 * part).astype(np.int16)
                planes = np.ascontiguousarray(np.repeat(part, 2 if layout == "stereo" else 1, 0))
                kind = "fltp" if planes.dtype == np.float32 else "s16p"
                frame = av.AudioFrame.from_ndarray(planes, format=kind, layout=layout)
                frame.sample_rate, frame.time_base = RATE_HZ, Fraction(1, RATE_HZ)
                frame.pts = round(start_s * RATE_HZ) + at
                output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def laid_out(path, rate_hz=11025):
    """The file's sound on its own clock, silence where there is none."""
    pieces = list(sound(path, rate_hz))
    assert all(p.rate_hz == rate_hz and p.samples.dtype == np.float32 for p in pieces)
    assert all(a.start_sample + len(a.samples) <= b.start_sample for a, b in pairwise(pieces))
    out = np.zeros(max(p.start_sample + len(p.samples) for p in pieces), np.float32)
    for piece in pieces:
        first = max(0, -piece.start_sample)
        out[piece.start_sample + first : piece.start_sample + len(piece.samples)] = piece.samples[first:]
    return out


@pytest.mark.parametrize("codec", ["aac", "libopus", "flac"])
def test_a_tone_comes_back_at_its_pitch_and_length(tmp_path, codec):
    heard = laid_out(written(tmp_path / "a.mkv", [(0, tone(2.0))], codec))
    assert abs(len(heard) / 11025 - 2) < 0.06
    spectrum = np.abs(np.fft.rfft(heard[2000:18000] * np.hanning(16000)))
    assert abs(spectrum.argmax() * 11025 / 16000 - 440) < 1
    assert 0.3 < np.sqrt((heard[2000:18000] ** 2).mean()) < 0.42


def test_a_gap_is_left_out_and_what_follows_keeps_its_time(tmp_path):
    path = written(tmp_path / "a.mkv", [(1.0, tone(1.0)), (3.0, tone(1.0))], "pcm_s16le")
    heard = laid_out(path)
    loud = np.abs(heard) > 0.1
    assert not loud[: round(0.98 * 11025)].any() and loud[round(1.05 * 11025) : round(1.95 * 11025)].mean() > 0.5
    assert not loud[round(2.05 * 11025) : round(2.95 * 11025)].any() and loud[round(3.05 * 11025) :].any()


def test_two_channels_are_mixed_to_one(tmp_path):
    heard = laid_out(written(tmp_path / "a.mkv", [(0, tone(1.0))], "flac", layout="stereo"))
    assert 0.4 < heard[1000:9000].max() < 0.8


def test_a_silent_film_has_no_sound():
    film = encode_clip([np.zeros((32, 32, 3), np.uint8)] * 4)
    assert not has_sound(film) and list(sound(film)) == []


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.mkv").write_bytes(b"not a film")
    with pytest.raises(VideoError, match="probe"):
        list(sound(tmp_path / "a.mkv"))


def test_a_cut_off_file_gives_what_came_before(tmp_path):
    path = written(tmp_path / "a.mkv", [(0, tone(4.0))], "flac")
    data = path.read_bytes()
    (tmp_path / "b.mkv").write_bytes(data[: len(data) // 2])
    n_samples = 0
    try:
        for piece in sound(tmp_path / "b.mkv"):
            n_samples += len(piece.samples)
    except VideoError as error:
        assert error.stage == "sound"
    assert 0.5 * 11025 < n_samples < 3.5 * 11025
