"""Answers survive a killed server and a lost network, each once; undo takes back; a page that closes loses nothing."""

import pytest
from animatrix_reward.room import people

from tests.reward.room.browser.conftest import Sitting, seed
from tests.reward.room.browser.serving import Serving

pytestmark = pytest.mark.room


def test_server_killed_and_network_lost(browser, tmp_path, films):
    """One vote to a dead server, one more from a page without network: both arrive once."""
    serving = Serving(tmp_path / "room")
    seed(serving, films[0])
    serving.start()
    at = Sitting(browser, serving)
    try:
        at.open("compare")
        serving.kill()
        first = at.task()
        at.page.keyboard.press("Digit2")
        at.page.keyboard.press("Enter")
        at.page.wait_for_function(
            "() => document.querySelector('[data-sending]').textContent.includes('1 answer waiting')"
        )
        assert not at.events()
        serving.start()
        at.next_task(first)
        at.saved()
        at.ready()
        assert [event.body["verdict"] for event in at.events()] == ["right"]
        at.context.set_offline(True)
        second = at.task()
        at.page.keyboard.press("Digit3")
        at.page.keyboard.press("Enter")
        at.page.wait_for_function("() => document.querySelector('[data-sending]').dataset.waiting === '1'")
        at.context.set_offline(False)
        at.next_task(second)
        at.saved()
        assert [event.body["verdict"] for event in at.events()] == ["right", "equal_good"]
        assert len({event.id for event in at.events()}) == 2
    finally:
        at.close()
        serving.kill()
        serving.store.close()


def test_an_answer_sent_twice_is_kept_once(sit):
    """The server's word is lost on its way back: the page sends again, under the same id."""
    at = sit()
    at.open("rate")
    lost = []

    def swallow(route):
        route.fetch()
        if not lost:
            lost.append(route.request.post_data)
            route.abort()
        else:
            route.continue_()

    at.page.route("**/api/events", swallow)
    task = at.task()
    at.press(*["Digit4"] * 9)
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.complaints.clear()  # the browser tells of the request that was cut
    assert lost and len(at.events("rate")) == 1
    at.page.unroute("**/api/events")


def test_a_closed_page_goes_on_where_it_was(sit):
    at = sit()
    at.open("rate")
    task = at.task()
    at.press("Digit5", "Digit4", "Digit3", "Home", "ArrowRight", "ArrowRight", "Digit2")
    at.page.close()
    at.page = at.context.new_page()
    at.open("rate")
    assert at.task() == task
    pressed = at.page.evaluate(
        "[...document.querySelectorAll('[data-score][aria-pressed=true]')].map((cell) => cell.dataset.score)"
    )
    assert pressed == ["5", "4", "3", "2"]
    assert at.page.evaluate("shownPlayer.index") == 2


def test_undo_brings_the_task_again(sit):
    at = sit()
    at.open("compare")
    task = at.task()
    at.press("Digit1")
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.ready()
    at.page.keyboard.press("Backspace")
    at.page.wait_for_selector(f'.task[data-task="{task}"]')
    at.ready()
    assert [event.kind for event in at.events()] == ["compare", "undo"]
    pressed = at.page.get_attribute("[data-row=overall] [data-verdict=left]", "aria-pressed")
    assert pressed == "true", "what was said is there to be changed"
    at.page.click("[data-row=overall] [data-verdict=equal_bad]")
    at.page.keyboard.press("Enter")
    at.next_task(task)
    at.saved()
    assert [event.kind for event in at.events()] == ["compare", "undo", "compare"]
    assert at.events()[-1].body["verdict"] == "equal_bad"


def test_two_people_at_one_browser_do_not_speak_for_each_other(sit):
    at = sit()
    at.open("compare")
    at.page.route("**/api/events", lambda route: route.abort())
    at.page.keyboard.press("Digit1")
    at.page.keyboard.press("Enter")
    at.page.wait_for_function("() => document.querySelector('[data-sending]').dataset.waiting === '1'")
    first = at.person
    at.page.goto(f"{at.server.url}/enter#{at.server.invitation()}")
    at.page.fill("[name=name]", "Ren")
    at.page.click("button[type=submit]")
    at.page.wait_for_url(f"{at.server.url}/")
    at.page.unroute("**/api/events")
    at.page.reload()
    assert at.page.get_attribute("body", "data-person") != first
    at.saved()
    assert not at.events(), "the first one's vote waits for the first one"
    at.complaints.clear()
    assert at.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('room.out.')).length") == 1


def test_who_was_sent_away_loses_nothing(sit):
    """The session ends before a vote: it is kept, the page says so, and it arrives when its rater is let in again."""
    at = sit()
    at.open("compare")
    with at.server.store.write() as session:
        people.send_away(session, at.person)
    at.page.keyboard.press("Digit1")
    at.page.keyboard.press("Enter")
    at.page.wait_for_selector("[data-sending][data-state=entering]")
    assert "1" in at.page.inner_text("[data-sending]") and not at.events()
    with at.server.store.write() as session:
        again = people.invite(session, ("rater",), person=at.person)
    at.page.click("[data-sending]")
    at.page.wait_for_url("**/enter")
    at.page.goto(f"{at.server.url}/enter#{again}")
    at.page.reload()
    at.page.fill("[name=name]", "Aoi")
    at.page.fill("[name=token]", again)
    at.page.click("button[type=submit]")
    at.page.wait_for_url(f"{at.server.url}/")
    at.saved()
    at.complaints.clear()  # the browser tells of the refusals
    assert [event.body["verdict"] for event in at.events()] == ["left"]
