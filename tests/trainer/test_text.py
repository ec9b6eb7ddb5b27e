import pytest
import torch
from animatrix_trainer.conditioning.text import TextEncoder
from animatrix_trainer.config import Text
from diffusers import UniPCMultistepScheduler, WanPipeline
from transformers import ByT5Tokenizer, T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

SMALL = {"vocab_size": 384, "d_model": 16, "d_kv": 4, "num_heads": 2, "d_ff": 16, "num_layers": 1}


def test_fixed_random_weights_are_fixed_frozen_and_leave_the_random_state_alone():
    settings = Text(length=12, dim=16, layers=1)
    state = torch.get_rng_state()
    one = TextEncoder.build(settings)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    two = TextEncoder.build(settings)
    assert torch.equal(one(["A pan."]), two(["A pan."]))
    assert not torch.equal(one(["A pan."]), one(["A cut."]))
    assert not any(weight.requires_grad for weight in one.parameters())


def test_texts_are_padded_with_zeros_and_the_null_text_is_one_token():
    encoder = TextEncoder.build(Text(length=8, dim=16, layers=1))
    hidden = encoder(["", "abc", "much longer than eight bytes"])
    assert hidden.shape == (3, 8, 16)
    assert hidden.abs().sum(-1).count_nonzero(dim=1).tolist() == [1, 4, 8]


@pytest.mark.parametrize(("config", "kind"), [(T5Config, T5EncoderModel), (UMT5Config, UMT5EncoderModel)])
def test_a_folder_of_either_family_loads(tmp_path, config, kind):
    torch.manual_seed(0)
    encoder = kind(config(**SMALL))
    encoder.save_pretrained(tmp_path / "text_encoder")
    ByT5Tokenizer().save_pretrained(tmp_path / "tokenizer")
    loaded = TextEncoder.build(Text(folder=str(tmp_path / "text_encoder"), length=8))
    expected = TextEncoder(ByT5Tokenizer(), encoder, 8)
    assert torch.equal(loaded(["a pan up"]), expected(["a pan up"]))
    assert loaded.dim == 16
    half = TextEncoder.build(Text(folder=str(tmp_path / "text_encoder"), half=True, length=8))
    assert half.encoder.dtype == torch.bfloat16 and half(["a pan up"]).dtype == torch.float32
    torch.testing.assert_close(half(["a pan up"]), expected(["a pan up"]), rtol=0.1, atol=0.05)
    bare = TextEncoder.build(Text(folder=str(tmp_path / "text_encoder"), length=8), bare=True)
    assert all(weight.is_meta for weight in bare.parameters()) and (bare.dim, bare.length) == (16, 8)


def test_saved_and_loaded_is_the_same_encoder(tmp_path):
    encoder = TextEncoder.build(Text(length=8, dim=16, layers=1))
    encoder.save(tmp_path / "text")
    assert torch.equal(TextEncoder.load(tmp_path / "text", Text(length=8))(["FIX"]), encoder(["FIX"]))


def test_zero_or_untied_embeddings_are_refused():
    zero = T5EncoderModel(T5Config(**SMALL))
    torch.nn.init.zeros_(zero.shared.weight)
    with pytest.raises(ValueError, match="all zero"):
        TextEncoder(ByT5Tokenizer(), zero, 8)
    untied = T5EncoderModel(T5Config(**SMALL))
    untied.encoder.embed_tokens = torch.nn.Embedding(384, 16)
    with pytest.raises(ValueError, match="not tied"):
        TextEncoder(ByT5Tokenizer(), untied, 8)


def test_a_folder_of_another_kind_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="'bert' is no text encoder of Wan"):
        TextEncoder.load(tmp_path, Text(length=8))


def test_texts_are_embedded_as_wans_pipeline_does():
    """UMT5 in the layout of Wan's folders, by a pipeline of diffusers: same tokens, same zeros after the text."""
    torch.manual_seed(0)
    encoder = UMT5EncoderModel(UMT5Config(**SMALL)).eval()
    pipe = WanPipeline(ByT5Tokenizer(), encoder, vae=None, scheduler=UniPCMultistepScheduler(), transformer=None)
    texts = ["A pan to the left.", "", "much longer than sixteen bytes of text"]
    theirs = pipe._get_t5_prompt_embeds(texts, max_sequence_length=16, device=torch.device("cpu"), dtype=torch.float32)
    torch.testing.assert_close(TextEncoder(ByT5Tokenizer(), encoder, 16)(texts), theirs)


def test_embeddings_are_alive_after_a_folder_is_read(tmp_path):
    """A version of transformers read UMT5 folders with embeddings of zeros: all texts of a length were one."""
    torch.manual_seed(0)
    UMT5EncoderModel(UMT5Config(**SMALL)).save_pretrained(tmp_path / "text_encoder")
    ByT5Tokenizer().save_pretrained(tmp_path / "tokenizer")
    loaded = TextEncoder.load(tmp_path / "text_encoder", Text(length=8))
    one, other = loaded(["pan up", "tilt x"])
    assert loaded.encoder.encoder.embed_tokens.weight is loaded.encoder.shared.weight
    assert (one - other).abs().max() > 1e-3
    dead = UMT5EncoderModel(UMT5Config(**SMALL))
    torch.nn.init.zeros_(dead.shared.weight)
    dead.save_pretrained(tmp_path / "text_encoder")
    with pytest.raises(ValueError, match="all zero"):
        TextEncoder.load(tmp_path / "text_encoder", Text(length=8))
