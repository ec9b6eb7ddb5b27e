"""Runs as functions. Each returns a complete, frozen Recipe; its docstring says hardware, command, expected number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from animatrix_trainer.config import Codec, Dropout, Flow, Guidance, Optim, Recipe, Shape, Tags, Text, Window


def smoke() -> Recipe:
    """A few steps of everything, for tests. One core, seconds; the loss is finite and nothing is learnt.

    animatrix-train fit smoke --shards DIR --out DIR
    """
    return Recipe(
        name="smoke",
        steps=10,
        batch=2,
        save_every=5,
        log_every=1,
        cache_clips=True,
        shape=Shape(heads=2, head_dim=12, layers=2, ffn_dim=48, freq_dim=32),
        tags=Tags(dim=16, heads=2, layers=1),
        text=Text(length=16, dim=16, layers=1),
        window=Window(frames=5, height_px=8, width_px=16),
        flow=Flow(first_frame=0.5),
        optim=Optim(lr=1e-3, warmup_steps=2),
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
        steps=5000,
        batch=8,
        save_every=500,
        cache_clips=True,
        shape=Shape(heads=4, head_dim=32, layers=4, ffn_dim=512, patch=(1, 4, 4)),
        flow=Flow(predicts="warp", given="plane", first_frame=0.9, s_mean=1.5, s_floor=0.5),
        optim=Optim(lr=2e-3, warmup_steps=100, final_lr=0.05, ema=0.999),
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
        steps=1500,
        window=Window(frames=5, height_px=36, width_px=64),
        optim=replace(small.optim, lr=5e-4, warmup_steps=50),
        guidance=Guidance(text=1.0, tag=1.5, steps=8),
    )


def wan21_1_3b_sft() -> Recipe:
    """Wan 2.1 T2V 1.3B, all weights, 480p windows of 17 frames. One GPU of 80 GB; not run yet by us.

    animatrix-train fit wan21_1_3b_sft --shards DIR --out DIR --wan WAN/transformer --text.folder WAN/text_encoder
        --codec.folder WAN/vae, where WAN is a diffusers folder of Wan2.1-T2V-1.3B.
    """
    return Recipe(
        name="wan21_1_3b_sft",
        steps=20_000,
        batch=8,
        wan="Wan2.1-T2V-1.3B-Diffusers/transformer",
        precision="bf16",
        gradient_checkpointing=True,
        workers=8,
        save_every=1000,
        tags=Tags(dim=1024, heads=16),
        text=Text(folder="Wan2.1-T2V-1.3B-Diffusers/text_encoder", length=512),
        codec=Codec(kind="wan", folder="Wan2.1-T2V-1.3B-Diffusers/vae"),
        window=Window(frames=17, height_px=480, width_px=832),
        flow=Flow(first_frame=0.3, shift=3.0),
        dropout=Dropout(),
        optim=Optim(lr=1e-5, warmup_steps=500, ema=0.9999),
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe for recipe in (smoke, tiny_i2v, tiny_i2v_wide, wan21_1_3b_sft)
}
