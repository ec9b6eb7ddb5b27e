"""The files of infra/ pass their validators, and every validator refuses a broken one."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

INFRA = Path(__file__).parents[2] / "infra"


def _load():
    spec = importlib.util.spec_from_file_location("infra_check", INFRA / "check.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["infra_check"] = module
    spec.loader.exec_module(module)
    return module


check = _load()

FILES: dict[str, Callable[[Path], list[str]]] = {
    "container/Containerfile": check.container,
    "kuberay/cluster.yaml": check.kuberay,
    "kuberay/job.yaml": check.kuberay,
    "ray_up.yaml": check.ray_up,
    "slurm/ingest.sbatch": check.script,
}

BROKEN = [
    ("container/Containerfile", "WORKDIR /src", "WORKDIR src"),
    ("container/Containerfile", "ENTRYPOINT [", "ENTRYPOINTS ["),
    ("container/Containerfile", "USER 1000", "USER root"),
    ("kuberay/cluster.yaml", "minReplicas", "minReplica"),
    ("kuberay/cluster.yaml", "maxReplicas: 100", "maxReplicas: many"),
    ("kuberay/cluster.yaml", "image: animatrix:cpu", "images: animatrix:cpu"),
    ("kuberay/cluster.yaml", "containerPort: 6379", "containerPort: gcs"),
    ("kuberay/cluster.yaml", "upscalingMode: Default", "upscalingMode: Quick"),
    ("kuberay/cluster.yaml", "kind: RayCluster", "kind: RayClusters"),
    ("kuberay/job.yaml", "submissionMode: K8sJobMode", "submissionMode: Mail"),
    ("kuberay/job.yaml", "  entrypoint:", "  entrypont:"),
    ("kuberay/job.yaml", "emptyDir:", "emptyDirs:"),
    ("ray_up.yaml", "max_workers: 50\nupscaling", "max_workers: fifty\nupscaling"),
    ("ray_up.yaml", "head_node_type: head\n", "head_node_type: chief\n"),
    ("ray_up.yaml", "cluster_name:", "clustername:"),
    ("slurm/ingest.sbatch", "then break; fi", "then break;"),
    ("slurm/ingest.sbatch", 'kill "${workers[@]}"', "kill ${workers[@]}"),
]


@pytest.mark.parametrize("name", FILES)
def test_ours_are_accepted(name):
    assert FILES[name](INFRA / name) == []


@pytest.mark.parametrize(("name", "right", "wrong"), BROKEN, ids=lambda text: re.sub(r"\W+", "_", text)[:24])
def test_a_broken_file_is_refused(tmp_path, name, right, wrong):
    text = (INFRA / name).read_text("utf-8")
    assert right in text
    broken = tmp_path / Path(name).name
    broken.write_text(text.replace(right, wrong), "utf-8")
    assert FILES[name](broken)


@pytest.fixture(scope="module")
def slurm() -> Iterator[Path]:
    if not check.has_slurm():
        pytest.skip("the batch script's options are not checked: no Slurm here (Debian: slurm-wlm)")
    with check.one_node() as config:
        yield config


def test_slurm_accepts_our_options(slurm):
    assert check.batch(INFRA / "slurm" / "ingest.sbatch", slurm) == []


@pytest.mark.parametrize(("right", "wrong"), [("--exclusive", "--exclusivee"), ("24:00:00", "24 bananas")])
def test_slurm_refuses_broken_options(slurm, tmp_path, right, wrong):
    text = (INFRA / "slurm" / "ingest.sbatch").read_text("utf-8")
    assert f"#SBATCH --{'time=' if ':' in right else ''}{right.removeprefix('--')}" in text
    broken = tmp_path / "ingest.sbatch"
    broken.write_text(text.replace(right, wrong), "utf-8")
    assert check.batch(broken, slurm)


def test_the_entry_points_are_the_command_that_tests_run():
    """Container, RayJob and batch script call `animatrix-ingest run` with flags that the command knows."""
    from animatrix_ingest import cli

    assert 'ENTRYPOINT ["animatrix-ingest"]' in (INFRA / "container/Containerfile").read_text("utf-8")
    entry = re.search(r"entrypoint: (animatrix-ingest .+)", (INFRA / "kuberay/job.yaml").read_text("utf-8"))
    batch = re.search(r"^animatrix-ingest .+", (INFRA / "slurm/ingest.sbatch").read_text("utf-8"), re.MULTILINE)
    assert entry and batch
    for line in (entry[1], batch[0]):
        command = cli.parse(line.split()[1:])
        assert isinstance(command, cli.Run) and command.address != "local"
