"""Every file of infra/ through a validator that refuses broken ones; exit status 1 where one complains.

hadolint reads container files; Kubernetes' own schemas, strictly, the pods inside the KubeRay files, and
schemas/kuberay.json what is around them; Ray its own cluster file; shellcheck scripts; `sbatch --test-only` on a
one-node Slurm the batch script's options (shellcheck takes them for comments).
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

HERE = Path(__file__).parent
TOOLS = Path(sysconfig.get_path("scripts"))


def container(file: Path) -> list[str]:
    """What hadolint says of a container file."""
    return _said([str(TOOLS / "hadolint"), "--no-color", str(file)])


def script(file: Path) -> list[str]:
    """What shellcheck says of a shell script."""
    return _said([str(TOOLS / "shellcheck"), "--format=gcc", str(file)])


def kuberay(file: Path) -> list[str]:
    """A RayCluster or RayJob: its own fields by our strict schema, its pod templates as pods by Kubernetes'."""
    resource = yaml.safe_load(file.read_text("utf-8"))
    schema = json.loads((HERE / "schemas" / "kuberay.json").read_text("utf-8"))
    kinds = schema["$defs"]
    kind = resource.get("kind") if isinstance(resource, dict) else None
    if kind not in ("RayCluster", "RayJob"):
        return [f"{file}: kind: {kind!r} is not RayCluster or RayJob"]
    validator = jsonschema.Draft202012Validator({"$defs": kinds, **kinds[kind]})
    found = [f"{file}: {error.json_path}: {error.message}" for error in validator.iter_errors(resource)]
    for where, template in _templates(resource):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "checked"}, **template}
        try:
            kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{file}: {where}: {'.'.join(map(str, error.path))}: {error.message}")
    return found


def _templates(value: Any, where: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        for name, inside in value.items():
            if name == "template" and isinstance(inside, dict):
                yield f"{where}.template", inside
            else:
                yield from _templates(inside, f"{where}.{name}")
    elif isinstance(value, list):
        for at, inside in enumerate(value):
            yield from _templates(inside, f"{where}[{at}]")


def kubernetes(file: Path) -> list[str]:
    """Plain Kubernetes objects, strictly by Kubernetes' own schemas."""
    found = []
    for resource in yaml.safe_load_all(file.read_text("utf-8")):
        try:
            kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{file}: {'.'.join(map(str, error.path))}: {error.message}")
    return found


def launcher(file: Path) -> list[str]:
    """What accelerate says of a configuration for `accelerate launch`; it knows neither a wrong type nor a number."""
    from accelerate.commands.config.config_args import load_config_from_file

    try:
        read = load_config_from_file(str(file))
    except (ValueError, TypeError, KeyError) as error:
        return [f"{file}: {error}"]
    strange = [name for name in ("num_processes", "num_machines") if not isinstance(getattr(read, name), int)]
    return [f"{file}: {name} is no number" for name in strange]


def ray_up(file: Path) -> list[str]:
    """What Ray's own check says of a cluster file for `ray up`."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load(file.read_text("utf-8"))
    try:
        validate_config(prepare_config(config))
    except Exception as error:  # jsonschema's, or Ray's own ValueErrors
        return [f"{file}: {getattr(error, 'message', None) or error}"]
    return []


GPUS = 8
"""What a node of `train.sbatch` has."""


def batch(file: Path, slurm: Path) -> list[str]:
    """What Slurm says of a batch script's options; `slurm` is the configuration of a running one (`one_node`)."""
    return _said(["sbatch", "--test-only", str(file)], {"SLURM_CONF": str(slurm)})


def has_slurm() -> bool:
    """Whether a one-node Slurm can be started here (Debian: slurm-wlm)."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    return all(shutil.which(name, path=path) for name in ("sbatch", "slurmctld", "slurmd", "munged"))


@contextmanager
def one_node() -> Iterator[Path]:
    """A Slurm of this node alone, in a temporary folder; gives its configuration file and stops it afterwards.

    It counts GPUs that are not there: scripts are only tested for what they ask, and nothing runs.
    """
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        for part in ("state", "spool", "munge"):
            (folder / part).mkdir(mode=0o700)
        key = folder / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        config = folder / "slurm.conf"
        config.write_text(_slurm_conf(folder), "utf-8")
        for gpu in range(GPUS):
            (folder / f"gpu{gpu}").touch()
        (folder / "gres.conf").write_text(f"Name=gpu File={folder}/gpu[0-{GPUS - 1}]\n", "utf-8")
        munge = folder / "munge"
        started = []
        try:
            command = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={munge / 'socket'}"]
            command += [f"--pid-file={munge / 'pid'}", f"--log-file={munge / 'log'}", f"--seed-file={munge / 'seed'}"]
            for parts in (command, ["slurmctld", "-D", "-f", str(config)], ["slurmd", "-D", "-f", str(config)]):
                parts[0] = shutil.which(parts[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin") or parts[0]
                started.append(subprocess.Popen(parts, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            _wait_for_node(config)
            yield config
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(timeout=20)


def _slurm_conf(folder: Path) -> str:
    node = socket.gethostname().split(".")[0]
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        controller, worker = first.getsockname()[1], second.getsockname()[1]
    return f"""
ClusterName=one
SlurmctldHost={node}(127.0.0.1)
SlurmUser={getpass.getuser()}
SlurmdUser={getpass.getuser()}
AuthType=auth/munge
AuthInfo=socket={folder / "munge" / "socket"}
StateSaveLocation={folder / "state"}
SlurmdSpoolDir={folder / "spool"}
SlurmctldPidFile={folder / "slurmctld.pid"}
SlurmdPidFile={folder / "slurmd.pid"}
SlurmctldPort={controller}
SlurmdPort={worker}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
MailProg=/bin/true
GresTypes=gpu
NodeName={node} Gres=gpu:{GPUS} CPUs={os.cpu_count()} NodeAddr=127.0.0.1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
""".lstrip()


def _wait_for_node(config: Path, limit_s: float = 30.0) -> None:
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        said = subprocess.run(
            ["sinfo", "--noheader", "--format=%t"],
            env={**os.environ, "SLURM_CONF": str(config)},
            capture_output=True,
            text=True,
        )
        if said.stdout.strip() in ("idle", "mix", "alloc"):
            return
        time.sleep(0.5)
    raise TimeoutError(f"slurm: no node is up after {limit_s:g} s; see the logs beside {config}")


def _said(command: list[str], environment: dict[str, str] | None = None) -> list[str]:
    """The lines a validator printed where it refused, and none where it did not."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode == 0:
        return []
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or [f"status {done.returncode}"]


def main() -> int:
    found = container(HERE / "container" / "Containerfile")
    found += kuberay(HERE / "kuberay" / "cluster.yaml") + kuberay(HERE / "kuberay" / "job.yaml")
    found += ray_up(HERE / "ray_up.yaml") + script(HERE / "slurm" / "ingest.sbatch")
    found += script(HERE / "train" / "train.sbatch") + kubernetes(HERE / "train" / "job.yaml")
    found += launcher(HERE / "train" / "accelerate.yaml") + launcher(HERE / "train" / "deepspeed.yaml")
    if has_slurm():
        with one_node() as config:
            found += batch(HERE / "slurm" / "ingest.sbatch", config) + batch(HERE / "train" / "train.sbatch", config)
    else:
        print("*.sbatch: their #SBATCH options were not checked, there is no Slurm here (Debian: slurm-wlm)")
    print("\n".join(found) or "infra: nothing to complain about")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
