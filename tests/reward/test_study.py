"""The study's prompts cover the taxonomy evenly; its table finds what simulated raters were told."""

import itertools
import json

import numpy as np
import pytest
from anicaption.rules import violations
from anicaption.taxonomy import taxonomy
from animatrix_reward.cli import main
from animatrix_reward.dimensions import HUMAN
from animatrix_reward.events import Event
from animatrix_reward.events import write as write_events
from animatrix_reward.study import Shown, StudyError, tell
from animatrix_reward.study_page import html, text
from animatrix_reward.study_prompts import assign, coverage, prompts

TRUTH = {"ours": 3.8, "base": 3.1, "other": 3.1}


def event(number, kind, rater, task, body):
    return Event(f"e{number}", rater, task, kind, "2026-11-22T12:00:00+00:00", body, taxonomy().hash)


def simulated(n_prompts=60, seed=0):
    """Three raters a prompt score three models; severity differs by rater, quality by model and prompt."""
    rng = np.random.default_rng(seed)
    shown = [Shown(f"c-{model}-{at}", f"p{at}", model) for at in range(n_prompts) for model in TRUTH]
    severity = dict(zip(range(9), rng.normal(0, 0.3, 9)))
    who = assign([f"p{at}" for at in range(n_prompts)], 9, 3, seed)
    hard = rng.normal(0, 0.5, n_prompts)
    events, number = [], itertools.count()
    for clip in shown:
        for rater in who[clip.prompt]:
            value = TRUTH[clip.model] + hard[int(clip.prompt[1:])] - severity[rater]
            scores = {name: int(np.clip(np.rint(value + rng.normal(0, 0.5)), 1, 5)) for name in HUMAN}
            events.append(
                event(next(number), "rate", f"r{rater}", f"t-{clip.id}-{rater}", {"clip": clip.id, "scores": scores})
            )
    for at in range(n_prompts):
        left, right = (f"c-ours-{at}", f"c-base-{at}")[:: 1 if at % 2 else -1]
        ours = "left" if left.startswith("c-ours") else "right"
        verdict = ours if at % 10 < 7 else "equal_good" if at % 10 < 9 else ("right" if ours == "left" else "left")
        body = {"prompt": f"p{at}", "left": left, "right": right, "dimension": "overall", "verdict": verdict}
        events.append(event(next(number), "compare", "r0", f"u{at}", body))
    return events, shown


def test_prompts_cover_every_value_evenly_and_break_no_rule():
    made = prompts(200, seed=1)
    found = coverage(made)
    assert found["missing"] == 0 and found["most"] - found["least"] <= 3
    for prompt in made:
        assert not violations(taxonomy(), prompt.tags)
        assert {name.partition(".")[0] for name in prompt.tags} >= {"style", "motion", "camera", "vfx"}
        said = json.loads(prompt.to_json("a.png"))
        assert taxonomy().parse_tags(said["tags"]) == prompt.tags and said["text"] and said["image"] == "a.png"
    assert prompts(20, seed=1) == made[:20] and prompts(20, seed=2) != made[:20]


def test_raters_share_the_load_and_meet_each_other():
    who = assign([f"p{at}" for at in range(500)])
    loads = np.bincount([rater for raters in who.values() for rater in raters])
    met = np.zeros((15, 15), int)
    for raters in who.values():
        for one, two in itertools.combinations(raters, 2):
            met[one, two] += 1
    assert loads.tolist() == [100] * 15 and all(len(set(raters)) == 3 for raters in who.values())
    meetings = met[np.triu_indices(15, 1)]
    assert meetings.min() >= 10 and meetings.max() <= 19  # 1500 / 105 = 14.3 on average
    with pytest.raises(ValueError, match="cannot give 3"):
        assign(["p"], 2)


def test_the_table_finds_what_was_put_in():
    events, shown = simulated()
    study = tell(events, shown, "base", draws=500)
    lines = {(line.model, line.dimension): line for line in study.lines}
    for dimension in HUMAN:
        ours, other = lines["ours", dimension], lines["other", dimension]
        assert ours.difference == pytest.approx(0.7, abs=0.2) and ours.difference_low > 0.3
        assert ours.percent == pytest.approx(100 * ours.difference / lines["base", dimension].mean)
        assert abs(other.difference) < 0.2 and other.difference_low < 0.1 and other.difference_high > -0.1
        assert lines["base", dimension].difference is None
        assert 0.3 < study.alphas[dimension].value < 0.7
    wins = {(one.model, one.by): one for one in study.wins}
    side = wins["ours", "overall"]
    assert (side.win, side.tie, side.lose) == (0.7, pytest.approx(0.2), pytest.approx(0.1)) and side.n == 60
    assert wins["ours", HUMAN[0]].low > 0.5 and abs(wins["other", HUMAN[0]].low - 0.5) < 0.2
    assert "Artistic motion" in text(study) and "+0." in text(study)
    page = html(study)
    assert page.count("<svg") >= 1 + len(study.wins) and "baseline" in page


def test_undone_and_repeated_scores_do_not_count_twice():
    events, shown = simulated(10)
    first = next(one for one in events if one.kind == "rate")
    wrong = event(9001, "rate", first.rater, first.task, {**first.body, "scores": dict.fromkeys(HUMAN, 1)})
    undone = event(9002, "undo", first.rater, first.task, {"undoes": "e9001"})
    again = event(9003, "rate", first.rater, "a repeat", {**first.body, "scores": dict.fromkeys(HUMAN, 1)})
    plain, more = tell(events, shown, "base"), tell([*events, wrong, undone, again], shown, "base")
    assert [line.mean for line in plain.lines] == [line.mean for line in more.lines]


def test_names_are_escaped():
    events, shown = simulated(4)
    evil = [Shown(clip.id, clip.prompt, clip.model.replace("ours", "<script>x</script>")) for clip in shown]
    page = html(tell(events, evil, "base"))
    assert "<script>x" not in page and "&lt;script&gt;" in page


def test_what_is_missing_is_named():
    events, shown = simulated(4)
    with pytest.raises(StudyError, match="baseline 'b': the clips are of base, other, ours"):
        tell(events, shown, "b")
    with pytest.raises(StudyError, match="no score of a clip of the study"):
        tell([], shown, "base")


def test_the_commands_lead_from_prompts_to_a_page(tmp_path, capsys):
    assert main(["study-prompts", "--out", str(tmp_path), "--n", "4", "--raters", "3"]) == 0
    rows = [json.loads(line) for line in (tmp_path / "prompts.jsonl").read_text("utf-8").splitlines()]
    for model in ("ours", "base"):
        (tmp_path / model).mkdir()
        for row in rows:
            (tmp_path / model / f"{row['name']}.mp4").write_bytes(f"{model} {row['name']}".encode())
    models = [f"{model}={tmp_path / model}" for model in ("ours", "base")]
    listing = ["study-clips", str(tmp_path / "prompts.jsonl"), "--models", *models, "--rating", "general"]
    assert main([*listing, "--out", str(tmp_path / "clips.jsonl")]) == 0
    from animatrix_reward.clip_list import read_clips

    listed = read_clips(tmp_path / "clips.jsonl")
    score = {"ours": 4, "base": 3}
    events = []
    for clip, rater in itertools.product(listed, range(3)):
        body = {"clip": clip.id, "scores": dict.fromkeys(HUMAN, score[clip.path.parent.name])}
        events.append(event(f"{clip.id}{rater}", "rate", f"r{rater}", f"t{clip.id}{rater}", body))
    write_events(tmp_path / "events.jsonl", events)
    run = ["study", str(tmp_path / "clips.jsonl"), str(tmp_path / "events.jsonl"), "--out", str(tmp_path)]
    assert main([*run, "--baseline", "base"]) == 0
    assert "+1.00" in capsys.readouterr().out and (tmp_path / "study.html").is_file()
    (tmp_path / "ours" / f"{rows[0]['name']}.mp4").unlink()
    assert main(listing) == 2
    assert "1 clips are not there" in capsys.readouterr().err
    rows = [json.loads(line) for line in (tmp_path / "clips.jsonl").read_text("utf-8").splitlines()]
    del rows[1]["model"]
    (tmp_path / "clips.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "prompts.jsonl").write_text('{"name": "p0001"', "utf-8")
    (tmp_path / "ours" / f"{rows[0]['prompt']}.mp4").write_bytes(b"there again")
    for command, why in (([*run, "--baseline", "base"], "line 2: lacks model"), (listing, "prompts.jsonl: cannot be")):
        assert main(command) == 2
        assert why in capsys.readouterr().err


def test_a_mistake_of_ours_is_not_told_as_the_users(tmp_path, monkeypatch):
    from animatrix_reward import study_prompts

    def wrong(*_):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(study_prompts, "prompts", wrong)
    with pytest.raises(ValueError, match="broadcast"):
        main(["study-prompts", "--out", str(tmp_path)])
