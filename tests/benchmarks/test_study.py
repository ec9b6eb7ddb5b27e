"""The conditioning study is fair before it is anything else: equal parameters, equal clips, independent values."""

import copy
import dataclasses
from itertools import combinations, product

import numpy as np
import pytest
import torch
from anicaption.drawn.shot import DrawnShot
from animatrix_trainer.conditioning.guidance import shares

from benchmarks.study import arms, bed, told
from benchmarks.study.conditioning import Outcome, Plan, assured, probe, training_batch
from benchmarks.study.words import PAD, Words, distraction, split

SIZE = bed.Size(9, 40, 60)


@pytest.fixture(scope="module")
def systems():
    torch.set_num_threads(1)
    return {arm.name: arms.build(arm, SIZE, 0, patch_px=10, width=32) for arm in arms.ARMS}


def test_arms_have_equally_many_parameters_and_the_same_transformer(systems):
    counts = [sum(weight.numel() for weight in arms.trained(system)) for system in systems.values()]
    assert max(counts) / min(counts) < 1.01
    plain = [
        {n: w for n, w in system.model.named_parameters() if n.startswith("blocks.0.attn1")}
        for system in systems.values()
    ]
    assert all(torch.equal(one[name], plain[0][name]) for one in plain for name in plain[0])


def test_every_arm_hears_its_tags_in_its_own_way_only():
    values = bed.deal(1, "train")[0]
    for arm in arms.ARMS:
        said = arms.condition(arm, values, 50, np.random.default_rng(0))
        assert (said.tags is not None) == arm.has_tags
        assert ("camera.move=" in said.text) == (arm.name == "tags as text")
        assert (len(split(said.text)) > 50) == (arm.text != "none")
        assert len(split(said.text)) >= 50


def test_every_arm_takes_two_forwards_a_step():
    from animatrix_trainer.conditioning.guidance import Wish

    values = bed.deal(1, "test")[0]
    for arm in arms.ARMS:
        wish = Wish(arms.condition(arm, values, 0, np.random.default_rng(0)))
        system = arms.build(arm, SIZE, 0, patch_px=10, width=32)
        assert len(shares(wish, arms.with_guidance(system, 2.0))) == 2


def test_arms_of_a_seed_see_the_same_clips_and_noise():
    video = np.random.default_rng(0).integers(0, 255, (12, 9, 40, 60, 3), dtype=np.uint8)
    clips = bed.Clips(video, tuple(bed.deal(12, "train")))
    plan = Plan(SIZE, 10, 4, 12, 1, 1, 10, 32, 1e-3, 0)
    one, two = (training_batch(arms.BY_NAME[name], clips, plan, 3, 7) for name in ("both paths", "tags as text"))
    assert one.numbers == two.numbers and np.array_equal(one.videos, two.videos)
    nothing = [c.tags is None and c.text == "" for c in one.conditions]
    assert [c.text == "" for c in two.conditions] == nothing


def pairs_of(values):
    return {frozenset(pair) for pair in combinations(values.items(), 2)}


def test_training_meets_every_pair_of_values_but_a_tenth_that_composition_always_has():
    every = set().union(*(pairs_of(dict(zip(bed.FIELDS, values))) for values in product(*bed.FIELDS.values())))
    held_back = bed.held_back_pairs()
    assert every - set().union(*map(pairs_of, bed.deal(320, "train"))) == held_back
    assert len(held_back) == pytest.approx(0.1 * len(every), rel=0.1)
    assert all(pairs_of(values) & held_back for values in bed.deal(50, "compose"))


def test_holding_pairs_back_leaves_all_values_equally_frequent():
    dealt = bed.deal(1500, "train")
    for name, choices in bed.FIELDS.items():
        counts = [sum(values[name] == choice for values in dealt) for choice in choices]
        assert counts == pytest.approx([1500 / len(choices)] * len(choices), rel=0.2)


def test_clips_are_drawn_once_and_say_what_was_asked(tmp_path):
    drawn = bed.clips(tmp_path, "tune", 2, SIZE)
    again = bed.clips(tmp_path, "tune", 2, SIZE)
    assert np.array_equal(drawn.video_NFHWC, again.video_NFHWC) and len(list(tmp_path.glob("*.npy"))) == 1
    values = {"camera.move": "pan_left", "camera.speed": "quick", "vfx.impact_frame": "white_flash",
              "vfx.lines": "focus", "camera.shake": "none", "motion.timing": "twos"}  # fmt: skip
    shot = bed.readable(values, 17, 0)
    assert shot.camera.moves == ("pan_left",) and shot.effects.impacts[0][0] == "white_flash"
    assert shot.acting is not None and shot.acting.exposure == 2 and DrawnShot(shot, 48, 84)
    assert bed.SPEEDS_PCT["quick"][0] <= shot.camera.peak_pct <= bed.SPEEDS_PCT["quick"][1]
    video = bed.draw(shot, bed.Size(17, 48, 64))
    at = shot.effects.impacts[0][1]
    assert video.shape == (17, 48, 64, 3) and video[at].mean() > 240 > video[0].mean()


def test_words_of_a_text_are_rows_and_nothing_is_cut_of_what_is_asked():
    words = Words(arms.texts())
    values = bed.deal(1, "train")[0]
    said = arms.condition(arms.BY_NAME["text only"], values, 200, np.random.default_rng(0)).text
    rows, nothing = words([said, ""], max_length=arms.LENGTH)["input_ids"]
    assert len(rows) == len(split(said)) <= arms.LENGTH and (rows != PAD).all() and (nothing == PAD).all()
    assert distraction(0, np.random.default_rng(0)) == ""
    with pytest.raises(KeyError):
        words(["antidisestablishmentarianism"], max_length=arms.LENGTH)
    with pytest.raises(ValueError, match=r"288|arms\.LENGTH"):
        words([said], max_length=10)


def test_the_reader_learns_and_a_text_of_nothing_is_nothing(systems):
    system = systems["tags as text"]
    told = system.text([arms.line(values) for values in bed.deal(2, "train")] + [""])
    assert told.shape == (3, told.shape[1], arms.READER_DIM) and not told[2].any()
    told.sum().backward()
    assert system.text.encoder.shared.weight.grad.abs().sum() > 0
    system.text.zero_grad()


def outcome(arm, seed, share, held=1.0):
    rng = np.random.default_rng([seed, len(arm)])
    right: list[list[bool]] = (rng.random((40, len(bed.FIELDS))) < share).tolist()
    parts: dict[str, list[list[bool]]] = dict.fromkeys(told.PARTS, right)
    floor = dict.fromkeys(parts, [[bed.chance(name) for name in bed.FIELDS]] * 40)
    probed = dict.fromkeys(bed.FIELDS, held) if arm == "tags as text" else {}
    return Outcome(arm, seed, 1, 0.1, 1.0, [dict.fromkeys(bed.FIELDS, 0.0)], parts, floor, probed)


def test_the_paired_interval_finds_a_difference_and_none_where_there_is_none():
    fields = list(bed.FIELDS)
    good = [outcome("both paths", s, 0.9) for s in range(3)] + [outcome("tags as text", s, 0.6) for s in range(3)]
    mean, low, high = told.paired(good, "test 0", fields)
    assert low > 0.2 and mean == pytest.approx(0.45, abs=0.15) and high < 0.8
    same = [outcome("both paths", s, 0.7) for s in range(3)] + [outcome("tags as text", s, 0.7) for s in range(3)]
    _, low, high = told.paired(same, "test 0", fields)
    assert low < 0 < high
    assert told.beyond_chance(1.0, "camera.move") == 1.0 and told.beyond_chance(1 / 6, "camera.move") == 0.0


def test_an_arm_under_chance_lends_the_other_nothing():
    ours, theirs = (outcome(arm, 0, 0.0) for arm in ("both paths", "tags as text"))
    theirs = dataclasses.replace(
        theirs, floor={part: np.zeros((40, len(bed.FIELDS))).tolist() for part in theirs.floor}
    )
    ours = dataclasses.replace(ours, right=ours.floor)
    fields = list(bed.FIELDS)
    assert told.paired([ours, theirs], "test 0", fields)[0] > 0.3
    assert told.paired([ours, theirs], "test 0", fields, own_floor=True)[0] == pytest.approx(0)


def test_nothing_is_compared_where_the_words_do_not_hold_the_tags():
    ceiling = np.ones((16, len(bed.FIELDS)), bool).tolist()
    for held in (1.0, 0.9):
        some = [outcome("both paths", s, 0.9) for s in range(3)]
        some += [outcome("tags as text", s, 0.5, held) for s in range(3)]
        figures = told.figures_of(some, ceiling, list(bed.FIELDS))
        (headline,) = [
            one for one in figures if one.what == "both paths less tags as text, readable fields, test 0 words"
        ]
        (probed,) = [one for one in figures if one.what.startswith("linear probe")]
        assert headline.value > 0.2 and headline.holds is probed.holds is (held == 1.0)


@pytest.mark.filterwarnings("ignore:An ill-conditioned matrix")
def test_a_reader_that_has_lost_its_words_is_refused_before_training(systems):
    arm = arms.BY_NAME["tags as text"]
    found = probe(arm, systems[arm.name])
    assured(arm, found)
    assert found.keys() == bed.FIELDS.keys() and probe(arms.BY_NAME["both paths"], systems["both paths"]) == {}
    deaf = copy.deepcopy(systems[arm.name])
    deaf.text.encoder.shared.weight.data.zero_()
    with pytest.raises(ValueError, match=r"tags as text: a linear probe recovers .*READER_DIM"):
        assured(arm, probe(arm, deaf))
