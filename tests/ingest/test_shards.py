import io
import tarfile

import pytest
import webdataset
from animatrix_ingest.keep import shards

KEYS = ["b" * 32, "a" * 32]
MEMBERS = [(name, f"{key[0]} {suffix} ".encode() * 300) for name, key, suffix in shards.member_names(KEYS)]


def whole() -> bytes:
    return b"".join(shards.tar(MEMBERS))


def test_layout_says_where_the_bytes_are():
    places, size = shards.layout([(name, len(data)) for name, data in MEMBERS])
    tar = whole()
    assert len(tar) == size
    for name, data in MEMBERS:
        offset, length = places[name]
        assert tar[offset : offset + length] == data


def test_tarfile_reads_them_back_with_nothing_of_this_machine_in_them():
    with tarfile.open(fileobj=io.BytesIO(whole())) as tar:
        assert [info.name for info in tar] == sorted(name for name, _ in MEMBERS)
        assert {(info.uid, info.gid, info.mtime, info.uname) for info in tar} == {(0, 0, 0, "animatrix")}
        assert all(tar.extractfile(info).read() == dict(MEMBERS)[info.name] for info in tar.getmembers())


def test_plain_webdataset_reads_them(tmp_path):
    (tmp_path / "x.tar").write_bytes(whole())
    samples = list(webdataset.WebDataset(str(tmp_path / "x.tar"), shardshuffle=False, empty_check=False))
    assert [sample["__key__"] for sample in samples] == sorted(KEYS)
    assert samples[0]["mp4"] == dict(MEMBERS)["a" * 32 + ".mp4"]
    assert {"json", "mp4", "txt"} <= set(samples[0])


def test_a_member_is_read_by_its_place(tmp_path):
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "x.tar").write_bytes(whole())
    name, data = MEMBERS[4]
    places, _ = shards.layout([(name, len(data)) for name, data in MEMBERS])
    assert shards.read_member(tmp_path, "x.tar", *places[name]) == data


def test_a_missing_or_cut_shard_is_named(tmp_path):
    with pytest.raises(shards.ShardError, match=r"x\.tar: the manifest names this shard"):
        shards.read_member(tmp_path, "x.tar", 0, 4)
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "x.tar").write_bytes(b"ab")
    with pytest.raises(shards.ShardError, match="2 of 4 bytes"):
        shards.read_member(tmp_path, "x.tar", 0, 4)
