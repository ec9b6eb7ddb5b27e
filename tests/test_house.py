"""The house keeps its promises: arrows point downward, heavy imports stay in their rooms, files stay small."""

import ast
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "anicaption": ROOT / "packages/anicaption/anicaption",
    "animatrix_ingest": ROOT / "packages/ingest/animatrix_ingest",
    "animatrix_reward": ROOT / "packages/reward/animatrix_reward",
    "animatrix_trainer": ROOT / "packages/trainer/animatrix_trainer",
}
# What each package may import of ours, by prefix.
ARROWS = {
    "anicaption": ("anicaption",),
    "animatrix_ingest": ("animatrix_ingest", "anicaption"),
    "animatrix_reward": ("animatrix_reward", "anicaption"),
    "animatrix_trainer": ("animatrix_trainer", "animatrix_ingest.keep", "animatrix_reward", "anicaption"),
}
SOURCES = [(package, path) for package, folder in PACKAGES.items() for path in sorted(folder.rglob("*.py"))]
COMMANDS = ["anicaption.cli", "animatrix_ingest.cli", "animatrix_trainer.cli", "animatrix_reward.cli"]


@cache
def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import of {node.module}; name the package"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def test_every_package_is_looked_at():
    assert {package for package, _ in SOURCES} == set(PACKAGES)


@pytest.mark.parametrize(("package", "path"), SOURCES, ids=lambda x: x.name if isinstance(x, Path) else x)
def test_arrows_point_downward(package, path):
    ours = {name for name in imports(path) if name.split(".")[0] in PACKAGES}
    allowed = ARROWS[package]
    wrong = sorted(
        name for name in ours if not any(name == prefix or name.startswith(f"{prefix}.") for prefix in allowed)
        and name not in {prefix.split(".")[0] for prefix in allowed}
    )  # fmt: skip
    assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}; {package} may only import {allowed}"


def test_ray_lives_in_one_file():
    users = {path.name for _, path in SOURCES if any(name.split(".")[0] == "ray" for name in imports(path))}
    assert users == {"engine.py"}


# Only these of the captioner and of ingest may need what learns: they are imported when a command asks for them.
LEARNED = {"anicaption": ("heads", "features", "vlm/"), "animatrix_ingest": ("watch/embed", "decide/clusters")}


@pytest.mark.parametrize("package", ["anicaption", "animatrix_ingest"])
def test_torch_stays_with_the_trainer_and_what_learns(package):
    heavy = {"torch", "diffusers", "transformers", "accelerate", "open_clip", "sklearn", "peft", "trl", "datasets"}
    found = {
        str(path.relative_to(PACKAGES[package]))
        for owner, path in SOURCES
        if owner == package and {name.split(".")[0] for name in imports(path)} & heavy
    }
    assert not {name for name in found if not name.startswith(LEARNED[package])}


def test_what_learns_is_imported_lazily():
    """Nothing heavy at the top of a file, so that a record can be read where torch is not installed."""
    modules = [
        ".".join((package, *path.relative_to(folder).with_suffix("").parts))
        for package, folder in PACKAGES.items()
        for path in folder.rglob("*.py")
        if str(path.relative_to(folder)).startswith(LEARNED.get(package, ("-",)))
    ]
    code = f"import sys, {', '.join(modules)}\nassert not {{'torch', 'transformers', 'sklearn'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_video_is_opened_in_a_few_files():
    users = {path.name for _, path in SOURCES if any(name.split(".")[0] == "av" for name in imports(path))}
    rooms = {"sound.py", *(path.name for _, path in SOURCES if path.name.startswith("frames"))}
    assert users <= rooms, f"{users - rooms} import av; frames*.py and sound.py may"
    assert "frames.py" in users


@pytest.mark.parametrize(("package", "path"), SOURCES, ids=lambda x: x.name if isinstance(x, Path) else x)
def test_files_stay_under_400_lines(package, path):
    n_lines = len(path.read_text("utf-8").splitlines())
    assert n_lines <= 400, f"{path.relative_to(ROOT)} has {n_lines} lines; split it by what it does"


@pytest.mark.parametrize("module", COMMANDS)
def test_help_is_quick_and_light(module):
    code = (
        "import sys\n"
        f"from {module} import main\n"
        "try: status = main(['--help'])\n"
        "except SystemExit as stop: status = stop.code\n"
        "assert not status, status\n"
        "assert not {'torch', 'ray'} & set(sys.modules), 'heavy import'\n"
    )
    before = _cpu_s()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    seconds = _cpu_s() - before
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()
    assert seconds < 2, f"{module} --help took {seconds:.1f} s of CPU time"


def _cpu_s() -> float:
    """CPU time of all processes that this one waited for; the clock on the wall is the other tests' as well."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_no_machine_is_named():
    """A path of one machine in a committed file is a mistake waiting for another machine."""
    wrong = []
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in files:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".sh", ""} and path.is_file() and name != "LICENSE":
            text = path.read_text("utf-8")
            wrong += [f"{name}: {word}" for word in ("/" + "work/", "/" + "root/", "/" + "tmp/") if word in text]
    assert not wrong
