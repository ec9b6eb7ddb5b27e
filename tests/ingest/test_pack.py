import pytest
from animatrix_ingest.keep import pack, shards, store
from animatrix_ingest.rows import Member, Span

SPAN = Span(0, 1, 0, 1)


def waiting(dataset, letter: str, size: int) -> pack.Waiting:
    """A clip in a side file of its own."""
    side = store.Writing(dataset / "sides")
    parts = {name: side.write(letter.encode() * n) for name, n in (("mp4", size), ("json", 50), ("txt", 9))}
    name = side.blake2b
    side.commit(name)
    digest = store.digest(letter.encode() * size)
    return pack.Waiting(Member(letter * 32, SPAN, 2, 2, **parts, mp4_blake2b=digest, tags={}), name)


def carry_out(dataset, plan: pack.Plan) -> None:
    pack.commit(dataset, plan)
    for bin_ in plan.bins:
        pack.WriteShard(dataset)(bin_)


def test_a_plan_depends_on_the_clips_and_not_on_their_order(tmp_path):
    clips = [waiting(tmp_path, letter, 700) for letter in "dbca"]
    assert pack.plan(clips, 10_000) == pack.plan(reversed(clips), 10_000)
    assert pack.plan(clips[:3], 10_000).name != pack.plan(clips, 10_000).name


def test_shards_are_closed_at_their_size_and_hold_every_clip_once(tmp_path):
    clips = [waiting(tmp_path, letter, 3000) for letter in "abcdefg"]
    plan = pack.plan(clips, 17_000)
    assert [w.member.key[0] for b in plan.bins for w in b.waiting] == list("abcdefg")
    assert len(plan.bins) == 3
    assert all(b.size_bytes <= 17_000 + 2 * shards.RECORD_BYTES for b in plan.bins)


def test_a_clip_bigger_than_a_shard_has_one_of_its_own(tmp_path):
    plan = pack.plan([waiting(tmp_path, "a", 9000), waiting(tmp_path, "b", 100)], 5000)
    assert [len(b.waiting) for b in plan.bins] == [1, 1]


def test_a_plan_is_carried_out_only_when_all_its_shards_are_there(tmp_path):
    plan = pack.plan([waiting(tmp_path, letter, 3000) for letter in "ab"], 5000)
    pack.commit(tmp_path, plan)
    pack.WriteShard(tmp_path)(plan.bins[0])
    assert pack.carried_out(tmp_path) == {}
    pack.WriteShard(tmp_path)(plan.bins[1])
    found = pack.carried_out(tmp_path)
    assert sorted(found) == ["a" * 32, "b" * 32]
    place = found["b" * 32]
    assert shards.read_member(tmp_path, place.shard, *place.mp4) == b"b" * 3000
    assert shards.read_member(tmp_path, place.shard, *place.txt) == b"b" * 9


def test_writing_a_shard_again_gives_the_same_bytes(tmp_path):
    plan = pack.plan([waiting(tmp_path, letter, 700) for letter in "ab"], 10_000)
    carry_out(tmp_path, plan)
    place = tmp_path / "shards" / plan.bins[0].shard
    first = place.read_bytes()
    place.write_bytes(first[:100])
    pack.WriteShard(tmp_path)(plan.bins[0])
    assert place.read_bytes() == first


def test_a_side_file_that_was_changed_is_not_packed(tmp_path):
    clip = waiting(tmp_path, "a", 700)
    place = tmp_path / "sides" / clip.side
    place.write_bytes(b"z" + place.read_bytes()[1:])
    with pytest.raises(shards.ShardError, match="not the ones committed"):
        carry_out(tmp_path, pack.plan([clip], 10_000))
    assert not list((tmp_path / "shards").iterdir())


def test_sweep_removes_what_the_manifest_does_not_name(tmp_path):
    old = pack.plan([waiting(tmp_path, "a", 700)], 10_000)
    new = pack.plan([waiting(tmp_path, "b", 700)], 10_000)
    carry_out(tmp_path, old)
    carry_out(tmp_path, new)
    assert pack.sweep(tmp_path, {new.bins[0].shard}) == 1
    assert list(pack.carried_out(tmp_path)) == ["b" * 32]
