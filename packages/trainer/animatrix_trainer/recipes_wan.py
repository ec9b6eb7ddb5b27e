"""Runs that start from Wan's published weights: all weights, and adapters of each.

Hardware in the docstrings is what the forecast of memory says (`animatrix-train forecast NAME --processes N`), and a
test holds that they fit. None of these has been run by us. `WAN` is a model's diffusers folder, whole
(`--wan WAN` finds the text encoder, the VAE and a second transformer in it). The latents and texts of `animatrix-train
encode` save what text encoder and VAE take: 11 GiB.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from animatrix_trainer.config import (
    Bucket,
    Codec,
    Experts,
    Flow,
    Guidance,
    Lora,
    Optim,
    Parallel,
    Recipe,
    Stage,
    Tags,
    Tasks,
    Text,
    Window,
)
from animatrix_trainer.data.tokens import budgeted, tokens

STILL, SHORT, FILM, LONG = (
    Window(1, 480, 832),
    Window(17, 256, 448),
    Window(33, 480, 832),
    Window(81, 480, 832),
)
MOST_FOR_ONE = 8
"""How many small windows take the place of one of the longest. By tokens alone a step of stills would be hundreds of
pictures, and the learning rate would have to know."""


def _stages(batch: int, longest: Window, lr: float, shift: float) -> tuple[Stage, ...]:
    """The paper's four stages: much data, small and short; then its curriculum; then the best, at the paper's rate;
    then about as many pairs as it had, 50,000, before which a run without pairs ends. No step has more tokens than
    `batch` of the longest window, and every batch divides among as many processes and micro-batches as that one."""
    codec = Codec(kind="wan")  # in every Wan's VAE and patches the windows have the same ratios of tokens
    fill = partial(
        budgeted,
        tokens_a_step=batch * tokens(longest, codec),
        codec=codec,
        multiple=batch,
        most=MOST_FOR_ONE * batch,
    )
    given = {"t2v": 0.4, "i2v": 0.3, "ends": 0.15, "keys": 0.15}
    pictures = Tasks(t2i=0.2, **{name: 0.8 * share for name, share in given.items()})
    return (
        Stage(
            "continue",
            steps=20_000,
            buckets=fill((STILL, SHORT, FILM), shares=(1.0, 0.5, 0.5)),
            tasks=pictures,
            tier="B",
            weights="balanced",
            lr=lr,
            warmup_steps=1000,
            final_lr=0.5,
            shift=shift,
        ),
        Stage(
            "curriculum",
            steps=10_000,
            buckets=fill((FILM, LONG), shares=(0.7, 0.3)) if longest == LONG else fill((longest,)),
            tasks=Tasks(**given),
            tier="A",
            replay=0.1,
            weights="curriculum",
            lr=lr,
            warmup_steps=500,
            final_lr=0.5,
            shift=shift,
        ),
        Stage(
            "quality",
            steps=2_000,
            buckets=fill((longest,)),
            tasks=Tasks(**given),
            tier="S",
            weights="balanced",
            lr=min(lr, 5e-5),
            warmup_steps=100,
            final_lr=0.1,
            shift=shift,
        ),
        Stage(
            "preference",
            steps=1_500,
            buckets=(Bucket(FILM, batch),),
            tasks=Tasks(**given),
            objective="preference",
            lr=min(lr, 5e-5) / 10,
            warmup_steps=50,
            shift=shift,
        ),
    )


def _wan(name: str, model: str, stages: tuple[Stage, ...], parallel: Parallel, guidance: Guidance) -> Recipe:
    folder = f"{model}-Diffusers"
    return Recipe(
        name=name,
        stages=stages,
        wan=f"{folder}/transformer",
        workers=8,
        save_every=1000,
        skip_corrupt=True,
        samples=4,
        tags=Tags(dim=1024, heads=16, modulation="lowrank"),
        text=Text(folder=f"{folder}/text_encoder", half=True, length=512),
        codec=Codec(kind="wan", folder=f"{folder}/vae"),
        optim=Optim(betas=(0.9, 0.95), ema=0.9999),
        parallel=parallel,
        guidance=guidance,
    )


def _adapters(recipe: Recipe, name: str, rank: int, parallel: Parallel, batch: int) -> Recipe:
    """The same run with adapters and the tag channel trained and the rest frozen: fewer, shorter steps. Tags join the
    text under one softmax, as in the paper: keys and values of their own in every block would weigh more than all
    adapters together."""
    stages = tuple(
        replace(stage, steps=stage.steps // 5, train="lora", lr=1e-4 if stage.objective == "flow" else 1e-5)
        for stage in _stages(batch, FILM, 1e-4, recipe.guidance.shift)
    )
    tags = replace(recipe.tags, attention="concat")
    return replace(recipe, name=name, stages=stages, lora=Lora(rank, rank), tags=tags, parallel=parallel)


def wan21_1b() -> Recipe:
    """Wan 2.1 T2V 1.3B, all weights: 480p, up to 81 frames. Eight GPUs of 80 GB (FSDP2); not run by us.

    torchrun --nproc_per_node 8 -m animatrix_trainer.cli fit wan21_1b --wan WAN --shards DIR --out DIR
    A line of `animatrix-train fit wan21_1b` says MFU; a step of the longest bucket is 32 x 849 TFLOP, so 8.6 s at 40 %
    of eight H100s. It knows text only: a given first frame is told by its clean timestep, which this model must learn.
    """
    parallel = Parallel("fsdp2", accumulate=4, precision="bf16", checkpointing="full")
    return _wan("wan21_1b", "Wan2.1-T2V-1.3B", _stages(32, LONG, 5e-5, 3.0), parallel, Guidance(shift=3.0))


def wan22_5b() -> Recipe:
    """Wan 2.2 TI2V 5B, all weights: 480p, up to 81 frames. Eight GPUs of 80 GB (FSDP2); not run by us.

    torchrun --nproc_per_node 8 -m animatrix_trainer.cli fit wan22_5b --wan WAN --shards DIR --out DIR
    (animatrix-train fit wan22_5b, under a launcher.) Its VAE makes a quarter of the tokens of Wan 2.1's, so a step
    costs about what wan21_1b's does, and it knows given frames from its makers.
    """
    parallel = Parallel("fsdp2", accumulate=4, precision="bf16", checkpointing="full")
    return _wan("wan22_5b", "Wan2.2-TI2V-5B", _stages(32, LONG, 2e-5, 5.0), parallel, Guidance(shift=5.0))


def wan22_14b() -> Recipe:
    """Wan 2.2 I2V A14B, both experts, all weights: 480p, up to 81 frames. 64 GPUs of 80 GB (FSDP2); not run by us.

    srun ... torchrun ... -m animatrix_trainer.cli fit wan22_14b --wan WAN --shards DIR --out DIR (infra/train/)
    (animatrix-train fit wan22_14b, under a launcher.) What is given stands in channels beside the noise, as the model
    knows it: nothing, a first frame, first and last, key frames. One global step trains one expert.
    """
    parallel = Parallel("fsdp2", accumulate=1, precision="bf16", checkpointing="full")
    recipe = _wan("wan22_14b", "Wan2.2-I2V-A14B", _stages(64, LONG, 1e-5, 5.0), parallel, Guidance(shift=5.0))
    return replace(
        recipe,
        experts=Experts(boundary=0.9, folder="Wan2.2-I2V-A14B-Diffusers/transformer_2"),
        flow=Flow(given="channels"),
    )


def wan21_1b_lora() -> Recipe:
    """wan21_1b with adapters of rank 32 beside the tag channel, up to 33 frames. One GPU of 24 GB, from latents and
    texts of `encode`; of 48 GB without them. Not run by us.

    animatrix-train fit wan21_1b_lora --wan WAN --shards DIR --out DIR
    """
    parallel = Parallel(accumulate=8, precision="bf16", checkpointing="full")
    return _adapters(wan21_1b(), "wan21_1b_lora", 32, parallel, 8)


def wan22_5b_lora() -> Recipe:
    """wan22_5b with adapters of rank 32 beside the tag channel, up to 33 frames. One GPU of 24 GB from latents and
    texts of `encode`, of 48 GB without them. Not run by us.

    animatrix-train fit wan22_5b_lora --wan WAN --shards DIR --out DIR
    """
    parallel = Parallel(accumulate=8, precision="bf16", checkpointing="full")
    return _adapters(wan22_5b(), "wan22_5b_lora", 32, parallel, 8)


def wan22_14b_lora() -> Recipe:
    """wan22_14b with adapters of rank 32 beside the tag channels of both experts, up to 33 frames. Eight GPUs of 48 GB
    (FSDP2) from latents and texts of `encode`, of 80 GB without them: 24 GB cannot hold it. Not run by us.

    torchrun --nproc_per_node 8 -m animatrix_trainer.cli fit wan22_14b_lora --wan WAN --shards DIR --out DIR
    (animatrix-train fit wan22_14b_lora, under a launcher.)
    """
    parallel = Parallel("fsdp2", accumulate=1, precision="bf16", checkpointing="full")
    return _adapters(wan22_14b(), "wan22_14b_lora", 32, parallel, 8)


HARDWARE: dict[str, tuple[int, int, int]] = {
    "wan21_1b": (8, 80, 80),
    "wan22_5b": (8, 80, 80),
    "wan22_14b": (64, 80, 80),
    "wan21_1b_lora": (1, 24, 48),
    "wan22_5b_lora": (1, 24, 48),
    "wan22_14b_lora": (8, 48, 80),
}
"""What the docstrings say: processes, GB of each device from latents and texts of `encode`, GB without them."""
