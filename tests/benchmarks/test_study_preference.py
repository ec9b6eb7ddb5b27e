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
from benchmarks.study.preference_measure import Measured, departs, detector, noticed

SIZE = Size(17, 40, 64)
TINY = arms.Policy(steps=2, steps_preference=2, batch=2, pairs=2, width=16, layers=1, sample_steps=2)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def drawn():
    return list(beds.mixture(beds.prompts(10, 17, beds.IMPACTS, 3, asked=0.4), ("flicker",), SIZE, 3))


def test_the_mixture_has_the_shares_it_says_and_damage_that_can_be_seen(drawn):
    asked = beds.prompts(200, 17, beds.IMPACTS, 0)
    wants = [one.deformation for one in asked if one.deformation != "none"]
    assert len(wants) == 40 and wants.count("inverted") == 20
    assert {one.move for one in asked} == set(beds.MOVES)
    assert all(4 <= one.start < one.end <= 15 for one in asked)
    bad = [one for one in drawn if one.failed]
    assert len(bad) == 3 and sum(one.prompt.deformation != "none" for one in bad) == 1
    for one in drawn:
        assert one.frames.shape == (17, 40, 64, 3) and bool(one.meant) == (one.prompt.deformation != "none")
    limit = detector(drawn)
    sound = [one for one in drawn if not one.failed]
    assert not any(noticed(one, limit) for one in sound) and sum(noticed(one, limit) for one in bad) >= 2


def test_what_is_asked_for_departs_and_no_tag_tells_of_damage(drawn):
    for one in drawn:
        assert departs(one.frames, one.prompt) == (one.prompt.deformation != "none") or one.failed
        assert set(one.prompt.tags) == {"camera.move", "vfx.impact_frame"}
        assert not set(one.prompt.condition.tags["vfx.impact_frame"]) & {"flicker"}
        assert len(one.prompt.condition.spans) == bool(one.meant)
    smear = replace(drawn[0].prompt, deformation="smear_stretch")
    assert smear.field == "motion.deformation" and smear.shot().acting.deformations[0][0] == "smear_stretch"


def test_people_see_in_samples_what_is_there(drawn):
    limit = detector(drawn)
    for one in drawn:
        seen = truth(replace(one, meant=(), failed=()), limit)
        assert bool(seen.failed) == noticed(one, limit)
        if not one.failed:
            assert seen.meant == one.meant


@pytest.fixture(scope="module")
def candidates(drawn):
    clips = {f"{one.prompt.id}/{k}": np.roll(one.frames, k, 2) for one in drawn[:3] for k in range(2)}
    return arms.Candidates(clips, {name: one.prompt for one in drawn[:3] for name in clips if one.prompt.id in name})


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


def found(arm, damaged, deformed):
    facts = {where: {"accuracy": 0.7, "displacement": -0.1, "margin": 0.1} for where in ("fitting", "unseen")}
    each = {"damaged": [1.0] * round(100 * damaged) + [0.0] * round(100 * (1 - damaged))}
    by = {"the Judge": damaged, "a Judge of other votes": damaged}
    own = facts if arm in arms.TRAINED else {}
    return Measured(arm, 100, damaged, damaged, by, deformed, deformed, 0.9, 0.01, 0.02, 1.0, own, each)


@pytest.mark.parametrize(("damaged", "deformed"), [(0.1, 0.8), (0.4, 0.8), (0.1, 0.5)])
def test_goals_hold_only_where_damage_falls_and_art_stays(damaged, deformed, tmp_path):
    measured = [
        found(arm, damaged if arm == arms.DPO else 0.4, deformed if arm == arms.DPO else 0.8) for arm in arms.ARMS
    ]
    ground = told.Ground(1.0, 0.9, {"the Judge": 0.9}, 0.9, 10, 0, 1, 8, 2, (1.0, 1.0))
    holds = {one.what: one.holds for one in told.figures_of(measured, ground)}
    assert holds["damaged samples, detector"] == holds["damaged samples, a Judge of other votes"] == (damaged < 0.4)
    assert holds["damaged before where no departure is asked for, detector"]
    assert holds["damaged samples, before less after"] == (damaged < 0.4)
    assert holds["departures where asked for, read by AniCaption"] == (deformed == 0.8)
    told.publish_study(measured, ground, "x", tmp_path, tmp_path)
    assert (tmp_path / "study_preference.json").exists() and "winners-only SFT" in (tmp_path / "index.html").read_text()


def test_plans_of_other_sizes_lie_elsewhere():
    assert Plan().folder() != gpu_size().folder() != Plan(seed=1).folder()
    assert Plan().detected and not gpu_size().detected
    assert set(beds.SMEARS) <= set(gpu_size().deformations)
