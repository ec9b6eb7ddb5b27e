from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

# Models this small are slower on two threads than on one, many times over where the machine is busy.
torch.set_num_threads(1)

_SPEC = importlib.util.spec_from_file_location("trainer_drawing", Path(__file__).with_name("drawing.py"))
assert _SPEC and _SPEC.loader
drawing_module = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(drawing_module)


@pytest.fixture(scope="session")
def drawing():
    """tests/trainer/drawing.py: how the clips below are made."""
    return drawing_module


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """Six clips of 12 frames and one of 3, which is too short for any window."""
    return drawing_module.write_dataset(tmp_path_factory.mktemp("trainer") / "data", [12] * 6 + [3])


@pytest.fixture
def own_dataset(tmp_path) -> Path:
    """The same clips in a folder of the test's own, to say things of."""
    return drawing_module.write_dataset(tmp_path / "data", [12] * 6 + [3])


@pytest.fixture(scope="session")
def wan_i2v_folder(tmp_path_factory) -> Path:
    """A whole folder of the kind of Wan 2.1 I2V, with few and random weights."""
    from diffusers import (
        AutoencoderKLWan,
        UniPCMultistepScheduler,
        WanImageToVideoPipeline,
        WanTransformer3DModel,
    )
    from transformers import (
        ByT5Tokenizer,
        CLIPImageProcessor,
        CLIPVisionConfig,
        CLIPVisionModel,
        UMT5Config,
        UMT5EncoderModel,
    )

    folder = tmp_path_factory.mktemp("i2v")
    torch.manual_seed(0)
    transformer = WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=24,
        in_channels=36,
        text_dim=32,
        freq_dim=32,
        ffn_dim=64,
        num_layers=2,
        rope_max_seq_len=32,
        image_dim=20,
        added_kv_proj_dim=48,
    )
    text = UMT5EncoderModel(UMT5Config(vocab_size=384, d_model=32, d_kv=8, num_heads=4, d_ff=32, num_layers=1))
    vae = AutoencoderKLWan(
        base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    sizes = {"hidden_size": 20, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    clip = CLIPVisionModel(CLIPVisionConfig(**sizes, image_size=28, patch_size=14))
    processor = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    WanImageToVideoPipeline(ByT5Tokenizer(), text, vae, scheduler, processor, clip, transformer).save_pretrained(folder)
    return folder


@pytest.fixture
def s3_bucket(monkeypatch) -> Iterator[str]:
    """s3://BUCKET on a server on loopback, with everything set that a client needs."""
    script = Path(__file__).parents[1] / "ingest" / "keep" / "s3_server.py"
    server = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for name, value in (("ENDPOINT_URL", server.stdout.readline().strip()), ("ACCESS_KEY_ID", "a")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    from animatrix_ingest.keep import store_s3

    store_s3._client.cache_clear()
    store_s3.client().call_s3("create_bucket", Bucket="trained")
    yield "s3://trained"
    store_s3._client.cache_clear()
    server.kill()
    server.wait()
