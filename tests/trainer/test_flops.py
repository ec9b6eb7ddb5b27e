"""What a step costs: formulas against torch's own counter and against published figures."""

import dataclasses

import pytest
import torch
from animatrix_trainer import flops
from animatrix_trainer.config import Stage, Window
from animatrix_trainer.flops import Size
from animatrix_trainer.model import published
from animatrix_trainer.model.codec import PixelCodec
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.trainer import tiny


def counted(model, backward, shape=(3, 8, 12), text_tokens=20):
    """FLOPs of one sample by torch's counter, which does not know the CPU's fused attention: plain products here."""
    x = torch.randn(1, 16, *shape)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        out = model(x, torch.tensor([500]), torch.randn(1, text_tokens, 32)).sample
        if backward:
            out.sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("backward", [False, True])
def test_the_formula_is_what_torch_counts_in_the_blocks(backward):
    """The difference of three blocks and one leaves the embeddings out, as the formula does."""
    measured = (counted(tiny.wan(num_layers=3), backward) - counted(tiny.wan(num_layers=1), backward)) / 2
    size = Size.of({**tiny.wan(num_layers=1).config, "num_layers": 1}, 20)
    tokens = flops.video_tokens((3, 8, 12), size.patch)
    assert tokens == 3 * 4 * 6
    expected = flops.train_flops(size, tokens) if backward else flops.forward_flops(size, tokens)
    assert measured == pytest.approx(expected, rel=1e-9)


def test_frozen_weights_cost_their_inputs_only():
    """With the blocks' weights frozen and something before them learning, as tags and adapters do."""
    each = []
    for layers in (1, 3):
        model = tiny.wan(num_layers=layers).requires_grad_(False)
        model.patch_embedding.requires_grad_(True)
        model.condition_embedder.requires_grad_(True)
        each.append(counted(model, True))
    size = Size.of({**tiny.wan(num_layers=1).config, "num_layers": 1}, 20)
    assert (each[1] - each[0]) / 2 == pytest.approx(flops.train_flops(size, 72, "lora"), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "window", "stride", "tera"),
    [
        ("Wan2.1-T2V-1.3B", Window(81, 480, 832), 8, 849),
        ("Wan2.2-TI2V-5B", Window(121, 704, 1280), 16, 1551),
        ("Wan2.2-T2V-A14B", Window(81, 480, 832), 8, 5035),
    ],
)
def test_the_published_sizes_cost_what_the_design_says(name, window, stride, tera):
    config = {"attention_head_dim": 128, "patch_size": (1, 2, 2), **published.get(name).transformer}
    size = Size.of(config, 512)
    tokens = flops.video_tokens(flops.latent_size(window, 4, stride), size.patch)
    if window.frames == 81:
        assert tokens == 32_760
    assert flops.train_flops(size, tokens) / 1e12 == pytest.approx(tera, rel=0.01)


def test_latents_and_strides_are_the_codecs():
    codec = PixelCodec(4, 2)
    assert flops.strides(codec) == (4, 2)
    video = torch.zeros(1, 3, 9, 8, 16)
    assert codec.encode(video).shape[2:] == flops.latent_size(Window(9, 8, 16), 4, 2)
    from animatrix_trainer.model.codec import WanCodec
    from diffusers import AutoencoderKLWan

    vae = AutoencoderKLWan(base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    codec = WanCodec(vae)
    assert codec.encode(torch.zeros(1, 3, 5, 32, 48)).shape[2:] == flops.latent_size(
        Window(5, 32, 48), *flops.strides(codec)
    )


def test_a_device_without_a_data_sheet_has_no_peak(monkeypatch):
    assert flops.peak_flops(torch.device("cpu"), "bf16") is None
    for name, peak in (("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H20", 148e12), ("NVIDIA L40S", 362e12)):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device, name=name: name)
        assert flops.peak_flops(torch.device("cuda"), "bf16") == peak
        assert flops.peak_flops(torch.device("cuda"), "no") is None
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Abacus 1")
    assert flops.peak_flops(torch.device("cuda"), "bf16") is None


def test_no_name_of_a_device_hides_behind_a_shorter_one():
    """The first name found counts, so a longer one must come before what it contains."""
    names = [name for name, _ in flops.PEAK_TFLOPS]
    for at, name in enumerate(names):
        assert not any(shorter in name for shorter in names[:at]), name


def test_the_roof_is_measured():
    rate = flops.matmul_roof(torch.device("cpu"), torch.float32, side=128, seconds=0.1)
    assert 1e8 < rate < 1e14


def test_a_pair_costs_two_windows_and_their_way_through_the_reference():
    size, learning = Size(2, 64, 128, 16), Stage("learn", steps=1, train="lora")
    pairs = dataclasses.replace(learning, objective="preference")
    assert flops.sample_flops(size, 72, learning) == flops.train_flops(size, 72, "lora")
    assert flops.sample_flops(size, 72, pairs) == 2 * (
        flops.train_flops(size, 72, "lora") + flops.forward_flops(size, 72)
    )
