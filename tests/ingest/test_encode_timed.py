from fractions import Fraction

import numpy as np
from anicaption.frames import frames, probe
from animatrix_ingest.keep.encode import Encode

FILM, NTSC, PAL = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25)
ENCODE = Encode(48, 18, "superfast", 12)
MILLISECOND = Fraction(1, 1000)


def stamped(pts: list[int]) -> list[tuple[np.ndarray, int]]:
    return [(np.full((48, 64, 3), 9 * index, np.uint8), stamp) for index, stamp in enumerate(pts)]


def test_each_shot_of_a_variable_file_has_the_rate_of_its_own_stamps():
    for rate in (FILM, NTSC, PAL):
        clip = ENCODE.timed(
            stamped([7000 + round(index * 1000 / rate) for index in range(26)]), MILLISECOND, Fraction(27)
        )
        assert (clip.rate, clip.n_frames) == (rate, 26)
        assert probe(clip.data).rate == rate
        assert {round(frame.pts * frame.time_base * rate) for frame in frames(clip.data)} == set(range(26))


def test_a_shot_of_no_constant_rate_keeps_its_stamps():
    pts = [7000, 7042, 7083, 7250, 7292, 7500, 7541]
    clip = ENCODE.timed(stamped(pts), MILLISECOND, FILM)
    assert clip.rate is None
    assert [frame.pts * frame.time_base for frame in frames(clip.data)] == [
        Fraction(stamp - 7000, 1000) for stamp in pts
    ]


def test_the_same_shot_gives_the_same_bytes():
    for pts in ([0, 42, 83, 125], [0, 42, 125, 167]):
        assert ENCODE.timed(stamped(pts), MILLISECOND, FILM) == ENCODE.timed(stamped(pts), MILLISECOND, FILM)


def test_a_constant_shot_is_the_clip_that_was_always_written():
    pts = [1001 * index for index in range(20)]
    pictures = [picture for picture, _ in stamped(pts)]
    assert ENCODE.timed(stamped(pts), Fraction(1, 24000), FILM).data == ENCODE(pictures, FILM)


def test_clip_pictures_are_taken_as_they_are():
    """Grey of every level passes through a clip picture and an encoder without being converted again."""
    levels = np.linspace(0, 255, 64).astype(np.uint8)
    data = ENCODE([np.repeat(np.tile(levels, (48, 1))[..., None], 3, axis=2)] * 2, FILM)
    source = next(frames(data))
    picture = source.clip_picture(48, probe(data))
    np.testing.assert_array_equal(picture.i420[:48], source.luma())
