"""The preference study is fair: a known mixture, equal steps and seeds for every arm, labels that are only labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from animatrix_reward.pairs import Candidate, Pair

from benchmarks.study import preference_arms as arms
from benchmarks.study import preference_bed as beds
from benchmarks.study import preference_told as told
from benchmarks.study.bed import Size
from benchmarks.study.preference import Plan, gpu_size, split_pairs, truth
from benchmarks.study.preference_measure import Measured, departs, detector, joined, noticed

SIZE = Size(9, 24, 36)
TINY = arms.Policy(steps=2, steps_preference=2, batch=2, pairs=2, width=16, layers=1, sample_steps=2)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def drawn():
    return list(beds.mixture(beds.prompts(5, 9, (beds.FLASH,), 3, asked=0.4), (beds.LOST,), SIZE, 3))


def test_the_mixture_has_the_shares_it_says_and_damage_that_can_be_seen(drawn):
    asked = beds.prompts(200, 9, beds.IMPACTS, 0)
    wants = [one.deformation for one in asked if one.deformation != "none"]
    assert len(wants) == 40 and wants.count("inverted") == 20
    assert {one.move for one in asked} == set(beds.MOVES)
    assert all(2 <= one.start < one.end <= 7 for one in asked)
    assert len(drawn) == 50 and len({one.id for one in drawn}) == 50
    bad = [one for one in drawn if one.failed]
    assert len(bad) == 15 and {one.prompt.id for one in bad} == {one.prompt.id for one in drawn}
    for one in drawn:
        assert one.frames.shape == (9, 24, 36, 3) and bool(one.meant) == (one.prompt.deformation != "none")
    limit = detector(drawn)
    assert all(noticed(one, limit) == bool(one.failed) for one in drawn)


def test_a_first_frame_says_nothing_of_damage_nor_does_a_tag(drawn):
    first = {one.prompt.id: one.frames[0] for one in drawn}
    for one in drawn:
        assert np.array_equal(one.frames[0], first[one.prompt.id])
        assert departs(one.frames, one.prompt) == (one.prompt.deformation != "none")
        assert set(one.prompt.tags) == {"camera.move", "vfx.impact_frame"}
        assert len(one.prompt.condition.spans) == bool(one.meant)
    smear = replace(drawn[0].prompt, deformation="smear_stretch")
    assert smear.field == "motion.deformation" and smear.shot().acting.deformations[0][0] == "smear_stretch"


def test_the_judge_is_shown_what_does_not_move(drawn):
    shown = list(beds.candidates(drawn[0].prompt, (beds.FLASH,), (beds.LOST,), SIZE))
    still = [one for one in shown if one.change == "frozen"]
    assert len(shown) == 6 and len(still) == 1 and not np.diff(still[0].frames.astype(int), axis=0).any()
    assert [bool(one.failed) for one in shown] == [False, False, True, True, True, False]


def test_damage_of_a_figure_is_made_by_the_corruptions_of_the_judge():
    prompt, size = beds.prompts(1, 17, (beds.FLASH,), 3)[0], Size(17, 40, 64)
    shown = list(beds.candidates(prompt, (beds.FLASH,), ("flicker",), size))
    assert [one.failed[0][0] for one in shown if one.failed] == ["flicker"] * 3


def test_people_see_in_samples_what_is_there(drawn):
    limit = detector(drawn)
    for one in drawn:
        seen = truth(replace(one, meant=(), failed=()), limit)
        assert bool(seen.failed) == bool(one.failed) and seen.meant == one.meant


@pytest.fixture(scope="module")
def candidates(drawn):
    some = drawn[:30:10]
    clips = {f"{one.prompt.id}/{k}": np.roll(one.frames, k, 2) for one in some for k in range(2)}
    return arms.Candidates(clips, {name: one.prompt for one in some for name in clips if one.prompt.id in name})


def pairs_of(candidates):
    heads: dict[str, float] = {"a": 4.0}
    made = [Candidate(name, prompt.id, 4.0 - int(name[-1]), heads) for name, prompt in candidates.prompts.items()]
    return [Pair(one, two, "judge") for one, two in zip(made[::2], made[1::2])]


def test_arms_start_alike_and_only_labels_differ(candidates, tmp_path):
    clips = [beds.Drawn(n, candidates.prompts[n], v, (), ()) for n, v in candidates.videos.items()]
    base = arms.learn_mixture(TINY, clips, SIZE, 0, tmp_path / "policy.pt")
    before = {name: weight.clone() for name, weight in base.model.state_dict().items()}
    made = pairs_of(candidates)
    after = {}
    for arm in arms.TRAINED:
        system = arms.learn_arm(arm, TINY, base, made, candidates, tmp_path / f"{arm.split()[0]}.pt")
        after[arm] = torch.cat([weight.flatten() for weight in system.model.state_dict().values()])
    assert all(torch.equal(weight, before[name]) for name, weight in base.model.state_dict().items())
    start = torch.cat([weight.flatten() for weight in before.values()])
    assert all(not torch.equal(weights, start) for weights in after.values())
    again = arms.learn_arm(arms.DPO, TINY, base, made, candidates, tmp_path / "DPO.pt")
    assert torch.equal(torch.cat([w.flatten() for w in again.model.state_dict().values()]), after[arms.DPO])
    facts = arms.implicit(again, base, made, candidates, draws=2)
    assert 0 <= facts["accuracy"] <= 1 and facts["margin"] != 0
    assert arms.implicit(base, base, made, candidates, draws=2)["margin"] == 0
    one, two = (arms.drawn_by(s, list(candidates.prompts.values())[:1], [clips[0].frames[0]], 2) for s in (base, again))
    assert one.keys() == two.keys() and all(np.array_equal(one[k][0], two[k][0]) for k in one)


def test_shuffled_labels_are_the_same_clips(candidates):
    made = pairs_of(candidates) * 40
    turned = arms.shuffled(made, 0)
    assert all({a.winner.id, a.loser.id} == {b.winner.id, b.loser.id} for a, b in zip(made, turned))
    share = np.mean([a.winner.id == b.winner.id for a, b in zip(made, turned)])
    assert 0.35 < share < 0.65
    batch = arms.pair_batch(made[:2], (0, 1), candidates)
    assert np.array_equal(batch.videos[0], candidates.videos[made[0].winner.id])
    assert np.array_equal(batch.losers[1], candidates.videos[made[1].loser.id])
    assert (batch.scores_B2[:, 0] > batch.scores_B2[:, 1]).all()


def test_pairs_of_held_out_prompts_are_not_learnt_from(candidates):
    made = pairs_of(candidates)
    asked = list({prompt.id: prompt for prompt in candidates.prompts.values()}.values())
    fitting, unseen = split_pairs(made, asked)
    assert {one.prompt for one in unseen} == {asked[0].id} and len(fitting) + len(unseen) == len(made)
    assert not {one.prompt for one in fitting} & {one.prompt for one in unseen}


def found(arm, damaged, departs, n=100):
    facts = {where: {"accuracy": 0.7, "displacement": -0.1, "margin": 0.1} for where in ("fitting", "unseen")}

    def share(of):
        return np.arange(n) < of * n

    bad, kept = ("damaged", "damaged, nothing asked", "damaged, the Judge"), tuple(told.KEPT)
    each = {name: share(damaged if name in bad else departs).astype(float) for name in bad + kept}
    prompts = tuple(f"p{at % 50}" for at in range(n))
    return Measured(arm, prompts, each, facts if arm in arms.TRAINED else {})


@pytest.mark.parametrize(("damaged", "departs"), [(0.06, 0.8), (0.4, 0.8), (0.06, 0.5)])
def test_goals_hold_only_where_damage_falls_and_art_stays(damaged, departs, tmp_path):
    after = {arms.DPO: (damaged, departs)}
    measured = [found(arm, *after.get(arm, (0.36, 0.8))) for arm in arms.ARMS]
    ground = told.Ground(1.0, 0.9, {"the Judge": 0.9}, 10, 0, 1, 8, 2, (1.0, 1.0))
    holds = {one.what: one.holds for one in told.figures_of(measured, [ground])}
    assert holds["damaged before where no departure is asked for"]
    assert holds["damaged, before less DPO"] == holds["damaged, the Judge, before less DPO"] == (damaged < 0.36)
    assert holds["departures where asked for, in pixels, DPO over before"] == (departs == 0.8)
    assert holds["speed of pans, % of width a frame, DPO over before"] == (departs == 0.8)
    assert holds["damaged, before less shuffled labels"] is None
    sheet = {arm: np.zeros((3, 9, 24, 36, 3), np.uint8) for arm in arms.ARMS}
    told.publish_study(measured, [ground], [sheet], "x", tmp_path, tmp_path)
    assert (tmp_path / "study_preference.json").exists() and "winners-only SFT" in (tmp_path / "index.html").read_text()
    assert (tmp_path / "sheet.png").stat().st_size > 0


def test_intervals_are_over_prompts_and_samples_that_say_nothing_are_left_out():
    one, two = found(arms.BASE, 0.4, 0.8), found(arms.DPO, 0.1, 0.8)
    fall, low, high = told.difference(one, two, "damaged")
    assert low < fall < high and fall == pytest.approx(0.3)
    assert told.difference(one, one, "damaged") == (0.0, 0.0, 0.0) and told.ratio(one, one, "departs") == (
        1.0,
        1.0,
        1.0,
    )
    one.each["departs"][:80] = np.nan
    assert one.share("departs") == 0.0 and set(one.by_prompt("departs")) == {f"p{at}" for at in range(30, 50)}
    seeds = [joined([found(arm, share, 0.8) for share in shares])
             for arm, shares in ((arms.BASE, (0.4, 0.4)), (arms.DPO, (0.0, 0.4)))]  # fmt: skip
    fall, low, high = told.difference(seeds[0], seeds[1], "damaged")
    assert fall == pytest.approx(0.2) and low == 0 and high > 0.4  # of two seeds one fell and one did not
    both = joined([one, two])
    assert len(both.by_prompt("damaged")) == 100 and both.share("damaged") == pytest.approx(0.25)


def test_plans_of_other_sizes_lie_elsewhere():
    assert Plan().folder() != gpu_size().folder() != Plan(seed=1).folder()
    assert Plan().detected and not gpu_size().detected
    assert set(beds.SMEARS) <= set(gpu_size().deformations)
