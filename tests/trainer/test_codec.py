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


def wan_vae(kind):
    """A tiny VAE as of Wan 2.1, or as of 2.2's TI2V-5B: residual, of patches, with scales of its own."""
    torch.manual_seed(0)
    small = {"base_dim": 8, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1, "temperal_downsample": [False, True, True]}
    if kind == "2.2":
        scales = {"latents_mean": torch.randn(48).tolist(), "latents_std": (torch.rand(48) + 0.5).tolist()}
        small |= scales | {"z_dim": 48, "decoder_base_dim": 8, "is_residual": True, "patch_size": 2}
        small |= {"in_channels": 12, "out_channels": 12, "scale_factor_spatial": 16}
    return AutoencoderKLWan(**small)


@pytest.mark.parametrize(("kind", "channels", "space"), [("2.1", 16, 8), ("2.2", 48, 16)])
def test_wan_latents_are_normalised_by_the_numbers_in_its_config(tmp_path, kind, channels, space):
    wan_vae(kind).save_pretrained(tmp_path)
    codec = build_codec(Codec(kind="wan", folder=str(tmp_path)))
    assert isinstance(codec, WanCodec) and (codec.channels, codec.time_stride, codec.space_stride) == (
        channels,
        4,
        space,
    )
    video = torch.rand(1, 3, 5, 32, 48) * 2 - 1
    latents = codec.encode(video)
    assert latents.shape == (1, channels, 2, 32 // space, 48 // space) and latents.dtype == torch.float32
    assert torch.equal(latents, codec.encode(video))  # the mean of the posterior, not a draw
    with torch.no_grad():
        raw = codec.vae.encode(video).latent_dist.mode()
        mean = torch.tensor(codec.vae.config.latents_mean).view(1, -1, 1, 1, 1)
        std = torch.tensor(codec.vae.config.latents_std).view(1, -1, 1, 1, 1)
        torch.testing.assert_close(latents * std + mean, raw)
        decoded = codec.decode(latents)
        torch.testing.assert_close(decoded, codec.vae.decode(raw).sample, atol=1e-4, rtol=1e-4)
    assert decoded.shape == video.shape
    assert not any(weight.requires_grad for weight in codec.parameters()) and not codec.vae.training


@pytest.mark.parametrize("kind", ["2.1", "2.2"])
def test_a_first_frame_needs_no_later_one(kind):
    codec = WanCodec(wan_vae(kind))
    video = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    torch.testing.assert_close(codec.encode(video[:, :, :1]), codec.encode(video)[:, :, :1], atol=1e-5, rtol=1e-5)


def test_frames_and_pixels_that_wans_vae_would_leave_out_are_refused():
    codec = WanCodec(wan_vae("2.2"))
    with pytest.raises(ValueError, match=r"8 frames of 32x32 do not fit strides 4 in time"):
        codec.encode(torch.zeros(1, 3, 8, 32, 32))
    with pytest.raises(ValueError, match=r"5 frames of 40x32 .* and 16 in space"):
        codec.encode(torch.zeros(1, 3, 5, 32, 40))


def test_scales_of_another_vae_are_refused():
    vae = AutoencoderKLWan(
        base_dim=8, z_dim=8, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    with pytest.raises(ValueError, match=r"z_dim=8, but its config has .*'latents_mean': 16"):
        WanCodec(vae)


def test_a_codec_comes_back_from_its_folder(tmp_path):
    PixelCodec(4, 2).save(tmp_path / "codec")
    again = load_codec(tmp_path / "codec")
    assert isinstance(again, PixelCodec) and (again.time_stride, again.space_stride) == (4, 2)
