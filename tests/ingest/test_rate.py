import itertools
from fractions import Fraction

from animatrix_ingest.decide.rate import uneven

FILM = Fraction(24000, 1001)
MATROSKA = Fraction(1, 1000)


def test_rounded_time_stamps_are_constant():
    pts = [round(i * 1000 / FILM) for i in range(300)]
    assert {b - a for a, b in itertools.pairwise(pts)} == {41, 42}
    assert uneven(pts, MATROSKA, FILM) == ""


def test_a_frame_held_for_two_steps_is_not():
    pts = [0, 42, 83, 167, 209]
    assert uneven(pts, MATROSKA, FILM) == "no constant rate: steps of 41 to 84 ms where 23.976 frames/s need 41.71"


def test_another_rate_than_the_declared_is_not():
    assert uneven([round(i * 1000 / 30) for i in range(50)], MATROSKA, FILM)


def test_a_fine_time_base_may_stray_a_little():
    step = 90000 / float(FILM)
    assert uneven([round(i * step * 1.001) for i in range(100)], Fraction(1, 90000), FILM) == ""
    assert uneven([round(i * step * 1.01) for i in range(100)], Fraction(1, 90000), FILM) != ""
