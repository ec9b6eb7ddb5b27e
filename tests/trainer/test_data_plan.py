"""The global batch is a pure function of (seed, step): tiers, replay, pictures beside video, budgets of tokens."""

from collections import Counter

import numpy as np
import pytest
from animatrix_trainer.config import TIERS, Bucket, Codec, DataError, Recipe, RecipeError, Stage, Tasks, Window
from animatrix_trainer.data.plan import Plan, starts
from animatrix_trainer.data.pools import Traits
from animatrix_trainer.data.tokens import budgeted, tokens

VIDEO, LONG, PICTURE = Window(5, 8, 16), Window(9, 8, 16), Window(1, 16, 32)
TIER = np.array([TIERS.index(tier) for tier in ("raw", "raw", "B", "B", "A", "S", "S", "raw")])
CLIPS = Traits(np.array([9, 20, 5, 12, 9, 30, 9, 3]), TIER)


def picks(recipe, steps, clips=CLIPS):
    plan = Plan(recipe, clips)
    return [pick for step in steps for pick in plan.step(step)]


def test_each_stage_draws_from_its_tier():
    stages = tuple(Stage(tier, steps=20, buckets=(Bucket(VIDEO, 2),), tier=tier) for tier in ("raw", "B", "A", "S"))
    recipe = Recipe("tiers", stages)
    rows = [{pick.row for pick in picks(recipe, range(20 * at, 20 * at + 20))} for at in range(4)]
    assert rows == [{0, 1, 2, 3, 4, 5, 6}, {2, 3, 4, 5, 6}, {4, 5, 6}, {5, 6}]


def test_a_tier_without_clips_or_without_decisions_is_named():
    stage = Stage("qt", steps=2, buckets=(Bucket(VIDEO, 2),), tier="S")
    with pytest.raises(DataError, match=r"stage qt.*no clip stands on tier S.*has no tiers.*animatrix-ingest decide"):
        Plan(Recipe("qt", (stage,)), [9, 9])
    with pytest.raises(DataError, match=r"stage qt.*tier S or above; choose"):
        Plan(Recipe("qt", (stage,)), Traits(np.array([9]), np.array([1])))


def test_a_bucket_that_no_clip_is_long_enough_for_is_named():
    stage = Stage("ct", steps=2, buckets=(Bucket(VIDEO, 2), Bucket(Window(33, 8, 16), 2)))
    with pytest.raises(
        DataError, match=r"stage ct, bucket 33 x 16x8: no clip of 33 frames among 8 .*the longest has 30"
    ):
        Plan(Recipe("ct", (stage,)), CLIPS)


def test_replay_is_the_share_it_says_and_comes_from_what_was_seen_before():
    before = Stage("ct", steps=3, buckets=(Bucket(VIDEO, 2),), tier="B")
    after = Stage("sft", steps=50, buckets=(Bucket(VIDEO, 4),), tier="S", replay=0.3)
    found = Counter(pick.row for pick in picks(Recipe("replay", (before, after)), range(3, 53)))
    assert set(found) == {2, 3, 4, 5, 6}
    low = sum(found[row] for row in (2, 3, 4))
    assert 0.3 * 200 * 0.4 < low < 0.3 * 200 * 0.8  # three of the five that may be replayed
    own = Counter(pick.row for pick in picks(Recipe("replay", (before, after)), range(3, 53)))
    assert own == found
    without = Recipe("none", (before, Stage("sft", steps=50, buckets=(Bucket(VIDEO, 4),), tier="S")))
    assert {pick.row for pick in picks(without, range(3, 53))} == {5, 6}


def test_what_is_not_replayed_still_comes_once_an_epoch():
    clips = Traits(np.full(10, 9), np.array([0] * 5 + [4] * 5))
    before = Stage("ct", steps=1, buckets=(Bucket(VIDEO, 2),))
    after = Stage("sft", steps=20, buckets=(Bucket(VIDEO, 4),), tier="S", replay=0.25)
    drawn = [pick.row for pick in picks(Recipe("replay", (before, after)), range(1, 21), clips)]
    replayed = [int(0.25 * (i + 1)) > int(0.25 * i) for i in range(80)]
    own = [row for row, again in zip(drawn, replayed, strict=True) if not again]
    assert len(own) == 60 and all(sorted(own[i : i + 5]) == [5, 6, 7, 8, 9] for i in range(0, 60, 5))


def test_pictures_and_video_are_mixed_by_the_tasks_and_one_step_has_one_size():
    buckets = (Bucket(PICTURE, 8), Bucket(VIDEO, 2, share=3.0), Bucket(LONG, 1))
    stage = Stage("ct", steps=2000, buckets=buckets, tasks=Tasks(t2i=0.5, t2v=0.3, i2v=0.2))
    plan = Plan(Recipe("mix", (stage,)), CLIPS)
    steps = [plan.step(step) for step in range(0, 2000, 4)]
    assert all(len({pick.window for pick in step}) == 1 for step in steps)
    shares = Counter(step[0].window for step in steps)
    assert [shares[w] / len(steps) for w in (PICTURE, VIDEO, LONG)] == pytest.approx([0.5, 0.375, 0.125], abs=0.07)
    assert {len(step) for step in steps if step[0].window == PICTURE} == {8}
    numbers = [pick.number for step in range(50) for pick in plan.step(step)]
    assert numbers == list(range(len(numbers)))


def test_what_takes_a_broken_samples_place_is_of_the_same_pool_and_always_the_same():
    stages = (Stage("ct", steps=4, buckets=(Bucket(LONG, 4),), tier="A"),)
    plan = Plan(Recipe("again", stages), CLIPS)
    pick = plan.step(2)[1]
    others = [plan.again(2, pick, attempt) for attempt in range(1, 30)]
    assert others == [Plan(Recipe("again", stages), CLIPS).again(2, pick, attempt) for attempt in range(1, 30)]
    assert {other.row for other in others} == {4, 5, 6}
    assert {(other.number, other.window) for other in others} == {(pick.number, LONG)}


def test_a_budget_of_tokens_makes_the_batches():
    wan = Codec(kind="wan", folder="vae", time_stride=4, space_stride=8)
    assert tokens(Window(81, 480, 832), wan) == 32_760  # Wan 2.1 at 480p
    assert tokens(Window(1, 480, 832), wan) == 1_560
    windows = (Window(1, 480, 832), Window(17, 480, 832), Window(81, 480, 832))
    buckets = budgeted(windows, tokens_a_step=8 * 32_760, codec=wan, multiple=8)
    assert [bucket.batch for bucket in buckets] == [168, 32, 8]
    assert [bucket.window for bucket in buckets] == list(windows)
    assert all(bucket.batch * tokens(bucket.window, wan) <= 8 * 32_760 for bucket in buckets)
    capped = budgeted(windows, 8 * 32_760, wan, multiple=8, most=64, shares=(0.2, 0.5, 0.3))
    assert [(bucket.batch, bucket.share) for bucket in capped] == [(64, 0.2), (32, 0.5), (8, 0.3)]
    with pytest.raises(RecipeError, match=r"81 x 832x480.*32,760 tokens.*262,080.*200,000"):
        budgeted(windows, 200_000, wan, multiple=8)
    with pytest.raises(RecipeError, match="does not divide"):
        tokens(Window(5, 24, 44), wan)


def test_windows_begin_at_few_places_where_a_stage_says_how_many():
    assert [starts(9, n) for n in (1, 2, 3, 5, 9, 99)] == [
        [4], [0, 8], [0, 4, 8], [0, 2, 4, 6, 8], list(range(9)), list(range(9)),
    ]  # fmt: skip
    clips, drawn = Traits(np.array([13, 33, 5])), {}
    for n in (0, 1, 3):
        recipe = Recipe("starts", (Stage("ct", steps=200, buckets=(Bucket(VIDEO, 2),), starts=n),))
        drawn[n] = {
            row: {pick.start for pick in picks(recipe, range(200), clips) if pick.row == row} for row in range(3)
        }
        again = [Plan(recipe, clips).again(0, picks(recipe, [0], clips)[0], attempt) for attempt in range(1, 40)]
        assert {pick.start for pick in again if pick.row == 1} <= drawn[n][1] | set(range(29 if n == 0 else 0))
    assert drawn[3] == {0: {0, 4, 8}, 1: {0, 14, 28}, 2: {0}}
    assert drawn[1] == {0: {4}, 1: {14}, 2: {0}}
    assert len(drawn[0][1]) > 20


def test_a_negative_number_of_places_is_refused():
    with pytest.raises(RecipeError, match="stage ct: starts=-1: at how many places"):
        Stage("ct", steps=1, starts=-1)
