"""The room's commands: serving, inviting, sending away, and refusing in one line."""

import re
import subprocess
import sys

import httpx
from animatrix_reward.cli import main
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import Store

from tests.reward.room.postgres import free_port, wait_for
from tests.reward.room.rooms import room


def test_serve_lets_the_first_administrator_in(tmp_path):
    room(tmp_path / "room", n_prompts=1).close()
    port, log = free_port(), tmp_path / "log"
    arguments = ["serve", "--room", str(tmp_path / "room"), "--port", str(port)]
    with log.open("w") as out:
        server = subprocess.Popen([sys.executable, "-m", "animatrix_reward.cli", *arguments], stdout=out, stderr=out)
    try:
        wait_for(port, server, log, 60)
        link = re.search(r"http://\S+/enter#(\w+)", log.read_text())
        assert link, log.read_text()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            page = client.get("/enter")
            csrf = re.search(r'name="csrf-token" content="(\w+)"', page.text)[1]
            headers = {"X-CSRF-Token": csrf}
            me = client.post("/api/enter", json={"token": link[1], "name": "Chief"}, headers=headers)
            assert me.json()["roles"] == ["admin"]
            assert client.get("/api/tasks/next").status_code == 200
            assert client.get("/").status_code == 200
            assert "server" not in page.headers
    finally:
        server.kill()
        server.wait()


def test_invite_list_and_send_away(tmp_path, capsys):
    at = str(tmp_path / "room")
    assert (
        main(["invite", "--room", at, "--roles", "expert", "rater", "--uses", "2", "--url", "https://x.example/"]) == 0
    )
    link = capsys.readouterr().out.strip()
    assert re.fullmatch(r"https://x\.example/enter#\w{40,}", link)
    store = Store(Settings(tmp_path / "room"))
    from animatrix_reward.room import people

    with store.write() as session:
        person, _ = people.enter(session, link.partition("#")[2], "  Aoi   <i> ")
    assert person.roles == ("expert", "rater") and person.name == "Aoi <i>"
    assert main(["people", "--room", at]) == 0
    assert f"{person.id}  Aoi <i>  expert+rater" in capsys.readouterr().out
    assert main(["people", "--room", at, "--send-away", person.id]) == 0
    assert "sent away" in capsys.readouterr().out
    for wrong in (["people", "--send-away", "p-nobody"], ["invite", "--person", "p-nobody"], ["invite", "--uses", "0"]):
        assert main([*wrong, "--room", at]) == 2
        assert capsys.readouterr().err.startswith("animatrix-reward: ")


def test_a_database_that_is_none_is_refused(tmp_path, capsys):
    assert main(["people", "--room", str(tmp_path), "--database-url", "mysql://x"]) == 2
    assert "'mysql' is not served; give postgresql://" in capsys.readouterr().err
