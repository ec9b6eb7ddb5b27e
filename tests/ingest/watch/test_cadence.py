"""Small drawn videos in every cadence, encoded, decoded and undone: what comes back is what was drawn."""

import itertools
from fractions import Fraction

import cv2
import numpy as np
import pytest
from anicaption.frames import VideoError, frames, probe
from animatrix_ingest.watch.cadence import LOOK_S, restored
from animatrix_ingest.watch.cadence_evidence import Eyes

from benchmarks import pulldown

N, HEIGHT_PX, WIDTH_PX = 160, 96, 160
FILM = Fraction(24000, 1001)


def painted(hold: int = 1, n: int = N, seed: int = 5) -> list[np.ndarray]:
    """A painting that slides behind a box which is drawn anew every `hold` pictures, with a cut in the middle."""
    rng = np.random.default_rng(seed)
    made = []
    paintings = [cv2.resize(rng.integers(0, 256, (8, 60, 3), np.uint8), (1200, HEIGHT_PX)) for _ in range(2)]
    for i in range(n):
        held = i // hold
        image = paintings[2 * i // n][:, 3 * held : 3 * held + WIDTH_PX].copy()
        x = 20 + 7 * held % 100
        cv2.rectangle(image, (x, 30), (x + 24, 70), (250, 250, 240), -1)
        made.append(image)
    return made


def undone(tmp_path, video, pictures, codec="h264"):
    path = pulldown.encode(tmp_path / "video.mkv", video, pulldown.pictures(video, pictures), codec)
    return list(restored(frames(path), probe(path)))


def shown(video, item):
    """The drawn pictures of the top and the bottom field of a frame given on."""
    top, bottom = item.sources
    return video.tops[top][0][0], video.bottoms[bottom][0][0]


def check_order(items):
    assert all(a.frame.pts < b.frame.pts for a, b in itertools.pairwise(items))
    assert all(a.segment.id <= b.segment.id for a, b in itertools.pairwise(items))


VIDEOS = {
    "24 in 30": (pulldown.repeated(N, 1), "h264", "repeat_2_3", FILM),
    "24 in 60": (pulldown.repeated_60(N), "h264", "repeat_3_2", FILM),
    "30 in 60": (pulldown.doubled(N), "h264", "repeat_2_2", Fraction(30000, 1001)),
    "pulldown": (pulldown.telecined(N), "h264", "telecine_3_2", FILM),
    "pulldown, other field, MPEG-2": (pulldown.telecined(N, 3, top_first=False), "mpeg2", "telecine_3_2", FILM),
}


@pytest.mark.parametrize("name", VIDEOS)
def test_film_comes_back_picture_for_picture(tmp_path, name):
    video, codec, state, rate = VIDEOS[name]
    items = undone(tmp_path, video, painted(), codec)
    check_order(items)
    inner = [item for item in items if item.segment.state == state]
    assert len(inner) >= len(items) - 2
    assert {item.segment.rate for item in inner} == {rate}
    assert all(item.segment.undone for item in inner)
    assert all(len(set(shown(video, item))) == 1 for item in inner), "fields of two pictures are woven"
    film = [shown(video, item)[0] for item in inner]
    assert film == list(range(film[0], film[0] + len(film))), "each picture once, none left out"
    assert set(video.film) - set(film) <= {0, 1, N - 2, N - 1}


def test_pixels_of_woven_frames_are_the_drawings(tmp_path):
    pictures = painted()
    video = pulldown.telecined(N)
    for item in undone(tmp_path, video, pictures)[10:60]:
        at = shown(video, item)[0]
        away = {k: _luma_distance(item, pictures[k]) for k in range(at - 2, at + 3)}
        assert min(away, key=lambda k: away[k]) == at
        assert away[at] < 5
        assert not item.frame.interlaced


def _luma_distance(item, picture):
    luma = picture @ np.array([0.2126, 0.7152, 0.0722]) * 219 / 255 + 16
    return float(np.abs(item.frame.luma() - luma).mean())


@pytest.mark.parametrize("hold", [1, 2, 3])
@pytest.mark.parametrize("rate", [FILM, Fraction(25), Fraction(30000, 1001)])
def test_clean_video_passes_through(tmp_path, rate, hold):
    video = pulldown.clean(N, rate)
    items = undone(tmp_path, video, painted(hold))
    assert [item.frame.index for item in items] == list(range(N))
    assert [item.segment.state for item in items] == ["progressive"] * N
    assert not any(item.segment.undone for item in items)
    assert items[0].segment.rate == rate


@pytest.mark.parametrize("hold", [1, 2, 3])
@pytest.mark.parametrize("make", [pulldown.repeated, pulldown.telecined])
def test_no_drawing_is_lost_under_any_exposure(tmp_path, make, hold):
    pictures = painted(hold)
    video = make(N)
    drawings = pulldown.drawings(pictures)
    items = undone(tmp_path, video, pictures)
    given = {drawings[k] for item in items for k in shown(video, item)}
    assert {drawings[k] for k in video.film} <= given


def test_an_insert_at_30_is_a_segment_of_its_own(tmp_path):
    pictures = painted(n=240)
    insert = pulldown.progressive(range(80, 160), pulldown.NTSC, "progressive")
    video = pulldown.joined([pulldown.telecined(80), insert, pulldown.telecined(80, first=160)])
    items = undone(tmp_path, video, pictures)
    check_order(items)
    states = [video.states[item.frame.index] for item in items]
    assert np.mean([item.segment.state == true for item, true in zip(items, states)]) > 0.95
    assert {shown(video, item)[0] for item in items} | {shown(video, item)[1] for item in items} >= set(video.film)
    assert [s for s, _ in itertools.groupby(item.segment.rate for item in items if item.segment.state != "orphan")] == [
        FILM, pulldown.NTSC, FILM
    ]  # fmt: skip


def test_what_cannot_be_undone_is_marked_and_kept(tmp_path):
    moving = pulldown.scrolled(painted(), N, px_per_picture=2)
    for video, state in ((pulldown.interlaced(N), "interlaced"), (pulldown.blended(N), "blended")):
        images = moving if state == "interlaced" else painted()
        items = undone(tmp_path, video, images)
        assert len(items) == len(video)
        assert np.mean([item.segment.state == state for item in items]) > 0.85
        assert not any(item.segment.undone for item in items)
        assert [item.frame.index for item in items] == list(range(len(video)))
        if state == "interlaced":
            assert not any(item.frame.interlaced for item in items if item.segment.state == state)
            combs = [Eyes().both_fields(b.frame, a.frame) for a, b in itertools.pairwise(items[20:40])]
            assert all(found["own"] < 0.5 * found["with_last"] for found in combs), "fields of two moments are left"


def test_a_still_source_is_left_and_said_to_be_unknown(tmp_path):
    video = pulldown.repeated(N)
    items = undone(tmp_path, video, [painted()[0]] * N)
    assert len(items) == len(video)
    assert {item.segment.state for item in items} == {"unknown"}


def test_pulldown_that_nobody_flagged_is_found_by_its_combs(tmp_path):
    """A film remuxed as 24 progressive frames may hide fields; so may any other rate."""
    video = pulldown.telecined(N)
    hidden = pulldown.Video(video.rate, video.tops, video.bottoms, video.states, video.film, False)
    path = pulldown.encode(tmp_path / "hidden.mkv", hidden, pulldown.pictures(hidden, painted()))
    assert not any(frame.interlaced for frame in frames(path))
    items = list(restored(frames(path), probe(path)))
    assert np.mean([item.segment.state == "telecine_3_2" for item in items]) > 0.95


def test_frames_are_held_for_a_bounded_time(tmp_path):
    video = pulldown.telecined(N)
    path = pulldown.encode(tmp_path / "video.mkv", video, pulldown.pictures(video, painted()))
    taken = 0

    def counted():
        nonlocal taken
        for frame in frames(path):
            taken += 1
            yield frame

    for item in restored(counted(), probe(path)):
        assert taken - max(item.sources) <= (LOOK_S + 0.5) * video.rate + 1


def test_what_was_decoded_is_given_on_before_an_error(tmp_path):
    video = pulldown.repeated(N)
    path = pulldown.encode(tmp_path / "video.mkv", video, pulldown.pictures(video, painted()))

    def breaking():
        yield from itertools.islice(frames(path), 100)
        raise VideoError("video.mkv", "decode", "it breaks here", "copy it again", 100)

    items = []
    with pytest.raises(VideoError, match="it breaks here"):
        for item in restored(breaking(), probe(path)):
            items.append(item)
    assert len(items) == 80


@pytest.mark.parametrize(
    ("steps_ms", "segments"),
    [
        ([33, 50], [("soft_telecine", FILM)]),
        ([42, 42, 41], [("progressive", FILM)]),
        ([10, 90, 35, 120], [("variable", Fraction(30000, 1001))]),
    ],
)
def test_time_stamps_say_the_pace(tmp_path, steps_ms, segments):
    """The container says 29.97; what counts is when pictures come."""
    path = pulldown.encode(tmp_path / "v.mkv", pulldown.clean(60, pulldown.NTSC), painted(n=60))
    pts = np.cumsum([0, *(steps_ms * 60)[:59]])
    stamped = (frame.at(frame.index, int(pts[frame.index])) for frame in frames(path))
    items = list(restored(stamped, probe(path)))
    assert [item.frame.pts for item in items] == pts.tolist()
    assert [key for key, _ in itertools.groupby((i.segment.state, i.segment.rate) for i in items)] == segments


def test_a_source_of_two_paces_has_two_segments(tmp_path):
    path = pulldown.encode(tmp_path / "v.mkv", pulldown.clean(N, pulldown.NTSC), painted())
    pts = np.cumsum([0] + [round(1001 / 24)] * 80 + [round(1001 / 30)] * (N - 81))
    stamped = (frame.at(frame.index, int(pts[frame.index])) for frame in frames(path))
    items = list(restored(stamped, probe(path)))
    assert [item.frame.index for item in items] == list(range(N))
    rates = [rate for rate, _ in itertools.groupby(item.segment.rate for item in items)]
    assert rates == [FILM, pulldown.NTSC]
    first = sum(item.segment.rate == FILM for item in items)
    assert abs(first - 80) <= 6


def test_nothing_gives_nothing(tmp_path):
    video = pulldown.clean(8, FILM)
    path = pulldown.encode(tmp_path / "video.mkv", video, pulldown.pictures(video, painted(n=8)))
    assert list(restored(iter(()), probe(path))) == []
    assert len(list(restored(frames(path), probe(path)))) == 8
