"""Vectors of clips: of unit length by open_clip; an aesthetic score only where a head and open_clip are."""

import json

import numpy as np
import pytest
from anicaption.features import OpenClip
from animatrix_ingest.decide.embed import Aesthetic, Embed, aesthetic_score, picked

from benchmarks.stages_painted import painting

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A tiny random open_clip model in a folder."""
    import open_clip
    import torch

    folder = tmp_path_factory.mktemp("embed")
    (folder / "tiny-embed.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    (folder / "model").mkdir()
    torch.save(open_clip.create_model("tiny-embed").state_dict(), folder / "model" / "open_clip_pytorch_model.bin")
    config = {"model_cfg": TINY, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / "model" / "open_clip_config.json").write_text(json.dumps(config))
    return OpenClip(folder / "model")


def test_three_pictures_are_looked_at_and_fewer_of_a_short_clip():
    assert picked(30) == [5, 15, 25]
    assert picked(1) == [0]


def test_open_clip_vectors_and_the_aesthetic_head(encoder, tmp_path):
    import torch

    vector = Embed(encoder)([painting(1, 64, 64), painting(2, 64, 64)])
    assert vector.shape == (16,) and vector.dtype == np.float16
    weight, bias = torch.linspace(-1, 1, 16)[None], torch.tensor([5.0])
    torch.save({"weight": weight, "bias": bias}, tmp_path / "head.pth")
    np.savez(tmp_path / "head.npz", weight=weight.numpy(), bias=bias.numpy())
    expected = float(vector.astype(float) @ weight[0].numpy().astype(float)) + 5
    for name in ("head.pth", "head.npz"):
        head = Aesthetic.load(tmp_path / name)
        assert aesthetic_score(vector, Embed(encoder).identity, head) == pytest.approx(expected, abs=1e-3)


def test_a_score_is_never_invented(encoder, tmp_path):
    vector = Embed(encoder)([painting(1, 64, 64)])
    with pytest.raises(ValueError, match="no picture"):
        Embed(encoder)([])
    head = Aesthetic(np.ones(len(vector), np.float32), 0.0)
    assert aesthetic_score(vector, {"kind": "builtin"}, head) is None
    assert aesthetic_score(vector, Embed(encoder).identity, None) is None
    with pytest.raises(ValueError, match="head that was trained on this"):
        Aesthetic(np.ones(3, np.float32), 0.0)(vector)
    with pytest.raises(FileNotFoundError, match="no head at"):
        Aesthetic.load(tmp_path / "none.pth")
    np.savez(tmp_path / "mlp.npz", first=np.ones((4, 4)), bias=np.ones(4))
    with pytest.raises(ValueError, match="give a linear head"):
        Aesthetic.load(tmp_path / "mlp.npz")
