"""Wan 2.2's two transformers: the first knows the noisy end of the flow, the second the clean one.

Each is a whole TagWanTransformer3DModel with a tag encoder of its own. A noise share s belongs to the first expert from
`experts.boundary` on, as diffusers' WanPipeline divides timesteps. A global step trains one of them, on all ranks the
same; where there is one transformer it is number 0 and everything here answers 0 and the stage's own window.
"""

from __future__ import annotations

from animatrix_trainer.config import Recipe, RecipeError
from animatrix_trainer.data.plan import generator

HIGH, LOW = 0, 1
"""Numbers of the experts: for much noise and for little."""


def count(recipe: Recipe) -> int:
    """How many transformers a recipe has."""
    return 2 if recipe.experts.boundary > 0 else 1


def window(recipe: Recipe, stage: int, expert: int) -> tuple[float, float]:
    """The noise shares (low, high) that an expert is trained on in a stage: of the stage's those in its charge."""
    low, high = recipe.stages[stage].sigma
    if count(recipe) == 1:
        return low, high
    boundary = recipe.experts.boundary
    return (max(low, boundary), high) if expert == HIGH else (low, min(high, boundary))


def in_stage(recipe: Recipe, stage: int) -> tuple[int, ...]:
    """The experts that a stage trains: those whose window in it is not empty."""
    found = []
    for expert in range(count(recipe)):
        low, high = window(recipe, stage, expert)
        if low < high:
            found.append(expert)
    return tuple(found)


def of_step(recipe: Recipe, step: int) -> int:
    """The expert that the 0-based global step trains, a pure function of (seed, step): the first in `high_share` of
    the steps of a stage that trains both."""
    stage, _ = recipe.stage_of(step)
    trained = in_stage(recipe, stage)
    if len(trained) == 1:
        return trained[0]
    return HIGH if generator(recipe.seed, "expert", step).random() < recipe.experts.high_share else LOW


def in_charge(recipe: Recipe, s: float) -> int:
    """The expert that a step of sampling from the noise share `s` asks."""
    return HIGH if count(recipe) == 1 or s >= recipe.experts.boundary else LOW


def check(recipe: Recipe) -> None:
    """RecipeError where the experts' settings contradict themselves or a stage."""
    settings = recipe.experts
    if not 0 <= settings.boundary < 1 or not 0 <= settings.high_share <= 1:
        raise RecipeError(
            f"experts.boundary={settings.boundary}, experts.high_share={settings.high_share}: "
            "the boundary is a noise share from 0 (one transformer) to below 1, the share of steps lies in 0..1"
        )
    if settings.folder and not settings.boundary:
        raise RecipeError(
            f"experts.folder={settings.folder} with experts.boundary=0: a second transformer needs a boundary; "
            "Wan 2.2 T2V has 0.875, I2V 0.9"
        )
