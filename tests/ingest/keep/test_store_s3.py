"""What a bucket answers and what becomes of it: taken names, busy servers, lost answers, long files."""

import pytest
from animatrix_ingest.keep import store, store_s3


@pytest.fixture
def here(s3, monkeypatch):
    monkeypatch.setattr(store_s3, "FIRST_WAIT_S", 0.001)
    return store.open_store(s3)


def test_names_pieces_and_what_is_not_there(here):
    here.put("units/a", b"abcdef")
    here.put("units/b", b"")
    assert store.names(here, "units/") == ["units/a", "units/b"]
    assert (here.size("units/a"), here.size("none")) == (6, None)
    assert (here.read("units/a", 2, 2), here.read("units/a", 4, 9), here.read("units/a", 9, 2)) == (b"cd", b"ef", b"")
    assert here.get("units/b") == b""
    with pytest.raises(store.Absent, match="none: not there"):
        here.get("none")
    here.renew("report.html", b"one")
    here.renew("report.html", b"two")
    assert here.get("report.html") == b"two"
    here.delete("units/a")
    assert store.names(here, "") == ["report.html", "units/b"]


def test_a_name_never_holds_anything_else(here):
    assert here.put("a", b"one") and here.put("a", b"one")
    with pytest.raises(store.Conflict, match="holds other bytes"):
        here.put("a", b"two")
    assert here.get("a") == b"one"


def test_an_object_somebody_else_put_there_is_compared_by_its_bytes(here):
    here.call("put_object", "a", Body=b"one")
    assert here.put("a", b"one")
    with pytest.raises(store.Conflict):
        here.put("a", b"two")


def test_a_long_file_goes_in_parts_and_is_put_if_absent_too(here, monkeypatch):
    monkeypatch.setattr(store_s3, "PART_BYTES", 5 << 20)
    data = bytes(range(256)) * 50_000
    for _ in range(2):
        assert here.put("shards/a.tar", data)
    assert here.get("shards/a.tar") == data
    with pytest.raises(store.Conflict):
        here.put("shards/a.tar", data[::-1])
    uploads = store_s3.client().call_s3("list_multipart_uploads", Bucket=here.bucket)
    assert not uploads.get("Uploads"), "an upload that lost is given up"


@pytest.mark.parametrize("point", ["before a", "request put_object", "put a"])
def test_a_busy_server_is_asked_again(here, monkeypatch, point):
    """Also after the bytes arrived and the answer was lost: the 412 that follows is a success."""
    monkeypatch.setenv("ANIMATRIX_FAULT", f"busy@1:{point}")
    assert here.put("a", b"one")
    assert here.get("a") == b"one"


def test_a_server_that_stays_busy_is_given_up_after_a_while(here, monkeypatch):
    monkeypatch.setenv("ANIMATRIX_FAULT", ",".join(f"busy@{n}:request put_object" for n in range(1, 20)))
    with pytest.raises(store.StoreError, match=r"/a: .*503.*tried 8 times"):
        here.put("a", b"one")


def test_the_primitive_is_proved(here):
    assert "one winner of 8" in store.prove(here)
    assert store.names(here, "") == []
