"""Frozen encoders through their real classes and loading paths, at toy size."""

import numpy as np
import pytest
import torch
from animatrix_reward import encoders, features
from animatrix_reward.judge import Judge, JudgeConfig, batch_of

from tests.reward.judged import moving_clip

FRAMES = moving_clip(10).frames_THWC


@pytest.fixture(scope="module")
def wan(tmp_path_factory):
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

    folder = tmp_path_factory.mktemp("wan")
    torch.manual_seed(0)
    AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    ).save_pretrained(folder / "vae")
    WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=24, in_channels=16, out_channels=16, text_dim=32, freq_dim=32,
        ffn_dim=64, num_layers=2, rope_max_seq_len=32,
    ).save_pretrained(folder / "transformer")  # fmt: skip
    return folder


def opened(name, folder):
    return encoders.open_encoder(f"{name}:{folder}", height_px=32, width_px=48)


@pytest.mark.parametrize("name", ["wan_vae", "wan"])
def test_a_row_per_frame_that_moves_with_the_picture(wan, name):
    encoder = opened(name, wan)
    rows = encoder(FRAMES)
    assert rows.shape[0] == len(FRAMES) and rows.dtype == np.float32 and np.isfinite(rows).all()
    assert np.array_equal(rows, opened(name, wan)(FRAMES))
    changed = FRAMES.copy()
    changed[5:] = 255 - changed[5:]
    other = encoder(changed)
    # Frames 1 to 4 make the second latent, 5 to 8 the third, and a causal encoder knows nothing of what comes.
    if name == "wan_vae":
        assert np.allclose(rows[:5], other[:5], atol=1e-4)
    assert not np.allclose(rows[5:], other[5:], atol=1e-3)


def test_the_latent_of_four_frames_stands_for_each_of_them(wan):
    rows = opened("wan_vae", wan)(FRAMES)
    assert (
        np.array_equal(rows[1], rows[4])
        and not np.array_equal(rows[4], rows[5])
        and not np.array_equal(rows[0], rows[1])
    )


def test_identity_tells_weights_and_size_apart(wan, tmp_path):
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    torch.manual_seed(1)
    AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    ).save_pretrained(tmp_path / "vae")
    one, other = opened("wan_vae", wan), opened("wan_vae", tmp_path)
    assert one.identity == opened("wan_vae", wan / "vae").identity != other.identity
    assert encoders.open_encoder(f"wan_vae:{wan}").identity != one.identity


def test_the_judge_takes_its_words(wan):
    seen = features.look(FRAMES, encoder=opened("wan_vae", wan))
    config = JudgeConfig(
        seen.columns_TF.shape[1], 3, seen.encoded_TE.shape[1], "x", False, width=16, layers=1, attention_heads=2
    )
    torch.manual_seed(0)
    judge = Judge(config).eval()
    with torch.inference_mode():
        said = judge.frames(batch_of([seen])).failing_BT4
        other = judge.frames(batch_of([features.Seen(**{**vars(seen), "encoded_TE": -seen.encoded_TE})])).failing_BT4
    assert said.shape == (1, len(FRAMES), 4) and not torch.allclose(said, other)


def test_what_cannot_be_opened_is_refused(wan, tmp_path):
    assert encoders.open_encoder("small") is None
    with pytest.raises(ValueError, match="say small"):
        encoders.open_encoder("dino:somewhere")
    with pytest.raises(ValueError, match="no folder"):
        encoders.open_encoder(f"wan:{tmp_path / 'gone'}")
    with pytest.raises(ValueError, match="holds no transformer"):
        encoders.open_encoder(f"wan:{wan / 'vae'}")
    with pytest.raises(ValueError, match=r"no config\.json"):
        _ = encoders.open_encoder(f"wan_vae:{tmp_path}").identity
