"""Runs as functions. Each returns a complete, frozen Recipe; its docstring says hardware, command, expected number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from animatrix_trainer import recipes_wan
from animatrix_trainer.config import (
    Bucket,
    Flow,
    Guidance,
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


def tiny() -> Recipe:
    """The whole curriculum in miniature: continue, curriculum, quality, preference. Two CPU minutes on one core for the
    first 600 steps; nothing useful is drawn.

    animatrix-train fit tiny --shards DIR --out DIR, where DIR is a data set whose weights are decided, as a run of
    animatrix-ingest leaves it. It ends before preference and says how to make pairs; --resume --pairs FILE goes on.
    Every stage reads tier `raw`, as small data sets have no better; say --stages.1.tier B
    --stages.2.tier A where yours does.
    """
    size = {"height_px": 24, "width_px": 40}
    still, short, longer = (Bucket(Window(frames, **size), batch=8) for frames in (1, 5, 9))
    return Recipe(
        name="tiny",
        stages=(
            Stage(
                "continue",
                steps=300,
                buckets=(still, short),
                tasks=Tasks(t2i=0.3, t2v=0.4, i2v=0.3),
                lr=2e-3,
                warmup_steps=30,
                final_lr=0.5,
            ),
            Stage(
                "curriculum",
                steps=200,
                buckets=(replace(short, share=0.5), replace(longer, share=0.5)),
                tasks=Tasks(t2v=0.3, i2v=0.5, ends=0.1, keys=0.1),
                weights="curriculum",
                difficulty=("motion", "deformation"),
                replay=0.2,
                lr=1e-3,
                warmup_steps=20,
                final_lr=0.5,
            ),
            Stage(
                "quality",
                steps=100,
                buckets=(longer,),
                tasks=Tasks(t2v=0.3, i2v=0.5, ends=0.1, keys=0.1),
                weights="balanced",
                lr=5e-4,
                warmup_steps=10,
            ),
            Stage(
                "preference",
                steps=40,
                buckets=(replace(longer, batch=4),),
                tasks=Tasks(t2v=0.3, i2v=0.5, ends=0.1, keys=0.1),
                objective="preference",
                lr=5e-5,
                warmup_steps=5,
            ),
        ),
        save_every=100,
        samples=2,
        cache_clips=True,
        shape=Shape(heads=4, head_dim=24, layers=3, ffn_dim=256, patch=(1, 4, 4)),
        tags=Tags(dim=32, heads=4, layers=2),
        text=Text(length=32, dim=32, layers=1),
        flow=Flow(predicts="warp", given="plane", s_mean=1.0, s_floor=0.5),
        guidance=Guidance(text=1.0, tag=1.5, steps=8),
    )


def small() -> Recipe:
    """A transformer of 60 million parameters on 17 frames of 96x160 without loss in a codec. One GPU of 16 GB, half an
    hour on a recent one; not run by us. Large enough to see faces, small enough to try an idea before lunch.

    animatrix-train fit small --shards DIR --out DIR
    """
    size = {"height_px": 96, "width_px": 160}
    still, clip = Bucket(Window(1, **size), batch=16), Bucket(Window(17, **size), batch=16)
    first = Stage(
        "continue",
        steps=6000,
        buckets=(still, clip),
        tasks=Tasks(t2i=0.1, t2v=0.2, i2v=0.7),
        weights="balanced",
        lr=5e-4,
        warmup_steps=200,
        final_lr=0.3,
        shift=2.0,
    )
    return Recipe(
        name="small",
        stages=(
            first,
            replace(
                first,
                name="curriculum",
                steps=3000,
                buckets=(clip,),
                tasks=Tasks(t2v=0.1, i2v=0.7, ends=0.1, keys=0.1),
                weights="curriculum",
                difficulty=("motion", "deformation"),
                replay=0.2,
                lr=2e-4,
            ),
        ),
        workers=4,
        save_every=1000,
        samples=4,
        shape=Shape(heads=8, head_dim=64, layers=12, ffn_dim=2048, freq_dim=256, patch=(1, 8, 8)),
        tags=Tags(dim=256, heads=4, modulation="lowrank"),
        text=Text(length=128, dim=256, layers=4),
        flow=Flow(predicts="clip", given="plane", s_mean=0.5, s_floor=0.1),
        parallel=Parallel(precision="bf16"),
        guidance=Guidance(text=1.5, tag=2.0, steps=20, shift=2.0),
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        smoke,
        tiny,
        tiny_i2v,
        tiny_i2v_wide,
        small,
        recipes_wan.wan21_1b,
        recipes_wan.wan22_5b,
        recipes_wan.wan22_14b,
        recipes_wan.wan21_1b_lora,
        recipes_wan.wan22_5b_lora,
        recipes_wan.wan22_14b_lora,
    )
}
