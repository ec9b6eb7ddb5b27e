"""Pages as the server renders them: roles, disputes and what raters said, choices, caption forms, media errors."""

import re
from io import BytesIO

import numpy as np
import pytest
from animatrix_reward.room.add import add, read_list
from animatrix_reward.room.app import create_app
from animatrix_reward.room.frames import Bundles
from animatrix_reward.room.prepare import prepare
from animatrix_reward.room.settings import Limits, Settings, Shares
from fastapi.testclient import TestClient
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.reward.room.rooms import answer, drawn, enter, fill, listed, row

BAD = '<b onclick="x()">note & more</b>'


@pytest.fixture
def app(tmp_path):
    settings = Settings(tmp_path, raters=2, shares=Shares(0.7, 0.3, 0, 0), limits=Limits(enter_per_minute=60))
    app = create_app(settings)
    fill(app.state.store, n_prompts=1)
    return app


def client_of(app):
    return TestClient(app, base_url="http://room", follow_redirects=False)


def somebody(app, role="rater", name="Aoi"):
    client = client_of(app)
    enter(client, app.state.store, role, name)
    return client


def said_by(client, kind, **more):
    """Answer every task of a kind."""
    while (found := client.get("/api/tasks/next", params={"kind": kind})).status_code == 200:
        done = client.post("/api/events", json={"events": [answer(found.json(), **more)]}).json()
        assert done["accepted"], done


def test_nobody_gets_no_page(app):
    client = client_of(app)
    for path in ("/", "/compare", "/task/rate", "/progress", "/keys", "/help"):
        answered = client.get(path)
        assert (answered.status_code, answered.headers["location"]) == (303, "/enter")
    assert "data-enter" in client.get("/enter").text


def test_roles(app):
    rater, expert = somebody(app), somebody(app, "expert")
    for path in ("/adjudicate", "/gold", "/task/gold", "/progress/agreement"):
        assert rater.get(path).status_code == 403
        assert expert.get(path).status_code == 200
    assert "/gold" not in rater.get("/").text and "/gold" in expert.get("/").text
    assert rater.get("/task/dance").status_code == 404


def test_an_expert_sees_what_raters_said_and_no_more(app):
    """A dispute over sides, and one over a span; notes are words, raters and models are nobody."""
    one, two = somebody(app, name="Rin"), somebody(app, name="Sora")
    said_by(one, "compare", verdict="left", note=BAD)
    said_by(two, "compare", verdict="left", note="plain")
    span = {"start": 2, "end": 5, "kind": "melt", "severity": 4, "cues": [], "box": None}
    said_by(one, "deform", spans=[span | {"verdict": "failure"}], none=False)
    said_by(two, "deform", spans=[span | {"verdict": "intentional"}], none=False, note=BAD)
    expert = somebody(app, "expert")
    abouts = set()
    while '<section class="task' in (page := expert.get("/adjudicate").text):
        about = re.search(r'data-about="(\w+)"', page).group(1)
        abouts.add(about)
        assert BAD not in page and "&lt;b onclick=&#34;x()&#34;&gt;note &amp; more&lt;/b&gt;" in page
        assert "Rin" not in page and "Sora" not in page and not re.search(r"p-\w{12}\"", page.split("<main")[1])
        if about == "deform":
            assert "melt" in page and "failure" in page and "intentional" in page and 'data-go="2"' in page
        task = expert.get("/api/tasks/next", params={"kind": "adjudicate"}).json()
        assert expert.post("/api/events", json={"events": [answer(task)]}).json()["accepted"]
    assert "deform" in abouts


def test_choices_are_kept_and_lead_nowhere_else(app):
    client = somebody(app)
    assert 'lang="en"' in client.get("/").text
    assert 'lang="ja"' in client.get("/", headers={"accept-language": "ja"}).text
    answered = client.get("/set", params={"lang": "ja", "theme": "light", "to": "/help"})
    assert answered.headers["location"] == "/help"
    page = client.get("/").text
    assert 'lang="ja"' in page and 'data-theme="light"' in page
    client.get("/set", params={"lang": "klingon", "theme": "<x>"})
    assert 'lang="ja"' in client.get("/").text
    for to in ("//evil", "http://evil", "/\\evil", "/a\r\nSet-Cookie: x=1", ""):
        assert client.get("/set", params={"to": to}).headers["location"] == "/"


def test_the_caption_form_starts_from_what_was_read(app):
    page = somebody(app).get("/correct").text
    field = page.split('data-field="camera.move"')[1].split("</div>")[0]
    assert 'data-was="[&#34;pan_left&#34;]"' in page
    assert re.search(r'value="pan_left"\s+checked', field) and 'value="pan_right" >' in field


def test_a_clip_that_is_gone_or_changed_is_said_to_be_so(tmp_path):
    app = create_app(Settings(tmp_path / "room"))
    film = drawn(tmp_path / "clips" / "Acme-Film-9.mp4")
    add(app.state.store, read_list(listed(tmp_path / "clips", [row(path=film.name)])), "test")
    client = somebody(app)
    token = client.get("/api/tasks/next", params={"kind": "rate"}).json()["clips"][0]["token"]
    whole = film.read_bytes()
    film.write_bytes(whole + b"more")
    told = client.get(f"/media/{token}/table.json")
    assert told.status_code == 409 and "sha256" in told.json()["error"] and "Acme" not in told.text
    assert client.get(f"/media/{token}/0.bin").status_code == 409
    film.unlink()
    app.state.bundles = None
    for file in (tmp_path / "room" / "frames").glob("*/*/*"):
        file.unlink()
    assert client.get(f"/media/{token}/table.json").status_code == 409
    film.write_bytes(whole)
    table = client.get(f"/media/{token}/table.json").json()
    assert table["n_frames"] == 8 and table["bundles"][0]["url"] == "0.bin"
    assert client.get(f"/media/{token}/0.bin").headers["cache-control"].startswith("private")
    assert client.get(f"/media/{token}/2.bin").status_code == 404
    assert client.get("/media/nobody/table.json").status_code == 404


def test_a_prompt_with_a_picture_shows_it_and_nothing_of_its_file(tmp_path):
    app = create_app(Settings(tmp_path / "room"))
    films = tmp_path / "clips"
    film, still = drawn(films / "a.mp4"), films / "Acme-Film-9.png"
    picture = Image.fromarray(np.full((30, 40, 3), (200, 30, 90), np.uint8))
    told = PngInfo()
    told.add_text("made by", "Acme-Film-9")
    picture.save(still, pnginfo=told)
    rows = [row(path=film.name, image=still.name), row(path=film.name, prompt="p-1")]
    add(app.state.store, read_list(listed(films, rows)), "test")
    client, seen = somebody(app), {}
    for _ in range(2):
        page, task = client.get("/rate").text, client.get("/api/tasks/next", params={"kind": "rate"}).json()
        at = f"/media/{task['clips'][0]['token']}/picture"
        got = client.get(at)
        assert (f'src="{at}"' in page) == task["picture"] == (got.status_code == 200)
        seen[task["picture"]] = got
        client.post("/api/events", json={"events": [answer(task)]})
    assert seen[False].status_code == 404
    assert b"Acme" not in seen[True].content and seen[True].headers["content-type"] == "image/jpeg"
    shown = np.asarray(Image.open(BytesIO(seen[True].content)))
    assert shown.shape == (30, 40, 3) and np.abs(shown.astype(int) - (200, 30, 90)).max() <= 3
    still.unlink()
    gone = client.get(at.replace(at.split("/")[2], seen[True].url.path.split("/")[2]))
    assert gone.status_code == 409 and "Acme" not in gone.text


def test_prepared_clips_are_decoded_before_anybody_asks(tmp_path):
    app = create_app(Settings(tmp_path / "room"))
    store, films = app.state.store, [drawn(tmp_path / "clips" / f"{n}.mp4", seed=n) for n in range(3)]
    add(store, read_list(listed(tmp_path / "clips", [row(path=film.name) for film in films])), "test")
    films[1].write_bytes(b"changed")
    done = prepare(store, Bundles(store.settings.frames))
    assert (done.n_ready, len(done.broken), done.n_left) == (2, 1, 0)
    assert "sha256" in next(iter(done.broken.values()))
    client = somebody(app)
    token = client.get("/api/tasks/next", params={"kind": "rate"}).json()["clips"][0]["token"]
    client.get(f"/media/{token}/table.json")
    assert app.state.bundles.n_decoded == 0
    full = prepare(store, Bundles(store.settings.frames, limit_bytes=1))
    assert (full.n_ready, full.n_left) == (1, 2), "what would push the first out again is left"
