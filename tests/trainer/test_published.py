"""The published models: their sizes and names without their weights, and grafts on small ones of each kind."""

import dataclasses
import json

import pytest
import torch
from animatrix_trainer import checkpoint
from animatrix_trainer.conditioning.tags import vocabulary
from animatrix_trainer.config import CheckpointError, Codec, Tags
from animatrix_trainer.model import published
from animatrix_trainer.model.wan import TagWanTransformer3DModel, is_tag_parameter
from animatrix_trainer.recipes import smoke
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from transformers import UMT5Config, UMT5EncoderModel

from tests.trainer import tiny

TAG = {"tag_dim": 1024, "tag_heads": 16, "tag_layers": 3}


def original(width, ffn, layers, channels_in, channels_out, sees):
    """{name: shape} of the weights as Wan's makers name them: what the files before diffusers' hold."""
    shapes = {
        "patch_embedding.weight": (width, channels_in, 1, 2, 2),
        "patch_embedding.bias": (width,),
        "head.modulation": (1, 2, width),
    }

    def linear(name, to, source):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (to, source), (to,)

    for name, to, source in (
        ("text_embedding.0", width, 4096),
        ("text_embedding.2", width, width),
        ("time_embedding.0", width, 256),
        ("time_embedding.2", width, width),
        ("time_projection.1", 6 * width, width),
        ("head.head", 4 * channels_out, width),
    ):
        linear(name, to, source)
    for block in (f"blocks.{number}" for number in range(layers)):
        shapes[f"{block}.modulation"] = (1, 6, width)
        shapes[f"{block}.norm3.weight"] = shapes[f"{block}.norm3.bias"] = (width,)
        linear(f"{block}.ffn.0", ffn, width)
        linear(f"{block}.ffn.2", width, ffn)
        for attention in ("self_attn", "cross_attn"):
            for kind in "qkvo":
                linear(f"{block}.{attention}.{kind}", width, width)
            for kind in "qk":
                shapes[f"{block}.{attention}.norm_{kind}.weight"] = (width,)
        if sees:
            for kind in ("k_img", "v_img"):
                linear(f"{block}.cross_attn.{kind}", width, width)
            shapes[f"{block}.cross_attn.norm_k_img.weight"] = (width,)
    if sees:
        for number, size in ((0, 1280), (4, width)):
            shapes[f"img_emb.proj.{number}.weight"] = shapes[f"img_emb.proj.{number}.bias"] = (size,)
        linear("img_emb.proj.1", 1280, 1280)
        linear("img_emb.proj.3", width, 1280)
    return shapes


SIZES = {
    "Wan2.1-T2V-1.3B": (1536, 8960, 30, 16, 16, False),
    "Wan2.1-T2V-14B": (5120, 13824, 40, 16, 16, False),
    "Wan2.1-I2V-14B-480P": (5120, 13824, 40, 36, 16, True),
    "Wan2.1-I2V-14B-720P": (5120, 13824, 40, 36, 16, True),
    "Wan2.2-TI2V-5B": (3072, 14336, 30, 48, 48, False),
    "Wan2.2-T2V-A14B": (5120, 13824, 40, 16, 16, False),
    "Wan2.2-I2V-A14B": (5120, 13824, 40, 36, 16, False),
}


def sized(shapes):
    return sum(torch.Size(shape).numel() for shape in shapes.values())


@pytest.mark.parametrize("name", published.WAN)
def test_names_and_shapes_are_those_of_the_published_weights(name):
    """The names come from the original model by diffusers' own renaming; the numbers from the published files."""
    model = published.empty_with_tags(name, **TAG)
    found = {n: tuple(w.shape) for n, w in model.named_parameters() if not is_tag_parameter(n)}
    meta = {n: torch.empty(shape, device="meta") for n, shape in original(*SIZES[name]).items()}
    assert found == {n: tuple(w.shape) for n, w in convert_wan_transformer_to_diffusers(meta).items()}
    assert (sized(found), len(found)) == (published.WAN[name].parameters, published.WAN[name].tensors)
    assert all(weight.is_meta for weight in model.parameters())


@pytest.mark.parametrize("name", ["Wan2.1-I2V-14B-480P", "Wan2.2-TI2V-5B"])
def test_every_published_weight_has_its_place(name):
    """from_wan itself at full width on the meta device: nothing is missing and nothing left over. Blocks are alike, so
    two of them are enough."""
    with torch.device("meta"):
        plain = WanTransformer3DModel(**dict(published.WAN[name].transformer) | {"num_layers": 2})
        grafted = TagWanTransformer3DModel.from_wan(plain, **TAG)
    own = {n: w.shape for n, w in grafted.named_parameters() if not is_tag_parameter(n)}
    assert own == {n: w.shape for n, w in plain.named_parameters()}


@pytest.mark.parametrize("kind", published.VAE)
def test_the_published_vaes_have_their_sizes(kind):
    with torch.device("meta"):
        vae = AutoencoderKLWan(**published.VAE[kind])
    assert sum(weight.numel() for weight in vae.parameters()) == published.VAE_PARAMETERS[kind]


def test_the_published_text_encoder_has_its_size():
    with torch.device("meta"):
        encoder = UMT5EncoderModel(UMT5Config(**published.UMT5_XXL))
    assert sum(weight.numel() for weight in encoder.parameters()) == published.UMT5_XXL_PARAMETERS


def test_a_strange_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'Wan3' is no published Wan; choose one of Wan2\.1-T2V-1\.3B, "):
        published.empty("Wan3")


def small(name):
    """The kind of a published model at a size that runs: its channels and its ways in, few and narrow blocks."""
    kind = dict(published.WAN[name].transformer)
    return tiny.wan(**kind | tiny.WAN | (tiny.SEES if published.WAN[name].sees else {}))


@pytest.mark.parametrize("modulation", ["shared", "lowrank", "full"])
@pytest.mark.parametrize("name", ["Wan2.1-T2V-1.3B", "Wan2.1-I2V-14B-480P", "Wan2.2-TI2V-5B", "Wan2.2-I2V-A14B"])
def test_a_graft_on_each_kind_is_that_kind_exactly(name, modulation):
    plain, kind = small(name), published.WAN[name]
    grafted = TagWanTransformer3DModel.from_wan(
        plain, tag_dim=16, tag_heads=2, tag_layers=1, tag_attention="decoupled", tag_modulation=modulation
    ).eval()
    generator = torch.Generator().manual_seed(2)
    given = {
        "hidden_states": torch.randn(2, plain.config.in_channels, 3, 4, 6, generator=generator),
        "encoder_hidden_states": torch.randn(2, 512, 32, generator=generator),
        "timestep": torch.tensor([10.0, 700.0]),
    }
    if kind.given == "timestep":
        given["timestep"] = torch.linspace(0, 1000, 2 * 18).view(2, 18)
    if kind.sees:
        given["encoder_hidden_states_image"] = torch.randn(2, 5, 20, generator=generator)
    tags = torch.tensor([vocabulary().encode({"camera.move": ("pan_left",)}), vocabulary().encode(None)])
    with torch.no_grad():
        assert torch.equal(grafted(**given, tags=tags).sample, plain(**given).sample)


def whole(folder):
    return dataclasses.replace(smoke(), wan=str(folder), tags=Tags(dim=16, heads=2, layers=1))


def test_a_whole_folder_places_everything(wan22_folder):
    recipe = published.placed(whole(wan22_folder))
    assert recipe.wan == str(wan22_folder / "transformer") and recipe.codec == Codec("wan", str(wan22_folder / "vae"))
    assert recipe.experts.boundary == 0.875 and recipe.experts.folder == str(wan22_folder / "transformer_2")
    assert recipe.text.folder == str(wan22_folder / "text_encoder") and recipe.text.length == 512
    assert published.placed(recipe) == recipe and published.placed(smoke()) == smoke()
    system = checkpoint.build(recipe)
    for number, folder in enumerate(("transformer", "transformer_2")):
        plain = WanTransformer3DModel.from_pretrained(wan22_folder / folder)
        own = dict(system.models[number].named_parameters())
        assert all(torch.equal(own[name], weight) for name, weight in plain.named_parameters())
    assert system.codec.channels == 16 and system.text.dim == 32


def test_how_frames_are_given_comes_from_the_folder(wan22_folder, tmp_path):
    index = json.loads((wan22_folder / "model_index.json").read_text())
    config = json.loads((wan22_folder / "transformer" / "config.json").read_text())
    for name in ("transformer", "vae", "text_encoder"):
        (tmp_path / name).mkdir()
    for channels, expand, given in ((36, False, "channels"), (16, True, "timestep"), (16, False, "plane")):
        told = index | {"boundary_ratio": None, "expand_timesteps": expand}
        (tmp_path / "model_index.json").write_text(json.dumps(told))
        (tmp_path / "transformer" / "config.json").write_text(json.dumps(config | {"in_channels": channels}))
        recipe = whole(tmp_path)
        recipe = dataclasses.replace(recipe, flow=dataclasses.replace(recipe.flow, given="plane"))
        assert published.placed(recipe).flow.given == given


def test_a_folder_that_is_not_whole_is_refused(wan22_folder, tmp_path):
    (tmp_path / "model_index.json").write_text((wan22_folder / "model_index.json").read_text())
    (tmp_path / "transformer").mkdir()
    with pytest.raises(CheckpointError, match="without vae, text_encoder; fetch it whole"):
        published.placed(whole(tmp_path))
    for name in ("vae", "text_encoder"):
        (tmp_path / name).mkdir()
    (tmp_path / "transformer" / "config.json").write_text((wan22_folder / "transformer" / "config.json").read_text())
    with pytest.raises(CheckpointError, match=r"boundary_ratio=0\.875, but there is no transformer_2"):
        published.placed(whole(tmp_path))


def test_two_experts_need_two_folders(wan22_folder):
    recipe = published.placed(whole(wan22_folder))
    recipe = dataclasses.replace(recipe, experts=dataclasses.replace(recipe.experts, folder=None))
    with pytest.raises(CheckpointError, match=r"needs experts\.folder"):
        checkpoint.build(recipe)
