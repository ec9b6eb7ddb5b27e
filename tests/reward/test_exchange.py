"""Votes in and out: formats there and back, refusals with place and reason, nothing half-imported, old taxonomies."""

import csv
import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from anicaption.releases import released
from anicaption.taxonomy import taxonomy
from animatrix_reward import events, exchange
from animatrix_reward.cli import main
from animatrix_reward.events import Event, EventError
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import Store
from animatrix_reward.room.store import events as kept

from tests.reward.room.rooms import fill, prepared

NOW = "2026-01-31T12:00:00.000+00:00"
SPANS = [
    {"start": 0, "end": 1, "kind": "smear_stretch", "verdict": "intentional", "severity": 2, "cues": ["recovery"],
     "box": [0.25, 0.1, 0.5, 0.75]},
    {"start": 5, "end": 24, "kind": "melt", "verdict": "failure", "severity": 5, "cues": [], "box": None},
]  # fmt: skip


def said():
    """One of everything, by two raters, of clips of the rooms' fill."""
    h = taxonomy().hash
    pair = {"prompt": "prompt-0", "left": "c-1", "right": "c-0"}
    turned = {"prompt": "prompt-0", "left": "c-0", "right": "c-1"}
    return [
        Event("e-1", "p-a", "t-1", "compare", NOW, {**pair, "dimension": "overall", "verdict": "left"}, h),
        Event("e-2", "p-b", "t-1", "compare", NOW, {**turned, "dimension": "overall", "verdict": "equal_bad"}, h),
        Event("e-3", "p-a", "t-1", "compare", NOW, {**pair, "dimension": "anime_aesthetic", "verdict": "right"}, h),
        Event(
            "e-4", "p-a", "t-2", "rate", NOW, {"clip": "c-2", "scores": {"anime_aesthetic": 4, "limb_structure": 1}}, h
        ),
        Event("e-5", "p-a", "t-3", "deform", NOW, {"clip": "c-2", "spans": SPANS, "none": False, "note": "良い"}, h),
        Event("e-6", "p-b", "t-3", "deform", NOW, {"clip": "c-2", "spans": [], "none": True}, h),
        Event("e-7", "p-a", "t-4", "correct", NOW, {"clip": "c-2", "tags": {"camera.move": ["pan_left"]}}, h),
        Event("e-8", "p-b", "t-1", "compare", NOW, {**turned, "dimension": "overall", "verdict": "right"}, h),
        Event("e-9", "p-b", "t-1", "undo", NOW, {"undoes": "e-8"}, h),
    ]


@pytest.fixture
def room(tmp_path):
    store = Store(Settings(prepared(tmp_path / "room")))
    fill(store, 2)
    store.close()
    return str(tmp_path / "room")


def in_room(folder):
    store = Store(Settings(Path(folder)))
    with store.read() as session:
        return kept(session)


@pytest.mark.parametrize("name", ["votes.jsonl", "votes.parquet"])
def test_everything_goes_there_and_back(tmp_path, room, name, capsys):
    events.write(tmp_path / "votes.jsonl", said())
    assert main(["import", str(tmp_path / "votes.jsonl"), "--room", room]) == 0
    assert main(["export", str(tmp_path / f"out-{name}"), "--room", room]) == 0
    second = tmp_path / "second"
    fill(Store(Settings(prepared(second))), 2)
    assert main(["import", str(tmp_path / f"out-{name}"), "--room", str(second)]) == 0
    assert in_room(second) == said()
    assert "9 events" in capsys.readouterr().out


def test_label_studio_there_and_back(tmp_path, room):
    events.write(tmp_path / "votes.jsonl", said())
    main(["import", str(tmp_path / "votes.jsonl"), "--room", room])
    path = tmp_path / "votes.json"
    assert main(["export", str(path), "--room", room]) == 0
    tasks = json.loads(path.read_text("utf-8"))
    ranges = [r["value"]["ranges"] for t in tasks for a in t["annotations"] for r in a["result"]
              if r["type"] == "timelinelabels"]  # fmt: skip
    assert ranges == [[{"start": 1, "end": 1}], [{"start": 6, "end": 24}]]  # from 1, the last frame belongs to it
    fill(Store(Settings(prepared(tmp_path / "second"))), 2)
    assert main(["import", str(path), "--room", str(tmp_path / "second")]) == 0
    back = {event.id: event for event in in_room(tmp_path / "second")}
    assert back == {event.id: event for event in events.standing(said()) if event.kind != "correct"}


def test_label_studio_of_other_hands(tmp_path, room):
    """As Label Studio itself writes it: numbers for people, Z for UTC, clips by their files."""
    task = {
        "id": 7,
        "data": {"video": "/data/upload/1/Cumulus-14B-2.mp4"},
        "annotations": [
            {"id": 3, "completed_by": 12, "created_at": "2026-02-01T09:00:00.123456Z", "was_cancelled": False,
             "result": [{"id": "x", "from_name": "deformation", "to_name": "video", "type": "timelinelabels",
                         "value": {"ranges": [{"start": 3, "end": 4}], "timelinelabels": ["pop"]}}]},
            {"id": 4, "completed_by": 12, "created_at": "2026-02-01T09:00:00Z", "was_cancelled": True, "result": []},
        ],
    }  # fmt: skip
    path = tmp_path / "ls.json"
    path.write_text(json.dumps([task]))
    assert main(["import", str(path), "--room", room]) == 0
    (event,) = in_room(room)
    assert (event.rater, event.body["clip"]) == ("ls-12", "c-2")
    span = event.body["spans"][0]
    assert (span["start"], span["end"], span["verdict"]) == (2, 4, "unsure")
    task["annotations"][0]["result"][0]["value"]["ranges"][0]["start"] = 0
    path.write_text(json.dumps([task]))
    with pytest.raises(EventError, match="task 1, annotation 1: ranges: frame 0: Label Studio counts frames from 1"):
        exchange.read(path, clips())


def clips():
    return [exchange.Clip(f"c-{n}", "prompt-0", "words", f"x/{m}-{n}.mp4", 24, 24.0)
            for n, m in enumerate(("Acme-Film-9", "Borealis-2b", "Cumulus-14B"))]  # fmt: skip


def test_videoalign_there_and_back(tmp_path, room):
    events.write(tmp_path / "votes.jsonl", said())
    main(["import", str(tmp_path / "votes.jsonl"), "--room", room])
    path = tmp_path / "votes.csv"
    assert main(["export", str(path), "--room", room]) == 0
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    assert [(r["Overall"], r["VQ"], r["MQ"], r["TA"], r["rater"]) for r in rows] == [
        ("A", "B", "", "", "p-a"),
        ("same", "", "", "", "p-b"),
    ]
    assert (
        rows[0]["path_A"].endswith("Borealis-2b-1.mp4") and rows[0]["num_frames_A"] == "24" and rows[0]["fps_A"] == "24"
    )
    fill(Store(Settings(prepared(tmp_path / "second"))), 2)
    assert main(["import", str(path), "--room", str(tmp_path / "second")]) == 0
    bodies = [event.body for event in in_room(tmp_path / "second")]
    assert [(b["left"], b["right"], b["dimension"], b["verdict"]) for b in bodies] == [
        ("c-1", "c-0", "anime_aesthetic", "right"),
        ("c-1", "c-0", "overall", "left"),
        ("c-0", "c-1", "overall", "equal_good"),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("a/Acme-Film-9-0.mp4,Borealis-2b-1.mp4,x,A,B,tie", "line 2: TA: 'tie' is none of A, B, same"),
        ("a/Acme-Film-9-0.mp4,Borealis-2b-1.mp4,x,,,", "line 2: says nothing"),
        ("a/Acme-Film-9-0.mp4,other.mp4,x,A,,", "line 2: path_B: other.mp4: no clip of that name"),
        ("Acme-Film-9-0.mp4,Acme-Film-9-0.mp4,x,A,,", "left and right are both"),
    ],
)
def test_videoalign_refusals(tmp_path, row, why):
    path = tmp_path / "votes.csv"
    path.write_text(f"path_A,path_B,prompt,VQ,MQ,TA\n{row}\n")
    with pytest.raises(EventError) as refused:
        exchange.read(path, clips())
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda rows: rows[5].update(id="e-1"), "line 6: id: e-1 stands at"),
        (lambda rows: rows[3]["body"].update(clip="c-99"), "line 4: body.clip: no clip c-99 in this room"),
        (lambda rows: rows[0]["body"].update(right="c-4"), "line 1: body: clips and prompt are of"),
        (lambda rows: rows[4]["body"]["spans"][1].update(end=25), "line 5: body.spans: ends at 25, but c-2 has 24"),
        (lambda rows: rows[2]["body"].update(dimension="speed"), "line 3: body.dimension: 'speed' is none of"),
        (lambda rows: rows[1].update(taxonomy_hash=released()[0].hash), "line 2: taxonomy_hash: .*--translate"),
    ],
)
def test_one_wrong_line_keeps_a_file_out(tmp_path, room, spoil, why, capsys):
    rows = [json.loads(json.dumps(vars(event))) for event in said()]
    spoil(rows)
    path = tmp_path / "votes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["import", str(path), "--room", room]) == 2
    assert re.search(why, capsys.readouterr().err)
    assert in_room(room) == []


def test_a_file_comes_in_once_and_so_does_an_event(tmp_path, room, capsys):
    path = tmp_path / "votes.jsonl"
    events.write(path, said()[:4])
    assert main(["import", str(path), "--room", room]) == 0
    assert main(["import", str(path), "--room", room]) == 2
    assert "imported already as votes.jsonl" in capsys.readouterr().err
    events.write(path, [said()[5], said()[3]])
    assert main(["import", str(path), "--room", room]) == 2
    assert "event 2: id: e-4 is in the room already" in capsys.readouterr().err
    assert in_room(room) == said()[:4]  # e-6, which came before it in the file, was not kept


def test_votes_of_an_older_taxonomy_are_translated_or_refused(tmp_path, room, capsys):
    old = next(r for r in released() if r.hash != taxonomy().hash)
    moved = next((f, v) for f in taxonomy().all_fields for v in f.all_values
                 if v.deprecated and len(v.replaced_by) == 1 and v.id in {x.id for x in old[f.id].values})  # fmt: skip
    split = next((f, v) for f in taxonomy().all_fields for v in f.all_values
                 if v.replaced_at_edges and v.id in {x.id for x in old[f.id].values})  # fmt: skip
    path = tmp_path / "votes.jsonl"

    def correction(field, value):
        body = {"clip": "c-2", "tags": {field.id: [value.id]}}
        return replace(said()[6], body=body, taxonomy_hash=old.hash)

    events.write(path, [correction(*moved)])
    assert main(["import", str(path), "--room", room]) == 2
    assert main(["import", str(path), "--room", room, "--translate"]) == 0
    new_field, _, new_value = moved[1].replaced_by[0].partition("=")
    (event,) = in_room(room)
    assert event.body["tags"] == {new_field: [new_value]} and event.taxonomy_hash == taxonomy().hash
    events.write(path, [correction(*split)])
    assert main(["import", str(path), "--room", room, "--translate"]) == 2
    assert "today; say which in the file" in capsys.readouterr().err
    events.write(path, [replace(said()[0], id="e-x", taxonomy_hash="f" * 16)])
    assert main(["import", str(path), "--room", room, "--translate"]) == 2
    assert "install the anicaption that made it" in capsys.readouterr().err


def test_a_file_of_no_format_is_refused(tmp_path):
    path = tmp_path / "votes.xml"
    path.write_text("<votes/>")
    with pytest.raises(EventError, match=r"'\.xml' is no format of votes; give \.jsonl"):
        exchange.read(path, clips())
    for name, content in (
        ("a.parquet", b"no"),
        ("a.json", b"{}"),
        ("a.csv", b"x\n1\n"),
        ("a.jsonl", b""),
        ("b.jsonl", b"\xff"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(EventError, match=name):
            exchange.read(tmp_path / name, clips())


def test_corrections_are_what_ingest_reads(tmp_path, room):
    from animatrix_ingest import corrections

    events.write(tmp_path / "votes.jsonl", said())
    main(["import", str(tmp_path / "votes.jsonl"), "--room", room])
    path = tmp_path / "corrections.jsonl"
    assert main(["corrections", str(path), "--room", room]) == 0
    (read,) = corrections.read(path, ["c-2"])
    assert (read.key, read.field, read.values, read.who) == ("c-2", "camera.move", ("pan_left",), "p-a")


def test_agreement_of_a_room_and_of_a_file(tmp_path, room, capsys):
    votes = simulated()
    events.write(tmp_path / "votes.jsonl", votes)
    assert main(["import", str(tmp_path / "votes.jsonl"), "--room", room]) == 0
    assert main(["agreement", room, "--draws", "50"]) == 0
    of_room = capsys.readouterr().out
    assert main(["agreement", str(tmp_path / "votes.jsonl"), "--draws", "50"]) == 0
    of_file = capsys.readouterr().out
    rows = {line.split()[1]: line.split() for line in of_room.splitlines() if line.startswith(("rate", "compare"))}
    assert float(rows["anime_aesthetic"][3]) == 1.0  # everybody gave the same scores
    assert float(rows["overall"][3]) < 0.5  # and chose sides blindly
    assert "Acme-Film-9" in of_room and "Acme-Film-9" not in of_file
    assert of_file.splitlines()[1].split()[:4] == of_room.splitlines()[2].split()[:4] or "overall" in of_file


def simulated():
    """Three raters: agreed on scores, blind in comparisons."""
    h, found = taxonomy().hash, []
    rng = random.Random(3)
    for rater in ("p-a", "p-b", "p-c"):
        for n in range(6):
            prompt = f"prompt-{n // 3}"
            scores = {"anime_aesthetic": 1 + n % 5}
            found.append(Event(f"r-{rater}-{n}", rater, f"r-{n}", "rate", NOW, {"clip": f"c-{n}", "scores": scores}, h))
            right = n // 3 * 3 + (n + 1) % 3
            body = {"prompt": prompt, "left": f"c-{n}", "right": f"c-{right}", "dimension": "overall"}
            body["verdict"] = rng.choice(["left", "right", "equal_good"])
            found.append(Event(f"c-{rater}-{n}", rater, f"c-{n}", "compare", NOW, body, h))
    return found
