"""A checkpoint is one folder that `from_pretrained`-style loaders read, written whole or not at all.

transformer/    averaged weights (what one samples from) and config with the taxonomy's hash
transformer_2/  the same of the second expert, where there are two
lora/           adapters, where there are any
text_encoder/   frozen T5
tokenizer/      and its tokenizer
codec/          PixelCodec settings or a diffusers AutoencoderKLWan
recipe.json     the run that made it
data.json       the generations of the data sets that its weights have seen (see data/readings.py)
state/          only for going on: raw weights, optimiser, random state, progress (see state.py)
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from animatrix_trainer.conditioning.tags import Vocabulary, vocabulary
from animatrix_trainer.conditioning.text import TextEncoder
from animatrix_trainer.config import CheckpointError, Recipe
from animatrix_trainer.data import readings
from animatrix_trainer.data.readings import Reading
from animatrix_trainer.model import experts, lora, warp
from animatrix_trainer.model.codec import PixelCodec, VideoCodec, WanCodec, build_codec, load_codec
from animatrix_trainer.model.given import extra_channels
from animatrix_trainer.model.wan import TagWanTransformer3DModel, vocabulary_config

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

    @property
    def models(self) -> tuple[TagWanTransformer3DModel, ...]:
        """The transformers by expert number."""
        return (self.model,) if self.model_low is None else (self.model, self.model_low)

    def at(self, s: float) -> TagWanTransformer3DModel:
        """The transformer in charge of a noise share."""
        return self.models[experts.in_charge(self.recipe, s)]

    def to(self, device: torch.device | str) -> System:
        for part in (*self.models, self.text, self.codec):
            torch.nn.Module.to(part, device)
        return self

    @property
    def words(self) -> Vocabulary:
        """The vocabulary that the model was trained with."""
        return vocabulary(self.model.config["taxonomy_hash"])

    @property
    def patch(self) -> tuple[int, int, int]:
        return tuple(self.model.config["patch_size"])


def build(recipe: Recipe) -> System:
    """The untrained system of a recipe: from a Wan folder where it names one, else from nothing, by its seed."""
    text, codec = TextEncoder.build(recipe.text), build_codec(recipe.codec)
    tag = {
        "tag_dim": recipe.tags.dim,
        "tag_heads": recipe.tags.heads,
        "tag_layers": recipe.tags.layers,
        "tag_attention": recipe.tags.attention,
        "tag_modulation": recipe.tags.modulation,
    }
    experts.check(recipe)
    folders = (recipe.wan, recipe.experts.folder)[: experts.count(recipe)]
    if recipe.wan and not all(folders):
        raise CheckpointError(
            f"{recipe.wan} with experts.boundary={recipe.experts.boundary} needs experts.folder, the transformer for "
            "less noise (transformer_2 of a Wan 2.2 folder)"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        models = [
            _from_wan(recipe, folder, tag) if folder else _from_nothing(recipe, tag, codec, text.dim)
            for folder in folders
        ]
        if any(stage.train == "lora" for stage in recipe.stages):
            for model in models:
                lora.attach(model, recipe.lora)
    return _system(recipe, models, text, codec)


def load(folder: Path) -> System:
    """The system of a checkpoint folder, or of the newest checkpoint of a run's folder."""
    folder = resolve(folder)
    recipe = Recipe.read(folder / "recipe.json")
    config = json.loads((folder / "transformer" / "config.json").read_text("utf-8"))
    vocabulary(config["taxonomy_hash"], str(folder))  # refuses a taxonomy that nobody released
    models = [_load_model(folder, recipe, name) for name in TRANSFORMERS[: experts.count(recipe)]]
    text = TextEncoder.load(folder / "text_encoder", recipe.text.length)
    return _system(recipe, models, text, load_codec(folder / "codec"), readings.read(folder))


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
        for path in part.rglob("*"):
            _sync(path)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
        _sync(place.parent)
        for old in sorted(place.parent.glob("step-" + "[0-9]" * 8))[:-keep]:
            shutil.rmtree(old)
    wait()


def export(system: System, folder: Path, averages: Sequence[Mapping[str, torch.Tensor]] = ()) -> None:
    """Write what sampling needs: the folder without state/. `averages`, whole tensors by parameter name for each of
    `system.models`, take the place of the models' own; what they do not name is written as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, model) in enumerate(zip(TRANSFORMERS, system.models, strict=False)):
        own = {name: weight.detach() for name, weight in model.named_parameters()}
        if averages:
            own |= {name: weight.to(own[name].dtype) for name, weight in averages[number].items()}
        adapters = {name: own.pop(name).contiguous() for name in list(own) if lora.is_adapter_parameter(name)}
        model.save_pretrained(folder / name, state_dict=own)
        if adapters:
            (folder / "lora").mkdir(exist_ok=True)
            save_file(adapters, folder / "lora" / f"{name}.safetensors")
    system.text.save(folder / "text_encoder")
    system.codec.save(folder / "codec")
    system.recipe.write(folder / "recipe.json")
    readings.write(folder, system.read)


def _system(
    recipe: Recipe,
    models: Sequence[TagWanTransformer3DModel],
    text: TextEncoder,
    codec: PixelCodec | WanCodec,
    read: tuple[Reading, ...] = (),
) -> System:
    return System(recipe, models[0], text, codec, read, models[1] if len(models) > 1 else None)


def _load_model(folder: Path, recipe: Recipe, name: str) -> TagWanTransformer3DModel:
    model = TagWanTransformer3DModel.from_pretrained(folder / name)
    adapters = folder / "lora" / f"{name}.safetensors"
    if adapters.exists():
        lora.attach(model, recipe.lora)
        missing, strange = model.load_state_dict(load_file(adapters), strict=False)
        strange += [name for name in missing if lora.is_adapter_parameter(name)]
        if strange:
            raise CheckpointError(f"{adapters}: does not fit lora.targets of the recipe beside it: {strange[:4]}")
    return model


def _from_nothing(recipe: Recipe, tag: dict[str, Any], codec: VideoCodec, text_dim: int) -> TagWanTransformer3DModel:
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
        **tag,
    )
    torch.nn.init.zeros_(model.proj_out.weight)  # start from the mean picture, or from the first frame standing still
    model.open_tag_channel()
    return model


def _from_wan(recipe: Recipe, folder: str, tag: dict[str, Any]) -> TagWanTransformer3DModel:
    from diffusers.models.transformers.transformer_wan import WanTransformer3DModel

    if recipe.flow.given != "timestep" or recipe.flow.predicts != "velocity":
        raise CheckpointError(
            f"{folder}: Wan's weights know flow.given=timestep and flow.predicts=velocity only, "
            f"not {recipe.flow.given} and {recipe.flow.predicts}"
        )
    wan = WanTransformer3DModel.from_pretrained(folder, torch_dtype=torch.float32)
    return TagWanTransformer3DModel.from_wan(wan, **tag)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
