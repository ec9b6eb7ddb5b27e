import numpy as np
import pytest
import torch
from animatrix_trainer.config import Codec
from animatrix_trainer.model.codec import PixelCodec, WanCodec, build_codec, load_codec
from diffusers import AutoencoderKLWan


def pictures(frames=9, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (2, 3, frames, 8, 12), dtype=np.uint8))


@pytest.mark.parametrize(("time_stride", "space_stride"), [(1, 1), (4, 1), (4, 2), (2, 4)])
def test_every_pixel_comes_back(time_stride, space_stride):
    codec, video = PixelCodec(time_stride, space_stride), pictures()
    latents = codec.encode(video.float() / 127.5 - 1)
    assert latents.shape == (
        2, 3 * time_stride * space_stride**2, 1 + 8 // time_stride, 8 // space_stride, 12 // space_stride,
    )  # fmt: skip
    back = ((codec.decode(latents) + 1) * 127.5).round()
    assert torch.equal(back, video.float())


def test_a_first_frame_alone_gives_the_first_latent_frame():
    codec, video = PixelCodec(4, 1), pictures().float() / 127.5 - 1
    assert torch.equal(codec.encode(video[:, :, :1]), codec.encode(video)[:, :, :1])


def test_latents_of_greys_have_no_colour_and_unit_size():
    latents = PixelCodec(1, 1).encode(torch.linspace(-1, 1, 12).expand(1, 3, 1, 8, 12))
    assert latents[:, 1:].abs().max() < 1e-6
    assert 0.5 < latents[:, 0].std() < 2


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"8 frames of 12x8 do not fit strides 4 in time"):
        PixelCodec(4, 1).encode(torch.zeros(1, 3, 8, 8, 12))


def test_wan_latents_are_normalised_by_the_numbers_in_its_config(tmp_path):
    torch.manual_seed(0)
    vae = AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    vae.save_pretrained(tmp_path)
    codec = build_codec(Codec(kind="wan", folder=str(tmp_path)))
    assert isinstance(codec, WanCodec) and (codec.channels, codec.time_stride) == (16, 4)
    video = torch.rand(1, 3, 5, 16, 16) * 2 - 1
    latents = codec.encode(video)
    with torch.no_grad():
        raw = codec.vae.encode(video).latent_dist.mode()
        mean = torch.tensor(codec.vae.config.latents_mean).view(1, -1, 1, 1, 1)
        std = torch.tensor(codec.vae.config.latents_std).view(1, -1, 1, 1, 1)
        torch.testing.assert_close(latents * std + mean, raw)
        torch.testing.assert_close(codec.decode(latents), codec.vae.decode(raw).sample, atol=1e-4, rtol=1e-4)
    assert not any(weight.requires_grad for weight in codec.parameters())


def test_a_codec_comes_back_from_its_folder(tmp_path):
    PixelCodec(4, 2).save(tmp_path / "codec")
    again = load_codec(tmp_path / "codec")
    assert isinstance(again, PixelCodec) and (again.time_stride, again.space_stride) == (4, 2)
