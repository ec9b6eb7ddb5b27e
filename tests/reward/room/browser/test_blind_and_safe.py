"""Nothing that reaches the browser before a vote tells who made what; words stay words; flashes wait."""

import re

import pytest

from tests.reward.room.browser.conftest import SECRETS, XSS, Sitting
from tests.reward.room.browser.serving import Serving

pytestmark = pytest.mark.room


def test_no_byte_names_a_model(sit, films):
    """Addresses, headers and bodies of a whole session of comparing, and what the browser keeps."""
    at = sit()
    said: list[bytes] = []

    def hear(response):
        said.append(response.url.encode() + repr(response.all_headers()).encode())
        if response.status < 300:
            said.append(response.body())

    at.page.on("response", hear)
    at.open("compare")
    for _ in range(2):
        task = at.task()
        at.press("ArrowRight", "KeyF", "Digit1")
        at.page.keyboard.press("Enter")
        at.next_task(task)
        at.ready()
    at.page.goto(f"{at.server.url}/progress")
    at.page.wait_for_load_state("networkidle")
    said.append(at.page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})").encode())
    heard = b"\n".join(said)
    assert len(heard) > 100_000, "pictures are among it"
    with at.server.store.read() as session:
        from animatrix_reward.room import tables

        told = [*SECRETS, str(films[0]), *(f"{n}.mp4" for n in range(1, 8))]
        told += [value for clip in session.query(tables.Clip) for value in (clip.id, clip.sha256, clip.sha256[:16])]
        told += [task.id for task in session.query(tables.Task)] + [p.id for p in session.query(tables.Prompt)]
    found = [name for name in told if name.encode() in heard]
    assert not found
    assert not re.search(rb"\n(etag|last-modified):", heard)


def test_a_prompt_is_text_whatever_it_holds(sit):
    at = sit()
    at.open("rate")
    for _ in range(6):
        if at.page.inner_text("[data-prompt]") == XSS:
            break
        task = at.task()
        at.page.keyboard.press("Shift+Escape")
        at.next_task(task)
        at.ready()
    assert at.page.inner_text("[data-prompt]") == XSS
    assert at.page.evaluate("window.broken") is None
    assert at.page.locator("[data-prompt] *").count() == 0


def test_a_page_has_no_script_of_its_own_and_allows_none(sit):
    """Neither in the page nor by its policy, whatever the task's prompt holds."""
    at = sit()
    answer = at.page.request.get(f"{at.server.url}/compare")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy
    body = answer.text()
    assert not re.search(r"<script(?![^>]*(src=|type=\"application/json\"))", body)
    assert not re.search(r"<style|<[^>]*\s(style|on\w+)=", body)


def test_set_leads_nowhere_else(sit):
    at = sit()
    for to in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = at.page.request.get(f"{at.server.url}/set", params={"lang": "ja", "to": to}, max_redirects=0)
        assert answer.headers["location"] == "/"


@pytest.fixture(scope="module")
def flashing_room(tmp_path_factory, films):
    """A room whose clip flashes, though its list did not say so: the measure of the frames counts."""
    serving = Serving(tmp_path_factory.mktemp("flashing"))
    path = films[0] / "6.mp4"
    row = {"prompt": "flashes", "text": "lightning", "model": SECRETS[0], "path": path, "n_frames": 48}
    serving.add([row])
    serving.start()
    yield serving
    serving.kill()
    serving.store.close()


def test_flashes_wait_behind_a_warning(browser, flashing_room):
    at = Sitting(browser, flashing_room)
    try:
        at.page.goto(f"{flashing_room.url}/rate")
        at.page.wait_for_selector("[data-warning]:not([hidden])")
        at.page.evaluate("import('/static/player.js').then((module) => void (window.playerOf = module.playerOf))")
        at.page.evaluate("window.shownPlayer = playerOf(document.querySelector('[data-player]'))")
        at.page.keyboard.press("Space")
        at.page.keyboard.press("ArrowRight")
        at.page.wait_for_timeout(200)
        colours = "new Set(shownPlayer.context.getImageData(0, 0, 600, 300).data).size"
        assert at.page.evaluate(colours) <= 4, "nothing is painted behind the warning"
        assert at.page.evaluate("shownPlayer.playing") is False
        at.page.keyboard.press("KeyY")
        at.settle()
        assert at.page.evaluate("shownPlayer.playing") is False
        assert at.page.evaluate(colours) > 20
        assert at.shown()["said"] == 6
        at.press("Space")
        assert at.page.evaluate("shownPlayer.playing") is True
    finally:
        at.close()


def test_reduced_motion_is_respected(sit):
    still, moving = sit(reduced_motion="reduce"), sit()
    playing = []
    for at in (still, moving):
        at.page.goto(f"{at.server.url}/rate")
        at.page.evaluate("import('/static/player.js').then((module) => void (window.playerOf = module.playerOf))")
        at.page.wait_for_function("() => playerOf(document.querySelector('[data-player]'))?.shown")
        playing.append(at.page.evaluate("playerOf(document.querySelector('[data-player]')).playing"))
    assert playing == [False, True]
    assert still.page.is_visible("[data-still]")


def test_a_clip_that_cannot_be_read_says_so(browser, tmp_path, films):
    """An answer with a reason, not an error of the server; no path in it, and the task can be skipped."""
    serving = Serving(tmp_path / "room")
    path = tmp_path / "Acme-Film-9-broken.mp4"
    path.write_bytes(b"this is no film" * 99)
    serving.add([{"prompt": "p", "text": "nothing", "model": SECRETS[0], "path": path, "n_frames": 9}])
    serving.start()
    at = Sitting(browser, serving)
    try:
        at.page.goto(f"{serving.url}/rate")
        at.page.wait_for_selector("[data-broken]:not([hidden])")
        assert "cannot be shown" in at.page.inner_text("[data-broken]")
        assert "Acme" not in at.page.content()
        token = at.page.evaluate("JSON.parse(document.querySelector('.task').dataset.clips)[0]")
        answer = at.page.request.get(f"{serving.url}/media/{token}/table.json")
        assert answer.status == 409 and set(answer.json()) == {"error"}
        at.page.keyboard.press("Shift+Escape")
        at.page.wait_for_selector("#task .empty")
        assert [event.kind for event in at.events()] == ["skip"]
    finally:
        at.close()
        serving.kill()
        serving.store.close()
