import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from anicaption.cli import main
from anicaption.record import Record, variable_of
from anicaption.vlm.lessons import Correction, preferred, read_corrections, taught
from anicaption.vlm.local import Local
from anicaption.vlm.prompt import NO, YES
from anicaption.vlm.score import Vlm
from anicaption.vlm.tune import Tuning, tune
from anicaption.vlm.view import shot_view

SAID = {
    "motion.emotion": ("joy",),
    "motion.economy": ("full",),
    "camera.angle": ("low",),
    "style.medium": ("hybrid_2d_cg",),
}
TRUE = {**SAID, "motion.emotion": ("anger",), "motion.economy": ("limited",), "camera.angle": ("high",)}


@pytest.fixture(scope="module")
def correction(clip, shot) -> Correction:
    tracks = shot[0].tracks

    def record(values, source) -> Record:
        return Record.build(tracks, {name: variable_of(name, v, source, {}, (), ()) for name, v in values.items()})

    return Correction(clip, 0, record(SAID, "vlm"), record(TRUE, "expert"))


@pytest.fixture(scope="module")
def base(tiny_folder) -> Local:
    return Local(tiny_folder)


def answers(correction: Correction, backend: Local, field: str) -> dict[str, float]:
    """The probability of each value of a field."""
    said = Vlm(backend).probabilities(shot_view(correction.video, correction.said), [field])[field]
    assert isinstance(said, dict)
    return said


def test_every_known_field_is_taught_with_its_label(correction):
    lessons = list(taught(correction, None, random.Random(0)))
    assert {lesson.question.field for lesson in lessons} == set(TRUE)
    for lesson in lessons:
        assert lesson.right in lesson.question.labels and lesson.wrong is None
        if lesson.question.asked_value is None:
            assert dict(lesson.question.options)[lesson.right] == TRUE[lesson.question.field][0]
    emotions = {lesson.question.asked_value: lesson.right for lesson in lessons if lesson.question.asked_value}
    assert emotions.pop("anger") == YES and set(emotions.values()) == {NO} and len(emotions) == 2


def test_preferences_are_what_was_wrong_in_motion_and_effects(correction):
    lessons = list(preferred(correction, None, random.Random(0)))
    assert {lesson.question.field for lesson in lessons} == {"motion.emotion", "motion.economy"}
    by_value = {lesson.question.asked_value: (lesson.right, lesson.wrong) for lesson in lessons}
    assert by_value["anger"] == (YES, NO) and by_value["joy"] == (NO, YES)
    economy = next(lesson for lesson in lessons if lesson.question.field == "motion.economy")
    values = dict(economy.question.options)
    assert (values[economy.right], values[economy.wrong or ""]) == ("limited", "full")
    assert [x.question.field for x in preferred(correction, ["camera.angle"], random.Random(0))] == ["camera.angle"]


def test_supervised_lessons_are_learned_and_the_adapter_loads(correction, base, tmp_path):
    fields = ("motion.economy",)
    said = tune(base, [correction] * 4, tmp_path, Tuning("sft", 4, 3e-2, steps=5, batch=2, accumulate=1, fields=fields))
    assert (said.lessons, said.shots, len(said.losses)) == (4, 4, 5) and said.losses[-1] < said.losses[0]
    before, after = (answers(correction, one, fields[0])["limited"] for one in (base, Local(base.folder, tmp_path)))
    assert after > before + 0.2
    told = json.loads((tmp_path / "tune.json").read_text())
    assert told["base"] == base.identity and told["tuning"]["kind"] == "sft"
    assert Local(base.folder, tmp_path).identity != base.identity


def test_preferences_move_the_model_from_its_error(correction, base, tmp_path):
    fields = ("motion.economy",)
    said = tune(base, [correction] * 4, tmp_path, Tuning("dpo", 4, 2e-2, steps=5, batch=2, accumulate=1, fields=fields))
    assert said.lessons == 4 and said.losses[0] == pytest.approx(0.693, abs=0.001) and said.losses[-1] < 0.6
    before, after = (answers(correction, one, *fields) for one in (base, Local(base.folder, tmp_path)))
    assert after["limited"] / after["full"] > 1.1 * before["limited"] / before["full"]


def test_the_whole_model_is_tuned_by_command(correction, base, tmp_path, capsys):
    both = {"record": correction.said.to_json(), "corrected": correction.corrected.to_json()}
    line = {"video": str(correction.video), **both}
    records, out = tmp_path / "corrected.jsonl", tmp_path / "out"
    records.write_text(json.dumps(line) + "\n")
    told = ["train", "sft", "--model", str(base.folder), "--records", str(records), "--out", str(out), "--full"]
    assert main([*told, "--fields", "motion.economy", "--steps", "2", "--learning-rate", "0.01"]) == 0
    assert "1 lessons of 1 shots, 2 steps" in capsys.readouterr().out
    assert answers(correction, Local(out), "motion.economy") != answers(correction, base, "motion.economy")
    assert main(["train", "dpo", *told[2:], "--fields", "style.medium"]) == 2
    assert "no field was said wrongly" in capsys.readouterr().err


def test_broken_corrections_name_their_line(correction, tmp_path):
    records = tmp_path / "corrected.jsonl"
    good = {"video": "clip.mkv", "record": correction.said.to_json(), "corrected": correction.corrected.to_json()}
    records.write_text(json.dumps(good) + "\n\n" + json.dumps({"video": "x"}) + "\n")
    with pytest.raises(ValueError, match=r"corrected\.jsonl:3: not a correction"):
        read_corrections(records)
    records.write_text(json.dumps(good))
    assert read_corrections(records)[0].video == Path(tmp_path / "clip.mkv")
    trackless = replace_tracks(correction.said)
    records.write_text(json.dumps(good | {"record": trackless}))
    with pytest.raises(ValueError, match="no tracks"):
        read_corrections(records)
    records.write_text("")
    with pytest.raises(ValueError, match="no corrections"):
        read_corrections(records)


def replace_tracks(record: Record) -> dict:
    return {name: value for name, value in record.to_json().items() if name != "tracks"}


def test_equal_records_prefer_nothing(correction):
    assert not list(preferred(replace(correction, said=correction.corrected), None, random.Random(0)))
