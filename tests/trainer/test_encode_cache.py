"""A cache is whole or not there: kills, full disks, several processes, buckets; what is for something else is named."""

import dataclasses
import os
import subprocess
import sys

import pytest
import torch
from animatrix_ingest.keep.faults import VARIABLE
from animatrix_ingest.keep.store import StoreError, names, open_store
from animatrix_trainer import cli, encode
from animatrix_trainer.config import NEWEST, Bucket, Codec, RecipeError, Tasks, Text, Window
from animatrix_trainer.data import cache as kept
from animatrix_trainer.data.cache import Cache, CacheError, Contents, Naming
from animatrix_trainer.data.identity import digest, header_of
from animatrix_trainer.data.plan import Pick
from animatrix_trainer.data.read import Shards
from animatrix_trainer.model.codec import WanCodec
from animatrix_trainer.recipes import smoke
from diffusers import AutoencoderKLWan

from tests.trainer import tiny

SMALL_SHARDS = 6000
RECIPE = smoke().over_stages(steps=4, tasks=Tasks(t2v=0.5, i2v=0.5))


def made(dataset, cache, recipe=RECIPE, **how):
    return encode.encode(recipe, dataset, cache, **{"shard_bytes": SMALL_SHARDS, "say": lambda _: None, **how})


def files(cache):
    """What a cache is made of, by name; names are hashes of what the files hold."""
    store = open_store(cache)
    return {name: store.size(name) for name in names(store, "") if not name.startswith(".tmp")}


def ids(cache):
    return set(Cache(open_store(cache))._ids.tolist())


@pytest.fixture(scope="module")
def whole(dataset, tmp_path_factory):
    cache = tmp_path_factory.mktemp("whole")
    told = made(dataset, cache)
    assert told.shards >= 4 and told.tensors == len(ids(cache))
    return cache


def opened(dataset, cache, recipe=RECIPE, **how):
    parts, clips = encode.load(recipe), Shards(dataset)
    return Cache.open(str(cache), header_of(clips, parts.codec, parts.text, parts.sight), **how)


def test_made_again_is_the_same_and_costs_nothing(dataset, whole, tmp_path):
    made(dataset, tmp_path)
    assert files(tmp_path) == files(whole)
    again = made(dataset, tmp_path)
    assert (again.tensors, again.shards) == (0, 0) and files(tmp_path) == files(whole)


@pytest.mark.parametrize("world", [2, 3])
def test_several_processes_make_the_same_cache(dataset, whole, tmp_path, world):
    told = [made(dataset, tmp_path, rank=rank, world=world) for rank in reversed(range(world))]
    assert files(tmp_path) == files(whole)
    assert sum(one.tensors for one in told) == len(ids(whole)) and all(one.tensors for one in told)


@pytest.mark.parametrize("order", ["enospc@2:before shards", "eio@2:before index", "eio@3:linked shards"])
def test_a_disk_that_fails_costs_a_shard_at_most(dataset, whole, tmp_path, monkeypatch, order):
    monkeypatch.setenv(VARIABLE, order)
    with pytest.raises(StoreError, match=r"cannot be written"):
        made(dataset, tmp_path)
    monkeypatch.delenv(VARIABLE)
    there = len(ids(tmp_path))
    assert 0 < there < len(ids(whole))
    assert made(dataset, tmp_path).tensors == len(ids(whole)) - there
    assert files(tmp_path) == files(whole)


def test_killed_it_goes_on_where_it_was(dataset, whole, tmp_path):
    """Killed by SIGKILL between a shard and its index: the shard is written again, to the same name."""
    env = {**os.environ, VARIABLE: "kill@2:before index", "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", SCRIPT, str(dataset), str(tmp_path)], env=env, capture_output=True)
    assert run.returncode == -9, run.stderr.decode()
    assert len(ids(tmp_path)) and len([name for name in files(tmp_path) if name.startswith(kept.SHARD)]) == 2
    made(dataset, tmp_path)
    assert files(tmp_path) == files(whole)


SCRIPT = f"""
import sys
from animatrix_trainer import encode
from animatrix_trainer.config import Tasks
from animatrix_trainer.recipes import smoke
recipe = smoke().over_stages(steps=4, tasks=Tasks(t2v=0.5, i2v=0.5))
encode.encode(recipe, sys.argv[1], sys.argv[2], shard_bytes={SMALL_SHARDS})
"""


def test_steps_asked_for_later_add_only_what_is_new(dataset, whole, tmp_path):
    first = made(dataset, tmp_path, last=2)
    second = made(dataset, tmp_path, first=2)
    assert ids(tmp_path) == ids(whole)
    assert first.tensors + second.tensors == len(ids(whole))
    with pytest.raises(RecipeError, match=r"steps 3..9: the run has steps 0..4"):
        made(dataset, tmp_path, first=3, last=9)


def test_what_is_read_is_what_was_made_in_any_folder_and_dtype(dataset, tmp_path):
    made(dataset, tmp_path / "low")
    made(dataset, tmp_path / "high", dtype="fp32")
    low, high = Cache(open_store(tmp_path / "low")), Cache(open_store(tmp_path / "high"))
    assert low._ids.tolist() == high._ids.tolist() and len(low) > 8
    for id in low._ids.tolist():
        one, two = low.get(id.decode()), high.get(id.decode())
        assert one is not None and two is not None
        assert (one.dtype, two.dtype) == (torch.bfloat16, torch.float32) and torch.equal(one, two.bfloat16())
    assert low.get("0" * 32) is None and low.get(None) is None and "f" * 32 not in low


def test_the_size_that_is_said_beforehand_is_the_size(dataset, tmp_path, capsys):
    recipe = RECIPE.over_stages(buckets=(Bucket(Window(9, 8, 16), 2),), tasks=Tasks(t2v=0.0, ends=1.0))
    recipe = dataclasses.replace(recipe, flow=dataclasses.replace(recipe.flow, given="channels"))
    sides = encode.both_sides(recipe, dataset, NEWEST)
    wanted = encode.work(sides, recipe, encode.sizes(recipe))
    assert encode.sizes(recipe) == encode.Sizes.of(encode.load(recipe))
    made(dataset, tmp_path, recipe)
    there = Cache(open_store(tmp_path))
    for job in wanted.windows:
        assert {part.kind for part in job.parts} == {"x", "known"}
        for part in job.parts:
            value = there.get(part.id)
            assert value is not None and value.numel() == part.numbers
    for id, words in wanted.texts:
        value = there.get(id)
        assert value is not None and value.numel() <= wanted.text_numbers, words
    settings = ["--stages.0.steps", "4", "--shards", str(dataset), "--cache", str(tmp_path / "none")]
    assert cli.main(["encode", "smoke", *settings, "--dry-run"]) == 0
    assert "8 samples: " in capsys.readouterr().out and not (tmp_path / "none").exists()


def changed(recipe=RECIPE, **how):
    return dataclasses.replace(recipe, **how)


def test_another_codec_encoder_or_data_set_is_named(dataset, whole, drawing, tmp_path):
    opened(dataset, whole, only=True)
    with pytest.raises(
        CacheError, match=r"codec PixelCodec, 12 channels at 4 x 1 there, PixelCodec, 48 channels at 4 x 2 now"
    ):
        opened(dataset, whole, changed(codec=Codec(space_stride=2)))
    with pytest.raises(CacheError, match=r"weights of the text encoder \w+ there, \w+ now.*into another --cache"):
        opened(dataset, whole, changed(text=dataclasses.replace(RECIPE.text, seed=1)))
    with pytest.raises(CacheError, match=r"tokens a text 16 there, 12 now"):
        opened(dataset, whole, changed(text=Text(length=12, dim=16, layers=1)))
    with pytest.raises(CacheError, match=r"tokens a text 16 there, 12 now"):
        made(dataset, whole, changed(text=Text(length=12, dim=16, layers=1)))
    other = drawing.write_dataset(tmp_path / "other", [12] * 4, seed=50)
    with pytest.raises(CacheError, match=r"data set \w{32} there, \w{32} now.*--other-data"):
        opened(other, whole)
    assert len(opened(other, whole, other_data=True))
    with pytest.raises(CacheError, match=r"is kept in bf16; give --dtype bf16"):
        made(dataset, whole, dtype="fp32")


def test_weights_tell_codecs_apart_and_folders_do_not(tmp_path):
    digests = []
    for seed in (0, 0, 1):
        tiny.vae(seed).save_pretrained(tmp_path / str(len(digests)))
        codec = WanCodec(AutoencoderKLWan.from_pretrained(tmp_path / str(len(digests))))
        digests.append(digest(codec.vae, {"mean": codec.mean.flatten().tolist()}))
    assert digests[0] == digests[1] != digests[2]


def test_a_cache_that_is_none_or_of_newer_code_is_refused(dataset, whole, tmp_path):
    with pytest.raises(CacheError, match=r"holds no cache.json, so it is no cache; make it with"):
        opened(dataset, tmp_path)
    (tmp_path / "cache.json").write_text('{"format": 2}')
    with pytest.raises(CacheError, match=r"this code reads format 1"):
        opened(dataset, tmp_path)


def torn(dataset, tmp_path):
    """A cache of its own, one of its shards, and the id of a tensor in it."""
    made(dataset, tmp_path, shard_bytes=1 << 20)
    there = opened(dataset, tmp_path)
    id = there._ids[0].decode()
    shard = tmp_path / there._rows["shard"][0].as_py()
    shard.chmod(0o644)
    return id, shard, int(there._rows["offset"][0].as_py())


def test_a_torn_shard_is_refused_with_its_name(dataset, tmp_path):
    id, shard, offset = torn(dataset, tmp_path)
    data = shard.read_bytes()
    shard.write_bytes(data[: offset + 3])
    with pytest.raises(CacheError, match=rf"{shard.name}: 3 of \d+ bytes at {offset}: cut off; remove it"):
        opened(dataset, tmp_path).get(id)
    shard.write_bytes(data[:offset] + bytes(4 * [data[offset] ^ 255]) + data[offset + 4 :])
    with pytest.raises(CacheError, match=rf"{shard.name}: other bytes at {offset} than were written"):
        opened(dataset, tmp_path).get(id)
    shard.unlink()
    with pytest.raises(CacheError, match=r"an index names this shard and it is not there"):
        opened(dataset, tmp_path).get(id)
    index = next((tmp_path / "index").iterdir())
    index.chmod(0o644)
    index.write_bytes(index.read_bytes()[:50])
    with pytest.raises(StoreError, match=rf"{index.name}: not a Parquet file"):
        opened(dataset, tmp_path)


def test_a_bucket_holds_the_same_cache(dataset, whole, s3):
    made(dataset, f"{s3}/cache")
    assert files(f"{s3}/cache") == files(whole)
    one, two = opened(dataset, f"{s3}/cache"), opened(dataset, whole)
    id = one._ids[0].decode()
    left, right = one.get(id), two.get(id)
    assert left is not None and right is not None and torch.equal(left, right)


def test_a_cache_with_pixels_of_another_border_is_not_met(own_dataset, drawing, tmp_path):
    """What a border cuts off is part of what a window is: an annotation that changes it makes other windows."""
    made(own_dataset, tmp_path)
    boxes = {f"clip{i:03d}": {"crop_x0": 0.2, "crop_y0": 0.0, "crop_x1": 0.8, "crop_y1": 1.0} for i in range(7)}
    drawing.say(own_dataset, scores=boxes)
    again = made(own_dataset, tmp_path)
    assert again.tensors >= 6


def test_ids_tell_apart_all_that_pixels_and_what_is_told_of_them_depend_on(dataset):
    recipe = RECIPE.over_stages(buckets=(Bucket(Window(5, 8, 16), 2),), tasks=Tasks(t2v=0.5, i2v=0.5))
    recipe = dataclasses.replace(recipe, flow=dataclasses.replace(recipe.flow, given="channels"))
    naming, contents = Naming(recipe, 4, True, True), Contents(Shards(dataset))

    def wanted(pick, text=""):
        return naming.wanted(0, pick.number, pick.window, contents.window(pick), text)

    pick = Pick(1, 2, 0, Window(5, 8, 16))
    numbers = {bool(wanted(dataclasses.replace(pick, number=n)).told_F[0]): n for n in range(20)}
    told, free = (dataclasses.replace(pick, number=numbers[given]) for given in (True, False))
    others = [
        dataclasses.replace(told, row=2),
        dataclasses.replace(told, start=3),
        *(dataclasses.replace(told, window=window) for window in (Window(1, 8, 16), Window(5, 16, 8))),
    ]
    own = wanted(told, "a pan")
    assert len({wanted(one).x for one in (told, *others)}) == 5
    assert wanted(free, "a pan").x == own.x and wanted(free, "a pan").text == own.text
    assert own.text != wanted(told, "a tilt").text
    none = wanted(free)
    assert own.known != none.known and own.image != none.image
    again = wanted(dataclasses.replace(free, start=3))  # where nothing is given nothing is seen
    assert (again.known, again.image) == (none.known, none.image)


def test_the_cli_says_what_is_wrong(dataset, tmp_path, capsys):
    assert cli.main(["fit", "smoke", "--shards", str(dataset), "--out", str(tmp_path / "a"), "--cache-only"]) == 2
    assert "--cache-only without --cache" in capsys.readouterr().err
    there = ["--cache", str(tmp_path / "none")]
    assert cli.main(["fit", "smoke", "--shards", str(dataset), "--out", str(tmp_path / "b"), *there]) == 2
    assert "holds no cache.json" in capsys.readouterr().err
    assert cli.main(["encode", "smoke", "--shards", str(dataset), *there, "--shard-mib", "0"]) == 2
    assert "--shard-mib 0" in capsys.readouterr().err
