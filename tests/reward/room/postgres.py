"""A PostgreSQL server of the tests' own, in a temporary folder, run by a user without privileges."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pg8000.dbapi

REMEDY = "install it (Debian: apt-get install postgresql) or put its initdb and postgres on the PATH"


def found(name: str) -> str:
    """A program of PostgreSQL, on the PATH or where Debian puts it. Fails where it is missing."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    program = shutil.which(name) or (str(places[0]) if places else None)
    assert program, f"PostgreSQL's {name} is not here; {REMEDY}"
    return program


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a fresh server, which is stopped and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="room-postgres-"))
    folder.chmod(0o755)
    data, as_user = folder / "data", []
    data.mkdir()
    if os.geteuid() == 0:  # the server refuses to run as root
        assert shutil.which("setpriv"), "setpriv is not here; install util-linux, or run the tests as another user"
        as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chown(data, 65534, 65534)
    data.chmod(0o700)
    password = folder / "password"
    password.write_text("tests-only\n")
    making = [found("initdb"), "-D", data, "-U", "room", "--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8"]
    here = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run([*as_user, *making], check=True, capture_output=True, env=here, cwd=data)
    port = free_port()
    server = subprocess.Popen(
        [*as_user, found("postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", ""],
        stdout=subprocess.DEVNULL, stderr=(folder / "log").open("w"), cwd=data,
    )  # fmt: skip
    try:
        wait_for(port, server, folder / "log")
        _until_up(port)
        yield f"postgresql://room:tests-only@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # at once, whoever is still connected
        server.wait(20)
        shutil.rmtree(folder)


def _until_up(port: int, seconds: float = 30) -> None:
    """It listens a while before it lets anybody in."""
    until = time.monotonic() + seconds
    while True:
        try:
            pg8000.dbapi.connect(
                "room", host="127.0.0.1", port=port, password="tests-only", database="postgres"
            ).close()
            return
        except pg8000.dbapi.DatabaseError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen, log: Path, seconds: float = 30) -> None:
    """Until something answers at a port. Fails with the log where the process ends first."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, f"the server ended: {log.read_text()}"
        with socket.socket() as trying:
            trying.settimeout(1)
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing answers at port {port} after {seconds} s: {log.read_text()}")
