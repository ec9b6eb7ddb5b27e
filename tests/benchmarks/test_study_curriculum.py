"""The curriculum study is fair before it is anything else: one pool, one noise, one prior; only the order differs."""

import dataclasses
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from anicaption.drawn.script import CameraWork, Effects

from benchmarks.study import bed, curriculum_told
from benchmarks.study import curriculum as study
from benchmarks.study import curriculum_bed as graded
from benchmarks.study.curriculum_collapse import Yardstick

SIZE = bed.Size(9, 40, 60)
PLAN = study.Study(SIZE, 2, 4, 2, 2, 3, 9, 9, 1, 10, 32, 1e-3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def pool(folder):
    return graded.clips(folder, "pool", 9, SIZE)


@pytest.fixture(scope="module")
def held(folder):
    return graded.clips(folder, "held", 9, SIZE)


def measures(n):
    """Grades, motion and deformation as a pool has them, without drawing one."""
    rng = np.random.default_rng(0)
    grades = tuple(graded.GRADES[at % 3] for at in range(n))
    amount = np.array([{"none": 0.0, "mild": 0.1, "strong": 0.5}[grade] for grade in grades])
    deformation = amount * rng.uniform(0.5, 1.5, n)
    motion = rng.uniform(0, 3, n) + 4 * amount
    return graded.Graded(np.zeros((n, 1)), (), grades, {"motion": motion, "deformation": deformation})


def test_the_grades_are_what_they_say():
    for seed in range(40):
        none, mild, strong = (graded.script(grade, 49, seed) for grade in graded.GRADES)
        assert graded.deformation(none) == 0 and none.effects == Effects() and not none.acting.deformations
        assert mild.acting.degree == "mild" and not mild.effects.impacts and graded.deformation(mild) < 0.2
        assert strong.acting.degree in ("strong", "extreme")
        for shot in (mild, strong):
            ((_, start, end),) = shot.acting.deformations
            assert graded.UNTOLD_FRAMES <= start < end < 49
        assert max(none.camera.peak_pct, mild.camera.peak_pct) <= 1.6
    means = [np.mean([graded.deformation(graded.script(g, 49, s)) for s in range(40)]) for g in graded.GRADES]
    assert means[0] == 0 < 3 * means[1] < means[2]


def test_truth_counts_frames_of_deformation_and_of_impact():
    shot = graded.script("none", 20, 3)
    plain = dataclasses.replace(shot.acting, exposure=1)
    bent = dataclasses.replace(plain, deformations=(("squash", 5, 10),), degree="extreme")
    assert graded.deformation(dataclasses.replace(shot, acting=bent)) == pytest.approx(1.7 * 5 / 20)
    struck = dataclasses.replace(shot, acting=plain, effects=Effects(impacts=(("mono", 8, 10),)))
    assert graded.deformation(struck) == pytest.approx(2 / 20)


def test_motion_is_the_cameras_and_the_figures_own_whatever_deforms():
    shot = dataclasses.replace(graded.script("strong", 9, 1), camera=CameraWork())
    still = dataclasses.replace(shot, acting=dataclasses.replace(shot.acting, deformations=()), effects=Effects())
    _, truth = graded.draw(shot, SIZE)
    _, plain = graded.draw(still, SIZE)
    assert truth["motion"] == plain["motion"] > 0 and truth["deformation"] > plain["deformation"] == 0
    panned = dataclasses.replace(shot, camera=CameraWork(moves=("pan_left",), peak_pct=3.0, easing="constant"))
    assert graded.draw(panned, SIZE)[1]["motion"] == pytest.approx(truth["motion"] + 3 * 16 / 9, rel=0.05)


def test_clips_are_drawn_once_and_parts_share_none(folder, pool, held):
    again = graded.clips(folder, "pool", 9, SIZE)
    assert np.array_equal(again.video_NFHWC, pool.video_NFHWC) and len(list(folder.glob("pool-*.npy"))) == 1
    assert again.conditions == pool.conditions and pool.grades == graded.GRADES * 3
    assert not any(np.array_equal(one, two) for one in pool.video_NFHWC for two in held.video_NFHWC)
    told = pool.conditions[2]
    assert told.tags["motion.deformation"] != ("none",)
    assert "motion.deformation" in {span.field for span in told.spans}


def test_orders_differ_in_when_and_in_nothing_else():
    seen, plan = measures(120), dataclasses.replace(PLAN, batch=8)
    orders = {name: study.ordered(name, plan, seen, 200, 5) for name in study.ARMS}
    turns = {name: study.turns_of(name, 200, 5) for name in study.ARMS}
    mean = {name: np.array(study.hardness(order, turns[name], seen)) for name, order in orders.items()}
    early, late = slice(0, 40), slice(160, 200)
    assert mean["curriculum"][early].mean() < 0.8 * mean["uniform"][early].mean()
    assert mean["hardest first"][early].mean() > 1.2 * mean["uniform"][early].mean()
    for name in ("curriculum", "hardest first"):
        assert mean[name][late].mean() == pytest.approx(mean["uniform"][late].mean(), abs=0.07)
    assert sorted(mean["shuffled mixture"]) == sorted(mean["curriculum"])
    assert mean["shuffled mixture"][early].mean() == pytest.approx(mean["curriculum"].mean(), abs=0.07)
    numbers = [[pick.number for pick in order.step(7)] for order in orders.values()]
    assert all(each == numbers[0] for each in numbers)


def test_hardest_first_is_the_curriculum_of_one_less_d():
    seen = measures(60)
    pool = study.ordered("curriculum", PLAN, seen, 10, 0).pools[0][0]
    stage = study.ordered("curriculum", PLAN, seen, 10, 0).stages[0]
    easy, hard = pool.chances(stage, 0.3), study.mirrored(pool).chances(stage, 0.3)
    share = {level: chance / mass for level, chance, mass in zip(pool.levels, hard, pool.masses(), strict=True)}
    assert share[max(share)] > share[min(share)] and easy[0] / pool.masses()[0] > easy[-1] / pool.masses()[-1]
    assert np.array_equal(study.mirrored(study.mirrored(pool)).levels.round(9), pool.levels.round(9))


def test_arms_begin_with_the_prior_and_a_stopped_run_goes_on_where_it_was(tmp_path, monkeypatch, pool, held):
    class Yard:
        """Distances that tell clips apart, without the time that describing them takes."""

        @staticmethod
        def distances(videos):
            return np.array([float(video.mean()) for video in videos])

    def run(name, until=1e9):
        return study.run(name, PLAN, pool, held, Yard, 0, tmp_path / f"{name}-0", until)

    prior = run("prior")
    assert [mark.step for mark in prior.marks] == [0] and len(prior.marks[0].losses) == len(held)
    assert run("uniform", until=0.0) is None
    begun = torch.load(tmp_path / "uniform-0.pt", weights_only=True)
    kept = torch.load(tmp_path / "prior-0.pt", weights_only=True)
    assert begun["step"] == 0 and all(torch.equal(begun["model"][name], kept["model"][name]) for name in kept["model"])
    whole = run("uniform")
    (tmp_path / "uniform-0.pt").unlink()
    ticks = itertools.count()
    monkeypatch.setattr(study, "time", SimpleNamespace(process_time=lambda: next(ticks)))
    assert run("uniform", until=3) is None  # three steps, then time is up
    assert torch.load(tmp_path / "uniform-0.pt", weights_only=True)["step"] == 3
    resumed = run("uniform")
    assert [mark.step for mark in resumed.marks] == [mark.step for mark in whole.marks] == list(PLAN.places()) == [2, 4]
    for one, two in zip(resumed.marks, whole.marks, strict=True):
        assert one.losses == pytest.approx(two.losses, rel=1e-4) and one.far == pytest.approx(two.far, rel=1e-3)
    assert resumed.hardness == whole.hardness


def test_the_yardstick_takes_clips_for_clips_and_noise_for_collapse(pool, held):
    yardstick = Yardstick.of(pool, held)
    far = yardstick.distances(held.video_NFHWC)
    assert (far <= yardstick.limit).sum() >= len(held) - 1 and yardstick.usual == pytest.approx(np.median(far))
    noise = np.random.default_rng(0).integers(0, 255, held.video_NFHWC[:2].shape, dtype=np.uint8)
    frozen_grey = np.full_like(noise[:1], 128)
    assert (yardstick.distances([*noise, *frozen_grey]) > yardstick.limit).all()
    assert yardstick.distances(pool.video_NFHWC[:2]).max() < 1e-6
    still = [np.repeat(video[:1], SIZE.frames, 0) for video in held.video_NFHWC[:3]]
    assert yardstick.distances(still).mean() > 1.1 * far[:3].mean()


def told(arm, seed, plain, deformed, far, held):
    """Losses that begin at 1 and end as said, for clips without and with deformation."""
    lot = np.random.default_rng([seed, 4]).uniform(0.9, 1.1, len(held))
    end = np.where(held.parts["deformation"] == 0, plain, deformed) * lot
    marks = [study.Mark(5, end.tolist(), [far] * 8)]
    if arm == "prior":
        marks = [study.Mark(0, lot.tolist(), [0.5] * 8)]
    return study.Outcome(arm, seed, marks, [] if arm == "prior" else [0.5] * 5)


def test_figures_find_what_was_put_in_and_intervals_cover_nothing_where_nothing_is():
    held = measures(60)
    yardstick = Yardstick((), (), limit=1.0, usual=0.5)
    outcomes = [
        told(arm, seed, *of, held)
        for seed in range(3)
        for arm, *of in (("prior", 1, 1, 0.5), ("curriculum", 0.9, 0.5, 0.5), ("uniform", 0.9, 0.5, 0.5),
                         ("hardest first", 1.2, 0.6, 2.0))
    ]  # fmt: skip
    found = curriculum_told.Found(outcomes, held, yardstick)
    figures = {figure.what: figure for figure in curriculum_told.figures_of(found)}
    same = figures["curriculum: loss at the end, highest quantile, less uniform, %"]
    assert same.value == 0 and not same.holds
    better = figures["curriculum: loss at the end, highest quantile, less hardest first, %"]
    assert better.value == pytest.approx(-100 / 6, abs=0.1) and better.holds
    forgetting = figures["forgetting at the end: loss of plain clips over the prior's, %"]
    assert forgetting.value == pytest.approx(-10) and forgetting.rivals["hardest first"] == pytest.approx(20)
    collapse = figures["collapse at the end: share of samples beyond the held-out 99th percentile"]
    assert collapse.value == 0 and collapse.rivals == {"uniform": 0.0, "hardest first": 1.0, "prior": 0.0}


def test_the_page_and_the_figures_are_written(tmp_path, monkeypatch, held):
    monkeypatch.chdir(tmp_path)
    outcomes = [told(arm, 0, 0.9, 0.5, 0.5, held) for arm in ("prior", *study.ARMS)]
    for outcome in outcomes:
        np.save(tmp_path / f"{outcome.arm.replace(' ', '-')}-0.npy", held.video_NFHWC[:3])
    curriculum_told.publish_study(outcomes, held, Yardstick((), (), limit=1.0, usual=0.5), tmp_path)
    report = json.loads((tmp_path / "build/bench/study_curriculum.json").read_text("utf-8"))
    assert "over clips alone" in report["command"] and len(report["figures"]) > 10
    html = (tmp_path / "index.html").read_text("utf-8")
    assert html.count("data:image/png;base64,") == 3 * (2 + len(study.ARMS)) and "hardest first" in html
