"""One thread for everything, what stays together where workers share the suite (`make test`), and an S3 server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything is imported: models this small are slower on two threads, and so is a core that two workers share.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file goes to one worker, which makes its fixtures once; so do all files that need Ray, of which there is one.

    Ray's tests begin first: they wait more than they work, and nothing else takes so long.
    """
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))
        elif not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
    items.sort(key=lambda item: not item.get_closest_marker("ray"))


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
