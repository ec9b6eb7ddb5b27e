"""Submit `animatrix-ingest` as a Ray job, follow its log, and end with its status.

    python infra/job.py [--address http://HEAD:8265] -- run SOURCES --out DIR [flags]

Without --address a cluster of this machine alone is started for the job and stopped after it. On a shared or public
network set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN on both sides; the local cluster makes a token of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

PROGRAM = "animatrix-ingest"


def entrypoint(arguments: Sequence[str]) -> str:
    """The job's command line: the same command as by hand, told to join the cluster that runs it."""
    return shlex.join([_beside(PROGRAM), *arguments, "--address", "auto"])


def _beside(program: str) -> str:
    """A program by its name where the path has it, else in the environment of this Python."""
    here = os.path.join(sysconfig.get_path("scripts"), program)
    return here if shutil.which(program) is None and os.path.exists(here) else program


@contextmanager
def local() -> Iterator[str]:
    """A Ray cluster of this machine with its dashboard, for one job; yields the dashboard's address.

    All its ports are free ones: beside another cluster on the usual ports it would have no agent that takes jobs.
    """
    names = ("port", "dashboard-port", "dashboard-agent-listen-port", "ray-client-server-port")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    command = [_beside("ray"), "start", "--head", "--block", "--include-dashboard=true", "--disable-usage-stats"]
    command += ["--node-ip-address=127.0.0.1", "--min-worker-port=0", "--max-worker-port=0"]
    head = subprocess.Popen([*command, *(f"--{n}={port}" for n, port in ports.items())], stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{ports['dashboard-port']}"
    try:
        _await(address, head)
        yield address
    finally:
        head.terminate()
        head.wait()


def free_ports(n: int) -> list[int]:
    """Ports of this machine that nobody listens on now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _await(address: str, head: subprocess.Popen[bytes], limit_s: float = 300.0) -> None:
    """Wait until a dashboard answers, be it with a refusal."""
    until = time.monotonic() + limit_s
    while head.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{address}/api/version", timeout=10).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
    raise ConnectionError(f"{address}: Ray did not come up here; `ray start --head` says why")


def submit(address: str, arguments: Sequence[str]) -> int:
    """Run the command as a job on the cluster behind a dashboard; 0 where it succeeded. Its log goes to stdout."""
    from ray.job_submission import JobStatus, JobSubmissionClient

    client = JobSubmissionClient(address)
    name = client.submit_job(entrypoint=entrypoint(arguments))
    print(f"job {name} on {address}; again later: ray job logs {name} --address {address}", flush=True)

    async def follow() -> None:
        async for lines in client.tail_job_logs(name):
            print(lines, end="", flush=True)

    asyncio.run(follow())
    status = client.get_job_status(name)
    if status != JobStatus.SUCCEEDED:
        print(f"job {name}: {status}: {client.get_job_info(name).message}", file=sys.stderr)
        return 1
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra/job.py", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--address", default="", help="the cluster's dashboard; a local one if left out")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="-- and what animatrix-ingest is to do")
    given = parser.parse_args(argv)
    arguments = [part for at, part in enumerate(given.arguments) if at or part != "--"]
    if not arguments or arguments[0] != "run":
        parser.error(f"arguments: {shlex.join(arguments)!r}: say what to do after --, as `-- run SOURCES --out DIR`")
    if given.address:
        return submit(given.address, arguments)
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if os.environ["RAY_AUTH_MODE"] == "token":
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with local() as address:
        return submit(address, arguments)


if __name__ == "__main__":
    sys.exit(main())
