from fractions import Fraction

import pyarrow as pa
import pytest
from animatrix_ingest.keep import clips, pack, shards, store, tables
from animatrix_ingest.rows import Member, Source, Span

SPAN = Span(0, 1, 0, 1)
STREAM = {"time_base": "1/24", "rate": "24"}
SOURCE = Source("a.mkv", "0" * 64, 1)


def waiting(here: store.Store, letter: str, size: int) -> pa.Table:
    """A clip in a side file of its own."""
    side = here.writing()
    data = {"mp4": letter.encode() * size, "json": letter.encode() * 50, "txt": letter.encode() * 9}
    parts = {name: side.write(part) for name, part in data.items()}
    name = f"sides/{side.blake2b}"
    side.commit(name)
    digests = {f"{suffix}_blake2b": store.digest(part) for suffix, part in data.items()}
    member = Member(letter * 32, SPAN, 2, 2, Fraction(24), **parts, **digests, tags={}, directive="words")
    return clips.members(SOURCE, STREAM, [member], name)


def several(here: store.Store, letters: str, size: int) -> pa.Table:
    return clips.unified([waiting(here, letter, size) for letter in letters], clips.members_schema())


@pytest.fixture
def here(tmp_path):
    return store.open_store(tmp_path)


def keys(plan: pack.Plan) -> list[str]:
    return [key[0] for key in plan.clips["key"].to_pylist()]


def test_a_plan_depends_on_the_clips_and_not_on_their_order(here):
    one, other = pack.plan(several(here, "dbca", 700), 10_000), pack.plan(several(here, "abcd", 700), 10_000)
    assert (one.name, one.starts) == (other.name, other.starts)
    assert tables.to_bytes(one.clips.drop(["from"])) == tables.to_bytes(other.clips.drop(["from"]))
    assert keys(one) == list("abcd")
    assert pack.plan(several(here, "abc", 700), 10_000).name != one.name
    assert pack.plan(several(here, "abcd", 700), 11_000).name != one.name


def test_shards_are_closed_at_their_size_and_hold_every_clip_once(here):
    plan = pack.plan(several(here, "abcdefg", 3000), 17_000)
    bins = list(plan.bins())
    assert [key[0] for bin_ in bins for key in bin_.clips["key"].to_pylist()] == list("abcdefg")
    assert len(bins) == 3
    assert all(bin_.size_bytes <= 17_000 + 2 * shards.RECORD_BYTES for bin_ in bins)


def test_a_clip_bigger_than_a_shard_has_one_of_its_own(here):
    big, small = several(here, "a", 9000), several(here, "b", 100)
    plan = pack.plan(clips.unified([big, small], clips.members_schema()), 5000)
    assert [bin_.clips.num_rows for bin_ in plan.bins()] == [1, 1]


def test_a_shard_and_its_part_say_where_every_byte_is(here):
    plan = pack.plan(several(here, "ab", 3000), 100_000)
    pack.commit(here, plan)
    (bin_,) = plan.bins()
    packed = pack.WriteShard(here)(bin_)
    assert here.size(f"shards/{packed.shard}") == packed.size_bytes == bin_.size_bytes
    part = tables.read(here, packed.part)
    assert part.schema.names == clips.CLIPS.names and packed.n_clips == part.num_rows == 2
    row = part.to_pylist()[1]
    assert shards.read_member(here, row["shard"], row["offset"], row["length"]) == b"b" * 3000
    assert shards.read_member(here, row["shard"], row["txt_offset"], row["txt_length"]) == b"b" * 9
    assert shards.read_member(here, row["shard"], row["json_offset"], row["json_length"]) == b"b" * 50


def test_writing_a_shard_again_gives_the_same_bytes_and_a_broken_one_is_refused(here, tmp_path):
    plan = pack.plan(several(here, "ab", 700), 10_000)
    (bin_,) = plan.bins()
    first = pack.WriteShard(here)(bin_)
    assert pack.WriteShard(here)(bin_) == first
    place = tmp_path / "shards" / bin_.shard
    place.write_bytes(place.read_bytes()[:100])
    with pytest.raises(store.Conflict, match="holds other bytes"):
        pack.WriteShard(here)(bin_)


def test_a_side_file_that_was_changed_is_not_packed(here, tmp_path):
    clip = several(here, "a", 700)
    place = tmp_path / clip["shard"][0].as_py()
    place.write_bytes(b"z" + place.read_bytes()[1:])
    (bin_,) = pack.plan(clip, 10_000).bins()
    with pytest.raises(shards.ShardError, match=r"bytes of a+\.json|bytes of a+\.mp4"):
        pack.WriteShard(here)(bin_)
    assert store.names(here, "shards/") == []


def test_a_plan_is_committed_once(here):
    plan = pack.plan(several(here, "ab", 700), 10_000)
    pack.commit(here, plan)
    pack.commit(here, plan)
    assert tables.values_hash(tables.read(here, plan.place)) == tables.values_hash(plan.clips)
    here.delete(plan.place)
    other = pack.plan(several(here, "cd", 700), 10_000)
    here.put(plan.place, tables.to_bytes(other.clips))
    with pytest.raises(store.StoreError, match="another plan under the same name"):
        pack.commit(here, plan)
