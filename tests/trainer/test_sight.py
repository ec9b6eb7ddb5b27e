"""Wan 2.1 I2V's picture encoder: seen as diffusers' pipeline sees, carried through training, sampling and saving."""

import dataclasses

import numpy as np
import pytest
import torch
from animatrix_trainer import checkpoint
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.config import Bucket, CheckpointError, Tags, Tasks, Window
from animatrix_trainer.data.read import Batches, Shards
from animatrix_trainer.model import published
from animatrix_trainer.model.sight import PictureEncoder
from animatrix_trainer.objective import objective, task
from animatrix_trainer.recipes import smoke
from diffusers import (
    DiffusionPipeline,
    WanImageToVideoPipeline,
)
from PIL import Image


@pytest.fixture(scope="module")
def wan(wan_i2v_folder):
    return wan_i2v_folder


def recipe_on(folder):
    recipe = published.placed(dataclasses.replace(smoke(), wan=str(folder), tags=Tags(dim=16, heads=2, layers=1)))
    bucket = Bucket(Window(frames=5, height_px=32, width_px=48), batch=2)
    return recipe.over_stages(buckets=(bucket,), tasks=Tasks(t2v=0.0, i2v=1.0))


@pytest.fixture(scope="module")
def system(wan):
    return checkpoint.build(recipe_on(wan))


def test_a_picture_is_seen_as_the_pipeline_sees_it(wan, system):
    """Its own processor rounds to bytes after scaling and ours does not: tokens agree to that."""
    picture = np.kron(np.random.default_rng(0).integers(0, 256, (6, 10, 3)), np.ones((12, 12, 1))).astype(np.uint8)
    pipeline = DiffusionPipeline.from_pretrained(wan)
    theirs = pipeline.encode_image(Image.fromarray(picture), "cpu")
    video = torch.from_numpy(picture).permute(2, 0, 1)[None, :, None] / 127.5 - 1
    ours = system.sight(video, torch.ones(1, 1, dtype=torch.bool))
    assert ours.shape == theirs.shape == (1, 5, 20) and system.sight.dim == 20
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.02)


def test_what_is_not_given_is_not_seen(system):
    videos = torch.rand(2, 3, 5, 32, 48) * 2 - 1
    told = torch.zeros(2, 5, dtype=torch.bool)
    one, other = system.sight(videos, told)
    assert torch.equal(one, other)
    told[0, 0] = True
    assert not torch.equal(system.sight(videos, told)[0], other)


def test_it_trains_saves_and_samples(dataset, system, tmp_path):
    from animatrix_trainer.conditioning.guidance import Wish
    from animatrix_trainer.sample import Asked, sample

    batch = Batches(Shards(dataset, cache=True), system.recipe)[0]
    assert task(system, batch).known.image_BND.shape == (2, 5, 20)
    objective(system.model, system, batch).backward()
    name = "blocks.0.attn2.add_k_proj.weight"
    assert dict(system.model.named_parameters())[name].grad.abs().sum() > 0
    system.model.zero_grad()
    checkpoint.export(system, tmp_path)
    again = checkpoint.load(tmp_path)
    picture = np.full((32, 48, 3), 200, np.uint8)
    asked = [Asked(Wish(Condition(None, "A pan.")), 1, {0: picture})]
    clips = [sample(each, asked) for each in (system, again)]
    assert np.array_equal(*clips) and np.array_equal(clips[0][0, 0], picture)
    pipeline = DiffusionPipeline.from_pretrained(tmp_path)
    assert type(pipeline) is WanImageToVideoPipeline and pipeline.image_encoder.config.hidden_size == 20


def test_a_folder_without_it_is_named(wan, tmp_path):
    with pytest.raises(CheckpointError, match="image_encoder and image_processor is not there; fetch the whole folder"):
        checkpoint.build(dataclasses.replace(recipe_on(wan), wan=str(copy_of(wan, tmp_path) / "transformer")))


def copy_of(wan, folder):
    for path in (wan / "transformer").iterdir():
        (folder / "transformer").mkdir(exist_ok=True)
        (folder / "transformer" / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_model_of_first_and_last_frames_is_refused_by_name(tmp_path):
    """diffusers would take the pictures of two clips of a batch for the two of one."""
    with pytest.raises(CheckpointError, match="FLF2V"):
        PictureEncoder.of({"image_dim": 1280, "pos_embed_seq_len": 514}, tmp_path)
    assert PictureEncoder.of({"image_dim": None}, tmp_path) is None
