"""The room over HTTP: entering, forgery, limits, blindness, events kept once, roles, headers."""

import hashlib
import json
import re
import uuid

import pytest
from animatrix_reward.room import people
from animatrix_reward.room.add import add, read_list
from animatrix_reward.room.app import create_app
from animatrix_reward.room.settings import Limits, Settings, Shares
from animatrix_reward.room.store import events
from fastapi.testclient import TestClient

from tests.reward.room.rooms import MODELS, answer, clip, drawn, enter, fill, listed, prepared, row


@pytest.fixture
def app(tmp_path):
    app = create_app(Settings(prepared(tmp_path), limits=Limits(enter_per_minute=60)))
    fill(app.state.store)
    return app


@pytest.fixture
def client(app):
    return TestClient(app, base_url="http://room")


def other(app):
    return TestClient(app, base_url="http://room")


def post(client, *sent):
    return client.post("/api/events", json={"events": list(sent)})


def task_of(client, kind="compare"):
    found = client.get("/api/tasks/next", params={"kind": kind})
    assert found.status_code == 200, found.text
    return found.json()


def test_a_vote_is_kept_once_however_often_it_is_sent(app, client):
    me = enter(client, app.state.store)
    sent = answer(task_of(client))
    first, again = post(client, sent).json(), post(client, sent, sent).json()
    assert first == {"accepted": [sent["id"]], "known": [], "refused": []}
    assert again == {"accepted": [], "known": [sent["id"], sent["id"]], "refused": []}
    with app.state.store.read() as session:
        (kept,) = events(session)
    assert kept.rater == me["id"] and kept.body["prompt"].startswith("prompt-")
    assert {kept.body["left"], kept.body["right"]} <= {f"c-{n}" for n in range(18)}


def test_an_id_cannot_be_used_for_something_else(app, client):
    enter(client, app.state.store)
    sent = answer(task_of(client))
    post(client, sent)
    changed = {**sent, "body": {**sent["body"], "verdict": "right"}}
    (refused,) = post(client, changed).json()["refused"]
    assert "used for another event" in refused["reason"]


def test_one_wrong_event_does_not_hold_up_the_others(app, client):
    enter(client, app.state.store)
    good, bad = answer(task_of(client)), answer(task_of(client, "rate"))
    bad["body"]["scores"] = {"beauty": 3}
    told = post(client, bad, good).json()
    assert told["accepted"] == [good["id"]]
    assert "'beauty' is none of style_fidelity" in told["refused"][0]["reason"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: s["body"].update(verdict="best"), "'best' is none of left"),
        (lambda s: s["body"].update(dimension="speed"), "'speed' is none of overall"),
        (lambda s: s["body"].update(left=s["body"]["right"]), "not this task's clips"),
        (lambda s: s["body"].update(left="c-1"), "not this task's clips"),
        (lambda s: s.update(kind="rate"), "does not answer a task of kind compare"),
        (lambda s: s.update(task="a-" + "x" * 22), "was not given to you"),
        (lambda s: s["body"].update(note="\u0000"), "NUL"),
        (lambda s: s["body"].update(note="\ud800"), "surrogate"),
        (lambda s: s["body"].update(note="n" * 3000), "at most 2000"),
        (lambda s: s["body"].update(extra=1), "extra"),
        (lambda s: s.update(id="two words"), "is no id"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(app, client, change, why):
    enter(client, app.state.store)
    sent = answer(task_of(client))
    change(sent)
    told = client.post(
        "/api/events", content=json.dumps({"events": [sent]}), headers={"content-type": "application/json"}
    )
    assert told.status_code == 200 and why in told.json()["refused"][0]["reason"]
    with app.state.store.read() as session:
        assert events(session) == []


def test_nobody_gets_nothing(app, client):
    for path in ("/api/me", "/api/tasks/next", "/api/progress", "/api/agreement", "/api/gold", "/media/x/table.json"):
        assert client.get(path).status_code == 401, path
    assert client.get("/compare", follow_redirects=False).headers["location"] == "/enter"


def test_every_post_needs_the_forgery_token(app, client):
    enter(client, app.state.store)
    sent = answer(task_of(client))
    right = client.headers.pop(people.CSRF_HEADER)
    with other(app) as stranger:
        enter(stranger, app.state.store, name="Ren")
        wrong = stranger.headers[people.CSRF_HEADER]
    for headers in ({}, {people.CSRF_HEADER: ""}, {people.CSRF_HEADER: wrong}, {people.CSRF_HEADER: right[:-1]}):
        for path in ("/api/events", "/api/leave", "/api/enter", "/api/invites"):
            assert client.post(path, json={"events": [sent]}, headers=headers).status_code == 403, (path, headers)
    assert client.post("/api/events", json={"events": [sent]}, headers={people.CSRF_HEADER: right}).status_code == 200


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(app, client, tmp_path):
    enter(client, app.state.store)
    with app.state.store.write() as session:
        invitation = people.invite(session, ("rater",))
    set_ = client.post("/api/enter", json={"token": invitation, "name": "B"}).headers["set-cookie"].lower()
    assert "httponly" in set_ and "samesite=strict" in set_ and "path=/" in set_ and "secure" not in set_
    tls = TestClient(create_app(Settings(prepared(tmp_path / "tls"), https=True)), base_url="https://room")
    assert "secure" in tls.get("/enter").headers["set-cookie"].lower()


def test_a_forged_or_spoilt_cookie_is_nobody(app, client):
    enter(client, app.state.store)
    real = client.cookies[people.COOKIE]
    foreign = people.Sessions(Settings(app.state.settings.folder / "elsewhere"))
    for value in (real[:-2] + "xx", "", "null", foreign._signer.dumps({"s": "a", "p": "b", "e": 0}), real + real):
        with other(app) as stranger:
            assert stranger.get("/api/me", headers={"cookie": f"{people.COOKIE}={value}"}).status_code == 401


def test_invitations_are_spent_run_out_and_are_not_stored(app, client):
    store = app.state.store
    enter(client, store)
    with store.write() as session:
        twice, late = people.invite(session, ("expert",), uses=2), people.invite(session, ("rater",), days=1e-9)
    told = [client.post("/api/enter", json={"token": twice, "name": f"n{n}"}) for n in range(1)]
    client.headers[people.CSRF_HEADER] = told[0].json()["csrf"]
    second = client.post("/api/enter", json={"token": twice, "name": "n2"})
    assert second.status_code == 200 and second.json()["roles"] == ["expert"]
    client.headers[people.CSRF_HEADER] = second.json()["csrf"]
    for token, why in ((twice, "used up"), (late, "out of date"), ("guess", "unknown")):
        refused = client.post("/api/enter", json={"token": token, "name": "x"})
        assert refused.status_code == 403 and why in refused.json()["detail"]
    assert twice.encode() not in (app.state.settings.folder / "room.sqlite").read_bytes()


def test_who_is_sent_away_is_out_at_once_and_comes_back_by_an_own_invitation(app, client):
    store = app.state.store
    me = enter(client, store)
    post(client, answer(task_of(client)))
    with store.write() as session:
        people.send_away(session, me["id"])
    assert client.get("/api/me").status_code == 401
    with store.write() as session:
        own = people.invite(session, (), person=me["id"])
    back = client.post("/api/enter", json={"token": own, "name": "whatever"}).json()
    assert (back["id"], back["name"]) == (me["id"], me["name"])
    assert client.get("/api/progress").json()["mine"] == {"compare": 1}


def test_roles(app, client):
    enter(client, app.state.store)
    for path in ("/api/agreement", "/api/gold", "/api/tasks/next?kind=gold", "/api/tasks/next?kind=adjudicate"):
        assert client.get(path).status_code == 403, path
    assert client.post("/api/invites", json={"roles": ["admin"]}).status_code == 403
    assert client.get("/api/progress").json()["people"] == []
    with other(app) as admin:
        enter(admin, app.state.store, "admin", "Chief")
        made = admin.post("/api/invites", json={"roles": ["rater"], "uses": 3})
        assert re.fullmatch(r"/enter#\w{40,}", made.json()["link"])
        assert {row["name"] for row in admin.get("/api/progress").json()["people"]} == {"Aoi", "Chief"}


def test_accuracy_on_gold_is_told_to_experts(tmp_path):
    app = create_app(Settings(prepared(tmp_path), shares=Shares(0, 0, 1, 0)))
    fill(app.state.store, 2)
    with other(app) as expert, other(app) as rater:
        enter(expert, app.state.store, "expert", "Ema")
        me = enter(rater, app.state.store)
        gold = task_of(expert, "gold")
        while gold["about"] != "compare":
            post(expert, {**answer(gold), "kind": "skip", "body": {"reason": ""}})
            gold = task_of(expert, "gold")
        assert post(expert, answer(gold, "equal_bad")).json()["refused"] == []
        post(rater, answer(task_of(rater), "equal_bad"))
        (row,) = [row for row in expert.get("/api/progress").json()["people"] if row["id"] == me["id"]]
        assert (row["n_gold"], row["n_right"]) == (1, 1)
        (told,) = expert.get("/api/gold").json()
        assert told["expected"]["verdict"] == "equal_bad" and told["n_answers"] == 1


def test_no_byte_before_the_vote_tells_a_model(tmp_path):
    """Names, ids, files and folders of clips are in nothing that a rater can fetch; nor are telling headers."""
    app = create_app(Settings(prepared(tmp_path / "room")))
    folder = tmp_path / "secret-shelf"
    rows = []
    for n, model in enumerate(MODELS):
        drawn(folder / f"{model}-{n}.mp4", seed=n)
        rows.append(row(path=f"{model}-{n}.mp4", model=model, id=f"leak-{n}"))
    add(app.state.store, read_list(listed(folder, rows)), "test")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.mp4")]
    telling = [*MODELS, "leak-", "secret-shelf", ".mp4", *digests]
    with other(app) as client:
        enter(client, app.state.store)
        seen = []
        for kind in ("compare", "rate", "deform", "correct"):
            task = task_of(client, kind)
            seen += [client.get(f"/{kind}"), client.get("/api/tasks/next", params={"kind": kind})]
            for each in task["clips"]:
                table = client.get(f"/media/{each['token']}/table.json")
                assert table.status_code == 200, table.text
                seen.append(table)
                seen += [client.get(f"/media/{each['token']}/{b['url']}") for b in table.json()["bundles"]]
        seen += [client.get(path) for path in ("/", "/progress", "/api/progress", "/api/me", "/help", "/keys")]
    for got in seen:
        assert got.status_code == 200, got.url
        whole = str(got.headers).encode() + got.content
        assert not [word for word in telling if word.encode() in whole], got.url
        assert not {"etag", "last-modified", "server"} & set(got.headers), got.url


def test_tokens_are_of_one_person_and_never_paths(app, client):
    enter(client, app.state.store)
    token = task_of(client)["clips"][0]["token"]
    with other(app) as stranger:
        enter(stranger, app.state.store, name="Ren")
        assert stranger.get(f"/media/{token}/table.json").status_code == 404
    for path in (
        "/media/../room.secret", "/media/%2e%2e/room.secret", "/media/..%2f..%2froom.sqlite/table.json",
        f"/media/{token}/..%2f..%2froom.secret", f"/media/{token}/%2e%2e%2froom.secret.bin",
        "/static/../settings.py", "/static/%2e%2e/settings.py", "/static/..%2fsettings.py", "/static//etc/passwd",
        "/media/clips%2f..%2fx/table.json", "/media/%00/table.json", "/static/%00",
    ):  # fmt: skip
        got = client.get(path)
        assert got.status_code in (400, 404, 405, 422), (path, got.status_code)
        assert b"import" not in got.content and b"SQLite" not in got.content


def test_stored_text_with_tags_comes_out_escaped(tmp_path):
    app = create_app(Settings(prepared(tmp_path)))
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    path = drawn(tmp_path / "a.mp4")
    add(app.state.store, [clip(0, "p", "m", "walk", text=evil, path=path)], "test")
    with other(app) as client:
        enter(client, app.state.store, "admin", name=f"<b>{evil[:60]}")
        for page in ("/", "/rate", "/deform", "/correct", "/progress", "/task/rate"):
            got = client.get(page)
            assert got.status_code == 200, page
            assert "<script>alert" not in got.text and "<img src=x" not in got.text and "<b><script" not in got.text, (
                page
            )
        assert "&lt;script&gt;alert(1)" in client.get("/rate").text + client.get("/task/rate").text
        task = task_of(client, "rate")
        assert task["prompt_text"] == evil
        assert client.get("/api/tasks/next?kind=rate").headers["content-type"] == "application/json"


def test_answers_carry_the_guards(app, client):
    for path in ("/enter", "/api/me", "/static/", "/nothing", "/openapi.json"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy and "unsafe" not in policy and "default-src 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
    assert client.get("/api/me").headers["cache-control"] == "no-store"


def test_who_asks_too_often_waits(tmp_path):
    limits = Limits(person_per_s=1, person_burst=5, address_per_s=1000, address_burst=1000, enter_per_minute=2)
    app = create_app(Settings(prepared(tmp_path), limits=limits))
    client = other(app)
    enter(client, app.state.store)
    told = [client.get("/api/me").status_code for _ in range(8)]
    assert told.count(200) <= 6 and told[-1] == 429
    refused = client.get("/api/me")
    assert int(refused.headers["retry-after"]) >= 1 and "try again" in refused.json()["detail"]
    assert client.get("/static/").status_code != 429
    guesses = [client.post("/api/enter", json={"token": "guess", "name": "x"}).status_code for _ in range(4)]
    assert guesses[-1] == 429


def test_a_body_that_is_too_long_or_too_deep_is_refused(tmp_path):
    app = create_app(Settings(prepared(tmp_path), limits=Limits(body_bytes=50_000)))
    client = other(app)
    enter(client, app.state.store)
    json_type = {"content-type": "application/json"}
    assert client.post("/api/events", content=b'{"events": [' + b" " * 60_000, headers=json_type).status_code == 413
    for nested in (b'{"events":' + b"[" * 20_000, b"[" * 5_000 + b"]" * 5_000, b"1" * 9_000):
        assert client.post("/api/events", content=nested, headers=json_type).status_code in (400, 422)
    assert client.post("/api/events", json={"events": [{"id": str(uuid.uuid4())}]}).status_code == 422
