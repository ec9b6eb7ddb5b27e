"""The script of variables: the same seed is the same film, and every value of motion and camera comes."""

import collections

import pytest
from anicaption.drawn.film import render_frames
from anicaption.drawn.shot import DrawnShot
from anicaption.drawn.truth import record_of
from anicaption.drawn.variables import write_variables
from anicaption.frames import FILM_RATE
from anicaption.taxonomy import taxonomy

# Values that geometry does not draw: an opinion, a learned eye, or another film.
NOT_DRAWN = {
    "camera.move": {"orbit"},
    "camera.viewpoint": {"pov"},
    "motion.accent": {"slow_motion"},
}
FIELDS = (
    "camera.move", "camera.speed", "camera.easing", "camera.shake", "camera.layering", "camera.tilt",
    "camera.subject_count", "camera.shot_size", "camera.viewpoint", "motion.emotion",
    "motion.timing", "motion.economy", "motion.partial", "motion.intensity",
    "motion.spacing", "motion.deformation", "motion.deformation_degree", "motion.background_motion", "motion.rocking",
    "motion.accent",
)  # fmt: skip


@pytest.fixture(scope="module")
def counts():
    counted = collections.defaultdict(collections.Counter)
    for episode in write_variables(4, 11, 48):
        for shot in episode.shots:
            for name, variable in record_of(DrawnShot(shot, 72, 128), FILM_RATE).variables().items():
                counted[name].update(variable.values)
    return counted


@pytest.mark.parametrize("field", FIELDS)
def test_every_value_of_the_field_is_drawn(counts, field):
    wanted = {value.id for value in taxonomy()[field].values if not value.deprecated} - NOT_DRAWN.get(field, set())
    assert wanted <= set(counts[field]), f"never drawn: {sorted(wanted - set(counts[field]))}"


def test_shots_are_short_and_the_seed_decides_them():
    [first], [again], [other] = (write_variables(1, seed, 12) for seed in (3, 3, 4))
    assert first == again and first.shots != other.shots
    assert all(24 <= shot.n_frames <= 60 for shot in first.shots)


def test_the_seed_decides_the_pictures():
    once, again = (list(render_frames(write_variables(1, 8, 4)[0], 48)) for _ in range(2))
    assert len(once) > 100 and all((a == b).all() for a, b in zip(once, again, strict=True))
