"""Preference as one does it: candidates sampled, scored, paired, close ones to the room and back, and a model moved."""

import json

import numpy as np
import pytest
import torch
from animatrix_reward import asked, features
from animatrix_reward.cli import main as reward
from animatrix_reward.judge import Judge, JudgeConfig, save
from animatrix_reward.room.app import create_app
from animatrix_reward.room.settings import Settings
from animatrix_trainer import checkpoint
from animatrix_trainer.cli import main as train
from animatrix_trainer.recipes import smoke
from fastapi.testclient import TestClient
from safetensors.torch import load_file

from tests.reward.room.rooms import answer, enter, prepared
from tests.trainer.drawing import write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained policy and a Judge that nobody fitted: what they say is of no matter here."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("preference")
    system = checkpoint.build(smoke())
    torch.nn.init.normal_(system.model.proj_out.weight, std=0.1)
    checkpoint.export(system, folder / "policy")
    torch.manual_seed(0)
    config = JudgeConfig(len(features.names()), asked.width(), pictures=False)
    save(Judge(config).eval(), folder / "judge", {})
    lines = [{"name": f"p{n}", "tags": "camera.move=pan_left", "text": "A pan.", "seed": 10 * n} for n in range(2)]
    (folder / "requests.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return folder


def rows(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_candidates_become_pairs_people_answer_and_the_model_is_moved(folder):
    drawn, room = folder / "drawn", prepared(folder / "room")
    requests = ["--requests", str(folder / "requests.jsonl"), "--seeds", "4", "--rating", "general"]
    assert train(["sample", str(folder / "policy"), *requests, "--out", str(drawn)]) == 0
    clips, scores, out = drawn / "clips.jsonl", folder / "scores.jsonl", folder / "pairs"
    assert len(rows(clips)) == 8 and {row["prompt"] for row in rows(clips)} == {"p0", "p1"}
    assert reward(["score", str(folder / "judge"), str(clips), "--out", str(scores)]) == 0
    pair = ["pairs", str(clips), str(scores), "--out", str(out)]
    assert reward(pair) == 0
    ask, before = rows(out / "ask.jsonl"), rows(out / "pairs.jsonl")
    assert len(ask) + len(before) == 12 and len(ask) >= 4
    assert reward(["add-clips", str(clips), "--room", str(room), "--pairs", str(out / "ask.jsonl")]) == 0

    app = create_app(Settings(room))
    with TestClient(app, base_url="http://room") as page:
        enter(page, app.state.store)
        sent = answer(page.get("/api/tasks/next", params={"kind": "compare"}).json())
        assert page.post("/api/events", json={"events": [sent]}).status_code == 200
    votes = folder / "votes.jsonl"
    assert reward(["export", str(votes), "--room", str(room)]) == 0
    (vote,) = rows(votes)
    assert {vote["body"]["left"], vote["body"]["right"]} in [set(one.values()) for one in ask]
    assert reward([*pair, "--votes", str(votes)]) == 0
    after = rows(out / "pairs.jsonl")
    (by_people,) = [row for row in after if row["by"] == "people"]
    assert len(after) == len(before) + 1 and len(rows(out / "ask.jsonl")) == len(ask) - 1
    assert (out / by_people["winner"]).resolve().is_file() and by_people["tags"] == {"camera.move": ["pan_left"]}

    data = write_dataset(folder / "data", [12] * 6)
    stage = ["--stages.0.objective", "preference", "--stages.0.steps", "2", "--memory-gib", "0"]
    paths = ["--shards", str(data), "--out", str(folder / "run"), "--init", str(folder / "policy")]
    assert train(["fit", "smoke", *paths, "--pairs", str(out / "pairs.jsonl"), *stage]) == 0
    said = rows(folder / "run" / "metrics.jsonl")
    assert 0 <= said[-1]["accuracy"] <= 1 and np.isfinite(said[-1]["displacement"])
    one, two = (
        load_file(next(path.rglob("transformer/*.safetensors"))) for path in (folder / "policy", folder / "run")
    )
    assert any(not torch.equal(one[name], two[name]) for name in one)
