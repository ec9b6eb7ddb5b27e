import errno
import http.server
import os
import threading
import time
from contextlib import suppress
from functools import partial
from typing import ClassVar

import fsspec
import pytest
from animatrix_ingest.watch import fetch, remote
from animatrix_ingest.watch.fetch import FetchError, fetched
from animatrix_ingest.watch.sources import Given, find
from fsspec.implementations.memory import MemoryFileSystem

DATA = os.urandom(300_000)


class Rough(MemoryFileSystem):
    """A store whose connections break: after `breaks[0]` bytes the first one, and so on; counts what it sends."""

    protocol = "rough"
    store: ClassVar = {}
    pseudo_dirs: ClassVar = [""]
    breaks: ClassVar[list[int]] = []
    sent = 0
    before_read = staticmethod(lambda: None)

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("rough://", "memory://"))

    def _open(self, path, mode="rb", **kwargs):
        file = super()._open(path, mode, **kwargs)
        if mode != "rb":
            return file
        there, left = bytes(file.getbuffer()), self.breaks.pop(0) if self.breaks else None
        return _RoughFile(there, left)


class _RoughFile:
    def __init__(self, data, left):
        self.data, self.left, self.at = data, left, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def seek(self, at):
        self.at = at

    def read(self, n):
        Rough.before_read()
        n = min(n, 64_000)
        if self.left is not None and self.left < n:
            raise ConnectionResetError("the other side hung up")
        block = self.data[self.at : self.at + n]
        self.at += len(block)
        self.left = None if self.left is None else self.left - len(block)
        Rough.sent += len(block)
        return block


@pytest.fixture(autouse=True)
def rough(monkeypatch):
    fsspec.register_implementation("rough", Rough, clobber=True)
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(fetch, "LOOK_S", 0.01)
    monkeypatch.setattr(Rough, "breaks", [])
    monkeypatch.setattr(Rough, "sent", 0)
    fs = fsspec.filesystem("rough")
    fs.pipe("/raw/one.mkv", DATA)
    yield fs
    Rough.store.clear()


def one():
    return find(["rough://raw/one.mkv"])[0]


def left(cache):
    return sorted(path.name for path in cache.iterdir() if path.name != ".lock")


def test_a_local_source_is_its_own_path(tmp_path):
    path = tmp_path / "one.mkv"
    path.write_bytes(DATA)
    (given,) = find([str(path)])
    with fetched(given, tmp_path / "cache") as here:
        assert here == path
    assert not (tmp_path / "cache").exists()
    path.write_bytes(DATA + b"more")
    with (
        pytest.raises(FetchError, match=r"one\.mkv: changed since it was listed .* run again"),
        fetched(given, tmp_path),
    ):
        pass
    path.unlink()
    with pytest.raises(FetchError, match=r"one\.mkv: no longer there"), fetched(given, tmp_path):
        pass


def test_a_remote_source_is_copied_once_and_leaves_nothing(tmp_path):
    with fetched(one(), tmp_path) as here:
        assert here.read_bytes() == DATA
        assert here.suffix == ".mkv"
        with fetched(one(), tmp_path) as again:
            assert again == here
        assert here.exists()
    assert Rough.sent == len(DATA)
    assert left(tmp_path) == []


def test_a_kept_copy_is_read_again_and_makes_room_when_it_must(tmp_path, rough):
    rough.pipe("/raw/two.mkv", DATA[::-1])
    for _ in range(2):
        with fetched(one(), tmp_path, keep=True):
            pass
    assert Rough.sent == len(DATA)
    two = find(["rough://raw/two.mkv"])[0]
    with fetched(two, tmp_path, keep=True, limit_bytes=len(DATA) + 10) as here:
        assert here.read_bytes() == DATA[::-1]
        assert left(tmp_path) == [here.name]


def test_a_broken_connection_goes_on_where_it_stopped(tmp_path):
    Rough.breaks = [130_000, 64_000, 10]
    with fetched(one(), tmp_path) as here:
        assert here.read_bytes() == DATA
    assert Rough.sent == len(DATA)


def test_a_store_that_never_answers_is_given_up_with_its_words(tmp_path):
    Rough.breaks = [70_000, *[0] * 20]
    words = r"one\.mkv: cannot be read on from byte 64,000 after 4 attempts .*the other side hung up.*`retry`"
    with pytest.raises(FetchError, match=words), fetched(one(), tmp_path):
        pass
    assert left(tmp_path) == []


def test_an_object_that_changes_is_noticed_before_during_and_after_the_copy(tmp_path, rough):
    given = one()
    rough.pipe("/raw/one.mkv", DATA[::-1])
    with pytest.raises(FetchError, match=r"changed since it was listed \(version"), fetched(given, tmp_path):
        pass
    given, reads = one(), []

    def change():
        reads.append(1)
        if len(reads) == 3:
            rough.pipe("/raw/one.mkv", DATA)

    for broken in ([], [150_000]):
        reads.clear()
        Rough.breaks, Rough.before_read = list(broken), staticmethod(change)
        given = one()
        with pytest.raises(FetchError, match="changed since it was listed"), fetched(given, tmp_path):
            pass
    Rough.before_read = staticmethod(lambda: None)
    assert left(tmp_path) == []


def test_workers_together_never_hold_more_than_the_limit(tmp_path, rough):
    limit, most, failures = 2 * len(DATA) + 1000, [0], []
    for i in range(6):
        rough.pipe(f"/raw/many/{i}.mkv", bytes([i]) * len(DATA))

    def work(given):
        try:
            with fetched(given, tmp_path, limit_bytes=limit, wait_s=20) as here:
                assert set(here.read_bytes()) == {int(here.read_bytes()[0])}
                with suppress(FileNotFoundError):  # removed while it was counted
                    most[0] = max(most[0], sum(p.stat().st_size for p in tmp_path.iterdir()))
                time.sleep(0.02)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(given,)) for given in find(["rough://raw/many"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert 0 < most[0] <= limit
    assert left(tmp_path) == []


def test_no_room_is_an_error_that_says_what_to_do(tmp_path, rough):
    with pytest.raises(FetchError, match=r"300,000 bytes do not fit into the cache .* of 1,000; allow it more"):
        fetched(one(), tmp_path, limit_bytes=1000).__enter__()
    rough.pipe("/raw/two.mkv", DATA)
    with fetched(one(), tmp_path, limit_bytes=len(DATA)) as here:
        with pytest.raises(FetchError, match=r"no room for 300,000 bytes .* fewer workers"):
            fetched(find(["rough://raw/two.mkv"])[0], tmp_path, limit_bytes=len(DATA), wait_s=0.05).__enter__()
        assert here.read_bytes() == DATA


def test_a_full_disk_is_told_before_the_copy_begins(tmp_path, monkeypatch):
    def full(file, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch, "_allocate", full)
    with pytest.raises(FetchError, match=r"300,000 bytes do not fit on the disk of .* \(No space left"):
        fetched(one(), tmp_path).__enter__()
    assert Rough.sent == 0
    assert left(tmp_path) == []


def test_what_a_killed_worker_left_is_removed(tmp_path):
    (tmp_path / "dead.mkv.part").write_bytes(b"half")
    child = os.fork()
    if child == 0:  # copies, and is killed in the middle
        Rough.before_read = staticmethod(lambda: os.kill(os.getpid(), 9) if Rough.sent > 100_000 else None)
        try:
            fetched(one(), tmp_path).__enter__()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == 9
    assert len(left(tmp_path)) == 1
    with fetched(one(), tmp_path) as here:
        assert here.read_bytes() == DATA
        assert left(tmp_path) == [here.name]


def test_the_web_is_read_although_it_cannot_seek(tmp_path):
    (tmp_path / "www").mkdir()
    (tmp_path / "www/one.mkv").write_bytes(DATA)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "www"))
    handler.log_message = lambda *_: None  # pyright: ignore[reportAttributeAccessIssue]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/one.mkv?token=1"
        (given,) = find([url])
        assert given.size_bytes == len(DATA)
        with fetched(given, tmp_path / "cache") as here:
            assert here.read_bytes() == DATA
            assert here.suffix == ".mkv"
        unknown = Given(given.name)
        with fetched(unknown, tmp_path / "cache") as here:
            assert here.read_bytes() == DATA
    finally:
        server.shutdown()


def test_s3_from_list_to_copy(tmp_path, monkeypatch):
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        fsspec.get_filesystem_class("s3").clear_instance_cache()  # other tests had another server
        fs = fsspec.filesystem("s3", skip_instance_cache=True)
        fs.mkdir("raw")
        fs.pipe("raw/kumo/01.mkv", DATA)
        fs.pipe("raw/kumo/notes.txt", b"")
        fs.pipe("raw/lists/all.csv", b"source,work\n../kumo/01.mkv,Kumo\n")
        (given,) = find(["s3://raw/**"])
        (listed,) = find(["s3://raw/lists/all.csv"], rating="general")
        assert (given.name, given.size_bytes) == ("s3://raw/kumo/01.mkv", len(DATA))
        assert given.version and given.version.startswith("etag ")
        assert (listed.name, listed.version, listed.work) == (given.name, given.version, "Kumo")
        with fetched(given, tmp_path) as here:
            assert here.read_bytes() == DATA
        fs.pipe("raw/kumo/01.mkv", DATA[::-1])
        with pytest.raises(FetchError, match=r"s3://raw/kumo/01\.mkv: changed since it was listed \(version was etag"):
            fetched(given, tmp_path).__enter__()
    finally:
        server.stop()
