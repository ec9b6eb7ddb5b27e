"""The API against its own OpenAPI page: schemathesis asks a real server for everything the page allows and forbids."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from animatrix_reward.room import people
from animatrix_reward.room.add import add, read_list
from animatrix_reward.room.settings import Limits, Settings
from animatrix_reward.room.store import Store

from tests.reward.room.load import ROOM, Server
from tests.reward.room.rooms import drawn, enter, listed, row

HOW = {"admin": ("examples,coverage,fuzzing", 40), "rater": ("examples,coverage", 20)}
"""Who asks: what schemathesis tries, and its time (s). An administrator may do all that anybody may, so what bodies and
parameters do is tried as one; a rater is refused some of it, and the refusals must be as the page says."""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A room with clips, and its server."""
    folder = tmp_path_factory.mktemp("openapi")
    settings = Settings(folder / "room", limits=Limits(enter_per_minute=1e6))
    store = Store(settings)
    for number, name in enumerate("abc"):
        drawn(folder / "clips" / f"{name}.mp4", seed=number)
    rows = [row(path=f"{name}.mp4", model=name) for name in "abc"]
    add(store, read_list(listed(folder / "clips", rows)), "test")
    server = Server(ROOM, folder, {"folder": str(settings.folder), "url": ""})
    yield store, server
    server.kill()
    store.close()


@pytest.mark.room
@pytest.mark.parametrize("role", HOW)
def test_schemathesis_finds_nothing(served, tmp_path, role):
    (store, server), (phases, most_s) = served, HOW[role]
    at = f"http://127.0.0.1:{server.port}"
    with httpx.Client(base_url=at) as client:
        enter(client, store, role)
        cookie = f"{people.COOKIE}={client.cookies[people.COOKIE]}"
        csrf = f"{people.CSRF_HEADER}: {client.headers[people.CSRF_HEADER]}"
    program = Path(sys.executable).with_name("schemathesis")
    assert program.exists(), "schemathesis is not installed; pip install -e '.[dev]'"
    done = subprocess.run(
        [program, "run", f"{at}/openapi.json", "-H", f"Cookie: {cookie}", "-H", csrf, "--max-examples", "25",
         "--phases", phases, "--seed", "1", "--max-time", str(most_s), "--no-color", "--request-timeout", "30"],
        capture_output=True, text=True, cwd=tmp_path, timeout=most_s + 150,
    )  # fmt: skip
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert httpx.get(f"{at}/enter").status_code == 200  # it stands
    assert "Traceback" not in (server.folder / f"server-{server.port}.log").read_text()
