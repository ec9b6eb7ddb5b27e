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
    "train/train.sbatch": check.script,
    "train/job.yaml": check.kubernetes,
    "train/accelerate.yaml": check.launcher,
    "train/deepspeed.yaml": check.launcher,
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
    ("train/train.sbatch", "flags+=(--resume); fi", "flags+=(--resume)"),
    ("train/train.sbatch", '"${flags[@]}"', "${flags[@]}"),
    ("train/job.yaml", "completionMode: Indexed", "completionModes: Indexed"),
    ("train/job.yaml", "completions: 4", "completions: four"),
    ("train/job.yaml", "clusterIP: None", "clusterIp: None"),
    ("train/accelerate.yaml", "num_processes: 8", "processes: 8"),
    ("train/accelerate.yaml", "num_machines: 1", "num_machines: one"),
    ("train/deepspeed.yaml", "distributed_type: DEEPSPEED", "distributed_type: DEEPSEED"),
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


SCRIPTS = ("slurm/ingest.sbatch", "train/train.sbatch")


@pytest.mark.parametrize("name", SCRIPTS)
def test_slurm_accepts_our_options(slurm, name):
    assert check.batch(INFRA / name, slurm) == []


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        *(
            (name, *change)
            for name in SCRIPTS
            for change in (("--exclusive", "--exclusivee"), ("24:00:00", "24 bananas"))
        ),
        ("train/train.sbatch", "--gpus-per-node=8", "--gpus-per-node=9"),
    ],
)
def test_slurm_refuses_broken_options(slurm, tmp_path, name, right, wrong):
    text = (INFRA / name).read_text("utf-8")
    assert f"#SBATCH --{'time=' if ':' in right else ''}{right.removeprefix('--')}" in text
    broken = tmp_path / "broken.sbatch"
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


def test_a_training_job_calls_the_command_with_flags_that_it_knows(monkeypatch):
    """Batch script and Job start `animatrix_trainer.cli fit`; both recipes exist and the flags are those of a run."""
    from animatrix_trainer import cli, loop

    asked = []
    monkeypatch.setattr(loop, "fit", lambda *given: asked.append(given))
    monkeypatch.setattr(cli, "_quiet", lambda: None)
    job = list(check.yaml.safe_load_all((INFRA / "train/job.yaml").read_text("utf-8")))[1]
    args = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert cli.main([str(arg) for arg in args[args.index("fit") :]]) == 0
    batch = (INFRA / "train/train.sbatch").read_text("utf-8")
    assert '-m animatrix_trainer.cli fit "$RECIPE" --shards "$SHARDS" --out "$OUT" "${flags[@]}"' in batch
    assert cli.main(["fit", "wan22_14b", "--shards", "x", "--out", "y", "--wan", "w", "--resume"]) == 0
    assert [given[0].name for given in asked] == ["wan21_1b", "wan22_14b"] and asked[1][3] is True
