"""fit, score and evaluate as commands: real files in, files out, and bad input refused with line and reason."""

import json
from dataclasses import replace

import numpy as np
import pytest
from anicaption.frames import FILM_RATE, write_video
from animatrix_reward import simulate_clips
from animatrix_reward.cli import main
from animatrix_reward.clip_list import looked_at, read_clips
from animatrix_reward.corrupt import corrupt
from animatrix_reward.events import read, write
from animatrix_reward.fit_changes import changed
from animatrix_reward.judge import facts, load

from tests.reward.judged import moving_clip

FAILS = [{"start": 3, "end": 9, "kind": "melt", "verdict": "failure", "severity": 4, "cues": [], "box": None}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten prompts with a sound clip and one that melts or flickers, and what raters say of them."""
    folder = tmp_path_factory.mktemp("judge")
    lines, shown = [], []
    for k in range(10):
        clip = moving_clip(20)
        bad = corrupt(clip, ("melt", "flicker")[k % 2], severity=5, seed=k)
        for name, frames, failed in (("sound", clip.frames_THWC, ()), ("bad", bad.frames_THWC, (bad,))):
            spans = tuple((one.kind, one.start, one.end, one.severity) for one in failed)
            write_video(
                folder / f"{k}{name}.mkv", iter(np.roll(frames, k, axis=2)), FILM_RATE, container="matroska", crf=12
            )
            lines.append(
                {
                    "id": f"{k}{name}",
                    "prompt": f"p{k}",
                    "path": f"{k}{name}.mkv",
                    "tags": {"camera.move": ["none"]},
                    "text": "walks",
                }
            )
            shown.append(simulate_clips.Shown(f"{k}{name}", f"p{k}", 20, (), spans, frozenset()))
    (folder / "clips.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    write(folder / "events.jsonl", simulate_clips.votes(shown, seed=1))
    return folder


@pytest.fixture(scope="module")
def judge(folder):
    clips, events = str(folder / "clips.jsonl"), str(folder / "events.jsonl")
    assert main(["fit", clips, events, "--out", str(folder / "judge"), "--epochs", "4"]) == 0
    return folder / "judge"


def test_what_is_fitted_scores_and_is_evaluated(folder, judge, capsys):
    assert (facts(judge)["clips"], facts(judge)["changes"]) == (20, 20) and 0 < float(load(judge).threshold) < 1
    assert main(["score", str(judge), str(folder / "clips.jsonl"), "--out", str(folder / "scores.jsonl")]) == 0
    rows = [json.loads(line) for line in (folder / "scores.jsonl").read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [one.id for one in read_clips(folder / "clips.jsonl")]
    assert {"composite", "lower", "structure", "accepted", "supported", "failures", "excused"} <= set(rows[0])
    failing = {row["id"]: row["pathology"] for row in rows}
    assert np.mean([failing[f"{k}bad"] > failing[f"{k}sound"] for k in range(10)]) >= 0.8
    out = folder / "figures.json"
    capsys.readouterr()
    assert (
        main(["evaluate", str(judge), str(folder / "clips.jsonl"), str(folder / "events.jsonl"), "--out", str(out)])
        == 0
    )
    figures = json.loads(out.read_text("utf-8"))
    assert figures["votes"] == 10 and figures["marked clips"] == 20
    assert figures["accuracy without ties"][0] >= 0.7 and "failures caught" in capsys.readouterr().out


def test_a_fit_without_changes(folder):
    clips, events, out = (str(folder / name) for name in ("clips.jsonl", "events.jsonl", "plain"))
    assert main(["fit", clips, events, "--out", out, "--epochs", "1", "--changes", "0"]) == 0
    assert (facts(folder / "plain")["clips"], facts(folder / "plain")["changes"]) == (20, 0)


def test_only_sound_clips_are_changed_and_each_prompt_in_its_own_way(folder):
    listed, events = read_clips(folder / "clips.jsonl"), read(folder / "events.jsonl")
    listed, seen = listed[:6], {clip.id: one for clip, one in looked_at(listed[:6])}
    found = list(changed(listed, events, seen, 1, seed=0))
    assert [made_of for _, _, made_of in found] == ["0sound", "1sound", "2sound"]
    assert len({clip.id.partition(":")[2] for clip, _, _ in found}) >= 2
    assert all(clip.prompt == f"p{k}" and clip.id.startswith(f"{k}sound:") for k, (clip, _, _) in enumerate(found))
    frozen = next(one for clip, one, _ in found if clip.id.endswith(":frozen"))
    assert frozen.drawings_T.max() == 0 < seen["0sound"].drawings_T.max()
    failing = [replace(event, body={**event.body, "spans": FAILS}) for event in events if event.kind == "deform"]
    assert list(changed(listed, failing, seen, 1, seed=0)) == []


def refused(capsys, *arguments):
    assert main([str(one) for one in arguments]) == 2
    return capsys.readouterr().err


def test_bad_lists_are_refused_with_the_line(folder, tmp_path, capsys):
    bad = tmp_path / "clips.jsonl"
    good = json.loads((folder / "clips.jsonl").read_text("utf-8").splitlines()[0])
    good["path"] = str(folder / good["path"])
    for change, words in (
        ({"path": "gone.mkv"}, "line 1: path: no file gone.mkv"),
        ({"tags": {"camera.move": ["zoomin"]}}, "'zoomin' is not a value"),
    ):
        bad.write_text(json.dumps({**good, **change}) + "\n", "utf-8")
        assert words in refused(capsys, "fit", bad, folder / "events.jsonl", "--out", tmp_path / "j")
    bad.write_text("{}\n", "utf-8")
    assert "line 1" in refused(capsys, "fit", bad, folder / "events.jsonl", "--out", tmp_path / "j")
    bad.write_text(json.dumps(good) + "\n", "utf-8")
    assert "was given; export the clips" in refused(
        capsys, "fit", bad, folder / "events.jsonl", "--out", tmp_path / "j"
    )
    assert not (tmp_path / "j").exists()


def test_an_unreadable_clip_is_refused(folder, judge, tmp_path, capsys):
    (tmp_path / "broken.mkv").write_bytes(b"no film")
    line = {"prompt": "p", "path": "broken.mkv", "tags": {}, "text": ""}
    (tmp_path / "clips.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    assert "broken.mkv" in refused(capsys, "score", judge, tmp_path / "clips.jsonl")


def test_another_encoder_or_no_judge_is_refused(folder, judge, tmp_path, capsys):
    assert "holds no judge.json" in refused(capsys, "score", tmp_path, folder / "clips.jsonl")
    assert "encoder" in refused(capsys, "score", judge, folder / "clips.jsonl", "--encoder", f"wan:{tmp_path / 'x'}")
