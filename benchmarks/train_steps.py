"""One training step three ways on diffusers' Wan class, from the same ready latents and text: a bare loop, ours, and
NeMo Automodel's where it can be imported. What `benchmarks.train` measures."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from animatrix_trainer import flops
from animatrix_trainer.checkpoint import System
from animatrix_trainer.conditioning.dropout import Condition
from animatrix_trainer.conditioning.text import TextEncoder
from animatrix_trainer.config import Bucket, Flow, Optim, Parallel, Recipe, Stage, Tags, Window
from animatrix_trainer.data.read import Batch
from animatrix_trainer.model import published
from animatrix_trainer.model.codec import PixelCodec
from animatrix_trainer.model.wan import TagWanTransformer3DModel, vocabulary_config
from animatrix_trainer.objective import objective
from animatrix_trainer.parallel import gradients, processes, spread
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

TEXT_TOKENS = 512
CHANNELS = 16


@dataclass(frozen=True)
class Bench:
    """What is trained and on what: Wan arguments, a window, and how it is computed."""

    wan: dict[str, Any]
    window: Window
    parallel: Parallel

    @classmethod
    def real(cls, frames: int, compile: bool) -> Bench:
        """Wan 2.1 1.3B at 480p; recomputed, as 81 frames would not fit otherwise and both lengths shall compare."""
        wan = dict(published.get("Wan2.1-T2V-1.3B").transformer)
        how = Parallel(precision="bf16", checkpointing="full", compile=compile)
        return cls(wan, Window(frames, 480, 832), how)

    @classmethod
    def tiny(cls, frames: int, how: Parallel) -> Bench:
        wan = {"num_attention_heads": 2, "attention_head_dim": 24, "ffn_dim": 96, "num_layers": 2, "text_dim": 32}
        return cls({**wan, "freq_dim": 32}, Window(frames, 64, 96), how)

    @property
    def latent(self) -> tuple[int, int, int]:
        return flops.latent_size(self.window, 4, 8)

    @property
    def text_dim(self) -> int:
        return self.wan.get("text_dim", 4096)

    @property
    def tokens(self) -> int:
        return flops.video_tokens(self.latent, (1, 2, 2))

    def recipe(self, tags: bool, ema: bool) -> Recipe:
        channel = Tags(dim=1024, heads=16) if self.text_dim == 4096 else Tags(dim=16, heads=2, layers=1)
        if not tags:
            channel = dataclasses.replace(channel, attention="none", modulation="none")
        stage = Stage("only", steps=1000, buckets=(Bucket(self.window, 1),), shift=3.0)
        optim = Optim(ema=0.9999 if ema else 0.0)
        return Recipe("bench", (stage,), tags=channel, parallel=self.parallel, optim=optim, flow=Flow())


class ReadyText(TextEncoder):
    """A text encoder whose work is done: a bare loop has none either."""

    def __init__(self, value: torch.Tensor) -> None:
        nn.Module.__init__(self)  # neither tokenizer nor weights
        self.value: torch.Tensor
        self.register_buffer("value", value)

    def forward(self, texts: list[str]) -> torch.Tensor:
        return self.value


class ReadyLatents(PixelCodec):
    """A codec whose work is done, with the sizes of Wan's."""

    def __init__(self, value: torch.Tensor) -> None:
        super().__init__(time_stride=4, space_stride=8)
        self.channels = CHANNELS
        self.value: torch.Tensor
        self.register_buffer("value", value)

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        return self.value


@contextmanager
def ours(bench: Bench, device: torch.device, out: Path, tags: bool, ema: bool) -> Iterator[Callable[[], Any]]:
    """Our step as the loop does it: noise by sample numbers, objective, backward, clip, AdamW, average."""
    recipe = bench.recipe(tags, ema)
    latents, text = inputs(bench, device)
    channel = {f"tag_{name}": value for name, value in dataclasses.asdict(recipe.tags).items()}
    with processes(recipe, out) as accelerator, torch.device(device):
        torch.manual_seed(0)
        model = TagWanTransformer3DModel(**bench.wan, **vocabulary_config(), **channel)
        system = System(recipe, model, ReadyText(text), ReadyLatents(latents))
        on = spread(accelerator, model, recipe, recipe.stages[0])
        told = (Condition({"camera.move": ("pan_left",)} if tags else None, ""),)
        count = iter(range(1_000_000))
        loss_of = partial(objective, system=system)

        def step() -> torch.Tensor:
            batch = Batch((next(count),), np.zeros((1, bench.window.frames, 1, 1, 3), np.uint8), told)
            loss = gradients(on, batch, 1, loss_of)
            on.step(1e-5)
            return loss

        yield step


@contextmanager
def bare(bench: Bench, device: torch.device, out: Path) -> Iterator[Callable[[], Any]]:
    """What one would write in an afternoon: the same class, the same loss, the same fused AdamW and clipping."""
    latents, text = inputs(bench, device)
    model, adamw = plain(bench, device)

    def step() -> torch.Tensor:
        s = torch.sigmoid(torch.randn(1, device=device))
        noise = torch.randn_like(latents)
        noisy = (1 - s) * latents + s * noise
        with torch.autocast(device.type, torch.bfloat16, enabled=bench.parallel.precision == "bf16"):
            velocity = model(noisy, 1000 * s, text).sample
        loss = (velocity.float() - (noise - latents)).square().mean()
        update(model, adamw, loss)
        return loss

    yield step


def has_nemo() -> bool:
    return importlib.util.find_spec("nemo_automodel") is not None


@contextmanager
def nemo(bench: Bench, device: torch.device, out: Path, quiet: bool) -> Iterator[Callable[[], Any]]:
    """FlowMatchingPipeline.step with its adapter for Wan; `quiet` without its diagnostics, as for a hot path."""
    pipeline = importlib.import_module("nemo_automodel.components.flow_matching.pipeline")
    simple = importlib.import_module("nemo_automodel.components.flow_matching.adapters.simple")
    steps = pipeline.FlowMatchingPipeline(simple.SimpleAdapter(), cfg_dropout_prob=0.0, device=device)
    latents, text = inputs(bench, device)
    model, adamw = plain(bench, device)
    batch = {"video_latents": latents, "text_embeddings": text, "data_type": "video"}
    dtype = torch.bfloat16 if bench.parallel.precision == "bf16" else torch.float32
    count = iter(range(1_000_000))

    def step() -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=bench.parallel.precision == "bf16"):
            _, loss, _, _ = steps.step(
                model, batch, device, dtype, next(count), collect_metrics=not quiet, check_loss=not quiet
            )
        update(model, adamw, loss)
        return loss

    yield step


def plain(bench: Bench, device: torch.device) -> tuple[Any, torch.optim.Optimizer]:
    with torch.device(device):
        torch.manual_seed(0)
        model = WanTransformer3DModel(**bench.wan).train()
    if bench.parallel.checkpointing == "full":
        model.enable_gradient_checkpointing()
    if bench.parallel.compile:
        model.compile_repeated_blocks()
    return model, torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.99), fused=True)


def update(model: nn.Module, adamw: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    adamw.step()
    adamw.zero_grad(set_to_none=True)


def inputs(bench: Bench, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(1, CHANNELS, *bench.latent, generator=generator)
    return latents.to(device), torch.randn(1, TEXT_TOKENS, bench.text_dim, generator=generator).to(device)


class Counted(TorchDispatchMode):
    """Operators called, and those that make the host wait for a device's value."""

    WAITS = frozenset({"_local_scalar_dense", "is_nonzero", "equal", "nonzero", "item"})

    def __init__(self) -> None:
        super().__init__()
        self.operators = self.waits = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.operators += 1
        self.waits += func.overloadpacket.__name__ in self.WAITS
        return func(*args, **(kwargs or {}))
