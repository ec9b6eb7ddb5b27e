"""Labelled real footage, where it is at hand: ANIMATRIX_MEDIA, or shared/media beside the checkout."""

import json
import os
from pathlib import Path

import pytest
from anicaption.captioner import record_of, watch
from animatrix_ingest.watch.shots import splits

MEDIA = Path(os.environ.get("ANIMATRIX_MEDIA", Path(__file__).parents[2] / "shared" / "media"))
FILM = MEDIA / "munchausen" / "munchausen_A.mp4"

pytestmark = pytest.mark.skipif(not FILM.exists(), reason=f"no labelled footage: {FILM} is not there")


@pytest.fixture(scope="module")
def labels() -> dict:
    return json.loads(FILM.with_suffix(".json").read_text("utf-8"))


def test_every_cut_of_a_real_film_is_found_at_its_frame_and_nothing_else(labels):
    """A passing car that fills the frame, drawing loops that restart and held drawings are not cuts."""
    assert [split.frame for split in splits(str(FILM))] == [cut["frame"] for cut in labels["cuts"]]


def test_the_camera_of_a_real_film_is_read(labels):
    """The one whip of sure label (170-265) and a shot that stands still (453-572), by their labels."""
    tracks = watch(FILM)
    # The labels name pans only: whether a figure is followed (a flying one is, here) they do not say.
    assert set(record_of(tracks.window(170, 266))["camera.move"].values) - {"follow"} == {"pan_right"}
    assert record_of(tracks.window(453, 573))["camera.move"].values == ("none",)
