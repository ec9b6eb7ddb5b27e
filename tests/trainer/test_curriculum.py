"""How hard a clip is, when it is drawn, and that drawing by weight draws by just these weights."""

import time

import numpy as np
import pytest
from animatrix_trainer import curriculum
from animatrix_trainer.config import Bucket, DataError, Recipe, RecipeError, Stage, Tasks, Window
from animatrix_trainer.data.plan import Plan, generator, progress
from animatrix_trainer.data.pools import Pool, Traits, difficulty, pool

BUCKET = Bucket(Window(5, 8, 16), batch=4)
PARTS = ("motion", "deformation")


def stage(weights="curriculum", steps=11, **changes):
    return Stage("sft", steps=steps, buckets=(BUCKET,), weights=weights, **{"difficulty": PARTS, **changes})


def world(n=64, seed=0):
    rng = np.random.default_rng(seed)
    parts = {"motion": rng.gamma(2, size=n), "deformation": rng.gamma(1, size=n)}
    return Traits(rng.integers(3, 20, n), weight=rng.gamma(1, size=n) + 0.05, parts=parts)


def test_equation_16_by_hand():
    assert curriculum.weight(np.array([0.25]), 0.0, 8, 0.25)[0] == 0.5
    assert curriculum.weight(np.array([0.0]), 0.0, 8, 0.25)[0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert curriculum.weight(np.array([1.0]), 0.75, 8, 0.25)[0] == 0.5
    late, early = (curriculum.weight(np.linspace(0, 1, 5), tau, 8, 0.25) for tau in (1.0, 0.0))
    assert (late > early).all() and (np.diff(early) < 0).all()


def test_quantiles_are_quarters_and_equal_values_are_equal():
    values = np.arange(100.0)
    assert np.bincount(curriculum.quantile(values)).tolist() == [25, 25, 25, 25]
    assert curriculum.quantile(np.array([0.0, 0, 0, 0, 0, 0, 0, 1, 2, np.nan])).tolist() == [0] * 7 + [3, 3, -1]
    assert curriculum.quantile(np.full(3, np.nan)).tolist() == [-1] * 3
    assert np.array_equal(
        curriculum.quantile(values), curriculum.quantile(np.exp(values / 9))
    )  # order is all that counts


def test_difficulty_is_the_mean_of_the_parts():
    parts = [np.array([0, 3, 1, -1], np.int8), np.array([0, 3, 2, 3], np.int8), np.array([0, 3, 0, 0], np.int8)]
    assert curriculum.difficulty(parts) == pytest.approx([0, 1, 1 / 3, 0.5])


def test_rare_styles_are_hard():
    rarity = curriculum.rarity(np.array([0, 0, 0, 1, -1]))
    assert rarity[:4] == pytest.approx([-np.log(0.75)] * 3 + [-np.log(0.25)]) and np.isnan(rarity[4])


def test_the_hardest_quarter_has_the_greatest_difficulty():
    traits = world()
    taken = curriculum.hardest(difficulty(stage(), traits), [traits.parts[part] for part in PARTS])
    hard = difficulty(stage(), traits)
    assert taken.sum() == 16 and hard[taken].min() >= hard[~taken].max()


def test_chances_are_the_products_of_the_paper():
    traits = world()
    own = stage(beta=0.1, gamma=5.0)
    drawn = pool(own, BUCKET, traits)
    usable = np.flatnonzero(traits.n_frames >= 5)
    assert sorted(drawn.rows) == usable.tolist()
    for tau in (0.0, 0.3, 1.0):
        wanted = curriculum.weight(difficulty(own, traits), tau, 5.0, 0.1) * traits.weight
        wanted = wanted / wanted[usable].sum()
        assert drawn.row_chances(own, tau) == pytest.approx(wanted[drawn.rows], rel=1e-9)


@pytest.mark.parametrize("weights", ["balanced", "curriculum", "hardest"])
def test_what_is_drawn_has_these_chances(weights):
    """Chi-squared of 20,000 draws, within five standard deviations of what chance gives."""
    own, n = stage(weights), 20_000
    drawn: Pool = pool(own, BUCKET, world())
    rng = np.random.default_rng(1)
    rows = np.array([drawn.draw(own, 0.4, rng) for _ in range(n)])
    expected = n * drawn.row_chances(own, 0.4)
    found = np.array([(rows == row).sum() for row in drawn.rows])
    assert found.sum() == n
    chi = ((found - expected) ** 2 / expected).sum()
    free = len(expected) - 1
    assert abs(chi - free) < 5 * np.sqrt(2 * free)


def test_difficulty_rises_with_progress_and_hardest_first_begins_with_the_end():
    traits = world(400)
    hard = difficulty(stage(), traits)

    def means(weights):
        plan = Plan(Recipe("plan", (stage(weights, steps=200),)), traits)
        return [
            np.mean([hard[pick.row] for step in steps for pick in plan.step(step)])
            for steps in (range(40), range(160, 200))
        ]

    rising, flat = means("curriculum"), means("balanced")
    assert rising[0] < rising[1] - 0.15
    assert abs(flat[0] - flat[1]) < 0.1
    assert min(means("hardest")) > rising[1]


def test_a_steep_gamma_and_a_pool_of_hard_clips_only_are_no_trouble():
    traits = Traits(np.array([9, 9, 3, 3]), weight=np.ones(4), parts={"motion": np.array([8.0, 9, 1, 2])})
    own = stage(gamma=1e5, difficulty=("motion",))
    assert pool(own, BUCKET, traits).row_chances(own, 0.0).tolist() == [1.0, 0.0]


def test_progress_is_the_stages_own():
    assert [progress(stage(steps=5), step) for step in (0, 2, 4)] == [0, 0.5, 1]
    assert progress(stage(steps=1), 0) == 0
    first, last = stage(steps=7), stage(steps=7, gamma=20.0)
    plan = Plan(Recipe("plan", (Stage("ct", steps=3, buckets=(BUCKET,)), first)), world())
    assert plan.step(3) != Plan(Recipe("plan", (Stage("ct", steps=3, buckets=(BUCKET,)), last)), world()).step(3)


def test_clips_of_weight_0_or_without_one_are_never_drawn():
    traits = Traits(np.full(4, 9), weight=np.array([0.0, np.nan, 1.0, 2.0]))
    assert sorted(pool(stage("balanced"), BUCKET, traits).rows) == [2, 3]
    with pytest.raises(DataError, match="weight above 0"):
        pool(stage("balanced"), BUCKET, Traits(np.full(2, 9), weight=np.zeros(2)))


def test_two_million_clips_are_drawn_from_in_microseconds():
    rng = np.random.default_rng(0)
    n = 2_000_000
    parts = {part: rng.gamma(1, size=n).astype(np.float32) for part in PARTS}
    traits = Traits(rng.integers(5, 99, n), weight=rng.gamma(1, size=n), parts=parts)
    own = stage(steps=1000)
    plan = Plan(Recipe("plan", (own,)), traits)
    assert len(plan.pools[0][0].levels) == 7
    small = Plan(Recipe("plan", (own,)), world())

    def seconds(one):
        began = time.process_time()
        for step in range(0, 1000, 10):
            one.step(step)
        return time.process_time() - began

    assert seconds(plan) < 4 * seconds(small) + 0.02


def test_a_stage_that_contradicts_itself_is_refused():
    with pytest.raises(RecipeError, match="needs difficulty"):
        stage(difficulty=())
    with pytest.raises(RecipeError, match="replay=1"):
        stage(replay=1.0)
    with pytest.raises(RecipeError, match="no stage comes before"):
        Recipe("plan", (stage(replay=0.1),))
    assert generator(0, "again", 3, 1).random() != generator(0, "row", 3, 1).random()
    assert Tasks().t2v == 1
