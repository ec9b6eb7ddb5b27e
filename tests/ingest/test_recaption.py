"""Captions made anew are annotations: video stays, answers count once, and nothing outranks what stands better."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from anicaption import heads_fit
from anicaption.features import Features
from anicaption.frames import write_video
from anicaption.heads import Head, Heads, Scaling
from anicaption.record import Record
from anicaption.taxonomy import taxonomy
from animatrix_ingest import engine, pipeline
from animatrix_ingest.commands_recaption import ExportTruth, Recaption
from animatrix_ingest.keep import annotations, manifest, shards, store, tables, video
from animatrix_ingest.keep.records import record_json
from animatrix_ingest.recaption import Chosen, recaption
from animatrix_ingest.recaption_how import How, RecaptionError
from animatrix_ingest.truth import export_truth

from .conftest import SMALL, painted
from .endpoint import Endpoint

SCRIPT = str(Path(__file__).with_name("recaptions.py"))
FIELD = "style.tradition"
"""What nobody measures, so that a model is asked."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A data set of three sources with a clip each, in two shards; nothing is known of their rating."""
    folder = tmp_path_factory.mktemp("recaption")
    for names in (("a.mkv", "b.mkv"), ("c.mkv",)):
        for name in names:
            write_video(folder / name, painted([12], ord(name[0])), Fraction(24), container="matroska")
        pipeline.run([str(folder / name) for name in names], folder / "whole", SMALL, engine.in_turn)
    clips = manifest.load(folder / "whole", columns=["shard"])
    assert (clips.num_rows, len(clips["shard"].unique())) == (3, 2)
    return folder / "whole"


@pytest.fixture
def out(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "set"))


@pytest.fixture
def endpoint():
    server = Endpoint()
    yield server
    server.close()


def keys(out: Path) -> list[str]:
    return manifest.load(out, columns=["key"])["key"].to_pylist()


def said(out: Path, name: str) -> dict[str, object]:
    rows = manifest.load(out, columns=["key", name])
    return dict(zip(rows["key"].to_pylist(), rows[name].to_pylist()))


def record(out: Path, key: str) -> Record:
    """The record that counts of a clip, as the trainer reads it."""
    rows = manifest.load(out, columns=["key", "shard", "json_offset", "json_length"]).to_pylist()
    row = next(row for row in rows if row["key"] == key)
    member = shards.read_member(out, row["shard"], row["json_offset"], row["json_length"])
    newer = annotations.load_kind(store.open_store(out), "records")
    found = {} if newer is None else dict(zip(newer["key"].to_pylist(), newer["record"].to_pylist()))
    return Record.from_json(record_json(member, found.get(key)))


def written(out: Path) -> dict[str, str]:
    """Everything but annotations: video and what it came from."""
    names = [name for name in store.names(store.open_store(out), "") if not name.startswith(("labels/", "tables/"))]
    return {n: hashlib.sha256((out / n).read_bytes()).hexdigest() for n in names if not n.startswith("answers/")}


def correct(folder: Path, *rows: tuple[str, str, str], when: str = "2026-11-01") -> Path:
    place = folder / f"{when}.jsonl"
    lines = [{"key": k, "field": f, "values": v.split(), "who": "a1", "when": when} for k, f, v in rows]
    place.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return place


def told(out: Path, **said: dict[str, str]) -> None:
    """Commit annotations of one word per clip, as `decide` does: tiers={key: tier}."""
    here = store.open_store(out)
    column = {"tiers": "tier", "splits": "split"}
    rows = {kind: pa.table({"key": list(words), column[kind]: list(words.values())}) for kind, words in said.items()}
    if "splits" in rows:
        rows["splits"] = rows["splits"].append_column("group", pa.array(["work:w"] * len(rows["splits"])))
    names = {kind: [annotations.write_table(here, table)] for kind, table in rows.items()}
    annotations.commit_labels(here, video.load(here).number, names, {"by": "test"})


def test_what_says_nothing_new_makes_no_generation(out):
    before = written(out)
    done = recaption(out, How(), engine.in_turn)
    assert (done.labels, done.changed, done.n_clips, done.failed) == (2, False, 3, ())
    assert done.n_asked == 2, "a chunk for each shard"
    assert recaption(out, How(), engine.in_turn).n_asked == 0, "what is answered is not asked again"
    assert written(out) == before


def test_a_correction_changes_its_clip_and_stays(out, tmp_path):
    one, *others = keys(out)
    before, shots = written(out), said(out, FIELD)
    captions = said(out, "caption")
    done = recaption(out, How(), engine.in_turn, corrections=correct(tmp_path, (one, FIELD, "flat_graphic")))
    assert (done.changed, done.n_clips) == (True, 1), "no other clip is touched"
    assert said(out, FIELD) == {**shots, one: ["flat_graphic"]}
    assert record(out, one)[FIELD].source == "expert" and record(out, one).tracks is not None
    assert said(out, "caption")[one] != captions[one]
    assert {k: v for k, v in said(out, "caption").items() if k != one} == {k: captions[k] for k in others}
    assert written(out) == before, "no byte of video is written"
    assert not recaption(
        out, How(), engine.in_turn, corrections=correct(tmp_path, (one, FIELD, "flat_graphic"))
    ).changed
    later = correct(tmp_path, (others[0], FIELD, "gekiga_gritty"), (one, FIELD, "gag_simple"), when="2026-11-02")
    recaption(out, How(), engine.in_turn, corrections=later)
    again = recaption(out, How(again=True), engine.in_turn)
    assert again.n_clips == 3 and said(out, FIELD)[one] == ["gag_simple"], "every recaption applies them again"
    assert said(out, FIELD)[others[0]] == ["gekiga_gritty"]
    rows = annotations.load_kind(store.open_store(out), "corrections").to_pylist()
    assert {row["key"]: len(row["corrections"]) for row in rows} == {one: 2, others[0]: 1}
    assert manifest.load(out, labels=2)["key"].to_pylist() == keys(out), "older generations stay readable"


def test_corrections_lie_over_what_a_model_said(out, endpoint, tmp_path):
    one = keys(out)[0]
    asking = How(url=endpoint.url, model="m", ask=("style.medium", FIELD), unrated=True)
    recaption(out, asking, engine.in_turn)
    medium, n = record(out, one)["style.medium"], sum(endpoint.asked.values())
    recaption(out, How(), engine.in_turn, corrections=correct(tmp_path, (one, FIELD, "flat_graphic")))
    assert record(out, one)["style.medium"] == medium, "what the model said of other fields stays"
    assert record(out, one)[FIELD].source == "expert" and sum(endpoint.asked.values()) == n


def test_corrections_that_come_meanwhile_are_not_lost(out, tmp_path):
    one, two, _ = keys(out)
    other = correct(tmp_path, (one, FIELD, "flat_graphic"))

    @contextmanager
    def interrupted() -> Iterator[engine.Workshop]:
        """Before any clip is worked on, another recaption begins and ends."""
        recaption(out, How(), engine.in_turn, corrections=other)
        with engine.in_turn() as workers:
            yield workers

    recaption(out, How(), interrupted, corrections=correct(tmp_path, (two, FIELD, "gag_simple"), when="2026-11-02"))
    assert (said(out, FIELD)[one], said(out, FIELD)[two]) == (["flat_graphic"], ["gag_simple"])
    assert annotations.load_kind(store.open_store(out), "corrections").num_rows == 2


def test_only_some_clips(out, tmp_path):
    one, two, _ = keys(out)
    with pytest.raises(RecaptionError, match=r"--only-tier A: no tiers.*decide"):
        recaption(out, How(again=True), engine.in_turn, chosen=Chosen(only_tier="A"))
    told(out, tiers={key: "B" if key == two else "raw" for key in keys(out)})
    assert recaption(out, How(again=True), engine.in_turn, chosen=Chosen(only_tier="B")).n_clips == 1
    with pytest.raises(RecaptionError, match=r"no clip stands there; there are B, raw"):
        recaption(out, How(again=True), engine.in_turn, chosen=Chosen(only_tier="S"))
    assert recaption(out, How(again=True), engine.in_turn, chosen=Chosen(keys=(one,))).n_clips == 1
    with pytest.raises(RecaptionError, match=f"did you mean {one}"):
        recaption(out, How(), engine.in_turn, chosen=Chosen(keys=(one[:-1],)))


def test_a_clip_that_fails_keeps_its_tags_and_is_listed(out, tmp_path):
    one, two, _ = keys(out)
    before = said(out, "camera.move")
    clash = correct(
        tmp_path, (one, "camera.move", "none"), (one, "camera.speed", "slow"), (two, "camera.move", "pan_left")
    )
    done = recaption(out, How(), engine.in_turn, corrections=clash)
    assert [key for key, _ in done.failed] == [one] and "both are certain" in done.failed[0][1].reason
    assert said(out, "camera.move") == {**before, two: ["pan_left"]}
    labels = annotations.load_labels(store.open_store(out))
    assert one in labels.how["failed"], "a failure is a row"


@pytest.mark.ray
def test_the_command_on_ray(out, ray_address, tmp_path, capsys):
    one, *_ = keys(out)
    assert Recaption(str(out), How(again=True), address=ray_address)() == 0
    assert "3 of 3 clips captioned" in capsys.readouterr().out
    clash = correct(tmp_path, (one, "camera.move", "none"), (one, "camera.speed", "slow"))
    assert Recaption(str(out), corrections=clash, address=ray_address)() == 1
    assert f"failed  {one}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (How(url="http://x/v1"), "needs --model"),
        (How(url="http://x/v1", local=Path("y"), model="m"), "give one"),
        (How(ask=(FIELD,)), "no model to ask"),
        (How(url="http://x/v1", model="m", ask=("style.traditon",)), f"did you mean '{FIELD}'"),
        (How(device="cuda"), "--device cuda"),
        (How(url="http://x/v1", model="m", concurrency=0), "at least 1"),
        (How(local=Path("absent")), "no config.json in absent"),
    ],
)
def test_settings_that_do_not_go_together(out, how, words):
    with pytest.raises(RecaptionError, match=words):
        Recaption(str(out), how)()


def test_a_recaption_killed_at_any_write_ends_with_the_same_labels(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "whole")
    corrections = correct(tmp_path, *((key, FIELD, "flat_graphic") for key in keys(whole)))
    command = [sys.executable, SCRIPT, "kills", str(tmp_path), str(corrections), "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) >= 8, "answers, tables and the generation: each has points"
    assert [point for point in points if not (point["killed"] and point["same"]) or point["left"]] == []


def answered(out: Path) -> dict[str, object]:
    """What the committed answers say of FIELD."""
    here = store.open_store(out)
    rows = [row for name in store.names(here, "answers/") for row in tables.read(here, name).to_pylist()]
    return {row["key"]: row[FIELD] for row in rows}


def ask(out: Path, endpoint: Endpoint, *order: str) -> str:
    command = [sys.executable, SCRIPT, "ask", str(out), endpoint.url, *order]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.strip()


def test_the_first_committed_answer_of_a_model_counts(out, endpoint):
    """Its model says something else whenever it is asked; a killed recaption never asks again what is answered."""
    assert ask(out, endpoint, "kill@2:answers committed", "slow@0") == "9 0"
    assert set(endpoint.asked.values()) == {1} and len(endpoint.asked) % 3 == 0
    assert len(store.names(store.open_store(out), "answers/")) == 3
    assert record(out, keys(out)[0]).narrative is not None
    assert said(out, FIELD) == answered(out), "what was committed first is what is said"


def test_two_that_race_end_with_one_generation(out, endpoint):
    endpoint.seconds = 0.05
    assert ask(out, endpoint) == "0 0"
    here = store.open_store(out)
    assert len(store.names(here, "answers/")) == 3
    assert store.names(here, "labels/") == ["labels/v1.json", "labels/v2.json", "labels/v3.json"]
    assert said(out, FIELD) == answered(out), "what was committed first is what is said"


def test_a_model_never_outranks_a_measurement(out, endpoint):
    measured = {k: v for k, v in record(out, keys(out)[0]).variables().items() if v.known and v.source == "measured"}
    name = next(iter(measured))
    recaption(out, How(url=endpoint.url, model="m", ask=(name, FIELD), unrated=True, concurrency=2), engine.in_turn)
    now = record(out, keys(out)[0])
    assert (now[name].values, now[name].source) == (measured[name].values, "measured")
    assert now[FIELD].source == "vlm"


def test_requests_are_bounded(out, endpoint):
    endpoint.seconds = 0.02
    fields = ("style.medium", FIELD, "style.era_look", "camera.viewpoint")
    recaption(out, How(url=endpoint.url, model="m", ask=fields, unrated=True, concurrency=3), engine.in_turn)
    assert 2 <= endpoint.most <= 3


def test_what_nobody_may_see_is_sent_to_nobody(out, endpoint):
    asking = How(url=endpoint.url, model="m", ask=(FIELD,))
    done = recaption(out, asking, engine.in_turn)
    assert (done.n_withheld, done.failed, sum(endpoint.asked.values())) == (3, (), 0), "their rating is unknown"
    one, two, three = keys(out)
    told(out, tiers={one: "quarantined", two: "B", three: "B"})
    done = recaption(out, How(url=endpoint.url, model="m", ask=(FIELD,), unrated=True), engine.in_turn)
    assert done.n_withheld == 1 and record(out, one)[FIELD].source == "none"
    assert {record(out, key)[FIELD].source for key in (two, three)} == {"vlm"}


def test_a_model_that_refuses_is_not_an_answer(out, endpoint):
    asking = How(url=endpoint.url, model="m", ask=(FIELD,), unrated=True)
    endpoint.status = 404
    before = manifest.dataset_hash(out)
    done = recaption(out, asking, engine.in_turn)
    assert len(done.failed) == 3 and "HTTP 404" in done.failed[0][1].reason
    assert (done.changed, manifest.dataset_hash(out)) == (False, before)
    endpoint.status = 200
    assert recaption(out, asking, engine.in_turn).failed == (), "what failed is asked again"
    endpoint.close()
    began = time.monotonic()
    with pytest.raises(RecaptionError, match="nobody answers"):
        recaption(out, How(url=endpoint.url, model="other", unrated=True), engine.in_turn)
    assert time.monotonic() - began < 5, "found out once, not for every clip"


def test_learned_heads_speak_where_nothing_is_measured(out, tmp_path):
    features = Features()
    folder, width = tmp_path / "heads", _width(out, features)
    head = Head(
        FIELD, ("flat_graphic", "gekiga_gritty"), np.zeros((2, width), np.float32), np.array([3.0, 0.0]), 1.0, 0.5, {}
    )
    Heads((head,), Scaling(np.zeros(width, np.float32), np.ones(width, np.float32)), features, 0.9).save(folder)
    recaption(out, How(heads=folder), engine.in_turn)
    assert {record(out, key)[FIELD].source for key in keys(out)} == {"learned"}
    assert set(map(tuple, said(out, FIELD).values())) == {("flat_graphic",)}
    with pytest.raises(RecaptionError, match="no heads there"):
        recaption(out, How(heads=tmp_path / "absent"), engine.in_turn)


def _width(out: Path, features: Features) -> int:
    from anicaption.features import look

    row = manifest.load(out, columns=["key", "shard", "offset", "length"]).to_pylist()[0]
    clip = shards.read_member(out, row["shard"], row["offset"], row["length"])
    return len(features(look(clip, record(out, row["key"]).tracks, 0))["shot"])


def test_only_what_is_trained_on_leaves_as_truth(out, tmp_path):
    one, two, three = keys(out)
    with pytest.raises(RecaptionError, match="nobody corrected"):
        export_truth(out, tmp_path / "t")
    recaption(out, How(), engine.in_turn, corrections=correct(tmp_path, *((k, FIELD, "gag_simple") for k in keys(out))))
    with pytest.raises(RecaptionError, match=r"no splits.*decide"):
        export_truth(out, tmp_path / "t")
    told(out, splits={one: "train", two: "held_out", three: "train"}, tiers={one: "B", two: "B", three: "quarantined"})
    assert ExportTruth(str(out), tmp_path / "truth")() == 0
    shutil.rmtree(tmp_path / "truth")
    done = export_truth(out, tmp_path / "truth")
    assert (done.n_clips, done.n_groups, done.n_held_back) == (1, 1, 2)
    (example,) = heads_fit.examples([tmp_path / "truth"], Features())
    assert example.episode == "truth/work:w" and example.truth[FIELD].values == ("gag_simple",)
    assert {v.source for v in example.truth.variables().values() if v.known} == {"expert"}, "measurements are no truth"
    with pytest.raises(RecaptionError, match="not empty"):
        export_truth(out, tmp_path / "truth")


@pytest.mark.slow
@pytest.mark.ray
def test_a_local_model_answers_on_actors(out, tmp_path, ray_address):
    place = Path(__file__).parents[1] / "anicaption" / "vlm" / "conftest.py"
    spec = importlib.util.spec_from_file_location("tiny_model", place)
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    folder = tiny.save_tiny(tmp_path / "qwen")
    asking = How(local=folder, ask=(FIELD,), threshold=0.0, actors=1)
    done = recaption(out, asking, lambda: engine.on_ray(ray_address))
    assert (done.n_asked, done.failed, done.n_withheld) == (3, (), 0), "an unrated clip stays in the cluster"
    assert {record(out, key)[FIELD].source for key in keys(out)} == {"vlm"}
    assert {said(out, FIELD)[key][0] for key in keys(out)} <= set(taxonomy()[FIELD].value_ids)


def test_labels_committed_meanwhile_are_not_lost(out, tmp_path):
    """A generation that was made from an older one never hides what another said since."""
    here = store.open_store(out)
    read = annotations.load_labels(here).number
    told(out, tiers=dict.fromkeys(keys(out), "B"))
    words = annotations.write_table(here, pa.table({"key": keys(out), "split": ["train"] * 3}))
    with pytest.raises(store.Conflict, match="committed after"):
        annotations.commit_labels(here, 2, {"splits": [words]}, {}, base=read, strict=True)
    annotations.commit_labels(here, 2, {"splits": [words]}, {})
    assert {"tiers", "splits"} <= set(annotations.load_labels(here).kinds)
