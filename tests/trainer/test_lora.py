"""Adapters: nothing at first, nothing when off, and the same change wherever their files are read."""

import dataclasses

import pytest
import torch
from animatrix_trainer.conditioning.tags import vocabulary
from animatrix_trainer.config import CheckpointError, Lora, RecipeError, Stage
from animatrix_trainer.model import lora
from animatrix_trainer.model.wan import TagWanTransformer3DModel, is_tag_parameter
from safetensors.torch import load_file, save_file

from tests.trainer import tiny

RANKED = Lora(rank=4, alpha=6)


def graft(plain):
    torch.manual_seed(1)
    return TagWanTransformer3DModel.from_wan(plain, tag_dim=16, tag_heads=2, tag_layers=1).eval()


def adapted(plain=None, settings=RANKED):
    """A model whose adapters have learnt something."""
    model = graft(plain or tiny.wan())
    lora.attach(model, settings)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".lora_B." in name:
                weight.normal_(std=0.1, generator=torch.Generator().manual_seed(len(name)))
    return model


def adapters(model):
    return {name: weight.detach() for name, weight in model.named_parameters() if lora.is_adapter_parameter(name)}


@torch.no_grad()
def out(model):
    tags = {"tags": torch.tensor([vocabulary().encode(None)] * 2)} if hasattr(model, "tag_encoder") else {}
    return model(**tiny.inputs(), **tags).sample


def test_an_untrained_adapter_changes_nothing_and_a_trained_one_off_is_the_base_exactly():
    plain = tiny.wan()
    base = out(graft(plain))
    fresh = graft(plain)
    lora.attach(fresh, RANKED)
    assert torch.equal(out(fresh), base) and torch.equal(base, out(plain))
    model = adapted(plain)
    assert (out(model) - base).abs().max() > 1e-2
    with lora.without(model):
        assert torch.equal(out(model), base)
    assert (out(model) - base).abs().max() > 1e-2


def test_plain_weights_keep_their_names():
    plain = tiny.wan()
    names = dict(adapted(plain).named_parameters())
    for name, weight in plain.named_parameters():
        assert torch.equal(names[name], weight), name


def test_the_tag_channel_gets_no_adapter_and_stays_trainable():
    """The trap: freezing all but the adapters would freeze the tag channel with the base."""
    model = adapted()
    assert not [name for name in adapters(model) if is_tag_parameter(name)]
    assert len(adapters(model)) == 2 * 2 * (4 + 4 + 2)  # A and B of two blocks' q, k, v, out twice and two of the ffn
    lora.move_only(model, Stage("a", steps=1, train="lora"))
    moving = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert moving == {n for n in dict(model.named_parameters()) if is_tag_parameter(n) or lora.is_adapter_parameter(n)}
    model(**tiny.inputs(), tags=torch.tensor([vocabulary().encode(None)] * 2)).sample.square().mean().backward()
    still = [n for n, w in model.named_parameters() if lora.is_adapter_parameter(n) and w.grad.abs().sum() == 0]
    assert not still
    assert all(w.grad is None for n, w in model.named_parameters() if n not in moving)


@pytest.mark.parametrize("train", ["all", "tags", "lora"])
def test_a_stage_says_what_moves(train):
    model = adapted()
    moved = lora.trainable(model, Stage("a", steps=1, train=train))
    names = {name for name, _ in model.named_parameters()}
    tags, added = {n for n in names if is_tag_parameter(n)}, set(adapters(model))
    assert moved == {"all": names - added, "tags": tags, "lora": tags | added}[train]
    assert "proj_out.weight" in names and len(tags) > 10 and len(added) == 40


def test_a_stage_without_adapters_and_targets_that_nothing_has_are_refused():
    with pytest.raises(RecipeError, match="stage quality: train=lora, but the transformer has no adapters"):
        lora.trainable(graft(tiny.wan()), Stage("quality", steps=1, train="lora"))
    with pytest.raises(RecipeError, match=r"no layer's name ends in 'query'; there are .*'attn1.to_q'"):
        lora.attach(graft(tiny.wan()), Lora(targets=("to_k", "query")))


def test_merged_weights_do_the_same_without_adapters():
    model = adapted()
    before = out(model)
    lora.merge(model)
    assert not lora.has_adapters(model) and not adapters(model)
    torch.testing.assert_close(out(model), before, rtol=1e-4, atol=1e-5)


def test_what_no_stage_moves_rests_in_half_the_memory_and_computes_the_same():
    """Under autocast to the bit, adapters and their gradients included; elsewhere in the input's kind."""
    model = adapted()
    stage = Stage("a", steps=1, train="lora")
    lora.move_only(model, stage)
    tags = torch.tensor([vocabulary().encode(None)] * 2)

    def step():
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            sample = model(**tiny.inputs(), tags=tags).sample
        sample.float().square().mean().backward()
        return sample.detach(), {n: w.grad.clone() for n, w in model.named_parameters() if w.grad is not None}

    sample, gradients = step()
    before = sum(w.numel() * w.element_size() for w in model.blocks.parameters())
    lora.rest(model, [stage])
    again, same = step()
    assert torch.equal(sample, again) and gradients.keys() == same.keys()
    assert all(torch.equal(gradient, same[name]) for name, gradient in gradients.items())
    kinds = {n: w.dtype for n, w in model.named_parameters() if n.startswith("blocks.0.attn1")}
    assert kinds["blocks.0.attn1.to_q.weight"] == torch.bfloat16
    assert kinds["blocks.0.attn1.to_q.lora_A.weight"] == kinds["blocks.0.attn1.norm_q.weight"] == torch.float32
    assert sum(w.numel() * w.element_size() for w in model.blocks.parameters()) < 0.75 * before
    assert out(model).dtype == torch.float32


def test_what_some_stage_moves_does_not_rest():
    model = adapted()
    lora.rest(model, [Stage("a", steps=1, train="lora"), Stage("b", steps=1, train="all")])
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("spelling", ["lora.safetensors", "lora.comfyui.safetensors"])
def test_both_files_give_the_same_adapters_back(tmp_path, spelling):
    settings = dataclasses.replace(RANKED, targets=(*RANKED.targets, "add_k_proj", "add_v_proj"))
    model = adapted(tiny.wan(**tiny.SEES), settings)
    lora.save(adapters(model), settings, tmp_path / "lora.safetensors")
    again = graft(tiny.wan(**tiny.SEES))
    lora.load(again, tmp_path / spelling)
    for name, weight in adapters(model).items():
        assert torch.equal(weight, adapters(again)[name]), name
    assert {m.alpha for m in again.modules() if isinstance(m, lora.LoraLinear)} == {6.0}


def test_comfyui_names_are_those_of_the_original_model(tmp_path):
    lora.save(adapters(adapted()), RANKED, tmp_path / "lora.safetensors")
    names = set(load_file(tmp_path / "lora.comfyui.safetensors"))
    layers = ["self_attn." + k for k in "qkvo"] + ["cross_attn." + k for k in "qkvo"] + ["ffn.0", "ffn.2"]
    assert names == {
        f"diffusion_model.blocks.{block}.{layer}.{part}"
        for block in range(2)
        for layer in layers
        for part in ("lora_A.weight", "lora_B.weight", "alpha")
    }


@pytest.fixture(scope="module")
def pipeline():
    return tiny.pipeline(tiny.wan())


@pytest.mark.parametrize("spelling", ["lora.safetensors", "lora.comfyui.safetensors"])
def test_diffusers_reads_both_files_as_we_mean_them(pipeline, tmp_path, spelling):
    """A WanPipeline with our adapters computes what our model computes, alpha included."""
    plain = tiny.wan()
    model = adapted(plain)
    lora.save(adapters(model), RANKED, tmp_path / "lora.safetensors")
    base = out(pipeline.transformer)
    pipeline.load_lora_weights(tmp_path, weight_name=spelling)
    try:
        theirs = out(pipeline.transformer)
    finally:
        pipeline.unload_lora_weights()
    assert (theirs - base).abs().max() > 1e-2
    torch.testing.assert_close(theirs, out(model), rtol=1e-4, atol=1e-5)


def test_files_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "lora.safetensors"
    lora.save(adapters(adapted()), RANKED, path)
    with pytest.raises(CheckpointError, match=r"adapts blocks\.0\.attn1\.to_k, of 72 to 72, by 48 to 48"):
        lora.load(graft_of(num_attention_heads=3), path)
    with pytest.raises(CheckpointError, match=r"blocks\.1\.attn1\.to_k, which the model lacks"):
        lora.load(graft_of(num_layers=1), path)
    with pytest.raises(CheckpointError, match="rank 4, the model's adapter 8"):
        lora.load(adapted(settings=Lora(rank=8)), path)
    save_file({"transformer.blocks.0.attn1.to_q.lora_A.weight": torch.zeros(4, 48)}, path)
    with pytest.raises(CheckpointError, match="has only"):
        lora.load(graft(tiny.wan()), path)
    save_file({"lora_te1_text_model.alpha": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match=r"'lora_te1_text_model\.alpha' is no adapter"):
        lora.load(graft(tiny.wan()), path)


def graft_of(**changes):
    return graft(tiny.wan(**changes))
