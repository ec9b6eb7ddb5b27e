"""What a batch asks of the network belongs to its samples, and the loss covers what is asked."""

import dataclasses

import numpy as np
import pytest
import torch
from animatrix_trainer import checkpoint
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.tags import TagSpan
from animatrix_trainer.config import Bucket, Codec, Experts, Flow, Tags, Tasks, Window
from animatrix_trainer.data.read import Batch
from animatrix_trainer.objective import errors, objective, task
from animatrix_trainer.recipes import smoke

from tests.trainer import tiny

TOLD = (
    Condition({"camera.move": ("pan_left",)}, "A pan.", (TagSpan("camera.move", "pan_left", 0.0, 0.5),)),
    Condition(None, ""),
)


def batch(frames=9, size=(8, 16), numbers=(0, 1), told=TOLD):
    videos = [np.random.default_rng(n).integers(0, 256, (frames, *size, 3), dtype=np.uint8) for n in numbers]
    return Batch(tuple(numbers), np.stack(videos), told)


def system(given="timestep", tasks=None, codec=None, **changes):
    """A tiny system whose output layer says something."""
    bucket = Bucket(Window(9, 8, 16), batch=2)
    recipe = smoke().over_stages(tasks=tasks or Tasks(t2v=0.0, keys=1.0), buckets=(bucket,))
    recipe = dataclasses.replace(recipe, flow=Flow(given=given), codec=codec or recipe.codec, **changes)
    built = checkpoint.build(recipe)
    with torch.no_grad():
        for model in built.models:
            model.proj_out.weight.normal_(std=0.2, generator=torch.Generator().manual_seed(0))
    return built


@pytest.fixture(scope="module")
def wan_codec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objective") / "vae"
    tiny.vae().save_pretrained(folder)
    return Codec(kind="wan", folder=str(folder))


@pytest.mark.parametrize("given", ["timestep", "plane", "channels"])
def test_a_sample_meets_the_same_task_in_every_batch(given):
    one = system(given)
    both, second = task(one, batch()), task(one, batch(numbers=(1,), told=TOLD[1:]))
    for name in ("x_BCTHW", "e_BCTHW", "s_B", "text_BND", "tags_BK"):
        torch.testing.assert_close(getattr(both, name)[1:], getattr(second, name), msg=name)
    assert torch.equal(both.known.given_BT[1:], second.known.given_BT)
    with torch.no_grad():
        torch.testing.assert_close(errors(one.model, one, both)[1:], errors(one.model, one, second))


@pytest.mark.parametrize("given", ["timestep", "plane"])
def test_given_frames_stand_clean_and_count_for_nothing(given):
    one = system(given)
    asked = task(one, batch())
    clean = asked.known.clean_BT
    assert clean.any() and not clean.all(1).any()
    noise = torch.where(clean[:, None, :, None, None], torch.randn_like(asked.e_BCTHW) * 9, asked.e_BCTHW)
    with torch.no_grad():
        loss = errors(one.model, one, asked)
        assert torch.equal(loss, errors(one.model, one, dataclasses.replace(asked, e_BCTHW=noise)))


def test_with_channels_every_frame_is_noise_and_counts():
    one = system("channels")
    asked = task(one, batch())
    assert asked.known.given_BT.any() and not asked.known.clean_BT.any()
    with torch.no_grad():
        loss = errors(one.model, one, asked)
        for frame in range(3):
            e = asked.e_BCTHW.clone()
            e[:, :, frame] += 1.0
            assert (errors(one.model, one, dataclasses.replace(asked, e_BCTHW=e)) != loss).all()


@pytest.mark.parametrize("given", ["timestep", "plane", "channels"])
def test_wans_codec_keeps_the_frames_between_to_itself(wan_codec, given):
    """First and last given: what the network sees must not change with the frames that it is to draw."""
    one = system(given, Tasks(t2v=0.0, ends=1.0), wan_codec)
    clip = batch(size=(16, 32))
    other = clip.videos.copy()
    other[:, 1:5] = 255 - other[:, 1:5]
    known = [task(one, b).known for b in (clip, dataclasses.replace(clip, videos=other))]
    mask = known[0].given_BT[:, None, :, None, None]
    assert known[0].given_BT.tolist() == [[True, False, True]] * 2
    assert torch.equal(known[0].latents_BCTHW * mask, known[1].latents_BCTHW * mask)
    with torch.no_grad():
        assert objective(one.model, one, clip).isfinite()


def test_an_expert_is_asked_within_its_window():
    one = system(experts=Experts(boundary=0.7))
    low, high = (task(one, batch(numbers=tuple(range(8)), told=TOLD * 4), expert).s_B for expert in (1, 0))
    assert high.min() >= 0.7 and low.min() > 0 and low.max() <= 0.7
    assert torch.equal(low.argsort(), high.argsort())  # both by the samples' own draws
    narrow = dataclasses.replace(one.recipe, experts=Experts()).over_stages(sigma=(0.2, 0.3))
    s = task(dataclasses.replace(one, recipe=narrow), batch()).s_B
    assert s.min() >= 0.2 and s.max() <= 0.3


def test_times_reach_a_model_that_hears_them():
    deaf, hearing = system(), system(tags=Tags(dim=16, heads=2, layers=1, spans=2))
    told, silent = batch(), batch(told=(dataclasses.replace(TOLD[0], spans=()), TOLD[1]))
    for one, same in ((deaf, True), (hearing, False)):
        with torch.no_grad():
            loss = [errors(one.model, one, task(one, b)) for b in (told, silent)]
        assert torch.equal(loss[0], loss[1]) == same
        assert loss[0][1] == loss[1][1]


def test_a_picture_is_a_clip_of_one_frame():
    one = system(tasks=Tasks(t2i=0.0, t2v=0.0, i2v=1.0))
    asked = task(one, batch(frames=1))
    assert not asked.known.given_BT.any() and asked.x_BCTHW.shape[2] == 1
    with torch.no_grad():
        assert objective(one.model, one, batch(frames=1)).isfinite()
