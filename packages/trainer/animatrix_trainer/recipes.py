"""Runs as functions. Each returns a complete, frozen Recipe; its docstring says hardware, command, expected number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from animatrix_trainer.config import (
    Bucket,
    Codec,
    Flow,
    Guidance,
    Optim,
    Parallel,
    Recipe,
    Shape,
    Stage,
    Tags,
    Tasks,
    Text,
    Window,
)


def smoke() -> Recipe:
    """A few steps of everything, for tests. One core, seconds; the loss is finite and nothing is learnt.

    animatrix-train fit smoke --shards DIR --out DIR
    """
    return Recipe(
        name="smoke",
        stages=(
            Stage(
                "only",
                steps=10,
                buckets=(Bucket(Window(frames=5, height_px=8, width_px=16), batch=2),),
                tasks=Tasks(t2v=0.5, i2v=0.5),
                lr=1e-3,
                warmup_steps=2,
            ),
        ),
        save_every=5,
        log_every=1,
        cache_clips=True,
        shape=Shape(heads=2, head_dim=12, layers=2, ffn_dim=48, freq_dim=32),
        tags=Tags(dim=16, heads=2, layers=1, spans=0),
        text=Text(length=16, dim=16, layers=1),
        guidance=Guidance(steps=2),
    )


def tiny_i2v() -> Recipe:
    """First stage of the shipped checkpoint: five frames of 24x40 from a drawn first frame, large camera moves. One
    core, about 35 minutes on a busy machine (0.42 s a step); 32 of 32 pans and 16 of 16 zooms obeyed on unseen first
    frames from step 1,000 on.

    animatrix-train fit tiny_i2v --shards DIR --out DIR, where DIR holds drawn episodes of the script `moves`.
    """
    return Recipe(
        name="tiny_i2v",
        stages=(
            Stage(
                "moves",
                steps=5000,
                buckets=(Bucket(Window(frames=5, height_px=24, width_px=40), batch=8),),
                tasks=Tasks(t2v=0.1, i2v=0.9),
                lr=2e-3,
                final_lr=0.05,
            ),
        ),
        cache_clips=True,
        shape=Shape(heads=4, head_dim=32, layers=4, ffn_dim=512, patch=(1, 4, 4)),
        tags=Tags(spans=0),
        flow=Flow(predicts="warp", given="plane", s_mean=1.5, s_floor=0.5),
        guidance=Guidance(text=1.0, tag=1.5, steps=8),
    )


def tiny_i2v_wide() -> Recipe:
    """The shipped checkpoint: tiny_i2v taken on to 36x64, where faces can be seen. One core, 16 minutes on a busy
    machine (0.64 s a step); 32 of 32 pans, 16 of 16 zooms and 8 of 8 fixed frames obeyed on unseen first frames.

    animatrix-train fit tiny_i2v_wide --shards DIR --out DIR --init CHECKPOINT, where CHECKPOINT is tiny_i2v's. From
    nothing it learns too slowly: positions in the transformer are relative, so the smaller size teaches the larger one.
    """
    small = tiny_i2v()
    return replace(
        small,
        name="tiny_i2v_wide",
        stages=(
            replace(
                small.stages[0],
                steps=1500,
                buckets=(Bucket(Window(frames=5, height_px=36, width_px=64), batch=8),),
                lr=5e-4,
                warmup_steps=50,
            ),
        ),
        guidance=Guidance(text=1.0, tag=1.5, steps=8),
    )


def wan21_1_3b_sft() -> Recipe:
    """Wan 2.1 T2V 1.3B, all weights, 480p windows of 17 frames. One GPU of 80 GB; not run yet by us.

    animatrix-train fit wan21_1_3b_sft --shards DIR --out DIR --wan WAN/transformer --text.folder WAN/text_encoder
        --codec.folder WAN/vae, where WAN is a diffusers folder of Wan2.1-T2V-1.3B.
    """
    return Recipe(
        name="wan21_1_3b_sft",
        stages=(
            Stage(
                "only",
                steps=20_000,
                buckets=(Bucket(Window(frames=17, height_px=480, width_px=832), batch=8),),
                tasks=Tasks(t2v=0.7, i2v=0.3),
                lr=1e-5,
                warmup_steps=500,
                shift=3.0,
            ),
        ),
        wan="Wan2.1-T2V-1.3B-Diffusers/transformer",
        workers=8,
        save_every=1000,
        tags=Tags(dim=1024, heads=16),
        text=Text(folder="Wan2.1-T2V-1.3B-Diffusers/text_encoder", length=512),
        codec=Codec(kind="wan", folder="Wan2.1-T2V-1.3B-Diffusers/vae"),
        optim=Optim(ema=0.9999),
        parallel=Parallel(precision="bf16", checkpointing="full"),
        guidance=Guidance(shift=3.0),
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe for recipe in (smoke, tiny_i2v, tiny_i2v_wide, wan21_1_3b_sft)
}
