"""Drawn data sets and whole folders of tiny models, made once for all tests of the trainer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.trainer import drawing as drawing_of_clips
from tests.trainer import tiny


@pytest.fixture(scope="session")
def drawing():
    """tests/trainer/drawing.py: how the clips below are made."""
    return drawing_of_clips


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """Six clips of 12 frames and one of 3, which is too short for any window."""
    return drawing_of_clips.write_dataset(tmp_path_factory.mktemp("trainer") / "data", [12] * 6 + [3])


@pytest.fixture
def own_dataset(dataset, tmp_path) -> Path:
    """The same clips in a folder of the test's own, to say things of."""
    return shutil.copytree(dataset, tmp_path / "data")


@pytest.fixture(scope="session")
def wan_folder(tmp_path_factory) -> Path:
    """A whole folder of the kind of Wan 2.1 T2V, with few and random weights."""
    folder = tmp_path_factory.mktemp("t2v")
    tiny.pipeline(tiny.wan()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def wan22_folder(tmp_path_factory) -> Path:
    """The same of Wan 2.2 T2V-A14B: two experts."""
    folder = tmp_path_factory.mktemp("two_experts")
    tiny.pipeline(tiny.wan(), tiny.wan(seed=1), boundary_ratio=0.875).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def wan_i2v_folder(tmp_path_factory) -> Path:
    """The same of Wan 2.1 I2V, which sees its first frame through CLIP."""
    from diffusers import WanImageToVideoPipeline
    from transformers import ByT5Tokenizer, CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    folder = tmp_path_factory.mktemp("i2v")
    sizes = {"hidden_size": 20, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    clip = CLIPVisionModel(CLIPVisionConfig(**sizes, image_size=28, patch_size=14))
    processor = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    parts = (ByT5Tokenizer(), tiny.text(), tiny.vae(), tiny.scheduler(), processor, clip)
    WanImageToVideoPipeline(*parts, tiny.wan(in_channels=36, **tiny.SEES)).save_pretrained(folder)
    return folder
