"""Who rates which prompt, where somebody chose: seats of a study, from raters.json to the tasks people get."""

import json

import pytest
from animatrix_reward.cli import main
from animatrix_reward.room import add, people
from animatrix_reward.room.assign import next_task
from animatrix_reward.room.said import Sent, receive
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, Store
from animatrix_reward.study_prompts import assign

from tests.reward.room.rooms import MODELS, answer, clip, prepared, somebody

PROMPTS = [f"p{n}" for n in range(6)]


def clips(prompts=PROMPTS, models=MODELS[:2]):
    numbered = enumerate((prompt, model) for prompt in prompts for model in models)
    return [clip(number, prompt, model, "walk") for number, (prompt, model) in numbered]


def seen(store, person, kind):
    """The prompts of all that somebody gets of a kind."""
    found = set()
    while True:
        with store.write() as session:
            task = next_task(session, person, kind)
            if task is None:
                return found
            found.add(task.prompt_text.split()[1])
            receive(session, person, Sent(**answer(task)))


@pytest.mark.parametrize("kind", ["compare", "rate", "deform"])
def test_everybody_gets_the_prompts_of_their_seat_and_no_others(tmp_path, kind):
    seats = assign(PROMPTS[:5], raters=4, per_prompt=2)
    store = Store(Settings(prepared(tmp_path), raters=9))
    add.add(store, clips(), "test", seats)
    with store.write() as session:
        tokens = [people.invite(session, ("rater",), seat=seat) for seat in range(4)]
        raters = [people.enter(session, token, f"r{seat}")[0] for seat, token in enumerate(tokens)]
    for rater in raters:
        own = {prompt for prompt, chosen in seats.items() if rater.seat in chosen}
        assert own and seen(store, rater, kind) == own | {"p5"}  # nobody was chosen for p5: it is everybody's
    assert seen(store, somebody(store), kind) == {"p5"}


def test_by_commands(tmp_path, capsys):
    told = tmp_path / "raters.json"
    told.write_text(json.dumps({"p0": [1]}), "utf-8")
    store = Store(Settings(prepared(tmp_path / "room")))
    add.add(store, clips(["p0"]), "test", add.read_seats(told))
    assert main(["invite", "--room", str(tmp_path / "room"), "--seats", "2"]) == 0
    links = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [number for number, _ in links] == ["0", "1"]
    for number, link in links:
        with store.write() as session:
            person, _ = people.enter(session, link.partition("#")[2], "Aoi")
        assert person.seat == int(number)
        assert seen(store, person, "rate") == ({"p0"} if person.seat == 1 else set())


@pytest.mark.parametrize("said", ["[]", "{", '{"p": []}', '{"p": ["0"]}', '{"p": [-1]}', '{"p": 3}', '{"p": [true]}'])
def test_what_is_no_list_of_seats_is_refused(tmp_path, said):
    path = tmp_path / "raters.json"
    path.write_text(said, "utf-8")
    with pytest.raises(RoomError, match=r"raters\.json"):
        add.read_seats(path)


def test_seats_of_a_prompt_do_not_change(tmp_path):
    store = Store(Settings(prepared(tmp_path)))
    add.add(store, clips(["p0"]), "test", {"p0": (0, 1)})
    more = [clip(9, "p0", "another", "walk")]
    for seats in ({}, {"p0": (0, 2)}):
        with pytest.raises(RoomError, match=r"p0 is rated by seats \(0, 1\) here"):
            add.add(store, more, "test", seats)
    add.add(store, more, "test", {"p0": (0, 1)})
