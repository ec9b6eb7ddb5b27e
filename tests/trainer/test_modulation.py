"""Both paths of the tags, in every mode: nothing but Wan at the start, each with a scale of its own."""

import itertools

import pytest
import torch
from animatrix_trainer.conditioning.tags import vocabulary
from animatrix_trainer.model.modulation import BlockModulation, Heard, TagWanTransformerBlock, modulated
from animatrix_trainer.model.wan import ATTENTION, MODULATION, TagWanTransformer3DModel, is_tag_parameter

from tests.trainer import tiny

TAG = {"tag_dim": 16, "tag_heads": 2, "tag_layers": 1, "tag_rank": 8}
MODES = list(itertools.product(ATTENTION, MODULATION))
EXACT = [mode for mode in MODES if mode[0] != "concat"]


def made(**more):
    wan = tiny.wan(**more)
    with torch.no_grad():
        wan.blocks[0].norm2.weight.uniform_(0.5, 2)
    return wan


@pytest.fixture(scope="module")
def wan():
    return made()


def graft(wan, attention, modulation):
    torch.manual_seed(1)
    return TagWanTransformer3DModel.from_wan(wan, **TAG, tag_attention=attention, tag_modulation=modulation).eval()


def spoken(model):
    """The model with every path open, so that a tag changes what it says."""
    torch.manual_seed(2)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if is_tag_parameter(name) and not name.startswith("tag_encoder"):
                weight.normal_(std=0.2)
    return model


def inputs(timestep="sample", image=False):
    generator = torch.Generator().manual_seed(3)
    given = {
        "hidden_states": torch.randn(2, 16, 2, 4, 4, generator=generator),
        "timestep": torch.tensor([10.0, 700.0]),
        "encoder_hidden_states": torch.randn(2, 512 if image else 7, 32, generator=generator),
    }
    if timestep == "token":
        given["timestep"] = torch.tensor([[0.0] * 4 + [400.0] * 4, [700.0] * 8])
    if image:
        given["encoder_hidden_states_image"] = torch.randn(2, 5, 20, generator=generator)
    return given


def tags(*sets):
    return torch.tensor([vocabulary().encode(tags) for tags in sets])


TWO = tags({"camera.move": ("pan_left", "track_up"), "motion.timing": ("twos",)}, None)


@torch.no_grad()
def said(model, told=TWO, **given):
    return model(**(given or inputs()), tags=told).sample


@pytest.mark.parametrize(("attention", "modulation"), EXACT)
@pytest.mark.parametrize("timestep", ["sample", "token"])
def test_a_grafted_model_is_wan_to_the_bit(wan, attention, modulation, timestep):
    given = inputs(timestep)
    with torch.no_grad():
        plain = wan(**given).sample
    assert torch.equal(said(graft(wan, attention, modulation), **given), plain)


@pytest.mark.parametrize(("attention", "modulation"), [("decoupled", "full"), ("none", "lowrank")])
def test_with_the_image_tokens_of_wan_i2v_too(attention, modulation):
    wan, given = made(**tiny.SEES), inputs(image=True)
    with torch.no_grad():
        plain = wan(**given).sample
    assert torch.equal(said(graft(wan, attention, modulation), **given), plain)


def test_image_tokens_join_no_softmax_of_text_and_tags():
    """concat with the tags silent must give what Wan gives; the image is attended to on its own."""
    wan, given = made(**tiny.SEES), inputs(image=True)
    model = graft(wan, "concat", "none")
    with torch.no_grad():
        plain = wan(**given).sample
        assert (said(model, **given) - plain).abs().max() > 1e-4
        model.tag_scales(attention=0.0)
        assert torch.equal(said(model, **given), plain)


@pytest.mark.parametrize(("attention", "modulation"), MODES)
def test_each_path_falls_silent_on_its_own(wan, attention, modulation):
    model = spoken(graft(wan, attention, modulation))
    if attention != "none":
        with torch.no_grad():
            model.condition_embedder.type_text.zero_()
            model.condition_embedder.type_tag.zero_()
    with torch.no_grad():
        plain = wan(**inputs()).sample
    said_by = {}
    for scales in itertools.product((0.0, 1.0), repeat=2):
        model.tag_scales(*scales)
        said_by[scales] = said(model)
    model.tag_scales()
    assert torch.equal(said(model), said_by[1.0, 1.0])
    assert torch.equal(said_by[0.0, 0.0], plain)
    assert torch.equal(said_by[1.0, 0.0], plain) == (attention == "none")
    assert torch.equal(said_by[0.0, 1.0], plain) == (modulation == "none")


@pytest.mark.parametrize("attention", ["concat", "decoupled"])
def test_the_scale_of_attention_is_continuous(wan, attention):
    model = spoken(graft(wan, attention, "none"))
    at = {}
    for scale in (0.0, 1e-6, 0.5, 0.9999, 1.0, 2.0):
        model.tag_scales(attention=scale)
        at[scale] = said(model)
    torch.testing.assert_close(at[1e-6], at[0.0], atol=1e-3, rtol=0)
    torch.testing.assert_close(at[0.9999], at[1.0], atol=1e-3, rtol=0)
    assert (at[2.0] - at[1.0]).abs().max() > 1e-3 and (at[0.5] - at[1.0]).abs().max() > 1e-3


def test_a_share_below_nothing_is_refused(wan):
    with pytest.raises(ValueError, match=r"attention=-1\.0: under one softmax"):
        graft(wan, "concat", "none").tag_scales(attention=-1.0)


@pytest.mark.parametrize("modulation", ["lowrank", "full", "shared"])
def test_timesteps_of_tokens_that_are_all_one_are_that_of_the_sample(wan, modulation):
    model = spoken(graft(wan, "decoupled", modulation))
    per_token = said(model, **inputs() | {"timestep": torch.tensor([[300.0] * 8] * 2)})
    torch.testing.assert_close(per_token, said(model, **inputs() | {"timestep": torch.tensor([300.0, 300.0])}))


def test_the_modulation_of_a_latent_frame_follows_its_own_time(wan):
    """Frame 0 at time 0, frame 1 at 400: without attention across frames each would be as if alone in its time."""
    own = BlockModulation(48, 16, 8)
    torch.nn.init.normal_(own.out.weight)
    pooled, time = torch.randn(1, 16), torch.randn(1, 2, 48)
    both = own(pooled, time)
    assert both.shape == (1, 2, 6, 48)
    for frame in range(2):
        torch.testing.assert_close(both[:, frame], own(pooled, time[:, frame]))


def test_every_sub_layer_is_modulated_as_the_paper_writes_it(wan):
    """c = SiLU(W_t t + W_g h), gamma = 1 + W_gamma c, beta = W_beta c, on top of Wan's own scale and shift."""
    model = spoken(graft(wan, "none", "full"))
    block = model.blocks[0]
    own = block.tag_modulation
    seen = {}
    for name in ("attn1", "attn2", "ffn"):
        getattr(block, name).register_forward_hook(lambda _, given, __, name=name: seen.update({name: given[0]}))
    hidden, temb = torch.randn(2, 8, 48), torch.randn(2, 6, 48)
    pooled, time = torch.randn(2, 16), torch.randn(2, 48)
    block.attn2.processor.register_forward_hook(lambda _, given, __: seen.update(heard=given[2]))
    heard = Heard(torch.randn(2, 7, 48), pooled_BE=pooled, time=time)
    rotary = model.rope(torch.zeros(2, 16, 2, 4, 4))
    with torch.no_grad():
        block(hidden, heard, temb, rotary)
        c = torch.nn.functional.silu(own.time(time) + own.tags(pooled))
        beta_1, gamma_1, beta_2, gamma_2, beta_3, gamma_3 = own.out(c).unflatten(1, (6, -1)).unsqueeze(2).unbind(1)
        table = block.scale_shift_table + temb
        torch.testing.assert_close(
            seen["attn1"], block.norm1(hidden) * (1 + table[:, 1:2] + gamma_1) + table[:, 0:1] + beta_1
        )
        after_self = hidden + block.attn1(seen["attn1"], None, None, rotary) * table[:, 2:3]
        normed = block.norm2(after_self)
        torch.testing.assert_close(
            modulated(seen["attn2"], *seen["heard"].cross), normed * (1 + gamma_2) + beta_2, atol=1e-5, rtol=1e-5
        )
        after_cross = after_self + block.attn2(normed, seen["heard"])
        torch.testing.assert_close(
            seen["ffn"], block.norm3(after_cross) * (1 + table[:, 4:5] + gamma_3) + table[:, 3:4] + beta_3
        )


@pytest.mark.parametrize(("attention", "modulation"), MODES)
def test_every_parameter_learns(wan, attention, modulation):
    """What starts at 0 has a gradient all the same, and no parameter is left that nothing uses: DDP would wait for it.
    Wan's own that are silent are silent in plain Wan too."""
    model = graft(wan, attention, modulation).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(**inputs(), tags=TWO).sample.square().mean().backward()
        optimizer.step()
    silent = {name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()}
    assert not {name for name in silent if is_tag_parameter(name)}
    assert not any(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize(("attention", "modulation"), [("concat", "lowrank"), ("decoupled", "full"), ("none", "none")])
def test_saved_and_loaded_is_the_same_model(wan, attention, modulation, tmp_path):
    model = spoken(graft(wan, attention, modulation))
    model.save_pretrained(tmp_path)
    again = TagWanTransformer3DModel.from_pretrained(tmp_path)
    assert torch.equal(said(again), said(model))
    assert {name for name, _ in again.named_parameters()} == {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize(
    ("attention", "modulation", "timestep"),
    [("decoupled", "shared", "sample"), ("concat", "full", "sample"), ("concat", "full", "token")],
)
def test_gradient_checkpointing_gives_the_same_gradients(wan, attention, modulation, timestep):
    model = spoken(graft(wan, attention, modulation)).train()

    def gradients():
        model.zero_grad()
        model(**inputs(timestep), tags=TWO).sample.square().mean().backward()
        return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}

    plain = gradients()
    model.enable_gradient_checkpointing()
    again = gradients()
    assert plain.keys() == again.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, msg=name)


def test_blocks_are_still_found_by_those_who_compile_and_shard(wan):
    model = graft(wan, "decoupled", "lowrank")
    assert all(type(block) is TagWanTransformerBlock for block in model.blocks)
    assert model._repeated_blocks == model._no_split_modules == [TagWanTransformerBlock.__name__]


@pytest.mark.slow
@pytest.mark.parametrize("modulation", ["shared", "lowrank"])
def test_compiled_blocks_say_the_same(wan, modulation):
    model = spoken(graft(wan, "decoupled", modulation))
    eager = said(model)
    model.compile_repeated_blocks(fullgraph=True)
    torch.testing.assert_close(said(model), eager, atol=1e-5, rtol=1e-4)


def test_half_precision_keeps_its_type_in_every_mode(wan):
    for attention, modulation in MODES:
        model = spoken(graft(wan, attention, modulation)).to(torch.bfloat16)
        given = {name: value.bfloat16() for name, value in inputs("token").items()}
        out = said(model, **given)
        assert out.dtype == torch.bfloat16 and out.isfinite().all()
