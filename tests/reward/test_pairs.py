"""Pairs obey the gate, close ones go to people, and what people answer is taken."""

import json

import numpy as np
import pytest
from animatrix_reward.cli import main
from animatrix_reward.pairs import Candidate, pair
from animatrix_reward.ratings import Comparison

FINE = {"face_topology": 4.0, "limb_structure": 4.0, "line_continuity": 4.0, "motion_coherence": 4.0}
BROKEN = FINE | {"limb_structure": 1.5}


def candidate(name, composite, structure=FINE, prompt="p", **more):
    return Candidate(name, prompt, composite, structure, **more)


def names(paired):
    return {(one.winner.id, one.loser.id, one.by) for one in paired.pairs}


def test_four_candidates_are_six_pairs_of_which_the_closest_go_to_people():
    four = [candidate(name, score) for name, score in zip("abcd", (4.0, 3.0, 2.9, 1.0))]
    paired = pair(four)
    assert len(paired.pairs) + len(paired.ask) == 6
    assert paired.ask[0] == ("b", "c") and paired.limit == pytest.approx(np.quantile([0.1, 1, 1.1, 1.9, 2, 3], 0.3))
    assert {("a", "d", "judge"), ("b", "d", "judge")} <= names(paired)
    assert not pair(four, people=0.0).ask and len(pair(four, people=1.0).ask) == 6


def test_a_good_average_does_not_hide_a_collapse():
    some = [candidate("a", 4.5, BROKEN), candidate("b", 3.0), candidate("c", 4.0, BROKEN)]
    paired = pair(some, people=0.0)
    assert names(paired) == {("b", "a", "judge"), ("b", "c", "judge")} and paired.rejected == 2


def test_prompts_do_not_mix_and_equals_are_no_pair():
    some = [candidate("a", 4.0), candidate("b", 3.0, prompt="q"), candidate("c", 4.0)]
    assert not pair(some, people=0.0).pairs


def test_what_the_judge_does_not_know_is_for_people():
    paired = pair([candidate("a", 4.0), candidate("b", 1.0, supported=False)], people=0.0)
    assert paired.ask == (("a", "b"),) and not paired.pairs


def test_people_have_the_last_word_on_what_they_were_asked():
    some = [candidate("a", 3.1), candidate("b", 3.0)]
    votes = [Comparison(left, right, verdict, rater) for left, right, verdict, rater in (
        ("a", "b", "right", "x"), ("b", "a", "left", "y"), ("a", "b", "left", "z"))]  # fmt: skip
    assert names(pair(some, votes, people=1.0)) == {("b", "a", "people")}
    even = pair(some, votes[1:], people=1.0)
    assert not even.pairs and not even.ask and even.unanswered == 1
    assert names(pair(some, votes, people=0.0)) == {("a", "b", "judge")}


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="a comes twice"):
        pair([candidate("a", 3.0), candidate("a", 2.0)])
    with pytest.raises(ValueError, match="is no share"):
        pair([], people=2.0)


def test_the_command_writes_what_the_trainer_and_the_room_read(tmp_path, capsys):
    clips, scores = [], []
    for number, composite in enumerate((4.0, 3.0, 2.9, 1.0)):
        (tmp_path / f"{number}.mp4").write_bytes(bytes([number]))
        clips.append({"id": f"c{number}", "prompt": "p", "path": f"{number}.mp4", "tags": {"camera.move": ["pan_left"]},
                      "text": "A pan."})  # fmt: skip
        scores.append({"id": f"c{number}", "prompt": "p", "composite": composite, "structure": FINE, "supported": True,
                       "excused": [[1, 3]]})  # fmt: skip
    for name, rows in (("clips", clips), ("scores", scores)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    run = ["pairs", str(tmp_path / "clips.jsonl"), str(tmp_path / "scores.jsonl"), "--out", str(tmp_path / "out")]
    assert main(run) == 0
    pairs = [json.loads(line) for line in (tmp_path / "out" / "pairs.jsonl").read_text("utf-8").splitlines()]
    assert all(pair["tags"] == {"camera.move": ["pan_left"]} and pair["text"] == "A pan." for pair in pairs)
    assert all((tmp_path / "out" / pair["winner"]).resolve().is_file() for pair in pairs)
    assert pairs[0]["score_winner"] > pairs[0]["score_loser"] and pairs[0]["deformed"] == [[1, 3]]
    ask = [json.loads(line) for line in (tmp_path / "out" / "ask.jsonl").read_text("utf-8").splitlines()]
    assert ask[0] == {"left": "c1", "right": "c2"} and len(pairs) + len(ask) == 6
    (tmp_path / "scores.jsonl").write_text(json.dumps(scores[0] | {"id": "c9"}), "utf-8")
    assert main(run) == 2
    assert "scores.jsonl: line 1: c9 is no clip of" in capsys.readouterr().err
