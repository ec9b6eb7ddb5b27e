"""Wan's own classes with few and random weights: what the trainer's tests graft on, train, save and read back."""

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from transformers import ByT5Tokenizer, UMT5Config, UMT5EncoderModel

WAN = {
    "num_attention_heads": 2,
    "attention_head_dim": 24,
    "text_dim": 32,
    "freq_dim": 32,
    "ffn_dim": 64,
    "num_layers": 2,
    "rope_max_seq_len": 32,
}
# What Wan 2.1 I2V has beside these, to hear of a picture that CLIP saw.
SEES = {"image_dim": 20, "added_kv_proj_dim": 48}


def wan(seed: int = 0, **more) -> WanTransformer3DModel:
    torch.manual_seed(seed)
    return WanTransformer3DModel(**WAN | more).eval()


def vae(seed: int = 0) -> AutoencoderKLWan:
    torch.manual_seed(seed)
    return AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    ).eval()


def text() -> UMT5EncoderModel:
    torch.manual_seed(0)
    return UMT5EncoderModel(UMT5Config(vocab_size=384, d_model=32, d_kv=8, num_heads=4, d_ff=32, num_layers=1)).eval()


def scheduler() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)


def pipeline(*transformers: WanTransformer3DModel, **more) -> WanPipeline:
    """Text to video, with one expert or with two."""
    return WanPipeline(ByT5Tokenizer(), text(), vae(), scheduler(), *transformers, **more)


def inputs(n: int = 2) -> dict[str, torch.Tensor]:
    """What a transformer is called with: two latent frames, a time and a text for each sample."""
    generator = torch.Generator().manual_seed(2)
    return {
        "hidden_states": torch.randn(n, 16, 2, 4, 4, generator=generator),
        "timestep": torch.tensor([10.0, 700.0])[:n],
        "encoder_hidden_states": torch.randn(n, 7, 32, generator=generator),
    }
