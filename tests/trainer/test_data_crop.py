import numpy as np
import pytest
from animatrix_trainer.config import Window
from animatrix_trainer.data.crop import crop_of, fit


def test_fit_takes_the_centre():
    frame = np.zeros((1, 10, 30, 3), np.uint8)
    frame[:, :, 10:20] = 255
    assert (fit(frame, Window(1, 10, 10)) == 255).all()


def test_no_pixel_of_a_border_is_left():
    frame = np.zeros((1, 45, 80, 3), np.uint8)
    frame[:, 6:39] = 255
    frame[:, [6, 38]] = 90  # the edges lie within a row of the smaller clip
    box = (0.0, 6.4 / 45, 1.0, 38.6 / 45)
    assert (fit(frame, Window(1, 12, 20), box) == 255).all()
    assert (fit(frame, Window(1, 12, 20)) == 0).any()


def test_a_box_and_an_aspect_are_one_crop():
    assert crop_of(80, 45, Window(5, 45, 80)) is None
    assert crop_of(80, 45, Window(5, 45, 80), (0.0, 0.0, 1.0, 1.0)) is None
    assert crop_of(80, 60, Window(5, 44, 80), (0.0, 0.125, 1.0, 0.875)) == pytest.approx((0, 8 / 60, 1, 52 / 60))
    assert crop_of(80, 60, Window(5, 24, 24), (0.0, 0.25, 1.0, 0.75)) == pytest.approx((0.3125, 0.25, 0.6875, 0.75))


def test_a_box_at_a_whole_pixel_stays_there():
    """Scores are stored as float32: a third of 480 rows is 160 rows, not 161."""
    top, bottom = float(np.float32(1 / 3)), float(np.float32(2 / 3))
    assert crop_of(640, 480, Window(5, 160, 640), (0.0, top, 1.0, bottom)) == (0.0, 160 / 480, 1.0, 320 / 480)
