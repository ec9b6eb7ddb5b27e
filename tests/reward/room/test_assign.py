"""Who gets which task: shares, strata, three raters, no pair twice, leases, repeats, gold, disputes."""

import threading
from collections import Counter

import pytest
from animatrix_reward.room import tables
from animatrix_reward.room.assign import next_task
from animatrix_reward.room.refresh import refresh
from animatrix_reward.room.said import Sent, receive
from animatrix_reward.room.settings import Shares
from animatrix_reward.room.store import RoomError, events
from sqlalchemy import func, select

from tests.reward.room.rooms import answer, room, somebody


def vote(store, person, kind="compare", verdict="left", **more):
    """One task asked for and answered; the task's row and the assignment's, or None."""
    with store.write() as session:
        task = next_task(session, person, kind)
    if task is None:
        return None
    with store.write() as session:
        assert receive(session, person, Sent(**answer(task, verdict, **more))) == "accepted"
    with store.read() as session:
        held = session.get_one(tables.Assignment, task.id)
        return session.get_one(tables.Task, held.task), held


def test_three_raters_each_and_no_pair_twice(tmp_path):
    store = room(tmp_path, n_prompts=4, shares=Shares(0.7, 0.3, 0, 0))
    raters = [somebody(store, f"r{n}") for n in range(5)]
    seen = {rater.id: [] for rater in raters}
    going = True
    while going:
        going = False
        for rater in raters:
            if given := vote(store, rater):
                seen[rater.id].append(given[0].unit)
                going = True
    for units in seen.values():
        assert len(units) == len(set(units))
    per_pair = Counter(unit for units in seen.values() for unit in units)
    assert len(per_pair) == 4 * 3  # three pairs of three models, four prompts
    assert set(per_pair.values()) == {3}


def test_two_requests_at_once_never_give_more_raters_than_planned(tmp_path):
    store = room(tmp_path, n_prompts=2)
    raters = [somebody(store, f"r{n}") for n in range(24)]
    start, given = threading.Barrier(len(raters)), []

    def ask(rater):
        start.wait()
        with store.write() as session:
            task = next_task(session, rater, "compare")
        if task:
            given.append((rater.id, task.id))

    threads = [threading.Thread(target=ask, args=(rater,)) for rater in raters]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with store.read() as session:
        per_task = Counter(session.get_one(tables.Assignment, held).task for _, held in given)
    assert max(per_task.values()) <= 3
    assert len(given) == 2 * 3 * 3  # six pairs, three raters each: the rest got nothing


def test_shares_are_kept_in_every_block_of_twenty(tmp_path):
    store = room(tmp_path, n_prompts=30)
    expert, rater = somebody(store, "Ema", "expert"), somebody(store)
    for _ in range(6):
        vote(store, expert, "gold")
    sources = Counter()
    repeats = []
    for n in range(40):
        task, held = vote(store, rater)
        sources[task.source] += 1
        if task.source == "repeat":
            repeats.append((n, task, held))
    assert sources["gain"] + sources["random"] >= 34
    assert abs(sources["random"] - 8) <= 1
    assert 1 <= len(repeats) <= 2 and sources["gold"] <= 2
    for n, task, held in repeats:
        with store.read() as session:
            first = session.scalars(
                select(tables.Assignment).where(tables.Assignment.task == task.of, tables.Assignment.person == rater.id)
            ).one()
        assert first.swapped != held.swapped and n - first.block >= 10


def test_what_is_drawn_blindly_owes_nothing_to_gain(tmp_path):
    store = room(tmp_path, n_prompts=20)
    with store.write() as session:
        for number, task in enumerate(session.scalars(select(tables.Task).where(tables.Task.kind == "compare"))):
            task.gain = float(number)
    rater = somebody(store)
    while vote(store, rater):
        pass
    with store.read() as session:
        rows = session.execute(
            select(tables.Task.source, tables.Task.shuffle).where(
                tables.Task.kind == "compare", tables.Task.source.in_(("gain", "random"))
            )
        ).all()
    bound = 0.2 / 0.9
    assert {source for source, _ in rows} == {"gain", "random"}
    assert all((shuffle < bound) == (source == "random") for source, shuffle in rows)


def test_motions_take_turns(tmp_path):
    store = room(tmp_path, n_prompts=9, shares=Shares(1, 0, 0, 0))
    rater = somebody(store)
    motions = Counter(vote(store, rater)[0].motion for _ in range(9))
    assert motions == {"hold": 3, "walk": 3, "impact": 3}


def test_a_lease_runs_out_and_the_late_vote_is_kept(tmp_path):
    store = room(tmp_path, n_prompts=1, raters=1, shares=Shares(1, 0, 0, 0))
    slow, quick = somebody(store, "slow"), somebody(store, "quick")
    with store.write() as session:
        mine = next_task(session, slow, "compare")
        for row in session.scalars(select(tables.Assignment)):
            row.held_until_s = 0.0
    units = []
    while given := vote(store, quick):
        units.append(given[0].id)
    with store.read() as session:
        late = session.get_one(tables.Assignment, mine.id)
        assert late.state == "expired" and late.task in units
    with store.write() as session:
        assert receive(session, slow, Sent(**answer(mine))) == "accepted"
    with store.read() as session:
        assert session.get_one(tables.Task, late.task).n_taken == 2  # one more than wanted, and both are kept
        assert len([e for e in events(session) if e.task == late.task]) == 2


def test_who_asks_again_gets_the_same_task_and_undo_brings_it_back(tmp_path):
    store = room(tmp_path)
    rater = somebody(store)
    with store.write() as session:
        first, again = next_task(session, rater, "compare"), next_task(session, rater, "compare")
    assert first == again
    sent = answer(first)
    with store.write() as session:
        receive(session, rater, Sent(**sent))
        other = next_task(session, rater, "compare")
    assert other.id != first.id
    undo = {**sent, "id": "u-1", "kind": "undo", "body": {"undoes": sent["id"]}}
    with store.write() as session:
        receive(session, rater, Sent(**undo))
        assert next_task(session, rater, "compare").id == first.id


def test_skipped_tasks_go_to_others(tmp_path):
    store = room(tmp_path, n_prompts=1, raters=1)
    a, b = somebody(store, "a"), somebody(store, "b")
    with store.write() as session:
        task = next_task(session, a, "rate")
        receive(session, a, Sent(**{**answer(task), "kind": "skip", "body": {"reason": "too dark"}}))
        unit = session.get_one(tables.Task, session.get_one(tables.Assignment, task.id).task)
        assert unit.n_taken == 0
    seen = []
    while given := vote(store, b, "rate"):
        seen.append(given[0].id)
    assert unit.id in seen
    with store.write() as session:
        assert next_task(session, a, "rate") is None  # the others are taken, and this one a has seen


def test_disputes_go_to_an_expert_who_did_not_vote(tmp_path):
    store = room(tmp_path, n_prompts=1, raters=2, shares=Shares(1, 0, 0, 0))
    a, b = somebody(store, "a", "expert"), somebody(store, "b", "expert")
    expert, rater = somebody(store, "e", "expert"), somebody(store, "r")
    (first, held_a), (second, _) = vote(store, a), vote(store, b, verdict="equal_bad")
    assert first.id == second.id
    with store.write() as session:
        assert next_task(session, a, "adjudicate") is None
        with pytest.raises(RoomError, match="expert"):
            next_task(session, rater, "adjudicate")
        task = next_task(session, expert, "adjudicate")
        assert task.about == "compare" and len(task.said) == 2
        assert {said["verdict"] for said in task.said} == {"equal_bad", _side(session, held_a, task, first)}
        assert a.id not in str(task) and a.name not in [str(said) for said in task.said]
        receive(session, expert, Sent(**answer(task, "right")))
        kept = events(session)[-1]
    assert kept.kind == "adjudicate" and kept.body["of"] == first.id
    assert kept.body["body"]["left"] in (first.left, first.right)


def _side(session, held_a, task, first):
    """On which side the clip that a preferred (the left one) is shown to the expert."""
    preferred = first.right if held_a.swapped else first.left
    shown = session.get_one(tables.Assignment, task.id)
    return "left" if preferred == (first.right if shown.swapped else first.left) else "right"


def test_deformations_of_two_minds_are_disputed(tmp_path):
    store = room(tmp_path, n_prompts=1, raters=2)
    a, b, expert = somebody(store, "a"), somebody(store, "b"), somebody(store, "e", "expert")
    bad = {"start": 3, "end": 6, "kind": "melt", "verdict": "failure", "severity": 4, "cues": [], "box": None}
    one, _ = vote(store, a, "deform")
    two, _ = vote(store, b, "deform", spans=[bad])
    assert one.id == two.id
    with store.write() as session:
        task = next_task(session, expert, "adjudicate")
    assert task.about == "deform" and {span["verdict"] for said in task.said for span in said["spans"]} == {
        "intentional",
        "failure",
    }


def test_spans_beyond_the_clip_are_refused(tmp_path):
    store = room(tmp_path)
    rater = somebody(store)
    with store.write() as session:
        task = next_task(session, rater, "deform")
        sent = answer(task)
        sent["body"]["spans"][0]["end"] = 25
        with pytest.raises(ValueError, match="ends at 25, but the clip has 24 frames"):
            receive(session, rater, Sent(**sent))


def test_gold_reaches_everybody_but_who_made_it(tmp_path):
    store = room(tmp_path, n_prompts=3, shares=Shares(0, 0, 1, 0))
    expert = somebody(store, "e", "expert")
    made, _ = vote(store, expert, "gold")
    while made.right is None:
        made, _ = vote(store, expert, "gold")
    raters = [somebody(store, f"r{n}") for n in range(5)]
    assert {vote(store, rater)[0].id for rater in raters} == {made.of}
    with store.read() as session:
        gold = session.get_one(tables.Task, made.of)
        assert gold.source == "gold" and gold.wanted == 0 and gold.n_taken == 5
    units = []
    while given := vote(store, expert):
        units.append(given[0].id)
    assert units and made.of not in units


def test_pairs_that_teach_most_come_first(tmp_path):
    """Votes that all say the same make a pair dull; the ranking is rewritten and followed."""
    store = room(tmp_path, n_prompts=2, raters=1, shares=Shares(1, 0, 0, 0))
    raters = [somebody(store, f"r{n}") for n in range(2)]
    seen = refresh(store)
    assert refresh(store, seen) == seen
    before = _gains(store)
    task, _ = vote(store, raters[0])
    refresh(store, seen)
    after = _gains(store)
    same_prompt = [t for t in after if after[t][1] == task.prompt and t != task.id]
    assert all(after[t][0] < before[t][0] for t in same_prompt)  # what one vote told, the others need not tell
    untouched = [t for t in after if after[t][1] != task.prompt]
    best = max(untouched, key=lambda t: after[t][0])
    assert after[best][0] > max(after[t][0] for t in same_prompt)


def _gains(store):
    with store.read() as session:
        rows = session.execute(
            select(tables.Task.id, tables.Task.gain, tables.Task.prompt).where(tables.Task.kind == "compare")
        )
        return {row.id: (row.gain, row.prompt) for row in rows}


def test_asked_pairs_come_first_of_all(tmp_path):
    store = room(tmp_path, n_prompts=12, shares=Shares(1, 0, 0, 0))
    vote(store, somebody(store, "before"))  # another pair is begun already
    with store.write() as session:
        asked = session.scalars(
            select(tables.Task)
            .where(tables.Task.kind == "compare", tables.Task.source == "")
            .order_by(tables.Task.shuffle)
        ).first()
        asked.asked = True
    first = [vote(store, somebody(store, f"r{n}"))[0].id for n in range(4)]
    assert first[:3] == [asked.id] * 3 and first[3] != asked.id


def test_nothing_is_taken_twice_in_the_books(tmp_path):
    """n_taken is what the assignments say, after all the coming and going."""
    store = room(tmp_path, n_prompts=2)
    raters = [somebody(store, f"r{n}") for n in range(4)]
    for rater in raters:
        for kind in ("compare", "rate", "deform", "correct", None):
            for _ in range(3):
                vote(store, rater, kind)
    with store.read() as session:
        counted = dict(
            session.execute(
                select(tables.Assignment.task, func.count())
                .where(tables.Assignment.state.in_(("held", "done")))
                .group_by(tables.Assignment.task)
            ).all()
        )
        for task in session.scalars(select(tables.Task)):
            assert task.n_taken == counted.get(task.id, 0), task.unit
            assert task.wanted == 0 or task.n_taken <= task.wanted
