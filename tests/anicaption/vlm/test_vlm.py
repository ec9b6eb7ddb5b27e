import json
from dataclasses import replace

import pytest
from anicaption.cli import main
from anicaption.record import Record
from anicaption.vlm.local import Local
from anicaption.vlm.prompt import YES, Question, questions
from anicaption.vlm.remote import Remote
from anicaption.vlm.reversal import Leaning, Reversal, reversal
from anicaption.vlm.score import Answers, Failure, Vlm, VlmError, read_narrative

FIELDS = ("style.medium", "vfx.manpu", "camera.shot_size")
SMALL = {
    "type": "object",
    "properties": {"who": {"type": "string", "minLength": 1, "maxLength": 6}, "night": {"type": "boolean"}},
    "required": ["who", "night"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def local(tiny_folder) -> Local:
    return Local(tiny_folder)


@pytest.fixture
def remote(server) -> Remote:
    return Remote(server.url, "tiny", attempts=3, timeout_s=20, pause_s=0.01, sleep=lambda seconds: None)


def whole(local: Local, view, question: Question) -> dict[str, float]:
    """The label probabilities from one plain pass over everything, without any shared state."""
    import torch
    from anicaption.vlm.local import render

    model, processor = local._loaded
    inputs = local._inputs(view, render(processor, view, question.text))
    scores = []
    with torch.inference_mode():
        for label in question.labels:
            ids = torch.tensor([processor.tokenizer.encode(label, add_special_tokens=False)])
            longer = dict(inputs)
            longer["input_ids"] = torch.cat([inputs["input_ids"], ids], 1)
            longer["attention_mask"] = torch.ones_like(longer["input_ids"])
            longer["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(ids)], 1)
            said = model(**longer).logits[0, -1 - ids.shape[1] : -1].float().log_softmax(-1)
            scores.append(said.gather(1, ids.T).sum())
    return dict(zip(question.labels, torch.stack(scores).softmax(0).tolist(), strict=True))


def test_questions_share_what_was_read_and_answer_as_if_asked_alone(local, shot):
    asked = [
        *questions("style.medium"),
        *questions("vfx.manpu")[:2],
        Question("style.medium", "shot", "Which way?", (("left", "a"), ("to the right", "b"))),
    ]
    for question, said in zip(asked, local.answer(shot[1], asked), strict=True):
        assert said == pytest.approx(whole(local, shot[1], question), abs=1e-4)


def test_the_model_sees_the_pictures(local, shot):
    view = shot[1]
    dark = replace(view, overview=tuple(replace(s, picture=s.picture // 8) for s in view.overview))
    asked = questions("style.medium")
    assert local.answer(view, asked)[0] != pytest.approx(local.answer(dark, asked)[0], abs=1e-4)


def test_batches_do_not_change_answers(local, shot):
    asked = questions("vfx.manpu")
    one_by_one = replace(local, batch=1)
    one_by_one.__dict__["_loaded"] = local._loaded
    for a, b in zip(local.answer(shot[1], asked), one_by_one.answer(shot[1], asked), strict=True):
        assert a == pytest.approx(b, abs=1e-4)


def test_closed_fields_become_variables(local, shot):
    said = Vlm(local, threshold=0.0).score(shot[1], FIELDS)
    assert {v.source for v in said.values()} == {"vlm"}
    assert sum(said["style.medium"].probability.values()) == pytest.approx(1, abs=0.01)
    assert set(said["vfx.manpu"].probability) == {q.asked_value for q in questions("vfx.manpu")}
    assert said["camera.shot_size"].known and len(said["camera.shot_size"].values) <= 2
    unsure = Vlm(local, threshold=0.999).score(shot[1], FIELDS[:1])["style.medium"]
    assert not unsure.known and "below" in (unsure.abstained or "")


def test_both_orders_are_averaged(local, shot):
    asked = [question for turned in (False, True) for question in questions("vfx.manpu", turned)[:1]]
    alone = [answer[YES] for answer in local.answer(shot[1], asked)]
    said = Vlm(local).probabilities(shot[1], ["vfx.manpu"])["vfx.manpu"]
    assert said["anger_vein"] == pytest.approx(sum(alone) / 2, abs=1e-5)
    assert alone[0] != alone[1]


def test_what_is_known_masks_the_answers(local, shot):
    view = replace(shot[1], tags={"camera.subject_count": ("none",)})
    assert Vlm(local, threshold=0.0).score(view, ["style.proportion"])["style.proportion"].values == ("na",)


def test_json_is_constrained_locally(local, shot):
    said = json.loads(replace(local, max_new_tokens=60).write(shot[1], "Describe it.", SMALL))
    assert set(said) == {"who", "night"} and isinstance(said["night"], bool) and 1 <= len(said["who"]) <= 6
    with pytest.raises(VlmError, match="raise max_new_tokens"):
        replace(local, max_new_tokens=3).write(shot[1], "Describe it.", SMALL)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        Local(tmp_path)


def test_the_server_says_what_the_folder_says(local, remote, server, shot):
    asked = [*questions("style.medium"), *questions("vfx.manpu")[:3]]
    for here, there in zip(local.answer(shot[1], asked), remote.answer(shot[1], asked), strict=True):
        assert there == pytest.approx(here, abs=1e-3)
    body = server.bodies[0]
    assert body["max_tokens"] == 1 and body["logprobs"] is True and body["temperature"] == 0
    assert body["structured_outputs"]["choice"]


@pytest.mark.parametrize("fault", [500, 503, 429, "broken", "empty"])
def test_what_may_pass_is_tried_again(remote, server, shot, fault):
    asked = questions("style.medium")
    clean = remote.answer(shot[1], asked)
    server.faults[:] = [fault, fault]
    assert remote.answer(shot[1], asked) == clean
    assert len(server.bodies) == 1 + 3


def test_silence_is_tried_again(remote, server, shot):
    hasty = replace(remote, timeout_s=0.3)
    server.faults[:] = ["slow"] * 9
    said = hasty.answer(shot[1], questions("style.medium"))[0]
    assert isinstance(said, Failure) and "no answer within 0.3 s" in said.reason and "3 attempts" in said.reason


def test_pauses_grow_and_heed_the_server(remote, server, shot):
    pauses: list[float] = []
    patient = replace(remote, attempts=4, pause_s=1.0, sleep=pauses.append)
    server.faults[:] = [500, 500, 429]
    patient.answer(shot[1], questions("style.medium"))
    assert 0.75 <= pauses[0] <= 1.25 and 1.5 <= pauses[1] <= 2.5 and pauses[2] >= 3


def test_what_stays_broken_is_said_and_not_kept(remote, server, shot, tmp_path):
    asking = Vlm(remote, Answers(tmp_path), both_orders=False)
    server.faults[:] = [500] * 3
    said = asking.score(shot[1], ["style.medium"])["style.medium"]
    assert said.values == ("unknown",) and said.source == "vlm" and "failed: tiny" in (said.abstained or "")
    assert "HTTP 500" in (said.abstained or "") and "3 attempts" in (said.abstained or "")
    assert not list(tmp_path.rglob("*.json"))
    assert asking.score(shot[1], ["style.medium"])["style.medium"].probability


def test_a_refused_request_is_not_repeated(remote, server, shot):
    server.faults[:] = [400]
    said = remote.answer(shot[1], questions("style.medium"))[0]
    assert isinstance(said, Failure) and "HTTP 400" in said.reason and len(server.bodies) == 1


def test_a_server_that_is_not_there_is_named(shot):
    nobody = Remote("http://127.0.0.1:9/v1", "tiny", attempts=2, sleep=lambda seconds: None)
    said = nobody.answer(shot[1], questions("style.medium"))[0]
    assert isinstance(said, Failure) and "tiny at http://127.0.0.1:9/v1: no connection" in said.reason


def test_an_answer_beside_the_question_is_a_failure(remote, server, shot):
    server.faults[:] = ["chatty"]
    said = remote.answer(shot[1], questions("style.medium"))[0]
    assert isinstance(said, Failure) and "'Well'" in said.reason


def test_a_server_without_logprobs_is_counted(remote, server, shot):
    server.tells_logprobs = False
    asked = questions("style.medium")
    silent = remote.answer(shot[1], asked)[0]
    assert isinstance(silent, Failure) and "scoring='votes'" in silent.reason
    said = replace(remote, scoring="votes", votes=4, constrained=False).answer(shot[1], asked)[0]
    counted = replace(remote, scoring="votes", votes=4).answer(shot[1], asked)[0]
    assert isinstance(said, Failure) and "0 of 4" in said.reason  # the tiny model babbles where it may
    assert sum(counted.values()) == pytest.approx(1) and max(counted.values()) > 0.85


def test_many_questions_keep_their_order(remote, shot):
    asked = questions("motion.performance")[:12]
    alone = [replace(remote, concurrency=1).answer(shot[1], [question])[0] for question in asked]
    assert remote.answer(shot[1], asked) == alone


def test_answers_are_kept_by_content(remote, server, shot, tmp_path):
    asking = Vlm(remote, Answers(tmp_path))
    first = asking.score(shot[1], FIELDS)
    asked = len(server.bodies)
    assert asked == 2 * (1 + len(questions("vfx.manpu")) + 2)
    assert asking.score(shot[1], FIELDS) == first and len(server.bodies) == asked
    other = replace(shot[1], measurements="nothing was measured")
    asking.score(other, FIELDS[:1])
    assert len(server.bodies) == asked + 2
    Vlm(replace(remote, model="other"), Answers(tmp_path)).score(shot[1], FIELDS[:1])
    assert len(server.bodies) == asked + 4


def test_the_narrative_comes_as_json_and_is_kept(remote, server, shot, tmp_path):
    record, view = shot
    asking = Vlm(remote, Answers(tmp_path))
    server.faults[:] = ["chatty"]  # the first answer is no JSON
    said = asking.narrate(view, record)
    assert (said.summary, said.environment) == ("the summary", "the environment") and said.model == remote.identity
    assert len(server.bodies) == 2 and server.bodies[0]["response_format"]["json_schema"]["strict"]
    assert asking.narrate(view, record) == said and len(server.bodies) == 2


def test_a_narrative_without_its_parts_is_refused():
    with pytest.raises(VlmError, match="lacks"):
        read_narrative('{"summary": "x", "subjects": ""}', "tiny")
    with pytest.raises(VlmError, match="not JSON"):
        read_narrative("once upon a time", "tiny")


class Watcher:
    """A backend that looks at the pictures: it says pan_right where bright comes before dark, `sees` says if at all."""

    identity = "watcher"

    def __init__(self, sees: bool) -> None:
        self.sees = sees

    def answer(self, view, asked):
        turned = view.overview[0].picture[:72].mean() < view.overview[-1].picture[:72].mean() if self.sees else True
        likely = "pan_right" if turned else "pan_left"
        return [
            {label: (0.9 if (label == YES) == (q.asked_value == likely) else 0.1) for label in q.labels}
            if q.asked_value
            else dict.fromkeys(q.labels, 1 / len(q.labels))
            for q in asked
        ]

    def write(self, view, request, schema):
        raise VlmError("watcher: writes nothing")


def test_a_model_that_sees_time_turns_with_it(clip, shot):
    shots = [(clip, shot[0], 0)]
    seeing, blind = (reversal(Vlm(Watcher(sees)), shots) for sees in (True, False))
    assert seeing.share == 1 and seeing.passed and [x.pair for x in seeing.counted] == [("pan_left", "pan_right")]
    assert blind.share == 0 and not blind.passed and "NOT passed" in blind.text()


def test_the_tiny_model_runs_the_self_test(local, clip, shot):
    said = reversal(Vlm(local, both_orders=False), [(clip, shot[0], 0)])
    assert len(said.leanings) == 4 + 1 + 1 + 6 and not said.failures


def test_failures_fail_the_self_test():
    leaning = Leaning("camera.move", ("pan_left", "pan_right"), 0.5, -0.5)
    assert Reversal("x", (leaning,), ()).passed
    assert not Reversal("x", (leaning,), ("camera.move: HTTP 500",)).passed
    assert not Reversal("x", (), ()).passed


def rows(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_clips_are_captioned_with_a_model(server, clip, tmp_path):
    out = tmp_path / "rows.jsonl"
    told = ["caption", str(clip), "--url", server.url, "--model", "tiny", "--out", str(out), "--rating", "general"]
    assert main([*told, "--ask", "style.medium", "--threshold", "0", "--prose"]) == 0
    (row,) = rows(out)
    record = Record.from_json(row["record"])
    assert record["style.medium"].source == "vlm" and record["camera.move"].source == "measured"
    assert record["content.rating"].values == ("general",)
    assert record.narrative and record.narrative.summary == "the summary" and not record.failures


def test_what_a_model_fails_to_say_stands_in_the_record(server, clip, tmp_path, capsys):
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(b"no video")
    server.faults[:] = [400] * 2
    out = tmp_path / "rows.jsonl"
    told = ["caption", str(clip), str(broken), "--url", server.url, "--model", "tiny", "--out", str(out)]
    assert main([*told, "--ask", "style.medium"]) == 1
    first, second = rows(out)
    record = Record.from_json(first["record"])
    assert "style.medium failed: tiny" in record.failures[0] and "HTTP 400" in record.failures[0]
    assert not record["style.medium"].known and record["camera.move"].source == "measured"
    assert "record" not in second and "broken.mkv" in second["clip"]
    assert "0 of 2 rows" in capsys.readouterr().err


def test_the_self_test_runs_by_command(tiny_folder, clip, capsys):
    assert main(["vlm", "selftest", str(clip), "--local", str(tiny_folder)]) in (0, 1)
    out = capsys.readouterr().out
    assert "turn with the film" in out and "camera.move" in out


def test_a_server_needs_a_model_name(clip, tmp_path):
    told = ["caption", str(clip), "--url", "http://127.0.0.1:9/v1", "--out", str(tmp_path / "x.jsonl")]
    with pytest.raises(SystemExit, match="--model"):
        main(told)
