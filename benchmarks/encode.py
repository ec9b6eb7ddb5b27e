"""`python -m benchmarks.encode`: CPU of a training step on a cache beside the same step encoded on the fly.

A tiny Wan VAE and a tiny UMT5 of random weights, a tiny transformer, a drawn episode; loading, loss, gradients and
optimiser, in turn over rounds in one process: medians of CPU seconds a step. The ratio says what is left of a step when
nothing is encoded; at these sizes it says nothing of a large model's, where codec and transformer both grow. What
encoding costs, once, stands beside it.
"""

from __future__ import annotations

import dataclasses
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import tyro
from animatrix_trainer import checkpoint, encode
from animatrix_trainer.config import Bucket, Codec, Recipe, Tasks, Text, Window
from animatrix_trainer.data.read import Batches, Shards
from animatrix_trainer.objective import objective
from animatrix_trainer.optim import learning_rate
from animatrix_trainer.parallel import gradients, processes, spread
from animatrix_trainer.recipes import smoke

from benchmarks.figures import Figure, publish
from benchmarks.road import drawn


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is trained on and for how long."""

    shards: Path | None = None
    """a data set of animatrix-ingest; without one an episode is drawn and ingested first (minutes)"""
    steps: int = 6
    batch: int = 2
    frames: int = 9
    height_px: int = 64
    width_px: int = 96
    starts: int = 2
    work: Path = Path("build/bench/encode")


def recipe_of(settings: Settings, folder: Path) -> Recipe:
    """A tiny run on a VAE and a text encoder that are written to `folder`."""
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
    from transformers import ByT5Tokenizer, UMT5Config, UMT5EncoderModel

    torch.manual_seed(0)
    vae = AutoencoderKLWan(
        base_dim=16, z_dim=16, dim_mult=[1, 1, 2, 2], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    vae.save_pretrained(folder / "vae")
    text = UMT5EncoderModel(UMT5Config(vocab_size=384, d_model=64, d_kv=16, num_heads=4, d_ff=128, num_layers=4))
    text.save_pretrained(folder / "text_encoder")
    ByT5Tokenizer().save_pretrained(folder / "tokenizer")
    recipe = dataclasses.replace(
        smoke(),
        codec=Codec("wan", str(folder / "vae")),
        text=Text(str(folder / "text_encoder"), length=128),
        cache_clips=False,
    )
    bucket = Bucket(Window(settings.frames, settings.height_px, settings.width_px), settings.batch)
    return recipe.over_stages(
        steps=settings.steps, buckets=(bucket,), tasks=Tasks(t2v=0.5, i2v=0.3, ends=0.2), starts=settings.starts
    )


def _drawn_set(settings: Settings) -> Path:
    """A drawn episode, ingested; made once."""
    folder = settings.work / "set"
    if not (folder / "labels").exists():
        film = drawn(settings.work / "drawn", 7102, 240, 12)
        command = [sys.executable, "-m", "animatrix_ingest.cli", "run", str(film.parent), "--out", str(folder)]
        subprocess.run(command, check=True)
    return folder


def cpu_s(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def main(settings: Settings) -> int:
    torch.set_num_threads(1)
    shards = settings.shards or _drawn_set(settings)
    with tempfile.TemporaryDirectory() as place:
        recipe = recipe_of(settings, Path(place))
        cache = str(Path(place) / "cache")
        made = cpu_s(lambda: encode.encode(recipe, shards, cache))
        with processes(recipe, Path(place)) as accelerator:
            system = checkpoint.build(recipe)
            fly = Batches(Shards(shards), recipe)
            kept, _ = encode.from_cache(cache, True, False, system, fly, None)
            on = spread(accelerator, system.model, recipe, recipe.stages[0])
            loss_of = partial(objective, system=system, expert=0)

            def step(batches: Batches, number: int) -> None:
                gradients(on, batches[number], 1, loss_of)
                on.step(learning_rate(number, recipe.stages[0]))

            step(fly, 0)
            both = [(cpu_s(lambda: step(kept, n)), cpu_s(lambda: step(fly, n))) for n in range(recipe.steps)]  # noqa: B023
    with_cache, without = (statistics.median(times) for times in zip(*both, strict=True))
    ratio = statistics.median(a / b for a, b in both)
    publish(
        "encode",
        "make bench-encode",
        [
            Figure("CPU s of a step on a cache", with_cache, {"encoded on the fly": without}),
            Figure("ratio of the two, paired", ratio, {}, "< 1", ratio < 1),
            Figure("CPU s of encoding all, a sample", made / (recipe.steps * settings.batch)),
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Settings)))
