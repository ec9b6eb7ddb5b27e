"""One thread for everything, what stays together where workers share the suite (`make test`), and an S3 server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

# Before anything is imported: models this small are slower on two threads, many times over on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests that need Ray come first: these wait more than they work, and nothing takes so long."""
    items.sort(key=lambda item: not _needs_ray(str(item.path)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """A file goes to one worker, which makes its fixtures once; so do all that need Ray, of which there is one."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "ray" if _needs_ray(str(config.rootpath / file)) else file

    return Files(config, log)


@cache
def _needs_ray(file: str) -> bool:
    return "pytest.mark.ray" in Path(file).read_text("utf-8")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of an S3 server on loopback; its process ends with the session."""
    script = str(Path(__file__).with_name("s3_server.py"))
    server = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.kill()
    server.wait()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """s3://BUCKET/PREFIX of an empty place, with everything set that a client needs."""
    from animatrix_ingest.keep import store_s3
    from animatrix_ingest.keep.store import digest

    for name, value in (("ENDPOINT_URL", s3_server), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store_s3._client.cache_clear()
    try:
        store_s3.client().call_s3("create_bucket", Bucket="sets")
    except OSError as error:
        assert "exist" in str(error) or "own" in str(error).lower(), error
    yield f"s3://sets/{digest(request.node.nodeid.encode())}"
    store_s3._client.cache_clear()


TINY_CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="session")
def clip_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random open_clip model, as a folder and as a weights file of a model that open_clip knows by name."""
    import open_clip
    import torch

    folder = tmp_path_factory.mktemp("clip")
    (folder / "tiny-test.json").write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    state = open_clip.create_model("tiny-test").state_dict()
    torch.save(state, folder / "tiny.pt")
    (folder / "model").mkdir()
    torch.save(state, folder / "model" / "open_clip_pytorch_model.bin")
    config = {"model_cfg": TINY_CLIP, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / "model" / "open_clip_config.json").write_text(json.dumps(config))
    return folder
