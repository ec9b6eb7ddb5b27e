"""The matching that the benchmarks score with."""

from benchmarks.boundaries import Truth, score, total


def test_each_answer_has_one_partner():
    result = score([Truth(10, 10, 10), Truth(30, 28, 32)], [10, 11, 29, 31])
    assert result.right == ((10, 10), (30, 29))
    assert result.false == (11, 31) and result.missed == ()
    assert (result.precision, result.recall) == (0.5, 1.0)


def test_a_hard_cut_one_frame_off_is_a_miss_and_a_false_answer():
    result = score([Truth(10, 10, 10)], [11])
    assert (result.missed, result.false, result.f1) == ((10,), (11,), 0.0)


def test_ignored_answers_count_neither_way_but_may_be_right():
    result = score([Truth(10, 10, 10)], [10, 20], ignore=[10, 20])
    assert (result.right, result.false) == (((10, 10),), ())


def test_nothing_to_find_and_nothing_found_is_perfect():
    assert score([], []).f1 == 1.0
    assert score([], [3]).f1 == 0.0


def test_films_add_up():
    both = total([score([Truth(5, 5, 5)], [5]), score([Truth(5, 5, 5)], [7])])
    assert (len(both.right), both.missed, both.false, both.f1) == (1, (5,), (7,), 0.5)
