"""Clips come in: all of a list or nothing, nothing that nobody rated, flashes measured, tasks made once."""

from fractions import Fraction

import numpy as np
import pytest
from anicaption.frames import write_video
from animatrix_reward.cli import main
from animatrix_reward.room import tables
from animatrix_reward.room.add import add, read_list
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import RoomError, Store
from sqlalchemy import func, select

from tests.reward.room.rooms import drawn, listed, prepared, row


def count(store, table):
    with store.read() as session:
        return session.scalars(select(func.count()).select_from(table)).one()


@pytest.fixture
def clips(tmp_path):
    for n, name in enumerate("abc"):
        drawn(tmp_path / f"{name}.mp4", seed=n)
    return tmp_path


def test_a_list_comes_in_with_its_tasks(clips, capsys):
    rows = [row(path=f"{name}.mp4", model=name) for name in "abc"]
    room = clips / "room"
    assert main(["add-clips", str(listed(clips, rows)), "--room", str(room)]) == 0
    assert "3 clips, 12 tasks" in capsys.readouterr().out  # three pairs, and three kinds of task for each clip
    store = Store(Settings(room))
    with store.read() as session:
        found = session.scalars(select(tables.Clip)).all()
    assert [(clip.n_frames, clip.rate, clip.flashing) for clip in found] == [(8, 24.0, False)] * 3
    assert main(["add-clips", str(listed(clips, rows)), "--room", str(room)]) == 2
    assert "in the room already" in capsys.readouterr().err and count(store, tables.Task) == 12
    drawn(clips / "d.mp4", seed=9)
    add(store, read_list(listed(clips, [row(path="d.mp4", model="d")])), "more")
    assert count(store, tables.Task) == 12 + 3 + 3


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row(path="b.mp4", rating="unknown"), "rating: 'unknown': only general and sensitive"),
        (row(path="b.mp4", rating="explicit"), "rating: 'explicit'"),
        (row(path="b.mp4", rating="Questionable"), "only general and sensitive"),
        (row(path="b.mp4", rating=None), "rating: None"),
        (row(path="b.mp4", quarantined="verdict of p-1"), "quarantined: verdict of p-1"),
        (row(path="b.mp4", tags={"content.rating": ["explicit"]}), "content.rating is explicit"),
        (row(path="b.mp4", tags={"camera.move": ["zoomin"]}), "'zoomin' is not a value"),
        (row(path="none.mp4"), "none.mp4: No such file"),
        (row(path="clips.jsonl"), "cannot be decoded"),
        (row(path="b.mp4", prompt="two words"), "is no id"),
        (row(path="b.mp4", frames=3), "frames"),
        (row(path="b.mp4", text="other words"), "was other words or tags before"),
        (row(path="a.mp4"), "in the room already"),
        ({key: value for key, value in row(path="b.mp4").items() if key != "motion"}, "motion"),
        ("{not json", "line 2: not JSON"),
        ("[1]", "line 2: list"),
    ],
)
def test_one_wrong_line_keeps_all_out(clips, bad, why):
    store = Store(Settings(prepared(clips / "room")))
    with pytest.raises(RoomError) as refused:
        add(store, read_list(listed(clips, [row(path="a.mp4"), bad])), "list")
    assert why in str(refused.value)
    assert count(store, tables.Clip) == count(store, tables.Prompt) == count(store, tables.Task) == 0


def test_a_flashing_clip_is_marked(tmp_path):
    frames = (np.full((48, 64, 3), 255 * (n % 2), np.uint8) for n in range(24))
    write_video(tmp_path / "a.mp4", frames, Fraction(24))
    (coming,) = read_list(listed(tmp_path, [row()]))
    assert coming.seen.flashing and coming.seen.n_frames == 24


def test_asked_pairs_are_marked_or_refused_together(clips, capsys):
    rows = [row(path=f"{name}.mp4", model=name, id=f"c-{name}") for name in "abc"]
    room = str(clips / "room")
    assert main(["add-clips", str(listed(clips, rows)), "--room", room]) == 0
    pairs = clips / "pairs.jsonl"
    pairs.write_text('{"left": "c-b", "right": "c-a"}\n{"left": "c-a", "right": "c-z"}\n')
    assert main(["add-pairs", str(pairs), "--room", room]) == 2
    assert "line 2: c-a and c-z are no two clips of one prompt" in capsys.readouterr().err
    store = Store(Settings(clips / "room"))
    asked = select(func.count()).select_from(tables.Task).where(tables.Task.asked)
    with store.read() as session:
        assert session.scalars(asked).one() == 0
    pairs.write_text('{"left": "c-b", "right": "c-a"}\n')
    assert main(["add-pairs", str(pairs), "--room", room]) == 0
    with store.read() as session:
        assert session.scalars(asked).one() == 1
