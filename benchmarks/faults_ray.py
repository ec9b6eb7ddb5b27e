"""SIGKILLs of worker, driver and node while a local Ray cluster of three nodes makes a data set.

The cluster lives in a process of its own (`python -m benchmarks.faults_ray`), which takes orders on its standard
input; drivers are forks of a process that has not started Ray. A killed worker or node must not end the run; after a
killed driver the next run must end as if nothing had been.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from animatrix_ingest import engine
from animatrix_ingest.limits import Needs

from benchmarks import faults_cases as cases
from benchmarks.faults_cases import End, Place

WHOM = ("worker", "driver", "node")
NEEDS = Needs(memory_mib=1024, stall_s=60.0)
LIMIT_S = 600
HEALTH = {"initial_delay_ms": 2000, "period_ms": 1000, "timeout_ms": 3000, "failure_threshold": 3}
"""A dead node is noticed within seconds instead of half a minute."""


class Cluster:
    """The other end of the process that holds the cluster."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = self._read()["address"]

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError("the cluster's process has ended")

    def leave(self) -> None:
        """In a fork: let go of the other end, which ends when nobody holds it."""
        assert self._process.stdin
        os.close(self._process.stdin.fileno())

    def ask(self, order: str) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        return self._read()


@contextmanager
def cluster() -> Iterator[Cluster]:
    env = os.environ | {f"RAY_health_check_{name}": str(value) for name, value in HEALTH.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.faults_ray"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=env,
    )
    try:
        yield Cluster(process)
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def serve() -> None:
    """Hold three nodes; "pids": those of the raylets; "kill node": one that is not the head; "node": another."""
    from ray.cluster_utils import Cluster as Nodes

    options: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20, "memory": 4 << 30}
    for tries in (2, 1, 0):
        nodes = Nodes()
        try:
            nodes.add_node(**options, include_dashboard=False)
            others = [nodes.add_node(**options) for _ in range(2)]
            break
        except Exception:  # on a busy machine a node may take longer to come up than Ray waits for it
            nodes.shutdown()
            if not tries:
                raise
    print(json.dumps({"address": nodes.address}), flush=True)
    try:
        for order in sys.stdin:
            if order.strip() == "kill node":
                nodes.remove_node(others.pop(0), allow_graceful=False)
            elif order.strip() == "node":
                others.append(nodes.add_node(**options))
            held = [nodes.head_node, *others]
            raylets = [node.all_processes["raylet"][0].process.pid for node in held]
            print(json.dumps({"raylets": raylets}), flush=True)
    finally:
        head = nodes.head_node
        nodes.shutdown()
        if head is not None:
            shutil.rmtree(head.get_session_dir_path(), ignore_errors=True)


def kills(n: int, place: Place, tell: Callable[[End], None], known: dict[str, End]) -> list[End]:
    """`n` kills, whose ends `tell` is told; those that are `known` are not done again."""
    ends = [known[name] for name in map(_name, range(n)) if name in known]
    todo = [number for number in range(n) if _name(number) not in known]
    if todo:
        with cluster() as held:
            for number in todo:
                ends.append(_kill(number, place, held))
                tell(ends[-1])
    return ends


def _name(number: int) -> str:
    return f"cluster kill {WHOM[number % len(WHOM)]} {number}"


def _kill(number: int, place: Place, held: Cluster) -> End:
    began, whom = time.monotonic(), WHOM[number % len(WHOM)]
    out = place.folder / "sets" / f"cluster-{number}"
    rng = np.random.default_rng(number)
    after, words, died = 0, "", False
    for most in (60, 30, 15, 8, 4, 2, 1):  # a run that was over before the kill is done again, with an earlier kill
        after = int(rng.integers(0, most + 1))
        here = out.with_name(f"{out.name}-{most}")
        driver = _driven(place, str(here), held)
        died = _strike(whom, here, after, driver, held)
        words = _ended(driver, whom if died else "nobody")
        if whom == "node" and died:
            held.ask("node")
        out = here
        if died or words:
            break
    if not words and not died:
        words = "was not killed: the run was always over before"
    if not words and whom == "driver":
        words = _ended(_driven(place, str(out), held), "nobody")
    words = words or cases.differs(cases.read(str(out)), place.wanted)
    point = f"after {after} files"
    return End(_name(number), "cluster", f"kill {whom}", point, words or "same", round(time.monotonic() - began, 2))


def _driven(place: Place, out: str, held: Cluster) -> int:
    """A fork that drives a run on the cluster; its process id."""
    child = os.fork()
    if child == 0:
        held.leave()
        os.setpgid(0, 0)
        signal.alarm(LIMIT_S)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)  # Ray tells of dead workers and nodes at length
        os.dup2(silent, 2)
        status = 1
        try:
            cases.run(place.sources(False), out, place.folder / "cache", lambda: engine.on_ray(held.address, NEEDS))
            status = 0
        except BaseException as error:
            Path(f"{out}.words").write_text(f"{type(error).__name__}: {error}")
        os._exit(status)
    return child


def _strike(whom: str, out: Path, after: int, driver: int, held: Cluster) -> bool:
    """Kill when `after` files have been written; False where the run was over before."""
    while sum(path.is_file() for path in out.rglob("*")) < after or not out.exists():
        if os.waitid(os.P_PID, driver, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(0.01)
    if whom == "driver":
        os.kill(driver, signal.SIGKILL)
        return True
    if whom == "node":
        held.ask("kill node")
        return True
    raylets = held.ask("pids")["raylets"]
    while not (workers := _workers(raylets)):
        if os.waitid(os.P_PID, driver, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(0.01)
    os.kill(workers[0], signal.SIGKILL)
    return True


def _workers(raylets: list[int]) -> list[int]:
    """The processes under these raylets that work on an item now."""
    found = []
    for raylet in raylets:
        for task in Path(f"/proc/{raylet}/task").glob("*/children"):
            try:
                children = [int(pid) for pid in task.read_text().split()]
                found += [pid for pid in children if b"ray::_work" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            except OSError:
                continue
    return found


def _ended(driver: int, killed: str) -> str:
    """What was wrong with how a driver ended; "" if nothing."""
    status = os.waitpid(driver, 0)[1]
    if killed == "driver":
        return ""
    code = os.waitstatus_to_exitcode(status)
    return "" if code == 0 else f"the driver ended with {code} after the kill of {killed}"


if __name__ == "__main__":
    serve()
