"""What the detectors tell of a joint: ours its frames, the others where a shot begins; never later than they say."""

import pytest
from anicaption.frames import frames, probe, write_video
from anicaption.measure.transition import TransitionWatch
from animatrix_ingest.decide.pieces import Joint, cut
from animatrix_ingest.watch.detectors import Cuts


@pytest.fixture(scope="module")
def path(tmp_path_factory, joined_film):
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    write_video(path, joined_film, container="matroska")
    return path


def told(path, name: str) -> tuple[list[Joint], int, int]:
    """The joints, by how many frames the latest was late, and by how many it may be."""
    watch = TransitionWatch()
    cuts = Cuts(name, probe(path), watch)  # type: ignore[arg-type]
    joints, late = [], 0
    for frame in frames(path):
        small = frame.rgb(90)
        watch.see(small)
        fresh = cuts.see(frame, small)
        joints += fresh
        late = max(late, *(frame.index - joint.start for joint in fresh), 0)
    return [*joints, *cuts.end()], late, cuts.delay_frames


def test_ours_tells_the_frames_that_show_two_shots(path):
    joints, late, may = told(path, "ours")
    assert [joint.kind for joint in joints] == ["cut", "dissolve", "fade"]
    hard, mixed, fade = joints
    assert hard == cut(40)
    assert abs(mixed.start - 90) <= 1 and abs(mixed.end - 102) <= 1 and mixed.n_frames == mixed.end - mixed.start
    assert fade.start == fade.end and abs(fade.start - 162) <= 2, "a fade shows one picture at a time"
    assert abs(fade.n_frames - 20) <= 2
    assert 0 < late <= may


def test_the_detectors_of_pyscenedetect_tell_where_shots_begin_and_no_more(path):
    joints, late, may = told(path, "adaptive")
    assert cut(40) in joints
    assert all(joint == cut(joint.start) for joint in joints)
    assert late <= may
