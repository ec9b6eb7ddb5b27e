"""A checkpoint is one folder that diffusers reads, written whole or not at all.

transformer/    averaged weights (what one samples from) and config with the taxonomy's hash
transformer_2/  the same of the second expert, where there are two
image_encoder/  and image_processor/, frozen CLIP, where the transformer listens to it
lora/           adapters, where there are any
text_encoder/   frozen T5
tokenizer/      and its tokenizer
codec/          PixelCodec settings; or vae/, a diffusers AutoencoderKLWan
scheduler/      and model_index.json, where Wan's pipelines can load the plain part (see pipeline_index.py)
recipe.json     the run that made it
data.json       the generations of the data sets that its weights have seen (see data/readings.py)
digests.json    sizes and hashes of all this, written last (see digests.py)
state/          only for going on: raw weights, optimiser, random state, progress (see state.py)
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import init_empty_weights
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from diffusers.utils.constants import SAFE_WEIGHTS_INDEX_NAME
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file

from animatrix_trainer import digests, pipeline_index
from animatrix_trainer.conditioning.tags import Vocabulary, vocabulary
from animatrix_trainer.conditioning.text import TextEncoder
from animatrix_trainer.config import CheckpointError, Recipe
from animatrix_trainer.data import readings
from animatrix_trainer.data.readings import Reading
from animatrix_trainer.model import experts, lora, warp
from animatrix_trainer.model.codec import PixelCodec, VideoCodec, WanCodec, build_codec, load_codec
from animatrix_trainer.model.given import Known, extra_channels
from animatrix_trainer.model.sight import PictureEncoder
from animatrix_trainer.model.wan import TagWanTransformer3DModel, vocabulary_config
from animatrix_trainer.onto import onto

TRANSFORMERS = ("transformer", "transformer_2")
"""Folders of the transformers by expert number, as diffusers calls them."""


@dataclass
class System:
    """A model with all it needs to be trained or sampled from. `read` says what data its weights have seen.

    `model` is the only transformer, or the expert for much noise; `model_low` that for little (model/experts.py).
    """

    recipe: Recipe
    model: TagWanTransformer3DModel
    text: TextEncoder
    codec: PixelCodec | WanCodec
    read: tuple[Reading, ...] = ()
    model_low: TagWanTransformer3DModel | None = None
    sight: PictureEncoder | None = None
    reference: Any = None
    """what a stage of preference is measured against (preference.Reference); None outside of one"""

    @property
    def models(self) -> tuple[TagWanTransformer3DModel, ...]:
        """The transformers by expert number."""
        return (self.model,) if self.model_low is None else (self.model, self.model_low)

    def at(self, s: float) -> TagWanTransformer3DModel:
        """The transformer in charge of a noise share."""
        return self.models[experts.in_charge(self.recipe, s)]

    def to(self, device: torch.device | str, models: bool = True, encoders: bool = True) -> System:
        """Itself, with its parts on a device: transformers, and what makes numbers of pictures and words."""
        for part in (*self.models * models, *(self.text, self.codec, self.sight) * encoders):
            if part is not None:
                torch.nn.Module.to(part, device)
        return self

    def see(self, known: Known, video_B3FHW: torch.Tensor, told_BF: np.ndarray) -> Known:
        """What is known, with what CLIP sees of the given frames `told_BF`, for Wan 2.1 I2V; for others unchanged."""
        if self.sight is None:
            return known
        return known._replace(image_BND=self.sight(video_B3FHW, onto(video_B3FHW.device, told_BF)))

    @property
    def words(self) -> Vocabulary:
        """The vocabulary that the model was trained with."""
        return vocabulary(self.model.config["taxonomy_hash"], n_spans=self.model.config["tag_spans"])

    @property
    def patch(self) -> tuple[int, int, int]:
        return tuple(self.model.config["patch_size"])


def build(recipe: Recipe, bare: bool = False, mute: bool = False) -> System:
    """The untrained system of a recipe: from a Wan folder where it names one, else from nothing, by its seed. The
    transformers of a `bare` one have no numbers (the meta device), as another process will give them; the text encoder
    of a `mute` one has none, as nothing is encoded."""
    text, codec = TextEncoder.build(recipe.text, mute), build_codec(recipe.codec)
    experts.check(recipe)
    sight = sight_of(recipe)
    folders = (recipe.wan, recipe.experts.folder)[: experts.count(recipe)]
    if recipe.wan and not all(folders):
        raise CheckpointError(
            f"{recipe.wan} with experts.boundary={recipe.experts.boundary} needs experts.folder, the transformer for "
            "less noise (transformer_2 of a Wan 2.2 folder)"
        )
    with torch.random.fork_rng(devices=[]), _without_numbers(bare):
        torch.manual_seed(recipe.seed)
        models = [
            _from_wan(recipe, folder, bare) if folder else from_nothing(recipe, codec, text.dim) for folder in folders
        ]
        _adapt(models, recipe)
    return _system(recipe, models, text, codec, sight)


def sight_of(recipe: Recipe) -> PictureEncoder | None:
    """What the Wan of a recipe sees pictures by, where it does."""
    if recipe.wan is None:
        return None
    return PictureEncoder.of(cast(Any, WanTransformer3DModel.load_config(recipe.wan)), Path(recipe.wan).parent)


def start(recipe: Recipe, init: Path | None, check: bool = True, bare: bool = False, mute: bool = False) -> System:
    """What a run begins with: the untrained system of its recipe, or the weights of another checkpoint under it; `bare`
    and `mute` as in `build`."""
    system = load(init, check, bare, mute) if init else build(recipe, bare, mute)
    if init:
        _agree(system, recipe, init)
        system.recipe = recipe
        with _without_numbers(bare):
            _adapt(system.models, recipe)
    if lora.rests(recipe):
        for model in system.models:
            lora.rest(model, recipe.stages)
    return system


def load(folder: Path, check: bool = True, bare: bool = False, mute: bool = False) -> System:
    """The system of a checkpoint folder, or of the newest checkpoint of a run's folder; `bare`, `mute` as in `build`.
    CheckpointError where it does not hold what was written; of many ranks on one machine one need `check` that."""
    folder = resolve(folder)
    if check:
        digests.check(folder)
    recipe = Recipe.read(folder / "recipe.json")
    config = json.loads((folder / "transformer" / "config.json").read_text("utf-8"))
    vocabulary(config["taxonomy_hash"], str(folder))  # refuses a taxonomy that nobody released
    models = [_load_model(folder, name, bare) for name in TRANSFORMERS[: experts.count(recipe)]]
    text = TextEncoder.load(folder / "text_encoder", recipe.text, mute)
    codec = load_codec(folder / ("vae" if (folder / "vae").is_dir() else "codec"))
    sight = PictureEncoder.of(models[0].config, folder)
    return _system(recipe, models, text, codec, sight, readings.read(folder))


def resolve(folder: Path) -> Path:
    """`folder` itself, or the newest checkpoint in it where it is the --out of a run."""
    if (folder / "recipe.json").exists():
        return folder
    if newest := latest(folder):
        return newest
    raise CheckpointError(f"{folder}: neither a checkpoint nor the --out folder of a run that saved one")


def latest(out: Path) -> Path | None:
    """The newest whole checkpoint of a run, if it has any."""
    return max((out / "checkpoints").glob("step-" + "[0-9]" * 8), default=None)


def step_folder(out: Path, step: int) -> Path:
    """Where a run's checkpoint after `step` steps lies."""
    return out / "checkpoints" / f"step-{step:08d}"


@contextmanager
def writing(
    out: Path, step: int, keep: int = 2, main: bool = True, wait: Callable[[], object] = lambda: None
) -> Iterator[Path]:
    """An empty folder to write a checkpoint into, on all ranks at once; all but the newest `keep` are removed after.

    It gets its name only when everything in it is on the disk, so a name is a promise. `main` is true on one rank,
    which makes and names the folder; `wait` returns when all ranks have called it.
    """
    place = step_folder(out, step)
    part = place.with_suffix(".part")
    if main:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    wait()
    yield part
    wait()
    if main:
        digests.write(part, latest(out))
        for path in part.rglob("*"):
            _sync(path)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
        _sync(place.parent)
        for old in sorted(place.parent.glob("step-" + "[0-9]" * 8))[:-keep]:
            shutil.rmtree(old)
    wait()


def export(
    system: System,
    folder: Path,
    averages: Sequence[Mapping[str, torch.Tensor]] = (),
    before: Path | None = None,
) -> None:
    """Write what sampling needs: the folder without state/.

    `averages`, whole tensors by parameter name for each of `system.models`, take the place of the models' own; what
    they do not name is written as it is. Frozen parts are links to those of `before`, another checkpoint of the run,
    where that has the same: a text encoder of 11 GB is on the disk once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, model) in enumerate(zip(TRANSFORMERS, system.models, strict=False)):
        own = {name: weight.detach() for name, weight in model.named_parameters()}
        if averages:
            own |= {name: weight.to(own[name].dtype) for name, weight in averages[number].items()}
        adapters = {name: own.pop(name) for name in list(own) if lora.is_adapter_parameter(name)}
        _save_transformer(model, own, folder / name)
        if adapters:
            lora.save(adapters, system.recipe.lora, folder / "lora" / f"{name}.safetensors")
    recipe, codec = system.recipe, "vae" if isinstance(system.codec, WanCodec) else "codec"
    old = Recipe.read(before / "recipe.json") if before else None
    if not (before and old and old.text == recipe.text and _link(before, folder, "text_encoder", "tokenizer")):
        system.text.save(folder / "text_encoder")
    if not (before and old and old.codec == recipe.codec and _link(before, folder, codec)):
        system.codec.save(folder / codec)
    if system.sight and not (before and _link(before, folder, "image_encoder", "image_processor")):
        system.sight.save(folder)
    if pipeline_index.fits(recipe):
        pipeline_index.write(folder, recipe, system.text, system.sight)
    recipe.write(folder / "recipe.json")
    readings.write(folder, system.read)
    _forget_places(folder)
    digests.write(folder, before)


def _forget_places(folder: Path) -> None:
    """diffusers and transformers note in a configuration from where it was read: a path of this machine."""
    for path in folder.glob("*/config.json"):
        said = json.loads(path.read_text("utf-8"))
        if said.pop("_name_or_path", None) is not None:
            path.unlink()  # it may be a link to another checkpoint's
            path.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", "utf-8")


def _system(
    recipe: Recipe,
    models: Sequence[TagWanTransformer3DModel],
    text: TextEncoder,
    codec: PixelCodec | WanCodec,
    sight: PictureEncoder | None,
    read: tuple[Reading, ...] = (),
) -> System:
    return System(recipe, models[0], text, codec, read, models[1] if len(models) > 1 else None, sight)


def _save_transformer(model: TagWanTransformer3DModel, weights: Mapping[str, torch.Tensor], folder: Path) -> None:
    """As diffusers' save_pretrained does, but of these weights: it takes no others than the model's own."""
    folder.mkdir(exist_ok=True)
    model.save_config(folder)
    pattern = "diffusion_pytorch_model{suffix}.safetensors"
    split = split_torch_state_dict_into_shards(dict(weights), filename_pattern=pattern, max_shard_size="10GB")
    for file, names in split.filename_to_tensors.items():
        save_file({name: weights[name].contiguous() for name in names}, folder / file, {"format": "pt"})
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        (folder / SAFE_WEIGHTS_INDEX_NAME).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", "utf-8")


def _adapt(models: Sequence[TagWanTransformer3DModel], recipe: Recipe) -> None:
    """Adapters on transformers that have none, where a stage trains them."""
    if any(stage.train == "lora" for stage in recipe.stages):
        for model in models:
            if not lora.has_adapters(model):
                lora.attach(model, recipe.lora)


def _agree(system: System, recipe: Recipe, init: Path) -> None:
    """CheckpointError where a checkpoint's weights mean something else than the recipe that goes on from them."""
    own = system.recipe
    for name, one, two in (
        ("codec", replace(own.codec, folder=None), replace(recipe.codec, folder=None)),
        ("text", replace(own.text, folder=None), replace(recipe.text, folder=None)),
        ("tags", own.tags, recipe.tags),
        ("experts.boundary", own.experts.boundary, recipe.experts.boundary),
        ("flow.predicts", own.flow.predicts, recipe.flow.predicts),
        ("flow.given", own.flow.given, recipe.flow.given),
        *((("shape", own.shape, recipe.shape),) if not (own.wan or recipe.wan) else ()),
    ):
        if one != two:
            raise CheckpointError(f"{init}: its {name} is {one}, the recipe's {two}; they must be the same")


def _link(before: Path, folder: Path, *parts: str) -> bool:
    """Hard links in `folder` to the files of these parts of `before`; False where the disk knows no links."""
    if not all((before / part).is_dir() for part in parts):
        return False
    try:
        for part in parts:
            shutil.copytree(before / part, folder / part, copy_function=os.link, dirs_exist_ok=True)
    except OSError:
        for part in parts:
            shutil.rmtree(folder / part, ignore_errors=True)
        return False
    return True


def _without_numbers(bare: bool) -> AbstractContextManager[None]:
    return init_empty_weights(include_buffers=False) if bare else nullcontext()


def _load_model(folder: Path, name: str, bare: bool) -> TagWanTransformer3DModel:
    with _without_numbers(bare):
        if bare:
            config = cast(Any, TagWanTransformer3DModel.load_config(folder / name))
            model: Any = TagWanTransformer3DModel.from_config(config)
        else:
            model = TagWanTransformer3DModel.from_pretrained(folder / name)
        if (adapters := folder / "lora" / f"{name}.safetensors").exists():
            lora.load(model, adapters)
    return model


def tag_arguments(recipe: Recipe) -> dict[str, Any]:
    """The recipe's tag channel as arguments of the transformer."""
    return {f"tag_{name}": value for name, value in asdict(recipe.tags).items()}


def from_nothing(recipe: Recipe, codec: VideoCodec, text_dim: int) -> TagWanTransformer3DModel:
    """A transformer of the recipe's shape that has learnt nothing."""
    shape, channels = recipe.shape, codec.channels
    model = TagWanTransformer3DModel(
        patch_size=shape.patch,
        num_attention_heads=shape.heads,
        attention_head_dim=shape.head_dim,
        in_channels=channels + extra_channels(recipe.flow, channels, codec.time_stride),
        out_channels=warp.channels(channels) if recipe.flow.predicts == "warp" else channels,
        text_dim=text_dim,
        freq_dim=shape.freq_dim,
        ffn_dim=shape.ffn_dim,
        num_layers=shape.layers,
        rope_max_seq_len=256,
        **vocabulary_config(),
        **tag_arguments(recipe),
    )
    torch.nn.init.zeros_(model.proj_out.weight)  # start from the mean picture, or from the first frame standing still
    model.open_tag_channel()
    return model


def _from_wan(recipe: Recipe, folder: str, bare: bool) -> TagWanTransformer3DModel:
    config: Any = WanTransformer3DModel.load_config(folder)
    given = "channels" if config["in_channels"] > config["out_channels"] else "timestep"
    if recipe.flow.given != given or recipe.flow.predicts != "velocity":
        raise CheckpointError(
            f"{folder}: these weights know flow.given={given} and flow.predicts=velocity only, "
            f"not {recipe.flow.given} and {recipe.flow.predicts}"
        )
    if bare:
        wan = WanTransformer3DModel.from_config(config)
    else:
        wan = WanTransformer3DModel.from_pretrained(folder, torch_dtype=torch.float32)
    return TagWanTransformer3DModel.from_wan(cast(WanTransformer3DModel, wan), **tag_arguments(recipe))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
