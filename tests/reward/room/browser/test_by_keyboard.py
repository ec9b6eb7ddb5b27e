"""Whole tasks without a mouse; keys by place on a Japanese keyboard; binding others; both languages on every page."""

import pytest
from animatrix_reward.dimensions import DRAWN_KINDS
from animatrix_reward.events import check_body

pytestmark = pytest.mark.room

JIS = {"BracketLeft": "@", "BracketRight": "[", "Equal": "^", "Minus": "-", "IntlYen": "¥", "IntlRo": "_", "KeyM": "m"}
KEYBOARD = (
    "Object.defineProperty(navigator, 'keyboard', {value: {getLayoutMap: async () => new Map(Object.entries(%s))}})"
)


def test_compare(sit):
    at = sit()
    at.open("compare")
    task = at.task()
    at.press("Digit2", "KeyJ", "Digit1", "KeyK", "Digit4", "Digit3")
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.saved()
    said = {event.body["dimension"]: event.body["verdict"] for event in at.events("compare")}
    assert said == {"overall": "right", "prompt_understanding": "equal_bad", "artistic_motion": "equal_good"}
    assert at.events()[-1].body["dimension"] == "overall", "it ends the task, so it comes last"


def test_nothing_is_sent_half_done(sit):
    at = sit()
    for kind in ("compare", "rate", "deform", "correct"):
        at.open(kind)
        task = at.task()
        at.page.keyboard.press("Enter")
        at.page.wait_for_selector("[data-toast].shown.wrong")
        assert at.task() == task
    assert not at.events()


def test_rate(sit):
    at = sit()
    at.open("rate")
    task = at.task()
    at.press("Digit1", "Backspace", "Digit5", "Digit4", "Digit3", "Digit2", "Digit1")
    at.press("Digit1", "Digit2", "Digit3", "KeyK", "Digit5", "Digit4")
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.saved()
    (event,) = at.events("rate")
    assert list(event.body["scores"].values()) == [5, 4, 3, 2, 1, 1, 2, 5, 4]


def test_deform(sit):
    """A span with kind, verdict, severity, cues and box; another beside it; the first made longer; undone once."""
    at = sit()
    at.open("deform")
    task = at.task()
    at.press("Home", "ArrowRight", "ArrowRight", "KeyM", "ArrowRight", "ArrowRight", "BracketRight")
    at.press("Period", "KeyA", "Digit2", "Shift+Digit1", "Shift+Digit3")
    at.press("KeyR", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "ArrowUp", "Enter")
    at.press("ArrowRight", "ArrowRight", "KeyM", "KeyV", "Digit5", "BracketRight", "Comma", "Backspace")
    at.press("KeyK", "BracketLeft", "KeyJ")
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.saved()
    (event,) = at.events("deform")
    check_body("deform", event.body, "here")
    first, second = event.body["spans"]
    assert (first["start"], first["end"]) == (2, 5) and first["kind"] == DRAWN_KINDS[1]
    assert (first["verdict"], first["severity"], first["cues"]) == ("intentional", 2, ["recovery", "follows_arc"])
    assert first["box"] == [0.39, 0.28, 0.71, 0.68]
    assert (second["start"], second["end"], second["verdict"], second["severity"]) == (6, 7, "failure", 5)
    assert second["kind"] == first["kind"], "the kind's change was undone"


def test_deform_with_the_mouse_and_none(sit):
    at = sit()
    at.open("deform")
    task = at.task()
    lanes = at.page.locator("[data-lanes] canvas").bounding_box()
    n = at.page.evaluate("shownPlayer.clips[0].table.n_frames")
    end = at.page.evaluate("shownPlayer.durationMs")
    times = at.page.evaluate("shownPlayer.clips[0].table.pts_ms")
    x = [lanes["x"] + (times[i] + 2) / end * lanes["width"] for i in range(n)]
    at.page.mouse.move(x[3], lanes["y"] + 8)
    at.page.mouse.down()
    at.page.mouse.move(x[5], lanes["y"] + 8, steps=4)  # the next one of the clip at a strange rate lasts 1 ms
    at.page.mouse.up()
    at.press("KeyB", "KeyR")
    view = at.page.evaluate("shownPlayer.views()[0].rect")
    stage = at.page.locator("[data-stage]").bounding_box()
    at.page.mouse.move(stage["x"] + view["x"] + 0.25 * view["w"], stage["y"] + view["y"] + 0.25 * view["h"])
    at.page.mouse.down()
    at.page.mouse.move(stage["x"] + view["x"] + 0.5 * view["w"], stage["y"] + view["y"] + 0.75 * view["h"], steps=3)
    at.page.mouse.up()
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.ready()
    task = at.task()
    at.press("KeyN")
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.saved()
    drawn, none = (event.body for event in at.events("deform"))
    (span,) = drawn["spans"]
    assert (span["start"], span["end"], span["verdict"]) == (3, 6, "unsure")
    assert span["box"] == pytest.approx([0.25, 0.25, 0.5, 0.75], abs=0.01)
    assert none["none"] is True and none["spans"] == []


def test_correct_sends_changes_only(sit):
    at = sit()
    at.open("correct")
    task = at.task()
    field = "[data-field='camera.move']"
    assert at.page.is_checked(f"{field} [value=pan_left]")
    at.page.fill("[data-find]", "camera.move")
    at.page.uncheck(f"{field} [value=pan_left]")
    at.page.check(f"{field} [value=pan_right]")
    at.page.fill("[data-find]", "カメラ")
    assert at.page.is_visible(field)
    at.page.press("[data-find]", "Escape")
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.saved()
    (event,) = at.events("correct")
    assert event.body["tags"] == {"camera.move": ["pan_right"]}


def test_jis_keys_stay_where_they_are(sit):
    """On a Japanese keyboard the key at BracketRight says "[": it is printed so, and does what its place does."""
    import json

    at = sit(locale="ja-JP")
    at.context.add_init_script(KEYBOARD % json.dumps(JIS))
    at.open("deform")
    printed = (
        at.page.inner_text("button[data-action='mark.end'] kbd"),
        at.page.inner_text("button[data-action='mark.start'] kbd"),
    )
    assert printed == ("[", "@")
    wire = at.context.new_cdp_session(at.page)

    def strike(code, key, vk):
        for kind in ("keyDown", "keyUp"):
            wire.send("Input.dispatchKeyEvent", {"type": kind, "code": code, "key": key, "windowsVirtualKeyCode": vk})

    at.press("Home")
    strike("KeyM", "も", 229)  # the input method is on: the key's word is kana, its place is the same
    at.settle()
    for _ in range(3):
        strike("ArrowRight", "ArrowRight", 39)
        at.settle()
    strike("BracketRight", "[", 219)
    at.settle()
    assert at.page.inner_text("[data-spans] li b") == "1–4"
    assert at.page.evaluate("document.documentElement.lang") == "ja"


def test_another_key_for_an_action(sit):
    at = sit()
    at.page.goto(f"{at.server.url}/keys")
    at.page.click("[data-bind='frame.next']")
    at.page.keyboard.press("KeyG")
    assert at.page.inner_text("[data-bind='frame.next'] kbd") == "G"
    at.page.click("[data-bind='flip']")
    at.page.keyboard.press("KeyG")  # taken from the other
    assert at.page.inner_text("[data-bind='frame.next'] kbd") == "–"
    at.page.click("[data-bind='frame.next']")
    at.page.keyboard.press("Shift+KeyG")
    at.open("compare")
    at.press("Home", "Shift+KeyG", "Shift+KeyG")
    assert at.page.evaluate("shownPlayer.index") == 2
    at.press("ArrowRight")
    assert at.page.evaluate("shownPlayer.index") == 2, "the old key is free"
    at.press("KeyG")
    assert at.page.evaluate("shownPlayer.mode") == "flip"
    at.page.goto(f"{at.server.url}/keys")
    at.page.click("[data-reset-all]")
    assert at.page.inner_text("[data-bind='frame.next'] kbd") == "→"


def test_every_page_in_both_languages_and_themes(sit):
    """No page complains, none scrolls sideways at 1280, and Japanese pages speak Japanese."""
    at = sit("expert")
    for lang, theme in (("en", "light"), ("ja", "dark")):
        at.page.goto(f"{at.server.url}/set?lang={lang}&theme={theme}&to=/")
        assert at.page.get_attribute("html", "data-theme") == theme
        for path in ("", "compare", "rate", "deform", "correct", "adjudicate", "gold", "progress", "keys", "help"):
            at.page.goto(f"{at.server.url}/{path}")
            assert at.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            said = at.page.inner_text("body")
            assert any("぀" <= letter <= "ヿ" for letter in said.replace("日本語", "")) == (lang == "ja"), path


def test_an_expert_sets_gold(sit):
    at = sit("expert")
    at.open("gold")
    task, about = at.task(), at.page.get_attribute(".task", "data-about")
    at.press(*(["Digit1"] if about == "compare" else ["KeyN"]))
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.saved()
    (event,) = at.events("gold")
    assert event.body["kind"] == about
    with at.server.store.read() as session:
        from animatrix_reward.room import tables

        assert session.get(tables.Task, event.body["of"]).expected == event.body["body"]
