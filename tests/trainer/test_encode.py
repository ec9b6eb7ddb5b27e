"""Training on what `encode` kept is training on what is encoded on the fly: in every task, codec, way of being told."""

import dataclasses
import json

import pytest
import torch
from animatrix_trainer import checkpoint, encode
from animatrix_trainer.config import (
    Bucket,
    Codec,
    DataError,
    Flow,
    Preference,
    Recipe,
    Stage,
    Tags,
    Tasks,
    Text,
    Window,
)
from animatrix_trainer.data.cache import Cache, CacheError, EncodedBatches
from animatrix_trainer.data.identity import header_of
from animatrix_trainer.data.pairs import read_pairs
from animatrix_trainer.data.read import Batches, Shards
from animatrix_trainer.encoded import EncodedBatch
from animatrix_trainer.loop import fit
from animatrix_trainer.model import published
from animatrix_trainer.objective import objective, task
from animatrix_trainer.recipes import smoke
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from tests.trainer.test_preference import write_pairs

STEPS = 3
VIDEO, PICTURE = Bucket(Window(9, 16, 32), batch=2), Bucket(Window(1, 16, 32), batch=2)


def recipe_of(given: str, tasks: Tasks, wan=None) -> Recipe:
    """A few steps; with `wan`, a folder of Wan's, its VAE and its UMT5."""
    buckets = ((PICTURE,) if tasks.t2i else ()) + (() if tasks.t2i == 1 else (VIDEO,))
    recipe = dataclasses.replace(smoke(), flow=Flow(given=given), cache_clips=False)
    if wan is not None:
        text = Text(folder=str(wan / "text_encoder"), length=24)
        recipe = dataclasses.replace(recipe, codec=Codec("wan", str(wan / "vae")), text=text)
    return recipe.over_stages(steps=STEPS, buckets=buckets, tasks=tasks)


def quiet(_: str) -> None:
    pass


def made(recipe, dataset, cache, dtype="fp32", **how):
    return encode.encode(recipe, dataset, cache, dtype=dtype, say=quiet, **how)


def talking(recipe):
    """The system of a recipe, with an output layer that says something."""
    system = checkpoint.build(recipe)
    with torch.no_grad():
        system.model.proj_out.weight.normal_(std=0.2, generator=torch.Generator().manual_seed(0))
    return system


def both(recipe, dataset, cache, system, only=True):
    """The batches of a recipe as they are read, and with what is kept in `cache`."""
    batches = Batches(Shards(dataset), recipe)
    now = header_of(batches.shards, system.codec, system.text, system.sight)
    return batches, EncodedBatches(batches, Cache.open(str(cache), now, only), now)


def forbid(system):
    """A system that can encode nothing more."""

    def refuse(*_):
        raise AssertionError("is encoded although it was kept")

    system.codec.encode = refuse
    system.text.forward = refuse
    if system.sight is not None:
        system.sight.forward = refuse


KINDS = {
    "t2i beside i2v": ("timestep", Tasks(t2i=0.5, t2v=0.0, i2v=0.5)),
    "mixed": ("timestep", Tasks(t2v=0.5, i2v=0.5)),
    "ends": ("timestep", Tasks(t2v=0.0, ends=1.0)),
    "keys": ("plane", Tasks(t2v=0.0, keys=1.0)),
    "channels, mixed": ("channels", Tasks(t2v=0.3, i2v=0.3, ends=0.4)),
    "channels, keys": ("channels", Tasks(t2v=0.0, keys=1.0)),
}
CASES = [("pixel", kind) for kind in ("mixed", "keys", "channels, keys")] + [
    ("wan", kind) for kind in ("t2i beside i2v", "ends", "keys", "channels, mixed")
]


@pytest.mark.parametrize(("codec", "kind"), CASES)
def test_losses_are_those_of_the_same_samples_encoded_on_the_fly(dataset, tmp_path, wan_i2v_folder, codec, kind):
    """fp32 agrees to rounding of batches against single samples, to the bit where nothing is learnt; bf16 is its
    rounding and nothing else."""
    recipe = recipe_of(*KINDS[kind], wan_i2v_folder if codec == "wan" else None)
    system = talking(recipe)
    for dtype in ("fp32", "bf16"):
        made(recipe, dataset, tmp_path / dtype, dtype)
    plain, exact = both(recipe, dataset, tmp_path / "fp32", system)
    _, rounded = both(recipe, dataset, tmp_path / "bf16", system)
    with torch.no_grad():
        fly = [task(system, plain[step]) for step in range(STEPS)]
        losses = [objective(system.model, system, plain[step]) for step in range(STEPS)]
        forbid(system)
        for step, wanted in enumerate(fly):
            found, low = task(system, exact[step]), task(system, rounded[step])
            same = {"rtol": 0, "atol": 0} if codec == "pixel" else {"rtol": 1e-5, "atol": 1e-5}
            torch.testing.assert_close(found.x_BCTHW, wanted.x_BCTHW, **same)
            torch.testing.assert_close(found.text_BND, wanted.text_BND, rtol=1e-5, atol=1e-6)
            assert torch.equal(low.x_BCTHW, found.x_BCTHW.bfloat16().float())
            assert torch.equal(low.text_BND, found.text_BND.bfloat16().float())
            for name in ("e_BCTHW", "s_B", "tags_BK"):
                assert torch.equal(getattr(found, name), getattr(wanted, name)), name
            assert torch.equal(found.known.given_BT, wanted.known.given_BT)
            told, meant = found.known.frames_BpT, wanted.known.frames_BpT
            assert (told is None and meant is None) or torch.equal(told, meant)
            loss, low_loss = (objective(system.model, system, of[step]) for of in (exact, rounded))
            torch.testing.assert_close(loss, losses[step], rtol=1e-6, atol=1e-6)
            torch.testing.assert_close(low_loss, losses[step], rtol=0.02, atol=0)


def test_what_clip_sees_is_kept_too(dataset, tmp_path, wan_i2v_folder):
    """Wan 2.1 I2V: picture tokens of first frames, and of mid-grey where none is given."""
    recipe = dataclasses.replace(smoke(), wan=str(wan_i2v_folder), tags=Tags(dim=16, heads=2, layers=1))
    recipe = published.placed(recipe).over_stages(steps=STEPS, buckets=(VIDEO,), tasks=Tasks(t2v=0.5, i2v=0.5))
    system = talking(recipe)
    made(recipe, dataset, tmp_path)
    plain, kept = both(recipe, dataset, tmp_path, system)
    wanted = [task(system, plain[step]).known.image_BND for step in range(STEPS)]
    forbid(system)
    for step, meant in enumerate(wanted):
        found = task(system, kept[step]).known.image_BND
        assert meant is not None and found is not None
        torch.testing.assert_close(found, meant, rtol=1e-5, atol=1e-5)
    assert not torch.equal(torch.cat([*wanted])[0], torch.cat([*wanted])[-1])


@pytest.fixture(scope="module")
def ten_steps(dataset, tmp_path_factory):
    """Ten steps on the fly, twice over the same clips, and what they learnt."""
    out = tmp_path_factory.mktemp("ten")
    recipe = smoke().over_stages(tasks=Tasks(t2v=0.4, i2v=0.3, ends=0.3))
    return recipe, out, weights(fit(recipe, dataset, out))


def weights(folder):
    return load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")


def lines(out, name="metrics.jsonl"):
    return [json.loads(line) for line in (out / name).read_text().splitlines()]


def losses_of(out):
    return [line["loss"] for line in lines(out)]


def test_ten_steps_on_a_cache_are_the_ten_steps(dataset, ten_steps, tmp_path):
    recipe, out, learnt = ten_steps
    for dtype in ("fp32", "bf16"):
        made(recipe, dataset, tmp_path / dtype, dtype)
    exact = weights(fit(recipe, dataset, tmp_path / "one", cache=str(tmp_path / "fp32"), cache_only=True))
    rounded = weights(fit(recipe, dataset, tmp_path / "two", cache=str(tmp_path / "bf16"), cache_only=True))
    assert losses_of(tmp_path / "one") == pytest.approx(losses_of(out), rel=1e-5)
    assert losses_of(tmp_path / "two") == pytest.approx(losses_of(out), rel=5e-3)
    for name, value in learnt.items():
        torch.testing.assert_close(exact[name], value, rtol=1e-4, atol=1e-6, msg=name)
    assert any(not torch.equal(rounded[name], value) for name, value in learnt.items())


def test_steps_on_pairs_are_the_same_from_a_cache(dataset, tmp_path):
    """Winners and losers with whatever is given of them; without pairs those steps are left out, and say so."""
    recipe = dataclasses.replace(recipe_of("channels", Tasks(t2v=0.4, i2v=0.6)), preference=Preference(beta=50.0))
    stage = dataclasses.replace(recipe.stages[0], buckets=(Bucket(Window(5, 8, 16), batch=2),))
    recipe = dataclasses.replace(recipe, stages=(stage, dataclasses.replace(stage, objective="preference")))
    path = write_pairs(tmp_path / "pairs", 4)
    pairs = read_pairs(path)
    said = []
    encode.encode(recipe, dataset, tmp_path / "some", dtype="fp32", say=said.append)
    assert f"{STEPS} steps learn from pairs and are left out" in said[0]
    made(recipe, dataset, tmp_path / "all", pairs=pairs)
    fit(recipe, dataset, tmp_path / "fly", pairs=path)
    fit(recipe, dataset, tmp_path / "kept", pairs=path, cache=str(tmp_path / "all"), cache_only=True)
    assert losses_of(tmp_path / "kept") == pytest.approx(losses_of(tmp_path / "fly"), rel=1e-5)
    assert [line["missed"] for line in lines(tmp_path / "kept")] == [0] * 2 * STEPS
    fit(recipe, dataset, tmp_path / "half", pairs=path, cache=str(tmp_path / "some"))
    assert losses_of(tmp_path / "half") == pytest.approx(losses_of(tmp_path / "fly"), rel=1e-5)
    assert min(line["missed"] for line in lines(tmp_path / "half")[STEPS:]) > 0
    with pytest.raises(CacheError, match=r"pair \d+, .*pairs/\d-(winner|loser)\.mp4: its latents.* not in the cache"):
        fit(recipe, dataset, tmp_path / "only", pairs=path, cache=str(tmp_path / "some"), cache_only=True)
    pairs[0].loser.unlink()
    with pytest.raises(DataError, match=r"0-loser\.mp4: .*; draw it again, or take its pair out of the file"):
        made(recipe, dataset, tmp_path / "gone", pairs=pairs)


def test_what_a_cache_lacks_is_encoded_and_counted_or_refused(dataset, ten_steps, tmp_path):
    recipe, out, learnt = ten_steps
    made(recipe, dataset, tmp_path / "half", first=0, last=5)
    again = weights(fit(recipe, dataset, tmp_path / "run", cache=str(tmp_path / "half")))
    missed = [line["missed"] for line in lines(tmp_path / "run")]
    assert missed[:5] == [0] * 5 and sum(missed[5:]) > 5 and max(missed) == 2
    assert losses_of(tmp_path / "run") == pytest.approx(losses_of(out), rel=1e-5)
    assert "missed" not in lines(out)[0]
    for name, value in learnt.items():
        torch.testing.assert_close(again[name], value, rtol=1e-4, atol=1e-6, msg=name)
    with pytest.raises(
        CacheError, match=r"sample 1\d, clip clip00\d from frame \d: its latents.* not in the cache; run"
    ):
        fit(recipe, dataset, tmp_path / "refused", cache=str(tmp_path / "half"), cache_only=True)


def test_the_held_out_loss_needs_no_encoder_either(own_dataset, drawing, tmp_path):
    drawing.say(own_dataset, splits=drawing.sides("ttttvvt"))
    recipe = smoke().over_stages(steps=5)
    made(recipe, own_dataset, tmp_path / "cache")
    fit(recipe, own_dataset, tmp_path / "fly")
    fit(recipe, own_dataset, tmp_path / "kept", cache=str(tmp_path / "cache"), cache_only=True)
    one, two = (lines(tmp_path / name, "held_out.jsonl")[-1] for name in ("fly", "kept"))
    assert one["clips"] == two["clips"] >= 2
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert two["by_sigma"] == pytest.approx(one["by_sigma"], rel=1e-5)


def test_workers_and_micro_batches_carry_it(dataset, tmp_path):
    from animatrix_trainer.parallel import micro_batches

    recipe = recipe_of("channels", Tasks(t2v=0.0, keys=1.0))
    system = talking(recipe)
    made(recipe, dataset, tmp_path, last=2)
    _, kept = both(recipe, dataset, tmp_path, system, only=False)
    loader = DataLoader(kept, batch_size=None, sampler=range(STEPS), num_workers=2)
    for step, batch in enumerate(loader):
        assert isinstance(batch, EncodedBatch) and len(batch.videos) == 0
        assert batch.missed == (0 if step < 2 else 2)
        whole = task(system, kept[step])
        parts = [task(system, part) for part in micro_batches(batch, 2)]
        assert torch.equal(torch.cat([part.x_BCTHW for part in parts]), whole.x_BCTHW)
        assert torch.equal(torch.cat([part.known.latents_BCTHW for part in parts]), whole.known.latents_BCTHW)


def test_a_broken_clip_is_left_out_and_its_substitute_trained_on(own_dataset, tmp_path):
    at = Shards(own_dataset).row(2)
    path = own_dataset / "shards" / at["shard"]
    data = bytearray(path.read_bytes())
    data[at["offset"] : at["offset"] + at["length"]] = bytes(at["length"])
    path.chmod(0o644)
    path.write_bytes(data)
    recipe = recipe_of("timestep", Tasks())
    with pytest.raises(DataError, match=r"clip clip002 at byte \d+"):
        made(recipe, own_dataset, tmp_path / "refused")
    recipe = dataclasses.replace(recipe, skip_corrupt=True)
    told = made(recipe, own_dataset, tmp_path / "cache")
    assert len(told.broken) == 1 and "clip002" in told.broken[0] and "1 windows could not be read" in told.words()
    system = talking(recipe)
    plain, kept = both(recipe, own_dataset, tmp_path / "cache", system, only=False)
    with torch.no_grad():
        for step in range(STEPS):
            one, two = plain[step], kept[step]
            assert (one.numbers, one.conditions, one.skipped) == (two.numbers, two.conditions, two.skipped)
            wanted, found = (objective(system.model, system, batch) for batch in (one, two))
            torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    assert sum(bool(kept[step].skipped) for step in range(STEPS)) == 1


def test_few_starts_make_a_cache_that_is_met_again(dataset):
    stage = Stage("ct", steps=60, buckets=(Bucket(Window(5, 8, 16), batch=2),))
    counts = {}
    for starts in (0, 2):
        recipe = Recipe("starts", (dataclasses.replace(stage, starts=starts),))
        sides = encode.both_sides(recipe, dataset, encode.NEWEST)
        counts[starts] = encode.work(sides, recipe, encode.sizes(recipe))
    assert counts[0].samples == counts[2].samples == 120
    assert len(counts[2].windows) == 6 * 2 < len(counts[0].windows) <= 6 * 8
