"""The frame that is shown is the frame that is stored: read back from the canvas after everything that moves it."""

import bisect
import itertools
import random

import pytest

pytestmark = pytest.mark.room
SLACK_MS = 0.6  # an mp4 keeps time in ticks; a moment this near to a frame's edge may belong to either


def hold(sitting, truth, clips):
    """Every painted view says what its number says, and what that clip shows at this time."""
    for view in sitting.page.evaluate("shownPlayer.views().map((view) => view.clip)"):
        seen = sitting.shown(view)
        assert seen["said"] == clips[view], "another clip is painted"
        assert seen["badge"] == seen["index"]
        assert seen["number"] == truth.says[seen["said"]][seen["index"]]
        times = truth.times_ms[seen["said"]]
        expected = {max(0, bisect.bisect_right(times, seen["t"] + slack) - 1) for slack in (-SLACK_MS, 0, SLACK_MS)}
        assert seen["index"] in expected, f"frame {seen['index']} at {seen['t']} ms"
    return sitting.page.evaluate("[...shownPlayer.shown.indices]")


def test_step_scrub_flip_resize_play(sit, films):
    """All three pairs: 23.976 beside variable rate, holds beside holds, 41 frames beside 17."""
    truth, at = films[1], sit()
    rng = random.Random(6)
    seen = set()
    at.open("compare")
    while at.task():
        clips = [at.shown(0)["said"], at.shown(1)["said"]]
        seen |= set(clips)
        at.press("Home")
        first = clips[0]
        for expected in range(1, 9):
            at.press("ArrowRight")
            assert hold(at, truth, clips)[0] == expected
        at.press("ArrowLeft")
        assert hold(at, truth, clips)[0] == 7
        at.press("End")
        hold(at, truth, clips)
        by_drawing(at, truth, clips, first)
        scrub(at, truth, clips, rng)
        flip(at, truth, clips)
        at.page.set_viewport_size({"width": rng.choice([1500, 1920]), "height": rng.choice([700, 1000])})
        at.settle()
        hold(at, truth, clips)
        at.page.set_viewport_size({"width": 1280, "height": 760})
        at.press("Home", "Space")
        at.page.wait_for_function("n => shownPlayer.shown.indices[0] >= n", arg=rng.randrange(2, 9))
        at.press("Space")
        hold(at, truth, clips)
        task = at.task()
        at.press("Digit1", "Enter")
        at.next_task(task)
        if at.page.query_selector("#task .empty"):
            break
        at.ready()
    assert seen == {1, 2, 3, 4, 5, 7}


def by_drawing(at, truth, clips, first):
    """A step by drawing lands on the first frame of the next drawing; held clips say where that is."""
    at.press("Home")
    starts = [0]
    for _ in range(6):
        at.press("ArrowDown")
        starts.append(hold(at, truth, clips)[0])
    if first in (2, 7):
        says = truth.says[first]
        assert starts == [i for i, number in enumerate(says) if i == number][:7]
    back = starts[-2]
    at.press("ArrowUp")
    assert hold(at, truth, clips)[0] == back


def scrub(at, truth, clips, rng):
    """Wherever the strip is pressed."""
    box = at.page.locator("[data-strip] canvas").bounding_box()
    for _ in range(4):
        at.page.mouse.click(box["x"] + rng.uniform(0.01, 0.99) * box["width"], box["y"] + box["height"] / 2)
        at.settle()
        hold(at, truth, clips)


def flip(at, truth, clips):
    """A and B at the same place, at the same time."""
    at.press("KeyF")
    one, place = at.shown(), at.page.evaluate("shownPlayer.views()[0].cell")
    at.press("KeyF")
    other = at.shown()
    assert {one["said"], other["said"]} == set(clips) and one["t"] == other["t"]
    assert at.page.evaluate("shownPlayer.views()[0].cell") == place
    hold(at, truth, clips)
    at.press("KeyF", "KeyS")
    hold(at, truth, clips)


def test_shorter_clip_holds_its_last_frame(sit, films):
    truth, at = films[1], sit()
    at.open("compare")
    while {at.shown(0)["said"], at.shown(1)["said"]} != {4, 5}:
        task = at.task()
        at.press("Digit3", "Enter")
        at.next_task(task)
        at.ready()
    at.press("End")
    by_clip = {at.shown(place)["said"]: at.shown(place) for place in (0, 1)}
    assert by_clip[4]["number"] == len(truth.says[4]) - 1
    assert by_clip[5]["number"] == len(truth.says[5]) - 1
    ended = at.page.evaluate("[...document.querySelectorAll('[data-ended]')].map((e) => e.hidden)")
    assert ended[by_clip[5]["clip"]] is False and ended[by_clip[4]["clip"]] is True


def test_span_loops_inside_and_quarter_speed_is_a_quarter(sit):
    at = sit()
    at.open("rate")
    at.press("Home", "ArrowRight", "ArrowRight", "KeyI", "ArrowRight", "ArrowRight", "ArrowRight", "KeyO", "KeyZ")
    low, high = at.page.evaluate("shownPlayer.span")
    at.page.evaluate(
        "() => { window.times = []; shownPlayer.addEventListener('frame', () =>"
        " window.times.push([performance.now(), shownPlayer.shown.t])); shownPlayer.play(); }"
    )
    at.page.wait_for_timeout(900)
    at.page.evaluate("shownPlayer.pause()")
    times = at.page.evaluate("window.times")
    assert all(low <= t < high for _, t in times[1:])
    moved = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(times) if b[1] > a[1] and b[0] > a[0]]
    assert 0.05 < sorted(moved)[len(moved) // 2] < 0.5, "a quarter of the clock, as the median tick goes"


def test_zoom_pan_onion_and_difference_leave_the_frame(sit):
    """What is laid over or around a picture does not move time; difference of a clip with itself is black."""
    at = sit()
    at.open("rate")
    at.press("Home", *["ArrowRight"] * 4)
    before = at.page.evaluate("[shownPlayer.t, shownPlayer.index]")
    at.press("Equal", "Equal", "Alt+ArrowLeft", "Minus", "Digit0")
    assert at.shown()["index"] == before[1]
    plain = at.page.evaluate("[...shownPlayer.context.getImageData(400, 300, 40, 40).data].join()")
    at.press("KeyQ", "KeyW")
    onion = at.page.evaluate("shownPlayer.onion")
    at.press("KeyE")
    assert onion == {"before": 1, "after": 1}
    assert at.page.evaluate("[...shownPlayer.context.getImageData(400, 300, 40, 40).data].join()") == plain
    at.press("Home", "KeyD")  # the first frame against itself
    assert (
        at.page.evaluate(
            "Math.max(...shownPlayer.context.getImageData(300, 200, 60, 60).data.filter((_, i) => i % 4 < 3))"
        )
        == 0
    )
    at.press("KeyD")
    assert at.page.evaluate("[shownPlayer.t, shownPlayer.index]") != before
