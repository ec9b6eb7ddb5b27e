"""The tag channel is Wan and nothing but Wan until it has learnt something."""

import pytest
import torch
from anicaption.taxonomy import TaxonomyError
from animatrix_trainer.conditioning.tags import vocabulary
from animatrix_trainer.model.wan import TagWanTransformer3DModel, is_tag_parameter, vocabulary_config
from diffusers import WanTransformer3DModel

SMALL = {
    "num_attention_heads": 2,
    "attention_head_dim": 24,
    "in_channels": 16,
    "out_channels": 16,
    "text_dim": 32,
    "freq_dim": 32,
    "ffn_dim": 64,
    "num_layers": 2,
    "rope_max_seq_len": 32,
}
TAG = {"tag_dim": 16, "tag_heads": 2, "tag_layers": 3}


@pytest.fixture(scope="module")
def wan():
    torch.manual_seed(0)
    return WanTransformer3DModel(**SMALL).eval()


def graft(wan, **options):
    torch.manual_seed(1)
    return TagWanTransformer3DModel.from_wan(wan, **TAG, **options).eval()


def inputs(batch=2):
    generator = torch.Generator().manual_seed(2)
    return {
        "hidden_states": torch.randn(batch, 16, 2, 4, 4, generator=generator),
        "timestep": torch.tensor([10.0, 700.0])[:batch],
        "encoder_hidden_states": torch.randn(batch, 7, 32, generator=generator),
    }


def tags(*sets):
    return torch.tensor([vocabulary().encode(tags) for tags in sets])


TWO = ({"camera.move": ("pan_left", "track_up"), "motion.timing": ("twos",)}, None)


def test_decoupled_equals_plain_wan_exactly_at_init(wan):
    model, given = graft(wan, tag_attention="decoupled"), inputs()
    with torch.no_grad():
        assert (model(**given, tags=tags(*TWO)).sample - wan(**given).sample).abs().max() == 0.0


def test_timesteps_per_token_reach_every_token(wan):
    """TI2V-5B hands over (B, L) timesteps; the tag term is the same for every token of a sample."""
    model, given = graft(wan), inputs()
    given["timestep"] = torch.linspace(0, 1000, 16).view(2, 8)
    with torch.no_grad():
        assert (model(**given, tags=tags(*TWO)).sample - wan(**given).sample).abs().max() == 0.0
        same = given | {"timestep": torch.tensor([[300.0] * 8] * 2)}
        model.condition_embedder.tag_time.weight.normal_(std=0.1)
        per_token = model(**same, tags=tags(*TWO)).sample
        per_sample = model(**given | {"timestep": torch.tensor([300.0, 300.0])}, tags=tags(*TWO)).sample
    torch.testing.assert_close(per_token, per_sample)
    assert (per_token - wan(**same).sample).abs().max() > 1e-3


def test_image_tokens_of_wan_i2v_stay_apart_from_text_and_tags():
    torch.manual_seed(0)
    wan = WanTransformer3DModel(**SMALL, image_dim=20, added_kv_proj_dim=48).eval()
    given = inputs() | {
        "encoder_hidden_states": torch.randn(2, 512, 32),
        "encoder_hidden_states_image": torch.randn(2, 5, 20),
    }
    with torch.no_grad():
        plain = wan(**given).sample
        assert (graft(wan)(**given, tags=tags(*TWO)).sample - plain).abs().max() == 0.0
        mixed = graft(wan, tag_attention="concat")(**given, tags=tags(*TWO)).sample
    assert 0 < (mixed - plain).abs().max() < 1.0


@pytest.mark.parametrize("attention", ["decoupled", "concat"])
def test_every_tag_parameter_learns(wan, attention):
    """Gates and zero-initialised layers start at 0, but their gradients do not."""
    model = graft(wan, tag_attention=attention).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(**inputs(), tags=tags(*TWO)).sample.square().mean().backward()
        optimizer.step()
    silent = {
        name
        for name, weight in model.named_parameters()
        if is_tag_parameter(name) and (weight.grad is None or not weight.grad.abs().sum() > 0)
    }
    assert not silent


def test_different_tags_give_different_outputs_once_the_gate_opens(wan):
    model, given = graft(wan, tag_modulation="none"), inputs()
    with torch.no_grad():
        for block in model.blocks:
            block.attn2.processor.gate.fill_(1.0)
        left = model(**given, tags=tags({"camera.move": ("pan_left",)}, None)).sample
        right = model(**given, tags=tags({"camera.move": ("pan_right",)}, None)).sample
    assert (left[0] - right[0]).abs().max() > 1e-4
    assert torch.equal(left[1], right[1])


def test_saved_and_loaded_is_the_same_model(wan, tmp_path):
    model, given = graft(wan), inputs()
    with torch.no_grad():
        for block in model.blocks:
            block.attn2.processor.gate.uniform_(-1, 1)
        model.save_pretrained(tmp_path)
        again = TagWanTransformer3DModel.from_pretrained(tmp_path)
        assert torch.equal(again(**given, tags=tags(*TWO)).sample, model(**given, tags=tags(*TWO)).sample)


def test_gradient_checkpointing_gives_the_same_gradients(wan):
    model = graft(wan).train()

    def gradients():
        model.zero_grad()
        model(**inputs(), tags=tags(*TWO)).sample.square().mean().backward()
        return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}

    plain = gradients()
    model.enable_gradient_checkpointing()
    again = gradients()
    assert plain.keys() == again.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, msg=name)


def test_another_vocabulary_is_refused():
    with pytest.raises(TaxonomyError, match=r"TagWanTransformer3DModel: made with taxonomy 0123, which is none of"):
        TagWanTransformer3DModel(**SMALL, **TAG, **vocabulary_config() | {"taxonomy_hash": "0123"})


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="prefix"):
        TagWanTransformer3DModel(**SMALL, **TAG, **vocabulary_config(), tag_attention="prefix")


def test_weights_that_do_not_fit_are_refused(wan):
    stranger = WanTransformer3DModel(**SMALL)
    stranger.extra = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="extra"):
        TagWanTransformer3DModel.from_wan(stranger, **TAG)
