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
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

PROGRAM = "animatrix-ingest"


def entrypoint(arguments: Sequence[str]) -> str:
    """The job's command line: the same command as by hand, told to join the cluster that runs it."""
    program = PROGRAM
    here = os.path.join(sysconfig.get_path("scripts"), PROGRAM)
    if shutil.which(PROGRAM) is None and os.path.exists(here):
        program = here
    return shlex.join([program, *arguments, "--address", "auto"])


@contextmanager
def local() -> Iterator[str]:
    """A Ray cluster of this machine with its dashboard, for one job; yields the dashboard's address."""
    import ray

    context = ray.init(address="local", include_dashboard=True, log_to_driver=False)
    try:
        yield f"http://{context.dashboard_url}"
    finally:
        ray.shutdown()


def submitted(client: Any, command: str, wait_s: float = 180.0) -> str:
    """The name of the job. A cluster that has just begun has no agent to take one for a while, and is asked again."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return client.submit_job(entrypoint=command)
        except RuntimeError as error:
            if "No available agent" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(1)


def submit(address: str, arguments: Sequence[str]) -> int:
    """Run the command as a job on the cluster behind a dashboard; 0 where it succeeded. Its log goes to stdout."""
    from ray.job_submission import JobStatus, JobSubmissionClient

    client = JobSubmissionClient(address)
    name = submitted(client, entrypoint(arguments))
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
