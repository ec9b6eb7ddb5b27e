"""Fitting: from events to rows, one loss that learns, raters told apart, the same seed the same Judge."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from animatrix_reward import fit, fit_rows, simulate_clips
from animatrix_reward.dimensions import STRUCTURE
from animatrix_reward.evaluate import auroc
from animatrix_reward.events import EventError, check
from animatrix_reward.fit_rows import PAIR_DIMENSIONS, rows_of
from animatrix_reward.score import read
from animatrix_reward.simulate import Rater

from tests.reward.judged import drawn, fit_one, fitted, rows, seen, shown, wishes

CLIP = simulate_clips.Shown("a", "p", 20, (("smear_stretch", 4, 7, 1), ("morph", 10, 14, 1)), (), frozenset({"morph"}))
BAD = replace(CLIP, id="b", meant=(), failed=(("melt", 8, 20, 5),))


def event(kind, body, rater="careful", name="e"):
    made = simulate_clips._event(rater, f"{name}{kind}{rater}", kind, body)
    check(made, "test")
    return made


def span(**more):
    return {
        "start": 4, "end": 9, "kind": "melt", "verdict": "failure", "severity": 4, "cues": [], "box": None, **more
    }  # fmt: skip


def marks_of(*spans):
    made = event("deform", {"clip": "a", "spans": list(spans), "none": not spans})
    return rows_of([made], {"a": 20}, {"a": "p"}).marks[0]


def test_simulated_votes_are_events_that_the_room_would_keep():
    for one in simulate_clips.votes([CLIP, BAD], seed=1):
        check(one, "test")


def test_votes_prefer_the_sound_clip_and_raters_are_more_or_less_severe():
    raters = (Rater("mild", 1.0, -1.5), Rater("hard", 1.0, 1.5))
    events = [e for seed in range(40) for e in simulate_clips.votes([CLIP, BAD], raters, seed=seed)]
    sides = [
        (e.body["left"] == "a") == (e.body["verdict"] == "left")
        for e in events
        if e.kind == "compare" and e.body["verdict"] in ("left", "right")
    ]
    assert np.mean(sides) > 0.85
    given = {name: np.mean([list(e.body["scores"].values()) for e in events if e.kind == "rate" and e.rater == name])
             for name in ("mild", "hard")}  # fmt: skip
    assert given["mild"] > given["hard"] + 0.5


def test_a_failure_marks_its_heads_and_a_smear_marks_intent():
    failing = marks_of(span())
    heads = [STRUCTURE.index(name) for name in fit_rows.FAILS["melt"]]
    assert failing.failing_T4[4:9, heads].all() and failing.failing_T4.sum() == 5 * len(heads)
    assert failing.any_T.sum() == 5 and not failing.intent_T2.any() and failing.sure_T.all()
    brief = marks_of(span(kind="smear_stretch", verdict="intentional"))
    lasts = marks_of(span(kind="chibi_shift", verdict="intentional"))
    assert brief.intent_T2[4:9, 0].all() and lasts.intent_T2[4:9, 1].all() and not brief.any_T.any()


def test_who_is_unsure_teaches_nothing_there_and_an_unnamed_failure_no_head():
    unsure, unnamed = marks_of(span(verdict="unsure")), marks_of(span(kind="smear_stretch"))
    assert unsure.sure_T.sum() == 15 and not unsure.any_T.any()
    assert unnamed.any_T.sum() == 5 and not unnamed.failing_T4.any() and unnamed.named_T.sum() == 15


def test_raters_are_averaged():
    both = [
        event("deform", {"clip": "a", "spans": [span()], "none": False}),
        event("deform", {"clip": "a", "spans": [], "none": True}, rater="usual"),
    ]
    assert rows_of(both, {"a": 20}, {"a": "p"}).marks[0].any_T[5] == 0.5


def test_what_was_taken_back_or_cannot_be_judged_does_not_count():
    body = {"prompt": "p", "left": "a", "right": "b", "dimension": "overall", "verdict": "left"}
    vote = event("compare", body)
    no = event("compare", {**body, "verdict": "cannot_judge"}, rater="usual")
    undo = event("undo", {"undoes": vote.id}, name="u")
    frames, prompts = {"a": 20, "b": 20}, {"a": "p", "b": "p"}
    assert len(rows_of([vote, no], frames, prompts).pairs_N5) == 1
    assert len(rows_of([vote, no, undo], frames, prompts).pairs_N5) == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"clip": "zz", "spans": [], "none": True}, "no clip zz"),
        ({"clip": "a", "spans": [span(end=99)], "none": False}, "ends after frame 19"),
    ],
)
def test_votes_on_other_clips_are_refused(body, words):
    with pytest.raises(EventError, match=words):
        rows_of([event("deform", body)], {"a": 20}, {"a": "p"})


def test_a_prompt_is_wholly_on_one_side():
    names = [f"p{k}" for k in range(10) for _ in range(3)]
    train, held = fit.split(names, fit.Settings(seed=4))
    assert not train & held and train | held == set(names) and len(held) == 2
    with pytest.raises(ValueError, match="too few"):
        fit.split(["a", "b", "c"], fit.Settings())


def test_it_learns():
    history = fitted().history
    assert min(row["loss"] for row in history) < 0.9 * history[0]["loss"]
    judge = fitted().judge
    clips = drawn()
    failing = [one.failing for one in read(judge, [seen()[clip.id] for clip in clips])]
    bad = [f for f, clip in zip(failing, clips) if clip.failed_kinds]
    good = [f for f, clip in zip(failing, clips) if not clip.failed_kinds]
    assert np.mean([b > g for b in bad for g in good]) > 0.7
    assert auroc([]) is None


def test_the_same_seed_gives_the_same_judge():
    one, again, other = fit_one(5, 1), fit_one(5, 1), fit_one(6, 1)
    weights = [fit.judge.state_dict()["failing.weight"] for fit in (one, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_what_sets_the_threshold_is_read_by_judges_that_had_not_learnt_it():
    """Other marks on a prompt change what is read of others, and nothing of what is read of itself."""
    given, how = rows(), fit.Settings(epochs=1, prompts_a_step=4)
    config = fitted().judge.config
    own = [at for at, prompt in enumerate(given.prompts) if prompt == "p0"]
    other = {at: replace(given.marks[at], any_T=1 - given.marks[at].any_T) for at in own}
    read_as = []
    for said in (given, replace(given, marks={**given.marks, **other})):
        asked_CA = torch.from_numpy(np.stack([wishes()[name] for name in said.clips]))
        data = fit._Data([seen()[name] for name in said.clips], asked_CA, said, np.array([[own[1], own[0]]]))
        read_as.append({at: one.failing for at, one in fit._unseen(data, how, config).items()})
    assert read_as[0].keys() == set(given.marks) - {own[1]}, "a changed clip sets nothing"
    assert all(read_as[0][at] == read_as[1][at] for at in (own[0], own[2]))
    assert any(read_as[0][at] != read_as[1][at] for at in read_as[0])


def test_pairs_alone_order_qualities_and_exchanging_sides_changes_nothing():
    """The loss of a vote and of the same vote with sides exchanged are one and the same without a side bias."""
    given = rows()
    swapped = given.pairs_N5.copy()
    swapped[:, [0, 1]] = given.pairs_N5[:, [1, 0]]
    swapped[:, 3] = np.array([1, 0, 2, 3])[given.pairs_N5[:, 3]]
    fitted_ = fitted()
    raters = fit.Raters(len(given.raters))
    losses = []
    for pairs in (given.pairs_N5, swapped):
        blank = torch.zeros(len(given.clips), fitted_.judge.config.asked)
        data = fit._Data(
            [seen()[name] for name in given.clips], blank, replace(given, pairs_N5=pairs), np.zeros((0, 2), np.int64)
        )
        with torch.no_grad():
            places = np.arange(len(given.clips))[:12]
            losses.append(data.loss(fitted_.judge, raters, places, fit.Settings(), train=False)[1]["pairs"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert PAIR_DIMENSIONS[-1] == "overall"


def test_every_drawn_clip_has_rows():
    given = rows()
    assert set(given.marks) == set(range(len(drawn()))) and len(given.scores_N4) == 2 * 9 * len(drawn())
    assert shown(drawn()[0]).asked_kinds


def test_a_changed_clip_that_is_not_worse_costs():
    judge = fitted().judge
    data = fit._Data([], torch.zeros(2, 1), rows(), np.array([[0, 1]]))

    def cost(changed: float) -> float:
        quality = torch.tensor([[changed] * 5, [0.0] * 5])
        failing = torch.full((2, 4), 0.1)
        opinion = fit.Opinion(quality, torch.ones(2, 5), failing, failing[:, 0])
        return float(data._changes(judge, opinion, np.arange(2), 0.15))

    assert cost(1.0) > cost(0.0) > 0 == cost(-2.0)
