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

MOST_S = 90


@pytest.mark.room
@pytest.mark.parametrize("role", ["rater", "admin"])
def test_schemathesis_finds_nothing(tmp_path, role):
    settings = Settings(tmp_path / "room", limits=Limits(enter_per_minute=1e6))
    store = Store(settings)
    rows = [row(path=f"{name}.mp4", model=name) for name in "abc"]
    for number, name in enumerate("abc"):
        drawn(tmp_path / "clips" / f"{name}.mp4", seed=number)
    add(store, read_list(listed(tmp_path / "clips", rows)), "test")
    server = Server(ROOM, tmp_path, {"folder": str(settings.folder), "url": ""})
    try:
        at = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=at) as client:
            enter(client, store, role)
            cookie = f"{people.COOKIE}={client.cookies[people.COOKIE]}"
            csrf = f"{people.CSRF_HEADER}: {client.headers[people.CSRF_HEADER]}"
        program = Path(sys.executable).with_name("schemathesis")
        assert program.exists(), "schemathesis is not installed; pip install -e '.[dev]'"
        done = subprocess.run(
            [program, "run", f"{at}/openapi.json", "-H", f"Cookie: {cookie}", "-H", csrf, "--max-examples", "25",
             "--phases", "examples,coverage,fuzzing", "--seed", "1", "--max-time", str(MOST_S), "--no-color",
             "--request-timeout", "30"],
            capture_output=True, text=True, cwd=tmp_path, timeout=MOST_S + 150,
        )  # fmt: skip
        print(done.stdout[-3000:])
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert httpx.get(f"{at}/enter").status_code == 200  # it stands
        assert "Traceback" not in (tmp_path / f"server-{server.port}.log").read_text()
    finally:
        server.kill()
        store.close()
