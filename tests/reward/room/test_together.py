"""Writers that share transactions: each is on the disk when it is answered, and what fails is taken back alone."""

import sqlite3
import threading

import pytest
from animatrix_reward.room import tables
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import Store, now_s
from sqlalchemy import event, select

from tests.reward.room.rooms import prepared


@pytest.fixture
def store(tmp_path):
    opened = Store(Settings(prepared(tmp_path)))
    yield opened
    opened.close()


def person(session, name):
    session.add(tables.Person(id=name, name=name, roles=["rater"], epoch=0, active=True, made_at_s=now_s()))
    session.flush()


def names(store):
    """Who is in the database as another process sees it."""
    with sqlite3.connect(store.settings.folder / "room.sqlite") as looking:
        return {name for (name,) in looking.execute("SELECT name FROM people")}


def at_once(store, bodies):
    """Every body in a thread of its own, all waiting while the first one writes; what each of them saw or raised."""
    told, first_is_in, all_wait = [None] * len(bodies), threading.Event(), threading.Event()

    def run(number):
        if number:
            first_is_in.wait()
        try:
            with store.write() as session:
                if not number:
                    first_is_in.set()
                    all_wait.wait()
                bodies[number](session)
            told[number] = names(store)
        except Exception as error:
            told[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(bodies))]
    [thread.start() for thread in threads]
    while store._writers._coming < len(bodies):
        pass
    all_wait.set()
    [thread.join() for thread in threads]
    return told


def count(store, what):
    """How often the database is told to do this from here on."""
    seen = []
    event.listen(store.engine, what, lambda *_: seen.append(1))
    return seen


def test_many_writers_share_a_commit_and_none_is_answered_before_it(store):
    commits = count(store, "commit")
    told = at_once(store, [lambda session, n=n: person(session, f"p{n}") for n in range(8)])
    assert len(commits) == 1
    assert told == [{f"p{n}" for n in range(8)}] * 8


@pytest.mark.parametrize("wrong", [0, 3, 7])
def test_what_fails_is_taken_back_alone(store, wrong):
    def body(session, n):
        person(session, f"p{n}")
        if n == wrong:
            raise ValueError("no")

    told = at_once(store, [lambda session, n=n: body(session, n) for n in range(8)])
    assert isinstance(told[wrong], ValueError)
    assert names(store) == {f"p{n}" for n in range(8)} - {f"p{wrong}"}
    assert all(isinstance(one, set) for n, one in enumerate(told) if n != wrong)


def test_a_commit_that_fails_is_told_to_all_of_its_writers(store):
    def fail(_):
        raise OSError("the disk is full")

    event.listen(store.engine, "commit", fail)
    told = at_once(store, [lambda session, n=n: person(session, f"p{n}") for n in range(4)])
    assert [str(one) for one in told] == ["the disk is full"] * 4
    assert names(store) == set()
    event.remove(store.engine, "commit", fail)
    with store.write() as session:
        person(session, "later")
    assert names(store) == {"later"}


def test_what_is_taken_back_on_purpose_leaves_nothing(store):
    with store.write() as session:
        person(session, "rehearsal")
        session.rollback()
    with store.write() as session:
        assert session.scalars(select(tables.Person)).all() == []
    assert names(store) == set()
