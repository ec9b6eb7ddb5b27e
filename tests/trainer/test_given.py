"""What is given reaches the network as the pipelines of diffusers tell it, and nothing of what is not given does."""

import numpy as np
import pytest
import torch
from animatrix_trainer import flow
from animatrix_trainer.config import Flow, Tasks
from animatrix_trainer.model import given
from animatrix_trainer.model.codec import PixelCodec, WanCodec
from animatrix_trainer.model.denoise import velocity
from animatrix_trainer.objective import given_frames, told_frames
from diffusers import WanImageToVideoPipeline

from tests.trainer import tiny

FRAMES, SIZE = 9, (16, 32)


@pytest.fixture(scope="module")
def vae():
    return tiny.vae()


@pytest.fixture(scope="module")
def codec(vae):
    return WanCodec(vae)


def pipeline(vae, in_channels, expand_timesteps=False):
    wan = tiny.wan(seed=1, in_channels=in_channels, num_layers=1)
    parts = {"tokenizer": None, "text_encoder": None, "image_processor": None, "image_encoder": None}
    return WanImageToVideoPipeline(
        **parts, vae=vae, scheduler=tiny.scheduler(), transformer=wan, expand_timesteps=expand_timesteps
    )


def clip(seed=0, batch=1):
    return torch.rand(batch, 3, FRAMES, *SIZE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def told(*frames, batch=1):
    array = np.zeros((batch, FRAMES), bool)
    array[:, list(frames)] = True
    return array


class Plain(torch.nn.Module):
    """A plain Wan transformer behind the call of ours; remembers what it was given."""

    def __init__(self, wan):
        super().__init__()
        self.wan = wan

    def forward(self, tags, **seen):
        self.seen = seen
        return self.wan(**seen)


def see(pipe, video, known, how, s=0.6):
    """What the network is given where we call it."""
    model = Plain(pipe.transformer)
    noise = torch.randn(known.latents_BCTHW.shape, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        out = velocity(
            model, noise, torch.full((len(noise),), s), known, torch.zeros(len(noise), 7, 32), torch.zeros(1, 1),
            Flow(given=how), (1, 2, 2),
        )  # fmt: skip
    return noise, model.seen, out


@pytest.mark.parametrize("last", [False, True])
def test_channels_are_laid_out_as_in_wans_image_to_video_pipeline(vae, codec, last):
    pipe, video = pipeline(vae, 36), clip()
    frames = (0, FRAMES - 1) if last else (0,)
    known = given.known_of(codec, video, told(*frames), "channels")
    noise, seen, _ = see(pipe, video, known, "channels")
    with torch.no_grad():
        latents, condition = pipe.prepare_latents(
            video[:, :, 0], 1, 16, *SIZE, FRAMES, torch.float32, torch.device("cpu"), None, noise,
            video[:, :, -1] if last else None,
        )  # fmt: skip
    torch.testing.assert_close(seen["hidden_states"], torch.cat([latents, condition], dim=1), atol=1e-5, rtol=1e-5)
    assert seen["timestep"].shape == (1,)


def test_timesteps_of_the_first_frame_are_those_of_wans_5b_pipeline(vae, codec):
    pipe, video = pipeline(vae, 16, expand_timesteps=True), clip()
    known = given.known_of(codec, video, told(0), "timestep")
    noise, seen, _ = see(pipe, video, known, "timestep")
    with torch.no_grad():
        latents, condition, mask = pipe.prepare_latents(
            video[:, :, 0], 1, 16, *SIZE, FRAMES, torch.float32, torch.device("cpu"), None, noise, None
        )
    torch.testing.assert_close(seen["hidden_states"], (1 - mask) * condition + mask * latents, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(seen["timestep"], (mask[0, 0, :, ::2, ::2] * 600.0).flatten()[None])


def test_the_mask_says_picture_frames(codec):
    known = given.known_of(codec, clip(), told(0, 6), "channels")
    assert known.frames_BpT is not None
    assert known.frames_BpT[0].T.int().tolist() == [[1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]
    assert known.given_BT.tolist() == [[True, False, True]]
    assert not known.clean_BT.any()


@pytest.mark.parametrize("how", ["timestep", "plane", "channels"])
@pytest.mark.parametrize("frames", [(), (0,), (0, *range(5, 9)), tuple(range(1, 5))])
def test_nothing_of_what_is_not_given_is_known(codec, how, frames):
    """Wan's codec looks back: latents of a given frame in the whole clip would hold what came before it."""
    one, other = clip(0), clip(1)
    other[:, :, list(frames)] = one[:, :, list(frames)]
    known = [given.known_of_clip(codec, video, codec.encode(video), told(*frames), how) for video in (one, other)]
    for part, same in zip(known[0], known[1], strict=True):
        assert (part is None) == (same is None)
    there = known[0].given_BT[:, None, :, None, None]
    torch.testing.assert_close(known[0].latents_BCTHW * there, known[1].latents_BCTHW * there)
    if how == "channels":
        torch.testing.assert_close(known[0].latents_BCTHW, known[1].latents_BCTHW)


def test_latents_at_hand_serve_where_they_are_what_would_be_encoded(codec):
    video = clip()
    x = codec.encode(video)
    first = given.known_of_clip(codec, video, x, told(0), "timestep")
    assert first.latents_BCTHW is x
    torch.testing.assert_close(first.latents_BCTHW[:, :, 0], codec.encode(video[:, :, :1])[:, :, 0], atol=1e-5, rtol=0)
    assert given.known_of_clip(codec, video, x, told(0, 5, 6, 7, 8), "timestep").latents_BCTHW is not x
    pixel = PixelCodec(4, 1)
    y = pixel.encode(video)
    known = given.known_of(pixel, video, told(*range(5, 9)), "plane")
    assert torch.equal(known.latents_BCTHW[:, :, 2], y[:, :, 2])
    assert given.known_of_clip(pixel, video, y, told(*range(5, 9)), "plane").latents_BCTHW is y


@pytest.mark.parametrize("how", ["timestep", "plane"])
def test_a_part_of_a_latent_frame_is_refused_where_it_cannot_be_said(codec, how):
    with pytest.raises(ValueError, match=rf"flow.given={how} gives whole latent frames of 4 .*given\.held"):
        given.known_of(codec, clip(), told(0, 8), how)


def test_drawings_are_held_over_their_latent_frame():
    pictures = {frame: torch.full((3, 2, 2), float(frame)) for frame in (0, 6)}
    video, frames = given.held(pictures, FRAMES, 4, "timestep")
    assert frames.nonzero()[0].tolist() == [0, 5, 6, 7, 8]
    assert video[0, :, 0, 0].tolist() == [0, 0, 0, 0, 0, 6, 6, 6, 6]
    video, frames = given.held(pictures | {8: torch.full((3, 2, 2), 8.0)}, FRAMES, 4, "plane")
    assert video[0, :, 0, 0].tolist() == [0, 0, 0, 0, 0, 6, 6, 6, 8]
    video, frames = given.held(pictures, FRAMES, 4, "channels")
    assert frames.nonzero()[0].tolist() == [0, 6]
    with pytest.raises(ValueError, match=r"frames \[0, 9\]: give some within 0..8"):
        given.held({0: pictures[0], 9: pictures[6]}, FRAMES, 4, "channels")


def test_what_is_clean_stays_clean_and_only_the_rest_is_asked_for():
    x, e = (torch.randn(2, 3, 3, 4, 6, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    told_BT = torch.tensor([[True, False, True], [False, False, False]])
    clean = given.Known(told_BT, x)
    x_s = clean.into(flow.add_noise(x, e, torch.tensor([0.5, 0.5]), clean.clean_BT))
    assert torch.equal(x_s[0, :, [0, 2]], x[0, :, [0, 2]]) and not torch.equal(x_s[0, :, 1], x[0, :, 1])
    noisy = given.Known(told_BT, x, told_BT[:, None].expand(-1, 4, -1))
    x_s = flow.add_noise(x, e, torch.tensor([0.5, 0.5]), noisy.clean_BT)
    assert torch.equal(noisy.into(x_s), x_s) and not torch.equal(x_s[0, :, 0], x[0, :, 0])
    spoilt = (e - x).clone()
    spoilt[0, :, 0] += 1.0
    assert flow.errors(spoilt, e - x, clean.clean_BT)[0] == 0
    torch.testing.assert_close(flow.errors(spoilt, e - x, noisy.clean_BT)[0], torch.tensor(1 / 3))


def test_repeated_for_the_branches_of_a_guided_step(codec):
    known = given.known_of(codec, torch.cat([clip(0), clip(1)]), told(0, batch=2), "channels")
    thrice = known.rows(torch.arange(2).repeat_interleave(3))
    assert thrice.frames_BpT is not None and thrice.image_BND is None
    for part, many in ((known.latents_BCTHW, thrice.latents_BCTHW), (known.given_BT, thrice.given_BT)):
        assert torch.equal(part[0], many[2]) and torch.equal(part[1], many[3]) and len(many) == 6


def test_channels_without_picture_frames_are_refused():
    known = given.Known(torch.zeros(1, 3, dtype=torch.bool), torch.zeros(1, 3, 3, 4, 6))
    with pytest.raises(ValueError, match=r"needs Known\.frames_BpT"):
        given.inputs(torch.zeros(1, 3, 3, 4, 6), known, Flow(given="channels"))
    assert given.extra_channels(Flow(given="channels"), 16, 4) == 20  # Wan I2V: 36 in, 16 out


@pytest.mark.parametrize(
    ("tasks", "allowed"),
    [
        (Tasks(t2v=1.0), {"000"}),
        (Tasks(t2v=0.0, i2v=1.0), {"100"}),
        (Tasks(t2v=0.0, ends=1.0), {"101"}),
        (Tasks(t2v=0.0, keys=1.0), {"100", "010", "001", "110", "101", "011"}),
        (Tasks(t2i=0.5, t2v=0.0, i2v=0.5), {"100"}),
    ],
)
def test_a_task_gives_its_frames(tasks, allowed):
    seen = {"".join("01"[int(x)] for x in given_frames(tasks, 3, np.random.default_rng(seed))) for seed in range(200)}
    assert seen == allowed
    assert not given_frames(tasks, 1, np.random.default_rng(0)).any()


def test_given_latent_frames_stand_for_picture_frames():
    def places(latent, how, seed=0):
        return told_frames(np.array(latent), 4, how, np.random.default_rng(seed)).nonzero()[0].tolist()

    assert places([True, False, True], "plane") == [0, 5, 6, 7, 8]
    assert places([True, False, True], "channels") == [0, 8]  # Wan's last_image
    assert {tuple(places([False, True, False], "channels", seed)) for seed in range(50)} == {(1,), (2,), (3,), (4,)}
    assert places([False], "channels") == []
