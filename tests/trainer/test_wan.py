"""The tag channel is Wan and nothing but Wan until it has learnt something."""

import inspect
from pathlib import Path

import pytest
import torch
from anicaption.taxonomy import TaxonomyError
from animatrix_trainer.conditioning.tags import TagSpan, vocabulary
from animatrix_trainer.model.modulation import BlockModulation
from animatrix_trainer.model.wan import TagCrossAttention, TagWanTransformer3DModel, is_tag_parameter, vocabulary_config
from diffusers import WanTransformer3DModel

from tests.trainer import tiny

TAG = {"tag_dim": 16, "tag_heads": 2, "tag_layers": 3}


@pytest.fixture(scope="module")
def wan():
    return tiny.wan()


def graft(wan, **options):
    torch.manual_seed(1)
    return TagWanTransformer3DModel.from_wan(wan, **TAG, **options).eval()


def tags(*sets):
    return torch.tensor([vocabulary().encode(tags) for tags in sets])


TWO = ({"camera.move": ("pan_left", "track_up"), "motion.timing": ("twos",)}, None)


def test_decoupled_equals_plain_wan_exactly_at_init(wan):
    model, given = graft(wan, tag_attention="decoupled"), tiny.inputs()
    with torch.no_grad():
        assert (model(**given, tags=tags(*TWO)).sample - wan(**given).sample).abs().max() == 0.0


def test_timesteps_per_token_reach_every_token(wan):
    """TI2V-5B hands over (B, L) timesteps; the tag term is the same for every token of a sample."""
    model, given = graft(wan), tiny.inputs()
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
    wan = tiny.wan(**tiny.SEES)
    given = tiny.inputs() | {
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
        model(**tiny.inputs(), tags=tags(*TWO)).sample.square().mean().backward()
        optimizer.step()
    silent = {
        name
        for name, weight in model.named_parameters()
        if is_tag_parameter(name) and (weight.grad is None or not weight.grad.abs().sum() > 0)
    }
    assert not silent


def test_different_tags_give_different_outputs_once_the_gate_opens(wan):
    model, given = graft(wan, tag_modulation="none"), tiny.inputs()
    with torch.no_grad():
        for block in model.blocks:
            block.attn2.processor.gate.fill_(1.0)
        left = model(**given, tags=tags({"camera.move": ("pan_left",)}, None)).sample
        right = model(**given, tags=tags({"camera.move": ("pan_right",)}, None)).sample
    assert (left[0] - right[0]).abs().max() > 1e-4
    assert torch.equal(left[1], right[1])


def test_saved_and_loaded_is_the_same_model(wan, tmp_path):
    model, given = graft(wan), tiny.inputs()
    with torch.no_grad():
        for block in model.blocks:
            block.attn2.processor.gate.uniform_(-1, 1)
        model.save_pretrained(tmp_path)
        again = TagWanTransformer3DModel.from_pretrained(tmp_path)
        assert torch.equal(again(**given, tags=tags(*TWO)).sample, model(**given, tags=tags(*TWO)).sample)


def test_another_vocabulary_is_refused():
    with pytest.raises(TaxonomyError, match=r"TagWanTransformer3DModel: made with taxonomy 0123, which is none of"):
        TagWanTransformer3DModel(**tiny.WAN, **TAG, **vocabulary_config() | {"taxonomy_hash": "0123"})


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="prefix"):
        TagWanTransformer3DModel(**tiny.WAN, **TAG, **vocabulary_config(), tag_attention="prefix")


def test_a_graft_has_no_copy_of_wans_weights(wan):
    """At 14 billion parameters a second copy in fp32 is 57 GB of every process."""
    model = graft(wan, tag_modulation="lowrank")
    for name, weight in wan.named_parameters():
        assert model.get_parameter(name).data_ptr() == weight.data_ptr(), name
    assert "tag_dim" not in wan.config and type(wan) is WanTransformer3DModel


def test_every_argument_of_wan_is_one_of_ours():
    """diffusers takes config keys from the signature: an argument that we left out would be lost on saving."""
    ours = inspect.signature(TagWanTransformer3DModel.__init__).parameters
    for name, theirs in inspect.signature(WanTransformer3DModel.__init__).parameters.items():
        assert name in ours and ours[name].default == theirs.default, name


def test_no_parameter_is_left_without_weights(wan, tmp_path):
    """from_pretrained of a plain folder has no numbers for ours; from_wan does, on the same device and in one type."""
    wan.save_pretrained(tmp_path)
    plain = WanTransformer3DModel.from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    for attention, modulation in (("concat", "full"), ("decoupled", "shared")):
        model = graft(plain, tag_attention=attention, tag_modulation=modulation)
        assert not [name for name, weight in model.named_parameters() if weight.is_meta]
        for name, weight in plain.named_parameters():
            ours = model.get_parameter(name)
            assert torch.equal(ours, weight) and ours.dtype == weight.dtype, name
        model.save_pretrained(tmp_path / "ours")
        again = TagWanTransformer3DModel.from_pretrained(tmp_path / "ours", torch_dtype=torch.bfloat16)
        given = {name: value.bfloat16() for name, value in tiny.inputs().items()}
        for half in (model, again):
            assert {w.dtype for name, w in half.named_parameters() if is_tag_parameter(name)} == {torch.bfloat16}
            with torch.no_grad():
                assert half(**given, tags=tags(*TWO)).sample.isfinite().all()


def test_hooks_of_modules_see_what_attends(wan):
    """FSDP and ZeRO gather parameters in hooks of forward(): a processor with __call__ alone would not run them."""
    model, called = graft(wan, tag_modulation="lowrank"), []
    for name, module in model.named_modules():
        if isinstance(module, TagCrossAttention | BlockModulation):
            module.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    with torch.no_grad():
        model(**tiny.inputs(), tags=tags(*TWO))
    assert called == [f"blocks.{n}.{part}" for n in range(2) for part in ("tag_modulation", "attn2.processor")]


@pytest.mark.parametrize("attention", ["concat", "decoupled"])
def test_saying_nothing_has_the_shape_of_saying_much(wan, attention):
    """Ranks that get other shapes hang: nulls take the places of what is not said."""
    model, shapes = graft(wan, tag_attention=attention, tag_spans=3), []
    for block in model.blocks:
        block.register_forward_pre_hook(lambda _, given: shapes.append(given[1].tags_BSD.shape))
    words = vocabulary(n_spans=3)
    spans = (TagSpan("camera.move", "pan_left", 0.0, 0.5), TagSpan("camera.move", "track_up", 0.5, 1.0))
    for said in (words.encode(TWO[0], spans=spans), words.encode({}), words.encode(None)):
        with torch.no_grad():
            model(**tiny.inputs(1), tags=torch.tensor([said]))
    assert set(shapes) == {(1, len(words.slot_rows()) + 3, 48)}


def test_tags_of_another_vocabulary_are_refused(wan):
    with pytest.raises(ValueError, match=r"tags: 83 numbers a sample, this model takes 83 slots and 2 spans of 3"):
        graft(wan, tag_spans=2)(**tiny.inputs(), tags=tags(*TWO))


def test_times_change_what_is_said_and_are_saved(wan, tmp_path):
    model = graft(wan, tag_spans=2)
    with torch.no_grad():
        model.condition_embedder.tag_time.weight.normal_(std=0.1)
        model.save_pretrained(tmp_path)
        again = TagWanTransformer3DModel.from_pretrained(tmp_path)
        words, said = vocabulary(n_spans=2), []
        for half in ((0.0, 0.5), (0.5, 1.0)):
            told = words.encode(TWO[0], spans=(TagSpan("camera.move", "pan_left", *half),))
            said.append(model(**tiny.inputs(1), tags=torch.tensor([told])).sample)
            assert torch.equal(again(**tiny.inputs(1), tags=torch.tensor([told])).sample, said[-1])
    assert (said[0] - said[1]).abs().max() > 1e-4


def test_the_shipped_checkpoint_says_what_it_said():
    """Its configuration knows neither times nor ranks; numbers as when it was trained."""
    folder = Path(__file__).parents[2] / "checkpoints" / "tiny_i2v_wide" / "transformer"
    model = TagWanTransformer3DModel.from_pretrained(folder).eval()
    words, generator = vocabulary(model.config["taxonomy_hash"]), torch.Generator().manual_seed(0)
    hidden = torch.randn(2, model.config["in_channels"], 2, 36, 64, generator=generator)
    text = torch.randn(2, 16, 64, generator=generator)
    said = torch.tensor([words.encode({"camera.move": ("pan_left",)}), words.encode(None)])
    with torch.no_grad():
        out = model(hidden, torch.tensor([300.0, 900.0]), text, said).sample
    assert [float(part.abs().mean()) for part in out] == pytest.approx(SHIPPED, rel=1e-4)


SHIPPED = [0.643285, 0.587920]
