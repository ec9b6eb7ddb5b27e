import itertools
from fractions import Fraction

import pytest
from animatrix_ingest.decide.rate import WELL_KNOWN, Rate, Uneven, rate_of
from hypothesis import given, settings
from hypothesis import strategies as some

FILM = Fraction(24000, 1001)
NTSC = Fraction(30000, 1001)
MATROSKA = Fraction(1, 1000)
MPEG = Fraction(1, 90000)


def stamps(rate: Fraction, time_base: Fraction, n_frames: int, start: int = 0) -> list[int]:
    return [start + round(index / (rate * time_base)) for index in range(n_frames)]


@pytest.mark.parametrize("time_base", [MATROSKA, MPEG, Fraction(1, 24000), Fraction(1, 16000)])
@pytest.mark.parametrize("rate", [r for r in WELL_KNOWN if r <= 60])
def test_well_known_rates_are_named_from_stamps_alone(rate, time_base):
    assert rate_of(stamps(rate, time_base, 240, start=-77), time_base) == Rate(rate, "stamps")


def test_two_rates_in_one_file_are_two_rates():
    film = stamps(FILM, MATROSKA, 100)
    video = stamps(NTSC, MATROSKA, 100, start=film[-1] + 42)
    assert rate_of(film, MATROSKA, declared=Fraction(27)) == Rate(FILM, "stamps")
    assert rate_of(video, MATROSKA, declared=Fraction(27)) == Rate(NTSC, "stamps")
    assert isinstance(rate_of(film + video, MATROSKA, declared=Fraction(27)), Uneven)


def test_few_coarse_stamps_leave_the_choice_to_the_file():
    pts = stamps(FILM, MATROSKA, 8)
    assert rate_of(pts, MATROSKA, declared=Fraction(24)) == Rate(Fraction(24), "stamps")
    assert rate_of(pts, MATROSKA, declared=FILM) == Rate(FILM, "stamps")
    exact = [1001 * index for index in range(8)]
    assert rate_of(exact, Fraction(1, 24000), declared=Fraction(24)) == Rate(FILM, "stamps")


def test_a_declared_rate_that_the_stamps_deny_is_nothing():
    assert rate_of(stamps(FILM, MPEG, 50), MPEG, declared=NTSC) == Rate(FILM, "stamps")


def test_milliseconds_survive_a_finer_time_base():
    pts = [90 * stamp for stamp in stamps(FILM, MATROSKA, 200)]
    assert rate_of(pts, MPEG) == Rate(FILM, "stamps")


def test_film_with_repeated_fields_is_film():
    fields = itertools.accumulate(itertools.islice(itertools.cycle((2, 3)), 99), initial=0)
    pts = [round(n * Fraction(3003, 2)) for n in fields]
    assert rate_of(pts, MPEG, declared=NTSC) == Rate(FILM, "pulldown flags")


def test_two_and_three_fields_out_of_turn_are_not():
    fields = itertools.accumulate([2, 3] * 10 + [3, 3, 3, 3], initial=0)
    assert isinstance(rate_of([round(n * Fraction(3003, 2)) for n in fields], MPEG), Uneven)


@pytest.mark.parametrize("hole", [1, 20, 98])
def test_a_missing_frame_is_uneven(hole):
    pts = stamps(FILM, MATROSKA, 100)
    del pts[hole]
    said = rate_of(pts, MATROSKA, declared=FILM)
    assert isinstance(said, Uneven) and "steps of 41 to 8" in said.reason
    assert 0.083 <= said.longest_step_s <= 0.084


def test_in_frame_counts_a_hole_is_uneven_too():
    assert rate_of([0, 1, 2, 3], 1 / FILM) == Rate(FILM, "stamps")
    assert isinstance(rate_of([0, 1, 2, 4, 5], 1 / FILM), Uneven)


def test_time_must_grow():
    for pts in ([0, 42, 42, 83], [0, 83, 42]):
        said = rate_of(pts, MATROSKA)
        assert isinstance(said, Uneven) and "do not grow" in said.reason


def test_an_unusual_constant_rate_is_its_average():
    assert rate_of(list(range(0, 5500, 55)), MATROSKA) == Rate(Fraction(1000, 55), "average")


def test_one_frame_has_the_declared_rate_or_none():
    assert rate_of([7], MATROSKA, declared=FILM) == Rate(FILM, "declared")
    assert isinstance(rate_of([7], MATROSKA), Uneven)
    assert isinstance(rate_of([], MATROSKA, declared=FILM), Uneven)


@settings(max_examples=60, deadline=None)
@given(
    rate=some.sampled_from(WELL_KNOWN), n=some.integers(24, 400), jitter=some.lists(some.integers(-1, 1), min_size=400)
)
def test_a_rate_once_named_puts_every_stamp_in_its_place(rate, n, jitter):
    """Whatever is answered, it explains the stamps: no frame lies more than rounding from where the rate puts it."""
    pts = [stamp + 40 * late for stamp, late in zip(stamps(rate, MPEG, n), jitter)]
    said = rate_of(pts, MPEG)
    assert isinstance(said, Rate)
    late = [stamp * MPEG - index / said.rate for index, stamp in enumerate(pts)]
    assert max(late) - min(late) <= Fraction(3, 2000)
